//! BFD for BGP (RFC 5882): one session for each peer that asks for one, and what its end means.
//!
//! BFD never announces, and holds BGP up only where `strict` says so. It ends a BGP session when it goes down after it was
//! up in that session: a peer that forgets its BFD session together with its BGP session (BIRD does) must not cost the
//! next one. A neighbor that switches BFD off (AdminDown) is not a path that is down.

use core::net::IpAddr;

use super::input::IoError;
use super::names::{BfdId, LinkId, PeerId};
use super::output::Output;
use super::poll::Job;
use super::record::Record;
use super::view::{BfdStanding, BfdView};
use super::{Inner, PeerSet, peers_in};
use crate::base::net::{Family, is_link_local};
use crate::base::time::{Duration, Instant};
use crate::bfd::BfdKind;
use crate::bfd::session::{Change, Session, Timing};
use crate::bgp::conn::Tcp;
use crate::bgp::peer::{Kind, LastEnd, Peer};
use crate::config::{BfdProfile, Clause, ConfigView, List, PeerFlags, PeerOptions, Rule};
use crate::wire::bfd::{LENGTH, Packet, State};

/// The timers when no profile says otherwise: FRR's.
const TIMING: Timing = Timing { multiplier: 3, transmit_ms: 300, receive_ms: 300 };
/// A packet with a smaller TTL than this crossed a router (RFC 5881 section 5).
const UNTOUCHED: u8 = 255;
/// How many hops a path may get longer while a multihop session is up: what comes from further away is not the neighbor's.
const DETOUR: u8 = 4;
/// How long the answer to `OpenDatagram` may take.
const ANSWER: Duration = Duration::from_secs(5);
/// The first pause after it was a failure; each further one is twice as long, up to [`LONGEST`].
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// Where a peer's BFD stands with the shim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// There is none.
    #[default]
    Off,
    /// The order to open it is owed.
    Owed,
    /// The order is out.
    Asked,
    /// Packets come and go.
    Open,
    /// It could not be opened; it is tried again.
    Failed,
    /// It only tells still that it is over.
    Leaving,
    /// The order to close it is owed, after a last packet if one is owed.
    Closing,
}

/// A peer's BFD. All zero bits at rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    session: Session,
    phase: Phase,
    kind: BfdKind,
    local: IpAddr,
    /// Which use of the slot this is.
    generation: u16,
    /// The least TTL that is believed, as configured; 0: what the neighbor's own packets tell, see [`Slot::min_ttl`].
    min_ttl: u8,
    /// How often in a row it could not be opened.
    failures: u8,
    /// Whether it was up in the BGP session that is up now: only then does its end mean something.
    guards: bool,
}

impl Slot {
    const REST: Self = Self {
        session: Session::REST,
        phase: Phase::Off,
        kind: BfdKind::SingleHop,
        local: IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED),
        generation: 0,
        min_ttl: 0,
        failures: 0,
        guards: false,
    };

    /// When to look at it again.
    fn deadline(&self) -> Instant {
        match self.phase {
            Phase::Off | Phase::Owed | Phase::Closing => Instant::FAR,
            Phase::Asked => self.session.since() + ANSWER,
            Phase::Failed => {
                self.session.since() + PAUSE.times(1 << self.failures.saturating_sub(1).min(6)).min(LONGEST)
            }
            Phase::Open | Phase::Leaving => self.session.deadline(),
        }
    }

    /// From when on a look at it may find something to do, if there is one anyhow.
    fn ready_at(&self) -> Instant {
        match self.phase {
            Phase::Open => self.session.ready_at(),
            _ => self.deadline(),
        }
    }

    /// The least TTL that is believed. RFC 5883 demands none, and some neighbors send with their system's own TTL (BIRD): so
    /// one that is not configured is taken from what is heard while the session is up.
    const fn min_ttl(&self) -> u8 {
        if self.min_ttl > 0 { self.min_ttl } else { self.session.heard_ttl().saturating_sub(DETOUR) }
    }

    /// Whether what a packet says of its session is believed now.
    fn believes(&mut self, packet: &Packet, ttl: u8) -> bool {
        ttl >= self.min_ttl() && !self.session.doubts(packet)
    }

    /// Ends it without another word.
    fn close(&mut self) {
        self.session.hush();
        self.phase = Phase::Closing;
    }
}

/// The BFD of all peers. All zero bits at rest.
#[derive(Debug)]
pub(super) struct Bfd<const P: usize> {
    slots: [Slot; P],
    /// Those that may owe an order.
    ready: PeerSet,
    /// Those that may be in use: a packet and a timer look at no others.
    used: PeerSet,
    /// No timer expires before this (a lower bound).
    pub(super) at: Instant,
    /// Before this a tick finds nothing to do (a lower bound).
    ready_at: Instant,
    /// Packets that RFC 5880 section 6.8.6 or their TTL refused.
    pub(super) refused: u32,
    /// Packets that belong to no session.
    pub(super) unknown: u32,
    /// The packet that is being sent.
    packet: [u8; LENGTH],
}

impl<const P: usize> Bfd<P> {
    pub(super) const fn new() -> Self {
        Self {
            slots: [Slot::REST; P],
            ready: 0,
            used: 0,
            at: Instant::ZERO,
            ready_at: Instant::ZERO,
            refused: 0,
            unknown: 0,
            packet: [0; LENGTH],
        }
    }

    fn touch(&mut self, peer: usize) {
        self.ready |= 1 << peer;
        self.at = self.at.min(self.slots[peer].deadline());
        self.ready_at = self.ready_at.min(self.slots[peer].ready_at());
    }
}

/// What a peer's BFD is to be.
#[derive(Clone, Copy)]
struct Wanted {
    kind: BfdKind,
    local: IpAddr,
    min_ttl: u8,
    timing: Timing,
    passive: bool,
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// Something changed that a peer's BFD may depend on: the configuration, our addresses, its BGP session.
    pub(super) fn weigh_bfd(&mut self, peer: usize) {
        let options = self.options(peer);
        let asked = has_bfd(&options) && self.is_wanted(peer);
        if self.bfd.slots[peer].phase == Phase::Off && !asked {
            return;
        }
        if !asked {
            self.leave_bfd(peer);
        } else if self.addresses_known && !self.pass.is_running() {
            // Which addresses are shared is known when all lines were met.
            if let Some(wanted) = self.wanted_bfd(peer, &options) {
                self.want_bfd(peer, wanted);
            }
        }
        self.bfd.touch(peer);
    }

    /// What a peer's BFD is to be; `None`: our address is not known, or not yet.
    fn wanted_bfd(&self, peer: usize, options: &PeerOptions) -> Option<Wanted> {
        let state = &self.peers[peer];
        let near = state.connected && !options.flags.on(PeerFlags::EBGP_MULTIHOP);
        let kind = if near { BfdKind::SingleHop } else { BfdKind::Multihop };
        let used = Some(state.local).filter(|local| !local.is_unspecified() && self.is_own(*local));
        let local = if options.update_source.is_unspecified() {
            used.or_else(|| self.source(peer)).or_else(|| {
                is_link_local(state.address)
                    .then(|| self.link_local_on(LinkId(state.link)).map(IpAddr::V6))
                    .flatten()
            })
        } else {
            Some(options.update_source)
        };
        let profile = profile(self.config.view(), options);
        let min_ttl = match kind {
            BfdKind::SingleHop => UNTOUCHED,
            BfdKind::Multihop if profile.minimum_ttl > 0 => profile.minimum_ttl,
            BfdKind::Multihop if options.ttl_security == 0 => 0,
            BfdKind::Multihop => UNTOUCHED - (options.ttl_security - 1),
        };
        let same_family = |local: &IpAddr| Family::of(*local) == Family::of(state.address);
        let local = local.filter(same_family)?;
        Some(Wanted { kind, local, min_ttl, timing: timing(profile), passive: profile.passive })
    }

    fn want_bfd(&mut self, peer: usize, wanted: Wanted) {
        let slot = &self.bfd.slots[peer];
        let moved = (slot.kind, slot.local) != (wanted.kind, wanted.local);
        // One that is up and guards a session knows better than our tables: if the address is gone, silence tells.
        let stays = slot.guards && slot.session.state() == State::Up;
        match slot.phase {
            // The same neighbor, whose session before it was taken off is still ending, calls again.
            Phase::Off if self.is_still_ending(peer) => {}
            Phase::Off => self.begin_bfd(peer, wanted),
            Phase::Owed | Phase::Failed if moved => self.begin_bfd(peer, wanted),
            Phase::Asked | Phase::Open if moved && !stays => self.bfd.slots[peer].close(),
            // Another one follows it.
            Phase::Leaving => self.bfd.slots[peer].close(),
            Phase::Owed | Phase::Failed | Phase::Asked | Phase::Open => {
                let slot = &mut self.bfd.slots[peer];
                slot.min_ttl = wanted.min_ttl;
                slot.session.configure(wanted.timing, wanted.passive);
            }
            Phase::Closing => {}
        }
    }

    /// Whether a peer that left the configuration had the same address, and its BFD is not over.
    fn is_still_ending(&self, peer: usize) -> bool {
        let address = self.peers[peer].address;
        let twin = |other: &Peer| other.kind == Kind::Leaving && other.address == address;
        self.peers.iter().zip(&self.bfd.slots).any(|(other, slot)| twin(other) && slot.phase != Phase::Off)
    }

    /// Begins anew, under a name and with a discriminator that were not in use before.
    fn begin_bfd(&mut self, peer: usize, wanted: Wanted) {
        let discriminator = loop {
            let drawn = self.rand.next();
            let taken = |slot: &Slot| slot.session.local_discriminator() == drawn;
            if drawn != 0 && !self.bfd.slots.iter().any(taken) {
                break drawn;
            }
        };
        for other in (0..P).filter(|&other| other != peer) {
            let slot = &mut self.bfd.slots[other];
            if slot.phase == Phase::Leaving && (slot.kind, slot.local) == (wanted.kind, wanted.local) {
                // It may be the same neighbor, in another place: it must not hear of the end any more.
                slot.close();
                self.bfd.touch(other);
            }
        }
        self.bfd.used |= 1 << peer;
        let slot = &mut self.bfd.slots[peer];
        *slot = Slot {
            session: Session::begin(self.now, discriminator, wanted.timing, wanted.passive),
            phase: Phase::Owed,
            kind: wanted.kind,
            local: wanted.local,
            generation: slot.generation.wrapping_add(1),
            min_ttl: wanted.min_ttl,
            failures: slot.failures,
            guards: false,
        };
    }

    /// The peer is not to have BFD any more. Only when its BGP session is over may it be told: a neighbor that takes
    /// AdminDown for the end would reset the session.
    fn leave_bfd(&mut self, peer: usize) {
        let goes = !self.is_wanted(peer);
        let (address, is_up) = (self.peers[peer].address, self.peers[peer].established().is_some());
        let talks = self.peers[peer].conns.iter().any(|conn| !matches!(conn.tcp, Tcp::None | Tcp::Dialing));
        let (now, slot) = (self.now, &mut self.bfd.slots[peer]);
        match slot.phase {
            Phase::Off | Phase::Leaving | Phase::Closing => {}
            Phase::Owed | Phase::Failed => slot.phase = Phase::Off,
            Phase::Asked => slot.close(),
            Phase::Open if is_up && !goes => {
                slot.close();
                self.record(Record::BfdRemoved { peer: address });
            }
            Phase::Open if talks => {} // the end of the connection calls again
            Phase::Open => {
                slot.session.shut(now);
                slot.phase = Phase::Leaving;
            }
        }
    }

    /// A BGP session came up or went down: what BFD did before says nothing of the next one.
    pub(super) fn bfd_guards_nothing(&mut self, peer: usize) {
        self.bfd.slots[peer].guards = false;
    }

    /// All else is done: whoever was not told of the end by now is told once.
    pub(super) fn end_bfd(&mut self) {
        for peer in 0..P {
            if self.bfd.slots[peer].phase == Phase::Leaving {
                self.bfd.slots[peer].phase = Phase::Closing;
                self.bfd.touch(peer);
            }
        }
    }

    /// Whether a session may be made: with `strict` only on a path that BFD found good, or when the neighbor does not want
    /// to use BFD now. Who connects from a listen range is not known before, so BFD cannot be.
    pub(super) fn bfd_permits(&self, peer: usize) -> bool {
        self.is_path_good(peer) || !self.is_strict(peer)
    }

    fn is_strict(&self, peer: usize) -> bool {
        self.options(peer).flags.on(PeerFlags::BFD_STRICT)
            && !matches!(self.peers[peer].kind, Kind::Dynamic(_))
    }

    fn is_path_good(&self, peer: usize) -> bool {
        let slot = &self.bfd.slots[peer];
        slot.phase == Phase::Open
            && (slot.session.state() == State::Up || slot.session.remote_state() == State::AdminDown)
    }

    /// `OpenDatagram` was answered.
    pub(super) fn datagram_done(&mut self, id: BfdId, result: Result<(), IoError>) {
        let peer = usize::from(id.peer.0);
        let is_it = |slot: &&mut Slot| slot.generation == id.generation && slot.phase == Phase::Asked;
        let Some(slot) = self.bfd.slots.get_mut(peer).filter(is_it) else {
            self.stale_inputs = self.stale_inputs.saturating_add(1);
            return;
        };
        match result {
            Ok(()) => (slot.phase, slot.failures) = (Phase::Open, 0),
            Err(why) => self.bfd_failed(peer, why),
        }
        self.bfd.touch(peer);
    }

    /// It cannot be opened: said once, tried again with growing pauses.
    fn bfd_failed(&mut self, peer: usize, why: IoError) {
        let slot = &mut self.bfd.slots[peer];
        slot.phase = Phase::Failed;
        slot.failures = slot.failures.saturating_add(1);
        slot.session = Session::begin(self.now, 0, slot.session.timing(), false);
        if slot.failures == 1 {
            let peer = self.peers[peer].address;
            self.record(Record::BfdFailed { peer, why });
        }
    }

    /// A packet came.
    pub(super) fn datagram(
        &mut self,
        (kind, link): (BfdKind, LinkId),
        (local, remote): (IpAddr, IpAddr),
        ttl: u8,
        bytes: &[u8],
    ) {
        let Ok(packet) = Packet::read(bytes) else {
            self.bfd.refused = self.bfd.refused.saturating_add(1);
            return;
        };
        let mut used = peers_in(self.bfd.used);
        let Some(peer) = used.find(|&peer| self.is_bfd_for(peer, kind, &packet, (local, remote, link)))
        else {
            self.bfd.unknown = self.bfd.unknown.saturating_add(1);
            return;
        };
        if !self.bfd.slots[peer].believes(&packet, ttl) {
            self.bfd.refused = self.bfd.refused.saturating_add(1);
            return;
        }
        let was_good = self.is_path_good(peer);
        let (now, slot) = (self.now, &mut self.bfd.slots[peer]);
        let change = slot.session.receive(now, &packet, ttl);
        self.bfd_changed(peer, change);
        let is_up = self.peers[peer].established().is_some();
        let slot = &mut self.bfd.slots[peer];
        slot.guards |= is_up && slot.session.state() == State::Up;
        if !was_good && self.is_path_good(peer) && self.is_strict(peer) {
            self.dial_soon(peer);
        }
        self.bfd.touch(peer);
    }

    /// Whether a packet belongs to a peer's session: by our discriminator and its source once the peer knows it, by the addresses
    /// before (RFC 5880 section 6.3, RFC 5881 section 3, RFC 5883 section 4).
    fn is_bfd_for(
        &self,
        peer: usize,
        kind: BfdKind,
        packet: &Packet,
        (local, remote, link): (IpAddr, IpAddr, LinkId),
    ) -> bool {
        let (slot, state) = (&self.bfd.slots[peer], &self.peers[peer]);
        if slot.kind != kind || state.address != remote || !matches!(slot.phase, Phase::Open | Phase::Leaving)
        {
            return false;
        }
        if packet.your_discriminator != 0 {
            return slot.session.local_discriminator() == packet.your_discriminator;
        }
        if slot.phase == Phase::Leaving {
            return false; // who does not know our discriminator means the session that follows
        }
        let same_link = || state.link == link.0;
        slot.local == local && (!is_link_local(remote) || same_link())
    }

    /// What a session's change means to BGP.
    fn bfd_changed(&mut self, peer: usize, change: Change) {
        let (address, session) = (self.peers[peer].address, self.bfd.slots[peer].session);
        match change {
            Change::None => {}
            Change::Up => self.record(Record::BfdUp { peer: address }),
            Change::Down => {
                let guarded = core::mem::take(&mut self.bfd.slots[peer].guards);
                self.record(Record::BfdDown {
                    peer: address,
                    why: session.diagnostic(),
                    remote: session.remote_state(),
                    said: session.remote_diagnostic(),
                });
                if session.remote_state() != State::AdminDown && (guarded || !self.bfd_permits(peer)) {
                    self.path_down(peer, LastEnd::BfdDown);
                }
            }
        }
    }

    /// The timers that have expired, and the packets that may as well leave now.
    pub(super) fn bfd_timers(&mut self) {
        if self.now < self.bfd.ready_at {
            return;
        }
        (self.bfd.at, self.bfd.ready_at) = (Instant::FAR, Instant::FAR);
        for peer in peers_in(self.bfd.used) {
            if self.bfd.slots[peer].ready_at() <= self.now {
                self.bfd_timer(peer);
            }
            let slot = &self.bfd.slots[peer];
            if slot.phase == Phase::Off {
                self.bfd.used &= !(1 << peer);
            }
            self.bfd.at = self.bfd.at.min(slot.deadline());
            self.bfd.ready_at = self.bfd.ready_at.min(slot.ready_at());
        }
    }

    fn bfd_timer(&mut self, peer: usize) {
        let (now, slot) = (self.now, &mut self.bfd.slots[peer]);
        match slot.phase {
            Phase::Open => {
                let change = slot.session.tick(now);
                self.bfd_changed(peer, change);
            }
            Phase::Leaving if slot.session.is_over(now) => slot.close(),
            Phase::Leaving => {
                slot.session.tick(now);
            }
            Phase::Asked => slot.close(),
            Phase::Failed => {
                slot.phase = Phase::Off;
                self.weigh_bfd(peer);
            }
            Phase::Off | Phase::Owed | Phase::Closing => {}
        }
        self.bfd.ready |= 1 << peer;
    }

    /// The next order.
    pub(super) fn bfd_job(&mut self) -> Option<Job> {
        while self.bfd.ready != 0 {
            let peer = self.bfd.ready.trailing_zeros() as usize;
            let slot = &mut self.bfd.slots[peer];
            match slot.phase {
                Phase::Owed => {
                    slot.phase = Phase::Asked;
                    self.bfd.touch(peer);
                    return Some(Job::OpenDatagram(peer));
                }
                Phase::Open | Phase::Leaving | Phase::Closing if slot.session.owes() => {
                    self.bfd.packet = slot.session.packet(self.now, &mut self.rand).write();
                    self.bfd.touch(peer);
                    return Some(Job::SendDatagram(peer));
                }
                Phase::Closing => {
                    slot.phase = Phase::Off;
                    let id = self.bfd_id(peer);
                    self.weigh_bfd(peer);
                    return Some(Job::CloseDatagram(id));
                }
                _ => self.bfd.ready &= self.bfd.ready - 1,
            }
        }
        None
    }

    fn bfd_id(&self, peer: usize) -> BfdId {
        BfdId { peer: PeerId(peer as u16), generation: self.bfd.slots[peer].generation }
    }

    /// What `show` shows.
    pub(super) fn bfd_view(&self, peer: usize) -> Option<BfdView> {
        let slot = &self.bfd.slots[peer];
        let standing = match slot.phase {
            Phase::Off | Phase::Closing => return None,
            Phase::Owed | Phase::Asked => BfdStanding::Opening,
            Phase::Open => BfdStanding::Open,
            Phase::Failed => BfdStanding::Failed,
            Phase::Leaving => BfdStanding::Leaving,
        };
        let session = &slot.session;
        let ((remote_transmit, remote_receive, remote_multiplier), (received, sent)) =
            (session.remote_timing(), session.packets());
        Some(BfdView {
            standing,
            kind: slot.kind,
            local: slot.local,
            min_ttl: slot.min_ttl(),
            state: session.state(),
            since: session.since(),
            diagnostic: session.diagnostic(),
            remote_state: session.remote_state(),
            remote_diagnostic: session.remote_diagnostic(),
            local_discriminator: session.local_discriminator(),
            remote_discriminator: session.remote_discriminator(),
            timing: session.timing(),
            interval: session.interval(),
            remote_transmit,
            remote_receive,
            remote_multiplier,
            detection_time: session.detection_time(),
            received,
            sent,
        })
    }

    /// The order to open it.
    pub(super) fn open_datagram(&self, peer: usize) -> Output<'_> {
        let (state, slot) = (&self.peers[peer], &self.bfd.slots[peer]);
        let link = Some(LinkId(state.link)).filter(|&link| link != LinkId(0));
        let needs_link = is_link_local(state.address) && Family::of(state.address) == Family::Ipv6;
        Output::OpenDatagram {
            bfd: self.bfd_id(peer),
            kind: slot.kind,
            local: slot.local,
            remote: state.address,
            via: link.filter(|_| needs_link),
        }
    }

    /// The order to send what was written last.
    pub(super) fn send_datagram(&self, peer: usize) -> Output<'_> {
        Output::SendDatagram { bfd: self.bfd_id(peer), bytes: &self.bfd.packet }
    }
}

/// Whether a peer with these options has BFD.
fn has_bfd(options: &PeerOptions) -> bool {
    options.flags.on(PeerFlags::BFD) || options.flags.on(PeerFlags::BFD_STRICT)
}

/// What the peer's profile says; nothing without one.
fn profile(view: ConfigView<'_>, options: &PeerOptions) -> BfdProfile {
    let is_it = |rule: &&Rule| rule.list == List::BfdProfile && rule.name == options.bfd_profile;
    match view.rules.iter().find(is_it).map(|rule| rule.clause) {
        Some(Clause::Bfd(profile)) => profile,
        _ => BfdProfile::default(),
    }
}

/// The timers that a profile says, and the defaults where it says nothing.
fn timing(profile: BfdProfile) -> Timing {
    let or = |given: u16, default: u16| if given == 0 { default } else { given };
    Timing {
        multiplier: if profile.multiplier == 0 { TIMING.multiplier } else { profile.multiplier },
        transmit_ms: or(profile.transmit_ms, TIMING.transmit_ms),
        receive_ms: or(profile.receive_ms, TIMING.receive_ms),
    }
}
