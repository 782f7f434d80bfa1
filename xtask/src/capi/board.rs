//! The library on a Cortex-M4: an image with the C example, linked by the Arm compiler and booted in QEMU.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::{LIBRARY, MANIFEST, STRICT, symbols};
use crate::Outcome;
use crate::process;
use crate::thumb;

const SOURCE: &str = "capi/examples/firmware.c";

/// For the board's processor, without a C library.
const ARM: &[&str] = &["-mcpu=cortex-m4", "-mthumb", "-Os", "-ffreestanding", "-ffunction-sections"];

/// Flash at 0, the vectors first; memory at 0x20000000.
const LINK: &[&str] = &[
    "-nostdlib",
    "-nostartfiles",
    "-Wl,--gc-sections",
    "-Wl,-z,noexecstack",
    "-Wl,--section-start=.vectors=0",
    "-Wl,-Ttext=0x40",
    "-Wl,-Tdata=0x20000000",
    "-Wl,-e,reset",
    "-Wl,-u,vectors",
];

const QEMU: &[&str] =
    &["-M", "mps2-an386", "-display", "none", "-monitor", "none", "-serial", "stdio", "-kernel"];

/// What the image says on its serial line, in this order: it took over its configuration, and began to dial.
const SAID: &[&str] =
    &["configured: AS 65010, router-id 192.0.2.2, 1 neighbors", "neighbor 192.0.2.1: Idle -> Connect"];

/// How long the image may take for that.
const PATIENCE: Duration = Duration::from_secs(30);

/// Builds the library and the image, and boots it.
pub(super) fn run(programs: &Path) -> Outcome {
    let mut command = thumb::cargo("build")?;
    process::run(command.args(["--quiet", "--locked", "--manifest-path", MANIFEST]))?;
    let library = thumb::folder().join(thumb::TARGET).join("release").join(LIBRARY);
    symbols::look_into("arm-none-eabi-nm", &library)?;
    let image = link(&library, programs)?;
    size(&image)?;
    boot(&image)
}

/// Undefined symbols are errors: that it links shows that the library needs nothing but the compiler's own helpers.
fn link(library: &Path, programs: &Path) -> Result<PathBuf, String> {
    let arm = || {
        let mut command = Command::new("arm-none-eabi-gcc");
        command.current_dir(process::root()).args(STRICT).args(ARM);
        command
    };
    let (object, image) = (programs.join("firmware.o"), programs.join("firmware.elf"));
    process::run(arm().args(["-c", SOURCE, "-o"]).arg(&object))?;
    process::run(arm().args(LINK).arg("-o").arg(&image).arg(&object).arg(library).arg("-lgcc"))?;
    Ok(image)
}

/// Says how large the image is.
fn size(image: &Path) -> Outcome {
    let listing = process::output(Command::new("arm-none-eabi-size").arg(image))
        .ok_or_else(|| format!("`arm-none-eabi-size {}` failed", image.display()))?;
    let (flash, memory) = sizes(&listing).ok_or_else(|| format!("not understood: {listing}"))?;
    eprintln!("xtask: capi: {} image: {flash} octets of flash, {memory} of static memory", thumb::TARGET);
    Ok(())
}

/// Flash (text and data) and static memory (data and bss) from the second line of `size`.
fn sizes(listing: &str) -> Option<(u64, u64)> {
    let mut numbers = listing.lines().nth(1)?.split_whitespace().map_while(|word| word.parse::<u64>().ok());
    let (text, data, bss) = (numbers.next()?, numbers.next()?, numbers.next()?);
    Some((text + data, data + bss))
}

/// Ends the machine, whatever became of it.
struct Machine(Child);

impl Drop for Machine {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Boots the image, and listens until it has said what it is to say.
fn boot(image: &Path) -> Outcome {
    let mut command = Command::new("qemu-system-arm");
    command.args(QEMU).arg(image).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut machine = Machine(command.spawn().map_err(|error| format!("qemu-system-arm: {error}"))?);
    let serial = machine.0.stdout.take().ok_or("qemu-system-arm: no serial line")?;
    let (sender, lines) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        // Ends with the machine, or with the listener below.
        for line in BufReader::new(serial).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    let until = Instant::now() + PATIENCE;
    let next = || lines.recv_timeout(until.saturating_duration_since(Instant::now())).ok();
    let result = hear(std::iter::from_fn(next));
    drop(machine);
    drop(lines);
    reader.join().map_err(|_| "the reader of the serial line failed".to_owned())?;
    result?;
    eprintln!("xtask: capi: the image takes over its configuration and dials, in QEMU");
    Ok(())
}

/// Goes through lines until all of [`SAID`] was heard.
fn hear(lines: impl Iterator<Item = String>) -> Outcome {
    let (mut wanted, mut heard) = (SAID.iter(), String::new());
    let mut next = wanted.next();
    for line in lines {
        next = next.filter(|sentence| !line.contains(*sentence)).or_else(|| wanted.next());
        heard.push_str(&line);
        heard.push('\n');
        if next.is_none() {
            return Ok(());
        }
    }
    let next = next.copied().unwrap_or_default();
    Err(format!("capi: the image did not say `{next}` within {} s, but:\n{heard}", PATIENCE.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flash_and_memory_are_read_from_what_size_says() {
        let listing = "   text\t   data\t    bss\t    dec\t    hex\tfilename\n  1000\t     20\t    300\t   1320\t    528\ta\n";
        assert_eq!(sizes(listing), Some((1_020, 320)));
        assert_eq!(sizes("nothing"), None);
    }

    #[test]
    fn an_image_must_say_all_that_it_is_to_say() {
        let lines = || SAID.iter().map(|sentence| format!("{sentence}, and more"));
        assert_eq!(hear(lines()), Ok(()));
        assert!(hear(lines().take(1)).unwrap_err().contains(SAID[1]));
        assert!(hear(std::iter::empty()).unwrap_err().contains(SAID[0]));
    }
}
