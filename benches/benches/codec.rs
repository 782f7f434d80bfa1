//! The codec: nanoseconds to decode and to encode one message, beside the Rust codecs of the registry.
//!
//! To decode means: from octets to every attribute as a typed value and every prefix as an address and a length, checked
//! as far as the codec checks. A codec that rejects a message, or cannot encode it, is left out of that row and named.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use holdover_benches::messages::{self, Message};
use holdover_core::base::limits;
use holdover_core::base::net::{Families, Family, Prefix};
use holdover_core::wire::attribute::Attributes;
use holdover_core::wire::header::{MessageType, peel};
use holdover_core::wire::open::Open;
use holdover_core::wire::update::{Context, Update};
use holdover_core::wire::writer::UpdateWriter;

/// What the codecs want to have beside the octets, made once, as a session would.
struct Session {
    zettabgp: zettabgp::BgpSessionParams,
    netgauze: netgauze_bgp_pkt::wire::deserializer::BgpParsingContext,
    /// The message in a reference-counted buffer, for a codec that reads from nothing else.
    shared: Bytes,
    routecore: routecore::bgp::message::SessionConfig,
}

impl Session {
    fn new(octets: &[u8]) -> Self {
        let router_id = std::net::Ipv4Addr::new(192, 0, 2, 1);
        let mode = zettabgp::BgpTransportMode::IPv4;
        let mut zettabgp = zettabgp::BgpSessionParams::new(65_000, 9, mode, router_id, Vec::new());
        // The guess at path identifiers costs time and is not needed where a session has negotiated.
        zettabgp.fuzzy_pathid = false;
        let mut netgauze = netgauze_bgp_pkt::wire::deserializer::BgpParsingContext::default();
        netgauze.set_asn4(true);
        let routecore = routecore::bgp::message::SessionConfig::modern();
        Self { zettabgp, netgauze, shared: Bytes::copy_from_slice(octets), routecore }
    }
}

/// Decodes a message completely; `None` when the codec rejects it.
type Decode = fn(&mut Session, &[u8]) -> Option<()>;

const CODECS: [(&str, Decode); 5] = [
    ("holdover", holdover),
    ("zettabgp", zettabgp),
    ("netgauze", netgauze),
    ("rustbgpd", rustbgpd),
    ("routecore", routecore),
];

const CONTEXT: Context = Context { ebgp: true, as4: true, families: Families::ALL, extended_next_hop: true };

fn holdover(_: &mut Session, octets: &[u8]) -> Option<()> {
    let frame = peel(octets).ok()??;
    if frame.kind == MessageType::Open {
        black_box(Open::read(frame.body).ok()?);
        return Some(());
    }
    let update = Update::read(frame.body, CONTEXT);
    black_box(update.verdict());
    for prefix in update.withdrawn() {
        black_box(prefix);
    }
    let mut routes = 0;
    for prefix in update.announced() {
        black_box(prefix);
        routes += 1;
    }
    if routes > 0 {
        // Nobody looks at the attributes of a message that only withdraws.
        attributes(&update);
    }
    Some(())
}

fn attributes(update: &Update<'_>) {
    black_box(update.origin());
    black_box(update.med());
    black_box(update.local_pref());
    for family in Family::ALL {
        if let Some(next_hop) = update.next_hop(family) {
            black_box(next_hop);
        }
    }
    for asn in update.as_path().segments().flat_map(|segment| segment.asns()) {
        black_box(asn);
    }
    for community in update.communities() {
        black_box(community);
    }
    for community in update.large_communities() {
        black_box(community);
    }
}

fn zettabgp(session: &mut Session, octets: &[u8]) -> Option<()> {
    use zettabgp::prelude::{BgpMessage, BgpMessageType, BgpOpenMessage, BgpUpdateMessage};
    let (kind, length) = session.zettabgp.decode_message_head(octets).ok()?;
    let body = octets.get(19..19 + length)?;
    if kind == BgpMessageType::Open {
        let mut open = BgpOpenMessage::new();
        open.decode_from(&session.zettabgp, body).ok()?;
        black_box(&open);
    } else {
        let mut update = BgpUpdateMessage::new();
        update.decode_from(&session.zettabgp, body).ok()?;
        black_box(&update);
    }
    Some(())
}

fn netgauze(session: &mut Session, octets: &[u8]) -> Option<()> {
    use netgauze_parse_utils::reader::SliceReader;
    use netgauze_parse_utils::traits::ParseFromWithOneInput;
    let mut reader = SliceReader::new(octets);
    black_box(netgauze_bgp_pkt::BgpMessage::parse(&mut reader, &mut session.netgauze).ok()?);
    Some(())
}

fn rustbgpd(session: &mut Session, _: &[u8]) -> Option<()> {
    let mut octets = session.shared.clone();
    match rustbgpd_wire::decode_message(&mut octets, rustbgpd_wire::MAX_MESSAGE_LEN).ok()? {
        rustbgpd_wire::Message::Update(update) => drop(black_box(update.parse(true, false, &[]).ok()?)),
        other => drop(black_box(other)),
    }
    Some(())
}

/// It is lazy: every attribute and prefix is asked for.
fn routecore(session: &mut Session, octets: &[u8]) -> Option<()> {
    use routecore::bgp::message::{OpenMessage, UpdateMessage};
    if octets[18] == 1 {
        let open = OpenMessage::from_octets(octets).ok()?;
        for capability in open.capabilities() {
            black_box(capability);
        }
        return Some(());
    }
    let update = UpdateMessage::from_octets(octets, &session.routecore).ok()?;
    for attribute in update.path_attributes().ok()? {
        black_box(attribute.ok()?.to_owned().ok()?);
    }
    for route in update.announcements().ok()? {
        black_box(route.ok()?);
    }
    for route in update.withdrawals().ok()? {
        black_box(route.ok()?);
    }
    Some(())
}

fn decode(criterion: &mut Criterion) {
    for Message { name, octets } in messages::all() {
        let mut group = criterion.benchmark_group(format!("decode/{name}"));
        group.throughput(Throughput::Bytes(octets.len() as u64));
        let mut session = Session::new(&octets);
        for (codec, decode) in CODECS {
            if decode(&mut session, &octets).is_none() {
                println!("decode/{name}: {codec} rejects it and is left out");
                continue;
            }
            group.bench_function(BenchmarkId::from_parameter(codec), |bencher| {
                bencher.iter(|| decode(&mut session, black_box(&octets)));
            });
        }
        group.finish();
    }
}

/// What stands in a message as values to send.
struct Sent {
    family: Family,
    attributes: Attributes,
    prefixes: Vec<Prefix>,
}

impl Sent {
    fn read(octets: &[u8]) -> Self {
        let frame = peel(octets).unwrap().unwrap();
        let update = Update::read(frame.body, CONTEXT);
        let prefixes: Vec<Prefix> = update.announced().collect();
        let family = prefixes[0].family();
        let mut attributes = Attributes::new();
        attributes.origin = update.origin().unwrap();
        for asn in update.as_path().segments().flat_map(|segment| segment.asns()) {
            attributes.as_path.push(asn).unwrap();
        }
        attributes.communities.extend(update.communities());
        attributes.large_communities.extend(update.large_communities());
        attributes.med = update.med();
        attributes.next_hop = update.next_hop(family).unwrap();
        Self { family, attributes, prefixes }
    }

    fn write(&self, buffer: &mut [u8]) -> usize {
        let mut writer = UpdateWriter::announce(buffer, self.family, &self.attributes, true).unwrap();
        for &prefix in &self.prefixes {
            assert!(writer.push(prefix));
        }
        writer.finish()
    }
}

fn encode(criterion: &mut Criterion) {
    for Message { name, octets } in messages::all() {
        if matches!(name, "open" | "withdrawal") {
            continue;
        }
        let mut group = criterion.benchmark_group(format!("encode/{name}"));
        group.throughput(Throughput::Bytes(octets.len() as u64));
        let sent = Sent::read(&octets);
        let mut buffer = [0; limits::MESSAGE];
        group.bench_function(BenchmarkId::from_parameter("holdover"), |bencher| {
            bencher.iter(|| black_box(&sent).write(black_box(&mut buffer)));
        });
        encode_zettabgp(&mut group, name, &octets);
        encode_netgauze(&mut group, name, &octets);
        encode_rustbgpd(&mut group, name, &octets);
        // routecore's builder is consumed by the message it makes: its encoder cannot be measured alone.
        group.finish();
    }
}

type Group<'a> = criterion::BenchmarkGroup<'a, criterion::measurement::WallTime>;

fn encode_zettabgp(group: &mut Group<'_>, name: &str, octets: &[u8]) {
    use zettabgp::prelude::{BgpMessage, BgpMessageType, BgpUpdateMessage};
    let session = Session::new(octets).zettabgp;
    let mut update = BgpUpdateMessage::new();
    // It panics when a message fills its buffer to the last octet.
    let mut buffer = [0; 2 * limits::MESSAGE];
    let decoded = update.decode_from(&session, &octets[19..]);
    if decoded.is_err() || update.encode_to(&session, &mut buffer[19..]).is_err() {
        println!("encode/{name}: zettabgp cannot and is left out");
        return;
    }
    group.bench_function(BenchmarkId::from_parameter("zettabgp"), |bencher| {
        bencher.iter(|| {
            let buffer = black_box(&mut buffer);
            let length = black_box(&update).encode_to(&session, &mut buffer[19..]).unwrap();
            session.prepare_message_buf(buffer, BgpMessageType::Update, length).unwrap()
        });
    });
}

fn encode_netgauze(group: &mut Group<'_>, name: &str, octets: &[u8]) {
    use netgauze_parse_utils::WritablePdu;
    use netgauze_parse_utils::reader::SliceReader;
    use netgauze_parse_utils::traits::ParseFromWithOneInput;
    let mut context = Session::new(octets).netgauze;
    let parsed = netgauze_bgp_pkt::BgpMessage::parse(&mut SliceReader::new(octets), &mut context);
    let Ok(message) = parsed else {
        println!("encode/{name}: netgauze rejects the message and is left out");
        return;
    };
    let mut buffer = Vec::with_capacity(limits::MESSAGE);
    group.bench_function(BenchmarkId::from_parameter("netgauze"), |bencher| {
        bencher.iter(|| {
            buffer.clear();
            black_box(&message).write(&mut buffer).unwrap();
            black_box(buffer.len())
        });
    });
}

fn encode_rustbgpd(group: &mut Group<'_>, name: &str, octets: &[u8]) {
    use rustbgpd_wire::{Ipv4UnicastMode, Message, UpdateMessage, decode_message, encode_message};
    let decoded = decode_message(&mut Bytes::copy_from_slice(octets), rustbgpd_wire::MAX_MESSAGE_LEN);
    let Ok(Message::Update(update)) = decoded else {
        println!("encode/{name}: rustbgpd rejects the message and is left out");
        return;
    };
    let values = update.parse(true, false, &[]).unwrap();
    let build = || {
        let (announced, attributes) = (black_box(&values.announced), &values.attributes);
        UpdateMessage::try_build(announced, &[], attributes, true, false, Ipv4UnicastMode::Body).unwrap()
    };
    group.bench_function(BenchmarkId::from_parameter("rustbgpd"), |bencher| {
        bencher.iter(|| encode_message(&Message::Update(build())).unwrap());
    });
}

fn quick() -> Criterion {
    Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
}

criterion_group! { name = benches; config = quick(); targets = decode, encode }
criterion_main!(benches);
