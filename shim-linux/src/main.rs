//! The daemon for Linux, and the commands that speak to it. All input and output of a host is here, and no decision.

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
mod owned;
mod run;
mod snapshot;
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
        /// The `failover` block's name
        service: String,
        #[command(flatten)]
        control: Control,
    },
    /// Let a drained service take part again
    Undrain {
        /// The `failover` block's name
        service: String,
        #[command(flatten)]
        control: Control,
    },
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
        Command::Drain { service, control } => client::run(&control.socket, &format!("drain {service}")),
        Command::Undrain { service, control } => client::run(&control.socket, &format!("undrain {service}")),
        Command::Reload(control) => client::run(&control.socket, "reload"),
        Command::Stop(control) => client::run(&control.socket, "stop"),
        Command::Demo(args) => demo::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Decode(args) => decode::run(&args),
    }
}
