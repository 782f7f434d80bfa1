//! QEMU with the image in it.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

use crate::Outcome;
use crate::packages::{self, Package};

/// The emulator.
const QEMU: Package = Package { name: "qemu-system-arm", programs: &[PROGRAM] };
/// The peer that the image talks to while it is measured.
const PEER: Package = Package { name: "bird2", programs: &["bird"] };

pub(super) const PROGRAM: &str = "qemu-system-arm";

/// Where the image looks for the text of its configuration: the end of its flash.
const CONFIG_AT: u32 = 0x0007_c000;
/// Where it looks for what is not to be guessed.
const SEED_AT: u32 = 0x2001_fff0;
/// The stack: see firmware/memory.x.
pub(super) const STACK: (u32, usize) = (0x2000_0000, 28 << 10);

/// Makes sure that the emulator is here.
pub(super) fn ensure() -> Outcome {
    packages::ensure(&[QEMU])
}

/// And the peer.
pub(super) fn ensure_peer() -> Outcome {
    packages::ensure(&[QEMU, PEER])
}

/// The machine with an image, a configuration and a seed of its own; serial lines and network are the caller's.
pub(super) fn arguments(image: &Path, config: Option<&Path>) -> Result<Vec<String>, String> {
    let mut words: Vec<String> =
        ["-machine", "mps2-an386", "-display", "none", "-kernel"].map(str::to_owned).to_vec();
    words.push(image.display().to_string());
    if let Some(config) = config {
        let loader = format!("loader,file={},addr={CONFIG_AT:#x},force-raw=on", config.display());
        words.extend(["-device".to_owned(), loader]);
    }
    words.extend(["-device".to_owned(), format!("loader,addr={SEED_AT:#x},data={},data-len=8", seed()?)]);
    Ok(words)
}

/// Eight octets that nobody can guess.
fn seed() -> Result<String, String> {
    let mut octets = [0; 8];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut octets));
    read.map_err(|error| format!("/dev/urandom: {error}"))?;
    let mut text = "0x".to_owned();
    for octet in octets {
        let _ = write!(text, "{octet:02x}");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_starts_have_two_seeds() {
        let (one, other) = (seed().unwrap(), seed().unwrap());
        assert_eq!((one.len(), other.len()), (18, 18));
        assert_ne!(one, other);
    }

    #[test]
    fn the_places_are_those_of_the_memory_map() {
        let map = std::fs::read_to_string(super::super::folder().join("memory.x")).unwrap();
        for place in [CONFIG_AT, SEED_AT, STACK.0] {
            assert!(map.contains(&format!("{place:#010x}")), "{place:#x}");
        }
        let settings = std::fs::read_to_string(super::super::folder().join("src/board/flash.rs")).unwrap();
        assert!(settings.contains("0x0007_c000"), "{settings}");
    }
}
