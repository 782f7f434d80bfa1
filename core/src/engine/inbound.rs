//! Routes received: checked, let in where `steer` accepts them, and handed to its table. Everything else is forgotten.

use core::net::IpAddr;

use super::names::LinkId;
use super::record::{Limit, Record};
use super::{Inner, peers_in};
use crate::base::net::{Family, Prefix, is_link_local};
use crate::bgp::conn::Conn;
use crate::bgp::fsm::{Event, State};
use crate::bgp::policy;
use crate::config::{Clause, PeerFlags, PeerOptions};
use crate::steer::candidate::Candidate;
use crate::steer::policy::{Asked, Steer};
use crate::wire::community::{Community, LargeCommunity};
use crate::wire::notification::{Fault, cease};
use crate::wire::update::{Context, Update};
use crate::wire::verdict::Verdict;

/// What `steer` keeps.
pub(super) type Inbound<const P: usize, const R: usize> = crate::steer::table::Table<P, R>;

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// An UPDATE.
    pub(super) fn update(&mut self, peer: usize, slot: usize, body: &[u8]) {
        let conn = &self.peers[peer].conns[slot];
        if conn.state != State::Established {
            return self.fire(peer, slot, Event::UpdateMsg, Fault::NONE);
        }
        let external = conn.session.ebgp;
        let update = Update::read(body, context(conn));
        let verdict = update.verdict();
        match verdict {
            Verdict::ResetSession => {
                let fault = update.notification().map_or(Fault::new(3, 0), Fault::from);
                return self.fire(peer, slot, Event::UpdateMsgErr, fault);
            }
            Verdict::TreatAsWithdraw | Verdict::DiscardAttribute => {
                let withdrawn = verdict == Verdict::TreatAsWithdraw;
                self.note_malformed(peer, update.offender().unwrap_or(0), withdrawn);
            }
            Verdict::Accept => {}
        }
        if Steer::of(self.config.view()).is_on() {
            self.learn(peer, &update, verdict != Verdict::TreatAsWithdraw, external);
        }
        if self.peers[peer].conns[slot].state == State::Established {
            self.fire(peer, slot, Event::UpdateMsg, Fault::NONE);
        }
    }

    /// Takes the routes of an UPDATE that `steer` accepts; `usable`: its announcements are not to be treated as withdrawn.
    fn learn(&mut self, peer: usize, update: &Update<'_>, usable: bool, external: bool) {
        for prefix in update.withdrawn() {
            self.inbound.forget(peer, prefix);
        }
        // A route that was ours already (RFC 4271 section 9.1.2).
        let looped = update.as_path().contains(self.config.view().bgp.local_as);
        let options = self.options(peer);
        for prefix in update.announced() {
            // Semantically wrong: such a prefix is ignored and said (RFC 4271 section 6.3).
            if prefix.is_reserved() {
                self.note_malformed(peer, 0, true);
                continue;
            }
            let candidate = self.candidate(&options, update, prefix, external);
            let candidate = candidate.filter(|_| usable && !looped);
            match candidate.filter(|candidate| self.leads_away(peer, candidate)) {
                Some(candidate) => {
                    let known = self.inbound.knows(candidate.next_hop);
                    if self.inbound.learn(peer, prefix, &candidate).is_err() {
                        self.refused |= 1 << peer;
                        self.full(Limit::Candidates);
                    } else if !known {
                        self.judge_next_hop(candidate.next_hop);
                    }
                }
                None => self.inbound.forget(peer, prefix),
            }
        }
        self.count_prefixes(peer);
    }

    /// The route as a candidate, if our policy lets it in.
    fn candidate(
        &self,
        options: &PeerOptions,
        update: &Update<'_>,
        prefix: Prefix,
        external: bool,
    ) -> Option<Candidate> {
        let view = self.config.view();
        let steer = Steer::of(view);
        let family = prefix.family();
        let filters = (options.list_in[family.index()], options.map_in[family.index()]);
        let has = |asked: policy::Asked| match asked {
            policy::Asked::Community(community) => update.communities().any(|other| other == community),
            policy::Asked::Large(community) => update.large_communities().any(|other| other == community),
        };
        if !steer.accepts(prefix) {
            return None;
        }
        let entry = policy::lets_in(view, filters, prefix, has)?;
        let rank = steer.rank(|asked| {
            let asked = match asked {
                Asked::Community(community) => policy::Asked::Community(Community(community)),
                Asked::Large([global, local1, local2]) => {
                    policy::Asked::Large(LargeCommunity::new(global, local1, local2))
                }
            };
            policy::has_community(view, entry, asked, has)
        });
        // A speaker that is leaving is the last choice (RFC 8326 section 4.2).
        let leaving = update.communities().any(|other| other == Community::GRACEFUL_SHUTDOWN);
        let mut candidate = Candidate {
            next_hop: update.next_hop(family)?.global,
            rank: if leaving { u8::MAX } else { rank },
            // An external peer's is not ours to follow (RFC 4271 section 5.1.5).
            local_pref: update.local_pref().filter(|_| !external).unwrap_or(view.bgp.local_preference()),
            path_length: u8::try_from(update.as_path().length()).unwrap_or(u8::MAX),
            origin: update.origin().map_or(2, |origin| origin as u8),
            med: update.med().unwrap_or(0),
            internal: !external,
        };
        for rule in policy::clauses(view, entry) {
            match rule.clause {
                Clause::SetLocalPreference(preference) => candidate.local_pref = preference,
                Clause::SetMetric(med) => candidate.med = med,
                Clause::SetOrigin(code) => candidate.origin = code,
                Clause::SetPrepend(_) => candidate.path_length = candidate.path_length.saturating_add(1),
                Clause::SetNextHopV4(v4) if family == Family::Ipv4 => candidate.next_hop = v4.into(),
                Clause::SetNextHopV6(v6) if family == Family::Ipv6 => candidate.next_hop = v6.into(),
                _ => {}
            }
        }
        Some(candidate)
    }

    /// Whether the next hop is another machine, as far as our addresses tell: packets to ourselves would go in circles (RFC 4271
    /// section 5.1.3). A link-local one is on the link to the peer, or nobody knows where.
    fn leads_away(&mut self, peer: usize, candidate: &Candidate) -> bool {
        let (next_hop, link) = (candidate.next_hop, LinkId(self.peers[peer].link));
        if is_link_local_v6(next_hop) {
            return link != LinkId(0) && !self.is_own_on(next_hop, link);
        }
        let to_us = self.is_own(next_hop);
        self.looped |= u64::from(to_us) << peer;
        !to_us
    }

    /// An address of this host came or went: what leads to it is not taken any more, or is to be told again.
    pub(super) fn weigh_loops(&mut self, address: IpAddr, present: bool) {
        if is_link_local_v6(address) {
            return;
        }
        if !present {
            let told = (self.looped != 0 && !self.is_own(address)).then(|| core::mem::take(&mut self.looped));
            for peer in peers_in(told.unwrap_or(0)) {
                self.ask_again(peer);
            }
            return;
        }
        let mut from = 0;
        while let Some((place, prefix)) = self.inbound.next(from) {
            from = place + 1;
            let to_us = self.inbound.heard(place).filter(|heard| heard.candidate.next_hop == address);
            for peer in peers_in(to_us.fold(0, |set, heard| set | 1 << heard.peer)) {
                self.inbound.forget(peer, prefix);
                self.looped |= 1 << peer;
            }
        }
    }

    /// The link by which a next hop of a steered prefix is reached: a link-local one is on the link to the peer that told it.
    pub(super) fn steered_link(&self, place: usize, next_hop: IpAddr) -> Option<LinkId> {
        if !is_link_local_v6(next_hop) {
            return self.near(next_hop);
        }
        let told = self.inbound.heard(place).find(|heard| heard.candidate.next_hop == next_hop)?;
        Some(LinkId(self.peers[told.peer].link)).filter(|&link| link != LinkId(0))
    }

    /// `maximum-prefix` counts what is kept; going beyond it is told once.
    fn count_prefixes(&mut self, peer: usize) {
        let options = self.options(peer);
        for family in Family::ALL {
            let (at, state) = (family.index(), &mut self.peers[peer]);
            let limit = options.maximum_prefix[at];
            let over = limit != 0 && self.inbound.kept(peer, family) > limit;
            let told = state.over_maximum.has(family);
            // Told once in a session: a peer may go to and fro across the limit.
            if !over || told {
                continue;
            }
            state.over_maximum = state.over_maximum.with_if(family, true);
            let closed = !options.flags.on(PeerFlags::MAXIMUM_PREFIX_WARNING[at]);
            let address = state.address;
            self.record(Record::MaximumPrefix { peer: address, family, limit, closed });
            if closed && let Some(slot) = self.peers[peer].established() {
                return self.fire(
                    peer,
                    slot,
                    Event::AutomaticStop,
                    Fault::new(cease::CODE, cease::MAXIMUM_PREFIXES),
                );
            }
        }
    }

    /// A session went down: nothing that the peer said holds any more.
    pub(super) fn forget_routes_of(&mut self, peer: usize) {
        self.inbound.peer_down(peer);
        self.refused &= !(1 << peer);
        self.looped &= !(1 << peer);
        self.room(Limit::Candidates);
    }
}

fn is_link_local_v6(address: IpAddr) -> bool {
    Family::of(address) == Family::Ipv6 && is_link_local(address)
}

/// What the session's agreement says about its UPDATEs.
fn context(conn: &Conn) -> Context {
    let session = &conn.session;
    Context {
        ebgp: session.ebgp,
        as4: session.as4,
        families: session.families,
        extended_next_hop: session.extended_next_hop,
    }
}
