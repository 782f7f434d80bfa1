//! What FRR has and people paste, accepted here without effect; each row says why.

use super::{Always, Statement, Tier};
use crate::config::lint::Lint;

const OF_FRR: &str = "it configures FRR itself";
const LOG: &str = "logs go to the terminal or the journal; see `holdover run --help`";
const PATHS: &str = "it concerns the choice between received paths; `steer` has its own order";
const FORWARDING: &str =
    "graceful restart is never advertised, so a path that BFD finds down always ends the session";
const INBOUND: &str = "received routes are taken in only by `steer`";

const fn graceful_restart(syntax: &'static str) -> Statement {
    let row = Statement::no_effect(syntax, "graceful restart is never advertised");
    Statement { tier: Tier::Warn(Lint::GracefulRestart), ..row }
}

pub(super) const TOP: &[Statement] = &[
    Statement::no_effect(
        "frr defaults ...",
        "timers are 3 and 9 s whatever the defaults are; `timers bgp 60 180` would restore FRR's",
    ),
    Statement::no_effect("frr ...", OF_FRR),
    Statement::no_effect("service ...", OF_FRR),
    Statement::no_effect("log ...", LOG),
    Statement::no_effect("debug ...", LOG),
    Statement::no_effect("line vty", "there is no terminal to log in to").block(),
    Statement::no_effect("password ...", "there is no terminal to log in to"),
    Statement::no_effect("enable password ...", "there is no terminal to log in to"),
    Statement::no_effect("username ...", "there is no terminal to log in to"),
    Statement::no_effect("banner ...", "there is no terminal to log in to"),
    Statement::no_effect("domainname ...", "no name but the host's own is used"),
    Statement::no_effect("ip nht ...", "next hops are not looked up"),
    Statement::no_effect("ipv6 nht ...", "next hops are not looked up"),
    Statement::no_effect("ip forwarding", "forwarding is the host's setting"),
    Statement::no_effect("ipv6 forwarding", "forwarding is the host's setting"),
    Statement::no_effect("ip router-id ...", "say `bgp router-id` below `router bgp`"),
    Statement::no_effect("ipv6 router-id ...", "say `bgp router-id` below `router bgp`"),
    Statement::no_effect("router-id ...", "say `bgp router-id` below `router bgp`"),
    Statement::no_effect("zebra ...", OF_FRR),
    Statement::no_effect("fpm ...", OF_FRR),
    Statement::no_effect("agentx", "there is no SNMP agent"),
    Statement::no_effect("access-list ...", "access-lists are not used; use a prefix-list"),
    Statement::no_effect("ip access-list ...", "access-lists are not used; use a prefix-list"),
    Statement::no_effect("ipv6 access-list ...", "access-lists are not used; use a prefix-list"),
    Statement::no_effect("bgp as-path access-list ...", "AS paths are not matched"),
    Statement::no_effect("route-map NAME optimization", OF_FRR),
    Statement::no_effect("key chain ...", "no protocol here uses it").block(),
];

pub(super) const BGP: &[Statement] = &[
    graceful_restart("bgp graceful-restart ..."),
    graceful_restart("bgp long-lived-graceful-restart ..."),
    Statement::no_effect("bgp graceful-restart-disable", "graceful restart is never advertised"),
    Statement::no_effect("bgp log-neighbor-changes", "every change of a session is logged"),
    Statement::no_effect("bgp bestpath ...", PATHS),
    Statement::no_effect("bgp always-compare-med", PATHS),
    Statement::no_effect("bgp deterministic-med", PATHS),
    Statement::no_effect("bgp dampening ...", PATHS),
    Statement::no_effect("bgp enforce-first-as", "a route server does not put its AS first"),
    Statement::no_effect("bgp fast-external-failover", "a link that goes down ends its sessions at once"),
    Statement::no_effect("bgp fast-convergence", "a link that goes down ends its sessions at once"),
    Statement::no_effect("bgp cluster-id ...", "there is no route reflection"),
    Statement::no_effect("bgp default <show-hostname|show-nexthop-hostname>", OF_FRR),
    Statement::no_effect("bgp default subgroup-pkt-queue-max ...", OF_FRR),
    Statement::no_effect("bgp listen limit ...", "as many neighbors as this platform holds can connect"),
    Statement::no_effect("bgp reject-as-sets", "AS_SET is never sent"),
    Statement::no_effect("bgp suppress-duplicates", "only differences are ever sent"),
    Statement::no_effect("bgp suppress-fib-pending", PATHS),
    Statement::no_effect("bgp route-map delay-timer ...", "changes apply at once"),
    Statement::no_effect("bgp update-delay ...", "`coalesce-time` is the only delay"),
    Statement::no_effect("bgp session-dscp ...", "packets have the DSCP CS6"),
    Statement::no_effect("bgp disable-ebgp-connected-route-check", "next hops are not looked up"),
    Statement::no_effect("update-delay ...", "`coalesce-time` is the only delay"),
    Statement::no_effect("read-quanta ...", OF_FRR),
    Statement::no_effect("write-quanta ...", OF_FRR),
    Statement::no_effect("maximum-paths ...", "`bgp bestpath as-path multipath-relax` decides"),
    Statement::no_effect("distance ...", PATHS),
];

pub(super) const FAMILY: &[Statement] = &[
    Statement::no_effect("maximum-paths ...", "`bgp bestpath as-path multipath-relax` decides"),
    Statement::no_effect("distance ...", PATHS),
    Statement::no_effect("bgp dampening ...", PATHS),
    Statement::no_effect("export ...", "there are no VRFs"),
    Statement::no_effect("import ...", "there are no VRFs"),
];

pub(super) const NEIGHBOR_ROWS: &[Statement] = &[
    Statement::no_effect("neighbor PEER graceful-restart-disable", "graceful restart is never advertised"),
    graceful_restart("neighbor PEER graceful-restart"),
    graceful_restart("neighbor PEER graceful-restart-helper"),
    graceful_restart("neighbor PEER long-lived-graceful-restart ..."),
    Statement::no_effect("neighbor PEER soft-reconfiguration inbound", INBOUND),
    Statement::no_effect("neighbor PEER send-community ...", "communities are always sent")
        .never_off(Always::Communities),
    Statement::no_effect("neighbor PEER weight ...", PATHS),
    Statement::no_effect("neighbor PEER allowas-in ...", INBOUND),
    Statement::no_effect("neighbor PEER enforce-first-as", INBOUND),
    Statement::no_effect("neighbor PEER sender-as-path-loop-detection", "our routes have no other AS"),
    Statement::no_effect("neighbor PEER remove-private-AS ...", "our routes have no AS but our own"),
    Statement::no_effect("neighbor PEER advertisement-interval ...", "changes are sent at once"),
    Statement::no_effect("neighbor PEER timers delayopen ...", "OPEN is sent at once"),
    Statement::no_effect("neighbor PEER strict-capability-match", "what both sides offer is used"),
    Statement::no_effect("neighbor PEER override-capability", "what both sides offer is used"),
    Statement::no_effect("neighbor PEER capability dynamic", "it is never advertised"),
    Statement::no_effect("neighbor PEER capability orf ...", "it is never advertised"),
    Statement::no_effect("neighbor PEER solo", "every neighbor is told for itself"),
    Statement::no_effect("neighbor PEER bfd check-control-plane-failure", FORWARDING),
];

pub(super) const ROUTE_MAP: &[Statement] = &[
    Statement::no_effect("description ...", "descriptions of route-maps are not kept"),
    Statement::no_effect("set weight ...", PATHS),
    Statement::no_effect("set ipv6 next-hop prefer-global", INBOUND),
    Statement::no_effect("set src ...", "the source of other traffic is not set"),
    Statement::no_effect("set distance ...", PATHS),
    Statement::no_effect("set tag ...", PATHS),
];

pub(super) const INTERFACE: &[Statement] = &[
    Statement::no_effect("description ...", "descriptions of interfaces are not kept"),
    Statement::no_effect("ipv6 nd ...", "no router advertisements are sent"),
    Statement::no_effect("link-detect", "links are always watched"),
    Statement::no_effect("bandwidth ...", PATHS),
    Statement::no_effect("multicast ...", "interfaces are the host's"),
];
