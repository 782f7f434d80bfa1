//! The log: defmt's frames on the second serial line. `defmt-print -e IMAGE` reads it.
//!
//! A frame that finds no room is lost whole, and counted: the decoder never sees half of one.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, Ordering};

use critical_section::{CriticalSection, RestoreState};

use super::{clock, uart};

#[defmt::global_logger]
struct Log;

defmt::timestamp!("{=u64:us}", clock::now().as_micros());

/// What the logger keeps while it is acquired.
struct State {
    encoder: defmt::Encoder,
    restore: RestoreState,
    taken: bool,
    /// How long the ring was before the frame.
    mark: usize,
    /// Whether some of the frame found no room.
    broken: bool,
}

struct Shared(UnsafeCell<State>);

// SAFETY: it is used between `acquire` and `release` only, which is a critical section.
unsafe impl Sync for Shared {}

static STATE: Shared = Shared(UnsafeCell::new(State {
    encoder: defmt::Encoder::new(),
    restore: RestoreState::invalid(),
    taken: false,
    mark: 0,
    broken: false,
}));

/// Frames that found no room.
static LOST: AtomicU32 = AtomicU32::new(0);

/// Frames that were lost since it was asked the last time.
pub(crate) fn take_lost() -> u32 {
    critical_section::with(|_| {
        let lost = LOST.load(Ordering::Relaxed);
        LOST.store(0, Ordering::Relaxed);
        lost
    })
}

/// Puts encoded octets into the ring, unless the frame is lost already.
fn put(mark: &mut bool, octets: &[u8]) {
    // SAFETY: called between `acquire` and `release` only: nobody else runs.
    let cs = unsafe { CriticalSection::new() };
    *mark |= !uart::with_log(cs, |ring| ring.push_all(octets));
}

// SAFETY: `acquire` begins a critical section, which `release` ends, and refuses to be acquired twice.
unsafe impl defmt::Logger for Log {
    fn acquire() {
        // SAFETY: ended by `release`.
        let restore = unsafe { critical_section::acquire() };
        // SAFETY: nobody else runs, and no other reference lives: a second `acquire` panics below, before it uses it.
        let state = unsafe { &mut *STATE.0.get() };
        assert!(!state.taken, "a log line within a log line");
        (state.taken, state.restore, state.broken) = (true, restore, false);
        // SAFETY: nobody else runs.
        state.mark = uart::with_log(unsafe { CriticalSection::new() }, |ring| ring.len());
        state.encoder.start_frame(|octets| put(&mut state.broken, octets));
    }

    unsafe fn flush() {
        uart::flush_log();
    }

    unsafe fn release() {
        // SAFETY: called between `acquire` and `release`: nobody else runs.
        let (state, cs) = unsafe { (&mut *STATE.0.get(), CriticalSection::new()) };
        state.encoder.end_frame(|octets| put(&mut state.broken, octets));
        if state.broken {
            uart::with_log(cs, |ring| ring.cut(state.mark));
            LOST.store(LOST.load(Ordering::Relaxed).saturating_add(1), Ordering::Relaxed);
        }
        uart::send_log(cs);
        state.taken = false;
        // SAFETY: begun by `acquire`.
        unsafe { critical_section::release(state.restore) };
    }

    unsafe fn write(octets: &[u8]) {
        // SAFETY: called between `acquire` and `release`: nobody else runs.
        let state = unsafe { &mut *STATE.0.get() };
        state.encoder.write(octets, |octets| put(&mut state.broken, octets));
    }
}
