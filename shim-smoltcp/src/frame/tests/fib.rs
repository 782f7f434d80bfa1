use core::net::IpAddr;
use std::collections::BTreeMap;
use std::format;
use std::vec::Vec;

use holdover_core::base::net::Prefix;
use holdover_core::base::rand::Rand;
use holdover_core::engine::{NextHop, RouteTarget};

use super::ip;
use crate::frame::Full;
use crate::frame::fib::{Fib, NEXT_HOPS, Target};

fn prefix(text: &str) -> Prefix {
    let (address, length) = text.split_once('/').unwrap();
    Prefix::new(ip(address), length.parse().unwrap()).unwrap()
}

fn hop(text: &str) -> NextHop {
    NextHop { address: ip(text), link: None }
}

#[test]
fn the_longest_prefix_wins_in_each_family() {
    let mut fib = Fib::<8>::new();
    for (route, next_hop) in [
        ("0.0.0.0/0", "192.0.2.1"),
        ("10.0.0.0/8", "192.0.2.2"),
        ("10.1.0.0/16", "192.0.2.3"),
        ("10.1.1.1/32", "2001:db8::4"),
        ("2001:db8:1::/48", "2001:db8::5"),
        ("2001:db8:1:1::/64", "2001:db8::6"),
    ] {
        fib.install(prefix(route), RouteTarget::Via(&[hop(next_hop)])).unwrap();
    }
    for (destination, length, next_hop) in [
        ("203.0.113.1", 0, "192.0.2.1"),
        ("10.2.0.1", 8, "192.0.2.2"),
        ("10.1.0.1", 16, "192.0.2.3"),
        ("10.1.1.1", 32, "2001:db8::4"),
        ("2001:db8:1:2::1", 48, "2001:db8::5"),
        ("2001:db8:1:1::1", 64, "2001:db8::6"),
    ] {
        assert_eq!(fib.find(ip(destination), 7), Some((length, Target::Via(ip(next_hop)))), "{destination}");
    }
    assert_eq!(fib.find(ip("2001:db9::1"), 7), None, "IPv4's default route is none of IPv6's");
}

#[test]
fn a_route_is_replaced_and_removed_by_its_prefix() {
    let mut fib = Fib::<2>::new();
    assert!(fib.is_empty());
    let route = prefix("10.0.0.0/8");
    fib.install(route, RouteTarget::Blackhole).unwrap();
    assert_eq!(fib.find(ip("10.0.0.1"), 0), Some((8, Target::Blackhole)));
    fib.install(route, RouteTarget::Unreachable).unwrap();
    assert_eq!(fib.find(ip("10.0.0.1"), 0), Some((8, Target::Unreachable)));
    fib.install(route, RouteTarget::Via(&[hop("192.0.2.1")])).unwrap();
    assert_eq!(fib.find(ip("10.0.0.1"), 0), Some((8, Target::Via(ip("192.0.2.1")))));
    fib.install(route, RouteTarget::Via(&[])).unwrap();
    assert_eq!(fib.find(ip("10.0.0.1"), 0), Some((8, Target::Unreachable)));
    assert_eq!(fib.len(), 1);
    assert!(!fib.remove(prefix("10.0.0.0/9")));
    assert!(fib.remove(route) && !fib.remove(route));
    assert!(fib.is_empty() && fib.find(ip("10.0.0.1"), 0).is_none());
}

#[test]
fn a_full_table_refuses_and_stays_as_it_was() {
    let mut fib = Fib::<3>::new();
    for n in 0..3 {
        fib.install(prefix(&format!("10.{n}.0.0/16")), RouteTarget::Via(&[hop("192.0.2.1")])).unwrap();
    }
    assert_eq!(fib.install(prefix("10.3.0.0/16"), RouteTarget::Blackhole), Err(Full));
    assert_eq!(
        fib.install(prefix("10.2.0.0/16"), RouteTarget::Blackhole),
        Ok(()),
        "a known one has its place"
    );
    assert!(fib.find(ip("10.3.0.1"), 0).is_none());
    assert!(fib.remove(prefix("10.0.0.0/16")));
    assert_eq!(fib.install(prefix("10.3.0.0/16"), RouteTarget::Blackhole), Ok(()));
}

#[test]
fn too_many_next_hops_are_refused_and_change_no_route() {
    let mut fib = Fib::<8>::new();
    let hops = |first: usize, count: usize| -> Vec<NextHop> {
        (first..first + count).map(|n| hop(&format!("192.0.2.{n}"))).collect()
    };
    fib.install(prefix("10.0.0.0/16"), RouteTarget::Via(&hops(1, 16))).unwrap();
    fib.install(prefix("10.1.0.0/16"), RouteTarget::Via(&hops(17, NEXT_HOPS - 17))).unwrap();
    let before: Vec<_> = (0..64_u16).map(|n| fib.find(ip("10.0.0.1"), n << 10)).collect();
    assert_eq!(fib.install(prefix("10.0.0.0/16"), RouteTarget::Via(&hops(100, 2))), Err(Full));
    assert_eq!(before, (0..64_u16).map(|n| fib.find(ip("10.0.0.1"), n << 10)).collect::<Vec<_>>());
    fib.install(prefix("10.2.0.0/16"), RouteTarget::Via(&hops(1, 16))).expect("next hops are shared");
    assert!(fib.remove(prefix("10.1.0.0/16")));
    assert_eq!(fib.install(prefix("10.0.0.0/16"), RouteTarget::Via(&hops(100, 2))), Ok(()));
}

#[test]
fn equal_next_hops_have_equal_shares_and_keep_most_flows_when_one_goes() {
    let mut fib = Fib::<1>::new();
    let route = prefix("10.0.0.0/8");
    let all = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"].map(hop);
    let mut choose = |hops: &[NextHop]| -> Vec<IpAddr> {
        fib.install(route, RouteTarget::Via(hops)).unwrap();
        (0..=u16::MAX)
            .map(|flow| match fib.find(ip("10.0.0.1"), flow) {
                Some((8, Target::Via(address))) => address,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let four = choose(&all);
    for hop in all {
        assert_eq!(four.iter().filter(|&&address| address == hop.address).count(), 1 << 14);
    }
    let three = choose(&all[..3]);
    for hop in &all[..3] {
        let share = three.iter().filter(|&&address| address == hop.address).count();
        assert!((21_845..=21_846).contains(&share));
    }
    // RFC 2992 section 3: with the last of four gone, a quarter's flows must move, and as many again do.
    let moved = four.iter().zip(&three).filter(|(before, after)| before != after).count();
    assert!(moved <= (1 << 15) + 4, "{moved}");
}

/// What the table should do, as a map: slowly and without a doubt.
#[test]
fn any_changes_leave_what_a_plain_map_holds() {
    let mut rand = Rand::new(4_632);
    let mut fib = Fib::<16>::new();
    let mut model: BTreeMap<Prefix, Option<IpAddr>> = BTreeMap::new();
    for _ in 0..20_000 {
        let length = rand.next() % 33;
        let address = IpAddr::V4((0x0A00_0000 | (rand.next() & 0x0101_0101)).into());
        let route = Prefix::new(address, length as u8).unwrap();
        let next_hop = hop(&format!("192.0.2.{}", rand.next() % 8));
        match rand.next() % 4 {
            0 => assert_eq!(fib.remove(route), model.remove(&route).is_some()),
            kind => {
                let target = if kind == 1 { RouteTarget::Blackhole } else { RouteTarget::Via(&[next_hop]) };
                let full = model.len() == 16 && !model.contains_key(&route);
                assert_eq!(fib.install(route, target), if full { Err(Full) } else { Ok(()) });
                if !full {
                    model.insert(route, (kind != 1).then_some(next_hop.address));
                }
            }
        }
        let wanted = IpAddr::V4((0x0A00_0000 | (rand.next() & 0x0101_0101)).into());
        let best =
            model.iter().filter(|(route, _)| route.contains(wanted)).max_by_key(|(route, _)| route.length());
        let best = best.map(|(route, hop)| (route.length(), hop.map_or(Target::Blackhole, Target::Via)));
        assert_eq!(fib.find(wanted, rand.next() as u16), best);
        assert_eq!(fib.len(), model.len());
    }
}
