//! The configuration's text: the end of the flash, written apart from the program.
//!
//! It is the text itself, without a header: what a flash tool (or QEMU's loader) writes is what an editor saved. It ends at
//! the first octet that no text has, a zero or erased flash.

use holdover_firmware::text;

/// Where it lies, and how long it may be: see memory.x.
pub(crate) const SETTINGS_AT: usize = 0x0007_c000;
const SETTINGS_ROOM: usize = 16 << 10;

/// The text; empty when there is none.
pub(crate) fn settings() -> &'static [u8] {
    // SAFETY: flash that holds octets of any value, outside of the program, and that nobody writes while we run.
    text::written(unsafe { &*(SETTINGS_AT as *const [u8; SETTINGS_ROOM]) })
}
