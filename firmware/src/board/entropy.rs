//! What is not to be guessed. This board has no source of chance of its own: QEMU's mps2 has none.
//!
//! | what is mixed in | what it is worth |
//! |---|---|
//! | eight octets that a loader put at [`SEED`] | all of it: give 64 random bits at each start |
//! | what the pool held before a reset, and the count of boots | a reset does not repeat what was before |
//! | the low bits of the clock, while the Ethernet chip's own counter is watched | in QEMU the host's scheduling; on a board with one crystal next to nothing |
//! | the chip's address | tells two boards apart |
//!
//! A product gives the seed from a true random source (the microcontroller's, or 256 bits of a factory's with a counter in
//! flash), or predicting its sequence numbers and ports is a matter of patience.

use core::ptr;

use holdover_firmware::kept::Kept;
use holdover_firmware::pool::Pool;

use super::clock;
use super::lan9118::Lan9118;

/// Where the loader's seed lies: see memory.x.
const SEED: *mut u64 = 0x2001_fff0 as *mut u64;

/// How often the clock is looked at.
const LOOKS: u32 = 64;

/// Whether there was a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seed {
    /// None was given: chance is what the clock gives.
    Absent,
    /// It was.
    Given,
}

/// Fills the pool at boot, and keeps what the next one is to remember.
pub(super) fn fill(kept: &mut Kept, chip: &Lan9118) -> (Pool, Seed) {
    // SAFETY: memory of ours (memory.x), aligned, of any value, that nobody has a reference to.
    let seed = unsafe { ptr::read_volatile(SEED) };
    // SAFETY: as above. It is used once: a reset must not find it again (QEMU's loader puts it there anew).
    unsafe { ptr::write_volatile(SEED, 0) };
    let mut pool = Pool::from(kept.pool);
    pool.mix(seed);
    pool.mix(u64::from(kept.boots));
    pool.mix(chip.mac().iter().fold(0, |word, &octet| (word << 8) | u64::from(octet)));
    for _ in 0..LOOKS {
        let steps = pool.words()[0] % 61;
        // How far the chip's counter gets while the processor does so much.
        let sum = (0..steps).fold(0_u32, |sum, _| sum.wrapping_add(chip.counter()));
        pool.mix(clock::ticks() ^ (u64::from(sum) << 32));
    }
    kept.pool = pool.words();
    // What is kept is not what is used.
    pool.mix(u64::MAX);
    (pool, if seed == 0 { Seed::Absent } else { Seed::Given })
}
