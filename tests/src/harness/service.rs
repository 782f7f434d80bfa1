//! The service at the shared address as a process of its own, so that it can die.
//!
//! It is this very program, started again with other words: whoever uses it calls [`run_if_asked`] first in `main`.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use anyhow::{Context as _, Result, ensure};
use rustix::process::Signal;
use socket2::{Domain, Protocol, Socket, Type};

use super::lab::{Lab, Process};
use super::probe::{bound, echo, freebind};

/// The word that makes the program the service.
const WORD: &str = "serve-the-shared-address";

/// A running service: datagrams to its address are answered with the host's name, and connections to the port after
/// it are taken (a check's target).
pub struct Service {
    process: Process,
    pidfile: PathBuf,
}

impl Service {
    /// Starts it on `host`; returns when it serves. Its process id stands in `HOST-service.pid` in the lab's folder.
    pub fn start(lab: &Lab, host: &str, address: SocketAddr) -> Result<Self> {
        let program = std::env::current_exe()?.to_string_lossy().into_owned();
        let pidfile = Self::pidfile(lab, host);
        let _ = std::fs::remove_file(&pidfile);
        let file = pidfile.to_string_lossy();
        let argv = [&program, WORD, host, &address.to_string(), &file];
        let process = lab.spawn(host, &format!("{host}-service"), &argv, &[])?;
        let service = Self { process, pidfile: pidfile.clone() };
        lab.eventually("the service serves", 10.0, || {
            ensure!(service.process.ended()?.is_none(), "the service on {host} ended: see its log");
            Ok(std::fs::metadata(&service.pidfile).map(drop)?)
        })?;
        Ok(service)
    }

    /// Where the process id of the service on `host` stands, whether it was started or not.
    pub fn pidfile(lab: &Lab, host: &str) -> PathBuf {
        lab.dir().join(format!("{host}-service.pid"))
    }

    /// Its process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// SIGKILL.
    pub fn kill(&self) -> Result<()> {
        self.process.signal(Signal::KILL)
    }
}

/// Becomes the service, for ever, if the command line says so.
pub fn run_if_asked() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [word, name, address, pidfile] = &words[..] else { return Ok(()) };
    if word != WORD {
        return Ok(());
    }
    let address: SocketAddr = address.parse().context("the service's address")?;
    let datagrams = bound(address)?;
    let connections = listening(SocketAddr::new(address.ip(), address.port() + 1))?;
    std::thread::spawn(move || {
        // A connection is taken and closed: that is all a check asks for.
        connections.incoming().for_each(drop);
    });
    // Written whole or not at all: who watches it must not read half of it.
    let draft = format!("{pidfile}.new");
    std::fs::write(&draft, format!("{}\n", std::process::id()))?;
    std::fs::rename(draft, pidfile)?;
    echo(&datagrams, name, &AtomicBool::new(false));
    Ok(())
}

fn listening(address: SocketAddr) -> Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    freebind(&socket, address)?;
    socket.bind(&address.into()).with_context(|| format!("bind {address}"))?;
    socket.listen(64)?;
    Ok(socket.into())
}
