//! What is said about texts that are wrong, and where.

use std::format;
use std::string::String;
use std::vec::Vec;

use super::{Small, TEMPLATE, read_all};
use crate::config::{CheckKind, CheckKinds, Config, Platform, Printed, parse};

/// The text's diagnostics must be these, in this order.
fn says(text: &str, expected: &[&str]) {
    let (_, said, fine) = read_all(text, &Platform::LINUX);
    assert_eq!(said, expected, "\n{text}");
    assert_eq!(fine, !said.iter().any(|line| line.starts_with("error")), "{text}");
}

#[test]
fn an_unknown_statement_is_an_error_with_the_nearest_word() {
    says(
        "nieghbor 1.2.3.4",
        &["error: line 1, column 1: unknown statement `nieghbor`; did you mean `neighbor`?"],
    );
    says(
        "router bgp 65000\n  nieghbor 1.2.3.4 remote-as 1",
        &["error: line 2, column 3: unknown statement `nieghbor`; did you mean `neighbor`?"],
    );
    says(
        "route-map A permit 10\n set large-comunity 1:1:1\n xyzzy",
        &[
            "error: line 2, column 6: unexpected `large-comunity`; did you mean `large-community`?",
            "error: line 3, column 2: unknown statement `xyzzy`",
        ],
    );
}

#[test]
fn a_statement_in_the_wrong_place_is_told_where_it_stands() {
    says(
        "set large-community 1:1:1",
        &["error: line 1, column 1: unknown statement `set`; it stands below `route-map`"],
    );
    says("linger 2s", &["error: line 1, column 1: unknown statement `linger`; it stands below `failover`"]);
}

#[test]
fn all_errors_of_a_text_are_reported_even_below_a_broken_line() {
    says(
        "router bgp 6500O\n neighbor 1.2.3.4 remote-as foo\n address-family ipv4\n  network 1.2.3.4/33\nhostname",
        &[
            "error: line 1, column 12: expected an AS number, found `6500O`",
            "error: line 2, column 29: expected `external`, `internal` or an AS number, found `foo`",
            "error: line 4, column 11: `1.2.3.4/33` is out of range: 0 to 32",
            "error: line 5, column 9: the line ends too early: expected a word",
        ],
    );
}

#[test]
fn placeholders_of_the_guide_are_found_wherever_they_stand() {
    says(
        "hostname [HOSTNAME]\nrouter bgp 65000\n network [SHARED_IP]/32 route-map A\n network 192.0.2.1/32 route-map \
         [ROLE]\n neighbor 2600:3c0f:[DC_ID]:34::1 remote-as external\n neighbor <address> remote-as external",
        &[
            "warning: line 1, column 10: `[HOSTNAME]` looks like a placeholder of the guide that was left in",
            "error: line 3, column 10: `[SHARED_IP]/32` is a placeholder of the guide: put the real value there",
            "error: line 4, column 33: `[ROLE]` is a placeholder of the guide: put the real value there",
            "error: line 5, column 11: `2600:3c0f:[DC_ID]:34::1` is a placeholder of the guide: put the real value there",
            "error: line 6, column 11: `<address>` is a placeholder of the guide: put the real value there",
        ],
    );
}

#[test]
fn values_are_explained() {
    says(
        "router bgp 1\n network 192.0.2.1\n network 2001:db8::1\n network 2001:db8::/32\n timers bgp 1 2\n \
         neighbor 1.2.3.400 remote-as 1\n bgp router-id 0.0.0.0\n network 127.0.0.1/32",
        &[
            "error: line 2, column 10: `192.0.2.1` has no length; one IPv4 address is ADDRESS/32",
            "error: line 3, column 10: `2001:db8::1` has no length; one IPv6 address is ADDRESS/128",
            "error: line 4, column 10: an IPv4 prefix must stand here; IPv6 prefixes stand below `address-family ipv6 \
             unicast`",
            "error: line 5, column 15: a hold time is 0 or at least 3 seconds (RFC 4271 section 4.2)",
            "error: line 6, column 11: `1.2.3.400` is not an address",
            "error: line 7, column 16: a router-id is not zero (RFC 6286)",
            "error: line 8, column 10: a loopback address never leaves its host",
        ],
    );
    says(
        "route-map A permit 10\n set community 63949:1:1\n set large-community 63949:1\n set metric +1",
        &[
            "error: line 2, column 16: `63949:1:1` is not a community: with three numbers it is a large-community",
            "error: line 3, column 22: `63949:1` is not a community: it is three numbers of 0 to 4294967295, as \
             63949:1:1",
            "error: line 4, column 13: expected a number, found `+1`",
        ],
    );
}

#[test]
fn published_mistakes_are_explained() {
    says(
        "ipv6 prefix-list A seq 5 permit 2001:db8::/32 eq 64\nip prefix-list A permit 10.0.0.0/8 ge 24 le 16\nshow \
         protocols all",
        &[
            "error: line 1, column 1: Holdover does not do this: a prefix-list has `ge N` and `le N`; for exactly N \
             say `ge N le N`",
            "error: line 2, column 45: `16` is out of range: 24 to 32",
            "note: line 3, column 1: no effect here: `show protocols` is a command of BIRD's birdc",
        ],
    );
    let undefined = "bfd\n profile slow\nrouter bgp 1\n neighbor 10.0.0.1 remote-as 2\n neighbor 10.0.0.1 bfd profile \
                     fast";
    let (_, said, _) = read_all(undefined, &Platform::ALL);
    assert_eq!(
        said,
        ["error: line 5, column 32: there is no bfd profile `fast`; say `bfd`, and below it `profile NAME`"]
    );
}

#[test]
fn what_is_refused_is_refused_with_its_reason_and_its_block_is_skipped() {
    says(
        "router bgp 65000 vrf RED\n neighbor foo bar\n xyzzy\nexit\nrouter ospf\n foo\nvrf BLUE\n bar\nexit-vrf\nrouter \
         bgp 1\n address-family l2vpn evpn\n  advertise-all-vni\n exit-address-family\n neighbor eth0 interface \
         remote-as external\n",
        &[
            "error: line 1, column 1: Holdover does not do this: there is one routing table, no VRF and no view",
            "error: line 5, column 1: Holdover does not do this: Holdover speaks BGP only",
            "error: line 7, column 1: Holdover does not do this: there is one routing table, no VRF and no view",
            "error: line 11, column 2: Holdover does not do this: only ipv4 unicast and ipv6 unicast are there",
            "error: line 14, column 2: Holdover does not do this: a neighbor has an address; for a link-local one say \
             `neighbor FE80::… interface IFNAME`",
        ],
    );
}

#[test]
fn what_has_no_effect_says_so() {
    says(
        "frr version 8.4\nfrr defaults datacenter\nlog syslog\nline vty\n login\n!\nrouter bgp 1\n bgp \
         log-neighbor-changes\n bgp bestpath compare-routerid\nroute-map A permit 10\n description text",
        &[
            "note: line 1, column 1: no effect here: it configures FRR itself",
            "note: line 2, column 1: no effect here: timers are 3 and 9 s whatever the defaults are; `timers bgp 60 \
             180` would restore FRR's",
            "note: line 3, column 1: no effect here: logs go to the terminal or the journal; see `holdover run --help`",
            "note: line 4, column 1: no effect here: there is no terminal to log in to",
            "note: line 8, column 2: no effect here: every change of a session is logged",
            "note: line 9, column 2: no effect here: it concerns the choice between received paths; `steer` has its own \
             order",
            "note: line 11, column 2: no effect here: descriptions of route-maps are not kept",
        ],
    );
}

#[test]
fn names_must_refer_to_something() {
    says(
        "route-map primary permit 10\n match community C\nrouter bgp 1\n network 192.0.2.1/32 route-map prmary\n \
         network 192.0.2.2/32 route-map prmary\n neighbor 10.0.0.1 peer-group RS\n neighbor 10.0.0.1 prefix-list P out",
        &[
            "warning: line 6, column 31: a statement about RS before its `peer-group` or `remote-as` line: FRR drops \
             it, Holdover takes it",
            "error: line 2, column 18: there is no community-list `C`",
            "error: line 4, column 33: there is no route-map `prmary`; did you mean `primary`?",
            "error: line 7, column 32: there is no ip prefix-list `P`",
            "error: line 6, column 31: there is no peer-group `RS`; say `neighbor NAME peer-group` first",
            "error: line 6, column 11: neighbor 10.0.0.1 has no `remote-as`; say `neighbor … remote-as external`, of \
             it or of its peer-group",
        ],
    );
}

#[test]
fn a_prefix_has_one_owner() {
    says(
        "router bgp 1\n network 10.0.0.0/24 route-map A\n network 10.0.0.0/24\n network 10.0.1.0/24\n network \
         10.0.1.0/24\nroute-map A permit 10\nfailover x\n address 10.0.0.9/32 announce /24\nfailover y\n address \
         10.0.0.9/32 announce /24\nfailover z\n address 10.0.2.1/32 announce /24\n address 10.0.2.2/32 announce /24",
        &[
            "error: line 10, column 10: 10.0.0.0/24 is announced by two `failover` blocks",
            "warning: line 2, column 10: `network 10.0.0.0/24` is silent: a `failover` block owns this prefix and \
             announces it",
            "error: line 3, column 10: 10.0.0.0/24 stands twice with different route-maps; keep one of the lines",
            "warning: line 5, column 10: `10.0.1.0/24` stands twice",
            "error: line 13, column 10: 10.0.2.0/24 is announced by two addresses of this block; one prefix has one \
             address behind it; own the other address by `interface` and `ip address`",
        ],
    );
    says(
        "router bgp 1\n neighbor 10.0.0.1 remote-as 2\n network 10.0.0.1/32",
        &["error: line 2, column 11: neighbor 10.0.0.1 has an address of this host"],
    );
}

#[test]
fn contradictions_are_errors() {
    says(
        "router bgp 1\n neighbor RS peer-group\n neighbor RS remote-as 2\n neighbor RS ttl-security hops 2\n neighbor \
         10.0.0.1 peer-group RS\n neighbor 10.0.0.1 ebgp-multihop\nrouter bgp 2\n bgp router-id 1.1.1.1\nfailover x\n \
         on-failure standby\n require 2\n address 192.0.2.1/24",
        &[
            "error: line 7, column 12: `router bgp 1` stands above; there can be one AS",
            "error: line 12, column 10: a service's address has host length: /32, or /128 for IPv6; what is announced \
             can be wider: `address A/32 announce /24`",
            "error: line 5, column 11: `ttl-security` and `ebgp-multihop` exclude each other",
            "error: line 9, column 10: `on-failure standby` needs `standby route-map NAME`",
            "error: line 9, column 10: `require` asks for more checks than the block has",
        ],
    );
    let (_, said, _) = read_all(
        "failover x\n address 192.0.2.1/32\n unbind-when-withdrawn\n check a tcp 192.0.2.1:80",
        &Platform::ALL,
    );
    assert_eq!(
        said,
        [
            "error: line 1, column 10: `unbind-when-withdrawn` beside a check of the block's own address: it could never \
          pass again"
        ]
    );
}

#[test]
fn the_platform_says_what_it_cannot_do() {
    let service = "router bgp 1\n neighbor 10.0.0.1 remote-as 2\nfailover x\n address 192.0.2.1/32\n check a tcp \
                   192.0.2.1:80 interval 100ms\n check b file /run/on";
    assert_eq!(read_all(service, &Platform::LINUX).1, [""; 0]);
    let tcp = CheckKinds::NONE.with(CheckKind::Tcp);
    for (checks, lines) in [(CheckKinds::NONE, &["5", "6"][..]), (tcp, &["6"])] {
        let (_, said, fine) = read_all(service, &Platform { checks, ..Platform::ALL });
        let of_this_kind = if checks == tcp { " of this kind" } else { "" };
        let expected: Vec<_> = lines
            .iter()
            .map(|line| {
                format!("error: line {line}, column 2: this platform does not run checks{of_this_kind}")
            })
            .collect();
        assert_eq!((said, fine), (expected, false));
    }
    let bare = Platform { bfd: false, md5: false, kernel_routes: false, ..Platform::ALL };
    let (_, said, _) = read_all(
        "ip route 10.0.0.0/8 Null0\nrouter bgp 1\n neighbor 10.0.0.1 remote-as 2\n neighbor 10.0.0.1 password \
         secret\n redistribute kernel\n neighbor 10.0.0.1 bfd\nbfd\nsteer a\n install kernel",
        &bare,
    );
    assert_eq!(
        said,
        [
            "error: line 1, column 1: this platform installs no kernel routes",
            "error: line 4, column 2: this platform cannot sign TCP segments (RFC 2385)",
            "error: line 5, column 2: this platform has no kernel routes",
            "error: line 6, column 2: this platform does not speak BFD",
            "error: line 7, column 1: this platform does not speak BFD",
            "error: line 9, column 2: this platform installs no kernel routes",
        ]
    );
}

#[test]
fn a_gateway_is_an_appliances_to_install_and_a_hosts_to_refuse() {
    let text = "ip route 0.0.0.0/0 192.0.2.1\nipv6 route ::/0 FE80:0::1\nipv6 route ::/0 fe80::1\n";
    let (config, said, fine) = read_all(text, &Platform::ALL);
    assert!(fine);
    assert_eq!(said, ["warning: line 3, column 12: `::/0` stands twice"]);
    let view = config.view();
    let gateways: Vec<_> = view.routes.iter().filter_map(|route| view.gateway(route)).collect();
    assert_eq!(gateways, ["192.0.2.1", "fe80::1"].map(|text| text.parse::<core::net::IpAddr>().unwrap()));
    assert_eq!(
        format!("{}", Printed(view)).lines().filter(|line| line.contains("route")).collect::<Vec<_>>(),
        ["ip route 0.0.0.0/0 192.0.2.1", "ipv6 route ::/0 fe80::1"]
    );
    let (_, said, _) = read_all(text, &Platform::LINUX);
    assert_eq!(said.len(), 3);
    for (line, said) in said.iter().enumerate() {
        let head =
            format!("error: line {}, column 1: Holdover does not do this: routes with a next hop", line + 1);
        assert!(said.starts_with(&head), "{said}");
    }
    let (_, said, _) = read_all(
        "ip route 10.0.0.0/8 192.0.2.1\nip route 10.0.0.0/8 192.0.2.2\nip route 10.1.0.0/16 224.0.0.1\nip route \
         10.2.0.0/16 eth0",
        &Platform::ALL,
    );
    assert_eq!(
        said,
        [
            "error: line 3, column 22: no neighbour has this address",
            "error: line 4, column 1: Holdover does not do this: routes with a next hop are the host's (netplan, \
             ifupdown, `ip route`); only Null0, blackhole and reject stand here",
            "error: line 2, column 10: 10.0.0.0/8 is routed in two different ways; keep one of the lines",
        ],
    );
}

#[test]
fn a_full_table_says_which_limit_and_what_it_is_once() {
    fn first_error<const R: usize, const U: usize, const T: usize>(text: &str) -> (String, usize) {
        let mut config = Config::<2, 2, R, U, T>::new();
        let mut said = Vec::new();
        let result = parse(text, &Platform::ALL, &mut config, &mut |diagnostic| {
            said.push(format!("{diagnostic}"));
        });
        (said.first().cloned().unwrap_or_default(), result.err().map_or(0, |errors| errors.0))
    }
    let networks: String = (1..=10).map(|last| format!("network 192.0.2.{last}/32\n")).collect();
    let (said, errors) = first_error::<4, 8, 64>(&format!("router bgp 1\n{networks}"));
    assert_eq!(
        said,
        "line 6, column 1: this platform holds 4 routes (every `network`, `address`, `ip route` and `ip address` line is \
         one); this is one too many"
    );
    assert_eq!(errors, 6);
    let (said, _) = first_error::<4, 2, 64>("route-map A permit 1\nroute-map B permit 1\n set metric 1");
    assert!(said.starts_with("line 3, column 2: this platform holds 2 rules"), "{said}");
    let (said, _) = first_error::<4, 4, 4>("hostname abcde");
    assert!(said.starts_with("line 1, column 1: this platform holds 4 octets of names"), "{said}");
    let (said, _) = first_error::<9, 9, 64>("failover a\nfailover b\nfailover c");
    assert!(said.starts_with("line 3, column 1: this platform holds 2 `failover` blocks"), "{said}");
    let neighbors = "router bgp 1\nneighbor 10.0.0.1 remote-as 2\nneighbor 10.0.0.2 remote-as 2\nneighbor 10.0.0.3 \
                     remote-as 2";
    let (said, _) = first_error::<9, 9, 64>(neighbors);
    assert_eq!(said, "line 4, column 1: this platform holds 2 neighbors; this is one too many");
    let addresses: String = (1..=9).map(|last| format!("address 192.0.2.{last}/32\n")).collect();
    let (said, _) = first_error::<20, 9, 64>(&format!("failover a\n{addresses}"));
    assert_eq!(
        said,
        "line 10, column 1: this platform holds 8 addresses in one `failover` block; this is one too many"
    );
    let checks: String = (1..=5).map(|n| format!("check c{n} icmp 192.0.2.{n}\n")).collect();
    let (said, _) = first_error::<20, 9, 128>(&format!("failover a\naddress 192.0.2.1/32\n{checks}"));
    assert_eq!(said, "line 7, column 1: this platform holds 4 checks in all; this is one too many");
}

#[test]
fn a_drain_has_room_for_its_own_community_and_prepends() {
    let set =
        |what: &str, count: usize| format!("route-map A permit 10\n set {what}{}", " 64500:1".repeat(count));
    says(&set("community", 31), &[]);
    says(
        &set("community", 32),
        &["error: line 2, column 16: this platform holds 31 communities in one line; this is one too many"],
    );
    let large = |count| set("large-community", count).replace("64500:1", "64500:1:1");
    says(&large(32), &[]);
    says(
        &large(33),
        &["error: line 2, column 22: this platform holds 32 communities in one line; this is one too many"],
    );
    let prepend = |count| set("as-path prepend", count).replace("64500:1", "64500");
    says(&prepend(29), &[]);
    says(
        &prepend(30),
        &["error: line 2, column 22: this platform holds 29 AS numbers in one line; this is one too many"],
    );
}

#[test]
fn what_is_no_text_is_an_error_of_its_line() {
    let mut config = Small::new();
    let mut said = Vec::new();
    let text: &[u8] = b"hostname a\xFFb\nhostname \x07\nhostname fine\n";
    let result =
        parse(text, &Platform::ALL, &mut config, &mut |diagnostic| said.push(format!("{diagnostic}")));
    assert!(result.is_err());
    assert_eq!(
        said,
        [
            "line 1, column 11: the line is not UTF-8 text",
            "line 2, column 10: the line holds a control character"
        ]
    );
}

#[test]
fn a_text_with_errors_leaves_nothing_behind() {
    let (config, _, fine) = read_all(&format!("{TEMPLATE}\nnonsense"), &Platform::LINUX);
    assert!(!fine);
    assert_eq!(format!("{}", Printed(config.view())), "");
}

#[test]
fn what_people_paste_around_a_configuration_is_taken() {
    let pasted = format!("sudo\nvtysh\nconf t\n{TEMPLATE}end\nwrite\nshow running-config\nq\nexit\n");
    let (_, said, _) = read_all(&pasted, &Platform::LINUX);
    assert_eq!(
        said,
        [
            "error: line 1, column 1: unknown statement `sudo`",
            "note: line 2, column 1: no effect here: it belongs to the terminal around a configuration",
            "note: line 26, column 1: no effect here: it belongs to the terminal around a configuration",
            "note: line 27, column 1: no effect here: it belongs to the terminal around a configuration",
        ]
    );
}

#[test]
fn keywords_may_be_abbreviated_as_long_as_they_mean_one_thing() {
    let text = "router bgp 1\n nei 10.0.0.1 remote-as external\n nei 10.0.0.1 desc my ! text\n nei 10.0.0.1 p 5\n nei \
                10.0.0.1 po 1179";
    let (_, said, _) = read_all(text, &Platform::LINUX);
    assert_eq!(said, ["error: line 4, column 2: `nei` is short for more than one statement"]);
    let (config, said, _) = read_all(&text.replace(" nei 10.0.0.1 p 5\n", ""), &Platform::LINUX);
    assert!(said.is_empty(), "{said:#?}");
    let view = config.view();
    assert_eq!(
        (view.text(view.neighbors[0].options.description), view.neighbors[0].options.port),
        ("my ! text", 1179)
    );
}

#[test]
fn nodes_end_by_themselves() {
    let text = "router bgp 1\n neighbor 10.0.0.1 remote-as 2\n address-family ipv6 unicast\n  neighbor 10.0.0.1 \
                activate\n  network 2001:db8::/48\nneighbor 10.0.0.1 timers 3 9\nnetwork 192.0.2.1/32\nroute-map A permit \
                1\nset metric 1\nip prefix-list P permit any\nhostname x\nrouter bgp 1\nnetwork 192.0.2.2/32\n";
    let (config, said, fine) = read_all(text, &Platform::LINUX);
    assert!(fine && said.is_empty(), "{said:#?}");
    assert_eq!(config.view().routes.len(), 3);
}

#[test]
fn a_next_hop_that_may_not_be_told_is_an_error_where_it_stands() {
    let text = |lines: &str, map: &str| {
        format!(
            "router bgp 65000\nneighbor 10.0.0.2 remote-as external\nneighbor 2001:db8::2 remote-as external\n{lines}\n\
             route-map NH permit 10\n{map}\n"
        )
    };
    let own = "the next hop is the neighbor's own address: it may not be told a route that leads back to it";
    let shared = "the next hop is a shared address: it would lead to whichever machine announces it";
    let service = "failover web\naddress 192.0.2.10/32\nactive route-map NH\nexit";
    for (lines, map, expected) in [
        ("network 192.0.2.1/32 route-map NH", "set ip next-hop 10.0.0.2", Some((own, 17))),
        (
            "neighbor 10.0.0.2 route-map NH out\nnetwork 192.0.2.1/32",
            "set ip next-hop 10.0.0.2",
            Some((own, 17)),
        ),
        (service, "set ip next-hop 10.0.0.2", Some((own, 17))),
        (service, "set ip next-hop 192.0.2.10", Some((shared, 17))),
        ("network 192.0.2.1/32 route-map NH", "set ip next-hop 192.0.2.1", Some((shared, 17))),
        ("redistribute connected route-map NH", "set ip next-hop 10.0.0.2", Some((own, 17))),
        ("network 192.0.2.1/32 route-map NH", "set ipv6 next-hop global 2001:DB8:0::2", Some((own, 26))),
        ("network 192.0.2.1/32 route-map NH", "set ipv6 next-hop 2001:db8::2", Some((own, 19))),
        // Towards another neighbor it is that neighbor's business, and one that is not used harms nobody.
        ("neighbor 2001:db8::2 route-map NH out\nnetwork 192.0.2.1/32", "set ip next-hop 10.0.0.2", None),
        ("network 192.0.2.1/32", "set ip next-hop 10.0.0.2", None),
        ("network 192.0.2.1/32 route-map NH", "set ip next-hop 10.0.0.3", None),
        (
            "neighbor 10.0.0.2 prefix-list P out\nnetwork 192.0.2.1/32 route-map NH\nip prefix-list P deny any",
            "set ip next-hop 10.0.0.2",
            None,
        ),
    ] {
        let text = text(lines, map);
        let (_, said, fine) = read_all(&text, &Platform::LINUX);
        let errors: Vec<_> = said.iter().filter(|line| line.starts_with("error")).collect();
        match expected {
            Some((why, column)) => {
                let line = text.lines().count();
                let begins = format!("error: line {line}, column {column}: {why}; set ");
                assert!(errors.len() == 1 && errors[0].starts_with(&begins), "{text}\n{said:#?}");
            }
            None => assert!(fine && errors.is_empty(), "{text}\n{said:#?}"),
        }
    }
}

#[test]
fn a_text_is_as_long_as_its_limit_and_not_one_octet_longer() {
    let router = "router bgp 1\nneighbor 10.0.0.1 remote-as 2\n";
    for (before, limit) in [
        (format!("{router}neighbor 10.0.0.1 password "), 80),
        (format!("{router}neighbor 10.0.0.1 shutdown message "), 128),
        (format!("{router}neighbor 10.0.0.1 update-source "), 15),
        ("failover a\naddress 192.0.2.1/32\nbind ".into(), 15),
        ("failover a\naddress 192.0.2.1/32\nbind lo label lo:".into(), 15 - 3),
    ] {
        let errors = |length: usize| {
            let text = format!("{before}{}\n", "x".repeat(length));
            let (_, mut said, _) = read_all(&text, &Platform::ALL);
            said.retain(|line| line.starts_with("error"));
            said
        };
        assert!(errors(limit).is_empty(), "{before}: {:?}", errors(limit));
        let said = errors(limit + 1);
        assert!(said.len() == 1 && said[0].contains("at most"), "{before}: {said:?}");
    }
}
