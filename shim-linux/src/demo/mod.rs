//! `holdover demo`: a failover to look at, on any Linux machine, without touching its network.
//!
//! Three hosts and a client live in private network namespaces ([`world`]); the router, the primary and the secondary are
//! this same program (`holdover run`, [`speakers`]); a client asks the shared address a thousand times a second
//! ([`traffic`], [`ledger`]); [`story`] breaks things and [`screen`] shows what happens.

mod ledger;
mod refusal;
mod screen;
mod speakers;
mod story;
mod traffic;
mod wiring;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag::register_usize;

use screen::Screen;
use speakers::Files;
use story::{End, Story};
use world::{Host, World};

/// The arguments of `holdover demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {
    /// Print the configurations of the three hosts and stop
    #[arg(long)]
    show_config: bool,
    /// Keep configurations and logs in DIR
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Lines only: no colours, nothing rewritten in place
    #[arg(long)]
    plain: bool,
}

/// Runs the demo. Must be called while the process has one thread. Success means that traffic moved every time.
pub(crate) fn run(args: &DemoArgs) -> ExitCode {
    let mut screen = Screen::new(args.plain);
    let end = if args.show_config { show_config(&mut screen) } else { play(args, &mut screen) };
    match end {
        Ok(()) => ExitCode::SUCCESS,
        Err(End::OutputClosed) => ExitCode::FAILURE,
        Err(End::Signal(signal)) => {
            let _ = screen.say("\nStopped. Everything of the demo is gone again.");
            ExitCode::from(128_u8.saturating_add(signal))
        }
        Err(End::Failed(why)) => {
            drop(screen);
            crate::out::complain(format_args!("\n{why}"));
            ExitCode::FAILURE
        }
    }
}

fn show_config(screen: &mut Screen) -> Result<(), End> {
    for host in Host::SPEAKERS {
        screen.say(&speakers::config(host))?;
    }
    Ok(())
}

fn play(args: &DemoArgs, screen: &mut Screen) -> Result<(), End> {
    let signal = Arc::new(AtomicUsize::new(0));
    for number in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
        // A number of at most 64.
        let value = usize::try_from(number).unwrap_or_default();
        register_usize(number, Arc::clone(&signal), value)
            .map_err(|error| End::Failed(format!("Signals cannot be handled: {error}.")))?;
    }
    story::introduce(screen)?;
    let world = World::build().map_err(|refused| End::Failed(refusal::explain(&refused)))?;
    let files = Files::create(args.keep.as_deref())
        .map_err(|error| End::Failed(format!("The demo's files cannot be written: {error}.")))?;
    Story::new(screen, world, &files, &signal)?.tell()?;
    if args.keep.is_some() {
        screen.say(&format!("Configurations and logs are in {}.", files.directory().display()))?;
    }
    Ok(())
}
