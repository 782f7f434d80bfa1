//! The capacities, the opaque engine in the caller's memory, and who may enter it when.

use core::sync::atomic::{AtomicU32, Ordering};

use holdover_core::config::Config;
use holdover_core::engine::{Engine, Record};

use crate::status::holdover_status;
use crate::value::Checked;

/// How many neighbors an engine has room for, those of listen ranges included.
pub const HOLDOVER_PEERS: usize = 4;
/// How many services (`failover` blocks).
pub const HOLDOVER_SERVICES: usize = 8;
/// How many routes: every `network`, `address`, `ip route` and `ip address` line is one.
pub const HOLDOVER_ROUTES: usize = 32;
/// How many rules: every line of a list and every clause of a route-map is one.
pub const HOLDOVER_RULES: usize = 64;
/// How many octets of names, descriptions, passwords and check targets.
pub const HOLDOVER_TEXT: usize = 2048;

/// How many octets of memory an engine is given, at most; holdover_engine_size() says what this library really needs. A
/// multiple of 8. The library does not compile when it needs more than this, or less by 2 KiB or more on a machine of
/// 64 bits: that is where to write another number after the capacities above were changed.
pub const HOLDOVER_ENGINE_SIZE: usize = 57_344;

/// How the memory of an engine is aligned, in octets.
pub const HOLDOVER_ENGINE_ALIGN: usize = 8;

/// An engine. What is inside is none of the caller's business, and may be different in the next version.
///
/// All zero is a new engine: `static holdover_engine engine;` is one, and costs no flash. Where memory is given otherwise
/// (an arena, a linker section), holdover_engine_size() octets aligned to HOLDOVER_ENGINE_ALIGN are enough, set to zero and
/// cast to this type. There is nothing to free: an engine is over when its memory is used for something else. It is not
/// moved or copied while it is in use.
#[repr(C)]
pub struct holdover_engine {
    /// Nothing to read or write.
    pub opaque: [u64; 7168],
}

/// What an engine's memory holds.
#[repr(C)]
pub(crate) struct State {
    /// Outside of the rest: whoever asks whether he may enter must not touch what another one is working on.
    gate: u32,
    pub(crate) body: Body,
}

/// All but the gate. All zero bits at rest, as its parts are (`cargo xtask lint bss`; a record's first variant has no fields).
pub(crate) struct Body {
    pub(crate) engine:
        Engine<HOLDOVER_PEERS, HOLDOVER_SERVICES, HOLDOVER_ROUTES, HOLDOVER_RULES, HOLDOVER_TEXT>,
    /// What a text is read into before it is taken over: a stack has no room for it.
    pub(crate) spare:
        Config<HOLDOVER_PEERS, HOLDOVER_SERVICES, HOLDOVER_ROUTES, HOLDOVER_RULES, HOLDOVER_TEXT>,
    /// The record that was given last, if one was.
    pub(crate) last: Record,
    pub(crate) recorded: bool,
}

/// The engine's memory in words.
const WORDS: usize = size_of::<Body>() / size_of::<u64>();

const _: () = {
    assert!(
        size_of::<State>() <= HOLDOVER_ENGINE_SIZE,
        "HOLDOVER_ENGINE_SIZE is too small for these capacities"
    );
    assert!(
        size_of::<usize>() < 8 || HOLDOVER_ENGINE_SIZE - size_of::<State>() < 2_048,
        "HOLDOVER_ENGINE_SIZE is needlessly large"
    );
    assert!(
        size_of::<holdover_engine>() == HOLDOVER_ENGINE_SIZE,
        "the opaque array is HOLDOVER_ENGINE_SIZE / 8 long"
    );
    assert!(align_of::<holdover_engine>() <= HOLDOVER_ENGINE_ALIGN);
    assert!(align_of::<State>() <= align_of::<holdover_engine>());
    assert!(size_of::<Body>().is_multiple_of(size_of::<u64>()) && align_of::<Body>() == align_of::<u64>());
};

/// Zero memory: not started.
const NEW: u32 = 0;
/// Started, and nothing is owed to the caller. The three numbers are such that memory of another use seldom has them.
const READY: u32 = 0x484F_4C44;
/// There may be orders that were not polled.
const OWES: u32 = 0x4F56_4552;
/// Somebody is inside.
const BUSY: u32 = 0x4255_5359;

/// What a call is about to do, and so when it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// Begin.
    Start,
    /// Change the engine: only when it is drained. Orders are owed afterwards.
    Change,
    /// Take an order, or look at something.
    Look,
}

/// One call's stay inside an engine. Nobody else enters before it is dropped.
pub(crate) struct Entered<'a> {
    gate: &'a AtomicU32,
    leave: u32,
    pub(crate) body: &'a mut Body,
}

impl Entered<'_> {
    /// The engine was changed: it is to be drained.
    pub(crate) const fn owes(&mut self) {
        self.leave = OWES;
    }

    /// There is no order left.
    pub(crate) const fn is_drained(&mut self) {
        self.leave = READY;
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.gate.store(self.leave, Ordering::Release);
    }
}

/// Enters an engine, or says why that may not be.
///
/// # Safety
///
/// `engine` is NULL, or leads to as much memory as [`State`] needs, which is an engine or was zero when it became one.
pub(crate) unsafe fn enter<'a>(engine: *mut holdover_engine, call: Call) -> Checked<Entered<'a>> {
    if engine.is_null() {
        return Err(holdover_status::ErrorNull);
    }
    if !engine.cast::<State>().is_aligned() {
        return Err(holdover_status::ErrorMisaligned);
    }
    let state = engine.cast::<State>();
    // SAFETY: it leads to a State's memory, aligned. The gate is touched in no other way than as an atomic.
    let gate = unsafe { AtomicU32::from_ptr(&raw mut (*state).gate) };
    let before = gate.load(Ordering::Relaxed);
    admit(before, call)?;
    if gate.compare_exchange(before, BUSY, Ordering::Acquire, Ordering::Relaxed).is_err() {
        return Err(holdover_status::ErrorBusy);
    }
    if call == Call::Start {
        // SAFETY: as above; nobody else is inside, because the gate was ours to close, and the memory is only read.
        let zero = unsafe { is_zero(&raw const (*state).body) };
        if let Err(status) = zero {
            gate.store(before, Ordering::Release);
            return Err(status);
        }
    }
    // SAFETY: the memory holds a Body: zeros are one, and whatever wrote to it since did so by this reference. Nobody else
    // has one, because the gate was ours to close.
    let body = unsafe { &mut (*state).body };
    Ok(Entered { gate, leave: if call == Call::Start { READY } else { before }, body })
}

/// Whether a call may be made to an engine in this state.
const fn admit(gate: u32, call: Call) -> Checked<()> {
    match (gate, call) {
        (BUSY, _) => Err(holdover_status::ErrorBusy),
        (NEW, Call::Start) | (READY, Call::Change) | (READY | OWES, Call::Look) => Ok(()),
        (NEW, Call::Change | Call::Look) => Err(holdover_status::ErrorNotStarted),
        (READY | OWES, Call::Start) => Err(holdover_status::ErrorStarted),
        (OWES, Call::Change) => Err(holdover_status::ErrorNotDrained),
        (_, Call::Start) => Err(holdover_status::ErrorNotZero),
        _ => Err(holdover_status::ErrorDamaged),
    }
}

/// That memory which is to become an engine is all zero: anything else would be no engine, and undefined behaviour.
///
/// # Safety
///
/// `body` leads to the memory of a [`Body`], aligned, which nothing writes meanwhile.
unsafe fn is_zero(body: *const Body) -> Checked<()> {
    // SAFETY: the memory is the caller's, aligned as its words are (asserted above), and any octets are words.
    let words = unsafe { core::slice::from_raw_parts(body.cast::<u64>(), WORDS) };
    if words.iter().all(|&word| word == 0) { Ok(()) } else { Err(holdover_status::ErrorNotZero) }
}
