//! The chores of the project: `cargo xtask test|e2e|soak|lab|capi|firmware|lint|planted|docs|api`.
//!
//! Each chore is one module with one `run`; what a chore needs from the machine is in [`packages`].

mod api;
mod capi;
mod docs;
mod e2e;
mod firmware;
mod lab;
mod lint;
mod packages;
mod planted;
mod process;
mod soak;
mod test;
mod thumb;

use std::process::ExitCode;

/// What a chore answers: nothing, or the sentence that says what is wrong.
type Outcome = Result<(), String>;

/// One word of the command line.
struct Chore {
    name: &'static str,
    usage: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Outcome,
}

const CHORES: &[Chore] = &[
    Chore { name: "test", usage: test::USAGE, help: test::HELP, run: test::run },
    Chore { name: "e2e", usage: e2e::USAGE, help: e2e::HELP, run: e2e::run },
    Chore { name: "soak", usage: soak::USAGE, help: soak::HELP, run: soak::run },
    Chore { name: "lab", usage: lab::USAGE, help: lab::HELP, run: lab::run },
    Chore { name: "capi", usage: capi::USAGE, help: capi::HELP, run: capi::run },
    Chore { name: "firmware", usage: firmware::USAGE, help: firmware::HELP, run: firmware::run },
    Chore { name: "lint", usage: lint::USAGE, help: lint::HELP, run: lint::run },
    Chore { name: "planted", usage: planted::USAGE, help: planted::HELP, run: planted::run },
    Chore { name: "docs", usage: docs::USAGE, help: docs::HELP, run: docs::run },
    Chore { name: "api", usage: api::USAGE, help: api::HELP, run: api::run },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Outcome {
    let Some((name, rest)) = arguments.split_first() else {
        print!("{}", overview());
        return Err("say which chore".to_owned());
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print!("{}", overview());
        return Ok(());
    }
    let Some(chore) = CHORES.iter().find(|chore| chore.name == name) else {
        return Err(format!("there is no chore `{name}`.\n\n{}", overview()));
    };
    if rest.iter().any(|word| word == "--help" || word == "-h") {
        println!("usage: cargo xtask {}\n\n{}", chore.usage, chore.help);
        return Ok(());
    }
    (chore.run)(rest)
}

/// The first screen: every chore with its first sentence.
fn overview() -> String {
    let rows = CHORES.iter().map(|chore| {
        let summary = chore.help.lines().next().unwrap_or_default();
        format!("  {:<24}{summary}\n", chore.usage)
    });
    format!("usage: cargo xtask CHORE [--help]\n\n{}", rows.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn an_unknown_chore_is_answered_with_the_list_of_those_there_are() {
        let message = dispatch(&words("tset")).unwrap_err();
        assert!(message.contains("no chore `tset`"));
        for chore in CHORES {
            assert!(message.contains(chore.name), "{} is missing in: {message}", chore.name);
        }
    }

    #[test]
    fn no_chore_at_all_is_an_error() {
        assert!(dispatch(&[]).is_err());
    }

    #[test]
    fn help_is_given_for_each_chore_and_runs_nothing() {
        for chore in CHORES {
            assert_eq!(dispatch(&words(&format!("{} --help", chore.name))), Ok(()));
            assert!(chore.usage.starts_with(chore.name));
        }
    }

    #[test]
    fn an_unknown_option_of_a_chore_is_an_error_that_names_it() {
        for chore in ["test", "e2e", "soak", "capi", "lint", "docs", "api"] {
            let line = format!("{chore} --fast");
            let message = dispatch(&words(&line)).unwrap_err();
            assert!(message.contains("--fast"), "{line}: {message}");
        }
    }
}
