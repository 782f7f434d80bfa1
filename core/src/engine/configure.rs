//! Taking over a configuration: what holds at once, and the routes, some a turn.

use super::host::HostAddress;
use super::input::HostTable;
use super::record::{Limit, Record};
use super::refresh::InboundChange;
use super::route::Flags;
use super::session::{extended_next_hop, timers};
use super::{Inner, PeerSet};
use crate::base::limits::CHECKS_PER_SERVICE;
use crate::base::net::{BgpId, Family, Prefix};
use crate::bgp::peer::{Kind, MISSED_AFTER, Peer};
use crate::config::{Config, ConfigView, Owner, PeerFlags, PeerOptions, RouteSource};
use crate::failover::health::{self, CheckState};
use crate::failover::reconcile::Standing;
use crate::failover::service::ServiceState;
use crate::wire::notification::cease;

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
        self.begin_pass(false);
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
    pub(super) fn stays_where_it_is(&mut self, place: usize) {
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
        for line in 0..self.config.view().routes.len() {
            let Some(line) = self.config.view().routes.get(line).copied() else { break };
            if let Owner::Service(service) = line.owner
                && kept[usize::from(service)] == 0
                && self.is_at_work(line.prefix(), line.address, &old)
            {
                self.services[usize::from(service)] = ServiceState::taking_over();
            }
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

    /// Whether a prefix is announced under the configuration before, its address is on this host, and no service of that
    /// configuration says that it is ill.
    fn is_at_work(&self, prefix: Prefix, address: core::net::IpAddr, old: &[ServiceState; S]) -> bool {
        let Some(place) = self.routes.find(prefix) else { return false };
        let route = self.routes.get(place);
        let well = match route.owner {
            // The number may be of a configuration before that one.
            Owner::Service(_) if self.is_unread(place) => false,
            Owner::Service(service) => old.get(usize::from(service)).is_some_and(ServiceState::is_healthy),
            _ => true,
        };
        let here = |known: &HostAddress| known.address.address == address;
        well && route.announced && (route.cell.is_here() || self.hosts.as_slice().iter().any(here))
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
