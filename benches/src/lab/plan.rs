//! What is measured: the faults, the rows of the tables with their goals, and which setup each daemon has in a row.

use serde::{Deserialize, Serialize};

use super::daemon::Daemon;
use super::setup::{Setup, Timers, Watch};

/// What happens to the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Fault {
    /// SIGTERM to the daemon.
    Term,
    /// SIGKILL to the daemon, its children too.
    Kill,
    /// SIGKILL to the daemon and to the service at once.
    KillAll,
    /// All packets to and from the machine are lost, all links stay up.
    Loss,
    /// SIGKILL to the service only.
    ServiceDies,
    /// The shared address is taken off `lo`.
    AddressRemoved,
    /// SIGSTOP to the daemon.
    Freeze,
    /// Nothing: what the daemon costs meanwhile.
    Idle,
}

impl Fault {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::Term,
        Self::Kill,
        Self::KillAll,
        Self::Loss,
        Self::ServiceDies,
        Self::AddressRemoved,
        Self::Freeze,
        Self::Idle,
    ];

    /// Its name on the command line and in the records.
    pub fn id(self) -> &'static str {
        match self {
            Self::Term => "term",
            Self::Kill => "kill",
            Self::KillAll => "killall",
            Self::Loss => "loss",
            Self::ServiceDies => "service",
            Self::AddressRemoved => "address",
            Self::Freeze => "freeze",
            Self::Idle => "idle",
        }
    }

    /// The fault of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.id() == name)
    }
}

/// What a row shows of the repetitions of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// From the fault to the first answer of the secondary, and the probes lost: the primary's machine lives on.
    Move,
    /// From the last answer of the primary to the first of the secondary.
    Outage,
    /// From the route server's noticing to the first answer of the secondary.
    Share,
    /// Nothing should move: the longest silence, and the probes lost.
    Silence,
    /// From the start of the daemon to its first answer.
    Start,
    /// From the start of the daemon to its route at all four route servers.
    AllServers,
    /// From the repair to the first answer of the primary, and the probes lost meanwhile.
    Failback,
    /// CPU time in milliseconds per second.
    Cpu,
}

/// What Holdover must reach: medians.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Goal {
    /// At most so many milliseconds (or milliseconds per second).
    pub most: f64,
    /// At most so many probes lost.
    pub lost: Option<f64>,
}

/// A row of a table.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What happens, in a few words.
    pub title: &'static str,
    /// What is done to the primary.
    pub fault: Fault,
    /// What is shown.
    pub measure: Measure,
    /// How the daemons are set up.
    pub way: Way,
    /// What Holdover must reach.
    pub goal: Option<Goal>,
    /// It is drawn in the plot.
    pub drawn: bool,
}

/// How the daemons are set up in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Each as it comes.
    Default,
    /// Each as fast as it is known to be: BFD at 50 ms where there is BFD, Holdover with its check of the port.
    Best,
    /// Hold time 3 s, no BFD.
    Hold,
    /// The best with BFD at this interval in milliseconds; who has no BFD is not measured.
    Bfd(u32),
    /// BFD at this interval in milliseconds and no check of the service.
    BfdAlone(u32),
    /// As it comes, who has a check by itself.
    DefaultCheck,
    /// The best, and the service's port is tried.
    Port,
    /// The best, and the service's process is watched.
    Process,
    /// The daemon binds the address.
    Binds,
}

impl Way {
    /// The setup of a daemon, or why it is not measured so.
    pub fn setup(self, daemon: Daemon) -> Result<Setup, &'static str> {
        let ours = daemon == Daemon::Holdover;
        let watch = if ours { Watch::Port } else { Watch::Nothing };
        let best = Setup::with(if daemon.has_bfd() { Timers::Bfd(50) } else { Timers::Hold }, watch);
        let hold = Setup::with(Timers::Hold, Watch::Nothing);
        match self {
            Self::Default => Ok(Setup::DEFAULT),
            Self::Best => Ok(best),
            Self::Hold => Ok(hold),
            Self::Bfd(_) | Self::BfdAlone(_) if !daemon.has_bfd() => Err("no BFD"),
            Self::Bfd(interval) => Ok(Setup { timers: Timers::Bfd(interval), ..best }),
            Self::BfdAlone(interval) => Ok(Setup { timers: Timers::Bfd(interval), ..hold }),
            // ExaBGP announces by its check, whatever the setup.
            Self::DefaultCheck if daemon == Daemon::Exabgp => Ok(Setup::DEFAULT),
            Self::DefaultCheck if ours => Err("never: the template has no check"),
            Self::Port if ours || daemon == Daemon::Exabgp => Ok(best),
            Self::Process if ours => Ok(Setup { watch: Watch::Process, ..best }),
            Self::Process if daemon == Daemon::Exabgp => Err("no watch of a process"),
            Self::DefaultCheck | Self::Port | Self::Process => Err("never: no health check"),
            Self::Binds if ours => Ok(Setup { binds: true, ..hold }),
            Self::Binds => Err("does not bind addresses"),
        }
    }
}

impl Goal {
    const fn of(most: f64) -> Self {
        Self { most, lost: None }
    }

    const fn lossless(most: f64) -> Self {
        Self { most, lost: Some(0.0) }
    }
}

/// The first table: each daemon in its best known setup.
#[rustfmt::skip] // a table reads by rows
pub const TUNED: &[Row] = &[
    Row { title: "SIGTERM of the daemon: traffic moves after", fault: Fault::Term, measure: Measure::Move, way: Way::Best, goal: Some(Goal::lossless(8.0)), drawn: false },
    Row { title: "SIGKILL of the daemon: traffic moves after", fault: Fault::Kill, measure: Measure::Move, way: Way::Best, goal: Some(Goal::lossless(8.0)), drawn: false },
    Row { title: "daemon and service killed together", fault: Fault::KillAll, measure: Measure::Outage, way: Way::Best, goal: Some(Goal::of(3.0)), drawn: true },
    Row { title: "silent loss, defaults", fault: Fault::Loss, measure: Measure::Outage, way: Way::Default, goal: Some(Goal::of(9_000.0)), drawn: true },
    Row { title: "… of it after the route server noticed", fault: Fault::Loss, measure: Measure::Share, way: Way::Default, goal: None, drawn: false },
    Row { title: "silent loss, hold time 3 s, no BFD", fault: Fault::Loss, measure: Measure::Outage, way: Way::Hold, goal: Some(Goal::of(2_700.0)), drawn: true },
    Row { title: "… of it after the route server noticed", fault: Fault::Loss, measure: Measure::Share, way: Way::Hold, goal: None, drawn: false },
    Row { title: "silent loss, BFD 50 ms × 3", fault: Fault::Loss, measure: Measure::Outage, way: Way::Bfd(50), goal: Some(Goal::of(131.0)), drawn: true },
    Row { title: "… of it after the route server noticed", fault: Fault::Loss, measure: Measure::Share, way: Way::Bfd(50), goal: Some(Goal::of(4.0)), drawn: false },
    Row { title: "silent loss, BFD 10 ms × 3", fault: Fault::Loss, measure: Measure::Outage, way: Way::Bfd(10), goal: Some(Goal::of(30.0)), drawn: true },
    Row { title: "… of it after the route server noticed", fault: Fault::Loss, measure: Measure::Share, way: Way::Bfd(10), goal: Some(Goal::of(4.0)), drawn: false },
    Row { title: "service dies, its process is watched", fault: Fault::ServiceDies, measure: Measure::Outage, way: Way::Process, goal: Some(Goal::of(6.0)), drawn: true },
    Row { title: "service dies, its port is tried every 100 ms", fault: Fault::ServiceDies, measure: Measure::Outage, way: Way::Port, goal: Some(Goal::of(110.0)), drawn: true },
    Row { title: "address taken off lo, found there: withdrawn", fault: Fault::AddressRemoved, measure: Measure::Outage, way: Way::Best, goal: Some(Goal::of(3.0)), drawn: true },
    Row { title: "address taken off lo, bound by the daemon: put back", fault: Fault::AddressRemoved, measure: Measure::Silence, way: Way::Binds, goal: Some(Goal { most: 3.0, lost: Some(1.0) }), drawn: false },
    Row { title: "frozen daemon, hold time 3 s: traffic moves after", fault: Fault::Freeze, measure: Measure::Move, way: Way::Hold, goal: Some(Goal::lossless(2_700.0)), drawn: false },
    Row { title: "frozen daemon, BFD 50 ms × 3: traffic moves after", fault: Fault::Freeze, measure: Measure::Move, way: Way::Bfd(50), goal: Some(Goal::lossless(135.0)), drawn: false },
    Row { title: "start of the daemon: first answer after", fault: Fault::Term, measure: Measure::Start, way: Way::Best, goal: Some(Goal::of(30.0)), drawn: false },
    Row { title: "start of the daemon: all four route servers have the route after", fault: Fault::Term, measure: Measure::AllServers, way: Way::Best, goal: Some(Goal::of(30.0)), drawn: false },
    Row { title: "failback after silent loss, BFD 50 ms × 3", fault: Fault::Loss, measure: Measure::Failback, way: Way::Bfd(50), goal: Some(Goal::lossless(800.0)), drawn: false },
    Row { title: "idle CPU, BFD 50 ms × 4 sessions, ms per s", fault: Fault::Idle, measure: Measure::Cpu, way: Way::BfdAlone(50), goal: Some(Goal::of(6.0)), drawn: false },
    Row { title: "idle CPU, best setup with a check of the service's port, ms per s", fault: Fault::Idle, measure: Measure::Cpu, way: Way::Port, goal: None, drawn: false },
];

/// The second table: each daemon as it comes.
#[rustfmt::skip] // a table reads by rows
pub const DEFAULTS: &[Row] = &[
    Row { title: "SIGTERM of the daemon: traffic moves after", fault: Fault::Term, measure: Measure::Move, way: Way::Default, goal: None, drawn: false },
    Row { title: "daemon and service killed together", fault: Fault::KillAll, measure: Measure::Outage, way: Way::Default, goal: None, drawn: false },
    Row { title: "silent loss", fault: Fault::Loss, measure: Measure::Outage, way: Way::Default, goal: Some(Goal::of(9_000.0)), drawn: false },
    Row { title: "service dies", fault: Fault::ServiceDies, measure: Measure::Outage, way: Way::DefaultCheck, goal: None, drawn: false },
    Row { title: "start of the daemon: first answer after", fault: Fault::Term, measure: Measure::Start, way: Way::Default, goal: None, drawn: false },
];

/// The repetitions of one fault in one setup of one daemon; several rows may show them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Job {
    /// The daemon.
    pub daemon: Daemon,
    /// Its setup.
    pub setup: Setup,
    /// The fault.
    pub fault: Fault,
}

/// What has to be measured for both tables, each job once, those of the same setup together.
pub fn jobs(daemons: &[Daemon], faults: &[Fault]) -> Vec<Job> {
    let mut jobs = Vec::new();
    for daemon in daemons {
        for row in TUNED.iter().chain(DEFAULTS).filter(|row| faults.contains(&row.fault)) {
            if let Ok(setup) = row.way.setup(*daemon) {
                jobs.push(Job { daemon: *daemon, setup, fault: row.fault });
            }
        }
    }
    jobs.sort_unstable();
    jobs.dedup();
    jobs
}

impl Job {
    /// How often it is done when the command line says `repetitions`: BFD's timers spread the outage, so half as often
    /// again; the others' defaults wait long and spread little; the CPU's figure is a mean already.
    pub fn repetitions(&self, repetitions: usize) -> usize {
        match self.fault {
            Fault::Idle => repetitions.min(3),
            _ if self.setup == Setup::DEFAULT && self.daemon != Daemon::Holdover => repetitions.min(3),
            Fault::Loss if self.setup.bfd().is_some() => repetitions + repetitions / 2,
            _ => repetitions,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_show_the_same_fault_in_the_same_setup_share_its_repetitions() {
        let jobs = jobs(&[Daemon::Bird], &Fault::ALL);
        let bfd = |job: &&Job| job.fault == Fault::Loss && job.setup.bfd() == Some(50);
        assert_eq!(jobs.iter().filter(bfd).count(), 1);
        let mut setups: Vec<Setup> = jobs.iter().map(|job| job.setup).collect();
        setups.dedup();
        let named = setups.len();
        setups.sort_unstable();
        setups.dedup();
        assert_eq!(named, setups.len(), "the jobs of a setup are together");
    }

    #[test]
    fn what_a_daemon_cannot_do_is_no_job_and_has_a_reason() {
        let jobs = jobs(&[Daemon::Gobgp], &Fault::ALL);
        assert!(jobs.iter().all(|job| job.setup.bfd().is_none() && job.fault != Fault::ServiceDies));
        for row in TUNED.iter().chain(DEFAULTS) {
            for daemon in Daemon::ALL {
                assert_ne!(row.way.setup(daemon), Err(""), "{}", row.title);
            }
        }
    }

    #[test]
    fn each_row_with_a_goal_is_one_that_holdover_can_reach() {
        for row in TUNED.iter().filter(|row| row.goal.is_some()) {
            assert!(row.way.setup(Daemon::Holdover).is_ok(), "{}", row.title);
        }
    }

    #[test]
    fn only_chosen_faults_are_jobs() {
        let jobs = jobs(&Daemon::ALL, &[Fault::Term]);
        assert!(!jobs.is_empty() && jobs.iter().all(|job| job.fault == Fault::Term));
        assert_eq!(Fault::named("loss"), Some(Fault::Loss));
        assert_eq!(Fault::named("flood"), None);
    }

    #[test]
    fn bfd_is_measured_half_as_often_again_and_defaults_and_the_cpu_three_times() {
        let job =
            |timers, fault| Job { daemon: Daemon::Bird, setup: Setup::with(timers, Watch::Nothing), fault };
        assert_eq!(job(Timers::Hold, Fault::Loss).repetitions(20), 20);
        assert_eq!(job(Timers::Bfd(50), Fault::Loss).repetitions(20), 30);
        assert_eq!(job(Timers::Bfd(50), Fault::Idle).repetitions(20), 3);
        assert_eq!(job(Timers::Default, Fault::Term).repetitions(20), 3);
    }
}
