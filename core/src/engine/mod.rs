//! The engine: facts in, orders out.
//!
//! [`Engine`] is told facts ([`Input`]), gives orders ([`Output`]) and leaves [`Record`]s of what happened; [`view`] holds what
//! `show` shows. The [crate's documentation](crate) has the loop around it, and what a shim promises.
//!
//! | file | what it does |
//! |---|---|
//! | `input`, `output`, `names` | the vocabulary |
//! | `record`, `sentence`, `view` | what is told to people |
//! | `session` | connections and sessions: events in, the peer's part of each FSM step |
//! | `dial` | when a peer is dialed, from where, and the timers of peers |
//! | `bfd` | BFD sessions, and what their end means to BGP |
//! | `listen` | who may connect to us |
//! | `message` | received octets: framing, and what each message means |
//! | `announce` | what a peer is to be told, as the next message to it |
//! | `next_hop` | the next hops that each peer is told |
//! | `inbound` | routes received, for `steer` |
//! | `refresh` | routes told again: by us when a peer asks, and by peers when our policy changes |
//! | `link` | the links of this host |
//! | `own` | which addresses are ours, and what each may stand for |
//! | `host` | addresses and kernel routes of this host |
//! | `fib` | routes of ours in the host's table: what is refused or lost, and when it is tried again |
//! | `route` | the table of routes that may be announced |
//! | `service` | evidence, decisions and checks of services; addresses to bind |
//! | `configure`, `pass` | taking over a configuration, some routes a turn |
//! | `poll` | the next order |
//! | `wish` | what operators want of services |
//! | `stop` | the way out |
//! | `show` | views |

#![expect(
    clippy::cast_possible_truncation,
    reason = "places in tables fit the types of their names: the capacities are const-asserted to"
)]

mod announce;
mod bfd;
mod configure;
mod dial;
mod fib;
mod host;
mod inbound;
mod input;
mod link;
mod listen;
mod message;
mod names;
mod next_hop;
mod output;
mod own;
mod pass;
mod poll;
pub mod record;
mod refresh;
mod route;
mod sentence;
mod service;
mod session;
mod show;
mod stop;
pub mod view;
mod wish;

pub use input::{
    Bound, Command, CommandResult, Endpoint, HostTable, Input, IoError, Past, Phase, ProbeFailure, Verdict,
    Wish,
};
pub use names::{
    AddressId, BfdId, CommandId, ConnId, LinkId, ListenerId, PeerId, ProbeId, RouteId, ServiceId, Slot,
    SocketId,
};
pub use output::{CloseHow, NextHop, Output, ProbeSpec, RouteTarget, Secret, TcpOptions};
pub use record::Record;
pub use sentence::Sentence;

use crate::base::bits::Bits;
use crate::base::limits::{
    CHECKS_PER_SERVICE, HOSTS_PER_SERVICE, LINKS_PER_PEER, MESSAGE, ORDERS_AT_ONCE, ORDERS_SPAN,
    RECORDS_PER_SERVICE, SERVICE_ADDRESSES, SPARE_RECEIVE, SPARE_TRANSMIT,
};
use crate::base::net::{BgpId, InterfaceAddress, Prefix};
use crate::base::rand::Rand;
use crate::base::ring::Ring;
use crate::base::table::Table;
use crate::base::time::Instant;
use crate::bgp::adj_out::AdjOut;
use crate::bgp::peer::Peer;
use crate::config::Config;
use crate::failover::health::CheckState;
use crate::failover::service::ServiceState;
use host::HostAddress;
use link::Link;
use listen::Listener;
use pass::Pass;
use record::Limit;
use route::Routes;
use service::Probing;
use stop::Stopping;
use wish::Waiting;

/// The engine: one mutation (`handle`, `configure`), then `poll` until it gives nothing, then wait until `deadline`.
///
/// `PEERS` (at most 64) counts neighbors, those that came by `bgp listen range` included; `SERVICES` counts `failover` blocks
/// of up to 8 addresses each; `ROUTES` counts all that may be announced (a service's address, a `network`, a redistributed
/// route); `RULES` and `TEXT` are those of its [`Config`]. What exceeds a capacity is left out whole and recorded as
/// [`Record::Full`].
///
/// At rest it is all zero bits, so that a static one costs no space in the program. It is large and never moved: make it a
/// static, or build it where it stays; `Box::new(Engine::new())` of a large one overflows the stack.
#[derive(Debug)]
pub struct Engine<
    const PEERS: usize,
    const SERVICES: usize,
    const ROUTES: usize = 32,
    const RULES: usize = 64,
    const TEXT: usize = 2048,
> {
    inner: Inner<PEERS, SERVICES, ROUTES, RULES, TEXT>,
    buffers: [Buffers; PEERS],
}

/// A peer's buffers (law 10). Its furthest connection has them whole, except for their ends: those are the other
/// connection's, for as long as there is one (decision 0004).
#[derive(Debug)]
struct Buffers {
    receive: [u8; MESSAGE],
    transmit: [u8; MESSAGE],
}

/// Which part of a peer's buffers a connection has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// All, because there is no other connection.
    Whole,
    /// All but the end.
    Large,
    /// The end.
    Spare,
}

impl Buffers {
    const REST: Self = Self { receive: [0; MESSAGE], transmit: [0; MESSAGE] };

    fn receive(&mut self, part: Part) -> &mut [u8] {
        match part {
            Part::Whole => &mut self.receive,
            Part::Large => &mut self.receive[..MESSAGE - SPARE_RECEIVE],
            Part::Spare => &mut self.receive[MESSAGE - SPARE_RECEIVE..],
        }
    }

    fn transmit(&mut self, part: Part) -> &mut [u8] {
        match part {
            Part::Whole => &mut self.transmit,
            Part::Large => &mut self.transmit[..MESSAGE - SPARE_TRANSMIT],
            Part::Spare => &mut self.transmit[MESSAGE - SPARE_TRANSMIT..],
        }
    }
}

/// A set of peers.
type PeerSet = u64;

/// The peers of a set, in order.
fn peers_in(mut set: PeerSet) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let first = set.trailing_zeros() as usize;
        set &= set.wrapping_sub(1);
        (first < PeerSet::BITS as usize).then_some(first)
    })
}

/// Everything but the buffers, so that a message can be read from a buffer while the rest changes.
///
/// In this order, the small first: a Cortex-M reaches what lies near the beginning with fewer instructions.
#[derive(Debug)]
#[repr(C)]
struct Inner<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> {
    now: Instant,
    started: Instant,
    rand: Rand,
    /// Peers that may owe an order.
    ready: PeerSet,
    /// Peers whose session is up.
    up: PeerSet,
    /// Peers of whose routes not all found room.
    refused: PeerSet,
    /// Peers that told a route which leads to an address of this host, and so was not taken.
    looped: PeerSet,
    /// No timer of a peer expires before this (a lower bound).
    peers_at: Instant,
    routes_at: Instant,
    /// No delay of a service ends before this (a lower bound).
    services_at: Instant,
    checks_at: Instant,
    /// When `bgp graceful-shutdown` withdraws what has no service; zero: not to come.
    shutdown_at: Instant,
    /// Orders about the host's table of routes that were refused.
    trouble: fib::Trouble,
    stopping: Stopping,
    waiting: Waiting,
    /// The command that is owed an answer, and which; apart, because an `Option` of the pair would not be zero bits at rest.
    answer_to: Option<CommandId>,
    answer: CommandResult,
    refuse: Option<SocketId>,
    strangers: listen::Strangers,
    router_id: BgpId,
    stale_inputs: u32,
    links_stale: u32,
    pass: Pass,
    /// When [`ORDERS_AT_ONCE`] more orders about addresses and routes may leave.
    orders_at: Instant,
    /// How many may leave before that.
    orders_left: u8,
    /// Orders to bind that are out.
    binding: u16,
    undecided: u16,
    router_id_configured: bool,
    /// It was told that there is none.
    router_id_missed: bool,
    /// It is an announced address, for want of a better one.
    router_id_lent: bool,
    addresses_known: bool,
    /// Whether the last call was drained (law 1).
    drained: bool,
    /// Whether there is a configuration.
    configured: bool,
    /// Whether a probe must be stopped.
    probes_to_stop: bool,
    /// Whether a check is due, and from which one on.
    checks_due: bool,
    /// Whether a check that is due waits for another one's probe to end.
    checks_held: bool,
    /// Whether an address that bears our mark was found and not looked at yet.
    leftovers: bool,
    /// The capacities that are known to be reached, as a set of [`Limit`]s.
    full: u8,
    /// The tables of the host that are to be told whole, as a set of [`HostTable`]s, and
    /// [`ADDRESSES_LATER`](host::ADDRESSES_LATER).
    ask_tables: u8,
    /// Tables of which something was left out because there was no room: asked for again when there is.
    left_out: u8,
    /// Services whose evidence may have changed.
    services_owed: Bits<S>,

    listeners: [Listener; 2],
    /// The next hops of the order that is being lent.
    steer_hops: [NextHop; P],
    peers: [Peer; P],
    services: [ServiceState; S],
    bfd: bfd::Bfd<P>,
    checks: [[CheckState; CHECKS_PER_SERVICE]; S],
    check_generation: [[u16; CHECKS_PER_SERVICE]; S],
    /// What of each check the shim has at work.
    probes: [[Probing; CHECKS_PER_SERVICE]; S],
    /// Routes by service: one more than the place; 0: none.
    service_routes: [[u16; SERVICE_ADDRESSES]; S],
    links: [[Link; LINKS_PER_PEER]; P],
    records: Ring<Record, S, RECORDS_PER_SERVICE>,
    routes: Routes<R>,
    inbound: inbound::Inbound<P, R>,
    adj_out: AdjOut<P, R, S>,
    /// The leftover whose unbinding was ordered last.
    leftover_asked: InterfaceAddress,
    held_back: [Prefix; 2],
    hosts: Table<HostAddress, S, HOSTS_PER_SERVICE>,
    config: Config<P, S, R, U, T>,
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    const fn new() -> Self {
        const { assert!(P <= PeerSet::BITS as usize && S < u16::MAX as usize && R < u16::MAX as usize) };
        Self {
            config: Config::new(),
            now: Instant::ZERO,
            started: Instant::ZERO,
            rand: Rand::REST,
            router_id: BgpId(0),
            router_id_configured: false,
            router_id_missed: false,
            router_id_lent: false,
            addresses_known: false,
            drained: false,
            stale_inputs: 0,
            peers: [Peer::REST; P],
            ready: 0,
            up: 0,
            peers_at: Instant::ZERO,
            bfd: bfd::Bfd::new(),
            listeners: [Listener::REST; 2],
            refuse: None,
            strangers: listen::Strangers::REST,
            adj_out: AdjOut::new(),
            routes: Routes::new(),
            routes_at: Instant::ZERO,
            orders_at: Instant::ZERO,
            orders_left: 0,
            binding: 0,
            service_routes: [[0; SERVICE_ADDRESSES]; S],
            services: [ServiceState::new(); S],
            services_owed: Bits::new(),
            services_at: Instant::ZERO,
            undecided: 0,
            checks: [[CheckState::new(); CHECKS_PER_SERVICE]; S],
            check_generation: [[0; CHECKS_PER_SERVICE]; S],
            probes: [[Probing::No; CHECKS_PER_SERVICE]; S],
            probes_to_stop: false,
            checks_at: Instant::ZERO,
            checks_due: false,
            checks_held: false,
            links: [[Link::REST; LINKS_PER_PEER]; P],
            links_stale: 0,
            hosts: Table::new(HostAddress::REST),
            leftovers: false,
            configured: false,
            leftover_asked: InterfaceAddress::ZERO,
            held_back: [Prefix::ZERO; 2],
            full: 0,
            left_out: 0,
            ask_tables: 0,
            pass: Pass::REST,
            stopping: Stopping::REST,
            waiting: Waiting::REST,
            shutdown_at: Instant::ZERO,
            trouble: fib::Trouble::REST,
            answer_to: None,
            answer: CommandResult::Done,
            records: Ring::new(Record::Stopped),
            inbound: inbound::Inbound::new(),
            refused: 0,
            looped: 0,
            steer_hops: [NextHop::REST; P],
        }
    }

    /// Leaves a record behind; one too many for a call is counted.
    fn record(&mut self, record: Record) {
        self.records.push(record);
    }

    /// A fixed capacity was reached: said once, until there was room again.
    fn full(&mut self, limit: Limit) {
        let bit = 1 << limit as u8;
        if self.full & bit == 0 {
            self.full |= bit;
            self.record(Record::Full { limit });
        }
    }

    /// Whether a capacity is known to be reached.
    const fn is_full(&self, limit: Limit) -> bool {
        self.full & (1 << limit as u8) != 0
    }

    /// There is room again where a capacity was reached.
    const fn room(&mut self, limit: Limit) {
        self.full &= !(1 << limit as u8);
    }
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Engine<P, S, R, U, T> {
    /// An engine at rest, all zero bits.
    pub const fn new() -> Self {
        Self { inner: Inner::new(), buffers: [Buffers::REST; P] }
    }

    /// Starts the clock and seeds the jitter; once, before anything else.
    ///
    /// `now` is of a monotonic clock, with any start. `seed` spreads timers and draws BFD discriminators (RFC 5880 section
    /// 6.8.1): no secret comes of it, but another one at each boot keeps neighbors from taking this run for the last. The
    /// same seed and the same inputs give the same outputs.
    pub fn start(&mut self, now: Instant, seed: u64) {
        // A clock may begin at zero, but within the engine that is a timer which does not run.
        let now = now.max(Instant::from_micros(1));
        self.inner.now = now;
        self.inner.started = now;
        self.inner.rand = Rand::new(seed);
        self.inner.drained = true;
    }

    /// Takes over a configuration: the first one, or another one. Counts as a `handle`: `poll` to the end after it.
    ///
    /// `config` comes from [`parse`](crate::config::parse) and is copied: the caller's may be read into again. Sessions whose
    /// peer is told nothing new by it stay; routes are gone through some at a time, so that `deadline` is in the past until that
    /// is done.
    pub fn configure(&mut self, now: Instant, config: &Config<P, S, R, U, T>) {
        self.begin(now);
        self.inner.configure(config);
        self.inner.decide_services();
        self.inner.go_on_waiting();
    }

    /// Takes a fact. Never fails, whatever it says; one about a name that is dead is counted and ignored. `poll` to the end
    /// after it.
    ///
    /// A `now` before an earlier one counts as that. With debug assertions, a call before the last one was drained panics:
    /// that is the caller's fault, not the network's.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.begin(now);
        self.dispatch(input);
        self.inner.decide_services();
        self.inner.go_on_waiting();
    }

    /// One call, then `poll` to the end (law 1); time never runs backwards.
    fn begin(&mut self, now: Instant) {
        debug_assert!(self.inner.started != Instant::ZERO, "call `start` before anything else");
        debug_assert!(self.inner.drained, "poll to None after each call");
        self.inner.drained = false;
        self.inner.now = self.inner.now.max(now);
        if self.inner.orders_at <= self.inner.now {
            (self.inner.orders_left, self.inner.orders_at) = (ORDERS_AT_ONCE, self.inner.now + ORDERS_SPAN);
        }
    }

    /// The configuration in force.
    pub const fn config(&self) -> &Config<P, S, R, U, T> {
        &self.inner.config
    }
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Default
    for Engine<P, S, R, U, T>
{
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_has_the_size_it_may_have() {
        let (four, two) = (size_of::<Engine<4, 8>>(), size_of::<Engine<2, 4>>());
        std::println!("Engine<4, 8> {four}, Engine<2, 4> {two}");
        std::println!(
            "peer {}, routes {}, inbound {}, adj_out {}, service {}, links {}, hosts {}, records {}",
            size_of::<Peer>(),
            size_of::<Routes<32>>(),
            size_of::<inbound::Inbound<2, 32>>(),
            size_of::<AdjOut<2, 32, 4>>(),
            size_of::<ServiceState>(),
            size_of::<[[Link; LINKS_PER_PEER]; 2]>(),
            size_of::<Table<HostAddress, 4, HOSTS_PER_SERVICE>>(),
            size_of::<Record>(),
        );
        assert!(four <= 56 << 10);
        assert!(two <= 29 << 10);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "call `start` before anything else")]
    fn a_fact_before_the_start_is_the_callers_fault_and_says_so() {
        let mut engine = std::boxed::Box::new(Engine::<1, 1>::new());
        engine.handle(Instant::from_micros(1), Input::Tick);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "poll to None after each call")]
    fn law_1_a_call_before_the_last_one_was_drained_is_the_callers_fault() {
        let mut engine = std::boxed::Box::new(Engine::<1, 1>::new());
        engine.start(Instant::ZERO, 1);
        engine.handle(Instant::ZERO, Input::Tick);
        engine.handle(Instant::ZERO, Input::Tick);
    }

    #[test]
    fn law_1_a_drained_call_may_be_followed_by_another() {
        let mut engine = std::boxed::Box::new(Engine::<1, 1>::new());
        engine.start(Instant::ZERO, 1);
        for _ in 0..3 {
            engine.handle(Instant::ZERO, Input::Tick);
            while engine.poll().is_some() {}
        }
        assert_eq!(engine.summary().stale_inputs, 0);
    }

    #[test]
    fn a_clock_may_begin_at_zero() {
        let mut config = std::boxed::Box::new(Config::<1, 1>::new());
        let text = "router bgp 65000\n bgp router-id 192.0.2.1\n neighbor 192.0.2.2 remote-as 65001\n";
        assert!(crate::config::parse(text, &crate::config::Platform::ALL, &mut config, &mut |_| {}).is_ok());
        let mut engine = std::boxed::Box::new(Engine::<1, 1>::new());
        engine.start(Instant::ZERO, 1);
        engine.configure(Instant::ZERO, &config);
        while engine.poll().is_some() {}
        let told = Input::Resync { what: HostTable::Addresses, phase: Phase::End };
        let mut dialed = false;
        for fact in [told, Input::Tick] {
            engine.handle(Instant::ZERO, fact);
            while let Some(order) = engine.poll() {
                dialed |= matches!(order, Output::Connect { .. });
            }
        }
        assert!(dialed);
    }
}
