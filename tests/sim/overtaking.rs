//! Answers to orders and news of the host come in two queues: whichever overtakes which, once both are empty, what is
//! announced is here.
//!
//! All interleavings of a few foreign hands are gone through, and many more hands at random.

use std::collections::VecDeque;

use holdover_core::base::net::InterfaceAddress;
use holdover_core::base::time::Instant;
use holdover_core::config::{Config, Platform, parse};
use holdover_core::engine::{
    AddressId, Bound, Engine, HostTable, Input, IoError, LinkId, Output, Phase, Record,
};

use super::dice::Dice;
use super::world::{MS, SECOND, interface_address};

const CONFIG: &str =
    "router bgp 65000\n bgp router-id 10.0.0.1\nexit\nfailover web\n address 192.0.2.10/32\n";
const LO: LinkId = LinkId(1);
/// How long the route stays while an address is being put back.
const CONFIRM: u64 = 20 * MS;

/// What a foreign hand does to the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hand {
    Adds,
    Removes,
    /// The link goes down, and the kernel takes the address away with it.
    LinkDown,
    LinkUp,
    /// An overrun: the news that waits is lost, and the tables are told whole.
    Overrun,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Bind(AddressId),
    Unbind(AddressId),
}

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Move {
    Hand,
    /// The kernel carries the oldest order out.
    Obey,
    Hear,
    Answer,
}

/// One address, its kernel, and the engine. `None`: absent; else whether it bears our mark.
struct Small {
    engine: Box<Engine<1, 1>>,
    now: u64,
    here: Option<bool>,
    up: bool,
    marks: bool,
    orders: VecDeque<Order>,
    answers: VecDeque<(AddressId, Result<Bound, IoError>)>,
    news: VecDeque<News>,
    records: Vec<Record>,
    asked: bool,
}

#[derive(Clone, Copy, Debug)]
enum News {
    Address { present: bool, ours: bool },
    Link { up: bool },
    Table(Phase),
}

fn address() -> InterfaceAddress {
    interface_address("192.0.2.10/32")
}

impl Small {
    /// Bound and announced.
    fn new(marks: bool) -> Self {
        let mut config = Box::<Config<1, 1>>::default();
        assert!(parse(CONFIG, &Platform::ALL, &mut config, &mut |_| {}).is_ok());
        let mut engine = Box::<Engine<1, 1>>::default();
        engine.start(Instant::from_micros(SECOND), 1);
        let mut small = Self {
            engine,
            now: SECOND,
            here: None,
            up: true,
            marks,
            orders: VecDeque::new(),
            answers: VecDeque::new(),
            news: VecDeque::new(),
            records: vec![],
            asked: false,
        };
        small.engine.configure(Instant::from_micros(SECOND), &config);
        small.drain();
        small.news.extend([News::Link { up: true }, News::Table(Phase::Begin), News::Table(Phase::End)]);
        for _ in 0..5 {
            small.tick_after(SECOND);
            small.calm_down();
        }
        assert!(small.announced() && small.here == Some(true));
        small
    }

    fn handle(&mut self, input: Input<'_>) {
        self.engine.handle(Instant::from_micros(self.now), input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Bind { address, .. } => self.orders.push_back(Order::Bind(address)),
                Output::Unbind { address, .. } => self.orders.push_back(Order::Unbind(address)),
                Output::AskTable { .. } => self.asked = true,
                Output::Record(record) => self.records.push(record),
                _ => {}
            }
        }
        if std::mem::take(&mut self.asked) {
            self.tell_whole();
        }
    }

    fn tell_whole(&mut self) {
        self.news.extend([News::Link { up: self.up }, News::Table(Phase::Begin)]);
        if let Some(ours) = self.here {
            self.news.push_back(News::Address { present: true, ours: ours && self.marks });
        }
        self.news.push_back(News::Table(Phase::End));
    }

    fn set(&mut self, here: Option<bool>) {
        let ours = here.or(self.here) == Some(true) && self.marks;
        self.here = here;
        self.news.push_back(News::Address { present: here.is_some(), ours });
    }

    fn hand(&mut self, hand: Hand) {
        match hand {
            Hand::Adds if self.here.is_none() => self.set(Some(false)),
            Hand::Removes if self.here.is_some() => self.set(None),
            Hand::LinkDown if self.up => {
                self.up = false;
                self.news.push_back(News::Link { up: false });
                if self.here.is_some() {
                    self.set(None);
                }
            }
            Hand::LinkUp if !self.up => {
                self.up = true;
                self.news.push_back(News::Link { up: true });
            }
            Hand::Overrun => {
                self.news.clear();
                self.tell_whole();
            }
            _ => {}
        }
    }

    fn obey(&mut self) {
        let Some(order) = self.orders.pop_front() else { return };
        let (id, so) = match order {
            Order::Bind(id) => (id, self.here.is_some()),
            Order::Unbind(id) => (id, self.here.is_none()),
        };
        if !so {
            self.set(if matches!(order, Order::Bind(_)) { Some(true) } else { None });
        }
        self.answers.push_back((id, Ok(if so { Bound::AlreadySo } else { Bound::Done })));
    }

    fn hear(&mut self) {
        match self.news.pop_front() {
            Some(News::Address { present, ours }) => {
                self.handle(Input::Address { link: LO, address: address(), present, ours });
            }
            Some(News::Link { up }) => self.handle(Input::Link { link: LO, name: "lo", up, gone: false }),
            Some(News::Table(phase)) => self.handle(Input::Resync { what: HostTable::Addresses, phase }),
            None => {}
        }
    }

    fn answer(&mut self) {
        if let Some((address, result)) = self.answers.pop_front() {
            self.handle(Input::AddressDone { address, result });
        }
    }

    fn is_quiet(&self) -> bool {
        self.orders.is_empty() && self.answers.is_empty() && self.news.is_empty()
    }

    fn step(&mut self, one: Move, hands: &mut VecDeque<Hand>) {
        match one {
            Move::Hand => {
                let hand = hands.pop_front().unwrap();
                self.hand(hand);
            }
            Move::Obey => self.obey(),
            Move::Hear => self.hear(),
            Move::Answer => self.answer(),
        }
    }

    fn choices(&self, hands: &VecDeque<Hand>) -> Vec<Move> {
        let can = [
            (Move::Hand, !hands.is_empty()),
            (Move::Obey, !self.orders.is_empty()),
            (Move::Hear, !self.news.is_empty()),
            (Move::Answer, !self.answers.is_empty()),
        ];
        can.into_iter().filter(|(_, can)| *can).map(|(one, _)| one).collect()
    }

    fn announced(&self) -> bool {
        self.engine.route(0).is_some_and(|(_, route)| route.announced)
    }

    fn tick_after(&mut self, micros: u64) {
        self.now += micros;
        self.handle(Input::Tick);
    }

    /// Everything that waits is delivered, at once.
    fn calm_down(&mut self) {
        while !self.is_quiet() {
            self.obey();
            self.hear();
            self.answer();
        }
    }

    /// Both queues are empty: what holds now and after the time for a confirmation, and what must come of it.
    fn check(mut self, story: &dyn Fn() -> String, adopted: bool) {
        assert!(self.is_quiet());
        let what = |small: &Self| format!("here {:?}, announced {}", small.here, small.announced());
        // The time for the confirmation may be over while the order for another try is out.
        self.now += CONFIRM;
        self.engine.handle(Instant::from_micros(self.now), Input::Tick);
        self.drain();
        let quiet = self.news.is_empty();
        assert!(!quiet || !self.announced() || self.here.is_some(), "{}: {}", story(), what(&self));
        for _ in 0..200 {
            self.tick_after(SECOND);
            self.calm_down();
            assert!(!self.announced() || self.here.is_some(), "{}: {}", story(), what(&self));
        }
        // What was somebody else's is not put back, and with its link down nothing is.
        if self.up && !adopted {
            assert!(self.announced() && self.here.is_some(), "{}: {}", story(), what(&self));
        }
    }
}

/// Goes through every interleaving; returns how many.
fn all(hands: &[Hand], marks: bool) -> u32 {
    let adopted = hands.contains(&Hand::Adds);
    let (mut path, mut count): (Vec<usize>, u32) = (vec![], 0);
    loop {
        let (mut small, mut left) = (Small::new(marks), VecDeque::from(hands.to_vec()));
        let (mut moves, mut depth, mut widths) = (vec![], 0, vec![]);
        loop {
            let choices = small.choices(&left);
            if choices.is_empty() {
                break;
            }
            if path.len() == depth {
                path.push(0);
            }
            widths.push(choices.len());
            let one = choices[path[depth]];
            moves.push(one);
            small.step(one, &mut left);
            depth += 1;
        }
        small.check(&|| format!("{hands:?}, {moves:?}"), adopted);
        count += 1;
        // The next path: the last choice that has another one.
        while path.last().is_some_and(|&last| last + 1 == widths[path.len() - 1]) {
            path.pop();
        }
        match path.last_mut() {
            Some(last) => *last += 1,
            None => return count,
        }
    }
}

#[test]
fn once_answers_and_news_are_all_heard_what_is_announced_is_here_in_any_interleaving() {
    use Hand::{Adds, LinkDown, LinkUp, Overrun, Removes};
    let stories: [&[Hand]; 8] = [
        &[Removes],
        &[Removes, Removes],
        &[Removes, Adds],
        &[Removes, Adds, Removes],
        &[Removes, Overrun],
        &[LinkDown, LinkUp],
        &[Removes, LinkDown, LinkUp],
        &[LinkDown, LinkUp, Removes],
    ];
    let mut count = 0;
    for hands in stories {
        for marks in [true, false] {
            count += all(hands, marks);
        }
    }
    assert!(count > 500, "{count}");
}

#[test]
fn once_answers_and_news_are_all_heard_what_is_announced_is_here_whatever_the_host_goes_through() {
    for seed in 0..1_000 {
        let mut dice = Dice::new(seed);
        let foreign = dice.chance(30);
        let mut hands = VecDeque::new();
        for _ in 0..12 {
            let of = [Hand::Removes, Hand::LinkDown, Hand::LinkUp, Hand::Overrun, Hand::Adds];
            hands.push_back(dice.pick(&of[..if foreign { 5 } else { 4 }]));
        }
        hands.push_back(Hand::LinkUp);
        let marks = dice.chance(80);
        let (mut small, mut moves) = (Small::new(marks), vec![]);
        loop {
            let choices = small.choices(&hands);
            if choices.is_empty() {
                break;
            }
            let one = dice.pick(&choices);
            moves.push(one);
            small.step(one, &mut hands);
            if dice.chance(20) {
                let micros = dice.pick(&[MS, 15 * MS, 30 * MS, 2 * SECOND]);
                small.tick_after(micros);
            }
        }
        small.check(&|| format!("seed {seed}, marks {marks}: {moves:?}"), foreign || !marks);
    }
}
