//! Configurations that people publish and that the lab uses: they must read, and mean what they say.

use std::format;

use super::{TEMPLATE, canonical, read_all};
use crate::base::net::{Asn, Families, Family};
use crate::config::{CheckKinds, Clause, Owner, PeerFlags, Platform, Printed, RemoteAs, Role};

#[test]
fn the_guides_template_means_what_it_says() {
    let (config, said, fine) = read_all(TEMPLATE, &Platform::LINUX);
    assert!(fine && said.is_empty(), "{said:#?}");
    let view = config.view();
    assert_eq!((view.text(view.hostname), view.bgp.local_as), ("node1", Asn(65_000)));
    assert_eq!(view.neighbors.len(), 4);
    for neighbor in view.neighbors {
        let options = view.options(neighbor);
        assert_eq!(options.remote_as, RemoteAs::External);
        assert!(options.flags.on(PeerFlags::EXTENDED_NEXT_HOP));
        assert_eq!(view.families(&options), Families::NONE.with(Family::Ipv4));
    }
    let [route] = view.routes else { panic!("{:?}", view.routes) };
    assert_eq!((format!("{:?}", route.prefix()).as_str(), route.owner), ("192.0.2.10/32", Owner::Network));
    let set = view.list(route.map).map(|rule| rule.clause);
    assert!(set.eq([Clause::Entry, Clause::SetLargeCommunity([63_949, 1, 1])]));
    let sources = view.bgp.redistribute.map(|sources| sources.map(|source| source.on));
    assert_eq!(sources, [[true, false, false], [false; 3]]);
}

/// What the lab writes for Holdover with everything switched on.
const TUNED: &str = "\
bfd
 profile fast
  transmit-interval 50
  receive-interval 50
  detect-multiplier 3
hostname n1
router bgp 65000
 no bgp ebgp-requires-policy
 coalesce-time 1000
 bgp bestpath as-path multipath-relax
 neighbor RS peer-group
 neighbor RS remote-as external
 neighbor RS capability extended-nexthop
 neighbor RS timers 1 3
 neighbor RS timers connect 1
 neighbor RS bfd profile fast
 neighbor 2600:3c0f:4:34::1 peer-group RS
 neighbor 2600:3c0f:4:34::2 peer-group RS
 address-family ipv4 unicast
  redistribute static
 exit-address-family
route-map primary permit 10
 set large-community 63949:1:1
route-map secondary permit 10
 set large-community 63949:1:2
failover web
 address 192.0.2.10/32
 bind lo
 role secondary
 active route-map secondary
 check app tcp 192.0.2.10:9001 interval 100ms timeout 500ms rise 1 fall 1
 start-delay 0s
 preempt delay 0s
 linger 1s
exit
";

#[test]
fn the_labs_configuration_reads_where_the_platform_can_do_it() {
    let (config, said, fine) = read_all(TUNED, &Platform::ALL);
    assert!(fine, "{said:#?}");
    let view = config.view();
    let (service, check) = (view.services[0], view.checks[0]);
    assert_eq!(
        (service.role, service.linger_ms.get(), service.drain_delay_ms.get()),
        (Role::Secondary, 1_000, 2_000)
    );
    assert_eq!((check.interval_ms.get(), check.timeout_ms.get(), check.rise, check.fall), (100, 500, 1, 1));
    assert_eq!(view.text(view.options(&view.neighbors[0]).bfd_profile), "fast");
    let (again, _, _) = read_all(&format!("{}", Printed(view)), &Platform::ALL);
    assert_eq!(canonical(view), canonical(again.view()));
    // On Linux too; where a platform runs no checks, exactly the line that asks for one is an error.
    assert!(read_all(TUNED, &Platform::LINUX).2);
    let (_, said, fine) = read_all(TUNED, &Platform { checks: CheckKinds::NONE, ..Platform::LINUX });
    assert!(!fine && said.iter().filter(|said| said.starts_with("error")).count() == 1, "{said:#?}");
}

#[test]
fn what_frr_writes_by_itself_reads() {
    let written = "\
frr version 8.4.4
frr defaults traditional
hostname edge
log syslog informational
no ipv6 forwarding
service integrated-vtysh-config
!
password zebra
!
interface eth0
 description uplink
 ip address 198.51.100.2/24
 ipv6 nd ra-interval 10
exit
!
ip prefix-list OWN seq 5 permit 192.0.2.0/24 le 32
!
route-map OUT permit 10
 match ip address prefix-list OWN
 set community 65000:1 additive
exit
!
route-map OUT deny 20
exit
!
router bgp 65001
 bgp router-id 198.51.100.2
 bgp log-neighbor-changes
 no bgp default ipv4-unicast
 neighbor 198.51.100.1 remote-as 65000
 neighbor 198.51.100.1 description route server, first # of two!
 neighbor 198.51.100.1 password p!a#s s
 neighbor 198.51.100.1 ebgp-multihop 2
 neighbor 198.51.100.1 update-source eth0
 neighbor 198.51.100.1 timers 3 9
 neighbor 198.51.100.1 timers connect 5
 neighbor 198.51.100.1 shutdown message back at noon
 !
 address-family ipv4 unicast
  network 192.0.2.7/32
  neighbor 198.51.100.1 activate
  neighbor 198.51.100.1 soft-reconfiguration inbound
  neighbor 198.51.100.1 route-map OUT out
  neighbor 198.51.100.1 maximum-prefix 100 warning-only
  maximum-paths 4
 exit-address-family
exit
!
line vty
 exec-timeout 0 0
exit
!
end
";
    let (config, said, fine) = read_all(written, &Platform::LINUX);
    assert!(fine && said.iter().all(|said| said.starts_with("note")), "{said:#?}");
    let view = config.view();
    let options = view.options(&view.neighbors[0]);
    assert_eq!(view.text(options.description), "route server, first # of two!");
    assert_eq!(view.text(options.password), "p!a#s s");
    assert_eq!(view.text(options.shutdown_text), "back at noon");
    assert_eq!((options.multihop, options.connect, options.hold), (2, 5, 9));
    assert_eq!(view.list(options.map_out[0]).count(), 5);
    let hidden = format!("{:#}", Printed(view));
    assert!(hidden.contains("password <hidden>") && !hidden.contains("p!a#s"));
    assert!(!read_all(&hidden, &Platform::LINUX).2, "what was hidden is not taken for a password");
}
