//! What FRR has and people paste, accepted here without effect; each row says why.

use super::{Statement, Tier};
use crate::config::lint::Lint;
use crate::config::matcher::Token::{self, Anything, Arg, Choice, Word};
use crate::config::value::Kind;

const OF_FRR: &str = "it configures FRR itself";
const LOG: &str = "logs go to the terminal or the journal; see `holdover run --help`";
const PATHS: &str = "it concerns the choice between received paths; `steer` has its own order";
const FORWARDING: &str =
    "graceful restart is never advertised, so a path that BFD finds down always ends the session";
const INBOUND: &str = "received routes are taken in only by `steer`";
const NEIGHBOR: Token = Word("neighbor");
const PEER: Token = Arg(Kind::Peer, "PEER");

const fn graceful_restart(syntax: &'static [Token]) -> Statement {
    let row = Statement::no_effect(syntax, "graceful restart is never advertised");
    Statement { tier: Tier::Warn(Lint::GracefulRestart), ..row }
}

pub(super) const TOP: &[Statement] = &[
    Statement::no_effect(
        &[Word("frr"), Word("defaults"), Anything],
        "timers are 3 and 9 s whatever the defaults are; `timers bgp 60 180` would restore FRR's",
    ),
    Statement::no_effect(&[Word("frr"), Anything], OF_FRR),
    Statement::no_effect(&[Word("service"), Anything], OF_FRR),
    Statement::no_effect(&[Word("log"), Anything], LOG),
    Statement::no_effect(&[Word("debug"), Anything], LOG),
    Statement::no_effect(&[Word("line"), Word("vty")], "there is no terminal to log in to").block(),
    Statement::no_effect(&[Word("password"), Anything], "there is no terminal to log in to"),
    Statement::no_effect(&[Word("enable"), Word("password"), Anything], "there is no terminal to log in to"),
    Statement::no_effect(&[Word("username"), Anything], "there is no terminal to log in to"),
    Statement::no_effect(&[Word("banner"), Anything], "there is no terminal to log in to"),
    Statement::no_effect(&[Word("domainname"), Anything], "no name but the host's own is used"),
    Statement::no_effect(&[Word("ip"), Word("nht"), Anything], "next hops are not looked up"),
    Statement::no_effect(&[Word("ipv6"), Word("nht"), Anything], "next hops are not looked up"),
    Statement::no_effect(&[Word("ip"), Word("forwarding")], "forwarding is the host's setting"),
    Statement::no_effect(&[Word("ipv6"), Word("forwarding")], "forwarding is the host's setting"),
    Statement::no_effect(
        &[Word("ip"), Word("router-id"), Anything],
        "say `bgp router-id` below `router bgp`",
    ),
    Statement::no_effect(
        &[Word("ipv6"), Word("router-id"), Anything],
        "say `bgp router-id` below `router bgp`",
    ),
    Statement::no_effect(&[Word("router-id"), Anything], "say `bgp router-id` below `router bgp`"),
    Statement::no_effect(&[Word("zebra"), Anything], OF_FRR),
    Statement::no_effect(&[Word("fpm"), Anything], OF_FRR),
    Statement::no_effect(&[Word("agentx")], "there is no SNMP agent"),
    Statement::no_effect(&[Word("access-list"), Anything], "access-lists are not used; use a prefix-list"),
    Statement::no_effect(
        &[Word("ip"), Word("access-list"), Anything],
        "access-lists are not used; use a prefix-list",
    ),
    Statement::no_effect(
        &[Word("ipv6"), Word("access-list"), Anything],
        "access-lists are not used; use a prefix-list",
    ),
    Statement::no_effect(
        &[Word("bgp"), Word("as-path"), Word("access-list"), Anything],
        "AS paths are not matched",
    ),
    Statement::no_effect(&[Word("route-map"), Arg(Kind::Name, "NAME"), Word("optimization")], OF_FRR),
    Statement::no_effect(&[Word("key"), Word("chain"), Anything], "no protocol here uses it").block(),
];

pub(super) const BGP: &[Statement] = &[
    graceful_restart(&[Word("bgp"), Word("graceful-restart"), Anything]),
    graceful_restart(&[Word("bgp"), Word("long-lived-graceful-restart"), Anything]),
    Statement::no_effect(
        &[Word("bgp"), Word("graceful-restart-disable")],
        "graceful restart is never advertised",
    ),
    Statement::no_effect(&[Word("bgp"), Word("log-neighbor-changes")], "every change of a session is logged"),
    Statement::no_effect(&[Word("bgp"), Word("bestpath"), Anything], PATHS),
    Statement::no_effect(&[Word("bgp"), Word("always-compare-med")], PATHS),
    Statement::no_effect(&[Word("bgp"), Word("deterministic-med")], PATHS),
    Statement::no_effect(&[Word("bgp"), Word("dampening"), Anything], PATHS),
    Statement::no_effect(
        &[Word("bgp"), Word("enforce-first-as")],
        "a route server does not put its AS first",
    ),
    Statement::no_effect(
        &[Word("bgp"), Word("fast-external-failover")],
        "a link that goes down ends its sessions at once",
    ),
    Statement::no_effect(
        &[Word("bgp"), Word("fast-convergence")],
        "a link that goes down ends its sessions at once",
    ),
    Statement::no_effect(&[Word("bgp"), Word("cluster-id"), Anything], "there is no route reflection"),
    Statement::no_effect(&[Word("bgp"), Word("default"), Word("local-preference"), Anything], PATHS),
    Statement::no_effect(
        &[Word("bgp"), Word("default"), Choice(&["show-hostname", "show-nexthop-hostname"])],
        OF_FRR,
    ),
    Statement::no_effect(&[Word("bgp"), Word("default"), Word("subgroup-pkt-queue-max"), Anything], OF_FRR),
    Statement::no_effect(
        &[Word("bgp"), Word("listen"), Word("limit"), Anything],
        "as many neighbors as this platform holds can connect",
    ),
    Statement::no_effect(&[Word("bgp"), Word("reject-as-sets")], "AS_SET is never sent"),
    Statement::no_effect(&[Word("bgp"), Word("suppress-duplicates")], "only differences are ever sent"),
    Statement::no_effect(&[Word("bgp"), Word("suppress-fib-pending")], PATHS),
    Statement::no_effect(
        &[Word("bgp"), Word("route-map"), Word("delay-timer"), Anything],
        "changes apply at once",
    ),
    Statement::no_effect(&[Word("bgp"), Word("update-delay"), Anything], "`coalesce-time` is the only delay"),
    Statement::no_effect(&[Word("bgp"), Word("session-dscp"), Anything], "packets have the DSCP CS6"),
    Statement::no_effect(
        &[Word("bgp"), Word("disable-ebgp-connected-route-check")],
        "next hops are not looked up",
    ),
    Statement::no_effect(&[Word("update-delay"), Anything], "`coalesce-time` is the only delay"),
    Statement::no_effect(&[Word("read-quanta"), Anything], OF_FRR),
    Statement::no_effect(&[Word("write-quanta"), Anything], OF_FRR),
    Statement::no_effect(
        &[Word("maximum-paths"), Anything],
        "`bgp bestpath as-path multipath-relax` decides",
    ),
    Statement::no_effect(&[Word("distance"), Anything], PATHS),
];

pub(super) const FAMILY: &[Statement] = &[
    Statement::no_effect(
        &[Word("maximum-paths"), Anything],
        "`bgp bestpath as-path multipath-relax` decides",
    ),
    Statement::no_effect(&[Word("distance"), Anything], PATHS),
    Statement::no_effect(&[Word("bgp"), Word("dampening"), Anything], PATHS),
    Statement::no_effect(&[Word("export"), Anything], "there are no VRFs"),
    Statement::no_effect(&[Word("import"), Anything], "there are no VRFs"),
];

pub(super) const NEIGHBOR_ROWS: &[Statement] = &[
    Statement::no_effect(
        &[NEIGHBOR, PEER, Word("graceful-restart-disable")],
        "graceful restart is never advertised",
    ),
    graceful_restart(&[NEIGHBOR, PEER, Word("graceful-restart")]),
    graceful_restart(&[NEIGHBOR, PEER, Word("graceful-restart-helper")]),
    graceful_restart(&[NEIGHBOR, PEER, Word("long-lived-graceful-restart"), Anything]),
    Statement::no_effect(&[NEIGHBOR, PEER, Word("soft-reconfiguration"), Word("inbound")], INBOUND),
    Statement::no_effect(&[NEIGHBOR, PEER, Word("send-community"), Anything], "communities are always sent")
        .never_off("communities are always sent; leave them out of the route-map"),
    Statement::no_effect(&[NEIGHBOR, PEER, Word("weight"), Anything], PATHS),
    Statement::no_effect(&[NEIGHBOR, PEER, Word("allowas-in"), Anything], INBOUND),
    Statement::no_effect(&[NEIGHBOR, PEER, Word("enforce-first-as")], INBOUND),
    Statement::no_effect(
        &[NEIGHBOR, PEER, Word("sender-as-path-loop-detection")],
        "our routes have no other AS",
    ),
    Statement::no_effect(
        &[NEIGHBOR, PEER, Word("remove-private-AS"), Anything],
        "our routes have no AS but our own",
    ),
    Statement::no_effect(
        &[NEIGHBOR, PEER, Word("advertisement-interval"), Anything],
        "changes are sent at once",
    ),
    Statement::no_effect(
        &[NEIGHBOR, PEER, Word("timers"), Word("delayopen"), Anything],
        "OPEN is sent at once",
    ),
    Statement::no_effect(&[NEIGHBOR, PEER, Word("strict-capability-match")], "what both sides offer is used"),
    Statement::no_effect(&[NEIGHBOR, PEER, Word("override-capability")], "what both sides offer is used"),
    Statement::no_effect(&[NEIGHBOR, PEER, Word("capability"), Word("dynamic")], "it is never advertised"),
    Statement::no_effect(
        &[NEIGHBOR, PEER, Word("capability"), Word("orf"), Anything],
        "it is never advertised",
    ),
    Statement::no_effect(&[NEIGHBOR, PEER, Word("solo")], "every neighbor is told for itself"),
    Statement::no_effect(&[NEIGHBOR, PEER, Word("bfd"), Word("check-control-plane-failure")], FORWARDING),
];

pub(super) const ROUTE_MAP: &[Statement] = &[
    Statement::no_effect(&[Word("description"), Anything], "descriptions of route-maps are not kept"),
    Statement::no_effect(&[Word("set"), Word("weight"), Anything], PATHS),
    Statement::no_effect(&[Word("set"), Word("ipv6"), Word("next-hop"), Word("prefer-global")], INBOUND),
    Statement::no_effect(&[Word("set"), Word("src"), Anything], "the source of other traffic is not set"),
    Statement::no_effect(&[Word("set"), Word("distance"), Anything], PATHS),
    Statement::no_effect(&[Word("set"), Word("tag"), Anything], PATHS),
];

pub(super) const INTERFACE: &[Statement] = &[
    Statement::no_effect(&[Word("description"), Anything], "descriptions of interfaces are not kept"),
    Statement::no_effect(&[Word("ipv6"), Word("nd"), Anything], "no router advertisements are sent"),
    Statement::no_effect(&[Word("link-detect")], "links are always watched"),
    Statement::no_effect(&[Word("bandwidth"), Anything], PATHS),
    Statement::no_effect(&[Word("multicast"), Anything], "interfaces are the host's"),
];
