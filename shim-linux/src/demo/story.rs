//! What happens in the demo, and what is said about it.

use std::fmt::Write as _;
use std::io;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::ledger::{GRACE, Node};
use super::screen::{Live, Row, Screen, milliseconds, strip, thousands};
use super::speakers::{Daemon, Files, SERVICE};
use super::traffic::Client;
use super::world::{Host, SHARED, World};

/// How often the live line is rewritten and signals are looked at.
const TURN: Duration = Duration::from_millis(50);
/// What one character of the timeline stands for.
const CELL: Duration = Duration::from_millis(100);
/// As much of the timeline as the live line may show.
const SHOWN: Duration = Duration::from_secs(12);
/// As much of it as is shown from before a deed.
const BEFORE: u32 = 5;
/// Time to read what is about to be done.
const READ: Duration = Duration::from_secs(2);
/// For how long one node alone must have answered before a move counts.
const STEADY: Duration = Duration::from_secs(1);
/// How long a move may take: the hold time, three times.
const PATIENCE: Duration = Duration::from_secs(9);
/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(5);
/// The demo as a whole.
const ALL: Duration = Duration::from_secs(57);

/// Why the story was not told to its end.
#[derive(Debug)]
pub(super) enum End {
    /// This signal came.
    Signal(u8),
    /// Nobody reads our output any more.
    OutputClosed,
    /// Something did not work; the text is for the user.
    Failed(String),
}

impl From<io::Error> for End {
    /// Only errors of the output are passed on as they are.
    fn from(_: io::Error) -> Self {
        Self::OutputClosed
    }
}

/// What is done to the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Kill,
    Start,
    Drain,
    Undrain,
    Cut,
    Mend,
}

/// One move.
#[derive(Debug)]
struct Scene {
    deed: Deed,
    /// What is about to be done.
    title: &'static str,
    /// The same in two or three words.
    short: &'static str,
    /// Who should answer then.
    expected: Node,
    /// What Holdover does about it, as a sentence.
    answer: &'static str,
    /// The same for the table.
    brief: &'static str,
}

const SCENES: [Scene; 6] = [
    Scene {
        deed: Deed::Kill,
        title: "Kill the primary's daemon with SIGKILL: it has no time to say goodbye.",
        short: "daemon killed",
        expected: Node::Two,
        answer: "The router saw the connection close, dropped node1's route and took node2's.",
        brief: "took the other route when the session closed",
    },
    Scene {
        deed: Deed::Start,
        title: "Start the primary's daemon again.",
        short: "daemon started",
        expected: Node::One,
        answer: "node1 found its address still there, announced it, and was preferred again.",
        brief: "adopted its address, announced it",
    },
    Scene {
        deed: Deed::Drain,
        title: "Drain the primary, as before an upgrade: `holdover drain web`.",
        short: "primary drained",
        expected: Node::Two,
        answer: "node1 announced itself as the last choice, then not at all. It keeps the address.",
        brief: "stepped back, then withdrew",
    },
    Scene {
        deed: Deed::Undrain,
        title: "Give the primary its work back: `holdover undrain web`.",
        short: "primary undrained",
        expected: Node::One,
        answer: "node1 announced itself as the primary again.",
        brief: "announced it again",
    },
    Scene {
        deed: Deed::Cut,
        title: "Cut the primary's cable silently: frames vanish, both carriers stay up.",
        short: "cable cut silently",
        expected: Node::Two,
        answer: "Nothing was heard for the hold time of 3 s: the router dropped node1's route.",
        brief: "took the other route when the hold time of 3 s ran out",
    },
    Scene {
        deed: Deed::Mend,
        title: "Mend the cable.",
        short: "cable mended",
        expected: Node::One,
        answer: "node1 had kept knocking at the router, got in, and announced its address again.",
        brief: "had kept knocking, announced it again",
    },
];

/// Says what will be seen.
pub(super) fn introduce(screen: &mut Screen) -> Result<(), End> {
    if screen.give_up_live_line() {
        let columns = screen.columns();
        screen
            .say(&format!("(With {columns} columns there is no room for the live line; 60 are needed.)"))?;
    }
    screen.say_title("Holdover demo: one address, two machines")?;
    screen.say(&format!(
        "
Two machines share the address {SHARED}. Each announces it over BGP to the
provider's router, which prefers the primary. A client asks the address a
question every millisecond: watch who answers.

    client ------- router ------- switch ------- node1  primary
                                       `-------- node2  secondary

The router and both nodes run Holdover; each node has a small service that
answers with its name. All of it lives in private network namespaces: nothing of
this machine is touched, and nothing stays behind. Timers: keepalive 1 s, hold
3 s (Holdover's defaults are 3 s and 9 s; many guides leave 60 s and 180 s).
"
    ))?;
    Ok(())
}

/// The demo at work.
#[derive(Debug)]
pub(super) struct Story<'a> {
    screen: &'a mut Screen,
    files: &'a Files,
    signal: &'a AtomicUsize,
    world: World,
    client: Client,
    /// The daemons of [`Host::SPEAKERS`]; none: killed.
    daemons: [Option<Daemon>; 3],
    begun: Instant,
    rows: Vec<Row>,
}

impl<'a> Story<'a> {
    /// Starts the daemons and the client.
    pub(super) fn new(
        screen: &'a mut Screen,
        world: World,
        files: &'a Files,
        signal: &'a AtomicUsize,
    ) -> Result<Self, End> {
        let failed =
            |what: &str, error: io::Error| End::Failed(format!("{what} cannot be started: {error}."));
        let start = |host| Daemon::start(&world, files, host).map(Some);
        let daemons = [start(Host::Router), start(Host::Node(Node::One)), start(Host::Node(Node::Two))];
        let [router, one, two] = daemons.map(|daemon| daemon.map_err(|error| failed("A daemon", error)));
        let daemons = [router?, one?, two?];
        let client = Client::start(&world).map_err(|error| failed("The client", error))?;
        let begun = Instant::now();
        Ok(Self { screen, files, signal, world, client, daemons, begun, rows: Vec::new() })
    }

    /// Tells it, from the first answer to the summary.
    pub(super) fn tell(mut self) -> Result<(), End> {
        self.open()?;
        for (number, scene) in (1..).zip(&SCENES) {
            self.play(number, scene)?;
        }
        self.close()
    }

    /// Waits until both nodes are known to the router and the primary answers.
    fn open(&mut self) -> Result<(), End> {
        self.say("Three daemons and a client have been started.")?;
        self.wait_for(Node::One, "at the start")?;
        let deadline = Instant::now() + PATIENCE;
        while !self.both_established()? {
            if Instant::now() > deadline {
                return Err(self.failed("The router has no session with both nodes.", &Host::SPEAKERS));
            }
            self.turn()?;
        }
        self.show_strip(self.client.now().saturating_sub(2 * STEADY), None)?;
        self.screen.say("      One character is a tenth of a second: 1 = node1 answered, 2 = node2 did,")?;
        self.screen.say("      . = nobody did, ! = some probes were lost; | = the deed.")?;
        self.say("node1 answers: it is the primary. node2 is announced too, and stands by.")
    }

    fn play(&mut self, number: usize, scene: &'static Scene) -> Result<(), End> {
        self.screen.say("")?;
        self.screen.say_title(&format!("[{number}/{}] {}", SCENES.len(), scene.title))?;
        self.pause(READ)?;
        let now = self.client.now();
        let begin = now.saturating_sub(CELL * BEFORE);
        let first = self.client.ledger().sent_before(now);
        let fault = self.client.now();
        self.perform(scene.deed)?;
        self.wait_for(scene.expected, scene.short)?;
        let window = first..self.client.ledger().sent_before(self.client.now().saturating_sub(GRACE));
        let account = self.client.ledger().account(window, fault, scene.expected);
        self.show_strip(begin, Some(BEFORE))?;
        let within = account.moved_in.map_or_else(|| "never".to_owned(), milliseconds);
        self.screen.say(&format!(
            "      {} answers, {within} later. Lost: {}, outage: {}.",
            scene.expected.name(),
            count(account.lost, "probe"),
            milliseconds(account.outage),
        ))?;
        self.screen.say_wrapped("      ", scene.answer)?;
        self.rows.push(Row { fault: scene.short, moved_to: scene.expected, account, answer: scene.brief });
        Ok(())
    }

    fn perform(&mut self, deed: Deed) -> Result<(), End> {
        let primary = Host::Node(Node::One);
        let failed = |error: io::Error| End::Failed(format!("{deed:?} was not possible: {error}."));
        match deed {
            Deed::Kill => self.daemons[1] = None,
            Deed::Start => {
                let daemon = Daemon::start(&self.world, self.files, primary).map_err(failed)?;
                self.daemons[1] = Some(daemon);
            }
            Deed::Drain => self.command(primary, &["drain", SERVICE]).map(drop)?,
            Deed::Undrain => self.command(primary, &["undrain", SERVICE]).map(drop)?,
            Deed::Cut => self.world.set_cable(Node::One, false).map_err(failed)?,
            Deed::Mend => self.world.set_cable(Node::One, true).map_err(failed)?,
        }
        Ok(())
    }

    fn close(self) -> Result<(), End> {
        self.screen.say("")?;
        self.screen.say_title("Summary")?;
        self.screen.table(&self.rows)?;
        let (sent, lost) = self.client.ledger().totals(self.client.now());
        self.screen.say(&format!(
            "\nEvery move happened. {} of {} probes were answered, in {:.0} s.",
            thousands((sent - lost) as u128),
            thousands(sent as u128),
            self.begun.elapsed().as_secs_f64()
        ))?;
        self.screen.say(
            "Next: `holdover demo --show-config` prints the configurations used here;\n\
             README.md has one for your own machines, docs/config.md every statement.",
        )?;
        Ok(())
    }

    /// Waits until `node` alone has answered for a while.
    fn wait_for(&mut self, node: Node, when: &str) -> Result<(), End> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = self.client.now();
            if self.client.ledger().is_steady(node, now, STEADY) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let what =
                    format!("{} did not take over within {} s ({when}).", node.name(), PATIENCE.as_secs());
                return Err(self.failed(&what, &Host::SPEAKERS));
            }
            self.turn()?;
        }
    }

    fn pause(&mut self, time: Duration) -> Result<(), End> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.turn()?;
        }
        Ok(())
    }

    /// One look at everything: signals, daemons, the clock; and the live line.
    fn turn(&mut self) -> Result<(), End> {
        self.heed()?;
        for (index, host) in Host::SPEAKERS.into_iter().enumerate() {
            if let Some(status) = self.daemons[index].as_mut().and_then(Daemon::ended) {
                let what = format!("The daemon of {} ended by itself ({status}).", host.name());
                return Err(self.failed(&what, &[host]));
            }
        }
        if self.begun.elapsed() > ALL {
            return Err(self.failed("The demo took too long.", &Host::SPEAKERS));
        }
        let now = self.client.now();
        let (sent, lost) = self.client.ledger().totals(now);
        let answering = self.client.ledger().answering(now);
        let begin = now.saturating_sub(SHOWN).as_millis() / CELL.as_millis();
        let cells = self.client.ledger().cells(CELL * u32::try_from(begin).unwrap_or(0), now, CELL);
        let elapsed = self.begun.elapsed();
        self.screen.show(&Live { elapsed, answering, cells: &cells, sent, lost })?;
        thread::sleep(TURN);
        Ok(())
    }

    /// Whether somebody wants us to stop.
    fn heed(&self) -> Result<(), End> {
        match self.signal.load(Ordering::Relaxed) {
            0 => Ok(()),
            signal => Err(End::Signal(u8::try_from(signal).unwrap_or(u8::MAX))),
        }
    }

    /// Prints the timeline since `begin`, with a mark where a deed was done.
    fn show_strip(&mut self, begin: Duration, deed: Option<u32>) -> Result<(), End> {
        let mut cells = self.client.ledger().cells(begin, self.client.now(), CELL);
        cells.truncate(self.screen.columns().saturating_sub(8).max(20));
        let text = strip(&cells, deed, self.screen.colour());
        Ok(self.screen.say(&format!("      {text}"))?)
    }

    fn say(&mut self, text: &str) -> Result<(), End> {
        let elapsed = self.begun.elapsed().as_secs_f64();
        Ok(self.screen.say(&format!("{elapsed:5.1} s  {text}"))?)
    }

    /// Runs a command of ours against the daemon of `host`, and returns what it printed. What our commands print fits into
    /// a pipe, so it is read when they have ended.
    fn command(&mut self, host: Host, words: &[&str]) -> Result<Vec<u8>, End> {
        let failed = |why: String| End::Failed(format!("`holdover {}` failed: {why}", words.join(" ")));
        let mut command = self.files.command(host, words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let deadline = Instant::now() + COMMAND;
        while matches!(child.try_wait(), Ok(None)) {
            let heeded = self.heed();
            if heeded.is_err() || Instant::now() > deadline {
                let _ = child.kill();
                let _ = child.wait();
                heeded?;
                let what = format!("`holdover {}` had no answer.", words.join(" "));
                return Err(self.failed(&what, &[host]));
            }
            thread::sleep(Duration::from_millis(1));
        }
        let Output { status, stdout, stderr } =
            child.wait_with_output().map_err(|error| failed(error.to_string()))?;
        if status.success() {
            return Ok(stdout);
        }
        Err(failed(format!("{status}\n{}", String::from_utf8_lossy(&stderr))))
    }

    /// Whether the router has a session with both nodes.
    fn both_established(&mut self) -> Result<bool, End> {
        let answer = self.command(Host::Router, &["show", "neighbors", "--json"])?;
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap_or_default();
        let neighbors = answer["neighbors"].as_array().map(Vec::as_slice).unwrap_or_default();
        Ok(neighbors.iter().filter(|neighbor| neighbor["state"] == "Established").count() == 2)
    }

    /// `what`, with the last words of the daemons of `hosts`.
    fn failed(&self, what: &str, hosts: &[Host]) -> End {
        let mut text = what.to_owned();
        for &host in hosts {
            let lines = self.files.log_tail(host, 8);
            let _ = write!(text, "\n\nThe last that {} logged:", host.name());
            for line in lines {
                let _ = write!(text, "\n  {line}");
            }
        }
        End::Failed(text)
    }
}

/// A number and its noun.
fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", thousands(number as u128))
}
