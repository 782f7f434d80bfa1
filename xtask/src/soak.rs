//! `cargo xtask soak`: what must hold for long, for as long as one has patience.

use std::process::Stdio;

use crate::Outcome;
use crate::e2e;
use crate::packages;
use crate::process;

pub(crate) const USAGE: &str = "soak NAME [--seconds N]";
pub(crate) const HELP: &str = "\
Run what must hold for long, against real routers. Needs what the end-to-end tests need.

  bfd           10 ms x 3 stays Up with real-time scheduling, 50 ms x 3 without it, while eight busy processes
                hold every core; 600 s each

  --seconds N   for so long
  --debug       a binary of the dev profile: builds faster, runs slower";

/// The soaks, and how many seconds each of its cases goes on when nobody says otherwise.
const SOAKS: &[(&str, u32)] = &[("bfd", 600)];

/// Tells the tests for how long.
const SECONDS: &str = "HOLDOVER_SOAK_SECONDS";

/// Runs the chore.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let (mut name, mut seconds, mut debug) = (None, None, false);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--debug" => debug = true,
            "--seconds" => {
                let number = words.next().and_then(|word| word.parse::<u32>().ok());
                seconds = Some(number.ok_or("--seconds takes a number")?);
            }
            option if option.starts_with('-') => {
                return Err(format!("soak does not know `{option}`; usage: cargo xtask {USAGE}"));
            }
            word if name.is_none() => name = Some(word),
            more => return Err(format!("soak takes one name; `{more}` is one too many")),
        }
    }
    let known = || SOAKS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" ");
    let name = name.ok_or_else(|| format!("say which soak; there are: {}", known()))?;
    let soak = SOAKS.iter().find(|(one, _)| *one == name);
    let (name, default) = soak.ok_or_else(|| format!("there is no soak `{name}`; there are: {}", known()))?;
    packages::ensure(packages::PEERS)?;

    let binary = e2e::build(debug)?;
    let mut command = process::cargo(["test", "--package", "holdover-tests", "--test", "soak", "--"]);
    command
        .args([&format!("{name}/"), "--test-threads", "1"])
        .env(e2e::BINARY, binary)
        .env(SECONDS, seconds.unwrap_or(*default).to_string())
        .stdin(Stdio::null());
    process::run(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(line: &str) -> String {
        run(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).unwrap_err()
    }

    #[test]
    fn what_is_not_understood_is_named() {
        assert!(answer("").contains("there are: bfd"));
        assert!(answer("bdf").contains("no soak `bdf`"));
        assert!(answer("bfd --seconds soon").contains("--seconds takes a number"));
        assert!(answer("bfd --fast").contains("--fast"));
        assert!(answer("bfd bfd").contains("one too many"));
    }
}
