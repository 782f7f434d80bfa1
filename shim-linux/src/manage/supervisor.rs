//! What the service manager is told (sd_notify(3)): that we are ready, reload or stop, one line on how things stand, and that
//! the engine thread, that of checks and this one are alive. Without a service manager nobody is told anything.

use std::env;
use std::fmt::Write as _;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::rc::Rc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::Manager;
use crate::bridge::ToEngine;
use crate::snapshot::Snapshot;

/// The most services that are named in the line on how things stand.
const NAMED: usize = 8;

/// The service manager's end.
#[derive(Debug, Default)]
pub(crate) struct Supervisor {
    socket: Option<UnixDatagram>,
    /// It ends us when it hears nothing for so long.
    watchdog: Option<Duration>,
}

impl Supervisor {
    /// The one that the environment names. Errors: it names one that cannot be spoken to.
    pub(crate) fn from_environment() -> io::Result<Self> {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(Self::default());
        };
        let address = match name.as_encoded_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(&name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect_addr(&address)?;
        let number = |name| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog =
            number("WATCHDOG_USEC").filter(|&micros| meant && micros > 0).map(Duration::from_micros);
        Ok(Self { socket: Some(socket), watchdog })
    }

    /// Says something, unless the service manager is too busy to listen: it is asked for nothing.
    fn say(&self, text: &str) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(text.as_bytes());
        }
    }

    /// The configuration is in force, at the start or after a reload; or a reload was refused and the one before stays.
    pub(super) fn ready(&self) {
        self.say("READY=1");
    }

    /// A reload begins. The time is what tells it from one before.
    pub(super) fn reloading(&self) {
        let time = clock_gettime(ClockId::Monotonic);
        let micros = time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1_000);
        self.say(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
    }

    /// The way out has begun.
    pub(super) fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// How things stand.
    pub(super) fn status(&self, snapshot: &Snapshot) {
        if self.socket.is_some()
            && let Some(line) = line(snapshot)
        {
            self.say(&format!("STATUS={line}"));
        }
    }

    /// Whether anybody listens.
    pub(super) fn is_there(&self) -> bool {
        self.socket.is_some()
    }
}

/// `3 of 4 neighbors Established; web active, db standby`.
fn line(snapshot: &Snapshot) -> Option<String> {
    let summary = snapshot.summary()?;
    let mut line = format!("{} of {} neighbors Established", summary.established, summary.peers);
    for (number, service) in snapshot.services().take(NAMED).enumerate() {
        let before = if number == 0 { ";" } else { "," };
        let _ = write!(line, "{before} {} {}", service.name, service.posture);
    }
    let more = snapshot.services().skip(NAMED).count();
    if more > 0 {
        let _ = write!(line, " and {more} more");
    }
    Some(line)
}

/// Tells the service manager that we are alive, twice in the time that it allows, while the engine thread and the thread of
/// checks answer this one.
pub(super) async fn watch(manager: Rc<Manager>) {
    let Some(allowed) = manager.supervisor.watchdog else { return };
    let pause = allowed / 2;
    loop {
        let begun = tokio::time::Instant::now();
        if manager.engine.ask_for(pause, ToEngine::Alive).await.is_some() {
            manager.supervisor.say("WATCHDOG=1");
        }
        tokio::time::sleep_until(begun + pause).await;
    }
}

#[cfg(test)]
impl Supervisor {
    /// One that a test listens to.
    pub(super) fn test(watchdog: Duration) -> (Self, UnixDatagram) {
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.set_nonblocking(true).unwrap();
        (Self { socket: Some(ours), watchdog: Some(watchdog) }, theirs)
    }
}
