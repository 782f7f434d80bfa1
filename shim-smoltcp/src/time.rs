//! The core's values as smoltcp writes them.

use holdover_core::base::time::{Duration, Instant};
use holdover_core::engine::Endpoint;
use smoltcp::wire::IpEndpoint;

/// A point in time, on the same scale.
pub(crate) fn stack_time(at: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(i64::try_from(at.as_micros()).unwrap_or(i64::MAX))
}

/// The core's point in time for one of the stack; one before boot counts as boot.
pub(crate) fn core_time(at: smoltcp::time::Instant) -> Instant {
    Instant::from_micros(u64::try_from(at.total_micros()).unwrap_or(0))
}

/// A span of time.
pub(crate) const fn stack_span(span: Duration) -> smoltcp::time::Duration {
    smoltcp::time::Duration::from_micros(span.as_micros())
}

/// An endpoint; a link-local address is on the one link there is.
pub(crate) fn endpoint(end: IpEndpoint) -> Endpoint {
    let address = end.addr.into();
    Endpoint { address, port: end.port, link: crate::address::link_of(address) }
}
