//! The networks that cases run in.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::Result;

use super::lab::{HostOptions, Lab};

/// The shared address of the failover cases.
pub const SHARED: &str = "192.0.2.10";
/// The shared IPv6 address of the failover cases.
pub const SHARED6: &str = "2001:db8:e001:1b8c::1";
/// The port of the service at the shared addresses.
pub const SERVICE_PORT: u16 = 9000;
/// The route servers' names.
pub const ROUTE_SERVERS: [&str; 4] = ["rs1", "rs2", "rs3", "rs4"];
/// The nodes' names: the primary, the secondary.
pub const NODES: [&str; 2] = ["n1", "n2"];

/// The address of a host on the failover segment: `rs1` to `rs4` are `::1` to `::4`, the nodes `::101` and `::102`.
pub fn segment6(host: &str) -> IpAddr {
    let last = match host.strip_prefix("rs") {
        Some(number) => number.parse().unwrap_or(0),
        None => 0x100 + host[1..].parse::<u16>().unwrap_or(0),
    };
    IpAddr::V6(Ipv6Addr::new(0x2600, 0x3c0f, 4, 0x34, 0, 0, 0, last))
}

/// The IPv4 address of a host on the failover segment: .1..4 and .101, .102.
pub fn segment4(host: &str) -> IpAddr {
    let last = match host.strip_prefix("rs") {
        Some(number) => number.parse().unwrap_or(0),
        None => 100 + host[1..].parse::<u8>().unwrap_or(0),
    };
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, last))
}

/// How the failover network differs from case to case.
#[derive(Clone, Copy, Default)]
pub struct Failover {
    /// How many route servers, at most 4; 0 means 4.
    pub route_servers: usize,
    /// Duplicate address detection is on at the nodes.
    pub detects_duplicates: bool,
}

/// A switch with route servers and two nodes; a client `cl` behind `rs1`.
pub fn failover(lab: &Lab, options: Failover) -> Result<()> {
    let count = if options.route_servers == 0 { 4 } else { options.route_servers };
    let servers = &ROUTE_SERVERS[..count];
    switch(lab, "sw")?;
    for host in servers {
        lab.host(host, HostOptions { forwards: true, ..HostOptions::default() })?;
        attach(lab, host)?;
    }
    for host in NODES {
        lab.host(
            host,
            HostOptions { detects_duplicates: options.detects_duplicates, ..HostOptions::default() },
        )?;
        attach(lab, host)?;
        let routes =
            format!("route add default via {}\nroute add ::/0 via {}", segment4("rs1"), segment6("rs1"));
        lab.ip(host, &routes)?;
    }
    lab.host("cl", HostOptions::default())?;
    let client = lab.namespace("cl");
    lab.ip(
        "rs1",
        &format!(
            "link add eth1 type veth peer name eth0 netns {client}\nlink set eth1 up\n\
             addr add 198.51.100.1/24 dev eth1\naddr add 2001:db8:c::1/64 dev eth1 nodad"
        ),
    )?;
    lab.ip("cl", CLIENT)
}

/// The client's addresses and its way out.
const CLIENT: &str = "link set eth0 up\naddr add 198.51.100.2/24 dev eth0\naddr add 2001:db8:c::2/64 dev eth0 nodad\n\
                      route add default via 198.51.100.1\nroute add ::/0 via 2001:db8:c::1";

/// A host that is a switch: the bridge `br0`, and nothing of its own on the wire.
fn switch(lab: &Lab, host: &str) -> Result<()> {
    lab.host(host, HostOptions::default())?;
    // A switch reads no packets: with br_netfilter the kernel would drop those that are not well made. (It may not be there.)
    let filters = ["arptables", "iptables", "ip6tables"];
    let filters = filters.map(|filter| format!("net.bridge.bridge-nf-call-{filter}=0"));
    let words = ["sysctl", "-e", "-qw", &filters[0], &filters[1], &filters[2]];
    lab.run(host, &words)?;
    lab.ip(host, "link add br0 type bridge stp_state 0 mcast_snooping 0 forward_delay 0\nlink set br0 up")
}

/// Joins `host` to the switch by its `eth0` and gives it its addresses.
fn attach(lab: &Lab, host: &str) -> Result<()> {
    let namespace = lab.namespace(host);
    lab.ip(
        "sw",
        &format!("link add {host} type veth peer name eth0 netns {namespace}\nlink set {host} master br0 up"),
    )?;
    lab.ip(
        host,
        &format!(
            "link set eth0 up\naddr add {}/64 dev eth0 nodad\naddr add {}/24 dev eth0",
            segment6(host),
            segment4(host)
        ),
    )
}

/// Takes the host's port out of the switch: everything is lost silently, carriers stay up.
pub fn cut(lab: &Lab, host: &str) -> Result<()> {
    lab.ip("sw", &format!("link set {host} nomaster"))
}

/// Undoes [`cut`].
pub fn mend(lab: &Lab, host: &str) -> Result<()> {
    lab.ip("sw", &format!("link set {host} master br0"))
}

/// Puts a tap in the place of a node's cable: an appliance is that node from now on. [`cut`] and [`mend`] work as before.
pub fn appliance_in_place_of(lab: &Lab, node: &str) -> Result<()> {
    lab.ip("sw", &format!("link del {node}"))?;
    tap(lab, "sw", node)
}

/// A tap on the switch `host`. It has a carrier as long as somebody holds it open.
fn tap(lab: &Lab, host: &str, name: &str) -> Result<()> {
    lab.ip(host, &format!("tuntap add dev {name} mode tap\nlink set {name} master br0 up"))
}

/// The address of an appliance that is the router, in the nodes' network and in the client's.
pub const ROUTER: [&str; 4] =
    ["203.0.113.1/24", "2600:3c0f:4:34::1/64", "198.51.100.1/24", "2001:db8:c::1/64"];

/// A switch with two nodes, a client `cl` in a network of its own on the same wire, and a tap `rs1` for the one router.
pub fn routed_by_an_appliance(lab: &Lab) -> Result<()> {
    switch(lab, "sw")?;
    for host in NODES {
        lab.host(host, HostOptions::default())?;
        attach(lab, host)?;
        let (four, six) = (segment4("rs1"), segment6("rs1"));
        lab.ip(host, &format!("route add default via {four}\nroute add ::/0 via {six}"))?;
    }
    lab.host("cl", HostOptions::default())?;
    let client = lab.namespace("cl");
    lab.ip("sw", &format!("link add cl type veth peer name eth0 netns {client}\nlink set cl master br0 up"))?;
    lab.ip("cl", CLIENT)?;
    tap(lab, "sw", "rs1")
}

/// An appliance `us` and a host `them` on one wire: `us` is a switch with the tap `tap0` and its end of the wire, `eth0`.
pub fn appliance_pair(lab: &Lab) -> Result<()> {
    switch(lab, "us")?;
    lab.run(
        "us",
        &["sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"],
    )?;
    lab.host("them", HostOptions::default())?;
    let (four, six) = (Transport::V4.address("them"), Transport::V6.address("them"));
    let them = lab.namespace("them");
    lab.ip(
        "us",
        &format!("link add eth0 type veth peer name eth0 netns {them}\nlink set eth0 master br0 up"),
    )?;
    lab.ip(
        "them",
        &format!("link set eth0 up\naddr add {four}/24 dev eth0\naddr add {six}/64 dev eth0 nodad"),
    )?;
    tap(lab, "us", "tap0")
}

/// Takes the appliance of a pair off its wire: everything is lost silently, carriers stay up.
pub fn cut_appliance(lab: &Lab) -> Result<()> {
    lab.ip("us", "link set tap0 nomaster")
}

/// Undoes [`cut_appliance`].
pub fn mend_appliance(lab: &Lab) -> Result<()> {
    lab.ip("us", "link set tap0 master br0")
}

/// Of every hundred frames between the two of an appliance's pair so many are lost, in each direction.
pub fn lose(lab: &Lab, percent: u8) -> Result<()> {
    let mut rules = "add table netdev loss".to_owned();
    for device in ["eth0", "tap0"] {
        let _ = write!(
            rules,
            "; add chain netdev loss {device} {{ type filter hook ingress device {device} priority 0; }}; \
             add rule netdev loss {device} numgen random mod 100 < {percent} drop"
        );
    }
    lab.run("us", &["nft", &rules]).map(drop)
}

/// Undoes [`lose`].
pub fn lose_nothing(lab: &Lab) -> Result<()> {
    lab.run("us", &["nft", "delete table netdev loss"]).map(drop)
}

/// Which of the two addresses of a pair a session runs over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// 10.0.0.1 and 10.0.0.2.
    V4,
    /// `fd00:1::1` and `fd00:1::2`.
    V6,
}

impl Transport {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The address of `us` or `them`.
    pub fn address(self, host: &str) -> IpAddr {
        let last = if host == "us" { 1 } else { 2 };
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::new(10, 0, 0, last)),
            Self::V6 => IpAddr::V6(Ipv6Addr::new(0xfd00, 1, 0, 0, 0, 0, 0, last.into())),
        }
    }

    /// The address of `us` or `them` with a router in between: 10.1.0.1 and 10.2.0.2, `fd00:1::1` and `fd00:2::2`.
    pub fn routed_address(self, host: &str) -> IpAddr {
        let number = if host == "us" { 1 } else { 2 };
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::new(10, number, 0, number)),
            Self::V6 => IpAddr::V6(Ipv6Addr::new(0xfd00, number.into(), 0, 0, 0, 0, 0, number.into())),
        }
    }

    /// `v4` or `v6`.
    pub fn name(self) -> &'static str {
        match self {
            Self::V4 => "v4",
            Self::V6 => "v6",
        }
    }
}

/// Two hosts, `us` and `them`, on one wire.
pub fn pair(lab: &Lab) -> Result<()> {
    lab.host("us", HostOptions::default())?;
    lab.host("them", HostOptions::default())?;
    lab.ip("us", &format!("link add eth0 type veth peer name eth0 netns {}", lab.namespace("them")))?;
    for host in ["us", "them"] {
        let (four, six) = (Transport::V4.address(host), Transport::V6.address(host));
        lab.ip(
            host,
            &format!("link set eth0 up\naddr add {four}/24 dev eth0\naddr add {six}/64 dev eth0 nodad"),
        )?;
    }
    Ok(())
}

/// Two hosts, `us` and `them`, on a switch: [`cut`] takes one of them off it, with carriers up.
pub fn switched_pair(lab: &Lab) -> Result<()> {
    switch(lab, "sw")?;
    for host in ["us", "them"] {
        lab.host(host, HostOptions::default())?;
        let namespace = lab.namespace(host);
        lab.ip(
            "sw",
            &format!(
                "link add {host} type veth peer name eth0 netns {namespace}\nlink set {host} master br0 up"
            ),
        )?;
        let (four, six) = (Transport::V4.address(host), Transport::V6.address(host));
        lab.ip(
            host,
            &format!("link set eth0 up\naddr add {four}/24 dev eth0\naddr add {six}/64 dev eth0 nodad"),
        )?;
    }
    Ok(())
}

/// Two hosts, `us` and `them`, with the router `mid` between them.
pub fn routed_pair(lab: &Lab) -> Result<()> {
    lab.host("mid", HostOptions { forwards: true, ..HostOptions::default() })?;
    for (number, other, host) in [(1, 2, "us"), (2, 1, "them")] {
        lab.host(host, HostOptions::default())?;
        let namespace = lab.namespace(host);
        lab.ip(
            "mid",
            &format!(
                "link add {host} type veth peer name eth0 netns {namespace}\nlink set {host} up\n\
                 addr add 10.{number}.0.254/24 dev {host}\naddr add fd00:{number}::fe/64 dev {host} nodad"
            ),
        )?;
        let (four, six) = (Transport::V4.routed_address(host), Transport::V6.routed_address(host));
        lab.ip(
            host,
            &format!(
                "link set eth0 up\naddr add {four}/24 dev eth0\naddr add {six}/64 dev eth0 nodad\n\
                 route add 10.{other}.0.0/24 via 10.{number}.0.254\n\
                 route add fd00:{other}::/64 via fd00:{number}::fe"
            ),
        )?;
    }
    Ok(())
}

/// The router of a routed pair loses everything silently.
pub fn cut_route(lab: &Lab) -> Result<()> {
    let rules = "table inet cut { chain forward { type filter hook forward priority 0; policy drop; }; }";
    lab.run("mid", &["nft", rules]).map(drop)
}
