//! What to do about what is shown: one sentence for each thing an operator can act on.

use core::fmt;

use crate::base::net::Asn;
use crate::bgp::fsm::State;
use crate::engine::record::EndCause;
use crate::engine::view::{Hint, PeerView, ServiceView, Summary, TtlBecause};
use crate::failover::posture::{Because, Wish};

/// What a peer's TTL follows from.
pub(super) const fn ttl(because: TtlBecause) -> &'static str {
    match because {
        TtlBecause::Connected => "it is on a connected subnet",
        TtlBecause::NotConnected => "it is not on a connected subnet",
        TtlBecause::Unchecked => "disable-connected-check",
        TtlBecause::Multihop => "ebgp-multihop",
        TtlBecause::Security => "ttl-security",
        TtlBecause::Internal => "an internal peer",
    }
}

/// The same in a word, for a column.
pub(super) const fn ttl_word(because: TtlBecause) -> &'static str {
    match because {
        TtlBecause::Connected => "connected",
        TtlBecause::NotConnected => "not connected",
        TtlBecause::Unchecked => "unchecked",
        TtlBecause::Multihop => "multihop",
        TtlBecause::Security => "security",
        TtlBecause::Internal => "internal",
    }
}

/// What an operator should do about a peer; `None`: nothing. `local_as` is ours.
pub(super) fn of_peer<'a>(peer: &'a PeerView<'_>, local_as: Asn) -> Option<impl fmt::Display + use<'a>> {
    let silent = peer.state == State::Established && peer.families.is_empty();
    (peer.hint != Hint::None || silent).then_some(PeerAdvice { hint: peer.hint, peer, local_as })
}

struct PeerAdvice<'a> {
    hint: Hint,
    peer: &'a PeerView<'a>,
    local_as: Asn,
}

impl fmt::Display for PeerAdvice<'_> {
    // table: one sentence for each hint
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = self.peer;
        match self.hint {
            Hint::None => f.write_str(
                "the session is up but no address family is agreed: activate one on both sides (`neighbor … activate`)",
            ),
            Hint::NotAccepted => f.write_str(
                "it closes our connection: at some providers the route servers accept no session until the address is \
                 registered as shared for this machine",
            ),
            Hint::Refused => f.write_str(
                "it refuses our connection: its BGP daemon does not run, or a firewall rejects TCP port 179",
            ),
            Hint::NoAnswer => f.write_str(
                "it does not answer: is the address right, and does no firewall drop TCP port 179? A `password` on its side \
                 only looks the same",
            ),
            Hint::NoWay => f.write_str("there is no way to it: look at the link and at `ip route get` for its address"),
            Hint::LinkDown => f.write_str("the link to it is down: look at the cable, or at `ip link`"),
            Hint::NotConnected => {
                f.write_str("`passive` is configured and it has not connected: look at its side, and at TCP port 179 here")
            }
            Hint::CheckRemoteAs if peer.remote_as == Asn(0) => write!(
                f,
                "the AS numbers do not fit: ours is {}, and `remote-as external` takes any other; compare with its side",
                self.local_as
            ),
            Hint::CheckRemoteAs => write!(
                f,
                "the AS numbers do not fit: ours is {}, and `neighbor … remote-as` here says {}; compare with its side",
                self.local_as, peer.remote_as
            ),
            Hint::CheckPasswordAndTtl => write!(
                f,
                "the connection opens and nothing comes back: check the `password` on both sides and the TTL; we send \
                 {} ({}), and `ebgp-multihop N` sets it",
                peer.ttl,
                ttl(peer.ttl_because)
            ),
            Hint::BackingOff => {
                f.write_str(match peer.last_end {
                    Some(EndCause::NotificationReceived(..)) => "it ended the last session or attempt",
                    Some(EndCause::NotificationSent(..)) => "we ended the last session or attempt",
                    _ => "its last sessions were short",
                })?;
                f.write_str(": we try again after pauses that grow to a minute")
            }
            Hint::Shutdown => f.write_str("`shutdown` is configured: `no neighbor … shutdown` opens the session"),
            Hint::WaitsForBfd => f.write_str(
                "`bfd strict` is configured and BFD is not up: see `show bfd`; a neighbor that begins BFD only \
                 after BGP never gets there",
            ),
            Hint::NoLocalAddress => f.write_str(
                "our own address or interface for this session is not there: check `update-source` and the interface",
            ),
        }
    }
}

/// What an operator should know or do about a service; `None`: nothing.
pub(super) const fn of_service(service: &ServiceView<'_>) -> Option<&'static str> {
    Some(match service.because {
        Because::Starting if service.present == 0 => {
            "none of its addresses is on this host yet: `show routes` says what each waits for"
        }
        Because::Starting if service.passing < service.checks => {
            "a check of it has no result yet: see the checks below, and their `start-delay`"
        }
        Because::Starting => "its address is being bound, or its `start-delay` is not over",
        Because::Drained if matches!(service.wish, Wish::Drain) => {
            "an operator took it out: `undrain` brings it back"
        }
        Because::Drained => "`bgp graceful-shutdown` drains everything: take it out of the configuration",
        Because::LinkDown => "the interface it is bound to is down: look at the cable, or at `ip link`",
        Because::AddressMissing => {
            "none of its addresses is on this host, so none is announced: see `show routes` for each, and the log for \
             who removed it"
        }
        Because::Unhealthy if service.passing < service.checks => {
            "its checks fail: the log says which and why; it is announced again when they pass"
        }
        Because::Damped => {
            "it comes back by itself when it has held still for so long; the log says which check fails; `force` \
             overrides this"
        }
        Because::Forced => "an operator forces it: checks, delays and its role do not count until `undrain`",
        Because::Promoted => "an operator promoted it: its role does not count until `undrain`",
        Because::Demoted => "an operator demoted it: `undrain` brings it back",
        Because::NoPreempt => "it failed and may not take over by itself (`no preempt`): `undrain` lets it",
        _ => return None,
    })
}

/// What an operator should know or do about the whole; at most one thing, the gravest.
pub(super) fn of_summary(summary: &Summary<'_>) -> Option<&'static str> {
    if summary.stopping {
        Some("stopping: everything is being withdrawn")
    } else if summary.local_as == Asn(0) {
        Some("there is no `router bgp` in the configuration: nothing is announced")
    } else if summary.router_id.0 == 0 {
        Some(
            "there is no router-id: this host has no IPv4 address of its own; set `bgp router-id` under `router bgp`",
        )
    } else if summary.configuring {
        Some("a new configuration is being applied")
    } else if summary.peers == 0 {
        Some("there is no neighbor: nobody is told anything")
    } else if summary.routes == 0 && summary.steered == 0 {
        Some("there is nothing to announce: no failover block, no `network`, no `redistribute`")
    } else {
        None
    }
}
