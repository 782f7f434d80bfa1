//! What FRR has and Holdover refuses, because it would change what is announced or who hears it; each row says why.

use super::Statement;
use crate::config::matcher::Token::{self, Anything, Arg, Choice, Optional, Options, Word};
use crate::config::value::Kind;

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
const OTHER_MATCHES: &[&str] = &[
    "interface",
    "tag",
    "metric",
    "local-preference",
    "origin",
    "peer",
    "probability",
    "source-protocol",
    "source-instance",
    "source-vrf",
    "alias",
    "evpn",
    "extcommunity",
    "rpki",
    "rpki-extcommunity",
    "mac",
    "command",
    "script",
];
const PREFIXES: Token = Arg(Kind::Prefix, "PREFIX");
const NAME: Token = Arg(Kind::Name, "NAME");
const SEQ: Token = Optional(&[Word("seq"), Arg(Kind::Number(0, u32::MAX), "N")]);
const ACTION: Token = Choice(&["permit", "deny"]);
const NEIGHBOR: Token = Word("neighbor");
const PEER: Token = Arg(Kind::Peer, "PEER");
const LENGTHS: Token =
    Options(&[&[Word("ge"), Arg(Kind::Number(0, 128), "N")], &[Word("le"), Arg(Kind::Number(0, 128), "N")]]);

pub(super) const TOP: &[Statement] = &[
    Statement::refused(
        &[Word("router"), Word("bgp"), Arg(Kind::Asn, "ASN"), Choice(&["vrf", "view"]), NAME, Anything],
        VRF,
    )
    .block(),
    Statement::refused(
        &[
            Word("router"),
            Choice(&["ospf", "ospf6", "isis", "rip", "ripng", "eigrp", "babel", "openfabric", "pim", "pim6"]),
            Anything,
        ],
        PROTOCOL,
    )
    .block(),
    Statement::refused(&[Word("vrf"), Anything], VRF).block(),
    Statement::refused(
        &[Word("rpki"), Anything],
        "received routes are not validated; `steer` has its own filter",
    )
    .block(),
    Statement::refused(&[Word("segment-routing"), Anything], PROTOCOL).block(),
    Statement::refused(&[Word("mpls"), Anything], PROTOCOL).block(),
    Statement::refused(&[Word("l2vpn"), Anything], PROTOCOL).block(),
    Statement::refused(&[Word("nexthop-group"), Anything], NEXT_HOP).block(),
    Statement::refused(&[Word("pbr-map"), Anything], PROTOCOL).block(),
    Statement::refused(&[Word("ip"), Word("protocol"), Anything], "the source of other traffic is not set"),
    Statement::refused(&[Word("ipv6"), Word("protocol"), Anything], "the source of other traffic is not set"),
    Statement::refused(&[Word("ip"), Word("route"), PREFIXES, Anything], NEXT_HOP),
    Statement::refused(&[Word("ipv6"), Word("route"), PREFIXES, Anything], NEXT_HOP),
    Statement::refused(
        &[Word("ip"), Word("prefix-list"), NAME, SEQ, ACTION, PREFIXES, LENGTHS, Word("eq"), Anything],
        NO_EQ,
    ),
    Statement::refused(
        &[Word("ipv6"), Word("prefix-list"), NAME, SEQ, ACTION, PREFIXES, LENGTHS, Word("eq"), Anything],
        NO_EQ,
    ),
    Statement::refused(&[Word("bgp"), Word("community-list"), Word("expanded"), Anything], EXPANDED),
    Statement::refused(&[Word("bgp"), Word("large-community-list"), Word("expanded"), Anything], EXPANDED),
    Statement::refused(
        &[Word("bgp"), Word("extcommunity-list"), Anything],
        "extended communities are not matched",
    ),
    Statement::refused(&[Word("interface"), Arg(Kind::Interface, "IFNAME"), Word("vrf"), NAME], VRF).block(),
];

pub(super) const BGP: &[Statement] = &[
    Statement::refused(
        &[Word("address-family"), Choice(&["l2vpn", "vpnv4", "vpnv6"]), Anything],
        "only ipv4 unicast and ipv6 unicast are there",
    )
    .block(),
    Statement::refused(
        &[
            Word("address-family"),
            Choice(&["ipv4", "ipv6"]),
            Choice(&["multicast", "vpn", "labeled-unicast", "flowspec", "encap"]),
        ],
        "only ipv4 unicast and ipv6 unicast are there",
    )
    .block(),
    Statement::refused(
        &[Word("bgp"), Word("default"), Word("ipv6-unicast")],
        "say `neighbor … activate` below `address-family ipv6 unicast`",
    ),
    Statement::refused(&[Word("bgp"), Word("confederation"), Anything], "confederations are not there"),
    Statement::refused(&[Word("bgp"), Word("route-reflector"), Anything], REFLECT),
    Statement::refused(
        &[Word("bgp"), Word("shutdown"), Anything],
        "say `neighbor … shutdown` of each neighbor or group",
    ),
    Statement::refused(
        &[Word("bgp"), Word("minimum-holdtime"), Anything],
        "the lower hold time of both sides holds",
    ),
    Statement::refused(
        &[Word("bgp"), Word("conditional-advertisement"), Anything],
        "a `failover` block has checks",
    ),
    Statement::refused(&[Word("aggregate-address"), Anything], "routes are announced as they are named"),
    Statement::refused(&[Word("no-rib")], "leave `install kernel` out of the `steer` block"),
    Statement::refused(&[Word("vrf-policy"), Anything], VRF).block(),
    Statement::refused(&[Word("vnc"), Anything], VRF).block(),
    Statement::refused(
        &[NEIGHBOR, Arg(Kind::Peer, "IFNAME"), Word("interface"), Anything],
        "a neighbor has an address; for a link-local one say `neighbor FE80::… interface IFNAME`",
    ),
];

pub(super) const FAMILY: &[Statement] = &[
    Statement::refused(&[Word("aggregate-address"), Anything], "routes are announced as they are named"),
    Statement::refused(
        &[
            Word("redistribute"),
            Choice(&[
                "ospf",
                "ospf6",
                "isis",
                "rip",
                "ripng",
                "eigrp",
                "babel",
                "table",
                "table-direct",
                "bgp",
                "sharp",
                "nhrp",
                "local",
                "vnc",
            ]),
            Anything,
        ],
        "only static, connected and kernel routes are there",
    ),
    Statement::refused(
        &[Word("network"), PREFIXES, Word("backdoor"), Anything],
        "received routes have no distance",
    ),
    Statement::refused(&[Word("network"), PREFIXES, Word("label-index"), Anything], "there is no MPLS"),
    Statement::refused(&[Word("table-map"), Anything], "`steer` decides what is installed"),
    Statement::refused(&[Word("rd"), Anything], VRF),
    Statement::refused(&[Word("rt"), Anything], VRF),
    Statement::refused(&[Word("label"), Anything], VRF),
    Statement::refused(&[Word("advertise-all-vni")], PROTOCOL),
    Statement::refused(&[Word("advertise"), Anything], PROTOCOL),
];

pub(super) const NEIGHBOR_ROWS: &[Statement] = &[
    Statement::refused(&[NEIGHBOR, PEER, Word("default-originate"), Anything], DEFAULT),
    Statement::refused(&[NEIGHBOR, PEER, Word("route-reflector-client")], REFLECT),
    Statement::refused(&[NEIGHBOR, PEER, Word("route-server-client")], REFLECT),
    Statement::refused(&[NEIGHBOR, PEER, Word("local-as"), Anything], AS_IT_IS),
    Statement::refused(&[NEIGHBOR, PEER, Word("as-override")], AS_IT_IS),
    Statement::refused(&[NEIGHBOR, PEER, Word("local-role"), Anything], "roles (RFC 9234) are not there"),
    Statement::refused(&[NEIGHBOR, PEER, Word("addpath-tx-all-paths")], "a prefix has one path"),
    Statement::refused(&[NEIGHBOR, PEER, Word("addpath-tx-bestpath-per-AS")], "a prefix has one path"),
    Statement::refused(
        &[NEIGHBOR, PEER, Word("attribute-unchanged"), Anything],
        "received routes are never sent on",
    ),
    Statement::refused(&[NEIGHBOR, PEER, Word("unsuppress-map"), Anything], LISTS),
    Statement::refused(&[NEIGHBOR, PEER, Word("distribute-list"), Anything], LISTS),
    Statement::refused(&[NEIGHBOR, PEER, Word("filter-list"), Anything], LISTS),
    Statement::refused(&[NEIGHBOR, PEER, Word("advertise-map"), Anything], "a `failover` block has checks"),
    Statement::refused(&[NEIGHBOR, PEER, Word("maximum-prefix-out"), Anything], LISTS),
    Statement::refused(
        &[NEIGHBOR, PEER, Word("dont-capability-negotiate")],
        "IPv4 over IPv6 needs capabilities",
    ),
    Statement::refused(
        &[NEIGHBOR, PEER, Word("graceful-shutdown")],
        "say `bgp graceful-shutdown`, or drain the service",
    ),
    Statement::refused(&[NEIGHBOR, PEER, Word("enforce-multihop")], "say `ebgp-multihop`"),
    Statement::refused(&[NEIGHBOR, PEER, Word("tcp-mss"), Anything], "the host's MSS is used"),
];

pub(super) const ROUTE_MAP: &[Statement] = &[
    Statement::refused(&[Word("call"), Anything], "route-maps do not call each other"),
    Statement::refused(&[Word("continue"), Anything], "the first entry that matches decides"),
    Statement::refused(&[Word("on-match"), Anything], "the first entry that matches decides"),
    Statement::refused(
        &[Word("match"), Choice(&["ip", "ipv6"]), Word("address"), Anything],
        "match by `match ip address prefix-list NAME`",
    ),
    Statement::refused(
        &[Word("match"), Choice(&["ip", "ipv6"]), Choice(&["next-hop", "route-source"]), Anything],
        "only prefix-lists, communities and large communities can be matched",
    ),
    Statement::refused(&[Word("match"), Word("as-path"), Anything], "our routes have no AS but our own"),
    Statement::refused(
        &[Word("match"), Choice(OTHER_MATCHES), Anything],
        "only prefix-lists, communities and large communities can be matched",
    ),
    Statement::refused(&[Word("set"), Word("as-path"), Word("exclude"), Anything], AS_IT_IS),
    Statement::refused(
        &[Word("set"), Word("comm-list"), Anything],
        "set the communities that should be there",
    ),
    Statement::refused(
        &[Word("set"), Word("large-comm-list"), Anything],
        "set the communities that should be there",
    ),
    Statement::refused(&[Word("set"), Word("extcommunity"), Anything], "extended communities are not sent"),
    Statement::refused(
        &[Word("set"), Word("aggregator"), Anything],
        "routes are announced as they are named",
    ),
    Statement::refused(&[Word("set"), Word("atomic-aggregate")], "routes are announced as they are named"),
];

pub(super) const INTERFACE: &[Statement] = &[
    Statement::refused(&[Word("shutdown")], INTERFACES),
    Statement::refused(&[Word("ip"), Choice(&["ospf", "rip", "pim", "igmp", "router"]), Anything], PROTOCOL),
    Statement::refused(&[Word("ipv6"), Choice(&["ospf6", "router", "mld"]), Anything], PROTOCOL),
    Statement::refused(&[Word("mpls"), Anything], PROTOCOL),
    Statement::refused(&[Word("vrf"), Anything], VRF),
];
