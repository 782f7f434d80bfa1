//! The other end of the control socket: `holdover show`, `drain`, `promote`, `reload`, `stop` and their like.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::out;

/// How long the daemon has to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// It was done, but not everybody has confirmed it (2 is what a wrong command line gives).
const UNCONFIRMED: u8 = 3;

/// Says one line to the daemon and prints its answer.
pub(crate) fn run(socket: &Path, line: &str) -> ExitCode {
    said(socket, ask(socket, line, Some(PATIENCE)))
}

/// The same for a question that takes the daemon as long as it takes.
pub(crate) fn wait(socket: &Path, line: &str) -> ExitCode {
    said(socket, ask(socket, line, None))
}

fn said(socket: &Path, answer: io::Result<(Status, String)>) -> ExitCode {
    match answer {
        Ok((Status::Ok, text)) => {
            if let Err(error) = out::print(&text) {
                out::complain(format_args!("holdover: the answer cannot be written: {error}"));
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        Ok((status, text)) => {
            out::complain(format_args!("holdover: {}", text.trim_end()));
            if status == Status::Unconfirmed { ExitCode::from(UNCONFIRMED) } else { ExitCode::FAILURE }
        }
        Err(error) => {
            out::complain(format_args!("holdover: {}", explain(socket, &error)));
            ExitCode::FAILURE
        }
    }
}

/// How the daemon took a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Ok,
    Error,
    Unconfirmed,
}

fn ask(socket: &Path, line: &str, patience: Option<Duration>) -> io::Result<(Status, String)> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(patience)?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once('\n') {
        Some(("ok", text)) => Ok((Status::Ok, text.to_owned())),
        Some(("error", text)) => Ok((Status::Error, text.to_owned())),
        Some(("unconfirmed", text)) => Ok((Status::Unconfirmed, text.to_owned())),
        _ => Err(ErrorKind::UnexpectedEof.into()),
    }
}

fn explain(socket: &Path, error: &io::Error) -> String {
    let path = socket.display();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            format!("no daemon listens at {path}: is `holdover run` running? (another socket: --control)")
        }
        ErrorKind::PermissionDenied => format!("no permission to use {path}: only its owner may (try sudo)"),
        ErrorKind::WouldBlock | ErrorKind::TimedOut => {
            format!(
                "the daemon at {path} took the question and did not answer within {} s",
                PATIENCE.as_secs()
            )
        }
        ErrorKind::UnexpectedEof => format!("the daemon at {path} broke off: see its log"),
        _ => format!("{path}: {error}"),
    }
}
