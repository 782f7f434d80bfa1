//! Two machines that share an address, and routers that choose between them: the stage of the failover tests.

use holdover_core::bgp::fsm::State;
use holdover_core::config::RouteSource;
use holdover_core::engine::{Command, LinkId, ServiceId, Wish};

use super::bytes::{Attributes, Message};
use super::speaker::usual;
use super::world::{Nature, SECOND, World, ip, prefix};

/// The shared address.
pub const SHARED: &str = "192.0.2.10";
/// The communities of a provider's guide.
pub const PRIMARY: [u32; 3] = [63_949, 1, 1];
/// See [`PRIMARY`].
pub const SECONDARY: [u32; 3] = [63_949, 1, 2];

/// The stage.
pub struct Lab {
    pub world: World,
    /// The primary and the secondary.
    pub nodes: [usize; 2],
    pub routers: Vec<usize>,
    pub wire: usize,
}

/// How a lab is laid out.
#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub nature: Nature,
    pub routers: usize,
    /// Further lines of the failover block, of the primary and of the secondary.
    pub lines: [String; 2],
    /// Further lines of `router bgp` on both nodes.
    pub bgp: String,
    /// Whether routers dial too, so that connections collide.
    pub mutual: bool,
    /// Lines about BFD below `router bgp`, of the nodes and of the routers; the profile `fast` is there.
    pub bfd: [String; 2],
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            seed: 1,
            nature: Nature::CALM,
            routers: 1,
            lines: [String::new(), String::new()],
            bgp: " timers bgp 1 3\n".to_owned(),
            mutual: false,
            bfd: [String::new(), String::new()],
        }
    }
}

impl Plan {
    /// Further lines of the primary's failover block.
    pub fn primary(lines: &str) -> Self {
        Self { lines: [lines.to_owned(), String::new()], ..Self::default() }
    }
}

/// The command that says what is wanted of a service, without waiting.
pub const fn wish(service: ServiceId, wish: Wish) -> Command {
    Command::Wish { service: Some(service), wish, wait: false }
}

/// What makes a node's configuration: with `block` instead of a failover block.
pub fn node_config(index: usize, routers: usize, bgp: &str, block: &str) -> String {
    use std::fmt::Write as _;
    let mut text = format!("hostname n{0}\nrouter bgp 65000\n bgp router-id 10.0.0.{0}\n", index + 1);
    text.push_str(
        " neighbor RS peer-group\n neighbor RS remote-as external\n neighbor RS capability extended-nexthop\n",
    );
    for router in 0..routers {
        writeln!(text, " neighbor fd00::2{router} peer-group RS").unwrap();
    }
    text.push_str(bgp);
    text.push_str("route-map primary permit 10\n set large-community 63949:1:1\n");
    text.push_str("route-map secondary permit 10\n set large-community 63949:1:2\n");
    text.push_str(block);
    text
}

/// The failover block of a node.
pub fn block(index: usize, lines: &str) -> String {
    let role = ["primary", "secondary"][index];
    format!(
        "failover web\n address {SHARED}/32\n role {role}\n active route-map primary\n \
         standby route-map secondary\n{lines}\nexit\n"
    )
}

/// A router's configuration: it listens for nodes, and may dial them too.
pub fn router_config(index: usize, mutual: bool) -> String {
    let nodes = if mutual {
        " bgp listen\n neighbor fd00::11 peer-group NODES\n neighbor fd00::12 peer-group NODES\n"
    } else {
        " bgp listen range fd00::/64 peer-group NODES\n"
    };
    format!(
        "hostname r{index}\nrouter bgp 63949\n bgp router-id 10.0.0.2{index}\n timers bgp 1 3\n \
         neighbor NODES peer-group\n neighbor NODES remote-as 65000\n neighbor NODES capability extended-nexthop\n\
         {nodes}steer edge\n accept 192.0.2.0/24 le 32\n prefer large-community 63949:1:1\n \
         prefer large-community 63949:1:2\n install kernel\nexit\n"
    )
}

/// A configuration with these lines at the end of `router bgp`, which the word behind it tells, and the profile.
fn with_bfd(config: &str, lines: &str, behind: &str) -> String {
    if lines.is_empty() {
        return config.to_owned();
    }
    let (before, after) = config.split_once(&format!("\n{behind}")).expect("something behind `router bgp`");
    let profile = "bfd\n profile fast\n  transmit-interval 50\n  receive-interval 50\n";
    format!("{before}\n{lines}{profile}{behind}{after}")
}

impl Lab {
    /// The hosts and wires, without daemons.
    pub fn bare(plan: &Plan) -> Self {
        let mut world = World::with(plan.seed, plan.nature);
        let wire = world.segment(100);
        let mut nodes = [0; 2];
        for (index, node) in nodes.iter_mut().enumerate() {
            *node = world.host(&format!("n{}", index + 1));
            let number = index + 1;
            let addresses =
                [format!("10.0.0.{number}/24"), format!("fd00::1{number}/64"), format!("fe80::{number}/64")];
            world.plug(*node, wire, &addresses.each_ref().map(String::as_str));
        }
        let mut routers = vec![];
        for index in 0..plan.routers {
            let router = world.host(&format!("r{index}"));
            let addresses =
                [format!("10.0.0.2{index}/24"), format!("fd00::2{index}/64"), format!("fe80::2{index}/64")];
            world.plug(router, wire, &addresses.each_ref().map(String::as_str));
            routers.push(router);
        }
        Self { world, nodes, routers, wire }
    }

    /// The same, with all daemons started and routers first.
    pub fn started(plan: &Plan) -> Self {
        let mut lab = Self::bare(plan);
        lab.start(plan);
        lab
    }

    /// Starts all daemons.
    pub fn start(&mut self, plan: &Plan) {
        for (index, &router) in self.routers.clone().iter().enumerate() {
            let config = with_bfd(&router_config(index, plan.mutual), &plan.bfd[1], "steer");
            self.world.boot(router, usual(), &config);
        }
        for (index, &node) in self.nodes.clone().iter().enumerate() {
            let listen = if plan.mutual { " bgp listen\n" } else { "" };
            let bgp = format!("{}{listen}", plan.bgp);
            let config = node_config(index, plan.routers, &bgp, &block(index, &plan.lines[index]));
            let config = with_bfd(&config, &plan.bfd[0], "route-map");
            self.world.boot(node, usual(), &config);
        }
    }

    /// The same, with traffic at the primary.
    #[track_caller]
    pub fn up(plan: &Plan) -> Self {
        let mut lab = Self::started(plan);
        lab.expect_at(0, 5 * SECOND);
        lab
    }

    /// Which node answers for the shared address at the first router.
    pub fn answering(&self) -> Option<usize> {
        answering(&self.world, self.routers[0], &self.nodes)
    }

    /// Waits until every router steers to that node.
    #[track_caller]
    pub fn expect_at(&mut self, node: usize, within: u64) {
        let (routers, nodes) = (self.routers.clone(), self.nodes);
        self.world.expect(&format!("traffic at n{}", node + 1), within, |world| {
            routers.iter().all(|&router| answering(world, router, &nodes) == Some(node))
        });
    }

    /// Asserts that somebody answers, at every instant of `span`.
    #[track_caller]
    pub fn always_answered(&mut self, span: u64) {
        let (router, nodes) = (self.routers[0], self.nodes);
        self.world.never("nobody answers", span, |world| answering(world, router, &nodes).is_none());
    }

    /// Asserts that only that node answers, at every instant of `span`.
    #[track_caller]
    pub fn stays_at(&mut self, node: usize, span: u64) {
        let (router, nodes) = (self.routers[0], self.nodes);
        self.world.never("the traffic moves", span, |world| answering(world, router, &nodes) != Some(node));
    }

    /// What a node has told the first router, by the octets it sent, about the shared address.
    pub fn told(&self, node: usize) -> Option<Attributes> {
        told(&self.world, self.nodes[node])
    }

    /// Waits until a node's announcement is as `good` says.
    #[track_caller]
    pub fn expect_told(
        &mut self,
        node: usize,
        what: &str,
        within: u64,
        good: impl Fn(Option<&Attributes>) -> bool,
    ) {
        let host = self.nodes[node];
        self.world.expect(what, within, |world| good(told(world, host).as_ref()));
    }

    /// Whether a node has the shared address.
    pub fn holds(&self, node: usize) -> bool {
        self.world.hosts[self.nodes[node]].holds(SHARED)
    }

    /// The link of a node that the sessions run over.
    pub const ETH0: LinkId = LinkId(2);
}

/// Which of `nodes` answers for the shared address at `router`.
pub fn answering(world: &World, router: usize, nodes: &[usize; 2]) -> Option<usize> {
    let host = world.reached(router, ip(SHARED))?;
    nodes.iter().position(|&node| node == host)
}

/// What `host` has told its first peer about the shared address.
pub fn told(world: &World, host: usize) -> Option<Attributes> {
    let wanted = prefix("192.0.2.10/32");
    world.hosts[host]
        .tap
        .streams()
        .filter(|(conn, _)| conn.peer.0 == 0)
        .find_map(|(_, stream)| stream.told.get(&wanted).cloned())
}

/// Whether all configured sessions of a host are up.
pub fn all_up(world: &World, host: usize) -> bool {
    let engine = world.hosts[host].engine();
    (0..6).filter_map(|index| engine.peer(index)).all(|peer| peer.state == State::Established)
}

/// The UPDATEs that a host sent, with their times.
pub fn updates(world: &World, host: usize) -> Vec<(u64, super::bytes::Update)> {
    let log = world.hosts[host].tap.log.iter();
    log.filter_map(|said| {
        if let Message::Update(update) = &said.message { Some((said.at, update.clone())) } else { None }
    })
    .collect()
}

/// The word for a source in `redistribute`.
pub const fn word(source: RouteSource) -> &'static str {
    match source {
        RouteSource::Static => "static",
        RouteSource::Connected => "connected",
        RouteSource::Kernel => "kernel",
    }
}
