//! Helpers: threads that wait for a disk, a name server or the start of a program, so that the thread of checks never does.
//!
//! They are started when they are first needed and stay. One that cannot be started is a reason that the check tells, and
//! never the end of anything else. Work of one name is under way once at a time: a path on a server that does not answer holds
//! up one helper, however often it is asked for.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use holdover_core::engine::ProbeFailure;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::failure::Failure;

/// A helper's stack: a name service may load what it likes there. Only what is used of it becomes memory.
const STACK: usize = 256 << 10;

type Job = Box<dyn FnOnce() + Send>;

/// Some helpers.
pub(super) struct Helpers {
    /// What they wait for, in words.
    what: &'static str,
    most: usize,
    started: Cell<usize>,
    /// Jobs that were given and are not done.
    jobs: Arc<AtomicUsize>,
    give: Sender<Job>,
    take: Arc<Mutex<Receiver<Job>>>,
}

impl fmt::Debug for Helpers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Helpers").field("what", &self.what).finish_non_exhaustive()
    }
}

impl Helpers {
    /// At most so many, for this; none is started yet.
    pub(super) fn new(what: &'static str, most: usize) -> Rc<Self> {
        let (give, take) = channel();
        let (started, jobs) = (Cell::new(0), Arc::default());
        Rc::new(Self { what, most, started, jobs, give, take: Arc::new(Mutex::new(take)) })
    }

    /// Gives a job to the next helper that is free. Errors: there is no helper, and no thread to be had for one.
    pub(super) fn give(&self, job: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
        let waiting = self.jobs.fetch_add(1, Ordering::Relaxed);
        if waiting >= self.started.get()
            && self.started.get() < self.most
            && let Err(error) = self.start()
            // With one helper at work the job has somebody to wait for.
            && self.started.get() == 0
        {
            self.jobs.fetch_sub(1, Ordering::Relaxed);
            let detail = format!("no thread is to be had for a helper: {error}");
            return Err(Failure::ours(ProbeFailure::NotStarted, detail));
        }
        // The other end is ours too.
        let _ = self.give.send(Box::new(job));
        Ok(())
    }

    fn start(&self) -> io::Result<()> {
        let (take, jobs) = (Arc::clone(&self.take), Arc::clone(&self.jobs));
        let body = move || {
            loop {
                let next = take.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok(job) = next else { return };
                job();
                jobs.fetch_sub(1, Ordering::Relaxed);
            }
        };
        thread::Builder::new().name("check-helper".to_owned()).stack_size(STACK).spawn(body)?;
        self.started.set(self.started.get() + 1);
        Ok(())
    }

    /// No helper was free in time.
    pub(super) fn busy(&self) -> Failure {
        let (started, what) = (self.started.get(), self.what);
        Failure::ours(ProbeFailure::NotStarted, format!("all {started} helpers wait for {what} already"))
    }
}

/// How far a piece of work is.
#[derive(Clone, Debug)]
enum Stage<T> {
    Waiting,
    Begun,
    Done(T),
}

/// Where work of one kind is asked for.
#[derive(Debug)]
pub(super) struct Desk<T> {
    helpers: Rc<Helpers>,
    under_way: RefCell<HashMap<String, watch::Receiver<Stage<T>>>>,
}

impl<T: Clone + Send + Sync + 'static> Desk<T> {
    /// One whose work these helpers do.
    pub(super) fn new(helpers: Rc<Helpers>) -> Self {
        Self { helpers, under_way: RefCell::default() }
    }

    /// Has the work of this name done, or waits for it where it is under way. Errors: no answer in time, or no helper.
    pub(super) async fn ask(
        &self,
        name: &str,
        until: Instant,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let mut answer = self.join(name, work)?;
        let is_done = answer.wait_for(|stage| matches!(stage, Stage::Done(_)));
        if let Ok(Err(_)) = timeout_at(until, is_done).await {
            // Its helper has ended without a word.
            return Err(Failure::plain(ProbeFailure::Other));
        }
        let stage = answer.borrow().clone();
        match stage {
            Stage::Done(value) => Ok(value),
            Stage::Begun => Err(Failure::plain(ProbeFailure::TimedOut)),
            Stage::Waiting => Err(self.helpers.busy()),
        }
    }

    fn join(
        &self,
        name: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<watch::Receiver<Stage<T>>, Failure> {
        let mut under_way = self.under_way.borrow_mut();
        let runs = |answer: &watch::Receiver<Stage<T>>| {
            answer.has_changed().is_ok() && !matches!(*answer.borrow(), Stage::Done(_))
        };
        if let Some(answer) = under_way.get(name).filter(|answer| runs(answer)) {
            return Ok(answer.clone());
        }
        under_way.retain(|_, answer| runs(answer));
        let (tell, answer) = watch::channel(Stage::Waiting);
        self.helpers.give(move || {
            tell.send_replace(Stage::Begun);
            tell.send_replace(Stage::Done(work()));
        })?;
        under_way.insert(name.to_owned(), answer.clone());
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::super::tests::block_on;
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(50)
    }

    fn patiently() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[test]
    fn what_does_not_answer_holds_up_one_helper_however_often_it_is_asked_for() {
        block_on(async {
            let desk: Desk<u32> = Desk::new(Helpers::new("a test", 2));
            let (go_on, gate) = mpsc::channel::<()>();
            let silent = move || {
                let _ = gate.recv();
                7
            };
            let failure = desk.ask("silent", soon(), silent).await.unwrap_err();
            assert!(failure.why == ProbeFailure::TimedOut && !failure.ours, "{failure:?}");
            for _ in 0..5 {
                let failure = desk.ask("silent", soon(), || 8).await.unwrap_err();
                assert_eq!(failure.why, ProbeFailure::TimedOut);
                assert_eq!(desk.ask("other", patiently(), || 1).await, Ok(1));
            }
            assert_eq!(desk.helpers.started.get(), 2);
            go_on.send(()).unwrap();
            // Whoever waits for it hears the answer of the work that was under way; later work is done anew.
            let answer = desk.ask("silent", patiently(), || 9).await;
            assert!(matches!(answer, Ok(7 | 9)), "{answer:?}");
            assert_eq!(desk.ask("silent", patiently(), || 10).await, Ok(10));
        });
    }

    #[test]
    fn work_that_found_no_helper_is_our_own_want() {
        block_on(async {
            let desk: Desk<u32> = Desk::new(Helpers::new("a test", 1));
            let (go_on, gate) = mpsc::channel::<()>();
            let silent = move || gate.recv().map_or(0, |()| 1);
            assert!(!desk.ask("silent", soon(), silent).await.unwrap_err().ours);
            let failure = desk.ask("late", soon(), || 1).await.unwrap_err();
            assert!(failure.ours && failure.detail.contains("all 1 helpers wait for a test"), "{failure:?}");
            drop(go_on);
            assert_eq!(desk.ask("late", patiently(), || 2).await.map(|_| ()), Ok(()));
        });
    }
}
