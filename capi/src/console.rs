//! What an operator types, and what is written back.

use core::ffi::{c_char, c_void};
use core::fmt;

use holdover_core::base::limits::CHECKS_PER_SERVICE;
use holdover_core::base::time::Instant;
use holdover_core::console::command::{self, Request, Show};
use holdover_core::console::show;
use holdover_core::console::text::Text;
use holdover_core::engine::{Command, CommandId, Input, Wish};

use crate::memory::{Body, Call, Entered, HOLDOVER_PEERS, HOLDOVER_SERVICES, enter, holdover_engine};
use crate::status::holdover_status;
use crate::value::{Checked, holdover_text, holdover_write};

/// Where text goes: pieces of it to the caller's callback.
struct Sink {
    write: unsafe extern "C" fn(*mut c_void, *const c_char, usize) -> i32,
    context: *mut c_void,
}

impl fmt::Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if text.is_empty() {
            return Ok(());
        }
        let piece = holdover_text::from(text);
        // SAFETY: the caller gave it to be called like this.
        let said = unsafe { (self.write)(self.context, piece.data, piece.len) };
        if said == 0 { Ok(()) } else { Err(fmt::Error) }
    }
}

/// What writing ended with.
fn written<T, E>(result: Result<T, E>) -> Checked<()> {
    result.map(drop).map_err(|_| holdover_status::ErrorWrite)
}

/// Enters an engine to look at it, and gives where to write to.
///
/// # Safety
///
/// As for [`enter`]; the callback is one of its type.
unsafe fn look<'a>(
    engine: *mut holdover_engine,
    write: holdover_write,
    context: *mut c_void,
) -> Checked<(Entered<'a>, Sink)> {
    // SAFETY: the caller's word.
    let entered = unsafe { enter(engine, Call::Look) }?;
    let write = write.ok_or(holdover_status::ErrorNull)?;
    Ok((entered, Sink { write, context }))
}

/// Writes the sentence of the record that holdover_poll gave last: what a log wants, without a line end.
///
/// - write, context: is given the text in pieces.
///
/// Answers HOLDOVER_STATUS_OK, or HOLDOVER_STATUS_NONE: no record was given yet; nothing was written.
/// Errors: NULL (also of the callback); MISALIGNED; NOT_STARTED; WRITE; BUSY; DAMAGED.
///
/// # Safety
///
/// `engine` is NULL or leads to what its type says; `write` is NULL or a function of that type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdover_record_text(
    engine: *mut holdover_engine,
    write: holdover_write,
    context: *mut c_void,
) -> holdover_status {
    // SAFETY: the caller's word.
    let result = unsafe { look(engine, write, context) }.and_then(|(entered, mut sink)| {
        if !entered.body.recorded {
            return Err(holdover_status::None);
        }
        let sentence = entered.body.engine.sentence(entered.body.last);
        written(fmt::write(&mut sink, format_args!("{sentence}")))
    });
    status(result)
}

/// Answers a question of an operator, as `holdover show` does: `show summary`, `show neighbors [ADDRESS]`, `show services`,
/// `show routes`, `show steer`, `show bfd`, `show running-config` (passwords hidden); words may be abbreviated, and FRR's
/// forms are understood.
///
/// - now_us: the time, as for holdover_start; ages are counted from it.
/// - line, len: the line: UTF-8, without its end. It stays the caller's.
/// - write, context: is given the answer in pieces, lines ended by LF. Of a line that is not understood it is given the
///   reason.
///
/// Answers HOLDOVER_STATUS_OK, or HOLDOVER_STATUS_NONE: the line is a command, for holdover_command; nothing was written.
/// Errors: NULL (also of the callback); MISALIGNED; NOT_STARTED; NOT_UTF8; VALUE: a length that no text has;
/// NOT_UNDERSTOOD; NOT_FOUND: there is no such neighbor; WRITE; BUSY; DAMAGED.
///
/// # Safety
///
/// `engine` is NULL or leads to what its type says, `line` to `len` octets; `write` is NULL or a function of that type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdover_show(
    engine: *mut holdover_engine,
    now_us: u64,
    line: *const c_char,
    len: usize,
    write: holdover_write,
    context: *mut c_void,
) -> holdover_status {
    // SAFETY: the caller's word.
    let result = unsafe { look(engine, write, context) }.and_then(|(entered, mut sink)| {
        // SAFETY: the caller's word, for as long as this call.
        let line = unsafe { (holdover_text { data: line, len }).get() }?;
        match command::read(line) {
            Ok(Request::Show(what)) => answer(entered.body, Instant::from_micros(now_us), what, &mut sink),
            Ok(Request::Wish { .. }) => Err(holdover_status::None),
            Err(misread) => {
                written(fmt::write(&mut sink, format_args!("{misread}\n")))?;
                Err(holdover_status::ErrorNotUnderstood)
            }
        }
    });
    status(result)
}

/// Writes what can stand next on a line that is being typed, and what it does: the answer to `?`.
///
/// - line, len: the line so far: UTF-8. It stays the caller's.
/// - write, context: is given the answer in pieces, lines ended by LF.
///
/// Errors: as for holdover_show, but a line is never misunderstood.
///
/// # Safety
///
/// `engine` is NULL or leads to what its type says, `line` to `len` octets; `write` is NULL or a function of that type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdover_help(
    engine: *mut holdover_engine,
    line: *const c_char,
    len: usize,
    write: holdover_write,
    context: *mut c_void,
) -> holdover_status {
    // SAFETY: the caller's word.
    let result = unsafe { look(engine, write, context) }.and_then(|(entered, mut sink)| {
        // SAFETY: the caller's word, for as long as this call.
        let line = unsafe { (holdover_text { data: line, len }).get() }?;
        written(command::help(&mut Text(&mut sink), entered.body.engine.config().view(), line))
    });
    status(result)
}

/// Obeys an operator's line: `drain [SERVICE]`, `undrain [SERVICE]`, `promote SERVICE`, `demote SERVICE`, `force SERVICE`.
/// Call holdover_poll afterwards until it answers HOLDOVER_STATUS_NONE; one HOLDOVER_OUTPUT_KIND_ANSWER says what became of
/// it. (To stop, tell HOLDOVER_INPUT_KIND_COMMAND with HOLDOVER_ORDER_STOP.)
///
/// - now_us: the time, as for holdover_start.
/// - id: named by the caller, to know the answer by.
/// - wait: not 0: answer only when every peer has acknowledged what it was told, or had its time to.
/// - line, len: the line: UTF-8, without its end. It stays the caller's.
///
/// Errors: NULL; MISALIGNED; NOT_STARTED; NOT_DRAINED; NOT_UTF8; VALUE: a length that no text has; NOT_UNDERSTOOD: it is
/// nothing of these (perhaps a question, for holdover_show); NOT_FOUND: there is no such service; BUSY; DAMAGED.
///
/// # Safety
///
/// `engine` is NULL or leads to what its type says, `line` to `len` octets.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdover_command(
    engine: *mut holdover_engine,
    now_us: u64,
    id: u32,
    wait: u8,
    line: *const c_char,
    len: usize,
) -> holdover_status {
    // SAFETY: the caller's word.
    let result = unsafe { enter(engine, Call::Change) }.and_then(|mut entered| {
        // SAFETY: the caller's word, for as long as this call.
        let line = unsafe { (holdover_text { data: line, len }).get() }?;
        let Ok(Request::Wish { service, wish }) = command::read(line) else {
            return Err(holdover_status::ErrorNotUnderstood);
        };
        let command = command(entered.body, service, wish, wait != 0)?;
        entered
            .body
            .engine
            .handle(Instant::from_micros(now_us), Input::Command { id: CommandId(id), command });
        entered.owes();
        Ok(())
    });
    status(result)
}

fn command(body: &Body, service: Option<&str>, wish: Wish, wait: bool) -> Checked<Command> {
    let service = match service {
        None => None,
        Some(name) => Some(body.engine.service_named(name).ok_or(holdover_status::ErrorNotFound)?),
    };
    Ok(Command::Wish { service, wish, wait })
}

fn status(result: Checked<()>) -> holdover_status {
    match result {
        Ok(()) => holdover_status::Ok,
        Err(status) => status,
    }
}

/// Writes what was asked for.
fn answer(body: &Body, now: Instant, what: Show, sink: &mut Sink) -> Checked<()> {
    let (engine, out) = (&body.engine, &mut Text(sink));
    let summary = engine.summary();
    let peers = (0..HOLDOVER_PEERS).filter_map(|place| engine.peer(place));
    let services = (0..HOLDOVER_SERVICES).filter_map(|place| engine.service(place));
    match what {
        Show::Summary => written(show::summary(out, now, &summary, peers, services)),
        Show::Neighbors => written(show::neighbors(out, now, summary.local_as, peers)),
        Show::Neighbor(address) => {
            let mut peers = peers;
            let peer = peers.find(|peer| peer.address == address).ok_or(holdover_status::ErrorNotFound)?;
            written(show::neighbor(out, now, summary.local_as, &peer))
        }
        Show::Bfd => written(show::bfd(out, now, &summary, peers)),
        Show::Services => {
            let checks = (0..HOLDOVER_SERVICES * CHECKS_PER_SERVICE).filter_map(|place| engine.check(place));
            written(show::services(out, now, services))?;
            written(show::checks(out, now, checks))
        }
        Show::Routes => {
            let routes = core::iter::successors(engine.route(0), |(place, _)| engine.route(place + 1));
            // What a link is called is the caller's to know.
            written(show::routes(out, routes.map(|(_, route)| (route, ""))))
        }
        Show::Steer => {
            let kept = core::iter::successors(engine.steered(0), |(place, _)| engine.steered(place + 1));
            written(show::steered(out, kept.map(|(_, prefix)| prefix)))
        }
        Show::RunningConfig => written(show::running_config(out, engine.config().view())),
    }
}
