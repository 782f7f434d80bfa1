//! The host's tables against a real kernel, each test in a network namespace of its own thread. They need
//! CAP_SYS_ADMIN, and say so where it is missing.

use std::net::IpAddr;
use std::thread;

use holdover_core::engine::NextHop;
use rustix::net::sockopt::set_socket_recv_buffer_size;

use super::message::{ACK, CREATE, INET, REPLACE, Request};
use super::*;
use crate::io::timer::now;
use crate::sys::namespace;

const LO: LinkId = LinkId(1);
const PATIENCE: Duration = Duration::from_secs(10);
const ID: AddressId = AddressId { index: 4, generation: 2 };
const ROUTE: RouteId = RouteId { index: 9, generation: 1 };

/// Runs a test where nobody is disturbed.
pub(crate) fn in_a_namespace(test: fn()) {
    let body = move || {
        namespace::new_network()
            .expect("this test needs CAP_SYS_ADMIN for a network namespace: run it as root");
        set_up(LO);
        test();
    };
    thread::spawn(body).join().unwrap();
}

fn request(fill: impl FnOnce(u32) -> Request) {
    let mut socket = NetlinkSocket::open(0).unwrap();
    let sequence = socket.next_sequence();
    socket.execute(&mut fill(sequence)).unwrap();
}

fn set_up(link: LinkId) {
    request(|sequence| {
        let mut request = Request::new(kind::NEW_LINK, ACK, sequence);
        request.put(&[0; 4]).put(&link.0.to_ne_bytes()).put(&1_u32.to_ne_bytes()).put(&1_u32.to_ne_bytes());
        request
    });
}

/// A blackhole route of somebody else's, as `ip route add blackhole P metric M proto static`; or takes it away.
fn foreign_route(add: bool, prefix: Prefix, metric: u32) {
    request(|sequence| {
        let (kind, flags) = if add { (kind::NEW_ROUTE, ACK | CREATE) } else { (kind::DELETE_ROUTE, ACK) };
        let mut request = Request::new(kind, flags, sequence);
        request.put(&[INET, prefix.length(), 0, 0, 254, 4, 0, 6, 0, 0, 0, 0]).address(1, prefix.address());
        request.attribute(6, &metric.to_ne_bytes());
        request
    });
}

fn address(text: &str) -> InterfaceAddress {
    let (address, length) = text.split_once('/').unwrap();
    InterfaceAddress { address: address.parse().unwrap(), length: length.parse().unwrap() }
}

fn prefix(text: &str) -> Prefix {
    address(text).subnet()
}

/// Facts until one is the last one wanted.
fn until(host: &mut Host, routes: bool, mut last: impl FnMut(&Fact) -> bool) -> Vec<Fact> {
    let (mut facts, end) = (Vec::new(), now() + PATIENCE);
    loop {
        assert!(now() < end, "not told within {PATIENCE:?}: {facts:?}");
        host.set_readable(routes);
        while let Some(fact) = host.next(routes, &mut 64) {
            facts.push(fact);
            if last(&fact) {
                return facts;
            }
        }
        thread::yield_now();
    }
}

fn is_end(what: HostTable) -> impl Fn(&Fact) -> bool {
    move |fact| matches!(fact, Fact::Plain(Input::Resync { what: told, phase: Phase::End }) if *told == what)
}

/// A host whose tables were told.
fn told() -> Host {
    let mut host = Host::open(Vec::new()).unwrap();
    until(&mut host, false, is_end(HostTable::Addresses));
    assert!(host.is_told());
    host
}

fn bind(host: &mut Host, what: InterfaceAddress) -> Result<Bound, IoError> {
    let mut answers = VecDeque::new();
    host.bind(now(), ID, LO, what, "lo", &mut answers);
    if answers.is_empty() {
        let serial = host.serial;
        host.list_written(now(), serial, &mut answers);
    }
    settle(host, &mut answers);
    done(&mut answers)
}

/// Looks again until there is an answer.
fn settle(host: &mut Host, answers: &mut VecDeque<Fact>) {
    while answers.is_empty() {
        host.begin_turn(now(), answers);
        host.tick(now(), answers);
        thread::yield_now();
    }
}

fn unbind(host: &mut Host, what: InterfaceAddress) -> Result<Bound, IoError> {
    let mut answers = VecDeque::new();
    host.unbind(ID, LO, what, &mut answers);
    done(&mut answers)
}

fn done(answers: &mut VecDeque<Fact>) -> Result<Bound, IoError> {
    assert_eq!(answers.len(), 1);
    match answers.pop_front() {
        Some(Fact::Plain(Input::AddressDone { address: ID, result })) => result,
        other => panic!("{other:?}"),
    }
}

/// Presence and ownership, as told next.
fn next_address(host: &mut Host, what: InterfaceAddress) -> (bool, bool) {
    let about = |fact: &Fact| matches!(fact, Fact::Plain(Input::Address { address, .. }) if *address == what);
    match until(host, false, about).pop() {
        Some(Fact::Plain(Input::Address { link: LO, present, ours, .. })) => (present, ours),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_tables_are_told_whole_links_first() {
    in_a_namespace(|| {
        let mut host = Host::open(Vec::new()).unwrap();
        let facts = until(&mut host, false, is_end(HostTable::Addresses));
        let place = |wanted: &dyn Fn(&Fact) -> bool| facts.iter().position(wanted).unwrap();
        let resync = |what, phase| {
            place(
                &|fact| matches!(fact, Fact::Plain(Input::Resync { what: w, phase: p }) if (*w, *p) == (what, phase)),
            )
        };
        let lo = place(
            &|fact| matches!(fact, Fact::Link { link: LO, name, up: true, gone: false } if name.as_str() == "lo"),
        );
        let home = address("127.0.0.1/8");
        let address = place(
            &|fact| matches!(fact, Fact::Plain(Input::Address { address, present: true, ours: false, .. }) if *address == home),
        );
        let order = [
            resync(HostTable::Links, Phase::Begin),
            lo,
            resync(HostTable::Links, Phase::End),
            resync(HostTable::Addresses, Phase::Begin),
            address,
            resync(HostTable::Addresses, Phase::End),
        ];
        assert!(order.is_sorted(), "{facts:?}");
        assert_eq!(host.name(LO), "lo");
    });
}

#[test]
fn an_address_is_bound_once_and_unbound_once_and_both_are_told() {
    in_a_namespace(|| {
        let mut host = told();
        for what in [address("192.0.2.10/32"), address("2001:db8::10/128")] {
            assert_eq!(bind(&mut host, what), Ok(Bound::Done));
            assert_eq!(next_address(&mut host, what), (true, true));
            assert_eq!(bind(&mut host, what), Ok(Bound::AlreadySo));
            assert_eq!(unbind(&mut host, what), Ok(Bound::Done));
            assert!(!next_address(&mut host, what).0);
            assert_eq!(unbind(&mut host, what), Ok(Bound::AlreadySo));
        }
        let nowhere = LinkId(77);
        let mut answers = VecDeque::new();
        host.unbind(ID, nowhere, address("192.0.2.10/32"), &mut answers);
        assert_eq!(done(&mut answers), Ok(Bound::AlreadySo));
    });
}

#[test]
fn an_ipv6_address_is_usable_at_once_and_never_preferred() {
    in_a_namespace(|| {
        let mut host = told();
        assert_eq!(bind(&mut host, address("2001:db8::10/128")), Ok(Bound::Done));
        let table = std::fs::read_to_string("/proc/thread-self/net/if_inet6").unwrap();
        let line = table.lines().find(|line| line.starts_with("20010db8000000000000000000000010")).unwrap();
        // Columns: address, index, length, scope, flags, name.
        let flags = u32::from_str_radix(line.split_whitespace().nth(4).unwrap(), 16).unwrap();
        let (deprecated, tentative) = (0x20, 0x40);
        assert_eq!(flags & (deprecated | tentative), deprecated, "{line}");
    });
}

#[test]
fn an_ipv6_address_is_bound_when_the_kernel_takes_packets_to_it_and_not_before() {
    in_a_namespace(|| {
        let mut host = told();
        for last in 1..=100 {
            let what = address(&format!("2001:db8::{last}/128"));
            assert!(!is_own(&mut host.orders, what.address));
            assert_eq!(bind(&mut host, what), Ok(Bound::Done));
            assert!(is_own(&mut host.orders, what.address));
        }
        // One that was removed before the kernel came to it.
        let (begin, mut answers) = (now(), VecDeque::new());
        let (gone, until) = (address("2001:db8:1::1/128").address, begin + SETTLE_PATIENCE);
        host.settling.push_back(Settling { id: ID, address: gone, look: begin, until });
        assert!(!host.tick(begin, &mut answers) && answers.is_empty());
        assert_eq!(host.deadline(), begin + SETTLE_LOOK);
        assert!(host.tick(until, &mut answers));
        assert_eq!(done(&mut answers), Err(IoError::TimedOut));
        assert_eq!(host.deadline(), Instant::FAR);
    });
}

#[test]
fn a_bind_waits_for_its_entry_in_the_list_but_not_for_ever() {
    in_a_namespace(|| {
        let mut host = told();
        let (mut answers, begin) = (VecDeque::new(), now());
        let what = address("192.0.2.10/32");
        host.bind(begin, ID, LO, what, "lo", &mut answers);
        assert!(answers.is_empty() && host.deadline() == begin + LIST_PATIENCE);
        assert!(matches!(&host.changes[..], [OwnedChange::Add { serial: 1, entry }] if entry.link == "lo"));
        assert!(!host.tick(begin, &mut answers) && answers.is_empty());
        assert!(host.tick(begin + LIST_PATIENCE, &mut answers));
        assert_eq!(done(&mut answers), Ok(Bound::Done));
        assert_eq!(unbind(&mut host, what), Ok(Bound::Done));
        assert!(matches!(&host.changes[..], [_, OwnedChange::Remove { .. }]));
    });
}

#[test]
fn many_orders_are_carried_out_in_their_order_so_many_in_a_turn() {
    in_a_namespace(|| {
        let mut host = told();
        let id = |index| AddressId { index, generation: 1 };
        let what = |index: u16| address(&format!("10.0.{}.{}/32", index >> 8, index & 0xff));
        let mut answers = VecDeque::new();
        // All answers in their order, and how many came in each turn.
        let turns = |host: &mut Host, answers: &mut VecDeque<Fact>| {
            let (mut done, mut turns, end) = (Vec::new(), Vec::new(), now() + PATIENCE);
            while done.len() < 200 {
                assert!(now() < end, "{done:?}");
                turns.extend(Some(answers.len()).filter(|count| *count > 0));
                for fact in answers.drain(..) {
                    let Fact::Plain(Input::AddressDone { address, result }) = fact else {
                        panic!("{fact:?}")
                    };
                    assert_eq!(result, Ok(Bound::Done));
                    done.push(address.index);
                }
                let at = host.deadline();
                if now() < at {
                    continue; // The pause between two shares.
                }
                host.begin_turn(now(), answers);
            }
            assert_eq!(done, (0..200).collect::<Vec<u16>>());
            assert!(turns.len() >= 4 && turns.iter().all(|count| *count <= 64), "{turns:?}");
            assert!(host.deadline() == Instant::FAR);
        };
        let all: Vec<u16> = (0..200).collect();
        for &index in &all {
            host.bind(now(), id(index), LO, what(index), "lo", &mut answers);
        }
        assert!(answers.is_empty(), "they wait for the list");
        let serial = host.serial;
        host.list_written(now(), serial, &mut answers);
        turns(&mut host, &mut answers);
        for &index in &all {
            host.order(now(), Order::Unbind(id(index), LO, what(index)), &mut answers);
        }
        turns(&mut host, &mut answers);
        // What is left of the list's patience is no reason to carry out all at once.
        for &index in &all {
            host.bind(now(), id(index), LO, what(index), "lo", &mut answers);
        }
        assert!(host.tick(now() + LIST_PATIENCE, &mut answers));
        turns(&mut host, &mut answers);
    });
}

#[test]
fn what_was_there_already_is_not_listed_as_ours() {
    in_a_namespace(|| {
        let what = address("192.0.2.10/32");
        request(|sequence| {
            let mut request = Request::new(kind::NEW_ADDRESS, ACK | CREATE, sequence);
            request.put(&[INET, 32, 0, 0]).put(&LO.0.to_ne_bytes()).address(2, what.address);
            request
        });
        let mut host = told();
        assert_eq!(bind(&mut host, what), Ok(Bound::AlreadySo));
        assert!(matches!(&host.changes[..], [OwnedChange::Add { .. }, OwnedChange::Remove { .. }]));
    });
}

#[test]
fn a_leftover_of_an_earlier_run_is_known_by_its_mark() {
    in_a_namespace(|| {
        assert_eq!(bind(&mut told(), address("2001:db8::10/128")), Ok(Bound::Done));
        let mut later = Host::open(Vec::new()).unwrap();
        assert_eq!(next_address(&mut later, address("2001:db8::10/128")), (true, true));
    });
}

#[test]
fn a_leftover_of_an_earlier_run_is_known_by_the_list() {
    in_a_namespace(|| {
        let entry = Entry { link: "lo".to_owned(), address: address("127.0.0.1/8") };
        let mut host = Host::open(vec![entry]).unwrap();
        assert_eq!(next_address(&mut host, address("127.0.0.1/8")), (true, true));
    });
}

fn install(host: &mut Host, to: Prefix, target: RouteTarget<'_>) -> Result<(), IoError> {
    let mut answers = VecDeque::new();
    host.install(ROUTE, to, target, &mut answers);
    route_result(&mut answers)
}

fn route_result(answers: &mut VecDeque<Fact>) -> Result<(), IoError> {
    match answers.pop_front() {
        Some(Fact::Plain(Input::RouteDone { route: ROUTE, result })) => result,
        other => panic!("{other:?}"),
    }
}

/// Our routes in the kernel: prefix and metric.
fn own_routes() -> Vec<(Prefix, u32)> {
    let mut watch = Watch::open(&[HostTable::Routes], 0).unwrap();
    let mut found = Vec::new();
    loop {
        match watch.next(&mut 64) {
            Some(Told::Resync(_, Phase::End)) => return found,
            Some(Told::Fact(HostFact::OwnRoute { prefix, metric, present: true, .. })) => {
                found.push((prefix, metric));
            }
            _ => {}
        }
    }
}

#[test]
fn a_route_is_installed_replaced_and_removed() {
    in_a_namespace(|| {
        request(|sequence| {
            let mut request = Request::new(kind::NEW_LINK, ACK | CREATE, sequence);
            request.put(&[0; 16]).attribute(3, b"bridge\0").nested(18, |request| {
                request.attribute(1, b"bridge");
            });
            request
        });
        let mut host = told();
        let link = LinkId(*host.names.iter().find(|(_, name)| name.as_str() == "bridge").unwrap().0);
        set_up(link);
        let mut answers = VecDeque::new();
        for own in ["10.9.0.1/24", "2001:db8:9::1/64"] {
            host.bind(now(), ID, link, address(own), "bridge", &mut answers);
            let serial = host.serial;
            host.list_written(now(), serial, &mut answers);
            settle(&mut host, &mut answers);
            assert_eq!(done(&mut answers), Ok(Bound::Done));
        }
        let hop = |text: &str| NextHop { address: text.parse::<IpAddr>().unwrap(), link: Some(link) };
        let hops = [hop("10.9.0.2"), hop("2001:db8:9::2")];
        let v6 = [hop("2001:db8:9::2"), hop("2001:db8:9::3")];
        let all: [(&str, &[NextHop]); 2] = [("192.0.2.0/24", &hops), ("2001:db8:1::/64", &v6)];
        for (to, hops) in all {
            let to = prefix(to);
            for target in [RouteTarget::Via(&hops[..1]), RouteTarget::Via(hops), RouteTarget::Via(&hops[1..])]
            {
                assert_eq!(install(&mut host, to, target), Ok(()), "{to} {target:?}");
                let found = own_routes();
                assert!(
                    !found.is_empty() && found.iter().all(|route| *route == (to, orders::METRIC)),
                    "{found:?}"
                );
            }
            for target in [RouteTarget::Unreachable, RouteTarget::Blackhole] {
                assert_eq!(install(&mut host, to, target), Ok(()));
                assert_eq!(own_routes(), [(to, orders::METRIC_NOWHERE)]);
            }
            for _ in 0..2 {
                host.remove(ROUTE, to, &mut answers);
                assert_eq!(route_result(&mut answers), Ok(()));
            }
            assert_eq!(own_routes(), []);
        }
        let unreachable = [hop("203.0.113.1")];
        assert_eq!(
            install(&mut host, prefix("192.0.2.0/24"), RouteTarget::Via(&unreachable)),
            Err(IoError::Unreachable)
        );
    });
}

#[test]
fn what_a_crashed_run_installed_is_taken_away_and_nothing_else() {
    in_a_namespace(|| {
        let mut host = told();
        assert_eq!(install(&mut host, prefix("192.0.2.0/24"), RouteTarget::Blackhole), Ok(()));
        foreign_route(true, prefix("198.51.100.0/24"), 0);
        let mut later = told();
        later.remove_own_routes().unwrap();
        assert_eq!(own_routes(), []);
        foreign_route(false, prefix("198.51.100.0/24"), 0); // It fails unless the route is still there.
    });
}

#[test]
fn kernel_routes_are_followed_and_ours_are_not_among_them() {
    in_a_namespace(|| {
        let mut host = told();
        let (first, second) = (prefix("198.51.100.7/32"), prefix("198.51.100.8/32"));
        foreign_route(true, first, 1);
        assert_eq!(install(&mut host, prefix("192.0.2.0/24"), RouteTarget::Blackhole), Ok(()));
        assert!(host.follow_routes(true).unwrap() && !host.follow_routes(true).unwrap());
        let routes = |facts: Vec<Fact>| -> Vec<(Prefix, bool)> {
            let told = facts.into_iter().filter_map(|fact| match fact {
                Fact::Plain(Input::KernelRoute { prefix, present }) => Some((prefix, present)),
                _ => None,
            });
            told.collect()
        };
        assert_eq!(routes(until(&mut host, true, is_end(HostTable::Routes))), [(first, true)]);
        foreign_route(true, first, 2);
        foreign_route(false, first, 1); // The other one stays.
        foreign_route(true, second, 0);
        foreign_route(false, first, 2);
        let gone = |fact: &Fact| matches!(fact, Fact::Plain(Input::KernelRoute { present: false, .. }));
        let expected = [(first, true), (first, true), (second, true), (first, false)];
        assert_eq!(routes(until(&mut host, true, gone)), expected);
    });
}

#[test]
fn what_was_lost_in_an_overrun_is_told_again() {
    in_a_namespace(|| {
        let mut host = told();
        host.follow_routes(true).unwrap();
        until(&mut host, true, is_end(HostTable::Routes));
        set_socket_recv_buffer_size(host.routes.as_ref().unwrap(), 4096).unwrap();
        for last in 0..=255 {
            foreign_route(true, prefix(&format!("198.51.100.{last}/32")), 0);
        }
        let begin = |fact: &Fact| matches!(fact, Fact::Plain(Input::Resync { phase: Phase::Begin, .. }));
        until(&mut host, true, begin);
        let end = now() + PATIENCE;
        while host.kernel_routes.len() < 256 {
            assert!(now() < end, "{}", host.kernel_routes.len());
            until(&mut host, true, is_end(HostTable::Routes));
        }
    });
}

/// What another hand does to a route: it takes it away, or puts one of its own in its place.
fn other_hand(replaces: bool, prefix: Prefix, metric: u32) {
    request(|sequence| {
        let (kind, flags) =
            if replaces { (kind::NEW_ROUTE, ACK | CREATE | REPLACE) } else { (kind::DELETE_ROUTE, ACK) };
        let (protocol, route) = if replaces { (4, 6) } else { (0, 0) };
        let mut request = Request::new(kind, flags, sequence);
        request.put(&[INET, prefix.length(), 0, 0, 254, protocol, 0, route, 0, 0, 0, 0]);
        request.address(1, prefix.address());
        request.attribute(6, &metric.to_ne_bytes());
        request
    });
}

/// Which routes of ours are told to be lost by what waits now.
fn lost(host: &mut Host) -> Vec<RouteId> {
    let mut lost = Vec::new();
    host.set_readable(true);
    while let Some(fact) = host.next(true, &mut 64) {
        match fact {
            Fact::Plain(Input::RouteLost { route }) => lost.push(route),
            other => panic!("{other:?}"),
        }
    }
    lost
}

#[test]
fn a_route_of_ours_that_another_hand_removes_or_replaces_is_told_and_what_we_do_ourselves_is_not() {
    in_a_namespace(|| {
        let mut host = told();
        let ours = prefix("192.0.2.0/24");
        foreign_route(true, prefix("198.51.100.7/32"), 1);
        assert!(host.watch_own_routes().unwrap() && !host.watch_own_routes().unwrap());
        for replaces in [false, true] {
            assert_eq!(install(&mut host, ours, RouteTarget::Blackhole), Ok(()));
            assert_eq!(install(&mut host, ours, RouteTarget::Unreachable), Ok(()));
            assert_eq!(lost(&mut host), []);
            other_hand(replaces, ours, orders::METRIC_NOWHERE);
            assert_eq!(lost(&mut host), [ROUTE]);
        }
        // One beside ours takes nothing away.
        assert_eq!(install(&mut host, ours, RouteTarget::Blackhole), Ok(()));
        foreign_route(true, ours, 5);
        other_hand(true, ours, 5);
        foreign_route(false, ours, 5);
        assert_eq!(lost(&mut host), []);
        assert_eq!(own_routes(), [(ours, orders::METRIC_NOWHERE)]);
        let mut answers = VecDeque::new();
        host.remove(ROUTE, ours, &mut answers);
        assert_eq!(route_result(&mut answers), Ok(()));
        assert_eq!(lost(&mut host), []);
        // Whoever redistributes them later is told them whole.
        assert!(!host.follow_routes(true).unwrap());
        let facts = until(&mut host, true, is_end(HostTable::Routes));
        assert!(
            facts.iter().any(|fact| matches!(fact, Fact::Plain(Input::KernelRoute { present: true, .. })))
        );
    });
}

#[test]
fn a_route_of_ours_that_was_lost_in_an_overrun_is_found() {
    in_a_namespace(|| {
        let mut host = told();
        host.watch_own_routes().unwrap();
        set_socket_recv_buffer_size(host.routes.as_ref().unwrap(), 4096).unwrap();
        let mut answers = VecDeque::new();
        for (index, ours) in [(7, "192.0.2.0/24"), (8, "192.0.3.0/24")] {
            let route = RouteId { index, generation: 3 };
            host.install(route, prefix(ours), RouteTarget::Blackhole, &mut answers);
        }
        assert_eq!(lost(&mut host), []);
        for last in 0..=255 {
            foreign_route(true, prefix(&format!("198.51.100.{last}/32")), 0);
        }
        other_hand(false, prefix("192.0.3.0/24"), orders::METRIC_NOWHERE);
        let (mut found, end) = (Vec::new(), now() + PATIENCE);
        while found.is_empty() {
            assert!(now() < end);
            found = lost(&mut host);
        }
        assert_eq!(found, [RouteId { index: 8, generation: 3 }]);
    });
}
