//! The appliance under test: its image in QEMU, or the same shim as a process; both on a tap, with a console.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::Signal;

use super::console::Console;
use super::lab::{Lab, Process, bounded};

/// Where the image looks for its configuration, and how much room that has.
const CONFIG_AT: u32 = 0x0007_c000;
const CONFIG_ROOM: usize = 16 << 10;
/// Where the image looks for eight octets that nobody can guess.
const SEED_AT: u32 = 0x2001_fff0;
/// How long a boot may take, in seconds, on a machine with other tests under way.
const BOOT: f64 = 20.0;

/// How the vehicles say that a command is not obeyed.
const REFUSALS: [&str; 5] = ["%", "there is no", "cannot", "not understood", "stopping"];

/// What the appliance runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vehicle {
    /// A Linux process over a tap: `shim-smoltcp/examples/tap.rs`.
    Tap,
    /// The image on a Cortex-M4 board that QEMU plays.
    Qemu,
}

impl Vehicle {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Tap, Self::Qemu];

    /// `on_a_tap` or `in_qemu`: the end of a case's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tap => "on_a_tap",
            Self::Qemu => "in_qemu",
        }
    }

    /// The variable that names its file.
    pub fn variable(self) -> &'static str {
        match self {
            Self::Tap => "HOLDOVER_TAP",
            Self::Qemu => "HOLDOVER_IMAGE",
        }
    }

    /// The process's program, or the image.
    pub fn file(self) -> Result<String> {
        let variable = self.variable();
        std::env::var(variable).with_context(|| format!("{variable} does not name the appliance"))
    }
}

/// The program that plays the board.
pub const QEMU: &str = "qemu-system-arm";

/// Where an appliance's cable goes, and its address there.
#[derive(Clone, Copy, Debug)]
pub struct Port<'a> {
    /// The host whose bridge has the tap.
    pub switch: &'a str,
    /// The tap, which gives the appliance its name in files.
    pub tap: &'a str,
    /// The last octet of its MAC address.
    pub number: u8,
}

impl Port<'_> {
    /// Its MAC address.
    pub fn octets(&self) -> [u8; 6] {
        [0x52, 0x54, 0, 0, 0, self.number]
    }

    fn mac(&self) -> String {
        self.octets().map(|octet| format!("{octet:02x}")).join(":")
    }
}

/// One running appliance.
pub struct Appliance {
    vehicle: Vehicle,
    process: Process,
    console: Console,
    log: PathBuf,
}

impl Appliance {
    /// Starts it; returns when its console has its prompt. The tap must be there.
    pub fn start(lab: &Lab, vehicle: Vehicle, port: Port<'_>, config: &str) -> Result<Self> {
        let name = format!("{}-appliance", port.tap);
        let argv = match vehicle {
            Vehicle::Tap => tap(lab, port, config)?,
            Vehicle::Qemu => qemu(lab, port, config)?,
        };
        let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
        let (process, stream) = lab.spawn_talking(port.switch, &name, &argv)?;
        let log = lab.dir().join(format!("{name}.log"));
        let appliance = Self { vehicle, process, console: Console::new(lab, stream)?, log };
        let said = appliance.console.ready(lab, BOOT).map_err(|why| match appliance.runs() {
            Ok(()) => why,
            Err(ended) => ended,
        })?;
        lab.note(&format!("{name}: it says {said:?}"));
        // Its machine is its own: what else computes here is not its neighbor.
        let pid = appliance.process.pid().to_string();
        bounded(&["chrt", "--all-tasks", "--fifo", "--pid", "2", &pid])?;
        Ok(appliance)
    }

    /// What it runs in.
    pub fn vehicle(&self) -> Vehicle {
        self.vehicle
    }

    /// The process that it is, or that plays its board.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Its console.
    pub fn console(&self) -> &Console {
        &self.console
    }

    /// Ok while it runs; the error has the end of its log.
    pub fn runs(&self) -> Result<()> {
        if let Some(status) = self.process.ended()? {
            let log = std::fs::read(&self.log).unwrap_or_default();
            let log = String::from_utf8_lossy(&log).into_owned();
            let tail: Vec<&str> = log.lines().rev().take(8).collect();
            bail!("the appliance ended: {status}: {tail:?}; its console said {:?}", self.console.heard());
        }
        Ok(())
    }

    /// Sends a line to its console; gives the answer.
    pub fn ask(&self, lab: &Lab, line: &str) -> Result<String> {
        self.runs()?;
        self.console.ask(lab, line)
    }

    /// A command that must be obeyed.
    pub fn obeys(&self, lab: &Lab, line: &str) -> Result<()> {
        let answer = self.ask(lab, line)?;
        let refused = REFUSALS.iter().any(|word| answer.contains(word));
        ensure!(!refused, "`{line}` is answered with {answer:?}");
        Ok(())
    }

    /// `show board`: what it says of itself, by name.
    pub fn board(&self, lab: &Lab) -> Result<Board> {
        let text = self.ask(lab, "show board")?;
        let lines = text.lines().filter_map(|line| line.trim().split_once(' '));
        let said: BTreeMap<&str, &str> = lines.map(|(name, value)| (name, value.trim())).collect();
        let number = |name: &str| -> Result<u64> {
            let value = said.get(name).with_context(|| format!("no {name}: {text:?}"))?;
            value.parse().with_context(|| format!("{name} {value}"))
        };
        Ok(Board {
            uptime_ms: number("uptime-ms")?,
            boots: number("boots")?,
            static_octets: number("static-octets")?,
            stack_peak_octets: number("stack-peak-octets")?,
            last_panic: (*said.get("last-panic").with_context(|| format!("no last-panic: {text:?}"))?)
                .to_owned(),
        })
    }

    /// SIGKILL, as a cable that is pulled from the machine's power supply; returns when it is gone.
    pub fn kill(&self, lab: &Lab) -> Result<()> {
        self.process.signal(Signal::KILL)?;
        self.process.wait(lab, 10.0).map(drop)
    }
}

/// What an appliance says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Board {
    /// Since this boot.
    pub uptime_ms: u64,
    /// Since power was given to it.
    pub boots: u64,
    /// All that lies in memory for ever.
    pub static_octets: u64,
    /// The deepest that the stack has been; 0: not known.
    pub stack_peak_octets: u64,
    /// `none`, or what it said before it reset.
    pub last_panic: String,
}

impl Board {
    /// It has not begun anew since `earlier`, and has not panicked at all.
    pub fn went_on_from(&self, earlier: &Self) -> Result<()> {
        ensure!(self.last_panic == "none", "it panicked: {}", self.last_panic);
        ensure!(self.boots == earlier.boots, "it booted again: {earlier:?}, then {self:?}");
        ensure!(self.uptime_ms >= earlier.uptime_ms, "its clock went back: {earlier:?}, then {self:?}");
        Ok(())
    }
}

fn tap(lab: &Lab, port: Port<'_>, config: &str) -> Result<Vec<String>> {
    let file = lab.write(&format!("{}-appliance.conf", port.tap), config)?;
    Ok(vec![Vehicle::Tap.file()?, port.tap.to_owned(), port.mac(), file.to_string_lossy().into_owned()])
}

fn qemu(lab: &Lab, port: Port<'_>, config: &str) -> Result<Vec<String>> {
    ensure!(config.len() < CONFIG_ROOM, "{} octets of configuration do not fit", config.len());
    let file = lab.write(&format!("{}-appliance.conf", port.tap), config)?;
    // The region as a programmer would write it: the text, and a zero that ends it.
    let mut region = config.as_bytes().to_vec();
    region.resize(CONFIG_ROOM, 0);
    let region_file = file.with_extension("bin");
    std::fs::write(&region_file, region)?;
    let log = lab.dir().join(format!("{}-appliance.defmt", port.tap));
    let argv = [
        QEMU.to_owned(),
        "-machine".to_owned(),
        "mps2-an386".to_owned(),
        "-display".to_owned(),
        "none".to_owned(),
        "-monitor".to_owned(),
        "none".to_owned(),
        "-kernel".to_owned(),
        Vehicle::Qemu.file()?,
        "-chardev".to_owned(),
        "stdio,id=console,signal=off".to_owned(),
        "-serial".to_owned(),
        "chardev:console".to_owned(),
        "-serial".to_owned(),
        format!("file:{}", log.display()),
        "-nic".to_owned(),
        format!("tap,ifname={},script=no,downscript=no,mac={}", port.tap, port.mac()),
        "-device".to_owned(),
        format!("loader,file={},addr={CONFIG_AT:#x},force-raw=on", region_file.display()),
        "-device".to_owned(),
        format!("loader,addr={SEED_AT:#x},data={:#x},data-len=8", seed()?),
    ];
    Ok(argv.into())
}

/// What an entropy source would give the board at this boot; never zero, which says that there is none.
fn seed() -> Result<u64> {
    use std::io::Read as _;
    let mut octets = [0; 8];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut octets)?;
    Ok(u64::from_ne_bytes(octets) | 1)
}
