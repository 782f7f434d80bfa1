//! Routes told again: ours when a peer asks (RFC 2918, RFC 7313), and a peer's when we want what we let go by.

use super::record::Limit;
use super::{Inner, PeerSet, peers_in};
use crate::bgp::fsm::{Event, State};
use crate::config::{BgpFlags, Clause, ConfigView, List, ListRef, PeerOptions, Rule};
use crate::steer::policy::Steer;
use crate::wire::header::{Frame, MessageType};
use crate::wire::notification::{Fault, Notification, cease, fsm};
use crate::wire::refresh::{RouteRefresh, Subtype};

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// A ROUTE-REFRESH: a wish to be told again, or the begin or the end of what we asked for.
    pub(super) fn route_refresh(&mut self, peer: usize, slot: usize, frame: Frame<'_>) {
        let conn = &self.peers[peer].conns[slot];
        if conn.state != State::Established {
            // It belongs into a session only, as an UPDATE does.
            let data = &[MessageType::RouteRefresh as u8];
            let fault = Fault::from(Notification { code: fsm::CODE, subcode: fsm::UNSPECIFIED, data });
            return self.fire(peer, slot, Event::UpdateMsg, fault);
        }
        let session = conn.session;
        let refresh = match RouteRefresh::read(frame) {
            Ok(refresh) => refresh,
            Err(fault) => return self.fire(peer, slot, Event::UpdateMsgErr, Fault::from(fault)),
        };
        let family = refresh.afi_safi.family().filter(|&family| session.families.has(family));
        let Some(family) = family else { return };
        match refresh.subtype {
            Subtype::Request => {
                for place in 0..self.routes.high() {
                    if self.routes.is_used(place) && self.routes.get(place).prefix.family() == family {
                        self.adj_out.again(peer, place);
                    }
                }
                if session.enhanced_route_refresh {
                    let batch = &mut self.peers[peer].batch;
                    batch.refresh_begin = batch.refresh_begin.with(family);
                    batch.refresh_end = batch.refresh_end.with(family);
                }
                self.touch(peer);
            }
            Subtype::Begin if session.enhanced_route_refresh => self.inbound.refresh_begins(peer, family),
            Subtype::End if session.enhanced_route_refresh => self.inbound.refresh_ends(peer, family),
            Subtype::Begin | Subtype::End | Subtype::Unknown(_) => {}
        }
    }

    /// The inbound policy that is in force now. What these peers told was judged by another one: what is not accepted any
    /// more goes at once, and for the rest they are asked to tell it again. A session whose peer cannot do that begins anew.
    pub(super) fn take_inbound(&mut self, changed: PeerSet) {
        let view = self.config.view();
        let (steer, relax) = (Steer::of(view), view.bgp.flags.has(BgpFlags::MULTIPATH_RELAX));
        self.inbound.share(relax);
        self.inbound.install(steer.installs());
        if changed != 0 {
            self.inbound.retain(|prefix| steer.accepts(prefix));
        }
        if !steer.is_on() {
            return;
        }
        for peer in peers_in(changed) {
            if !self.ask_again(peer) && self.peers[peer].established().is_some() {
                self.stop_peer(peer, cease::CONFIGURATION_CHANGE);
                self.dial_anew(peer);
            }
        }
    }

    /// There is room again: peers of whose routes not all found some are asked to tell them again, if they can. Says whether
    /// one was.
    pub(super) fn ask_refused(&mut self) -> bool {
        if self.refused == 0 || !self.inbound.has_room() {
            return false;
        }
        let refused = core::mem::take(&mut self.refused);
        self.room(Limit::Candidates);
        let mut any = false;
        for peer in peers_in(refused) {
            any |= self.ask_again(peer);
        }
        any
    }

    /// Owes a peer the wish to be told its routes again; says whether it has a session and understands it.
    pub(super) fn ask_again(&mut self, peer: usize) -> bool {
        let state = &mut self.peers[peer];
        let session = state.established().map(|slot| state.conns[slot].session);
        let Some(session) = session.filter(|session| session.route_refresh) else { return false };
        state.batch.ask_again = session.families;
        self.touch(peer);
        true
    }
}

/// How the rules for what is let in differ between two configurations.
#[derive(Clone, Copy)]
pub(super) struct InboundChange {
    /// What `steer` accepts and prefers, and the LOCAL_PREF that it gives.
    steer: bool,
    /// Route-maps and lists.
    lists: bool,
}

impl InboundChange {
    pub(super) fn between(old: ConfigView<'_>, new: ConfigView<'_>) -> Self {
        let differ = |of: fn(List) -> bool| {
            let [mut before, mut after] =
                [old, new].map(|view| view.rules.iter().filter(move |rule| of(rule.list)));
            loop {
                match (before.next(), after.next()) {
                    (None, None) => return false,
                    (Some(one), Some(other)) if same_rule((old, one), (new, other)) => {}
                    _ => return true,
                }
            }
        };
        let preference = old.bgp.local_preference() != new.bgp.local_preference();
        Self {
            steer: preference || differ(|list| list == List::Steer),
            lists: differ(|list| list < List::Steer),
        }
    }

    /// Whether what a peer told must be judged again, whose options were `before` and are `after`.
    pub(super) fn concerns(
        self,
        (old, before): (ConfigView<'_>, &PeerOptions),
        (new, after): (ConfigView<'_>, &PeerOptions),
    ) -> bool {
        let filters = |options: &PeerOptions| [options.list_in, options.map_in];
        let (before, after) = (filters(before), filters(after));
        let mut pairs = before.as_flattened().iter().zip(after.as_flattened());
        self.steer || pairs.any(|(one, other)| self.concerns_map((old, *one), (new, *other)))
    }

    /// Whether a use of a list may let other things in.
    pub(super) fn concerns_map(
        self,
        (old, one): (ConfigView<'_>, ListRef),
        (new, other): (ConfigView<'_>, ListRef),
    ) -> bool {
        !same_name((old, one), (new, other)) || (self.lists && !one.name.is_empty())
    }
}

/// Whether two uses of lists name the same one.
fn same_name((old, one): (ConfigView<'_>, ListRef), (new, other): (ConfigView<'_>, ListRef)) -> bool {
    old.text(one.name) == new.text(other.name)
}

/// Whether two rules say the same; where their names lie in the texts does not matter.
fn same_rule((old, one): (ConfigView<'_>, &Rule), (new, other): (ConfigView<'_>, &Rule)) -> bool {
    let clauses = match (one.clause, other.clause) {
        (Clause::MatchPrefixList(family, one), Clause::MatchPrefixList(of, other)) => {
            family == of && same_name((old, one), (new, other))
        }
        (Clause::MatchCommunity(one), Clause::MatchCommunity(other))
        | (Clause::MatchLargeCommunity(one), Clause::MatchLargeCommunity(other)) => {
            same_name((old, one), (new, other))
        }
        (one, other) => one == other,
    };
    clauses
        && (one.list, one.sequence, one.deny) == (other.list, other.sequence, other.deny)
        && old.text(one.name) == new.text(other.name)
}
