use std::vec::Vec;

use holdover_core::base::net::Prefix;
use holdover_core::base::rand::Rand;
use smoltcp::wire::{Ipv4Packet, TcpPacket};

use super::{Segment, ip, octets};
use crate::frame::FRAME;
use crate::frame::guard::{Guard, Refused, SIGNATURE_ROOM};

const KEY: &[u8] = b"between us";
/// The options of a SYN of Linux beside a signature.
const LINUX_SYN: [u8; 12] = [2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 10];

fn host(text: &str) -> Prefix {
    Prefix::host(ip(text))
}

/// A guard with this key for both ends of the tests' segments.
fn guard(key: Option<&[u8]>) -> Guard<4> {
    let mut guard = Guard::new();
    for remote in ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"] {
        guard.set_key(host(remote), 0, key).unwrap();
    }
    guard
}

/// The frame as the guard lets it go, in a buffer with room.
fn send(guard: &mut Guard<4>, frame: &[u8]) -> Option<Vec<u8>> {
    let mut buffer = frame.to_vec();
    buffer.resize(frame.len() + SIGNATURE_ROOM, 0xEE);
    let length = guard.send(&mut buffer, frame.len())?;
    buffer.truncate(length);
    Some(buffer)
}

#[test]
fn a_signature_is_the_one_that_rfc_2385_computes_and_every_length_and_checksum_fits() {
    let mut guard = guard(Some(KEY));
    for data in 0..70 {
        for (source, destination) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
            for options in [&[][..], &[2, 4, 5, 160], &[2, 4, 5, 160, 1, 3, 3, 7], &LINUX_SYN] {
                let mut segment = Segment::between(source, destination);
                segment.data = std::vec![data; data.into()];
                segment.options = options.to_vec();
                let signed = send(&mut guard, &segment.frame()).unwrap();
                assert_eq!(signed, segment.signed(KEY).frame(), "{source}, {data} octets, {options:?}");
            }
        }
    }
}

#[test]
fn what_one_end_signs_the_other_accepts_and_another_key_refuses() {
    let mut rand = Rand::new(2_385);
    for round in 0..2_000 {
        let key: Vec<u8> = octets(&mut rand, 80);
        let (mut here, mut there) = (guard(Some(&key)), guard(Some(&key)));
        let mut stranger = guard(Some(b"something else"));
        let segment = Segment::random(&mut rand);
        let signed = send(&mut here, &segment.frame()).unwrap();
        assert!(there.admits(&signed), "round {round}");
        assert!(!stranger.admits(&signed), "round {round}");
        assert_eq!((here.counters().signed, there.counters().verified), (1, 1));
        assert_eq!(stranger.counters().forged, 1);
        assert!(signed.len() <= segment.frame().len() + SIGNATURE_ROOM);
        let tcp = TcpPacket::new_checked(&signed[signed.len() - segment_length(&signed)..]).unwrap();
        assert!(tcp.verify_checksum(&segment.source.into(), &segment.destination.into()), "round {round}");
        assert_eq!(tcp.payload(), segment.data);
        if segment.source.is_ipv4() {
            assert!(Ipv4Packet::new_checked(&signed[14..]).unwrap().verify_checksum());
        }
    }
}

fn segment_length(frame: &[u8]) -> usize {
    let header = if frame[12] == 8 { 34 } else { 54 };
    frame.len() - header
}

#[test]
fn a_change_of_any_one_bit_of_a_signed_segment_is_found() {
    for (source, destination) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
        let mut segment = Segment::between(source, destination);
        segment.options = std::vec![2, 4, 5, 160];
        let signed = segment.signed(KEY).frame();
        let begin = signed.len() - segment_length(&signed);
        let mut found_by_guard = 0;
        for bit in begin * 8..signed.len() * 8 {
            let mut changed = signed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let admitted = guard(Some(KEY)).admits(&changed);
            // A segment that is no longer one of BGP's is not the guard's; its checksum is wrong all the same.
            let sound = TcpPacket::new_checked(&changed[begin..])
                .is_ok_and(|tcp| tcp.verify_checksum(&segment.source.into(), &segment.destination.into()));
            assert!(!(admitted && sound), "bit {bit} of {source}");
            found_by_guard += usize::from(!admitted);
        }
        // All of them, but those of the port that is 179.
        assert_eq!(found_by_guard, segment_length(&signed) * 8 - 16);
    }
}

#[test]
fn a_change_that_keeps_the_checksum_right_is_found_by_the_signature() {
    let mut segment = Segment::between("192.0.2.1", "192.0.2.2").signed(KEY);
    segment.data[3] ^= 0x40;
    let mut guard = guard(Some(KEY));
    assert!(!guard.admits(&segment.frame()));
    assert_eq!((guard.counters().forged, guard.counters().corrupt), (1, 0));
}

#[test]
fn each_reason_to_drop_a_segment_has_its_own_counter() {
    let plain = Segment::between("192.0.2.1", "192.0.2.2");
    let signed = plain.signed(KEY);
    let mut with_key = guard(Some(KEY));
    let mut without = guard(None);

    assert!(!with_key.admits(&plain.frame()));
    assert_eq!(with_key.counters().missing, 1);
    assert!(!with_key.admits(&plain.signed(b"another").frame()));
    assert_eq!(with_key.counters().forged, 1);
    let mut corrupt = signed.frame();
    *corrupt.last_mut().unwrap() ^= 1;
    assert!(!with_key.admits(&corrupt));
    assert_eq!(with_key.counters().corrupt, 1);
    let mut lying = signed.frame();
    lying[14 + 20 + 12] = 0xF0; // a header longer than the segment
    assert!(!with_key.admits(&lying));
    let mut ends_early = plain.clone();
    ends_early.options = std::vec![2, 9, 0, 0];
    assert!(!with_key.admits(&ends_early.frame()));
    assert_eq!(with_key.counters().malformed, 2);

    assert!(without.admits(&plain.frame()));
    assert!(!without.admits(&signed.frame()));
    assert_eq!((without.counters().unexpected, without.counters().verified), (1, 0));

    with_key.set_least_ttl(host("192.0.2.1"), 0, 254).unwrap();
    assert!(with_key.admits(&signed.frame()), "TTL 255");
    for (ttl, admitted) in [(254, true), (253, false), (0, false)] {
        assert_eq!(with_key.admits(&Segment { ttl, ..signed.clone() }.frame()), admitted, "TTL {ttl}");
    }
    assert_eq!((with_key.counters().low_ttl, with_key.counters().verified), (2, 2));
}

#[test]
fn fragments_of_a_guarded_remotes_segments_do_not_pass_by_the_guard() {
    let frame = Segment::between("192.0.2.1", "192.0.2.2").signed(KEY).frame();
    let mut guard = guard(Some(KEY));
    for flags in [[0x20, 0], [0x20, 3], [0, 3]] {
        let mut fragment = frame.clone();
        fragment[20..22].copy_from_slice(&flags);
        assert!(!guard.admits(&fragment), "{flags:?}");
        fragment[23] = 17;
        assert!(guard.admits(&fragment), "a datagram's {flags:?}");
        fragment[23] = 6;
        fragment[29] = 9; // from 192.0.2.9
        assert!(guard.admits(&fragment), "another remote's {flags:?}");
    }
    assert_eq!(guard.counters().fragments, 3);
}

#[test]
fn a_segment_behind_extension_headers_is_found() {
    let plain = Segment::between("2001:db8::1", "2001:db8::2").frame();
    let with = |headers: &[u8], first: u8| {
        let mut frame = plain.clone();
        frame.splice(54..54, headers.iter().copied());
        let length = (frame.len() - 54) as u16;
        frame[18..20].copy_from_slice(&length.to_be_bytes());
        frame[20] = first;
        frame
    };
    let mut guard = guard(Some(KEY));
    let hop_by_hop = with(&[6, 0, 1, 4, 0, 0, 0, 0], 0);
    let two = with(&[60, 0, 1, 4, 0, 0, 0, 0, 6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0);
    assert!(!guard.admits(&hop_by_hop) && !guard.admits(&two));
    assert_eq!(guard.counters().missing, 2);
    let atomic = with(&[6, 0, 0, 0, 0, 0, 0, 1], 44);
    assert!(!guard.admits(&atomic), "a fragment header that says that nothing is cut is no way past");
    assert_eq!(guard.counters().missing, 3);
    for place in [[0, 1], [0, 8], [0, 9]] {
        assert!(!guard.admits(&with(&[6, 0, place[0], place[1], 0, 0, 0, 1], 44)));
    }
    assert_eq!(guard.counters().fragments, 3);
}

#[test]
fn without_a_rule_nothing_changes_in_either_direction() {
    let mut rand = Rand::new(1);
    let mut empty = Guard::<4>::new();
    let mut other = Guard::<4>::new();
    other.set_key(host("203.0.113.1"), 0, Some(KEY)).unwrap();
    other.set_least_ttl(host("203.0.113.1"), 0, 255).unwrap();
    for _ in 0..500 {
        let frame = Segment::random(&mut rand).frame();
        for guard in [&mut empty, &mut other] {
            assert!(guard.admits(&frame));
            assert_eq!(send(guard, &frame).as_deref(), Some(&frame[..]));
        }
    }
    assert_eq!(empty.counters(), Guard::<4>::new().counters());
}

#[test]
fn only_the_bgp_port_and_the_one_that_was_named_are_guarded() {
    let mut guard = Guard::<4>::new();
    guard.set_key(host("192.0.2.1"), 1_790, Some(KEY)).unwrap();
    let with_ports = |ports| Segment { ports, ..Segment::between("192.0.2.1", "192.0.2.2") }.frame();
    for ports in [[179, 5_000], [5_000, 179], [1_790, 5_000], [5_000, 1_790]] {
        assert!(!guard.admits(&with_ports(ports)), "{ports:?}");
    }
    assert!(guard.admits(&with_ports([5_000, 22])));
    assert!(guard.admits(&with_ports([0, 22])));
    guard.set_key(host("192.0.2.1"), 0, Some(KEY)).unwrap();
    assert!(guard.admits(&with_ports([0, 1_790])), "0 names no port");
}

#[test]
fn the_longest_prefix_with_a_key_decides_and_none_is_a_decision() {
    let mut guard = Guard::<4>::new();
    let range = Prefix::new(ip("192.0.2.0"), 24).unwrap();
    guard.set_key(range, 0, Some(b"range")).unwrap();
    guard.set_key(host("192.0.2.1"), 0, Some(b"one")).unwrap();
    guard.set_key(host("192.0.2.7"), 0, None).unwrap();
    let from = |source: &str| Segment::between(source, "192.0.2.99");
    assert!(guard.admits(&from("192.0.2.1").signed(b"one").frame()));
    assert!(!guard.admits(&from("192.0.2.1").signed(b"range").frame()));
    assert!(guard.admits(&from("192.0.2.2").signed(b"range").frame()));
    assert!(guard.admits(&from("192.0.2.7").frame()));
    guard.forget(host("192.0.2.1"));
    assert!(guard.admits(&from("192.0.2.1").signed(b"range").frame()));
    // A least TTL of its own takes nothing from the range's key.
    guard.set_least_ttl(host("192.0.2.1"), 0, 255).unwrap();
    assert!(guard.admits(&from("192.0.2.1").signed(b"range").frame()));
    assert!(!guard.admits(&from("192.0.2.1").frame()));
    guard.clear();
    assert!(guard.admits(&from("192.0.2.1").frame()) && guard.admits(&from("192.0.2.2").frame()));
}

#[test]
fn a_full_guard_and_a_long_key_are_refused_and_change_nothing() {
    let mut guard = guard(Some(KEY));
    assert_eq!(guard.set_key(host("203.0.113.1"), 0, Some(KEY)), Err(Refused::Full));
    assert_eq!(guard.set_least_ttl(host("203.0.113.1"), 0, 255), Err(Refused::Full));
    assert_eq!(guard.set_least_ttl(host("203.0.113.1"), 0, 0), Ok(()), "any TTL needs no rule");
    assert_eq!(guard.set_key(host("192.0.2.1"), 0, Some(&[7; 81])), Err(Refused::KeyTooLong));
    assert!(guard.admits(&Segment::between("192.0.2.1", "192.0.2.2").signed(KEY).frame()));
    assert_eq!(guard.set_key(host("192.0.2.1"), 0, Some(&[7; 80])), Ok(()));
    assert!(guard.admits(&Segment::between("192.0.2.1", "192.0.2.2").signed(&[7; 80]).frame()));
}

#[test]
fn where_options_do_not_fit_selective_acknowledgement_goes_first() {
    let mut guard = guard(Some(KEY));
    let mut kinds_of = |options: &[u8]| {
        let segment = Segment { options: options.to_vec(), ..Segment::between("192.0.2.1", "192.0.2.2") };
        let signed = send(&mut guard, &segment.frame()).unwrap();
        let tcp = TcpPacket::new_checked(&signed[34..]).unwrap();
        assert_eq!(tcp.payload(), segment.data);
        let mut rest = tcp.options();
        let mut kinds = Vec::new();
        while let [kind, tail @ ..] = rest {
            match kind {
                0 => break,
                1 => rest = tail,
                _ => {
                    kinds.push(*kind);
                    rest = &rest[usize::from(tail[0])..];
                }
            }
        }
        assert!(guard.admits(&signed));
        kinds
    };
    let stamp = [8, 10, 1, 2, 3, 4, 5, 6, 7, 8];
    let all = [&[2, 4, 5, 160][..], &[3, 3, 7, 4, 2], &stamp, &[0]].concat();
    assert_eq!(kinds_of(&all), [19, 2, 3, 4, 8], "20 octets fit");
    let blocks = [&[1, 1, 5, 18][..], &[9; 16], &[1, 1], &stamp].concat();
    assert_eq!(kinds_of(&blocks), [19, 8], "two blocks do not fit beside a time stamp");
    let one_block = [&[5, 10][..], &[9; 8], &stamp].concat();
    assert_eq!(kinds_of(&one_block), [19, 5, 8], "one does, and nothing is moved");
    let full = [&[4, 2, 254, 22][..], &[9; 20], &[2, 4, 5, 160, 3, 3, 7, 1], &[1; 8]].concat();
    assert_eq!(kinds_of(&full), [19, 2, 3, 4], "what is too long alone gives way alone");
    let again = [&[19, 18][..], &[9; 16], &[1, 1]].concat();
    assert_eq!(kinds_of(&again), [19], "an old signature is replaced");
}

#[test]
fn a_frame_without_room_for_its_signature_is_not_sent() {
    let mut guard = guard(Some(KEY));
    let frame = Segment::between("192.0.2.1", "192.0.2.2").frame();
    for room in 0..SIGNATURE_ROOM {
        let mut buffer = frame.clone();
        buffer.resize(frame.len() + room, 0);
        assert_eq!(guard.send(&mut buffer, frame.len()), None, "room for {room}");
    }
    assert_eq!((guard.counters().no_room, guard.counters().signed), (20, 0));
    let mut buffer = [0; FRAME];
    assert_eq!(guard.send(&mut buffer, FRAME + 1), None, "a length beyond the buffer");
}

#[test]
fn padding_behind_a_packet_is_neither_signed_nor_sent() {
    let mut guard = guard(Some(KEY));
    let segment = Segment { data: Vec::new(), ..Segment::between("192.0.2.1", "192.0.2.2") };
    let mut padded = segment.signed(KEY).frame();
    padded.resize(padded.len() + 6, 0xAA);
    assert!(guard.admits(&padded));
    let mut plain = segment.frame();
    plain.resize(60, 0xAA);
    assert_eq!(send(&mut guard, &plain).unwrap(), segment.signed(KEY).frame());
}

#[test]
fn any_options_that_fit_stay_as_they_are_at_every_length() {
    let mut guard = guard(Some(KEY));
    for words in 0..=5_usize {
        for lead in 0..=words * 4 {
            // One option of each length at each place, between no-operations.
            for length in 2..=(words * 4).saturating_sub(lead) {
                let mut options = std::vec![1; words * 4];
                options[lead..lead + length].fill(0xA5);
                options[lead..lead + 2].copy_from_slice(&[253, length as u8]);
                let segment = Segment { options, ..Segment::between("192.0.2.1", "192.0.2.2") };
                let signed = send(&mut guard, &segment.frame()).unwrap();
                assert_eq!(signed, segment.signed(KEY).frame(), "{:?}", segment.options);
            }
        }
    }
}

#[test]
fn options_that_claim_what_is_not_there_are_not_sent() {
    let mut guard = guard(Some(KEY));
    for options in [[2, 5, 5, 160], [1, 1, 1, 2], [3, 0, 0, 0], [1, 8, 1, 0]] {
        let segment = Segment { options: options.to_vec(), ..Segment::between("192.0.2.1", "192.0.2.2") };
        assert_eq!(send(&mut guard, &segment.frame()), None, "{options:?}");
    }
    assert_eq!(guard.counters().no_room, 4);
}

#[test]
fn a_segment_that_is_sent_again_is_signed_as_it_was_and_so_is_a_reset() {
    let mut guard = guard(Some(KEY));
    for flags in [0x02, 0x12, 0x10, 0x18, 0x11, 0x04, 0x14] {
        let segment = Segment { flags, data: Vec::new(), ..Segment::between("2001:db8::1", "2001:db8::2") };
        let first = send(&mut guard, &segment.frame()).unwrap();
        assert_eq!(first, segment.signed(KEY).frame(), "flags {flags:#x}");
        assert_eq!(send(&mut guard, &segment.frame()).unwrap(), first);
        assert_eq!(send(&mut guard, &first).unwrap(), first, "signing what is signed changes nothing");
    }
}

/// The segment size in the SYN that the guard hands up.
fn told_size(guard: &mut Guard<4>, segment: &Segment, mtu: usize) -> Option<u16> {
    let mut frame = segment.frame();
    let before = frame.clone();
    assert!(guard.receive(&mut frame, mtu));
    let begin = frame.len() - segment_length(&frame);
    let tcp = TcpPacket::new_checked(&frame[begin..]).unwrap();
    assert!(tcp.verify_checksum(&segment.source.into(), &segment.destination.into()));
    let changed = before.iter().zip(&frame).filter(|(before, after)| before != after).count();
    assert!(changed <= 4, "the size and the checksum alone");
    let at = tcp.options().windows(2).position(|window| window == [2, 4])?;
    Some(u16::from_be_bytes([tcp.options()[at + 2], tcp.options()[at + 3]]))
}

#[test]
fn a_signed_syn_tells_a_size_that_leaves_room_for_our_signatures() {
    let (mut with_key, mut without) = (guard(Some(KEY)), guard(None));
    for source in ["192.0.2.1", "2001:db8::1"] {
        let destination = if source.contains(':') { "2001:db8::2" } else { "192.0.2.2" };
        for lead in [&[][..], &[1, 1], &[1, 3, 3, 7], &[3, 3, 7]] {
            for (flags, size, told) in [
                (0x02, 1_220, 1_200),
                (0x12, 1_440, 1_420),
                (0x02, 21, 1),
                (0x02, 20, 20),
                (0x02, 0, 0),
                (0x10, 1_460, 1_460),
            ] {
                let mut options = [lead, &[2, 4], &u16::to_be_bytes(size)].concat();
                options.resize(options.len().next_multiple_of(4), 0);
                let plain =
                    Segment { flags, options, data: Vec::new(), ..Segment::between(source, destination) };
                assert_eq!(
                    told_size(&mut with_key, &plain.signed(KEY), FRAME),
                    Some(told),
                    "{size}, {lead:?}"
                );
                assert_eq!(told_size(&mut without, &plain, FRAME), Some(size), "{size}, {lead:?}");
            }
        }
        let plain = Segment { flags: 2, ..Segment::between(source, destination) };
        assert_eq!(told_size(&mut with_key, &plain.signed(KEY), FRAME), None);
    }
}

#[test]
fn what_goes_to_a_remote_with_a_least_ttl_has_the_highest() {
    let mut guard = guard(None);
    guard.set_least_ttl(host("192.0.2.2"), 0, 254).unwrap();
    guard.set_least_ttl(host("2001:db8::2"), 0, 1).unwrap();
    for (source, destination) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
        for ttl in [0, 1, 64, 254, 255] {
            let segment = Segment { ttl, ..Segment::between(source, destination) };
            let highest = Segment { ttl: 255, ..segment.clone() };
            assert_eq!(send(&mut guard, &segment.frame()).unwrap(), highest.frame());
            guard.set_key(host(destination), 0, Some(KEY)).unwrap();
            assert_eq!(send(&mut guard, &segment.frame()).unwrap(), highest.signed(KEY).frame());
            guard.set_key(host(destination), 0, None).unwrap();
            let other = Segment { ports: [5_000, 22], ..segment.clone() };
            assert_eq!(send(&mut guard, &other.frame()).unwrap(), other.frame(), "another port");
            let back = Segment { source: segment.destination, destination: segment.source, ..segment };
            assert_eq!(send(&mut guard, &back.frame()).unwrap(), back.frame(), "a remote without one");
        }
    }
}

/// A peer with jumbo frames, and a link with less than Ethernet's.
#[test]
fn a_size_beyond_our_own_mtu_is_lowered_to_what_fits_with_a_signature() {
    let mut guard = guard(Some(KEY));
    for (destination, source, headers) in [("192.0.2.2", "192.0.2.1", 54), ("2001:db8::2", "2001:db8::1", 74)]
    {
        for mtu in [600, 1_000, FRAME] {
            for told in [mtu - headers, mtu - headers + 1, 8_960, 65_535] {
                let [high, low] = (told as u16).to_be_bytes();
                let syn = Segment {
                    flags: 2,
                    options: std::vec![2, 4, high, low],
                    ..Segment::between(source, destination)
                };
                let size = told_size(&mut guard, &syn.signed(KEY), mtu).unwrap();
                let longest =
                    Segment { data: std::vec![7; size.into()], ..Segment::between(destination, source) };
                assert_eq!(send(&mut guard, &longest.frame()).unwrap().len(), mtu, "{told} of {mtu}");
            }
        }
    }
}
