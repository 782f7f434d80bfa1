//! The board: an MPS2 with a Cortex-M4 (ARM application note 386), as QEMU's `mps2-an386` has it.
//!
//! A new board is a folder like this one, with the same functions; nothing outside it knows a register.
//!
//! | file | what it holds |
//! |---|---|
//! | `register` | the only way to the hardware |
//! | `clock` | time, and the alarm that ends a sleep |
//! | `lan9118` | Ethernet, as smoltcp wants it |
//! | `uart` | the console's line and the log's |
//! | `log` | defmt's frames on the log's line |
//! | `keep` | memory that survives a reset; what a panic and a fault do |
//! | `flash` | where the configuration lies |
//! | `entropy` | what is not to be guessed |
//! | `place` | statics that are lent once |
//! | `memory` | how much is used |
//! | `watchdog` | what ends a main loop that stands still |

pub(crate) mod clock;
mod entropy;
#[cfg(feature = "text")]
pub(crate) mod flash;
pub(crate) mod keep;
pub(crate) mod lan9118;
pub(crate) mod log;
pub(crate) mod memory;
pub(crate) mod place;
mod register;
pub(crate) mod uart;
mod watchdog;

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;
use cortex_m_rt::exception;
use holdover_core::base::time::Instant;
use holdover_firmware::kept::Kept;
use holdover_firmware::pool::Pool;

use lan9118::Lan9118;

pub(crate) use entropy::Seed;

/// The interrupts that are used (application note 386, table 4-1).
#[derive(Clone, Copy)]
#[repr(u16)]
enum Line {
    Typed = 0,
    Shown = 1,
    Logged = 3,
    Clock = 8,
    Alarm = 9,
    Ethernet = 13,
}

// SAFETY: the numbers are those of the board's interrupts, each once.
unsafe impl InterruptNumber for Line {
    fn number(self) -> u16 {
        self as u16
    }
}

/// Every interrupt comes here.
#[exception]
unsafe fn DefaultHandler(number: i16) {
    match number {
        0 => uart::on_typed(),
        1 => uart::on_shown(),
        3 => uart::on_logged(),
        8 => clock::on_wrap(),
        9 => clock::stop_alarm(),
        // What came waits in the chip until the main loop takes it; `sleep` lets the next one through.
        13 => NVIC::mask(Line::Ethernet),
        _ => panic!("an interrupt that nobody asked for"),
    }
}

/// The board, as the network's shim asks it.
pub(crate) struct Mps2 {
    pool: Pool,
}

impl Mps2 {
    /// Starts the clock and the lines.
    pub(crate) fn start() {
        clock::start();
        uart::start();
        watchdog::start();
        for line in [Line::Typed, Line::Shown, Line::Logged, Line::Clock, Line::Alarm] {
            // SAFETY: no critical section is built upon these being masked.
            unsafe { NVIC::unmask(line) };
        }
        // SAFETY: as above; what the handlers share with the rest is behind critical sections.
        unsafe { cortex_m::interrupt::enable() };
    }

    /// The board, with what is not to be guessed filled in from everything there is.
    pub(crate) fn new(kept: &mut Kept, chip: &Lan9118) -> (Self, Seed) {
        let (pool, seed) = entropy::fill(kept, chip);
        (Self { pool }, seed)
    }
}

impl holdover_smoltcp::Board for Mps2 {
    fn now(&self) -> Instant {
        clock::now()
    }

    fn carrier(&mut self) -> bool {
        lan9118::link()
    }

    fn entropy(&mut self) -> u64 {
        self.pool.take()
    }
}

/// Sleeps until `due`, an interrupt, or not at all when a frame waits or `ready` says so. Gives the ticks slept. The watchdog
/// counts from here.
pub(crate) fn sleep(due: Instant, ready: impl FnOnce() -> bool) -> u64 {
    watchdog::feed();
    let due = due.min(clock::now() + watchdog::NAP);
    // An interrupt that comes from here on ends the sleep, and is served after it.
    critical_section::with(|_| {
        lan9118::serve();
        NVIC::unpend(Line::Ethernet);
        // SAFETY: no critical section is built upon it being masked.
        unsafe { NVIC::unmask(Line::Ethernet) };
        let mut slept = 0;
        if !lan9118::is_waiting() && !ready() && clock::set_alarm(due) {
            let before = clock::ticks();
            cortex_m::asm::dsb();
            cortex_m::asm::wfi();
            slept = clock::ticks() - before;
        }
        clock::stop_alarm();
        slept
    })
}
