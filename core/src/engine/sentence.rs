//! The sentence of a record, with the names of what its numbers stand for.

use core::fmt;
use core::net::IpAddr;

use super::names::LinkId;
use super::record::Record;
use super::{Engine, Inner};
use crate::failover::posture::Health;

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
