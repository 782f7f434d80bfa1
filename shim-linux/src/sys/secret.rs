//! Keeping secrets out of what outlives their use: core dumps, and memory that was given back.

use std::sync::atomic::{Ordering, compiler_fence};

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// Keeps this process's memory out of core dumps, and away from other processes of its user. Errors: the kernel refuses.
pub(crate) fn hide_memory() -> std::io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Makes octets zero that nobody will read again: an ordinary assignment would be left out for that reason.
pub(crate) fn wipe(octets: &mut [u8]) {
    for octet in octets {
        // SAFETY: a reference is a valid place to write to.
        unsafe { std::ptr::write_volatile(octet, 0) };
    }
    compiler_fence(Ordering::SeqCst);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left() {
        let mut secret = *b"s3cret";
        wipe(&mut secret);
        assert_eq!(secret, [0; 6]);
    }
}
