//! What FRR has and Holdover refuses, because it would change what is announced or who hears it; each row says why.

use super::Statement;

const VRF: &str = "there is one routing table, no VRF and no view";
pub(super) const NEXT_HOP: &str = "routes with a next hop are the host's (netplan, ifupdown, `ip route`); only Null0, blackhole and \
                        reject stand here";
const NO_EQ: &str = "a prefix-list has `ge N` and `le N`; for exactly N say `ge N le N`";
const EXPANDED: &str = "regular expressions are not there; use a standard list";
const PROTOCOL: &str = "Holdover speaks BGP only";
const AS_IT_IS: &str = "our routes go out with our own AS and nothing else";
const LISTS: &str = "use `prefix-list` or `route-map` instead";
const DEFAULT: &str = "a default route is never originated";
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
    Statement::refused("bgp extcommunity-list ...", "extended communities are not matched"),
    Statement::refused("interface IFNAME vrf NAME", VRF).block(),
];

pub(super) const BGP: &[Statement] = &[
    Statement::refused(
        "address-family <l2vpn|vpnv4|vpnv6> ...",
        "only ipv4 unicast and ipv6 unicast are there",
    )
    .block(),
    Statement::refused(
        "address-family <ipv4|ipv6> <multicast|vpn|labeled-unicast|flowspec|encap>",
        "only ipv4 unicast and ipv6 unicast are there",
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
    Statement::refused("no-rib", "leave `install kernel` out of the `steer` block"),
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
        "redistribute <ospf|ospf6|isis|rip|ripng|eigrp|babel|table|table-direct|bgp|sharp|nhrp|local|vnc> ...",
        "only static, connected and kernel routes are there",
    ),
    Statement::refused("network PREFIX backdoor ...", "received routes have no distance"),
    Statement::refused("network PREFIX label-index ...", "there is no MPLS"),
    Statement::refused("table-map ...", "`steer` decides what is installed"),
    Statement::refused("rd ...", VRF),
    Statement::refused("rt ...", VRF),
    Statement::refused("label ...", VRF),
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
    Statement::refused("neighbor PEER enforce-multihop", "say `ebgp-multihop`"),
    Statement::refused("neighbor PEER tcp-mss ...", "the host's MSS is used"),
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
            "match <interface|tag|metric|local-preference|origin|peer|probability|source-protocol|source-instance|",
            "source-vrf|alias|evpn|extcommunity|rpki|rpki-extcommunity|mac|command|script> ..."
        ),
        "only prefix-lists, communities and large communities can be matched",
    ),
    Statement::refused("set as-path exclude ...", AS_IT_IS),
    Statement::refused("set comm-list ...", "set the communities that should be there"),
    Statement::refused("set large-comm-list ...", "set the communities that should be there"),
    Statement::refused("set extcommunity ...", "extended communities are not sent"),
    Statement::refused("set aggregator ...", "routes are announced as they are named"),
    Statement::refused("set atomic-aggregate", "routes are announced as they are named"),
];

pub(super) const INTERFACE: &[Statement] = &[
    Statement::refused("shutdown", INTERFACES),
    Statement::refused("ip <ospf|rip|pim|igmp|router> ...", PROTOCOL),
    Statement::refused("ipv6 <ospf6|router|mld> ...", PROTOCOL),
    Statement::refused("mpls ...", PROTOCOL),
    Statement::refused("vrf ...", VRF),
];
