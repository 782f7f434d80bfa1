//! The appliance as a Linux process: the same shim over a tap device, and the board in one file.
//!
//! ```text
//! ip tuntap add tap0 mode tap && ip link set tap0 up
//! cargo run --release -p holdover-smoltcp --example tap -- tap0 52:54:00:00:00:01 appliance.conf
//! ```
//!
//! It is a port to read beside docs/appliance.md, and the vehicle of the end-to-end tests. What a board owes is [`Host`] (clock,
//! carrier, entropy) and a [`Device`] ([`Wire`]); the rest is an application: a console of lines on standard input and
//! output, an echo of datagrams at port 9000 (the service that is kept answering), a log on standard error. `stop` ends it.

use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use holdover_core::base::time::Instant;
use holdover_core::config::{Config, parse};
use holdover_core::console::command::{self, Request, Show};
use holdover_core::console::{show, text::Text};
use holdover_core::engine::{Command, CommandId, CommandResult, Engine, LinkId};
use holdover_smoltcp::frame::port::Port;
use holdover_smoltcp::{Board, Memory, PLATFORM, Said, Setup, Shim, Slots};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use smoltcp::iface::SocketHandle;
use smoltcp::phy::{Device, DeviceCapabilities, Medium, PacketMeta, TunTapInterface};
use smoltcp::socket::udp;
use smoltcp::time::Instant as SmoltcpInstant;

const PEERS: usize = 4;
const SERVICES: usize = 8;
type Appliance = Engine<PEERS, SERVICES>;

/// The board: what the machine around the shim owes it.
struct Host {
    began: std::time::Instant,
}

impl Board for Host {
    fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn carrier(&mut self) -> bool {
        // Whoever holds a tap open is its carrier.
        true
    }

    fn entropy(&mut self) -> u64 {
        let mut octets = [0; 8];
        let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut octets));
        // Without entropy a stranger could guess sequence numbers: no appliance then.
        read.expect("/dev/urandom can be read");
        u64::from_ne_bytes(octets)
    }
}

/// The tap, and whether a frame may still wait in it.
struct Wire {
    tap: TunTapInterface,
    dry: bool,
}

impl Device for Wire {
    type RxToken<'a> = <TunTapInterface as Device>::RxToken<'a>;
    type TxToken<'a> = <TunTapInterface as Device>::TxToken<'a>;

    fn capabilities(&self) -> DeviceCapabilities {
        self.tap.capabilities()
    }

    fn receive(&mut self, now: SmoltcpInstant) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
        let frame = self.tap.receive(now);
        self.dry = frame.is_none();
        frame
    }

    fn transmit(&mut self, now: SmoltcpInstant) -> Option<Self::TxToken<'_>> {
        self.tap.transmit(now)
    }
}

/// The service at the shared address: each datagram is answered with itself and the machine's name.
struct Echo {
    handle: SocketHandle,
    on: bool,
}

impl Echo {
    const PORT: u16 = 9000;
    /// The name of `check NAME process unit echo`.
    const UNIT: &'static str = "echo";
    /// What of a datagram comes back.
    const TAKEN: usize = 64;

    fn new(shim: &mut TapShim) -> Self {
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 64], vec![0; 8_192]);
        let handle = shim.sockets().add(udp::Socket::new(buffer(), buffer()));
        let mut echo = Self { handle, on: false };
        echo.set(shim, true);
        echo
    }

    fn set(&mut self, shim: &mut TapShim, on: bool) {
        let socket = shim.sockets().get_mut::<udp::Socket<'_>>(self.handle);
        socket.close();
        // A closed socket can be bound to any port but 0.
        self.on = on && socket.bind(Self::PORT).is_ok();
        shim.set_unit(Self::UNIT, self.on);
    }

    /// Answers what has come; whether there was anything.
    fn serve(&self, shim: &mut TapShim, name: &str) -> bool {
        let socket = shim.sockets().get_mut::<udp::Socket<'_>>(self.handle);
        let mut served = false;
        while socket.can_send() {
            let Ok((datagram, from)) = socket.recv() else { break };
            let taken = datagram.iter().take(Self::TAKEN);
            let answer: Vec<u8> = taken.chain(name.as_bytes()).copied().collect();
            // Without room for it the answer is lost, as on any network.
            let _ = socket.send_slice(&answer, udp::UdpMetadata { meta: PacketMeta::default(), ..from });
            served = true;
        }
        served
    }
}

/// Rules of the guard: each neighbor's key and least TTL, and as many for those that dial.
const RULES: usize = 16;
type TapShim = Shim<'static, Host, Wire, RULES>;

/// The appliance and what stands around it.
struct Machine {
    shim: TapShim,
    engine: Box<Appliance>,
    echo: Echo,
    /// What was typed of a line that has not ended.
    typed: Vec<u8>,
    mac: String,
    /// `stop` was said and has been answered.
    over: bool,
}

/// The command that ends the process.
const STOP: CommandId = CommandId(0);
/// Any other.
const WISH: CommandId = CommandId(1);

impl Machine {
    fn new(device: &str, mac: &str) -> Result<Self, String> {
        let octets: Vec<u8> = mac
            .split(':')
            .map(|octet| u8::from_str_radix(octet, 16))
            .collect::<Result<_, _>>()
            .map_err(|_| format!("{mac} is no MAC address"))?;
        let octets: [u8; 6] = octets.try_into().map_err(|_| format!("{mac} is no MAC address"))?;
        let tap = TunTapInterface::new(device, Medium::Ethernet)
            .map_err(|error| format!("cannot open the tap {device}: {error}"))?;
        // A process ends with its memory: what lives as long may be leaked.
        let memory = Box::leak(Box::new(Memory::<6, 4096, 2048, 4>::new()));
        let slots = Box::leak(Box::new(Slots::<'static, 14>::new()));
        let board = Host { began: std::time::Instant::now() };
        let port = Box::leak(Box::new(Port::new(Wire { tap, dry: true })));
        let mut shim = Shim::new(board, port, Setup { mac: octets, link: "eth0" });
        shim.open(memory, slots);
        let mut engine = Box::new(Appliance::new());
        shim.start(&mut engine);
        let echo = Echo::new(&mut shim);
        Ok(Self { shim, engine, echo, typed: Vec::new(), mac: mac.to_owned(), over: false })
    }

    fn now(&mut self) -> Instant {
        self.shim.board().now()
    }

    /// Puts a configuration in force, or says what is wrong with it.
    fn configure(&mut self, text: &str) {
        let mut config: Box<Config<PEERS, SERVICES>> = Box::default();
        let parsed = parse(text, &PLATFORM, &mut config, &mut |diagnostic| say(&format!("{diagnostic}\n")));
        if parsed.is_err() {
            return;
        }
        let now = self.now();
        self.shim.configure(&mut self.engine, &config, &mut |said| log(now, &said));
    }

    /// One turn; for how long nothing is to be done after it.
    fn turn(&mut self) -> Duration {
        let (now, mut answers) = (self.now(), Vec::new());
        let due = self.shim.turn(&mut self.engine, &mut |said| {
            log(now, &said);
            if let Said::Answer { id, result } = said {
                answers.push((id, result));
            }
        });
        for (id, result) in answers {
            self.answered(id, result);
        }
        let summary = self.engine.summary();
        let served = self.echo.serve(&mut self.shim, summary.hostname);
        if served || !self.shim.port().device.dry {
            return Duration::ZERO;
        }
        Duration::from_micros(due.since(self.now()).as_micros())
    }

    fn answered(&mut self, id: CommandId, result: CommandResult) {
        if id == STOP {
            self.over = true;
            return;
        }
        say(match result {
            CommandResult::Done => "done\n",
            CommandResult::Unchanged => "it is so already\n",
            CommandResult::NoSuchService => "% there is no such service\n",
            CommandResult::NoStandby => "% its block has no `standby route-map`\n",
            CommandResult::Stopping => "% it is stopping\n",
            _ => "done, as far as can be said\n",
        });
        self.prompt();
    }

    fn prompt(&self) {
        let name = self.engine.summary().hostname;
        say(&format!("{}> ", if name.is_empty() { "holdover" } else { name }));
    }

    /// What was typed on the console.
    fn hear(&mut self, octets: &[u8]) {
        for &octet in octets {
            if !matches!(octet, b'\r' | b'\n') {
                self.typed.push(octet);
                continue;
            }
            let line = String::from_utf8_lossy(&std::mem::take(&mut self.typed)).into_owned();
            self.obey(line.trim());
        }
    }

    /// Answers a line: the board's own words first, then the core's.
    fn obey(&mut self, line: &str) {
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            [] => {}
            ["echo", word @ ("on" | "off")] => self.echo.set(&mut self.shim, *word == "on"),
            ["echo"] => say(if self.echo.on { "echo is on\n" } else { "echo is off\n" }),
            ["show", "board"] => self.show_board(),
            ["show", "counters"] => say(&format!("{:#?}\n", self.shim.counters())),
            ["stop"] => return self.command(STOP, Command::Stop),
            _ => match command::read(line) {
                Ok(Request::Show(what)) => self.show(what),
                // The prompt follows its answer.
                Ok(Request::Wish { service, wish }) => {
                    let named = service.map(|name| self.engine.service_named(name));
                    if named != Some(None) {
                        let service = named.flatten();
                        return self.command(WISH, Command::Wish { service, wish, wait: false });
                    }
                    return self.answered(WISH, CommandResult::NoSuchService);
                }
                Err(misread) => say(&format!("% {misread}\n")),
            },
        }
        self.prompt();
    }

    /// Core's views, by core's renderers.
    fn show(&mut self, what: Show) {
        let (now, engine, mut text) = (self.now(), &self.engine, String::new());
        let (out, summary) = (&mut Text(&mut text), engine.summary());
        let peers = (0..PEERS).filter_map(|place| engine.peer(place));
        let services = (0..SERVICES).filter_map(|place| engine.service(place));
        let link = |id: Option<LinkId>| id.map_or("", |id| self.shim.link_name(id));
        // Writing to a String cannot fail.
        let _ = match what {
            Show::Summary => show::summary(out, now, &summary, peers, services),
            Show::Neighbors => show::neighbors(out, now, summary.local_as, peers),
            Show::Neighbor(address) => peers
                .filter(|peer| peer.address == address)
                .try_for_each(|peer| show::neighbor(out, now, summary.local_as, &peer)),
            Show::Bfd => show::bfd(out, now, &summary, peers),
            Show::Services => show::services(out, now, services)
                .and_then(|()| show::checks(out, now, (0..).map_while(|place| engine.check(place)))),
            Show::Routes => {
                let rows = std::iter::successors(engine.route(0), |(place, _)| engine.route(place + 1));
                show::routes(out, rows.map(|(_, route)| (route, link(route.link))))
            }
            Show::Steer => {
                let rows = std::iter::successors(engine.steered(0), |(place, _)| engine.steered(place + 1));
                show::steered(out, rows.map(|(_, row)| row))
            }
            Show::RunningConfig => show::running_config(out, engine.config().view()),
        };
        say(&text);
    }

    fn command(&mut self, id: CommandId, command: Command) {
        let (now, mut answer) = (self.now(), None);
        self.shim.command(&mut self.engine, id, command, &mut |said| {
            log(now, &said);
            if let Said::Answer { id, result } = said {
                answer = Some((id, result));
            }
        });
        if let Some((id, result)) = answer {
            self.answered(id, result);
        }
    }

    fn show_board(&mut self) {
        let uptime = self.now().as_micros() / 1_000;
        let octets = size_of::<Appliance>() + size_of::<Memory<6, 4096, 2048, 4>>();
        say(&format!(
            "uptime-ms {uptime}\nboots 1\nlast-panic none\nstatic-octets {octets}\nstack-peak-octets 0\nmac {}\n",
            self.mac
        ));
    }
}

/// Writes to the console.
fn say(text: &str) {
    let mut out = std::io::stdout();
    // A console that nobody reads must not end the appliance.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn log(now: Instant, said: &Said) {
    if let Said::Record(record) = said {
        let micros = now.as_micros();
        eprintln!("{}.{:06} {record:?}", micros / 1_000_000, micros % 1_000_000);
    }
}

const TAP: Token = Token(0);
const TYPED: Token = Token(1);

/// Reads the console for as long as there is one.
fn listen(typed: &Sender<Vec<u8>>, waker: &Waker) {
    let mut octets = [0; 256];
    let mut input = std::io::stdin();
    while let Ok(length @ 1..) = input.read(&mut octets) {
        if typed.send(octets[..length].to_vec()).is_err() || waker.wake().is_err() {
            return;
        }
    }
}

/// Turn after turn, until `stop`.
fn drive(machine: &mut Machine, typed: &Receiver<Vec<u8>>, poll: &mut Poll) -> Result<(), String> {
    let mut events = Events::with_capacity(8);
    while !machine.over {
        let idle = machine.turn();
        match poll.poll(&mut events, Some(idle)) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => return Err(error.to_string()),
            _ => {}
        }
        while let Ok(octets) = typed.try_recv() {
            machine.hear(&octets);
        }
    }
    Ok(())
}

fn run(device: &str, mac: &str, file: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {file}: {error}"))?;
    let mut machine = Machine::new(device, mac)?;
    machine.configure(&text);
    let mut poll = Poll::new().map_err(|error| error.to_string())?;
    let fd = machine.shim.port().device.tap.as_raw_fd();
    poll.registry()
        .register(&mut SourceFd(&fd), TAP, Interest::READABLE)
        .map_err(|error| error.to_string())?;
    let waker = Waker::new(poll.registry(), TYPED).map_err(|error| error.to_string())?;
    let (sender, typed) = channel();
    std::thread::spawn(move || listen(&sender, &waker));
    machine.prompt();
    drive(&mut machine, &typed, &mut poll)
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [device, mac, file] = words.as_slice() else {
        eprintln!("usage: tap DEVICE MAC FILE");
        return ExitCode::from(2);
    };
    match run(device, mac, file) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tap: {error}");
            ExitCode::FAILURE
        }
    }
}
