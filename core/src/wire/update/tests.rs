//! UPDATEs built octet by octet, one test per rule.

use super::*;
use crate::base::rand::Rand;
use crate::wire::attribute::SegmentKind;
use std::string::ToString;
use std::vec;
use std::vec::Vec;

const EBGP: Context = Context { ebgp: true, as4: true, families: Families::ALL, extended_next_hop: true };
const IBGP: Context = Context { ebgp: false, ..EBGP };
const OLD: Context = Context { as4: false, ..EBGP };

const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
const AS_PATH: &[u8] = &[0x40, 2, 6, 2, 1, 0, 0, 0xFD, 0xE8];
const OLD_PATH: &[u8] = &[0x40, 2, 4, 2, 1, 0xFD, 0xE8];
const NEXT_HOP: &[u8] = &[0x40, 3, 4, 192, 0, 2, 1];
const LOCAL_PREF: &[u8] = &[0x40, 5, 4, 0, 0, 0, 100];
/// 198.51.100.0/24.
const ROUTE: &[u8] = &[24, 198, 51, 100];

/// A body with these three sections.
fn body(withdrawn: &[u8], attributes: &[&[u8]], announced: &[u8]) -> Vec<u8> {
    let attributes = attributes.concat();
    let length = |section: &[u8]| u16::try_from(section.len()).unwrap().to_be_bytes();
    [&length(withdrawn)[..], withdrawn, &length(&attributes), &attributes, announced].concat()
}

/// An attribute with a length of one octet.
fn attribute(flags: u8, code: u8, value: &[u8]) -> Vec<u8> {
    [&[flags, code, u8::try_from(value.len()).unwrap()], value].concat()
}

fn mp_reach(afi: u8, safi: u8, next_hop: &[u8], field: &[u8]) -> Vec<u8> {
    let length = u8::try_from(next_hop.len()).unwrap();
    attribute(0x80, 14, &[&[0, afi, safi, length][..], next_hop, &[0], field].concat())
}

fn mp_unreach(afi: u8, safi: u8, field: &[u8]) -> Vec<u8> {
    attribute(0x80, 15, &[&[0, afi, safi][..], field].concat())
}

/// The verdict, the offender and the subcode that would be told.
fn judged(body: &[u8], context: Context) -> (Verdict, Option<u8>, Option<u8>) {
    let update = Update::read(body, context);
    assert_eq!(update.notification().is_some(), update.verdict() == Verdict::ResetSession);
    (update.verdict(), update.offender(), update.blame().map(|blame| blame.subcode))
}

/// The verdict on one route with this attribute beside, or instead of, the mandatory ones.
fn with(extra: &[u8], context: Context) -> (Verdict, Option<u8>, Option<u8>) {
    let path = if context.as4 { AS_PATH } else { OLD_PATH };
    let mut attributes = vec![extra];
    for mandatory in [ORIGIN, path, NEXT_HOP] {
        if mandatory[1] != extra[1] {
            attributes.push(mandatory);
        }
    }
    if !context.ebgp && extra[1] != 5 {
        attributes.push(LOCAL_PREF);
    }
    judged(&body(&[], &attributes, ROUTE), context)
}

fn prefixes(prefixes: Prefixes<'_>) -> Vec<std::string::String> {
    prefixes.map(|prefix| prefix.to_string()).collect()
}

const ACCEPTED: (Verdict, Option<u8>, Option<u8>) = (Verdict::Accept, None, None);
const DISCARD: Verdict = Verdict::DiscardAttribute;
const WITHDRAW: Verdict = Verdict::TreatAsWithdraw;
const RESET: Verdict = Verdict::ResetSession;

#[test]
fn a_plain_announcement_shows_its_routes_and_attributes() {
    let med = attribute(0x80, 4, &[0, 0, 0, 7]);
    let body = body(&[8, 10], &[ORIGIN, AS_PATH, NEXT_HOP, &med], ROUTE);
    let update = Update::read(&body, EBGP);
    assert_eq!(update.verdict(), Verdict::Accept);
    assert_eq!(prefixes(update.announced()), ["198.51.100.0/24"]);
    assert_eq!(prefixes(update.withdrawn()), ["10.0.0.0/8"]);
    assert_eq!(update.next_hop(Family::Ipv4).unwrap().global.to_string(), "192.0.2.1");
    assert_eq!((update.origin(), update.med(), update.local_pref()), (Some(Origin::Igp), Some(7), None));
    assert_eq!(update.as_path().neighbor(), Some(Asn(65_000)));
    assert_eq!(update.end_of_rib(), None);
}

#[test]
fn every_attribute_that_is_known_can_be_asked_for() {
    let path = attribute(0x40, 2, &[2, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 0, 0, 0, 3, 0, 0, 0, 4]);
    let parts = [
        attribute(0x40, 1, &[2]),
        path,
        attribute(0x40, 6, &[]),
        attribute(0xC0, 7, &[0, 0, 0, 9, 192, 0, 2, 9]),
        attribute(0xC0, 8, &[0xFD, 0xE8, 0, 1, 0xFF, 0xFF, 0, 0]),
        attribute(0x80, 9, &[1, 1, 1, 1]),
        attribute(0x80, 10, &[2, 2, 2, 2, 3, 3, 3, 3]),
        attribute(0xC0, 16, &[0, 2, 0, 1, 0, 0, 0, 1]),
        attribute(0xC0, 32, &[0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]),
        attribute(0xE0, 99, &[1, 2, 3]),
    ];
    let mut all: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    all.extend([NEXT_HOP, LOCAL_PREF]);
    let body = body(&[], &all, ROUTE);
    let update = Update::read(&body, IBGP);
    assert_eq!(update.verdict(), Verdict::Accept);
    assert_eq!(update.origin(), Some(Origin::Incomplete));
    let path = update.as_path();
    assert_eq!((path.length(), path.contains(Asn(4)), path.contains(Asn(5))), (3, true, false));
    assert_eq!((path.neighbor(), path.origin()), (Some(Asn(1)), None));
    assert!(update.atomic_aggregate());
    assert_eq!(update.aggregator(), Some(Aggregator { asn: Asn(9), id: BgpId(0xC000_0209) }));
    let communities: Vec<_> = update.communities().collect();
    assert_eq!(communities, [Community::new(65_000, 1), Community::GRACEFUL_SHUTDOWN]);
    assert_eq!(update.large_communities().collect::<Vec<_>>(), [LargeCommunity::new(1, 2, 3)]);
    assert_eq!(update.extended_communities().collect::<Vec<_>>(), [[0, 2, 0, 1, 0, 0, 0, 1]]);
    assert_eq!(update.originator_id(), Some(BgpId(0x0101_0101)));
    assert_eq!(update.cluster_list().map(|id| id.0).collect::<Vec<_>>(), [0x0202_0202, 0x0303_0303]);
    assert_eq!(update.local_pref(), Some(100));
    let unknown: Vec<_> = update.unknown().collect();
    assert_eq!((unknown.len(), unknown[0].code, unknown[0].value), (1, 99, &[1, 2, 3][..]));
    assert_eq!(update.attributes().count(), 12);
}

#[test]
fn rfc8950_ipv4_routes_come_with_ipv6_next_hops_of_both_lengths() {
    let global = "2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
    let link = "fe80::1".parse::<std::net::Ipv6Addr>().unwrap().octets();
    for next_hop in [global.to_vec(), [global, link].concat()] {
        let reach = mp_reach(1, 1, &next_hop, &[32, 192, 0, 2, 10]);
        let body = body(&[], &[&reach, ORIGIN, AS_PATH], &[]);
        let update = Update::read(&body, EBGP);
        assert_eq!(update.verdict(), Verdict::Accept);
        assert_eq!(prefixes(update.announced()), ["192.0.2.10/32"]);
        let read = update.next_hop(Family::Ipv4).unwrap();
        assert_eq!(read.global.to_string(), "2001:db8::1");
        assert_eq!(read.link_local().is_some(), next_hop.len() == 32);
        assert_eq!(update.next_hop(Family::Ipv6), None);
        let not_agreed = Context { extended_next_hop: false, ..EBGP };
        assert_eq!(judged(&body, not_agreed), (WITHDRAW, Some(14), Some(8)));
    }
}

#[test]
fn rfc4760_3_next_hop_beside_mp_reach_alone_means_nothing() {
    let reach = mp_reach(2, 1, &[0x20; 16], &[16, 0x20, 1]);
    let bad = attribute(0x40, 3, &[0, 0, 0, 0]);
    assert_eq!(judged(&body(&[], &[&reach, ORIGIN, AS_PATH, &bad], &[]), EBGP), ACCEPTED);
    assert_eq!(
        judged(&body(&[], &[&reach, ORIGIN, AS_PATH, &bad], ROUTE), EBGP),
        (WITHDRAW, Some(3), Some(8))
    );
}

#[test]
fn rfc7606_7_11_a_next_hop_length_that_the_family_cannot_have_resets() {
    for (afi, length) in [(1, 0), (1, 5), (1, 12), (1, 24), (2, 4), (2, 0), (2, 24), (2, 48)] {
        let reach = mp_reach(afi, 1, &vec![0x20; length], &[16, 0x20, 1]);
        let body = body(&[], &[&reach, ORIGIN, AS_PATH], &[]);
        assert_eq!(judged(&body, EBGP), (RESET, Some(14), Some(9)), "{afi} {length}");
        assert_eq!(Update::read(&body, EBGP).notification().unwrap().data, reach);
    }
}

#[test]
fn rfc7606_5_3_multiprotocol_attributes_that_cannot_be_parsed_reset() {
    let good = mp_reach(2, 1, &[0x20; 16], &[16, 0x20, 1]);
    let cases = [
        attribute(0x80, 14, &[0, 2, 1, 0]),           // shorter than 5
        attribute(0x80, 15, &[0, 2]),                 // shorter than 3
        attribute(0x80, 14, &[0, 2, 1, 16, 1, 2, 3]), // the next hop goes beyond
        attribute(0x80, 14, &[&[0, 2, 1, 16][..], &[0x20; 16]].concat()), // no reserved octet
        mp_reach(2, 1, &[0x20; 16], &[129, 1]),
        mp_reach(2, 1, &[0x20; 16], &[16, 1]),
        mp_reach(1, 1, &[192, 0, 2, 1], &[33, 1, 2, 3, 4, 5]),
        mp_unreach(2, 1, &[129, 1]),
        mp_unreach(1, 1, &[8]),
        [&[0xC0], &good[1..]].concat(), // transitive
        [&[0x40], &good[1..]].concat(), // well-known
    ];
    for case in cases {
        let (verdict, offender, _) = judged(&body(&[], &[ORIGIN, AS_PATH, &case], &[]), EBGP);
        assert_eq!((verdict, offender), (RESET, Some(case[1])), "{case:?}");
    }
    // The Partial bit alone is no reason to end a session.
    let partial = [&[0xA0], &good[1..]].concat();
    assert_eq!(judged(&body(&[], &[ORIGIN, AS_PATH, &partial], &[]), EBGP), ACCEPTED);
}

#[test]
fn what_was_not_negotiated_is_not_parsed() {
    let junk = mp_reach(1, 133, &[], &[0xFF; 9]);
    let update = body(&[], &[ORIGIN, AS_PATH, &junk], &[]);
    assert_eq!(judged(&update, EBGP), ACCEPTED);
    assert_eq!(Update::read(&update, EBGP).announced().count(), 0);
    assert_eq!(Update::read(&update, EBGP).reach_family(), Some(AfiSafi { afi: 1, safi: 133 }));
    let only_v6 = Context { families: Families::NONE.with(Family::Ipv6), ..EBGP };
    let plain = body(&[99, 1], &[ORIGIN, AS_PATH, NEXT_HOP], &[99, 1]);
    assert_eq!(judged(&plain, only_v6), ACCEPTED);
    assert_eq!(Update::read(&plain, only_v6).announced().count(), 0);
    let only_v4 = Context { families: Families::NONE.with(Family::Ipv4), ..EBGP };
    let v6 = body(&[], &[ORIGIN, AS_PATH, &mp_reach(2, 1, &[1], &[200]), &mp_unreach(2, 1, &[200])], &[]);
    assert_eq!(judged(&v6, only_v4), ACCEPTED);
    assert_eq!(Update::read(&v6, only_v4).withdrawn().count(), 0);
}

#[test]
fn rfc7606_3_b_sections_that_do_not_fit_the_message_reset() {
    for bad in [&[][..], &[0], &[0, 0], &[0, 0, 0], &[0, 1, 0, 0], &[0, 0, 0, 1], &[0xFF, 0xFF, 0, 0]] {
        assert_eq!(judged(bad, EBGP), (RESET, None, Some(1)), "{bad:?}");
    }
}

#[test]
fn rfc7606_4_attributes_that_overrun_their_section_withdraw() {
    for tail in [&[0x40][..], &[0x40, 5], &[0x40, 5, 9, 1], &[0x50, 5, 0], &[0x50, 5, 0, 4, 1]] {
        let broken = body(&[], &[ORIGIN, AS_PATH, NEXT_HOP, tail], ROUTE);
        assert_eq!(judged(&broken, EBGP), (WITHDRAW, tail.get(1).copied(), Some(1)), "{tail:?}");
        assert_eq!(prefixes(Update::read(&broken, EBGP).announced()), ["198.51.100.0/24"]);
        // Without a route there is nothing to withdraw, and no saying what was lost (section 5.2).
        assert_eq!(judged(&body(&[], &[ORIGIN, tail], &[]), EBGP).0, RESET);
    }
}

#[test]
fn rfc7606_5_2_an_error_without_reachable_routes_resets_unless_it_is_a_discard() {
    let bad_origin = attribute(0x40, 1, &[9]);
    assert_eq!(judged(&body(&[], &[&bad_origin], &[]), EBGP), (RESET, Some(1), Some(6)));
    assert_eq!(judged(&body(&[8, 10], &[&bad_origin], &[]), EBGP), (RESET, Some(1), Some(6)));
    assert_eq!(judged(&body(&[8, 10], &[LOCAL_PREF], &[]), EBGP), (DISCARD, Some(5), Some(9)));
    let unreach = mp_unreach(2, 1, &[16, 0x20, 1]);
    assert_eq!(judged(&body(&[], &[&unreach, &bad_origin], &[]), EBGP).0, RESET);
    assert_eq!(judged(&body(&[], &[&unreach], &[]), EBGP), ACCEPTED);
}

#[test]
fn rfc7606_5_3_prefixes_of_the_body_that_cannot_be_parsed_reset() {
    for bad in [&[33, 1, 2, 3, 4, 5][..], &[24, 1, 2], &[8, 10, 9]] {
        let all = [ORIGIN, AS_PATH, NEXT_HOP];
        assert_eq!(judged(&body(&[], &all, bad), EBGP), (RESET, None, Some(10)));
        assert_eq!(judged(&body(bad, &[], &[]), EBGP), (RESET, None, Some(10)));
    }
}

#[test]
fn rfc7606_3_d_what_is_mandatory_must_be_there() {
    let missing = |attributes: &[&[u8]], context| judged(&body(&[], attributes, ROUTE), context);
    assert_eq!(missing(&[AS_PATH, NEXT_HOP], EBGP), (WITHDRAW, Some(1), Some(3)));
    assert_eq!(missing(&[ORIGIN, NEXT_HOP], EBGP), (WITHDRAW, Some(2), Some(3)));
    assert_eq!(missing(&[ORIGIN, AS_PATH], EBGP), (WITHDRAW, Some(3), Some(3)));
    assert_eq!(missing(&[ORIGIN, AS_PATH, NEXT_HOP], IBGP), (WITHDRAW, Some(5), Some(3)));
    assert_eq!(missing(&[ORIGIN, AS_PATH, NEXT_HOP, LOCAL_PREF], IBGP), ACCEPTED);
    let reach = mp_reach(2, 1, &[0x20; 16], &[16, 0x20, 1]);
    assert_eq!(judged(&body(&[], &[&reach, AS_PATH], &[]), EBGP), (WITHDRAW, Some(1), Some(3)));
    assert_eq!(judged(&body(&[8, 10], &[], &[]), EBGP), ACCEPTED);
}

#[test]
fn rfc7606_3_g_only_the_first_of_several_counts() {
    let second = attribute(0x40, 1, &[2]);
    let twice = body(&[], &[ORIGIN, AS_PATH, NEXT_HOP, &second], ROUTE);
    assert_eq!(judged(&twice, EBGP), (DISCARD, Some(1), Some(1)));
    assert_eq!(Update::read(&twice, EBGP).origin(), Some(Origin::Igp));
    let strange = attribute(0xC0, 200, &[1]);
    let twice = body(&[], &[ORIGIN, AS_PATH, NEXT_HOP, &strange, &strange], ROUTE);
    assert_eq!(judged(&twice, EBGP), (DISCARD, Some(200), Some(1)));
    for routes in [mp_reach(2, 1, &[0x20; 16], &[16, 0x20, 1]), mp_unreach(2, 1, &[])] {
        let twice = body(&[], &[&routes, ORIGIN, AS_PATH, NEXT_HOP, &routes], ROUTE);
        assert_eq!(judged(&twice, EBGP), (RESET, Some(routes[1]), Some(1)));
    }
}

#[test]
fn unknown_attributes_pass_when_optional_and_withdraw_when_not() {
    for flags in [0x80, 0xC0, 0xE0, 0xDF & 0xEF] {
        assert_eq!(with(&attribute(flags, 40, &[1, 2]), EBGP), ACCEPTED);
    }
    for flags in [0x00, 0x40, 0x60] {
        assert_eq!(with(&attribute(flags, 40, &[1, 2]), EBGP), (WITHDRAW, Some(40), Some(2)));
    }
}

/// A sound value for every row of the table, and one that is malformed where there is one.
fn samples(code: u8, context: Context) -> (Vec<u8>, Vec<Vec<u8>>) {
    let asn: &[u8] = if context.as4 { &[0, 0, 0, 9] } else { &[0, 9] };
    let zero: &[u8] = if context.as4 { &[0, 0, 0, 0] } else { &[0, 0] };
    let path = |parts: &[&[u8]]| parts.concat();
    match code {
        1 => (vec![1], vec![vec![], vec![3], vec![0, 0]]),
        2 => (
            path(&[&[2, 1], asn]),
            vec![
                vec![2],
                vec![2, 0],
                vec![2, 2, 0, 1],
                path(&[&[5, 1], asn]),
                path(&[&[2, 1], asn, &[2]]),
                path(&[&[2, 1], zero]),
            ],
        ),
        3 => (vec![192, 0, 2, 1], vec![vec![], vec![1, 2, 3], vec![1, 2, 3, 4, 5]]),
        4 | 5 | 9 => (vec![0, 0, 0, 1], vec![vec![], vec![1; 3], vec![1; 5]]),
        6 => (vec![], vec![vec![1]]),
        7 => {
            (path(&[asn, &[1, 1, 1, 1]]), vec![vec![], vec![1; 7], vec![1; 9], path(&[zero, &[1, 1, 1, 1]])])
        }
        8 | 10 => (vec![0, 0, 0, 1], vec![vec![], vec![1; 6]]),
        14 => (path(&[&[0, 2, 1, 16], &[0x20; 16], &[0, 8, 0x20]]), vec![vec![0, 2, 1, 0]]),
        15 => (vec![0, 2, 1], vec![vec![0, 2]]),
        16 => (vec![1; 8], vec![vec![], vec![1; 12]]),
        17 => (
            vec![2, 1, 0, 0, 0, 9],
            vec![vec![], vec![2, 1, 0, 9], vec![2, 0], vec![9, 1, 0, 0, 0, 9], vec![2, 1, 0, 0, 0, 0]],
        ),
        18 => (vec![0, 0, 0, 9, 1, 1, 1, 1], vec![vec![1; 6], vec![0, 0, 0, 0, 1, 1, 1, 1]]),
        32 => (vec![1; 12], vec![vec![], vec![1; 16]]),
        other => unreachable!("a row without samples: {other}"),
    }
}

const fn sound_flags(kind: Kind) -> u8 {
    match kind {
        Kind::WellKnown => 0x40,
        Kind::OptionalTransitive => 0xC0,
        Kind::OptionalNonTransitive => 0x80,
    }
}

fn out_of_place(rule: &Rule, context: Context) -> bool {
    match rule.from {
        From::Anybody => false,
        From::Internal => context.ebgp,
        From::OldSpeakers => context.as4,
    }
}

#[test]
fn rfc7606_7_each_row_of_the_table_is_what_happens() {
    for context in [EBGP, IBGP, OLD, Context { ebgp: false, ..OLD }] {
        for rule in &RULES {
            let (good, bad) = samples(rule.code, context);
            let flags = sound_flags(rule.kind);
            let (sound, malformed) = if out_of_place(rule, context) {
                (DISCARD, DISCARD)
            } else {
                (Verdict::Accept, if context.ebgp { rule.ebgp } else { rule.ibgp })
            };
            let (verdict, offender, _) = with(&attribute(flags, rule.code, &good), context);
            assert_eq!(verdict, sound, "{} {context:?}", rule.name);
            assert_eq!(offender.is_some(), sound != Verdict::Accept);
            for value in bad {
                let (verdict, offender, _) = with(&attribute(flags, rule.code, &value), context);
                assert_eq!(
                    (verdict, offender),
                    (malformed, Some(rule.code)),
                    "{} {value:?} {context:?}",
                    rule.name
                );
            }
        }
    }
}

#[test]
fn rfc7606_3_c_wrong_flags_withdraw_or_what_the_row_says() {
    for context in [EBGP, IBGP, OLD] {
        for rule in &RULES {
            let (good, _) = samples(rule.code, context);
            let sound = sound_flags(rule.kind);
            for flags in [0x00, 0x40, 0x80, 0xC0].into_iter().filter(|&flags| flags != sound) {
                let expected = if out_of_place(rule, context) { DISCARD } else { rule.flags };
                let (verdict, offender, _) = with(&attribute(flags, rule.code, &good), context);
                assert_eq!((verdict, offender), (expected, Some(rule.code)), "{} {flags:#x}", rule.name);
            }
            // The lower four bits are to be ignored, but for the one that widens the length.
            let expected = if out_of_place(rule, context) { DISCARD } else { Verdict::Accept };
            assert_eq!(with(&attribute(sound | 0x0F, rule.code, &good), context).0, expected);
        }
    }
}

#[test]
fn the_partial_bit_on_a_well_known_attribute_is_a_flags_error_and_elsewhere_none() {
    assert_eq!(with(&attribute(0x60, 1, &[0]), EBGP), (WITHDRAW, Some(1), Some(4)));
    assert_eq!(with(&attribute(0xE0, 8, &[0, 0, 0, 1]), EBGP), ACCEPTED);
    assert_eq!(with(&attribute(0xA0, 4, &[0, 0, 0, 1]), EBGP), ACCEPTED);
}

#[test]
fn a_length_in_two_octets_is_the_same_length() {
    for rule in &RULES {
        let (good, _) = samples(rule.code, EBGP);
        let short = attribute(sound_flags(rule.kind), rule.code, &good);
        let long = [&[short[0] | 0x10, short[1], 0], &short[2..]].concat();
        assert_eq!(with(&long, EBGP), with(&short, EBGP), "{}", rule.name);
    }
}

#[test]
fn a_discarded_attribute_is_no_longer_shown() {
    let aggregator = attribute(0xC0, 7, &[1; 5]);
    let body = body(&[], &[ORIGIN, AS_PATH, NEXT_HOP, LOCAL_PREF, &aggregator], ROUTE);
    let update = Update::read(&body, EBGP);
    assert_eq!(update.verdict(), DISCARD);
    assert_eq!((update.local_pref(), update.aggregator()), (None, None));
    assert_eq!(update.origin(), Some(Origin::Igp));
}

#[test]
fn the_worst_fault_decides_and_the_first_of_its_kind_is_named() {
    let (bad_origin, bad_med) = (attribute(0x40, 1, &[7]), attribute(0x80, 4, &[1]));
    let both = body(&[], &[LOCAL_PREF, &bad_med, &bad_origin, AS_PATH, NEXT_HOP], ROUTE);
    assert_eq!(judged(&both, EBGP), (WITHDRAW, Some(4), Some(5)));
    let reset = body(&[], &[&bad_med, ORIGIN, AS_PATH, NEXT_HOP, &attribute(0x80, 15, &[])], ROUTE);
    assert_eq!(judged(&reset, EBGP), (RESET, Some(15), Some(9)));
}

#[test]
fn rfc4271_6_3_the_data_is_what_the_subcode_asks_for() {
    let blame = |attributes: &[&[u8]]| {
        let body = body(&[], attributes, ROUTE);
        let blame = Update::read(&body, EBGP).blame().unwrap();
        (blame.subcode, blame.data.to_vec())
    };
    let flags = attribute(0xC0, 1, &[0]);
    assert_eq!(blame(&[&flags, AS_PATH, NEXT_HOP]), (4, flags.clone()));
    let length = attribute(0x40, 1, &[0, 0]);
    assert_eq!(blame(&[&length, AS_PATH, NEXT_HOP]), (5, length.clone()));
    let value = attribute(0x40, 1, &[3]);
    assert_eq!(blame(&[&value, AS_PATH, NEXT_HOP]), (6, value.clone()));
    let unknown = attribute(0x40, 99, &[3]);
    assert_eq!(blame(&[ORIGIN, &unknown, AS_PATH, NEXT_HOP]), (2, unknown.clone()));
    assert_eq!(blame(&[ORIGIN, NEXT_HOP]), (3, vec![2]));
    assert_eq!(blame(&[ORIGIN, &attribute(0x40, 2, &[9, 9]), NEXT_HOP]), (11, vec![]));
}

#[test]
fn rfc4724_2_end_of_rib_is_an_exact_match() {
    let of = |body: &[u8]| Update::read(body, EBGP).end_of_rib();
    assert_eq!(of(&[0, 0, 0, 0]), Some(Family::Ipv4));
    assert_eq!(of(&[0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1]), Some(Family::Ipv6));
    assert_eq!(of(&[0, 0, 0, 6, 0x80, 15, 3, 0, 1, 1]), Some(Family::Ipv4));
    assert_eq!(of(&[0, 0, 0, 7, 0x90, 15, 0, 3, 0, 2, 1]), Some(Family::Ipv6));
    assert_eq!(of(&[0, 0, 0, 6, 0x80, 15, 3, 0, 2, 133]), None);
    assert_eq!(of(&[0, 0, 0, 6, 0x80, 14, 3, 0, 2, 1]), None);
    assert_eq!(of(&[0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1, 0]), None);
    assert_eq!(of(&[0, 1, 0, 0, 0]), None);
    assert_eq!(of(&body(&[], &[ORIGIN, &mp_unreach(2, 1, &[])], &[])), None);
}

#[test]
fn rfc5065_5_confederation_segments_come_from_inside_only() {
    let path = attribute(0x40, 2, &[3, 1, 0, 0, 0, 7, 4, 1, 0, 0, 0, 8, 2, 1, 0, 0, 0, 9]);
    assert_eq!(with(&path, EBGP), (WITHDRAW, Some(2), Some(11)));
    let body = body(&[], &[ORIGIN, &path, NEXT_HOP, LOCAL_PREF], ROUTE);
    let update = Update::read(&body, IBGP);
    assert_eq!(update.verdict(), Verdict::Accept);
    assert_eq!((update.as_path().length(), update.as_path().neighbor()), (1, Some(Asn(9))));
}

/// The merged path of an UPDATE from an old speaker, as text: `[...]` for sets, `(...)` for confederation segments.
fn merged(path: &[u8], as4: &[u8], aggregator: Option<&[u8]>) -> std::string::String {
    let (path, as4) = (attribute(0x40, 2, path), attribute(0xC0, 17, as4));
    let aggregator = aggregator.map(|value| attribute(0xC0, 7, value)).unwrap_or_default();
    let body = body(&[], &[ORIGIN, &path, NEXT_HOP, LOCAL_PREF, &aggregator, &as4], ROUTE);
    let update = Update::read(&body, Context { ebgp: false, ..OLD });
    assert_eq!(update.verdict(), Verdict::Accept);
    let mut words = Vec::new();
    for segment in update.as_path().segments() {
        let asns: Vec<_> = segment.asns().map(|asn| asn.to_string()).collect();
        words.push(match segment.kind {
            SegmentKind::Sequence => asns.join(" "),
            SegmentKind::Set => std::format!("[{}]", asns.join(" ")),
            SegmentKind::ConfedSequence | SegmentKind::ConfedSet => std::format!("({})", asns.join(" ")),
        });
    }
    words.join(" ")
}

#[test]
fn rfc6793_4_2_3_the_wide_path_replaces_the_tail_of_the_narrow_one() {
    let narrow = &[2, 3, 0, 1, 0x5B, 0xA0, 0x5B, 0xA0];
    let wide = &[2, 2, 0, 1, 0, 0, 0, 1, 0, 1];
    assert_eq!(merged(narrow, wide, None), "1 65536 65537");
    let trans = Some(&[0x5B, 0xA0, 1, 1, 1, 1][..]);
    assert_eq!(merged(narrow, wide, trans), "1 65536 65537");
    // Somebody who writes wide numbers has aggregated since: the wide path is out of date.
    assert_eq!(merged(narrow, wide, Some(&[0, 9, 1, 1, 1, 1])), "1 23456 23456");
    // More hops in it than there are: likewise.
    assert_eq!(merged(&[2, 1, 0x5B, 0xA0], wide, None), "23456");
    assert_eq!(merged(&[2, 2, 0, 1, 0x5B, 0xA0], wide, None), "65536 65537");
}

#[test]
fn rfc6793_4_2_3_sets_count_one_and_confederation_segments_go_with_their_neighbors() {
    let wide = &[2, 1, 0, 1, 0, 0];
    assert_eq!(merged(&[1, 2, 0, 1, 0, 2, 2, 1, 0x5B, 0xA0], wide, None), "[1 2] 65536");
    assert_eq!(merged(&[3, 1, 0, 7, 2, 2, 0, 1, 0x5B, 0xA0], wide, None), "(7) 1 65536");
    assert_eq!(merged(&[2, 1, 0, 1, 3, 1, 0, 7, 2, 1, 0x5B, 0xA0], wide, None), "1 (7) 65536");
    // A confederation segment in AS4_PATH has no place there and is left out (section 6).
    assert_eq!(merged(&[2, 2, 0, 1, 0x5B, 0xA0], &[3, 1, 0, 0, 0, 7, 2, 1, 0, 1, 0, 0], None), "1 65536");
}

#[test]
fn rfc6793_4_2_3_the_wide_aggregator_counts_beside_as_trans() {
    let read = |aggregator: &[u8]| {
        let (two, four) = (attribute(0xC0, 7, aggregator), attribute(0xC0, 18, &[0, 1, 0, 0, 9, 9, 9, 9]));
        let body = body(&[], &[ORIGIN, OLD_PATH, NEXT_HOP, &two, &four], ROUTE);
        Update::read(&body, OLD).aggregator().unwrap()
    };
    assert_eq!(read(&[0x5B, 0xA0, 1, 1, 1, 1]), Aggregator { asn: Asn(65_536), id: BgpId(0x0909_0909) });
    assert_eq!(read(&[0, 9, 1, 1, 1, 1]), Aggregator { asn: Asn(9), id: BgpId(0x0101_0101) });
}

#[test]
fn any_octets_get_a_verdict_and_can_be_walked() {
    let mut rand = Rand::new(11);
    for round in 0..60_000_u32 {
        let length = rand.next() as usize % 96;
        let mut octets: Vec<u8> = (0..length).map(|_| (rand.next() >> (rand.next() % 28)) as u8).collect();
        if round % 2 == 0 && length > 4 {
            // Half of them with sections that fit, so that the attributes are reached.
            octets[..4].copy_from_slice(&[0, 0, 0, (length - 4) as u8]);
        }
        let context = [EBGP, IBGP, OLD][round as usize % 3];
        let update = Update::read(&octets, context);
        let path = update.as_path();
        assert!(path.length() <= length);
        assert!(path.segments().map(|segment| segment.asns().count()).sum::<usize>() <= length);
        assert!(update.announced().count() + update.withdrawn().count() <= length);
        assert!(update.communities().count() + update.large_communities().count() <= length);
        assert!(update.attributes().count() + update.cluster_list().count() <= length);
        let _ = (update.aggregator(), update.next_hop(Family::Ipv4), update.next_hop(Family::Ipv6));
        let _ = (update.notification(), update.end_of_rib(), path.neighbor(), path.origin());
    }
}
