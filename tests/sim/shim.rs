//! The simulated shim: obeys an engine's orders and answers them by the law (ARCHITECTURE.md, law 3).

use holdover_core::config::CheckKind;
use holdover_core::config::target::{Process, Target};
use holdover_core::engine::{
    CloseHow, ConnId, IoError, Output, Past, ProbeFailure, ProbeId, ProbeSpec, RouteTarget, TcpOptions,
    Verdict,
};

use super::datagram::Socket;
use super::fact::Fact;
use super::host::{Asked, Installed, KernelJob, Listener, Probing};
use super::tcp::{Dial, User};
use super::world::{Event, MS, World};

/// What a probe asks, in the words of a configuration: what a host is told the health of.
fn asked(target: Target<'_>) -> String {
    match target {
        Target::Tcp(endpoint) => endpoint.to_string(),
        Target::Icmp(address) => address.to_string(),
        Target::Http(http) => format!("{}{}", http.authority, http.path),
        Target::Exec(exec) => exec.program.to_string(),
        Target::Process(Process::Pidfile(path)) => format!("pidfile {path}"),
        Target::Process(Process::Unit { unit, .. }) => format!("unit {unit}"),
        Target::Process(Process::Cgroup(path)) => format!("cgroup {path}"),
        Target::File { path, .. } => path.to_string(),
        Target::None => unreachable!("a check without a target"),
    }
}

impl World {
    /// Obeys one order.
    // table: one arm for each order
    pub(super) fn execute(&mut self, host: usize, output: Output<'_>) {
        self.hosts[host].ledger.output(self.now, &output);
        match output {
            Output::Connect { conn, local, via, remote, options } => {
                let via = via.or(remote.link);
                let dial = Dial {
                    host,
                    user: User::Engine(conn),
                    local,
                    via,
                    remote: (remote.address, remote.port),
                    key: options.key.map(|key| key.0.to_vec()),
                    ttl: options.ttl,
                    min_ttl: options.min_ttl,
                };
                self.connect(host, conn, dial);
            }
            Output::Listen { listener, local } => {
                let (address, port) = (local.address, local.port);
                let keys = self.hosts[host].listen_keys.remove(&listener).unwrap_or_default();
                let one = Listener { id: Some(listener), address, port, keys };
                self.hosts[host].listeners.push(one);
                self.kernel_job(host, KernelJob::Listen { listener });
            }
            Output::ListenKey { listener, remote, key } => {
                let keys = self.hosts[host].listen_keys.entry(listener).or_default();
                keys.push((remote, key.map(|key| key.0.to_vec())));
            }
            Output::Unlisten { listener } => {
                self.hosts[host].listeners.retain(|one| one.id != Some(listener));
            }
            Output::Adopt { socket, conn, options } => self.adopt(host, socket, conn, options),
            Output::Refuse { socket } => {
                let tcp =
                    self.hosts[host].sockets.remove(&socket).expect("Refuse of a socket that is not there");
                self.reset(tcp, 1);
            }
            Output::Send { conn, bytes } => self.send(host, conn, bytes),
            Output::AskFlushed { conn } => {
                if let Some((tcp, side)) = self.end_of(host, conn) {
                    self.tcps[tcp].ends[side].flush_wait = true;
                    self.settle(tcp, side);
                }
            }
            Output::Close { conn, how } => self.close_conn(host, conn, how),
            Output::OpenDatagram { bfd, kind, local, remote, via } => {
                self.open_datagram(host, bfd, Socket { kind, local, remote, via });
            }
            Output::SendDatagram { bfd, bytes } => self.send_datagram(host, bfd, bytes),
            Output::CloseDatagram { bfd } => {
                self.hosts[host].datagram_sockets.remove(&bfd);
            }
            Output::StartProbe { probe, spec } => self.start_probe(host, probe, spec),
            Output::StopProbe { probe } => {
                self.hosts[host].probes.remove(&probe);
            }
            Output::Bind { address: id, link, prefix, label: _ } => {
                self.kernel_job(host, KernelJob::Bind { id, link, address: prefix });
            }
            Output::Unbind { address: id, link, prefix } => {
                self.kernel_job(host, KernelJob::Unbind { id, link, address: prefix });
            }
            Output::InstallRoute { route, prefix, target } => {
                let next_hops = if let RouteTarget::Via(hops) = target { hops.to_vec() } else { vec![] };
                self.kernel_job(host, KernelJob::Install { route, prefix, next_hops });
            }
            Output::RemoveRoute { route, prefix } => {
                self.kernel_job(host, KernelJob::Remove { route, prefix });
            }
            Output::AskTable { what } => {
                for fact in self.hosts[host].table(what) {
                    self.tell(host, fact);
                }
            }
            Output::Keep { name, past: Past::Clear } => {
                self.hosts[host].kept.remove(name);
            }
            Output::Keep { name, past } => {
                self.hosts[host].kept.insert(name.to_owned(), past);
            }
            Output::Answer { id, result } => {
                self.hosts[host].answers.insert(id, result);
            }
            Output::Record(record) => {
                let _ = record.to_string();
                self.hosts[host].records.push((self.now, record));
            }
        }
    }

    fn connect(&mut self, host: usize, conn: ConnId, dial: Dial) {
        let dialled = self.refusal(host, Asked::Connect).map_or_else(|| self.dial(dial), Err);
        match dialled {
            Ok(tcp) => {
                self.hosts[host].conns.insert(conn, (tcp, 0));
            }
            Err(why) => self.hosts[host].ready.push_back(Fact::ConnectFailed { conn, why }),
        }
    }

    fn adopt(
        &mut self,
        host: usize,
        socket: holdover_core::engine::SocketId,
        conn: ConnId,
        options: TcpOptions<'_>,
    ) {
        let tcp = self.hosts[host].sockets.remove(&socket).expect("Adopt of a socket that is not there");
        let end = &mut self.tcps[tcp].ends[1];
        end.user = User::Engine(conn);
        (end.ttl, end.min_ttl) = (options.ttl, options.min_ttl);
        self.hosts[host].conns.insert(conn, (tcp, 1));
    }

    fn send(&mut self, host: usize, conn: ConnId, bytes: &[u8]) {
        let Some((tcp, side)) = self.end_of(host, conn) else {
            // Its end is already on the way to the engine.
            return;
        };
        let taken = self.write(tcp, side, bytes);
        let it = &mut self.hosts[host];
        it.tap.said(self.now, conn, bytes, taken);
        it.ledger.check_said(self.now, &it.name, &it.tap, conn);
        self.tcps[tcp].ends[side].send_wait = Some(taken);
        self.settle(tcp, side);
    }

    fn close_conn(&mut self, host: usize, conn: ConnId, how: CloseHow) {
        self.hosts[host].tap.closed(conn);
        let Some((tcp, side)) = self.end_of(host, conn) else {
            // A failure is already on its way: from the order on there is only one answer.
            let ready = &mut self.hosts[host].ready;
            ready.retain(|fact| !matches!(fact, Fact::ConnectFailed { conn: one, .. } if *one == conn));
            let closed = |fact: &Fact| matches!(fact, Fact::Closed { conn: one, .. } if *one == conn);
            if !ready.iter().any(closed) {
                ready.push_back(Fact::Closed { conn, why: IoError::None });
            }
            return;
        };
        let end = &mut self.tcps[tcp].ends[side];
        if !end.open {
            // An attempt is abandoned.
            self.reset(tcp, side);
        } else if how == CloseHow::Graceful {
            end.discards = true;
            (end.send_wait, end.flush_wait) = (None, false);
            self.shut(tcp, side);
            return;
        } else {
            self.reset(tcp, side);
        }
        self.hosts[host].conns.remove(&conn);
        let fact = Fact::Closed { conn, why: IoError::None };
        self.hosts[host].ready.push_back(fact);
    }

    fn start_probe(&mut self, host: usize, probe: ProbeId, spec: ProbeSpec<'_>) {
        let watch = spec.kind == CheckKind::Process;
        let it = &mut self.hosts[host];
        let target = asked(spec.target);
        let found = it.health.get(&target).copied().unwrap_or(Some(Verdict::Pass));
        it.probes.insert(probe, Probing { target, started: self.now, watch });
        if watch {
            let verdict = found.unwrap_or(Verdict::Fail(ProbeFailure::Missing));
            it.ready.push_back(Fact::WatchChanged { probe, verdict });
            return;
        }
        let delay = if found.is_some() { self.dice.range(100, 2 * MS) } else { spec.timeout.as_micros() };
        let run = self.hosts[host].run;
        self.after(delay, Event::Probe { host, run, probe });
    }

    fn kernel_job(&mut self, host: usize, job: KernelJob) {
        let (boot, run) = (self.hosts[host].boot, self.hosts[host].run);
        let delay = self.dice.range(1, self.nature.kernel_delay);
        self.after(delay, Event::Kernel { host, boot, run, job });
    }

    /// The kernel does what it was asked, or refuses it, whether or not the daemon still lives, and answers that daemon. News
    /// keep the kernel's order, and so do answers; where they come by two sockets, either may overtake the other.
    pub(super) fn on_kernel(&mut self, host: usize, run: u32, job: KernelJob) {
        if run != self.hosts[host].run && matches!(job.asked(), Asked::Install | Asked::Remove) {
            // It was done before the next run removed what that one left.
            return;
        }
        let mut news = None;
        let refusal = self.refusal(host, job.asked());
        let answer = match job {
            KernelJob::Listen { listener } => {
                if refusal.is_some() {
                    self.hosts[host].listeners.retain(|one| one.id != Some(listener));
                }
                Fact::ListenDone { listener, result: refusal.map_or(Ok(()), Err) }
            }
            KernelJob::Bind { id, link, address } => {
                let result = if let Some(why) = self.hosts[host].bind_error.or(refusal) {
                    Err(why)
                } else {
                    let (bound, fact) = self.kernel_add(host, link, address, true);
                    news = fact;
                    Ok(bound)
                };
                Fact::AddressDone { address: id, result }
            }
            KernelJob::Unbind { id, link, address } => {
                let result = if let Some(why) = refusal {
                    Err(why)
                } else {
                    let (bound, fact) = self.kernel_remove(host, link, address);
                    news = fact;
                    Ok(bound)
                };
                Fact::AddressDone { address: id, result }
            }
            KernelJob::Install { route, .. } | KernelJob::Remove { route, .. }
                if self.hosts[host].route_error.is_some() =>
            {
                Fact::RouteDone { route, result: self.hosts[host].route_error.map_or(Ok(()), Err) }
            }
            KernelJob::Install { route, next_hops, .. }
                if next_hops.iter().any(|hop| self.hosts[host].no_way_to.contains(&hop.address)) =>
            {
                Fact::RouteDone { route, result: Err(IoError::Unreachable) }
            }
            KernelJob::Install { route, prefix, next_hops } => {
                if refusal.is_none() {
                    self.hosts[host].installed.insert(prefix, Installed { route, next_hops });
                }
                Fact::RouteDone { route, result: refusal.map_or(Ok(()), Err) }
            }
            KernelJob::Remove { route, prefix } => {
                if refusal.is_none() {
                    self.hosts[host].installed.remove(&prefix);
                }
                Fact::RouteDone { route, result: refusal.map_or(Ok(()), Err) }
            }
        };
        self.answer_kernel(host, run, answer, news);
    }

    /// Hands the kernel's answer to the daemon that asked, and the news to whoever runs now.
    fn answer_kernel(&mut self, host: usize, run: u32, answer: Fact, news: Option<Fact>) {
        if !self.hosts[host].runs(run) {
            // Nobody waits for the answer, and whoever runs now hears the news.
            return news.into_iter().for_each(|fact| self.tell(host, fact));
        }
        let apart = self.nature.overtaking > 0;
        let mut facts = [Some((answer, apart)), news.map(|fact| (fact, false))];
        if self.nature.echo_first {
            facts.reverse();
        }
        for (fact, reply) in facts.into_iter().flatten() {
            let delay = self.netlink_delay(host, reply);
            let event =
                if reply { Event::Reply { host, run, fact } } else { Event::Netlink { host, run, fact } };
            self.after(delay, event);
        }
    }
}
