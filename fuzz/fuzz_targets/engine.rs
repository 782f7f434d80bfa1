//! Any facts in any order, true ones and lies: the engine neither panics nor orders without end, what it sends is whole
//! messages, it binds and announces only what it was told to, and everything it shows can be shown.
//!
//! An octet says which fact, the ones behind it which of the names that the engine has given.
#![no_main]

use std::net::IpAddr;
use std::sync::LazyLock;

use holdover_core::base::net::{InterfaceAddress, Prefix};
use holdover_core::base::time::{Duration, Instant};
use holdover_core::bfd::BfdKind;
use holdover_core::config::{Config, Platform, parse};
use holdover_core::console::show;
use holdover_core::console::text::Text;
use holdover_core::engine::{
    AddressId, BfdId, Bound, Command, CommandId, ConnId, Endpoint, Engine, HostTable, Input, IoError, LinkId,
    ListenerId, Output, Phase, ProbeFailure, ProbeId, RouteId, ServiceId, SocketId, Verdict, Wish,
};
use holdover_core::wire::bfd::Packet;
use holdover_core::wire::header::peel;
use libfuzzer_sys::fuzz_target;

const TEXT: &str = "router bgp 65000\n bgp router-id 10.0.0.1\n bgp listen\n neighbor 10.0.0.2 remote-as 65010\n \
    neighbor 10.0.0.2 bfd\n neighbor 10.0.0.3 remote-as external\n neighbor 10.0.0.3 password secret\n \
    neighbor fd00::2 remote-as 65010\n neighbor fd00::2 capability extended-nexthop\n address-family ipv4 unicast\n  \
    network 198.51.100.0/24\n  redistribute kernel\n  redistribute connected\n exit-address-family\nexit\n\
    ip route 203.0.113.0/24 Null0\nroute-map a permit 10\n set large-community 63949:1:1\nexit\nroute-map b permit 10\n \
    set large-community 63949:1:2\nexit\nfailover web\n address 192.0.2.10/32\n address 2001:db8::10/128\n \
    active route-map a\n standby route-map b\n check one tcp 127.0.0.1:80 interval 100ms\n on-failure standby\nexit\n\
    failover other\n address 192.0.2.11/32\n bind eth0\n active route-map a\nexit\nsteer edge\n accept 0.0.0.0/0 le 32\n \
    accept ::/0 le 128\n install kernel\nexit\n";

const LINKS: [&str; 4] = ["lo", "eth0", "eth1", ""];
const ADDRESSES: [&str; 8] = [
    "10.0.0.1",
    "fd00::1",
    "192.0.2.10",
    "2001:db8::10",
    "192.0.2.11",
    "127.0.0.1",
    "fe80::1",
    "198.51.100.7",
];
const SHARED: [&str; 3] = ["192.0.2.10", "2001:db8::10", "192.0.2.11"];
const REMOTES: [&str; 4] = ["10.0.0.2", "10.0.0.3", "fd00::2", "10.9.9.9"];

/// OPEN of AS 65010 with IPv4, IPv6, route refresh, 4-octet AS numbers, RFC 8950 and graceful restart; hold time 9 s.
const OPEN: &[u8] = &[
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 63, 1, 4, 253, 242, 0,
    9, 10, 0, 0, 2, 34, 2, 32, 1, 4, 0, 1, 0, 1, 1, 4, 0, 2, 0, 1, 2, 0, 65, 4, 0, 0, 253, 242, 5, 6, 0, 1,
    0, 1, 0, 2, 64, 0, 70, 0,
];
const HEADER: [u8; 16] = [255; 16];

type Small = Engine<3, 3>;

static CONFIG: LazyLock<Box<Config<3, 3>>> = LazyLock::new(|| {
    let mut config = Box::new(Config::new());
    parse(TEXT, &Platform::ALL, &mut config, &mut |said| eprintln!("{said}")).expect("a good configuration");
    config
});

/// A connection, as the wire sees it.
struct Line {
    conn: ConnId,
    /// Ordered to be sent, and not answered.
    offered: Vec<u8>,
    /// Taken by the wire, behind the last whole message.
    taken: Vec<u8>,
    /// Whether it was told nothing but the truth: its octets are whole messages then.
    honest: bool,
}

/// The names that the engine gave, and what is needed to lie about them.
struct Run<'a> {
    input: std::slice::Iter<'a, u8>,
    engine: Box<Small>,
    now: u64,
    lines: Vec<Line>,
    listeners: Vec<ListenerId>,
    addresses: Vec<AddressId>,
    routes: Vec<RouteId>,
    probes: Vec<ProbeId>,
    sessions: Vec<BfdId>,
}

fuzz_target!(|input: &[u8]| {
    let mut run = Run::new(input);
    while let Some(&kind) = run.input.next() {
        run.step(kind);
    }
    run.come_to_rest();
});

impl<'a> Run<'a> {
    fn new(input: &'a [u8]) -> Self {
        let (engine, input) = (Box::new(Small::new()), input.iter());
        let (lines, listeners, addresses) = (vec![], vec![], vec![]);
        let (routes, probes, sessions) = (vec![], vec![], vec![]);
        let mut run = Self { input, engine, now: 0, lines, listeners, addresses, routes, probes, sessions };
        let seed = u64::from(run.octet());
        run.engine.start(Instant::ZERO, seed);
        run.engine.configure(Instant::ZERO, &CONFIG);
        run.drain();
        run
    }

    fn octet(&mut self) -> u8 {
        self.input.next().copied().unwrap_or_default()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> Option<T> {
        let place = usize::from(self.octet());
        from.get(place.checked_rem(from.len())?).copied()
    }

    fn address(&mut self, of: &[&str]) -> IpAddr {
        self.pick(of).and_then(|text| text.parse().ok()).expect("a list of addresses")
    }

    fn answer(&mut self) -> Result<(), IoError> {
        match self.octet() % 4 {
            0 => Err(IoError::Refused),
            1 => Err(IoError::Exhausted),
            _ => Ok(()),
        }
    }

    fn tell(&mut self, input: Input<'_>) {
        self.engine.handle(Instant::from_micros(self.now), input);
        self.drain();
    }

    /// What any shim does, and what the engine must not do meanwhile.
    fn drain(&mut self) {
        for orders in 0.. {
            assert!(orders < 2_000, "a drain without end");
            let Some(order) = self.engine.poll() else { break };
            match order {
                Output::Connect { conn, .. } | Output::Adopt { conn, .. } => {
                    self.lines.retain(|line| line.conn != conn);
                    self.lines.push(Line { conn, offered: vec![], taken: vec![], honest: true });
                    assert!(self.lines.len() < 100_000);
                }
                Output::Send { conn, bytes } => {
                    assert!(!bytes.is_empty() && bytes.len() <= 4_096);
                    if let Some(line) = self.lines.iter_mut().find(|line| line.conn == conn) {
                        assert!(
                            !line.honest || line.offered.is_empty(),
                            "what was offered is not answered yet"
                        );
                        line.offered = bytes.to_vec();
                    }
                }
                Output::Listen { listener, .. } => self.listeners.push(listener),
                Output::Bind { address, prefix, .. } => {
                    assert!(
                        SHARED.iter().any(|text| text.parse() == Ok(prefix.address)),
                        "{prefix} is not ours"
                    );
                    self.addresses.push(address);
                }
                Output::Unbind { address, .. } => self.addresses.push(address),
                Output::InstallRoute { route, .. } | Output::RemoveRoute { route, .. } => {
                    self.routes.push(route)
                }
                Output::StartProbe { probe, .. } => self.probes.push(probe),
                Output::OpenDatagram { bfd, .. } => self.sessions.push(bfd),
                Output::SendDatagram { bytes, .. } => drop(Packet::read(bytes).expect("a sound packet")),
                Output::Record(record) => assert!(!record.to_string().is_empty()),
                _ => {}
            }
        }
    }

    fn step(&mut self, kind: u8) {
        match kind % 16 {
            0 => self.pass_time(),
            1 | 2 => self.tell_a_table(),
            3 => self.connected(),
            4 | 5 => self.received(),
            6 => self.sent(),
            7 => self.ended(),
            8 => self.accepted(),
            9 => self.listened(),
            10 => self.bound(),
            11 => self.probed(),
            12 => self.routed(),
            13 => self.heard(),
            14 => self.commanded(),
            _ => self.look(),
        }
    }

    fn pass_time(&mut self) {
        let scale = self.pick(&[1, 1_000, 20_000, 250_000, 1_000_000, 20_000_000]).unwrap_or(1);
        self.now += u64::from(self.octet()) * scale;
        self.tell(Input::Tick);
    }

    fn tell_a_table(&mut self) {
        let number = self.octet();
        let link = LinkId(1 + u32::from(number % 4));
        let (present, ours) = (number & 16 == 0, number & 32 == 0);
        match number >> 6 {
            0 => self.tell(Input::Link {
                link,
                name: LINKS[usize::from(number % 4)],
                up: present,
                gone: !ours,
            }),
            1 => {
                let address = self.address(&ADDRESSES);
                let length = self.pick(&[24, 32, 64, 128, 0]).unwrap_or_default();
                let address = InterfaceAddress { address, length };
                self.tell(Input::Address { link, address, present, ours });
            }
            2 => {
                let length = self.octet() % 33;
                if let Some(prefix) = Prefix::new([203, 0, 113, number].into(), length) {
                    self.tell(Input::KernelRoute { prefix, present });
                }
            }
            _ => {
                let what = self.pick(&[HostTable::Links, HostTable::Addresses, HostTable::Routes]);
                let phase = if present { Phase::Begin } else { Phase::End };
                self.tell(Input::Resync { what: what.unwrap_or(HostTable::Addresses), phase });
            }
        }
    }

    /// One of the newest lines.
    fn line(&mut self) -> Option<usize> {
        let back = usize::from(self.octet() % 4);
        self.lines.len().checked_sub(1 + back)
    }

    fn connected(&mut self) {
        let Some(place) = self.line() else { return };
        let conn = self.lines[place].conn;
        if self.octet() % 4 == 0 {
            return self.tell(Input::ConnectFailed { conn, why: IoError::Refused });
        }
        let address = self.address(&ADDRESSES);
        self.tell(Input::Connected { conn, local: Endpoint { address, port: 40_000, link: None } });
    }

    fn received(&mut self) {
        let Some(place) = self.line() else { return };
        let conn = self.lines[place].conn;
        let mut bytes = match self.octet() % 8 {
            0 | 1 => OPEN.to_vec(),
            2 => [&HEADER[..], &[0, 19, 4]].concat(),
            3 => [OPEN, &HEADER, &[0, 19, 4]].concat(),
            kind => {
                let length = self.octet();
                let body: Vec<u8> = self.input.by_ref().take(usize::from(length)).copied().collect();
                let whole = u16::try_from(19 + body.len()).unwrap_or_default();
                match kind {
                    4 => body,
                    _ => [&HEADER[..], &whole.to_be_bytes(), &[[2, 3, 5][usize::from(kind) % 3]], &body]
                        .concat(),
                }
            }
        };
        if self.octet() % 8 == 0 {
            bytes.truncate(usize::from(self.octet()));
        }
        self.tell(Input::Received { conn, bytes: &bytes });
    }

    /// The wire took something: as much as it can have, or a lie.
    fn sent(&mut self) {
        let Some(place) = self.line() else { return };
        let kind = self.octet();
        let line = &mut self.lines[place];
        let (conn, most) = (line.conn, line.offered.len());
        let len = match kind % 8 {
            0 => 1.min(most),
            1 => most / 2,
            2 => usize::from(kind) * 100,
            _ => most,
        };
        if len > most || most == 0 {
            line.honest = false;
        }
        line.taken.extend(line.offered.drain(..len.min(most)));
        // What is left is offered anew.
        line.offered.clear();
        while line.honest {
            match peel(&line.taken) {
                Ok(Some(frame)) => drop(line.taken.drain(..frame.length)),
                Ok(None) => break,
                Err(fault) => panic!("octets that are no message were sent: {fault}"),
            }
        }
        self.tell(Input::Sent { conn, len });
    }

    fn ended(&mut self) {
        let Some(place) = self.line() else { return };
        let conn = self.lines[place].conn;
        match self.octet() % 4 {
            0 => self.tell(Input::Flushed { conn }),
            1 => self.tell(Input::Closed { conn, why: IoError::Reset }),
            _ => self.tell(Input::Closed { conn, why: IoError::None }),
        }
    }

    fn accepted(&mut self) {
        let Some(listener) = self.listeners.last().copied() else { return };
        let socket = SocketId(u32::from(self.octet()));
        let (local, remote) = (self.address(&ADDRESSES), self.address(&REMOTES));
        let [local, remote] = [local, remote].map(|address| Endpoint { address, port: 179, link: None });
        self.tell(Input::Accepted { socket, listener, local, remote });
    }

    fn listened(&mut self) {
        let (listeners, result) = (self.listeners.clone(), self.answer());
        if let Some(listener) = self.pick(&listeners) {
            self.tell(Input::ListenDone { listener, result });
        }
    }

    fn bound(&mut self) {
        let addresses = self.addresses.clone();
        let Some(address) = self.pick(&addresses) else { return };
        let done = if self.octet() % 2 == 0 { Bound::Done } else { Bound::AlreadySo };
        let result = self.answer().map(|()| done);
        self.tell(Input::AddressDone { address, result });
    }

    fn probed(&mut self) {
        let probes = self.probes.clone();
        let Some(probe) = self.pick(&probes) else { return };
        let verdict =
            if self.octet() % 2 == 0 { Verdict::Pass } else { Verdict::Fail(ProbeFailure::TimedOut) };
        match self.octet() % 4 {
            0 => self.tell(Input::WatchChanged { probe, verdict }),
            _ => self.tell(Input::ProbeDone { probe, verdict, took: Duration::from_millis(1) }),
        }
    }

    fn routed(&mut self) {
        let (routes, result) = (self.routes.clone(), self.answer());
        if let Some(route) = self.pick(&routes) {
            if self.octet() % 4 == 0 {
                self.tell(Input::RouteLost { route });
            } else {
                self.tell(Input::RouteDone { route, result });
            }
        }
    }

    /// BFD: an answer to the opening of a session, or a packet.
    fn heard(&mut self) {
        let (sessions, result) = (self.sessions.clone(), self.answer());
        if self.octet() % 4 == 0
            && let Some(bfd) = self.pick(&sessions)
        {
            return self.tell(Input::DatagramDone { bfd, result });
        }
        let (local, remote) = (self.address(&ADDRESSES), self.address(&REMOTES));
        let mut bytes = [0; 24];
        bytes.fill_with(|| self.octet());
        if self.octet() % 4 != 0 {
            bytes[0] = 0x20;
            bytes[3] = 24;
        }
        let kind = if self.octet() % 4 == 0 { BfdKind::Multihop } else { BfdKind::SingleHop };
        let ttl = self.pick(&[255, 254, 1]).unwrap_or(255);
        self.tell(Input::Datagram { kind, link: LinkId(2), local, remote, ttl, bytes: &bytes });
    }

    fn commanded(&mut self) {
        let number = self.octet();
        let service = (number & 64 != 0).then_some(ServiceId(u16::from(number % 4)));
        let wish = self.pick(&[Wish::None, Wish::Drain, Wish::Promote, Wish::Demote, Wish::Force]);
        let command = match number {
            255 => Command::Stop,
            _ => Command::Wish { service, wish: wish.unwrap_or_default(), wait: number & 128 != 0 },
        };
        self.tell(Input::Command { id: CommandId(u32::from(number)), command });
    }

    /// Everything can be shown at any time.
    fn look(&mut self) {
        let (now, engine, mut text) = (Instant::from_micros(self.now), &self.engine, String::new());
        let (summary, out) = (engine.summary(), &mut Text(&mut text));
        let peers = (0..3).filter_map(|place| engine.peer(place));
        let services = (0..3).filter_map(|place| engine.service(place));
        let checks = (0..6).filter_map(|place| engine.check(place));
        show::summary(out, now, &summary, peers.clone(), services).expect("a string takes everything");
        show::bfd(out, now, &summary, peers.clone()).expect("a string takes everything");
        show::checks(out, now, checks).expect("a string takes everything");
        for peer in peers {
            show::neighbor(out, now, summary.local_as, &peer).expect("a string takes everything");
        }
        assert!(summary.established <= summary.peers, "more sessions than neighbors");
    }

    /// With nothing more to be told, the engine waits for a time that comes.
    fn come_to_rest(&mut self) {
        self.look();
        for _ in 0..1_000 {
            self.tell(Input::Tick);
            if self.engine.deadline() > Instant::from_micros(self.now.max(1)) {
                return;
            }
        }
        panic!("always due: {} at {}", self.engine.deadline().as_micros(), self.now);
    }
}
