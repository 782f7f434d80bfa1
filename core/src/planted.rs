//! Faults of the past, planted again one at a time: whether the simulator would find them today. Only in builds with
//! `--cfg planted`, which `cargo xtask planted` makes; no product is built so.

use core::sync::atomic::{AtomicU8, Ordering};

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Fault {
    /// A session that was short is dialed again at once.
    NoPause = 1,
    /// An answer counts more than news that came before it.
    AnswerOverNews,
    /// All links without a place share the last one.
    LastPlaceShared,
    /// A BFD session that was asked for silence stays silent when that is forgotten.
    BfdStaysSilent,
    /// Nobody hears that a route was taken away.
    LostStaysLost,
    /// A refused order about a route counts as done.
    RefusedIsDone,
}

impl Fault {
    /// All of them, with their names on the command line.
    pub const ALL: [(&str, Self); 6] = [
        ("no-pause", Self::NoPause),
        ("answer-over-news", Self::AnswerOverNews),
        ("last-place-shared", Self::LastPlaceShared),
        ("bfd-stays-silent", Self::BfdStaysSilent),
        ("lost-stays-lost", Self::LostStaysLost),
        ("refused-is-done", Self::RefusedIsDone),
    ];
}

static PLANTED: AtomicU8 = AtomicU8::new(0);

/// Plants the fault with this name; false: there is none.
pub fn plant(name: &str) -> bool {
    let found = Fault::ALL.into_iter().find(|(other, _)| *other == name);
    PLANTED.store(found.map_or(0, |(_, fault)| fault as u8), Ordering::Relaxed);
    found.is_some()
}

/// Whether this fault is planted.
pub(crate) fn is(fault: Fault) -> bool {
    PLANTED.load(Ordering::Relaxed) == fault as u8
}
