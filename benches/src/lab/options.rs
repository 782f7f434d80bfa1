//! The command line.

use std::path::PathBuf;

use holdover_tests::harness::{Context as _, Result, bail, ensure};

use super::daemon::Daemon;
use super::plan::Fault;

/// What is said to whoever asks; the chore's help says what each is.
pub const USAGE: &str = "\
usage: cargo xtask lab [--daemons A,B] [--faults X,Y] [--reps N] [--limit SECONDS] [--quick] [--keep DIR] [--out DIR]
       cargo xtask lab --resume FILE [--daemons A,B] [--faults X,Y] [--reps N] [--limit SECONDS] [--out DIR]
       cargo xtask lab --from FILE [--out DIR]
daemons: holdover frr bird gobgp exabgp openbgpd
faults: term kill killall loss service address freeze idle";

/// What was asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Which daemons.
    pub daemons: Vec<Daemon>,
    /// Which faults.
    pub faults: Vec<Fault>,
    /// Repetitions of each fault.
    pub repetitions: usize,
    /// How long the end of an outage is waited for, in seconds.
    pub limit: f64,
    /// Where the raw results, configurations and logs are kept.
    pub keep: Option<PathBuf>,
    /// Where the documents go.
    pub out: Option<PathBuf>,
    /// Raw results of an earlier run, to make the documents from.
    pub from: Option<PathBuf>,
    /// Raw results of an earlier run, to add what they lack.
    pub resume: Option<PathBuf>,
}

/// The command as the documents name it: where results are read from, kept and written changes no figure.
pub fn command(words: &[String]) -> String {
    let mut command = String::from("cargo xtask lab");
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if matches!(word.as_str(), "--keep" | "--resume" | "--out") {
            words.next();
        } else {
            command = command + " " + word;
        }
    }
    command
}

/// Reads the words of the command line.
pub fn parse(words: &[String]) -> Result<Options> {
    let mut options = Options {
        daemons: Daemon::ALL.to_vec(),
        faults: Fault::ALL.to_vec(),
        repetitions: 3,
        limit: 60.0,
        keep: None,
        out: None,
        from: None,
        resume: None,
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} wants a value\n\n{USAGE}"));
        match word.as_str() {
            "--daemons" => options.daemons = list(value()?, "daemon", Daemon::named)?,
            "--faults" => options.faults = list(value()?, "fault", Fault::named)?,
            "--reps" => {
                options.repetitions = value()?.parse().context("--reps wants a number")?;
                ensure!(options.repetitions > 0, "--reps wants at least 1");
            }
            "--limit" => {
                options.limit = value()?.parse().context("--limit wants seconds")?;
                ensure!((1.0..=3600.0).contains(&options.limit), "--limit wants 1 to 3600 seconds");
            }
            "--quick" => (options.repetitions, options.limit) = (1, 15.0),
            "--keep" => options.keep = Some(value()?.into()),
            "--out" => options.out = Some(value()?.into()),
            "--from" => options.from = Some(value()?.into()),
            "--resume" => options.resume = Some(value()?.into()),
            other => bail!("the lab does not know `{other}`\n\n{USAGE}"),
        }
    }
    ensure!(
        options.from.is_none() || options.resume.is_none(),
        "--from measures nothing and --resume goes on measuring: one of them"
    );
    Ok(options)
}

fn list<T: Ord>(names: &str, what: &str, named: fn(&str) -> Option<T>) -> Result<Vec<T>> {
    let all =
        names.split(',').map(|name| named(name).with_context(|| format!("no {what} `{name}`\n\n{USAGE}")));
    let mut all: Vec<T> = all.collect::<Result<_>>()?;
    all.sort();
    all.dedup();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Options> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn without_words_everything_is_measured_three_times_and_nothing_is_written_into_the_documents() {
        let options = parsed("").unwrap();
        assert_eq!((options.daemons.len(), options.faults.len()), (6, 8));
        assert_eq!((options.repetitions, options.limit, options.out), (3, 60.0, None));
    }

    #[test]
    fn the_documents_name_what_makes_the_same_figures() {
        let words =
            ["--reps", "20", "--keep", "/somewhere", "--resume", "old", "--out", "docs"].map(str::to_owned);
        assert_eq!(command(&words), "cargo xtask lab --reps 20");
    }

    #[test]
    fn each_option_is_taken() {
        let options =
            parsed("--daemons bird,holdover --faults loss --reps 20 --out docs --keep k --limit 30").unwrap();
        assert_eq!(options.daemons, [Daemon::Holdover, Daemon::Bird]);
        assert_eq!((options.faults, options.repetitions, options.limit), (vec![Fault::Loss], 20, 30.0));
        assert_eq!((options.out, options.keep), (Some("docs".into()), Some("k".into())));
    }

    #[test]
    fn what_is_not_known_is_named_with_what_there_is() {
        for (line, word) in [
            ("--daemons quagga", "no daemon `quagga`"),
            ("--faults flood", "no fault `flood`"),
            ("--fast", "does not know `--fast`"),
            ("--reps", "--reps wants a value"),
        ] {
            let message = format!("{:#}", parsed(line).unwrap_err());
            assert!(message.contains(word) && message.contains("usage:"), "{message}");
        }
        assert!(parsed("--reps 0").is_err());
        assert!(parsed("--limit 0").is_err());
        assert!(parsed("--from a --resume b").is_err());
    }
}
