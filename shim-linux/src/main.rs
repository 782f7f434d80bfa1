//! The daemon.

mod decode;

use std::process::ExitCode;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "holdover", version)]
enum Command {
    /// BGP messages to JSON
    Decode(decode::DecodeArgs),
}

fn main() -> ExitCode {
    match Command::parse() {
        Command::Decode(args) => decode::run(&args),
    }
}
