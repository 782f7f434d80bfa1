//! The speaker against BIRD: two network namespaces of their own and a cable between them, gone when all is over.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::packages;
use crate::process;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(25);
/// How long until it is looked at again.
const CADENCE: Duration = Duration::from_millis(50);

/// What the speaker is configured with: it dials the peer over IPv4, and is dialled over IPv6.
const SPEAKER: &str = "\
hostname speaker
router bgp 65010
 bgp router-id 10.77.0.2
 timers bgp 3 9
 neighbor 10.77.0.1 remote-as 65020
 neighbor fd77::1 remote-as 65020
 neighbor fd77::1 passive
 address-family ipv4 unicast
  neighbor 10.77.0.1 activate
  no neighbor fd77::1 activate
 exit-address-family
 address-family ipv6 unicast
  neighbor fd77::1 activate
  network 2001:db8:77::7/128
 exit-address-family
exit
route-map primary permit 10
 set large-community 65010:1:1
exit
failover web
 address 198.51.100.77/32
 active route-map primary
 drain-delay 200ms
";

/// What BIRD is configured with.
const BIRD: &str = "\
router id 10.77.0.1;
protocol device { }
protocol bgp dialled {
  local 10.77.0.1 as 65020; neighbor 10.77.0.2 as 65010; direct; passive on;
  ipv4 { import all; export none; };
}
protocol bgp dialling {
  local fd77::1 as 65020; neighbor fd77::2 as 65010; direct;
  connect delay time 1; connect retry time 1; error wait time 1, 1; error forget time 1;
  ipv6 { import all; export none; };
}
";

/// The two namespaces, BIRD in the second one, and the files of both.
struct Network {
    speaker: String,
    peer: String,
    folder: PathBuf,
    bird: Option<Child>,
}

impl Drop for Network {
    fn drop(&mut self) {
        if let Some(bird) = &mut self.bird {
            // It may have ended by itself.
            let _ = bird.kill();
            let _ = bird.wait();
            // Killed, it leaves its socket behind.
            let _ = fs::remove_file(self.socket());
        }
        for name in [&self.speaker, &self.peer] {
            // One that was not made yet is not there.
            let _ = quiet(Command::new("ip").args(["netns", "del", name]));
        }
    }
}

/// Runs each speaker, which is a command and how it is called, from Established to the end.
pub(super) fn run(speakers: Vec<(&'static str, Command)>, folder: &Path) -> Outcome {
    let network = Network::new(folder)?;
    for (name, command) in speakers {
        let begin = Instant::now();
        network.run(name, &command).map_err(|message| format!("capi: speaker, {name}: {message}"))?;
        eprintln!(
            "xtask: capi: speaker against BIRD, {name}: passed in {:.1} s",
            begin.elapsed().as_secs_f64()
        );
    }
    Ok(())
}

impl Network {
    fn new(folder: &Path) -> Result<Self, String> {
        if !process::is_root() {
            return Err(
                "capi: the speaker needs network namespaces, and so root (--no-e2e leaves it out)".to_owned()
            );
        }
        let name = |end: &str| format!("hoc{}-{end}", std::process::id());
        let mut network = Self { speaker: name("s"), peer: name("p"), folder: folder.to_owned(), bird: None };
        let Self { speaker, peer, .. } = &network;
        for line in [
            format!("netns add {speaker}"),
            format!("netns add {peer}"),
            format!("-n {speaker} link add eth0 type veth peer name eth0 netns {peer}"),
        ] {
            ip(&line)?;
        }
        for (namespace, host) in [(speaker, 2), (peer, 1)] {
            for line in ["link set lo up", "link set eth0 up"] {
                ip(&format!("-n {namespace} {line}"))?;
            }
            ip(&format!("-n {namespace} address add 10.77.0.{host}/24 dev eth0"))?;
            ip(&format!("-n {namespace} address add fd77::{host}/64 dev eth0 nodad"))?;
        }
        ip(&format!("-n {speaker} address add 198.51.100.77/32 dev lo"))?;
        ip(&format!("-n {speaker} address add 2001:db8:77::7/128 dev lo nodad"))?;
        network.write("bird.conf", BIRD)?;
        network.write("speaker.conf", SPEAKER)?;
        network.start_bird()?;
        Ok(network)
    }

    fn write(&self, name: &str, text: &str) -> Outcome {
        let file = self.folder.join(name);
        fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
    }

    /// A socket's path may have 107 octets, and the target folder's may be longer.
    fn socket(&self) -> PathBuf {
        std::env::temp_dir().join(format!("{}.ctl", self.peer))
    }

    fn start_bird(&mut self) -> Outcome {
        let bird = packages::find("bird").ok_or("there is no bird")?;
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.peer]).arg(bird).arg("-f");
        command.arg("-c").arg(self.folder.join("bird.conf")).arg("-s").arg(self.socket());
        let log = file(&self.folder.join("bird.log"))?;
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        self.bird = Some(child.map_err(|error| format!("cannot start BIRD: {error}"))?);
        until("BIRD answers", || self.birdc("show status").contains("up and running"))
    }

    /// What BIRD answers; nothing when it does not.
    fn birdc(&self, question: &str) -> String {
        let birdc = packages::find("birdc").unwrap_or_default();
        process::output(Command::new(birdc).arg("-s").arg(self.socket()).args(question.split(' ')))
            .unwrap_or_default()
    }

    fn run(&self, name: &str, program: &Command) -> Outcome {
        let log = self.folder.join(format!("speaker-{name}.log"));
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.speaker]).arg(program.get_program()).args(program.get_args());
        command.arg(self.folder.join("speaker.conf"));
        let output = file(&log)?;
        let errors = output.try_clone().map_err(|error| format!("{}: {error}", log.display()))?;
        let child = command.stdin(Stdio::piped()).stdout(output).stderr(errors).spawn();
        let mut speaker = Speaker { child: child.map_err(|error| format!("cannot start it: {error}"))?, log };
        let result = self.watch(&mut speaker);
        result.map_err(|message| format!("{message}; what it said:\n{}", speaker.said()))
    }

    /// What a speaker's life looks like from BIRD.
    fn watch(&self, speaker: &mut Speaker) -> Outcome {
        let route = || self.birdc("show route all 198.51.100.77/32");
        let route6 = || self.birdc("show route all 2001:db8:77::7/128");
        until("BIRD has the IPv4 route of the session that the speaker opened", || {
            let told = route();
            told.contains("BGP.next_hop: 10.77.0.2") && told.contains("BGP.large_community: (65010, 1, 1)")
        })?;
        until("BIRD has the IPv6 route of the session that BIRD opened", || {
            route6().contains("BGP.next_hop: fd77::2")
        })?;
        speaker.say("show summary")?;
        until("the speaker says that both are established", || {
            speaker.said().contains("2 of 2 neighbors established")
        })?;
        speaker.say("drain web")?;
        until("BIRD has lost the route of the drained service", || !route().contains("BGP."))?;
        if !route6().contains("BGP.") {
            return Err("the drain took the other route too".to_owned());
        }
        speaker.say("undrain web")?;
        until("BIRD has the route again", || route().contains("BGP."))?;
        speaker.end()?;
        if route().contains("BGP.") || route6().contains("BGP.") {
            return Err("BIRD has a route after the end".to_owned());
        }
        Ok(())
    }
}

/// A speaker that runs.
struct Speaker {
    child: Child,
    log: PathBuf,
}

impl Drop for Speaker {
    fn drop(&mut self) {
        // It has ended, unless something went wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Speaker {
    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn say(&mut self, line: &str) -> Outcome {
        let input = self.child.stdin.as_mut().ok_or("it has no standard input")?;
        writeln!(input, "{line}").map_err(|error| format!("it does not listen to `{line}`: {error}"))
    }

    /// Asks it to end, and waits until it has, with a good status.
    fn end(&mut self) -> Outcome {
        quiet(Command::new("kill").args(["-TERM", &self.child.id().to_string()]))?;
        let mut status = None;
        until("the speaker ends", || {
            status = self.child.try_wait().ok().flatten();
            status.is_some()
        })?;
        match status {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("it ended with {status}")),
            None => Err("it did not end".to_owned()),
        }
    }
}

fn file(path: &Path) -> Result<File, String> {
    File::create(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn ip(line: &str) -> Outcome {
    quiet(Command::new("ip").args(line.split(' ')))
}

/// Runs a command that says nothing when all is well.
fn quiet(command: &mut Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Outcome {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if is_so() {
            return Ok(());
        }
        std::thread::sleep(CADENCE);
    }
    Err(format!("not within {} s: {what}", PATIENCE.as_secs()))
}
