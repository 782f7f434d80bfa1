//! The other end of the control socket: `holdover show`, `drain`, `promote`, `reload`, `stop` and their like.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::sole;

use crate::out;

/// How long the daemon has to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// After how long its process is looked at: one that is stopped will not answer.
const LOOK: Duration = Duration::from_secs(2);

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
    let daemon = sole::listening_process(&stream);
    stream.set_read_timeout(Some(LOOK))?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    stream.shutdown(Shutdown::Write)?;
    let (mut answer, begun) = (Vec::new(), Instant::now());
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                let waited = begun.elapsed();
                let state = daemon.and_then(sole::state);
                if state == Some('T') || patience.is_some_and(|patience| waited >= patience) {
                    return Err(io::Error::new(ErrorKind::TimedOut, silence(socket, daemon, state, waited)));
                }
            }
            Err(error) => return Err(error),
        }
    }
    let answer = String::from_utf8(answer).map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
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
        ErrorKind::TimedOut => error.to_string(),
        ErrorKind::UnexpectedEof => format!("the daemon at {path} broke off: see its log"),
        _ => format!("{path}: {error}"),
    }
}

/// Why there is no answer, as far as the daemon's process shows it.
fn silence(socket: &Path, daemon: Option<i32>, state: Option<char>, waited: Duration) -> String {
    let path = socket.display();
    let Some(process) = daemon else {
        return format!("the daemon at {path} did not answer within {} s", waited.as_secs());
    };
    let doing = match state {
        Some('T') => {
            return format!(
                "the daemon at {path} (process {process}) is stopped and cannot answer; `kill -CONT {process}` lets it go on"
            );
        }
        Some('D') => "waits for a disk or a device (state D)",
        Some('R') => "is busy (state R)",
        Some('Z') | None => "has ended",
        Some(_) => "is alive and waits",
    };
    let seconds = waited.as_secs();
    format!("the daemon at {path} did not answer within {seconds} s: process {process} {doing}")
}
