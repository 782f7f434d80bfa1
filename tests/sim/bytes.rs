//! BGP messages as plain octets, built and read here a second time on purpose: the simulator must not believe the codec
//! that it tests.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use holdover_core::base::net::{Family, Prefix};

/// A message as a scripted peer or the tap sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Type 1.
    Open(Open),
    /// Type 2.
    Update(Update),
    /// Type 3.
    Notification { code: u8, subcode: u8, data: Vec<u8> },
    /// Type 4.
    Keepalive,
    /// Type 5.
    Refresh { afi: u16, subtype: u8, safi: u8 },
}

impl Message {
    /// Code and subcode, when it is a NOTIFICATION.
    pub fn error(&self) -> Option<(u8, u8)> {
        if let Self::Notification { code, subcode, .. } = self { Some((*code, *subcode)) } else { None }
    }
}

/// An OPEN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    pub version: u8,
    pub my_as: u16,
    pub hold: u16,
    pub id: u32,
    /// Capabilities, code and value, of all optional parameters of type 2.
    pub capabilities: Vec<(u8, Vec<u8>)>,
}

impl Open {
    /// What a plain modern speaker says: IPv4 and IPv6 unicast, 4-octet AS, route refresh, IPv4 over IPv6 next hops.
    pub fn modern(asn: u32, hold: u16, id: u32) -> Self {
        Self {
            version: 4,
            my_as: u16::try_from(asn).unwrap_or(23_456),
            hold,
            id,
            capabilities: vec![
                (1, vec![0, 1, 0, 1]),
                (1, vec![0, 2, 0, 1]),
                (2, vec![]),
                (5, vec![0, 1, 0, 1, 0, 2]),
                (65, asn.to_be_bytes().to_vec()),
                (70, vec![]),
            ],
        }
    }

    /// An OPEN without any capability, as spoken before 2002.
    pub fn plain(my_as: u16, hold: u16, id: u32) -> Self {
        Self { version: 4, my_as, hold, id, capabilities: vec![] }
    }

    /// This OPEN without the capabilities of `code`.
    pub fn without(mut self, code: u8) -> Self {
        self.capabilities.retain(|&(one, _)| one != code);
        self
    }

    /// The first capability of `code`.
    pub fn capability(&self, code: u8) -> Option<&[u8]> {
        self.capabilities.iter().find(|&&(one, _)| one == code).map(|(_, value)| value.as_slice())
    }

    /// The message.
    pub fn message(&self) -> Vec<u8> {
        let mut capabilities = vec![];
        for (code, value) in &self.capabilities {
            capabilities.extend([*code, u8::try_from(value.len()).unwrap()]);
            capabilities.extend(value);
        }
        let mut body = vec![self.version];
        body.extend(self.my_as.to_be_bytes());
        body.extend(self.hold.to_be_bytes());
        body.extend(self.id.to_be_bytes());
        if capabilities.is_empty() {
            body.push(0);
        } else {
            body.push(u8::try_from(capabilities.len() + 2).unwrap());
            body.extend([2, u8::try_from(capabilities.len()).unwrap()]);
            body.extend(capabilities);
        }
        message(1, &body)
    }

    fn read(body: &[u8]) -> Self {
        let mut capabilities = vec![];
        let mut parameters = &body[10..];
        assert_eq!(parameters.len(), usize::from(body[9]), "optional parameters' length");
        while let [kind, length, rest @ ..] = parameters {
            let (mut value, tail) = rest.split_at(usize::from(*length));
            assert_eq!(*kind, 2, "an optional parameter that is no capability");
            while let [code, length, rest @ ..] = value {
                let (one, tail) = rest.split_at(usize::from(*length));
                capabilities.push((*code, one.to_vec()));
                value = tail;
            }
            assert!(value.is_empty(), "a capability is cut short");
            parameters = tail;
        }
        assert!(parameters.is_empty(), "an optional parameter is cut short");
        Self {
            version: body[0],
            my_as: u16_at(body, 1),
            hold: u16_at(body, 3),
            id: u32_at(body, 5),
            capabilities,
        }
    }
}

/// An UPDATE, both families together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// What is withdrawn.
    pub withdrawn: Vec<Prefix>,
    /// What is announced.
    pub announced: Vec<Prefix>,
    /// How it is announced.
    pub attributes: Attributes,
    /// An End-of-RIB marker, and of which family.
    pub end_of_rib: Option<Family>,
}

/// The attributes that Holdover sends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    pub origin: Option<u8>,
    /// The numbers of all segments in order; segment kinds are asserted to be AS_SEQUENCE.
    pub as_path: Vec<u32>,
    /// AS4_PATH, to an old speaker.
    pub as4_path: Vec<u32>,
    pub next_hops: Vec<IpAddr>,
    pub med: Option<u32>,
    pub local_preference: Option<u32>,
    pub communities: Vec<u32>,
    pub large: Vec<[u32; 3]>,
    /// The codes in the order they stood, the MP attributes included.
    pub codes: Vec<u8>,
}

impl Update {
    fn read(body: &[u8], as4: bool) -> Self {
        let mut update = Self::default();
        let (withdrawn, rest) = body[2..].split_at(usize::from(u16_at(body, 0)));
        let (attributes, nlri) = rest[2..].split_at(usize::from(u16_at(rest, 0)));
        read_prefixes(Family::Ipv4, withdrawn, &mut update.withdrawn);
        update.read_attributes(attributes, as4);
        read_prefixes(Family::Ipv4, nlri, &mut update.announced);
        if body == [0; 4] {
            update.end_of_rib = Some(Family::Ipv4);
        }
        update
    }

    // table: one arm for each attribute
    fn read_attributes(&mut self, mut attributes: &[u8], as4: bool) {
        while let [flags, code, rest @ ..] = attributes {
            let (length, rest) = if flags & 0x10 == 0 {
                (usize::from(rest[0]), &rest[1..])
            } else {
                (usize::from(u16_at(rest, 0)), &rest[2..])
            };
            let (value, tail) = rest.split_at(length);
            let read = &mut self.attributes;
            assert!(!read.codes.contains(code), "attribute {code} stands twice");
            read.codes.push(*code);
            match code {
                1 => read.origin = Some(value[0]),
                2 => read_path(value, as4, &mut read.as_path),
                3 => read.next_hops.push(IpAddr::V4(Ipv4Addr::from_bits(u32_at(value, 0)))),
                4 => read.med = Some(u32_at(value, 0)),
                5 => read.local_preference = Some(u32_at(value, 0)),
                8 => read.communities = value.chunks_exact(4).map(|one| u32_at(one, 0)).collect(),
                14 => self.read_reach(value),
                15 => {
                    let family = family_of(u16_at(value, 0), value[2]);
                    read_prefixes(family, &value[3..], &mut self.withdrawn);
                    if value.len() == 3 && self.withdrawn.is_empty() {
                        self.end_of_rib = Some(family);
                    }
                }
                17 => read_path(value, true, &mut read.as4_path),
                32 => {
                    read.large =
                        value.chunks_exact(12).map(|one| [0, 4, 8].map(|at| u32_at(one, at))).collect();
                }
                _ => panic!("Holdover never sends attribute {code}"),
            }
            attributes = tail;
        }
        assert!(attributes.is_empty(), "an attribute is cut short");
    }

    fn read_reach(&mut self, value: &[u8]) {
        let family = family_of(u16_at(value, 0), value[2]);
        let (hops, rest) = value[4..].split_at(usize::from(value[3]));
        match hops.len() {
            4 => self.attributes.next_hops.push(IpAddr::V4(Ipv4Addr::from_bits(u32_at(hops, 0)))),
            16 | 32 => {
                for hop in hops.chunks_exact(16) {
                    let octets: [u8; 16] = hop.try_into().unwrap();
                    self.attributes.next_hops.push(IpAddr::V6(Ipv6Addr::from(octets)));
                }
            }
            length => panic!("a next hop of {length} octets"),
        }
        assert_eq!(rest[0], 0, "the reserved octet of MP_REACH_NLRI");
        read_prefixes(family, &rest[1..], &mut self.announced);
    }
}

fn family_of(afi: u16, safi: u8) -> Family {
    match (afi, safi) {
        (1, 1) => Family::Ipv4,
        (2, 1) => Family::Ipv6,
        other => panic!("Holdover never speaks of {other:?}"),
    }
}

fn read_path(value: &[u8], as4: bool, into: &mut Vec<u32>) {
    let mut rest = value;
    while let [kind, count, tail @ ..] = rest {
        assert_eq!(*kind, 2, "Holdover sends AS_SEQUENCE only");
        let (numbers, tail) = tail.split_at(usize::from(*count) * if as4 { 4 } else { 2 });
        if as4 {
            into.extend(numbers.chunks_exact(4).map(|one| u32_at(one, 0)));
        } else {
            into.extend(numbers.chunks_exact(2).map(|one| u32::from(u16_at(one, 0))));
        }
        rest = tail;
    }
    assert!(rest.is_empty(), "a path segment is cut short");
}

fn read_prefixes(family: Family, mut field: &[u8], into: &mut Vec<Prefix>) {
    while let [length, rest @ ..] = field {
        let (octets, tail) = rest.split_at(usize::from(length.div_ceil(8)));
        let mut whole = [0; 16];
        whole[..octets.len()].copy_from_slice(octets);
        let address = match family {
            Family::Ipv4 => IpAddr::V4(Ipv4Addr::from_bits(u32_at(&whole, 0))),
            Family::Ipv6 => IpAddr::V6(Ipv6Addr::from(whole)),
        };
        let prefix = Prefix::new(address, *length).expect("a prefix longer than its family");
        assert_eq!(prefix.address(), address, "host bits are set in an NLRI");
        into.push(prefix);
        field = tail;
    }
}

/// A message of any type around `body`.
pub fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut whole = vec![0xFF; 16];
    whole.extend(u16::try_from(19 + body.len()).unwrap().to_be_bytes());
    whole.push(kind);
    whole.extend(body);
    whole
}

/// A KEEPALIVE.
pub fn keepalive() -> Vec<u8> {
    message(4, &[])
}

/// A NOTIFICATION.
pub fn notification(code: u8, subcode: u8, data: &[u8]) -> Vec<u8> {
    let mut body = vec![code, subcode];
    body.extend(data);
    message(3, &body)
}

/// A ROUTE-REFRESH, or a marker of enhanced route refresh (RFC 7313).
pub fn refresh(family: Family, subtype: u8) -> Vec<u8> {
    let afi = family.afi().to_be_bytes();
    message(5, &[afi[0], afi[1], subtype, 1])
}

/// An UPDATE of three sections as they are.
pub fn raw_update(withdrawn: &[u8], attributes: &[u8], nlri: &[u8]) -> Vec<u8> {
    let mut body = vec![];
    body.extend(u16::try_from(withdrawn.len()).unwrap().to_be_bytes());
    body.extend(withdrawn);
    body.extend(u16::try_from(attributes.len()).unwrap().to_be_bytes());
    body.extend(attributes);
    body.extend(nlri);
    message(2, &body)
}

/// One attribute.
pub fn attribute(flags: u8, code: u8, value: &[u8]) -> Vec<u8> {
    let mut whole = vec![flags, code, u8::try_from(value.len()).unwrap()];
    whole.extend(value);
    whole
}

/// One NLRI entry.
pub fn nlri(prefix: Prefix) -> Vec<u8> {
    let mut whole = vec![prefix.length()];
    let octets = match prefix.address() {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    whole.extend(&octets[..usize::from(prefix.length().div_ceil(8))]);
    whole
}

/// An announcement of `prefix` with an AS_PATH of 4-octet numbers and, when given, one large community. The next hop
/// goes into MP_REACH_NLRI unless prefix and next hop are both IPv4.
pub fn announce(prefix: Prefix, next_hop: IpAddr, path: &[u32], large: Option<[u32; 3]>) -> Vec<u8> {
    let mut segment = vec![2, u8::try_from(path.len()).unwrap()];
    segment.extend(path.iter().flat_map(|asn| asn.to_be_bytes()));
    let mut attributes = attribute(0x40, 1, &[0]);
    attributes.extend(attribute(0x40, 2, &segment));
    let mut tail = vec![];
    match (prefix.family(), next_hop) {
        (Family::Ipv4, IpAddr::V4(hop)) => {
            attributes.extend(attribute(0x40, 3, &hop.octets()));
            tail = nlri(prefix);
        }
        (family, hop) => {
            let hop = match hop {
                IpAddr::V4(hop) => hop.octets().to_vec(),
                IpAddr::V6(hop) => hop.octets().to_vec(),
            };
            let mut value = family.afi().to_be_bytes().to_vec();
            value.extend([1, u8::try_from(hop.len()).unwrap()]);
            value.extend(hop);
            value.push(0);
            value.extend(nlri(prefix));
            attributes.extend(attribute(0x80, 14, &value));
        }
    }
    if let Some(large) = large {
        let value: Vec<u8> = large.iter().flat_map(|one| one.to_be_bytes()).collect();
        attributes.extend(attribute(0xC0, 32, &value));
    }
    raw_update(&[], &attributes, &tail)
}

/// A withdrawal of IPv4 prefixes.
pub fn withdraw(prefix: Prefix) -> Vec<u8> {
    raw_update(&nlri(prefix), &[], &[])
}

/// Takes the first whole message off `stream`. Panics on framing that Holdover may never send.
pub fn take_message(stream: &mut Vec<u8>, as4: bool) -> Option<Message> {
    if stream.len() < 19 {
        return None;
    }
    assert_eq!(stream[..16], [0xFF; 16], "the marker");
    let length = usize::from(u16_at(stream, 16));
    assert!((19..=4_096).contains(&length), "a message of {length} octets");
    if stream.len() < length {
        return None;
    }
    let whole: Vec<u8> = stream.drain(..length).collect();
    let body = &whole[19..];
    Some(match whole[18] {
        1 => Message::Open(Open::read(body)),
        2 => Message::Update(Update::read(body, as4)),
        3 => Message::Notification { code: body[0], subcode: body[1], data: body[2..].to_vec() },
        4 => {
            assert!(body.is_empty(), "a KEEPALIVE with a body");
            Message::Keepalive
        }
        5 => {
            assert_eq!(body.len(), 4, "a ROUTE-REFRESH's length");
            Message::Refresh { afi: u16_at(body, 0), subtype: body[2], safi: body[3] }
        }
        kind => panic!("a message of type {kind}"),
    })
}

fn u16_at(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([octets[at], octets[at + 1]])
}

fn u32_at(octets: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]])
}
