//! Taking over a configuration: what holds at once, and the routes, some a turn.

use super::host::HostAddress;
use super::input::{HostTable, IoError};
use super::record::{Limit, Record};
use super::refresh::InboundChange;
use super::route::{Fib, Flags, OWED, PRESENT};
use super::session::{extended_next_hop, timers};
use super::{Inner, PeerSet};
use crate::base::limits::{CHECKS_PER_SERVICE, ROUTES_PER_TURN};
use crate::base::net::{BgpId, Family, Prefix};
use crate::bgp::peer::{Kind, MISSED_AFTER, Peer};
use crate::config::{Config, ConfigView, Owner, PeerFlags, PeerOptions, RouteSource};
use crate::failover::health::{self, CheckState};
use crate::failover::reconcile::{Change, Standing, Wanted};
use crate::failover::service::ServiceState;
use crate::wire::notification::cease;

/// The pass over the routes of a new configuration. All zero bits at rest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pass {
    stage: Stage,
    /// Where it goes on.
    next: u16,
}

/// What the pass does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    /// Nothing.
    #[default]
    Over,
    /// Meets the configuration's lines.
    Lines,
    /// Looks at every route: those that no line speaks of any more leave, the others are weighed.
    Sweep,
}

impl Pass {
    pub(super) const REST: Self = Self { stage: Stage::Over, next: 0 };

    pub(super) fn is_running(self) -> bool {
        self.stage != Stage::Over
    }
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// Takes over a configuration; one that comes on the way out comes too late.
    pub(super) fn configure(&mut self, config: &Config<P, S, R, U, T>) {
        if self.stopping.is_on() {
            return;
        }
        let reidentified = self.take_identity(config.view());
        let kept = self.match_services(config.view());
        let checks = self.match_checks(config.view());
        let judged_anew = self.match_peers(config.view(), reidentified);
        let asked = self.tables_to_ask(config.view());
        self.part_addresses(config.view());
        self.leave_removed(kept);
        self.find_relabelled(config.view(), kept);
        let was_shut_down = self.surroundings().shutdown;
        self.config.copy_from(config);
        self.shut_down_routes(was_shut_down);
        self.ask_tables |= asked;
        self.waiting.follow(&kept);
        self.take_services(kept, checks);
        self.adj_out.forget_symbols();
        self.full = 0;
        // Other links may be needed now.
        self.ask_left_out(HostTable::Links);
        self.choose_router_id();
        self.adopt_peers();
        self.take_inbound(judged_anew);
        self.configured = true;
        // What could not be removed before is tried again.
        self.leftovers = true;
        if self.pass.is_running() {
            // Lines of the configuration before were met, and nobody swept behind them.
            for place in 0..self.routes.high() {
                self.routes.get_mut(place).flags.set(Flags::MET, false);
            }
        }
        self.pass = Pass { stage: Stage::Lines, next: 0 };
        self.service_routes = [[0; crate::base::limits::SERVICE_ADDRESSES]; S];
        self.configure_some();
        let view = self.config.view();
        let record = Record::Configured {
            local_as: view.bgp.local_as,
            router_id: self.router_id,
            peers: view.neighbors.len() as u16,
            services: view.services.len() as u16,
        };
        self.record(record);
    }

    /// Whether our AS or identifier changes, which every session would notice.
    fn take_identity(&mut self, new: ConfigView<'_>) -> bool {
        let old = self.config.view();
        let identifier = new.bgp.router_id != BgpId(0)
            && new.bgp.router_id != self.router_id
            && self.router_id != BgpId(0);
        let changed = identifier || (old.bgp.local_as != new.bgp.local_as);
        self.router_id_configured = new.bgp.router_id != BgpId(0);
        if old.bgp.router_id != BgpId(0) && new.bgp.router_id == BgpId(0) {
            self.router_id = BgpId(0);
        }
        changed
    }

    /// Which old service each new one continues, by name: one more than its place; 0: none.
    fn match_services(&self, new: ConfigView<'_>) -> [u16; S] {
        let old = self.config.view();
        let mut kept = [0; S];
        for (place, service) in kept.iter_mut().zip(new.services) {
            let name = new.text(service.name);
            let known = old.services.iter().position(|other| old.text(other.name) == name);
            *place = known.map_or(0, |known| known as u16 + 1);
        }
        kept
    }

    /// The addresses of services that this configuration has no more linger as long as their own block said, unless another
    /// line wants them.
    fn leave_removed(&mut self, kept: [u16; S]) {
        for service in 0..self.config.view().services.len() {
            if kept.contains(&(service as u16 + 1)) {
                continue;
            }
            for place in self.service_routes[service] {
                let place = usize::from(place).checked_sub(1);
                if let Some(place) = place.filter(|&place| self.routes.get(place).is_address) {
                    self.leave_address(place);
                }
            }
        }
    }

    /// Addresses that another label is wanted for: they keep the one they have, because they would be gone for a moment.
    fn find_relabelled(&mut self, new: ConfigView<'_>, kept: [u16; S]) {
        for (service, from) in new.services.iter().zip(kept) {
            let Some(from) = usize::from(from).checked_sub(1) else { continue };
            let old = self.config.view();
            if old.text(old.services[from].label) == new.text(service.label) {
                continue;
            }
            for place in self.service_routes[from] {
                let place = usize::from(place).checked_sub(1);
                if let Some(place) = place.filter(|&place| self.address_behind(place).is_ipv4()) {
                    self.stays_where_it_is(place);
                }
            }
        }
    }

    /// Says so of an address that we have bound.
    fn stays_where_it_is(&mut self, place: usize) {
        if self.routes.get(place).cell.standing() == Standing::Bound
            && let Some(link) = self.bound_link(place)
        {
            let address = self.address_behind(place);
            self.record(Record::BoundElsewhere { address, link: link.id });
        }
    }

    /// Which old check each new one continues: one more than its place; 0: none.
    fn match_checks(&self, new: ConfigView<'_>) -> [[u16; CHECKS_PER_SERVICE]; S] {
        let old = self.config.view();
        let mut kept = [[0; CHECKS_PER_SERVICE]; S];
        for (place, check) in kept.as_flattened_mut().iter_mut().zip(new.checks) {
            let known = old.checks.iter().position(|other| health::continues((old, other), (new, check)));
            *place = known.map_or(0, |known| known as u16 + 1);
        }
        kept
    }

    /// Services and checks go on where they were; new ones begin.
    fn take_services(&mut self, kept: [u16; S], checks: [[u16; CHECKS_PER_SERVICE]; S]) {
        let old = self.services;
        for (service, from) in self.services.iter_mut().zip(kept) {
            *service = usize::from(from).checked_sub(1).map_or(ServiceState::new(), |from| old[from]);
            service.reloaded();
        }
        let old = self.checks;
        for (place, from) in checks.as_flattened().iter().enumerate() {
            let service = usize::from(self.check_line(place).service);
            let healthy = self.services.get(service).is_some_and(ServiceState::is_healthy);
            let new = if healthy { CheckState::trusting() } else { CheckState::new() };
            let from = usize::from(*from).checked_sub(1);
            self.checks.as_flattened_mut()[place] = from.map_or(new, |from| old.as_flattened()[from]);
        }
        for check in 0..CHECKS_PER_SERVICE * S {
            self.stop_probe(check);
        }
        let count = self.config.view().services.len();
        self.undecided = 0;
        for service in 0..count {
            self.undecided += u16::from(!self.services[service].posture().is_decided());
            self.service_link(service);
        }
        self.start_checks();
    }

    /// Peers that are no longer configured, or whose connection would have to be another one, end. Returns those whose
    /// routes must be judged anew.
    fn match_peers(&mut self, new: ConfigView<'_>, reidentified: bool) -> PeerSet {
        self.find_stale_keys(new);
        let inbound = InboundChange::between(self.config.view(), new);
        let mut judged_anew = 0;
        // What a peer is under the old configuration is asked until all of them are done.
        let mut kinds = [Kind::Free; P];
        for (peer, kind) in kinds.iter_mut().enumerate() {
            let (state, old, before) = (&self.peers[peer], self.config.view(), self.options(peer));
            let after = match state.kind {
                Kind::Free | Kind::Leaving => {
                    *kind = state.kind;
                    continue;
                }
                Kind::Configured(_) => neighbor(new, state.address),
                // One that came by itself may have been given a line of its own.
                Kind::Dynamic(_) => neighbor(new, state.address).or_else(|| {
                    let group = super::listen::range_group(new, state.address)?;
                    Some((Kind::Dynamic(group), new.groups.get(usize::from(group))?.options))
                }),
            };
            let Some((new_kind, after)) = after else {
                self.stop_peer(peer, cease::PEER_DECONFIGURED);
                *kind = Kind::Leaving;
                self.touch(peer);
                continue;
            };
            *kind = new_kind;
            judged_anew |= PeerSet::from(inbound.concerns((old, &before), (new, &after))) << peer;
            let (was_shut, shut) =
                (before.flags.on(PeerFlags::SHUTDOWN), after.flags.on(PeerFlags::SHUTDOWN));
            let other = reidentified
                || needs_reset(state.address, (old, &before), (new, &after))
                || old.families(&before) != new.families(&after);
            if shut && !was_shut {
                // The text belongs to the new configuration and is said by the time it is in force.
                self.stop_peer(peer, cease::ADMINISTRATIVE_SHUTDOWN);
            } else if other {
                self.stop_peer(peer, cease::CONFIGURATION_CHANGE);
            }
            if other || (was_shut && !shut) {
                self.dial_anew(peer);
            }
        }
        for (peer, kind) in kinds.into_iter().enumerate() {
            self.peers[peer].kind = kind;
            if kind == Kind::Leaving {
                self.release(peer);
            }
        }
        judged_anew
    }

    /// New neighbors get places; called again when a place becomes free.
    pub(super) fn adopt_peers(&mut self) {
        for line in 0..self.config.view().neighbors.len() {
            let view = self.config.view();
            let neighbor = view.neighbors[line];
            let known = self
                .peers
                .iter()
                .any(|peer| matches!(peer.kind, Kind::Configured(_)) && peer.address == neighbor.address);
            if known {
                continue;
            }
            let Some(place) = self.free_place() else {
                // One that is leaving makes room in a moment; those that came by themselves may stay.
                if !self.peers.iter().any(|peer| peer.kind == Kind::Leaving) {
                    self.full(Limit::Peers);
                }
                continue;
            };
            let conns = self.peers[place].conns;
            self.peers[place] = Peer {
                kind: Kind::Configured(line as u16),
                address: neighbor.address,
                conns,
                since: self.now,
                missed_at: self.now + MISSED_AFTER,
                ..Peer::REST
            };
            self.find_peers();
            self.dial_soon(place);
        }
        self.weigh_listeners();
        self.find_peers();
    }

    /// Which tables of the host must be told again, because something asks for them that did not before.
    fn tables_to_ask(&self, new: ConfigView<'_>) -> u8 {
        if !self.addresses_known {
            return 0;
        }
        let old = self.config.view();
        let lists = InboundChange::between(old, new);
        let begins = |source: RouteSource| {
            Family::ALL.iter().any(|family| {
                let of = |view: ConfigView<'_>| view.bgp.redistribute[family.index()][source as usize];
                let (before, after) = (of(old), of(new));
                after.on && (!before.on || lists.concerns_map((old, before.map), (new, after.map)))
            })
        };
        u8::from(begins(RouteSource::Connected)) << 1 | u8::from(begins(RouteSource::Kernel)) << 2
    }

    /// Goes on with the pass.
    pub(super) fn configure_some(&mut self) {
        match self.pass.stage {
            Stage::Over => {}
            Stage::Lines => {
                let lines = self.config.view().routes.len();
                let to = lines.min(usize::from(self.pass.next) + ROUTES_PER_TURN);
                for line in usize::from(self.pass.next)..to {
                    self.meet(line);
                }
                self.pass.next = to as u16;
                if to == lines {
                    self.pass = Pass { stage: Stage::Sweep, next: 0 };
                }
            }
            Stage::Sweep => {
                let high = self.routes.high();
                let to = high.min(usize::from(self.pass.next) + ROUTES_PER_TURN);
                for place in usize::from(self.pass.next)..to {
                    self.pass.next = place as u16 + 1;
                    if self.routes.is_used(place) {
                        self.sweep(place);
                    }
                }
                if to >= self.routes.high() {
                    self.pass = Pass::REST;
                    self.finish_pass();
                }
            }
        }
    }

    /// Whether the pass over a new configuration has not come to this route yet: its owner and its line are still those of
    /// the configuration before, and mean other things in this one.
    pub(super) fn is_unread(&self, place: usize) -> bool {
        let to_come = match self.pass.stage {
            Stage::Over => false,
            Stage::Lines => true,
            Stage::Sweep => place >= usize::from(self.pass.next),
        };
        to_come && !self.routes.get(place).flags.has(Flags::MET)
    }

    /// A line of the configuration that announces or binds something.
    fn meet(&mut self, line: usize) {
        let Some(route) = self.config.view().routes.get(line).copied() else { return };
        // An interface's address is not announced for its subnet: it stands for itself.
        let prefix =
            if route.owner == Owner::Interface { Prefix::host(route.address) } else { route.prefix() };
        let Some(place) = self.routes.place(prefix) else {
            self.full(Limit::Routes);
            return;
        };
        let met = self.routes.get(place).flags.has(Flags::MET);
        if let Owner::Static(_) = route.owner {
            let state = self.routes.get_mut(place);
            state.offer(RouteSource::Static, true);
            if state.fib_now == Fib::Gateway {
                // It may be another gateway now; the same one installed again is the same.
                state.fib_now = Fib::Other;
            }
            if self.redistributes(prefix.family(), RouteSource::Static)
                && !self.may_redistribute(prefix, RouteSource::Static)
            {
                self.hold_back(prefix);
            }
            if met {
                return;
            }
        } else if met {
            // A stronger line speaks of the same prefix (lines are sorted so); this one is silent.
            return;
        }
        let wanted = if route.is_address() { self.address_wanted(route.owner) } else { Wanted::Nothing };
        if route.is_address() && !prefix.is_host() {
            self.join_address(route.address, place);
        }
        let state = self.routes.get_mut(place);
        state.flags.set(Flags::MET, true);
        state.owner = route.owner;
        state.line = line as u16 + 1;
        state.inside = 0;
        let was_address = state.is_address;
        // What was bound for another line is still ours to unbind.
        state.is_address = was_address || wanted != Wanted::Nothing;
        if state.is_address {
            if wanted == Wanted::Nothing {
                self.leave_address(place); // Its route may be on its way from the peers yet: it lingers.
            }
            let state = self.routes.get_mut(place);
            state.cell.want(wanted);
            state.cell.reloaded();
            self.routes.sets.insert(OWED, place);
            self.find_on_host(place);
        } else if !prefix.is_host() {
            let inside =
                self.hosts.as_slice().iter().filter(|host| prefix.contains(host.address.address)).count();
            self.routes.get_mut(place).inside = inside as u16;
        }
        if let Owner::Service(service) = route.owner
            && let Some(free) =
                self.service_routes[usize::from(service)].iter_mut().find(|other| **other == 0)
        {
            *free = place as u16 + 1;
        }
    }

    /// An address whose wider prefix another configuration knows otherwise, or no more, stands for itself from now on: what
    /// is bound is kept, or unbound, under its own name.
    fn part_addresses(&mut self, new: ConfigView<'_>) {
        for line in 0..self.config.view().routes.len() {
            let Some(route) = self.config.view().routes.get(line).copied() else { break };
            let prefix = route.prefix();
            if prefix.is_host() || !route.is_address() || route.owner == Owner::Interface {
                continue;
            }
            let from = new.routes.partition_point(|other| other.prefix() < prefix);
            let after = new.routes.get(from).filter(|other| other.prefix() == prefix);
            if after.is_some_and(|other| other.is_address() && other.address == route.address) {
                continue;
            }
            let Some(place) = self.routes.find(prefix).filter(|&place| !self.is_unread(place)) else {
                continue;
            };
            if usize::from(self.routes.get(place).line) == line + 1
                && self.routes.get(place).may_move()
                && let Some(own) = self.routes.place(Prefix::host(route.address))
            {
                self.routes.move_address(place, own);
            }
        }
    }

    /// The address of a line with a wider prefix may have stood for itself until now.
    fn join_address(&mut self, address: core::net::IpAddr, place: usize) {
        if let Some(own) = self.routes.find(Prefix::host(address))
            && !self.routes.get(own).flags.has(Flags::MET)
            && self.routes.get(own).may_move()
        {
            self.routes.move_address(own, place);
        }
    }

    /// The address of a route that is new may be on this host already.
    fn find_on_host(&mut self, place: usize) {
        let address = self.address_behind(place);
        let single = |length: u8| length == Family::of(address).bits();
        let (mut links, mut ours) = (0, None);
        for host in 0..self.hosts.as_slice().len() {
            let HostAddress { address: known, link, .. } = self.hosts.as_slice()[host];
            if known.address != address {
                continue;
            }
            let Some(link) = self.claim_link(link) else { continue };
            links |= 1 << link;
            if core::mem::take(&mut self.hosts.as_mut_slice()[host].ours) {
                ours = Some((link as u8 + 1, known.length));
            }
        }
        let kept = |host: &HostAddress| host.address.address != address || !single(host.address.length);
        self.hosts.retain(kept);
        let route = self.routes.get_mut(place);
        route.links |= links;
        if let Some((link, length)) = ours {
            // Left by an earlier run: it is unbound where that run bound it.
            route.bound_on = link;
            route.bound_length = length;
        }
        let present = route.links != 0;
        if present {
            self.routes.sets.insert(PRESENT, place);
        }
        if present {
            self.observe(place, true, ours.is_some(), true);
        } else {
            // An answer may have come that the news of it has not caught up with.
            self.address_changed(place, Change::None, IoError::None);
        }
        if let Owner::Service(service) = self.routes.get(place).owner {
            self.service_presence(usize::from(service));
        }
    }

    /// A route, whether or not a line speaks of it.
    fn sweep(&mut self, place: usize) {
        let route = *self.routes.get(place);
        if route.flags.has(Flags::MET) {
            let line =
                usize::from(route.line).checked_sub(1).and_then(|line| self.config.view().routes.get(line));
            let is_static = line.is_some_and(|line| matches!(line.owner, Owner::Static(_)))
                || self.has_static(route.prefix);
            self.routes.get_mut(place).offer(RouteSource::Static, is_static);
        } else {
            let routes = self.routes.get_mut(place);
            routes.owner = Owner::None;
            routes.line = 0;
            routes.offer(RouteSource::Static, false);
            if route.is_address {
                self.leave_address(place);
            }
        }
        for source in [RouteSource::Connected, RouteSource::Kernel] {
            if !self.redistributes(route.prefix.family(), source) {
                self.routes.get_mut(place).offer(source, false);
            }
        }
        if route.flags.has(Flags::MET)
            && let Some(wanted) = self.bind_link(place)
            && usize::from(route.bound_on) != wanted + 1
        {
            self.stays_where_it_is(place);
        }
        self.routes.get_mut(place).flags.set(Flags::MET, false);
        if self.routes.sets.has(PRESENT, place) {
            let address = self.address_behind(place);
            self.count_inside(address, place);
        }
        // What it is announced with may be another thing now.
        self.owe(place);
        self.weigh(place);
    }

    /// Counts an address of a route of ours in the wide prefixes around it.
    fn count_inside(&mut self, address: core::net::IpAddr, except: usize) {
        let wide: heapless::Vec<usize, 8> =
            self.routes.covering(address).filter(|&place| place != except).take(8).collect();
        for place in wide {
            let route = self.routes.get_mut(place);
            route.inside = route.inside.saturating_add(1);
        }
    }

    /// Every route is known: those whose evidence was still being counted are weighed, and the services look again.
    fn finish_pass(&mut self) {
        if self.config.view().routes.len() > ROUTES_PER_TURN && self.addresses_known {
            // News of an address may have come while its line was not met yet.
            self.ask_tables |= 2;
        }
        for line in 0..self.config.view().routes.len() {
            let Some(line) = self.config.view().routes.get(line).copied() else { break };
            if line.owner == Owner::Network
                && !line.is_address()
                && let Some(place) = self.routes.find(line.prefix())
            {
                self.weigh(place);
            }
        }
        for service in 0..self.config.view().services.len() {
            self.service_presence(service);
        }
        for host in 0..self.hosts.as_slice().len() {
            let address = self.hosts.as_slice()[host].address;
            self.redistribute_connected(address, true);
        }
        self.find_peers();
        self.choose_router_id();
        self.ready |= self.up;
        self.services_at = self.services_at.min(self.now);
    }
}

/// The `neighbor` line of an address, and what holds for it.
fn neighbor(view: ConfigView<'_>, address: core::net::IpAddr) -> Option<(Kind, PeerOptions)> {
    let line = view.neighbors.iter().position(|line| line.address == address)?;
    Some((Kind::Configured(line as u16), view.options(&view.neighbors[line])))
}

/// Whether a connection made under `old` could not have been made like this under `new`.
fn needs_reset(
    address: core::net::IpAddr,
    (old, before): (ConfigView<'_>, &PeerOptions),
    (new, after): (ConfigView<'_>, &PeerOptions),
) -> bool {
    let switches = PeerFlags::PASSIVE | PeerFlags::EBGP_MULTIHOP | PeerFlags::DISABLE_CONNECTED_CHECK;
    let given = |options: &PeerOptions| options.flags.given & options.flags.value & switches;
    before.remote_as != after.remote_as
        || old.text(before.password) != new.text(after.password)
        || before.update_source != after.update_source
        || old.text(before.interface) != new.text(after.interface)
        || before.port != after.port
        || before.multihop != after.multihop
        || before.ttl_security != after.ttl_security
        || timers(old, before) != timers(new, after)
        || given(before) != given(after)
        || extended_next_hop(address, before) != extended_next_hop(address, after)
}

#[cfg(test)]
mod tests {
    use crate::base::net::InterfaceAddress;
    use crate::base::time::{Duration, Instant};
    use crate::config::{Config, Platform, parse};
    use crate::engine::record::Record;
    use crate::engine::{Bound, Engine, HostTable, Input, LinkId, Output, Phase, Verdict};
    use crate::failover::posture::Posture;
    use std::boxed::Box;
    use std::format;
    use std::vec::Vec;

    fn config(check: &str) -> Box<Config<2, 4>> {
        let text = format!(
            "router bgp 65000\nbgp router-id 10.0.0.1\nneighbor 10.0.0.2 remote-as external\n\
             failover web\naddress 192.0.2.10/32\ncheck up {check}\nexit\n"
        );
        let mut config = Box::<Config<2, 4>>::default();
        assert!(parse(&text, &Platform::ALL, &mut config, &mut |_| {}).is_ok());
        config
    }

    /// Obeys every order: binds work, checks pass.
    fn obey(engine: &mut Engine<2, 4>, now: Instant) {
        loop {
            let mut answers = Vec::new();
            while let Some(output) = engine.poll() {
                match output {
                    Output::Bind { address, .. } => {
                        answers.push(Input::AddressDone { address, result: Ok(Bound::Done) });
                    }
                    Output::StartProbe { probe, .. } => {
                        let took = Duration::from_millis(1);
                        answers.push(Input::ProbeDone { probe, verdict: Verdict::Pass, took });
                    }
                    _ => {}
                }
            }
            if answers.is_empty() {
                return;
            }
            for answer in answers {
                engine.handle(now, answer);
                while engine.poll().is_some() {}
            }
        }
    }

    #[test]
    fn a_reload_does_not_make_a_healthy_service_wait_for_its_checks_again() {
        let at = |millis: u64| Instant::from_micros(millis * 1_000);
        let mut engine = Box::<Engine<2, 4>>::default();
        engine.start(at(0), 1);
        engine.configure(at(0), &config("tcp 127.0.0.1:80 interval 100ms"));
        obey(&mut engine, at(0));
        let lo = Input::Link { link: LinkId(1), name: "lo", up: true, gone: false };
        let loopback = InterfaceAddress { address: "127.0.0.1".parse().unwrap(), length: 8 };
        let local = Input::Address { link: LinkId(1), address: loopback, present: true, ours: false };
        let told = Input::Resync { what: HostTable::Addresses, phase: Phase::End };
        for input in [lo, local, told] {
            engine.handle(at(1), input);
            obey(&mut engine, at(1));
        }
        for millis in 2..600 {
            engine.handle(at(millis), Input::Tick);
            obey(&mut engine, at(millis));
        }
        assert_eq!(engine.service(0).unwrap().posture, Posture::Active);
        engine.configure(at(600), &config("tcp 127.0.0.1:80 interval 200ms"));
        while engine.poll().is_some() {}
        assert_eq!(engine.service(0).unwrap().posture, Posture::Active);
        // A check that is new must fail before it counts.
        engine.configure(at(601), &config("tcp 127.0.0.1:81 interval 200ms"));
        while engine.poll().is_some() {}
        assert_eq!(engine.service(0).unwrap().posture, Posture::Active);
    }

    #[test]
    fn a_reload_asks_the_host_again_when_another_route_map_lets_its_routes_in() {
        let at = |millis: u64| Instant::from_micros(millis * 1_000);
        let text = |map: &str, list: &str| {
            format!(
                "router bgp 65000\nredistribute kernel route-map {map}\nip prefix-list L permit {list}\n\
                 route-map AA permit 10\nroute-map BB permit 10\nmatch ip address prefix-list L\n"
            )
        };
        let mut engine = Box::<Engine<2, 4>>::default();
        engine.start(at(0), 1);
        let reload = |engine: &mut Engine<2, 4>, text: &str| -> Vec<HostTable> {
            let mut config = Box::<Config<2, 4>>::default();
            assert!(parse(text, &Platform::ALL, &mut config, &mut |_| {}).is_ok());
            engine.configure(at(2), &config);
            let outputs = core::iter::from_fn(|| {
                Some(match engine.poll()? {
                    Output::AskTable { what } => Some(what),
                    _ => None,
                })
            });
            outputs.flatten().collect()
        };
        reload(&mut engine, &text("AA", "10.0.0.0/8"));
        let told = Input::Resync { what: HostTable::Addresses, phase: Phase::End };
        engine.handle(at(2), told);
        while engine.poll().is_some() {}
        assert_eq!(reload(&mut engine, &text("AA", "10.0.0.0/8")), []);
        // The two names lie at the same place of their texts.
        assert_eq!(reload(&mut engine, &text("BB", "10.0.0.0/8")), [HostTable::Routes]);
        assert_eq!(reload(&mut engine, &text("BB", "10.0.0.0/9")), [HostTable::Routes]);
        assert_eq!(reload(&mut engine, &format!("hostname a\n{}", text("BB", "10.0.0.0/9"))), []);
    }

    #[test]
    fn an_address_that_a_reload_ceases_to_bind_lingers() {
        let at = |millis: u64| Instant::from_micros(millis * 1_000);
        let mut engine = Box::<Engine<2, 4>>::default();
        engine.start(at(0), 1);
        let configure = |engine: &mut Engine<2, 4>, now: u64, check: &str| {
            let text =
                format!("router bgp 65000\nbgp router-id 10.0.0.1\n{check}network 192.0.2.10/32\nexit\n");
            let mut config = Box::<Config<2, 4>>::default();
            assert!(parse(&text, &Platform::ALL, &mut config, &mut |_| {}).is_ok());
            engine.configure(at(now), &config);
            obey(engine, at(now));
        };
        configure(&mut engine, 0, "");
        let lo = Input::Link { link: LinkId(1), name: "lo", up: true, gone: false };
        let told = Input::Resync { what: HostTable::Addresses, phase: Phase::End };
        for input in [lo, told, Input::Tick, Input::Tick] {
            engine.handle(at(1), input);
            obey(&mut engine, at(1));
        }
        configure(&mut engine, 1_000, "no bgp network import-check\n");
        let mut unbound = None;
        for millis in 1_000..6_000 {
            engine.handle(at(millis), Input::Tick);
            while let Some(output) = engine.poll() {
                if matches!(output, Output::Unbind { .. }) {
                    unbound = unbound.or(Some(millis));
                }
            }
        }
        assert!(unbound.is_some_and(|millis| millis >= 2_000), "{unbound:?}");
    }

    #[test]
    fn an_address_that_a_reload_binds_elsewhere_stays_and_says_so() {
        let at = |millis: u64| Instant::from_micros(millis * 1_000);
        let mut engine = Box::<Engine<2, 4>>::default();
        engine.start(at(0), 1);
        let reload = |engine: &mut Engine<2, 4>, bind: &str| -> Vec<&'static str> {
            let text = format!("router bgp 65000\nfailover web\naddress 192.0.2.10/32\n{bind}\nexit\n");
            let mut config = Box::<Config<2, 4>>::default();
            assert!(parse(&text, &Platform::ALL, &mut config, &mut |_| {}).is_ok());
            engine.configure(at(2), &config);
            let mut said = Vec::new();
            for _ in 0..3 {
                while let Some(output) = engine.poll() {
                    match output {
                        Output::Bind { .. } => said.push("bind"),
                        Output::Unbind { .. } => said.push("unbind"),
                        Output::Record(Record::BoundElsewhere { link: LinkId(1), .. }) => said.push("stays"),
                        _ => {}
                    }
                }
                engine.handle(at(2), Input::Tick);
            }
            while engine.poll().is_some() {}
            said
        };
        assert_eq!(reload(&mut engine, "bind lo"), [""; 0]);
        let link = |number, name| Input::Link { link: LinkId(number), name, up: true, gone: false };
        let told = Input::Resync { what: HostTable::Addresses, phase: Phase::End };
        let address = InterfaceAddress { address: "192.0.2.10".parse().unwrap(), length: 32 };
        let bound = Input::Address { link: LinkId(1), address, present: true, ours: true };
        for fact in [link(1, "lo"), link(2, "eth0"), told, bound] {
            engine.handle(at(2), fact);
            obey(&mut engine, at(2));
        }
        assert_eq!(reload(&mut engine, "bind lo"), [""; 0]);
        assert_eq!(reload(&mut engine, "bind lo label lo:1"), ["stays"]);
        assert_eq!(reload(&mut engine, "bind eth0 label lo:1"), ["stays"]);
    }
}
