//! The engine: facts in, orders out. See [`Input`], [`Output`] and the laws in ARCHITECTURE.md.

pub mod input;
pub mod names;
pub mod output;
pub mod record;
pub mod view;

pub use input::{Bound, Command, CommandResult, Endpoint, HostTable, Input, IoError, Phase, Verdict};
pub use names::{
    AddressId, CommandId, ConnId, LinkId, ListenerId, PeerId, ProbeId, RouteId, ServiceId, Slot, SocketId,
};
pub use output::{CloseHow, NextHop, Output, ProbeSpec, RouteTarget, Secret, TcpOptions};
pub use record::Record;

use crate::base::time::Instant;
use crate::config::Config;
use view::{PeerView, RouteView, ServiceView, SteerView, Summary};

/// The engine: one mutation (`handle`, `configure`), then `poll` until it gives nothing, then wait until `deadline`.
#[derive(Debug)]
pub struct Engine<
    const PEERS: usize,
    const SERVICES: usize,
    const ROUTES: usize = 32,
    const RULES: usize = 64,
    const TEXT: usize = 2048,
> {
    config: Config<PEERS, SERVICES, ROUTES, RULES, TEXT>,
    now: Instant,
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Engine<P, S, R, U, T> {
    /// An engine at rest, all zero bits.
    pub const fn new() -> Self {
        Self { config: Config::new(), now: Instant::ZERO }
    }

    /// Starts the clock and seeds the jitter; once, before anything else.
    pub fn start(&mut self, now: Instant, seed: u64) {
        self.now = now;
        let _ = seed;
    }

    /// Takes over a configuration: the first one, or another one. Counts as a `handle`: `poll` to the end after it.
    pub fn configure(&mut self, now: Instant, config: &Config<P, S, R, U, T>) {
        self.now = now;
        self.config.copy_from(config);
    }

    /// Takes a fact. Never fails, whatever it says.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.now = now;
        let _ = input;
    }

    /// The next order, until there is none.
    pub fn poll(&mut self) -> Option<Output<'_>> {
        None
    }

    /// When to tick at the latest; in the past when there is work left to do at once.
    pub fn deadline(&self) -> Instant {
        Instant::FAR
    }

    /// The configuration in force.
    pub fn config(&self) -> &Config<P, S, R, U, T> {
        &self.config
    }

    /// The whole at a glance.
    pub fn summary(&self) -> Summary<'_> {
        let view = self.config.view();
        Summary {
            hostname: view.text(view.hostname),
            local_as: view.bgp.local_as,
            router_id: view.bgp.router_id,
            started: self.now,
            peers: 0,
            established: 0,
            services: 0,
            routes: 0,
            announced: 0,
            steered: 0,
            stale_inputs: 0,
            listening: false,
            configuring: false,
            stopping: false,
        }
    }

    /// The service of that name.
    pub fn service_named(&self, name: &str) -> Option<ServiceId> {
        let view = self.config.view();
        let index = view.services.iter().position(|service| view.text(service.name) == name)?;
        u16::try_from(index).ok().map(ServiceId)
    }

    /// The peer in place `index`, if there is one; places beyond the last give nothing. For a listing, walk `0..PEERS`.
    pub fn peer(&self, index: usize) -> Option<PeerView<'_>> {
        let _ = index;
        None
    }

    /// The service in place `index`.
    pub fn service(&self, index: usize) -> Option<ServiceView<'_>> {
        let _ = index;
        None
    }

    /// The first route in place `from` or later, and its place: for a listing in pieces.
    pub fn route(&self, from: usize) -> Option<(usize, RouteView<'_>)> {
        let _ = from;
        None
    }

    /// The first prefix that `steer` keeps in place `from` or later, and its place.
    pub fn steered(&self, from: usize) -> Option<(usize, SteerView)> {
        let _ = from;
        None
    }
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Default
    for Engine<P, S, R, U, T>
{
    fn default() -> Self {
        Self::new()
    }
}
