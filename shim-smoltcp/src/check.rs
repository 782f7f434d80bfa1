//! Health checks: `tcp` and `icmp` of another host, the same of this one, and the application's own parts by name.
//!
//! A check of this host's own address never leaves it: it asks whether the address is here and something listens there. That is
//! also right where the check names an address that two machines share, for the other one must not answer.

use core::net::{IpAddr, SocketAddr};

use heapless::{String, Vec};
use holdover_core::base::time::{Duration, Instant};
use holdover_core::engine::{IoError, ProbeFailure, ProbeId, Verdict};
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::{Socket, icmp};
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr, IpAddress};

use crate::address::Addresses;
use crate::fact::{Fact, Facts};

/// Checks that run at once, at most: the engine begins the others later.
const RUNNING: usize = 16;
/// Parts of the application that checks can ask for, and checks that ask for them.
const UNITS: usize = 8;
const WATCHES: usize = 16;
/// The longest name of one.
const NAME: usize = 31;

/// How a check that runs does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// By the pool's socket in this place.
    Tcp(usize),
    /// By an echo request, which is still to be sent: its way is being found.
    Echo { target: IpAddr },
    /// By one with this sequence number.
    Echoed { target: IpAddr, sequence: u16 },
}

#[derive(Clone, Copy, Debug)]
struct Running {
    probe: ProbeId,
    work: Work,
    started: Instant,
    until: Instant,
}

#[derive(Debug)]
struct Unit {
    name: String<NAME>,
    runs: bool,
}

#[derive(Debug)]
struct Watch {
    probe: ProbeId,
    name: String<NAME>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Checks {
    running: Vec<Running, RUNNING>,
    units: Vec<Unit, UNITS>,
    watches: Vec<Watch, WATCHES>,
    /// The ICMP socket that hears the answers.
    hearer: Option<SocketHandle>,
    /// What our echo requests bear.
    pub(crate) ident: u16,
    sequence: u16,
}

impl Checks {
    pub(crate) const fn new() -> Self {
        Self {
            running: Vec::new(),
            units: Vec::new(),
            watches: Vec::new(),
            hearer: None,
            ident: 0,
            sequence: 0,
        }
    }

    /// Adds the socket that hears the answers to our echo requests.
    pub(crate) fn add_hearer<'a>(
        &mut self,
        sockets: &mut SocketSet<'a>,
        mut socket: icmp::Socket<'a>,
        ident: u16,
        sequence: u16,
    ) {
        // It fails only for a socket that is bound.
        let _ = socket.bind(icmp::Endpoint::Ident(ident));
        self.hearer = Some(sockets.add(socket));
        (self.ident, self.sequence) = (ident, sequence);
    }

    /// Whether another check can begin.
    pub(crate) fn has_room(&self) -> bool {
        !self.running.is_full()
    }

    /// A check begins that is not over at once.
    pub(crate) fn begin(&mut self, now: Instant, probe: ProbeId, timeout: Duration, work: Work) {
        let _ = self.running.push(Running { probe, work, started: now, until: now + timeout });
    }

    /// Forgets a check or watch; gives the pool's place that it had.
    pub(crate) fn stop(&mut self, probe: ProbeId) -> Option<usize> {
        self.watches.retain(|watch| watch.probe != probe);
        let place = self.running.iter().position(|running| running.probe == probe)?;
        match self.running.swap_remove(place).work {
            Work::Tcp(seat) => Some(seat),
            Work::Echo { .. } | Work::Echoed { .. } => None,
        }
    }

    /// The work of the check in a place.
    pub(crate) fn work(&self, place: usize) -> Option<Work> {
        self.running.get(place).map(|running| running.work)
    }

    /// Whether the check in a place has had its time.
    pub(crate) fn is_late(&self, now: Instant, place: usize) -> bool {
        self.running.get(place).is_some_and(|running| running.until <= now)
    }

    /// An echo request goes out: its sequence number.
    pub(crate) fn echo(&mut self, place: usize, target: IpAddr) -> u16 {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        if let Some(running) = self.running.get_mut(place) {
            running.work = Work::Echoed { target, sequence };
        }
        sequence
    }

    /// A check is over.
    pub(crate) fn end(&mut self, now: Instant, place: usize, verdict: Verdict, facts: &mut Facts) {
        if place >= self.running.len() {
            return;
        }
        let Running { probe, started, .. } = self.running.swap_remove(place);
        facts.push(Fact::ProbeDone { probe, verdict, took: now - started });
    }

    /// Hears what came in answer to echo requests.
    pub(crate) fn hear(&mut self, now: Instant, sockets: &mut SocketSet<'_>, facts: &mut Facts) {
        let Some(handle) = self.hearer else { return };
        let socket = sockets.get_mut::<icmp::Socket>(handle);
        while let Ok((bytes, from)) = socket.recv() {
            let Some(sequence) = answered(bytes, from, self.ident) else { continue };
            let from: IpAddr = from.into();
            let its = Work::Echoed { target: from, sequence };
            if let Some(place) = self.running.iter().position(|running| running.work == its) {
                self.end(now, place, Verdict::Pass, facts);
            }
        }
    }

    /// A watch begins: what holds now is told at once.
    pub(crate) fn watch(&mut self, probe: ProbeId, name: &str, facts: &mut Facts) {
        let found = self.units.iter().find(|unit| unit.name == plain(name)).map(|unit| unit.runs);
        let mut verdict = verdict_of(found.unwrap_or(false));
        let kept = String::try_from(plain(name)).ok().map(|name| self.watches.push(Watch { probe, name }));
        if !matches!(kept, Some(Ok(()))) {
            // A change could not be told: it must not look well.
            verdict = Verdict::Fail(ProbeFailure::NotStarted);
        }
        facts.push(Fact::WatchChanged { probe, verdict });
    }

    /// A part of the application runs, or does no more. Whether its name could be kept.
    pub(crate) fn set_unit(&mut self, name: &str, runs: bool, facts: &mut Facts) -> bool {
        let Ok(name) = String::try_from(plain(name)) else { return false };
        match self.units.iter_mut().find(|unit| unit.name == name) {
            Some(unit) if unit.runs == runs => return true,
            Some(unit) => unit.runs = runs,
            None => {
                if self.units.push(Unit { name: name.clone(), runs }).is_err() {
                    return false;
                }
            }
        }
        for watch in self.watches.iter().filter(|watch| watch.name == name) {
            facts.push(Fact::WatchChanged { probe: watch.probe, verdict: verdict_of(runs) });
        }
        true
    }

    /// When the next check has had its time.
    pub(crate) fn deadline(&self) -> Instant {
        self.running.iter().map(|running| running.until).min().unwrap_or(Instant::FAR)
    }

    /// How many run.
    pub(crate) fn running(&self) -> usize {
        self.running.len()
    }
}

/// What this host answers of itself, when the target is an address of its own.
pub(crate) fn own_echo(addresses: &Addresses, target: IpAddr) -> Verdict {
    if target.is_loopback() || addresses.has(target) {
        Verdict::Pass
    } else {
        Verdict::Fail(ProbeFailure::Unreachable)
    }
}

/// Whether something of this host takes connections there.
pub(crate) fn own_port(addresses: &Addresses, sockets: &SocketSet<'_>, target: SocketAddr) -> Verdict {
    let reached = own_echo(addresses, target.ip());
    let listens = |socket: &Socket<'_>| match socket {
        Socket::Tcp(tcp) => {
            // One that has just been connected to listened here, and will again.
            let at = tcp.listen_endpoint();
            let here = at.addr.is_none_or(|address| address == IpAddress::from(target.ip()));
            tcp.is_open() && at.port == target.port() && here
        }
        _ => false,
    };
    match reached {
        Verdict::Pass if sockets.iter().any(|(_, socket)| listens(socket)) => Verdict::Pass,
        Verdict::Pass => Verdict::Fail(ProbeFailure::Refused),
        fail @ (Verdict::Fail(_) | Verdict::NotRun(_)) => fail,
    }
}

/// What a failed attempt to connect means to a check.
pub(crate) const fn failure(why: IoError) -> Verdict {
    Verdict::Fail(match why {
        IoError::Refused | IoError::Reset => ProbeFailure::Refused,
        IoError::TimedOut => ProbeFailure::TimedOut,
        IoError::Unreachable | IoError::AddressUnavailable => ProbeFailure::Unreachable,
        IoError::Exhausted => ProbeFailure::NotStarted,
        _ => ProbeFailure::Other,
    })
}

const fn verdict_of(runs: bool) -> Verdict {
    if runs { Verdict::Pass } else { Verdict::Fail(ProbeFailure::Missing) }
}

/// A unit's name without the suffix that is meant when it has none.
fn plain(name: &str) -> &str {
    name.strip_suffix(".service").unwrap_or(name)
}

/// The sequence number, if this is an answer to an echo request of ours.
fn answered(bytes: &[u8], from: IpAddress, ours: u16) -> Option<u16> {
    match from {
        IpAddress::Ipv4(_) => {
            let packet = Icmpv4Packet::new_checked(bytes).ok()?;
            match Icmpv4Repr::parse(&packet, &smoltcp::phy::ChecksumCapabilities::ignored()).ok()? {
                Icmpv4Repr::EchoReply { ident, seq_no, .. } if ident == ours => Some(seq_no),
                _ => None,
            }
        }
        IpAddress::Ipv6(six) => {
            let packet = Icmpv6Packet::new_checked(bytes).ok()?;
            let ignored = smoltcp::phy::ChecksumCapabilities::ignored();
            match Icmpv6Repr::parse(&six, &six, &packet, &ignored).ok()? {
                Icmpv6Repr::EchoReply { ident, seq_no, .. } if ident == ours => Some(seq_no),
                _ => None,
            }
        }
    }
}
