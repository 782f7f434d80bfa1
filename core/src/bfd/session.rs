//! One BFD session in asynchronous mode: what it heard, what it says, and when (RFC 5880 section 6.8).
//!
//! A session owes packets, it does not queue them: [`Session::owes`] says whether one must leave now, [`Session::packet`]
//! makes it and times the next. The variables are those of section 6.8.1; our own intervals are whole milliseconds, as the
//! configuration has them.

use super::fsm::{Event, transition};
use crate::base::rand::Rand;
use crate::base::time::{Duration, Instant};
use crate::wire::bfd::{Diagnostic, Packet, State};

/// While a session is not up, packets are at least this far apart, in milliseconds (RFC 5880 section 6.8.3).
const SLOW_MS: u16 = 1_000;
/// A session that was up for less than this before it went down stays down for as long. Two systems whose news of being
/// down cross would otherwise take each other down and up for ever, as fast as the wire is: a change is said at once.
const SETTLE: Duration = Duration::from_secs(1);
/// While a session is not up, what was heard counts for at most this long: who forges a packet with a Detection Time of
/// hours and a wrong discriminator must not keep two systems deaf for hours.
const FORGET: Duration = Duration::from_secs(60);

/// What the configuration asks of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// How many packets in a row must be missing: `detect-multiplier` (RFC 5880 section 6.8.1, bfd.DetectMult).
    pub multiplier: u8,
    /// The interval at which we wish to send, in milliseconds.
    pub transmit_ms: u16,
    /// The least interval at which we can receive, in milliseconds.
    pub receive_ms: u16,
}

/// A pair of our intervals, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Pair {
    transmit: u16,
    receive: u16,
}

/// What became of a session by what it heard or did not hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing that matters to others.
    None,
    /// It came up.
    Up,
    /// It was up and is down.
    Down,
}

/// Small things that are so, or not.
#[derive(Clone, Copy, Debug, Default)]
struct Flags(u8);

impl Flags {
    /// We wait to be spoken to (RFC 5880 section 6.1).
    const PASSIVE: u8 = 1;
    /// A packet must leave now.
    const SEND: u8 = 1 << 1;
    /// An answer to a poll must leave now.
    const FINAL: u8 = 1 << 2;
    /// Our poll sequence runs (section 6.5).
    const POLL: u8 = 1 << 3;
    /// Another one must follow it.
    const POLL_AGAIN: u8 = 1 << 4;
    /// The other system wishes for silence (section 6.6).
    const DEMAND: u8 = 1 << 5;
    /// It went down soon after it came up.
    const HASTY: u8 = 1 << 6;
    /// Somebody said in the other system's name that it is down, and nothing was heard since that knows our discriminator.
    const DOUBT: u8 = 1 << 7;

    const fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    const fn set(&mut self, flag: u8, on: bool) {
        self.0 = if on { self.0 | flag } else { self.0 & !flag };
    }

    const fn take(&mut self, flag: u8) -> bool {
        let had = self.has(flag);
        self.set(flag, false);
        had
    }
}

/// A session. All zero bits at rest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session {
    state: State,
    remote_state: State,
    diagnostic: Diagnostic,
    remote_diagnostic: Diagnostic,
    flags: Flags,
    remote_multiplier: u8,
    /// By how many milliseconds a turn that is under way for another reason may take the next packet along.
    early_ms: u8,
    /// The TTL of the last packet that was heard while it was up; 0: it is not up.
    heard_ttl: u8,
    local_discriminator: u32,
    remote_discriminator: u32,
    remote_min_tx_micros: u32,
    remote_min_rx_micros: u32,
    /// What the configuration asks for.
    timing: Timing,
    /// What our packets say.
    said: Pair,
    /// What holds: while a poll sequence runs, the kinder of the old and the new (section 6.8.3).
    held: Pair,
    /// When the next packet leaves; zero: none by itself.
    transmit_at: Instant,
    /// When the Detection Time is over; zero: nothing is heard. While AdminDown: when enough was said.
    detect_at: Instant,
    /// Since when the state is what it is.
    since: Instant,
    received: u32,
    sent: u32,
}

impl Session {
    /// No session.
    pub(crate) const REST: Self = Self {
        state: State::AdminDown,
        remote_state: State::AdminDown,
        diagnostic: Diagnostic::None,
        remote_diagnostic: Diagnostic::None,
        flags: Flags(0),
        remote_multiplier: 0,
        early_ms: 0,
        heard_ttl: 0,
        local_discriminator: 0,
        remote_discriminator: 0,
        remote_min_tx_micros: 0,
        remote_min_rx_micros: 0,
        timing: Timing { multiplier: 0, transmit_ms: 0, receive_ms: 0 },
        said: Pair { transmit: 0, receive: 0 },
        held: Pair { transmit: 0, receive: 0 },
        transmit_at: Instant::ZERO,
        detect_at: Instant::ZERO,
        since: Instant::ZERO,
        received: 0,
        sent: 0,
    };

    /// A new session, Down, which speaks first unless it is `passive`.
    pub(crate) fn begin(now: Instant, discriminator: u32, timing: Timing, passive: bool) -> Self {
        let mut session = Self {
            state: State::Down,
            remote_state: State::Down,
            local_discriminator: discriminator,
            remote_min_rx_micros: 1,
            timing,
            since: now,
            ..Self::REST
        };
        session.flags.set(Flags::PASSIVE, passive);
        session.speak();
        session.owe();
        session
    }

    /// The configuration asks for other timers. A session that is up keeps to the old ones until the other system knows
    /// the new ones (section 6.8.3).
    pub(crate) fn configure(&mut self, timing: Timing, passive: bool) {
        self.flags.set(Flags::PASSIVE, passive);
        if timing != self.timing {
            let multiplier = self.timing.multiplier;
            self.timing = timing;
            if multiplier != timing.multiplier {
                self.owe();
            }
            self.speak();
        }
    }

    /// Ends the session: it says so as often as packets may be lost, if anybody listens (section 6.8.16).
    pub(crate) fn shut(&mut self, now: Instant) {
        self.flags.set(Flags::POLL | Flags::POLL_AGAIN | Flags::FINAL, false);
        (self.state, self.diagnostic, self.since) = (State::AdminDown, Diagnostic::AdministrativelyDown, now);
        if self.remote_discriminator == 0 {
            return self.hush();
        }
        self.speak();
        self.owe();
        self.detect_at = now + Duration::from_millis(SLOW_MS.into()).times(self.timing.multiplier.into());
    }

    /// Says nothing more.
    pub(crate) fn hush(&mut self) {
        self.flags.set(Flags::SEND | Flags::FINAL, false);
        (self.transmit_at, self.detect_at) = (Instant::ZERO, Instant::ZERO);
    }

    /// Whether a packet is not believed yet: one that does not name our discriminator while the session is up. The other system has
    /// forgotten us (it began anew, or does not hear us any more), or anybody who knows two addresses has sent it. What is heard
    /// by our discriminator decides which: if it stops, the session goes down for that reason when the Detection Time is over.
    /// Section 6.8.6 has the session go down at once (decision 0008).
    pub(crate) fn doubts(&mut self, packet: &Packet) -> bool {
        let doubtful = self.state == State::Up && packet.your_discriminator == 0;
        if doubtful {
            self.flags.set(Flags::DOUBT, true);
            self.remote_diagnostic = packet.diagnostic;
        }
        doubtful
    }

    /// A packet for this session came (section 6.8.6, from where the session is found).
    pub(crate) fn receive(&mut self, now: Instant, packet: &Packet, ttl: u8) -> Change {
        self.received = self.received.wrapping_add(1);
        if self.state == State::AdminDown {
            return Change::None;
        }
        let before = self.interval();
        self.remote_discriminator = packet.my_discriminator;
        self.remote_state = packet.state;
        self.remote_diagnostic = packet.diagnostic;
        self.remote_multiplier = packet.multiplier;
        self.remote_min_tx_micros = packet.desired_min_tx_micros;
        self.remote_min_rx_micros = packet.required_min_rx_micros;
        self.flags.set(Flags::DEMAND, packet.demand);
        self.flags.set(Flags::DOUBT, false);
        if packet.last {
            if self.flags.take(Flags::POLL) {
                self.held = self.said;
            }
        } else if !self.flags.has(Flags::POLL) && self.flags.take(Flags::POLL_AGAIN) {
            // An answer without the Final bit came in between: the next one cannot be mistaken (section 6.8.3).
            self.speak();
        }
        let settles = self.state == State::Down && self.flags.has(Flags::HASTY) && now < self.since + SETTLE;
        let change = if settles { Change::None } else { self.step(now, Event::Heard(packet.state)) };
        if self.state == State::Up {
            self.heard_ttl = ttl;
        }
        let silence = self.detection_time();
        self.detect_at = now + if self.state == State::Up { silence } else { silence.min(FORGET) };
        if packet.poll {
            self.flags.set(Flags::FINAL, true);
        }
        if !self.is_periodic() {
            self.transmit_at = Instant::ZERO;
        } else if self.transmit_at == Instant::ZERO || self.interval() < before {
            // What was to leave later may be late by the new interval.
            self.flags.set(Flags::SEND, true);
        }
        change
    }

    /// Time has passed: packets that came before this must have been given to [`Session::receive`] (law 4).
    pub(crate) fn tick(&mut self, now: Instant) -> Change {
        let mut change = Change::None;
        if self.state != State::AdminDown && self.detect_at != Instant::ZERO && self.detect_at <= now {
            self.detect_at = Instant::ZERO;
            // Section 6.8.1: nothing that was heard before counts any longer.
            self.remote_discriminator = 0;
            self.remote_state = State::Down;
            self.remote_min_rx_micros = 1;
            self.flags.set(Flags::DEMAND | Flags::POLL | Flags::POLL_AGAIN, false);
            let told = self.flags.take(Flags::DOUBT);
            change = self.step(now, if told { Event::Heard(State::Down) } else { Event::Expired });
            // Whoever asked for silence, or for a packet an hour, is forgotten too.
            if !planted!(BfdStaysSilent) {
                self.owe();
            }
        }
        if self.transmit_at != Instant::ZERO && self.transmit_from() <= now {
            self.owe();
        }
        change
    }

    /// Whether a packet must leave now.
    pub(crate) const fn owes(&self) -> bool {
        self.flags.has(Flags::SEND) || self.flags.has(Flags::FINAL)
    }

    /// The packet that must leave now; times the next one.
    pub(crate) fn packet(&mut self, now: Instant, rand: &mut Rand) -> Packet {
        self.sent = self.sent.wrapping_add(1);
        let last = self.flags.take(Flags::FINAL);
        // Both bits never stand in one packet (section 6.5): our poll follows the answer to theirs.
        let poll = self.flags.has(Flags::POLL) && !last;
        if !(last && self.flags.has(Flags::POLL)) {
            self.flags.set(Flags::SEND, false);
            if self.is_periodic() {
                let window = Window::draw(self.interval(), self.timing.multiplier, rand);
                self.transmit_at = now + window.latest;
                let early = (window.latest - window.earliest).as_millis();
                self.early_ms = u8::try_from(early).unwrap_or(u8::MAX);
            } else {
                self.transmit_at = Instant::ZERO;
            }
        }
        Packet {
            diagnostic: self.diagnostic,
            state: self.state,
            poll,
            last,
            control_plane_independent: false,
            demand: false,
            multiplier: self.timing.multiplier,
            my_discriminator: self.local_discriminator,
            your_discriminator: self.remote_discriminator,
            desired_min_tx_micros: micros(self.said.transmit),
            required_min_rx_micros: micros(self.said.receive),
            required_min_echo_rx_micros: 0,
        }
    }

    /// When to [`Session::tick`] at the latest. A packet that is owed needs no tick: the next one is timed when it leaves.
    pub(crate) fn deadline(&self) -> Instant {
        let timer = |at: Instant| if at == Instant::ZERO { Instant::FAR } else { at };
        let transmit = if self.owes() { Instant::FAR } else { timer(self.transmit_at) };
        transmit.min(timer(self.detect_at))
    }

    /// From when on a tick has something to do, if there is one anyhow: a packet may be taken along. Not later than
    /// [`Session::deadline`].
    pub(crate) fn ready_at(&self) -> Instant {
        let periodic = self.transmit_at != Instant::ZERO && !self.owes();
        if periodic { self.deadline().min(self.transmit_from()) } else { self.deadline() }
    }

    /// Whether an ended session has said so for long enough.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        self.state == State::AdminDown && self.detect_at <= now
    }

    /// Its state.
    pub(crate) const fn state(&self) -> State {
        self.state
    }

    /// The TTL of the last packet that was heard while it was up; 0: it is not up.
    pub(crate) const fn heard_ttl(&self) -> u8 {
        self.heard_ttl
    }

    /// Since when.
    pub(crate) const fn since(&self) -> Instant {
        self.since
    }

    /// Why the state last changed.
    pub(crate) const fn diagnostic(&self) -> Diagnostic {
        self.diagnostic
    }

    /// The other system's state, as last heard; Down: not heard.
    pub(crate) const fn remote_state(&self) -> State {
        self.remote_state
    }

    /// Why the other system's state last changed.
    pub(crate) const fn remote_diagnostic(&self) -> Diagnostic {
        self.remote_diagnostic
    }

    /// Our name of the session.
    pub(crate) const fn local_discriminator(&self) -> u32 {
        self.local_discriminator
    }

    /// The other system's name of it; 0: not heard.
    pub(crate) const fn remote_discriminator(&self) -> u32 {
        self.remote_discriminator
    }

    /// What the configuration asks for.
    pub(crate) const fn timing(&self) -> Timing {
        self.timing
    }

    /// The intervals that the other system says, for sending and for receiving, and its multiplier; 0: not heard.
    pub(crate) const fn remote_timing(&self) -> (Duration, Duration, u8) {
        (
            Duration::from_micros(self.remote_min_tx_micros as u64),
            Duration::from_micros(self.remote_min_rx_micros as u64),
            self.remote_multiplier,
        )
    }

    /// Packets received and sent.
    pub(crate) const fn packets(&self) -> (u32, u32) {
        (self.received, self.sent)
    }

    /// The agreed interval between our packets, before jitter (section 6.8.7).
    pub(crate) fn interval(&self) -> Duration {
        let interval = micros(self.held.transmit).max(self.remote_min_rx_micros);
        Duration::from_micros(interval.into())
    }

    /// How long silence lasts until it counts (section 6.8.4).
    pub(crate) fn detection_time(&self) -> Duration {
        let interval = micros(self.held.receive).max(self.remote_min_tx_micros);
        Duration::from_micros(interval.into()).times(self.remote_multiplier.into())
    }

    /// Takes a step of the state machine.
    fn step(&mut self, now: Instant, event: Event) -> Change {
        let (before, step) = (self.state, transition(self.state, event));
        if step.next == before {
            return Change::None;
        }
        self.flags.set(Flags::HASTY, before == State::Up && now < self.since + SETTLE);
        (self.state, self.diagnostic, self.since, self.heard_ttl) = (step.next, step.diagnostic, now, 0);
        // Whatever was asked before this change is asked anew.
        self.flags.set(Flags::POLL | Flags::POLL_AGAIN, false);
        self.speak();
        self.owe();
        match (before, self.state) {
            (_, State::Up) => Change::Up,
            (State::Up, _) => Change::Down,
            _ => Change::None,
        }
    }

    /// Says the intervals that hold from now on, and sees that the other system takes notice (sections 6.5, 6.8.3).
    fn speak(&mut self) {
        let is_up = self.state == State::Up;
        let transmit = if is_up { self.timing.transmit_ms } else { self.timing.transmit_ms.max(SLOW_MS) };
        let new = Pair { transmit, receive: self.timing.receive_ms };
        if new == self.said {
            return;
        }
        if is_up && self.flags.has(Flags::POLL) {
            self.flags.set(Flags::POLL_AGAIN, true);
            return;
        }
        self.said = new;
        self.held = if is_up {
            // We send no slower, and expect nothing sooner, than the other system can know.
            Pair {
                transmit: self.held.transmit.min(new.transmit),
                receive: self.held.receive.max(new.receive),
            }
        } else {
            new
        };
        if self.remote_discriminator != 0 && self.state != State::AdminDown {
            self.flags.set(Flags::POLL, true);
            self.owe();
        }
    }

    /// A packet must leave now, if any may.
    fn owe(&mut self) {
        if self.waits() {
            self.transmit_at = Instant::ZERO;
        } else {
            self.flags.set(Flags::SEND, true);
        }
    }

    fn transmit_from(&self) -> Instant {
        let early = Duration::from_millis(self.early_ms.into());
        Instant::from_micros(self.transmit_at.as_micros().saturating_sub(early.as_micros()))
    }

    /// Whether it is the other system's turn to speak first.
    const fn waits(&self) -> bool {
        self.flags.has(Flags::PASSIVE) && self.remote_discriminator == 0
    }

    /// Whether packets leave by themselves (section 6.8.7).
    fn is_periodic(&self) -> bool {
        let demand = self.flags.has(Flags::DEMAND)
            && (self.state, self.remote_state) == (State::Up, State::Up)
            && !self.flags.has(Flags::POLL);
        !self.waits() && !demand && self.remote_min_rx_micros != 0
    }
}

const fn micros(millis: u16) -> u32 {
    millis as u32 * 1_000
}

/// When the next packet leaves, counted from the one before: after 75 to 100 per cent of the interval, to 90 when not a
/// single packet may be lost (RFC 5880 section 6.8.7).
struct Window {
    /// A turn that is under way from here on takes it along: to wake once more costs more than to be early.
    earliest: Duration,
    /// It leaves by itself. The later of two draws, because most packets are taken along before it.
    latest: Duration,
}

impl Window {
    fn draw(interval: Duration, multiplier: u8, rand: &mut Rand) -> Self {
        let width = if multiplier == 1 { 15 } else { 25 };
        let drawn = u64::from(rand.next().max(rand.next()) >> 16);
        let part = interval.as_micros() * width * drawn / (100 * 0xFFFF);
        let earliest = interval.times(3).part(4);
        Self { earliest, latest: earliest + Duration::from_micros(part) }
    }
}

#[cfg(test)]
mod tests;
