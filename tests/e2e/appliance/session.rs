//! Sessions and BFD with BIRD and FRR: both directions, both families, MD5 and GTSM, as the peer sees them.

use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use holdover_tests::harness::appliance::{Appliance, Port, Vehicle};
use holdover_tests::harness::capture::Capture;
use holdover_tests::harness::holdover::{OURS, opposite};
use holdover_tests::harness::peers::{Bfd, BfdView, Family, Kind, Peer, Session};
use holdover_tests::harness::ping;
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::{Transport, appliance_pair, cut_appliance, mend_appliance};
use holdover_tests::harness::{Context as _, Lab, Result, ensure};

use super::{PROFILE, interface};

/// An option of a session, and what must come of it.
struct Variant {
    name: &'static str,
    /// Who dials; whoever it is not, listens.
    passive: &'static [bool],
    transports: &'static [Transport],
    /// Changes to the peer's side.
    peer: fn(&mut Session),
    /// Changes to what the appliance expects of it.
    ours: fn(&mut Session),
    check: fn(&Link<'_>) -> Result<()>,
}

const BOTH: &[bool] = &[true, false];
const KEY: &str = "kept-secret";

#[rustfmt::skip] // a table reads by rows
const VARIANTS: &[Variant] = &[
    Variant { name: "routes_of_both_families", passive: BOTH, transports: &Transport::ALL, peer: |_| (), ours: |_| (), check: |l| l.exchanges() },
    Variant { name: "md5_and_gtsm", passive: BOTH, transports: &Transport::ALL, peer: guarded, ours: guarded, check: |l| l.exchanges() },
    Variant { name: "nothing_with_another_key", passive: &[true], transports: &[Transport::V6], peer: |s| s.password = Some("another"), ours: |s| s.password = Some(KEY), check: |l| l.is_told_nothing() },
    Variant { name: "nothing_without_our_key", passive: &[false], transports: &[Transport::V4], peer: |_| (), ours: |s| s.password = Some(KEY), check: |l| l.is_told_nothing() },
    Variant { name: "nothing_with_a_peer_that_gtsm_takes_for_far", passive: &[true], transports: &[Transport::V4], peer: |_| (), ours: |s| s.gtsm = true, check: |l| l.never_comes_up() },
];

fn guarded(session: &mut Session) {
    session.password = Some(KEY);
    session.gtsm = true;
}

/// Who the peers are.
const KINDS: [Kind; 2] = [Kind::Bird, Kind::Frr];
/// The timers of BFD.
const BFD: Bfd = Bfd { interval_ms: 50, multiplier: 3, multihop: false };
/// How much later than the Detection Time the peer may note the end, on a machine with other tests under way.
const DELAY: f64 = 0.5;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for vehicle in Vehicle::ALL {
        let within = vehicle.name();
        for kind in KINDS {
            let peer = kind.name();
            for variant in VARIANTS {
                for &transport in variant.transports {
                    for &passive in variant.passive {
                        let manner = if passive { "listening" } else { "dialling" };
                        let name = format!(
                            "appliance/{}_with_{peer}_{manner}_over_{}_{within}",
                            variant.name,
                            transport.name()
                        );
                        cases.push(Case::new(name, 60, move |lab| {
                            exchange(lab, vehicle, kind, transport, passive, variant)
                        }));
                    }
                }
            }
            for transport in Transport::ALL {
                let name = format!("appliance/bfd_of_50_ms_with_{peer}_over_{}_{within}", transport.name());
                cases.push(Case::new(name, 60, move |lab| bfd(lab, vehicle, kind, transport)));
            }
        }
    }
    cases
}

/// A plain session, in the peer's eyes.
fn plain(transport: Transport, passive: bool) -> Session {
    Session {
        local: transport.address("them"),
        remote: transport.address("us"),
        local_as: 65002,
        remote_as: 65001,
        passive,
        password: None,
        gtsm: false,
        hold: None,
        families: Family::ALL.to_vec(),
        max_prefix: None,
        announce: vec!["198.19.2.0/24", "2001:db8:19:2::/64"],
        bfd: None,
    }
}

/// The appliance's side.
fn ours(session: &Session, extra: &[&str]) -> String {
    let addresses = [(Transport::V4, 24), (Transport::V6, 64)];
    let addresses = addresses.map(|(transport, length)| format!("{}/{length}", transport.address("us")));
    interface(addresses) + &opposite(session, extra)
}

/// Both ends of a session.
struct Link<'a> {
    lab: &'a Lab,
    session: Session,
    us: Appliance,
    peer: Box<dyn Peer>,
    capture: Capture,
}

/// The appliance of a pair.
pub(super) const PORT: Port<'_> = Port { switch: "us", tap: "tap0", number: 9 };
/// Its link-local address: its MAC address as EUI-64 (RFC 4291 appendix A).
const LINK_LOCAL: &str = "fe80::5054:ff:fe00:9";

impl<'a> Link<'a> {
    fn start(lab: &'a Lab, vehicle: Vehicle, kind: Kind, session: Session, config: &str) -> Result<Self> {
        appliance_pair(lab)?;
        let capture = Capture::of(lab, "us", "tcp or udp")?;
        let start_us = || Appliance::start(lab, vehicle, PORT, config);
        // Whoever listens is there first: some wait for long after a refused connection.
        let (us, peer) = if session.passive {
            let peer = kind.start(lab, "them", &session)?;
            (start_us()?, peer)
        } else {
            let us = start_us()?;
            (us, kind.start(lab, "them", &session)?)
        };
        if session.bfd.is_some() {
            // Another machine in life: it must not miss 150 ms because this one is busy.
            lab.in_real_time("them")?;
        }
        Ok(Self { lab, session, us, peer, capture })
    }

    fn remote(&self) -> IpAddr {
        self.session.remote
    }

    fn established(&self) -> Result<()> {
        self.lab.eventually("the peer says Established", 30.0, || {
            self.us.runs()?;
            self.peer.established(self.remote())
        })
    }

    /// The session comes up, the peer has exactly what we announce, and both consoles tell the same.
    fn exchanges(&self) -> Result<()> {
        self.established()?;
        for prefix in OURS {
            let route = self
                .lab
                .eventually("the peer has our route", 10.0, || self.peer.route(self.remote(), prefix))?;
            ensure!(route.as_path == [self.session.remote_as], "{route:?}");
            ensure!(route.large == ["63949:1:1"] && route.communities == ["65000:1"], "{route:?}");
            // IPv4 routes over IPv6 have an IPv6 next hop (RFC 8950).
            let same = Family::of(prefix) == Family::V4 && self.remote().is_ipv4();
            let expected = (if same { Transport::V4 } else { Transport::V6 }).address("us");
            let link_local: IpAddr = LINK_LOCAL.parse()?;
            // The global one first, as RFC 2545 section 3 has it.
            let exact = route.next_hops == [expected] || route.next_hops == [expected, link_local];
            ensure!(exact, "expected {expected}: {route:?}");
        }
        for family in Family::ALL {
            let all = self.peer.routes(self.remote(), family)?;
            ensure!(all.len() == 1, "more than our route: {all:?}");
        }
        self.answers_the_console()?;
        for transport in Transport::ALL {
            let address = transport.address("us");
            self.lab.eventually(&format!("{address} answers"), 5.0, || {
                ping::answers(self.lab, "them", address)
            })?;
        }
        self.lab.steadily("Established", 0.3, || self.peer.established(self.remote()))?;
        self.sends_with_hop_limit(if self.session.gtsm { 255 } else { 1 })
    }

    fn answers_the_console(&self) -> Result<()> {
        for (line, expected) in [
            ("show summary", "us: AS 65001"),
            ("show summary", "1 of 1 neighbor established"),
            ("show neighbors", "Established"),
            ("show services", "Posture"),
            ("show running-config", "router bgp 65001"),
        ] {
            let answer = self.us.ask(self.lab, line)?;
            ensure!(answer.contains(expected), "`{line}` says {answer}");
            ensure!(!answer.contains(KEY), "`{line}` tells the key: {answer}");
        }
        let board = self.us.board(self.lab)?;
        board.went_on_from(&board)
    }

    /// All that we sent in the session had this hop limit; with GTSM also what began it, or the peer would not take it.
    fn sends_with_hop_limit(&self, limit: u8) -> Result<()> {
        let us = self.remote();
        let (source, field) = if us.is_ipv6() { ("ipv6.src", "ipv6.hlim") } else { ("ip.src", "ip.ttl") };
        let which = if self.session.gtsm { "" } else { " && tcp.flags.syn == 0 && tcp.flags.reset == 0" };
        let limits = self.capture.fields(&format!("{source} == {us} && tcp.port == 179{which}"), &[field])?;
        let expected = limit.to_string();
        ensure!(!limits.is_empty() && limits.iter().all(|found| *found == expected), "{limits:?}");
        Ok(())
    }

    fn never_comes_up(&self) -> Result<()> {
        let heard = || self.capture.fields("tcp.port == 179", &["frame.number"]);
        self.lab.eventually("somebody tries", 15.0, || {
            ensure!(!heard()?.is_empty(), "no segment yet");
            Ok(())
        })?;
        self.lab.steadily("not Established", 4.0, || {
            self.us.runs()?;
            ensure!(self.peer.established(self.remote()).is_err(), "the peer says Established");
            Ok(())
        })?;
        let summary = self.us.ask(self.lab, "show summary")?;
        ensure!(summary.contains("0 of 1 neighbor established"), "{summary}");
        Ok(())
    }

    /// Nor is a single octet of BGP said to somebody without the key.
    fn is_told_nothing(&self) -> Result<()> {
        self.never_comes_up()?;
        let us = self.remote();
        let source = if us.is_ipv6() { "ipv6.src" } else { "ip.src" };
        let said = self.capture.fields(&format!("{source} == {us} && bgp"), &["frame.number"])?;
        ensure!(said.is_empty(), "we said something: {said:?}");
        if !self.session.passive {
            // Who dials without our key is not even answered (RFC 2385 section 2).
            let filter = format!("{source} == {us} && tcp.port == 179");
            let sent = self.capture.fields(&filter, &["frame.number", "tcp.flags.str"])?;
            ensure!(sent.is_empty(), "we answered: {sent:?}");
        }
        Ok(())
    }

    /// The peer says that both sessions are up, with these timers, and that they stay so.
    fn bfd_stays_up(&self) -> Result<()> {
        let expected = BfdView {
            state: "up".to_owned(),
            transmit_ms: BFD.interval_ms,
            detection_ms: BFD.interval_ms * u32::from(BFD.multiplier),
        };
        let look = || -> Result<()> {
            self.us.runs()?;
            self.peer.established(self.remote())?;
            let view = self.peer.bfd(self.remote())?;
            ensure!(view == expected, "{view:?}");
            Ok(())
        };
        // FRR makes its BFD session anew when it knows the BGP session's addresses, which ends both once.
        self.lab.eventually("BFD is up and stays so", 30.0, || self.lab.steadily("up", 2.0, &look))
    }

    /// What we sent of BFD has TTL 255 and a source port of its own (RFC 5881 sections 4 and 5).
    fn bfd_is_clean(&self) -> Result<()> {
        let us = self.remote();
        let (source, ttl) = if us.is_ipv6() { ("ipv6.src", "ipv6.hlim") } else { ("ip.src", "ip.ttl") };
        let filter = format!("bfd && {source} == {us}");
        let sent = self.capture.fields(&filter, &[ttl, "udp.dstport", "udp.srcport"])?;
        for line in &sent {
            let words: Vec<&str> = line.split('\t').collect();
            ensure!(words[..2] == ["255", "3784"] && words[2].parse::<u16>()? >= 49_152, "{line}");
        }
        ensure!(!sent.is_empty(), "we sent nothing");
        let bad = self.capture.fields(&format!("{source} == {us} && _ws.malformed"), &["frame.number"])?;
        ensure!(bad.is_empty(), "tshark complains about {bad:?}");
        Ok(())
    }

    /// tshark's opinion of all that we sent.
    fn end(self) -> Result<()> {
        self.us.runs()?;
        self.capture.is_clean_from(&[self.remote()])
    }
}

fn exchange(
    lab: &Lab,
    vehicle: Vehicle,
    kind: Kind,
    transport: Transport,
    passive: bool,
    variant: &Variant,
) -> Result<()> {
    let mut peer = plain(transport, passive);
    let mut expected = peer.clone();
    (variant.peer)(&mut peer);
    (variant.ours)(&mut expected);
    let link = Link::start(lab, vehicle, kind, peer, &ours(&expected, &[]))?;
    (variant.check)(&link)?;
    link.end()
}

fn bfd(lab: &Lab, vehicle: Vehicle, kind: Kind, transport: Transport) -> Result<()> {
    let session = Session { bfd: Some(BFD), ..plain(transport, true) };
    let config = PROFILE.to_owned() + &ours(&session, &["bfd profile fast"]);
    let link = Link::start(lab, vehicle, kind, session, &config)?;
    link.bfd_stays_up()?;
    let shown = link.us.ask(lab, "show bfd")?;
    ensure!(shown.contains("150 ms"), "{shown}");
    let detection = f64::from(BFD.interval_ms * u32::from(BFD.multiplier)) / 1e3;
    let at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
    cut_appliance(lab)?;
    let ended = lab.eventually("the peer ends the session", detection + 5.0, || {
        let ended = link.peer.ended_by_bfd(link.remote())?;
        ensure!(ended >= at, "only an earlier one");
        Ok(ended)
    })?;
    let took = ended - at;
    lab.note(&format!("the peer ended the session {took:.3} s after the cut"));
    ensure!(took <= detection + DELAY, "the peer ended it after {took:.3} s, not {detection} s");
    lab.eventually("we ended it as well", 5.0, || {
        let summary = link.us.ask(lab, "show summary")?;
        ensure!(summary.contains("0 of 1 neighbor established"), "{summary}");
        Ok(())
    })?;
    mend_appliance(lab)?;
    link.bfd_stays_up().context("after the cut")?;
    link.bfd_is_clean()?;
    link.end()
}
