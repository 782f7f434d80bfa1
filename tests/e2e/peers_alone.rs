//! The harness itself: every foreign speaker against BIRD, so that a failure elsewhere is not the peer's or the lab's.

use holdover_tests::harness::capture::Capture;
use holdover_tests::harness::peers::{Bfd, BfdView, Family, Kind, Peer, Session, bird};
use holdover_tests::harness::raw::{self, Raw};
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::topology::{Transport, pair};
use holdover_tests::harness::{Lab, Result, ensure};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in Kind::ALL {
        for transport in Transport::ALL {
            let name =
                format!("harness/{}_tells_of_a_session_with_bird_over_{}", kind.name(), transport.name());
            cases.push(Case::new(name, 60, move |lab| tells(lab, kind, transport)));
        }
    }
    for transport in Transport::ALL {
        let name = format!("harness/bird_and_frr_tell_of_bfd_over_{}", transport.name());
        cases.push(Case::new(name, 60, move |lab| tells_of_bfd(lab, transport)));
    }
    cases.push(Case::new("harness/tshark_marks_a_malformed_update", 30, marks));
    cases
}

/// What the captures of all other cases are asked for can be found.
fn marks(lab: &Lab) -> Result<()> {
    pair(lab)?;
    let (us, them) = (Transport::V4.address("us"), Transport::V4.address("them"));
    let capture = Capture::start(lab, "us")?;
    let listener = Raw::listen(lab, "them", them)?;
    let mut sender = Raw::connect(lab, "us", us, them)?;
    let mut receiver = Raw::accept(lab, &listener, 5.0)?;
    sender.send(&raw::message(raw::KEEPALIVE, &[]))?;
    receiver.expect(raw::KEEPALIVE)?;
    lab.eventually("tshark has the KEEPALIVE", 10.0, || {
        ensure!(!capture.fields("bgp", &["frame.number"])?.is_empty(), "no BGP yet");
        capture.is_clean_from(&[us])
    })?;
    // Attributes that claim more octets than there are.
    sender.send(&raw::message(raw::UPDATE, &[0, 0, 0, 9, 0x40, 1, 200, 0]))?;
    receiver.expect(raw::UPDATE)?;
    lab.eventually("tshark marks the UPDATE", 10.0, || {
        ensure!(capture.is_clean_from(&[us]).is_err(), "it does not");
        Ok(())
    })?;
    capture.is_clean_from(&[them])
}

fn tells(lab: &Lab, kind: Kind, transport: Transport) -> Result<()> {
    pair(lab)?;
    let (us, them) = (transport.address("us"), transport.address("them"));
    let mut families = vec![Family::V6];
    if transport == Transport::V4 || kind.extended_next_hop() {
        families.push(Family::V4);
    }
    let session = Session {
        local: them,
        remote: us,
        local_as: 65002,
        remote_as: 65001,
        passive: false,
        password: Some("secret"),
        gtsm: false,
        hold: Some(30),
        families,
        max_prefix: None,
        bfd: None,
        announce: vec!["198.19.2.0/24", "2001:db8:19:2::/64"],
    };
    let ours = Session {
        local: us,
        remote: them,
        local_as: 65001,
        remote_as: 65002,
        passive: true,
        announce: vec!["198.18.1.7/32", "2001:db8:18:1::7/128"],
        ..session.clone()
    };
    let bird = bird::Bird::start(lab, "us", &bird::config(&ours))?;
    let peer = kind.start(lab, "them", &session)?;
    lab.eventually("BIRD is Established", 30.0, || bird.established(them))?;
    lab.eventually("the peer is Established", 10.0, || peer.established(us))?;
    for prefix in ours.announce {
        if !session.carries(Family::of(prefix)) {
            continue;
        }
        let route = lab.eventually("the peer has the route", 10.0, || peer.route(us, prefix))?;
        ensure!(route.as_path == [65001], "{route:?}");
        ensure!(!route.next_hops.is_empty(), "{route:?}");
    }
    for prefix in &session.announce {
        if kind.announces(&session, Family::of(prefix)) {
            lab.eventually("BIRD has the peer's route", 10.0, || bird.route(them, prefix))?;
        }
    }
    let hold = lab.eventually("the peer knows the hold time", 5.0, || peer.hold_time(us))?;
    ensure!(hold == 30, "{hold}");
    let before = peer.incarnation(us)?;
    peer.refresh(us)?;
    // A speaker that closes while the answer is on its way resets the connection, and its NOTIFICATION is lost.
    lab.steadily("Established", 0.5, || peer.established(us))?;
    peer.shut_down(us, "good night")?;
    lab.eventually("BIRD hears the text", 10.0, || {
        let words = bird.last_words(them)?;
        ensure!(words.contains("good night") || words.contains("Administrative"), "{words}");
        Ok(())
    })?;
    lab.note(&format!("incarnation {before}, then {:?}", peer.incarnation(us)));
    Ok(())
}

/// Both tell the same of a BFD session between them.
fn tells_of_bfd(lab: &Lab, transport: Transport) -> Result<()> {
    pair(lab)?;
    let (us, them) = (transport.address("us"), transport.address("them"));
    let session = Session {
        local: them,
        remote: us,
        local_as: 65002,
        remote_as: 65001,
        passive: false,
        password: None,
        gtsm: false,
        hold: None,
        families: vec![if transport == Transport::V4 { Family::V4 } else { Family::V6 }],
        max_prefix: None,
        bfd: Some(Bfd { interval_ms: 50, multiplier: 5, multihop: false }),
        announce: Vec::new(),
    };
    let bfd = Some(Bfd { interval_ms: 80, multiplier: 4, multihop: false });
    let ours = Session {
        local: us,
        remote: them,
        local_as: 65001,
        remote_as: 65002,
        passive: true,
        bfd,
        ..session.clone()
    };
    let bird = bird::Bird::start(lab, "us", &bird::config(&ours))?;
    let frr = Kind::Frr.start(lab, "them", &session)?;
    let expected = |detection_ms| BfdView { state: "up".to_owned(), transmit_ms: 80, detection_ms };
    // The slower one's interval, and the other one's multiplier.
    for (who, peer, remote, detection_ms) in
        [("BIRD", &bird as &dyn Peer, them, 400), ("FRR", &*frr, us, 320)]
    {
        lab.eventually(&format!("{who} tells of the BFD session"), 20.0, || {
            peer.established(remote)?;
            let view = peer.bfd(remote)?;
            ensure!(view == expected(detection_ms), "{view:?}");
            Ok(())
        })?;
    }
    Ok(())
}
