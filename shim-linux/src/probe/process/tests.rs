//! Pidfiles and control groups, and what becomes of them.

use std::cell::RefCell;
use std::process::{Child, Command};
use std::rc::Rc;
use std::time::Duration;

use super::super::helper::Helpers;
use super::super::tests::{Folder, block_on};
use super::*;

/// What was said; and it plays the engine thread: a pidfd that is readable is a death.
#[derive(Default)]
struct Heard {
    said: RefCell<Vec<String>>,
    watched: RefCell<Option<Watched>>,
    news: Notify,
}

impl Listener for Heard {
    fn watch(&self, watched: Watched) {
        self.hear("watch");
        *self.watched.borrow_mut() = Some(watched);
    }

    fn say(&self, outcome: Outcome) {
        self.hear(&outcome.map_or_else(|failure| failure.to_string(), |()| "pass".to_owned()));
    }

    fn polls(&self, _: &str) {
        self.hear("polls");
    }

    fn wants(&self, failure: Option<&Failure>) {
        self.hear(if failure.is_some() { "wants" } else { "wants no more" });
    }
}

impl Heard {
    fn hear(&self, text: &str) {
        self.said.borrow_mut().push(text.to_owned());
        self.news.notify_one();
    }

    /// Waits until the last that was said holds this text, for at most ten seconds.
    async fn until(&self, text: &str) {
        let is_said = async {
            while !self.said.borrow().last().is_some_and(|said| said.contains(text)) {
                self.news.notified().await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(10), is_said).await;
        assert!(waited.is_ok(), "no {text}: {:?}", self.said.borrow());
        self.said.borrow_mut().clear();
    }

    /// Makes sure that nothing is said in a while.
    async fn silence(&self) {
        let is_broken = async {
            while self.said.borrow().is_empty() {
                self.news.notified().await;
            }
        };
        let waited = tokio::time::timeout(CADENCE * 3, is_broken).await;
        assert!(waited.is_err(), "{:?}", self.said.borrow());
    }

    /// Whether the process that is watched has ended.
    fn has_ended(&self) -> bool {
        let watched = self.watched.borrow();
        let Some(Watched::Process(pidfd)) = &*watched else { return false };
        let mut list = [rustix::event::PollFd::new(pidfd, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut list, Some(&rustix::time::Timespec::default())).unwrap() > 0
    }
}

struct Sleeper(Child);

impl Sleeper {
    fn new() -> Self {
        Self(Command::new("sleep").arg("1000").spawn().unwrap())
    }

    fn text(&self) -> String {
        format!("{}\n", self.0.id())
    }

    fn end(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.end();
    }
}

fn desks() -> Desks {
    let helpers = Helpers::new("a test", 2);
    Desks { files: Desk::new(Rc::clone(&helpers)), users: Desk::new(helpers) }
}

/// Runs a story beside the watch of a pidfile.
fn with_pidfile(story: impl AsyncFnOnce(&str, &Heard, &FromEngine)) {
    let folder = Folder::new("process");
    let path = folder.path("run/service.pid");
    let (heard, engine) = (Heard::default(), FromEngine::default());
    let subject = Subject::Pidfile(path.clone().into());
    block_on(async {
        let desks = desks();
        tokio::select! {
            () = watch(&subject, "web up", &desks, &engine, &heard) => {}
            () = story(&path, &heard, &engine) => {}
        }
    });
}

/// What a watch does with a pidfile when it looks at it.
fn look<L: Listener>(watch: &mut Watch<'_, L>, path: &Path) -> Outcome {
    let (pid, stamp) = read(path)?;
    watch.pidfile(pid, stamp)
}

#[test]
fn a_pidfile_is_waited_for_and_its_process_followed() {
    with_pidfile(async |path, heard, died| {
        heard.until("not there").await;
        // Not even its directory was there.
        fs::create_dir(Path::new(path).parent().unwrap()).unwrap();
        let mut first = Sleeper::new();
        fs::write(path, first.text()).unwrap();
        heard.until("watch").await;
        heard.silence().await;
        first.end();
        assert!(heard.has_ended());
        died.died();
        heard.until("has ended").await;
        // A successor, first into the same file, then as a file of its own.
        let second = Sleeper::new();
        fs::write(path, second.text()).unwrap();
        heard.until("watch").await;
        let third = Sleeper::new();
        let beside = format!("{path}.new");
        fs::write(&beside, third.text()).unwrap();
        fs::rename(&beside, path).unwrap();
        heard.until("watch").await;
        assert!(!heard.has_ended());
    });
}

#[test]
fn a_pidfile_that_is_written_anew_in_steps_is_granted_a_moment() {
    with_pidfile(async |path, heard, _| {
        fs::create_dir(Path::new(path).parent().unwrap()).unwrap();
        let process = Sleeper::new();
        fs::write(path, process.text()).unwrap();
        heard.until("watch").await;
        fs::remove_file(path).unwrap();
        fs::write(path, process.text()).unwrap();
        heard.silence().await;
        // But it must name a process that lives.
        for (text, why) in
            [("garbage\n", "no number"), ("", "no number"), ("-1\n", "no number"), ("0", "no number")]
        {
            fs::write(path, text).unwrap();
            heard.until(why).await;
            fs::write(path, process.text()).unwrap();
            heard.until("watch").await;
        }
        fs::remove_file(path).unwrap();
        heard.until("No such file").await;
    });
}

#[test]
fn a_dead_process_and_a_thread_are_no_process() {
    with_pidfile(async |path, heard, _| {
        fs::create_dir(Path::new(path).parent().unwrap()).unwrap();
        let mut process = Sleeper::new();
        process.end();
        fs::write(path, process.text()).unwrap();
        heard.until("does not exist").await;
        let thread = rustix::thread::gettid();
        fs::write(path, format!("{}", thread.as_raw_nonzero())).unwrap();
        heard.until("is a thread").await;
    });
}

#[test]
fn a_number_that_was_given_to_another_process_is_not_believed() {
    with_pidfile(async |path, heard, died| {
        fs::create_dir(Path::new(path).parent().unwrap()).unwrap();
        let process = Sleeper::new();
        fs::write(path, process.text()).unwrap();
        heard.until("watch").await;
        // The engine thread saw a death; that the number exists says nothing.
        died.died();
        heard.until("has ended").await;
        heard.silence().await;
        fs::write(path, process.text()).unwrap();
        heard.until("watch").await;
    });
}

#[test]
fn without_pidfds_one_looks_every_100_ms() {
    let folder = Folder::new("process");
    let path = PathBuf::from(folder.path("pid"));
    let mut process = Sleeper::new();
    fs::write(&path, process.text()).unwrap();
    let (heard, subject) = (Heard::default(), Subject::Pidfile(path.clone()));
    let mut watch = Watch { polls: true, ..Watch::new(&subject, &heard) };
    look(&mut watch, &path).unwrap();
    look(&mut watch, &path).unwrap();
    assert!(watch.looks_again());
    assert_eq!(*heard.said.borrow(), ["pass"], "said once");
    process.end();
    for _ in 0..2 {
        let failure = look(&mut watch, &path).unwrap_err();
        assert_eq!(failure.why, ProbeFailure::Missing, "{failure}");
    }
    let successor = Sleeper::new();
    fs::write(&path, successor.text()).unwrap();
    look(&mut watch, &path).unwrap();
}

#[test]
fn a_group_that_does_not_tell_is_looked_into() {
    let folder = Folder::new("process");
    let hierarchy = Hierarchy { root: folder.path("").into(), tells: false };
    let group = PathBuf::from(folder.path("system.slice/web.service"));
    fs::create_dir_all(group.join("below")).unwrap();
    let (heard, subject) = (Heard::default(), Subject::Unit("web".to_owned(), String::new()));
    let mut watch = Watch::new(&subject, &heard);
    for (text, said) in [("", "is empty"), ("17\n", "pass"), ("", "is empty")] {
        fs::write(group.join("below/cgroup.procs"), text).unwrap();
        watch.group(&hierarchy, &group).unwrap();
        assert!(heard.said.borrow().last().unwrap().contains(said));
    }
    assert_eq!(heard.said.borrow().iter().filter(|said| *said == "polls").count(), 1);
}
