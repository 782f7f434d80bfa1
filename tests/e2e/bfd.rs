//! BFD with FRR's bfdd and with BIRD, asserted in their own views, in captures, and against a peer by hand.

use std::fmt::Write as _;
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use holdover_tests::harness::capture::Capture;
use holdover_tests::harness::holdover::{Holdover, opposite};
use holdover_tests::harness::peers::{Bfd, BfdView, Family, Kind, Peer, Session, bird, moment};
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::stalls::{Stalls, explain};
use holdover_tests::harness::topology::{Transport, cut, cut_route, mend, routed_pair, switched_pair};
use holdover_tests::harness::{Context as _, Lab, Result, ensure};

/// Who else speaks BFD.
const KINDS: [Kind; 2] = [Kind::Bird, Kind::Frr];
/// How much later than the Detection Time our end of a session may be noted, on a machine with other tests under way.
const OUR_DELAY: f64 = 0.1;
/// And the peer's.
const THEIR_DELAY: f64 = 0.5;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in KINDS {
        for transport in Transport::ALL {
            for (hops, multihop, intervals) in
                [("single_hop", false, &[10, 100, 1_000][..]), ("multihop", true, &[10, 300])]
            {
                for &interval_ms in intervals {
                    let bfd = Bfd { interval_ms, multiplier: 3, multihop };
                    let (peer, family) = (kind.name(), transport.name());
                    let name = format!("bfd/{peer}_{hops}_{interval_ms}_ms_over_{family}");
                    cases.push(Case::new(name, 60, move |lab| holds_and_notices(lab, kind, transport, bfd)));
                }
            }
        }
        let mut case = |name: &str, run: fn(&Lab, Kind) -> Result<()>| {
            cases.push(Case::new(format!("bfd/{name}_with_{}", kind.name()), 60, move |lab| run(lab, kind)));
        };
        case("different_timers", different_timers);
        case("peer_restarts", peer_restarts);
        case("we_restart", we_restart);
        case("stop_says_cease_before_admin_down", stop);
        case("removed_by_reload", removed_by_reload);
        case("strict", strict);
    }
    for count in [4_000, 16_000] {
        let name = format!("bfd/a_reload_that_binds_and_unbinds_{count}_addresses_drops_nothing");
        cases.push(Case::new(name, 240, move |lab| many_addresses(lab, count)));
    }
    cases.push(Case::new("bfd/jitter", 60, jitter));
    cases.push(Case::new("bfd/slow_start", 60, slow_start));
    cases.push(Case::new("bfd/ttl_254_is_refused", 60, ttl));
    cases
}

/// BFD at 50 ms x 3 does not go down while a reload binds so many addresses and another one unbinds them, and the log has a line
/// about each.
fn many_addresses(lab: &Lab, count: usize) -> Result<()> {
    let bfd = Bfd { interval_ms: 50, multiplier: 3, multihop: false };
    let session = session(Transport::V4, bfd);
    // With the check every network is an address that is bound.
    let few = ours(&session, bfd).replace(" no bgp network import-check\n", "");
    let mut many = format!("{few}router bgp 65001\n address-family ipv4 unicast\n");
    for number in 0..count {
        let _ =
            writeln!(many, "  network 10.{}.{}.{}/32", 100 + (number >> 16), number >> 8 & 255, number & 255);
    }
    let link = Link::start(lab, Kind::Bird, session, few.clone())?;
    link.is_up(bfd.interval_ms, bfd.interval_ms * u32::from(bfd.multiplier))?;
    let before = (link.ends()?, link.peer.incarnation(link.remote())?);
    let told = |event: &str| -> Result<usize> {
        let log = link.us.log()?;
        ensure!(!log.contains("lines_lost") && !log.contains("records_lost"), "the log lost lines");
        Ok(log.matches(&format!("\"event\":\"{event}\"")).count())
    };
    let (bound, unbound) = (told("bound")?, told("unbound")?);
    for (config, event, already) in [(&many, "bound", bound), (&few, "unbound", unbound)] {
        let begun = std::time::Instant::now();
        link.us.reload(lab, config)?;
        lab.eventually(&format!("all are {event}"), 90.0, || {
            link.us.runs()?;
            let told = told(event)? - already;
            ensure!(told == count, "{told} of {count}");
            Ok(())
        })?;
        println!("    {count} {event} within {:?}", begun.elapsed());
        link.stays_up(1.0)?;
    }
    let after = (link.ends()?, link.peer.incarnation(link.remote())?);
    ensure!(before == after, "{before:?}, then {after:?}");
    link.us.stop(lab, 20.0)
}

/// The timers of most cases.
const PLAIN: Bfd = Bfd { interval_ms: 100, multiplier: 3, multihop: false };

/// A plain session with BFD, in the peer's eyes.
fn session(transport: Transport, bfd: Bfd) -> Session {
    let address = |host| if bfd.multihop { transport.routed_address(host) } else { transport.address(host) };
    Session {
        local: address("them"),
        remote: address("us"),
        local_as: 65002,
        remote_as: 65001,
        passive: true,
        password: None,
        gtsm: false,
        hold: None,
        families: vec![if transport == Transport::V4 { Family::V4 } else { Family::V6 }],
        max_prefix: None,
        bfd: Some(bfd),
        announce: Vec::new(),
    }
}

/// Our side with these timers.
fn ours(session: &Session, bfd: Bfd) -> String {
    let Bfd { interval_ms, multiplier, .. } = bfd;
    format!(
        "bfd\n profile timers\n  detect-multiplier {multiplier}\n  receive-interval {interval_ms}\n  \
         transmit-interval {interval_ms}\n exit\nexit\n"
    ) + &opposite(session, &["bfd profile timers"])
}

/// Seconds since 1970.
fn clock() -> Result<f64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64())
}

/// Both ends of a session.
struct Link<'a> {
    lab: &'a Lab,
    kind: Kind,
    session: Session,
    config: String,
    us: Holdover,
    peer: Box<dyn Peer>,
    capture: Capture,
}

impl<'a> Link<'a> {
    /// Starts both.
    fn start(lab: &'a Lab, kind: Kind, session: Session, config: String) -> Result<Self> {
        if session.bfd.is_some_and(|bfd| bfd.multihop) {
            routed_pair(lab)?;
        } else {
            switched_pair(lab)?;
        }
        let capture = Capture::of(lab, "us", "udp or tcp")?;
        let peer = start_peer(lab, kind, &session)?;
        let us = Holdover::start(lab, "us", &config)?;
        Ok(Self { lab, kind, session, config, us, peer, capture })
    }

    /// The same timers on both sides, and both up.
    fn up(lab: &'a Lab, kind: Kind, transport: Transport, bfd: Bfd) -> Result<Self> {
        let session = session(transport, bfd);
        let config = ours(&session, bfd);
        let link = Self::start(lab, kind, session, config)?;
        link.is_up(bfd.interval_ms, bfd.interval_ms * u32::from(bfd.multiplier))?;
        Ok(link)
    }

    fn remote(&self) -> IpAddr {
        self.session.remote
    }

    /// The peer says that both sessions are up, with these timers.
    fn is_up(&self, transmit_ms: u32, detection_ms: u32) -> Result<()> {
        let expected = BfdView { state: "up".to_owned(), transmit_ms, detection_ms };
        self.lab.eventually("the peer says that both sessions are up", 30.0, || {
            self.us.runs()?;
            self.peer.established(self.remote())?;
            let view = self.peer.bfd(self.remote())?;
            ensure!(view == expected, "{view:?}");
            Ok(())
        })
    }

    /// Nothing goes down for so long, in the peer's view and in our log.
    fn stays_up(&self, seconds: f64) -> Result<()> {
        let state = || -> Result<_> { Ok((self.peer.incarnation(self.remote())?, self.ends()?)) };
        let before = state()?;
        self.lab.steadily("both sessions are up", seconds, || {
            self.us.runs()?;
            self.peer.established(self.remote())?;
            let view = self.peer.bfd(self.remote())?;
            ensure!(view.state == "up", "{view:?}");
            Ok(())
        })?;
        let after = state()?;
        ensure!(before == after, "{before:?}, then {after:?}");
        Ok(())
    }

    /// After a start of one side both sessions come up and stay so. FRR makes its BFD session anew when it knows the BGP
    /// session's addresses, which ends both once.
    fn settles(&self) -> Result<()> {
        let before = self.ends()?;
        self.lab.eventually("both sessions come up and stay so", 20.0, || self.stays_up(1.0))?;
        let ends = self.ends()? - before;
        ensure!(
            ends <= usize::from(self.kind == Kind::Frr),
            "BFD went down {ends} times: {}",
            self.us.log()?
        );
        Ok(())
    }

    /// How often BFD went down, by our log.
    fn ends(&self) -> Result<usize> {
        Ok(self.us.log()?.matches(&format!("\"{BFD_DOWN}\"")).count())
    }

    /// When we last logged this event, in seconds since 1970.
    fn logged(&self, event: &str) -> Result<f64> {
        let log = self.us.log()?;
        let find = |line: &str| -> Option<String> {
            let value: serde_json::Value = serde_json::from_str(line).ok()?;
            (value["event"] == event).then(|| value["time"].as_str().map(str::to_owned))?
        };
        moment(&log.lines().rev().find_map(find).with_context(|| format!("no {event}: {log}"))?)
    }

    /// The wire is cut; both ends must say so in time.
    fn notices_a_cut(&self) -> Result<()> {
        let bfd = self.session.bfd.context("no BFD")?;
        let detection = f64::from(bfd.interval_ms * u32::from(bfd.multiplier)) / 1_000.0;
        if bfd.multihop {
            cut_route(self.lab)?;
        } else {
            cut(self.lab, "them")?;
        }
        let at = clock()?;
        let limit = detection + 5.0;
        let ours = self.lab.eventually("we end the session", limit, || self.logged("session_down"))?;
        let theirs = self
            .lab
            .eventually("the peer ends the session", limit, || self.peer.ended_by_bfd(self.remote()))?;
        let (ours, theirs) = (ours - at, theirs - at);
        self.lab.note(&format!("ended {ours:.3} s after the cut by us, {theirs:.3} s after it by the peer"));
        ensure!(ours <= detection + OUR_DELAY, "we ended it after {ours:.3} s, not {detection} s");
        ensure!(
            theirs <= detection + THEIR_DELAY,
            "the peer ended it after {theirs:.3} s, not {detection} s"
        );
        ensure!(self.logged(BFD_DOWN)? - at <= detection + OUR_DELAY, "{}", self.us.log()?);
        Ok(())
    }

    /// What we sent of BFD: RFC 5881 sections 4 and 5, RFC 5883 section 5, and tshark has nothing against it.
    fn is_clean(&self) -> Result<()> {
        let (v6, us) = (self.remote().is_ipv6(), self.remote());
        let (source, ttl, class) = if v6 {
            ("ipv6.src", "ipv6.hlim", "ipv6.tclass.dscp")
        } else {
            ("ip.src", "ip.ttl", "ip.dsfield.dscp")
        };
        let port = if self.session.bfd.is_some_and(|bfd| bfd.multihop) { "4784" } else { "3784" };
        let sent = self
            .capture
            .fields(&format!("bfd && {source} == {us}"), &[ttl, class, "udp.dstport", "udp.srcport"])?;
        let first = sent.first().context("we sent nothing")?;
        ensure!(sent.iter().all(|line| line == first), "not all are alike: {sent:?}");
        let words: Vec<&str> = first.split('\t').collect();
        ensure!(words[..3] == ["255", "48", port], "{first}");
        ensure!(words[3].parse::<u16>()? >= 49_152, "{first}");
        let bad = self.capture.fields(&format!("{source} == {us} && _ws.malformed"), &["frame.number"])?;
        ensure!(bad.is_empty(), "tshark complains about {bad:?}");
        Ok(())
    }

    /// These fields of our BFD packets that pass `filter`.
    fn sent(&self, filter: &str, fields: &[&str]) -> Result<Vec<Vec<String>>> {
        let source = if self.remote().is_ipv6() { "ipv6.src" } else { "ip.src" };
        let filter = format!("bfd && {source} == {} && ({filter})", self.remote());
        let lines = self.capture.fields(&filter, fields)?;
        Ok(lines.iter().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
    }
}

/// Our own record of the end of a BFD session.
const BFD_DOWN: &str = "bfd_down";

/// Starts a peer, on a machine of its own as it were.
fn start_peer(lab: &Lab, kind: Kind, session: &Session) -> Result<Box<dyn Peer>> {
    let peer = kind.start(lab, "them", session)?;
    lab.in_real_time("them")?;
    Ok(peer)
}

fn holds_and_notices(lab: &Lab, kind: Kind, transport: Transport, bfd: Bfd) -> Result<()> {
    let link = Link::up(lab, kind, transport, bfd)?;
    let interval = f64::from(bfd.interval_ms) / 1e3;
    let detection = interval * f64::from(bfd.multiplier);
    loop {
        let stalls = Stalls::watch()?;
        let stayed = link.stays_up(2.0);
        let stalls = stalls.end()?;
        let Err(error) = stayed else { break };
        let down = link.logged(BFD_DOWN).context(error.to_string())?;
        explain(&[down], &stalls, interval, detection).context(error)?;
        lab.note(&format!("the machine stood still, and BFD went down: once more ({stalls:?})"));
        link.is_up(bfd.interval_ms, bfd.interval_ms * u32::from(bfd.multiplier))?;
    }
    link.notices_a_cut()?;
    link.is_clean()
}

/// The slower side decides about an interval, the sender's multiplier about the Detection Time (RFC 5880 section 6.8.4).
fn different_timers(lab: &Lab, kind: Kind) -> Result<()> {
    let session = session(Transport::V6, Bfd { interval_ms: 80, multiplier: 5, multihop: false });
    let config = ours(&session, Bfd { interval_ms: 50, multiplier: 4, multihop: false });
    let link = Link::start(lab, kind, session, config)?;
    link.is_up(80, 320)?;
    // A poll sequence changes them while it is up (section 6.5).
    let slower = ours(&link.session, Bfd { interval_ms: 120, multiplier: 3, multihop: false });
    link.us.reload(lab, &slower)?;
    link.is_up(120, 360)?;
    link.us.reload(lab, &link.config)?;
    link.is_up(80, 320)?;
    link.stays_up(1.0)?;
    link.is_clean()
}

fn peer_restarts(lab: &Lab, kind: Kind) -> Result<()> {
    let mut link = Link::up(lab, kind, Transport::V6, PLAIN)?;
    lab.kill_all("them")?;
    lab.eventually("we know", 5.0, || link.logged("session_down"))?;
    link.peer = start_peer(lab, link.kind, &link.session)?;
    link.is_up(100, 300)?;
    // And after a silence with carriers up.
    cut(lab, "them")?;
    lab.eventually("we know again", 5.0, || link.logged(BFD_DOWN))?;
    mend(lab, "them")?;
    link.is_up(100, 300)
}

fn we_restart(lab: &Lab, kind: Kind) -> Result<()> {
    let mut link = Link::up(lab, kind, Transport::V6, PLAIN)?;
    link.us.process().signal(rustix::process::Signal::KILL)?;
    link.us.process().wait(lab, 5.0)?;
    link.us = Holdover::start(lab, "us", &link.config)?;
    link.settles()?;
    let mut discriminators: Vec<String> =
        link.sent("bfd.sta == 3", &["bfd.my_discriminator"])?.into_iter().flatten().collect();
    discriminators.dedup();
    ensure!(discriminators.len() == 2, "one for each start: {discriminators:?}");
    ensure!(discriminators[0] != discriminators[1], "{discriminators:?}");
    Ok(())
}

fn stop(lab: &Lab, kind: Kind) -> Result<()> {
    let link = Link::up(lab, kind, Transport::V4, PLAIN)?;
    link.us.stop(lab, 10.0)?;
    let us = link.remote();
    let number = |filter: String| -> Result<u32> {
        lab.eventually("it is in the capture", 5.0, || {
            let lines = link.capture.fields(&filter, &["frame.number"])?;
            Ok(lines.first().with_context(|| format!("nothing passes {filter}"))?.parse()?)
        })
    };
    let admin_down = number(format!("ip.src == {us} && bfd.sta == 0"))?;
    let cease = number(format!("ip.src == {us} && bgp.type == 3"))?;
    let closed = number(format!("ip.src == {us} && tcp.flags.fin == 1"))?;
    ensure!(cease < admin_down, "AdminDown is frame {admin_down}, the Cease {cease}");
    ensure!(closed < admin_down, "AdminDown is frame {admin_down}, the end of the connection {closed}");
    // Not a failure: an operator's wish.
    ensure!(link.peer.ended_by_bfd(us).is_err(), "the peer took it for a failure");
    link.is_clean()
}

fn removed_by_reload(lab: &Lab, kind: Kind) -> Result<()> {
    let link = Link::up(lab, kind, Transport::V6, PLAIN)?;
    let config = link.config.replace(&format!(" neighbor {} bfd profile timers\n", link.session.local), "");
    ensure!(config != link.config, "{config}");
    link.us.reload(lab, &config)?;
    lab.eventually("the peer misses us", 10.0, || {
        let view = link.peer.bfd(link.remote());
        ensure!(view.as_ref().map_or(true, |view| view.state != "up"), "{view:?}");
        Ok(())
    })?;
    let sent = link.sent("bfd.sta == 0", &["frame.number"])?;
    ensure!(sent.is_empty(), "AdminDown would have closed the BGP session at once: {sent:?}");
    Ok(())
}

/// No BGP session before the BFD session is up.
fn strict(lab: &Lab, kind: Kind) -> Result<()> {
    let without = Session { bfd: None, ..session(Transport::V6, PLAIN) };
    let config = ours(&without, PLAIN)
        + &format!("router bgp {}\n neighbor {} bfd strict\n", without.remote_as, without.local);
    let mut link = Link::start(lab, kind, without, config)?;
    lab.eventually("we are heard", 10.0, || {
        ensure!(!link.sent("bfd.sta == 1", &["frame.number"])?.is_empty(), "no packet yet");
        Ok(())
    })?;
    lab.steadily("there is no session", 4.0, || {
        link.us.runs()?;
        ensure!(link.peer.established(link.remote()).is_err(), "Established");
        Ok(())
    })?;
    lab.kill_all("them")?;
    link.session.bfd = Some(PLAIN);
    link.peer = start_peer(lab, kind, &link.session)?;
    link.settles()
}

/// RFC 5880 section 6.8.7: between 75 and 100 % of the interval, and not always the same.
fn jitter(lab: &Lab) -> Result<()> {
    let link = Link::up(lab, Kind::Bird, Transport::V6, PLAIN)?;
    link.stays_up(6.0)?;
    let sent = link.sent("bfd.sta == 3 && bfd.flags.p == 0 && bfd.flags.f == 0", &["frame.time_epoch"])?;
    let at: Vec<f64> = sent.into_iter().flatten().map(|text| text.parse()).collect::<Result<_, _>>()?;
    // The first ones belong to the time before both knew each other's intervals.
    let gaps: Vec<f64> = at.windows(2).skip(3).map(|pair| (pair[1] - pair[0]) * 1_000.0).collect();
    ensure!(gaps.len() >= 50, "only {} gaps", gaps.len());
    let (least, most) =
        gaps.iter().fold((f64::MAX, 0.0_f64), |(low, high), gap| (low.min(*gap), high.max(*gap)));
    lab.note(&format!("gaps of {least:.2} to {most:.2} ms"));
    // A late packet makes one gap longer and the next one shorter.
    ensure!((74.0..=81.0).contains(&least), "the shortest gap is {least:.2} ms");
    ensure!((94.0..=104.0).contains(&most), "the longest gap is {most:.2} ms");
    Ok(())
}

/// RFC 5880 section 6.8.3: not more often than once a second (less its jitter) before it is up.
fn slow_start(lab: &Lab) -> Result<()> {
    let without = Session { bfd: None, ..session(Transport::V4, PLAIN) };
    let config = ours(&without, PLAIN);
    let link = Link::start(lab, Kind::Bird, without, config)?;
    let fields = ["frame.time_epoch", "bfd.sta", "bfd.desired_min_tx_interval"];
    let sent = lab.eventually("we sent five packets", 20.0, || {
        let sent = link.sent("bfd", &fields)?;
        ensure!(sent.len() >= 5, "{sent:?}");
        Ok(sent)
    })?;
    let mut last = None;
    for packet in &sent {
        let (at, state, transmit) = (packet[0].parse::<f64>()?, &packet[1], &packet[2]);
        ensure!(state == "0x01" || state == "1", "not Down: {packet:?}");
        ensure!(transmit.contains("1000") && transmit.parse::<u32>()? >= 1_000_000, "{packet:?}");
        let gap = last.map_or(1.0, |last| at - last);
        ensure!((0.745..=1.05).contains(&gap), "{gap:.3} s between packets");
        last = Some(at);
    }
    Ok(())
}

/// A control packet by hand (RFC 5880 section 4.1): Down, one second, nothing known of us.
fn down_packet() -> Vec<u8> {
    let mut bytes = vec![1 << 5, 1 << 6, 3, 24];
    for number in [0x0102_0304_u32, 0, 1_000_000, 1_000_000, 0] {
        bytes.extend(number.to_be_bytes());
    }
    bytes
}

/// RFC 5881 section 5: what came with less than TTL 255 came from farther away.
fn ttl(lab: &Lab) -> Result<()> {
    let session = Session { bfd: None, ..session(Transport::V4, PLAIN) };
    switched_pair(lab)?;
    let (us, them) = (session.remote, session.local);
    // The BGP session is a real one: BFD is about an established neighbor.
    let bird = bird::Bird::start(lab, "them", &bird::config(&session))?;
    let node = Holdover::start(lab, "us", &ours(&session, PLAIN))?;
    lab.eventually("Established", 20.0, || bird.established(us))?;
    let (hears, speaks) =
        lab.within("them", || Ok((UdpSocket::bind((them, 3784))?, UdpSocket::bind((them, 49_999))?)))?;
    hears.set_read_timeout(Some(Duration::from_secs(5)))?;
    let state = || -> Result<u8> {
        let mut bytes = [0; 64];
        let length = hears.recv(&mut bytes).context("we heard nothing")?;
        ensure!(length == 24 && bytes[0] >> 5 == 1, "{:02x?}", &bytes[..length]);
        Ok(bytes[1] >> 6)
    };
    for (ttl, expected) in [(254, 1), (255, 2)] {
        speaks.set_ttl(ttl)?;
        for _ in 0..3 {
            speaks.send_to(&down_packet(), (us, 3784))?;
            // One that was under way may be older than what we sent.
            state()?;
        }
        let found = state()?;
        ensure!(found == expected, "after packets with TTL {ttl} the state is {found}");
    }
    node.stop(lab, 10.0)
}
