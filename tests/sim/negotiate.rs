//! What two OPENs agree on, as it shows in the session (RFC 5492, 6793, 8950, 2918, 7313).

use holdover_core::bgp::fsm::State;
use holdover_core::engine::Record;
use holdover_core::engine::record::NoNextHop;

use super::bytes::{Message, Open};
use super::duo::{Duo, THEIR_ID, THEIRS};
use super::world::{MS, SECOND, ip, prefix};

const NETWORK: &str =
    "no bgp network import-check\naddress-family ipv4 unicast\n network 192.0.2.10/32\nexit-address-family\n";

/// The UPDATEs of the first batch towards a peer that opens with `open`.
fn batch_to(lines: &str, open: &Open) -> (Duo, Vec<super::bytes::Update>) {
    let mut duo = Duo::dialling(lines);
    duo.world.hosts[duo.node].ledger.lax = true;
    let mut line = duo.accept();
    duo.world.establish(&mut line, open);
    duo.expect_state(State::Established);
    duo.world.keep_alive(line, SECOND);
    let batch = duo.hear_batch(line, 3 * SECOND);
    (duo, batch)
}

#[test]
fn an_old_speaker_gets_two_octet_paths_with_as_trans_and_an_as4_path() {
    let mut duo = Duo::with(
        "router bgp 400000\n bgp router-id 10.0.0.1\n neighbor 10.0.0.2 remote-as 65010\n \
         no bgp network import-check\n address-family ipv4 unicast\n network 192.0.2.10/32\n exit-address-family\n",
    );
    duo.world.hosts[duo.node].ledger.lax = true;
    let mut line = duo.accept();
    let ours = duo.world.establish(&mut line, &Open::plain(65_010, 9, THEIR_ID));
    assert_eq!(ours.my_as, 23_456);
    assert_eq!(ours.capability(65), Some(&400_000_u32.to_be_bytes()[..]));
    duo.world.keep_alive(line, SECOND);
    let batch = duo.hear_batch(line, 3 * SECOND);
    assert_eq!(batch.len(), 1);
    assert_eq!(batch[0].attributes.as_path, [23_456]);
    assert_eq!(batch[0].attributes.as4_path, [400_000]);
}

#[test]
fn a_new_speaker_gets_four_octet_paths_and_no_as4_path() {
    let (_, batch) = batch_to(NETWORK, &Open::modern(THEIRS, 9, THEIR_ID));
    assert_eq!(batch[0].attributes.as_path, [65_000]);
    assert!(batch[0].attributes.as4_path.is_empty());
}

#[test]
fn a_peer_without_multiprotocol_capabilities_is_told_ipv4_routes() {
    let (_, batch) = batch_to(NETWORK, &Open::plain(65_010, 9, THEIR_ID));
    assert_eq!(batch[0].announced, [prefix("192.0.2.10/32")]);
    assert_eq!(batch[0].attributes.next_hops, [ip("10.0.0.1")]);
    assert!(!batch[0].attributes.codes.contains(&14));
}

#[test]
fn a_peer_of_no_common_family_is_told_so() {
    let mut duo = Duo::dialling("");
    let line = duo.accept();
    let open = Open {
        capabilities: vec![(1, vec![0, 2, 0, 1]), (65, THEIRS.to_be_bytes().to_vec())],
        ..Open::modern(THEIRS, 9, THEIR_ID)
    };
    duo.world.say(line, &open.message());
    let (code, subcode, data) = duo.world.hear_error(line, SECOND);
    assert_eq!((code, subcode, data), (2, 7, vec![1, 4, 0, 1, 0, 1]));
}

fn v6_duo() -> Duo {
    let mut duo = Duo::with(
        "router bgp 65000\n bgp router-id 10.0.0.1\n neighbor fd00::2 remote-as 65010\n \
         neighbor fd00::2 capability extended-nexthop\n no bgp network import-check\n \
         address-family ipv4 unicast\n network 192.0.2.10/32\n exit-address-family\n",
    );
    duo.world.hosts[duo.node].ledger.lax = true;
    duo
}

#[test]
fn ipv4_routes_over_ipv6_have_both_next_hops_on_a_connected_subnet_and_no_next_hop_attribute() {
    let mut duo = v6_duo();
    let mut line = duo.accept();
    let ours = duo.world.establish(
        &mut line,
        &Open {
            capabilities: vec![
                (1, vec![0, 1, 0, 1]),
                (5, vec![0, 1, 0, 1, 0, 2]),
                (65, THEIRS.to_be_bytes().to_vec()),
            ],
            ..Open::modern(THEIRS, 9, THEIR_ID)
        },
    );
    assert_eq!(ours.capability(5), Some(&[0, 1, 0, 1, 0, 2][..]));
    duo.world.keep_alive(line, SECOND);
    let batch = duo.hear_batch(line, 3 * SECOND);
    assert_eq!(batch[0].announced, [prefix("192.0.2.10/32")]);
    assert_eq!(batch[0].attributes.next_hops, [ip("fd00::1"), ip("fe80::1")]);
    assert!(!batch[0].attributes.codes.contains(&3));
}

#[test]
fn without_extended_next_hops_nothing_is_announced_over_ipv6_and_that_is_said() {
    let mut duo = v6_duo();
    // With an IPv4 address on the link, that would be the next hop.
    duo.world.remove_address(duo.node, "10.0.0.1");
    let mut line = duo.accept();
    duo.world.establish(
        &mut line,
        &Open {
            capabilities: vec![(1, vec![0, 1, 0, 1]), (65, THEIRS.to_be_bytes().to_vec())],
            ..Open::modern(THEIRS, 9, THEIR_ID)
        },
    );
    duo.world.keep_alive(line, SECOND);
    assert!(duo.hear_batch(line, 3 * SECOND).is_empty());
    let said = |record: &Record| matches!(record, Record::NoNextHop { why: NoNextHop::NotAgreed, .. });
    assert_eq!(duo.records().filter(|record| said(record)).count(), 1);
}

#[test]
fn a_peer_that_offers_graceful_restart_is_noted() {
    let mut open = Open::modern(THEIRS, 9, THEIR_ID);
    open.capabilities.push((64, vec![0x40, 0x78]));
    let (duo, _) = batch_to("", &open);
    let offers = |record: &&Record| matches!(record, Record::PeerOffersGracefulRestart { .. });
    assert_eq!(duo.records().filter(offers).count(), 1);
}

#[test]
fn unknown_capabilities_are_no_obstacle() {
    let mut open = Open::modern(THEIRS, 9, THEIR_ID);
    open.capabilities.extend([(71, vec![0; 7]), (128, vec![]), (255, vec![1; 60]), (6, vec![])]);
    batch_to("", &open);
}

#[test]
fn one_parameter_for_each_capability_is_understood_too() {
    let mut duo = Duo::dialling("");
    let line = duo.accept();
    let mut body = vec![4];
    body.extend(65_010_u16.to_be_bytes());
    body.extend([0, 9]);
    body.extend(THEIR_ID.to_be_bytes());
    let parameters = [2, 6, 1, 4, 0, 1, 0, 1, 2, 2, 2, 0, 2, 6, 65, 4, 0, 0, 0xFD, 0xF2];
    body.push(u8::try_from(parameters.len()).unwrap());
    body.extend(parameters);
    duo.world.say(line, &super::bytes::message(1, &body));
    duo.world.say(line, &super::bytes::keepalive());
    duo.expect_state(State::Established);
}

#[test]
fn an_open_with_extended_parameters_is_understood() {
    let mut duo = Duo::dialling("");
    let line = duo.accept();
    let mut body = vec![4];
    body.extend(65_010_u16.to_be_bytes());
    body.extend([0, 9]);
    body.extend(THEIR_ID.to_be_bytes());
    let capabilities = [1, 4, 0, 1, 0, 1, 65, 4, 0, 0, 0xFD, 0xF2];
    body.extend([255, 255, 0, 15, 2, 0, 12]);
    body.extend(capabilities);
    duo.world.say(line, &super::bytes::message(1, &body));
    duo.world.say(line, &super::bytes::keepalive());
    duo.expect_state(State::Established);
}

#[test]
fn remote_as_external_and_internal_are_kept() {
    for (statement, good, bad) in [("external", 65_099, 65_000), ("internal", 65_000, 65_099)] {
        let config =
            format!("router bgp 65000\n bgp router-id 10.0.0.1\n neighbor 10.0.0.2 remote-as {statement}\n");
        let mut duo = Duo::with(&config);
        let line = duo.accept();
        duo.world.say(line, &Open::modern(bad, 9, THEIR_ID).message());
        let (code, subcode, _) = duo.world.hear_error(line, SECOND);
        assert_eq!((code, subcode), (2, 2));
        duo.world.hang_up(line);
        let mut line = duo.world.script_accepts(duo.peer, 10 * SECOND);
        duo.world.establish(&mut line, &Open::modern(good, 9, THEIR_ID));
        duo.expect_state(State::Established);
    }
}

#[test]
fn a_route_refresh_is_answered_with_all_routes_again() {
    let (mut duo, batch) = batch_to(NETWORK, &Open::modern(THEIRS, 9, THEIR_ID).without(70));
    assert_eq!(batch.len(), 1);
    let line = last_line(&duo);
    duo.world.say(line, &super::bytes::refresh(holdover_core::base::net::Family::Ipv4, 0));
    let again = duo.hear_update(line, SECOND);
    assert_eq!(again.announced, batch[0].announced);
    duo.world.run(200 * MS);
    while let Some(message) = duo.world.take(line) {
        assert!(!matches!(message, Message::Refresh { .. }), "no markers to a peer that does not know them");
    }
}

#[test]
fn an_enhanced_route_refresh_is_answered_between_its_markers() {
    let (mut duo, batch) = batch_to(NETWORK, &Open::modern(THEIRS, 9, THEIR_ID));
    let line = last_line(&duo);
    duo.world.say(line, &super::bytes::refresh(holdover_core::base::net::Family::Ipv4, 0));
    let marker = |subtype| Message::Refresh { afi: 1, subtype, safi: 1 };
    assert_eq!(duo.world.hear_other(line, SECOND), marker(1));
    let Message::Update(again) = duo.world.hear_other(line, SECOND) else { panic!("no routes") };
    assert_eq!(again.announced, batch[0].announced);
    assert_eq!(duo.world.hear_other(line, SECOND), marker(2));
}

#[test]
fn a_refresh_of_a_family_that_was_not_agreed_is_ignored() {
    let (mut duo, _) = batch_to(NETWORK, &Open::modern(THEIRS, 9, THEIR_ID));
    let line = last_line(&duo);
    duo.world.say(line, &super::bytes::refresh(holdover_core::base::net::Family::Ipv6, 0));
    duo.world.run(2 * SECOND);
    while let Some(message) = duo.world.take(line) {
        assert_eq!(message, Message::Keepalive);
    }
    assert_eq!(duo.state(), State::Established);
}

#[test]
fn a_refresh_of_a_wrong_length_is_an_error_of_refresh_messages() {
    let (mut duo, _) = batch_to(NETWORK, &Open::modern(THEIRS, 9, THEIR_ID));
    let line = last_line(&duo);
    duo.world.say(line, &super::bytes::message(5, &[0, 1, 1, 1, 0]));
    let (code, subcode, _) = duo.world.hear_error(line, SECOND);
    assert_eq!((code, subcode), (7, 1), "RFC 7313 section 5");
}

fn last_line(duo: &Duo) -> super::script::Line {
    super::script::Line { tcp: duo.world.tcps.len() - 1, side: 1, as4: true }
}
