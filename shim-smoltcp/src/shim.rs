//! The drive loop: one turn takes what the wire brought, tells the engine, does what it orders, and sends.

use holdover_core::base::net::InterfaceAddress;
use holdover_core::base::rand::Rand;
use holdover_core::base::time::{Duration, Instant};
use holdover_core::config::{Clause, Config};
use holdover_core::engine::{Command, CommandId, Engine, HostTable, Input, LinkId, Output, Past, Phase};
use smoltcp::config::IFACE_MAX_ADDR_COUNT;
use smoltcp::iface::{Interface, PollIngressSingleResult, PollResult, SocketSet};
use smoltcp::phy::Device;
use smoltcp::socket::{icmp, udp};
use smoltcp::wire::{EthernetAddress, HardwareAddress};

use crate::address::{Addresses, ETHERNET, LOOPBACK, LOOPBACK_NAME, link_local};
use crate::board::{Board, Setup};
use crate::check::Checks;
use crate::connection::{Said as Word, Side};
use crate::datagram::Datagrams;
use crate::fact::Facts;
use crate::frame::announce;
use crate::frame::port::Port;
use crate::guarded::Guarded;
use crate::memory::{Memory, Slots};
use crate::pool::Pool;
use crate::route::Gateways;
use crate::said::Said;
use crate::time::{core_time, stack_time};

/// The most frames that are taken in one turn: a flood of them must not starve the clocks. What is more waits in the device; so
/// a socket of the application's that has room for as many datagrams, and is read after each turn, loses none.
pub const FRAMES_A_TURN: usize = 8;
/// The most rounds in which the stack may send in one turn; each sends at most one frame of each socket.
const ROUNDS: usize = 32;
/// How often the neighbours that matter are asked for. The stack forgets one after a minute, and what it would answer by way
/// of one that it has forgotten is lost.
const SOLICIT_EVERY: Duration = Duration::from_secs(20);

/// What happened since the shim was made. None of it is silent: what is lost or refused here is answered so, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counters {
    /// Orders to connect, and checks, that found no TCP socket.
    pub exhausted: u32,
    /// Answers that found no place to wait in.
    pub lost: u32,
    /// Connections refused because their key could not be kept.
    pub barred: u32,
    /// What passed through the port.
    pub port: crate::frame::port::Counters,
}

/// Tables that are to be told, as bits.
const LINKS: u8 = 1;
const ADDRESSES: u8 = 2;
const ROUTES_TABLE: u8 = 4;

/// Holdover's hands on a board: its sockets, addresses and routes.
///
/// The numbers are those of [`Port`]. Its fields are in this order, the small first: a Cortex-M reaches what lies near the
/// beginning with fewer instructions.
#[repr(C)]
#[expect(
    missing_debug_implementations,
    reason = "neither the stack's interface nor a board's device has one"
)]
pub struct Shim<
    'a,
    B,
    D,
    const RULES: usize = 8,
    const ROUTES: usize = 32,
    const NEIGHBORS: usize = 8,
    const HELD: usize = 1,
> {
    pub(crate) port: &'a mut Port<D, RULES, ROUTES, NEIGHBORS, HELD>,
    pub(crate) sockets: SocketSet<'a>,
    link: &'static str,
    pub(crate) mac: EthernetAddress,
    carrier: bool,
    /// Tables that are to be told.
    pub(crate) tables: u8,
    /// When the neighbours that matter are asked for next.
    pub(crate) solicit_at: Instant,
    pub(crate) rand: Rand,
    pub(crate) board: B,
    pub(crate) gateways: Gateways,
    pub(crate) datagrams: Datagrams,
    pub(crate) guarded: Guarded<RULES>,
    pub(crate) addresses: Addresses,
    pub(crate) interface: Interface,
    pub(crate) pool: Pool,
    pub(crate) checks: Checks,
    pub(crate) facts: Facts,
    /// What the engine was told.
    #[cfg(test)]
    pub(crate) told: crate::tests::Told,
}

impl<
    'a,
    B: Board,
    D: Device,
    const RULES: usize,
    const ROUTES: usize,
    const NEIGHBORS: usize,
    const HELD: usize,
> Shim<'a, B, D, RULES, ROUTES, NEIGHBORS, HELD>
{
    /// Brings up the stack, with no socket yet: [`Self::open`] gives it those, and is to be called next. The device must be an
    /// Ethernet one, and `setup.mac` a unicast address.
    ///
    /// # Panics
    /// When they are not.
    #[inline(never)] // Into a caller that never ends, it would bring the interface's making, kilobytes, for good.
    pub fn new(mut board: B, port: &'a mut Port<D, RULES, ROUTES, NEIGHBORS, HELD>, setup: Setup) -> Self {
        let mac = EthernetAddress(setup.mac);
        let mut config = smoltcp::iface::Config::new(HardwareAddress::Ethernet(mac));
        // TCP's initial sequence numbers are drawn from it.
        config.random_seed = board.entropy();
        let rand = Rand::new(board.entropy());
        let now = board.now();
        port.set_mac(mac);
        // Nothing is done to it here: a value that is changed before it is returned lies on the stack twice, and with a board
        // that would be the most of it ever used.
        Self {
            board,
            interface: Interface::new(config, port, stack_time(now)),
            port,
            sockets: SocketSet::new(&mut [][..]),
            mac,
            link: setup.link,
            carrier: false,
            pool: Pool::new(),
            datagrams: Datagrams::new(),
            checks: Checks::new(),
            addresses: Addresses::new(),
            gateways: Gateways::new(),
            guarded: Guarded::new(),
            facts: Facts::new(),
            tables: LINKS | ADDRESSES | ROUTES_TABLE,
            solicit_at: Instant::FAR,
            rand,
            #[cfg(test)]
            told: crate::tests::Told::new(),
        }
    }

    /// Makes the sockets; once, before anything else is asked of it.
    ///
    /// # Panics
    /// When `SOCKETS` is less than `TCP`, `BFD` and [`Slots::FIXED`] together.
    pub fn open<
        const TCP: usize,
        const RX: usize,
        const TX: usize,
        const BFD: usize,
        const SOCKETS: usize,
    >(
        &mut self,
        memory: &'a mut Memory<TCP, RX, TX, BFD>,
        slots: &'a mut Slots<'a, SOCKETS>,
    ) {
        assert!(SOCKETS >= TCP + BFD + Slots::<SOCKETS>::FIXED, "more sockets than slots");
        self.sockets = SocketSet::new(&mut slots.sockets[..]);
        for (receive, transmit) in memory.receive.iter_mut().zip(&mut memory.transmit) {
            self.pool.add(&mut self.sockets, receive, transmit);
        }
        for (metadata, payload) in slots.datagrams_in.iter_mut().zip(&mut memory.datagrams_in) {
            let receive = udp::PacketBuffer::new(&mut metadata[..], &mut payload[..]);
            let nothing = udp::PacketBuffer::new(&mut [][..], &mut [][..]);
            self.datagrams.add_receiver(&mut self.sockets, udp::Socket::new(receive, nothing));
        }
        for (metadata, payload) in slots.datagrams_out.iter_mut().zip(&mut memory.datagrams_out) {
            let transmit = udp::PacketBuffer::new(&mut metadata[..], &mut payload[..]);
            let nothing = udp::PacketBuffer::new(&mut [][..], &mut [][..]);
            self.datagrams.add_sender(&mut self.sockets, udp::Socket::new(nothing, transmit));
        }
        let receive = icmp::PacketBuffer::new(&mut slots.echoes[..], &mut memory.echoes[..]);
        let nothing = icmp::PacketBuffer::new(&mut [][..], &mut [][..]);
        let [ident, sequence] =
            [self.rand.next(), self.rand.next()].map(|number| (number & 0xFFFF) as u16 | 1);
        self.checks.add_hearer(&mut self.sockets, icmp::Socket::new(receive, nothing), ident, sequence);
        self.carrier = self.board.carrier();
        let now = self.board.now();
        let own = InterfaceAddress { address: link_local(self.mac.0), length: 64 };
        // The first of all addresses finds a place.
        let _ = self.addresses.bind(now, ETHERNET, own);
        self.tell_addresses(now);
    }

    /// Starts the engine; once, before anything else is told to it.
    pub fn start<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize>(
        &mut self,
        engine: &mut Engine<P, S, R, U, T>,
    ) {
        let seed = self.board.entropy();
        engine.start(self.board.now(), seed);
    }

    /// Has the engine take over a configuration. It is told first what links and addresses there are.
    pub fn configure<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize>(
        &mut self,
        engine: &mut Engine<P, S, R, U, T>,
        config: &Config<P, S, R, U, T>,
        said: &mut dyn FnMut(Said),
    ) {
        let now = self.board.now();
        self.tell_tables(now, engine, said);
        engine.configure(now, config);
        self.take_over(engine, said);
    }

    /// Obeys what an engine orders that was started and given its configuration by [`Engine::configure`] itself, and nothing
    /// since: where memory is scarce, the text is read before there is a shim. Links and addresses are told in the first turn.
    pub fn take_over<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize>(
        &mut self,
        engine: &mut Engine<P, S, R, U, T>,
        said: &mut dyn FnMut(Said),
    ) {
        // What is not for this host is passed on only where a router's side is configured.
        let installs = engine.config().view().rules.iter().any(|rule| rule.clause == Clause::InstallKernel);
        self.port.forward.set_enabled(installs);
        let now = self.board.now();
        self.drain(now, engine, said);
    }

    /// Gives back what was kept of a service ([`Said::Keep`]); right after [`Self::configure`] or [`Self::take_over`]. Without a
    /// name and with [`Past::Unknown`]: what was kept is lost, and every service with `no preempt` stands by.
    pub fn recall<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize>(
        &mut self,
        engine: &mut Engine<P, S, R, U, T>,
        name: &str,
        past: Past,
        said: &mut dyn FnMut(Said),
    ) {
        let now = self.board.now();
        self.tell(now, engine, Input::Kept { name, past }, said);
    }

    /// Gives the engine a command. Its answer is said now or in a later turn.
    pub fn command<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize>(
        &mut self,
        engine: &mut Engine<P, S, R, U, T>,
        id: CommandId,
        command: Command,
        said: &mut dyn FnMut(Said),
    ) {
        let now = self.board.now();
        self.tell(now, engine, Input::Command { id, command }, said);
    }

    /// One turn. Returns when the next one is due at the latest, which may have passed already; it is due earlier when a frame
    /// comes, when a command was given, and when the application has used a socket.
    ///
    /// Bytes before clocks, and clocks every turn: what waits is told, what came is read once, and then the engine is told
    /// the time.
    pub fn turn<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize>(
        &mut self,
        engine: &mut Engine<P, S, R, U, T>,
        said: &mut dyn FnMut(Said),
    ) -> Instant {
        let now = self.board.now();
        self.watch_carrier(now, engine, said);
        self.tell_tables(now, engine, said);
        for _ in 0..self.facts.len() {
            if let Some(fact) = self.facts.pop() {
                self.tell(now, engine, fact.input(), said);
            }
        }
        let more = self.hear_frames(now, engine, said);
        self.look_at_sockets(now, engine, said);
        self.run_checks(now);
        self.tell(now, engine, Input::Tick, said);
        self.send(now);
        if more || self.is_ready() { now } else { self.deadline(now).min(engine.deadline()) }
    }

    /// Tells the engine a fact, and does what it orders.
    #[inline(never)] // It is called for from a dozen places, and an engine in each would fill the flash.
    fn tell<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize>(
        &mut self,
        now: Instant,
        engine: &mut Engine<P, S, R, U, T>,
        input: Input<'_>,
        said: &mut dyn FnMut(Said),
    ) {
        #[cfg(test)]
        if crate::tests::takes(&mut self.told, &input) {
            return;
        }
        engine.handle(now, input);
        self.drain(now, engine, said);
    }

    /// Obeys what the engine orders, until it orders nothing more.
    #[inline(never)]
    fn drain<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize>(
        &mut self,
        now: Instant,
        engine: &mut Engine<P, S, R, U, T>,
        said: &mut dyn FnMut(Said),
    ) {
        while let Some(order) = engine.poll() {
            match order {
                Output::Record(record) => said(Said::Record(record)),
                Output::Answer { id, result } => said(Said::Answer { id, result }),
                Output::Keep { name, past } => said(Said::Keep { name, past }),
                // Routes of the configuration's own have the first places.
                order => self.execute(now, order, R),
            }
        }
    }

    /// The carrier, as it is now.
    fn watch_carrier<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize>(
        &mut self,
        now: Instant,
        engine: &mut Engine<P, S, R, U, T>,
        said: &mut dyn FnMut(Said),
    ) {
        let up = self.board.carrier();
        if up == self.carrier {
            return;
        }
        self.carrier = up;
        if up {
            self.addresses.announce_all(now);
            self.solicit_at = now;
        }
        self.tell(now, engine, Input::Link { link: ETHERNET, name: self.link, up, gone: false }, said);
    }

    /// Tells the tables that were asked for, whole.
    fn tell_tables<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize>(
        &mut self,
        now: Instant,
        engine: &mut Engine<P, S, R, U, T>,
        said: &mut dyn FnMut(Said),
    ) {
        let asked = core::mem::take(&mut self.tables);
        for (bit, what) in
            [(LINKS, HostTable::Links), (ADDRESSES, HostTable::Addresses), (ROUTES_TABLE, HostTable::Routes)]
        {
            if asked & bit == 0 {
                continue;
            }
            self.tell(now, engine, Input::Resync { what, phase: Phase::Begin }, said);
            match what {
                HostTable::Links => {
                    let (name, up) = (self.link, self.carrier);
                    self.tell(now, engine, Input::Link { link: ETHERNET, name, up, gone: false }, said);
                    let name = LOOPBACK_NAME;
                    self.tell(now, engine, Input::Link { link: LOOPBACK, name, up: true, gone: false }, said);
                }
                HostTable::Addresses => {
                    let mut place = 0;
                    while let Some((link, address)) = self.addresses.get(place) {
                        place += 1;
                        let fact = Input::Address { link, address, present: true, ours: false };
                        self.tell(now, engine, fact, said);
                    }
                }
                // Nobody but Holdover has routes here.
                HostTable::Routes => {}
            }
            self.tell(now, engine, Input::Resync { what, phase: Phase::End }, said);
        }
    }

    pub(crate) fn ask_table(&mut self, what: HostTable) {
        self.tables |= match what {
            HostTable::Links => LINKS,
            HostTable::Addresses => ADDRESSES,
            HostTable::Routes => ROUTES_TABLE,
        };
    }

    /// Takes the frames that came, with the BFD packets in them; whether there may be more.
    fn hear_frames<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize>(
        &mut self,
        now: Instant,
        engine: &mut Engine<P, S, R, U, T>,
        said: &mut dyn FnMut(Said),
    ) -> bool {
        for _ in 0..FRAMES_A_TURN {
            match self.take_frame(now) {
                PollIngressSingleResult::None => return false,
                PollIngressSingleResult::PacketProcessed => {}
                PollIngressSingleResult::SocketStateChanged => {
                    while let Some(came) = self.datagrams.receive(&mut self.sockets) {
                        let bytes = came.payload.get(..came.len).unwrap_or(&[]);
                        let fact = Input::Datagram {
                            kind: came.kind,
                            link: ETHERNET,
                            local: came.local,
                            remote: came.remote,
                            ttl: came.ttl,
                            bytes,
                        };
                        self.tell(now, engine, fact, said);
                    }
                    self.checks.hear(now, &mut self.sockets, &mut self.facts);
                }
            }
        }
        true
    }

    #[inline(never)] // As a part of `turn` it would be on the stack while the engine decides.
    fn take_frame(&mut self, now: Instant) -> PollIngressSingleResult {
        self.interface.poll_ingress_single(stack_time(now), self.port, &mut self.sockets)
    }

    /// Reads each TCP socket once, and tells what else is new of it.
    #[inline(never)] // As a part of `turn` it would be on the stack while the others run.
    fn look_at_sockets<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize>(
        &mut self,
        now: Instant,
        engine: &mut Engine<P, S, R, U, T>,
        said: &mut dyn FnMut(Said),
    ) {
        for place in 0..self.pool.len() {
            if let Some(word) =
                self.pool.accept(&mut self.sockets, now, place, |remote| self.guarded.bars(remote))
            {
                self.tell_word(now, engine, word, said);
            }
            for side in Side::ALL {
                // Between two frames nobody needs the port's buffer.
                let buffer = self.port.scratch();
                if let Some(word) = self.pool.look(&mut self.sockets, now, place, side, buffer) {
                    self.tell_word(now, engine, word, said);
                }
            }
        }
    }

    fn tell_word<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize>(
        &mut self,
        now: Instant,
        engine: &mut Engine<P, S, R, U, T>,
        word: Word,
        said: &mut dyn FnMut(Said),
    ) {
        let input = match word {
            Word::Connected { conn, local } => Input::Connected { conn, local },
            Word::ConnectFailed { conn, why } => Input::ConnectFailed { conn, why },
            Word::Accepted { socket, listener, local, remote } => {
                Input::Accepted { socket, listener, local, remote }
            }
            Word::Received { conn, len } => {
                // It lies in the port's buffer, so it is told here: `tell` has the whole shim to itself.
                let bytes = self.port.scratch().get(..len).unwrap_or(&[]);
                let input = Input::Received { conn, bytes };
                #[cfg(test)]
                crate::tests::takes(&mut self.told, &input);
                engine.handle(now, input);
                return self.drain(now, engine, said);
            }
            Word::Sent { conn, len } => Input::Sent { conn, len },
            Word::Flushed { conn } => Input::Flushed { conn },
            Word::Closed { conn, why } => Input::Closed { conn, why },
        };
        self.tell(now, engine, input, said);
    }

    /// Sends what is owed to the wire.
    #[inline(never)] // As a part of `turn` it would be on the stack while the others run.
    fn send(&mut self, now: Instant) {
        if self.carrier {
            while let Some(address) = self.addresses.to_announce(now) {
                let mac = self.mac;
                if !self.port.send(now, |buffer| announce::announce(mac, address, false, buffer)) {
                    break;
                }
                self.addresses.announced(now, address);
            }
            if self.solicit_at <= now {
                self.solicit_all(now);
            }
        }
        self.pool.keep_listening(&mut self.sockets, now);
        self.interface.poll_maintenance(stack_time(now));
        for _ in 0..ROUNDS {
            let sent = self.interface.poll_egress(stack_time(now), self.port, &mut self.sockets);
            if sent == PollResult::None {
                break;
            }
        }
        self.port.pump(now);
        self.pool.tidy(&mut self.sockets, now);
    }

    /// Asks for the neighbours that matter: gateways, and peers or the gateways to them.
    #[inline(never)] // As a part of `send` it would be on the stack while frames are.
    fn solicit_all(&mut self, now: Instant) {
        let hop = |remote| self.gateways.next_hop(&self.addresses, remote);
        let remotes = self.pool.remotes().chain(self.datagrams.remotes()).filter_map(hop);
        let mut asked = heapless::Vec::<core::net::IpAddr, 16>::new();
        for neighbour in self.gateways.iter().chain(remotes) {
            if !asked.contains(&neighbour) {
                // Whoever finds no place is asked for when a packet needs it.
                let _ = asked.push(neighbour);
            }
        }
        self.solicit_at = if asked.is_empty() { Instant::FAR } else { now + SOLICIT_EVERY };
        for neighbour in asked {
            self.solicit(now, neighbour);
        }
    }

    /// Asks for a neighbour's link-layer address.
    pub(crate) fn solicit(&mut self, now: Instant, neighbour: core::net::IpAddr) {
        self.solicit_at = self.solicit_at.min(now + SOLICIT_EVERY);
        if let Some(source) = self.addresses.beside(neighbour)
            && self.carrier
        {
            let mac = self.mac;
            // One that cannot be sent now is sent with the next packet for it, by the stack.
            let _ = self.port.send(now, |buffer| announce::ask(mac, source, neighbour, None, buffer));
        }
    }

    /// Tells the stack and the port which addresses there are.
    pub(crate) fn tell_addresses(&mut self, now: Instant) {
        if !self.addresses.tell(&mut self.interface) {
            return;
        }
        // The stack has forgotten its neighbours.
        self.solicit_at = now;
        let list = self.interface.ip_addrs().iter();
        let list: heapless::Vec<InterfaceAddress, IFACE_MAX_ADDR_COUNT> = list
            .map(|cidr| InterfaceAddress { address: cidr.address().into(), length: cidr.prefix_len() })
            .collect();
        // More than it has places for are still answered for; only between their subnets nothing is passed on.
        let _ = self.port.set_addresses(&list);
    }

    /// Whether something waits to be told.
    fn is_ready(&self) -> bool {
        self.facts.len() > 0 || self.tables != 0 || self.pool.is_ready(&self.sockets)
    }

    /// When there is something to do.
    fn deadline(&mut self, now: Instant) -> Instant {
        let stack = self.interface.poll_at(stack_time(now), &self.sockets).map_or(Instant::FAR, core_time);
        let pool = self.pool.deadline(&self.sockets);
        let wire = if self.carrier { self.addresses.deadline().min(self.solicit_at) } else { Instant::FAR };
        stack.min(pool).min(wire).min(self.checks.deadline()).min(self.port.deadline())
    }

    /// Says whether a part of the application runs that `check NAME process unit NAME` asks for; at most 8 names of 31
    /// octets. Returns whether the name could be kept.
    pub fn set_unit(&mut self, name: &str, runs: bool) -> bool {
        self.checks.set_unit(name, runs, &mut self.facts)
    }

    /// The sockets, for the application's own.
    pub fn sockets(&mut self) -> &mut SocketSet<'a> {
        &mut self.sockets
    }

    /// The board.
    pub fn board(&mut self) -> &mut B {
        &mut self.board
    }

    /// The port, with the device in it.
    pub fn port(&mut self) -> &mut Port<D, RULES, ROUTES, NEIGHBORS, HELD> {
        self.port
    }

    /// The stack's interface.
    pub const fn interface(&self) -> &Interface {
        &self.interface
    }

    /// What a link is called; empty: there is no such link.
    pub fn link_name(&self, link: LinkId) -> &'static str {
        match link {
            ETHERNET => self.link,
            LOOPBACK => LOOPBACK_NAME,
            _ => "",
        }
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        Counters {
            exhausted: self.pool.exhausted,
            lost: self.facts.lost,
            barred: self.pool.barred,
            port: self.port.counters(),
        }
    }
}
