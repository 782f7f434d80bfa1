//! One engine and one scripted peer on a wire: the stage of most tests of the protocol.

use holdover_core::bgp::fsm::State;
use holdover_core::engine::Record;

use super::bytes::{Message, Open, Update};
use super::script::Line;
use super::speaker::usual;
use super::world::{SECOND, World, ip};

/// The engine's AS and the script's.
pub const OURS: u32 = 65_000;
/// The script's AS.
pub const THEIRS: u32 = 65_010;
/// 10.0.0.2 as a BGP Identifier.
pub const THEIR_ID: u32 = 0x0A00_0002;
/// 10.0.0.1 as a BGP Identifier.
pub const OUR_ID: u32 = 0x0A00_0001;

/// The stage.
pub struct Duo {
    pub world: World,
    pub node: usize,
    pub peer: usize,
}

impl Duo {
    /// A wire, a node that has no daemon yet, and a script at 10.0.0.2 and `fd00::2` that does not listen yet.
    pub fn bare() -> Self {
        let mut world = World::new(7);
        let wire = world.segment(100);
        let (node, peer) = (world.host("node"), world.host("peer"));
        world.plug(node, wire, &["10.0.0.1/24", "fd00::1/64", "fe80::1/64"]);
        world.plug(peer, wire, &["10.0.0.2/24", "fd00::2/64", "fe80::2/64"]);
        Self { world, node, peer }
    }

    /// The same, with a daemon of this configuration, and a listening script.
    pub fn with(config: &str) -> Self {
        let mut duo = Self::bare();
        duo.world.script_listens(duo.peer, None);
        duo.world.boot(duo.node, usual(), config);
        duo
    }

    /// A node that dials the script, with these further lines below `router bgp`.
    pub fn dialling(lines: &str) -> Self {
        Self::with(&router(lines))
    }

    /// A node that waits for the script to dial, with these further lines below `router bgp`.
    pub fn waiting(lines: &str) -> Self {
        let mut duo = Self::bare();
        duo.world.boot(duo.node, usual(), &router(&format!("neighbor 10.0.0.2 passive\n{lines}")));
        duo.world.run(SECOND / 10);
        duo
    }

    /// The next connection that the node opens.
    #[track_caller]
    pub fn accept(&mut self) -> Line {
        self.world.script_accepts(self.peer, 5 * SECOND)
    }

    /// The script opens a connection.
    #[track_caller]
    pub fn dial(&mut self) -> Line {
        self.world.script_dials(self.peer, "10.0.0.1", None).expect("the node refuses the connection")
    }

    /// A session that the node dialled, up and kept alive by the script.
    #[track_caller]
    pub fn session(&mut self) -> Line {
        let mut line = self.accept();
        let open = their_open();
        self.world.establish(&mut line, &open);
        self.expect_state(State::Established);
        self.world.keep_alive(line, 2 * SECOND);
        line
    }

    /// The state of the only neighbor.
    pub fn state(&self) -> State {
        state_of(&self.world, self.node)
    }

    /// Waits for a state.
    #[track_caller]
    pub fn expect_state(&mut self, state: State) {
        let node = self.node;
        self.world
            .expect(&format!("the neighbor in {state}"), 5 * SECOND, |world| state_of(world, node) == state);
    }

    /// Times at which the node dialled.
    pub fn dials(&self) -> Vec<u64> {
        self.world.hosts[self.node].ledger.dials_ever.clone()
    }

    /// All records of the node's daemon so far.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.world.hosts[self.node].records.iter().map(|(_, record)| record)
    }

    /// The next UPDATE with something in it (not an End-of-RIB).
    #[track_caller]
    pub fn hear_update(&mut self, line: Line, within: u64) -> Update {
        let end = self.world.now + within;
        loop {
            let left = end.saturating_sub(self.world.now);
            match self.world.hear_other(line, left) {
                Message::Update(update) if update.end_of_rib.is_none() => return update,
                Message::Update(_) => {}
                other => panic!("{other:?} instead of an UPDATE"),
            }
        }
    }

    /// The whole first batch: every UPDATE up to and including the End-of-RIB of IPv4.
    #[track_caller]
    pub fn hear_batch(&mut self, line: Line, within: u64) -> Vec<Update> {
        let mut batch = vec![];
        let end = self.world.now + within;
        loop {
            let left = end.saturating_sub(self.world.now);
            match self.world.hear_other(line, left) {
                Message::Update(update) if update.end_of_rib.is_some() => return batch,
                Message::Update(update) => batch.push(update),
                other => panic!("{other:?} instead of an UPDATE"),
            }
        }
    }
}

/// What the script says in its OPEN.
pub fn their_open() -> Open {
    Open::modern(THEIRS, 9, THEIR_ID)
}

/// `router bgp` with the script as a neighbor, and these further lines.
pub fn router(lines: &str) -> String {
    format!("router bgp {OURS}\n bgp router-id 10.0.0.1\n neighbor 10.0.0.2 remote-as {THEIRS}\n{lines}\n")
}

/// The state of a host's first neighbor.
pub fn state_of(world: &World, host: usize) -> State {
    world.hosts[host].engine().peer(0).map_or(State::Idle, |peer| peer.state)
}

/// The address of the service in most tests.
pub fn shared() -> std::net::IpAddr {
    ip("192.0.2.10")
}
