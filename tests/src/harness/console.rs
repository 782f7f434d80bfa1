//! A serial console at the other end of a stream: lines are sent, answers are what stands before the next prompt.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::lab::Lab;

/// How long an answer may take, in seconds.
const PATIENCE: f64 = 10.0;
/// How long the reading thread may take to see that its lab is over.
const TICK: Duration = Duration::from_millis(200);

/// One console.
pub struct Console {
    stream: UnixStream,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Console {
    /// Listens to `stream` from now on.
    pub fn new(lab: &Lab, stream: UnixStream) -> Result<Self> {
        stream.set_read_timeout(Some(TICK))?;
        stream.set_write_timeout(Some(Duration::from_secs(5)))?;
        let heard = Arc::default();
        let (ear, theirs, stop) = (Arc::clone(&heard), stream.try_clone()?, lab.stop_flag());
        std::thread::spawn(move || listen(theirs, &ear, &stop));
        Ok(Self { stream, heard })
    }

    /// Everything that was said so far.
    pub fn heard(&self) -> String {
        self.since(0)
    }

    fn since(&self, from: usize) -> String {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(heard.get(from..).unwrap_or_default()).replace('\r', "")
    }

    fn mark(&self) -> usize {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Waits for the first prompt; gives what was said before it.
    pub fn ready(&self, lab: &Lab, seconds: f64) -> Result<String> {
        lab.eventually("the console is there", seconds, || {
            let text = self.heard();
            let before = before_prompt(&text).with_context(|| format!("it says {text:?}"))?;
            Ok(before.to_owned())
        })
    }

    /// Sends a line; gives the answer.
    pub fn ask(&self, lab: &Lab, line: &str) -> Result<String> {
        let from = self.tell(line)?;
        lab.eventually(&format!("the console answers `{line}`"), PATIENCE, || {
            let text = self.since(from);
            let answer = answer(&text, line).with_context(|| format!("it says {text:?}"))?;
            Ok(answer.to_owned())
        })
    }

    /// Sends a line that is not answered; gives the place of what follows, for [`Self::since`].
    fn tell(&self, line: &str) -> Result<usize> {
        let from = self.mark();
        (&self.stream)
            .write_all(format!("{line}\r").as_bytes())
            .with_context(|| format!("tell it `{line}`"))?;
        Ok(from)
    }

    /// Sends a line after which it begins anew; waits for `said`, and the prompt after it.
    pub fn restart(&self, lab: &Lab, line: &str, said: &str, seconds: f64) -> Result<()> {
        let from = self.tell(line)?;
        lab.eventually(&format!("it is there again after `{line}`"), seconds, || {
            let text = self.since(from);
            let (_, after) = text.split_once(said).with_context(|| format!("it says {text:?}"))?;
            before_prompt(after).with_context(|| format!("it says {text:?}"))?;
            Ok(())
        })
    }
}

fn listen(mut stream: UnixStream, heard: &Mutex<Vec<u8>>, stop: &AtomicBool) {
    let mut buffer = [0; 4_096];
    while !stop.load(Ordering::Relaxed) {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => {
                heard.lock().unwrap_or_else(PoisonError::into_inner).extend(&buffer[..length]);
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}

/// What stands before the prompt (`NAME> `, alone on the last line), once it is there.
fn before_prompt(text: &str) -> Option<&str> {
    let start = text.rfind('\n').map_or(0, |end| end + 1);
    let name = text.get(start..)?.strip_suffix("> ")?;
    (!name.is_empty() && !name.contains(' ')).then(|| text.get(..start))?
}

/// The answer to `line`, without the line itself as it is echoed.
fn answer<'a>(text: &'a str, line: &str) -> Option<&'a str> {
    let before = before_prompt(text)?;
    Some(before.strip_prefix(line).and_then(|rest| rest.strip_prefix('\n')).unwrap_or(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_what_stands_between_the_line_and_the_prompt() {
        assert_eq!(answer("show x\none\ntwo\nn1> ", "show x"), Some("one\ntwo\n"));
        assert_eq!(answer("echo on\nn1> ", "echo on"), Some(""));
        assert_eq!(answer("one\nn1> ", "show x"), Some("one\n"));
    }

    #[test]
    fn there_is_no_answer_before_the_prompt() {
        for text in ["", "show x", "show x\none\n", "show x\nn1>", "show x\na sentence> ", "show x\n> "] {
            assert_eq!(answer(text, "show x"), None, "{text:?}");
        }
    }
}
