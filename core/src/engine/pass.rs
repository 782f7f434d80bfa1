//! The pass over the routes of a configuration: each line gets its route, and a route that no line speaks of leaves, some a
//! turn.

use super::Inner;
use super::host::HostAddress;
use super::input::{HostTable, IoError};
use super::record::Limit;
use super::route::{Fib, Flags, OWED, PRESENT};
use crate::base::limits::{ROUTES_PER_TURN, SERVICE_ADDRESSES};
use crate::base::net::{Family, Prefix};
use crate::config::{ConfigView, Owner, RouteSource};
use crate::failover::reconcile::{Change, Wanted};

/// The pass over the routes of a new configuration. All zero bits at rest.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pass {
    stage: Stage,
    /// It is gone through again, for lines that found no place: nobody reloaded.
    again: bool,
    /// Where it goes on.
    next: u16,
}

/// Among what was left out: lines of the configuration.
const LINES_LEFT_OUT: u8 = 1 << 7;

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
    pub(super) const REST: Self = Self { stage: Stage::Over, again: false, next: 0 };

    pub(super) fn is_running(self) -> bool {
        self.stage != Stage::Over
    }
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    pub(super) fn begin_pass(&mut self, again: bool) {
        self.pass = Pass { stage: Stage::Lines, again, next: 0 };
        self.left_out &= !LINES_LEFT_OUT;
        self.service_routes = [[0; SERVICE_ADDRESSES]; S];
    }

    /// Whether lines of the configuration wait for a place: they come before what the host offers.
    pub(super) fn do_lines_wait(&self) -> bool {
        self.left_out & LINES_LEFT_OUT != 0 || self.pass.again && self.pass.stage == Stage::Lines
    }

    /// A route gave its place back: the lines that found none are met again, and then what the host offers.
    pub(super) fn room_for_routes(&mut self) {
        if !self.do_lines_wait() {
            self.room(Limit::Routes);
            self.ask_left_out(HostTable::Addresses);
            self.ask_left_out(HostTable::Routes);
        } else if !self.pass.is_running() && !self.stopping.is_on() {
            self.begin_pass(true);
        }
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
                    self.pass = Pass { stage: Stage::Sweep, next: 0, ..self.pass };
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
                    let again = self.pass.again;
                    self.pass = Pass::REST;
                    self.finish_pass();
                    if usize::from(self.routes.used()) < R && (again || self.do_lines_wait()) {
                        self.room_for_routes();
                    }
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
            self.left_out |= LINES_LEFT_OUT;
            self.full(Limit::Routes);
            return;
        };
        let met = self.routes.get(place).flags.has(Flags::MET);
        if let Owner::Static(_) = route.owner {
            let state = self.routes.get_mut(place);
            state.offer(RouteSource::Static, true);
            if state.fib_now == Fib::Gateway && !self.pass.again {
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
            if !self.pass.again {
                state.cell.reloaded();
            }
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
    pub(super) fn part_addresses(&mut self, new: ConfigView<'_>) {
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
            && !self.pass.again
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

#[cfg(test)]
mod tests {
    use crate::base::net::Prefix;
    use crate::base::time::{Duration, Instant};
    use crate::config::{Config, Platform, parse};
    use crate::engine::record::{Limit, Record};
    use crate::engine::{Bound, Engine, HostTable, Input, IoError, LinkId, Output, Phase};
    use crate::failover::posture::Posture;
    use std::boxed::Box;
    use std::format;
    use std::string::ToString;
    use std::vec::Vec;

    /// An engine with four places for routes whose orders are carried out in their turn.
    struct Tight {
        engine: Box<Engine<1, 1, 4, 64, 1024>>,
        host: std::collections::BTreeSet<core::net::IpAddr>,
        full: usize,
        failed: usize,
        refuse: Option<core::net::IpAddr>,
        at: Instant,
    }

    impl Tight {
        fn new() -> Self {
            let mut engine = Box::<Engine<1, 1, 4, 64, 1024>>::default();
            let at = Instant::from_micros(1_000);
            engine.start(at, 1);
            let host = std::collections::BTreeSet::new();
            let mut it = Self { engine, host, full: 0, failed: 0, refuse: None, at };
            it.tell(Input::Link { link: LinkId(1), name: "lo", up: true, gone: false });
            it.tell(Input::Resync { what: HostTable::Addresses, phase: Phase::End });
            it
        }

        fn tell(&mut self, input: Input<'_>) {
            self.engine.handle(self.at, input);
            self.obey();
        }

        fn obey(&mut self) {
            let mut answers = Vec::new();
            loop {
                while let Some(output) = self.engine.poll() {
                    let (order, address, bind) = match output {
                        Output::Bind { address, prefix, .. } => (address, prefix.address, true),
                        Output::Unbind { address, prefix, .. } => (address, prefix.address, false),
                        Output::Record(record) => {
                            self.full += usize::from(record == Record::Full { limit: Limit::Routes });
                            self.failed += usize::from(matches!(record, Record::BindFailed { .. }));
                            continue;
                        }
                        _ => continue,
                    };
                    if bind && self.refuse == Some(address) {
                        answers.push((order, Err(IoError::Other)));
                        continue;
                    }
                    assert!(if bind { self.host.insert(address) } else { self.host.remove(&address) });
                    answers.push((order, Ok(Bound::Done)));
                }
                let Some((address, result)) = answers.pop() else { return };
                self.engine.handle(self.at, Input::AddressDone { address, result });
            }
        }

        /// Takes over these lines, and lets 100 ms pass.
        fn reload(&mut self, lines: &str) {
            let text = format!("router bgp 65000\nbgp router-id 10.0.0.1\n{lines}");
            let mut config = Box::<Config<1, 1, 4, 64, 1024>>::default();
            assert!(parse(&text, &Platform::ALL, &mut config, &mut |_| {}).is_ok(), "{text}");
            self.engine.configure(self.at, &config);
            self.obey();
            self.pass(100);
        }

        fn networks(&mut self, numbers: &[u8]) {
            let lines: Vec<_> = numbers.iter().map(|n| format!("network 192.0.2.{n}/32\n")).collect();
            self.reload(&lines.concat());
        }

        fn pass(&mut self, millis: u64) {
            for _ in 0..millis {
                self.at += Duration::from_millis(1);
                self.tell(Input::Tick);
            }
        }

        fn bound(&self) -> Vec<u8> {
            self.host
                .iter()
                .map(|address| address.to_string().rsplit('.').next().unwrap().parse().unwrap())
                .collect()
        }
    }

    #[test]
    fn what_replaces_an_address_when_all_places_are_taken_is_bound_when_the_old_ones_place_is_free() {
        let mut tight = Tight::new();
        tight.networks(&[1, 2, 3, 4]);
        assert_eq!((tight.bound(), tight.full), ([1, 2, 3, 4].into(), 0));
        // Sorted before, between and behind those that stay; one, some and all.
        for numbers in [[0, 2, 3, 4], [2, 3, 4, 9], [2, 5, 6, 9], [11, 12, 13, 14]] {
            let full = tight.full;
            tight.networks(&numbers);
            tight.pass(3_000);
            assert_eq!((tight.bound(), tight.full), (numbers.into(), full + 1));
        }
        // A service's lines are lines like others.
        tight.reload("network 192.0.2.11/32\nfailover web\naddress 192.0.2.21/32\naddress 192.0.2.22/32\naddress 192.0.2.23/32\n");
        tight.pass(3_000);
        assert_eq!(tight.bound(), [11, 21, 22, 23]);
        assert_eq!(tight.engine.service(0).unwrap().posture, Posture::Active);
        // Back below the limit nothing is left out, and nothing is told.
        let full = tight.full;
        tight.networks(&[11]);
        tight.pass(3_000);
        tight.networks(&[1, 2]);
        tight.pass(3_000);
        assert_eq!((tight.bound(), tight.full), ([1, 2].into(), full));
    }

    #[test]
    fn a_place_that_becomes_free_is_no_reload_for_other_addresses() {
        let mut tight = Tight::new();
        tight.refuse = Some("192.0.2.1".parse().unwrap());
        tight.networks(&[1, 2, 3, 4]);
        assert_eq!(tight.failed, 1);
        tight.networks(&[1, 2, 3, 5]);
        assert_eq!(tight.failed, 2, "the operator's reload tries it again");
        tight.pass(3_000);
        assert_eq!((tight.bound(), tight.failed), ([2, 3, 5].into(), 2));
    }

    #[test]
    fn lines_of_the_configuration_get_a_free_place_before_what_the_host_offers() {
        let mut tight = Tight::new();
        let kernel = |n: u8, present| Input::KernelRoute {
            prefix: Prefix::host(core::net::Ipv4Addr::new(198, 51, 100, n).into()),
            present,
        };
        let lines = |last: u8| {
            format!(
                "redistribute kernel\nnetwork 192.0.2.1/32\nnetwork 192.0.2.2/32\nnetwork 192.0.2.{last}/32\n"
            )
        };
        tight.reload(&lines(3));
        for n in 1..=2 {
            tight.tell(kernel(n, true));
        }
        assert_eq!(tight.full, 1);
        tight.reload(&lines(4));
        for _ in 0..3_000 {
            tight.pass(1);
            tight.tell(kernel(2, true));
        }
        assert_eq!((tight.bound(), tight.full), ([1, 2, 4].into(), 2), "once by each configuration");
    }
}
