//! Who has something to say to us: the kernel throws away what strangers send to BGP's and BFD's ports, for the thread that
//! reads there is a real-time one.

use std::os::fd::AsFd;

use holdover_core::base::net::{Family, Prefix};
use holdover_core::config::{Clause, ConfigView};
use holdover_core::engine::record::Level;

use super::Io;
use crate::sys::filter::{self, Filter};

/// The neighbors of each family, and the ranges that they may come from.
#[derive(Debug, Default)]
pub(super) struct Guests([Option<Filter>; 2]);

impl Guests {
    fn of(view: ConfigView<'_>) -> Self {
        let ranges = view.rules.iter().filter_map(|rule| match rule.clause {
            Clause::ListenRange { prefix, .. } => Some(prefix),
            _ => None,
        });
        let all = view.neighbors.iter().map(|neighbor| Prefix::host(neighbor.address)).chain(ranges);
        Self(Family::ALL.map(|family| {
            let theirs = all.clone().filter(|prefix| prefix.family() == family);
            Filter::sources(family == Family::Ipv6, theirs)
        }))
    }

    /// Keeps strangers out of a socket of this family. It goes without where the kernel has no memory for it: the engine
    /// knows who is a stranger too, and an older filter would keep out new neighbors.
    pub(super) fn guard(&self, socket: impl AsFd, v6: bool) {
        let attached = self.0[usize::from(v6)].as_ref().map(|filter| filter.attach(&socket));
        if !matches!(attached, Some(Ok(()))) {
            filter::detach(socket);
        }
    }

    /// Whether there is a filter for each family.
    fn is_whole(&self) -> bool {
        self.0.iter().all(Option::is_some)
    }
}

impl Io {
    /// Lets in the neighbors and the listen ranges of this configuration, and nobody else.
    pub(crate) fn let_in(&mut self, view: ConfigView<'_>) {
        let guests = Guests::of(view);
        if !guests.is_whole() {
            let message = "too many neighbors and listen ranges for a socket filter: packets of strangers to BGP's and BFD's \
                           ports reach the daemon, which refuses them; on a busy network let a firewall do that";
            self.notes.push((Level::Info, "strangers_not_filtered", message.to_owned()));
        }
        for (place, listener) in self.listeners.iter().enumerate() {
            if let Ok(Some(listener)) = listener {
                listener.guard(&guests, place == Family::Ipv6.index());
            }
        }
        self.datagrams.guard(&guests);
        self.guests = guests;
    }
}
