//! The appliance: engine, network and service, and the loop that drives them.
//!
//! Everything large is a static of zeros: it costs no flash, and its place is known when the image is linked.

use core::mem::MaybeUninit;

use holdover_core::base::time::Instant;
use holdover_core::config::Config;
use holdover_core::engine::record::Level;
use holdover_core::engine::{Engine, Past, Record};
use holdover_firmware::kept::Kept;
use holdover_smoltcp::frame::port::Port;
use holdover_smoltcp::{Board as _, Memory, Said, Setup, Shim, Slots};

use crate::board::lan9118::{self, Lan9118};
use crate::board::place::{Empty, Place};
use crate::board::{self, Mps2, Seed, clock, keep, log};
#[cfg(feature = "text")]
use crate::console::Console;
use crate::echo::{self, Echo};

/// What the image is made for; law 8 of the design: capacities are constants.
#[cfg(not(feature = "small"))]
mod size {
    pub(crate) const PEERS: usize = 4;
    pub(crate) const SERVICES: usize = 8;
    /// TCP: a socket for each peer, and spare ones that listen. Two whole segments fit in what is received.
    pub(super) const TCP: usize = 6;
    pub(super) const RECEIVE: usize = 3_072;
    pub(super) const TRANSMIT: usize = 1_024;
    pub(super) const RULES: usize = 16;
    /// Prefixes that can be steered or announced, neighbors that are forwarded to, and frames that wait for one's address.
    pub(super) const ROUTES: usize = 32;
    pub(super) const NEIGHBORS: usize = 8;
    pub(super) const HELD: usize = 1;
}

#[cfg(feature = "small")]
mod size {
    pub(crate) const PEERS: usize = 2;
    pub(crate) const SERVICES: usize = 4;
    pub(super) const TCP: usize = 3;
    pub(super) const RECEIVE: usize = 1_536;
    pub(super) const TRANSMIT: usize = 512;
    pub(super) const RULES: usize = 8;
    pub(super) const ROUTES: usize = 8;
    pub(super) const NEIGHBORS: usize = 4;
    pub(super) const HELD: usize = 0;
}

use size::{HELD, NEIGHBORS, RECEIVE, ROUTES, RULES, TCP, TRANSMIT};
pub(crate) use size::{PEERS, SERVICES};

/// All sockets: TCP, BFD, the shim's own three, and the echo service's.
const SOCKETS: usize = TCP + PEERS + 3 + 1;

/// The engine of this appliance.
pub(crate) type Core = Engine<PEERS, SERVICES>;
/// Its configuration.
pub(crate) type Settings = Config<PEERS, SERVICES>;
type Net = Shim<'static, Mps2, Lan9118, RULES, ROUTES, NEIGHBORS, HELD>;
type Frames = Port<Lan9118, RULES, ROUTES, NEIGHBORS, HELD>;

static ENGINE: Place<Core> = Place::new(Engine::new());
static MEMORY: Place<Memory<TCP, RECEIVE, TRANSMIT, PEERS>> = Place::new(Memory::new());
static FRAMES: Place<Frames> = Place::new(Port::new(Lan9118::new()));
static ECHO: Place<echo::Room> = Place::new(echo::Room::new());
/// This is not zero at rest: it is made in place.
static SLOTS: Place<MaybeUninit<Slots<'static, SOCKETS>>> = Place::new(MaybeUninit::uninit());

/// The unit of `check NAME process unit echo`.
const UNIT: &str = "echo";

/// Everything that the console can ask or change.
pub(crate) struct Appliance<'a> {
    pub(crate) engine: &'static mut Core,
    pub(crate) net: &'a mut Net,
    pub(crate) echo: Echo,
    pub(crate) kept: Kept,
    pub(crate) load: Load,
    /// When the first session of this boot was established.
    pub(crate) first_session: Option<Instant>,
}

/// How much of its time the processor slept.
#[derive(Clone, Copy, Default)]
pub(crate) struct Load {
    slept: u64,
    /// When it was asked the last time, and what had been slept then.
    asked: (u64, u64),
}

impl Load {
    /// In hundredths of a percent: since the start, and since it was asked the last time.
    pub(crate) fn ask(&mut self) -> (u64, u64) {
        let now = clock::ticks();
        let (then, slept) = core::mem::replace(&mut self.asked, (now, self.slept));
        (busy(now, self.slept), busy(now - then, self.slept - slept))
    }
}

/// The part of `ticks` that was not slept, in hundredths of a percent.
fn busy(ticks: u64, slept: u64) -> u64 {
    ticks.saturating_sub(slept).saturating_mul(10_000) / ticks.max(1)
}

/// Starts everything, and drives it for ever.
///
/// One step after the other, and each that needs much of the stack gives it back before the next: what is made here lies below
/// everything that follows.
pub(crate) fn run() -> ! {
    let mut kept = keep::load();
    kept.begin();
    let frames = FRAMES.take();
    let chip = frames.device.start();
    let (mut board, seed) = Mps2::new(&mut kept, &frames.device);
    keep::store(&kept);
    say_start(&kept, chip, seed);

    let slots = make_slots();
    let engine = ENGINE.take();
    engine.start(board.now(), board.entropy());
    let configured = configure(engine);
    drive(Parts { board, frames, slots, engine, kept, configured })
}

/// What the main loop is made of.
struct Parts {
    board: Mps2,
    frames: &'static mut Frames,
    slots: &'static mut Slots<'static, SOCKETS>,
    engine: &'static mut Core,
    kept: Kept,
    /// Whether the engine has a configuration.
    configured: bool,
}

/// Brings up the network, and drives everything for ever.
#[inline(never)] // It has the shim on its stack, which `configure` must not stand upon.
fn drive(parts: Parts) -> ! {
    let Parts { board, frames, slots, engine, kept, configured } = parts;
    let setup = Setup { mac: frames.device.mac(), link: "eth0" };
    // It lies on the stack for good: it is not zero at rest, and to move it would take its room twice.
    let net = &mut Shim::new(board, frames, setup);
    net.open(MEMORY.take(), slots);
    if configured {
        net.take_over(engine, &mut log_said);
        if kept.boots > 1 {
            // The last boot ended by itself, or was ended by a reset: another machine may have taken over.
            net.recall(engine, "", Past::Unknown, &mut log_said);
        }
    }
    let echo = Echo::start(net.sockets(), ECHO.take());
    net.set_unit(UNIT, true);
    let mut appliance = Appliance { engine, net, echo, kept, load: Load::default(), first_session: None };
    appliance.drive()
}

/// Reads the configuration's text, says what is wrong with it, and hands it to the engine, which keeps a copy; whether there is
/// one that can be used.
#[cfg(feature = "text")]
#[inline(never)]
fn configure(engine: &mut Core) -> bool {
    let mut config = Empty::new();
    let config = config.get();
    let usable = crate::console::read_settings(config);
    if usable {
        engine.configure(clock::now(), config);
    }
    usable
}

/// Builds the configuration, and hands it to the engine.
#[cfg(not(feature = "text"))]
#[inline(never)]
fn configure(engine: &mut Core) -> bool {
    let mut config = Empty::new();
    let config = config.get();
    let usable = crate::fixed::build(config).is_ok();
    if usable {
        engine.configure(clock::now(), config);
    } else {
        defmt::error!("the configuration that is built in does not fit together: it is not used");
    }
    usable
}

/// Makes the room for sockets, with the stack that this takes given back.
#[inline(never)]
fn make_slots() -> &'static mut Slots<'static, SOCKETS> {
    SLOTS.take().write(Slots::new())
}

/// The first lines of the log.
fn say_start(kept: &Kept, chip: Result<(), lan9118::Fault>, seed: Seed) {
    defmt::info!("holdover {=str}, boot {=u32}", env!("CARGO_PKG_VERSION"), kept.boots);
    if kept.boot != 0 && kept.boot + 1 == kept.boots {
        defmt::error!("the last boot ended by itself: {}", defmt::Display2Format(kept));
    }
    if let Err(fault) = chip {
        defmt::error!("the Ethernet chip cannot be used: {}", fault);
    }
    if seed == Seed::Absent {
        defmt::warn!("no seed was given: sequence numbers and ports can be guessed by who knows the board");
    }
}

impl Appliance<'_> {
    /// Switches the service at the shared address on or off.
    pub(crate) fn switch_echo(&mut self, on: bool) {
        self.echo.switch(self.net.sockets(), on);
        self.net.set_unit(UNIT, on);
    }

    /// The main loop.
    fn drive(&mut self) -> ! {
        #[cfg(feature = "text")]
        let mut console = Console::new();
        loop {
            let Self { engine, net, first_session, .. } = self;
            let mut due = net.turn(engine, &mut |said| {
                #[cfg(feature = "text")]
                console.hear(&said);
                if first_session.is_none() && matches!(said, Said::Record(Record::Established { .. })) {
                    *first_session = Some(clock::now());
                }
                log_said(said);
            });
            if self.echo.answer(self.net.sockets(), self.engine.summary().hostname) {
                due = Instant::ZERO;
            }
            let lost = log::take_lost();
            if lost > 0 {
                defmt::warn!("{=u32} log lines were lost: they came faster than the line takes them", lost);
            }
            #[cfg(feature = "text")]
            let slept = {
                if console.turn(self) {
                    due = Instant::ZERO;
                }
                board::sleep(due, || console.is_ready())
            };
            #[cfg(not(feature = "text"))]
            let slept = board::sleep(due, || false);
            self.load.slept += slept;
        }
    }
}

/// Logs what the engine says.
pub(crate) fn log_said(said: Said) {
    match said {
        Said::Record(record) => log_record(&record),
        // Memory that a reset does not clear has no room for it: after a reset, `drive` says that it is not known.
        Said::Answer { .. } | Said::Keep { .. } => {}
    }
}

/// Logs a record at its level.
fn log_record(record: &Record) {
    match record.level() {
        Level::Debug => defmt::debug!("{}", record),
        Level::Info => defmt::info!("{}", record),
        Level::Warning => defmt::warn!("{}", record),
        Level::Error => defmt::error!("{}", record),
    }
}
