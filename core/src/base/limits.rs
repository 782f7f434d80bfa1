//! Every fixed capacity that is not a const generic, and how they hang together: a board's budget is made of these and of the
//! parameters of [`Engine`](crate::engine::Engine).

use super::time::Duration;

/// The longest BGP message, in octets (RFC 4271 section 4.1; RFC 8654 is not negotiated).
pub const MESSAGE: usize = 4_096;
/// The receive buffer of a connection that is not its peer's furthest one: an OPEN, a KEEPALIVE and a NOTIFICATION.
pub const SPARE_RECEIVE: usize = 512;
/// The transmit buffer of such a connection: an OPEN or a Cease with its text.
pub const SPARE_TRANSMIT: usize = 256;
/// The most addresses of one service.
pub const SERVICE_ADDRESSES: usize = 8;
/// The most checks, per service on average: the table of checks is shared.
pub const CHECKS_PER_SERVICE: usize = 2;
/// The most distinct attribute sets announced at one time.
pub const ATTRIBUTE_SETS: usize = 256;
/// The most communities, and the most large communities, in one announced attribute set.
pub const COMMUNITIES: usize = 32;
/// The most AS numbers that one announced AS_PATH holds, our own included.
pub const AS_PATH: usize = 32;
/// The most next hops of one installed route.
pub const NEXT_HOPS: usize = 16;
/// The longest interface name, in octets (Linux: IFNAMSIZ without its NUL).
pub const LINK_NAME: usize = 15;
/// The longest shutdown text, in octets (RFC 9003 section 2: one octet of length, 128 of use for old peers).
pub const SHUTDOWN_TEXT: usize = 128;
/// The longest TCP MD5 key, in octets (Linux: TCP_MD5SIG_MAXKEYLEN).
pub const PASSWORD: usize = 80;
/// The most routes of a new configuration that are applied in one turn.
pub const ROUTES_PER_TURN: usize = 256;
/// The most orders about the host's addresses and routes that leave within [`ORDERS_SPAN`]: a shim carries each out at once, and
/// thousands of them in one turn would be longer than a BFD detection time.
pub const ORDERS_AT_ONCE: u8 = 128;
/// How long after the first of [`ORDERS_AT_ONCE`] orders others may leave.
pub const ORDERS_SPAN: Duration = Duration::from_millis(1);
/// The most records that one call can leave behind, per service; more are counted as lost.
pub const RECORDS_PER_SERVICE: usize = 2;
/// The most distinct attribute sets announced at one time, per service (and [`ATTRIBUTE_SETS`] in all).
pub const SETS_PER_SERVICE: usize = 3;
/// The most addresses of the host that are kept in mind beside those of routes, per service.
pub const HOSTS_PER_SERVICE: usize = 2;
/// The most failures that `dampen failures` can count.
pub const DAMPEN_FAILURES: u8 = 5;
/// The longest time within which they are counted, in seconds.
pub const DAMPEN_WITHIN_SECONDS: u32 = 600;
/// The most probes that run at one time; the others wait for their turn.
pub const PROBES_AT_ONCE: usize = 64;
/// The most links of the host that are kept in mind, per peer (and 32 in all).
pub const LINKS_PER_PEER: usize = 4;

const _: () = {
    // A full attribute set, as large as configuration can make it, leaves room for at least one route.
    let attributes =
        4 + 4 + (4 + AS_PATH * 4 + 2) + 7 + 7 + (4 + COMMUNITIES * 4) + (4 + COMMUNITIES * 12) + (4 + 5 + 32);
    assert!(19 + 4 + attributes + 17 <= MESSAGE);
    assert!(19 + 2 + 1 + SHUTDOWN_TEXT <= SPARE_TRANSMIT);
};
