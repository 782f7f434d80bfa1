//! The daemon for Linux, and the commands that speak to it. All input and output of a host is here, and no decision.

// They end the program where nobody reads: see `out`.
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod bridge;
mod check;
mod client;
mod decode;
mod demo;
mod drive;
mod host;
mod io;
mod load;
mod manage;
mod out;
mod owned;
mod probe;
mod run;
mod snapshot;
mod sole;
mod sys;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, ValueEnum};

/// Where the daemon listens for the other commands, unless told otherwise.
const CONTROL: &str = "/run/holdover/holdover.sock";

/// Keeps one IP address answering while the machines behind it come and go
#[derive(Debug, Parser)]
#[command(name = "holdover", version)]
enum Command {
    /// Run the daemon
    Run(run::RunArgs),
    /// Show what the daemon does
    Show {
        /// What
        what: Show,
        /// As JSON
        #[arg(long)]
        json: bool,
        /// With passwords (running-config)
        #[arg(long)]
        secrets: bool,
        #[command(flatten)]
        control: Control,
    },
    /// Hand a service over in peace: announce it as going away, then withdraw it
    Drain {
        /// Return when every neighbor has acknowledged the withdrawal; exit status 3 names those that have not in time
        #[arg(long)]
        wait: bool,
        /// Keep it over a restart of the daemon
        #[arg(long)]
        persist: bool,
        /// The `failover` block's name [default: all]
        service: Option<String>,
        #[command(flatten)]
        control: Control,
    },
    /// Take `drain`, `promote`, `demote` or `force` back: the configuration decides again
    #[command(visible_alias = "auto")]
    Undrain {
        /// The `failover` block's name [default: all]
        service: Option<String>,
        #[command(flatten)]
        control: Control,
    },
    /// Make a service active as long as it is healthy, whatever its role
    Promote(Wanted),
    /// Make a service stand by, whatever its role
    Demote(Wanted),
    /// Make a service active although its checks fail; its address must be here all the same
    Force(Wanted),
    /// Read the configuration again; a bad one changes nothing
    Reload(Control),
    /// Withdraw, say goodbye, unbind, end
    Stop(Control),
    /// A failover to look at, in private network namespaces
    Demo(demo::DemoArgs),
    /// Tell all that is wrong with a configuration file
    Check(check::CheckArgs),
    /// BGP messages to JSON
    Decode(decode::DecodeArgs),
}

#[derive(Debug, Args)]
struct Control {
    /// The daemon's socket
    #[arg(long = "control", value_name = "SOCKET", default_value = CONTROL)]
    socket: PathBuf,
}

#[derive(Debug, Args)]
struct Wanted {
    /// Keep it over a restart of the daemon
    #[arg(long)]
    persist: bool,
    /// The `failover` block's name
    service: String,
    #[command(flatten)]
    control: Control,
}

impl Wanted {
    fn ask(&self, verb: &str) -> ExitCode {
        let persist = if self.persist { " --persist" } else { "" };
        client::run(&self.control.socket, &format!("{verb}{persist} {}", self.service))
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Show {
    Summary,
    Neighbors,
    Bfd,
    Services,
    Routes,
    RunningConfig,
}

impl Show {
    fn word(self) -> &'static str {
        match self {
            Self::Summary => "summary",
            Self::Neighbors => "neighbors",
            Self::Bfd => "bfd",
            Self::Services => "services",
            Self::Routes => "routes",
            Self::RunningConfig => "running-config",
        }
    }
}

fn main() -> ExitCode {
    match Command::parse() {
        Command::Run(args) => run::run(args),
        Command::Show { what, json, secrets, control } => {
            let json = if json { " json" } else { "" };
            let secrets = if secrets { " secrets" } else { "" };
            client::run(&control.socket, &format!("show {}{json}{secrets}", what.word()))
        }
        Command::Drain { wait, persist, service, control } => {
            let persist = if persist { " --persist" } else { "" };
            let service = service.unwrap_or_default();
            if wait {
                client::wait(&control.socket, &format!("drain --wait{persist} {service}"))
            } else {
                client::run(&control.socket, &format!("drain{persist} {service}"))
            }
        }
        Command::Undrain { service, control } => {
            client::run(&control.socket, &format!("undrain {}", service.unwrap_or_default()))
        }
        Command::Promote(wanted) => wanted.ask("promote"),
        Command::Demote(wanted) => wanted.ask("demote"),
        Command::Force(wanted) => wanted.ask("force"),
        Command::Reload(control) => client::run(&control.socket, "reload"),
        Command::Stop(control) => client::run(&control.socket, "stop"),
        Command::Demo(args) => demo::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Decode(args) => decode::run(&args),
    }
}
