//! The image at work, to see how much of its stack it uses: in a network namespace with a BIRD that pours routes into it.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{Variant, folder, qemu};
use crate::process;

/// Routes that the peer pours in: none of them may stay.
const ROUTES: u32 = 5_000;
/// How long anything may take here.
const PATIENCE: Duration = Duration::from_mins(1);
/// An instruction takes 2 to the power of this in nanoseconds: 31 million in a second, what a Cortex-M4 of some 40 MHz does.
const INSTRUCTION: u32 = 5;
/// How long nothing happens, to see how busy that is.
const IDLE: Duration = Duration::from_secs(4);
/// What the stack is painted with before the program runs.
const PAINT: [u8; 4] = [0xcc; 4];

/// Whether this machine can do it; else what it lacks.
pub(super) fn ready() -> Result<(), String> {
    if !process::is_root() {
        return Err("a network namespace needs root".to_owned());
    }
    qemu::ensure_peer()
}

/// What an image at work was seen to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Work {
    /// The most octets of stack, from its boot on: session up, routes poured in, everything shown.
    pub(super) stack: u64,
    /// What only a console tells.
    pub(super) told: Option<Told>,
}

/// What the image tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// From boot to the first session, in milliseconds of its clock. Its neighbor answers the first SYN.
    pub(super) first_session_ms: u64,
    /// Of the time in which nothing happens but the session's keepalives, so many hundredths of a percent are not slept.
    pub(super) idle: u64,
}

/// Lets an image work, and looks.
pub(super) fn watch(variant: Variant, image: &Path) -> Result<Work, String> {
    let dir = process::target_dir().join("firmware/stage").join(variant.name());
    fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    fs::write(dir.join("bird.conf"), bird_conf()).map_err(|error| error.to_string())?;
    let mut stage = Stage::open(&dir, image)?;
    stage.wait_for("the session with BIRD", Stage::is_established)?;
    stage.wait_for("all routes to be read", Stage::is_quiet)?;
    let told = if variant == Variant::Bare { None } else { Some(stage.use_console()?) };
    let stack = stage.stack()?;
    check_log(image, &dir.join("log"))?;
    let painted = stack.chunks_exact(PAINT.len()).take_while(|word| *word == PAINT).count() * PAINT.len();
    Ok(Work { stack: u64::try_from(stack.len() - painted).unwrap_or(u64::MAX), told })
}

/// Reads the log by the program that users have for it: the session must be told there.
fn check_log(image: &Path, log: &Path) -> Result<(), String> {
    let text = decoded(image, log)?;
    if text.contains("Established") { Ok(()) } else { Err(format!("the log tells of no session:\n{text}")) }
}

/// The log as text.
pub(super) fn decoded(image: &Path, log: &Path) -> Result<String, String> {
    let frames = fs::File::open(log).map_err(|error| format!("{}: {error}", log.display()))?;
    let mut command = Command::new(super::defmt_print()?);
    let output = command.arg("-e").arg(image).stdin(frames).output();
    let output = output.map_err(|error| format!("defmt-print: {error}"))?;
    if !output.status.success() {
        return Err(format!("defmt-print: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A namespace with the two in it, as long as it lives.
struct Stage {
    dir: PathBuf,
    machine: Child,
    /// What the peer said of the session when it was last asked.
    seen: String,
}

impl Stage {
    fn open(dir: &Path, image: &Path) -> Result<Self, String> {
        for name in ["console", "bird.sock", "stack"] {
            let _ = fs::remove_file(dir.join(name));
        }
        let script = "ip link set lo up && ip tuntap add dev tap0 mode tap && ip addr add 203.0.113.1/24 dev tap0 \
                      && ip link set tap0 up && { bird -f -c bird.conf -s bird.sock 2>bird.log & } \
                      && until [ -S bird.sock ]; do sleep 0.1; done && exec \"$0\" \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--net", "--pid", "--fork", "--kill-child", "sh", "-c", script, qemu::PROGRAM]);
        command.args(qemu::arguments(image, Some(&folder().join("example.conf")))?);
        // Time is counted by instructions, so a busy machine measures the same as an idle one.
        command.args(["-icount", &format!("shift={INSTRUCTION},sleep=on")]);
        command.args(["-monitor", "stdio", "-serial", "unix:console,server=on,wait=off"]);
        command.args(["-serial", "file:log", "-nic", "tap,ifname=tap0,script=no,downscript=no"]);
        command.current_dir(dir).stdin(Stdio::piped()).stdout(Stdio::null());
        let machine = command.spawn().map_err(|error| format!("cannot run {}: {error}", qemu::PROGRAM))?;
        Ok(Self { dir: dir.to_owned(), machine, seen: String::new() })
    }

    fn wait_for(&mut self, what: &str, is: fn(&mut Self) -> bool) -> Result<(), String> {
        let begun = Instant::now();
        while !is(self) {
            if begun.elapsed() > PATIENCE {
                return Err(format!(
                    "waited {} s for {what}; logs are in {}; BIRD says:\n{}",
                    PATIENCE.as_secs(),
                    self.dir.display(),
                    self.seen
                ));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Ok(())
    }

    fn ask_bird(&self) -> String {
        let mut command = Command::new("birdc");
        let words = ["-s", "bird.sock", "show", "protocols", "all", "appliance"];
        process::output(command.args(words).current_dir(&self.dir)).unwrap_or_default()
    }

    fn is_established(&mut self) -> bool {
        self.seen = self.ask_bird();
        self.seen.contains("Established")
    }

    /// Whether the peer has handed over everything: it says the same as the last time, but for its timers.
    fn is_quiet(&mut self) -> bool {
        let counters = |text: &str| {
            text.lines().filter(|line| line.contains("Export updates")).map(str::to_owned).collect::<Vec<_>>()
        };
        let before = counters(&self.seen);
        std::thread::sleep(Duration::from_secs(1));
        self.seen = self.ask_bird();
        !before.is_empty() && before == counters(&self.seen)
    }

    /// Asks for everything that can be shown.
    fn use_console(&mut self) -> Result<Told, String> {
        let said = |error: std::io::Error| format!("the console: {error}");
        let mut console = UnixStream::connect(self.dir.join("console")).map_err(said)?;
        console.set_read_timeout(Some(PATIENCE)).map_err(said)?;
        let mut ask = |line: &str| {
            console.write_all(format!("{line}\r").as_bytes()).map_err(said)?;
            let mut answer = Vec::new();
            while !answer.ends_with(b"\nappliance> ") {
                let mut octet = [0];
                console.read_exact(&mut octet).map_err(said)?;
                answer.push(octet[0]);
            }
            Ok::<String, String>(String::from_utf8_lossy(&answer).into_owned())
        };
        for line in SHOWN {
            ask(line)?;
        }
        ask("load")?;
        std::thread::sleep(IDLE);
        let idle = ask("load")?;
        let board = ask("show board")?;
        let first =
            board.lines().find_map(|line| line.strip_prefix("first-session-ms ")?.trim().parse().ok());
        Ok(Told {
            first_session_ms: first.ok_or_else(|| format!("the board tells of no session:\n{board}"))?,
            idle: since_asked(&idle).ok_or_else(|| format!("the board does not tell its load:\n{idle}"))?,
        })
    }

    /// The memory of the stack, asked of the emulator: the image need not know.
    fn stack(&mut self) -> Result<Vec<u8>, String> {
        let (at, octets) = qemu::STACK;
        let monitor = self.machine.stdin.as_mut().ok_or("the emulator has no monitor")?;
        let order = format!("stop\npmemsave {at:#x} {octets} stack\nquit\n");
        monitor.write_all(order.as_bytes()).map_err(|error| format!("the emulator's monitor: {error}"))?;
        self.machine.wait().map_err(|error| error.to_string())?;
        let stack =
            fs::read(self.dir.join("stack")).map_err(|error| format!("the emulator's memory: {error}"))?;
        if stack.len() == octets {
            Ok(stack)
        } else {
            Err("the emulator wrote less than its stack".to_owned())
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // The namespace's first process takes the others with it.
        let _ = self.machine.kill();
        let _ = self.machine.wait();
    }
}

/// Everything that a console can be asked, once.
const SHOWN: &[&str] = &[
    "",
    "show summary",
    "show neighbors",
    "show neighbors 203.0.113.1",
    "show services",
    "show bfd",
    "show routes",
    "show steer",
    "show running-config",
    "show board",
    "show counters",
    "drain",
    "undrain",
];

/// The second figure of `busy 1.50 % since the start, 0.25 % since this was asked last`, in hundredths of a percent.
fn since_asked(answer: &str) -> Option<u64> {
    let line = answer.lines().find(|line| line.starts_with("busy "))?;
    let (whole, part) = line.split(", ").nth(1)?.split(' ').next()?.split_once('.')?;
    Some(whole.parse::<u64>().ok()? * 100 + part.parse::<u64>().ok()?)
}

fn bird_conf() -> String {
    let mut text = "log stderr all;\nrouter id 203.0.113.1;\nprotocol device {}\n\
                    protocol static poured {\n ipv4;\n"
        .to_owned();
    for route in 0..ROUTES {
        let _ = writeln!(text, " route 10.{}.{}.0/24 blackhole;", route >> 8, route & 0xff);
    }
    text += "}\nprotocol bgp appliance {\n local 203.0.113.1 as 64500;\n neighbor 203.0.113.11 as 65001;\n \
             connect retry time 1;\n ipv4 { import all; export all; };\n}\n";
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_read_as_the_board_says_it() {
        let answer = "load\r\nbusy 12.50 % since the start, 3.07 % since this was asked last\r\nappliance> ";
        assert_eq!(since_asked(answer), Some(307));
        assert_eq!(since_asked("load\r\nappliance> "), None);
    }

    #[test]
    fn every_route_that_is_poured_in_is_another_one() {
        let text = bird_conf();
        let routes: std::collections::BTreeSet<&str> =
            text.lines().filter(|line| line.contains("blackhole")).collect();
        assert_eq!(u32::try_from(routes.len()), Ok(ROUTES));
    }
}
