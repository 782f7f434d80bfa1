//! Services: their evidence, their decisions, their checks, and the addresses that are to be bound.

use super::Inner;
use super::input::{Bound, IoError, Verdict};
use super::link::Link;
use super::names::{AddressId, LinkId, ProbeId, ServiceId};
use super::record::Record;
use super::route::{Flags, OWED, PRESENT, TIMED};
use crate::base::limits::PROBES_AT_ONCE;
use crate::base::net::{Family, InterfaceAddress};
use crate::base::time::{Duration, Instant};
use crate::config::{BgpFlags, Bind, Check, Owner, Service};
use crate::failover::health::{self, is_watch};
use crate::failover::posture::{Because, Evidence, Health, Past, Posture, Presence, posture};
use crate::failover::probe::{Finding, ProbeFailure};
use crate::failover::reconcile::{Change, Ground, Outcome, Wanted};

/// What of a check the shim has at work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Probing {
    /// Nothing.
    #[default]
    No,
    /// A probe or a watch, under the generation of the check.
    Running,
    /// A probe or a watch under the generation before, which is to be forgotten.
    ToStop,
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// The service's line of the configuration.
    fn service_line(&self, service: usize) -> Service {
        self.config.view().services.get(service).copied().unwrap_or(Service::REST)
    }

    /// The service's name.
    pub(super) fn service_name(&self, service: usize) -> &str {
        let view = self.config.view();
        view.services.get(service).map_or("", |service| view.text(service.name))
    }

    /// The fact: whether the link that a service is bound on is up. One that is not there yet says nothing.
    pub(super) fn service_link(&mut self, service: usize) {
        let line = self.service_line(service);
        let view = self.config.view();
        let name = view.text(line.interface);
        let up = name.is_empty() || self.link_named(name).is_none_or(|place| self.links()[place].up);
        self.services[service].link(up);
        self.services_owed.insert(service);
    }

    /// The fact: whether any address of a service is on this host.
    pub(super) fn service_presence(&mut self, service: usize) {
        // While a new configuration is gone through, some of its addresses were not met yet: its end looks at all.
        if self.pass.is_running() {
            return;
        }
        let best = self.service_routes[service]
            .iter()
            .filter_map(|&place| usize::from(place).checked_sub(1))
            .map(|place| self.routes.get(place).cell.presence(self.now, self.ground(place)))
            .max_by_key(|presence| match presence {
                Presence::Undecided => 1,
                Presence::Present => 2,
                Presence::Missing => 0,
            });
        if let Some(presence) = best {
            self.services[service].presence(presence);
            self.services_owed.insert(service);
        }
    }

    /// The fact: what the checks of a service say together.
    fn service_health(&mut self, service: usize) {
        let view = self.config.view();
        let line = self.service_line(service);
        let states =
            view.checks.iter().enumerate().filter(|(_, check)| usize::from(check.service) == service);
        let together = health::together(
            line.require,
            states.map(|(check, _)| self.checks.as_flattened()[check].health()),
        );
        self.services[service].health(self.now, together, &line);
        self.services_owed.insert(service);
    }

    /// Decides for every service whose evidence may have changed; called once at the end of each call.
    pub(super) fn decide_services(&mut self) {
        while let Some(service) = self.services_owed.next(0) {
            self.services_owed.remove(service);
            let line = self.service_line(service);
            let before = self.services[service].posture();
            let around = self.surroundings();
            let news = self.services[service].decide(self.now, &line, around);
            self.services_at = self.services_at.min(self.services[service].deadline(self.now, &line));
            if line.unbind_when_withdrawn {
                self.bind_or_leave(service, &line);
            }
            self.stopping.keeps |= self.services[service].past(&line) != self.services[service].kept();
            let Some((posture, because)) = news else { continue };
            match (before.is_decided(), posture.is_decided()) {
                (false, true) => self.undecided = self.undecided.saturating_sub(1),
                (true, false) => self.undecided += 1,
                _ => {}
            }
            let id = ServiceId(service as u16);
            self.record(Record::Posture { service: id, posture, because });
            self.weigh_service(service);
            self.ready |= self.up;
        }
    }

    /// `unbind-when-withdrawn`: the addresses go while the service is drained or fails, and come back before it is announced
    /// again. Whether they are there, and the delays that begin only then, must not count for that.
    fn bind_or_leave(&mut self, service: usize, line: &Service) {
        let evidence = self.services[service].evidence(self.now, line, self.surroundings());
        let here = Evidence {
            presence: Presence::Present,
            start_delay_over: true,
            preempt_delay_over: true,
            ..evidence
        };
        let wanted = match posture(&here) {
            (Posture::Undecided, _) | (_, Because::Stopping) => return,
            (Posture::Withdrawn, because) => {
                !matches!(because, Because::Drained | Because::Unhealthy | Because::Damped)
            }
            _ => true,
        };
        for place in self.service_routes[service] {
            let Some(place) = usize::from(place).checked_sub(1) else { continue };
            if self.routes.get(place).cell.is_wanted() == wanted {
                continue;
            }
            if wanted {
                let bind = self.address_wanted(self.routes.get(place).owner);
                self.routes.get_mut(place).cell.want(bind);
                self.routes.sets.insert(OWED, place);
                self.service_presence(service);
            } else {
                self.leave_address(place);
            }
        }
    }

    /// What an earlier run left to be known of a service, or (without a name) of all.
    pub(super) fn recall(&mut self, name: &str, past: Past) {
        for service in 0..self.config.view().services.len() {
            let line = self.service_line(service);
            if name.is_empty() || self.config.view().text(line.name) == name {
                self.services[service].recall(past, &line);
                self.services_owed.insert(service);
            }
        }
    }

    /// All routes of a service.
    pub(super) fn weigh_service(&mut self, service: usize) {
        for place in self.service_routes[service] {
            if let Some(place) = usize::from(place).checked_sub(1) {
                self.weigh(place);
            }
        }
    }

    /// Delays of services that have ended.
    pub(super) fn service_timers(&mut self) {
        if self.now < self.services_at {
            return;
        }
        self.services_at = Instant::FAR;
        for service in 0..self.config.view().services.len() {
            self.services_owed.insert(service);
        }
    }

    /// What is known of the place where an address is to be bound.
    pub(super) fn ground(&self, place: usize) -> Ground {
        if !self.addresses_known {
            return Ground::Unknown;
        }
        match self.bind_link(place) {
            Some(link) if self.links()[link].up => Ground::Ready,
            Some(_) => Ground::LinkDown,
            None => Ground::NoLink,
        }
    }

    /// The name of the interface that a route's address belongs on.
    pub(super) fn bind_name(&self, place: usize) -> &str {
        let view = self.config.view();
        let route = self.routes.get(place);
        let line = usize::from(route.line).checked_sub(1).and_then(|line| view.routes.get(line));
        let name = match route.owner {
            Owner::Service(service) => {
                view.services.get(usize::from(service)).map_or("", |service| view.text(service.interface))
            }
            Owner::Interface => line.map_or("", |line| view.text(line.interface)),
            _ => "",
        };
        if name.is_empty() { "lo" } else { name }
    }

    /// The place of that interface.
    pub(super) fn bind_link(&self, place: usize) -> Option<usize> {
        self.link_named(self.bind_name(place))
    }

    /// The label of an address (IPv4): the interface's name unless the service says otherwise.
    pub(super) fn bind_label(&self, place: usize) -> &str {
        let view = self.config.view();
        let label = match self.routes.get(place).owner {
            Owner::Service(service) => {
                view.services.get(usize::from(service)).map_or("", |service| view.text(service.label))
            }
            _ => "",
        };
        if label.is_empty() { self.bind_name(place) } else { label }
    }

    /// How long an address is: its host length, or its subnet's for one of an interface.
    pub(super) fn bind_length(&self, place: usize) -> u8 {
        let route = self.routes.get(place);
        let line =
            usize::from(route.line).checked_sub(1).and_then(|line| self.config.view().routes.get(line));
        match (route.owner, line) {
            (Owner::Interface, Some(line)) => line.length,
            _ => Family::of(self.address_behind(place)).bits(),
        }
    }

    /// What the configuration wants of the address behind a route.
    pub(super) fn address_wanted(&self, owner: Owner) -> Wanted {
        let view = self.config.view();
        match owner {
            Owner::Service(service) => match view.services.get(usize::from(service)) {
                Some(service) if service.bind == Bind::Watch => Wanted::Watched,
                Some(_) => Wanted::Bound,
                None => Wanted::Nothing,
            },
            Owner::Network if view.bgp.flags.has(BgpFlags::NO_IMPORT_CHECK) => Wanted::Nothing,
            Owner::Network | Owner::Interface => Wanted::Bound,
            Owner::None | Owner::Static(_) => Wanted::Nothing,
        }
    }

    /// The fact: whether the address behind a route is on this host; when it is gone, whether its link is up.
    pub(super) fn observe(&mut self, place: usize, present: bool, marked: bool, link_up: bool) {
        let now = self.now;
        let change = self.routes.get_mut(place).cell.observe(now, present, marked, link_up);
        self.address_changed(place, change, IoError::None);
    }

    /// Tells what became of an address, and looks at everything that depends on it.
    pub(super) fn address_changed(&mut self, place: usize, change: Change, why: IoError) {
        let address = self.address_behind(place);
        let route = *self.routes.get(place);
        let at = InterfaceAddress { address, length: route.bound_length };
        let bound_on = self.bound_link(place).map_or(LinkId(0), |link: Link| link.id);
        let there = (0..Self::LINKS).find(|link| route.links & (1 << link) != 0);
        let there = there.map_or(LinkId(0), |link| self.links()[link].id);
        match change {
            Change::None => {}
            Change::Bound => self.record(Record::Bound { address: at, link: bound_on }),
            Change::Unbound => self.record(Record::Unbound { address: at, link: bound_on }),
            Change::Adopted => {
                let found = self.hosts.as_slice().iter().find(|host| host.address.address == address);
                let single = InterfaceAddress { address, length: Family::of(address).bits() };
                let address = found.map_or(single, |host| host.address);
                self.record(Record::Adopted { address, link: there });
            }
            Change::Lost => self.record(Record::AddressLost { address }),
            Change::PuttingBack => self.record(Record::PutBack { address }),
            Change::Pausing => self.record(Record::PutBackPaused { address }),
            Change::BindFailed => self.record(Record::BindFailed { address, why }),
            Change::UnbindFailed => self.record(Record::UnbindFailed { address: at, why }),
        }
        self.routes.sets.insert(OWED, place);
        self.time_address(place);
        if let Owner::Service(service) = route.owner {
            self.service_presence(usize::from(service));
            self.release_checks(place, service);
        }
        self.weigh(place);
    }

    /// Whether the link that an address of ours was bound on is up.
    pub(super) fn is_bound_link_up(&self, place: usize) -> bool {
        self.bound_link(place).is_some_and(|link| link.up)
    }

    /// The link that an address of ours was bound on.
    pub(super) fn bound_link(&self, place: usize) -> Option<Link> {
        let link = usize::from(self.routes.get(place).bound_on).checked_sub(1)?;
        self.links().get(link).copied()
    }

    /// Keeps the address's timer.
    pub(super) fn time_address(&mut self, place: usize) {
        let deadline = self.routes.get(place).cell.deadline(self.now);
        if deadline == Instant::FAR {
            self.routes.sets.remove(TIMED, place);
        } else {
            self.routes.sets.insert(TIMED, place);
            self.routes_at = self.routes_at.min(deadline);
        }
    }

    /// Timers of addresses that have expired.
    pub(super) fn address_timers(&mut self) {
        if self.now < self.routes_at {
            return;
        }
        self.routes_at = Instant::FAR;
        let mut from = 0;
        while let Some(place) = self.routes.sets.next(TIMED, from) {
            from = place + 1;
            if self.routes.get(place).cell.deadline(self.now) == Instant::FAR {
                self.routes.sets.remove(TIMED, place);
                self.address_changed(place, Change::None, IoError::None);
            } else {
                self.time_address(place);
            }
        }
    }

    /// `Bind` or `Unbind` was answered.
    pub(super) fn address_done(&mut self, id: AddressId, result: Result<Bound, IoError>) {
        if id == AddressId::STRAY {
            let address = self.leftover_asked;
            match result {
                Ok(_) => self.record(Record::LeftoverRemoved { address }),
                Err(why) => {
                    let hosts = self.hosts.as_mut_slice().iter_mut();
                    hosts.filter(|host| host.address == address).for_each(|host| host.ours = true);
                    self.record(Record::UnbindFailed { address, why });
                }
            }
            return;
        }
        let place = usize::from(id.index);
        if !self.routes.is_used(place) || self.routes.get(place).generation != id.generation {
            self.stale_inputs = self.stale_inputs.saturating_add(1);
            return;
        }
        let (outcome, why) = match result {
            Ok(Bound::Done) => (Outcome::Done, IoError::None),
            Ok(Bound::AlreadySo) => (Outcome::AlreadySo, IoError::None),
            Err(why) => (Outcome::Failed, why),
        };
        if self.routes.get_mut(place).flags.set(Flags::BINDING, false) {
            self.binding = self.binding.saturating_sub(1);
        }
        let now = self.now;
        let link_up = self.is_bound_link_up(place);
        let change = self.routes.get_mut(place).cell.done(now, outcome, link_up);
        self.address_changed(place, change, why);
        self.ask_for_addresses();
        self.ready |= self.up;
    }

    /// Checks whose time has come, or that gave no answer.
    pub(super) fn check_timers(&mut self) {
        if self.now < self.checks_at {
            return;
        }
        self.checks_at = Instant::FAR;
        self.checks_held = false;
        for check in 0..self.config.view().checks.len() {
            let line = self.check_line(check);
            if self.checks.as_flattened()[check].overdue(self.now, &line) {
                self.stop_probe(check);
                self.check_told(check, Err(ProbeFailure::TimedOut), health::timeout(&line));
            }
        }
        let full = self.is_probing_enough();
        for check in 0..self.config.view().checks.len() {
            let line = self.check_line(check);
            let state = &self.checks.as_flattened()[check];
            let due = state.due(self.now);
            if due && full && !is_watch(&line) {
                // The end of a probe makes room.
                self.checks_held = true;
                continue;
            }
            self.checks_due |= due;
            self.checks_at = self.checks_at.min(state.deadline(&line));
        }
    }

    /// Whether as many probes run as may; watches do not count.
    pub(super) fn is_probing_enough(&self) -> bool {
        let checks = self.config.view().checks.iter().zip(self.probes.as_flattened());
        let run = |(line, probing): &(&Check, &Probing)| **probing == Probing::Running && !is_watch(line);
        checks.filter(run).count() >= PROBES_AT_ONCE
    }

    /// Whatever the shim has at work for a check is to be forgotten, and what it still says does not count.
    pub(super) fn stop_probe(&mut self, check: usize) {
        let probing = &mut self.probes.as_flattened_mut()[check];
        if *probing == Probing::Running {
            *probing = Probing::ToStop;
            self.probes_to_stop = true;
            let generation = &mut self.check_generation.as_flattened_mut()[check];
            *generation = generation.wrapping_add(1);
        }
    }

    /// The check's line of the configuration.
    pub(super) fn check_line(&self, check: usize) -> Check {
        self.config.view().checks.get(check).copied().unwrap_or(Check::REST)
    }

    /// The route whose address the check asks, when it is one of the check's own service.
    pub(super) fn own_target(&self, check: &Check) -> Option<usize> {
        let place = self.route_of_address(self.config.view().target(check).address()?)?;
        (self.routes.get(place).owner == Owner::Service(check.service)).then_some(place)
    }

    /// Whether the check asks an address of its service that is not on this host: it would fail, or another machine answer.
    pub(super) fn waits_for_address(&self, check: &Check) -> bool {
        self.own_target(check).is_some_and(|place| !self.routes.get(place).cell.announceable(self.now))
    }

    /// The check is due, but waits for its address.
    pub(super) fn hold_check(&mut self, check: usize, line: &Check) {
        if self.checks.as_flattened_mut()[check].hold(self.now) {
            let (service, check, health) = (ServiceId(line.service), check as u16, Health::Unknown);
            self.record(Record::Check { service, check, health, why: ProbeFailure::Other });
            self.service_health(usize::from(line.service));
        }
    }

    /// An address of a service has changed: the checks that waited for it are due when it is here.
    fn release_checks(&mut self, place: usize, service: u16) {
        if !self.routes.get(place).cell.announceable(self.now) {
            return;
        }
        for check in 0..self.config.view().checks.len() {
            let line = self.check_line(check);
            if line.service == service && self.own_target(&line) == Some(place) {
                self.checks_due |= self.checks.as_flattened_mut()[check].release(self.now);
            }
        }
    }

    /// A probe or a watch has told something.
    pub(super) fn probe_done(&mut self, probe: ProbeId, verdict: Verdict, took: Duration, watch: bool) {
        let check = usize::from(probe.check);
        let alive = check < self.config.view().checks.len()
            && self.check_generation.as_flattened()[check] == probe.generation
            && is_watch(&self.check_line(check)) == watch;
        if alive {
            if !watch {
                self.probes.as_flattened_mut()[check] = Probing::No;
            }
            if self.checks_held {
                self.checks_at = Instant::ZERO;
            }
            let state = &mut self.checks.as_flattened_mut()[check];
            let finding = match verdict {
                Verdict::Pass => Ok(()),
                Verdict::NotRun(_) if state.last().is_some() || state.health() != Health::Unknown => {
                    state.retry(self.now);
                    self.checks_at = self.checks_at.min(state.when());
                    return;
                }
                Verdict::Fail(why) | Verdict::NotRun(why) => Err(why),
            };
            self.check_told(check, finding, took);
        } else {
            self.stale_inputs = self.stale_inputs.saturating_add(1);
        }
    }

    /// A check passed or failed. A check of an address of the service itself counts only while that address is on this
    /// host: with it gone, the check would be answered by another machine.
    fn check_told(&mut self, check: usize, finding: Finding, took: Duration) {
        let line = self.check_line(check);
        let counts = !self.waits_for_address(&line);
        let unknown = self.pass.is_running();
        let state = &mut self.checks.as_flattened_mut()[check];
        if unknown && !is_watch(&line) {
            // Which addresses the service has is being found out: this run says nothing.
            return state.end(self.now, &line);
        }
        let changed = if is_watch(&line) {
            state.watched(self.now, finding)
        } else {
            state.note(self.now, &line, (finding, took), counts)
        };
        state.end(self.now, &line);
        let health = state.health();
        self.checks_at = self.checks_at.min(state.deadline(&line));
        if changed {
            let (service, check) = (ServiceId(line.service), check as u16);
            self.record(Record::Check { service, check, health, why: finding.err().unwrap_or_default() });
            self.service_health(usize::from(line.service));
        }
    }

    /// The checks of a new configuration begin.
    pub(super) fn start_checks(&mut self) {
        self.checks_at = Instant::ZERO;
        let count = self.config.view().checks.len();
        for check in 0..count {
            let line = self.check_line(check);
            let splay = self.rand.part(health::splay(&line, count));
            self.checks.as_flattened_mut()[check].start(self.now, &line, splay);
        }
        for service in 0..self.config.view().services.len() {
            self.service_health(service);
        }
    }

    /// On the way out nothing is decided by checks any more.
    pub(super) fn stop_checks(&mut self) {
        for check in 0..self.config.view().checks.len() {
            self.stop_probe(check);
            self.checks.as_flattened_mut()[check].stop();
        }
        (self.checks_at, self.checks_due) = (Instant::FAR, false);
    }

    /// How many checks a service has, and how many of them pass.
    pub(super) fn checks_of(&self, service: usize) -> (u16, u16) {
        let checks = self.config.view().checks.iter().enumerate();
        checks.filter(|(_, check)| usize::from(check.service) == service).fold(
            (0, 0),
            |(all, passing), (check, _)| {
                (all + 1, passing + u16::from(self.checks.as_flattened()[check].health() == Health::Yes))
            },
        )
    }

    /// How many addresses a service has, and how many of them are on this host.
    pub(super) fn addresses_of(&self, service: usize) -> (u16, u16) {
        let places =
            self.service_routes[service].iter().filter_map(|&place| usize::from(place).checked_sub(1));
        places.fold((0, 0), |(all, present), place| {
            (all + 1, present + u16::from(self.routes.sets.has(PRESENT, place)))
        })
    }
}
