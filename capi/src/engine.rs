//! Start, handle, poll, deadline: the drive loop's calls.

use holdover_core::base::time::Instant;
use holdover_core::engine::Output;

use crate::input::holdover_input;
use crate::memory::{Call, State, enter, holdover_engine};
use crate::output::holdover_output;
use crate::status::holdover_status;

/// Counts changes of this interface that a program compiled with an older header would notice.
pub const HOLDOVER_ABI: u32 = 1;

/// "There is nothing to wait for": later than any deadline.
pub const HOLDOVER_FOREVER: u64 = u64::MAX;

/// The HOLDOVER_ABI that this library was built with. A program that loads it apart from its header compares the two first.
///
/// Threads: any, at any time.
#[unsafe(no_mangle)]
pub extern "C" fn holdover_abi() -> u32 {
    HOLDOVER_ABI
}

/// How many octets of memory an engine needs: at most HOLDOVER_ENGINE_SIZE.
///
/// Threads: any, at any time.
#[unsafe(no_mangle)]
pub extern "C" fn holdover_engine_size() -> usize {
    size_of::<State>()
}

/// How that memory is aligned, in octets: at most HOLDOVER_ENGINE_ALIGN.
///
/// Threads: any, at any time.
#[unsafe(no_mangle)]
pub extern "C" fn holdover_engine_align() -> usize {
    align_of::<State>()
}

/// Turns zero memory into an engine, starts its clock and seeds its jitter. The first call to each engine.
///
/// - engine: holdover_engine_size() octets, aligned, all zero. They stay the caller's.
/// - now_us: the time, in microseconds since whenever the caller likes, of a clock that never runs backwards. Every later
///   call is told the time of the same clock; a time that lies before an earlier one counts as that one.
/// - seed: another one at every boot and on every machine. It spreads timers (RFC 4271 section 10, RFC 5880 section 6.8.7)
///   and names BFD sessions; it guards no secret.
///
/// Errors: NULL, MISALIGNED; NOT_ZERO: the memory was used before (set it to zero to begin anew); STARTED; BUSY.
/// Time: it reads the memory once, 56 KiB.
/// Threads: one at a time for each engine, as for all functions below; engines know nothing of each other. A call that
/// comes in between (an interrupt, another thread) is answered with BUSY and does nothing.
///
/// # Safety
///
/// `engine` is NULL or leads to that much memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdover_start(
    engine: *mut holdover_engine,
    now_us: u64,
    seed: u64,
) -> holdover_status {
    // SAFETY: the caller's word.
    match unsafe { enter(engine, Call::Start) } {
        Ok(entered) => {
            entered.body.engine.start(Instant::from_micros(now_us), seed);
            holdover_status::Ok
        }
        Err(status) => status,
    }
}

/// Tells the engine a fact. Call holdover_poll afterwards until it answers HOLDOVER_STATUS_NONE.
///
/// - now_us: the time, as for holdover_start.
/// - input: what happened. Only the part that its kind names is read. What it points to is read before the call returns.
///
/// A fact about something that is no more (a connection of an earlier generation) is counted and ignored: it is no error
/// here. Whatever a network sends, the engine copes with (RFC 7606).
///
/// Errors: NULL, MISALIGNED (also of the input); NOT_STARTED; NOT_DRAINED; VALUE, NOT_UTF8: the engine was not told; BUSY;
/// DAMAGED.
///
/// # Safety
///
/// `engine` and `input` are NULL or lead to what their types say; so do the pointers in the input.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdover_handle(
    engine: *mut holdover_engine,
    now_us: u64,
    input: *const holdover_input,
) -> holdover_status {
    // SAFETY: the caller's word.
    let mut entered = match unsafe { enter(engine, Call::Change) } {
        Ok(entered) => entered,
        Err(status) => return status,
    };
    if input.is_null() {
        return holdover_status::ErrorNull;
    }
    if !input.is_aligned() {
        return holdover_status::ErrorMisaligned;
    }
    // SAFETY: not NULL, aligned, the rest is the caller's word. It is all integers and pointers: any octets are one.
    let input = unsafe { &*input };
    // SAFETY: what its pointers lead to is the caller's word, for as long as this call.
    let input = match unsafe { input.get() } {
        Ok(input) => input,
        Err(status) => return status,
    };
    entered.body.engine.handle(Instant::from_micros(now_us), input);
    entered.owes();
    holdover_status::Ok
}

/// Gives the next order. To be called until there is none, after each call that changes the engine; the caller obeys each
/// order at once, or keeps what it needs of it.
///
/// - output: is given the order: its kind and the part that the kind names. What it points to is the engine's, and stays
///   until the next call of holdover_poll, holdover_handle, holdover_command or holdover_configure_text with this engine.
///   With anything but HOLDOVER_STATUS_OK its kind is HOLDOVER_OUTPUT_KIND_NONE.
///
/// Answers HOLDOVER_STATUS_OK, or HOLDOVER_STATUS_NONE when there is no order left.
/// Errors: NULL, MISALIGNED (also of the output); NOT_STARTED; BUSY; DAMAGED.
///
/// # Safety
///
/// `engine` and `output` are NULL or lead to what their types say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdover_poll(
    engine: *mut holdover_engine,
    output: *mut holdover_output,
) -> holdover_status {
    if output.is_null() {
        return holdover_status::ErrorNull;
    }
    if !output.is_aligned() {
        return holdover_status::ErrorMisaligned;
    }
    // SAFETY: not NULL, aligned, the rest is the caller's word.
    unsafe { output.write(holdover_output::NONE) };
    // SAFETY: the caller's word.
    let mut entered = match unsafe { enter(engine, Call::Look) } {
        Ok(entered) => entered,
        Err(status) => return status,
    };
    let body = &mut *entered.body;
    let Some(order) = body.engine.poll() else {
        entered.is_drained();
        return holdover_status::None;
    };
    if let Output::Record(record) = order {
        (body.last, body.recorded) = (record, true);
    }
    // SAFETY: as above.
    unsafe { output.write(holdover_output::of(order)) };
    holdover_status::Ok
}

/// Says when the engine wants to be called at the latest, with HOLDOVER_INPUT_KIND_TICK if there is no other fact.
///
/// - deadline_us: is given the time, in microseconds of the caller's clock; HOLDOVER_FOREVER: there is nothing to wait for.
///   A time in the past means: at once, there is work left.
///
/// Errors: NULL, MISALIGNED (also of the deadline); NOT_STARTED; BUSY; DAMAGED.
///
/// # Safety
///
/// `engine` and `deadline_us` are NULL or lead to what their types say.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdover_deadline(
    engine: *mut holdover_engine,
    deadline_us: *mut u64,
) -> holdover_status {
    if deadline_us.is_null() {
        return holdover_status::ErrorNull;
    }
    if !deadline_us.is_aligned() {
        return holdover_status::ErrorMisaligned;
    }
    // SAFETY: the caller's word.
    match unsafe { enter(engine, Call::Look) } {
        Ok(entered) => {
            let deadline = entered.body.engine.deadline().as_micros();
            // SAFETY: not NULL, aligned, the rest is the caller's word.
            unsafe { deadline_us.write(deadline) };
            holdover_status::Ok
        }
        Err(status) => status,
    }
}
