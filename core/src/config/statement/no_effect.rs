//! What FRR has and people paste, accepted here without effect; each row says why.

use super::{Statement, Tier};
use crate::config::lint::Lint;

const OF_FRR: &str = "it configures FRR itself";
const TERMINAL: &str = "there is no terminal to log in to";
const GRACEFUL: &str = "graceful restart is never advertised";
const LOG: &str = "logs go to the terminal or the journal; see `holdover run --help`";
const PATHS: &str = "it concerns the choice between received paths; `steer` has its own order";
const FORWARDING: &str =
    "graceful restart is never advertised, so a path that BFD finds down always ends the session";
const INBOUND: &str = "received routes are taken in only by `steer`";
/// It is refused at the end where a route-map prepends a private AS number.
pub(in crate::config) const REMOVE_PRIVATE_AS: &str = "neighbor PEER remove-private-AS ...";
/// Its form with `no` is refused at the end when that would change what is announced.
pub(in crate::config) const SEND_COMMUNITY: &str = "neighbor PEER send-community ...";
/// Of `bfd strict hold-time`.
pub(super) const STRICT: &str = "without BFD there is no session, however long that is";
const OFFERED: &str = "it is never advertised";
const EXTENDED: &str = "extended communities are not sent";
const OTHERS: &str = "it concerns other protocols than BGP";
const INTERFACES: &str = "interfaces are the host's";

const fn graceful_restart(syntax: &'static str) -> Statement {
    let row = Statement::no_effect(syntax, GRACEFUL);
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
    Statement::no_effect("line vty", TERMINAL).block(),
    Statement::no_effect("password ...", TERMINAL),
    Statement::no_effect("enable password ...", TERMINAL),
    Statement::no_effect("username ...", TERMINAL),
    Statement::no_effect("banner ...", TERMINAL),
    Statement::no_effect("domainname ...", "no name but the host's own is used"),
    Statement::no_effect(
        concat!(
            "bgp <advertisement-delay|community|input-queue-limit|ipv6-auto-ra|local-mac|output-queue-limit|route-map|",
            "send-extra-data|session-dscp|snmp|suppress-fib-pending|update-delay> ..."
        ),
        OF_FRR,
    ),
    graceful_restart("bgp graceful-restart ..."),
    graceful_restart("bgp long-lived-graceful-restart ..."),
    Statement::no_effect("bgp graceful-restart-disable", GRACEFUL),
    Statement::no_effect("allow-reserved-ranges", "no range of addresses is reserved here"),
    Statement::no_effect("clear ...", OF_FRR),
    Statement::no_effect("configuration ...", OF_FRR),
    Statement::no_effect("dump ...", "messages are not dumped"),
    Statement::no_effect("exec-timeout ...", TERMINAL),
    Statement::no_effect("terminal ...", TERMINAL),
    Statement::no_effect("memory ...", OF_FRR),
    Statement::no_effect("yang ...", OF_FRR),
    Statement::no_effect("ptm-enable", OF_FRR),
    Statement::no_effect("ip table range ...", OF_FRR),
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
    Statement::no_effect("mac access-list ...", "access-lists are not used; use a prefix-list"),
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
    Statement::no_effect("bgp graceful-restart-disable", GRACEFUL),
    Statement::no_effect("bgp hard-administrative-reset", GRACEFUL),
    Statement::no_effect("bgp log-neighbor-changes", "every change of a session is logged"),
    Statement::no_effect("bgp bestpath ...", PATHS),
    Statement::no_effect("bgp always-compare-med", PATHS),
    Statement::no_effect("bgp deterministic-med", PATHS),
    Statement::no_effect("bgp dampening ...", PATHS),
    Statement::no_effect("bgp enforce-first-as", "a route server does not put its AS first"),
    Statement::no_effect("bgp fast-external-failover", "a link that goes down ends its sessions at once"),
    Statement::no_effect("bgp fast-convergence", "a link that goes down ends its sessions at once"),
    Statement::no_effect("bgp <cluster-id|client-to-client> ...", "there is no route reflection"),
    Statement::no_effect("bgp allow-martian-nexthop", INBOUND),
    Statement::no_effect(
        "bgp default <dynamic-capability|link-local-capability|software-version-capability> ...",
        OFFERED,
    ),
    Statement::no_effect("bgp default-originate ...", "a default route is never originated"),
    Statement::no_effect("bgp ipv6-auto-ra", "no router advertisements are sent"),
    Statement::no_effect("bgp labeled-unicast ...", "there is no MPLS"),
    Statement::no_effect("bgp tcp-keepalive ...", "keepalives and BFD find a silent peer"),
    Statement::no_effect("bmp targets ...", "there is no BMP").block(),
    Statement::no_effect("bmp mirror ...", "there is no BMP"),
    Statement::no_effect("bgp default <show-hostname|show-nexthop-hostname>", OF_FRR),
    Statement::no_effect("bgp default subgroup-pkt-queue-max ...", OF_FRR),
    Statement::no_effect("bgp reject-as-sets", "AS_SET is never sent"),
    Statement::no_effect("bgp suppress-duplicates", "only differences are ever sent"),
    Statement::no_effect("bgp suppress-fib-pending ...", PATHS),
    Statement::no_effect("bgp route-map delay-timer ...", "changes apply at once"),
    Statement::no_effect("bgp update-delay ...", "`coalesce-time` is the only delay"),
    Statement::no_effect("bgp session-dscp ...", "packets have the DSCP CS6"),
    Statement::no_effect("bgp disable-ebgp-connected-route-check", "next hops are not looked up"),
    Statement::no_effect("update-delay ...", "`coalesce-time` is the only delay"),
    Statement::no_effect("advertisement-delay ...", "`coalesce-time` is the only delay"),
    Statement::no_effect("use-underlays-nexthop-weight", PATHS),
    Statement::no_effect("read-quanta ...", OF_FRR),
    Statement::no_effect("write-quanta ...", OF_FRR),
    Statement::no_effect("maximum-paths ...", "`bgp bestpath as-path multipath-relax` decides"),
    Statement::no_effect("distance ...", PATHS),
];

pub(super) const FAMILY: &[Statement] = &[
    Statement::no_effect("maximum-paths ...", "`bgp bestpath as-path multipath-relax` decides"),
    Statement::no_effect("distance ...", PATHS),
    Statement::no_effect("bgp dampening ...", PATHS),
    Statement::no_effect("nexthop prefer-global", INBOUND),
];

pub(super) const NEIGHBOR_ROWS: &[Statement] = &[
    Statement::no_effect("neighbor PEER graceful-restart-disable", "graceful restart is never advertised"),
    graceful_restart("neighbor PEER graceful-restart"),
    graceful_restart("neighbor PEER graceful-restart-helper"),
    graceful_restart("neighbor PEER long-lived-graceful-restart ..."),
    Statement::no_effect("neighbor PEER soft-reconfiguration inbound", INBOUND),
    Statement::no_effect(SEND_COMMUNITY, "communities are always sent"),
    Statement::no_effect("neighbor PEER weight ...", PATHS),
    Statement::no_effect("neighbor PEER allowas-in ...", INBOUND),
    Statement::no_effect("neighbor PEER enforce-first-as", INBOUND),
    Statement::no_effect("neighbor PEER sender-as-path-loop-detection", "our routes have no other AS"),
    Statement::no_effect(
        REMOVE_PRIVATE_AS,
        "our routes have no AS but our own, and what a route-map prepends",
    ),
    Statement::no_effect("neighbor PEER advertisement-interval ...", "changes are sent at once"),
    Statement::no_effect("neighbor PEER timers delayopen ...", "OPEN is sent at once"),
    Statement::no_effect("neighbor PEER strict-capability-match", "what both sides offer is used"),
    Statement::no_effect("neighbor PEER override-capability", "what both sides offer is used"),
    Statement::no_effect(
        "neighbor PEER capability <dynamic|fqdn|link-local|orf|software-version> ...",
        OFFERED,
    ),
    Statement::no_effect(
        "neighbor PEER next-hop-self <force|all>",
        "what we announce always has our own next hop",
    ),
    Statement::no_effect("neighbor PEER addpath-rx-paths-limit ...", OFFERED),
    Statement::no_effect("neighbor PEER disable-addpath-rx", OFFERED),
    Statement::no_effect("neighbor PEER disable-link-bw-encoding-ieee", EXTENDED),
    Statement::no_effect("neighbor PEER extended-link-bandwidth", EXTENDED),
    Statement::no_effect("neighbor PEER extended-optional-parameters", "our OPEN is a short one"),
    Statement::no_effect("neighbor PEER dampening ...", PATHS),
    Statement::no_effect("neighbor PEER path-attribute ...", INBOUND),
    Statement::no_effect(
        "neighbor PEER <local-link-id|remote-link-id> ...",
        "there is no family of link states",
    ),
    Statement::no_effect("neighbor PEER nexthop-local unchanged", "received routes are never sent on"),
    Statement::no_effect("neighbor PEER tcp-mss ...", "the host's MSS is used"),
    Statement::no_effect("neighbor PEER solo", "every neighbor is told for itself"),
    Statement::no_effect("neighbor PEER bfd strict hold-time", STRICT),
    Statement::no_effect("neighbor PEER bfd check-control-plane-failure", FORWARDING),
];

pub(super) const ROUTE_MAP: &[Statement] = &[
    Statement::no_effect("description ...", "descriptions of route-maps are not kept"),
    Statement::no_effect("set weight ...", PATHS),
    Statement::no_effect("set ipv6 next-hop prefer-global", INBOUND),
    Statement::no_effect("set src ...", "the source of other traffic is not set"),
    Statement::no_effect("set distance ...", PATHS),
    Statement::no_effect("set tag ...", PATHS),
    Statement::no_effect("set <forwarding-address|label-index|metric-type|sr-te|table> ...", OTHERS),
    Statement::no_effect("set extended-comm-list ...", EXTENDED),
];

pub(super) const INTERFACE: &[Statement] = &[
    Statement::no_effect("description ...", "descriptions of interfaces are not kept"),
    Statement::no_effect("ipv6 nd ...", "no router advertisements are sent"),
    Statement::no_effect("link-detect", "links are always watched"),
    Statement::no_effect("bandwidth ...", PATHS),
    Statement::no_effect("delay ...", PATHS),
    Statement::no_effect("multicast ...", INTERFACES),
    Statement::no_effect("ptm-enable", OF_FRR),
    Statement::no_effect("link-params", OTHERS).block(),
];
