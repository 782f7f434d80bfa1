//! What the next run must know of this one: whether it ended in good order, and for each service with `no preempt` whether it
//! was active or had given way. The engine says what; this keeps it in a file beside the wishes.
//!
//! A thread of its own writes the file: neither the engine nor a client of the control socket waits for a slow disk.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use holdover_core::engine::Past;
use holdover_core::engine::record::Level;
use tokio::sync::mpsc::UnboundedSender;

use super::durable;
use crate::bridge::ToManager;

/// The file's first line.
const HEADER: &str =
    "# What the next start must know, for `no preempt`: SERVICE active | gave-way. Written by Holdover.\n";
/// The second line while a run lasts; after one that ended in good order it is [`ENDED`].
const RUNNING: &str = "run is on";
/// See [`RUNNING`].
const ENDED: &str = "run ended in good order";
/// The last line: without it, something is missing.
const END: &str = "end";

/// What the file said at the start.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Before {
    /// Whether there was a run that did not end in good order.
    pub(crate) crashed: bool,
    /// What it left to be known of services, by name; without a name: of every service.
    pub(crate) kept: Vec<(String, Past)>,
    /// Why the file cannot be read.
    pub(crate) unreadable: Option<String>,
}

/// What is to be known of this run.
#[derive(Debug)]
pub(crate) struct LastRun {
    path: PathBuf,
    kept: BTreeMap<String, Past>,
    writer: Option<Writer>,
    /// Whether this run has a configuration: until then the file is the last run's.
    begun: bool,
    /// That it could not be written was said; whether there was something to be known of a service then.
    said: Option<bool>,
}

#[derive(Debug)]
struct Writer {
    texts: Sender<Option<String>>,
    thread: JoinHandle<()>,
}

impl LastRun {
    /// Reads what the run before left. No file: there was none, or it ended in good order and left nothing.
    pub(crate) fn read(wishes: &Path) -> (Self, Before) {
        let mut path = wishes.to_owned().into_os_string();
        path.push(".last-run");
        let path = PathBuf::from(path);
        let before = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Before::default(),
            Err(error) => Before::unreadable(error.to_string()),
            Ok(text) => parse(&text).unwrap_or_else(|| Before::unreadable("it is damaged".to_owned())),
        };
        let kept = before.kept.iter().filter(|(service, _)| !service.is_empty()).cloned().collect();
        (Self { path, kept, writer: None, begun: false, said: None }, before)
    }

    /// Starts the thread that writes; how it went is told as [`ToManager::LastRunWritten`]. Errors: the system has no thread.
    pub(crate) fn start(&mut self, told: UnboundedSender<ToManager>) -> io::Result<()> {
        let (texts, waiting) = channel();
        let path = self.path.clone();
        let body = move || write_all(&path, &waiting, &told);
        let thread = thread::Builder::new().name("last-run".to_owned()).spawn(body)?;
        self.writer = Some(Writer { texts, thread });
        Ok(())
    }

    /// Where the file lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes note of what is to be known of a service; [`LastRun::write`] makes it last.
    pub(crate) fn keep(&mut self, service: String, past: Past) {
        match past {
            Past::Clear => drop(self.kept.remove(&service)),
            past => drop(self.kept.insert(service, past)),
        }
    }

    /// A configuration is in force. Services that it has no more need not be known.
    pub(crate) fn configured(&mut self, is_service: impl Fn(&str) -> bool) {
        self.begun = true;
        self.kept.retain(|name, _| is_service(name));
    }

    /// Has the file written: the run lasts.
    pub(crate) fn write(&self) {
        if self.begun {
            self.send(Some(self.text(RUNNING)));
        }
    }

    /// The run is over, in good order or not; waits until that is written.
    pub(crate) fn end(&mut self, in_order: bool) {
        if in_order && self.begun {
            // Nothing to be known is no file.
            self.send((!self.kept.is_empty()).then(|| self.text(ENDED)));
        }
        if let Some(Writer { texts, thread }) = self.writer.take() {
            drop(texts);
            // It fails only if it panicked, and then the file says what it said before: the run did not end in good order.
            let _ = thread.join();
        }
    }

    /// The level at which the result of a write is to be said, if it is news: without a service that something is to be known of,
    /// not much is lost.
    pub(crate) fn news(&mut self, failed: bool) -> Option<Level> {
        let matters = failed.then_some(!self.kept.is_empty());
        let news = matters != std::mem::replace(&mut self.said, matters);
        matters.filter(|_| news).map(|matters| if matters { Level::Warning } else { Level::Info })
    }

    fn send(&self, text: Option<String>) {
        if let Some(writer) = &self.writer {
            let _ = writer.texts.send(text);
        }
    }

    fn text(&self, run: &str) -> String {
        let mut text = format!("{HEADER}{run}\n");
        for (service, past) in &self.kept {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{service} {}", word(*past));
        }
        text + END + "\n"
    }
}

impl Before {
    fn unreadable(why: String) -> Self {
        Self { crashed: false, kept: vec![(String::new(), Past::Unknown)], unreadable: Some(why) }
    }
}

/// Writes what comes, always the newest, until nothing can come any more.
fn write_all(path: &Path, texts: &Receiver<Option<String>>, told: &UnboundedSender<ToManager>) {
    while let Ok(first) = texts.recv() {
        let newest = texts.try_iter().last().unwrap_or(first);
        let result = durable::write(path, newest.as_deref());
        let _ = told.send(ToManager::LastRunWritten(result));
    }
}

fn parse(text: &str) -> Option<Before> {
    let mut lines = text.strip_prefix(HEADER)?.lines();
    let crashed = match lines.next()? {
        RUNNING => true,
        ENDED => false,
        _ => return None,
    };
    let mut kept = Vec::new();
    loop {
        match lines.next()?.split_once(' ') {
            Some((service, past)) if !service.is_empty() => {
                let past = [Past::Active, Past::GaveWay].into_iter().find(|&it| word(it) == past)?;
                kept.push((service.to_owned(), past));
            }
            Some(_) => return None,
            None => break,
        }
    }
    let whole = text.ends_with(&format!("\n{END}\n")) && lines.next().is_none();
    whole.then_some(Before { crashed, kept, unreadable: None })
}

/// What is to be known, in the file's words.
const fn word(past: Past) -> &'static str {
    match past {
        Past::Active => "active",
        Past::GaveWay => "gave-way",
        Past::Clear | Past::Unknown => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::unbounded_channel;

    /// A directory that is not there yet, and the wishes' file in it.
    fn place(name: &str) -> (PathBuf, PathBuf) {
        let directory = std::env::temp_dir().join(format!("holdover-last-run-{name}-{}", std::process::id()));
        let wishes = directory.join("state").join("wishes");
        (directory, wishes)
    }

    fn started(wishes: &Path) -> (LastRun, Before) {
        let (mut run, before) = LastRun::read(wishes);
        run.start(unbounded_channel().0).unwrap();
        run.configured(|_| true);
        (run, before)
    }

    fn pair(name: &str, past: Past) -> (String, Past) {
        (name.to_owned(), past)
    }

    #[test]
    fn a_crash_leaves_what_was_said_last_and_a_good_end_what_had_given_way() {
        let (directory, wishes) = place("crash");
        let (mut run, before) = started(&wishes);
        assert_eq!(before, Before::default(), "the first start");
        run.write();
        run.keep("web".to_owned(), Past::Active);
        run.keep("dns".to_owned(), Past::Active);
        run.write();
        run.keep("dns".to_owned(), Past::GaveWay);
        run.write();
        run.end(false);
        let kept = vec![pair("dns", Past::GaveWay), pair("web", Past::Active)];
        let (mut run, before) = started(&wishes);
        assert_eq!(before, Before { crashed: true, kept, unreadable: None });
        run.keep("dns".to_owned(), Past::GaveWay);
        run.keep("web".to_owned(), Past::Active);
        run.keep("web".to_owned(), Past::Clear);
        run.end(true);
        let (mut run, before) = started(&wishes);
        let kept = vec![pair("dns", Past::GaveWay)];
        assert_eq!(before, Before { crashed: false, kept, unreadable: None });
        // Nothing is left to be known: there is no file.
        run.keep("dns".to_owned(), Past::Clear);
        run.write();
        run.end(true);
        assert!(!run.path().exists());
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn before_there_is_a_configuration_the_file_stays_the_last_runs() {
        let (directory, wishes) = place("early");
        let (mut run, _) = started(&wishes);
        run.keep("web".to_owned(), Past::Active);
        run.write();
        run.end(false);
        for in_order in [false, true] {
            let (mut run, before) = LastRun::read(&wishes);
            run.start(unbounded_channel().0).unwrap();
            run.write();
            run.end(in_order);
            assert_eq!(before.kept, [pair("web", Past::Active)]);
        }
        // What is not told anew of a service is what was read; one that is gone is forgotten.
        let (mut run, _) = started(&wishes);
        run.write();
        run.end(false);
        let (mut run, before) = started(&wishes);
        assert_eq!(before.kept, [pair("web", Past::Active)]);
        run.configured(|_| false);
        run.write();
        run.end(false);
        assert!(LastRun::read(&wishes).1.kept.is_empty());
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_file_that_is_not_whole_is_read_as_not_known() {
        let (directory, wishes) = place("damaged");
        let (mut run, _) = started(&wishes);
        run.keep("web".to_owned(), Past::Active);
        run.keep("dns".to_owned(), Past::GaveWay);
        run.write();
        run.end(false);
        let path = run.path().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let unknown = [pair("", Past::Unknown)];
        for length in 0..text.len() {
            fs::write(&path, &text[..length]).unwrap();
            assert_eq!(LastRun::read(&wishes).1.kept, unknown, "{length}");
        }
        for (from, to) in
            [("active", "activ"), ("web active", "web"), ("end\n", "end\nend\n"), ("run", "ran")]
        {
            fs::write(&path, text.replacen(from, to, 2)).unwrap();
            assert_eq!(LastRun::read(&wishes).1.kept, unknown, "{from} {to}");
        }
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(LastRun::read(&wishes).1.unreadable.is_some());
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_write_that_fails_is_told() {
        let (directory, wishes) = place("fails");
        fs::create_dir_all(&directory).unwrap();
        // A file stands where the directory is to be.
        fs::write(directory.join("state"), "").unwrap();
        let (mut run, _) = LastRun::read(&wishes);
        let (sender, mut told) = unbounded_channel();
        run.start(sender).unwrap();
        run.configured(|_| true);
        run.keep("web".to_owned(), Past::Active);
        run.write();
        run.end(false);
        assert!(matches!(told.try_recv(), Ok(ToManager::LastRunWritten(Err(_)))));
        let warning = Some(Level::Warning);
        let news = [true, true, false, true].map(|failed| run.news(failed));
        assert_eq!(news, [warning, None, None, warning], "said once, until it was written again");
        run.keep("web".to_owned(), Past::Clear);
        run.news(false);
        assert_eq!(run.news(true), Some(Level::Info));
        run.keep("web".to_owned(), Past::Active);
        assert_eq!(run.news(true), warning, "now it matters");
        fs::remove_dir_all(directory).unwrap();
    }
}
