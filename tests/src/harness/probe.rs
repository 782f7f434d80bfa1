//! What a client of the shared address gets: a service that answers with its machine's name, and probes of it.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use socket2::{Domain, Protocol, Socket, Type};

use super::lab::Lab;

/// Starts a service on `host` that answers each datagram to `address` with the datagram and the host's name.
///
/// It is bound before the address is there (`IP_FREEBIND`), and lives as long as the lab.
pub fn serve(lab: &Lab, host: &str, address: SocketAddr) -> Result<()> {
    let socket = lab.within(host, || {
        let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
        match address {
            SocketAddr::V4(_) => socket.set_freebind_v4(true)?,
            SocketAddr::V6(_) => socket.set_freebind_v6(true)?,
        }
        socket.bind(&address.into()).with_context(|| format!("bind {address}"))?;
        Ok(UdpSocket::from(socket))
    })?;
    socket.set_read_timeout(Some(TICK))?;
    let (stop, name) = (lab.stop_flag(), host.as_bytes().to_owned());
    std::thread::spawn(move || {
        let mut buffer = [0; 64];
        while !stop.load(Ordering::Relaxed) {
            let Ok((len, from)) = socket.recv_from(&mut buffer) else { continue };
            let answer: Vec<u8> = buffer.iter().take(len).chain(&name).copied().collect();
            // Without a route back the client counts it as lost, which it is.
            let _ = socket.send_to(&answer, from);
        }
    });
    Ok(())
}

/// How long a thread may take to see that its lab is over.
const TICK: Duration = Duration::from_millis(200);
/// An answer later than this after its probe is a lost one.
const LATE: Duration = Duration::from_millis(400);

/// One answer.
#[derive(Clone, Debug)]
struct Answer {
    at: Instant,
    probe: usize,
    by: String,
}

#[derive(Default)]
struct Book {
    sent: Vec<Instant>,
    answers: Vec<Answer>,
}

/// A client that sends a probe every millisecond, until the lab ends.
pub struct Probe {
    book: Arc<Mutex<Book>>,
}

/// What happened to the probes of a span of time.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Probes sent.
    pub sent: usize,
    /// Probes without an answer.
    pub lost: usize,
    /// The longest time without any answer.
    pub longest_gap: Duration,
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
        socket.set_read_timeout(Some(TICK))?;
        let book = Arc::new(Mutex::new(Book::default()));
        let stop = lab.stop_flag();
        let receiver = (socket.try_clone()?, Arc::clone(&book), Arc::clone(&stop));
        std::thread::spawn(move || receive(&receiver.0, &receiver.1, &receiver.2));
        let sender = Arc::clone(&book);
        std::thread::spawn(move || send(&socket, target, &sender, &stop));
        Ok(Self { book })
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }

    /// Waits for an answer by `node` that came after `since`; gives when it came.
    pub fn answered_by(&self, lab: &Lab, node: &str, since: Instant, seconds: f64) -> Result<Instant> {
        lab.eventually(&format!("{node} answers the client"), seconds, || {
            let book = self.book();
            let late = book.answers.iter().rev().take_while(|answer| answer.at > since);
            let first = late.filter(|answer| answer.by == node).last();
            let last = book.answers.last().map(|answer| (answer.by.clone(), answer.at.elapsed()));
            Ok(first.with_context(|| format!("the last answer: {last:?}"))?.at)
        })
    }

    /// Makes sure that only `node` answers, now and for `seconds`.
    pub fn stays_with(&self, lab: &Lab, node: &str, seconds: f64) -> Result<()> {
        let since = Instant::now();
        lab.steadily(&format!("{node} answers"), seconds, || {
            let book = self.book();
            let other = book.answers.iter().rev().take_while(|a| a.at > since).find(|a| a.by != node);
            ensure!(other.is_none(), "{other:?} answered");
            Ok(())
        })?;
        let report = self.report(lab, since, Instant::now())?;
        ensure!(report.by.contains_key(node), "{node} did not answer: {report:?}");
        Ok(())
    }

    /// What became of the probes sent between these two moments (waits until their answers would be late).
    pub fn report(&self, lab: &Lab, from: Instant, to: Instant) -> Result<Report> {
        lab.eventually("the probes are over", 10.0, || {
            ensure!(to.elapsed() > LATE, "not yet");
            Ok(())
        })?;
        let book = self.book();
        let mut report = Report::default();
        let first = book.sent.partition_point(|at| *at < from);
        let end = book.sent.partition_point(|at| *at <= to);
        let mut answered = vec![false; end.saturating_sub(first)];
        let mut last = from;
        for answer in book.answers.iter().filter(|a| (first..end).contains(&a.probe)) {
            if let Some(slot) = answered.get_mut(answer.probe - first) {
                *slot = true;
            }
            *report.by.entry(answer.by.clone()).or_default() += 1;
            report.longest_gap = report.longest_gap.max(answer.at.saturating_duration_since(last));
            last = last.max(answer.at);
        }
        report.longest_gap = report.longest_gap.max(to.saturating_duration_since(last));
        report.sent = answered.len();
        report.lost = answered.iter().filter(|answered| !**answered).count();
        Ok(report)
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Sends a probe at each full millisecond; after a pause of the machine it goes on, it does not catch up.
fn send(socket: &UdpSocket, target: SocketAddr, book: &Mutex<Book>, stop: &AtomicBool) {
    let step = Duration::from_millis(1);
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let number = {
            let mut book = lock(book);
            book.sent.push(Instant::now());
            book.sent.len() - 1
        };
        // No route, no buffer: the probe is lost, which is what is measured.
        let _ = socket.send_to(&u64::try_from(number).unwrap_or(0).to_be_bytes(), target);
        next += step;
        match next.checked_duration_since(Instant::now()) {
            // pause: the probe's own pace
            Some(pause) => std::thread::sleep(pause),
            None => next = Instant::now(),
        }
    }
}

fn receive(socket: &UdpSocket, book: &Mutex<Book>, stop: &AtomicBool) {
    let mut buffer = [0; 64];
    while !stop.load(Ordering::Relaxed) {
        let len = match socket.recv(&mut buffer) {
            Ok(len) => len,
            // A refused or unreachable answer is no answer.
            Err(error) if error.kind() != ErrorKind::InvalidInput => continue,
            Err(_) => return,
        };
        let Some((number, name)) = buffer.get(..len).and_then(<[u8]>::split_first_chunk::<8>) else {
            continue;
        };
        let probe = usize::try_from(u64::from_be_bytes(*number)).unwrap_or(usize::MAX);
        let by = String::from_utf8_lossy(name).into_owned();
        lock(book).answers.push(Answer { at: Instant::now(), probe, by });
    }
}
