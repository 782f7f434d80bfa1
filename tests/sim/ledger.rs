//! The law of answers (ARCHITECTURE.md, laws 3 and 5), kept apart from the engine: who owes what to whom.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use holdover_core::base::net::InterfaceAddress;
use holdover_core::engine::{
    AddressId, BfdId, CloseHow, Command, CommandId, ConnId, HostTable, Input, IoError, LinkId, ListenerId,
    Output, Phase, ProbeId, Record, RouteId, Slot, SocketId,
};

use holdover_core::bgp::fsm::State;
use holdover_core::wire::bfd::{self, Packet};

use super::fact::Fact;
use super::tap::{Stream, Tap};
use super::world::{MS, SECOND};

/// How long an address may be away before its routes must be (20 ms to be put back in, and a turn).
const PUT_BACK: u64 = 45 * MS;

/// What is outstanding between an engine and its shim.
#[derive(Debug, Default)]
pub struct Ledger {
    used: BTreeSet<ConnId>,
    connecting: BTreeSet<ConnId>,
    live: BTreeSet<ConnId>,
    closing: BTreeMap<ConnId, bool>,
    sending: BTreeSet<ConnId>,
    flushing: BTreeSet<ConnId>,
    listening: BTreeSet<ListenerId>,
    /// Those that are open, or about to be.
    listeners: BTreeSet<ListenerId>,
    /// Orders to bind (true) and to unbind that are out.
    /// Names of BFD sessions that were used, those whose opening is unanswered, and those that are open.
    bfd_used: BTreeSet<BfdId>,
    bfd_asked: BTreeSet<BfdId>,
    bfd_open: BTreeSet<BfdId>,
    /// BFD packets sent: when, by whom, and what.
    pub bfd_sent: Vec<(u64, BfdId, Packet)>,
    /// With whether news of that address came after the order: from then on the news count, not the answer.
    addresses: BTreeMap<AddressId, (bool, LinkId, InterfaceAddress, bool)>,
    routes: BTreeSet<RouteId>,
    probes: BTreeSet<ProbeId>,
    commands: BTreeSet<CommandId>,
    accepted: Option<SocketId>,
    dials: Vec<(u64, ConnId)>,
    /// When each attempt at a connection began.
    pub dials_ever: Vec<u64>,
    /// The host's addresses as the engine was told, and when the last of each went.
    present: BTreeMap<(LinkId, InterfaceAddress), u64>,
    absent_since: BTreeMap<IpAddr, u64>,
    resync: Option<u64>,
    /// The error that the last fact told.
    error: Option<IoError>,
    /// By the neighbor's address: what it was like to have sessions with it.
    sessions: BTreeMap<IpAddr, Sessions>,
    bfd_up: BTreeSet<IpAddr>,
    /// Whose session is said to be up, in the turn that is under way.
    said_up: Vec<IpAddr>,
    /// Whose session ended in it.
    ended_now: Vec<IpAddr>,
    /// When something other than the neighbor last decided when to dial: a path that is down, or an operator.
    pub excused_at: u64,
    stopping: bool,
    /// Whether every route stands on an address of the host; a test switches it off for routes that do not.
    pub lax: bool,
}

/// A session that ends before it is this old was short.
const SHORT: u64 = 10 * SECOND;

/// The sessions with one neighbor, told from its connections' states.
#[derive(Clone, Copy, Debug, Default)]
struct Sessions {
    up_at: Option<u64>,
    ended_at: u64,
    /// How many in a row ended before they were [`SHORT`] old.
    shorts: u32,
}

impl Ledger {
    /// Notes a fact on its way to the engine.
    // table: one arm for each fact that answers something
    pub fn input(&mut self, now: u64, fact: &Fact) {
        self.error = match *fact {
            Fact::AddressDone { result: Err(why), .. }
            | Fact::RouteDone { result: Err(why), .. }
            | Fact::ListenDone { result: Err(why), .. }
            | Fact::DatagramDone { result: Err(why), .. } => Some(why),
            _ => None,
        };
        if matches!(fact, Fact::Link { .. } | Fact::Command { .. } | Fact::Datagram { .. }) {
            self.excused_at = now;
        }
        match *fact {
            Fact::Command { id, command } => {
                assert!(self.commands.insert(id));
                self.stopping |= command == Command::Stop;
            }
            Fact::Connected { conn, .. } => {
                assert!(self.connecting.remove(&conn), "{conn:?} was not connecting");
                self.live.insert(conn);
            }
            Fact::ConnectFailed { conn, .. } => {
                assert!(self.connecting.remove(&conn), "{conn:?} was not connecting");
            }
            Fact::Accepted { socket, .. } => self.accepted = Some(socket),
            Fact::ListenDone { listener, result } => {
                self.listening.remove(&listener);
                if result.is_err() {
                    self.listeners.remove(&listener);
                }
            }
            Fact::Sent { conn, .. } => {
                self.sending.remove(&conn);
            }
            Fact::Flushed { conn } => {
                self.flushing.remove(&conn);
            }
            Fact::Closed { conn, .. } => {
                self.live.remove(&conn);
                self.connecting.remove(&conn);
                self.closing.remove(&conn);
                self.sending.remove(&conn);
                self.flushing.remove(&conn);
            }
            Fact::DatagramDone { bfd, result } => {
                let asked = self.bfd_asked.remove(&bfd);
                self.bfd_open.extend((asked && result.is_ok()).then_some(bfd));
            }
            Fact::ProbeDone { probe, .. } => {
                self.probes.remove(&probe);
            }
            Fact::AddressDone { address, result } => {
                let order = self.addresses.remove(&address);
                if let (Some((bind, link, address, false)), Ok(_)) = (order, result) {
                    self.know(now, link, address, bind);
                }
            }
            Fact::RouteDone { route, .. } => {
                self.routes.remove(&route);
            }
            Fact::Address { link, address, present, .. } => {
                for order in self.addresses.values_mut().filter(|order| (order.1, order.2) == (link, address))
                {
                    order.3 |= order.0 == present;
                }
                self.know(now, link, address, present);
            }
            Fact::Resync { what: HostTable::Addresses, phase } => self.resync(now, phase),
            _ => {}
        }
    }

    fn know(&mut self, now: u64, link: LinkId, address: InterfaceAddress, present: bool) {
        if present {
            self.present.insert((link, address), now);
            self.absent_since.remove(&address.address);
        } else {
            self.lose(now, link, address);
        }
    }

    fn lose(&mut self, now: u64, link: LinkId, address: InterfaceAddress) {
        if self.present.remove(&(link, address)).is_some() {
            self.absent_since.insert(address.address, now);
        }
    }

    fn resync(&mut self, now: u64, phase: Phase) {
        if phase == Phase::Begin {
            self.resync = Some(now);
            for at in self.present.values_mut() {
                *at = 0;
            }
        } else {
            let gone: Vec<_> = self.present.iter().filter(|&(_, &at)| at == 0).map(|(&key, _)| key).collect();
            for (link, address) in gone {
                self.lose(now, link, address);
            }
        }
    }

    /// Notes an order, and refuses one that the law forbids.
    // table: one arm for each order
    pub fn output(&mut self, now: u64, output: &Output<'_>) {
        match *output {
            Output::Connect { conn, remote, .. } => {
                self.pause(now, remote.address);
                assert_eq!(conn.slot, Slot::Outgoing, "a dialled connection in the wrong slot");
                assert!(self.used.insert(conn), "{conn:?} is used again");
                self.connecting.insert(conn);
                self.cadence(now, conn);
            }
            Output::Adopt { socket, conn, .. } => {
                assert_eq!(conn.slot, Slot::Incoming, "an accepted connection in the wrong slot");
                assert_eq!(self.accepted.take(), Some(socket), "Adopt without Accepted");
                assert!(self.used.insert(conn), "{conn:?} is used again");
                self.live.insert(conn);
            }
            Output::Refuse { socket } => {
                assert_eq!(self.accepted.take(), Some(socket), "Refuse without Accepted");
            }
            Output::Send { conn, bytes } => {
                assert!(self.live.contains(&conn), "Send on {conn:?}, which is not open");
                assert!(!self.closing.contains_key(&conn), "Send on {conn:?} after Close");
                assert!(!bytes.is_empty(), "Send of nothing");
                assert!(self.sending.insert(conn), "Send on {conn:?} while one is outstanding");
            }
            Output::AskFlushed { conn } => {
                assert!(self.live.contains(&conn), "AskFlushed on {conn:?}, which is not open");
                assert!(!self.closing.contains_key(&conn), "AskFlushed on {conn:?} after Close");
                assert!(self.flushing.insert(conn), "AskFlushed on {conn:?} while one is outstanding");
            }
            Output::Close { conn, how } => self.close(conn, how),
            Output::Listen { listener, .. } => {
                assert!(self.listening.insert(listener), "Listen while one is outstanding");
                assert!(self.listeners.insert(listener), "Listen at a listener that is open");
            }
            Output::ListenKey { listener, .. } => {
                assert!(!self.listeners.contains(&listener), "a key for a listener that is open already");
            }
            Output::Unlisten { listener } => {
                assert!(self.listeners.remove(&listener), "Unlisten at a listener that is closed");
            }
            Output::Bind { address, link, prefix, .. } => self.order(address, (true, link, prefix)),
            Output::Unbind { address, link, prefix } => self.order(address, (false, link, prefix)),
            Output::InstallRoute { route, .. } | Output::RemoveRoute { route, .. } => {
                assert!(self.routes.insert(route), "{route:?} while an order for it is outstanding");
            }
            Output::StartProbe { probe, .. } => {
                assert!(self.probes.insert(probe), "{probe:?} is started twice");
            }
            Output::StopProbe { probe } => {
                assert!(self.probes.remove(&probe), "{probe:?} is stopped but does not run");
            }
            Output::OpenDatagram { bfd, .. } => {
                assert!(self.bfd_used.insert(bfd), "{bfd:?} is used again");
                let known = self.bfd_asked.iter().chain(&self.bfd_open);
                assert!(
                    !known.clone().any(|other| other.peer == bfd.peer),
                    "two BFD sessions of {:?}",
                    bfd.peer
                );
                self.bfd_asked.insert(bfd);
            }
            Output::SendDatagram { bfd, bytes } => self.bfd_packet(now, bfd, bytes),
            Output::CloseDatagram { bfd } => {
                assert!(self.bfd_asked.remove(&bfd) | self.bfd_open.remove(&bfd), "{bfd:?} is not open");
            }
            Output::Answer { id, .. } => {
                assert!(self.commands.remove(&id), "{id:?} is answered twice or never asked");
            }
            Output::Record(ref record) => self.record(now, record),
            Output::Keep { .. } | Output::AskTable { .. } => {}
        }
    }

    /// What a BFD session may say.
    fn bfd_packet(&mut self, now: u64, bfd: BfdId, bytes: &[u8]) {
        assert!(self.bfd_open.contains(&bfd), "SendDatagram for {bfd:?}, which is not open");
        let packet = Packet::read(bytes).expect("what is sent is sound");
        assert_eq!(bytes.len(), 24);
        assert!(!(packet.poll && packet.last), "both bits in one packet");
        if packet.state == bfd::State::AdminDown {
            // Some neighbors take it for the end of the BGP session. One whose end by a reset is ordered is over, even if
            // the news that it was made came after the order.
            let mut talking = self.live.iter().filter(|&conn| self.closing.get(conn) != Some(&true));
            let talks = talking.any(|conn| conn.peer == bfd.peer);
            assert!(!talks, "AdminDown to {:?} before its BGP session is closed", bfd.peer);
        }
        self.bfd_sent.push((now, bfd, packet));
    }

    fn order(&mut self, id: AddressId, what: (bool, LinkId, InterfaceAddress)) {
        let (bind, link, address) = what;
        let before = self.addresses.insert(id, (bind, link, address, false));
        assert!(before.is_none(), "{id:?} while an order for it is outstanding");
    }

    fn close(&mut self, conn: ConnId, how: CloseHow) {
        let abort = how == CloseHow::Abort;
        let known = self.live.contains(&conn) || self.connecting.contains(&conn);
        assert!(known, "Close of {conn:?}, which is dead");
        match self.closing.insert(conn, abort) {
            None => {}
            Some(false) => assert!(abort, "{conn:?} is closed gracefully twice"),
            Some(true) => panic!("{conn:?} is closed after Abort"),
        }
    }

    /// The promise: at once, then every 200 ms for 2 s, then every second, all jittered down by a quarter.
    fn cadence(&mut self, now: u64, conn: ConnId) {
        self.dials.retain(|&(at, _)| at + 10 * SECOND > now);
        self.dials.push((now, conn));
        self.dials_ever.push(now);
        let count = self.dials.iter().filter(|(_, one)| one.peer == conn.peer).count();
        assert!(count <= 60, "{count} attempts at {:?} in 10 s", conn.peer);
    }

    /// A neighbor whose sessions were short is dialled after 1 s, 2 s, 4 s, … 60 s, jittered down by a quarter.
    fn pause(&self, now: u64, peer: IpAddr) {
        let Some(of) = self.sessions.get(&peer).filter(|of| of.shorts > 0 && of.ended_at > 0) else { return };
        let pause = (SECOND << (of.shorts - 1).min(6)).min(60 * SECOND) * 3 / 4;
        let since = now - of.ended_at;
        assert!(
            since >= pause - MS || self.excused_at > of.ended_at,
            "{peer} is dialled {since} us after short session {}, not after {pause}",
            of.shorts
        );
    }

    /// What a record says must be so at its moment.
    fn record(&mut self, now: u64, record: &Record) {
        match *record {
            Record::State { peer, from, to } => self.session(now, peer, from, to),
            Record::Established { peer, .. } => self.said_up.push(peer),
            Record::SessionDown { peer, .. } => {
                let was = self.sessions.get(&peer).is_some_and(|of| of.up_at.is_some());
                assert!(was || self.ended_now.contains(&peer), "{record:?}, and it was not up");
            }
            Record::BfdUp { peer } => {
                self.bfd_up.insert(peer);
            }
            Record::BfdDown { peer, .. } => {
                self.excused_at = now;
                assert!(self.bfd_up.remove(&peer), "{record:?}, and it was not up");
            }
            Record::BindFailed { why, .. }
            | Record::RouteFailed { why, .. }
            | Record::ListenFailed { why }
            | Record::BfdFailed { why, .. } => {
                assert_eq!(self.error, Some(why), "{record:?}, and that is not why");
            }
            Record::Adopted { address, .. } => {
                let here = self.present.keys().any(|(_, held)| held.address == address.address);
                assert!(here, "{record:?}, and it is not there");
            }
            Record::Unbound { address, link } => {
                assert!(!self.present.contains_key(&(link, address)), "{record:?}, and it is still there");
            }
            _ => {}
        }
    }

    fn session(&mut self, now: u64, peer: IpAddr, from: State, to: State) {
        let of = self.sessions.entry(peer).or_default();
        if to == State::Established {
            of.up_at = Some(now);
        } else if from == State::Established {
            let up_at = of.up_at.take().expect("a session that was up");
            self.ended_now.push(peer);
            if now - up_at >= SHORT {
                (of.shorts, of.ended_at) = (0, 0);
            } else if self.excused_at < now {
                (of.shorts, of.ended_at) = (of.shorts + 1, now);
            } else {
                of.ended_at = 0;
            }
        }
    }

    /// After a drain: an accepted socket was adopted or refused in it, and each slot has one connection at most, beside
    /// those whose end is ordered.
    pub fn drained(&mut self) {
        for peer in self.said_up.drain(..) {
            // It may have ended by the same octets that it came up by.
            let ended = self.ended_now.contains(&peer);
            let up = self.sessions.get(&peer).is_some_and(|of| of.up_at.is_some());
            assert!(up || ended, "the session with {peer} is said to be up, and is not");
        }
        self.ended_now.clear();
        assert_eq!(self.accepted, None, "Accepted was not answered in its drain");
        let slot = |conn: &&ConnId| (conn.peer, conn.slot);
        let alive = |conn: &&ConnId| !self.closing.contains_key(conn);
        let mut slots: Vec<_> =
            self.live.iter().chain(&self.connecting).filter(alive).map(|conn| slot(&conn)).collect();
        slots.sort_unstable();
        assert!(slots.windows(2).all(|pair| pair[0] != pair[1]), "two connections in one slot: {slots:?}");
    }

    /// When the process may exit: nothing is owed any more.
    pub fn at_exit(&self, name: &str) {
        assert!(
            self.addresses.is_empty(),
            "{name} exits while addresses are being changed: {:?}",
            self.addresses
        );
        assert!(self.bfd_open.is_empty(), "{name} exits with open BFD sessions: {:?}", self.bfd_open);
        let open: Vec<_> = self.live.iter().filter(|conn| !self.closing.contains_key(conn)).collect();
        assert!(open.is_empty(), "{name} exits with open connections: {open:?}");
    }

    /// Whether the engine has been told that an address inside `prefix` is on the host, or was a moment ago.
    fn has_address(&self, now: u64, prefix: holdover_core::base::net::Prefix) -> bool {
        let recently = |(&address, &at): (&IpAddr, &u64)| prefix.contains(address) && at + PUT_BACK > now;
        self.present.keys().any(|(_, held)| prefix.contains(held.address))
            || self.absent_since.iter().any(recently)
    }

    /// Whether no order about a route is out.
    pub fn routes_are_done(&self) -> bool {
        self.routes.is_empty()
    }

    /// The open connections that would take another message now.
    pub fn free_to_speak<'a>(&'a self, tap: &'a Tap) -> impl Iterator<Item = &'a Stream> {
        let free = |conn: &ConnId| {
            self.live.contains(conn) && !self.closing.contains_key(conn) && !self.sending.contains(conn)
        };
        tap.streams().filter(move |(conn, _)| free(conn)).map(|(_, stream)| stream)
    }

    /// What was just said on `conn` is allowed.
    pub fn check_said(&self, now: u64, name: &str, tap: &Tap, conn: ConnId) {
        let Some(stream) = tap.stream(conn) else { return };
        for &prefix in &stream.fresh {
            assert!(
                self.lax || self.has_address(now, prefix),
                "{name} announces {prefix} without an address of it"
            );
        }
    }

    /// Whether nothing is outstanding with that input's name: used by tests of dead names.
    pub fn knows(&self, input: &Input<'_>) -> bool {
        match *input {
            Input::Sent { conn, .. } | Input::Received { conn, .. } | Input::Closed { conn, .. } => {
                self.live.contains(&conn) || self.connecting.contains(&conn)
            }
            _ => false,
        }
    }
}

/// Whether a record says that a session came up.
pub fn is_established(record: &Record) -> bool {
    matches!(record, Record::Established { .. })
}
