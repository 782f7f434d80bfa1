//! A host: its kernel's tables, its daemon, and the turns of the daemon's loop (ARCHITECTURE.md, law 4).

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use holdover_core::base::net::{InterfaceAddress, Prefix};
use holdover_core::base::time::{Duration, Instant};
use holdover_core::engine::{
    AddressId, BfdId, Bound, Command, CommandId, CommandResult, ConnId, HostTable, IoError, LinkId,
    ListenerId, NextHop, Past, Phase, ProbeFailure, ProbeId, Record, RouteId, SocketId, Verdict,
};

use super::datagram::Socket;
use super::fact::Fact;
use super::ledger::Ledger;
use super::net::{Held, Nic};
use super::speaker::Speaker;
use super::tap::Tap;
use super::tcp::User;
use super::world::{Event, SECOND, World};

/// After so long without news, what the engine says to its peers is what the kernel has.
const QUIET: u64 = SECOND / 2;

/// The longest pause before a route that was refused, or lost too often, is ordered again.
const LONGEST_PAUSE: u64 = 60 * SECOND;

/// A route that a daemon installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    pub route: RouteId,
    pub next_hops: Vec<NextHop>,
}

/// Who needs which key; `None`: none.
pub type Keys = Vec<(Prefix, Option<Vec<u8>>)>;

/// A listening socket.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The engine's name for it; none: a script listens.
    pub id: Option<ListenerId>,
    pub address: IpAddr,
    pub port: u16,
    pub keys: Keys,
}

/// The kinds of order that a kernel can refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Bind,
    Unbind,
    Install,
    Remove,
    Listen,
    Connect,
    Open,
}

impl Asked {
    pub const ALL: [Self; 7] =
        [Self::Bind, Self::Unbind, Self::Install, Self::Remove, Self::Listen, Self::Connect, Self::Open];
}

/// What is on its way from the kernel to the daemon that runs.
#[derive(Clone, Copy, Debug, Default)]
pub struct News {
    /// How many pieces of news, answers and unfinished orders there are.
    pub flying: u32,
    /// When the last piece of news, and the last answer, arrives.
    pub last: [u64; 2],
    /// When the daemon last read one.
    pub read_at: u64,
}

/// What a kernel is asked to do.
#[derive(Clone, Debug)]
pub enum KernelJob {
    Listen { listener: ListenerId },
    Bind { id: AddressId, link: LinkId, address: InterfaceAddress },
    Unbind { id: AddressId, link: LinkId, address: InterfaceAddress },
    Install { route: RouteId, prefix: Prefix, next_hops: Vec<NextHop> },
    Remove { route: RouteId, prefix: Prefix },
}

impl KernelJob {
    /// What kind of order it is.
    pub const fn asked(&self) -> Asked {
        match self {
            Self::Listen { .. } => Asked::Listen,
            Self::Bind { .. } => Asked::Bind,
            Self::Unbind { .. } => Asked::Unbind,
            Self::Install { .. } => Asked::Install,
            Self::Remove { .. } => Asked::Remove,
        }
    }
}

/// A probe or watch that runs.
#[derive(Clone, Debug)]
pub struct Probing {
    pub target: String,
    pub started: u64,
    pub watch: bool,
}

/// A host.
pub struct Host {
    pub name: String,
    pub powered: bool,
    /// Which boot of its kernel this is.
    pub boot: u32,
    /// Whether a daemon runs, and the number of its run.
    pub running: bool,
    pub run: u32,
    /// Stopped by a signal, to be continued.
    pub paused: bool,
    pub speaker: Option<Box<dyn Speaker>>,
    pub config: String,
    pub pending_config: Option<String>,
    pub nics: Vec<Nic>,
    pub addresses: Vec<Held>,
    pub has_gateway: bool,
    pub kernel_routes: Vec<Prefix>,
    pub installed: BTreeMap<Prefix, Installed>,
    pub listeners: Vec<Listener>,
    /// Keys of listeners that are not open yet.
    pub listen_keys: BTreeMap<ListenerId, Keys>,
    pub ready: VecDeque<Fact>,
    pub netlink: VecDeque<Fact>,
    /// Answers to orders, where they come by a socket of their own.
    pub replies: VecDeque<Fact>,
    pub news: News,
    pub accepts: VecDeque<(SocketId, usize)>,
    pub sockets: BTreeMap<SocketId, usize>,
    pub conns: BTreeMap<ConnId, (usize, usize)>,
    /// Connections that a scripted listener has accepted, oldest first.
    pub scripted: VecDeque<usize>,
    pub datagram_sockets: BTreeMap<BfdId, Socket>,
    /// BFD packets that wait to be read.
    pub datagrams: VecDeque<Fact>,
    /// An error that the kernel answers `OpenDatagram` with.
    pub datagram_error: Option<IoError>,
    pub probes: BTreeMap<ProbeId, Probing>,
    /// What checks of a target find; a target that is not here is well. `None`: they hang.
    pub health: BTreeMap<String, Option<Verdict>>,
    pub answers: BTreeMap<CommandId, CommandResult>,
    /// What is kept of services, by name: on a disk, so no crash and no loss of power takes it.
    pub kept: BTreeMap<String, Past>,
    /// Errors that the kernel answers a `Bind` with, instead of doing it.
    pub bind_error: Option<IoError>,
    /// What else it refuses, and how often in a hundred.
    pub refusals: Vec<(Asked, IoError, u64)>,
    /// Whether its links are told from the last to the first.
    pub links_backwards: bool,
    /// Whether every route that it announces stands on an address of its own.
    pub judged: bool,
    /// When its daemon last heard that a route was taken away, or an order about one refused.
    pub routes_changed: u64,
    /// When its daemon was started.
    pub started: u64,
    /// When the last change of its own addresses was.
    pub addresses_changed: u64,
    /// What the kernel answers an `InstallRoute` or `RemoveRoute` with, instead of doing it.
    pub route_error: Option<IoError>,
    /// Next hops that the kernel has no way to.
    pub no_way_to: Vec<IpAddr>,
    pub records: Vec<(u64, Record)>,
    pub ledger: Ledger,
    pub tap: Tap,
    pub busy_until: u64,
    pub deadline: u64,
    next_socket: u32,
    next_command: u32,
    stop_command: Option<CommandId>,
    idle_turns: u32,
}

/// Whether an IPv6 address is link-local.
pub fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

impl Host {
    /// A host with a loopback interface and nothing on it.
    pub fn new(name: &str) -> Self {
        let lo =
            Nic { id: LinkId(1), name: "lo".to_owned(), segment: None, up: true, deaf: false, mute: false };
        Self {
            name: name.to_owned(),
            powered: true,
            boot: 0,
            running: false,
            run: 0,
            paused: false,
            speaker: None,
            config: String::new(),
            pending_config: None,
            nics: vec![lo],
            addresses: vec![],
            has_gateway: false,
            kernel_routes: vec![],
            installed: BTreeMap::new(),
            listeners: vec![],
            listen_keys: BTreeMap::new(),
            ready: VecDeque::new(),
            netlink: VecDeque::new(),
            replies: VecDeque::new(),
            news: News::default(),
            accepts: VecDeque::new(),
            sockets: BTreeMap::new(),
            conns: BTreeMap::new(),
            scripted: VecDeque::new(),
            datagram_sockets: BTreeMap::new(),
            datagrams: VecDeque::new(),
            datagram_error: None,
            probes: BTreeMap::new(),
            health: BTreeMap::new(),
            answers: BTreeMap::new(),
            kept: BTreeMap::new(),
            bind_error: None,
            refusals: vec![],
            judged: false,
            routes_changed: 0,
            started: 0,
            links_backwards: false,
            addresses_changed: 0,
            route_error: None,
            no_way_to: vec![],
            records: vec![],
            ledger: Ledger::default(),
            tap: Tap::default(),
            busy_until: 0,
            deadline: u64::MAX,
            next_socket: 0,
            next_command: 0,
            stop_command: None,
            idle_turns: 0,
        }
    }

    /// Whether the daemon of that run is alive.
    pub const fn runs(&self, run: u32) -> bool {
        self.powered && self.running && self.run == run
    }

    /// The engine; panics between turns of a host that has none.
    pub fn engine(&self) -> &dyn Speaker {
        self.speaker.as_deref().expect("no daemon on this host")
    }

    /// The key that a listener on `port` asks `remote` for; none when nobody listens.
    #[expect(clippy::option_option, reason = "listening without a key is not the same as not listening")]
    pub fn listens_for(&self, address: IpAddr, port: u16, remote: IpAddr) -> Option<Option<Vec<u8>>> {
        let listener = self.listeners.iter().find(|listener| {
            listener.port == port
                && listener.address.is_ipv4() == address.is_ipv4()
                && (listener.address.is_unspecified() || listener.address == address)
        })?;
        let matching = listener.keys.iter().filter(|(prefix, _)| prefix.contains(remote));
        Some(matching.max_by_key(|(prefix, _)| prefix.length()).and_then(|(_, key)| key.clone()))
    }

    /// What the kernel's routes have that was not chosen, or lack, in words.
    pub fn unlike_chosen(&self) -> Option<String> {
        let engine = self.speaker.as_ref()?;
        let mut chosen = BTreeMap::new();
        let mut from = 0;
        while let Some((at, kept)) = engine.steered(from) {
            if !kept.next_hop.is_unspecified() {
                chosen.insert(kept.prefix, kept.next_hop);
            }
            from = at + 1;
        }
        let first = |installed: &Installed| installed.next_hops.first().map(|hop| hop.address);
        let kernel = self.installed.iter();
        let kernel: BTreeMap<_, _> =
            kernel.filter_map(|(&prefix, one)| Some((prefix, first(one)?))).collect();
        (kernel != chosen).then(|| format!("the kernel has {kernel:?}, chosen is {chosen:?}"))
    }

    /// Whether its daemon was told to stop and has not come to its end.
    pub const fn is_stopping(&self) -> bool {
        self.running && self.stop_command.is_some()
    }

    /// Whether `address` is on this host.
    pub fn holds(&self, address: &str) -> bool {
        let address: IpAddr = address.parse().unwrap();
        self.addresses.iter().any(|held| held.address.address == address)
    }

    fn address_fact(held: &Held, present: bool) -> Fact {
        Fact::Address { link: held.link, address: held.address, present, ours: held.marked }
    }

    fn link_fact(nic: &Nic, gone: bool) -> Fact {
        Fact::Link { link: nic.id, name: nic.name.clone(), up: nic.up && !gone, gone }
    }

    /// A table, told whole.
    pub fn table(&self, what: HostTable) -> Vec<Fact> {
        let mut facts = vec![Fact::Resync { what, phase: Phase::Begin }];
        match what {
            HostTable::Links => {
                facts.extend(self.nics.iter().map(|nic| Self::link_fact(nic, false)));
                if self.links_backwards {
                    facts[1..].reverse();
                }
            }
            HostTable::Addresses => {
                facts.extend(self.addresses.iter().map(|held| Self::address_fact(held, true)));
            }
            HostTable::Routes => {
                let routes = self.kernel_routes.iter();
                facts.extend(routes.map(|&prefix| Fact::KernelRoute { prefix, present: true }));
            }
        }
        facts.push(Fact::Resync { what, phase: Phase::End });
        facts
    }

    /// All tables, told whole.
    pub fn tables(&self) -> Vec<Fact> {
        [HostTable::Links, HostTable::Addresses, HostTable::Routes].map(|what| self.table(what)).concat()
    }

    fn is_ready(&self) -> bool {
        !self.ready.is_empty()
            || !self.netlink.is_empty()
            || !self.replies.is_empty()
            || !self.datagrams.is_empty()
            || !self.accepts.is_empty()
            || self.pending_config.is_some()
    }
}

impl World {
    /// When the host's daemon has its next turn.
    pub(super) fn wakes_at(&self, host: usize) -> u64 {
        let it = &self.hosts[host];
        if !it.powered || !it.running || it.paused {
            return u64::MAX;
        }
        let readable = || it.conns.values().any(|&(tcp, side)| self.tcps[tcp].ends[side].is_readable());
        let at = if it.is_ready() || readable() { self.now } else { it.deadline };
        at.max(it.busy_until).max(self.now)
    }

    /// One turn: every source that is ready is read once, then the clock.
    pub(super) fn turn(&mut self, host: usize) {
        let mut speaker = self.hosts[host].speaker.take().expect("a daemon that runs has an engine");
        let it = &mut self.hosts[host];
        let was_ready = it.is_ready();
        if let Some(config) = it.pending_config.take() {
            self.trace.add(self.now, &self.hosts[host].name, "<<", &"configure");
            self.hosts[host].ledger.excused_at = self.now;
            speaker.configure(Instant::from_micros(self.now), &config);
            self.drain(host, &mut *speaker);
        }
        let conns: Vec<ConnId> = self.hosts[host]
            .conns
            .iter()
            .filter(|&(_, &(tcp, side))| self.tcps[tcp].ends[side].is_readable())
            .map(|(&conn, _)| conn)
            .collect();
        let it = &mut self.hosts[host];
        let ready = it.ready.len();
        let accepts: Vec<_> = it.accepts.drain(..).collect();
        self.read_netlink(host, &mut *speaker);
        for _ in 0..ready {
            let Some(fact) = self.hosts[host].ready.pop_front() else { break };
            self.feed(host, &mut *speaker, &fact);
        }
        for _ in 0..self.hosts[host].datagrams.len().min(64) {
            let Some(fact) = self.hosts[host].datagrams.pop_front() else { break };
            self.feed(host, &mut *speaker, &fact);
        }
        for (socket, tcp) in accepts {
            let fact = self.accepted_fact(host, socket, tcp);
            self.feed(host, &mut *speaker, &fact);
        }
        for &conn in &conns {
            if let Some(fact) = self.readable_fact(host, conn) {
                self.feed(host, &mut *speaker, &fact);
            }
        }
        self.feed(host, &mut *speaker, &Fact::Tick);
        let was_ready = was_ready || !conns.is_empty();
        self.end_turn(host, speaker, was_ready);
    }

    /// Reads news and answers, in the order of each, in any interleaving.
    fn read_netlink(&mut self, host: usize, speaker: &mut dyn Speaker) {
        let it = &self.hosts[host];
        let (mut news, mut replies) = (it.netlink.len().min(64), it.replies.len());
        if news + replies > 0 {
            self.hosts[host].news.read_at = self.now;
        }
        while news + replies > 0 {
            let reply = news == 0 || (replies > 0 && self.dice.chance(50));
            let it = &mut self.hosts[host];
            let left = if reply { &mut replies } else { &mut news };
            *left -= 1;
            let queue = if reply { &mut it.replies } else { &mut it.netlink };
            let Some(fact) = queue.pop_front() else { break };
            self.feed(host, speaker, &fact);
        }
    }

    fn end_turn(&mut self, host: usize, speaker: Box<dyn Speaker>, was_ready: bool) {
        let cost = self.dice.range(1, self.nature.turn);
        let it = &mut self.hosts[host];
        it.deadline = speaker.deadline().as_micros();
        it.busy_until = self.now + cost;
        it.idle_turns = if was_ready || it.deadline > self.now { 0 } else { it.idle_turns + 1 };
        assert!(it.idle_turns < 1_000, "{}: a thousand turns in a row with nothing new", it.name);
        it.speaker = Some(speaker);
        self.check_quiet(host);
        let it = &mut self.hosts[host];
        if let Some(id) = it.stop_command
            && it.answers.contains_key(&id)
        {
            it.ledger.at_exit(&it.name);
            self.end_daemon(host);
        }
    }

    /// What must hold whenever nothing is on its way between kernel and daemon: what is announced is here, and the kernel has
    /// the routes that were chosen.
    fn check_quiet(&self, host: usize) {
        let it = &self.hosts[host];
        let quiet = it.news.flying == 0
            && it.netlink.is_empty()
            && it.replies.is_empty()
            && it.news.read_at.max(it.addresses_changed) + QUIET < self.now;
        if !quiet || !it.judged {
            return;
        }
        for prefix in it.ledger.free_to_speak(&it.tap).flat_map(|stream| stream.told.keys()) {
            let here = it.addresses.iter().any(|held| prefix.contains(held.address.address));
            assert!(here, "{}: {prefix} is announced and not here", it.name);
        }
        // Pauses double, so none is longer than what went before it.
        let pause = (it.routes_changed.saturating_sub(it.started) + SECOND).min(LONGEST_PAUSE);
        if it.ledger.routes_are_done() && it.routes_changed + pause + QUIET < self.now {
            let unlike = it.unlike_chosen();
            assert!(unlike.is_none(), "{}: {}", it.name, unlike.unwrap_or_default());
        }
    }

    /// Gives a fact to an engine and obeys its orders.
    pub(super) fn feed(&mut self, host: usize, speaker: &mut dyn Speaker, fact: &Fact) {
        self.trace.add(self.now, &self.hosts[host].name, "<-", fact);
        if matches!(fact, Fact::RouteLost { .. } | Fact::RouteDone { result: Err(_), .. }) {
            self.hosts[host].routes_changed = self.now;
        }
        self.hosts[host].ledger.input(self.now, fact);
        speaker.handle(Instant::from_micros(self.now), fact.input());
        self.drain(host, speaker);
    }

    fn drain(&mut self, host: usize, speaker: &mut dyn Speaker) {
        let mut orders = 0;
        while let Some(output) = speaker.poll() {
            self.trace.add(self.now, &self.hosts[host].name, "->", &output);
            self.execute(host, output);
            orders += 1;
            assert!(orders < 5_000, "{}: a drain without end", self.hosts[host].name);
        }
        assert!(speaker.poll().is_none(), "poll gave None and then something");
        self.hosts[host].ledger.drained();
    }

    fn accepted_fact(&self, host: usize, socket: SocketId, tcp: usize) -> Fact {
        let [near, far] = &self.tcps[tcp].ends;
        let listener = self.hosts[host].listeners.iter().find(|listener| {
            listener.port == far.port && listener.address.is_ipv4() == far.address.is_ipv4()
        });
        let listener = listener.and_then(|listener| listener.id).unwrap_or_default();
        let (local, mut remote) = (far.endpoint(), near.endpoint());
        remote.link = local.link;
        Fact::Accepted { socket, listener, local, remote }
    }

    /// The one read of a connection in a turn.
    fn readable_fact(&mut self, host: usize, conn: ConnId) -> Option<Fact> {
        let (tcp, side) = self.end_of(host, conn)?;
        let bytes = self.read(tcp, side, 4_096);
        let end = &self.tcps[tcp].ends[side];
        if !bytes.is_empty() && !end.discards {
            self.hosts[host].tap.heard(conn, &bytes);
            return Some(Fact::Received { conn, bytes });
        }
        let why = if end.reset_in {
            IoError::Reset
        } else if end.fin_in && end.inbox.is_empty() {
            IoError::None
        } else {
            return None;
        };
        self.hosts[host].conns.remove(&conn);
        self.hosts[host].tap.closed(conn);
        self.close(tcp, side);
        Some(Fact::Closed { conn, why })
    }

    /// A connection waits to be accepted by whoever listens.
    pub(super) fn accepted(&mut self, tcp: usize) {
        let far = &mut self.tcps[tcp].ends[1];
        let host = &mut self.hosts[far.host];
        let engine = host.listeners.iter().any(|listener| {
            listener.id.is_some()
                && listener.port == far.port
                && listener.address.is_ipv4() == far.address.is_ipv4()
        });
        if engine {
            host.next_socket += 1;
            let socket = SocketId(host.next_socket);
            far.user = User::Waiting(socket);
            host.sockets.insert(socket, tcp);
            host.accepts.push_back((socket, tcp));
        } else {
            far.user = User::Script;
            host.scripted.push_back(tcp);
        }
    }

    /// Starts a fresh daemon with the host's configuration.
    pub fn start_daemon(&mut self, host: usize) {
        let it = &mut self.hosts[host];
        assert!(it.powered && !it.running, "{} cannot start a daemon", it.name);
        it.run += 1;
        // What an earlier run left in the main table is removed first.
        it.installed.clear();
        (it.started, it.routes_changed) = (self.now, self.now);
        (it.running, it.paused, it.stop_command) = (true, false, None);
        it.ready.clear();
        it.netlink.clear();
        it.replies.clear();
        it.news = News::default();
        it.accepts.clear();
        it.probes.clear();
        it.datagram_sockets.clear();
        it.datagrams.clear();
        (it.ledger, it.tap) = (Ledger::default(), Tap::default());
        let mut speaker = it.speaker.take().expect("no daemon is installed").fresh();
        let config = it.config.clone();
        let seed = self.dice.next();
        speaker.start(Instant::from_micros(self.now), seed);
        let tables = self.hosts[host].tables();
        if self.nature.tables_first {
            for fact in &tables {
                self.feed(host, &mut *speaker, fact);
            }
        } else {
            self.hosts[host].netlink.extend(tables);
        }
        speaker.configure(Instant::from_micros(self.now), &config);
        self.drain(host, &mut *speaker);
        for (name, past) in self.hosts[host].kept.clone() {
            self.feed(host, &mut *speaker, &Fact::Kept { name, past });
        }
        let it = &mut self.hosts[host];
        it.deadline = speaker.deadline().as_micros();
        it.speaker = Some(speaker);
    }

    /// The daemon's process ends, in whatever way: its kernel closes what it had open.
    pub fn end_daemon(&mut self, host: usize) {
        let it = &mut self.hosts[host];
        it.running = false;
        it.datagram_sockets.clear();
        it.datagrams.clear();
        it.listeners.retain(|listener| listener.id.is_none());
        let mut open: Vec<(usize, usize)> = std::mem::take(&mut it.conns).into_values().collect();
        open.extend(std::mem::take(&mut it.sockets).into_values().map(|tcp| (tcp, 1)));
        for (tcp, side) in open {
            self.close(tcp, side);
        }
    }

    /// The machine loses its power.
    pub fn power_off(&mut self, host: usize) {
        let it = &mut self.hosts[host];
        (it.powered, it.running) = (false, false);
        it.conns.clear();
        it.sockets.clear();
        it.datagram_sockets.clear();
        it.datagrams.clear();
        it.listeners.clear();
        it.scripted.clear();
        it.installed.clear();
        it.addresses.retain(|held| !held.marked);
    }

    /// The machine boots; its daemon is not started by that.
    pub fn power_on(&mut self, host: usize) {
        let it = &mut self.hosts[host];
        assert!(!it.powered);
        it.boot += 1;
        it.powered = true;
    }

    /// Gives the daemon a new configuration.
    pub fn reload(&mut self, host: usize, config: &str) {
        let it = &mut self.hosts[host];
        config.clone_into(&mut it.config);
        it.pending_config = Some(config.to_owned());
    }

    /// Gives the daemon a command.
    pub fn command(&mut self, host: usize, command: Command) -> CommandId {
        let it = &mut self.hosts[host];
        it.next_command += 1;
        let id = CommandId(it.next_command);
        if command == Command::Stop && it.stop_command.is_none() {
            it.stop_command = Some(id);
        }
        it.ready.push_back(Fact::Command { id, command });
        id
    }

    /// A link's carrier comes or goes.
    pub fn set_link(&mut self, host: usize, link: LinkId, up: bool) {
        let nic = self.hosts[host].nics.iter_mut().find(|nic| nic.id == link).unwrap();
        if nic.up != up {
            nic.up = up;
            let fact = Host::link_fact(nic, false);
            self.tell(host, fact);
        }
    }

    /// Netlink tells of a link that was plugged in after the daemon had started.
    pub fn tell_link(&mut self, host: usize, link: LinkId) {
        let nic = self.hosts[host].nics.iter().find(|nic| nic.id == link).unwrap();
        let fact = Host::link_fact(nic, false);
        self.tell(host, fact);
    }

    /// Cuts a host's links silently, or mends them.
    pub fn cut(&mut self, host: usize, cut: bool) {
        for nic in &mut self.hosts[host].nics {
            (nic.deaf, nic.mute) = (cut, cut);
        }
    }

    /// Netlink tells the daemon something.
    pub(super) fn tell(&mut self, host: usize, fact: Fact) {
        let it = &self.hosts[host];
        if it.powered && it.running {
            let run = it.run;
            let delay = self.netlink_delay(host, false);
            self.after(delay, Event::Netlink { host, run, fact });
        }
    }

    /// How long a piece of news, or an answer, is under way now; it counts as under way from here on.
    pub(super) fn netlink_delay(&mut self, host: usize, reply: bool) -> u64 {
        let most = self.nature.overtaking;
        let extra = if most == 0 { 0 } else { self.dice.range(0, most) };
        let news = &mut self.hosts[host].news;
        news.flying += 1;
        let last = &mut news.last[usize::from(reply)];
        *last = (self.now + self.nature.netlink_delay + extra).max(*last);
        *last - self.now
    }

    /// Whether the kernel refuses an order now, and why.
    pub(super) fn refusal(&mut self, host: usize, asked: Asked) -> Option<IoError> {
        let found = self.hosts[host].refusals.iter().find(|(what, ..)| *what == asked).copied();
        found.filter(|&(_, _, often)| self.dice.chance(often)).map(|(_, why, _)| why)
    }

    /// A route of somebody else's appears in the main table or goes.
    pub fn set_kernel_route(&mut self, host: usize, route: &str, present: bool) {
        let prefix = super::world::prefix(route);
        self.hosts[host].kernel_routes.retain(|&one| one != prefix);
        if present {
            self.hosts[host].kernel_routes.push(prefix);
        }
        self.tell(host, Fact::KernelRoute { prefix, present });
    }

    /// A foreign hand takes a route of the daemon's out of the main table; false when it was not there.
    pub fn take_route(&mut self, host: usize, route: &str) -> bool {
        let prefix = super::world::prefix(route);
        let Some(installed) = self.hosts[host].installed.remove(&prefix) else { return false };
        self.tell(host, Fact::RouteLost { route: installed.route });
        true
    }

    /// Netlink's buffer overran: what waited is lost, and everything is told whole.
    pub fn overrun(&mut self, host: usize) {
        let it = &mut self.hosts[host];
        // That a route is missing is seen again in the table.
        let kept = |fact: &Fact| {
            matches!(fact, Fact::AddressDone { .. } | Fact::RouteDone { .. } | Fact::RouteLost { .. })
        };
        it.netlink.retain(kept);
        for fact in it.tables() {
            self.tell(host, fact);
        }
    }

    pub(super) fn kernel_add(
        &mut self,
        host: usize,
        link: LinkId,
        address: InterfaceAddress,
        marked: bool,
    ) -> (Bound, Option<Fact>) {
        let it = &mut self.hosts[host];
        if it.addresses.iter().any(|held| held.link == link && held.address == address) {
            return (Bound::AlreadySo, None);
        }
        let held = Held { link, address, marked };
        it.addresses_changed = self.now;
        it.addresses.push(held);
        (Bound::Done, Some(Host::address_fact(&held, true)))
    }

    pub(super) fn kernel_remove(
        &mut self,
        host: usize,
        link: LinkId,
        address: InterfaceAddress,
    ) -> (Bound, Option<Fact>) {
        let it = &mut self.hosts[host];
        let same = |held: &Held| held.link == link && held.address == address;
        let Some(at) = it.addresses.iter().position(same) else { return (Bound::AlreadySo, None) };
        let held = it.addresses.remove(at);
        it.addresses_changed = self.now;
        (Bound::Done, Some(Host::address_fact(&held, false)))
    }

    /// What checks of `target` find from now on; none: they hang.
    pub fn set_health(&mut self, host: usize, target: &str, verdict: Option<Verdict>) {
        let it = &mut self.hosts[host];
        let before = it.health.insert(target.to_owned(), verdict);
        if before.unwrap_or(Some(Verdict::Pass)) == verdict {
            return;
        }
        let watches = it.probes.iter().filter(|(_, probing)| probing.watch && probing.target == target);
        let facts: Vec<Fact> =
            watches.filter_map(|(&probe, _)| Some(Fact::WatchChanged { probe, verdict: verdict? })).collect();
        it.ready.extend(facts);
    }

    pub(super) fn on_probe(&mut self, host: usize, run: u32, probe: ProbeId) {
        let now = self.now;
        let it = &mut self.hosts[host];
        if !it.runs(run) {
            return;
        }
        if let Some(probing) = it.probes.remove(&probe) {
            let verdict = it.health.get(&probing.target).copied().unwrap_or(Some(Verdict::Pass));
            let took = Duration::from_micros(now - probing.started);
            let fact = Fact::ProbeDone {
                probe,
                verdict: verdict.unwrap_or(Verdict::Fail(ProbeFailure::TimedOut)),
                took,
            };
            it.ready.push_back(fact);
        }
    }
}
