//! Runs a list of cases in parallel, each in its own thread, and reports as Rust's own test runner does.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};

use super::lab::{self, Lab};

/// What a case does.
type Body = Box<dyn Fn(&Lab) -> Result<()> + Send + Sync>;

/// One case: a sentence-like path (`fault/…`), its limit, and what it does.
pub struct Case {
    /// What the filter matches.
    pub name: String,
    /// Hard limit of the case, in seconds.
    pub seconds: u64,
    /// The case itself.
    pub run: Body,
}

impl Case {
    /// A case from its parts.
    pub fn new(
        name: impl Into<String>,
        seconds: u64,
        run: impl Fn(&Lab) -> Result<()> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), seconds, run: Box::new(run) }
    }
}

/// How long a case that ignores its limit is waited for before it counts as hung.
const GRACE: Duration = Duration::from_mins(1);
/// The whole run of the end-to-end tests may take this long.
pub const WHOLE: Duration = Duration::from_mins(18);
/// Cases wait more than they compute: two per core of the smallest machine.
const THREADS: usize = 4;

/// What the command line asked for.
struct Options {
    filters: Vec<String>,
    exact: bool,
    list: bool,
    threads: usize,
}

fn options() -> Options {
    let mut options = Options { filters: Vec::new(), exact: false, list: false, threads: THREADS };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--exact" => options.exact = true,
            "--list" => options.list = true,
            "--test-threads" => {
                options.threads = words.next().and_then(|n| n.parse().ok()).unwrap_or(THREADS);
            }
            // libtest's other options change nothing here.
            other if other.starts_with('-') => {}
            other => options.filters.push(other.to_owned()),
        }
    }
    options
}

/// Runs the cases that the command line selects, and begins none after `whole`; gives the process's exit code.
pub fn main(mut cases: Vec<Case>, keep: &Path, whole: Duration) -> i32 {
    let options = options();
    let all = cases.len();
    let matches =
        |name: &str, filter: &String| if options.exact { name == filter } else { name.contains(filter) };
    if !options.filters.is_empty() {
        cases.retain(|case| options.filters.iter().any(|filter| matches(&case.name, filter)));
    }
    if options.list {
        for case in &cases {
            println!("{}: test", case.name);
        }
        return 0;
    }
    clean_up_on_signals();
    lab::clean_leftovers();
    // The longest first, so that the end of the run is not one of them alone.
    cases.sort_by_key(|case| std::cmp::Reverse(case.seconds));
    println!("\nrunning {} tests", cases.len());
    let begun = Instant::now();
    let failures = run_all(&cases, options.threads, keep, [begun, begun + whole]);
    while lab::is_over() {
        // The thread that cleans up ends the process.
        std::thread::park();
    }
    report(&failures, cases.len(), all, begun);
    i32::from(!failures.is_empty()) * 101
}

/// A case that failed: its name, why, and where its files are.
struct Failure {
    name: String,
    why: String,
    kept: PathBuf,
}

fn run_all(cases: &[Case], threads: usize, keep: &Path, whole: [Instant; 2]) -> Vec<Failure> {
    let queue = Mutex::new(cases.iter());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(case) = next else { return };
                    if let Some(failure) = run_one(case, keep, whole) {
                        failures.lock().unwrap_or_else(PoisonError::into_inner).push(failure);
                    }
                }
            });
        }
    });
    failures.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn run_one(case: &Case, keep: &Path, [begun, end]: [Instant; 2]) -> Option<Failure> {
    let at = Instant::now();
    let kept = keep.join(case.name.replace(['/', ' '], "_"));
    let outcome = if at > end {
        Err(anyhow!("not begun: the run took longer than {} minutes", (end - begun).as_secs() / 60))
    } else {
        guarded(case)
    };
    let took = at.elapsed().as_secs_f64();
    match outcome {
        Ok(()) => {
            lab::clean(&case.name, None);
            let _ = std::fs::remove_dir_all(&kept);
            println!("test {} ... ok ({took:.1} s)", case.name);
            None
        }
        Err(why) => {
            lab::clean(&case.name, Some(&kept));
            let why = format!("{why:#}");
            println!("test {} ... FAILED ({took:.1} s)\n    {why}", case.name);
            Some(Failure { name: case.name.clone(), why, kept })
        }
    }
}

/// Runs the case; a panic or a case beyond its limit is a failure too.
fn guarded(case: &Case) -> Result<()> {
    let limit = Duration::from_secs(case.seconds);
    let (done, outcome) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| {
                let lab = Lab::new(&case.name, limit)?;
                (case.run)(&lab)
            }));
            let _ = done
                .send(result.unwrap_or_else(|panic| Err(anyhow!("panicked: {}", text_of(panic.as_ref())))));
        });
        match outcome.recv_timeout(limit + GRACE) {
            Ok(result) => result,
            // Its thread cannot be ended, its daemons can; then whatever it waits for ends as well.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                lab::clean(&case.name, None);
                Err(anyhow!("still running after {} s", (limit + GRACE).as_secs()))
            }
        }
    })
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

fn report(failures: &[Failure], run: usize, all: usize, begun: Instant) {
    if !failures.is_empty() {
        println!("\nfailures:");
        for failure in failures {
            println!(
                "    {}\n        {}\n        kept: {}",
                failure.name,
                failure.why,
                failure.kept.display()
            );
        }
    }
    let word = if failures.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {word}. {} passed; {} failed; 0 ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
        run - failures.len(),
        failures.len(),
        all - run,
        begun.elapsed().as_secs_f64()
    );
}

/// Ctrl-C and SIGTERM remove every lab before the process ends.
pub fn clean_up_on_signals() {
    let signals = [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP];
    let Ok(mut signals) = signal_hook::iterator::Signals::new(signals) else { return };
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            eprintln!("signal {signal}: cleaning up");
            lab::clean_all();
            std::process::exit(128 + signal);
        }
    });
}
