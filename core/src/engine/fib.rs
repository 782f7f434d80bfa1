//! Our routes in the host's table: what is refused, what others take away, and when it is tried again.
//!
//! A refused order says nothing of what was there before: that is replaced or removed as soon as it can be.

use core::net::IpAddr;

use super::Inner;
use super::input::IoError;
use super::names::RouteId;
use super::record::Record;
use super::route::{FIB_OWED, Fib, Flags};
use crate::base::time::{Duration, Instant};
use crate::steer::trouble::{InTable, Loss, Sight};

/// The first pause; each one is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest, and how long nothing must be refused or lost until it begins anew.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often a route that somebody takes away is put back at once.
const PUT_BACKS: u8 = 3;

/// When what waits is tried again. All zero bits at rest: nothing waits, and nothing did lately.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trouble {
    at: Instant,
    /// How many pauses there were in a row.
    pauses: u8,
    /// Whether something waits; else `at` is when all is forgotten.
    waits: bool,
}

impl Trouble {
    pub(super) const REST: Self = Self { at: Instant::ZERO, pauses: 0, waits: false };

    /// When to look again.
    pub(super) fn deadline(&self) -> Instant {
        if self.at == Instant::ZERO { Instant::FAR } else { self.at }
    }

    /// Something waits from now on.
    fn wait(&mut self, now: Instant) {
        if !self.waits {
            self.waits = true;
            self.at = now + FIRST_PAUSE.times(1 << self.pauses.min(6)).min(LONGEST_PAUSE);
        }
    }

    /// Something was counted, which is forgotten when it is calm.
    fn count(&mut self, now: Instant) {
        if self.at == Instant::ZERO {
            self.at = now + LONGEST_PAUSE;
        }
    }
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// `InstallRoute` or `RemoveRoute` was answered.
    pub(super) fn route_done(&mut self, id: RouteId, result: Result<(), IoError>) {
        let place = id.index as usize;
        let result = if planted!(RefusedIsDone) { Ok(()) } else { result };
        if place >= R {
            return self.steered_done(place - R, result);
        }
        if !self.routes.is_used(place) || self.routes.get(place).generation != id.generation {
            self.stale_inputs = self.stale_inputs.saturating_add(1);
            return;
        }
        let route = self.routes.get_mut(place);
        route.flags.set(Flags::FIB_ASKED, false);
        let prefix = route.prefix;
        if let Err(why) = result {
            // What was there before may be there still; what is wanted now waits.
            route.fib_now = Fib::Other;
            route.flags.set(Flags::FIB_WAITS, true);
            if !route.flags.set(Flags::FIB_TOLD, true) {
                self.record(Record::RouteFailed { prefix, why });
            }
            self.trouble.wait(self.now);
        } else if route.fib != route.fib_now {
            self.routes.sets.insert(FIB_OWED, place);
        }
        self.forget_if_over(place);
    }

    fn steered_done(&mut self, place: usize, result: Result<(), IoError>) {
        let Some((prefix, installs)) = self.inbound.asked(place) else {
            self.stale_inputs = self.stale_inputs.saturating_add(1);
            return;
        };
        let Err(why) = result else { return self.inbound.done(place, installs) };
        // Other next hops would not help against a lack of rights or of room.
        let hop = !matches!(why, IoError::Denied | IoError::Exhausted);
        if self.inbound.refused(place, hop) {
            self.record(Record::RouteFailed { prefix, why });
        }
        self.trouble.wait(self.now);
    }

    /// Somebody took a route of ours out of the host's table, or put another one in its place.
    pub(super) fn route_lost(&mut self, id: RouteId) {
        let place = id.index as usize;
        if planted!(LostStaysLost) {
            return;
        }
        let (prefix, loss) = if place >= R {
            let Some(prefix) = self.inbound.prefix(place - R) else { return };
            (prefix, self.inbound.lost(place - R))
        } else {
            if !self.routes.is_used(place) || self.routes.get(place).generation != id.generation {
                self.stale_inputs = self.stale_inputs.saturating_add(1);
                return;
            }
            (self.routes.get(place).prefix, self.own_lost(place))
        };
        match loss {
            None => {}
            Some(Loss::PutBack) => {
                self.trouble.count(self.now);
                self.record(Record::RouteLost { prefix, paused: false });
            }
            Some(Loss::Waits { news }) => {
                self.trouble.wait(self.now);
                if news {
                    self.record(Record::RouteLost { prefix, paused: true });
                }
            }
        }
    }

    /// The same of a route of the configuration's own.
    fn own_lost(&mut self, place: usize) -> Option<Loss> {
        let route = self.routes.get_mut(place);
        if route.flags.has(Flags::FIB_ASKED) {
            // The answer may be older: what is wanted is ordered again behind it.
            route.fib_now = Fib::Other;
            return None;
        }
        if route.fib == Fib::None || route.fib_now == Fib::None || route.flags.has(Flags::FIB_WAITS) {
            return None;
        }
        route.fib_now = Fib::Other;
        if route.flags.put_backs() >= PUT_BACKS {
            route.flags.set(Flags::FIB_WAITS, true);
            return Some(Loss::Waits { news: !route.flags.set(Flags::FIB_TOLD, true) });
        }
        route.flags.put_back();
        self.routes.sets.insert(FIB_OWED, place);
        Some(Loss::PutBack)
    }

    /// Tries again what waits, or forgets what was, when it is time for it.
    pub(super) fn trouble_timer(&mut self) {
        if self.now < self.trouble.deadline() {
            return;
        }
        if self.trouble.waits {
            self.trouble.pauses = (self.trouble.pauses + 1).min(6);
            self.retry_routes();
            return;
        }
        self.trouble = Trouble::REST;
        self.inbound.calm();
        for place in 0..self.routes.high() {
            self.routes.get_mut(place).flags.calm();
        }
    }

    fn retry_routes(&mut self) {
        self.trouble.waits = false;
        self.trouble.at = self.now + LONGEST_PAUSE;
        self.inbound.retry();
        for place in 0..self.routes.high() {
            if self.routes.is_used(place) && self.routes.get_mut(place).flags.set(Flags::FIB_WAITS, false) {
                self.routes.sets.insert(FIB_OWED, place);
            }
        }
    }

    /// A link or a subnet of this host changed: next hops are looked at anew, and what waits has another chance.
    pub(super) fn judge_next_hops(&mut self) {
        if self.trouble.waits {
            self.retry_routes();
        }
        for offer in 0..self.inbound.offers() {
            if let Some(hop) = self.inbound.hop(offer) {
                self.judge_next_hop(hop);
            }
        }
    }

    /// Looks at a next hop.
    pub(super) fn judge_next_hop(&mut self, hop: IpAddr) {
        // Of a link that was not told, or has no place, nobody knows that it is down.
        let is_down = |place: usize| {
            let link = &self.links()[place];
            !link.up && !link.name().is_empty()
        };
        let sight = match self.near(hop) {
            Some(link) if self.link_place(link).is_some_and(is_down) => Sight::Down,
            Some(_) => Sight::Near,
            None => Sight::Unknown,
        };
        if self.inbound.judge(hop, sight) {
            self.trouble.wait(self.now);
        }
    }

    /// Where a route of the configuration's own stands in the host's table.
    pub(super) fn own_in_table(&self, place: usize) -> InTable {
        let route = self.routes.get(place);
        if route.flags.has(Flags::FIB_WAITS) {
            InTable::Waits
        } else if route.flags.has(Flags::FIB_ASKED) || route.fib != route.fib_now {
            InTable::Ordered
        } else if route.fib == Fib::None {
            InTable::None
        } else {
            InTable::Installed
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::base::time::Instant;
    use crate::config::{Config, Platform, parse};
    use crate::engine::record::Record;
    use crate::engine::view::TableState;
    use crate::engine::{Command, CommandId, Engine, Input, IoError, Output, RouteId};
    use std::boxed::Box;
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    /// An engine with `ip route` lines, and a host that may refuse.
    struct Small {
        engine: Box<Engine<1, 1>>,
        millis: u64,
        refuses: Option<IoError>,
        has: Option<RouteId>,
        log: Vec<String>,
    }

    impl Small {
        fn new(refuses: Option<IoError>) -> Self {
            let mut engine = Box::<Engine<1, 1>>::default();
            engine.start(Instant::from_micros(1_000), 1);
            let mut small = Self { engine, millis: 1, refuses, has: None, log: Vec::new() };
            small.configure("ip route 192.0.2.0/24 Null0\n");
            small
        }

        fn configure(&mut self, lines: &str) {
            let mut config = Box::<Config<1, 1>>::default();
            let text = format!("router bgp 65000\nbgp router-id 10.0.0.1\nexit\n{lines}");
            assert!(parse(&text, &Platform::ALL, &mut config, &mut |_| {}).is_ok());
            self.engine.configure(Instant::from_micros(self.millis * 1_000), &config);
            self.obey();
            self.pass(5);
        }

        fn handle(&mut self, input: Input<'_>) {
            self.engine.handle(Instant::from_micros(self.millis * 1_000), input);
            self.obey();
        }

        fn obey(&mut self) {
            let mut answers = Vec::new();
            while let Some(order) = self.engine.poll() {
                let (route, there) = match order {
                    Output::InstallRoute { route, .. } => (route, true),
                    Output::RemoveRoute { route, .. } => (route, false),
                    Output::Record(record @ (Record::RouteFailed { .. } | Record::RouteLost { .. })) => {
                        self.log.push(record.to_string());
                        continue;
                    }
                    Output::Answer { .. } => {
                        self.log.push("stopped".into());
                        continue;
                    }
                    _ => continue,
                };
                self.log.push(if there { "install" } else { "remove" }.into());
                if self.refuses.is_none() {
                    self.has = there.then_some(route);
                }
                answers.push(Input::RouteDone { route, result: self.refuses.map_or(Ok(()), Err) });
            }
            for answer in answers {
                self.handle(answer);
            }
        }

        /// Milliseconds pass.
        fn pass(&mut self, millis: u64) {
            for _ in 0..millis {
                self.millis += 1;
                self.handle(Input::Tick);
            }
        }

        fn lose(&mut self) {
            let route = self.has.take().unwrap();
            self.handle(Input::RouteLost { route });
        }

        fn state(&self) -> TableState {
            self.engine.route(0).unwrap().1.table
        }

        fn told(&mut self) -> Vec<String> {
            core::mem::take(&mut self.log)
        }
    }

    #[test]
    fn a_route_of_the_configuration_that_is_refused_is_tried_again_and_said_once() {
        let mut small = Small::new(Some(IoError::Denied));
        small.pass(20_000);
        let told = small.told();
        assert_eq!(told.iter().filter(|one| *one == "install").count(), 5, "after 1, 2, 4, 8 s: {told:?}");
        assert_eq!(told.len(), 6, "{told:?}");
        assert_eq!(small.state(), TableState::Waits);
        small.refuses = None;
        small.pass(16_000);
        assert_eq!((small.told(), small.state()), (["install".to_string()].into(), TableState::Installed));
    }

    #[test]
    fn a_replacement_or_removal_that_is_refused_leaves_nothing_behind_for_ever() {
        let mut small = Small::new(None);
        assert_eq!(small.told(), ["install"]);
        small.refuses = Some(IoError::Exhausted);
        small.configure("ip route 192.0.2.0/24 reject\n");
        small.configure("");
        assert_eq!(small.told()[0], "install");
        assert!(small.has.is_some(), "the old one");
        small.refuses = None;
        small.pass(3_000);
        assert_eq!((small.told(), small.has), (["remove".to_string()].into(), None));
    }

    #[test]
    fn a_route_of_the_configuration_that_is_taken_away_is_put_back_and_after_the_third_time_after_a_pause() {
        let mut small = Small::new(None);
        small.told();
        for _ in 0..3 {
            small.lose();
            let told = small.told();
            assert!(told.len() == 2 && told.contains(&"install".to_string()), "{told:?}");
            assert_eq!(small.state(), TableState::Installed);
        }
        small.lose();
        assert_eq!((small.has, small.state()), (None, TableState::Waits));
        assert!(small.told()[0].contains("too often"));
        small.pass(999);
        assert!(small.has.is_none());
        small.pass(2);
        assert_eq!((small.told(), small.state()), (["install".to_string()].into(), TableState::Installed));
    }

    #[test]
    fn a_stop_does_not_wait_for_a_removal_that_is_refused() {
        let mut small = Small::new(None);
        small.told();
        small.refuses = Some(IoError::Denied);
        small.handle(Input::Command { id: CommandId(1), command: Command::Stop });
        small.pass(10);
        let told = small.told();
        assert_eq!((told[0].as_str(), told.last().unwrap().as_str()), ("remove", "stopped"), "{told:?}");
    }
}
