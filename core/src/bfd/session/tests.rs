use super::*;
use std::vec::Vec;

const MS: u64 = 1_000;
const FAST: Timing = Timing { multiplier: 3, transmit_ms: 50, receive_ms: 50 };

/// What is on the way: when it arrives, to whom, and what it says.
type Wire = Vec<(u64, usize, Packet)>;

/// Two sessions and the wire between them, in virtual time.
struct Pair2 {
    now: u64,
    ends: [Session; 2],
    rand: Rand,
    wire: Wire,
    /// How long a packet takes, at least and at most.
    delay: (u64, u64),
    /// Whether packets to each end are lost.
    cut: [bool; 2],
    /// Everything that was sent: when, by whom, what.
    sent: Vec<(u64, usize, Packet)>,
    changes: Vec<(u64, usize, Change)>,
}

impl Pair2 {
    fn new(ours: Session, theirs: Session) -> Self {
        Self {
            now: MS,
            ends: [ours, theirs],
            rand: Rand::new(7),
            wire: Vec::new(),
            delay: (100, 100),
            cut: [false; 2],
            sent: Vec::new(),
            changes: Vec::new(),
        }
    }

    fn of(ours: Timing, theirs: Timing) -> Self {
        let begin =
            |discriminator, timing| Session::begin(Instant::from_micros(MS), discriminator, timing, false);
        Self::new(begin(1, ours), begin(2, theirs))
    }

    /// The same, up and with all polls answered.
    fn up(ours: Timing, theirs: Timing) -> Self {
        let mut pair = Self::of(ours, theirs);
        pair.run(3_000 * MS);
        assert_eq!(pair.states(), [State::Up; 2]);
        assert!(pair.ends.iter().all(|end| !end.flags.has(Flags::POLL)));
        pair.sent.clear();
        pair.changes.clear();
        pair
    }

    fn states(&self) -> [State; 2] {
        self.ends.map(|end| end.state())
    }

    fn flush(&mut self) {
        let now = Instant::from_micros(self.now);
        for end in 0..2 {
            while self.ends[end].owes() {
                let packet = self.ends[end].packet(now, &mut self.rand);
                self.sent.push((self.now, end, packet));
                let (least, most) = self.delay;
                let delay = least + u64::from(self.rand.next()) % (most - least + 1);
                self.wire.push((self.now + delay, 1 - end, packet));
            }
        }
    }

    fn note(&mut self, end: usize, change: Change) {
        if change != Change::None {
            self.changes.push((self.now, end, change));
        }
    }

    fn run(&mut self, micros: u64) {
        let until = self.now + micros;
        loop {
            self.flush();
            let deadline = self.ends.iter().map(|end| end.deadline().as_micros()).min().unwrap();
            let arrival = self.wire.iter().map(|&(at, ..)| at).min().unwrap_or(u64::MAX);
            let next = deadline.min(arrival).max(self.now);
            if next > until {
                self.now = until;
                return;
            }
            self.now = next;
            // Bytes before clocks.
            let (due, later): (Wire, Wire) = self.wire.drain(..).partition(|&(at, ..)| at <= next);
            self.wire = later;
            for (_, end, packet) in due {
                let meant = [0, self.ends[end].local_discriminator].contains(&packet.your_discriminator);
                if !self.cut[end] && meant {
                    let packet = Packet::read(&packet.write()).unwrap();
                    let change = self.ends[end].receive(Instant::from_micros(next), &packet, 255);
                    self.note(end, change);
                    self.flush();
                }
            }
            for end in 0..2 {
                let change = self.ends[end].tick(Instant::from_micros(next));
                self.note(end, change);
            }
        }
    }

    /// The gaps between periodic packets of one end.
    fn gaps(&self, end: usize) -> Vec<u64> {
        let times: Vec<u64> = self
            .sent
            .iter()
            .filter(|(_, by, packet)| *by == end && !packet.last)
            .map(|&(at, ..)| at)
            .collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}

/// What a system says that has our discriminator, 1.
fn says(state: State) -> Packet {
    Packet {
        state,
        multiplier: 3,
        my_discriminator: 9,
        your_discriminator: 1,
        desired_min_tx_micros: 50_000,
        required_min_rx_micros: 50_000,
        ..Packet::default()
    }
}

fn at(millis: u64) -> Instant {
    Instant::from_micros(millis * MS)
}

fn begun(timing: Timing) -> Session {
    Session::begin(at(1), 1, timing, false)
}

/// A session that is up with what [`says`] says, with nothing owed.
fn brought_up(timing: Timing) -> Session {
    let (mut session, mut rand) = (begun(timing), Rand::new(1));
    session.receive(at(1), &says(State::Init), 255);
    session.packet(at(1), &mut rand);
    session.receive(at(1), &Packet { last: true, ..says(State::Up) }, 255);
    assert!(session.state() == State::Up && !session.owes() && !session.flags.has(Flags::POLL));
    session
}

#[test]
fn a_session_comes_up_in_three_packets_and_then_runs_at_the_agreed_pace() {
    let mut pair = Pair2::of(FAST, FAST);
    pair.run(MS);
    assert_eq!(pair.states(), [State::Up; 2]);
    pair.run(100 * MS);
    assert!(pair.ends.iter().all(|end| end.interval() == Duration::from_millis(50)));
    assert!(pair.ends.iter().all(|end| end.detection_time() == Duration::from_millis(150)));
}

#[test]
fn rfc5880_6_8_3_packets_leave_once_a_second_at_most_until_the_session_is_up() {
    let mut pair = Pair2::of(FAST, FAST);
    pair.cut = [true; 2];
    pair.run(60_000 * MS);
    let gaps = pair.gaps(0);
    assert!(gaps.len() > 58 && gaps.iter().all(|gap| (750 * MS..=1_000 * MS).contains(gap)));
    assert!(pair.sent.iter().all(|(_, _, packet)| packet.desired_min_tx_micros == 1_000_000));
    // Who wishes for less keeps to it.
    let slow = begun(Timing { transmit_ms: 5_000, ..FAST });
    assert_eq!(slow.interval(), Duration::from_secs(5));
}

#[test]
fn rfc5880_6_8_7_jitter_is_at_most_a_quarter_and_uses_all_of_it() {
    let mut pair = Pair2::up(FAST, FAST);
    pair.run(600_000 * MS);
    let gaps = pair.gaps(0);
    let (least, most) = (*gaps.iter().min().unwrap(), *gaps.iter().max().unwrap());
    assert!(least >= 37_500 && most <= 50_000, "{least} {most}");
    assert!(least < 38_000 && most > 49_500, "{least} {most}");
    assert!(pair.changes.is_empty());
}

#[test]
fn rfc5880_6_8_7_with_a_multiplier_of_one_the_interval_is_at_most_nine_tenths() {
    let one = Timing { multiplier: 1, ..FAST };
    let mut pair = Pair2::up(one, FAST);
    pair.run(600_000 * MS);
    let gaps = pair.gaps(0);
    let (least, most) = (*gaps.iter().min().unwrap(), *gaps.iter().max().unwrap());
    assert!(least >= 37_500 && most <= 45_000 && most > 44_500, "{least} {most}");
    assert!(pair.changes.is_empty());
}

#[test]
fn rfc5880_6_8_2_the_slower_of_what_one_sends_and_the_other_takes_is_the_interval() {
    let theirs = Timing { multiplier: 5, transmit_ms: 20, receive_ms: 200 };
    let pair = Pair2::up(FAST, theirs);
    assert_eq!(pair.ends[0].interval(), Duration::from_millis(200));
    assert_eq!(pair.ends[1].interval(), Duration::from_millis(50));
    // Section 6.8.4: their multiplier, and the slower of what they send and we take.
    assert_eq!(pair.ends[0].detection_time(), Duration::from_millis(250));
    assert_eq!(pair.ends[1].detection_time(), Duration::from_millis(600));
}

#[test]
fn rfc5880_6_8_4_silence_for_the_detection_time_is_down_and_not_a_moment_earlier() {
    let mut session = brought_up(FAST);
    assert_eq!(session.tick(Instant::from_micros(151 * MS - 1)), Change::None);
    assert_eq!(session.tick(at(151)), Change::Down);
    assert_eq!((session.state(), session.diagnostic()), (State::Down, Diagnostic::DetectionTimeExpired));
    // Section 6.8.1: the other system's discriminator is forgotten.
    let packet = session.packet(at(151), &mut Rand::new(1));
    assert_eq!((packet.state, packet.your_discriminator, packet.poll), (State::Down, 0, false));
    assert_eq!(packet.desired_min_tx_micros, 1_000_000);
}

#[test]
fn a_cut_is_noticed_within_the_detection_time_whatever_the_jitter() {
    for round in 0..200 {
        let mut pair = Pair2::up(FAST, FAST);
        pair.run(round * 777);
        pair.cut = [true; 2];
        let cut_at = pair.now;
        pair.run(151 * MS);
        assert!(
            pair.changes.len() == 2 && pair.changes.iter().all(|&(at, ..)| at - cut_at <= 150 * MS + 100)
        );
    }
}

#[test]
fn delays_within_bounds_never_bring_a_session_down() {
    for fast in [FAST, Timing { multiplier: 3, transmit_ms: 10, receive_ms: 10 }] {
        let mut pair = Pair2::up(fast, fast);
        let interval = u64::from(fast.transmit_ms) * MS;
        // Two packets in a row may be late by all that the detection time leaves.
        pair.delay = (0, 2 * interval - 1);
        pair.run(600_000 * MS);
        assert!(pair.changes.is_empty());
    }
}

#[test]
fn rfc5880_6_8_6_a_neighbor_that_says_down_takes_us_down_and_one_that_says_admin_down_too() {
    for state in [State::Down, State::AdminDown] {
        let mut session = brought_up(FAST);
        assert_eq!(session.receive(at(2), &says(state), 255), Change::Down);
        assert_eq!(session.diagnostic(), Diagnostic::NeighborSignaledDown);
        assert_eq!(session.remote_state(), state);
        assert!(session.owes());
    }
}

#[test]
fn rfc5880_6_5_a_poll_is_answered_at_once_without_a_poll_of_our_own_in_it() {
    let mut session = brought_up(FAST);
    session.receive(at(2), &Packet { poll: true, ..says(State::Up) }, 255);
    let answer = session.packet(at(2), &mut Rand::new(1));
    assert!(answer.last && !answer.poll && !session.owes());
    // In the middle of our own poll: the answer first, then the poll goes on.
    session.configure(Timing { transmit_ms: 60, ..FAST }, false);
    session.receive(at(3), &Packet { poll: true, ..says(State::Up) }, 255);
    let (answer, poll) = (session.packet(at(3), &mut Rand::new(1)), session.packet(at(3), &mut Rand::new(1)));
    assert_eq!((answer.last, answer.poll, poll.last, poll.poll), (true, false, false, true));
    assert!(!session.owes());
}

#[test]
fn rfc5880_6_8_3_a_slower_pace_is_kept_to_only_after_the_other_system_knows_it() {
    let mut session = brought_up(FAST);
    session.configure(Timing { transmit_ms: 500, receive_ms: 20, multiplier: 3 }, false);
    let packet = session.packet(at(2), &mut Rand::new(1));
    assert!(packet.poll);
    assert_eq!((packet.desired_min_tx_micros, packet.required_min_rx_micros), (500_000, 20_000));
    assert_eq!(session.interval(), Duration::from_millis(50));
    // A packet without the Final bit changes nothing; nor is the shorter detection time in force.
    session.receive(at(3), &Packet { desired_min_tx_micros: 10_000, ..says(State::Up) }, 255);
    assert_eq!(session.interval(), Duration::from_millis(50));
    assert_eq!(session.detection_time(), Duration::from_millis(150));
    session.receive(at(4), &Packet { last: true, desired_min_tx_micros: 10_000, ..says(State::Up) }, 255);
    assert_eq!(session.interval(), Duration::from_millis(500));
    assert_eq!(session.detection_time(), Duration::from_millis(60));
    assert!(!session.packet(at(5), &mut Rand::new(1)).poll);
}

#[test]
fn rfc5880_6_8_3_a_faster_pace_and_a_longer_patience_hold_at_once() {
    let mut session = brought_up(FAST);
    session.configure(Timing { transmit_ms: 10, receive_ms: 100, multiplier: 3 }, false);
    assert!(session.owes());
    session.receive(at(2), &Packet { required_min_rx_micros: 5_000, ..says(State::Up) }, 255);
    assert_eq!(session.interval(), Duration::from_millis(10));
    assert_eq!(session.detection_time(), Duration::from_millis(300));
}

#[test]
fn rfc5880_6_8_3_a_change_in_the_middle_of_a_poll_waits_for_a_packet_after_it() {
    let mut session = brought_up(FAST);
    let mut rand = Rand::new(1);
    session.configure(Timing { transmit_ms: 60, ..FAST }, false);
    assert_eq!(session.packet(at(2), &mut rand).desired_min_tx_micros, 60_000);
    session.configure(Timing { transmit_ms: 70, ..FAST }, false);
    assert!(!session.owes());
    session.receive(at(3), &Packet { last: true, ..says(State::Up) }, 255);
    assert!(!session.owes());
    session.receive(at(4), &says(State::Up), 255);
    let packet = session.packet(at(4), &mut rand);
    assert!(packet.poll && packet.desired_min_tx_micros == 70_000);
}

#[test]
fn rfc5880_6_8_12_another_multiplier_is_told_at_once_without_a_poll() {
    let mut session = brought_up(FAST);
    session.configure(Timing { multiplier: 9, ..FAST }, false);
    let packet = session.packet(at(2), &mut Rand::new(1));
    assert_eq!((packet.multiplier, packet.poll), (9, false));
}

#[test]
fn timers_change_on_a_live_session_without_a_flap_both_ways() {
    let slow = Timing { multiplier: 3, transmit_ms: 900, receive_ms: 900 };
    let mut pair = Pair2::up(FAST, FAST);
    for timing in [slow, FAST, Timing { multiplier: 1, ..slow }, FAST] {
        for end in 0..2 {
            pair.ends[end].configure(timing, false);
            pair.run(5_000 * MS);
        }
        assert!(pair.changes.is_empty(), "{timing:?} {:?}", pair.changes);
        let interval = Duration::from_millis(timing.transmit_ms.into());
        assert!(pair.ends.iter().all(|end| end.interval() == interval));
    }
}

#[test]
fn rfc5880_6_8_7_a_neighbor_that_can_take_more_gets_it_at_once_and_one_that_can_take_nothing_gets_nothing() {
    let mut session = brought_up(Timing { transmit_ms: 10, ..FAST });
    let mut rand = Rand::new(1);
    session.receive(at(2), &Packet { required_min_rx_micros: 0, ..says(State::Up) }, 255);
    assert!(!session.owes());
    assert_eq!(session.deadline(), at(152));
    session.receive(at(3), &Packet { required_min_rx_micros: 500_000, ..says(State::Up) }, 255);
    assert!(session.owes());
    session.packet(at(3), &mut rand);
    session.receive(at(4), &Packet { required_min_rx_micros: 20_000, ..says(State::Up) }, 255);
    assert!(session.owes());
}

#[test]
fn rfc5880_6_6_a_neighbor_in_demand_mode_hears_nothing_but_polls_and_changes() {
    let mut session = brought_up(FAST);
    let mut rand = Rand::new(1);
    session.receive(at(2), &Packet { demand: true, ..says(State::Up) }, 255);
    assert!(!session.owes());
    assert_eq!(session.tick(at(151)), Change::None);
    assert!(!session.owes());
    // A poll of ours is sent until it is answered.
    session.configure(Timing { transmit_ms: 60, ..FAST }, false);
    assert!(session.packet(at(151), &mut rand).poll);
    assert!(session.deadline() <= at(211));
    session.receive(at(152), &Packet { demand: true, last: true, ..says(State::Up) }, 255);
    assert_eq!(session.deadline(), at(302));
    // Silence still counts, and is told.
    assert_eq!(session.tick(at(302)), Change::Down);
    assert!(session.owes());
}

#[test]
fn rfc5880_6_1_a_passive_session_says_nothing_until_it_is_spoken_to() {
    let passive = Session::begin(at(1), 1, FAST, true);
    let mut pair = Pair2::new(passive, Session::begin(at(1), 2, FAST, true));
    pair.run(10_000 * MS);
    assert!(pair.sent.is_empty());
    pair.ends[1].configure(FAST, false);
    pair.ends[1].owe();
    pair.run(MS);
    assert_eq!(pair.states(), [State::Up; 2]);
    // When the other is not heard any more, it is silent again.
    pair.cut = [true; 2];
    pair.run(1_000 * MS);
    pair.sent.clear();
    pair.run(10_000 * MS);
    assert!(pair.sent.iter().all(|&(_, end, _)| end == 1));
}

#[test]
fn rfc5880_6_8_16_an_ended_session_says_so_as_often_as_packets_may_be_lost() {
    let mut pair = Pair2::up(FAST, FAST);
    let now = Instant::from_micros(pair.now);
    pair.ends[0].shut(now);
    pair.run(MS);
    assert_eq!(pair.states(), [State::AdminDown, State::Down]);
    assert_eq!(pair.ends[1].remote_state(), State::AdminDown);
    pair.run(2_990 * MS);
    let said = pair.sent.iter().filter(|(_, end, packet)| *end == 0 && packet.state == State::AdminDown);
    assert!((3..=4).contains(&said.count()));
    assert!(pair.ends[0].is_over(now + Duration::from_secs(3)));
    // Nothing that it hears wakes it.
    assert_eq!(pair.ends[0].receive(at(9_000), &says(State::Down), 255), Change::None);
    assert_eq!(pair.ends[0].state(), State::AdminDown);
}

#[test]
fn an_ended_session_that_nobody_hears_is_over_at_once() {
    let mut session = begun(FAST);
    session.shut(at(2));
    assert!(!session.owes() && session.is_over(at(2)) && session.deadline() == Instant::FAR);
}

#[test]
fn one_side_that_hears_nothing_takes_the_other_down_and_both_come_back() {
    let mut pair = Pair2::up(FAST, FAST);
    pair.cut = [true, false];
    pair.run(200 * MS);
    assert_eq!(pair.states(), [State::Down; 2]);
    assert_eq!(pair.ends[1].remote_diagnostic(), Diagnostic::DetectionTimeExpired);
    pair.run(5_000 * MS);
    assert!(pair.states().iter().all(|&state| state != State::Up));
    pair.cut = [false; 2];
    pair.run(1_100 * MS);
    assert_eq!(pair.states(), [State::Up; 2]);
}

#[test]
fn after_a_pause_what_came_in_counts_before_the_clock() {
    let mut session = brought_up(FAST);
    assert_eq!(session.receive(at(5_000), &says(State::Up), 255), Change::None);
    assert_eq!(session.tick(at(5_000)), Change::None);
    assert_eq!(session.state(), State::Up);
}

#[test]
fn any_packets_keep_the_invariants() {
    let mut session = begun(FAST);
    let mut rand = Rand::new(3);
    let mut now = 1;
    for _ in 0..200_000 {
        now += u64::from(rand.next() % 40_000);
        let instant = Instant::from_micros(now * 7);
        let word = rand.next();
        if word & 63 == 1 {
            let millis = 10 + u16::try_from(word >> 16).unwrap() % 2_000;
            session.configure(Timing { transmit_ms: millis, ..FAST }, word & 64 != 0);
        } else {
            let mut bytes = says(State::Up).write();
            bytes[1] = word.to_be_bytes()[2] & 0xFA;
            bytes[12 + (word >> 16) as usize % 8] = word.to_be_bytes()[0];
            if let Ok(packet) = Packet::read(&bytes) {
                session.receive(instant, &packet, 255);
            }
        }
        session.tick(instant);
        let mut count = 0;
        while session.owes() {
            let packet = session.packet(instant, &mut rand);
            assert!(!(packet.poll && packet.last));
            assert!(packet.state == State::Up || packet.desired_min_tx_micros >= 1_000_000);
            assert_eq!(
                Packet::read(&packet.write()).is_ok(),
                packet.your_discriminator != 0 || packet.state == State::Down
            );
            count += 1;
        }
        assert!(count <= 2);
        assert!(session.deadline() > instant);
    }
}

#[test]
fn a_packet_that_is_owed_needs_no_tick() {
    let mut pair = Pair2::up(FAST, FAST);
    let due = pair.ends[0].transmit_at;
    pair.ends[0].tick(due);
    assert!(pair.ends[0].owes());
    assert_eq!(pair.ends[0].deadline(), pair.ends[0].detect_at);
    pair.ends[0].packet(due, &mut pair.rand);
    assert!(pair.ends[0].deadline() > due);
}

#[test]
fn a_turn_that_is_under_way_takes_a_packet_along_but_never_before_its_time() {
    let mut pair = Pair2::up(FAST, FAST);
    for _ in 0..1_000 {
        let sent = pair.ends[0].transmit_at;
        pair.ends[0].tick(sent);
        pair.ends[0].packet(sent, &mut pair.rand);
        let (from, at) = (pair.ends[0].transmit_from(), pair.ends[0].transmit_at);
        assert!(from <= at);
        assert!(
            from.since(sent) >= Duration::from_micros(37_500) && at.since(sent) <= Duration::from_millis(50)
        );
        pair.ends[0].detect_at = Instant::FAR;
        pair.ends[0].tick(Instant::from_micros(from.as_micros() - 1));
        assert!(!pair.ends[0].owes() && pair.ends[0].ready_at() == from);
        pair.ends[0].tick(from);
        assert!(pair.ends[0].owes());
        pair.ends[0].packet(from, &mut pair.rand);
    }
}

#[test]
fn news_of_being_down_that_cross_do_not_take_two_sessions_down_and_up_for_ever() {
    for late in (0..=300).step_by(10) {
        let mut pair = Pair2::up(FAST, FAST);
        // One was stopped for a moment and reads now how the other one went down and came up.
        let (ours, theirs) = (pair.ends[0].local_discriminator, pair.ends[1].local_discriminator);
        for state in [State::Down, State::Init, State::Up] {
            let told = Packet { my_discriminator: theirs, your_discriminator: ours, ..says(state) };
            pair.wire.push((pair.now + 10, 0, told));
        }
        let told = Packet { my_discriminator: ours, your_discriminator: theirs, ..says(State::Down) };
        pair.wire.push((pair.now + late, 1, told));
        pair.run(10_000 * MS);
        assert_eq!(pair.states(), [State::Up; 2], "{late} us");
        assert!(pair.changes.len() <= 12, "{late} us: {} changes", pair.changes.len());
    }
}

#[test]
fn two_sessions_that_were_told_wrong_discriminators_for_hours_are_up_again_in_two_minutes() {
    for (state, asks) in [State::AdminDown, State::Down].into_iter().flat_map(|it| [(it, 0), (it, u32::MAX)])
    {
        let mut pair = Pair2::up(FAST, FAST);
        for end in 0..2 {
            let forged = Packet {
                my_discriminator: 77,
                your_discriminator: pair.ends[end].local_discriminator,
                multiplier: 9,
                desired_min_tx_micros: u32::MAX,
                required_min_rx_micros: asks,
                ..says(state)
            };
            let now = Instant::from_micros(pair.now);
            let change = pair.ends[end].receive(now, &forged, 255);
            pair.note(end, change);
        }
        pair.run(120_000 * MS);
        assert_eq!(pair.states(), [State::Up; 2], "{state} {asks}");
    }
}
