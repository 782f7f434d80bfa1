//! `cargo xtask firmware size`: what the images take, beside what they may.

use std::fmt::Write as _;

use super::elf::{self, Image};
use super::{Variant, build, qemu, stage};
use crate::Outcome;
use crate::process;

/// Where the table is kept.
const DOCUMENT: &str = "docs/appliance-size.md";

/// What an image may take, in KiB.
struct Budget {
    flash: u64,
    ram: u64,
}

impl Variant {
    fn budget(self) -> Budget {
        match self {
            Self::Full => Budget { flash: 192, ram: 128 },
            Self::Small => Budget { flash: 192, ram: 64 },
            Self::Bare => Budget { flash: 128, ram: 128 },
        }
    }
}

/// An image and how much stack it used.
struct Measured {
    variant: Variant,
    image: Image,
    /// None: that could not be measured here, and all of its room is counted.
    stack: Option<u64>,
}

impl Measured {
    fn stack_octets(&self) -> u64 {
        self.stack.unwrap_or(u64::try_from(qemu::STACK.1).unwrap_or(u64::MAX))
    }

    fn ram_octets(&self) -> u64 {
        self.image.statics + self.stack_octets()
    }

    /// What is over its budget.
    fn faults(&self) -> Vec<String> {
        let Budget { flash, ram } = self.variant.budget();
        let rows = [("flash", self.image.flash_octets(), flash), ("RAM", self.ram_octets(), ram)];
        let over = rows.into_iter().filter(|&(_, octets, kib)| octets > kib << 10);
        over.map(|(what, octets, kib)| {
            format!("{}: {octets} octets of {what} are more than {kib} KiB", self.variant.name())
        })
        .collect()
    }
}

/// Runs the word.
pub(super) fn run(arguments: &[String]) -> Outcome {
    let write = match arguments {
        [] => false,
        [word] if word == "--write" => true,
        [word, ..] => return Err(format!("firmware size does not know `{word}`")),
    };
    let able = stage::ready();
    if let Err(message) = &able {
        eprintln!("xtask: the stack is not measured, all of its room is counted: {message}");
    }
    let mut all = Vec::new();
    for variant in Variant::ALL {
        let path = build::image(variant)?;
        let stack = match &able {
            Ok(()) => Some(stage::stack_peak(variant, &path)?),
            Err(_) => None,
        };
        all.push(Measured { variant, image: elf::read(&path)?, stack });
    }
    let text = document(&all);
    print!("{text}");
    let faults: Vec<String> = all.iter().flat_map(Measured::faults).collect();
    if write && able.is_ok() {
        let file = process::root().join(DOCUMENT);
        std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    } else if write {
        return Err(format!("{DOCUMENT} is not written: the stack could not be measured"));
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

/// The document: one table of the budgets, one of the flash, one of the RAM.
fn document(all: &[Measured]) -> String {
    let mut text = "# What the appliance's images take\n\n\
                    Measured by `cargo xtask firmware size --write`, which fails when one is over its budget: an image built with \
                    `-Os` and\noverflow checks, in QEMU, after a session with BIRD, 5,000 routes poured in, and everything shown on the \
                    console once.\nOctets, unless it says KiB.\n\n\
                    | image | flash | of KiB | RAM | of KiB | statics | stack, at most |\n|---|---|---|---|---|---|---|\n"
        .to_owned();
    for measured in all {
        let Budget { flash, ram } = measured.variant.budget();
        let stack = match measured.stack {
            Some(octets) => octets.to_string(),
            None => format!("{} (its room)", measured.stack_octets()),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {flash} | {} | {ram} | {} | {stack} |",
            measured.variant.name(),
            measured.image.flash_octets(),
            measured.ram_octets(),
            measured.image.statics,
        );
    }
    text += "\n`full`: 4 neighbors, 8 services, configuration as text, console. `small`: 2 neighbors, 4 services, the same \
             otherwise.\n`bare`: as `full`, without text and console.\n\n## Flash, by section\n\n";
    let flash = all.iter().map(|measured| (measured.variant, measured.image.flash.as_slice()));
    table(&mut text, &flash.collect::<Vec<_>>());
    text += "\n## RAM, by its large statics\n\n";
    let parts: Vec<(Variant, Vec<(String, u64)>)> = all
        .iter()
        .map(|measured| {
            let rows = measured.image.parts.iter().map(|&(name, octets)| (name.to_owned(), octets));
            (measured.variant, rows.collect())
        })
        .collect();
    let parts: Vec<(Variant, &[(String, u64)])> =
        parts.iter().map(|(variant, rows)| (*variant, rows.as_slice())).collect();
    table(&mut text, &parts);
    text
}

/// One row for each name, one column for each image.
fn table(text: &mut String, columns: &[(Variant, &[(String, u64)])]) {
    let _ = write!(text, "| |");
    for (variant, _) in columns {
        let _ = write!(text, " {} |", variant.name());
    }
    let _ = writeln!(text, "\n|---|{}", "---|".repeat(columns.len()));
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in columns.iter().flat_map(|(_, rows)| rows.iter()) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    for name in names {
        let _ = write!(text, "| {name} |");
        for (_, rows) in columns {
            let octets = rows.iter().find(|(known, _)| known == name).map(|(_, octets)| octets);
            let _ = write!(text, " {} |", octets.map_or("-".to_owned(), u64::to_string));
        }
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(flash: u64, statics: u64, stack: Option<u64>) -> Measured {
        let image =
            Image { flash: vec![(".text".to_owned(), flash)], statics, parts: vec![("other", statics)] };
        Measured { variant: Variant::Small, image, stack }
    }

    #[test]
    fn one_octet_over_a_budget_is_a_fault_that_says_which() {
        assert_eq!(measured(192 << 10, 50 << 10, Some(14 << 10)).faults(), [""; 0]);
        let faults = measured((192 << 10) + 1, 50 << 10, Some((14 << 10) + 1)).faults();
        assert_eq!(faults.len(), 2);
        assert!(
            faults[0].contains("small: 196609 octets of flash") && faults[1].contains("RAM"),
            "{faults:?}"
        );
    }

    #[test]
    fn a_stack_that_was_not_measured_counts_whole() {
        assert_eq!(measured(1, 0, None).ram_octets(), 26 << 10);
        assert!(document(&[measured(1, 0, None)]).contains("26624 (its room)"));
    }
}
