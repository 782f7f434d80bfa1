//! One address: what the configuration wants, what the host has, and the next order that brings them together.
//!
//! Level-triggered: facts may come in any number and any order, and [`AddressCell::step`] compares what should be with
//! what is. Binding follows ownership, not posture: nothing here knows what is announced.
//!
//! Facts come in two queues: news of the host's addresses, in the order in which its kernel made them true, and answers to
//! orders, in the order of the orders. How the two interleave is nobody's promise: either may overtake the other. So whether
//! an address is here is what the news says; an answer only stands in for news that has not come yet. Once both queues are
//! empty, what is announced is here.

use super::posture::Presence;
use crate::base::time::{Duration, Instant};

/// How often a removed address is put back at once within [`PUT_BACK_WINDOW`]; after that it is put back after a pause,
/// which is twice as long each time: 1 s, 2 s, and so on up to [`LONGEST_PAUSE`].
pub(crate) const PUT_BACKS: u8 = 3;
/// See [`PUT_BACKS`], in seconds.
pub(crate) const LONGEST_PAUSE: u32 = 60;
/// See [`PUT_BACKS`].
pub(crate) const PUT_BACK_WINDOW: Duration = Duration::from_secs(60);
/// How long the route stays while an address is being put back.
pub(crate) const PUT_BACK_CONFIRM: Duration = Duration::from_millis(20);
/// How long to wait before an address that could not be bound, or not be unbound, is tried again.
pub(crate) const BIND_RETRY: Duration = Duration::from_secs(5);

/// What the configuration wants of an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Nothing (any more): what is ours is removed.
    #[default]
    Nothing,
    /// To hold it: bind it unless somebody else has.
    Bound,
    /// `bind none`: somebody else binds it, we watch.
    Watched,
}

/// What is known of the place where an address is to be bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ground {
    /// The host has not told its addresses whole yet: nobody knows whether the address is there.
    #[default]
    Unknown,
    /// The interface does not exist.
    NoLink,
    /// It exists and is down: an address can be bound there, but one that the kernel took away with the link would be taken
    /// away again.
    LinkDown,
    /// It can be bound.
    Ready,
}

/// Whose the address is, or was when it was there last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hold {
    /// Nobody's.
    #[default]
    None,
    /// We bound it, or an earlier run of ours did.
    Ours,
    /// Somebody else's: adopted.
    Foreign,
}

/// The next order for an address. Taking it from [`AddressCell::step`] means that it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing to do now; see [`AddressCell::deadline`].
    Nothing,
    /// Bind it.
    Bind,
    /// Unbind it.
    Unbind,
}

/// The answer to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was done.
    Done,
    /// It was so already.
    AlreadySo,
    /// It could not be done.
    Failed,
}

/// What a fact changed, worth a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing of note.
    None,
    /// It is bound by us (or was, by an earlier run, and is taken over).
    Bound,
    /// It is unbound.
    Unbound,
    /// It is there and somebody else's: adopted.
    Adopted,
    /// It is gone, and we do not put it back.
    Lost,
    /// A foreign hand removed it: it is being put back.
    PuttingBack,
    /// A foreign hand removed it too often: from now on it is put back after a pause (told once).
    Pausing,
    /// It could not be bound (told once, however often it is tried again).
    BindFailed,
    /// It could not be unbound (told once, however often it is tried again).
    UnbindFailed,
}

/// Where an address stands, for `show`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not on this host.
    #[default]
    Absent,
    /// The order to bind it is out.
    Binding,
    /// Bound by us.
    Bound,
    /// Somebody else's.
    Adopted,
    /// The order to unbind it is out.
    Unbinding,
    /// It could not be bound; it is tried again.
    Failed,
    /// It was removed too often; it is put back after a pause.
    Pausing,
}

/// One address. All zero bits at rest: not wanted, not there.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AddressCell {
    /// Restoring: until when the route stays. Failed or pausing: when to try again. Not wanted any more: when to unbind.
    until: Instant,
    /// When the first of `put_backs` was, or the last pause ends, in seconds.
    window: u32,
    put_backs: u8,
    wanted: Wanted,
    hold: Hold,
    flags: u8,
}

/// It is on this host, as far as was told.
const PRESENT: u8 = 1;
/// What is there bears our mark.
const MARKED: u8 = 1 << 1;
/// Removed too often: put back after pauses only.
const PAUSING: u8 = 1 << 2;
/// The last order failed.
const FAILED: u8 = 1 << 3;
/// Being put back, and the route stays until `until`.
const RESTORING: u8 = 1 << 4;
/// The order to bind is out.
const BINDING: u8 = 1 << 5;
/// The order to unbind is out.
const UNBINDING: u8 = 1 << 6;
/// While an order is out: news came that it may have caused, and from here on the news counts, not the answer. While none
/// is: it was there already when it was to be put back, and the news will say whose it is.
const HEARD: u8 = 1 << 7;

impl AddressCell {
    /// Not wanted, not there.
    pub(crate) const fn new() -> Self {
        Self {
            until: Instant::ZERO,
            window: 0,
            put_backs: 0,
            wanted: Wanted::Nothing,
            hold: Hold::None,
            flags: 0,
        }
    }

    /// The configuration wants it; level-triggered, so saying it again is harmless. What the host has is to be observed
    /// next, since an address may have been there before it was wanted.
    pub(crate) fn want(&mut self, wanted: Wanted) {
        if self.wanted != wanted {
            self.wanted = wanted;
            if !self.has(PRESENT) {
                self.hold = Hold::None;
            }
            self.flags &= !(PAUSING | FAILED | RESTORING);
            self.put_backs = 0;
        }
    }

    /// Nobody wants it any more: what is ours is removed when `linger` has passed, which begins when the withdrawal has
    /// left.
    pub(crate) fn leave(&mut self, now: Instant, linger: Duration) {
        if self.wanted != Wanted::Nothing {
            self.want(Wanted::Nothing);
            self.until = now + linger;
        }
    }

    /// An operator reloaded: what failed, or waits for the end of a pause, is tried again at once.
    pub(crate) fn reloaded(&mut self) {
        self.flags &= !(PAUSING | FAILED);
        self.put_backs = 0;
    }

    /// The place where it is to be bound has changed: what failed there is tried again at once.
    pub(crate) fn ground_changed(&mut self, now: Instant) {
        if self.has(FAILED) && self.wanted == Wanted::Bound {
            self.until = now;
        }
    }

    /// The fact: whether the address is on this host, on any link, and whether it bears the mark of ours there; when it is
    /// gone, whether its link is up. Level-triggered: say what is so whenever anything may have changed.
    pub(crate) fn observe(&mut self, now: Instant, present: bool, marked: bool, link_up: bool) -> Change {
        let was = self.has(PRESENT);
        self.set(PRESENT, present);
        self.set(MARKED, present && marked);
        if !self.has(BINDING | UNBINDING) {
            if self.has(HEARD) && present && !marked {
                self.hold = Hold::None; // somebody else put it back before we did
            }
            self.set(HEARD, false);
        } else if self.has(BINDING) == present {
            self.set(HEARD, true);
        }
        match (was, present) {
            // The answer will say whose it is, and from when on it answers.
            _ if self.has(BINDING) => Change::None,
            (true, true) => self.seen(marked),
            (false, true) => {
                if !marked && self.hold == Hold::Ours {
                    self.hold = Hold::None; // somebody else put it back before we did
                }
                self.seen(marked)
            }
            (true, false) => self.disappeared(now, link_up),
            (false, false) => Change::None,
        }
    }

    /// It is there: whose is it?
    fn seen(&mut self, marked: bool) -> Change {
        self.set(RESTORING | FAILED, false);
        match (self.hold, self.wanted) {
            (Hold::Ours, _) => Change::None,
            (_, Wanted::Bound) if marked => {
                self.hold = Hold::Ours;
                Change::Bound
            }
            // A leftover of ours that nobody wants: the next step removes it.
            (_, Wanted::Nothing) => {
                self.hold = if marked { Hold::Ours } else { Hold::None };
                Change::None
            }
            (Hold::None, _) => {
                self.hold = Hold::Foreign;
                Change::Adopted
            }
            (Hold::Foreign, _) => Change::None,
        }
    }

    /// It was there and is not: who removed it, and what now?
    fn disappeared(&mut self, now: Instant, link_up: bool) -> Change {
        match (self.hold, self.wanted) {
            // Our own order; its answer follows.
            _ if self.has(UNBINDING) => Change::None,
            (Hold::Ours, Wanted::Bound) if link_up => self.removed_by_others(now),
            // The kernel took it away with its link: nobody to fight with, and it is bound again when the link is back.
            (Hold::Ours, Wanted::Bound) => {
                self.set(RESTORING, false);
                Change::None
            }
            (_, Wanted::Nothing) => {
                self.hold = Hold::None;
                Change::None
            }
            // A Foreign hold stays, though nothing is there: it says that the address is not ours to put back.
            (Hold::Foreign, _) => Change::Lost,
            (_, Wanted::Watched) => {
                self.hold = Hold::None;
                Change::Lost
            }
            (Hold::None, Wanted::Bound) => Change::None,
        }
    }

    /// What we hold was taken away: put it back, after a pause when that happens too often.
    fn removed_by_others(&mut self, now: Instant) -> Change {
        let second = u32::try_from(now.as_micros() / 1_000_000).unwrap_or(u32::MAX);
        let calm = u64::from(second.saturating_sub(self.window)) >= PUT_BACK_WINDOW.as_secs();
        if self.put_backs == 0 || calm {
            (self.window, self.put_backs) = (second, 0);
            self.set(PAUSING, false);
        }
        self.put_backs = self.put_backs.saturating_add(1);
        let Some(pauses) = self.put_backs.checked_sub(PUT_BACKS + 1) else {
            self.until = now + PUT_BACK_CONFIRM;
            self.set(RESTORING, true);
            return Change::PuttingBack;
        };
        let pause = (1_u32 << pauses.min(6)).min(LONGEST_PAUSE);
        self.window = second.saturating_add(pause);
        self.until = now + Duration::from_secs(pause.into());
        self.set(RESTORING, false);
        let told = self.has(PAUSING);
        self.set(PAUSING, true);
        if told { Change::None } else { Change::Pausing }
    }

    /// The next order, if there is one to give now; it counts as given.
    pub(crate) fn step(&mut self, now: Instant, ground: Ground) -> Step {
        if self.has(BINDING | UNBINDING) {
            return Step::Nothing;
        }
        match self.wanted {
            Wanted::Bound if self.needs_binding(ground) && now >= self.retry_at() => {
                self.set(HEARD, false);
                self.set(BINDING, true);
                Step::Bind
            }
            Wanted::Nothing if self.is_to_be_removed() && now >= self.until => {
                self.set(UNBINDING, true);
                Step::Unbind
            }
            Wanted::Nothing | Wanted::Bound | Wanted::Watched => Step::Nothing,
        }
    }

    /// Not there, and not somebody else's to bring back; what went with its link waits for the link.
    fn needs_binding(&self, ground: Ground) -> bool {
        let can = match ground {
            Ground::Ready => self.hold != Hold::Foreign,
            Ground::LinkDown => self.hold == Hold::None,
            Ground::Unknown | Ground::NoLink => false,
        };
        can && !self.has(PRESENT)
    }

    fn is_to_be_removed(&self) -> bool {
        self.has(PRESENT) && self.hold == Hold::Ours && !self.has(HEARD)
    }

    fn retry_at(&self) -> Instant {
        if self.has(FAILED | PAUSING) { self.until } else { Instant::ZERO }
    }

    /// The answer to the order that is out, and whether the link it was about is up; one that nobody gave changes nothing.
    pub(crate) fn done(&mut self, now: Instant, outcome: Outcome, link_up: bool) -> Change {
        let heard = self.has(HEARD) && !planted!(AnswerOverNews);
        self.set(HEARD, false);
        if self.has(BINDING) {
            self.set(BINDING, false);
            self.bind_done(now, outcome, heard.then_some(link_up))
        } else if self.has(UNBINDING) {
            self.set(UNBINDING, false);
            self.unbind_done(now, outcome, heard)
        } else {
            Change::None
        }
    }

    /// `heard`: it was seen here since the order was given, and now its link is up or not.
    fn bind_done(&mut self, now: Instant, outcome: Outcome, heard: Option<bool>) -> Change {
        if !self.has(PRESENT) {
            if let Some(link_up) = heard {
                return self.gone_before_the_answer(now, outcome, link_up);
            }
            if outcome == Outcome::Failed {
                let told = self.has(FAILED);
                self.set(RESTORING, false);
                self.set(FAILED, true);
                self.hold = Hold::None;
                self.until = now + BIND_RETRY;
                return if told { Change::None } else { Change::BindFailed };
            }
        }
        if outcome == Outcome::AlreadySo && heard.is_none() && self.hold == Hold::Ours {
            // Ours after all, or somebody else's who was quicker: the news will say.
            self.set(PRESENT | HEARD, true);
            self.set(RESTORING | FAILED, false);
            return Change::None;
        }
        // What was seen although the order failed is of somebody else who was quicker.
        self.set(MARKED, self.has(MARKED) || outcome == Outcome::Done);
        let (mine, put_back) = (self.has(MARKED), self.hold == Hold::Ours && self.has(RESTORING));
        self.set(PRESENT, true);
        self.set(RESTORING | FAILED, false);
        self.hold = if mine { Hold::Ours } else { Hold::Foreign };
        match (mine, put_back) {
            (true, true) => Change::None,
            (true, false) => Change::Bound,
            (false, _) => Change::Adopted,
        }
    }

    /// It came, and has gone again before the answer.
    fn gone_before_the_answer(&mut self, now: Instant, outcome: Outcome, link_up: bool) -> Change {
        self.set(FAILED, false);
        if outcome == Outcome::Done {
            self.hold = Hold::Ours;
        }
        // What was never ours was somebody else's to take away.
        self.disappeared(now, link_up)
    }

    /// `heard`: it was seen to go since the order was given. A stop must not hang on a failure (see
    /// [`AddressCell::is_left`]), and the next run finds what is left.
    fn unbind_done(&mut self, now: Instant, outcome: Outcome, heard: bool) -> Change {
        if outcome == Outcome::Failed && self.has(PRESENT) && !heard {
            if self.wanted != Wanted::Nothing {
                return Change::None; // It was wanted again meanwhile, and it is still here.
            }
            let told = self.has(FAILED);
            self.set(FAILED, true);
            self.until = now + BIND_RETRY;
            return if told { Change::None } else { Change::UnbindFailed };
        }
        self.set(FAILED, false);
        self.hold = Hold::None;
        if !heard {
            self.set(PRESENT | MARKED, false);
        }
        let change = if self.has(PRESENT) { self.seen(self.has(MARKED)) } else { Change::None };
        if outcome == Outcome::Done && change == Change::None { Change::Unbound } else { change }
    }

    /// Whether this address is evidence for announcing its route: it is here, or is being put back and the time to
    /// confirm that is not over.
    pub(crate) fn announceable(&self, now: Instant) -> bool {
        self.wanted != Wanted::Nothing && (self.is_here() || (self.has(RESTORING) && now < self.until))
    }

    /// The same for the decision: undecided until the host's table is known and the first order to bind is answered.
    pub(crate) fn presence(&self, now: Instant, ground: Ground) -> Presence {
        if self.announceable(now) {
            return Presence::Present;
        }
        let first_bind_to_come = self.wanted == Wanted::Bound
            && self.hold == Hold::None
            && !self.has(PAUSING | FAILED)
            && ground != Ground::NoLink;
        if ground == Ground::Unknown || first_bind_to_come { Presence::Undecided } else { Presence::Missing }
    }

    /// Whether it is on this host, as far as was told, and no order about it is out.
    pub(crate) fn is_here(&self) -> bool {
        self.has(PRESENT) && !self.has(BINDING | UNBINDING)
    }

    /// Whether the configuration wants it, bound or only watched.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted != Wanted::Nothing
    }

    /// Whether nothing is out and nothing of ours is left to remove.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.wanted == Wanted::Nothing && !self.has(BINDING | UNBINDING | HEARD) && !self.is_to_be_removed()
    }

    /// Whether all was done to remove it that can be done now: it is at rest, or the order to unbind it has failed.
    pub(crate) fn is_left(&self) -> bool {
        self.is_at_rest()
            || (self.wanted == Wanted::Nothing && self.has(FAILED | HEARD) && !self.has(BINDING | UNBINDING))
    }

    /// Where it stands.
    pub(crate) fn standing(&self) -> Standing {
        if self.has(UNBINDING) {
            Standing::Unbinding
        } else if self.has(BINDING) {
            Standing::Binding
        } else if self.has(PRESENT) {
            if self.hold == Hold::Ours { Standing::Bound } else { Standing::Adopted }
        } else if self.has(FAILED) {
            Standing::Failed
        } else if self.has(PAUSING) {
            Standing::Pausing
        } else {
            Standing::Absent
        }
    }

    /// When time alone will change something after `now`: what [`AddressCell::step`] gives, or whether it is
    /// announceable. (What is due at `now` is for the caller to have asked for.)
    pub(crate) fn deadline(&self, now: Instant) -> Instant {
        let waits = self.has(RESTORING)
            || (self.has(FAILED | PAUSING) && self.wanted == Wanted::Bound && !self.has(PRESENT | BINDING))
            || (self.wanted == Wanted::Nothing && self.is_to_be_removed() && !self.has(UNBINDING));
        if waits && self.until > now { self.until } else { Instant::FAR }
    }

    /// Whether any of these flags is set.
    const fn has(&self, flags: u8) -> bool {
        self.flags & flags != 0
    }

    const fn set(&mut self, flags: u8, on: bool) {
        self.flags = if on { self.flags | flags } else { self.flags & !flags };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1_000)
    }

    /// Nothing on the host, its table known, and the address wanted at 0.
    fn wanted() -> AddressCell {
        let mut cell = AddressCell::new();
        cell.want(Wanted::Bound);
        cell
    }

    /// Bound by us at 0.
    fn bound() -> AddressCell {
        let mut cell = wanted();
        assert_eq!(cell.step(at(0), Ground::Ready), Step::Bind);
        assert_eq!(cell.done(at(0), Outcome::Done, true), Change::Bound);
        assert_eq!(cell.observe(at(0), true, true, true), Change::None);
        cell
    }

    /// There before us, adopted at 0.
    fn adopted() -> AddressCell {
        let mut cell = wanted();
        assert_eq!(cell.observe(at(0), true, false, true), Change::Adopted);
        cell
    }

    #[test]
    fn it_has_sixteen_octets_and_is_zero_at_rest() {
        assert_eq!(size_of::<AddressCell>(), 16);
        let cell = AddressCell::new();
        assert_eq!((cell.wanted as u8, cell.hold as u8, cell.flags), (0, 0, 0));
        assert!(cell.is_at_rest() && !cell.announceable(at(0)));
        assert_eq!(cell.deadline(at(0)), Instant::FAR);
    }

    #[test]
    fn nothing_is_bound_before_the_hosts_table_is_known() {
        let mut cell = wanted();
        assert_eq!(cell.step(at(0), Ground::Unknown), Step::Nothing);
        assert_eq!(cell.presence(at(0), Ground::Unknown), Presence::Undecided);
        assert_eq!(cell.step(at(1), Ground::Ready), Step::Bind);
    }

    #[test]
    fn nothing_is_bound_on_an_interface_that_does_not_exist() {
        let mut cell = wanted();
        assert_eq!(cell.step(at(0), Ground::NoLink), Step::Nothing);
        assert_eq!(cell.presence(at(0), Ground::NoLink), Presence::Missing);
        assert_eq!(cell.step(at(9), Ground::Ready), Step::Bind);
    }

    #[test]
    fn up_is_bind_then_the_answer_then_announce() {
        let mut cell = wanted();
        assert_eq!(cell.step(at(0), Ground::Ready), Step::Bind);
        assert_eq!(cell.standing(), Standing::Binding);
        assert!(!cell.announceable(at(0)));
        assert_eq!(cell.presence(at(0), Ground::Ready), Presence::Undecided);
        // Ordered once, however often it is asked.
        assert_eq!(cell.step(at(1), Ground::Ready), Step::Nothing);
        assert_eq!(cell.done(at(2), Outcome::Done, true), Change::Bound);
        assert!(cell.announceable(at(2)));
        assert_eq!(
            (cell.standing(), cell.presence(at(2), Ground::Ready)),
            (Standing::Bound, Presence::Present)
        );
        assert_eq!(cell.step(at(3), Ground::Ready), Step::Nothing);
    }

    #[test]
    fn the_news_of_our_own_bind_may_come_before_its_answer() {
        for marked in [false, true] {
            let mut cell = wanted();
            cell.step(at(0), Ground::Ready);
            assert_eq!(cell.observe(at(0), true, marked, true), Change::None);
            // The kernel tells of an IPv6 address before it takes packets to it.
            assert!(!cell.announceable(at(0)));
            assert_eq!(cell.presence(at(0), Ground::Ready), Presence::Undecided);
            assert_eq!(cell.done(at(0), Outcome::Done, true), Change::Bound);
            assert!(cell.announceable(at(0)));
            assert_eq!(cell.standing(), Standing::Bound);
        }
    }

    #[test]
    fn what_is_there_already_is_adopted_and_never_removed() {
        let mut cell = adopted();
        assert_eq!(cell.standing(), Standing::Adopted);
        assert!(cell.announceable(at(0)));
        assert_eq!(cell.step(at(0), Ground::Ready), Step::Nothing);
        cell.leave(at(1), Duration::ZERO);
        assert!(cell.is_at_rest());
        assert_eq!(cell.step(at(99_999), Ground::Ready), Step::Nothing);
    }

    #[test]
    fn a_bind_answered_already_so_is_an_adoption() {
        let mut cell = wanted();
        cell.step(at(0), Ground::Ready);
        assert_eq!(cell.done(at(0), Outcome::AlreadySo, true), Change::Adopted);
        assert_eq!(cell.standing(), Standing::Adopted);
    }

    #[test]
    fn somebody_who_was_quicker_than_our_failed_bind_is_adopted() {
        let mut cell = wanted();
        cell.step(at(0), Ground::Ready);
        cell.observe(at(0), true, false, true);
        assert_eq!(cell.done(at(0), Outcome::Failed, true), Change::Adopted);
        assert!(cell.announceable(at(0)));
    }

    #[test]
    fn ifdown_withdraws_an_adopted_address_at_once_and_ifup_announces_it_again() {
        let mut cell = adopted();
        for round in 1..=10 {
            let now = at(round * 1_000);
            assert_eq!(cell.observe(now, false, false, true), Change::Lost);
            assert!(!cell.announceable(now));
            assert_eq!(cell.presence(now, Ground::Ready), Presence::Missing);
            // Never put back, never given up.
            assert_eq!(cell.step(now, Ground::Ready), Step::Nothing);
            assert_eq!(cell.deadline(now), Instant::FAR);
            cell.observe(now, true, false, true);
            assert!(cell.announceable(now));
            assert_eq!(cell.standing(), Standing::Adopted);
        }
    }

    #[test]
    fn a_leftover_of_an_earlier_run_is_taken_over_as_bound() {
        let mut cell = wanted();
        assert_eq!(cell.observe(at(0), true, true, true), Change::Bound);
        assert_eq!(cell.standing(), Standing::Bound);
        cell.leave(at(0), Duration::ZERO);
        assert_eq!(cell.step(at(0), Ground::Ready), Step::Unbind);
    }

    #[test]
    fn a_leftover_that_nobody_wants_is_removed() {
        let mut cell = AddressCell::new();
        cell.observe(at(5), true, true, true);
        assert!(!cell.is_at_rest());
        assert_eq!(cell.step(at(5), Ground::Ready), Step::Unbind);
    }

    #[test]
    fn what_we_bound_is_put_back_and_the_route_stays_for_twenty_milliseconds() {
        let mut cell = bound();
        assert_eq!(cell.observe(at(100), false, false, true), Change::PuttingBack);
        assert!(cell.announceable(at(100)));
        assert_eq!(cell.step(at(100), Ground::Ready), Step::Bind);
        assert_eq!(cell.deadline(at(100)), at(120));
        assert!(cell.announceable(at(119)) && !cell.announceable(at(120)));
        assert_eq!(cell.done(at(110), Outcome::Done, true), Change::None);
        assert!(cell.announceable(at(120)));
        assert_eq!(cell.standing(), Standing::Bound);
    }

    #[test]
    fn a_put_back_that_is_confirmed_late_is_withdrawn_and_announced_again() {
        let mut cell = bound();
        cell.observe(at(100), false, false, true);
        cell.step(at(100), Ground::Ready);
        assert!(!cell.announceable(at(130)));
        assert_eq!(cell.presence(at(130), Ground::Ready), Presence::Missing);
        // Nothing to wake up for: only the answer matters now.
        assert_eq!(cell.deadline(at(130)), Instant::FAR);
        cell.done(at(500), Outcome::Done, true);
        assert!(cell.announceable(at(500)));
    }

    #[test]
    fn a_put_back_that_fails_is_withdrawn_at_once_and_tried_again() {
        let mut cell = bound();
        cell.observe(at(100), false, false, true);
        cell.step(at(100), Ground::Ready);
        assert_eq!(cell.done(at(101), Outcome::Failed, true), Change::BindFailed);
        assert!(!cell.announceable(at(101)));
        assert_eq!(cell.step(at(101), Ground::Ready), Step::Nothing);
        assert_eq!(cell.deadline(at(101)), at(5_101));
        assert_eq!(cell.step(at(5_101), Ground::Ready), Step::Bind);
    }

    /// Removed at this time; how long, in milliseconds, until it is bound again.
    fn removed(cell: &mut AddressCell, now: u64) -> (Change, u64) {
        let change = cell.observe(at(now), false, false, true);
        let again =
            (now..now + 100_000).find(|&time| cell.step(at(time), Ground::Ready) == Step::Bind).unwrap();
        cell.done(at(again), Outcome::Done, true);
        cell.observe(at(again), true, true, true);
        assert!(cell.announceable(at(again)));
        (change, again - now)
    }

    #[test]
    fn from_the_fourth_removal_within_a_minute_on_it_is_put_back_after_pauses_that_grow_to_a_minute() {
        let mut cell = bound();
        for round in 1..=3 {
            assert_eq!(removed(&mut cell, round * 10_000), (Change::PuttingBack, 0));
        }
        let (mut now, mut pauses) = (69_000, std::vec::Vec::new());
        for round in 0..9 {
            let (change, pause) = removed(&mut cell, now);
            assert_eq!(change, if round == 0 { Change::Pausing } else { Change::None });
            pauses.push(pause / 1_000);
            now += pause + 10;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn a_pause_withdraws_says_where_it_stands_and_ends_by_itself_or_with_a_reload() {
        for reload in [false, true] {
            let mut cell = bound();
            for round in 1..=3 {
                removed(&mut cell, round * 1_000);
            }
            assert_eq!(cell.observe(at(4_000), false, false, true), Change::Pausing);
            assert!(!cell.announceable(at(4_000)));
            assert_eq!(cell.presence(at(4_000), Ground::Ready), Presence::Missing);
            assert_eq!((cell.standing(), cell.deadline(at(4_000))), (Standing::Pausing, at(5_000)));
            assert_eq!(cell.step(at(4_500), Ground::Ready), Step::Nothing);
            if reload {
                cell.reloaded();
            }
            let again = if reload { 4_501 } else { 5_000 };
            assert_eq!(cell.step(at(again), Ground::Ready), Step::Bind);
            assert_eq!(cell.done(at(again), Outcome::Done, true), Change::Bound);
            assert_eq!(cell.deadline(at(again)), Instant::FAR);
        }
    }

    #[test]
    fn after_a_calm_minute_it_is_put_back_at_once_again() {
        let mut cell = bound();
        for round in 1..=4 {
            removed(&mut cell, round * 1_000);
        }
        assert_eq!(removed(&mut cell, 64_000).1, 2_000, "the pause ended 59 s ago");
        assert_eq!(removed(&mut cell, 126_100), (Change::PuttingBack, 0), "60 s ago");
    }

    #[test]
    fn what_the_kernel_takes_away_with_its_link_is_no_foreign_hand_and_is_bound_when_the_link_is_back() {
        let mut cell = bound();
        for round in 1..=10 {
            let now = at(round * 1_000);
            assert_eq!(cell.observe(now, false, false, false), Change::None);
            assert!(!cell.announceable(now));
            for ground in [Ground::LinkDown, Ground::NoLink] {
                assert_eq!(cell.step(now, ground), Step::Nothing);
                assert_eq!(cell.presence(now, ground), Presence::Missing);
            }
            assert_eq!(cell.step(now, Ground::Ready), Step::Bind);
            assert_eq!(cell.done(now, Outcome::Done, true), Change::Bound);
        }
        // The link may go down again before the answer.
        cell.observe(at(20_000), false, false, false);
        cell.step(at(20_001), Ground::Ready);
        cell.observe(at(20_002), true, true, true);
        cell.observe(at(20_003), false, false, false);
        assert_eq!(cell.done(at(20_004), Outcome::Done, false), Change::None);
        assert_eq!(cell.step(at(20_005), Ground::LinkDown), Step::Nothing);
        assert_eq!(cell.step(at(20_006), Ground::Ready), Step::Bind);
    }

    #[test]
    fn a_first_bind_does_not_wait_for_its_link_to_come_up() {
        assert_eq!(wanted().step(at(0), Ground::LinkDown), Step::Bind);
    }

    #[test]
    fn a_bind_that_failed_is_tried_again_when_its_ground_changes() {
        let mut cell = wanted();
        cell.step(at(0), Ground::Ready);
        cell.done(at(0), Outcome::Failed, true);
        assert_eq!(cell.step(at(10), Ground::Ready), Step::Nothing);
        cell.ground_changed(at(11));
        assert_eq!(cell.step(at(11), Ground::Ready), Step::Bind);
    }

    #[test]
    fn an_address_removed_again_before_the_answer_to_its_bind_is_not_taken_to_be_here() {
        for outcome in [Outcome::Done, Outcome::Failed] {
            let mut cell = bound();
            cell.observe(at(100), false, false, true);
            assert_eq!(cell.step(at(100), Ground::Ready), Step::Bind);
            assert_eq!(cell.observe(at(101), true, true, true), Change::None);
            assert_eq!(cell.observe(at(102), false, false, true), Change::None);
            assert_eq!(cell.done(at(103), outcome, true), Change::PuttingBack);
            assert!(!cell.announceable(at(123)));
            assert_eq!(cell.step(at(103), Ground::Ready), Step::Bind);
        }
    }

    #[test]
    fn what_somebody_else_binds_before_the_answer_to_our_unbind_is_seen() {
        let mut cell = bound();
        cell.leave(at(0), Duration::ZERO);
        assert_eq!(cell.step(at(0), Ground::Ready), Step::Unbind);
        cell.observe(at(1), false, false, true);
        cell.observe(at(2), true, false, true);
        cell.want(Wanted::Bound);
        assert_eq!(cell.done(at(3), Outcome::Done, true), Change::Adopted);
        assert!(cell.announceable(at(3)));
        assert_eq!(cell.step(at(3), Ground::Ready), Step::Nothing);
    }

    #[test]
    fn an_unbind_that_fails_is_told_once_and_tried_every_five_seconds_but_holds_up_no_stop() {
        let mut cell = bound();
        cell.leave(at(0), Duration::ZERO);
        assert_eq!(cell.step(at(0), Ground::Ready), Step::Unbind);
        assert!(!cell.is_left());
        assert_eq!(cell.done(at(1), Outcome::Failed, true), Change::UnbindFailed);
        assert!(cell.is_left() && !cell.is_at_rest());
        assert_eq!((cell.standing(), cell.deadline(at(1))), (Standing::Bound, at(5_001)));
        assert_eq!(cell.step(at(5_001), Ground::Ready), Step::Unbind);
        assert_eq!(cell.done(at(5_002), Outcome::Failed, true), Change::None);
        assert_eq!(cell.step(at(10_002), Ground::Ready), Step::Unbind);
        assert_eq!(cell.done(at(10_003), Outcome::Done, true), Change::Unbound);
        assert!(cell.is_at_rest());
    }

    #[test]
    fn removals_a_minute_apart_are_put_back_for_ever() {
        let mut cell = bound();
        for round in 1..=20 {
            let now = at(round * 20_001);
            assert_eq!(cell.observe(now, false, false, true), Change::PuttingBack, "{round}");
            cell.step(now, Ground::Ready);
            cell.done(now, Outcome::Done, true);
        }
    }

    #[test]
    fn bind_none_only_watches() {
        let mut cell = AddressCell::new();
        cell.want(Wanted::Watched);
        assert_eq!(cell.presence(at(0), Ground::Unknown), Presence::Undecided);
        assert_eq!(cell.presence(at(0), Ground::Ready), Presence::Missing);
        assert_eq!(cell.step(at(0), Ground::Ready), Step::Nothing);
        assert_eq!(cell.observe(at(1), true, false, true), Change::Adopted);
        assert!(cell.announceable(at(1)));
        assert_eq!(cell.observe(at(2), false, false, true), Change::Lost);
        assert!(!cell.announceable(at(2)));
        assert_eq!(cell.step(at(2), Ground::Ready), Step::Nothing);
    }

    #[test]
    fn a_stop_unbinds_what_is_ours_after_the_linger() {
        let mut cell = bound();
        cell.leave(at(1_000), Duration::from_secs(2));
        assert!(!cell.announceable(at(1_000)) && !cell.is_at_rest());
        assert_eq!(cell.step(at(2_999), Ground::Ready), Step::Nothing);
        assert_eq!(cell.deadline(at(1_000)), at(3_000));
        // Saying it again does not start the linger over.
        cell.leave(at(2_000), Duration::from_secs(2));
        assert_eq!(cell.step(at(3_000), Ground::Ready), Step::Unbind);
        assert_eq!(cell.standing(), Standing::Unbinding);
        // The news of it may come first.
        assert_eq!(cell.observe(at(3_000), false, false, true), Change::None);
        assert_eq!(cell.done(at(3_001), Outcome::Done, true), Change::Unbound);
        assert!(cell.is_at_rest());
        assert_eq!(cell.standing(), Standing::Absent);
    }

    #[test]
    fn a_stop_does_not_hang_on_an_unbind_that_fails() {
        for (outcome, change) in [(Outcome::AlreadySo, Change::None), (Outcome::Failed, Change::UnbindFailed)]
        {
            let mut cell = bound();
            cell.leave(at(0), Duration::ZERO);
            cell.step(at(0), Ground::Ready);
            assert_eq!(cell.done(at(1), outcome, true), change);
            assert!(cell.is_left());
        }
    }

    #[test]
    fn a_stop_while_the_bind_is_out_unbinds_when_it_is_answered() {
        let mut cell = wanted();
        cell.step(at(0), Ground::Ready);
        cell.leave(at(1), Duration::from_secs(1));
        assert!(!cell.is_at_rest());
        assert_eq!(cell.step(at(1), Ground::Ready), Step::Nothing);
        cell.done(at(2), Outcome::Done, true);
        assert!(!cell.announceable(at(2)));
        assert_eq!(cell.step(at(1_001), Ground::Ready), Step::Unbind);
    }

    #[test]
    fn removal_by_others_while_it_lingers_is_not_put_back() {
        let mut cell = bound();
        cell.leave(at(0), Duration::from_secs(2));
        assert_eq!(cell.observe(at(1), false, false, true), Change::None);
        assert!(cell.is_at_rest());
        assert_eq!(cell.step(at(2_000), Ground::Ready), Step::Nothing);
    }

    #[test]
    fn an_address_wanted_again_while_it_lingers_just_stays() {
        let mut cell = bound();
        cell.leave(at(0), Duration::from_secs(2));
        cell.want(Wanted::Bound);
        assert!(cell.announceable(at(1)));
        assert_eq!(cell.step(at(9_000), Ground::Ready), Step::Nothing);
    }

    #[test]
    fn an_address_wanted_again_while_the_unbind_is_out_is_bound_again() {
        let mut cell = bound();
        cell.leave(at(0), Duration::ZERO);
        cell.step(at(0), Ground::Ready);
        cell.want(Wanted::Bound);
        assert!(!cell.announceable(at(0)));
        cell.done(at(1), Outcome::Done, true);
        assert_eq!(cell.step(at(1), Ground::Ready), Step::Bind);
    }

    #[test]
    fn a_failure_to_bind_is_told_once_and_tried_every_five_seconds() {
        let mut cell = wanted();
        cell.step(at(0), Ground::Ready);
        assert_eq!(cell.done(at(0), Outcome::Failed, true), Change::BindFailed);
        assert_eq!(cell.presence(at(0), Ground::Ready), Presence::Missing);
        assert_eq!(cell.standing(), Standing::Failed);
        assert_eq!(cell.deadline(at(0)), at(5_000));
        assert_eq!(cell.step(at(5_000), Ground::Ready), Step::Bind);
        assert_eq!(cell.done(at(5_001), Outcome::Failed, true), Change::None);
        assert_eq!(cell.step(at(10_001), Ground::Ready), Step::Bind);
        assert_eq!(cell.done(at(10_002), Outcome::Done, true), Change::Bound);
        assert!(cell.announceable(at(10_002)));
    }

    #[test]
    fn an_answer_that_nobody_waits_for_changes_nothing() {
        let mut cell = adopted();
        assert_eq!(cell.done(at(0), Outcome::Done, true), Change::None);
        assert_eq!(cell.standing(), Standing::Adopted);
    }

    /// Any facts in any order, and the promises that hold whatever they are.
    #[test]
    fn whatever_the_host_says_only_ours_is_unbound_and_only_what_is_here_is_announced() {
        let mut rand = crate::base::rand::Rand::new(42);
        for _ in 0..2_000 {
            let mut cell = AddressCell::new();
            let (mut now, mut here, mut ours, mut order) = (0, false, false, Step::Nothing);
            let mut gone_since = 0;
            for _ in 0..60 {
                now += u64::from(rand.next() % 40);
                match rand.next() % 7 {
                    0 => cell.want(Wanted::Bound),
                    1 => cell.want(Wanted::Watched),
                    2 => cell.leave(at(now), Duration::from_millis(10)),
                    3 if order == Step::Nothing => {
                        // A foreign hand adds or removes.
                        (here, ours) = (!here, false);
                        gone_since = now;
                        cell.observe(at(now), here, false, true);
                    }
                    4 => {
                        // The host obeys.
                        let outcome = match order {
                            Step::Nothing => continue,
                            Step::Bind if here => Outcome::AlreadySo,
                            Step::Unbind if !here => Outcome::AlreadySo,
                            Step::Bind | Step::Unbind => Outcome::Done,
                        };
                        if outcome == Outcome::Done {
                            (here, ours) = (order == Step::Bind, order == Step::Bind);
                        }
                        gone_since = now;
                        order = Step::Nothing;
                        cell.done(at(now), outcome, true);
                    }
                    _ if order == Step::Nothing => {
                        order = cell.step(at(now), Ground::Ready);
                        assert!(order != Step::Unbind || (here && ours), "unbinds what is not ours");
                        assert!(order != Step::Bind || !here, "binds what is there");
                    }
                    _ => {}
                }
                if cell.announceable(at(now)) {
                    assert!(here || now < gone_since + 20, "announces what is not here");
                }
            }
        }
    }
}
