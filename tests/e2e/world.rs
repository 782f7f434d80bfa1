//! The failover network with everything running in it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use holdover_tests::harness::capture::Capture;
use holdover_tests::harness::holdover::{Holdover, template, with_service};
use holdover_tests::harness::peers::{Kind, Peer, bird, frr};
use holdover_tests::harness::probe::{Probe, Report, serve};
use holdover_tests::harness::topology::{
    Failover, NODES, ROUTE_SERVERS, SERVICE_PORT, SHARED, SHARED6, failover, segment4, segment6,
};
use holdover_tests::harness::{Context as _, Lab, Result, ensure};

/// The shared IPv4 prefix.
pub(crate) const PREFIX: &str = "192.0.2.10/32";
/// The shared IPv6 prefix.
pub(crate) const PREFIX6: &str = "2001:db8:e001:1b8c::1/128";
/// What each node's community must be, octet for octet.
pub(crate) const COMMUNITY: [&str; 2] = ["63949:1:1", "63949:1:2"];
/// The role of each node.
pub(crate) const ROLE: [&str; 2] = ["primary", "secondary"];

/// How a world differs from the plain one.
#[derive(Clone, Copy)]
pub(crate) struct Setup {
    /// What the route servers are: BIRD or FRR.
    pub(crate) servers: Kind,
    /// The shared address is on this device of both nodes before the daemon starts (so it is adopted).
    pub(crate) prebound: Option<&'static str>,
    /// Lines under `router bgp`.
    pub(crate) extra: &'static str,
    /// A `failover` block with these lines in the place of the `network` line.
    pub(crate) service: Option<&'static str>,
    /// The IPv6 address is shared too (with `service`), and probed instead of the IPv4 one.
    pub(crate) six: bool,
    /// Duplicate address detection is on at the nodes.
    pub(crate) detects_duplicates: bool,
}

/// The template, and nothing else.
pub(crate) const PLAIN: Setup = Setup {
    servers: Kind::Bird,
    prebound: None,
    extra: "",
    service: None,
    six: false,
    detects_duplicates: false,
};

/// Route servers, nodes and a client.
pub(crate) struct World<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) setup: Setup,
    pub(crate) servers: Vec<Box<dyn Peer>>,
    pub(crate) nodes: Vec<Holdover>,
    pub(crate) probe: Probe,
    captures: Vec<Capture>,
}

/// Starts a route server.
pub(crate) fn start_server(lab: &Lab, kind: Kind, host: &str) -> Result<Box<dyn Peer>> {
    Ok(match kind {
        Kind::Frr => Box::new(frr::Frr::start(lab, host, &frr::route_server(host))?),
        _ => Box::new(bird::Bird::start(lab, host, &bird::route_server(host))?),
    })
}

impl Setup {
    /// The configuration of node 0 or 1.
    pub(crate) fn config(&self, node: usize) -> String {
        self.config_as(node, ROLE[node])
    }

    /// The configuration of node 0 or 1 in this role.
    pub(crate) fn config_as(&self, node: usize, role: &str) -> String {
        let Some(more) = self.service else { return template(NODES[node], role, self.extra) };
        let address =
            if self.six { format!(" address {SHARED6}/128") } else { format!(" address {SHARED}/32") };
        let activate = if self.six { SIX } else { "" };
        with_service(NODES[node], role, &format!("{}{activate}", self.extra), &address, more)
    }

    /// The shared prefix.
    pub(crate) fn prefix(&self) -> &'static str {
        if self.six { PREFIX6 } else { PREFIX }
    }
}

/// IPv6 routes are exchanged with the peer group (after its declaration, before its members).
pub(crate) const SIX: &str = "address-family ipv6 unicast\nneighbor RS activate\nexit-address-family\n";

impl<'a> World<'a> {
    /// Everything started; waits until all is as it should be: both nodes known to all, the primary answering.
    pub(crate) fn up(lab: &'a Lab, setup: Setup) -> Result<Self> {
        Self::up_with(lab, setup, || Ok(()))
    }

    /// The same; `before` starts what the daemons' checks look for.
    pub(crate) fn up_with(lab: &'a Lab, setup: Setup, before: impl FnOnce() -> Result<()>) -> Result<Self> {
        failover(lab, Failover { detects_duplicates: setup.detects_duplicates, ..Failover::default() })?;
        let address = if setup.six { SHARED6 } else { SHARED };
        let target = SocketAddr::new(address.parse()?, SERVICE_PORT);
        for node in NODES {
            serve(lab, node, target)?;
            if let Some(device) = setup.prebound {
                lab.ip(node, &format!("addr add {} dev {device}", setup.prefix()))?;
            }
        }
        before()?;
        let servers: Vec<_> =
            ROUTE_SERVERS.iter().map(|host| start_server(lab, setup.servers, host)).collect::<Result<_>>()?;
        let captures = NODES.iter().map(|node| Capture::start(lab, node)).collect::<Result<_>>()?;
        let start = |node: usize| Holdover::start(lab, NODES[node], &setup.config(node));
        let nodes = vec![start(0)?, start(1)?];
        let probe = Probe::start(lab, "cl", target)?;
        let world = Self { lab, setup, servers, nodes, probe, captures };
        world.settled(20.0)?;
        world.probe.stays_with(lab, NODES[0], 0.3)?;
        Ok(world)
    }

    /// Both nodes are Established at every route server, with the right route; the primary answers.
    pub(crate) fn settled(&self, seconds: f64) -> Result<()> {
        for node in [0, 1] {
            self.announced(node, seconds)?;
        }
        self.probe.answered_by(self.lab, NODES[0], Instant::now(), seconds).map(drop)
    }

    /// Every route server is Established with this node and has its route, exact.
    pub(crate) fn announced(&self, node: usize, seconds: f64) -> Result<()> {
        self.announced_with(node, &[COMMUNITY[node]], seconds)
    }

    /// The same, with these large communities.
    pub(crate) fn announced_with(&self, node: usize, large: &[&str], seconds: f64) -> Result<()> {
        let remote = segment6(NODES[node]);
        for (server, host) in self.servers.iter().zip(ROUTE_SERVERS) {
            let what = format!("{host} has the route of {}", NODES[node]);
            self.lab.eventually(&what, seconds, || {
                self.nodes[node].runs()?;
                server.established(remote)?;
                let route = server.route(remote, self.setup.prefix())?;
                ensure!(route.large == large, "{route:?}");
                ensure!(route.as_path == [65000], "{route:?}");
                ensure!(route.next_hops.contains(&remote) || self.setup.servers == Kind::Frr, "{route:?}");
                Ok(())
            })?;
        }
        Ok(())
    }

    /// No route server has this node's route.
    pub(crate) fn withdrawn(&self, node: usize, seconds: f64) -> Result<()> {
        for (server, host) in self.servers.iter().zip(ROUTE_SERVERS) {
            let what = format!("{host} has no route of {}", NODES[node]);
            self.lab
                .eventually(&what, seconds, || server.no_route(segment6(NODES[node]), self.setup.prefix()))?;
        }
        Ok(())
    }

    /// The first route server's kernel sends the shared address to this node.
    pub(crate) fn kernel_sends_to(&self, node: usize, seconds: f64) -> Result<()> {
        let family = if self.setup.six { "-6" } else { "-4" };
        self.lab.eventually(&format!("the kernel route goes to {}", NODES[node]), seconds, || {
            let text = self.lab.run("rs1", &["ip", family, "route", "show", self.setup.prefix()])?;
            let global = segment6(NODES[node]).to_string();
            let local = self.link_local(NODES[node])?;
            // FRR prefers the link-local next hop, BIRD the global one.
            ensure!(text.contains(&format!(" {global} ")) || text.contains(&format!(" {local} ")), "{text}");
            Ok(())
        })
    }

    fn link_local(&self, host: &str) -> Result<String> {
        let all = self.lab.json(host, &["ip", "-j", "-6", "addr", "show", "dev", "eth0", "scope", "link"])?;
        // Addresses of another scope are empty objects in this list.
        let mut list = all.pointer("/0/addr_info").and_then(|list| list.as_array()).into_iter().flatten();
        let address = list.find_map(|entry| entry["local"].as_str());
        Ok(address.context("no link-local address")?.to_owned())
    }

    /// Starts the daemon of a node again, with its configuration.
    pub(crate) fn restart(&mut self, node: usize) -> Result<()> {
        self.nodes[node] = Holdover::start(self.lab, NODES[node], &self.setup.config(node))?;
        Ok(())
    }

    /// At most `most` probes sent since `from` (less a moment) were lost.
    pub(crate) fn lost_at_most(&self, from: Instant, most: usize) -> Result<()> {
        let begin = from.checked_sub(Duration::from_millis(100)).unwrap_or(from);
        let report = self.probe.report(self.lab, begin, Instant::now())?;
        let lost: Vec<String> = report.lost.iter().take(200).map(|at| self.lab.time(*at)).collect();
        let Report { sent, outage, pause, by, .. } = &report;
        let said = format!(
            "{sent} probes, longest pause {pause:?}, answers {by:?}; {} lost, outage {outage:?}, at {}",
            report.lost.len(),
            lost.join(" ")
        );
        self.lab.note(&said);
        ensure!(report.lost.len() <= most, "more than {most} probes were lost: {said:.400}");
        Ok(())
    }

    /// Everything that this node sent over BGP had this hop limit.
    pub(crate) fn sent_with_hop_limit(&self, node: usize, limit: u8) -> Result<()> {
        let filter = format!("ipv6.src == {} && tcp.port == 179", segment6(NODES[node]));
        let limits = self.captures[node].fields(&filter, &["ipv6.hlim"])?;
        let expected = limit.to_string();
        ensure!(!limits.is_empty() && limits.iter().all(|found| *found == expected), "{limits:?}");
        Ok(())
    }

    /// Both nodes stop cleanly, and tshark finds nothing wrong in what they sent.
    pub(crate) fn end(self) -> Result<()> {
        for node in &self.nodes {
            node.stop(self.lab, 10.0)?;
        }
        for (capture, host) in self.captures.iter().zip(NODES) {
            capture.is_clean_from(&[segment6(host), segment4(host)])?;
        }
        Ok(())
    }
}
