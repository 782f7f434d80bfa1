//! What FRR has and Holdover refuses, because it would change what is announced or who hears it; each row says why.

use super::Statement;

const VRF: &str = "there is one routing table, no VRF and no view";
pub(super) const NEXT_HOP: &str = "routes with a next hop are the host's (netplan, ifupdown, `ip route`); only Null0, blackhole and \
                        reject stand here";
const NOWHERE: &str =
    "behind a route to nowhere only a distance and a tag can stand: it is a route of the main table";
const BELOW: &str = "say it below `router bgp`";
const NO_EQ: &str = "a prefix-list has `ge N` and `le N`; for exactly N say `ge N le N`";
pub(super) const EXPANDED: &str = "regular expressions are not there; use a standard list";
const PROTOCOL: &str = "Holdover speaks BGP only";
const AS_IT_IS: &str = "our routes go out with our own AS and nothing else";
const LISTS: &str = "use `prefix-list` or `route-map` instead";
const DEFAULT: &str = "a default route is never originated";
const FAMILIES: &str = "only ipv4 unicast and ipv6 unicast are there";
const NO_RIB: &str = "leave `install kernel` out of the `steer` block";
const UNREACHABLE: &str = "what cannot be reached is withdrawn, not announced";
const OWN_NEXT_HOP: &str = "a route has our own next hop, or the one that `set ip next-hop ADDRESS` names";
const REFLECT: &str = "received routes are never sent on, so there is nothing to reflect";
const INTERFACES: &str = "interfaces are the host's; only `ip address` and `ipv6 address` stand here";

pub(super) const TOP: &[Statement] = &[
    Statement::refused("router bgp ASN <vrf|view> NAME ...", VRF).block(),
    Statement::refused("router <ospf|ospf6|isis|rip|ripng|eigrp|babel|openfabric|pim|pim6> ...", PROTOCOL)
        .block(),
    Statement::refused("vrf ...", VRF).block(),
    Statement::refused("rpki ...", "received routes are not validated; `steer` has its own filter").block(),
    Statement::refused("segment-routing ...", PROTOCOL).block(),
    Statement::refused("mpls ...", PROTOCOL).block(),
    Statement::refused("l2vpn ...", PROTOCOL).block(),
    Statement::refused("nexthop-group ...", NEXT_HOP).block(),
    Statement::refused("pbr-map ...", PROTOCOL).block(),
    Statement::refused("ip protocol ...", "the source of other traffic is not set"),
    Statement::refused("ipv6 protocol ...", "the source of other traffic is not set"),
    Statement::refused("ip route PREFIX <Null0|blackhole|reject|null0> ...", NOWHERE),
    Statement::refused("ipv6 route PREFIX <Null0|blackhole|reject|null0> ...", NOWHERE),
    Statement::refused("ip route PREFIX ...", NEXT_HOP),
    Statement::refused("ipv6 route PREFIX ...", NEXT_HOP),
    Statement::refused(
        "ip prefix-list NAME [seq N(0-4294967295)] <permit|deny> PREFIX {ge N(0-128)|le N(0-128)} eq ...",
        NO_EQ,
    ),
    Statement::refused(
        "ipv6 prefix-list NAME [seq N(0-4294967295)] <permit|deny> PREFIX {ge N(0-128)|le N(0-128)} eq ...",
        NO_EQ,
    ),
    Statement::refused("bgp community-list expanded ...", EXPANDED),
    Statement::refused("bgp large-community-list expanded ...", EXPANDED),
    Statement::refused("bgp large-community-list N(100-500) ...", EXPANDED),
    Statement::refused("bgp graceful-shutdown", BELOW),
    Statement::refused("bgp no-rib", NO_RIB),
    Statement::refused("ip <igmp|import-table|mroute|msdp|multicast|pim|ssmpingd> ...", PROTOCOL),
    Statement::refused("ipv6 <import-table|mld|mroute|multicast|pim|ssmpingd> ...", PROTOCOL),
    Statement::refused("affinity-map ...", PROTOCOL),
    Statement::refused("evpn ...", PROTOCOL),
    Statement::refused("nhrp ...", PROTOCOL),
    Statement::refused("pbr ...", PROTOCOL),
    Statement::refused("pseudowire ...", PROTOCOL).block(),
    Statement::refused("vni ...", PROTOCOL),
    Statement::refused("vrrp ...", PROTOCOL),
    Statement::refused("bgp extcommunity-list ...", "extended communities are not matched"),
    Statement::refused("interface IFNAME vrf NAME", VRF).block(),
];

pub(super) const BGP: &[Statement] = &[
    Statement::refused("address-family <l2vpn|link-state|vpnv4|vpnv6> ...", FAMILIES).block(),
    Statement::refused(
        "address-family <ipv4|ipv6> <multicast|vpn|labeled-unicast|flowspec|encap|unreachability>",
        FAMILIES,
    )
    .block(),
    Statement::refused(
        "bgp default ipv6-unicast",
        "say `neighbor … activate` below `address-family ipv6 unicast`",
    ),
    Statement::refused("bgp confederation ...", "confederations are not there"),
    Statement::refused("bgp route-reflector ...", REFLECT),
    Statement::refused("bgp shutdown ...", "say `neighbor … shutdown` of each neighbor or group"),
    Statement::refused("bgp minimum-holdtime ...", "the lower hold time of both sides holds"),
    Statement::refused("bgp conditional-advertisement ...", "a `failover` block has checks"),
    Statement::refused("aggregate-address ...", "routes are announced as they are named"),
    Statement::refused("no-rib", NO_RIB),
    Statement::refused(
        concat!(
            "bgp default <ipv4-multicast|ipv4-vpn|ipv4-labeled-unicast|ipv4-flowspec|ipv6-multicast|ipv6-vpn|",
            "ipv6-labeled-unicast|ipv6-flowspec|l2vpn-evpn>"
        ),
        FAMILIES,
    ),
    Statement::refused("bgp default shutdown", "say `neighbor … shutdown` of each neighbor or group"),
    Statement::refused("bgp max-med ...", "say `set metric` in a route-map"),
    Statement::refused("auto-summary", "routes are announced as they are named"),
    Statement::refused("synchronization", "a route is announced while its address is here"),
    Statement::refused("segment-routing ...", PROTOCOL).block(),
    Statement::refused("sid ...", VRF),
    Statement::refused("vrf-policy ...", VRF).block(),
    Statement::refused("vnc ...", VRF).block(),
    Statement::refused(
        "neighbor IFNAME(PEER) interface ...",
        "a neighbor has an address; for a link-local one say `neighbor FE80::… interface IFNAME`",
    ),
];

pub(super) const FAMILY: &[Statement] = &[
    Statement::refused("aggregate-address ...", "routes are announced as they are named"),
    Statement::refused(
        concat!(
            "redistribute <ospf|ospf6|isis|rip|ripng|eigrp|babel|openfabric|table|table-direct|bgp|sharp|nhrp|local|vnc|",
            "vnc-direct> ..."
        ),
        "only static, connected and kernel routes are there",
    ),
    Statement::refused("network PREFIX backdoor ...", "received routes have no distance"),
    Statement::refused("network PREFIX label-index ...", "there is no MPLS"),
    Statement::refused("table-map ...", "`steer` decides what is installed"),
    Statement::refused("rd ...", VRF),
    Statement::refused("rt ...", VRF),
    Statement::refused("rt6 ...", VRF),
    Statement::refused("route-target ...", VRF),
    Statement::refused("route-target6 ...", VRF),
    Statement::refused("label ...", VRF),
    Statement::refused("import ...", VRF),
    Statement::refused("export ...", VRF),
    Statement::refused("nexthop vpn ...", VRF),
    Statement::refused("route-map vpn ...", VRF),
    Statement::refused("sid ...", VRF),
    Statement::refused("upa ...", UNREACHABLE),
    Statement::refused("advertise-all-vni", PROTOCOL),
    Statement::refused("advertise ...", PROTOCOL),
];

pub(super) const NEIGHBOR_ROWS: &[Statement] = &[
    Statement::refused("neighbor PEER default-originate ...", DEFAULT),
    Statement::refused("neighbor PEER route-reflector-client", REFLECT),
    Statement::refused("neighbor PEER route-server-client", REFLECT),
    Statement::refused("neighbor PEER local-as ...", AS_IT_IS),
    Statement::refused("neighbor PEER as-override", AS_IT_IS),
    Statement::refused("neighbor PEER local-role ...", "roles (RFC 9234) are not there"),
    Statement::refused("neighbor PEER addpath-tx-all-paths", "a prefix has one path"),
    Statement::refused("neighbor PEER addpath-tx-bestpath-per-AS", "a prefix has one path"),
    Statement::refused("neighbor PEER addpath-tx-best-selected ...", "a prefix has one path"),
    Statement::refused("neighbor PEER aigp", "AIGP (RFC 7311) is not sent"),
    Statement::refused("neighbor PEER oad", "an external neighbor is told no LOCAL_PREF"),
    Statement::refused("neighbor PEER upa", UNREACHABLE),
    Statement::refused("neighbor PEER soo ...", "extended communities are not sent"),
    Statement::refused("neighbor PEER send-nexthop-characteristics", "this attribute is not sent"),
    Statement::refused("neighbor PEER <encapsulation-srv6|encapsulation-srv6-relax>", PROTOCOL),
    Statement::refused("neighbor PEER ip-transparent", "a session comes from an address of this host"),
    Statement::refused(
        "neighbor PEER rpki strict",
        "received routes are not validated; `steer` has its own filter",
    ),
    Statement::refused("neighbor PEER shutdown rtt ...", "round-trip times are not measured; say `bfd`"),
    Statement::refused("neighbor PEER attribute-unchanged ...", "received routes are never sent on"),
    Statement::refused("neighbor PEER unsuppress-map ...", LISTS),
    Statement::refused("neighbor PEER distribute-list ...", LISTS),
    Statement::refused("neighbor PEER filter-list ...", LISTS),
    Statement::refused("neighbor PEER advertise-map ...", "a `failover` block has checks"),
    Statement::refused("neighbor PEER maximum-prefix-out ...", LISTS),
    Statement::refused("neighbor PEER dont-capability-negotiate", "IPv4 over IPv6 needs capabilities"),
    Statement::refused(
        "neighbor PEER graceful-shutdown",
        "say `bgp graceful-shutdown`, or drain the service",
    ),
];

pub(super) const ROUTE_MAP: &[Statement] = &[
    Statement::refused("call ...", "route-maps do not call each other"),
    Statement::refused("continue ...", "the first entry that matches decides"),
    Statement::refused("on-match ...", "the first entry that matches decides"),
    Statement::refused("match <ip|ipv6> address ...", "match by `match ip address prefix-list NAME`"),
    Statement::refused(
        "match <ip|ipv6> <next-hop|route-source> ...",
        "only prefix-lists, communities and large communities can be matched",
    ),
    Statement::refused("match as-path ...", "our routes have no AS but our own"),
    Statement::refused(
        concat!(
            "match <as-path-count|community-limit|extcommunity-limit|src-peer|vpn|interface|tag|metric|local-preference|origin|peer|probability|source-protocol|source-instance|",
            "source-vrf|alias|evpn|extcommunity|rpki|rpki-extcommunity|mac|command|script> ..."
        ),
        "only prefix-lists, communities and large communities can be matched",
    ),
    Statement::refused(
        "match <community|large-community> NAME <exact-match|any>",
        "a line of a community-list matches when all its communities are there",
    ),
    Statement::refused("set as-path <exclude|replace> ...", AS_IT_IS),
    Statement::refused("set as-path prepend last-as ...", "say the AS numbers: `set as-path prepend ASN…`"),
    Statement::refused("set <ip|ipv6> next-hop <peer-address|unchanged>", OWN_NEXT_HOP),
    Statement::refused("set ipv6 next-hop local ...", "the link-local next hop is that of the interface"),
    Statement::refused("set <ipv4|ipv6> vpn ...", VRF),
    Statement::refused("set <l3vpn|vpnv4|vpnv6> ...", VRF),
    Statement::refused("set evpn ...", PROTOCOL),
    Statement::refused("set originator-id ...", REFLECT),
    Statement::refused("set aigp-metric ...", "AIGP (RFC 7311) is not sent"),
    Statement::refused("set metric <rtt|+rtt|-rtt|igp|aigp>", "say a number: `set metric N`"),
    Statement::refused("set <max-metric|min-metric> ...", "say a number: `set metric N`"),
    Statement::refused("set comm-list ...", "set the communities that should be there"),
    Statement::refused("set large-comm-list ...", "set the communities that should be there"),
    Statement::refused("set extcommunity ...", "extended communities are not sent"),
    Statement::refused("set aggregator ...", "routes are announced as they are named"),
    Statement::refused("set atomic-aggregate", "routes are announced as they are named"),
];

pub(super) const INTERFACE: &[Statement] = &[
    Statement::refused("shutdown", INTERFACES),
    Statement::refused(
        concat!(
            "ip <authentication|bandwidth-percent|hello-interval|hold-time|igmp|irdp|mroute|multicast|nhrp|ospf|pim|rip|",
            "router|split-horizon|summary-address> ..."
        ),
        PROTOCOL,
    ),
    Statement::refused(
        "ip address A.B.C.D peer ...",
        "an address has its subnet: `ip address ADDRESS/LENGTH`",
    ),
    Statement::refused("ipv6 <mld|mroute|multicast|nhrp|ospf6|pim|ripng|router> ...", PROTOCOL),
    Statement::refused("babel ...", PROTOCOL),
    Statement::refused("eigrp ...", PROTOCOL),
    Statement::refused("evpn ...", PROTOCOL),
    Statement::refused("isis ...", PROTOCOL),
    Statement::refused("openfabric ...", PROTOCOL),
    Statement::refused("pbr-policy ...", PROTOCOL),
    Statement::refused("tunnel ...", INTERFACES),
    Statement::refused("vrrp ...", PROTOCOL),
    Statement::refused("mpls ...", PROTOCOL),
    Statement::refused("vrf ...", VRF),
];
