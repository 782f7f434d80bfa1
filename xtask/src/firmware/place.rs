//! `cargo xtask firmware where`: what stands at an address of the image. Its panics and faults are told as addresses, for it has
//! no names; its file has.

use std::fmt::Write as _;
use std::path::Path;

use addr2line::Loader;

use super::{Variant, build};
use crate::Outcome;

/// What stands before an address wherever the image tells one.
const PREFIX: &str = "0x";

/// Runs the word.
pub(super) fn run(arguments: &[String]) -> Outcome {
    let (variant, addresses) = match arguments.split_first() {
        Some((name, rest)) if Variant::named(name).is_some() => (name.clone(), rest),
        _ => (Variant::Full.name().to_owned(), arguments),
    };
    if addresses.is_empty() {
        return Err("firmware where: say at least one address, as `last-panic` does: 0x0001f2a4".to_owned());
    }
    let image = build::image(build::named("where", &[variant])?)?;
    let names = Names::read(&image)?;
    for word in addresses {
        let address = address(word).ok_or_else(|| format!("firmware where: {word} is no address"))?;
        print!("{}", names.at(address));
    }
    Ok(())
}

/// The names in an image's file.
pub(super) struct Names(Loader);

impl Names {
    /// Reads them.
    pub(super) fn read(image: &Path) -> Result<Self, String> {
        Loader::new(image).map(Self).map_err(|error| format!("{}: {error}", image.display()))
    }

    /// The function that the call before `address` stands in, with its file and line; below it, where that was inlined.
    pub(super) fn at(&self, address: u64) -> String {
        let mut text = String::new();
        // A call that does not return is the last of its function: behind it begins another one.
        let call = (address & !1).saturating_sub(2);
        let mut frames = self.0.find_frames(call).ok();
        while let Some(Ok(Some(frame))) = frames.as_mut().map(addr2line::FrameIter::next) {
            let name = frame.function.as_ref().and_then(|name| Some(name.demangle().ok()?.into_owned()));
            let (file, line) =
                frame.location.map_or((None, None), |place| (place.file.map(str::to_owned), place.line));
            let line = line.filter(|&line| line != 0);
            let head = if text.is_empty() { format!("{address:#010x}") } else { " ".repeat(10) };
            let _ = write!(text, "{head} {}", name.as_deref().unwrap_or("?"));
            let _ = match (file, line) {
                (Some(file), Some(line)) => writeln!(text, " ({file}:{line})"),
                // Several places of the function share the instruction.
                (..) => match self.beginning(call) {
                    Some(begins) => writeln!(text, " (somewhere behind {begins})"),
                    None => writeln!(text),
                },
            };
        }
        if text.is_empty() {
            let _ = writeln!(text, "{address:#010x} ?");
        }
        text
    }

    /// File and line where the function of an address begins.
    fn beginning(&self, address: u64) -> Option<String> {
        let begins = self.0.find_symbol_info(address)?.address() & !1;
        let place = self.0.find_location(begins).ok()??;
        Some(format!("{}:{}", place.file?, place.line?))
    }

    /// A text of the image's, each line that tells of callers with what stands at their addresses below it.
    pub(super) fn explain(&self, text: &str) -> String {
        let mut told = String::new();
        for line in text.lines() {
            let _ = writeln!(told, "{line}");
            let Some((_, callers)) = line.split_once("by way of ") else { continue };
            for at in callers.split_whitespace().filter_map(address) {
                let _ = self.at(at).lines().try_for_each(|place| writeln!(told, "    {place}"));
            }
        }
        told
    }
}

/// An address as the image writes it.
fn address(word: &str) -> Option<u64> {
    u64::from_str_radix(word.strip_prefix(PREFIX)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tests' own program: it has names as an image has.
    fn names() -> Names {
        Names::read(&std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn an_address_is_written_as_the_image_writes_it() {
        assert_eq!(address("0x0001f2a4"), Some(0x1_f2a4));
        assert_eq!(address("0001f2a4"), None);
        assert_eq!(address("0xpanic"), None);
    }

    /// Where a function of this program lies in its file: in memory it is moved by where the program was loaded.
    fn in_the_file(address: usize) -> u64 {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let program = std::env::current_exe().unwrap();
        let first = maps.lines().find(|line| line.ends_with(program.to_str().unwrap())).unwrap();
        let loaded = usize::from_str_radix(first.split_once('-').unwrap().0, 16).unwrap();
        u64::try_from(address - loaded).unwrap()
    }

    #[test]
    fn a_place_in_a_function_is_told_with_its_name_and_its_line() {
        let behind = in_the_file((address as *const ()).addr()) + 4;
        let told = names().at(behind);
        assert!(told.starts_with(&format!("{behind:#010x} ")), "{told}");
        let place = told.lines().last().unwrap();
        assert!(place.contains("place::address (") && place.contains("src/firmware/place.rs:"), "{told}");
        assert!(names().beginning(behind).unwrap().contains("src/firmware/place.rs:"));
    }

    #[test]
    fn an_address_without_a_name_is_told_all_the_same() {
        assert_eq!(names().at(u64::MAX), "0xffffffffffffffff ?\n");
    }

    #[test]
    fn only_lines_that_tell_of_callers_are_explained() {
        let text = "a session with 0x10\npanic, in boot 2 after 7 ms, by way of 0xfffffff0 0xfffffff2\nmore";
        assert_eq!(
            names().explain(text),
            "a session with 0x10\npanic, in boot 2 after 7 ms, by way of 0xfffffff0 0xfffffff2\n    0xfffffff0 ?\n    \
             0xfffffff2 ?\nmore\n"
        );
    }

    #[test]
    fn where_wants_an_address() {
        assert!(run(&[]).unwrap_err().contains("at least one address"));
        assert!(run(&["small".to_owned()]).unwrap_err().contains("at least one address"));
    }
}
