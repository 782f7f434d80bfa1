//! An UPDATE gets a verdict; whatever the verdict, everything in it can be walked; and what is sound and within our own
//! limits is written and read back the same. The first octet chooses the session.
#![no_main]

use holdover_core::base::limits;
use holdover_core::base::net::{Families, Family, Prefix};
use holdover_core::wire::attribute::{Attributes, SegmentKind};
use holdover_core::wire::header::HEADER;
use holdover_core::wire::update::{Context, Update};
use holdover_core::wire::verdict::Verdict;
use holdover_core::wire::writer::UpdateWriter;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&session, body)) = input.split_first() else { return };
    let mut families = Families::NONE;
    for (bit, family) in [(4, Family::Ipv4), (8, Family::Ipv6)] {
        if session & bit == 0 {
            families = families.with(family);
        }
    }
    let context = Context {
        ebgp: session & 1 == 0,
        as4: session & 2 == 0,
        families,
        extended_next_hop: session & 16 == 0,
    };
    let update = Update::read(body, context);
    walk(&update, body.len());
    if update.verdict() <= Verdict::DiscardAttribute {
        for family in Family::ALL {
            write_back(&update, family, context);
        }
    }
});

fn walk(update: &Update<'_>, length: usize) {
    assert_eq!(update.notification().is_some(), update.verdict() == Verdict::ResetSession);
    assert_eq!(update.blame().is_none(), update.verdict() == Verdict::Accept);
    if update.end_of_rib().is_some() {
        assert!(update.announced().next().is_none() && update.withdrawn().next().is_none());
    }
    let path = update.as_path();
    let hops: usize = path.segments().map(|segment| segment.asns().count()).sum();
    assert!(path.length() <= hops && hops <= length);
    assert!(update.announced().count() + update.withdrawn().count() <= length);
    assert!(update.communities().count() + update.large_communities().count() <= length);
    assert!(update.extended_communities().count() + update.cluster_list().count() <= length);
    assert!(update.unknown().count() <= update.attributes().count() && update.attributes().count() <= length);
    let _ = (
        update.aggregator(),
        update.originator_id(),
        update.atomic_aggregate(),
        path.neighbor(),
        path.origin(),
    );
}

/// Writes what the UPDATE announces of `family`, when our own limits hold it, and reads it back.
fn write_back(update: &Update<'_>, family: Family, context: Context) {
    let prefixes: Vec<Prefix> = update.announced().filter(|prefix| prefix.family() == family).collect();
    let (Some(origin), Some(next_hop), false) =
        (update.origin(), update.next_hop(family), prefixes.is_empty())
    else {
        return;
    };
    let mut attributes = Attributes::new();
    (attributes.origin, attributes.next_hop) = (origin, next_hop);
    (attributes.med, attributes.local_pref) = (update.med(), update.local_pref());
    for segment in update.as_path().segments() {
        let plain = segment.kind == SegmentKind::Sequence;
        if !plain || segment.asns().any(|asn| attributes.as_path.push(asn).is_err()) {
            return;
        }
    }
    if update.communities().any(|community| attributes.communities.push(community).is_err())
        || update.large_communities().any(|community| attributes.large_communities.push(community).is_err())
    {
        return;
    }
    let mut buffer = [0; limits::MESSAGE];
    let Some(mut writer) = UpdateWriter::announce(&mut buffer, family, &attributes, context.as4) else {
        return;
    };
    let taken = prefixes.iter().take_while(|&&prefix| writer.push(prefix)).count();
    assert!(taken > 0);
    let length = writer.finish();
    let again = Update::read(&buffer[HEADER..length], context);
    assert_eq!(again.verdict(), Verdict::Accept);
    assert!(again.announced().eq(prefixes.into_iter().take(taken)));
    assert_eq!(
        (again.origin(), again.med(), again.local_pref()),
        (Some(origin), update.med(), update.local_pref())
    );
    assert!(again.communities().eq(update.communities()));
    assert!(again.large_communities().eq(update.large_communities()));
    assert_eq!(again.next_hop(family), Some(next_hop));
    let asns = |update: &Update<'_>| -> Vec<_> {
        update.as_path().segments().flat_map(|segment| segment.asns()).collect()
    };
    assert_eq!(asns(&again), asns(update));
}
