//! Third-party BGP messages: bytes that other projects' tests, fuzzers and collectors hold. None may make a decoder
//! panic, and where a vector says for sure what it is, the verdict must agree.
//!
//! The vectors are not in the repository. They are looked for in the folder that `HOLDOVER_VECTORS` names, else in
//! `../shared/vectors` beside the workspace. Without them these tests say so, and fail only where `CI` is set.

#![expect(clippy::cast_possible_truncation, reason = "lengths are cut to what their fields hold")]

use std::fs;
use std::path::{Path, PathBuf};

use holdover_core::base::net::{Families, Family, Prefix};
use holdover_core::wire::header::{Frame, HEADER, MessageType, peel};
use holdover_core::wire::nlri::is_well_formed;
use holdover_core::wire::notification::Notification;
use holdover_core::wire::open::Open;
use holdover_core::wire::refresh::RouteRefresh;
use holdover_core::wire::update::{Context, Update};
use holdover_core::wire::verdict::Verdict;

/// Vectors whose own expectation Holdover does not share, by the start of their name, and why.
const DECIDED_OTHERWISE: &[(&str, &str)] = &[
    (
        "exabgp_qa:encoding/conf-attributes#230",
        "a next hop of 255.255.255.255 is no host address (RFC 4271 6.3)",
    ),
    ("exabgp_qa:encoding/conf-generic-attribute#278", "unknown and not optional: treat as withdraw"),
    ("exabgp_qa:encoding/conf-generic-attribute#279", "unknown and not optional: treat as withdraw"),
    ("exabgp_qa:encoding/conf-path-information#", "ADD-PATH, which is never negotiated"),
    ("exabgp_qa:encoding/extended-nexthop#385", "IPv6 routes with an IPv4 next hop: no RFC has them"),
    ("holo_unit:open.rs:56/OPEN3", "AS 1 in the fixed part, 65550 in the capability: bad peer AS, as FRR"),
    (
        "holo_unit:update.rs:168/test_decode_malformed_updates",
        "malformed by its name; more octets than its length",
    ),
    (
        "holo_unit:update.rs:178/test_decode_malformed_updates",
        "malformed by its name; more octets than its length",
    ),
    ("bird_bgp:bird_bgp#2", "ADD-PATH, which is never negotiated"),
    ("bird_bgp:bird_bgp#4", "ADD-PATH, which is never negotiated"),
    ("netgauze_unit:capabilities.rs:209/test_parse_add_path", "a capability that is not looked into"),
    ("netgauze_unit:capabilities.rs:449/test_long_lived", "a capability that is not looked into"),
    ("netgauze_unit:capabilities.rs:502/test_fqdn", "a capability that is not looked into"),
    ("netgauze_unit:mod.rs:672/test_bgp_add_path", "ADD-PATH, which is never negotiated"),
    ("netgauze_unit:mod.rs:779/test_bgp_add_path_withdraw", "ADD-PATH, which is never negotiated"),
    ("netgauze_unit:mod.rs:813/test_bgp_add_path_mp_ipv6", "ADD-PATH, which is never negotiated"),
    ("netgauze_unit:path_attribute.rs:360/", "a segment type that is not defined (RFC 7606 7.2)"),
    ("netgauze_unit:path_attribute.rs:1139/", "COMMUNITIES of length 0 (RFC 7606 7.8)"),
    ("netgauze_unit:path_attribute.rs:1540/", "multicast SAFI, not negotiated: not looked into"),
    ("netgauze_unit:path_attribute.rs:1677/", "multicast SAFI, not negotiated: not looked into"),
    (
        "netgauze_unit:path_attribute.rs:1748/",
        "a multicast prefix is well formed; whoever keeps routes leaves it out",
    ),
    ("netgauze_unit:path_attribute.rs:1812/", "multicast SAFI, not negotiated: not looked into"),
    ("netgauze_unit:update.rs:154/", "a multicast prefix is well formed; whoever keeps routes leaves it out"),
    ("routecore_unit:update.rs:1966/", "ADD-PATH, which is never negotiated"),
    ("routecore_unit:update.rs:2084/", "ADD-PATH, which is never negotiated"),
    (
        "routecore_unit:update.rs:2123/",
        "BGPsec_PATH in the place of AS_PATH (RFC 8205), which is never negotiated",
    ),
    ("routecore_unit:update.rs:2398/", "an AFI that is not negotiated is ignored"),
    ("routecore_unit:update_builder.rs:2527/", "attribute 20 is unknown here, and its flags are sound"),
];

struct Vector {
    name: String,
    octets: Vec<u8>,
    expectation: String,
}

/// The folder with the vectors; `None` (said plainly) when there is none.
fn folder() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors");
    let folder = std::env::var_os("HOLDOVER_VECTORS").map_or(beside, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "no vectors at {}", folder.display());
    println!("NOT RUN: no vectors at {} (set HOLDOVER_VECTORS)", folder.display());
    None
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = [folder.to_path_buf(), folder.join("mrt")]
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "no *{ending} in {}", folder.display());
    found
}

fn vectors(folder: &Path) -> Vec<Vector> {
    let mut all = Vec::new();
    for path in files(folder, ".tsv") {
        for line in fs::read_to_string(&path).unwrap().lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split('\t');
            let (Some(name), Some(hex)) = (fields.next(), fields.next()) else { continue };
            all.push(Vector {
                name: format!("{}:{name}", path.file_stem().unwrap().to_str().unwrap()),
                octets: unhex(hex),
                expectation: fields.next().unwrap_or_default().to_owned(),
            });
        }
    }
    all
}

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.split_whitespace().flat_map(str::chars).map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// Every session that can be meant when a vector does not say.
fn contexts() -> impl Iterator<Item = Context> {
    (0..8).map(|bits| Context {
        ebgp: bits & 1 == 0,
        as4: bits & 2 == 0,
        families: Families::ALL,
        extended_next_hop: bits & 4 == 0,
    })
}

/// Walks everything that an UPDATE can be asked for; returns how many prefixes it has.
fn exhaust(update: &Update<'_>) -> usize {
    let path = update.as_path();
    let hops: usize = path.segments().map(|segment| segment.asns().count()).sum();
    assert!(path.length() <= hops);
    let _ = (path.neighbor(), path.origin(), update.origin(), update.med(), update.local_pref());
    let _ = (update.aggregator(), update.atomic_aggregate(), update.originator_id(), update.end_of_rib());
    let _ = (update.offender(), update.notification(), update.reach_family(), update.unreach_family());
    let _ = Family::ALL.map(|family| update.next_hop(family));
    let _ = update.communities().count() + update.large_communities().count() + update.cluster_list().count();
    let _ = update.extended_communities().count() + update.unknown().count();
    assert_eq!(update.notification().is_some(), update.verdict() == Verdict::ResetSession);
    update.announced().count() + update.withdrawn().count()
}

/// Reads a framed message as what it says it is; the verdict is `Accept` or `ResetSession` for all but UPDATE.
fn judge(frame: Frame<'_>, context: Context) -> Verdict {
    let sound = match frame.kind {
        MessageType::Open => Open::read(frame.body).is_ok(),
        MessageType::RouteRefresh => RouteRefresh::read(frame).is_ok(),
        MessageType::Notification => {
            let _ = Notification::read(frame.body).shutdown_text();
            true
        }
        MessageType::KeepAlive => true,
        MessageType::Update => {
            let update = Update::read(frame.body, context);
            exhaust(&update);
            return update.verdict();
        }
    };
    if sound { Verdict::Accept } else { Verdict::ResetSession }
}

/// The worst verdict over all messages in `octets`, which is a stream.
fn judge_stream(octets: &[u8], context: Context) -> Verdict {
    let (mut rest, mut worst) = (octets, Verdict::Accept);
    while !rest.is_empty() {
        let Ok(Some(frame)) = peel(rest) else { return Verdict::ResetSession };
        worst = worst.max(judge(frame, context));
        rest = &rest[frame.length..];
    }
    worst
}

/// Feeds any octets to every decoder, whatever they are meant to be.
fn feed_to_all(octets: &[u8]) {
    let _ = (Open::read(octets), Notification::read(octets).shutdown_text());
    for family in Family::ALL {
        let _ = is_well_formed(family, octets);
    }
    for kind in 1..=5 {
        if let Ok(Some(frame)) = peel(&framed(kind, octets)) {
            for context in contexts() {
                judge(frame, context);
            }
        }
    }
    for context in contexts() {
        judge_stream(octets, context);
        exhaust(&Update::read(octets, context));
        exhaust(&Update::read(&with_attributes(octets), context));
    }
    // As the parameters of an OPEN, and as the capabilities in one.
    let length = octets.len().min(255) as u8;
    let _ = Open::read(&[&[4, 0xFD, 0xE8, 0, 9, 1, 1, 1, 1, length][..], octets].concat());
    let _ = Open::read(&open_with(octets));
}

fn framed(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (HEADER + body.len()).min(65_535) as u16;
    [&[0xFF; 16][..], &length.to_be_bytes(), &[kind], body].concat()
}

/// An OPEN's body that offers the capabilities in `octets`.
fn open_with(octets: &[u8]) -> Vec<u8> {
    let length = octets.len().min(253) as u8;
    [&[4, 0xFD, 0xE8, 0, 9, 1, 1, 1, 1, length + 2, 2, length][..], octets].concat()
}

/// An UPDATE's body with these attributes, and 192.0.2.0/24.
fn with_attributes(attributes: &[u8]) -> Vec<u8> {
    let length = attributes.len().min(65_535) as u16;
    [&[0, 0][..], &length.to_be_bytes(), attributes, &[24, 192, 0, 2]].concat()
}

/// An UPDATE's body with the one attribute, and with whatever else is mandatory.
fn completed(attribute: &[u8], context: Context) -> Vec<u8> {
    let mut all = attribute.to_vec();
    let path: &[u8] =
        if context.as4 { &[0x40, 2, 6, 2, 1, 0, 0, 0xFD, 0xE8] } else { &[0x40, 2, 4, 2, 1, 0xFD, 0xE8] };
    let local_pref: &[u8] = if context.ebgp { &[] } else { &[0x40, 5, 4, 0, 0, 0, 100] };
    for other in [&[0x40, 1, 1, 0][..], path, &[0x40, 3, 4, 192, 0, 2, 1], local_pref] {
        if other.get(1) != attribute.get(1) {
            all.extend(other);
        }
    }
    with_attributes(&all)
}

/// How bad the vector is at its best, over the sessions that can be meant. `None`: its bytes are a fragment of something
/// that Holdover does not decode alone.
fn best_verdict(vector: &Vector) -> Option<Verdict> {
    let fits = |context: &Context| {
        let said = |word| vector.expectation.split("; ").any(|part| part == word);
        if said("as4") {
            context.as4
        } else if said("as2") {
            !context.as4
        } else {
            true
        }
    };
    let over = |judge: &dyn Fn(Context) -> Verdict| contexts().filter(fits).map(judge).min();
    if vector.octets.starts_with(&[0xFF; 16]) && vector.octets.len() >= HEADER {
        return over(&|context| judge_stream(&vector.octets, context));
    }
    let is = |part: &str| vector.name.starts_with(part);
    if is("gobgp_badlen") && vector.octets.len() >= HEADER {
        // The fuzzer's library does not look at the marker.
        let octets = [&[0xFF; 16][..], &vector.octets[16..]].concat();
        return over(&|context| judge_stream(&octets, context));
    }
    if is("netgauze_unit:path_attribute.rs") && vector.name.contains("_path_attribute")
        || is("bgpkit_unit:mod.rs")
    {
        return over(&|context| Update::read(&completed(&vector.octets, context), context).verdict());
    }
    if is("netgauze_unit:capabilities.rs")
        && !vector.name.contains("next_hop_encoding/")
        && !vector.name.contains("encodings/")
    {
        return Some(if Open::read(&open_with(&vector.octets)).is_ok() {
            Verdict::Accept
        } else {
            Verdict::ResetSession
        });
    }
    if is("netgauze_unit:open.rs") {
        return Some(if Open::read(&vector.octets).is_ok() {
            Verdict::Accept
        } else {
            Verdict::ResetSession
        });
    }
    None
}

#[test]
fn every_vector_is_read_without_panic_and_gets_the_verdict_it_states() {
    let Some(folder) = folder() else { return };
    let (mut agreed, mut decided, mut wrong) = (0, vec![false; DECIDED_OTHERWISE.len()], Vec::new());
    let all = vectors(&folder);
    for vector in &all {
        feed_to_all(&vector.octets);
        let class = vector.expectation.split([' ', ';', ':', '(']).next().unwrap_or_default();
        let (Some(verdict), true) = (best_verdict(vector), matches!(class, "parse-ok" | "error")) else {
            continue;
        };
        let agrees = match class {
            "parse-ok" => verdict <= Verdict::DiscardAttribute,
            _ => verdict > Verdict::Accept,
        };
        if agrees {
            agreed += 1;
        } else if let Some(row) = DECIDED_OTHERWISE.iter().position(|(name, _)| vector.name.starts_with(name))
        {
            decided[row] = true;
        } else {
            wrong.push(format!("{} ({}): {verdict:?}", vector.name, vector.expectation));
        }
    }
    println!("{} vectors: {agreed} verdicts agree, {} decided otherwise", all.len(), decided.len());
    assert!(wrong.is_empty(), "{} verdicts differ:\n{}", wrong.len(), wrong.join("\n"));
    for ((name, _), used) in DECIDED_OTHERWISE.iter().zip(decided) {
        assert!(used, "{name} is listed as decided otherwise, but agrees or is gone");
    }
}

/// The prefixes that a vector's JSON says are announced, when it is about unicast routes and nothing else.
fn announced_in_json(expectation: &str) -> Option<Vec<String>> {
    let (_, json) = expectation.split_once("json=")?;
    let (_, announced) = json.split_once("\"announce\":{")?;
    let unicast = announced.starts_with("\"ipv4 unicast\"") || announced.starts_with("\"ipv6 unicast\"");
    let other = ["path-information", "withdraw", "label", "flow", "\"mpls", "vpn"];
    if !unicast || other.iter().any(|word| json.contains(word)) {
        return None;
    }
    let after = |text: &str| text.split_once('"').map(|(prefix, _)| prefix.to_owned());
    Some(announced.split("\"nlri\":\"").skip(1).filter_map(after).collect())
}

#[test]
fn announced_prefixes_are_those_that_another_decoder_saw() {
    let Some(folder) = folder() else { return };
    let mut compared = 0;
    for vector in vectors(&folder) {
        let Some(mut theirs) = announced_in_json(&vector.expectation) else { continue };
        let (Ok(Some(frame)), true) = (peel(&vector.octets), best_verdict(&vector) == Some(Verdict::Accept))
        else {
            continue;
        };
        let update = Update::read(frame.body, everything());
        let mut ours: Vec<String> = update.announced().map(|prefix| prefix.to_string()).collect();
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs, "{}", vector.name);
        compared += 1;
    }
    println!("{compared} UPDATEs compared prefix by prefix");
    assert!(compared > 50, "only {compared} vectors have a JSON to compare with");
}

#[test]
fn every_vector_can_be_cut_at_any_offset() {
    let Some(folder) = folder() else { return };
    for vector in vectors(&folder) {
        let octets = &vector.octets[..vector.octets.len().min(400)];
        for cut in 0..octets.len() {
            let part = &octets[..cut];
            let _ = (Open::read(part), Notification::read(part), peel(part));
            for context in [Context { ebgp: true, ..everything() }, Context { as4: false, ..everything() }] {
                exhaust(&Update::read(part, context));
                exhaust(&Update::read(&with_attributes(part), context));
                if part.len() >= HEADER {
                    exhaust(&Update::read(&part[HEADER..], context));
                }
            }
        }
    }
}

fn everything() -> Context {
    Context { ebgp: false, as4: true, families: Families::ALL, extended_next_hop: true }
}

/// The prefixes of a field, told in the plainest way, to check the fast one against.
fn plainly(family: Family, mut field: &[u8]) -> Vec<Prefix> {
    let mut prefixes = Vec::new();
    while let [bits, rest @ ..] = field {
        let octets = usize::from(*bits).div_ceil(8);
        let text = match family {
            Family::Ipv4 => {
                let mut all = [0; 4];
                all[..octets].copy_from_slice(&rest[..octets]);
                std::net::IpAddr::from(all)
            }
            Family::Ipv6 => {
                let mut all = [0; 16];
                all[..octets].copy_from_slice(&rest[..octets]);
                std::net::IpAddr::from(all)
            }
        };
        prefixes.push(Prefix::new(text, *bits).unwrap());
        field = &rest[octets..];
    }
    prefixes
}

/// Compares the prefixes of an UPDATE's body with what the plainest reader finds; returns how many the UPDATE has.
fn checked_plainly(body: &[u8], context: Context) -> usize {
    let update = Update::read(body, context);
    let withdrawn = usize::from(u16::from_be_bytes([body[0], body[1]]));
    let attributes = usize::from(u16::from_be_bytes([body[2 + withdrawn], body[3 + withdrawn]]));
    let announced = plainly(Family::Ipv4, &body[4 + withdrawn + attributes..]);
    let withdrawn = plainly(Family::Ipv4, &body[2..2 + withdrawn]);
    assert!(update.announced().take(announced.len()).eq(announced));
    assert!(update.withdrawn().take(withdrawn.len()).eq(withdrawn));
    exhaust(&update)
}

#[test]
fn captured_sessions_replay_to_the_last_message() {
    let Some(folder) = folder() else { return };
    for path in files(&folder, ".msgs") {
        let octets = fs::read(&path).unwrap();
        let as4 = path.to_str().unwrap().contains(".as4.");
        let (mut rest, mut messages, mut prefixes) = (&octets[..], 0, 0);
        let mut verdicts = [0; 4];
        while !rest.is_empty() {
            let frame = peel(rest).expect("framing").expect("a whole message");
            rest = &rest[frame.length..];
            messages += 1;
            // A collector hears external peers and its own alike: the milder reading is the session's.
            let verdict = [true, false]
                .map(|ebgp| judge(frame, Context { ebgp, as4, ..everything() }))
                .into_iter()
                .min();
            verdicts[verdict.unwrap() as usize] += 1;
            if verdict > Some(Verdict::DiscardAttribute) {
                println!("{} {verdict:?} {:02x?}", path.display(), frame.message);
            } else if frame.kind == MessageType::Update {
                prefixes += checked_plainly(frame.body, Context { as4, ..everything() });
            }
        }
        println!("{}: {messages} messages, {prefixes} prefixes, verdicts {verdicts:?}", path.display());
        assert!(messages > 0);
        // The session of this capture had negotiated ADD-PATH: the prefixes of its UPDATEs have numbers before them.
        let refused = if path.ends_with("bird_bgp.as4.msgs") { 6 } else { 0 };
        assert_eq!(&verdicts[2..], [0, refused], "verdicts on the messages of {}", path.display());
    }
}
