//! `cargo xtask soak`: what must hold for long, for as long as one has patience.

use std::process::Stdio;

use crate::Outcome;
use crate::e2e;
use crate::packages;
use crate::process;

pub(crate) const USAGE: &str = "soak [NAME] [--minutes N] [--seed S]";
pub(crate) const HELP: &str = "\
Run what must hold for long, against real routers. Needs what the end-to-end tests need.

  failover      two nodes and a fault about every two seconds (kill, freeze, cut, stop, dead service, drain, promote,
                demote, address, reload, route server); no probe may be lost beyond what the present faults allow;
                30 minutes, half of them with BFD; this one without a NAME
  bfd           10 ms x 3 stays Up with real-time scheduling, 50 ms x 3 without it, while eight busy processes
                hold every core; 600 s each

  --seconds N, --minutes N
                for so long
  --seed S      the same faults as the run that printed this seed; otherwise drawn from the clock
  --debug       a binary of the dev profile: builds faster, runs slower";

/// The soaks, and how many seconds each of its cases goes on when nobody says otherwise.
const SOAKS: &[(&str, u32)] = &[("failover", 1_800), ("bfd", 600)];

/// Tells the tests for how long.
const SECONDS: &str = "HOLDOVER_SOAK_SECONDS";

/// Tells the tests what to draw from.
const SEED: &str = "HOLDOVER_SOAK_SEED";

/// Runs the chore.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let (mut name, mut seconds, mut seed, mut debug) = (None, None, None, false);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--debug" => debug = true,
            "--seconds" => seconds = Some(number(word, words.next())?),
            "--minutes" => seconds = Some(number(word, words.next())?.saturating_mul(60)),
            "--seed" => seed = Some(number(word, words.next())?),
            option if option.starts_with('-') => {
                return Err(format!("soak does not know `{option}`; usage: cargo xtask {USAGE}"));
            }
            word if name.is_none() => name = Some(word),
            more => return Err(format!("soak takes one name; `{more}` is one too many")),
        }
    }
    let known = || SOAKS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ");
    let name = name.unwrap_or("failover");
    let soak = SOAKS.iter().find(|(one, _)| *one == name);
    let (name, default) = soak.ok_or_else(|| format!("there is no soak `{name}`; there are: {}", known()))?;
    packages::ensure(packages::PEERS)?;

    let binary = e2e::build(debug)?;
    let mut command = process::cargo(["test", "--package", "holdover-tests", "--test", "soak", "--"]);
    command
        .args([&format!("{name}/"), "--test-threads", "1"])
        .env(e2e::BINARY, binary)
        .env(SECONDS, seconds.unwrap_or(*default).to_string())
        .env(SEED, seed.unwrap_or_else(drawn).to_string())
        .stdin(Stdio::null());
    process::run(&mut command)
}

/// The number behind an option.
fn number(option: &str, word: Option<&String>) -> Result<u32, String> {
    word.and_then(|word| word.parse().ok()).ok_or_else(|| format!("{option} takes a number"))
}

/// A seed that nobody chose.
fn drawn() -> u32 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |since| since.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(line: &str) -> String {
        run(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).unwrap_err()
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert!(answer("bdf").contains("no soak `bdf`; there are: failover bfd"));
        assert!(answer("bfd --seconds soon").contains("--seconds takes a number"));
        assert!(answer("--minutes").contains("--minutes takes a number"));
        assert!(answer("--seed x").contains("--seed takes a number"));
        assert!(answer("bfd --fast").contains("--fast"));
        assert!(answer("bfd bfd").contains("one too many"));
    }
}
