//! What a person is told on a terminal. `println!` and `eprintln!` end the program when nobody reads or a disk is full.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write as _};

/// Says a line on the standard error. If that cannot be written there is nobody to complain to.
pub(crate) fn complain(text: Arguments<'_>) {
    // In one piece: others may write there too.
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Prints to the standard output. A reader that had enough (`| head`) is no fault. Errors: it cannot be written.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
