//! `cargo xtask firmware size`: what the images take, beside what they may.

use std::fmt::Write as _;

use super::elf::{self, Image};
use super::stage::Work;
use super::{Variant, build, qemu, stage};
use crate::Outcome;
use crate::process;
use crate::thumb;

/// Where the table is kept.
const DOCUMENT: &str = "docs/appliance-size.md";

/// What an image may take, in KiB.
struct Budget {
    flash: u64,
    ram: u64,
}

impl Variant {
    const fn budget(self) -> Budget {
        match self {
            Self::Full => Budget { flash: 192, ram: 128 },
            Self::Small => Budget { flash: 192, ram: 64 },
            Self::Bare => Budget { flash: 128, ram: 128 },
        }
    }
}

/// From boot to the first session, in milliseconds.
const FIRST_SESSION_MS: u64 = 50;
/// Of an idle second, in hundredths of a percent.
const IDLE: u64 = 500;

/// Budgets that are not met yet. They are told at each measurement, and what is met is to be taken off.
const OPEN: &[(Variant, &str)] = &[(Variant::Full, FLASH), (Variant::Small, FLASH), (Variant::Bare, FLASH)];

const FLASH: &str = "octets of flash";
const RAM: &str = "octets of RAM";
const STATICS: &str = "octets of statics";
const STACK: &str = "octets of stack";

/// By how many percent a figure may differ from the document's.
const TOLERANCES: &[(&str, u64)] = &[(FLASH, 2), (STATICS, 2), (STACK, 10)];

/// An image, and what it took at work.
struct Measured {
    variant: Variant,
    image: Image,
    /// None: that could not be seen here, and all of the stack's room is counted.
    work: Option<Work>,
}

impl Measured {
    fn stack(&self) -> u64 {
        self.work.map_or(u64::try_from(qemu::STACK.1).unwrap_or(u64::MAX), |work| work.stack)
    }

    fn ram(&self) -> u64 {
        self.image.statics + self.stack()
    }

    /// Each budget: what it is for, what is taken, and what may be.
    fn budgets(&self) -> Vec<(&'static str, u64, u64)> {
        let Budget { flash, ram } = self.variant.budget();
        let mut rows = vec![(FLASH, self.image.flash_octets(), flash << 10), (RAM, self.ram(), ram << 10)];
        if let Some(told) = self.work.and_then(|work| work.told) {
            rows.push(("ms to the first session", told.first_session_ms, FIRST_SESSION_MS));
            rows.push(("hundredths of a percent when idle", told.idle, IDLE));
        }
        rows
    }

    /// Budgets that are exceeded; those that are known to be, apart.
    fn over(&self, open: &[(Variant, &str)]) -> (Vec<String>, Vec<String>) {
        let (mut faults, mut known) = (Vec::new(), Vec::new());
        for (what, taken, may) in self.budgets() {
            let is_open = open.contains(&(self.variant, what));
            let name = self.variant.name();
            match (taken > may, is_open) {
                (true, false) => faults.push(format!("{name}: {taken} {what} are more than {may}")),
                (true, true) => {
                    known.push(format!("{name}: {taken} {what} are more than {may}: not met yet"));
                }
                // Only what was measured is met: the whole room of a stack is no measurement.
                (false, true) if self.work.is_some() => {
                    faults.push(format!("{name}: {taken} {what} are no more than {may}: take it off OPEN"));
                }
                (false, _) => {}
            }
        }
        (faults, known)
    }

    /// What the document says otherwise.
    fn stale(&self, document: &str) -> Vec<String> {
        let row = document.lines().find(|line| line.starts_with(&format!("| {} |", self.variant.name())));
        let columns: Vec<&str> = row.unwrap_or_default().split('|').map(str::trim).collect();
        let here = [
            (FLASH, 2, Some(self.image.flash_octets())),
            (STATICS, 6, Some(self.image.statics)),
            (STACK, 7, self.work.map(|work| work.stack)),
        ];
        let mut faults = Vec::new();
        for (what, column, now) in here {
            let tolerance = TOLERANCES.iter().find(|(name, _)| *name == what).map_or(0, |row| row.1);
            let said = columns.get(column).and_then(|text| text.parse::<u64>().ok());
            let fits = |said: u64, now: u64| said.abs_diff(now) * 100 <= said * tolerance;
            if now.is_some_and(|now| !said.is_some_and(|said| fits(said, now))) {
                let name = self.variant.name();
                let (said, now) = (said.unwrap_or_default(), now.unwrap_or_default());
                faults.push(format!(
                    "{DOCUMENT} says {said} {what} of {name}, and they are {now}: `cargo xtask firmware size --write`"
                ));
            }
        }
        faults
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
        eprintln!("xtask: not seen at work, all room of the stack is counted: {message}");
    }
    let mut all = Vec::new();
    for variant in Variant::ALL {
        let path = build::image(variant)?;
        let work = match &able {
            Ok(()) => Some(stage::watch(variant, &path)?),
            Err(_) => None,
        };
        all.push(Measured { variant, image: elf::read(&path)?, work });
    }
    let compiler = thumb::compiler();
    let text = document(&all, &compiler);
    print!("{text}");
    let file = process::root().join(DOCUMENT);
    let mut faults = Vec::new();
    if !write {
        let kept = std::fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
        if kept.contains(&compiler) {
            faults.extend(all.iter().flat_map(|measured| measured.stale(&kept)));
        } else {
            eprintln!("xtask: {DOCUMENT} is not compared: it tells of another compiler than {compiler}");
        }
    } else if able.is_ok() {
        std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    } else {
        return Err(format!("{DOCUMENT} is not written: the images could not be seen at work"));
    }
    for measured in &all {
        let (over, known) = measured.over(OPEN);
        for line in known {
            eprintln!("xtask: {line}");
        }
        faults.extend(over);
    }
    if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
}

/// The document: one table of the budgets, one of the flash, one of the RAM.
fn document(all: &[Measured], compiler: &str) -> String {
    let mut text = format!(
        "# What the appliance's images take\n\n\
         Written by `cargo xtask firmware size --write`; without `--write` it compares, and fails over a budget. Built by\n\
         {compiler}, for size, with overflow checks in our own code; with rustup's core a panic is\n\
         a call, which takes 7 KB more. RAM is the statics, in which the sockets' buffers are, and the most stack that was ever\n\
         in use: after a session with BIRD, 5,000 routes poured in, and everything shown on the console once, in QEMU. There an\n\
         instruction takes 32 ns of the guest's time, which is what milliseconds and percent are counted in. The first session\n\
         is counted from boot, with a neighbor that answers the first SYN; idle is the part of four seconds with one session\n\
         and nothing to do that was not slept. Octets, unless it says otherwise; **bold**: over the budget, and known to be.\n\n\
         | image | flash | of KiB | RAM | of KiB | statics | stack, at most | first session, of {FIRST_SESSION_MS} ms | idle, of {} % |\n\
         |---|---|---|---|---|---|---|---|---|\n",
        IDLE / 100
    );
    for measured in all {
        let Budget { flash, ram } = measured.variant.budget();
        let bold = |what, kib: u64| {
            if measured.over(OPEN).1.iter().any(|line| line.contains(what)) {
                format!("**{kib}**")
            } else {
                kib.to_string()
            }
        };
        let stack = match measured.work {
            Some(work) => work.stack.to_string(),
            None => format!("{} (its room)", measured.stack()),
        };
        let told = measured.work.and_then(|work| work.told);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {stack} | {} | {} |",
            measured.variant.name(),
            measured.image.flash_octets(),
            bold(FLASH, flash),
            measured.ram(),
            bold(RAM, ram),
            measured.image.statics,
            told.map_or("-".to_owned(), |told| told.first_session_ms.to_string()),
            told.map_or("-".to_owned(), |told| format!("{}.{:02}", told.idle / 100, told.idle % 100)),
        );
    }
    text += "\n`full`: 4 neighbors, 8 services, configuration as text, console. `small`: 2 neighbors, 4 services, the same \
             otherwise.\n`bare`: as `full`, without text and console.\n\n## Flash, by section\n\n";
    let flash = all.iter().map(|measured| (measured.variant, measured.image.flash.clone()));
    table(&mut text, &flash.collect::<Vec<_>>());
    text += "\n## RAM, by its large statics\n\nThe network stack itself lies on the stack.\n\n";
    let parts = all.iter().map(|measured| {
        let rows = measured.image.parts.iter().map(|&(name, octets)| (name.to_owned(), octets));
        (measured.variant, rows.collect())
    });
    table(&mut text, &parts.collect::<Vec<_>>());
    text
}

/// One row for each name, one column for each image.
fn table(text: &mut String, columns: &[(Variant, Vec<(String, u64)>)]) {
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
    use super::super::stage::Told;
    use super::*;

    fn measured(flash: u64, statics: u64, stack: u64) -> Measured {
        let image =
            Image { flash: vec![(".text".to_owned(), flash)], statics, parts: vec![("other", statics)] };
        let told = Some(Told { first_session_ms: 40, idle: 20 });
        Measured { variant: Variant::Small, image, work: Some(Work { stack, told }) }
    }

    #[test]
    fn one_octet_over_a_budget_is_a_fault_that_says_which() {
        assert_eq!(measured(192 << 10, 50 << 10, 14 << 10).over(&[]), (vec![], vec![]));
        let (faults, known) = measured((192 << 10) + 1, 50 << 10, (14 << 10) + 1).over(&[]);
        assert_eq!((faults.len(), known.len()), (2, 0));
        assert!(
            faults[0].contains("small: 196609 octets of flash") && faults[1].contains("RAM"),
            "{faults:?}"
        );
    }

    #[test]
    fn a_slow_boot_and_a_restless_idler_are_faults() {
        let mut slow = measured(1, 1, 1);
        slow.work = Some(Work { stack: 1, told: Some(Told { first_session_ms: 51, idle: 501 }) });
        assert_eq!(slow.over(&[]).0.len(), 2);
    }

    #[test]
    fn what_is_known_to_be_over_is_told_and_what_no_longer_is_must_be_taken_off() {
        let open = [(Variant::Small, FLASH)];
        let (faults, known) = measured((192 << 10) + 1, 1, 1).over(&open);
        assert_eq!((faults.len(), known.len()), (0, 1));
        let (faults, known) = measured(192 << 10, 1, 1).over(&open);
        assert_eq!((faults.len(), known.len()), (1, 0));
        assert!(faults[0].contains("take it off"), "{faults:?}");
    }

    #[test]
    fn a_document_is_stale_beyond_its_tolerance() {
        let text = document(&[measured(100_000, 50_000, 10_000)], "rustc 1");
        assert_eq!(measured(101_999, 49_001, 10_999).stale(&text), [""; 0]);
        let faults = measured(102_001, 48_999, 11_001).stale(&text);
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(
            faults[0].contains("says 100000 octets of flash of small, and they are 102001"),
            "{faults:?}"
        );
        assert_eq!(measured(1, 1, 1).stale("").len(), 3);
    }

    #[test]
    fn a_stack_that_was_not_measured_counts_whole_and_is_not_compared() {
        let mut unseen = measured(100_000, 50_000, 0);
        let text = document(&[measured(100_000, 50_000, 10_000)], "rustc 1");
        unseen.work = None;
        assert_eq!(unseen.ram(), 50_000 + (28 << 10));
        assert!(document(&[measured(1, 0, 0)], "").contains("| 0 | 0 |"));
        assert_eq!(unseen.stale(&text), [""; 0]);
    }
}
