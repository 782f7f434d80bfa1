//! What a client of the shared address gets: a service that answers with its machine's name, and probes of it.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use rustix::net::sockopt::set_socket_recv_buffer_size_force;
use socket2::{Domain, Protocol, Socket, Type};

use super::lab::Lab;

/// Starts a service on `host` that answers each datagram to `address` with the datagram and the host's name.
///
/// It is bound before the address is there (`IP_FREEBIND`), and lives as long as the lab. One that can die is a
/// [`Service`](super::service::Service).
pub fn serve(lab: &Lab, host: &str, address: SocketAddr) -> Result<()> {
    let socket = lab.within(host, || bound(address))?;
    let (stop, name) = (lab.stop_flag(), host.to_owned());
    std::thread::spawn(move || echo(&socket, &name, &stop));
    Ok(())
}

/// A datagram socket at an address that need not be there yet.
pub(super) fn bound(address: SocketAddr) -> Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    freebind(&socket, address)?;
    socket.bind(&address.into()).with_context(|| format!("bind {address}"))?;
    let socket = UdpSocket::from(socket);
    prepare(&socket)?;
    Ok(socket)
}

/// Lets a socket be bound to an address that is not there yet.
pub(super) fn freebind(socket: &Socket, address: SocketAddr) -> Result<()> {
    match address {
        SocketAddr::V4(_) => socket.set_freebind_v4(true)?,
        SocketAddr::V6(_) => socket.set_freebind_v6(true)?,
    }
    Ok(())
}

/// Answers every datagram with itself and `name`, until told to stop.
pub(super) fn echo(socket: &UdpSocket, name: &str, stop: &AtomicBool) {
    go_first();
    let mut buffer = [0; 64];
    while !stop.load(Ordering::Relaxed) {
        let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
        let answer: Vec<u8> = buffer.iter().take(len).chain(name.as_bytes()).copied().collect();
        // Without a route back the client counts it as lost, which it is.
        let _ = socket.send_to(&answer, from);
    }
}

/// How long a thread may take to see that its lab is over.
const TICK: Duration = Duration::from_millis(200);
/// A probe without an answer after this is a lost one.
const LATE: Duration = Duration::from_millis(400);
/// The probe's own pace.
const STEP: Duration = Duration::from_millis(1);
/// What a socket keeps for a thread that does not get to run: seconds of probes, so that only the network loses any.
const RECEIVE_BUFFER: usize = 8 << 20;

/// A socket that loses nothing while its thread waits for a processor, and that notices the end of its lab.
fn prepare(socket: &UdpSocket) -> Result<()> {
    set_socket_recv_buffer_size_force(socket, RECEIVE_BUFFER)?;
    Ok(socket.set_read_timeout(Some(TICK))?)
}

/// This thread gets a processor before those of ordinary priority. Without the right to that it is only less exact.
fn go_first() {
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), -15);
}

/// One answer to a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When it came.
    pub at: Instant,
    /// The number of its probe: they are counted from 0 on.
    pub probe: usize,
    /// The node that gave it.
    pub by: String,
}

/// An answer as the book has it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Instant,
    probe: usize,
    /// Place of the node's name in the book.
    by: usize,
}

#[derive(Default)]
struct Answers {
    all: Vec<Entry>,
    names: Vec<String>,
}

impl Answers {
    fn name(&self, answer: &Entry) -> &str {
        self.names.get(answer.by).map_or("", String::as_str)
    }

    /// Those that came after `since`.
    fn after(&self, since: Instant) -> &[Entry] {
        &self.all[self.all.partition_point(|answer| answer.at <= since)..]
    }
}

/// Sent probes and answers lie apart: who sends does not wait for who receives.
#[derive(Default)]
struct Book {
    sent: Mutex<Vec<Instant>>,
    answers: Mutex<Answers>,
}

/// A client that sends a probe every millisecond, until the lab ends.
pub struct Probe {
    book: Arc<Book>,
}

/// What happened to the probes of a span of time. A probe that the prober had no time to send is none.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Probes sent.
    pub sent: usize,
    /// When the probes were sent that had no answer.
    pub lost: Vec<Instant>,
    /// The longest time from the last answered probe before a lost one to the next answered one.
    pub outage: Duration,
    /// The longest time between two probes: what may have been missed because the prober did not run.
    pub pause: Duration,
    /// How many answers each node gave.
    pub by: BTreeMap<String, usize>,
}

impl Probe {
    /// Starts probing `target` from `host` at 1 kHz.
    pub fn start(lab: &Lab, host: &str, target: SocketAddr) -> Result<Self> {
        let any: IpAddr = match target {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = lab.within(host, || Ok(UdpSocket::bind((any, 0))?))?;
        prepare(&socket)?;
        let book = Arc::new(Book::default());
        let stop = lab.stop_flag();
        let receiver = (socket.try_clone()?, Arc::clone(&book), Arc::clone(&stop));
        std::thread::spawn(move || receive(&receiver.0, &receiver.1.answers, &receiver.2));
        let sender = Arc::clone(&book);
        std::thread::spawn(move || send(&socket, target, &sender.sent, &stop));
        Ok(Self { book })
    }

    /// The answers that came after `since`, in the order of their coming.
    pub fn answers(&self, since: Instant) -> Vec<Answer> {
        let book = lock(&self.book.answers);
        let answer =
            |entry: &Entry| Answer { at: entry.at, probe: entry.probe, by: book.name(entry).to_owned() };
        book.after(since).iter().map(answer).collect()
    }

    /// The number of the first probe sent since `from`, and when it and those after it were sent, up to `to`.
    pub fn sent(&self, from: Instant, to: Instant) -> (usize, Vec<Instant>) {
        let sent = lock(&self.book.sent);
        let first = sent.partition_point(|at| *at < from);
        let end = sent.partition_point(|at| *at <= to);
        (first, sent.get(first..end).unwrap_or_default().to_vec())
    }

    /// When `node` first answered after `since`; the error says who answered last.
    pub fn first_answer(&self, node: &str, since: Instant) -> Result<Instant> {
        let book = lock(&self.book.answers);
        let first = book.after(since).iter().find(|answer| book.name(answer) == node);
        let last = book.all.last().map(|answer| (book.name(answer), answer.at.elapsed()));
        Ok(first.with_context(|| format!("the last answer: {last:?}"))?.at)
    }

    /// Waits for an answer by `node` that came after `since`; gives when it came.
    pub fn answered_by(&self, lab: &Lab, node: &str, since: Instant, seconds: f64) -> Result<Instant> {
        lab.eventually(&format!("{node} answers the client"), seconds, || self.first_answer(node, since))
    }

    /// Makes sure that only `node` answers, now and for `seconds`.
    pub fn stays_with(&self, lab: &Lab, node: &str, seconds: f64) -> Result<()> {
        let since = Instant::now();
        lab.steadily(&format!("{node} answers"), seconds, || {
            let book = lock(&self.book.answers);
            let mut late = book.all.iter().rev().take_while(|answer| answer.at > since);
            let other = late.find(|answer| book.name(answer) != node);
            ensure!(other.is_none(), "{} answered", other.map_or("", |answer| book.name(answer)));
            Ok(())
        })?;
        let report = self.report(lab, since, Instant::now())?;
        ensure!(report.by.contains_key(node), "{node} did not answer: {report:?}");
        Ok(())
    }

    /// What became of the probes sent between these two moments (waits until their answers would be late).
    pub fn report(&self, lab: &Lab, from: Instant, to: Instant) -> Result<Report> {
        if to.elapsed() <= LATE {
            lab.eventually("the probes are over", 10.0, || {
                ensure!(to.elapsed() > LATE, "not yet");
                Ok(())
            })?;
        }
        let sent = lock(&self.book.sent);
        let first = sent.partition_point(|at| *at < from);
        let end = sent.partition_point(|at| *at <= to);
        let book = lock(&self.book.answers);
        let mut report = Report { sent: end - first, ..Report::default() };
        let mut answered = vec![false; report.sent];
        let before = book.all.partition_point(|answer| answer.at < from);
        for answer in book.all[before..].iter().filter(|answer| (first..end).contains(&answer.probe)) {
            answered[answer.probe - first] = true;
            *report.by.entry(book.name(answer).to_owned()).or_default() += 1;
        }
        let mut last = from;
        let mut before = sent.get(first).copied().unwrap_or(to);
        for (at, answered) in sent[first..end].iter().zip(answered) {
            report.pause = report.pause.max(*at - before);
            before = *at;
            if answered {
                last = *at;
            } else {
                report.lost.push(*at);
                report.outage = report.outage.max(*at + STEP - last);
            }
        }
        Ok(report)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends a probe at each full millisecond; after a pause of the machine it goes on, it does not catch up.
fn send(socket: &UdpSocket, target: SocketAddr, sent: &Mutex<Vec<Instant>>, stop: &AtomicBool) {
    go_first();
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let number = {
            let mut sent = lock(sent);
            sent.push(Instant::now());
            sent.len() - 1
        };
        // No route, no buffer: the probe is lost, which is what is measured.
        let _ = socket.send_to(&u64::try_from(number).unwrap_or(0).to_be_bytes(), target);
        let now = Instant::now();
        while next <= now {
            next += STEP;
        }
        // pause: the probe's own pace
        std::thread::sleep(next - now);
    }
}

fn receive(socket: &UdpSocket, answers: &Mutex<Answers>, stop: &AtomicBool) {
    go_first();
    let mut buffer = [0; 64];
    while !stop.load(Ordering::Relaxed) {
        let len = match socket.recv(&mut buffer) {
            Ok(len) => len,
            // A refused or unreachable answer is no answer.
            Err(error) if error.kind() != ErrorKind::InvalidInput => continue,
            Err(_) => return,
        };
        let at = Instant::now();
        let Some((number, name)) = buffer.get(..len).and_then(<[u8]>::split_first_chunk::<8>) else {
            continue;
        };
        let probe = usize::try_from(u64::from_be_bytes(*number)).unwrap_or(usize::MAX);
        let mut book = lock(answers);
        let known = book.names.iter().position(|known| known.as_bytes() == name);
        let by = known.unwrap_or_else(|| {
            book.names.push(String::from_utf8_lossy(name).into_owned());
            book.names.len() - 1
        });
        book.all.push(Entry { at, probe, by });
    }
}
