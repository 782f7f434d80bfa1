//! A peer: its two connection slots, when it is dialed, and which of two connections is kept.

use core::net::{IpAddr, Ipv4Addr};

use crate::base::net::Families;
use crate::base::rand::Rand;
use crate::base::time::{Duration, Instant};
use crate::bgp::conn::Conn;
use crate::bgp::fsm::State;
use crate::config::{PeerFlags, PeerOptions};

/// After a loss, attempts are this far apart for [`EAGER_FOR`].
const EAGER: Duration = Duration::from_millis(200);
/// How long attempts are made eagerly.
const EAGER_FOR: Duration = Duration::from_secs(2);
/// After that, attempts are this far apart.
const STEADY: Duration = Duration::from_secs(1);
/// A session that ends before it is this old was short: a peer that lets us in and throws us out again is not dialed at once
/// (RFC 4271 section 8.1.1: DampPeerOscillations).
pub(crate) const SHORT: Duration = Duration::from_secs(10);
/// How many short sessions in a row may just close before the peer must wait to connect again.
const CLOSES: u16 = 3;
/// The longest pause after short sessions, and after the peer told us to stay away.
pub(crate) const LONGEST: Duration = Duration::from_secs(60);
/// After so long without a session it is told that there is none, once.
pub(crate) const MISSED_AFTER: Duration = Duration::from_secs(10);
/// The longest text of a Cease, in octets (RFC 9003 section 2).
pub(crate) const TEXT: usize = 255;

/// How a peer came to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The place is free.
    #[default]
    Free,
    /// A `neighbor` line; the index says which.
    Configured(u16),
    /// It connected from a `bgp listen range`; the index says of which peer-group.
    Dynamic(u16),
    /// It left the configuration; its connections are still ending.
    Leaving,
}

/// What a peer earned the pause by that runs before the next attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Earned {
    /// It earned none.
    #[default]
    Nothing,
    /// It told us to stay away, or our OPENs do not fit.
    Refusal,
    /// A short session, whose connection just ended.
    Closed,
    /// A short session that one side ended with a NOTIFICATION.
    Told,
}

/// What the first batch waits for, and what is said around batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Batch {
    /// The first batch is held back until everything is decided, at the latest until this instant; zero: it is not.
    pub until: Instant,
    /// Families whose End-of-RIB is owed.
    pub end_of_rib: Families,
    /// Families whose refresh begins as soon as the wire is free (RFC 7313: BoRR).
    pub refresh_begin: Families,
    /// Families whose refresh ends when nothing is owed any more (EoRR).
    pub refresh_end: Families,
    /// Families that the peer is to be asked to tell again (RFC 2918).
    pub ask_again: Families,
}

impl Batch {
    /// Nothing is waited for.
    pub(crate) const REST: Self = Self {
        until: Instant::ZERO,
        end_of_rib: Families::NONE,
        refresh_begin: Families::NONE,
        refresh_end: Families::NONE,
        ask_again: Families::NONE,
    };
}

/// A peer. All zero bits at rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// How it came to be.
    pub kind: Kind,
    /// Its address.
    pub address: IpAddr,
    /// The link it is on, by the number that the host gives it; 0: none, or it is not known.
    pub link: u32,
    /// Whether it is on a connected subnet.
    pub connected: bool,
    /// The slots: outgoing, incoming.
    pub conns: [Conn; 2],
    /// Which slot has the large buffers.
    pub large: u8,
    /// When to dial next; zero: not by a timer.
    pub dial_at: Instant,
    /// Since when there is no session (for the cadence of attempts), or when it last earned a pause.
    pub lost_at: Instant,
    /// How often in a row the peer told us to stay away.
    pub refusals: u8,
    /// How many sessions in a row were short.
    pub shorts: u16,
    /// How often it connected and was turned away since it had a session.
    pub turned_away: u16,
    /// UPDATEs with an error that did not cost the session: how often an attribute was ignored, and a route withdrawn.
    pub malformed: [u16; 2],
    /// Whether it takes an OPEN only without optional parameters.
    pub plain: bool,
    /// What the pause that runs was earned by.
    pub earned: Earned,
    /// The families of which more prefixes are kept than `maximum-prefix` allows, and that was told.
    pub over_maximum: Families,
    /// What the next batch waits for.
    pub batch: Batch,
    /// Our end of the session.
    pub local: IpAddr,
    /// Whether the host has told that address in this session.
    pub local_seen: bool,
    /// Whether it was there and is not any more.
    pub local_gone: bool,
    /// Families of which a route was not told for want of a next hop, and that was said.
    pub lacks_next_hop: Families,
    /// The next hops that it is told.
    pub next_hops: Digests,
    /// Since when the session is up, or there is none.
    pub since: Instant,
    /// When to tell that there is still no session; zero: not to come.
    pub missed_at: Instant,
    /// Messages received in this session.
    pub messages_in: u32,
    /// Messages sent in this session.
    pub messages_out: u32,
    /// Routes that it was told.
    pub told: u16,
    /// Sessions so far.
    pub sessions: u32,
    /// Why the last session or attempt ended.
    pub last_end: LastEnd,
    /// Why the last session ended.
    pub session_end: LastEnd,
    /// What its last NOTIFICATION said.
    pub text: [u8; TEXT],
    /// How much of that.
    pub text_length: u8,
}

/// A number for a next hop, by family of the routes; 0: there is none.
pub(crate) type Digests = [u32; 2];

/// Why the last session or attempt ended. The rest value: none ended yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LastEnd {
    /// None ended yet.
    #[default]
    None,
    /// The peer sent a NOTIFICATION.
    Received(u8, u8),
    /// We sent one.
    Sent(u8, u8),
    /// The TCP connection failed or ended; the number is the engine's.
    Connection(u8),
    /// The link to the peer lost its carrier.
    LinkDown,
    /// BFD found that the path to the peer is down.
    BfdDown,
}

impl Peer {
    /// A free place.
    pub(crate) const REST: Self = Self {
        kind: Kind::Free,
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        link: 0,
        connected: false,
        conns: [Conn::REST; 2],
        large: 0,
        dial_at: Instant::ZERO,
        lost_at: Instant::ZERO,
        refusals: 0,
        shorts: 0,
        turned_away: 0,
        plain: false,
        malformed: [0; 2],
        earned: Earned::Nothing,
        over_maximum: Families::NONE,
        batch: Batch::REST,
        local: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        local_seen: false,
        local_gone: false,
        lacks_next_hop: Families::NONE,
        next_hops: [0; 2],
        since: Instant::ZERO,
        missed_at: Instant::ZERO,
        messages_in: 0,
        messages_out: 0,
        told: 0,
        sessions: 0,
        last_end: LastEnd::None,
        session_end: LastEnd::None,
        text: [0; TEXT],
        text_length: 0,
    };

    /// The state of the furthest connection, and its slot.
    pub(crate) fn furthest(&self) -> (State, usize) {
        let [outgoing, incoming] = &self.conns;
        if incoming.state > outgoing.state { (incoming.state, 1) } else { (outgoing.state, 0) }
    }

    /// The slot whose session is up.
    pub(crate) fn established(&self) -> Option<usize> {
        self.conns.iter().position(|conn| conn.state == State::Established)
    }

    /// Whether dialing may go on: no connection is in OpenConfirm or Established.
    pub(crate) fn may_dial(&self) -> bool {
        self.furthest().0 < State::OpenConfirm
    }

    /// How long until the next attempt: at once after a loss, then eagerly, then steadily; `timers connect` (seconds; 0: not
    /// given) caps it. An attempt that begins (`begins`) is given up then: it gets as long as there was no session, for the
    /// peer may be far away.
    pub(crate) fn pause(&self, connect: u16, begins: bool, now: Instant, rand: &mut Rand) -> Duration {
        let lost = now - self.lost_at;
        let pause = match lost < EAGER_FOR {
            _ if self.is_backing_off() => self.earned_pause(),
            true if begins => lost.max(EAGER).min(STEADY),
            true => EAGER,
            false => STEADY,
        };
        let cap = match connect {
            0 => LONGEST,
            seconds => Duration::from_secs(seconds.into()),
        };
        rand.jitter(pause.min(cap))
    }

    /// Whether the pause that runs is one that the peer earned.
    pub(crate) fn is_backing_off(&self) -> bool {
        self.earned != Earned::Nothing
    }

    /// The pause after short sessions (1 s, 2 s, 4 s, …) and after refusals (2 s, 4 s, …): RFC 4271's IdleHoldTime.
    fn earned_pause(&self) -> Duration {
        let doubled = u16::from(self.refusals).max(self.shorts.saturating_sub(1));
        STEADY.times(1 << doubled.min(6)).min(LONGEST)
    }

    /// Whether the pause that the peer earned is not over, jitter left out.
    pub(crate) fn is_held_off(&self, now: Instant) -> bool {
        self.is_backing_off() && now < self.lost_at + self.earned_pause().times(3).part(4)
    }

    /// Whether the peer may not connect to us yet: until three quarters of the pause are over, so that the other side, whose
    /// pause is jittered, is not late. A session that just closed (a daemon was killed and is there again) keeps nobody out
    /// for a few times, nor does a good one that ended with a NOTIFICATION (a planned restart).
    pub(crate) fn is_kept_out(&self, now: Instant) -> bool {
        let pause = match self.earned {
            Earned::Refusal if self.refusals > 1 => STEADY,
            Earned::Closed if self.shorts > CLOSES => self.earned_pause().min(STEADY.times(2)),
            Earned::Told => self.earned_pause(),
            Earned::Nothing | Earned::Refusal | Earned::Closed => return false,
        };
        now < self.lost_at + pause.times(3).part(4)
    }

    /// Whether a place must be kept for a peer without a connection, because what it earned is not forgotten.
    pub(crate) fn is_remembered(&self, now: Instant) -> bool {
        self.is_backing_off() && now < self.lost_at + LONGEST
    }

    /// The TTL or hop limit to send with, and the least to accept (RFC 5082).
    pub(crate) fn ttl(&self, options: &PeerOptions, internal: bool) -> (u8, u8) {
        if options.ttl_security > 0 {
            (255, 255 - (options.ttl_security - 1))
        } else if options.flags.on(PeerFlags::EBGP_MULTIHOP) {
            (if options.multihop == 0 { 255 } else { options.multihop }, 0)
        } else if internal {
            (64, 0)
        } else if self.connected || options.flags.on(PeerFlags::DISABLE_CONNECTED_CHECK) {
            (1, 0)
        } else {
            (16, 0)
        }
    }

    /// Keeps what a NOTIFICATION said; empty: nothing.
    pub(crate) fn keep_text(&mut self, text: &[u8]) {
        self.text_length = 0;
        for (place, &octet) in self.text.iter_mut().zip(text) {
            *place = octet;
            self.text_length += 1;
        }
    }

    /// What its last NOTIFICATION said.
    pub(crate) fn text(&self) -> &[u8] {
        self.text.get(..usize::from(self.text_length)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbor_whose_subnet_is_not_checked_is_reached_with_a_ttl_of_1() {
        let peer = Peer { connected: false, ..Peer::REST };
        let mut options = PeerOptions::REST;
        assert_eq!((peer.ttl(&options, false), peer.ttl(&options, true)), ((16, 0), (64, 0)));
        options.flags.set(PeerFlags::DISABLE_CONNECTED_CHECK, true);
        assert_eq!((peer.ttl(&options, false), peer.ttl(&options, true)), ((1, 0), (64, 0)));
        options.flags.set(PeerFlags::DISABLE_CONNECTED_CHECK, false);
        assert_eq!(peer.ttl(&options, false), (16, 0));
    }

    #[test]
    fn attempts_are_eager_for_two_seconds_and_then_one_a_second() {
        let peer = Peer { lost_at: Instant::from_micros(1), ..Peer::REST };
        let mut rand = Rand::new(3);
        let early = peer.pause(0, false, Instant::from_micros(1_000_000), &mut rand);
        assert!(early <= EAGER && early >= Duration::from_millis(150));
        let late = peer.pause(0, false, Instant::from_micros(3_000_000), &mut rand);
        assert!(late <= STEADY && late >= Duration::from_millis(750));
        let begun = peer.pause(0, true, Instant::from_micros(800_001), &mut rand);
        assert!(begun <= Duration::from_millis(800) && begun >= Duration::from_millis(600));
    }

    #[test]
    fn refusals_double_the_pause_up_to_a_minute() {
        let mut peer = Peer { earned: Earned::Refusal, ..Peer::REST };
        let mut rand = Rand::new(3);
        for (refusals, most) in [(1, 2), (2, 4), (3, 8), (6, 60), (200, 60)] {
            peer.refusals = refusals;
            let pause = peer.pause(0, false, Instant::ZERO, &mut rand);
            assert!(
                pause <= Duration::from_secs(most) && pause >= Duration::from_secs(most).times(3).part(4)
            );
        }
    }

    #[test]
    fn short_sessions_double_the_pause_from_one_second_up_to_a_minute() {
        let mut peer = Peer { earned: Earned::Told, lost_at: Instant::from_micros(1), ..Peer::REST };
        let mut rand = Rand::new(3);
        for (shorts, most) in [(1, 1), (2, 2), (3, 4), (4, 8), (6, 32), (7, 60), (u16::MAX, 60)] {
            peer.shorts = shorts;
            let (least, most) = (Duration::from_secs(most).times(3).part(4), Duration::from_secs(most));
            let pause = peer.pause(0, false, Instant::ZERO, &mut rand);
            assert!(pause <= most && pause >= least, "{shorts}: {pause:?}");
            let end = peer.lost_at + least;
            assert!(!peer.is_held_off(end) && peer.is_held_off(peer.lost_at));
        }
    }

    #[test]
    fn timers_connect_caps_the_pause() {
        let peer = Peer { earned: Earned::Refusal, refusals: 6, ..Peer::REST };
        assert!(peer.pause(5, false, Instant::ZERO, &mut Rand::new(1)) <= Duration::from_secs(5));
    }

    #[test]
    fn the_ttl_follows_the_statement_then_the_kind_of_peer() {
        let (mut peer, mut options) = (Peer::REST, PeerOptions::REST);
        assert_eq!(peer.ttl(&options, false), (16, 0));
        peer.connected = true;
        assert_eq!((peer.ttl(&options, false), peer.ttl(&options, true)), ((1, 0), (64, 0)));
        options.flags.set(PeerFlags::EBGP_MULTIHOP, true);
        assert_eq!(peer.ttl(&options, false), (255, 0));
        options.multihop = 10;
        assert_eq!(peer.ttl(&options, false), (10, 0));
        options.ttl_security = 2;
        assert_eq!(peer.ttl(&options, false), (255, 254));
    }

    #[test]
    fn a_ceases_text_is_cut_at_a_character() {
        let mut peer = Peer::REST;
        peer.keep_text("é".repeat(127).as_bytes());
        assert_eq!(peer.text(), "é".repeat(127).as_bytes());
        peer.keep_text(&[]);
        assert_eq!(peer.text(), b"");
    }
}
