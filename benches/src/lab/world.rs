//! The network with everything running in it: four route servers, two nodes with a service, a client that probes.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant, SystemTime};

use holdover_tests::harness::lab::{bounded, pids_in, signal};
use holdover_tests::harness::peers::bird::{self, Bird};
use holdover_tests::harness::probe::Probe;
use holdover_tests::harness::service::Service;
use holdover_tests::harness::topology::{
    Failover, NODES, ROUTE_SERVERS, SERVICE_PORT, SHARED, cut, failover, mend,
};
use holdover_tests::harness::{Context as _, Lab, Process, Result, bail, ensure};
use rustix::process::Signal;

use super::daemon::{Daemon, Node, Step, program};
use super::plan::Fault;
use super::servers;
use super::setup::Setup;

/// How long the daemons may take until everything is as it should be, in seconds: some wait before they connect.
const SETTLED: f64 = 90.0;
/// How long a daemon that was told to end may take, in seconds.
const ENDED: f64 = 15.0;

/// The network of one daemon and one setup.
pub struct World<'a> {
    lab: &'a Lab,
    daemon: Daemon,
    setup: Setup,
    servers: Vec<Bird>,
    services: Vec<Service>,
    running: [Vec<Process>; 2],
    /// The client.
    pub probe: Probe,
    /// The primary's first start: when it was, and when it answered first.
    pub first_start: (Instant, Instant),
}

impl<'a> World<'a> {
    /// Everything started and settled: both nodes' routes at every route server, the primary answering.
    pub fn up(lab: &'a Lab, daemon: Daemon, setup: Setup) -> Result<Self> {
        failover(lab, Failover::default())?;
        let target = SocketAddr::new(SHARED.parse()?, SERVICE_PORT);
        let mut services = Vec::new();
        for node in NODES {
            if !setup.binds {
                lab.ip(node, &format!("addr add {SHARED}/32 dev lo"))?;
            }
            services.push(Service::start(lab, node, target)?);
        }
        let mut servers = Vec::new();
        for host in ROUTE_SERVERS {
            let config = bird::route_server_at(host, daemon.address());
            let config =
                setup.bfd().map_or_else(|| config.clone(), |interval| config.clone().with_bfd(interval));
            servers.push(Bird::start(lab, host, &config)?);
        }
        let probe = Probe::start(lab, "cl", target)?;
        let running = [vec![], vec![]];
        let now = Instant::now();
        let mut world =
            Self { lab, daemon, setup, servers, services, running, probe, first_start: (now, now) };
        let begun = world.start(1)?;
        world.answers(1, begun)?;
        let begun = world.start(0)?;
        world.first_start = (begun, world.answers(0, begun)?);
        world.settled()?;
        Ok(world)
    }

    /// When node 0 or 1 first answered after `since`; an error when its daemon ends instead.
    fn answers(&self, node: usize, since: Instant) -> Result<Instant> {
        self.lab.eventually(&format!("{} answers the client", NODES[node]), SETTLED, || {
            if let Err(why) = self.runs(node) {
                return Ok(Err(why));
            }
            self.probe.first_answer(NODES[node], since).map(Ok)
        })?
    }

    /// Starts the daemon of node 0 or 1; gives the moment before its first process was started.
    pub fn start(&mut self, node: usize) -> Result<Instant> {
        let folder = self.lab.dir().to_string_lossy().into_owned();
        let space = self.lab.namespace(NODES[node]);
        let host = NODES[node];
        let context = Node { host, setup: self.setup, folder: &folder, space: &space };
        for file in self.daemon.files(&context) {
            let path = self.lab.write(&format!("{host}-{}", file.name), &file.text)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(file.mode))?;
        }
        let steps = self.daemon.steps(&context);
        self.running[node].clear();
        // An init system has made the folders before it starts anything.
        let is_folder = |step: &Step| matches!(step, Step::Folder(..) | Step::Shared(_));
        let (folders, steps): (Vec<Step>, Vec<Step>) = steps.into_iter().partition(is_folder);
        for folder in folders {
            self.take(node, folder)?;
        }
        let begun = Instant::now();
        for step in steps {
            self.take(node, step)?;
        }
        Ok(begun)
    }

    fn take(&mut self, node: usize, step: Step) -> Result<()> {
        let host = NODES[node];
        match step {
            Step::Folder(folder, user) => {
                // What a killed daemon left there would be taken for that of the new one.
                let _ = std::fs::remove_dir_all(&folder);
                std::fs::create_dir_all(&folder)?;
                self.lab.owns_folder(&folder);
                bounded(&["chown", user, &folder.to_string_lossy()]).map(drop)
            }
            Step::Shared(folder) => Ok(std::fs::create_dir_all(folder)?),
            Step::Run(argv, env) => {
                let program = program(argv.first().context("no program")?)?;
                let arguments = argv.iter().skip(1).map(String::as_str);
                let argv: Vec<&str> = [program.as_str()].into_iter().chain(arguments).collect();
                let env: Vec<(&str, &str)> =
                    env.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let log = format!("{host}-{}", self.daemon.name());
                self.running[node].push(self.lab.spawn(host, &log, &argv, &env)?);
                Ok(())
            }
            Step::Wait(file) => {
                let what = format!("{} is there", file.display());
                self.lab.eventually(&what, 20.0, || Ok(std::fs::metadata(&file).map(drop)?))
            }
            Step::Say(argv) => {
                let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
                self.lab.eventually(&argv.join(" "), 20.0, || self.lab.run(host, &argv)).map(drop)
            }
        }
    }

    /// Waits until all is as it should be, the primary answering without a break.
    pub fn settled(&self) -> Result<()> {
        self.lab.eventually("everything is settled", SETTLED, || {
            // A daemon that has ended will not settle.
            if let Err(why) = self.runs(0).and_then(|()| self.runs(1)) {
                return Ok(Err(why));
            }
            self.is_settled().map(Ok)
        })??;
        self.answers(0, Instant::now()).map(drop)
    }

    fn is_settled(&self) -> Result<()> {
        for (server, host) in self.servers.iter().zip(ROUTE_SERVERS) {
            for node in NODES {
                let count = server.count(self.daemon.address()(node))?;
                ensure!(count > 0, "{host} has no route of {node}");
            }
            if self.setup.bfd().is_some() {
                let sessions = servers::bfd_up(&server.ask("show bfd sessions")?);
                ensure!(sessions == NODES.len(), "{host} has {sessions} BFD sessions up");
            }
        }
        Ok(())
    }

    /// Ok while all processes of the node's daemon run.
    fn runs(&self, node: usize) -> Result<()> {
        for process in &self.running[node] {
            if let Some(status) = process.ended()? {
                let folder = self.lab.dir();
                let log = folder.join(format!("{}-{}.log", NODES[node], self.daemon.name()));
                // The folder of a run is of no use to who reads this later.
                let log = std::fs::read_to_string(log).unwrap_or_default();
                let log = log.replace(&format!("{}/", folder.display()), "");
                let lines: Vec<&str> = log.lines().collect();
                let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default().join("; ");
                bail!("{} on {} ended ({status}): {last}", self.daemon.title(), NODES[node]);
            }
        }
        Ok(())
    }

    /// All processes of the primary's daemon, its children too; the service is not among them.
    fn processes(&self) -> Result<Vec<u32>> {
        let all = pids_in(&self.lab.namespace(NODES[0]));
        let service = self.services.first().context("no service")?.process().pid();
        Ok(all.into_iter().filter(|pid| *pid != service).collect())
    }

    /// Lets `fault` happen to the primary; gives the moment before.
    pub fn inject(&self, fault: Fault) -> Result<Instant> {
        let all = self.processes()?;
        let every = |signal_: Signal| all.iter().for_each(|pid| signal(*pid, signal_));
        self.lab.note(&format!("fault: {}", fault.id()));
        let at = Instant::now();
        match fault {
            Fault::Term => self.running[0].iter().for_each(|process| signal(process.pid(), Signal::TERM)),
            Fault::Kill => every(Signal::KILL),
            Fault::KillAll => {
                every(Signal::KILL);
                self.service()?.kill()?;
            }
            Fault::Loss => cut(self.lab, NODES[0])?,
            Fault::ServiceDies => self.service()?.kill()?,
            Fault::AddressRemoved => self.lab.ip(NODES[0], &format!("addr del {SHARED}/32 dev lo"))?,
            Fault::Freeze => every(Signal::STOP),
            Fault::Idle => {}
        }
        Ok(at)
    }

    fn service(&self) -> Result<&Service> {
        self.services.first().context("no service")
    }

    /// Undoes `fault`; gives the moment before.
    pub fn repair(&mut self, fault: Fault) -> Result<Instant> {
        self.lab.note(&format!("repair: {}", fault.id()));
        if fault == Fault::KillAll {
            self.restart_service()?;
        }
        let at = Instant::now();
        match fault {
            Fault::Term | Fault::Kill | Fault::KillAll => {
                self.ended()?;
                return self.start(0);
            }
            Fault::Loss => mend(self.lab, NODES[0])?,
            Fault::ServiceDies => self.restart_service()?,
            // It may have been put back meanwhile.
            Fault::AddressRemoved => self.lab.ip(NODES[0], &format!("addr replace {SHARED}/32 dev lo"))?,
            Fault::Freeze => self.processes()?.iter().for_each(|pid| signal(*pid, Signal::CONT)),
            Fault::Idle => {}
        }
        Ok(at)
    }

    fn restart_service(&mut self) -> Result<()> {
        let target = SocketAddr::new(SHARED.parse()?, SERVICE_PORT);
        self.services[0] = Service::start(self.lab, NODES[0], target)?;
        Ok(())
    }

    /// Waits until the primary's daemon has ended, its children too.
    fn ended(&self) -> Result<()> {
        for process in &self.running[0] {
            process.wait(self.lab, ENDED)?;
        }
        self.lab.eventually("nothing is left of the daemon", ENDED, || {
            let left = self.processes()?;
            ensure!(left.is_empty(), "processes {left:?} still run");
            Ok(())
        })
    }

    /// CPU time of the primary's daemon since its start, all processes and threads: what the scheduler counted.
    pub fn cpu(&self) -> Result<Duration> {
        let mut nanoseconds = 0;
        for pid in self.processes()? {
            for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
                let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
                nanoseconds += text.split_whitespace().next().context("no figure")?.parse::<u64>()?;
            }
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    /// When the first route server noticed that the primary is gone, after `since`: its BFD session or, without BFD,
    /// its BGP session went down, by its own log.
    pub fn noticed(&self, since: Instant) -> Result<Option<Instant>> {
        let log = self.servers.first().context("no route server")?.log()?;
        Ok(servers::session_down(&log, NODES[0], wall(since)).and_then(|at| instant(at, since)))
    }

    /// When the last of the route servers took the primary's route, after `since`, by their logs.
    pub fn announced_to_all(&self, since: Instant) -> Result<Option<Instant>> {
        let mut last = since;
        for server in &self.servers {
            let Some(at) = servers::route_added(&server.log()?, NODES[0], wall(since)) else {
                return Ok(None);
            };
            last = last.max(instant(at, since).context("the clock was set")?);
        }
        Ok(Some(last))
    }
}

/// The time of day at a moment.
fn wall(at: Instant) -> SystemTime {
    SystemTime::now() - at.elapsed()
}

/// The moment, after `since`, of a time of day.
fn instant(at: SystemTime, since: Instant) -> Option<Instant> {
    since.checked_add(at.duration_since(wall(since)).ok()?)
}
