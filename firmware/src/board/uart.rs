//! Two serial lines: the console and the log. (CMSDK APB UART, ARM DDI 0479, section 4.3)
//!
//! Nobody waits for a line: what is to be sent lies in a ring, and leaves as the transmitter takes it.

use core::cell::RefCell;

use critical_section::{CriticalSection, Mutex};
use holdover_firmware::ring::Ring;

use super::register::Block;

const DATA: usize = 0x0;
const STATE: usize = 0x4;
const CONTROL: usize = 0x8;
const INTERRUPT: usize = 0xc;
const DIVISOR: usize = 0x10;

const TRANSMITTER_FULL: u32 = 1;
const RECEIVER_FULL: u32 = 1 << 1;
/// Transmitter and receiver, with their interrupts.
const BOTH: u32 = 0b1111;
/// The transmitter and its interrupt.
const TRANSMIT: u32 = 0b0101;
/// 25 MHz through this is 115,200 baud.
const BAUD: u32 = 217;

// SAFETY: UART 0 and UART 1 of the board, used in this file alone; they change no memory.
const CONSOLE: Block = unsafe { Block::at(0x4000_4000) };
// SAFETY: see above.
const LOG: Block = unsafe { Block::at(0x4000_5000) };

/// What was typed and not read yet.
static TYPED: Mutex<RefCell<Ring<128>>> = Mutex::new(RefCell::new(Ring::new()));
/// What the console is to show.
static SHOWN: Mutex<RefCell<Ring<512>>> = Mutex::new(RefCell::new(Ring::new()));
/// Frames of the log.
static LOGGED: Mutex<RefCell<Ring<LOG_ROOM>>> = Mutex::new(RefCell::new(Ring::new()));
const LOG_ROOM: usize = if cfg!(feature = "small") { 512 } else { 1024 };

/// Opens both lines.
pub(super) fn start() {
    for (line, control) in [(CONSOLE, BOTH), (LOG, TRANSMIT)] {
        line.write(DIVISOR, BAUD);
        line.write(INTERRUPT, BOTH);
        line.write(CONTROL, control);
    }
}

/// Lets octets of a ring go as long as the transmitter takes them.
fn pump<const N: usize>(line: Block, ring: &mut Ring<N>) {
    while line.read(STATE) & TRANSMITTER_FULL == 0 {
        let Some(octet) = ring.pop() else { return };
        line.write(DATA, u32::from(octet));
    }
}

/// Takes what was typed out of the receiver. What finds no room stays there: whoever can wait to send more, waits.
fn take<const N: usize>(ring: &mut Ring<N>) {
    while ring.room() > 0 && CONSOLE.read(STATE) & RECEIVER_FULL != 0 {
        #[expect(clippy::cast_possible_truncation, reason = "eight bits of data")]
        ring.push(CONSOLE.read(DATA) as u8);
    }
}

/// Something was typed.
pub(super) fn on_typed() {
    CONSOLE.write(INTERRUPT, 1 << 1);
    critical_section::with(|cs| take(&mut TYPED.borrow_ref_mut(cs)));
}

/// The console's transmitter takes more.
pub(super) fn on_shown() {
    CONSOLE.write(INTERRUPT, 1);
    critical_section::with(|cs| pump(CONSOLE, &mut SHOWN.borrow_ref_mut(cs)));
}

/// The log's transmitter takes more.
pub(super) fn on_logged() {
    LOG.write(INTERRUPT, 1);
    critical_section::with(|cs| pump(LOG, &mut LOGGED.borrow_ref_mut(cs)));
}

/// Whether something was typed that nobody read yet.
pub(crate) fn is_typed() -> bool {
    critical_section::with(|cs| !TYPED.borrow_ref_mut(cs).is_empty())
}

/// The next octet that was typed.
pub(crate) fn typed() -> Option<u8> {
    critical_section::with(|cs| {
        let mut typed = TYPED.borrow_ref_mut(cs);
        let octet = typed.pop();
        take(&mut typed);
        octet
    })
}

/// Shows all of it on the console, or, where there is no room, nothing.
pub(crate) fn show(octets: &[u8]) -> bool {
    critical_section::with(|cs| {
        let mut shown = SHOWN.borrow_ref_mut(cs);
        let taken = shown.push_all(octets);
        pump(CONSOLE, &mut shown);
        taken
    })
}

/// Shows all of it, however long the line takes: only before the first turn, when nobody else needs one.
pub(crate) fn show_all(octets: &[u8]) {
    for octet in octets {
        // The transmitter takes an octet in less than 100 us: a line that takes none is broken, and the rest is lost.
        let _ = (0..100_000).any(|_| show(&[*octet]));
    }
}

/// How much room there is for what is to be shown.
pub(crate) fn room() -> usize {
    critical_section::with(|cs| SHOWN.borrow_ref_mut(cs).room())
}

/// The log's ring, for as long as nobody else runs.
pub(super) fn with_log<T>(cs: CriticalSection<'_>, f: impl FnOnce(&mut Ring<LOG_ROOM>) -> T) -> T {
    f(&mut LOGGED.borrow_ref_mut(cs))
}

/// Begins to send what was put into the log's ring.
pub(super) fn send_log(cs: CriticalSection<'_>) {
    pump(LOG, &mut LOGGED.borrow_ref_mut(cs));
}

/// Lets the log leave before a reset, unless its line stands still, or the reset comes of what its ring was being used for.
pub(super) fn flush_log() {
    for _ in 0..LOG_ROOM * 10_000 {
        let over = critical_section::with(|cs| {
            let Ok(mut logged) = LOGGED.borrow(cs).try_borrow_mut() else { return true };
            pump(LOG, &mut logged);
            logged.is_empty()
        });
        if over {
            return;
        }
    }
}
