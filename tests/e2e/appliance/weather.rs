//! Hostile weather: packets lost, a route server that restarts, a black hole, floods of routes, octets and frames at random;
//! and resets. Nothing panics, memory does not grow, sessions recover, and no two boots are alike.
//!
//! `HOLDOVER_WEATHER_SECONDS` says how long packets are lost, `HOLDOVER_WEATHER_ROUTES` how many routes are poured,
//! `HOLDOVER_WEATHER_SEED` what octets and frames are drawn from.

use std::collections::BTreeSet;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use holdover_tests::harness::appliance::{Appliance, Board, Vehicle};
use holdover_tests::harness::capture::Capture;
use holdover_tests::harness::holdover::{OURS, opposite};
use holdover_tests::harness::peers::{Bfd, Family, Peer, Session, bird};
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::storm::{self, Victim};
use holdover_tests::harness::topology::{
    Transport, appliance_pair, cut_appliance, lose, lose_nothing, mend_appliance,
};
use holdover_tests::harness::{Context as _, Lab, Result, ensure};
use rustix::process::Signal;

use super::session::PORT;
use super::{PROFILE, interface};

/// What a run without further words does: what fits beside all other tests. The process shows less of what it costs a board.
const SECONDS: [(Vehicle, u64); 2] = [(Vehicle::Tap, 15), (Vehicle::Qemu, 60)];
const ROUTES: usize = 20_000;
/// How much of a hundred packets is lost, each way.
const LOST: u8 = 20;
/// How long nothing passes at all, in seconds.
const BLACK_HOLE: f64 = 20.0;
/// How many connections are opened for octets at random from each address.
const CONNECTIONS: usize = 30;
/// How many frames at random are sent.
const FRAMES: usize = 20_000;
/// What an interrupt takes of the stack: one may have come when it was deepest, or not.
const INTERRUPT: u64 = 256;
/// How soon all is well again after a storm, in seconds: TCP's and BIRD's own pauses among it.
const RECOVERY: f64 = 30.0;

fn variable<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

pub(super) fn cases() -> Vec<Case> {
    let routes = variable("HOLDOVER_WEATHER_ROUTES").unwrap_or(ROUTES);
    let seed = variable("HOLDOVER_WEATHER_SEED").unwrap_or_else(storm::drawn);
    let mut cases = Vec::new();
    for (vehicle, seconds) in SECONDS {
        let seconds = variable("HOLDOVER_WEATHER_SECONDS").unwrap_or(seconds);
        let within = vehicle.name();
        let limit = seconds + 180 + u64::try_from(routes / 500).unwrap_or(0);
        let name = format!("appliance/weather_{within}");
        cases.push(Case::new(name, limit, move |lab| weather(lab, vehicle, seconds, routes, seed)));
        let name = format!("appliance/two_boots_differ_{within}");
        cases.push(Case::new(name, 60, move |lab| boots_differ(lab, vehicle)));
    }
    for (word, cause) in [("test-panic", "panic"), ("test-fault", "fault"), ("test-hang", "stuck")] {
        let name = format!("appliance/a_{}_resets_and_is_told_in_qemu", word.replace('-', "_"));
        cases.push(Case::new(name, 60, move |lab| resets(lab, word, cause)));
    }
    cases
}

/// The session, in the peer's eyes.
fn session() -> Session {
    Session {
        local: Transport::V6.address("them"),
        remote: Transport::V6.address("us"),
        local_as: 65002,
        remote_as: 65001,
        passive: true,
        password: None,
        gtsm: false,
        hold: None,
        families: Family::ALL.to_vec(),
        max_prefix: None,
        announce: Vec::new(),
        bfd: None,
    }
}

/// A neighbor that never comes; whoever takes its address is listened to.
const ABSENT: &str = "fd00:1::3";
/// Nobody's address.
const STRANGER: &str = "10.0.0.3";

/// The appliance's side.
fn config(session: &Session, extra: &[&str]) -> String {
    let addresses = [(Transport::V4, 24), (Transport::V6, 64)];
    let addresses = addresses.map(|(transport, length)| format!("{}/{length}", transport.address("us")));
    PROFILE.to_owned()
        + &interface(addresses)
        + &opposite(session, extra)
        + &format!(
            "router bgp {}\n neighbor {ABSENT} remote-as 65003\n neighbor {ABSENT} passive\n bgp listen\n",
            session.remote_as
        )
}

/// An appliance and its one peer.
struct Sky<'a> {
    lab: &'a Lab,
    session: Session,
    bird: bird::Bird,
    us: Appliance,
    /// What it said of itself last.
    board: Board,
}

impl<'a> Sky<'a> {
    fn clear(lab: &'a Lab, vehicle: Vehicle) -> Result<Self> {
        appliance_pair(lab)?;
        lab.ip("them", &format!("addr add {STRANGER}/24 dev eth0\naddr add {ABSENT}/64 dev eth0 nodad"))?;
        let session = session();
        let bird = bird::Bird::start(lab, "them", &bird::config(&session))?;
        let us = Appliance::start(lab, vehicle, PORT, &config(&session, &[]))?;
        let board = us.board(lab)?;
        let mut sky = Self { lab, session, bird, us, board };
        sky.recovers("its boot")?;
        Ok(sky)
    }

    /// All is as it should be, soon, and it was so without a reset.
    fn recovers(&mut self, from: &str) -> Result<()> {
        let begun = Instant::now();
        self.lab.eventually(&format!("the session recovers from {from}"), RECOVERY, || {
            self.us.runs()?;
            self.bird.established(self.session.remote)?;
            for prefix in OURS {
                let route = self.bird.route(self.session.remote, prefix)?;
                ensure!(route.large == ["63949:1:1"], "{route:?}");
            }
            Ok(())
        })?;
        self.lives_on()?;
        self.lab.note(&format!("{from}: recovered after {:.1} s", begun.elapsed().as_secs_f64()));
        Ok(())
    }

    /// It has not begun anew, nor panicked.
    fn lives_on(&mut self) -> Result<()> {
        let now = self.us.board(self.lab)?;
        now.went_on_from(&self.board)?;
        self.board = now;
        Ok(())
    }

    fn rains(&mut self, seconds: u64) -> Result<()> {
        lose(self.lab, LOST)?;
        let begun = Instant::now();
        while begun.elapsed().as_secs() < seconds {
            self.lab.steadily("it runs", 1.0, || self.us.runs())?;
            self.lives_on()?;
        }
        let held = self.bird.established(self.session.remote);
        self.lab.note(&format!("after {seconds} s of {LOST} % loss: {held:?}"));
        lose_nothing(self.lab)?;
        self.recovers("the loss")
    }

    fn server_restarts(&mut self) -> Result<()> {
        for signal in [Signal::TERM, Signal::KILL] {
            self.bird.process().signal(signal)?;
            self.bird.process().wait(self.lab, 10.0)?;
            self.bird = bird::Bird::start(self.lab, "them", &bird::config(&self.session))?;
            self.recovers("a restart of the route server")?;
        }
        Ok(())
    }

    fn black_hole(&mut self) -> Result<()> {
        cut_appliance(self.lab)?;
        let begun = Instant::now();
        self.lab.eventually("the peer misses us", BLACK_HOLE, || {
            ensure!(self.bird.established(self.session.remote).is_err(), "still Established");
            Ok(())
        })?;
        let rest = BLACK_HOLE - begun.elapsed().as_secs_f64();
        self.lab.steadily("it runs", rest, || self.us.runs())?;
        mend_appliance(self.lab)?;
        self.recovers("the black hole")
    }

    /// So many routes, twice: after the first time nothing more is taken of the memory. The session is the same after it.
    fn is_flooded(&mut self, routes: usize) -> Result<()> {
        let mut before = None;
        for _ in 0..2 {
            self.bird.process().signal(Signal::TERM)?;
            self.bird.process().wait(self.lab, 10.0)?;
            let config = bird::config(&self.session).with_routes(routes);
            self.bird = bird::Bird::start(self.lab, "them", &config)?;
            let begun = Instant::now();
            self.recovers("a flood that begins")?;
            let incarnation = self.bird.incarnation(self.session.remote)?;
            self.lab.eventually("it has heard all routes", RECOVERY, || {
                self.bird.established(self.session.remote)?;
                let told = self.bird.told(self.session.remote)?;
                ensure!(told >= routes, "{told} of {routes}");
                // Octets that the appliance's TCP has not acknowledged, the second number of each line.
                let sockets = self.lab.run("them", &["ss", "-Htn", "state", "established"])?;
                let mut queued = sockets.lines().filter_map(|line| line.split_whitespace().nth(1));
                ensure!(queued.all(|octets| octets == "0"), "{sockets}");
                Ok(())
            })?;
            self.lab.note(&format!("{routes} routes in {:.1} s", begun.elapsed().as_secs_f64()));
            self.lab.steadily("the session stays", 2.0, || self.bird.established(self.session.remote))?;
            let after = self.bird.incarnation(self.session.remote)?;
            ensure!(incarnation == after, "{incarnation} became {after}");
            self.lives_on()?;
            let memory = self.memory()?;
            self.lab.note(&format!("memory: {memory:?}"));
            let [total, peak] = *before.get_or_insert(memory);
            let grew = memory[0] > total || memory[1] > peak + INTERRUPT;
            ensure!(!grew, "memory grew: {:?}, then {memory:?}", [total, peak]);
        }
        Ok(())
    }

    /// What of its memory could grow: of a board what is static and the deepest stack, of a process what is resident (with what
    /// the second time may round up to).
    fn memory(&self) -> Result<[u64; 2]> {
        if self.us.vehicle() == Vehicle::Tap {
            const STEP: u64 = 256;
            return Ok([self.us.process().resident_kib()?.next_multiple_of(STEP), 0]);
        }
        Ok([self.board.static_octets, self.board.stack_peak_octets])
    }

    /// Octets at random on the open port harm no session.
    fn hears_noise(&mut self, seed: u64) -> Result<()> {
        let before = self.bird.incarnation(self.session.remote)?;
        // From the peer, which has a session; from a stranger; and from one whose octets are read.
        let sources = [(self.session.local, false), (STRANGER.parse()?, false), (ABSENT.parse()?, true)];
        for (from, is_heard) in sources {
            let to = if from.is_ipv4() { Transport::V4 } else { Transport::V6 }.address("us");
            let heard = storm::octets(self.lab, "them", [from, to], CONNECTIONS, seed)?;
            self.lab.note(&format!("connections of {from}: {heard:?}"));
            ensure!(heard.answered > CONNECTIONS / 2, "nobody listens for {from}: {heard:?}");
            ensure!((heard.told > 0) == is_heard, "{from} was told something, or nothing: {heard:?}");
        }
        self.recovers("octets at random")?;
        let after = self.bird.incarnation(self.session.remote)?;
        ensure!(before == after, "{before} became {after}");
        Ok(())
    }

    fn takes_hail(&mut self, seed: u64) -> Result<()> {
        let of = |host: &str| Transport::ALL.map(|transport| transport.address(host));
        let victim = Victim { mac: PORT.octets(), addresses: of("us"), peers: of("them") };
        storm::frames(self.lab, "them", &victim, FRAMES, seed)?;
        self.recovers("frames at random")
    }
}

fn weather(lab: &Lab, vehicle: Vehicle, seconds: u64, routes: usize, seed: u64) -> Result<()> {
    println!("     {}: {seconds} s of loss, {routes} routes, HOLDOVER_WEATHER_SEED={seed}", lab.case());
    let mut sky = Sky::clear(lab, vehicle)?;
    sky.rains(seconds)?;
    sky.server_restarts()?;
    sky.black_hole()?;
    sky.is_flooded(routes)?;
    sky.hears_noise(seed)?;
    sky.takes_hail(seed)?;
    let Board { uptime_ms, boots, static_octets, stack_peak_octets, last_panic } = &sky.board;
    println!(
        "     {}: up for {} s, boots {boots}, last-panic {last_panic}, static {static_octets}, deepest stack \
         {stack_peak_octets}",
        lab.case(),
        uptime_ms / 1_000
    );
    Ok(())
}

/// What boots show of themselves on the wire, and must not show again.
const SHOWN: [&str; 4] = ["ISN", "port", "discriminator", "BFD port"];

/// Sequence numbers and ports of first segments, discriminators and ports of BFD, each with the time of its packet.
fn shown(capture: &Capture) -> Result<[Vec<(f64, String)>; 4]> {
    let us = Transport::V6.address("us");
    let syn = "tcp.dstport == 179 && tcp.flags.syn == 1 && tcp.flags.ack == 0";
    let fields =
        [(syn, "tcp.seq_raw"), (syn, "tcp.srcport"), ("bfd", "bfd.my_discriminator"), ("bfd", "udp.srcport")];
    let mut all = <[Vec<_>; 4]>::default();
    for (list, (filter, field)) in all.iter_mut().zip(fields) {
        let filter = format!("ipv6.src == {us} && {filter}");
        for line in capture.fields(&filter, &["frame.time_epoch", field])? {
            let (time, value) = line.split_once('\t').context("one column")?;
            list.push((time.parse()?, value.to_owned()));
        }
    }
    Ok(all)
}

fn now() -> Result<f64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64())
}

fn boots_differ(lab: &Lab, vehicle: Vehicle) -> Result<()> {
    appliance_pair(lab)?;
    let capture = Capture::of(lab, "us", "tcp or udp")?;
    let session = Session { bfd: Some(Bfd { interval_ms: 50, multiplier: 3, multihop: false }), ..session() };
    let bird = bird::Bird::start(lab, "them", &bird::config(&session))?;
    let config = config(&session, &["bfd profile fast"]);
    let mut us = Appliance::start(lab, vehicle, PORT, &config)?;
    let comes_up = |before: &str| {
        lab.eventually("there is a new session", 30.0, || {
            bird.established(session.remote)?;
            let view = bird.bfd(session.remote)?;
            let now = bird.incarnation(session.remote)?;
            ensure!(now != before && view.state == "up", "{now}, {view:?}");
            Ok(now)
        })
    };
    let mut incarnation = comes_up("up 0 times")?;
    // Power off and on, and on the board a reset as well, which leaves its memory as it was.
    let by_power: &[bool] = if vehicle == Vehicle::Qemu { &[true, false] } else { &[true] };
    for &by_power in by_power {
        // Until when what is sent is the old boot's, and from when on it is the new one's: of TCP, and of BFD.
        let [until, since] = if by_power {
            us.kill(lab)?;
            let at = now()?;
            us = Appliance::start(lab, vehicle, PORT, &config)?;
            [[at; 2]; 2]
        } else {
            // It has a session, and dials no other one.
            let at = now()?;
            us.console().restart(lab, "reboot", "reboot\n", 20.0)?;
            [[at; 2], [at, now()?]]
        };
        incarnation = comes_up(&incarnation)?;
        for (place, (what, list)) in SHOWN.iter().zip(shown(&capture)?).enumerate() {
            let of = |during: &dyn Fn(f64) -> bool| -> BTreeSet<&String> {
                list.iter().filter(|(at, _)| during(*at)).map(|(_, value)| value).collect()
            };
            let (old, new) = (of(&|at| at < until[place / 2]), of(&|at| at >= since[place / 2]));
            lab.note(&format!("{what}: {old:?}, then {new:?}"));
            ensure!(!old.is_empty() && !new.is_empty(), "no {what}: {old:?}, then {new:?}");
            ensure!(old.is_disjoint(&new), "a boot has the {what} of an earlier one: {old:?}, then {new:?}");
        }
    }
    Ok(())
}

/// A panic, a fault of the processor, or a main loop that stands still is remembered across the reset that it causes, and the session comes back.
fn resets(lab: &Lab, word: &str, cause: &str) -> Result<()> {
    let sky = Sky::clear(lab, Vehicle::Qemu)?;
    let incarnation = sky.bird.incarnation(sky.session.remote)?;
    sky.us.console().restart(lab, word, &format!("{word}\n"), 20.0)?;
    let board = sky.us.board(lab)?;
    ensure!(board.boots == sky.board.boots + 1, "{:?}, then {board:?}", sky.board);
    ensure!(board.last_panic.starts_with(cause), "{board:?}");
    lab.note(&format!("it says: {}", board.last_panic));
    lab.eventually("the session comes back", RECOVERY, || {
        sky.bird.established(sky.session.remote)?;
        let now = sky.bird.incarnation(sky.session.remote)?;
        ensure!(now != incarnation, "still {now}");
        Ok(())
    })
}
