//! The engine as the simulator sees it, whatever its capacities.

use holdover_core::base::time::Instant;
use holdover_core::config::{Config, Platform, parse};
use holdover_core::engine::view::{CheckView, PeerView, RouteView, ServiceView, SteerView, Summary};
use holdover_core::engine::{Engine, Input, Output, ServiceId};

/// An engine of any capacity, with a configuration to parse into.
pub trait Speaker {
    fn start(&mut self, now: Instant, seed: u64);
    /// Parses and takes over a configuration; panics on an error in the text.
    fn configure(&mut self, now: Instant, text: &str);
    fn handle(&mut self, now: Instant, input: Input<'_>);
    fn poll(&mut self) -> Option<Output<'_>>;
    fn deadline(&self) -> Instant;
    fn summary(&self) -> Summary<'_>;
    fn service_named(&self, name: &str) -> Option<ServiceId>;
    fn peer(&self, index: usize) -> Option<PeerView<'_>>;
    fn service(&self, index: usize) -> Option<ServiceView<'_>>;
    fn check(&self, index: usize) -> Option<CheckView<'_>>;
    fn route(&self, from: usize) -> Option<(usize, RouteView<'_>)>;
    fn steered(&self, from: usize) -> Option<(usize, SteerView)>;
    /// A new engine of the same capacities, as after a restart of the daemon.
    fn fresh(&self) -> Box<dyn Speaker>;
}

struct Node<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> {
    engine: Engine<P, S, R, U, T>,
    config: Config<P, S, R, U, T>,
}

/// An engine of the usual size for a simulation.
pub fn usual() -> Box<dyn Speaker> {
    sized::<6, 4, 32, 96, 4096>()
}

/// An engine of these capacities: small ones, for it is made on the stack.
pub fn sized<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize>()
-> Box<dyn Speaker> {
    Box::new(Node::<P, S, R, U, T> { engine: Engine::new(), config: Config::new() })
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Speaker
    for Node<P, S, R, U, T>
{
    fn start(&mut self, now: Instant, seed: u64) {
        self.engine.start(now, seed);
    }

    fn configure(&mut self, now: Instant, text: &str) {
        let mut said = vec![];
        let result = parse(text, &Platform::ALL, &mut self.config, &mut |diagnostic| {
            said.push(format!("{diagnostic:?}"));
        });
        assert!(result.is_ok(), "a configuration of a test is wrong: {said:#?}\n{text}");
        self.engine.configure(now, &self.config);
    }

    fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.engine.handle(now, input);
    }

    fn poll(&mut self) -> Option<Output<'_>> {
        self.engine.poll()
    }

    fn deadline(&self) -> Instant {
        self.engine.deadline()
    }

    fn summary(&self) -> Summary<'_> {
        self.engine.summary()
    }

    fn service_named(&self, name: &str) -> Option<ServiceId> {
        self.engine.service_named(name)
    }

    fn peer(&self, index: usize) -> Option<PeerView<'_>> {
        self.engine.peer(index)
    }

    fn service(&self, index: usize) -> Option<ServiceView<'_>> {
        self.engine.service(index)
    }

    fn check(&self, index: usize) -> Option<CheckView<'_>> {
        self.engine.check(index)
    }

    fn route(&self, from: usize) -> Option<(usize, RouteView<'_>)> {
        self.engine.route(from)
    }

    fn steered(&self, from: usize) -> Option<(usize, SteerView)> {
        self.engine.steered(from)
    }

    fn fresh(&self) -> Box<dyn Speaker> {
        sized::<P, S, R, U, T>()
    }
}
