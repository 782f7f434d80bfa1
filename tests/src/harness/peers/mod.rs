//! The other end: foreign BGP speakers, each with its configuration and its own view of the session.
//!
//! A [`Session`] says what a case wants of the peer, in the peer's eyes (`local` is the peer's address); each module
//! turns it into that daemon's configuration, starts it, and answers [`Peer`]'s questions from its own CLI or JSON.

pub mod bird;
pub mod exabgp;
pub mod frr;
pub mod gobgp;
pub mod openbgpd;

use std::net::IpAddr;

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use super::Process;
use super::lab::Lab;

/// The two address families that sessions carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4 unicast.
    V4,
    /// IPv6 unicast.
    V6,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// `ipv4` or `ipv6`.
    pub fn name(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }

    /// The family of a prefix's text.
    pub fn of(prefix: &str) -> Self {
        if prefix.contains(':') { Self::V6 } else { Self::V4 }
    }
}

/// One session as the peer has to configure it.
#[derive(Clone, Debug)]
pub struct Session {
    /// The peer's own address.
    pub local: IpAddr,
    /// Our address.
    pub remote: IpAddr,
    /// The peer's AS.
    pub local_as: u32,
    /// Our AS, as the peer expects it.
    pub remote_as: u32,
    /// The peer waits for our connection.
    pub passive: bool,
    /// TCP MD5 key.
    pub password: Option<&'static str>,
    /// RFC 5082: sends with TTL 255 and demands it.
    pub gtsm: bool,
    /// Hold time in seconds; `None` is the daemon's default.
    pub hold: Option<u16>,
    /// What the session carries.
    pub families: Vec<Family>,
    /// The peer closes when we send more prefixes.
    pub max_prefix: Option<u32>,
    /// Prefixes that the peer originates.
    pub announce: Vec<&'static str>,
    /// BFD beside it (BIRD and FRR).
    pub bfd: Option<Bfd>,
}

/// The peer's BFD (RFC 5880).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bfd {
    /// How often it sends, and can receive, in milliseconds.
    pub interval_ms: u32,
    /// How many of its packets may be lost.
    pub multiplier: u8,
    /// We are some hops away (RFC 5883).
    pub multihop: bool,
}

/// What a peer says of its BFD session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BfdView {
    /// `up`, `down`, `init` …
    pub state: String,
    /// How often it sends, in milliseconds.
    pub transmit_ms: u32,
    /// After how much silence we are down for it, in milliseconds.
    pub detection_ms: u32,
}

impl Session {
    /// True when the session carries `family`.
    pub fn carries(&self, family: Family) -> bool {
        self.families.contains(&family)
    }

    /// Prefixes of `family` that the peer originates.
    pub fn announced(&self, family: Family) -> impl Iterator<Item = &'static str> {
        self.announce.iter().copied().filter(move |prefix| Family::of(prefix) == family)
    }

    /// The peer's own address as the next hop of `family`: an IPv6 route over IPv4 transport needs one by hand.
    pub fn next_hop(&self, family: Family) -> IpAddr {
        match (self.local, family) {
            (IpAddr::V4(local), Family::V6) => {
                let last = u16::from(local.octets()[3]);
                IpAddr::V6(std::net::Ipv6Addr::new(0xfd00, 1, 0, 0, 0, 0, 0, last))
            }
            (local, _) => local,
        }
    }

    /// IPv4 routes need RFC 8950 on this session.
    pub fn extended_next_hop(&self) -> bool {
        self.local.is_ipv6() && self.carries(Family::V4)
    }
}

/// A route as the peer holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// `192.0.2.10/32`.
    pub prefix: String,
    /// The next hop, or global and link-local ones.
    pub next_hops: Vec<IpAddr>,
    /// The `AS_PATH`'s numbers.
    pub as_path: Vec<u32>,
    /// Standard communities, `65535:0`.
    pub communities: Vec<String>,
    /// Large communities, `63949:1:1`.
    pub large: Vec<String>,
}

/// What a foreign speaker tells about its sessions.
pub trait Peer: Send + Sync {
    /// Its process, or the one that speaks BGP.
    fn process(&self) -> &Process;
    /// Ok when the session with `remote` is Established; the error says what it is instead.
    fn established(&self, remote: IpAddr) -> Result<()>;
    /// A text that stays the same as long as the session does.
    fn incarnation(&self, remote: IpAddr) -> Result<String>;
    /// The routes it holds from `remote`.
    fn routes(&self, remote: IpAddr, family: Family) -> Result<Vec<Route>>;
    /// The hold time in force, in seconds.
    fn hold_time(&self, remote: IpAddr) -> Result<u16>;
    /// What it says about the session's end: everything it has on it, as one text.
    fn last_words(&self, remote: IpAddr) -> Result<String>;
    /// Asks `remote` for its routes again.
    fn refresh(&self, remote: IpAddr) -> Result<()>;
    /// Its BFD session.
    fn bfd(&self, remote: IpAddr) -> Result<BfdView> {
        bail!("this speaker has no BFD, and none with {remote}")
    }
    /// When its session with `remote` ended because BFD went down, in seconds since 1970.
    fn ended_by_bfd(&self, remote: IpAddr) -> Result<f64> {
        bail!("this speaker has no BFD, and none with {remote}")
    }
    /// Closes the session for an operator, with a text (RFC 9003).
    fn shut_down(&self, remote: IpAddr, text: &str) -> Result<()>;

    /// The one route for `prefix` from `remote`.
    fn route(&self, remote: IpAddr, prefix: &str) -> Result<Route> {
        let routes = self.routes(remote, Family::of(prefix))?;
        let Some(route) = routes.iter().find(|route| route.prefix == prefix) else {
            bail!("no {prefix} from {remote}, only {routes:?}");
        };
        Ok(route.clone())
    }

    /// Ok when it has no route for `prefix` from `remote`.
    fn no_route(&self, remote: IpAddr, prefix: &str) -> Result<()> {
        let routes = self.routes(remote, Family::of(prefix))?;
        ensure!(routes.iter().all(|route| route.prefix != prefix), "{prefix} is still there from {remote}");
        Ok(())
    }
}

/// The speakers that the project is shown to work with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// BIRD 2.
    Bird,
    /// `FRRouting`.
    Frr,
    /// `GoBGP`.
    Gobgp,
    /// `OpenBGPD`.
    Openbgpd,
    /// `ExaBGP`.
    Exabgp,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Bird, Self::Frr, Self::Gobgp, Self::Openbgpd, Self::Exabgp];

    /// Its name in case names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bird => "bird",
            Self::Frr => "frr",
            Self::Gobgp => "gobgp",
            Self::Openbgpd => "openbgpd",
            Self::Exabgp => "exabgp",
        }
    }

    /// Programs that must be there.
    pub fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Bird => &["bird"],
            Self::Frr => &["/usr/lib/frr/bgpd", "/usr/lib/frr/bfdd", "/usr/lib/frr/zebra", "vtysh"],
            Self::Gobgp => &["gobgpd", "gobgp"],
            Self::Openbgpd => &["/usr/sbin/bgpd", "bgpctl"],
            Self::Exabgp => &["exabgp"],
        }
    }

    /// It speaks RFC 8950 (`OpenBGPD` 7.7 does not).
    pub fn extended_next_hop(self) -> bool {
        self != Self::Openbgpd
    }

    /// What it announces of `family` over this session is usable (`OpenBGPD` gives `::1` or `127.0.0.1` as the next
    /// hop of routes of the other family than the transport's).
    pub fn announces(self, session: &Session, family: Family) -> bool {
        let same = session.local.is_ipv6() == (family == Family::V6);
        session.carries(family) && (self != Self::Openbgpd || same)
    }

    /// Starts it on `host` with this session.
    pub fn start(self, lab: &Lab, host: &str, session: &Session) -> Result<Box<dyn Peer>> {
        Ok(match self {
            Self::Bird => Box::new(bird::Bird::start(lab, host, &bird::config(session))?),
            Self::Frr => Box::new(frr::Frr::start(lab, host, &frr::config(session))?),
            Self::Gobgp => Box::new(gobgp::Gobgp::start(lab, host, session)?),
            Self::Openbgpd => Box::new(openbgpd::Openbgpd::start(lab, host, session)?),
            Self::Exabgp => Box::new(exabgp::Exabgp::start(lab, host, session)?),
        })
    }
}

/// A number inside a JSON value, by path.
fn number(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer)?.as_u64()
}

/// A text inside a JSON value, by path.
fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// The elements of a JSON array, or nothing.
fn elements(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Every string below `value`, split at blanks, that parses as an address.
fn addresses(texts: &str) -> Vec<IpAddr> {
    texts.split([' ', ',', '[', ']', '"']).filter_map(|word| word.parse().ok()).collect()
}

/// A moment in UTC as seconds since 1970: `2026-11-22 11:09:54.271`, with any signs between the numbers.
pub fn moment(text: &str) -> Result<f64> {
    let numbers: Vec<&str> = text.split(|letter: char| !letter.is_ascii_digit() && letter != '.').collect();
    let [year, month, day, hour, minute, second, ..] = numbers.as_slice() else { bail!("no moment: {text}") };
    let (year, month, day): (i32, i32, i32) = (year.parse()?, month.parse()?, day.parse()?);
    // The year is counted from March, so that a leap day is its last one.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 719_469;
    let (hour, minute): (f64, f64) = (hour.parse()?, minute.parse()?);
    Ok(f64::from(days) * 86_400.0 + hour * 3_600.0 + minute * 60.0 + second.parse::<f64>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_calendar() {
        let close = |text, seconds: f64| (moment(text).unwrap() - seconds).abs() < 0.000_5;
        assert!(close("1970-01-01 00:00:00.000", 0.0));
        assert!(close("2000/02/29 00:00:00.007 BGP:", 951_782_400.007));
        assert!(close("2026-11-21T23:59:59.999Z", 1_795_305_599.999));
        assert!(moment("11:09").is_err());
    }
}
