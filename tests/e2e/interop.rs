//! Sessions with every foreign speaker: the matrix, and one case per option of a session.

use std::net::IpAddr;

use holdover_tests::harness::capture::Capture;
use holdover_tests::harness::holdover::{Holdover, OURS, opposite};
use holdover_tests::harness::peers::{Family, Kind, Peer, Session};
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::{Transport, pair};
use holdover_tests::harness::{Lab, Result, anyhow, ensure};

/// An option of a session, what it changes on both sides, and what must come of it.
struct Variant {
    name: &'static str,
    kinds: &'static [Kind],
    /// Changes to the peer's side.
    peer: fn(&mut Session),
    /// Statements about the neighbor on our side.
    ours: &'static [&'static str],
    /// Checks, with the session not yet waited for.
    check: fn(&Link<'_>) -> Result<()>,
}

use Kind::{Bird, Exabgp, Frr, Gobgp, Openbgpd};

const ALL: &[Kind] = &Kind::ALL;

#[rustfmt::skip] // a table reads by rows
const VARIANTS: &[Variant] = &[
    Variant { name: "md5_password", kinds: ALL, peer: |s| s.password = Some("kept-secret"), ours: &[], check: |l| l.exchanges() },
    Variant { name: "md5_password_when_it_dials", kinds: ALL, peer: |s| { s.password = Some("kept-secret"); s.passive = false; }, ours: &[], check: |l| l.exchanges() },
    // A listening ExaBGP answers with TTL 64.
    Variant { name: "gtsm_when_it_dials", kinds: ALL, peer: |s| { s.gtsm = true; s.passive = false; }, ours: &[], check: |l| l.exchanges() },
    Variant { name: "gtsm", kinds: &[Bird, Frr, Gobgp, Openbgpd], peer: |s| s.gtsm = true, ours: &[], check: |l| l.exchanges() },
    Variant { name: "four_octet_as", kinds: ALL, peer: |s| { s.local_as = 4_200_000_002; s.remote_as = 4_200_000_001; }, ours: &[], check: |l| l.exchanges() },
    Variant { name: "hold_time_0", kinds: &[Bird, Frr, Exabgp], peer: |s| s.hold = Some(0), ours: &["timers 0 0"], check: |l| l.holds(0) },
    Variant { name: "hold_time_3", kinds: ALL, peer: |s| s.hold = Some(90), ours: &["timers 1 3"], check: |l| l.holds(3) },
    Variant { name: "hold_time_65535", kinds: &[Bird, Frr, Gobgp, Openbgpd], peer: |s| s.hold = Some(65535), ours: &["timers 21845 65535"], check: |l| l.holds(65535) },
    // GoBGP asks for nothing: it keeps what it heard.
    Variant { name: "route_refresh", kinds: &[Bird, Frr, Openbgpd, Exabgp], peer: |_| (), ours: &[], check: |l| l.refreshes() },
    Variant { name: "max_prefix", kinds: &[Bird, Frr, Gobgp, Openbgpd], peer: |s| s.max_prefix = Some(1), ours: &[], check: |l| l.is_too_much() },
    Variant { name: "shutdown_text_from_the_peer", kinds: &[Bird, Frr, Openbgpd], peer: |_| (), ours: &[], check: |l| l.hears_the_text() },
    Variant { name: "shutdown_text_from_us", kinds: &[Bird, Frr, Openbgpd], peer: |_| (), ours: &[], check: |l| l.says_the_text() },
    Variant { name: "both_dial", kinds: &[Bird, Frr, Gobgp, Openbgpd], peer: |s| s.passive = false, ours: &[], check: |l| l.agrees_on_one_session() },
    Variant { name: "wrong_as_expected_by_the_peer", kinds: &[Bird, Frr, Gobgp, Openbgpd], peer: |s| s.remote_as = 65009, ours: &[], check: |l| l.never_comes_up("2/2") },
    Variant { name: "wrong_as_expected_by_us", kinds: ALL, peer: |s| s.local_as = 65009, ours: &[], check: |l| l.never_comes_up("2/2") },
    Variant { name: "wrong_password", kinds: &[Bird, Frr, Openbgpd], peer: |s| s.password = Some("another"), ours: &["password mine"], check: |l| l.never_comes_up("") },
];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in Kind::ALL {
        for passive in [true, false] {
            for transport in Transport::ALL {
                for family in Family::ALL {
                    let name = format!(
                        "interop/{}_{}_over_{}_with_{}_routes",
                        kind.name(),
                        if passive { "listening" } else { "dialling" },
                        transport.name(),
                        family.name()
                    );
                    cases.push(Case::new(name, 45, move |lab| cell(lab, kind, passive, transport, family)));
                }
            }
        }
    }
    for variant in VARIANTS {
        for kind in variant.kinds {
            for transport in Transport::ALL {
                let name = format!("session/{}_with_{}_over_{}", variant.name, kind.name(), transport.name());
                cases.push(Case::new(name, 60, move |lab| with_variant(lab, *kind, transport, variant)));
            }
        }
    }
    cases
}

/// A plain session, in the peer's eyes.
fn session(kind: Kind, passive: bool, transport: Transport, families: &[Family]) -> Session {
    let (local, remote) = (transport.address("them"), transport.address("us"));
    let mut session = Session {
        local,
        remote,
        local_as: 65002,
        remote_as: 65001,
        passive,
        password: None,
        gtsm: false,
        hold: None,
        families: families.to_vec(),
        max_prefix: None,
        bfd: None,
        announce: vec!["198.19.2.0/24", "2001:db8:19:2::/64"],
    };
    let usable = session.clone();
    session.announce.retain(|prefix| kind.announces(&usable, Family::of(prefix)));
    session
}

/// Both ends of a running session.
struct Link<'a> {
    lab: &'a Lab,
    kind: Kind,
    session: Session,
    config: String,
    us: Holdover,
    peer: Box<dyn Peer>,
    capture: Capture,
}

fn start(lab: &Lab, kind: Kind, session: Session, config: String) -> Result<Link<'_>> {
    pair(lab)?;
    let capture = Capture::start(lab, "us")?;
    let start_us = || Holdover::start(lab, "us", &config);
    let (us, peer) = if session.passive {
        let peer = kind.start(lab, "them", &session)?;
        (start_us()?, peer)
    } else {
        // Some wait for minutes after a refused connection.
        let us = start_us()?;
        lab.eventually("we listen", 10.0, || {
            us.runs()?;
            let listening = lab.run("us", &["ss", "-Hltn", "sport = :179"])?;
            ensure!(!listening.is_empty(), "no listener");
            Ok(())
        })?;
        (us, kind.start(lab, "them", &session)?)
    };
    Ok(Link { lab, kind, session, config, us, peer, capture })
}

fn cell(lab: &Lab, kind: Kind, passive: bool, transport: Transport, family: Family) -> Result<()> {
    let session = session(kind, passive, transport, &[family]);
    let mut config = opposite(&session, &[]);
    if session.extended_next_hop() && !kind.extended_next_hop() {
        // Without RFC 8950 the IPv4 next hop has to be given, as in every other daemon.
        config = config.replace(" neighbor fd00:1::2 capability extended-nexthop\n", "")
            + " set ip next-hop 10.0.0.1\n";
    }
    let link = start(lab, kind, session, config)?;
    link.exchanges()?;
    link.end()
}

fn with_variant(lab: &Lab, kind: Kind, transport: Transport, variant: &Variant) -> Result<()> {
    let family = if transport == Transport::V4 { Family::V4 } else { Family::V6 };
    let mut peer = session(kind, true, transport, &[family]);
    // Our side is as it should be; `peer` may be wrong about it.
    let mut ours = peer.clone();
    (variant.peer)(&mut peer);
    if !variant.name.starts_with("wrong") {
        ours = peer.clone();
    }
    let mut config = opposite(&ours, variant.ours);
    if variant.name == "both_dial" {
        config = config.replace(&format!(" neighbor {} passive\n", ours.local), "")
            + &format!("router bgp {}\n bgp listen\n", ours.remote_as);
    }
    if variant.name == "max_prefix" {
        let more = |n: u8| match family {
            Family::V4 => format!("  network 198.18.1.{n}/32 route-map OUT\n"),
            Family::V6 => format!("  network 2001:db8:18:1::{n}/128 route-map OUT\n"),
        };
        let more: String = (10..15).map(more).collect();
        config = config.replace(" exit-address", &format!("{more} exit-address"));
    }
    let link = start(lab, kind, peer, config)?;
    (variant.check)(&link)?;
    link.end()
}

impl Link<'_> {
    fn remote(&self) -> IpAddr {
        self.session.remote
    }

    /// Our view of the one neighbor.
    fn our_view(&self) -> Result<serde_json::Value> {
        let all = self.us.show(self.lab, "neighbors")?;
        all.pointer("/neighbors/0").cloned().ok_or_else(|| anyhow!("no neighbor: {all}"))
    }

    fn established(&self) -> Result<()> {
        self.lab.eventually("the peer says Established", 30.0, || {
            self.us.runs()?;
            self.peer.established(self.remote())
        })?;
        self.lab.eventually("we say Established", 5.0, || {
            let view = self.our_view()?;
            ensure!(view["state"] == "Established", "{view}");
            Ok(())
        })
    }

    /// The session comes up and the peer has exactly what we announce.
    fn exchanges(&self) -> Result<()> {
        self.established()?;
        for prefix in OURS {
            let family = Family::of(prefix);
            if !self.session.carries(family) {
                continue;
            }
            let route = self
                .lab
                .eventually("the peer has our route", 10.0, || self.peer.route(self.remote(), prefix))?;
            ensure!(route.as_path == [self.session.remote_as], "{route:?}");
            ensure!(route.large == ["63949:1:1"], "{route:?}");
            ensure!(route.communities == ["65000:1"], "{route:?}");
            let hop = |family: Family| match family {
                Family::V4 => Transport::V4.address("us"),
                Family::V6 => Transport::V6.address("us"),
            };
            let expected = if family == Family::V4
                && self.session.extended_next_hop()
                && self.kind.extended_next_hop()
            {
                hop(Family::V6)
            } else {
                hop(family)
            };
            // FRR shows the link-local one only, when there are two.
            let local = route.next_hops.iter().any(|hop| hop.to_string().starts_with("fe80:"));
            ensure!(route.next_hops.contains(&expected) || local, "expected {expected}: {route:?}");
        }
        // Nothing that it announced disturbed us.
        self.lab.steadily("Established", 0.3, || self.peer.established(self.remote()))
    }

    fn holds(&self, seconds: u16) -> Result<()> {
        self.exchanges()?;
        if self.kind != Kind::Exabgp {
            let hold = self.peer.hold_time(self.remote())?;
            ensure!(hold == seconds, "the peer holds for {hold} s");
        }
        let before = self.peer.incarnation(self.remote())?;
        let watched = if seconds == 3 { 5.0 } else { 1.0 };
        self.lab.steadily("Established", watched, || self.peer.established(self.remote()))?;
        let after = self.peer.incarnation(self.remote())?;
        ensure!(before == after, "{before} became {after}");
        Ok(())
    }

    fn refreshes(&self) -> Result<()> {
        self.exchanges()?;
        let source = if self.remote().is_ipv4() { "ip.src" } else { "ipv6.src" };
        let filter = format!("{source} == {} && bgp.type == 2", self.remote());
        let count = || -> Result<usize> { Ok(self.capture.fields(&filter, &["frame.number"])?.len()) };
        let before = count()?;
        ensure!(before > 0, "no announcement in the capture");
        self.peer.refresh(self.remote())?;
        self.lab.eventually("the routes are announced again", 10.0, || {
            let now = count()?;
            ensure!(now > before, "{before} announcements, still {now}");
            Ok(())
        })?;
        self.peer.established(self.remote())
    }

    fn is_too_much(&self) -> Result<()> {
        self.lab.eventually("we know that the peer closed for too many prefixes", 30.0, || {
            self.us.runs()?;
            self.we_say("6/1", "backing_off")
        })?;
        self.lab.steadily("we keep saying it", 3.0, || self.we_say("6/1", "backing_off"))
    }

    /// Our view tells this NOTIFICATION as the last end, and hints at this.
    fn we_say(&self, end: &str, hint: &str) -> Result<()> {
        let view = self.our_view()?;
        let said = view["last_end"].as_str().unwrap_or("");
        ensure!(said.contains(&format!(" sent {end} ")) && view["hint"] == hint, "{view}");
        Ok(())
    }

    fn hears_the_text(&self) -> Result<()> {
        self.exchanges()?;
        self.peer.shut_down(self.remote(), "back at ten")?;
        self.lab.eventually("our view has the text", 10.0, || {
            let view = self.our_view()?.to_string();
            ensure!(view.contains("back at ten"), "{view}");
            Ok(())
        })
    }

    fn says_the_text(&self) -> Result<()> {
        self.exchanges()?;
        let them = self.session.local;
        let line = format!(" neighbor {them} shutdown message back at ten\n address-family");
        self.us.reload(self.lab, &self.config.replacen(" address-family", &line, 1))?;
        self.lab.eventually("the peer's view has the text", 10.0, || {
            let words = self.peer.last_words(self.remote())?;
            ensure!(words.contains("back at ten"), "{words:.3000}");
            Ok(())
        })
    }

    fn agrees_on_one_session(&self) -> Result<()> {
        self.exchanges()?;
        let before = self.peer.incarnation(self.remote())?;
        self.lab.steadily("Established", 3.0, || self.peer.established(self.remote()))?;
        let after = self.peer.incarnation(self.remote())?;
        ensure!(before == after, "{before} became {after}");
        Ok(())
    }

    fn never_comes_up(&self, said: &str) -> Result<()> {
        let look = || -> Result<()> {
            self.us.runs()?;
            ensure!(self.peer.established(self.remote()).is_err(), "the peer says Established");
            let view = self.our_view()?;
            ensure!(view["state"] != "Established", "{view}");
            Ok(())
        };
        self.lab.eventually("it is seen not to work", 15.0, || {
            look()?;
            if said.is_empty() { Ok(()) } else { self.we_say(said, "check_remote_as") }
        })?;
        self.lab.steadily("not Established", 3.0, look)
    }

    /// A clean stop, and tshark's opinion.
    fn end(self) -> Result<()> {
        self.us.stop(self.lab, 10.0)?;
        self.lab.eventually("the peer's session is over", 10.0, || {
            ensure!(self.peer.established(self.remote()).is_err(), "still Established");
            Ok(())
        })?;
        self.capture.is_clean_from(&[self.remote()])
    }
}
