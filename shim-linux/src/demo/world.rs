//! The demo's network: four hosts and a switch, each in a network namespace of its own.
//!
//! ```text
//!     client --------- router ----- switch ----- node1
//!                                       `------- node2
//! ```
//!
//! Nothing outlives the process: a namespace ends with its last socket, process and descriptor, and all of those are ours
//! or our children's.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use super::ledger::Node;
use super::wiring::{Index, PortState, Wiring};
use crate::sys::namespace;

/// The address that the nodes share (RFC 5737's documentation block).
pub(super) const SHARED: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 10);
const CLIENT: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
const CLIENT_GATEWAY: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

/// A host of the demo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// The provider's route server and router in one.
    Router,
    /// A machine that may hold the shared address.
    Node(Node),
    /// Somebody far away.
    Client,
}

impl Host {
    /// Those that run Holdover.
    pub(super) const SPEAKERS: [Self; 3] = [Self::Router, Self::Node(Node::One), Self::Node(Node::Two)];

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Node(node) => node.name(),
            Self::Client => "client",
        }
    }

    /// The last group of its IPv6 addresses on the switch: `2001:db8:34::N` and `fe80::N`.
    fn number(self) -> u16 {
        match self {
            Self::Router | Self::Client => 0x1,
            Self::Node(Node::One) => 0x101,
            Self::Node(Node::Two) => 0x102,
        }
    }

    /// Its IPv6 address on the switch (RFC 3849's documentation block).
    pub(super) fn address(self) -> Ipv6Addr {
        Ipv6Addr::new(0x2001, 0xdb8, 0x34, 0, 0, 0, 0, self.number())
    }

    /// Its IPv4 address on the switch.
    pub(super) fn address_v4(self) -> Ipv4Addr {
        match self {
            Self::Router | Self::Client => Ipv4Addr::new(203, 0, 113, 1),
            Self::Node(Node::One) => Ipv4Addr::new(203, 0, 113, 101),
            Self::Node(Node::Two) => Ipv4Addr::new(203, 0, 113, 102),
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Router => 0,
            Self::Node(Node::One) => 1,
            Self::Node(Node::Two) => 2,
            Self::Client => 3,
        }
    }
}

/// The network. The thread that built it is in the switch's namespace.
#[derive(Debug)]
pub(super) struct World {
    switch: OwnedFd,
    hosts: [OwnedFd; 4],
    wiring: Wiring,
    /// The bridge's ports to node1 and node2.
    ports: [Index; 2],
}

/// A step of the building that the kernel refused.
#[derive(Debug)]
pub(super) struct Refused {
    /// What was being done.
    pub(super) doing: &'static str,
    /// The kernel's answer.
    pub(super) error: io::Error,
}

/// Names what was being done.
fn doing<T>(doing: &'static str, result: io::Result<T>) -> Result<T, Refused> {
    result.map_err(|error| Refused { doing, error })
}

impl World {
    /// Builds it, and moves this thread into the switch's namespace. The process must have no other thread when it is not
    /// allowed to make network namespaces, because it then makes a user namespace first.
    pub(super) fn build() -> Result<Self, Refused> {
        let switch = doing("making a network namespace", first_network())?;
        let hosts = doing("making a network namespace", four_networks())?;
        doing("entering a network namespace", namespace::enter_network(&switch))?;
        let mut wiring = doing("opening a netlink socket", Wiring::open())?;
        doing("making a bridge", wiring.add_bridge("lan"))?;
        let bridge = doing("taking the bridge up", wiring.bring_up("lan"))?;
        let mut ports = [0; 2];
        for host in Host::SPEAKERS {
            let network = hosts[host.index()].as_raw_fd();
            doing("making a cable", wiring.add_cable(host.name(), "eth0", network))?;
            let port = doing("taking a cable up", wiring.bring_up(host.name()))?;
            doing("plugging a cable in", wiring.plug_in(port, bridge))?;
            if let Host::Node(node) = host {
                ports[node.index()] = port;
            }
        }
        let mut world = Self { switch, hosts, wiring, ports };
        world.set_hosts_up()?;
        Ok(world)
    }

    fn set_hosts_up(&mut self) -> Result<(), Refused> {
        let client = self.hosts[Host::Client.index()].as_raw_fd();
        doing("setting the router up", self.inside(Host::Router, || set_router_up(client)))?;
        for node in Node::BOTH {
            doing("setting a node up", self.inside(Host::Node(node), || set_node_up(node)))?;
        }
        doing("setting the client up", self.inside(Host::Client, set_client_up))
    }

    /// Does `work` in the namespace of `host`: its sockets and child processes are that host's.
    pub(super) fn inside<T>(&self, host: Host, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        namespace::enter_network(&self.hosts[host.index()])?;
        let result = work();
        namespace::enter_network(self.switch.as_fd())?;
        result
    }

    /// Cuts the cable of `node`, or mends it. The switch drops every frame, while the carrier stays up on both ends: the
    /// kind of fault that nobody is told of.
    pub(super) fn set_cable(&mut self, node: Node, whole: bool) -> io::Result<()> {
        let state = if whole { PortState::Forwarding } else { PortState::Disabled };
        self.wiring.set_port_state(self.ports[node.index()], state)
    }
}

/// The first namespace: as root if we are, else as root of a user namespace of our own.
fn first_network() -> io::Result<OwnedFd> {
    match namespace::new_network() {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            namespace::new_user()?;
            namespace::new_network()
        }
        result => result,
    }
}

fn four_networks() -> io::Result<[OwnedFd; 4]> {
    Ok([
        namespace::new_network()?,
        namespace::new_network()?,
        namespace::new_network()?,
        namespace::new_network()?,
    ])
}

/// Takes `eth0` up and gives it its addresses on the switch.
fn join_switch(wiring: &mut Wiring, host: Host) -> io::Result<Index> {
    wiring.bring_up("lo")?;
    let index = wiring.bring_up("eth0")?;
    let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, host.number());
    wiring.add_address(index, host.address().into(), 64)?;
    wiring.add_address(index, link_local.into(), 64)?;
    wiring.add_address(index, host.address_v4().into(), 24)?;
    Ok(index)
}

fn set_router_up(client: RawFd) -> io::Result<()> {
    let mut wiring = Wiring::open()?;
    let inner = join_switch(&mut wiring, Host::Router)?;
    wiring.add_cable("eth1", "eth0", client)?;
    let outer = wiring.bring_up("eth1")?;
    wiring.add_address(outer, CLIENT_GATEWAY.into(), 24)?;
    wiring.set_forwarding(inner)?;
    wiring.set_forwarding(outer)
}

fn set_node_up(node: Node) -> io::Result<()> {
    let mut wiring = Wiring::open()?;
    let index = join_switch(&mut wiring, Host::Node(node))?;
    wiring.add_default_route(Host::Router.address_v4(), index)
}

fn set_client_up() -> io::Result<()> {
    let mut wiring = Wiring::open()?;
    wiring.bring_up("lo")?;
    let index = wiring.bring_up("eth0")?;
    wiring.add_address(index, CLIENT.into(), 24)?;
    wiring.add_default_route(CLIENT_GATEWAY, index)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::ledger::Ledger;
    use super::super::traffic::Client;
    use super::*;

    const STEADY: Duration = Duration::from_millis(200);

    /// Waits for the book to show something.
    fn wait(client: &Client, what: &str, shown: impl Fn(&Ledger, Duration) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !shown(&client.ledger(), client.now()) {
            assert!(Instant::now() < deadline, "{what} did not happen");
            std::thread::yield_now();
        }
    }

    /// Does by hand what the daemons do in the demo.
    fn bind_shared(world: &World, node: Node) -> io::Result<()> {
        world.inside(Host::Node(node), || {
            let mut wiring = Wiring::open()?;
            let lo = wiring.index("lo")?;
            wiring.add_address(lo, SHARED.into(), 32)
        })
    }

    fn lead_to(world: &World, node: Node) -> io::Result<()> {
        world.inside(Host::Router, || {
            let mut wiring = Wiring::open()?;
            let eth0 = wiring.index("eth0")?;
            wiring.lead(SHARED, Host::Node(node).address(), eth0)
        })
    }

    #[test]
    fn traffic_follows_the_route_and_stops_where_the_cable_is_cut() {
        if !rustix::process::geteuid().is_root() {
            println!("not shown: network namespaces of a thread need root");
            return;
        }
        let mut world = World::build().expect("root may build it");
        let client = Client::start(&world).expect("sockets");
        let steady = |node| move |ledger: &Ledger, now| ledger.is_steady(node, now, STEADY);
        for node in Node::BOTH {
            bind_shared(&world, node).expect("an address");
        }
        lead_to(&world, Node::One).expect("a route");
        wait(&client, "an answer of node1", steady(Node::One));
        lead_to(&world, Node::Two).expect("a route");
        wait(&client, "an answer of node2", steady(Node::Two));
        world.set_cable(Node::Two, false).expect("a bridge port");
        wait(&client, "silence", |ledger, now| ledger.answering(now).is_none());
        world.set_cable(Node::Two, true).expect("a bridge port");
        wait(&client, "an answer after mending", steady(Node::Two));
    }
}
