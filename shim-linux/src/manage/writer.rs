//! The thread that writes the log: whoever reads it may not, and a disk may stand still. The others never wait for it.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

/// How much waits to be written at most, in octets: what 16,000 addresses have to say at one time.
const ROOM: usize = 4 << 20;
/// How long the end of the daemon waits for what is not written yet.
const PATIENCE: Duration = Duration::from_millis(500);
/// The thread's stack.
const STACK: usize = 64 << 10;

/// Where lines wait to be written.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
    /// The queue has changed.
    news: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<String>,
    /// The octets of all lines that are not written yet.
    octets: usize,
    /// Lines that found no room, and since then none was written.
    lost: u64,
    /// No more will come.
    over: bool,
    /// All was written.
    done: bool,
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Starts the thread. `put` writes a line, and may take as long as it likes; `lost` makes the line that tells how many
    /// were lost. Errors: no thread is to be had.
    pub(super) fn start(
        put: impl FnMut(&str) + Send + 'static,
        lost: impl Fn(u64) -> String + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared { queue: Mutex::default(), news: Condvar::new() });
        let ours = Arc::clone(&shared);
        let body = move || write(&ours, put, &lost);
        thread::Builder::new().name("log".to_owned()).stack_size(STACK).spawn(body)?;
        Ok(Self { shared })
    }

    /// Has a line written, unless there is no room for it: then it is counted.
    pub(super) fn give(&self, line: String) {
        let mut queue = self.shared.queue();
        // While some are lost, those that come after them are too: the count stands where they would.
        if queue.lost > 0 || queue.octets + line.len() > ROOM {
            queue.lost += 1;
            return;
        }
        queue.octets += line.len();
        queue.lines.push_back(line);
        drop(queue);
        self.shared.news.notify_all();
    }
}

impl Drop for Writer {
    /// Waits a little until all is written.
    fn drop(&mut self) {
        let until = Instant::now() + PATIENCE;
        let mut queue = self.shared.queue();
        queue.over = true;
        self.shared.news.notify_all();
        while !queue.done {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.shared.news.wait_timeout(queue, left);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn write(shared: &Shared, mut put: impl FnMut(&str), lost: &impl Fn(u64) -> String) {
    let mut queue = shared.queue();
    loop {
        if let Some(line) = queue.lines.pop_front() {
            drop(queue);
            put(&line);
            queue = shared.queue();
            queue.octets -= line.len();
        } else if queue.lost > 0 {
            let line = lost(std::mem::take(&mut queue.lost));
            queue.octets += line.len();
            queue.lines.push_front(line);
        } else if queue.over {
            queue.done = true;
            shared.news.notify_all();
            return;
        } else {
            queue = shared.news.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Writes to the standard error, and waits for whoever reads it. A log that cannot be written has nobody to complain to.
pub(super) fn to_standard_error(line: &str) {
    let out = io::stderr();
    let mut rest = line.as_bytes();
    while !rest.is_empty() {
        match rustix::io::write(&out, rest) {
            Ok(0) => return,
            Ok(length) => rest = rest.get(length..).unwrap_or(&[]),
            Err(Errno::INTR) => {}
            // Somebody made it so: it is shared with whoever started us.
            Err(Errno::AGAIN) => {
                let _ = rustix::event::poll(&mut [PollFd::new(&out, PollFlags::OUT)], None);
            }
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A writer whose reader takes a line when the test lets it.
    fn stalled() -> (Writer, Sender<()>, Receiver<String>) {
        let ((go_on, gate), (wrote, written)) = (channel::<()>(), channel());
        let put = move |line: &str| {
            let _ = gate.recv();
            let _ = wrote.send(line.to_owned());
        };
        (Writer::start(put, |count| format!("{count} lost\n")).unwrap(), go_on, written)
    }

    #[test]
    fn a_log_that_nobody_reads_holds_nobody_up_and_what_was_lost_is_told_in_its_place() {
        let (writer, go_on, written) = stalled();
        let long = "x".repeat(ROOM / 4);
        for _ in 0..7 {
            writer.give(long.clone());
        }
        let next = || {
            go_on.send(()).unwrap();
            written.recv_timeout(Duration::from_secs(10)).unwrap()
        };
        for _ in 0..4 {
            assert_eq!(next().len(), long.len());
        }
        assert_eq!(next(), "3 lost\n");
        writer.give("later\n".to_owned());
        assert_eq!(next(), "later\n");
    }

    #[test]
    fn the_end_waits_for_what_is_written_and_not_for_a_reader_that_never_comes() {
        let (wrote, written) = channel();
        let put = move |line: &str| wrote.send(line.to_owned()).unwrap();
        let writer = Writer::start(put, |_| String::new()).unwrap();
        for number in 0..1_000 {
            writer.give(number.to_string());
        }
        drop(writer);
        assert_eq!(written.try_iter().count(), 1_000);
        let (writer, go_on, _) = stalled();
        writer.give("a line".to_owned());
        let begun = Instant::now();
        drop(writer);
        assert!(begun.elapsed() >= PATIENCE && begun.elapsed() < PATIENCE * 10);
        drop(go_on);
    }
}
