//! The messages that codecs are measured with, built octet by octet, so that no codec has written its own test.

/// A message by name.
pub struct Message {
    /// What it is.
    pub name: &'static str,
    /// All of it, header included.
    pub octets: Vec<u8>,
}

/// The six messages.
pub fn all() -> Vec<Message> {
    vec![
        Message { name: "open", octets: open() },
        Message { name: "ipv4_host_over_ipv6", octets: host_over_ipv6() },
        Message { name: "withdrawal", octets: withdrawal() },
        Message { name: "ipv4_500", octets: ipv4_500() },
        Message { name: "ipv6_100", octets: ipv6_100() },
        Message { name: "full_4096", octets: full() },
    ]
}

const MED: [u8; 7] = [0x80, 4, 4, 0, 0, 0, 50];
const ORIGIN: [u8; 4] = [0x40, 1, 1, 0];
const NEXT_HOP: [u8; 7] = [0x40, 3, 4, 192, 0, 2, 1];
const GLOBAL: [u8; 16] = [0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const LINK_LOCAL: [u8; 16] = [0xFE, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 19).expect("a message").to_be_bytes();
    [&[0xFF; 16][..], &length, &[kind], body].concat()
}

fn update(attributes: &[u8], announced: &[u8]) -> Vec<u8> {
    let length = u16::try_from(attributes.len()).expect("attributes").to_be_bytes();
    message(2, &[&[0, 0][..], &length, attributes, announced].concat())
}

fn as_path(hops: u8) -> Vec<u8> {
    let numbers = (0..hops).flat_map(|hop| (65_000 + u32::from(hop)).to_be_bytes());
    [0x40, 2, 2 + hops * 4, 2, hops].into_iter().chain(numbers).collect()
}

fn communities(count: u8) -> Vec<u8> {
    let numbers = (0..count).flat_map(|number| [0xFD, 0xE8, 0, number]);
    [0xC0, 8, count * 4].into_iter().chain(numbers).collect()
}

fn large_communities(count: u8) -> Vec<u8> {
    let numbers = (0..count).flat_map(|number| [0, 0, 0xF9, 0xCD, 0, 0, 0, 1, 0, 0, 0, number]);
    [0xC0, 32, count * 12].into_iter().chain(numbers).collect()
}

/// Ten capabilities, each in a parameter of its own, as FRR sends them.
fn open() -> Vec<u8> {
    let capabilities: [&[u8]; 10] = [
        &[1, 4, 0, 1, 0, 1],
        &[1, 4, 0, 2, 0, 1],
        &[128, 0],
        &[2, 0],
        &[70, 0],
        &[65, 4, 0, 0, 0xFD, 0xE8],
        &[6, 0],
        &[69, 4, 0, 1, 1, 1],
        &[5, 6, 0, 1, 0, 1, 0, 2],
        &[73, 12, 10, b'h', b'o', b's', b't', b'-', b'n', b'a', b'm', b'e', b'1', 0],
    ];
    let mut parameters = Vec::new();
    for capability in capabilities {
        parameters.extend([2, u8::try_from(capability.len()).expect("a capability")]);
        parameters.extend(capability);
    }
    let length = u8::try_from(parameters.len()).expect("parameters");
    message(1, &[&[4, 0xFD, 0xE8, 0, 9, 192, 0, 2, 1, length][..], &parameters].concat())
}

/// One IPv4 /32 with an IPv6 next hop of 16 octets, one AS, two communities, two large communities.
fn host_over_ipv6() -> Vec<u8> {
    let reach = [&[0x80, 14, 26, 0, 1, 1, 16][..], &GLOBAL, &[0, 32, 192, 0, 2, 10]].concat();
    update(&[&reach[..], &ORIGIN, &as_path(1), &communities(2), &large_communities(2)].concat(), &[])
}

/// One IPv4 /32 withdrawn.
fn withdrawal() -> Vec<u8> {
    message(2, &[0, 5, 32, 192, 0, 2, 10, 0, 0])
}

/// 500 IPv4 /24.
fn ipv4_500() -> Vec<u8> {
    let routes: Vec<u8> = (0..500_u16)
        .flat_map(|route| {
            let [high, low] = route.to_be_bytes();
            [24, 10, high, low]
        })
        .collect();
    update(&[&ORIGIN[..], &as_path(5), &NEXT_HOP, &MED, &communities(5)].concat(), &routes)
}

/// 100 IPv6 /48 with a next hop of 32 octets.
fn ipv6_100() -> Vec<u8> {
    let routes = (0..100_u8).flat_map(|route| [48, 0x20, 1, 0x0D, 0xB8, 0, route]);
    let mut reach = vec![0x90, 14, 0, 0, 0, 2, 1, 32];
    reach.extend(GLOBAL);
    reach.extend(LINK_LOCAL);
    reach.push(0);
    reach.extend(routes);
    let length = u16::try_from(reach.len() - 4).expect("an attribute").to_be_bytes();
    reach[2..4].copy_from_slice(&length);
    update(&[&reach[..], &ORIGIN, &as_path(3), &MED, &large_communities(1), &communities(3)].concat(), &[])
}

/// As full as a message can be: 802 IPv4 /32.
fn full() -> Vec<u8> {
    let routes: Vec<u8> = (0..802_u16)
        .flat_map(|route| {
            let [high, low] = route.to_be_bytes();
            [32, 10, 1, high, low]
        })
        .collect();
    let mut communities = communities(4);
    communities.splice(..3, [0xD0, 8, 0, 16]);
    update(&[&ORIGIN[..], &as_path(5), &NEXT_HOP, &MED, &communities].concat(), &routes)
}

#[cfg(test)]
mod tests {
    use holdover_core::base::net::Families;
    use holdover_core::wire::header::{MessageType, peel};
    use holdover_core::wire::open::Open;
    use holdover_core::wire::update::{Context, Update};
    use holdover_core::wire::verdict::Verdict;

    #[test]
    fn the_messages_are_sound_and_as_long_as_they_are_meant_to_be() {
        let context = Context { ebgp: true, as4: true, families: Families::ALL, extended_next_hop: true };
        let lengths: Vec<usize> = super::all().iter().map(|message| message.octets.len()).collect();
        assert_eq!(lengths, [103, 103, 28, 2_089, 822, 4_096]);
        for (message, routes) in super::all().iter().zip([0, 1, 1, 500, 100, 802]) {
            let frame = peel(&message.octets).unwrap().unwrap();
            if frame.kind == MessageType::Open {
                assert_eq!(Open::read(frame.body).unwrap().capabilities.unknown, 4);
                continue;
            }
            let update = Update::read(frame.body, context);
            assert_eq!(update.verdict(), Verdict::Accept, "{}", message.name);
            assert_eq!(update.announced().count() + update.withdrawn().count(), routes);
        }
    }
}
