//! Names of things on both sides of the boundary. Names that can die carry a generation: a dead one is never mistaken.

/// A peer, by its place in the engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PeerId(pub u16);

/// Which of a peer's two connection slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Slot {
    /// The connection that we opened.
    #[default]
    Outgoing,
    /// The connection that the peer opened.
    Incoming,
}

/// A TCP connection, or an attempt at one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ConnId {
    /// Whose.
    pub peer: PeerId,
    /// Which slot.
    pub slot: Slot,
    /// Which use of that slot.
    pub generation: u32,
}

/// A BFD session's pair of addresses, as long as it is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BfdId {
    /// Whose session it is.
    pub peer: PeerId,
    /// Which use of that peer's BFD session.
    pub generation: u16,
}

/// A listener: 0 for IPv4, 1 for IPv6.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ListenerId(pub u8);

/// An accepted socket that has no connection yet; named by the shim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SocketId(pub u32);

/// A link of the host (Linux: the interface's index); never 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LinkId(pub u32);

/// A service, by its place in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ServiceId(pub u16);

/// An address that the engine binds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AddressId {
    /// Its place; [`AddressId::STRAY`]'s is no place at all.
    pub index: u16,
    /// Which use of that place.
    pub generation: u16,
}

impl AddressId {
    /// A leftover of an earlier run that no configuration wants any more.
    pub const STRAY: Self = Self { index: u16::MAX, generation: 0 };
}

/// A route that the engine installs in the host's table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RouteId {
    /// Its place: the configuration's own routes first, then those that `steer` chose.
    pub index: u32,
    /// Which use of that place.
    pub generation: u16,
}

/// A run of a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ProbeId {
    /// The check's place in the configuration.
    pub check: u16,
    /// Which run of it.
    pub generation: u16,
}

/// A command, named by the shim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CommandId(pub u32);
