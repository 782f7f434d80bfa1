//! A new configuration is a difference, and what it does not touch does not notice.

use holdover_core::bgp::fsm::State;
use holdover_core::engine::Record;

use super::duo::{Duo, router};
use super::world::{MS, SECOND, World};

const FAMILY: &str = "no bgp network import-check\naddress-family ipv4 unicast\n network 192.0.2.10/32\n\
                      exit-address-family\n";

fn reload(duo: &mut Duo, config: &str) {
    duo.world.reload(duo.node, config);
    duo.world.run(200 * MS);
}

fn lax(duo: &mut Duo) {
    duo.world.hosts[duo.node].ledger.lax = true;
}

fn sessions(world: &World, host: usize) -> usize {
    world.hosts[host].records.iter().filter(|(_, record)| super::ledger::is_established(record)).count()
}

#[test]
fn the_same_text_again_changes_nothing_at_all() {
    let mut duo = Duo::dialling(FAMILY);
    lax(&mut duo);
    let line = duo.session();
    duo.world.run(2 * SECOND);
    let before = duo.world.hosts[duo.node].tap.log.len();
    for _ in 0..5 {
        reload(&mut duo, &router(FAMILY));
    }
    let new: Vec<_> = duo.world.hosts[duo.node].tap.log[before..].iter().map(|said| &said.message).collect();
    assert!(new.iter().all(|message| **message == super::bytes::Message::Keepalive), "{new:?}");
    assert!(!duo.world.is_over(line));
}

#[test]
fn a_new_route_is_announced_and_a_removed_one_withdrawn_in_the_same_session() {
    let mut duo = Duo::dialling(FAMILY);
    lax(&mut duo);
    let line = duo.session();
    duo.world.run(2 * SECOND);
    while duo.world.take(line).is_some() {}
    reload(&mut duo, &router(&FAMILY.replace("network 192.0.2.10/32", "network 192.0.2.9/32")));
    let (mut announced, mut withdrawn) = (vec![], vec![]);
    while announced.is_empty() || withdrawn.is_empty() {
        let update = duo.hear_update(line, SECOND);
        announced.extend(update.announced.iter().map(ToString::to_string));
        withdrawn.extend(update.withdrawn.iter().map(ToString::to_string));
    }
    assert_eq!((announced, withdrawn), (vec!["192.0.2.9/32".to_owned()], vec!["192.0.2.10/32".to_owned()]));
    assert_eq!(sessions(&duo.world, duo.node), 1);
}

/// The UPDATEs that the script hears in two seconds of a reload to `to`, after a while with `from`; and what is told of the route.
fn turned(from: &str, to: &str) -> (Vec<super::bytes::Update>, Vec<Record>) {
    let mut duo = Duo::bare();
    duo.world.script_listens(duo.peer, None);
    duo.world.boot(duo.node, super::speaker::sized::<2, 48, 400, 64, 16384>(), &router(from));
    lax(&mut duo);
    let line = duo.session();
    duo.world.run(2 * SECOND);
    while duo.world.take(line).is_some() {}
    let before = duo.world.hosts[duo.node].records.len();
    duo.world.reload(duo.node, &router(to));
    duo.world.run(2 * SECOND);
    let heard = core::iter::from_fn(|| duo.world.take(line)).filter_map(|message| match message {
        super::bytes::Message::Update(update) => Some(update),
        _ => None,
    });
    let heard = heard.collect();
    let records = duo.world.hosts[duo.node].records[before..].iter().map(|(_, record)| *record);
    (heard, records.collect())
}

#[test]
fn a_network_that_becomes_a_service_and_the_other_way_round_stays_announced() {
    let network = "address-family ipv4 unicast\n network 192.0.2.10/32\nexit-address-family\n";
    let service = |lines: &str| format!("exit\nfailover web\n address 192.0.2.10/32\n{lines}");
    let checked = service(" check c tcp 10.0.0.2:80 interval 500ms\n");
    // More lines than are gone through in one turn.
    let block = |n: u32| {
        let addresses = (0..8).map(|at| format!(" address 10.9.{n}.{at}/32")).collect::<Vec<_>>().join("\n");
        format!("failover a{n}\n{addresses}\nexit\n")
    };
    let others = (0..40).map(block).collect::<Vec<_>>().concat();
    let after_others = format!("exit\n{others}{}", service("").trim_start_matches("exit\n"));
    let cases = [
        (network, service("")),
        (network, checked.clone()),
        (network, after_others.clone()),
        (&service(""), network.to_owned()),
        (&checked, network.to_owned()),
        (&after_others, network.to_owned()),
        // Another name is another block.
        (&checked, checked.replace("web", "www")),
    ];
    for (from, to) in &cases {
        let (heard, records) = turned(from, to);
        let withdrawn = heard.iter().flat_map(|update| &update.withdrawn);
        let ours: Vec<_> = withdrawn.filter(|prefix| prefix.to_string() == "192.0.2.10/32").collect();
        assert!(ours.is_empty(), "{from}\n{to}\n{heard:?}\n{records:?}");
    }
}

#[test]
fn a_changed_route_map_changes_the_attributes_and_nothing_else() {
    let text = |number: u32| {
        router(&format!(
            "{}route-map m permit 10\n set community 65000:{number}\n",
            FAMILY.replace("192.0.2.10/32", "192.0.2.10/32 route-map m")
        ))
    };
    let mut duo = Duo::with(&text(1));
    lax(&mut duo);
    let line = duo.session();
    let update = duo.hear_update(line, 3 * SECOND);
    assert_eq!(update.attributes.communities, [(65_000 << 16) + 1]);
    reload(&mut duo, &text(2));
    let update = duo.hear_update(line, SECOND);
    assert_eq!(update.attributes.communities, [(65_000 << 16) + 2]);
    assert!(update.withdrawn.is_empty());
    assert_eq!(sessions(&duo.world, duo.node), 1);
}

#[test]
fn another_neighbor_comes_and_goes_without_the_first_noticing() {
    let mut duo = Duo::dialling("");
    let line = duo.session();
    reload(&mut duo, &router("neighbor 10.0.0.9 remote-as 65010\nneighbor 10.0.0.8 remote-as external"));
    assert_eq!(duo.world.hosts[duo.node].engine().summary().peers, 3);
    reload(&mut duo, &router(""));
    assert_eq!(duo.world.hosts[duo.node].engine().summary().peers, 1);
    duo.world.run(20 * SECOND);
    assert!(!duo.world.is_over(line));
    assert_eq!(sessions(&duo.world, duo.node), 1);
}

#[test]
fn a_removed_neighbor_is_told_that_it_is_deconfigured() {
    let mut duo = Duo::dialling("");
    let line = duo.session();
    duo.world.reload(duo.node, "router bgp 65000\n bgp router-id 10.0.0.1\n");
    let (code, subcode, _) = duo.world.hear_error(line, SECOND);
    assert_eq!((code, subcode), (6, 3));
    duo.world.run(10 * SECOND);
    assert_eq!(duo.world.hosts[duo.node].engine().summary().peers, 0);
}

#[test]
fn a_shutdown_says_its_text() {
    let mut duo = Duo::dialling("");
    let line = duo.session();
    duo.world.reload(duo.node, &router("neighbor 10.0.0.2 shutdown message Wartung bis 5 Uhr: grüße"));
    let (code, subcode, data) = duo.world.hear_error(line, SECOND);
    assert_eq!((code, subcode), (6, 2));
    let text = "Wartung bis 5 Uhr: grüße";
    assert_eq!((usize::from(data[0]), &data[1..]), (text.len(), text.as_bytes()));
}

#[test]
fn what_a_cease_says_is_shown() {
    let mut duo = Duo::dialling("");
    let line = duo.session();
    let mut data = vec![5];
    data.extend(b"later");
    duo.world.say(line, &super::bytes::notification(6, 2, &data));
    duo.world.run(SECOND);
    let peer = duo.world.hosts[duo.node].engine().peer(0).unwrap();
    assert_eq!(peer.last_text, b"later");
}

#[test]
fn changed_timers_and_another_as_reset_only_their_own_session() {
    for change in ["neighbor 10.0.0.2 timers 1 30", "neighbor 10.0.0.2 password secret"] {
        let mut duo = Duo::dialling("");
        let line = duo.session();
        duo.world.reload(duo.node, &router(change));
        let (code, subcode, _) = duo.world.hear_error(line, 2 * SECOND);
        assert_eq!((code, subcode), (6, 6), "Other Configuration Change for {change}");
    }
}

#[test]
fn a_new_description_resets_nothing() {
    let mut duo = Duo::dialling("");
    let line = duo.session();
    reload(&mut duo, &router("neighbor 10.0.0.2 description the other end"));
    duo.world.run(20 * SECOND);
    assert_eq!(duo.state(), State::Established);
    assert!(!duo.world.is_over(line));
    assert_eq!(duo.world.hosts[duo.node].engine().peer(0).unwrap().description, "the other end");
}

#[test]
fn every_take_over_is_recorded() {
    let mut duo = Duo::dialling("");
    reload(&mut duo, &router(FAMILY));
    let configured = |record: &&Record| matches!(record, Record::Configured { .. });
    assert_eq!(duo.records().filter(configured).count(), 2);
}

#[test]
fn a_reload_in_the_middle_of_an_opening_is_survived() {
    for pause in [0, 50, 150, 250, 350, 450] {
        let mut duo = Duo::dialling("");
        duo.world.run(pause);
        duo.world.reload(duo.node, &router(FAMILY));
        lax(&mut duo);
        duo.session();
    }
}
