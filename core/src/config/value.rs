//! The values of a statement: what kinds there are, how they are read and how they are written.

use core::fmt;
use core::net::IpAddr;

use super::error::ErrorKind;
use super::model::{Clause, ConfigView, Millis, RemoteAs};
use super::print::HIDDEN;
use super::target::{self, Http};
use crate::base::limits::LINK_NAME;
use crate::base::net::{Asn, Family, InterfaceAddress};

/// What kind of value a statement takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A number between two others.
    Number(u32, u32),
    /// An AS number, 1 to 4,294,967,295.
    Asn,
    /// `external`, `internal` or an AS number.
    RemoteAs,
    /// An IPv4 or IPv6 address.
    Address,
    /// An IPv4 address.
    AddressV4,
    /// An IPv6 address.
    AddressV6,
    /// `ADDRESS/LENGTH`; host bits are kept.
    Prefix,
    /// `ADDRESS/LENGTH` or `any`.
    PrefixOrAny,
    /// `/LENGTH`.
    Length,
    /// `ADDRESS:PORT`, an IPv6 address in brackets.
    Endpoint,
    /// A name.
    Name,
    /// An interface's name, at most 15 octets.
    Interface,
    /// A neighbor's address or a peer-group's name.
    Peer,
    /// An address or an interface's name.
    Source,
    /// `ASN:NUMBER` with two 16-bit numbers, one 32-bit number, or a well-known name (RFC 1997).
    Community,
    /// Exactly three decimal 32-bit numbers (RFC 8092).
    LargeCommunity,
    /// A time with its unit: `500ms`, `30s`, `2m`.
    Duration,
    /// An `http://` or `https://` URL.
    Url,
    /// A string.
    Text,
    /// A string that is an absolute path.
    Path,
    /// A string that is a header field, `"NAME: VALUE"`.
    Header,
    /// Status codes and ranges of them.
    Statuses,
    /// A unit of the service manager.
    Unit,
    /// One word of any form.
    Word,
}

/// A value of a statement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// It was not given.
    Absent,
    /// A word without a value was given; or `any`.
    Given,
    /// A number, or a community, or a time in milliseconds.
    Number(u32),
    /// Which of the words it may be.
    Choice(u8),
    /// Text: a word, several words, or the rest of the line.
    Text(&'a str),
    /// An address.
    Address(IpAddr),
    /// An address with a length.
    Prefix(InterfaceAddress),
    /// An AS that a neighbor may have.
    RemoteAs(RemoteAs),
    /// A large community.
    Large([u32; 3]),
    /// To be written only: a command's program, whose arguments are hidden.
    Hidden(&'a str),
    /// To be written only: the values of so many rules, from this one on.
    Rules(u16, u16),
}

/// Why a word is not a value of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// It does not look like one.
    Other,
    /// It looks like one, and is wrong.
    Wrong(ErrorKind),
}

/// The well-known communities that have a name in FRR.
const COMMUNITIES: [(&str, u32); 9] = [
    ("graceful-shutdown", 0xFFFF_0000),
    ("accept-own", 0xFFFF_0001),
    ("llgr-stale", 0xFFFF_0006),
    ("no-llgr", 0xFFFF_0007),
    ("blackhole", 0xFFFF_029A),
    ("no-export", 0xFFFF_FF01),
    ("no-advertise", 0xFFFF_FF02),
    ("local-AS", 0xFFFF_FF03),
    ("no-peer", 0xFFFF_FF04),
];

impl Kind {
    /// The kind that goes by this name in a syntax: its own, or its least and greatest number.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "PEER" => Self::Peer,
            "NAME" => Self::Name,
            "TIME" => Self::Duration,
            "PREFIX" => Self::Prefix,
            "PREFIX|any" => Self::PrefixOrAny,
            "ADDRESS" => Self::Address,
            "A.B.C.D" => Self::AddressV4,
            "X:X::X:X" => Self::AddressV6,
            "/LENGTH" => Self::Length,
            "ADDRESS:PORT" => Self::Endpoint,
            "ADDRESS|IFNAME" => Self::Source,
            "IFNAME" => Self::Interface,
            "ASN" => Self::Asn,
            "ASN|external|internal" => Self::RemoteAs,
            "COMMUNITY" => Self::Community,
            "LARGE-COMMUNITY" => Self::LargeCommunity,
            "URL" => Self::Url,
            "TEXT" => Self::Text,
            "PATH" => Self::Path,
            "\"NAME: VALUE\"" => Self::Header,
            "CODES" => Self::Statuses,
            "UNIT" => Self::Unit,
            "WORD" => Self::Word,
            range => {
                let (low, high) = range.split_once('-')?;
                Self::Number(low.parse().ok()?, high.parse().ok()?)
            }
        })
    }

    /// Reads a word.
    pub(crate) fn read(self, word: &str) -> Result<Value<'_>, Misfit> {
        let value = match self {
            Self::Number(low, high) => Value::Number(number(word, low, high)?),
            Self::Asn => Value::Number(asn(word)?),
            Self::RemoteAs => Value::RemoteAs(match word {
                _ if "external".starts_with(word) => RemoteAs::External,
                _ if "internal".starts_with(word) => RemoteAs::Internal,
                _ => RemoteAs::Number(Asn(asn(word)?)),
            }),
            Self::Address => Value::Address(address(word)?),
            Self::AddressV4 => match address(word)? {
                four @ IpAddr::V4(_) => Value::Address(four),
                IpAddr::V6(_) => return wrong(ErrorKind::Senseless("an IPv4 address must stand here")),
            },
            Self::AddressV6 => match address(word)? {
                six @ IpAddr::V6(_) => Value::Address(six),
                IpAddr::V4(_) => return wrong(ErrorKind::Senseless("an IPv6 address must stand here")),
            },
            Self::PrefixOrAny if word == "any" => Value::Given,
            Self::Prefix | Self::PrefixOrAny => Value::Prefix(prefix(word)?),
            Self::Length => Value::Number(number(word.strip_prefix('/').ok_or(Misfit::Other)?, 0, 128)?),
            Self::Endpoint => target::endpoint(word).map(|_| Value::Text(word))?,
            Self::Name => Value::Text(name(word)?),
            Self::Word => Value::Text(word),
            Self::Text => target::text(word).map(|_| Value::Text(word))?,
            Self::Header => target::header(word).map(|_| Value::Text(word))?,
            Self::Statuses => target::statuses(word).map(|()| Value::Text(word))?,
            Self::Path => target::path(word).map(|_| Value::Text(word))?,
            Self::Unit => Value::Text(target::unit(word)?),
            Self::Interface => Value::Text(interface(word)?),
            Self::Peer => match address(word) {
                Ok(address) => Value::Address(address),
                Err(Misfit::Other) => Value::Text(name(word)?),
                Err(wrong) => return Err(wrong),
            },
            Self::Source => match address(word) {
                Ok(address) => Value::Address(address),
                Err(Misfit::Other) => Value::Text(interface(word)?),
                Err(wrong) => return Err(wrong),
            },
            Self::Community => Value::Number(community(word)?),
            Self::LargeCommunity => Value::Large(large_community(word)?),
            Self::Duration => Value::Number(duration(word)?),
            Self::Url => Http::url(word).map(|_| Value::Text(word))?,
        };
        Ok(value)
    }

    /// Whether it is a string: double quotes hold its blanks together.
    pub(crate) const fn is_string(self) -> bool {
        matches!(self, Self::Text | Self::Header | Self::Path)
    }

    /// The words that stand for a value of this kind, to be completed.
    pub(crate) const fn words(self) -> &'static [&'static str] {
        match self {
            Self::RemoteAs => &["external", "internal"],
            Self::PrefixOrAny => &["any"],
            _ => &[],
        }
    }

    /// What it is, in a sentence: "expected …".
    pub(crate) fn describe(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number(0, u32::MAX) => "a number",
            Self::Number(low, high) => return write!(f, "a number ({low} to {high})"),
            Self::Asn | Self::RemoteAs => "an AS number",
            Self::Address => "an address",
            Self::AddressV4 => "an IPv4 address",
            Self::AddressV6 => "an IPv6 address",
            Self::Prefix | Self::PrefixOrAny => "a prefix (ADDRESS/LENGTH)",
            Self::Length => "a length (/N)",
            Self::Endpoint => "ADDRESS:PORT",
            Self::Name => "a name",
            Self::Interface => "an interface",
            Self::Peer => "a neighbor's address or a peer-group's name",
            Self::Source => "an address or an interface",
            Self::Community => "a community (ASN:NUMBER)",
            Self::LargeCommunity => "a large community (N:N:N)",
            Self::Duration => "a time (500ms, 30s, 2m)",
            Self::Url => "a URL (http:// or https://)",
            Self::Text => "a text",
            Self::Header => "a header (\"NAME: VALUE\")",
            Self::Statuses => "status codes (200-299 or 200,204)",
            Self::Path => "an absolute path",
            Self::Unit => "a unit",
            Self::Word => "a word",
        })
    }

    /// Writes a value of this kind as [`Kind::read`] takes it.
    pub(crate) fn write(self, f: &mut dyn fmt::Write, value: Value<'_>) -> fmt::Result {
        match (self, value) {
            (_, Value::Absent | Value::Rules(..)) => Ok(()),
            (_, Value::Given) => f.write_str("any"),
            (Self::Community, Value::Number(community)) => write_community(f, community),
            (Self::Duration, Value::Number(ms)) if ms.is_multiple_of(1_000) => write!(f, "{}s", ms / 1_000),
            (Self::Duration, Value::Number(ms)) => write!(f, "{ms}ms"),
            (Self::Length, Value::Number(length)) => write!(f, "/{length}"),
            (_, Value::Number(number)) => write!(f, "{number}"),
            (_, Value::Choice(index)) => write!(f, "{index}"),
            (_, Value::Text(text)) => f.write_str(text),
            (_, Value::Hidden(program)) => write!(f, "{program} {HIDDEN}"),
            (_, Value::Address(address)) => write!(f, "{address}"),
            (_, Value::Prefix(prefix)) => write!(f, "{prefix}"),
            (_, Value::RemoteAs(RemoteAs::Number(asn))) => write!(f, "{asn}"),
            (_, Value::RemoteAs(RemoteAs::Internal)) => f.write_str("internal"),
            (_, Value::RemoteAs(_)) => f.write_str("external"),
            (_, Value::Large([a, b, c])) => write!(f, "{a}:{b}:{c}"),
        }
    }

    /// Writes the values of rules, one after the other: communities, or the AS numbers of a prepend.
    pub(crate) fn write_rules(
        self,
        f: &mut dyn fmt::Write,
        view: &ConfigView<'_>,
        first: u16,
        count: u16,
    ) -> fmt::Result {
        let rules = view.rules.get(usize::from(first)..).unwrap_or(&[]);
        for (index, rule) in rules.iter().take(usize::from(count)).enumerate() {
            if index > 0 {
                f.write_char(' ')?;
            }
            match rule.clause {
                Clause::SetCommunity(value) | Clause::Community(value) => {
                    self.write(f, Value::Number(value))?;
                }
                Clause::SetLargeCommunity(value) | Clause::LargeCommunity(value) => {
                    self.write(f, Value::Large(value))?;
                }
                Clause::SetPrepend(asn) => self.write(f, Value::Number(asn.0))?,
                _ => {}
            }
        }
        Ok(())
    }
}

const fn wrong<V>(kind: ErrorKind) -> Result<V, Misfit> {
    Err(Misfit::Wrong(kind))
}

/// Whether a word is a guide's placeholder: `[SHARED_IP]`, `<address>`, `2600:3c0f:[DC_ID]:34::1`.
pub(crate) fn is_placeholder(word: &str) -> bool {
    if !word.bytes().any(|octet| matches!(octet, b'[' | b'<' | b'{')) {
        return false;
    }
    let inside = |open, close| {
        word.split_once(open).and_then(|(_, rest)| rest.split_once(close)).is_some_and(|(inside, _)| {
            let inside = inside.trim_start_matches(open);
            inside.starts_with(|letter: char| letter.is_ascii_alphabetic()) && !inside.contains(':')
        })
    };
    inside('[', ']') || inside('<', '>') || inside('{', '}')
}

/// A word as a name; a placeholder is none.
fn name(word: &str) -> Result<&str, Misfit> {
    if is_placeholder(word) { wrong(ErrorKind::Placeholder) } else { Ok(word) }
}

fn interface(word: &str) -> Result<&str, Misfit> {
    let word = name(word)?;
    if word.len() > LINK_NAME {
        return wrong(ErrorKind::TooLong(LINK_NAME));
    }
    if word.contains('/') { Err(Misfit::Other) } else { Ok(word) }
}

/// A number in decimal digits.
fn decimal(word: &str) -> Option<u32> {
    // A sign is none of them.
    word.bytes().all(|octet| octet.is_ascii_digit()).then(|| word.parse().ok())?
}

/// The same, of 16 bits.
fn decimal16(word: &str) -> Option<u16> {
    decimal(word).and_then(|number| u16::try_from(number).ok())
}

fn number(word: &str, low: u32, high: u32) -> Result<u32, Misfit> {
    if is_placeholder(word) {
        return wrong(ErrorKind::Placeholder);
    }
    if word.is_empty() || !word.bytes().all(|octet| octet.is_ascii_digit()) {
        return Err(Misfit::Other);
    }
    match decimal(word) {
        Some(number) if (low..=high).contains(&number) => Ok(number),
        _ => wrong(ErrorKind::Range(low, high)),
    }
}

/// An AS number, as one number or as two of 16 bits with a dot between them (RFC 5396).
fn asn(word: &str) -> Result<u32, Misfit> {
    match word.split_once('.').map(|(high, low)| (decimal16(high), decimal16(low))) {
        Some((Some(high), Some(low))) if (high, low) != (0, 0) => Ok(u32::from(high) << 16 | u32::from(low)),
        _ => number(word, 1, u32::MAX),
    }
}

/// A port.
pub(super) fn port(word: &str) -> Result<u16, Misfit> {
    number16_in(word, 1, u16::MAX)
}

/// A number of 16 bits.
pub(super) fn number16_in(word: &str, low: u16, high: u16) -> Result<u16, Misfit> {
    number(word, u32::from(low), u32::from(high)).map(|number| u16::try_from(number).unwrap_or(high))
}

fn address(word: &str) -> Result<IpAddr, Misfit> {
    if let Ok(address) = word.parse() {
        return Ok(address);
    }
    if is_placeholder(word) {
        return wrong(ErrorKind::Placeholder);
    }
    // What begins with a digit and has a dot, or has a colon, was meant as an address and never as a name.
    let dotted = word.contains('.') && word.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.');
    let colons = word.contains(':') && word.bytes().all(|octet| octet.is_ascii_hexdigit() || octet == b':');
    if dotted || colons { wrong(ErrorKind::NotAnAddress) } else { Err(Misfit::Other) }
}

fn prefix(word: &str) -> Result<InterfaceAddress, Misfit> {
    let Some((before, after)) = word.rsplit_once('/') else {
        address(word)?;
        return wrong(ErrorKind::LengthMissing);
    };
    let address = address(before)?;
    let length = number(after, 0, u32::from(Family::of(address).bits()))?;
    Ok(InterfaceAddress { address, length: u8::try_from(length).unwrap_or(u8::MAX) })
}

fn community(word: &str) -> Result<u32, Misfit> {
    if let Some((_, value)) = COMMUNITIES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
        return Ok(*value);
    }
    if let Some((high, low)) = word.split_once(':')
        && let (Some(high), Some(low)) = (decimal16(high), decimal16(low))
    {
        return Ok(u32::from(high) << 16 | u32::from(low));
    }
    if is_placeholder(word) {
        return wrong(ErrorKind::Placeholder);
    }
    match word.bytes().filter(|&octet| octet == b':').count() {
        2 => wrong(ErrorKind::NotACommunity("with three numbers it is a large-community")),
        1 => wrong(ErrorKind::NotACommunity("it is two numbers of 0 to 65535, as 65000:1")),
        _ => number(word, 0, u32::MAX),
    }
}

fn large_community(word: &str) -> Result<[u32; 3], Misfit> {
    let mut parts = word.split(':').map(decimal);
    if let (Some(Some(a)), Some(Some(b)), Some(Some(c)), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    {
        return Ok([a, b, c]);
    }
    if is_placeholder(word) {
        return wrong(ErrorKind::Placeholder);
    }
    if word.contains(':') {
        return wrong(ErrorKind::NotACommunity("it is three numbers of 0 to 4294967295, as 63949:1:1"));
    }
    Err(Misfit::Other)
}

fn duration(word: &str) -> Result<u32, Misfit> {
    let split = word.bytes().position(|octet| !octet.is_ascii_digit()).unwrap_or(word.len());
    let (digits, unit) = word.split_at_checked(split).unwrap_or((word, ""));
    let most = Millis::MOST;
    let (factor, high) = match unit {
        "" if !digits.is_empty() => return wrong(ErrorKind::UnitMissing),
        "ms" => (1, most),
        "s" => (1_000, most / 1_000),
        "m" | "min" => (60_000, most / 60_000),
        _ => return Err(Misfit::Other),
    };
    let millis = number(digits, 0, high)?.saturating_mul(factor);
    if Millis::of(millis).get() != millis {
        return wrong(ErrorKind::Senseless("a time of more than 32 s is a whole number of seconds"));
    }
    Ok(millis)
}

fn write_community(f: &mut dyn fmt::Write, community: u32) -> fmt::Result {
    match COMMUNITIES.iter().find(|(_, value)| *value == community) {
        Some((name, _)) => f.write_str(name),
        None => write!(f, "{}:{}", community >> 16, community & 0xFFFF),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn round_trip(kind: Kind, word: &str) -> String {
        let mut out = String::new();
        kind.write(&mut out, kind.read(word).unwrap()).unwrap();
        out
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        for (kind, word) in [
            (Kind::Number(0, 10), "7"),
            (Kind::Asn, "4294967295"),
            (Kind::RemoteAs, "external"),
            (Kind::RemoteAs, "65000"),
            (Kind::Address, "2600:3c0f:4:34::1"),
            (Kind::Prefix, "192.0.2.77/24"),
            (Kind::PrefixOrAny, "any"),
            (Kind::Length, "/64"),
            (Kind::Endpoint, "[2001:db8::1]:80"),
            (Kind::Peer, "RS"),
            (Kind::Source, "eth0"),
            (Kind::Community, "65000:1"),
            (Kind::Community, "no-export"),
            (Kind::LargeCommunity, "63949:1:2"),
            (Kind::Duration, "500ms"),
            (Kind::Duration, "30s"),
            (Kind::Url, "http://127.0.0.1:8080/healthz"),
        ] {
            assert_eq!(round_trip(kind, word), word);
        }
        assert_eq!(round_trip(Kind::Duration, "2m"), "120s");
        assert_eq!(round_trip(Kind::Community, "4294967041"), "no-export");
    }

    #[test]
    fn a_large_community_is_exactly_three_decimal_numbers() {
        for word in [
            "63949:1",
            "63949:1:1:1",
            "63949:1:4294967296",
            "63949::1",
            "63949:1:-1",
            "63949:1:0x1",
            "a:b:c",
            "1:2:+3",
        ] {
            assert!(Kind::LargeCommunity.read(word).is_err(), "{word}");
        }
        assert!(matches!(Kind::Community.read("63949:1:1"), Err(Misfit::Wrong(ErrorKind::NotACommunity(_)))));
        assert!(Kind::Community.read("65536:1").is_err() && Kind::Community.read("1:65536").is_err());
    }

    #[test]
    fn a_misspelt_address_is_no_name() {
        for word in ["192.0.2.300", "192.0.2", "2001:db8:::1", "1.2.3.4.5"] {
            assert_eq!(Kind::Peer.read(word), Err(Misfit::Wrong(ErrorKind::NotAnAddress)), "{word}");
        }
        assert!(Kind::Peer.read("RS.v6").is_ok());
    }

    #[test]
    fn placeholders_are_known_when_they_are_seen() {
        for word in ["[SHARED_IP]", "2600:3c0f:[DC_ID]:34::1", "<address>/32", "{{ip}}"] {
            assert!(is_placeholder(word), "{word}");
        }
        assert!(!is_placeholder("[2001:db8::1]:80") && !is_placeholder("[::1]:80") && !is_placeholder("RS"));
        assert_eq!(Kind::Prefix.read("[SHARED_IP]/32"), Err(Misfit::Wrong(ErrorKind::Placeholder)));
    }

    #[test]
    fn a_time_needs_its_unit() {
        assert_eq!(Kind::Duration.read("30"), Err(Misfit::Wrong(ErrorKind::UnitMissing)));
        assert_eq!(Kind::Duration.read("1h"), Err(Misfit::Other));
        assert!(matches!(Kind::Duration.read("99999999s"), Err(Misfit::Wrong(ErrorKind::Range(..)))));
    }
}
