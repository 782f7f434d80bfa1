//! The world: one clock, one queue of events, hosts, segments and connections.
//!
//! Same seed, same script: the same events in the same order. Nothing here reads a clock or sleeps.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::IpAddr;

use holdover_core::base::net::{InterfaceAddress, Prefix};
use holdover_core::base::time::Instant;
use holdover_core::engine::{ConnId, IoError, LinkId};

use super::dice::Dice;
use super::fact::Fact;
use super::host::{Host, KernelJob};
use super::net::{Nic, Path, Segment};
use super::speaker::Speaker;
use super::tcp::Tcp;
use super::trace::Trace;

/// A millisecond, in the simulator's unit.
pub const MS: u64 = 1_000;
/// A second, in the simulator's unit.
pub const SECOND: u64 = 1_000 * MS;

/// How hosts and wires behave, drawn once per world.
#[derive(Clone, Copy, Debug)]
pub struct Nature {
    /// Added to every packet's delay, at random up to this many microseconds.
    pub jitter: u64,
    /// How many in a hundred datagrams are lost.
    pub datagram_loss: usize,
    /// The kernel's buffer for sending, in octets.
    pub send_room: usize,
    /// The kernel's buffer for receiving: the window, in octets.
    pub receive_room: usize,
    /// How often in a hundred a write takes only a part.
    pub partial_writes: u64,
    /// How long the kernel needs for an address or a route, in microseconds, at most.
    pub kernel_delay: u64,
    /// How long a netlink message takes, in microseconds, at most.
    pub netlink_delay: u64,
    /// The longest turn of a daemon, in microseconds.
    pub turn: u64,
    /// Whether the host's tables are told before the configuration.
    pub tables_first: bool,
    /// Whether the news of an own change come before its answer.
    pub echo_first: bool,
    /// By how many microseconds, at most, news and answers overtake each other: they come by two sockets. Zero: never.
    pub overtaking: u64,
}

impl Nature {
    /// A fast and regular world.
    pub const CALM: Self = Self {
        jitter: 0,
        datagram_loss: 0,
        send_room: 16_384,
        receive_room: 16_384,
        partial_writes: 0,
        kernel_delay: 50,
        netlink_delay: 20,
        turn: 10,
        tables_first: false,
        echo_first: true,
        overtaking: 0,
    };

    /// Anything that a real world may be.
    pub fn drawn(dice: &mut Dice) -> Self {
        Self {
            jitter: dice.pick(&[0, 50, 5 * MS]),
            datagram_loss: 0,
            send_room: dice.pick(&[19, 64, 4_096, 16_384]),
            receive_room: dice.pick(&[23, 512, 4_096, 65_536]),
            partial_writes: dice.pick(&[0, 20, 90]),
            kernel_delay: dice.pick(&[1, 500, 20 * MS]),
            netlink_delay: dice.pick(&[1, 200, 2 * MS]),
            turn: dice.pick(&[1, 50, MS]),
            tables_first: dice.chance(50),
            echo_first: dice.chance(50),
            overtaking: 0,
        }
    }
}

/// What can happen at a point in time.
pub enum Event {
    Syn {
        tcp: usize,
    },
    SynAck {
        tcp: usize,
    },
    Ack {
        tcp: usize,
    },
    ConnectFails {
        tcp: usize,
        why: IoError,
    },
    Arrive {
        tcp: usize,
        side: usize,
    },
    Acked {
        tcp: usize,
        side: usize,
        len: usize,
    },
    Reset {
        tcp: usize,
        side: usize,
    },
    /// A fact becomes ready for the daemon of that run.
    Ready {
        host: usize,
        run: u32,
        fact: Fact,
    },
    /// A netlink message becomes ready for the daemon of that run: news and answers in the kernel's order.
    Netlink {
        host: usize,
        run: u32,
        fact: Fact,
    },
    /// An answer to an order becomes ready for the daemon of that run, by a socket of its own.
    Reply {
        host: usize,
        run: u32,
        fact: Fact,
    },
    /// The kernel does what it was asked.
    Kernel {
        host: usize,
        boot: u32,
        run: u32,
        job: KernelJob,
    },
    /// A BFD packet arrives.
    Datagram {
        host: usize,
        fact: Fact,
    },
    /// A probe ends.
    Probe {
        host: usize,
        run: u32,
        probe: holdover_core::engine::ProbeId,
    },
    /// A test's own step.
    Script(Box<dyn FnOnce(&mut World)>),
}

/// Everything there is.
pub struct World {
    pub now: u64,
    pub seed: u64,
    pub dice: Dice,
    pub nature: Nature,
    pub hosts: Vec<Host>,
    pub segments: Vec<Segment>,
    pub tcps: Vec<Tcp>,
    pub trace: Trace,
    pub(super) next_port: u16,
    queue: BinaryHeap<Reverse<Queued>>,
    sequence: u64,
}

impl Drop for World {
    /// When a test fails, what led to it is printed, if it was asked for.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.trace.print_tail();
        }
    }
}

struct Queued {
    at: u64,
    sequence: u64,
    event: Event,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.sequence == other.sequence
    }
}

impl Eq for Queued {}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl World {
    /// A calm world.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, Nature::CALM)
    }

    /// A world of that nature.
    pub fn with(seed: u64, nature: Nature) -> Self {
        Self {
            now: SECOND,
            seed,
            dice: Dice::new(seed),
            nature,
            hosts: vec![],
            segments: vec![],
            tcps: vec![],
            trace: Trace::from_environment(),
            next_port: 40_000,
            queue: BinaryHeap::new(),
            sequence: 0,
        }
    }

    /// Now, as engines are told.
    pub const fn instant(&self) -> Instant {
        Instant::from_micros(self.now)
    }

    /// A new broadcast domain.
    pub fn segment(&mut self, delay: u64) -> usize {
        self.segments.push(Segment { delay, joined: vec![] });
        self.segments.len() - 1
    }

    /// Puts a router between two segments.
    pub fn join(&mut self, one: usize, other: usize) {
        self.segments[one].joined.push(other);
        self.segments[other].joined.push(one);
    }

    /// A new host with `lo` (link 1) and no daemon.
    pub fn host(&mut self, name: &str) -> usize {
        self.hosts.push(Host::new(name));
        self.hosts.len() - 1
    }

    /// Gives a host a link (`eth0` is link 2, and so on) on `segment`, with these addresses.
    pub fn plug(&mut self, host: usize, segment: usize, addresses: &[&str]) -> LinkId {
        let nics = &mut self.hosts[host].nics;
        let id = LinkId(u32::try_from(nics.len() + 1).unwrap());
        let name = format!("eth{}", nics.len() - 1);
        nics.push(Nic { id, name, segment: Some(segment), up: true, deaf: false, mute: false });
        for text in addresses {
            self.add_address(host, id, text);
        }
        id
    }

    /// A foreign hand adds an address.
    pub fn add_address(&mut self, host: usize, link: LinkId, text: &str) {
        let (_, fact) = self.kernel_add(host, link, interface_address(text), false);
        if let Some(fact) = fact {
            self.tell(host, fact);
        }
    }

    /// A foreign hand removes an address wherever it is; false when it was not there.
    pub fn remove_address(&mut self, host: usize, address: &str) -> bool {
        let address: IpAddr = address.parse().unwrap();
        let found = self.hosts[host].addresses.iter().find(|held| held.address.address == address).copied();
        let Some(held) = found else { return false };
        if let (_, Some(fact)) = self.kernel_remove(host, held.link, held.address) {
            self.tell(host, fact);
        }
        true
    }

    /// Runs `event` after `delay`.
    pub fn after(&mut self, delay: u64, event: Event) {
        self.sequence += 1;
        let queued = Queued { at: self.now + delay, sequence: self.sequence, event };
        self.queue.push(Reverse(queued));
    }

    /// Runs a step of a test after `delay`.
    pub fn script(&mut self, delay: u64, step: impl FnOnce(&mut Self) + 'static) {
        self.after(delay, Event::Script(Box::new(step)));
    }

    /// One event or one turn of one daemon, unless the next one is later than `until`.
    fn step(&mut self, until: u64) -> bool {
        let event_at = self.queue.peek().map_or(u64::MAX, |Reverse(queued)| queued.at);
        let (turn_at, host) =
            (0..self.hosts.len()).map(|host| (self.wakes_at(host), host)).min().unwrap_or((u64::MAX, 0));
        if event_at.min(turn_at) > until {
            return false;
        }
        if event_at <= turn_at {
            let Reverse(queued) = self.queue.pop().unwrap();
            self.now = self.now.max(queued.at);
            self.happen(queued.event);
        } else {
            self.now = self.now.max(turn_at);
            self.turn(host);
        }
        true
    }

    // table: one arm for each event
    fn happen(&mut self, event: Event) {
        match event {
            Event::Syn { tcp } => self.on_syn(tcp),
            Event::SynAck { tcp } => self.on_syn_ack(tcp),
            Event::Ack { tcp } => self.on_ack(tcp),
            Event::ConnectFails { tcp, why } => self.on_connect_fails(tcp, why),
            Event::Arrive { tcp, side } => self.on_arrive(tcp, side),
            Event::Acked { tcp, side, len } => self.on_acked(tcp, side, len),
            Event::Reset { tcp, side } => self.on_reset(tcp, side),
            Event::Ready { host, run, fact } => {
                if self.hosts[host].runs(run) {
                    self.hosts[host].ready.push_back(fact);
                }
            }
            Event::Netlink { host, run, fact } => {
                if self.hosts[host].runs(run) {
                    self.hosts[host].news.flying -= 1;
                    self.hosts[host].netlink.push_back(fact);
                }
            }
            Event::Reply { host, run, fact } => {
                if self.hosts[host].runs(run) {
                    self.hosts[host].news.flying -= 1;
                    self.hosts[host].replies.push_back(fact);
                }
            }
            Event::Kernel { host, boot, run, job } => {
                if self.hosts[host].powered && self.hosts[host].boot == boot {
                    self.on_kernel(host, run, job);
                }
            }
            Event::Datagram { host, fact } => self.on_datagram(host, fact),
            Event::Probe { host, run, probe } => self.on_probe(host, run, probe),
            Event::Script(step) => step(self),
        }
    }

    /// Lets `span` microseconds pass.
    pub fn run(&mut self, span: u64) {
        let end = self.now + span;
        while self.step(end) {}
        self.now = end;
    }

    /// Lets time pass until `condition` holds, at most `span`; true when it holds.
    pub fn run_until(&mut self, span: u64, mut condition: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + span;
        loop {
            if condition(self) {
                return true;
            }
            if !self.step(end) {
                self.now = end;
                return condition(self);
            }
        }
    }

    /// Lets time pass until `condition` holds; panics when it does not within `span`.
    #[track_caller]
    pub fn expect(&mut self, what: &str, span: u64, condition: impl FnMut(&Self) -> bool) {
        let start = self.now;
        let holds = self.run_until(span, condition);
        assert!(holds, "seed {}: not within {} ms: {what}", self.seed, (self.now - start) / MS);
    }

    /// Lets time pass and asserts that `condition` never holds in it.
    #[track_caller]
    pub fn never(&mut self, what: &str, span: u64, condition: impl FnMut(&Self) -> bool) {
        let start = self.now;
        let holds = self.run_until(span, condition);
        assert!(!holds, "seed {}: after {} ms: {what}", self.seed, (self.now - start) / MS);
    }

    /// Installs a daemon on a host and starts it.
    pub fn boot(&mut self, host: usize, speaker: Box<dyn Speaker>, config: &str) {
        self.hosts[host].speaker = Some(speaker);
        config.clone_into(&mut self.hosts[host].config);
        self.start_daemon(host);
    }

    /// Whom a packet to `address`, sent by `from` by its installed routes, reaches in the end.
    pub fn reached(&self, from: usize, address: IpAddr) -> Option<usize> {
        let routes = &self.hosts[from].installed;
        let best =
            routes.iter().filter(|(prefix, _)| prefix.contains(address)).max_by_key(|(p, _)| p.length());
        let (_, installed) = best?;
        let hop = installed.next_hops.first()?;
        let Path::To { host, .. } = self.path(from, hop.link, hop.address) else { return None };
        let held = self.hosts[host].addresses.iter().any(|held| held.address.address == address);
        (held && self.hosts[host].powered).then_some(host)
    }

    /// The connection end that `host` knows as `conn`.
    pub fn end_of(&self, host: usize, conn: ConnId) -> Option<(usize, usize)> {
        self.hosts[host].conns.get(&conn).copied()
    }
}

/// `192.0.2.1/24` as an interface holds it.
pub fn interface_address(text: &str) -> InterfaceAddress {
    let (address, length) = text.split_once('/').unwrap_or((text, ""));
    let address: IpAddr = address.parse().unwrap();
    let whole = if address.is_ipv4() { 32 } else { 128 };
    InterfaceAddress { address, length: length.parse().unwrap_or(whole) }
}

/// `192.0.2.0/24` as a prefix.
pub fn prefix(text: &str) -> Prefix {
    interface_address(text).subnet()
}

/// An address.
pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
