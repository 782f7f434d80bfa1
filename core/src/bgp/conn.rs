//! One TCP connection of a peer, or an attempt at one: its state, its timers, and what it owes the wire.
//!
//! Orders are owed, not queued: [`Owed`] is a set, so that owing twice is owing once, and bytes are built only when the
//! transmit buffer is empty.

use crate::base::net::{Asn, BgpId};
use crate::base::rand::Rand;
use crate::base::time::{Duration, Instant};
use crate::bgp::fsm::{Actions, Event, State, Step, transition};
use crate::bgp::negotiate::Session;
use crate::wire::header::MessageType;
use crate::wire::notification::{Fault, Notification, cease, fsm, hold_timer};

/// How long we wait for the peer's OPEN. RFC 4271 suggests four minutes; a failover cannot wait for a peer that accepted
/// and then froze.
pub(crate) const OPEN_WAIT: Duration = Duration::from_secs(30);
/// How long a connection may take to end in peace before it is reset.
pub(crate) const CLOSING: Duration = Duration::from_secs(1);
/// The least SendHoldTime (RFC 9687 section 3.1).
pub(crate) const SEND_HOLD: Duration = Duration::from_secs(480);

/// The timers of a connection; the index into [`Conn::timers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// HoldTimer; while an OPEN is awaited, the large one; on the way out, how long the end may still take.
    Hold,
    /// KeepaliveTimer.
    Keepalive,
    /// SendHoldTimer (RFC 9687); runs while the wire takes nothing.
    SendHold,
}

impl Timer {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Hold, Self::Keepalive, Self::SendHold];
}

/// Where the TCP connection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tcp {
    /// There is none.
    #[default]
    None,
    /// We asked for one.
    Dialing,
    /// It is there.
    Open,
    /// It is there, and ends as soon as what must still be said has been sent.
    Ending,
    /// The order to close it is out; the answer is awaited.
    Closing,
}

/// What a connection owes: a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owed(u16);

impl Owed {
    /// The order to connect.
    pub(crate) const CONNECT: Self = Self(1);
    /// The order to adopt the accepted socket.
    pub(crate) const ADOPT: Self = Self(1 << 1);
    /// An OPEN.
    pub(crate) const OPEN: Self = Self(1 << 2);
    /// A KEEPALIVE.
    pub(crate) const KEEPALIVE: Self = Self(1 << 3);
    /// A NOTIFICATION: [`Conn::fault`].
    pub(crate) const NOTIFICATION: Self = Self(1 << 4);
    /// The order to close in peace, once everything is sent.
    pub(crate) const CLOSE: Self = Self(1 << 5);
    /// The order to close at once.
    pub(crate) const ABORT: Self = Self(1 << 6);
    /// The question whether everything sent was acknowledged.
    pub(crate) const ASK_FLUSHED: Self = Self(1 << 7);
    /// Nothing, for now: that question is out, and its answer awaited.
    pub(crate) const FLUSHING: Self = Self(1 << 8);

    /// Whether all of `other` is owed.
    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Owes `other` too.
    pub(crate) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Owes `other` no more; says whether it was owed.
    pub(crate) fn take(&mut self, other: Self) -> bool {
        let had = self.has(other);
        self.0 &= !other.0;
        had
    }
}

/// A connection slot. All zero bits at rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conn {
    /// The FSM's state.
    pub state: State,
    /// The TCP connection's.
    pub tcp: Tcp,
    /// Which use of the slot this is; an input with another one is dead.
    pub generation: u32,
    /// An earlier use whose end must still be ordered; 0: none.
    pub dying: u32,
    /// What is owed.
    pub owed: Owed,
    /// The NOTIFICATION that is owed.
    pub fault: Fault,
    /// Whether a `Send` is out.
    pub sending: bool,
    /// Octets in the receive buffer.
    pub received: u16,
    /// Octets in the transmit buffer.
    pub filled: u16,
    /// Those of them that the wire has taken.
    pub sent: u16,
    /// The accepted socket, until it is adopted.
    pub socket: u32,
    /// What was agreed on, from OpenConfirm on.
    pub session: Session,
    /// When each timer expires; zero: it does not run.
    pub timers: [Instant; 3],
}

impl Default for Conn {
    fn default() -> Self {
        Self::REST
    }
}

impl Conn {
    /// A slot at rest.
    pub(crate) const REST: Self = Self {
        state: State::Idle,
        tcp: Tcp::None,
        generation: 0,
        dying: 0,
        owed: Owed(0),
        fault: Fault::NONE,
        sending: false,
        received: 0,
        filled: 0,
        sent: 0,
        socket: 0,
        session: Session::REST,
        timers: [Instant::ZERO; 3],
    };

    /// Takes an event, does what the step says that concerns this connection alone, and returns the step: the peer does
    /// the rest (dialing, counting, going up and down). `fault` tells the peer why, where the event itself does not.
    pub(crate) fn fire(&mut self, event: Event, fault: Fault, now: Instant, rand: &mut Rand) -> Step {
        let step = transition(self.state, event);
        let from = self.state;
        self.state = step.next;
        let does = |action| step.actions.has(action);
        if does(Actions::NOTIFY) && self.tcp == Tcp::Open {
            self.fault = if does(Actions::FSM_ERROR) {
                fsm_error(from, event, &fault)
            } else if fault.is_none() {
                reason(event)
            } else {
                fault
            };
            self.owed.add(Owed::NOTIFICATION);
        }
        if does(Actions::DROP) {
            self.end(event, now);
        }
        if does(Actions::OPEN) {
            self.owed.add(Owed::OPEN);
            self.set(Timer::Hold, now + OPEN_WAIT);
        }
        if does(Actions::KEEPALIVE) {
            self.owed.add(Owed::KEEPALIVE);
        }
        if does(Actions::KEEPALIVE_START) {
            self.start_keepalive(now, rand);
        }
        if does(Actions::HOLD_START) {
            self.start_hold(now);
        }
        step
    }

    /// When `timer` expires; `None`: it does not run.
    pub(crate) fn timer(&self, timer: Timer) -> Option<Instant> {
        let at = self.timers[timer as usize];
        (at != Instant::ZERO).then_some(at)
    }

    /// Starts `timer`.
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        self.timers[timer as usize] = at;
    }

    /// Stops `timer`.
    pub(crate) fn stop(&mut self, timer: Timer) {
        self.timers[timer as usize] = Instant::ZERO;
    }

    /// The earliest of the timers.
    pub(crate) fn deadline(&self) -> Instant {
        Timer::ALL.iter().filter_map(|&timer| self.timer(timer)).min().unwrap_or(Instant::FAR)
    }

    /// Whether the slot holds no TCP connection and owes no order about one.
    pub(crate) fn is_free(&self) -> bool {
        self.tcp == Tcp::None
    }

    /// Whether the TCP connection is on its way out.
    pub(crate) fn is_ending(&self) -> bool {
        matches!(self.tcp, Tcp::Ending | Tcp::Closing)
    }

    /// Whether everything that was to be sent has been taken by the wire.
    pub(crate) fn is_sent(&self) -> bool {
        !self.sending && self.filled == 0
    }

    /// Begins a new use of the slot.
    pub(crate) fn renew(&mut self, tcp: Tcp, owed: Owed) {
        let Self { state, generation, dying, .. } = *self;
        *self = Self {
            state,
            generation: generation.wrapping_add(1).max(1),
            dying,
            tcp,
            owed,
            ..Self::default()
        };
    }

    /// Forgets the connection: it is gone.
    pub(crate) fn forget(&mut self) {
        let Self { state, generation, dying, .. } = *self;
        *self = Self { state, generation, dying, ..Self::default() };
    }

    /// Ends the TCP connection in the manner that fits.
    fn end(&mut self, event: Event, now: Instant) {
        if self.tcp == Tcp::Closing {
            return; // it is on its way out, and its timer ends it
        }
        for timer in Timer::ALL {
            self.stop(timer);
        }
        let notify = self.owed.has(Owed::NOTIFICATION);
        self.owed = Owed::default();
        match self.tcp {
            Tcp::None | Tcp::Closing => {}
            // Nothing was said yet: the attempt is given up, and its name with it.
            Tcp::Dialing => {
                self.dying = self.generation;
                self.forget();
            }
            Tcp::Open | Tcp::Ending => {
                self.tcp = Tcp::Ending;
                self.set(Timer::Hold, now + CLOSING);
                if notify {
                    self.owed.add(Owed::NOTIFICATION);
                }
                // A pipe that takes nothing takes no NOTIFICATION either (RFC 9687 section 3.2).
                self.owed.add(if matches!(event, Event::SendHoldTimerExpires) {
                    Owed::ABORT
                } else {
                    Owed::CLOSE
                });
            }
        }
    }

    fn start_keepalive(&mut self, now: Instant, rand: &mut Rand) {
        match self.session.keepalive {
            0 => self.stop(Timer::Keepalive),
            seconds => {
                let at = now + rand.jitter(Duration::from_secs(seconds.into()));
                self.set(Timer::Keepalive, at);
            }
        }
    }

    fn start_hold(&mut self, now: Instant) {
        match self.session.hold_time {
            0 => self.stop(Timer::Hold),
            seconds => self.set(Timer::Hold, now + Duration::from_secs(seconds.into())),
        }
    }

    /// How long the wire may take nothing (RFC 9687 section 3.1); `None` with a hold time of 0.
    pub(crate) fn send_hold(&self) -> Option<Duration> {
        let hold = Duration::from_secs(self.session.hold_time.into());
        (self.state == State::Established && hold > Duration::ZERO).then(|| SEND_HOLD.max(hold.times(2)))
    }
}

/// The NOTIFICATION that an event without a message of its own amounts to.
const fn reason(event: Event) -> Fault {
    match event {
        Event::HoldTimerExpires => Fault::new(hold_timer::CODE, 0),
        Event::OpenCollisionDump => Fault::new(cease::CODE, cease::COLLISION),
        Event::ManualStop => Fault::new(cease::CODE, cease::ADMINISTRATIVE_SHUTDOWN),
        _ => Fault::new(cease::CODE, 0),
    }
}

/// RFC 6608: in which state the unexpected came, and the type of the message if it was one (`fault` says it where the
/// event does not).
fn fsm_error(state: State, event: Event, fault: &Fault) -> Fault {
    let subcode = match state {
        State::OpenSent => fsm::IN_OPEN_SENT,
        State::OpenConfirm => fsm::IN_OPEN_CONFIRM,
        State::Established => fsm::IN_ESTABLISHED,
        _ => fsm::UNSPECIFIED,
    };
    let data: &[u8] = match event {
        _ if fault.code == fsm::CODE => fault.notification().data,
        Event::BgpOpen | Event::BgpOpenMsgErr => &[MessageType::Open as u8],
        Event::UpdateMsg | Event::UpdateMsgErr => &[MessageType::Update as u8],
        Event::NotifMsg | Event::NotifMsgVerErr => &[MessageType::Notification as u8],
        Event::KeepAliveMsg => &[MessageType::KeepAlive as u8],
        _ => &[],
    };
    Fault::from(Notification { code: fsm::CODE, subcode, data })
}

/// Whether, of two connections to one peer that are both in OpenConfirm, the one that we opened is to be kept: the one
/// opened by the speaker with the higher BGP Identifier is (RFC 4271 section 6.8), or with equal ones by the one with the
/// higher AS number (RFC 6286 section 2.3).
pub(crate) fn keep_outgoing(local: (BgpId, Asn), remote: (BgpId, Asn)) -> bool {
    local > remote
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant::from_micros(1_000_000);

    fn open_conn() -> (Conn, Rand) {
        let mut conn = Conn::default();
        let mut rand = Rand::new(1);
        conn.renew(Tcp::Dialing, Owed::CONNECT);
        conn.fire(Event::ManualStart, Fault::NONE, NOW, &mut rand);
        conn.tcp = Tcp::Open;
        conn.owed = Owed::default();
        conn.fire(Event::TcpCrAcked, Fault::NONE, NOW, &mut rand);
        (conn, rand)
    }

    #[test]
    fn an_unanswered_open_is_given_up_after_thirty_seconds() {
        let (conn, _) = open_conn();
        assert_eq!(conn.state, State::OpenSent);
        assert!(conn.owed.has(Owed::OPEN));
        assert_eq!(conn.timer(Timer::Hold), Some(NOW + OPEN_WAIT));
    }

    #[test]
    fn a_hold_time_of_zero_stops_both_timers() {
        let (mut conn, mut rand) = open_conn();
        conn.session = Session { hold_time: 0, keepalive: 0, ..Session::default() };
        conn.fire(Event::BgpOpen, Fault::NONE, NOW, &mut rand);
        assert_eq!(conn.state, State::OpenConfirm);
        assert_eq!((conn.timer(Timer::Hold), conn.timer(Timer::Keepalive)), (None, None));
    }

    #[test]
    fn an_expired_hold_timer_says_so_and_then_closes() {
        let (mut conn, mut rand) = open_conn();
        conn.fire(Event::HoldTimerExpires, Fault::NONE, NOW, &mut rand);
        assert_eq!((conn.state, conn.tcp), (State::Idle, Tcp::Ending));
        assert!(conn.owed.has(Owed::NOTIFICATION) && conn.owed.has(Owed::CLOSE));
        assert_eq!((conn.fault.code, conn.fault.subcode), (4, 0));
        assert_eq!(conn.deadline(), NOW + CLOSING);
    }

    #[test]
    fn a_connection_on_its_way_out_keeps_the_timer_that_ends_it() {
        let (mut conn, mut rand) = open_conn();
        conn.fire(Event::OpenCollisionDump, Fault::NONE, NOW, &mut rand);
        conn.owed.take(Owed::CLOSE);
        conn.tcp = Tcp::Closing;
        conn.end(Event::ManualStop, NOW + Duration::from_millis(10));
        assert_eq!(conn.timer(Timer::Hold), Some(NOW + CLOSING));
    }

    #[test]
    fn an_attempt_that_is_given_up_leaves_a_dead_name_behind() {
        let mut conn = Conn::default();
        conn.renew(Tcp::Dialing, Owed::CONNECT);
        conn.state = State::Connect;
        let generation = conn.generation;
        conn.fire(Event::ConnectRetryTimerExpires, Fault::NONE, NOW, &mut Rand::new(1));
        assert_eq!((conn.tcp, conn.dying), (Tcp::None, generation));
    }

    #[test]
    fn the_higher_identifier_keeps_the_connection_it_opened_and_the_as_breaks_a_tie() {
        let side = |id, asn| (BgpId(id), Asn(asn));
        assert!(keep_outgoing(side(2, 1), side(1, 9)));
        assert!(!keep_outgoing(side(1, 9), side(2, 1)));
        assert!(keep_outgoing(side(1, 9), side(1, 1)));
        assert!(!keep_outgoing(side(1, 1), side(1, 9)));
    }
}
