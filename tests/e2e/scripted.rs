//! Sessions with a peer whose every octet is written here: old speakers, collisions, odd OPENs, garbage.

use std::net::IpAddr;

use holdover_tests::harness::holdover::{Holdover, opposite};
use holdover_tests::harness::peers::{Family, Kind, Session};
use holdover_tests::harness::raw::{
    self, KEEPALIVE, NOTIFICATION, OPEN, Raw, UPDATE, capability, four_octet_as, ipv4_unicast, message,
    notification, open,
};
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::{Transport, pair};
use holdover_tests::harness::{Context as _, Lab, Result, ensure};

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("scripted/an_old_speaker_gets_as_trans_and_as4_path", 30, old_speaker),
        Case::new("scripted/a_speaker_without_capabilities_gets_ipv4_routes", 30, no_capabilities),
        Case::new(
            "scripted/without_extended_next_hop_no_ipv4_route_goes_over_ipv6",
            30,
            no_extended_next_hop,
        ),
        Case::new("scripted/unknown_capabilities_are_passed_over", 30, unknown_capability),
        Case::new("scripted/an_unsupported_capability_notification_is_survived", 30, refused_capability),
        Case::new("scripted/a_collision_is_won_by_the_higher_identifier", 30, |lab| collision(lab, true)),
        Case::new("scripted/a_collision_is_lost_by_the_lower_identifier", 30, |lab| collision(lab, false)),
        Case::new("bad_input/an_open_cut_at_every_offset_harms_nobody", 60, cut_open),
        Case::new("bad_input/garbage_on_the_open_port_harms_nobody", 60, |lab| garbage(lab, false)),
        Case::new("bad_input/garbage_in_a_session_harms_only_that_session", 60, |lab| garbage(lab, true)),
        Case::new("bad_input/a_stranger_gets_no_session", 30, stranger),
        Case::new("bad_input/a_malformed_update_withdraws_its_routes_and_the_session_stays", 30, withdraws),
    ]
}

/// The scripted peer's side of a session over IPv4 with IPv4 routes.
fn plain(passive: bool, transport: Transport) -> Session {
    Session {
        local: transport.address("them"),
        remote: transport.address("us"),
        local_as: 65002,
        remote_as: 65001,
        passive,
        password: None,
        gtsm: false,
        hold: None,
        families: vec![Family::V4],
        max_prefix: None,
        bfd: None,
        announce: Vec::new(),
    }
}

const V4: Transport = Transport::V4;

fn them() -> IpAddr {
    V4.address("them")
}

fn us() -> IpAddr {
    V4.address("us")
}

/// Starts us with this session; the scripted peer listens before.
fn dialled(lab: &Lab, session: &Session) -> Result<(Holdover, Raw, std::net::TcpListener)> {
    pair(lab)?;
    let listener = Raw::listen(lab, "them", session.local)?;
    let node = Holdover::start(lab, "us", &opposite(session, &[]))?;
    let raw = Raw::accept(lab, &listener, 10.0)?;
    Ok((node, raw, listener))
}

/// The attributes of an UPDATE's body, by code.
fn attributes(update: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let withdrawn = usize::from(u16::from_be_bytes([update[0], update[1]]));
    let total = usize::from(u16::from_be_bytes([update[2 + withdrawn], update[3 + withdrawn]]));
    let mut rest = &update[4 + withdrawn..4 + withdrawn + total];
    let mut found = Vec::new();
    while let [flags, code, tail @ ..] = rest {
        let (length, value) = if flags & 0x10 == 0 {
            (usize::from(tail[0]), &tail[1..])
        } else {
            (usize::from(u16::from_be_bytes([tail[0], tail[1]])), &tail[2..])
        };
        found.push((*code, value[..length].to_vec()));
        rest = &value[length..];
    }
    found
}

fn attribute(update: &[u8], code: u8) -> Result<Vec<u8>> {
    let all = attributes(update);
    let found = all.iter().find(|(found, _)| *found == code);
    Ok(found.with_context(|| format!("no attribute {code}: {all:02x?}"))?.1.clone())
}

/// The next UPDATE that announces something.
fn announcement(raw: &mut Raw) -> Result<Vec<u8>> {
    loop {
        let update = raw.until(UPDATE)?;
        if !attributes(&update).is_empty() {
            return Ok(update);
        }
    }
}

fn old_speaker(lab: &Lab) -> Result<()> {
    let session = Session { remote_as: 4_200_000_001, ..plain(true, V4) };
    let (node, mut raw, _listener) = dialled(lab, &session)?;
    let theirs = raw.establish(&open(65002, 90, &[ipv4_unicast()]))?;
    // RFC 6793 section 9: AS_TRANS in the two octets, the number itself in the capability.
    ensure!(theirs[1..3] == 23456_u16.to_be_bytes(), "{theirs:02x?}");
    let capability = raw::capabilities(&theirs).into_iter().find(|(code, _)| *code == 65);
    ensure!(capability == Some((65, 4_200_000_001_u32.to_be_bytes().to_vec())), "{capability:02x?}");
    let update = announcement(&mut raw)?;
    let path = attribute(&update, 2)?;
    ensure!(path == [2, 1, 0x5b, 0xa0], "AS_PATH {path:02x?}");
    let path = attribute(&update, 17)?;
    ensure!(path == [2, 1, 0xfa, 0x56, 0xea, 0x01], "AS4_PATH {path:02x?}");
    node.stop(lab, 10.0)
}

fn no_capabilities(lab: &Lab) -> Result<()> {
    let (node, mut raw, _listener) = dialled(lab, &plain(true, V4))?;
    let theirs = raw.establish(&open(65002, 90, &[]))?;
    let codes: Vec<u8> = raw::capabilities(&theirs).into_iter().map(|(code, _)| code).collect();
    // Multiprotocol, route refresh, 4-octet AS, enhanced route refresh; never graceful restart (64) or its kin (71).
    ensure!([1, 2, 65, 70].iter().all(|code| codes.contains(code)), "{codes:?}");
    ensure!(!codes.contains(&64) && !codes.contains(&71), "graceful restart is offered: {codes:?}");
    let update = announcement(&mut raw)?;
    let hop = attribute(&update, 3)?;
    ensure!(hop == [10, 0, 0, 1], "{hop:?}");
    ensure!(update.ends_with(&[32, 198, 18, 1, 7]), "{update:02x?}");
    let end = raw.until(UPDATE)?;
    ensure!(end == [0, 0, 0, 0], "no End-of-RIB (RFC 4724 section 2): {end:02x?}");
    node.stop(lab, 10.0)?;
    ensure!(raw.end().is_some_and(|body| body.starts_with(&[6, 2])), "no Cease/2");
    Ok(())
}

fn no_extended_next_hop(lab: &Lab) -> Result<()> {
    let session = plain(true, Transport::V6);
    pair(lab)?;
    // No IPv4 address that could be the next hop.
    lab.ip("us", "addr del 10.0.0.1/24 dev eth0")?;
    let listener = Raw::listen(lab, "them", session.local)?;
    let node = Holdover::start(
        lab,
        "us",
        &opposite(&session, &[]).replace("capability extended-nexthop", "activate"),
    )?;
    let mut raw = Raw::accept(lab, &listener, 10.0)?;
    raw.establish(&open(65002, 9, &[ipv4_unicast(), four_octet_as(65002)]))?;
    // The first batch without a usable route: nothing but keepalives and the End-of-RIB.
    for _ in 0..2 {
        let message = raw.receive()?;
        let empty = message.kind == UPDATE && message.body == [0, 0, 0, 0];
        ensure!(message.kind == KEEPALIVE || empty, "{message:02x?}");
        raw.send(&message_keepalive())?;
    }
    let view = node.show(lab, "neighbors")?;
    ensure!(view.pointer("/neighbors/0/state").is_some_and(|state| state == "Established"), "{view}");
    node.stop(lab, 10.0)
}

fn message_keepalive() -> Vec<u8> {
    message(KEEPALIVE, &[])
}

fn unknown_capability(lab: &Lab) -> Result<()> {
    let (node, mut raw, _listener) = dialled(lab, &plain(true, V4))?;
    let odd = [capability(250, &[1, 2, 3]), ipv4_unicast(), capability(73, &[4, b'h', b'o', b's', b't', 0])];
    raw.establish(&open(65002, 90, &odd))?;
    announcement(&mut raw)?;
    node.stop(lab, 10.0)
}

fn refused_capability(lab: &Lab) -> Result<()> {
    let (node, mut raw, listener) = dialled(lab, &plain(true, V4))?;
    let theirs = raw.expect(OPEN)?;
    ensure!(!raw::capabilities(&theirs).is_empty(), "no capability in {theirs:02x?}");
    // RFC 5492 section 5: "Unsupported Capability", with the capability.
    raw.send(&notification(2, 7, &capability(70, &[])))?;
    drop(raw);
    let mut raw = Raw::accept(lab, &listener, 70.0)?;
    raw.establish(&open(65002, 90, &[ipv4_unicast()]))?;
    announcement(&mut raw)?;
    node.stop(lab, 10.0)
}

/// Both sides dial at once; both connections reach OpenConfirm's brink, one must go (RFC 4271 section 6.8).
fn collision(lab: &Lab, we_win: bool) -> Result<()> {
    pair(lab)?;
    let session = plain(true, V4);
    let listener = Raw::listen(lab, "them", them())?;
    let config = opposite(&session, &[]) + "router bgp 65001\n bgp listen\n";
    let identifier = if we_win { "10.0.0.3" } else { "10.0.0.1" };
    let config = config.replace("bgp router-id 10.0.0.1", &format!("bgp router-id {identifier}"));
    let node = Holdover::start(lab, "us", &config)?;
    let mut dialled = Raw::accept(lab, &listener, 10.0)?;
    dialled.expect(OPEN)?;
    let mut dialling =
        lab.eventually("our dial is accepted", 5.0, || Raw::connect(lab, "them", them(), us()))?;
    dialling.expect(OPEN)?;
    let ours = open(65002, 90, &[ipv4_unicast()]);
    dialled.send(&ours)?;
    dialling.send(&ours)?;
    // The identifier of the scripted peer is 10.0.0.2: the side with the higher one keeps its own connection.
    let (mut kept, mut closed) = if we_win { (dialled, dialling) } else { (dialling, dialled) };
    let end = closed.end().context("the losing connection got no NOTIFICATION")?;
    ensure!(end.starts_with(&[6, 7]), "not Cease/7: {end:?}");
    kept.expect(KEEPALIVE)?;
    kept.send(&message_keepalive())?;
    announcement(&mut kept)?;
    node.stop(lab, 10.0)
}

/// Us with two neighbors: a real BIRD at 10.0.0.2, and one that we listen for at 10.0.0.3.
struct Beside {
    node: Holdover,
    bird: Box<dyn holdover_tests::harness::peers::Peer>,
    before: String,
}

fn other() -> IpAddr {
    IpAddr::from([10, 0, 0, 3])
}

impl Beside {
    fn up(lab: &Lab) -> Result<Self> {
        pair(lab)?;
        lab.ip("them", "addr add 10.0.0.3/24 dev eth0")?;
        let session = plain(true, V4);
        let bird = Kind::Bird.start(lab, "them", &session)?;
        let more = " neighbor 10.0.0.3 remote-as 65003\n neighbor 10.0.0.3 passive\n address-family ipv4 unicast\n  \
                    neighbor 10.0.0.3 activate\n";
        let config = opposite(&session, &[]).replacen(" address-family ipv4 unicast\n", more, 1);
        let node = Holdover::start(lab, "us", &config)?;
        lab.eventually("BIRD is Established", 15.0, || {
            node.runs()?;
            bird.established(us())
        })?;
        let before = bird.incarnation(us())?;
        Ok(Self { node, bird, before })
    }

    /// The daemon runs and BIRD's session never ended; then a good peer can still come, and all stops cleanly.
    fn unharmed(self, lab: &Lab) -> Result<()> {
        self.node.runs()?;
        self.bird.established(us())?;
        let after = self.bird.incarnation(us())?;
        ensure!(self.before == after, "BIRD's session was reset: {} {after}", self.before);
        lab.eventually("a good peer gets its session", 20.0, || {
            let mut raw = Raw::connect(lab, "them", other(), us())?;
            raw.establish(&open(65003, 90, &[ipv4_unicast()]))?;
            announcement(&mut raw).map(drop)
        })?;
        self.node.stop(lab, 10.0)
    }
}

fn cut_open(lab: &Lab) -> Result<()> {
    let beside = Beside::up(lab)?;
    let whole = open(65003, 90, &[ipv4_unicast(), four_octet_as(65003), capability(5, &[0, 1, 0, 1, 0, 2])]);
    for cut in 0..whole.len() {
        // A refusal while the connection before is still being closed is right. It is a reset that follows the handshake, so
        // it is seen by whichever comes first, the end of connecting or the octets.
        if let Ok(mut raw) = Raw::connect(lab, "them", other(), us()) {
            let _ = raw.send(&whole[..cut]);
        }
        beside.node.runs()?;
    }
    // The same with one octet wrong at each place.
    for at in 0..whole.len() {
        let mut wrong = whole.clone();
        wrong[at] ^= 0x5a;
        if let Ok(mut raw) = Raw::connect(lab, "them", other(), us()) {
            let _ = raw.send(&wrong);
        }
        beside.node.runs()?;
    }
    beside.unharmed(lab)
}

fn garbage(lab: &Lab, in_session: bool) -> Result<()> {
    let beside = Beside::up(lab)?;
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed.to_be_bytes()
    };
    for round in 0..40_u8 {
        let Ok(mut raw) = Raw::connect(lab, "them", other(), us()) else { continue };
        if in_session && raw.establish(&open(65003, 90, &[ipv4_unicast()])).is_err() {
            continue;
        }
        let noise: Vec<u8> = (0..64).flat_map(|_| random()).collect();
        // Every second time it has a good header: OPEN, UPDATE, NOTIFICATION, KEEPALIVE, ROUTE-REFRESH, unknown.
        let bytes =
            if round % 2 == 0 { noise } else { message(round / 2 % 7, &noise[..usize::from(round) * 4]) };
        let _ = raw.send(&bytes);
        if in_session && round % 2 == 0 {
            let end = raw.end();
            ensure!(end.as_ref().is_some_and(|body| body.starts_with(&[1, 1])), "not 1/1: {end:02x?}");
        }
        beside.node.runs()?;
    }
    beside.unharmed(lab)
}

fn stranger(lab: &Lab) -> Result<()> {
    let beside = Beside::up(lab)?;
    lab.ip("them", "addr add 10.0.0.9/24 dev eth0")?;
    if let Ok(mut raw) = Raw::connect(lab, "them", IpAddr::from([10, 0, 0, 9]), us()) {
        let _ = raw.send(&open(65003, 90, &[ipv4_unicast()]));
        while let Ok(message) = raw.receive() {
            ensure!(message.kind == NOTIFICATION, "a stranger got {message:02x?}");
        }
    }
    beside.unharmed(lab)
}

/// An UPDATE with one route, and an ORIGIN of this value.
fn update(origin: u8) -> Vec<u8> {
    let mut body = vec![0, 0];
    let path = [0x40, 2, 6, 2, 1, 0, 0, 0xfd, 0xea];
    let attributes = [&[0x40, 1, 1, origin], &path[..], &[0x40, 3, 4, 10, 0, 0, 2]].concat();
    body.extend(u16::try_from(attributes.len()).unwrap_or(0).to_be_bytes());
    body.extend(attributes);
    body.extend([32, 198, 51, 100, 7]);
    message(UPDATE, &body)
}

fn withdraws(lab: &Lab) -> Result<()> {
    pair(lab)?;
    let listener = Raw::listen(lab, "them", them())?;
    let steer = "steer edge\n accept 198.51.100.0/24 le 32\n install kernel\nexit\n";
    let node = Holdover::start(lab, "us", &(opposite(&plain(true, V4), &[]) + steer))?;
    let mut raw = Raw::accept(lab, &listener, 10.0)?;
    raw.establish(&open(65002, 90, &[ipv4_unicast(), four_octet_as(65002)]))?;
    let kernel = || lab.run("us", &["ip", "route", "show", "198.51.100.7/32"]);
    raw.send(&update(0))?;
    lab.eventually("the route is in our kernel", 5.0, || {
        let routes = kernel()?;
        ensure!(routes.contains("10.0.0.2"), "no route: {routes}");
        Ok(())
    })?;
    // RFC 7606 section 7.1: an undefined ORIGIN is treat-as-withdraw.
    raw.send(&update(9))?;
    lab.eventually("the route is gone from our kernel", 5.0, || {
        let routes = kernel()?;
        ensure!(routes.is_empty(), "{routes}");
        Ok(())
    })?;
    raw.send(&update(0))?;
    lab.eventually("the session lives on", 5.0, || {
        ensure!(!kernel()?.is_empty(), "no route");
        Ok(())
    })?;
    node.stop(lab, 10.0)?;
    ensure!(raw.end().is_some_and(|body| body.starts_with(&[6, 2])), "no Cease/2");
    ensure!(kernel()?.is_empty(), "a route was left behind");
    Ok(())
}
