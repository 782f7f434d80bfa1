//! What the engine orders, done. An answer that is known at once is kept for the next turn: the engine is never called back.

use core::net::{IpAddr, SocketAddr};

use holdover_core::base::net::{Family, Prefix};
use holdover_core::base::time::{Duration, Instant};
use holdover_core::bfd::BfdKind;
use holdover_core::config::target::{Process, Target};
use holdover_core::engine::{
    BfdId, Bound, CloseHow, ConnId, Endpoint, IoError, LinkId, ListenerId, Output, ProbeFailure, ProbeId,
    ProbeSpec, RouteId, RouteTarget, SocketId, TcpOptions, Verdict,
};
use smoltcp::phy::Device;

use crate::address::{ETHERNET, LOOPBACK, link_of};
use crate::board::Board;
use crate::check::{self, Work};
use crate::datagram::FIRST_PORT;
use crate::echo::Echo;
use crate::fact::Fact;
use crate::frame::neighbor::Answer;
use crate::pool::Dial;
use crate::shim::Shim;

/// The TTL of what has none of its own.
const TTL: u8 = 64;

impl<B: Board, D: Device, const RULES: usize, const ROUTES: usize, const NEIGHBORS: usize, const HELD: usize>
    Shim<'_, B, D, RULES, ROUTES, NEIGHBORS, HELD>
{
    /// Obeys an order. Records, answers to commands and what is to be kept are not for the sockets: the caller takes them out first. Routes with
    /// a place below `own` are the configuration's.
    // table: one arm for each order
    #[inline(never)] // What its arms need would be on the stack while the engine decides.
    pub(crate) fn execute(&mut self, now: Instant, order: Output<'_>, own: usize) {
        match order {
            Output::Connect { conn, local, via, remote, options } => {
                if let Err(why) = self.connect(now, conn, local, via, remote, &options) {
                    self.facts.push(Fact::ConnectFailed { conn, why });
                }
            }
            Output::Listen { listener, local } => {
                let result = self.pool.listen(listener, local);
                self.facts.push(Fact::ListenDone { listener, result });
            }
            Output::ListenKey { listener, remote, key } => {
                let (port, pool) = (self.pool.port(listener), &self.pool);
                let in_use = |prefix: Prefix| pool.remotes().any(|remote| prefix.contains(remote));
                self.guarded.listen(&mut self.port.guard, remote, port, key.map(|key| key.0), in_use);
            }
            Output::Unlisten { listener } => self.unlisten(listener),
            Output::Adopt { socket, conn, options } => self.adopt(now, socket, conn, &options),
            Output::Refuse { socket } => self.pool.refuse(&mut self.sockets, now, socket),
            Output::Send { conn, bytes } => self.pool.send(&mut self.sockets, conn, bytes),
            Output::AskFlushed { conn } => self.pool.ask_flushed(conn),
            Output::Close { conn, how } => self.close(now, conn, how),
            Output::Bind { address, link, prefix, label: _ } => {
                let result = self.addresses.bind(now, link, prefix);
                self.facts.push(Fact::AddressDone { address, result });
                if result == Ok(Bound::Done) {
                    self.facts.push(Fact::Address { link, address: prefix, present: true });
                    self.tell_addresses(now);
                }
            }
            Output::Unbind { address, link, prefix } => {
                let bound = self.addresses.unbind(link, prefix);
                self.facts.push(Fact::AddressDone { address, result: Ok(bound) });
                if bound == Bound::Done {
                    self.facts.push(Fact::Address { link, address: prefix, present: false });
                    self.tell_addresses(now);
                }
            }
            Output::InstallRoute { route, prefix, target } => {
                let result = self.install(now, route, prefix, target, own);
                self.facts.push(Fact::RouteDone { route, result });
            }
            Output::RemoveRoute { route, prefix } => {
                if (route.index as usize) < own {
                    self.gateways.remove(&mut self.interface, prefix);
                }
                self.port.forward.remove(prefix);
                self.facts.push(Fact::RouteDone { route, result: Ok(()) });
            }
            Output::OpenDatagram { bfd, kind, local, remote, via } => {
                let result = self.open_datagram(now, bfd, kind, (local, remote), via);
                self.facts.push(Fact::DatagramDone { bfd, result });
            }
            Output::SendDatagram { bfd, bytes } => self.datagrams.send(&mut self.sockets, bfd, bytes),
            Output::CloseDatagram { bfd } => self.datagrams.close(&mut self.sockets, bfd),
            Output::StartProbe { probe, spec } => self.start_probe(now, probe, &spec),
            Output::StopProbe { probe } => {
                if let Some(seat) = self.checks.stop(probe) {
                    self.pool.end_check(&mut self.sockets, now, seat);
                }
            }
            Output::AskTable { what } => self.ask_table(what),
            Output::Keep { .. } | Output::Answer { .. } | Output::Record(_) => {}
        }
    }

    /// The way to another host: the neighbour that leads there, and our address on its subnet.
    fn way_to(&self, to: IpAddr) -> Result<(IpAddr, IpAddr), IoError> {
        let hop = self.gateways.next_hop(&self.addresses, to).ok_or(IoError::Unreachable)?;
        Ok((hop, self.addresses.beside(hop).ok_or(IoError::Unreachable)?))
    }

    /// A source port that no socket of ours has, from the range of RFC 6335 section 6; not the next one after the last
    /// (RFC 6056).
    fn free_port(&mut self) -> u16 {
        let range = u32::from(u16::MAX - FIRST_PORT) + 1;
        loop {
            let port = FIRST_PORT + u16::try_from(self.rand.next() % range).unwrap_or(0);
            if !self.pool.has_port(&self.sockets, port) {
                return port;
            }
        }
    }

    fn connect(
        &mut self,
        now: Instant,
        conn: ConnId,
        local: Option<IpAddr>,
        via: Option<LinkId>,
        remote: Endpoint,
        options: &TcpOptions<'_>,
    ) -> Result<(), IoError> {
        if via.or(remote.link) == Some(LOOPBACK) || self.addresses.has(remote.address) {
            return Err(IoError::Unreachable);
        }
        let (hop, beside) = self.way_to(remote.address)?;
        let local = local.unwrap_or(beside);
        if !self.addresses.has(local) || Family::of(local) != Family::of(remote.address) {
            return Err(IoError::AddressUnavailable);
        }
        let pool = &self.pool;
        let in_use = |prefix: Prefix| pool.remotes().any(|remote| prefix.contains(remote));
        self.guarded.dial(&mut self.port.guard, remote.address, remote.port, options, in_use)?;
        let local = Endpoint { address: local, port: self.free_port(), link: link_of(local) };
        let dial = Dial { local, remote, ttl: options.ttl };
        self.pool.connect(&mut self.sockets, self.interface.context(), conn, &dial)?;
        self.solicit(now, hop);
        Ok(())
    }

    fn unlisten(&mut self, listener: ListenerId) {
        self.pool.unlisten(&mut self.sockets, listener);
        let family = Family::ALL.get(usize::from(listener.0)).copied().unwrap_or_default();
        let pool = &self.pool;
        let in_use = |prefix: Prefix| pool.remotes().any(|remote| prefix.contains(remote));
        self.guarded.unlisten(&mut self.port.guard, family, in_use);
    }

    fn adopt(&mut self, now: Instant, socket: SocketId, conn: ConnId, options: &TcpOptions<'_>) {
        let Some((local, remote)) = self.pool.adopt(&mut self.sockets, socket, conn, options.ttl) else {
            return self.facts.push(Fact::Closed { conn, why: IoError::Reset });
        };
        let pool = &self.pool;
        let in_use = |prefix: Prefix| pool.remotes().any(|remote| prefix.contains(remote));
        let guard = &mut self.port.guard;
        if let Err(why) = self.guarded.adopt(guard, remote, local.port, options.min_ttl, in_use) {
            self.pool.close(&mut self.sockets, now, conn, CloseHow::Abort);
            return self.facts.push(Fact::Closed { conn, why });
        }
        if let Ok((hop, _)) = self.way_to(remote) {
            self.solicit(now, hop);
        }
    }

    fn close(&mut self, now: Instant, conn: ConnId, how: CloseHow) {
        // A failure that is still to be told is answered by `Closed` too.
        let had_failed = self.facts.take_failure(conn);
        let over = self.pool.close(&mut self.sockets, now, conn, how);
        if over.unwrap_or(had_failed) {
            self.facts.push(Fact::Closed { conn, why: IoError::None });
        }
    }

    /// A route with a gateway leads what we send ourselves, too; one to nowhere, and one that `steer` chose, only what is
    /// passed on.
    fn install(
        &mut self,
        now: Instant,
        route: RouteId,
        prefix: Prefix,
        target: RouteTarget<'_>,
        own: usize,
    ) -> Result<(), IoError> {
        if let RouteTarget::Via([gateway, ..]) = target
            && (route.index as usize) < own
        {
            self.gateways.insert(&mut self.interface, prefix, gateway.address)?;
            self.solicit(now, gateway.address);
        }
        self.port.forward.install(prefix, target).map_err(|_| IoError::Exhausted)
    }

    fn open_datagram(
        &mut self,
        now: Instant,
        bfd: BfdId,
        kind: BfdKind,
        ends: (IpAddr, IpAddr),
        via: Option<LinkId>,
    ) -> Result<(), IoError> {
        if !self.addresses.has(ends.0) {
            return Err(IoError::AddressUnavailable);
        }
        if via.is_some_and(|link| link != ETHERNET) {
            return Err(IoError::Unreachable);
        }
        let (hop, _) = self.way_to(ends.1)?;
        let port = self.free_port();
        self.datagrams.open(&mut self.sockets, bfd, kind, ends, port)?;
        self.solicit(now, hop);
        Ok(())
    }

    fn start_probe(&mut self, now: Instant, probe: ProbeId, spec: &ProbeSpec<'_>) {
        let begun = match spec.target {
            Target::Process(Process::Unit { unit, user: "" }) => {
                return self.checks.watch(probe, unit, &mut self.facts);
            }
            Target::Process(_) => {
                let verdict = Verdict::Fail(ProbeFailure::Unsupported);
                return self.facts.push(Fact::WatchChanged { probe, verdict });
            }
            Target::Tcp(target) if self.is_own(spec.own, target.ip()) => {
                Err(check::own_port(&self.addresses, &self.sockets, target))
            }
            Target::Icmp(target) if self.is_own(spec.own, target) => {
                Err(check::own_echo(&self.addresses, target))
            }
            _ if !self.checks.has_room() => Err(check::failure(IoError::Exhausted)),
            Target::Tcp(target) => self.dial_check(now, target).map_err(check::failure),
            Target::Icmp(target) => {
                self.way_to(target).map(|_| Work::Echo { target }).map_err(check::failure)
            }
            _ => Err(Verdict::Fail(ProbeFailure::Unsupported)),
        };
        match begun {
            Ok(work) => self.checks.begin(now, probe, spec.timeout, work),
            Err(verdict) => self.facts.push(Fact::ProbeDone { probe, verdict, took: Duration::ZERO }),
        }
    }

    /// Whether only this host may answer, or only it can.
    fn is_own(&self, own: bool, target: IpAddr) -> bool {
        own || target.is_loopback() || self.addresses.has(target)
    }

    fn dial_check(&mut self, now: Instant, target: SocketAddr) -> Result<Work, IoError> {
        let (hop, local) = self.way_to(target.ip())?;
        let local = Endpoint { address: local, port: self.free_port(), link: link_of(local) };
        let remote = Endpoint { address: target.ip(), port: target.port(), link: link_of(target.ip()) };
        let seat =
            self.pool.dial(&mut self.sockets, self.interface.context(), &Dial { local, remote, ttl: TTL })?;
        self.solicit(now, hop);
        Ok(Work::Tcp(seat))
    }

    /// Goes on with the checks that run.
    pub(crate) fn run_checks(&mut self, now: Instant) {
        for place in (0..self.checks.running()).rev() {
            let Some(work) = self.checks.work(place) else { continue };
            let found = match work {
                Work::Tcp(seat) => self.pool.ask_check(&mut self.sockets, now, seat),
                Work::Echo { target } => self.send_echo(now, place, target).err().map(Err),
                Work::Echoed { .. } => None,
            };
            let verdict = match found {
                Some(Ok(())) => Verdict::Pass,
                Some(Err(why)) => check::failure(why),
                None if self.checks.is_late(now, place) => Verdict::Fail(ProbeFailure::TimedOut),
                None => continue,
            };
            if let (Work::Tcp(seat), None) = (work, found) {
                self.pool.end_check(&mut self.sockets, now, seat);
            }
            self.checks.end(now, place, verdict, &mut self.facts);
        }
    }

    /// Sends a check's echo request as soon as its way is known.
    fn send_echo(&mut self, now: Instant, place: usize, target: IpAddr) -> Result<(), IoError> {
        let (hop, source) = self.way_to(target)?;
        match self.port.resolve(now, hop) {
            Answer::Known(neighbour) => {
                let ident = self.checks.ident;
                let sequence = self.checks.echo(place, target);
                let echo = Echo { macs: (self.mac, neighbour), source, target, ident, sequence };
                // One that the device does not take is lost, as one on the wire may be.
                self.port.send(now, |buffer| echo.write(buffer));
                Ok(())
            }
            Answer::Failed => Err(IoError::Unreachable),
            Answer::Asked | Answer::Unknown => Ok(()),
        }
    }
}
