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
/// What the stack is painted with before the program runs.
const PAINT: [u8; 4] = [0xcc; 4];

/// Whether this machine can do it; else what it lacks.
pub(super) fn ready() -> Result<(), String> {
    if !process::is_root() {
        return Err("a network namespace needs root".to_owned());
    }
    qemu::ensure_peer()
}

/// The most octets of stack that an image used, from its boot on: session up, routes poured in, everything shown.
pub(super) fn stack_peak(variant: Variant, image: &Path) -> Result<u64, String> {
    let dir = process::target_dir().join("firmware/stage").join(variant.name());
    fs::create_dir_all(&dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    fs::write(dir.join("bird.conf"), bird_conf()).map_err(|error| error.to_string())?;
    let mut stage = Stage::open(&dir, image)?;
    stage.wait_for("the session with BIRD", Stage::is_established)?;
    stage.wait_for("all routes to be read", Stage::is_quiet)?;
    if variant != Variant::Bare {
        stage.use_console()?;
    }
    let stack = stage.stack()?;
    let painted = stack.chunks_exact(PAINT.len()).take_while(|word| *word == PAINT).count() * PAINT.len();
    Ok(u64::try_from(stack.len() - painted).unwrap_or(u64::MAX))
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
                      && ip link set tap0 up && { bird -f -c bird.conf -s bird.sock 2>bird.log & } && exec \"$0\" \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["--net", "--pid", "--fork", "--kill-child", "sh", "-c", script, qemu::PROGRAM]);
        command.args(qemu::arguments(image, Some(&folder().join("example.conf")))?);
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
    fn use_console(&mut self) -> Result<(), String> {
        let said = |error: std::io::Error| format!("the console: {error}");
        let mut console = UnixStream::connect(self.dir.join("console")).map_err(said)?;
        console.set_read_timeout(Some(PATIENCE)).map_err(said)?;
        let lines = [
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
        for line in lines {
            console.write_all(format!("{line}\r").as_bytes()).map_err(said)?;
            let mut answer = Vec::new();
            while !answer.ends_with(b"\nappliance> ") {
                let mut octet = [0];
                console.read_exact(&mut octet).map_err(said)?;
                answer.push(octet[0]);
            }
        }
        Ok(())
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
    fn every_route_that_is_poured_in_is_another_one() {
        let text = bird_conf();
        let routes: std::collections::BTreeSet<&str> =
            text.lines().filter(|line| line.contains("blackhole")).collect();
        assert_eq!(u32::try_from(routes.len()), Ok(ROUTES));
    }
}
