//! Two nodes, four route servers, a client that probes at 1 kHz, and a fault about every two seconds. The plan comes from
//! the seed; the model says when an answer is demanded; a probe lost while it is ends the soak.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use holdover_tests::harness::holdover::{Holdover, with_service};
use holdover_tests::harness::lab::bounded;
use holdover_tests::harness::peers::{Peer, bird};
use holdover_tests::harness::probe::Probe;
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::service::Service;
use holdover_tests::harness::stalls::{Stalls, soon_after};
use holdover_tests::harness::topology::{
    Failover, NODES, ROUTE_SERVERS, SERVICE_PORT, SHARED, cut, failover, mend, segment6,
};
use holdover_tests::harness::{Lab, Result, bail, ensure};
use holdover_tests::soak::model::Model;
use holdover_tests::soak::plan::plan;
use holdover_tests::soak::{Event, Fault, Node, Notice, Wish};
use rustix::process::Signal;

/// What the soak has beside its soaking.
const AROUND: u64 = 90;
/// A probe is judged when it is this old: an answer later than that is none.
const LAG: Duration = Duration::from_secs(1);
/// How much of what happened before is told with a violation.
const TOLD: usize = 24;
/// When the machine itself stands still for so long, in seconds, BFD of 50 ms, three times, may go down everywhere at once.
const STALL: f64 = 0.1;
/// So many seconds later the route servers have taken everybody back.
const RECOVERY: f64 = 5.0;
/// Each node's communities; the second one's is a number that does not change the role.
const LARGE: [&str; 2] = ["63949:1:1", "63949:1:2"];

const SERVICE: &str = " standby route-map secondary\n drain-delay 500ms\n linger 1s\n no dampen\n \
                       check up tcp 192.0.2.10:9001 interval 100ms timeout 100ms rise 1 fall 1\n";

const PROFILE: &str =
    "bfd\n profile fast\n  detect-multiplier 3\n  receive-interval 50\n  transmit-interval 50\n exit\nexit\n";

pub(crate) fn cases(seconds: u64, seed: u64) -> Vec<Case> {
    // Half of the time each.
    let seconds = seconds / 2;
    let case = |(notice, name)| {
        let name = format!("failover/two_nodes_with_{name}_and_seed_{seed}");
        Case::new(name, seconds + AROUND, move |lab| soak(lab, notice, seconds, seed))
    };
    [(Notice::Hold, "hold_time_3"), (Notice::Bfd, "bfd")].map(case).into()
}

fn soak(lab: &Lab, notice: Notice, seconds: u64, seed: u64) -> Result<()> {
    println!("soak: {seconds} s with {notice:?} and --seed {seed}");
    let mut network = Network::up(lab, notice)?;
    let steps = plan(seed, Duration::from_secs(seconds));
    let mut watch = Watch::new(notice)?;
    for (at, event) in &steps {
        watch.until(&network, *at)?;
        watch.bring_about(&mut network, *event)?;
    }
    let last = steps.last().map_or(Duration::ZERO, |(at, _)| *at);
    // Everything was repaired: now all must be as at the beginning.
    watch.until(&network, last + Duration::from_secs(10))?;
    network.settled()?;
    for node in &network.nodes {
        node.stop(lab, 10.0)?;
    }
    println!("soak: {} events, {} probes were lost where that was allowed", steps.len(), watch.excused);
    if watch.stalled > 0 {
        println!("soak: {} more, because the machine itself stood still", watch.stalled);
    }
    Ok(())
}

/// The machines and what runs on them.
struct Network<'a> {
    lab: &'a Lab,
    notice: Notice,
    servers: Vec<bird::Bird>,
    nodes: Vec<Holdover>,
    services: Vec<Service>,
    probe: Probe,
    reloads: usize,
}

impl<'a> Network<'a> {
    /// All is up, and the first node answers.
    fn up(lab: &'a Lab, notice: Notice) -> Result<Self> {
        failover(lab, Failover::default())?;
        let target = target()?;
        let services =
            NODES.map(|node| Service::start(lab, node, target)).into_iter().collect::<Result<_>>()?;
        // The first node's address is bound by the daemon, the second one's was there before.
        lab.ip(NODES[1], &format!("addr add {SHARED}/32 dev lo"))?;
        let servers =
            ROUTE_SERVERS.map(|host| server(lab, host, notice)).into_iter().collect::<Result<_>>()?;
        let start = |node| Holdover::start(lab, NODES[node], &config(node, notice, false));
        let nodes = vec![start(0)?, start(1)?];
        let probe = Probe::start(lab, "cl", target)?;
        let network = Self { lab, notice, servers, nodes, services, probe, reloads: 0 };
        network.settled()?;
        Ok(network)
    }

    /// Every route server has both routes, and the first node answers.
    fn settled(&self) -> Result<()> {
        for (server, host) in self.servers.iter().zip(ROUTE_SERVERS) {
            for (node, name) in NODES.iter().enumerate() {
                self.lab.eventually(&format!("{host} has the route of {name}"), 20.0, || {
                    self.nodes[node].runs()?;
                    let route = server.route(segment6(name), &format!("{SHARED}/32"))?;
                    ensure!(route.large.first().is_some_and(|first| *first == LARGE[node]), "{route:?}");
                    Ok(())
                })?;
            }
        }
        self.probe.answered_by(self.lab, NODES[0], Instant::now(), 10.0).map(drop)
    }

    fn bring_about(&mut self, event: Event) -> Result<()> {
        let lab = self.lab;
        match event {
            Event::Begin(node, fault) => self.begin(node, fault),
            Event::End(node, fault) => self.end(node, fault),
            Event::Wanted(node, wish) => {
                let word = if wish == Wish::Promote { "promote" } else { "demote" };
                self.nodes[node].command(lab, &[word, "web"]).map(drop)
            }
            Event::Unwanted(node) => self.nodes[node].command(lab, &["undrain", "web"]).map(drop),
            Event::Reload(node) => {
                self.reloads += 1;
                self.nodes[node].reload(lab, &config(node, self.notice, self.reloads % 2 == 1))
            }
            Event::AddressTaken(node) => lab.ip(NODES[node], &format!("addr del {SHARED}/32 dev lo")),
            Event::ServerDown(server) => self.servers[server].process().signal(Signal::TERM),
            Event::ServerUp(server) => {
                let host = ROUTE_SERVERS[server];
                self.servers[server].process().wait(lab, 10.0)?;
                self.servers[server] = self::server(lab, host, self.notice)?;
                Ok(())
            }
        }
    }

    fn begin(&mut self, node: Node, fault: Fault) -> Result<()> {
        let lab = self.lab;
        let daemon = self.nodes[node].process();
        match fault {
            Fault::Kill => daemon.signal(Signal::KILL),
            Fault::Stop => daemon.signal(Signal::TERM),
            Fault::Freeze => daemon.signal(Signal::STOP),
            Fault::Cut => cut(lab, NODES[node]),
            Fault::ServiceDead => self.services[node].kill(),
            Fault::Drain => self.nodes[node].command(lab, &["drain", "web"]).map(drop),
            Fault::AddressGone => lab.ip(NODES[node], &format!("addr del {SHARED}/32 dev lo")),
        }
    }

    fn end(&mut self, node: Node, fault: Fault) -> Result<()> {
        let lab = self.lab;
        match fault {
            Fault::Kill | Fault::Stop => {
                let status = self.nodes[node].process().wait(lab, 10.0)?;
                ensure!(status.success() || fault == Fault::Kill, "{} gave {status}", NODES[node]);
                self.nodes[node] = Holdover::start(lab, NODES[node], &config(node, self.notice, false))?;
                Ok(())
            }
            Fault::Freeze => self.nodes[node].process().signal(Signal::CONT),
            Fault::Cut => mend(lab, NODES[node]),
            Fault::ServiceDead => {
                self.services[node].process().wait(lab, 5.0)?;
                self.services[node] = Service::start(lab, NODES[node], target()?)?;
                Ok(())
            }
            Fault::Drain => self.nodes[node].command(lab, &["undrain", "web"]).map(drop),
            Fault::AddressGone => lab.ip(NODES[node], &format!("addr add {SHARED}/32 dev lo")),
        }
    }

    /// The end of every log that may tell something.
    fn tails(&self) -> String {
        let files = ["n1-holdover", "n2-holdover", "rs1-bird"];
        let tail = |name: &str| -> String {
            let log = std::fs::read_to_string(self.lab.dir().join(format!("{name}.log"))).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            format!("{name}:\n  {}\n", lines[lines.len().saturating_sub(20)..].join("\n  "))
        };
        files.map(tail).concat()
    }
}

/// Where the service is.
fn target() -> Result<SocketAddr> {
    Ok(SocketAddr::new(SHARED.parse()?, SERVICE_PORT))
}

/// A route server.
fn server(lab: &Lab, host: &str, notice: Notice) -> Result<bird::Bird> {
    let config = bird::route_server(host);
    if notice == Notice::Hold {
        return bird::Bird::start(lab, host, &config);
    }
    let server = bird::Bird::start(lab, host, &config.with_bfd(50))?;
    // It is another machine in life: it must not miss 150 ms because this one is busy.
    bounded(&["chrt", "--all-tasks", "--fifo", "--pid", "2", &server.process().pid().to_string()])?;
    Ok(server)
}

/// A node's configuration, with or without a community more.
fn config(node: Node, notice: Notice, more: bool) -> String {
    let role = ["primary", "secondary"][node];
    let address = format!(" address {SHARED}/32");
    let bfd = notice == Notice::Bfd;
    let extra = if bfd {
        "neighbor RS timers 1 3\nneighbor RS bfd profile fast\n"
    } else {
        "neighbor RS timers 1 3\n"
    };
    let text = if bfd { PROFILE } else { "" }.to_owned()
        + &with_service(NODES[node], role, extra, &address, SERVICE);
    if more { text.replace(LARGE[node], &format!("{} 63949:7:7", LARGE[node])) } else { text }
}

/// What has happened, and up to when the probes were judged.
struct Watch {
    begun: Instant,
    judged: Instant,
    model: Model,
    told: VecDeque<String>,
    excused: usize,
    /// Of the machine itself, where one of a moment has consequences.
    stalls: Option<Stalls>,
    /// Probes that were lost by them.
    stalled: usize,
}

impl Watch {
    fn new(notice: Notice) -> Result<Self> {
        let stalls = (notice == Notice::Bfd).then(Stalls::watch).transpose()?;
        let (begun, model, told) = (Instant::now(), Model::new(notice), VecDeque::new());
        Ok(Self { begun, judged: begun, model, told, excused: 0, stalls, stalled: 0 })
    }

    fn moment(&self, at: Instant) -> Duration {
        at.saturating_duration_since(self.begun)
    }

    /// The latest moment whose probes can be judged.
    fn before(&self) -> Instant {
        Instant::now().checked_sub(LAG).unwrap_or(self.begun)
    }

    /// Judges the probes until this moment of the plan has come.
    fn until(&mut self, network: &Network<'_>, at: Duration) -> Result<()> {
        let left = (self.begun + at).saturating_duration_since(Instant::now());
        network
            .lab
            .steadily("every probe is answered that must be", left.as_secs_f64(), || self.judge(network))?;
        self.judge(network)
    }

    fn bring_about(&mut self, network: &mut Network<'_>, event: Event) -> Result<()> {
        let answers = network.probe.answers(self.before());
        let answered: BTreeSet<String> = answers.into_iter().map(|answer| answer.by).collect();
        let answering = NODES.map(|node| answered.contains(node));
        let from = self.moment(Instant::now());
        network.bring_about(event)?;
        let to = self.moment(Instant::now());
        self.model.note(event, (from, to), answering);
        let line = format!("{:9.3} {event} (answering: {answered:?})", from.as_secs_f64());
        network.lab.note(&line);
        self.told.push_back(line);
        if self.told.len() > TOLD {
            self.told.pop_front();
        }
        Ok(())
    }

    /// Every probe that is old enough was answered, or need not be.
    fn judge(&mut self, network: &Network<'_>) -> Result<()> {
        let to = self.before();
        if to <= self.judged {
            return Ok(());
        }
        let report = network.probe.report(network.lab, self.judged, to)?;
        self.judged = to;
        let (demanded, allowed): (Vec<Instant>, Vec<Instant>) =
            report.lost.iter().partition(|at| self.model.demands(self.moment(**at)));
        self.excused += allowed.len();
        let stalls = self.stalls.as_ref().map(Stalls::seen).unwrap_or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        let by_a_stall =
            |at: &Instant| soon_after(&stalls, STALL, now - at.elapsed().as_secs_f64(), RECOVERY);
        let (stalled, bad): (Vec<Instant>, Vec<Instant>) = demanded.into_iter().partition(by_a_stall);
        self.stalled += stalled.len();
        let bad: Vec<Duration> = bad.into_iter().map(|at| self.moment(at)).collect();
        let Some((first, last)) = bad.first().zip(bad.last()) else { return Ok(()) };
        bail!(
            "{} probes lost between {:.3} and {:.3} though an answer was demanded; what happened before:\n{}\n{}",
            bad.len(),
            first.as_secs_f64(),
            last.as_secs_f64(),
            Vec::from(self.told.clone()).join("\n"),
            network.tails()
        )
    }
}
