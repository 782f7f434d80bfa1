//! The stage: a clock, a switch, and boards on it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use holdover_core::base::rand::Rand;
use holdover_core::base::time::Instant;
use holdover_core::bgp::fsm::State;
use holdover_core::config::{Config, parse};
use holdover_core::engine::view::PeerView;
use holdover_core::engine::{Command, CommandId, CommandResult, Engine, Record};
use holdover_smoltcp::frame::port::Port;
use holdover_smoltcp::{Board, Memory, PLATFORM, Said, Setup, Shim, Slots};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};

pub const MS: u64 = 1_000;
pub const SECOND: u64 = 1_000 * MS;
/// How long a frame is on its way.
const WIRE: u64 = 100;
/// What a turn costs at least: a board that has something to do at once still needs time for it.
const TURN: u64 = 20;

pub type Hands = Shim<'static, Bench, Nic, 16, 32, 8, 1>;
pub type Brain = Engine<4, 8>;

/// A plug in the switch.
#[derive(Clone, Default)]
pub struct Jack {
    inbox: Rc<RefCell<VecDeque<Vec<u8>>>>,
    outbox: Rc<RefCell<VecDeque<Vec<u8>>>>,
}

/// An Ethernet device at the end of a cable.
pub struct Nic(pub Jack);

pub struct Rx(Vec<u8>);
pub struct Tx(Jack);

impl RxToken for Rx {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Tx {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.outbox.borrow_mut().push_back(frame);
        result
    }
}

impl Device for Nic {
    type RxToken<'a> = Rx;
    type TxToken<'a> = Tx;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Rx, Tx)> {
        let frame = self.0.inbox.borrow_mut().pop_front()?;
        Some((Rx(frame), Tx(self.0.clone())))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Tx> {
        Some(Tx(self.0.clone()))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1_514;
        capabilities
    }
}

/// A board on the test's bench.
pub struct Bench {
    clock: Rc<Cell<u64>>,
    carrier: Rc<Cell<bool>>,
    entropy: Rand,
}

impl Board for Bench {
    fn now(&self) -> Instant {
        Instant::from_micros(self.clock.get())
    }

    fn carrier(&mut self) -> bool {
        self.carrier.get()
    }

    fn entropy(&mut self) -> u64 {
        u64::from(self.entropy.next()) << 32 | u64::from(self.entropy.next())
    }
}

/// An appliance.
pub struct Node {
    pub name: &'static str,
    pub engine: Box<Brain>,
    pub shim: Hands,
    pub records: Vec<(u64, Record)>,
    pub answers: Vec<(CommandId, CommandResult)>,
    pub turns: u64,
    number: u8,
    jack: usize,
    carrier: Rc<Cell<bool>>,
    due: u64,
    /// It does nothing before this.
    stands_until: u64,
}

impl Node {
    /// The state of the session with this peer.
    pub fn state(&self, peer: &str) -> Option<State> {
        let address: std::net::IpAddr = peer.parse().unwrap();
        self.peers().find(|peer| peer.address == address).map(|peer| peer.state)
    }

    pub fn is_up(&self, peer: &str) -> bool {
        self.state(peer) == Some(State::Established)
    }

    /// Lets the machine stand still until then.
    pub fn pause(&mut self, until: u64) {
        self.stands_until = until;
    }

    /// All peers, wherever they stand.
    pub fn peers(&self) -> impl Iterator<Item = PeerView<'_>> {
        (0..4).filter_map(|place| self.engine.peer(place))
    }

    pub fn count(&self, what: impl Fn(&Record) -> bool) -> usize {
        self.records.iter().filter(|(_, record)| what(record)).count()
    }

    /// When this was first recorded.
    pub fn first(&self, what: impl Fn(&Record) -> bool) -> Option<u64> {
        self.records.iter().find(|(_, record)| what(record)).map(|&(at, _)| at)
    }
}

/// Something else on the switch.
pub trait Stranger {
    /// Does what is to be done now; says when next.
    fn turn(&mut self, now: u64) -> u64;
}

/// A stranger's jack, when it is due, and itself.
pub type Guest = (usize, u64, Rc<RefCell<dyn Stranger>>);

pub struct Lab {
    pub clock: Rc<Cell<u64>>,
    pub nodes: Vec<Node>,
    pub strangers: Vec<Guest>,
    jacks: Vec<Jack>,
    /// Frames under way: when they arrive, where, what.
    flying: VecDeque<(u64, usize, Vec<u8>)>,
    /// Frames that were sent: when, by whom, what.
    pub tape: Vec<(u64, usize, Vec<u8>)>,
    pub taped: bool,
    /// Of a hundred frames, so many are lost.
    pub loss: u32,
    /// Jacks that nothing passes, although their link is up.
    pub cut: Vec<usize>,
    pub dice: Rand,
}

impl Lab {
    pub fn new(seed: u64) -> Self {
        Self {
            clock: Rc::default(),
            nodes: Vec::new(),
            strangers: Vec::new(),
            jacks: Vec::new(),
            flying: VecDeque::new(),
            tape: Vec::new(),
            taped: false,
            loss: 0,
            cut: Vec::new(),
            dice: Rand::new(seed),
        }
    }

    pub fn now(&self) -> u64 {
        self.clock.get()
    }

    pub fn jack(&mut self) -> (usize, Jack) {
        let jack = Jack::default();
        self.jacks.push(jack.clone());
        (self.jacks.len() - 1, jack)
    }

    /// An appliance of this configuration, with 6 TCP sockets.
    pub fn boot(&mut self, name: &'static str, seed: u64, text: &str) -> usize {
        self.boot_with::<6>(name, seed, text)
    }

    /// The same with another number of them.
    pub fn boot_with<const TCP: usize>(&mut self, name: &'static str, seed: u64, text: &str) -> usize {
        let number = self.nodes.len() as u8 + 1;
        let node = self.board::<TCP>(name, seed, number);
        self.nodes.push(node);
        let place = self.nodes.len() - 1;
        self.configure(place, text);
        place
    }

    fn board<const TCP: usize>(&mut self, name: &'static str, seed: u64, number: u8) -> Node {
        let (jack, plug) = self.jack();
        let carrier = Rc::new(Cell::new(true));
        let board =
            Bench { clock: Rc::clone(&self.clock), carrier: Rc::clone(&carrier), entropy: Rand::new(seed) };
        let setup = Setup { mac: [0x52, 0x54, 0, 0, 0, number], link: "eth0" };
        let memory = Box::leak(Box::new(Memory::<TCP, 4096, 2048, 4>::new()));
        let slots = Box::leak(Box::new(Slots::<24>::new()));
        let port = Box::leak(Box::new(Port::new(Nic(plug))));
        let mut shim = Shim::new(board, port, setup);
        shim.open(memory, slots);
        let engine = Box::<Brain>::default();
        let (records, answers) = (Vec::new(), Vec::new());
        let due = self.now();
        let mut node = Node {
            name,
            number,
            engine,
            shim,
            records,
            answers,
            turns: 0,
            jack,
            carrier,
            due,
            stands_until: 0,
        };
        node.shim.start(&mut node.engine);
        node
    }

    /// Switches a node off and on: another boot of the same board.
    pub fn reboot(&mut self, place: usize, seed: u64, text: &str) {
        let (name, number, jack) = (self.nodes[place].name, self.nodes[place].number, self.nodes[place].jack);
        let mut fresh = self.board::<6>(name, seed, number);
        self.jacks[jack] = self.jacks.pop().unwrap();
        fresh.jack = jack;
        self.nodes[place] = fresh;
        self.configure(place, text);
    }

    pub fn configure(&mut self, place: usize, text: &str) {
        let config = parsed(text);
        let now = self.now();
        let node = &mut self.nodes[place];
        let Node { engine, shim, records, answers, .. } = node;
        shim.configure(engine, &config, &mut |said| note(said, now, records, answers));
        node.due = now;
    }

    /// As [`Self::boot`], but the engine has the configuration before the shim knows of it, as on a board with little memory.
    pub fn boot_configured(&mut self, name: &'static str, seed: u64, text: &str) -> usize {
        let now = self.now();
        let number = self.nodes.len() as u8 + 1;
        let mut node = self.board::<6>(name, seed, number);
        let Node { engine, shim, records, answers, .. } = &mut node;
        engine.configure(Instant::from_micros(now), &parsed(text));
        shim.take_over(engine, &mut |said| note(said, now, records, answers));
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    pub fn command(&mut self, place: usize, id: u32, command: Command) {
        let now = self.now();
        let node = &mut self.nodes[place];
        let Node { engine, shim, records, answers, .. } = node;
        shim.command(engine, CommandId(id), command, &mut |said| note(said, now, records, answers));
        node.due = now;
    }

    /// Pulls the cable out of a board, or plugs it in.
    pub fn plug(&mut self, place: usize, carrier: bool) {
        self.nodes[place].carrier.set(carrier);
        self.nodes[place].due = self.now();
        let jack = self.nodes[place].jack;
        self.cut.retain(|one| *one != jack);
        if !carrier {
            self.cut.push(jack);
        }
    }

    /// Lets nothing pass to and from a board any more, without its noticing.
    pub fn cut(&mut self, place: usize) {
        self.cut.push(self.nodes[place].jack);
    }

    pub fn mend(&mut self, place: usize) {
        let jack = self.nodes[place].jack;
        self.cut.retain(|one| *one != jack);
    }

    /// Puts a frame into a board's inbox.
    pub fn inject(&mut self, place: usize, frame: Vec<u8>) {
        self.jacks[self.nodes[place].jack].inbox.borrow_mut().push_back(frame);
    }

    /// How many frames wait for a board.
    pub fn waiting(&self, place: usize) -> usize {
        self.jacks[self.nodes[place].jack].inbox.borrow().len()
    }

    pub fn add(&mut self, jack: usize, stranger: Rc<RefCell<dyn Stranger>>) {
        let now = self.now();
        self.strangers.push((jack, now, stranger));
    }

    /// Everything that happens in this span of time.
    pub fn run(&mut self, span: u64) {
        let end = self.now() + span;
        loop {
            self.turn_all();
            self.fly();
            let frames = self.flying.front().map_or(u64::MAX, |&(at, ..)| at);
            let nodes = self.nodes.iter().map(|node| node.due).min().unwrap_or(u64::MAX);
            let others = self.strangers.iter().map(|&(_, due, _)| due).min().unwrap_or(u64::MAX);
            let next = frames.min(nodes).min(others);
            if next > end {
                self.clock.set(end);
                return;
            }
            self.clock.set(next.max(self.now()));
            self.land();
        }
    }

    /// Runs until this holds, at most so long; whether it came to hold.
    pub fn until(&mut self, span: u64, mut holds: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now() + span;
        while !holds(self) {
            if self.now() >= end {
                return false;
            }
            self.run(MS);
        }
        true
    }

    fn turn_all(&mut self) {
        let now = self.now();
        for node in &mut self.nodes {
            node.due = node.due.max(node.stands_until);
            if node.stands_until > now {
                continue;
            }
            if node.due > now && self.jacks[node.jack].inbox.borrow().is_empty() {
                continue;
            }
            let Node { engine, shim, records, answers, .. } = node;
            let due = shim.turn(engine, &mut |said| note(said, now, records, answers));
            node.turns += 1;
            node.due = due.as_micros().max(now + TURN);
        }
        for (jack, due, stranger) in &mut self.strangers {
            if *due <= now || !self.jacks[*jack].inbox.borrow().is_empty() {
                *due = stranger.borrow_mut().turn(now).max(now + TURN);
            }
        }
    }

    /// Takes what was sent onto the wire.
    fn fly(&mut self) {
        let now = self.now();
        for from in 0..self.jacks.len() {
            loop {
                let frame = self.jacks[from].outbox.borrow_mut().pop_front();
                let Some(frame) = frame else { break };
                if self.taped {
                    self.tape.push((now, from, frame.clone()));
                }
                if self.cut.contains(&from) {
                    continue;
                }
                for to in (0..self.jacks.len()).filter(|to| *to != from) {
                    if !self.cut.contains(&to) && self.dice.next() % 100 >= self.loss {
                        self.flying.push_back((now + WIRE, to, frame.clone()));
                    }
                }
            }
        }
    }

    fn land(&mut self) {
        let now = self.now();
        while let Some((_, to, frame)) = self.flying.pop_front_if(|(at, ..)| *at <= now) {
            if !self.cut.contains(&to) {
                self.jacks[to].inbox.borrow_mut().push_back(frame);
            }
        }
    }
}

fn parsed(text: &str) -> Box<Config<4, 8>> {
    let mut config = Box::<Config<4, 8>>::default();
    let mut faults = Vec::new();
    let parsed = parse(text, &PLATFORM, &mut config, &mut |fault| faults.push(fault.to_string()));
    assert!(parsed.is_ok(), "{faults:#?}");
    config
}

fn note(
    said: Said,
    now: u64,
    records: &mut Vec<(u64, Record)>,
    answers: &mut Vec<(CommandId, CommandResult)>,
) {
    match said {
        Said::Record(record) => records.push((now, record)),
        Said::Answer { id, result } => answers.push((id, result)),
        Said::Keep { .. } => {}
    }
}

/// The configuration of the board with this number: 10.0.0.N and fd00::N, with these lines below `router bgp`.
pub fn text(number: u8, lines: &str) -> String {
    format!(
        "hostname n{number}\ninterface eth0\n ip address 10.0.0.{number}/24\n ipv6 address fd00::{number}/64\nexit\n\
         router bgp {}\n bgp router-id 10.0.0.{number}\n no bgp ebgp-requires-policy\n{lines}\n",
        65_000 + u32::from(number)
    )
}

/// An IPv4 packet's protocol, source, destination and payload.
pub type Packet<'a> = (u8, [u8; 4], [u8; 4], &'a [u8]);

/// The IPv4 packet in a frame.
pub fn ipv4(frame: &[u8]) -> Option<Packet<'_>> {
    if frame.get(12..14)? != [8, 0] {
        return None;
    }
    let ip = frame.get(14..)?;
    let (header, total) = (usize::from(ip[0] & 15) * 4, usize::from(u16::from_be_bytes([ip[2], ip[3]])));
    Some((ip[9], ip[12..16].try_into().unwrap(), ip[16..20].try_into().unwrap(), ip.get(header..total)?))
}
