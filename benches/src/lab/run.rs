//! The run: every job in its network, every repetition written down.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use holdover_tests::harness::lab::{self, is_over};
use holdover_tests::harness::topology::NODES;
use holdover_tests::harness::{Lab, Result, anyhow};

use super::daemon::Daemon;
use super::machine::{BUSY, Ticks};
use super::options::Options;
use super::passage::{Passage, Span, passage};
use super::plan::{Fault, Job, jobs};
use super::record::{Book, Failure, Line, Repetition, Start, repetitions};
use super::world::World;

/// No network of the lab lives longer than this.
const LONGEST: Duration = Duration::from_hours(6);
/// Before the fault: what was sent then counts as lost too, if it is not answered.
const BEFORE: Duration = Duration::from_millis(100);
/// After a move: what is lost then is lost because of it.
const AFTER: f64 = 0.3;
/// How long the primary stays away after a move, in seconds: longer than the route servers refuse it (1 to 2 s) where the
/// way back is looked at.
const AWAY: f64 = 3.0;
/// The same where it is not.
const SHORTLY_AWAY: f64 = 0.5;
/// How long sessions are up before a fault that ends them and not the daemon, in seconds.
const LASTS: f64 = 10.5;
/// How long nothing must move where nothing should, in seconds.
const STAYS: f64 = 2.0;
/// How long the CPU is watched, in seconds.
const WATCHED: f64 = 10.0;
/// How long it is looked at what else the machine does, in seconds.
const LOOKED_AT: f64 = 0.5;
/// How often.
const LOOKS: usize = 4;
/// How often a fault is tried that could not be measured, or was disturbed, before the lab gives it up.
const TRIES: usize = 3;
/// So long a fault of another daemon is measured, if it was measured often enough.
const LONG: Duration = Duration::from_mins(2);
/// Often enough for a daemon that takes long.
const ENOUGH: usize = 5;
/// An address that is taken away is put back three times a minute and no more: then a fresh network is due.
const PUT_BACK: usize = 3;

/// Measures everything that `options` ask for.
pub fn run(options: &Options, book: &mut Book) -> Result<()> {
    let mut queue: VecDeque<Todo> = jobs(&options.daemons, &options.faults)
        .into_iter()
        .map(|job| Todo::of(job, options, book))
        .filter(|todo| todo.left > 0)
        .collect();
    let mut networks = 0;
    while let Some(first) = queue.front() {
        let job = first.job;
        networks += 1;
        book.add(Line::Busy(busy()?))?;
        let case = format!("{}-{}", job.daemon.name(), job.setup);
        let lab = Lab::new(&case, LONGEST)?;
        let mut session = Session { lab: &lab, options, book: &mut *book, was_up: false };
        let outcome = session.network(&mut queue);
        let was_up = session.was_up;
        drop(lab);
        let keep = |keep: &PathBuf| keep.join(format!("{networks:03}-{case}"));
        lab::clean(&case, options.keep.as_ref().map(keep).as_deref());
        if let Err(why) = outcome {
            if is_over() {
                return Err(anyhow!("interrupted"));
            }
            given_up(&mut queue, job, was_up, &format!("{why:#}"), book)?;
        }
    }
    Ok(())
}

/// How much of the processors other things take. The kernel may still be removing the network before: the least of a few
/// looks counts.
fn busy() -> Result<f64> {
    let lab = Lab::new("busy", LONGEST)?;
    let mut least = 1.0_f64;
    for _ in 0..LOOKS {
        let before = Ticks::now()?;
        lab.steadily("what others do", LOOKED_AT, || Ok(()))?;
        least = least.min(Ticks::now()?.share(before));
        if least < BUSY / 2.0 {
            break;
        }
    }
    lab::clean("busy", None);
    Ok(least)
}

/// A job and what is left of it.
struct Todo {
    job: Job,
    left: usize,
    number: usize,
    tries: usize,
    /// How long its repetitions have taken.
    spent: Duration,
}

impl Todo {
    /// What is left of a job after what an earlier run did.
    fn of(job: Job, options: &Options, book: &Book) -> Self {
        let done = repetitions(&book.lines, job).filter(|it| !it.disturbed);
        let number = done.clone().count();
        let wanted =
            if done.clone().any(|it| is_endless(job, it)) { 0 } else { job.repetitions(options.repetitions) };
        Self { job, left: wanted.saturating_sub(number), number, tries: 0, spent: Duration::ZERO }
    }
}

/// After something failed in a network: the same again in a fresh one, or, after some tries, it is written down as not
/// measured; if the network never came up, so is all that needs it.
fn given_up(queue: &mut VecDeque<Todo>, job: Job, was_up: bool, why: &str, book: &mut Book) -> Result<()> {
    let same = |todo: &Todo| (todo.job.daemon, todo.job.setup) == (job.daemon, job.setup);
    let Some(first) = queue.front_mut().filter(|todo| same(todo)) else { return Ok(()) };
    first.tries += 1;
    println!("  {}: {why}", if was_up { first.job.fault.id() } else { "does not come up" });
    if first.tries < TRIES {
        return Ok(());
    }
    while let Some(Todo { job: Job { daemon, setup, fault }, .. }) = queue.pop_front_if(|todo| same(todo)) {
        let daemon = daemon.name().to_owned();
        book.add(Line::Failure(Failure { daemon, setup, fault, why: why.to_owned() }))?;
        if was_up {
            break;
        }
    }
    Ok(())
}

/// One network, and what is done in it.
struct Session<'a> {
    lab: &'a Lab,
    options: &'a Options,
    book: &'a mut Book,
    /// The network came up.
    was_up: bool,
}

impl Session<'_> {
    /// Works off the jobs at the head of the queue that belong into one network; returns when the next job needs
    /// another one.
    fn network(&mut self, queue: &mut VecDeque<Todo>) -> Result<()> {
        let Some(Job { daemon, setup, .. }) = queue.front().map(|todo| todo.job) else { return Ok(()) };
        println!("{} {setup} ({} to do)", daemon.title(), queue.iter().map(|todo| todo.left).sum::<usize>());
        let mut world = World::up(self.lab, daemon, setup)?;
        self.was_up = true;
        let (begun, first) = world.first_start;
        let all_servers = world.announced_to_all(begun)?.map(|all| milliseconds(all - begun));
        let first_answer = milliseconds(first - begun);
        println!("  start: first answer after {first_answer:.1} ms");
        self.book.add(Line::Start(Start {
            daemon: daemon.name().to_owned(),
            setup,
            first_answer,
            all_servers,
        }))?;
        let mut put_back = 0;
        while let Some(todo) =
            queue.front_mut().filter(|todo| (todo.job.daemon, todo.job.setup) == (daemon, setup))
        {
            if todo.left == 0 {
                queue.pop_front();
                continue;
            }
            if setup.binds && todo.job.fault == Fault::AddressRemoved {
                put_back += 1;
                if put_back > PUT_BACK {
                    return Ok(());
                }
            }
            let begun = Instant::now();
            let repetition = self.repetition(&mut world, todo)?;
            todo.spent += begun.elapsed();
            let endless = is_endless(todo.job, &repetition);
            println!("  {}", told(&repetition));
            if repetition.disturbed && todo.tries < TRIES {
                todo.tries += 1;
            } else {
                todo.left -= 1;
                todo.number += 1;
                todo.tries = 0;
            }
            if daemon != Daemon::Holdover && todo.number >= ENOUGH && todo.spent > LONG {
                todo.left = 0;
            }
            self.book.add(Line::Repetition(repetition))?;
            if endless {
                // The network is not what it was.
                queue.pop_front();
                return Ok(());
            }
        }
        Ok(())
    }

    fn repetition(&mut self, world: &mut World<'_>, todo: &Todo) -> Result<Repetition> {
        let Job { daemon, setup, fault } = todo.job;
        world.settled()?;
        // Not always at the same moment of the timers' periods, where a timer decides.
        let waits = matches!(fault, Fault::Loss | Fault::Freeze | Fault::ServiceDies);
        let period = if waits { random() } else { 0.0 };
        // A session that ends soon after it came up is dialed with growing pauses: each loss is to be the only one.
        let lasts = if matches!(fault, Fault::Loss | Fault::Freeze) { LASTS } else { 0.2 };
        world.probe.stays_with(self.lab, NODES[0], lasts + period)?;
        let mut repetition = Repetition {
            daemon: daemon.name().to_owned(),
            setup,
            fault,
            number: todo.number + 1,
            moved: None,
            outage: None,
            old_answers: true,
            lost: 0,
            silence: 0.0,
            pause: 0.0,
            disturbed: false,
            noticed: None,
            share: None,
            limit: self.options.limit * 1e3,
            back: None,
            back_lost: None,
            all_servers: None,
            cpu: None,
        };
        if fault == Fault::Idle {
            repetition.cpu = Some(self.cpu(world)?);
            return Ok(repetition);
        }
        let at = world.inject(fault)?;
        let limit = if stays(todo.job) { STAYS } else { self.options.limit };
        let moved = world.probe.answered_by(self.lab, NODES[1], at, limit).ok();
        let seen = self.seen(world, at, moved, NODES[0], NODES[1])?;
        repetition.moved = seen.first.map(|first| milliseconds(first - at));
        repetition.outage = seen.outage.map(milliseconds);
        repetition.old_answers = seen.old_answers;
        repetition.lost = seen.lost;
        repetition.silence = milliseconds(seen.silence);
        repetition.pause = milliseconds(seen.pause);
        // A silence is short whatever the time it was looked for.
        let took = if stays(todo.job) { at } else { seen.first.unwrap_or_else(Instant::now) };
        repetition.disturbed = seen.is_disturbed(took - at);
        if let (Some(noticed), Some(first)) = (world.noticed(at)?, seen.first) {
            repetition.noticed = Some(milliseconds(noticed - at));
            repetition.share = Some(milliseconds(first.saturating_duration_since(noticed)));
        }
        if seen.first.is_some() {
            self.back(world, fault, &mut repetition)?;
        } else if stays(todo.job) {
            world.repair(fault)?;
        }
        Ok(repetition)
    }

    /// The repair, and what the client saw of the way back.
    fn back(&mut self, world: &mut World<'_>, fault: Fault, repetition: &mut Repetition) -> Result<()> {
        let is_looked_at = matches!(fault, Fault::Term | Fault::Loss);
        let seconds = if is_looked_at { AWAY } else { SHORTLY_AWAY };
        self.lab.steadily("the primary is away", seconds, || Ok(()))?;
        let at = world.repair(fault)?;
        let first = world.probe.answered_by(self.lab, NODES[0], at, self.options.limit.max(90.0))?;
        let seen = self.seen(world, at, Some(first), NODES[1], NODES[0])?;
        repetition.back = seen.first.map(|first| milliseconds(first - at));
        repetition.back_lost = Some(seen.lost);
        if matches!(fault, Fault::Term | Fault::Kill | Fault::KillAll) {
            world.settled()?;
            repetition.all_servers = world.announced_to_all(at)?.map(|all| milliseconds(all - at));
        }
        Ok(())
    }

    /// What the client saw from `at` to a while after `moved`, or until now.
    fn seen(
        &self,
        world: &World<'_>,
        at: Instant,
        moved: Option<Instant>,
        old: &str,
        new: &str,
    ) -> Result<Passage> {
        let begin = at.checked_sub(BEFORE).unwrap_or(at);
        let end = moved.map_or_else(Instant::now, |moved| moved + Duration::from_secs_f64(AFTER));
        // Returns when the answers of the last probe would be late.
        world.probe.report(self.lab, begin, end)?;
        let (sent, answers) = (world.probe.sent(begin, end), world.probe.answers(begin));
        Ok(passage(&Span { at, end, sent: &sent, answers: &answers }, old, new))
    }

    fn cpu(&self, world: &World<'_>) -> Result<f64> {
        let (before, at) = (world.cpu()?, Instant::now());
        self.lab.steadily("nothing happens", WATCHED, || Ok(()))?;
        let (after, took) = (world.cpu()?, at.elapsed());
        Ok(milliseconds(after.saturating_sub(before)) / took.as_secs_f64())
    }
}

/// Nothing should move: the daemon puts the address back.
fn stays(job: Job) -> bool {
    job.fault == Fault::AddressRemoved && job.setup.binds
}

/// It did not end within the limit: once is enough to wait for that.
fn is_endless(job: Job, repetition: &Repetition) -> bool {
    repetition.moved.is_none() && !stays(job) && job.fault != Fault::Idle
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// A figure from 0 to 1 that nobody's timer knows.
fn random() -> f64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    f64::from(now.subsec_micros() % 1000) / 1e3
}

/// A repetition in one line of the terminal.
fn told(repetition: &Repetition) -> String {
    let Repetition { fault, number, moved, outage, lost, silence, share, back, cpu, disturbed, .. } =
        repetition;
    let figure = |name: &str, value: Option<f64>| {
        value.map_or(String::new(), |value| format!(", {name} {value:.1} ms"))
    };
    let moved = match (moved, cpu) {
        (_, Some(cpu)) => format!("{cpu:.2} ms/s"),
        (Some(moved), None) => format!("moved after {moved:.1} ms"),
        (None, None) => "did not move".to_owned(),
    };
    format!(
        "{} {number}: {moved}{}{}{}, {lost} lost, silence {silence:.1} ms{}",
        fault.id(),
        figure("outage", *outage),
        figure("share", *share),
        figure("back", *back),
        if *disturbed { ", disturbed" } else { "" }
    )
}
