//! The sentence of a record, with the names of what its numbers stand for.

use core::fmt;
use core::net::IpAddr;

use super::names::LinkId;
use super::record::{Record, Refusal};
use super::{Engine, Inner};
use crate::base::net::BgpId;
use crate::failover::posture::Health;
use crate::wire::bfd::{self, Diagnostic};

/// A record's sentence: [`Engine::sentence`]. A name that is empty is not known; the number stands for it.
#[derive(Clone, Copy, Debug)]
pub struct Sentence<'a> {
    record: Record,
    service: &'a str,
    check: &'a str,
    link: &'a str,
}

impl Sentence<'_> {
    /// The sentence of a record alone.
    pub(super) const fn bare(record: Record) -> Self {
        Self { record, service: "", check: "", link: "" }
    }
}

/// A name, or the number in its place.
struct Named<'a>(&'a str, &'a str, u32);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(what, name, number) = self;
        if name.is_empty() { write!(f, "{what}{number}") } else { f.write_str(name) }
    }
}

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on = |link: LinkId| Named("link ", self.link, link.0);
        match self.record {
            Record::Posture { service, posture, because } => {
                let service = Named("", self.service, service.0.into());
                write!(f, "service {service}: {posture} because {because}")
            }
            Record::Check { service, check, health, why } => {
                let service = Named("", self.service, service.0.into());
                write!(f, "service {service}: check {}: ", Named("", self.check, check.into()))?;
                match health {
                    Health::Yes => f.write_str("healthy"),
                    Health::No => write!(f, "unhealthy: {why}"),
                    Health::Unknown => f.write_str("says nothing: its address is not on this host"),
                }
            }
            Record::Bound { address, link } => write!(f, "{address} bound on {}", on(link)),
            Record::Unbound { address, link } => write!(f, "{address} unbound from {}", on(link)),
            Record::Adopted { address, link } => {
                write!(
                    f,
                    "{address} is already on {}: adopted, it will never be removed or put back",
                    on(link)
                )
            }
            Record::BoundElsewhere { address, link } => {
                let link = on(link);
                write!(
                    f,
                    "{address} stays as it is on {link}: another interface or label holds from the next start on"
                )
            }
            Record::NoSuchLink { address } if self.link.is_empty() => {
                write!(f, "cannot bind {address}: the interface to bind it on does not exist (yet)")
            }
            Record::NoSuchLink { address } => {
                write!(f, "cannot bind {address}: the interface {} does not exist (yet)", self.link)
            }
            record => record.fmt(f),
        }
    }
}

impl fmt::Display for Record {
    // table: one sentence for each record
    #[expect(clippy::too_many_lines, reason = "it is a table")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Configured { local_as, router_id, peers, services } => {
                write!(f, "configured: AS {local_as}, ")?;
                match router_id {
                    BgpId(0) => f.write_str("router-id not known yet")?,
                    id => write!(f, "router-id {id}")?,
                }
                write!(f, ", {peers} neighbors, {services} services")
            }
            Self::NoRouterId => f.write_str(
                "no router-id: this host has no IPv4 address of its own; set `bgp router-id` under `router bgp`",
            ),
            Self::State { peer, from, to } => write!(f, "neighbor {peer}: {from} -> {to}"),
            Self::Established { peer, remote_as, remote_id, hold_time } => write!(
                f,
                "neighbor {peer}: Established with AS {remote_as}, router-id {remote_id}, hold time {hold_time} s"
            ),
            Self::SessionDown { peer, why } => write!(f, "neighbor {peer}: session down: {why}"),
            Self::NoSession { peer, why: Some(why) } => {
                write!(f, "neighbor {peer}: no session for 10 s: {why}; `show neighbors` says what to look at")
            }
            Self::NoSession { peer, why: None } => {
                write!(f, "neighbor {peer}: no session for 10 s; `show neighbors` says what it waits for")
            }
            Self::Flapping { peer, count, why } => write!(
                f,
                "neighbor {peer}: {count} sessions in a row ended within 10 s of coming up, the last one because: {why}; the \
                 next attempts wait longer each time, up to a minute"
            ),
            Self::FlappingOver { peer, count } => {
                write!(f, "neighbor {peer}: the session lasts now; {count} before it ended within 10 s")
            }
            Self::AttemptFailed { peer, why } => write!(f, "neighbor {peer}: no session: {why}"),
            Self::Collision { peer } => write!(f, "neighbor {peer}: two connections met, one is closed"),
            Self::Refused { remote, why } => write!(f, "{remote} connected and was refused: {why}"),
            Self::RefusedOften { remote, why: why @ (Refusal::Stranger | Refusal::NoPlace), count } => {
                write!(f, "{count} connections were refused so far, the last one of {remote}: {why}")
            }
            Self::RefusedOften { remote, why, count } => {
                write!(f, "{remote} connected {count} times and was refused, the last time because {why}")
            }
            Self::StrangersOver { count } => {
                write!(f, "no stranger has connected for a minute; {count} were refused before")
            }
            Self::ListenFailed { why } => write!(f, "cannot listen for BGP: {why}"),
            Self::ListensAgain => f.write_str("listens for BGP again"),
            Self::FamilyNotAgreed { peer, family } => {
                write!(f, "neighbor {peer}: {family} is activated here but the peer does not offer it")
            }
            Self::NoNextHop { peer, family, why } => {
                write!(f, "neighbor {peer}: {family} routes are not announced to it: {why}")
            }
            Self::NextHopFound { peer, family } => {
                write!(f, "neighbor {peer}: {family} routes are announced to it: there is a next hop now")
            }
            Self::PeerOffersGracefulRestart { peer } => {
                write!(f, "neighbor {peer}: offers graceful restart; we never ask for it, so no dead routes are kept")
            }
            Self::BfdUp { peer } => write!(f, "neighbor {peer}: BFD is up"),
            Self::BfdDown { peer, remote: bfd::State::AdminDown, .. } => {
                write!(f, "neighbor {peer}: it switched BFD off (AdminDown): its BGP session is left as it is")
            }
            Self::BfdDown { peer, why: Diagnostic::NeighborSignaledDown, said, .. } => {
                write!(f, "neighbor {peer}: BFD is down: the neighbor says so: {said}")
            }
            Self::BfdDown { peer, why, .. } => write!(f, "neighbor {peer}: BFD is down: {why}"),
            Self::BfdFailed { peer, why } => write!(f, "neighbor {peer}: cannot use BFD: {why}"),
            Self::BfdRemoved { peer } => write!(
                f,
                "neighbor {peer}: BFD is no longer used here: the neighbor may drop the BGP session when its detection time is \
                 over; take `bfd` off there too"
            ),
            Self::MalformedUpdate { peer, attribute, withdrawn } => write!(
                f,
                "neighbor {peer}: malformed UPDATE (attribute {attribute}): {}",
                if withdrawn { "its routes count as withdrawn" } else { "the attribute is ignored" }
            ),
            Self::MalformedOften { peer, withdrawn, count } => write!(
                f,
                "neighbor {peer}: {count} malformed UPDATEs in this session: {}",
                if withdrawn { "their routes count as withdrawn" } else { "an attribute of each is ignored" }
            ),
            Self::MaximumPrefix { peer, family, limit, closed } => write!(
                f,
                "neighbor {peer}: more than {limit} prefixes of {family}{}",
                if closed { ": session closed" } else { "" }
            ),
            Self::Announced { prefix, announced: true } => write!(f, "{prefix} is announced"),
            Self::Announced { prefix, announced: false } => write!(f, "{prefix} is withdrawn"),
            Self::Posture { .. }
            | Self::Check { .. }
            | Self::Bound { .. }
            | Self::Unbound { .. }
            | Self::Adopted { .. }
            | Self::BoundElsewhere { .. }
            | Self::NoSuchLink { .. } => Sentence::bare(*self).fmt(f),
            Self::AddressLost { address } => write!(f, "{address} was taken off this host: withdrawn until it is back"),
            Self::PutBack { address } => write!(f, "{address} was removed by somebody else: putting it back"),
            Self::PutBackPaused { address } => write!(
                f,
                "{address} was removed by somebody else too often: withdrawn, and put back after a pause of up to a \
                 minute; find and stop whatever removes it"
            ),
            Self::BindFailed { address, why } => write!(f, "cannot bind {address}: {why}"),
            Self::UnbindFailed { address, why } => {
                write!(f, "cannot remove {address}: {why}: it stays on this host until that works")
            }
            Self::LeftoverRemoved { address } => write!(f, "{address} was left by an earlier run: removed"),
            Self::HeldBack { prefix } => write!(
                f,
                "{prefix} is not redistributed: only host routes are, unless a prefix-list in the route-map permits more"
            ),
            Self::Full { limit } => write!(f, "the limit of {limit} is reached: what did not fit is ignored"),
            Self::Steered { prefix, next_hops: 0 } => write!(f, "{prefix}: no next hop is left"),
            Self::Steered { prefix, next_hops } => write!(f, "{prefix}: steered to {next_hops} next hop(s)"),
            Self::RouteLost { prefix, paused: false } => {
                write!(f, "route {prefix} was removed or replaced by somebody else: putting it back")
            }
            Self::RouteLost { prefix, paused: true } => write!(
                f,
                "route {prefix} was removed or replaced by somebody else too often: put back after a pause of up to a \
                 minute; find and stop whatever removes it"
            ),
            Self::RouteFailed { prefix, why } => {
                write!(f, "route {prefix} cannot be installed or removed: {why}; it is tried again")
            }
            Self::RecordsLost { count } => write!(f, "{count} records came too fast and were lost"),
            Self::Stopped => f.write_str("stopped: all is withdrawn and unbound"),
        }
    }
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Engine<P, S, R, U, T> {
    /// A record's sentence, with the names of services, checks and links as they are now: ask when the record was given.
    pub fn sentence(&self, record: Record) -> Sentence<'_> {
        let (inner, mut sentence) = (&self.inner, Sentence::bare(record));
        match record {
            Record::Posture { service, .. } => sentence.service = inner.service_name(service.0.into()),
            Record::Check { service, check, .. } => {
                sentence.service = inner.service_name(service.0.into());
                let view = inner.config.view();
                sentence.check =
                    view.checks.get(usize::from(check)).map_or("", |check| view.text(check.name));
            }
            Record::Bound { link, .. }
            | Record::Unbound { link, .. }
            | Record::Adopted { link, .. }
            | Record::BoundElsewhere { link, .. } => {
                sentence.link = inner.link_place(link).map_or("", |place| inner.links()[place].name());
            }
            Record::NoSuchLink { address } => sentence.link = inner.interface_of(address),
            _ => {}
        }
        sentence
    }
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// The name of the interface that an address of ours belongs on; empty: it is not ours.
    fn interface_of(&self, address: IpAddr) -> &str {
        self.route_of_address(address).map_or("", |place| self.bind_name(place))
    }
}
