//! The BFD control packet (RFC 5880 section 4.1), without authentication.
//!
//! [`Packet::read`] refuses what section 6.8.6 tells to discard and what needs no session to see it; a packet that it
//! gives is sound in itself.
//!
//! ```
//! use holdover_core::wire::bfd::{Fault, Packet, State};
//!
//! let packet = Packet {
//!     state: State::Up,
//!     multiplier: 3,
//!     my_discriminator: 1,
//!     your_discriminator: 2,
//!     desired_min_tx_micros: 50_000,
//!     required_min_rx_micros: 50_000,
//!     ..Packet::default()
//! };
//! let mut octets = packet.write();
//! assert_eq!(Packet::read(&octets), Ok(packet));
//! octets[2] = 0;
//! assert_eq!(Packet::read(&octets), Err(Fault::Multiplier));
//! ```

use core::fmt;

/// The length of a packet without an authentication section, in octets.
pub const LENGTH: usize = OCTETS as usize;
/// The same, as the length field says it.
const OCTETS: u8 = 24;
/// The least length of a packet with one (RFC 5880 section 6.8.6).
const AUTHENTICATED: usize = 26;
/// The protocol's version.
const VERSION: u8 = 1;

/// The second octet's bits, beside the state.
const POLL: u8 = 1 << 5;
const FINAL: u8 = 1 << 4;
const CONTROL_PLANE_INDEPENDENT: u8 = 1 << 3;
const AUTHENTICATION: u8 = 1 << 2;
const DEMAND: u8 = 1 << 1;
const MULTIPOINT: u8 = 1;

/// A session's state (RFC 5880 section 4.1); the value is the one on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum State {
    /// Kept down by an operator.
    #[default]
    AdminDown,
    /// Nothing was heard, or the session went down.
    Down,
    /// The other system was heard; whether it hears us is not known yet.
    Init,
    /// Both systems hear each other.
    Up,
}

impl State {
    /// All states, in their order.
    pub const ALL: [Self; 4] = [Self::AdminDown, Self::Down, Self::Init, Self::Up];

    const fn of(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::AdminDown,
            1 => Self::Down,
            2 => Self::Init,
            _ => Self::Up,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::AdminDown => "AdminDown",
            Self::Down => "Down",
            Self::Init => "Init",
            Self::Up => "Up",
        })
    }
}

/// Why the sender's session last changed its state (RFC 5880 section 4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Diagnostic {
    /// 0: no diagnostic.
    #[default]
    None,
    /// 1: nothing came for the Detection Time.
    DetectionTimeExpired,
    /// 2: the echo function heard nothing back.
    EchoFailed,
    /// 3: the other system said that it is down.
    NeighborSignaledDown,
    /// 4: the forwarding plane was reset.
    ForwardingPlaneReset,
    /// 5: something outside of BFD found the path down.
    PathDown,
    /// 6: a path beyond this one is down.
    ConcatenatedPathDown,
    /// 7: an operator keeps the session down.
    AdministrativelyDown,
    /// 8: a path on the way back is down.
    ReverseConcatenatedPathDown,
    /// 9 to 31: not assigned when this was written.
    Unknown(u8),
}

impl Diagnostic {
    const KNOWN: [Self; 9] = [
        Self::None,
        Self::DetectionTimeExpired,
        Self::EchoFailed,
        Self::NeighborSignaledDown,
        Self::ForwardingPlaneReset,
        Self::PathDown,
        Self::ConcatenatedPathDown,
        Self::AdministrativelyDown,
        Self::ReverseConcatenatedPathDown,
    ];

    /// The one with this code; only its low five bits count.
    pub fn of(code: u8) -> Self {
        let code = code & 31;
        Self::KNOWN.get(usize::from(code)).copied().unwrap_or(Self::Unknown(code))
    }

    /// Its code.
    pub fn code(self) -> u8 {
        match self {
            Self::None => 0,
            Self::DetectionTimeExpired => 1,
            Self::EchoFailed => 2,
            Self::NeighborSignaledDown => 3,
            Self::ForwardingPlaneReset => 4,
            Self::PathDown => 5,
            Self::ConcatenatedPathDown => 6,
            Self::AdministrativelyDown => 7,
            Self::ReverseConcatenatedPathDown => 8,
            Self::Unknown(code) => code & 31,
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "no diagnostic",
            Self::DetectionTimeExpired => "detection time expired",
            Self::EchoFailed => "echo function failed",
            Self::NeighborSignaledDown => "neighbor signaled session down",
            Self::ForwardingPlaneReset => "forwarding plane reset",
            Self::PathDown => "path down",
            Self::ConcatenatedPathDown => "concatenated path down",
            Self::AdministrativelyDown => "administratively down",
            Self::ReverseConcatenatedPathDown => "reverse concatenated path down",
            Self::Unknown(code) => return write!(f, "diagnostic {code}"),
        })
    }
}

/// Why a packet is discarded before anybody looks for its session (RFC 5880 section 6.8.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Fault {
    /// The version is not 1.
    Version,
    /// The length field is too small, or says more than was received.
    Length,
    /// The detection multiplier is 0.
    Multiplier,
    /// The multipoint bit is set.
    Multipoint,
    /// My Discriminator is 0.
    MyDiscriminator,
    /// Your Discriminator is 0 in a state that needs one.
    YourDiscriminator,
    /// The packet is authenticated, which is in use nowhere here.
    Authentication,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "its version is not 1",
            Self::Length => "its length does not fit",
            Self::Multiplier => "its detection multiplier is 0",
            Self::Multipoint => "it is multipoint",
            Self::MyDiscriminator => "My Discriminator is 0",
            Self::YourDiscriminator => "Your Discriminator is 0 in a state that needs one",
            Self::Authentication => "it is authenticated",
        })
    }
}

impl core::error::Error for Fault {}

/// A control packet. Intervals are in microseconds, as on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Packet {
    /// Why the sender's session last changed its state.
    pub diagnostic: Diagnostic,
    /// The sender's state.
    pub state: State,
    /// The sender asks for an answer with `last` (the Poll bit).
    pub poll: bool,
    /// This answers a poll (the Final bit).
    pub last: bool,
    /// The sender's BFD survives its control plane.
    pub control_plane_independent: bool,
    /// The sender wishes that no packets are sent to it periodically.
    pub demand: bool,
    /// After how many intervals of silence the session is down (Detect Mult).
    pub multiplier: u8,
    /// The sender's name of the session.
    pub my_discriminator: u32,
    /// Our name of the session, as the sender heard it; 0: it did not.
    pub your_discriminator: u32,
    /// The least interval at which the sender would send.
    pub desired_min_tx_micros: u32,
    /// The least interval at which the sender can receive; 0: send nothing periodically.
    pub required_min_rx_micros: u32,
    /// The least interval at which the sender can receive echoes; 0: none.
    pub required_min_echo_rx_micros: u32,
}

impl Packet {
    /// Reads a packet. What stands behind its length is ignored. The error says why it is to be discarded.
    pub fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let (head, words) = bytes.split_first_chunk::<4>().ok_or(Fault::Length)?;
        let &[version, flags, multiplier, length] = head;
        if version >> 5 != VERSION {
            return Err(Fault::Version);
        }
        let least = if flags & AUTHENTICATION == 0 { LENGTH } else { AUTHENTICATED };
        if usize::from(length) < least || usize::from(length) > bytes.len() {
            return Err(Fault::Length);
        }
        if multiplier == 0 {
            return Err(Fault::Multiplier);
        }
        if flags & MULTIPOINT != 0 {
            return Err(Fault::Multipoint);
        }
        let mut words = words.as_chunks::<4>().0.iter().map(|word| u32::from_be_bytes(*word));
        let mut word = || words.next().ok_or(Fault::Length);
        let packet = Self {
            diagnostic: Diagnostic::of(version),
            state: State::of(flags >> 6),
            poll: flags & POLL != 0,
            last: flags & FINAL != 0,
            control_plane_independent: flags & CONTROL_PLANE_INDEPENDENT != 0,
            demand: flags & DEMAND != 0,
            multiplier,
            my_discriminator: word()?,
            your_discriminator: word()?,
            desired_min_tx_micros: word()?,
            required_min_rx_micros: word()?,
            required_min_echo_rx_micros: word()?,
        };
        if packet.my_discriminator == 0 {
            return Err(Fault::MyDiscriminator);
        }
        if packet.your_discriminator == 0 && packet.state > State::Down {
            return Err(Fault::YourDiscriminator);
        }
        if flags & AUTHENTICATION != 0 {
            return Err(Fault::Authentication);
        }
        Ok(packet)
    }

    /// The octets to send.
    pub fn write(&self) -> [u8; LENGTH] {
        let bit = |on: bool, bit: u8| if on { bit } else { 0 };
        let flags = (self.state as u8) << 6
            | bit(self.poll, POLL)
            | bit(self.last, FINAL)
            | bit(self.control_plane_independent, CONTROL_PLANE_INDEPENDENT)
            | bit(self.demand, DEMAND);
        let head = [VERSION << 5 | self.diagnostic.code(), flags, self.multiplier, OCTETS];
        let words = [
            self.my_discriminator,
            self.your_discriminator,
            self.desired_min_tx_micros,
            self.required_min_rx_micros,
            self.required_min_echo_rx_micros,
        ];
        let mut out = [0; LENGTH];
        let octets = head.into_iter().chain(words.into_iter().flat_map(u32::to_be_bytes));
        for (place, octet) in out.iter_mut().zip(octets) {
            *place = octet;
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    /// As FRR's bfdd sends it: Up, 50 ms both ways.
    const GOOD: [u8; LENGTH] = [
        0x20, 0xC0, 3, 24, 0xDE, 0xAD, 0xBE, 0xEF, 0, 0, 0, 7, 0, 0, 0xC3, 0x50, 0, 0, 0xC3, 0x50, 0, 0, 0, 0,
    ];

    fn with(changes: &[(usize, u8)]) -> Result<Packet, Fault> {
        let mut bytes = GOOD;
        for &(at, octet) in changes {
            bytes[at] = octet;
        }
        Packet::read(&bytes)
    }

    #[test]
    fn rfc5880_4_1_the_octets_stand_in_this_order() {
        let packet = Packet {
            state: State::Up,
            multiplier: 3,
            my_discriminator: 0xDEAD_BEEF,
            your_discriminator: 7,
            desired_min_tx_micros: 50_000,
            required_min_rx_micros: 50_000,
            ..Packet::default()
        };
        assert_eq!(packet.write(), GOOD);
        assert_eq!(Packet::read(&GOOD), Ok(packet));
    }

    #[test]
    fn what_is_written_is_read_back_the_same() {
        for state in State::ALL {
            for code in 0..32 {
                for bits in 0..16_u8 {
                    let packet = Packet {
                        diagnostic: Diagnostic::of(code),
                        state,
                        poll: bits & 1 != 0,
                        last: bits & 2 != 0,
                        control_plane_independent: bits & 4 != 0,
                        demand: bits & 8 != 0,
                        multiplier: code + 1,
                        my_discriminator: 1 << code,
                        your_discriminator: 0xFFFF_FFFF,
                        desired_min_tx_micros: 0x0102_0304,
                        required_min_rx_micros: 0x0506_0708,
                        required_min_echo_rx_micros: 0x090A_0B0C,
                    };
                    assert_eq!(Packet::read(&packet.write()), Ok(packet));
                }
            }
        }
    }

    #[test]
    fn every_diagnostic_keeps_its_code() {
        let codes: Vec<u8> = (0..=255).map(|code| Diagnostic::of(code).code()).collect();
        assert!(codes.iter().zip(0..).all(|(&code, given): (&u8, u16)| u16::from(code) == given & 31));
        assert_eq!(
            (Diagnostic::of(8), Diagnostic::of(9)),
            (Diagnostic::ReverseConcatenatedPathDown, Diagnostic::Unknown(9))
        );
    }

    #[test]
    fn rfc5880_6_8_6_a_version_other_than_one_is_discarded() {
        for version in [0, 2, 7_u8] {
            assert_eq!(with(&[(0, version << 5)]), Err(Fault::Version));
        }
    }

    #[test]
    fn rfc5880_6_8_6_a_length_that_is_too_small_or_more_than_came_is_discarded() {
        for length in [0, 4, 23, 25, 255] {
            assert_eq!(with(&[(3, length)]), Err(Fault::Length), "{length}");
        }
        for cut in 0..LENGTH {
            assert_eq!(Packet::read(&GOOD[..cut]), Err(Fault::Length), "{cut}");
        }
        // What stands behind the packet's own length is not its business.
        let longer = [&GOOD[..], &[1, 2, 3]].concat();
        assert_eq!(Packet::read(&longer), Packet::read(&GOOD));
    }

    #[test]
    fn rfc5880_6_8_6_an_authenticated_packet_has_at_least_26_octets_and_is_not_ours() {
        assert_eq!(with(&[(1, 0xC4)]), Err(Fault::Length));
        let mut longer = [&GOOD[..], &[1, 4, 1, 0]].concat();
        longer[1] |= AUTHENTICATION;
        for (length, fault) in [(25, Fault::Length), (26, Fault::Authentication), (28, Fault::Authentication)]
        {
            longer[3] = length;
            assert_eq!(Packet::read(&longer), Err(fault));
        }
    }

    #[test]
    fn rfc5880_6_8_6_a_multiplier_of_zero_is_discarded() {
        assert_eq!(with(&[(2, 0)]), Err(Fault::Multiplier));
        assert!(with(&[(2, 1)]).is_ok() && with(&[(2, 255)]).is_ok());
    }

    #[test]
    fn rfc5880_6_8_6_the_multipoint_bit_is_discarded() {
        assert_eq!(with(&[(1, 0xC1)]), Err(Fault::Multipoint));
    }

    #[test]
    fn rfc5880_6_8_6_my_discriminator_is_never_zero() {
        assert_eq!(with(&[(4, 0), (5, 0), (6, 0), (7, 0)]), Err(Fault::MyDiscriminator));
    }

    #[test]
    fn rfc5880_6_8_6_your_discriminator_may_be_zero_only_while_the_sender_is_down() {
        for (state, sound) in State::ALL.into_iter().zip([true, true, false, false]) {
            let flags = (state as u8) << 6;
            assert_eq!(with(&[(1, flags), (11, 0)]).is_ok(), sound, "{state}");
            assert!(with(&[(1, flags)]).is_ok());
        }
    }

    #[test]
    fn any_octets_are_a_packet_or_a_fault() {
        let mut word = 1_u32;
        for _ in 0..100_000 {
            let mut bytes = GOOD;
            for _ in 0..4 {
                word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                bytes[(word >> 8) as usize % LENGTH] = (word >> 16) as u8;
            }
            let end = (word >> 24) as usize % (LENGTH + 1);
            if let Ok(packet) = Packet::read(&bytes[..end.max(20)]) {
                assert_eq!(Packet::read(&packet.write()), Ok(packet));
            }
        }
    }
}
