//! What the console answers: the core's tables, and the board's own words.

use core::fmt;
use core::net::IpAddr;

use embedded_io::Write;
use holdover_core::base::time::Instant;
use holdover_core::console::command::{self, Misread, Show};
use holdover_core::console::show;
use holdover_core::engine::view::{PeerView, ServiceView};
use holdover_core::engine::{CommandResult, Wish};

use crate::appliance::{Appliance, Core, PEERS, SERVICES, Settings};
use crate::board::{clock, lan9118, memory};

/// Words that the core does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// Whether the echo service is on.
    EchoAsked,
    /// Switches the echo service.
    Echo(bool),
    /// The board, a key and a value in each line.
    Board,
    /// What became of frames, likewise.
    Counters,
    /// How busy the processor is.
    Load,
    /// How much memory is used.
    Memory,
    /// Why the image last ended by itself.
    LastPanic,
    /// Begins the next boot.
    Reboot,
    /// Panics, to see what becomes of it.
    TestPanic,
    /// Executes what is no instruction, likewise.
    TestFault,
    /// Stands still for ever, likewise.
    TestHang,
}

const WORDS: &[(&str, Word, &str)] = &[
    ("echo", Word::EchoAsked, "whether the UDP echo service is on"),
    ("echo on", Word::Echo(true), "switches the UDP echo service on"),
    ("echo off", Word::Echo(false), "switches it off: `check NAME process unit echo` fails"),
    ("show board", Word::Board, "uptime, boots, memory, the last panic"),
    ("show counters", Word::Counters, "what became of frames"),
    ("load", Word::Load, "how busy the processor is, since the start and since this was asked"),
    ("memory", Word::Memory, "how much memory is used"),
    ("last-panic", Word::LastPanic, "why it last ended by itself"),
    ("reboot", Word::Reboot, "resets the board"),
    ("test-panic", Word::TestPanic, "panics: it is recorded and the board resets"),
    ("test-fault", Word::TestFault, "faults, likewise"),
    ("test-hang", Word::TestHang, "stands still, until the watchdog ends it"),
];

impl Word {
    /// The word that a line is, written in full.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let same = |row: &&(&str, Self, &str)| row.0.split(' ').eq(line.split_ascii_whitespace());
        WORDS.iter().find(same).map(|row| row.1)
    }
}

/// Tells what can complete the last word of `line`, or follow it.
pub(crate) fn completions(line: &str, sink: &mut dyn FnMut(&'static str)) {
    let before = line.rfind(' ').map_or(0, |at| at + 1);
    for (word, ..) in WORDS {
        if word.starts_with(line) && word.len() > line.len() {
            sink(word.get(before..).unwrap_or_default().split(' ').next().unwrap_or_default());
        }
    }
}

/// What is to be answered. Times are those of the question: a table that leaves in pieces is one table.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    /// Something of the engine.
    Show(Show, Instant),
    /// What can stand here.
    Help,
    /// A wish, and what became of it.
    Wished(Wish, CommandResult),
    /// The line is not understood.
    Misread(Misread),
    /// Whether the echo service is on.
    Echo(bool),
    /// The board.
    Board { now: Instant, stack: usize },
    /// What became of frames.
    Counters,
    /// In hundredths of a percent, since the start and since it was asked last.
    Load(u64, u64),
    /// The most octets of stack that were in use.
    Memory(usize),
    /// Why it last ended by itself.
    LastPanic,
}

/// The answer to a word of ours.
pub(crate) fn of_word(word: Word, appliance: &mut Appliance) -> Answer {
    match word {
        Word::EchoAsked | Word::Echo(_) => Answer::Echo(appliance.echo.is_on()),
        Word::Board => Answer::Board { now: clock::now(), stack: memory::stack_peak() },
        Word::Counters => Answer::Counters,
        Word::Load => {
            let (start, last) = appliance.load.ask();
            Answer::Load(start, last)
        }
        Word::Memory => Answer::Memory(memory::stack_peak()),
        Word::LastPanic | Word::Reboot | Word::TestPanic | Word::TestFault | Word::TestHang => {
            Answer::LastPanic
        }
    }
}

/// Writes an answer, from its beginning.
pub(crate) fn render<W: Write + ?Sized>(
    out: &mut W,
    answer: &Answer,
    line: &str,
    appliance: &mut Appliance,
) -> Result<(), W::Error> {
    match *answer {
        Answer::Show(what, now) => show_engine(out, what, now, appliance),
        Answer::Help => help(out, line, appliance.engine),
        Answer::Wished(wish, result) => put(out, format_args!("{}\n", sentence(wish, result))),
        Answer::Misread(misread) => put(out, format_args!("{misread}\n")),
        Answer::Echo(on) => put(out, format_args!("echo is {}\n", if on { "on" } else { "off" })),
        Answer::Board { now, stack } => board(out, now, stack, appliance),
        Answer::Counters => counters(out, appliance),
        Answer::Load(start, last) => {
            let (start, last) = (Share(start), Share(last));
            put(out, format_args!("busy {start} since the start, {last} since this was asked last\n"))
        }
        Answer::Memory(stack) => put(
            out,
            format_args!(
                "statics {}, stack at most {stack} of {}, engine {}, configuration {}\n",
                memory::statics(),
                memory::stack_room(),
                size_of::<Core>(),
                size_of::<Settings>(),
            ),
        ),
        Answer::LastPanic => put(out, format_args!("{}\n", appliance.kept)),
    }
}

/// Writes formatted text. Only the sink can fail.
fn put<W: Write + ?Sized>(out: &mut W, text: fmt::Arguments<'_>) -> Result<(), W::Error> {
    match out.write_fmt(text) {
        Ok(()) | Err(embedded_io::WriteFmtError::FmtError) => Ok(()),
        Err(embedded_io::WriteFmtError::Other(error)) => Err(error),
    }
}

/// Hundredths of a percent, to be read.
struct Share(u64);

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02} %", self.0 / 100, self.0 % 100)
    }
}

/// What the core shows of the engine.
#[inline(never)] // One answer must not be on the stack while another is written; so it is with those below.
fn show_engine<W: Write + ?Sized>(
    out: &mut W,
    what: Show,
    now: Instant,
    appliance: &Appliance,
) -> Result<(), W::Error> {
    let engine: &Core = appliance.engine;
    let summary = engine.summary();
    match what {
        Show::Summary => show::summary(out, now, &summary, peers(engine), services(engine)),
        Show::Neighbors => show::neighbors(out, now, summary.local_as, peers(engine)),
        Show::Neighbor(address) => neighbor(out, now, address, engine),
        Show::Bfd => show::bfd(out, now, &summary, peers(engine)),
        Show::Services => {
            show::services(out, now, services(engine))?;
            let checks = (0..engine.config().view().checks.len()).filter_map(|index| engine.check(index));
            show::checks(out, now, checks)
        }
        Show::Routes => {
            let route = |from| engine.route(from);
            let routes = core::iter::successors(route(0), |(place, _)| route(place + 1));
            let named =
                routes.map(|(_, view)| (view, view.link.map_or("", |link| appliance.net.link_name(link))));
            show::routes(out, named)
        }
        Show::Steer => {
            let steered = |from| engine.steered(from);
            let prefixes = core::iter::successors(steered(0), |(place, _)| steered(place + 1));
            show::steered(out, prefixes.map(|(_, view)| view))
        }
        Show::RunningConfig => show::running_config(out, engine.config().view()),
    }
}

#[inline(never)]
fn neighbor<W: Write + ?Sized>(
    out: &mut W,
    now: Instant,
    address: IpAddr,
    engine: &Core,
) -> Result<(), W::Error> {
    match peers(engine).find(|peer| peer.address == address) {
        Some(peer) => show::neighbor(out, now, engine.summary().local_as, &peer),
        None => put(out, format_args!("there is no neighbor {address}\n")),
    }
}

fn peers(engine: &Core) -> impl Iterator<Item = PeerView<'_>> + Clone {
    (0..PEERS).filter_map(|index| engine.peer(index))
}

fn services(engine: &Core) -> impl Iterator<Item = ServiceView<'_>> + Clone {
    (0..SERVICES).filter_map(|index| engine.service(index))
}

/// What can stand at the end of the line: the core's words, then the board's.
#[inline(never)]
fn help<W: Write + ?Sized>(out: &mut W, line: &str, engine: &Core) -> Result<(), W::Error> {
    command::help(out, engine.config().view(), line)?;
    for (word, _, help) in WORDS.iter().filter(|(word, ..)| word.starts_with(line.trim_ascii_start())) {
        put(out, format_args!("{word:<14}  {help}\n"))?;
    }
    Ok(())
}

/// What became of a wish.
const fn sentence(wish: Wish, result: CommandResult) -> &'static str {
    match (result, wish) {
        (CommandResult::NoSuchService, _) => "there is no such service; `show services` lists them",
        (CommandResult::Stopping, _) => "the appliance is stopping",
        (CommandResult::NoStandby, _) => {
            "it cannot stand by: its block has no `standby route-map NAME`; `drain` withdraws it"
        }
        (CommandResult::Unchanged, _) => "it was so already",
        (_, Wish::None) => "takes part again",
        (_, Wish::Drain) => "draining",
        (_, Wish::Promote) => "promoted; it is active as long as it is healthy",
        (_, Wish::Demote) => "demoted; it stands by",
        (_, Wish::Force) => "forced; it is active whatever its checks say",
    }
}

/// `show board`: for people and for tests, a key and a value in each line.
#[inline(never)]
fn board<W: Write + ?Sized>(
    out: &mut W,
    now: Instant,
    stack: usize,
    appliance: &mut Appliance,
) -> Result<(), W::Error> {
    put(out, format_args!("uptime-ms {}\n", now.as_micros() / 1_000))?;
    put(out, format_args!("boots {}\n", appliance.kept.boots))?;
    put(out, format_args!("last-panic {}\n", appliance.kept))?;
    match appliance.first_session {
        Some(at) => put(out, format_args!("first-session-ms {}\n", at.as_micros() / 1_000))?,
        None => put(out, format_args!("first-session-ms never\n"))?,
    }
    put(out, format_args!("static-octets {}\n", memory::statics()))?;
    put(out, format_args!("stack-peak-octets {stack}\n"))?;
    put(out, format_args!("stack-room-octets {}\n", memory::stack_room()))?;
    put(out, format_args!("link {}\n", if lan9118::link() { "up" } else { "down" }))?;
    let [a, b, c, d, e, f] = appliance.net.port().device.mac();
    put(out, format_args!("mac {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}\n"))
}

/// `show counters`, likewise.
fn counters<W: Write + ?Sized>(out: &mut W, appliance: &mut Appliance) -> Result<(), W::Error> {
    let chip = appliance.net.port().device.counters();
    let rows = [
        ("frames-received", chip.received),
        ("frames-broken", chip.broken),
        ("frames-misfit", chip.misfits),
        ("frames-overrun", chip.overrun),
        ("frames-sent", chip.sent),
        ("frames-unsent", chip.unsent),
    ];
    rows.iter().try_for_each(|(key, value)| put(out, format_args!("{key} {value}\n")))
}
