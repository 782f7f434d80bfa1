//! What happens when, drawn from a seed: about one event in two seconds, never both nodes broken for long.

use std::time::Duration;

use holdover_core::base::rand::Rand;

use super::{Event, Fault, Node, SERVER_RECOVERY, Wish, millis};

/// An event and its moment, counted from the begin of the soak.
pub type Step = (Duration, Event);

/// A bound address is put back so often …
const PUT_BACKS: usize = 3;
/// … within this time; a little more than the daemon's own minute.
const PUT_BACK_WINDOW: Duration = millis(65_000);
/// How long a fault may last that leaves no node.
const BOTH: u64 = 1_500;

/// The plan of one soak.
pub fn plan(seed: u64, length: Duration) -> Vec<Step> {
    let mut planner = Planner { dice: Rand::new(seed), now: Duration::ZERO, ..Planner::default() };
    loop {
        let pause = planner.between(800, 2_200);
        planner.now += millis(pause);
        if planner.now >= length {
            break;
        }
        planner.draw();
    }
    let mut steps = planner.steps;
    // What was begun is also ended.
    steps.sort_by_key(|(at, _)| *at);
    steps
}

#[derive(Default)]
struct Planner {
    dice: Rand,
    now: Duration,
    steps: Vec<Step>,
    /// From when on each node is ready again.
    ready: [Duration; 2],
    /// Until when something is with each node: a fault or a wish.
    busy: [Duration; 2],
    servers_ready: Duration,
    taken: [Vec<Duration>; 2],
}

impl Planner {
    /// A number from `from` up to `to`, without it.
    fn between(&mut self, from: u64, to: u64) -> u64 {
        from + u64::from(self.dice.next()) % (to - from)
    }

    fn draw(&mut self) {
        // Mostly to the one that answers.
        let node = usize::from(self.between(0, 100) >= 60);
        match self.between(0, 100) {
            0..12 => self.reload(node),
            12..20 => self.restart_server(),
            20..30 if node == 0 => self.take_address(node),
            30..42 => self.wish(node),
            _ => self.fault(node),
        }
    }

    fn free(&self, node: Node) -> bool {
        self.busy[node] <= self.now
    }

    fn step(&mut self, event: Event) {
        self.steps.push((self.now, event));
    }

    fn reload(&mut self, node: Node) {
        if self.free(node) {
            self.step(Event::Reload(node));
        }
    }

    fn wish(&mut self, node: Node) {
        if !self.free(node) {
            return;
        }
        let wish = if self.between(0, 2) == 0 { Wish::Promote } else { Wish::Demote };
        let end = self.now + millis(self.between(100, 5_000));
        self.step(Event::Wanted(node, wish));
        self.steps.push((end, Event::Unwanted(node)));
        self.busy[node] = end + millis(100);
    }

    fn restart_server(&mut self) {
        if self.servers_ready > self.now {
            return;
        }
        // The client's own one seldom: nothing can be asked meanwhile.
        let server =
            if self.between(0, 10) == 0 { 0 } else { usize::try_from(self.between(1, 4)).unwrap_or(1) };
        let down = millis(self.between(50, 1_500));
        self.step(Event::ServerDown(server));
        self.steps.push((self.now + down, Event::ServerUp(server)));
        self.servers_ready = self.now + down + SERVER_RECOVERY;
    }

    fn take_address(&mut self, node: Node) {
        let since = self.now.saturating_sub(PUT_BACK_WINDOW);
        self.taken[node].retain(|at| *at >= since);
        if self.free(node) && self.taken[node].len() < PUT_BACKS {
            self.taken[node].push(self.now);
            self.step(Event::AddressTaken(node));
        }
    }

    fn fault(&mut self, node: Node) {
        if !self.free(node) {
            return;
        }
        let other_ready = self.ready[1 - node] <= self.now;
        if !other_ready && self.between(0, 5) > 0 {
            return;
        }
        let (fault, from, to) = match self.between(0, 7) {
            0 => (Fault::Kill, 20, 4_000),
            1 => (Fault::Freeze, 300, 6_000),
            2 => (Fault::Cut, 50, 6_000),
            // The daemon's own way out takes up to 3 s.
            3 => (Fault::Stop, 4_000, 6_000),
            4 => (Fault::Drain, 100, 5_000),
            5 => (Fault::ServiceDead, 200, 4_000),
            // Only the second node had its address before the daemon.
            _ if node == 1 => (Fault::AddressGone, 200, 4_000),
            _ => (Fault::Kill, 20, 200),
        };
        let mut lasts = self.between(from, to);
        if !other_ready {
            if fault == Fault::Stop {
                return;
            }
            lasts = lasts.min(BOTH);
        }
        let end = self.now + millis(lasts);
        self.step(Event::Begin(node, fault));
        self.steps.push((end, Event::End(node, fault)));
        self.busy[node] = end + millis(100);
        self.ready[node] = end + fault.recovery();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn the_seed_gives_the_plan() {
        assert_eq!(plan(7, HOUR), plan(7, HOUR));
        assert_ne!(plan(7, HOUR), plan(8, HOUR));
    }

    #[test]
    fn it_has_every_event_about_once_in_two_seconds() {
        let steps = plan(1, HOUR);
        let ends = |event: &Event| matches!(event, Event::End(..) | Event::Unwanted(_) | Event::ServerUp(_));
        let begun = steps.iter().filter(|(_, event)| !ends(event));
        let count = begun.count();
        assert!((1_000..2_400).contains(&count), "{count}");
        for fault in [
            Fault::Kill,
            Fault::Freeze,
            Fault::Cut,
            Fault::Stop,
            Fault::Drain,
            Fault::AddressGone,
            Fault::ServiceDead,
        ] {
            let count = steps.iter().filter(|(_, event)| matches!(event, Event::Begin(_, f) if *f == fault));
            assert!(count.count() > 30, "{fault:?}");
        }
        let wishes = [Event::Wanted(0, Wish::Demote), Event::Wanted(1, Wish::Promote)];
        for wanted in wishes.into_iter().chain([
            Event::Reload(0),
            Event::Reload(1),
            Event::AddressTaken(0),
            Event::ServerDown(0),
        ]) {
            assert!(steps.iter().any(|(_, event)| *event == wanted), "{wanted}");
        }
    }

    #[test]
    fn a_node_has_one_fault_at_a_time_and_both_are_not_broken_for_long() {
        for seed in 0..20 {
            let mut broken = [None; 2];
            let mut both = None;
            for (at, event) in plan(seed, HOUR) {
                match event {
                    Event::Begin(node, fault) => assert_eq!(broken[node].replace(fault), None, "{seed}"),
                    Event::End(node, fault) => assert_eq!(broken[node].take(), Some(fault), "{seed}"),
                    Event::Reload(node)
                    | Event::AddressTaken(node)
                    | Event::Wanted(node, _)
                    | Event::Unwanted(node) => assert_eq!(broken[node], None),
                    Event::ServerDown(_) | Event::ServerUp(_) => {}
                }
                match (broken, both) {
                    ([Some(_), Some(_)], None) => both = Some(at),
                    ([Some(_), Some(_)], Some(_)) | (_, None) => {}
                    (_, Some(since)) => {
                        assert!(at <= since + millis(BOTH), "{seed}: {since:?} to {at:?}");
                        both = None;
                    }
                }
            }
            assert_eq!(broken, [None; 2]);
        }
    }
}
