//! The client that asks and the services that answer.
//!
//! A probe is its number in 8 octets, big-endian; the answer repeats it and adds the node's name.

use std::io;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, Type};

use super::ledger::{Ledger, Node};
use super::world::{Host, SHARED, World};

/// Where the services listen.
const SERVICE: SocketAddrV4 = SocketAddrV4::new(SHARED, 7007);
/// How often the client asks.
const INTERVAL: Duration = Duration::from_millis(1);

/// The client, at work until the process ends.
#[derive(Debug)]
pub(super) struct Client {
    opened: Instant,
    ledger: Arc<Mutex<Ledger>>,
}

impl Client {
    /// Starts the services on both nodes, and the client.
    pub(super) fn start(world: &World) -> io::Result<Self> {
        for node in Node::BOTH {
            let socket = world.inside(Host::Node(node), service_socket)?;
            spawn(node.name(), move || answer_for_ever(&socket, node))?;
        }
        let socket = world.inside(Host::Client, || UdpSocket::bind("0.0.0.0:0"))?;
        socket.set_nonblocking(true)?;
        let client = Self { opened: Instant::now(), ledger: Arc::default() };
        let (opened, ledger) = (client.opened, Arc::clone(&client.ledger));
        spawn("client", move || ask_for_ever(&socket, opened, &ledger))?;
        Ok(client)
    }

    /// The time on the ledger's clock.
    pub(super) fn now(&self) -> Duration {
        self.opened.elapsed()
    }

    /// The book as it stands.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }
}

/// A panic elsewhere leaves the book as good as it was.
fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).stack_size(128 << 10).spawn(work).map(drop)
}

/// A socket on the shared address, whether or not it is on the host now.
fn service_socket() -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_freebind_v4(true)?;
    socket.bind(&SocketAddr::from(SERVICE).into())?;
    Ok(socket.into())
}

fn answer_for_ever(socket: &UdpSocket, node: Node) {
    let mut buffer = [0; 64];
    loop {
        // An error is the fate of an earlier answer, or of a question that came at a bad time. Both are lost packets, which
        // the client counts.
        if let Ok((8, client)) = socket.recv_from(&mut buffer) {
            let mut answer = buffer[..8].to_vec();
            answer.extend_from_slice(node.name().as_bytes());
            let _ = socket.send_to(&answer, client);
        }
    }
}

fn ask_for_ever(socket: &UdpSocket, opened: Instant, ledger: &Mutex<Ledger>) {
    let mut due = opened.elapsed();
    loop {
        hear(socket, ledger);
        let number = lock(ledger).send(opened.elapsed());
        let _ = socket.send_to(&number.to_be_bytes(), SERVICE);
        // After a pause of the machine the missed probes are not made up for: a burst would measure nothing.
        due = (due + INTERVAL).max(opened.elapsed().saturating_sub(INTERVAL));
        thread::sleep(due.saturating_sub(opened.elapsed()));
    }
}

/// Enters all answers that have come.
fn hear(socket: &UdpSocket, ledger: &Mutex<Ledger>) {
    let mut buffer = [0; 64];
    while let Ok(length) = socket.recv(&mut buffer) {
        let Some((number, name)) = buffer[..length].split_first_chunk() else { continue };
        if let Some(node) = Node::named(name) {
            lock(ledger).answer(u64::from_be_bytes(*number), node);
        }
    }
}
