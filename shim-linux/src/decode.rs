//! `holdover decode`: BGP messages to JSON, one object per message, with the verdict of RFC 7606.
//!
//! It opens no socket and reads no configuration, so that it can be pointed at whatever a packet capture, a bug report or a
//! fuzzer produced.

use std::io::{self, BufRead, BufWriter, ErrorKind, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use holdover_core::base::net::{AfiSafi, Families, Family};
use holdover_core::wire::attribute::{Origin, SegmentKind};
use holdover_core::wire::header::{Frame, MessageType, peel};
use holdover_core::wire::notification::Notification;
use holdover_core::wire::open::Open;
use holdover_core::wire::refresh::{RouteRefresh, Subtype};
use holdover_core::wire::update::{Context, Update};
use holdover_core::wire::verdict::{Verdict, attribute_name};
use serde_json::{Map, Value, json};

/// The version of the JSON's shape.
const VERSION: u32 = 1;

/// The longest line that is taken: twice the longest message that a length field can tell, written generously.
const LINE: u64 = 1 << 19;

/// From whom the messages are taken to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Peer {
    /// From another AS.
    Ebgp,
    /// From our own.
    Ibgp,
}

/// Reads BGP messages, one per line in hexadecimal on standard input, and prints one JSON object for each.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DecodeArgs {
    /// Judge the messages as coming from an external or an internal peer
    #[arg(long, value_enum, default_value = "ebgp")]
    peer: Peer,
    /// Whether 4-octet AS numbers were negotiated
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, value_name = "true|false")]
    as4: bool,
    /// Read concatenated binary messages from FILE instead
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
}

/// Runs the command. Bad messages are results, not failures: only input that cannot be read at all is one.
pub(crate) fn run(args: &DecodeArgs) -> ExitCode {
    let context = Context {
        ebgp: args.peer == Peer::Ebgp,
        as4: args.as4,
        families: Families::ALL,
        extended_next_hop: true,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let done = match &args.raw {
        Some(path) => std::fs::read(path).and_then(|octets| raw(&octets, context, &mut out)),
        None => lines(io::stdin().lock(), context, &mut out),
    };
    match done.and_then(|()| out.flush()) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let source = args.raw.as_ref().map_or("standard input".into(), |path| path.display().to_string());
            crate::out::complain(format_args!("holdover decode: {source}: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// One object per line, so that output and input can be laid side by side.
fn lines(mut input: impl BufRead, context: Context, out: &mut impl Write) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut input).take(LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let object = if line.len() as u64 == LINE && line.last() != Some(&b'\n') {
            input.skip_until(b'\n')?;
            failed("the line is longer than any BGP message")
        } else {
            match unhex(&line) {
                Ok(octets) => message(&octets, context),
                Err(error) => failed(&error),
            }
        };
        writeln!(out, "{object}")?;
    }
}

/// One object per message of a stream; a stream that lost its place ends there, as a session would.
fn raw(octets: &[u8], context: Context, out: &mut impl Write) -> io::Result<()> {
    let mut rest = octets;
    while !rest.is_empty() {
        match peel(rest) {
            Ok(Some(frame)) => {
                writeln!(out, "{}", framed(frame, context))?;
                rest = &rest[frame.length..];
            }
            Ok(None) => {
                let error = format!(
                    "the stream ends in the middle of a message: {} octets of it are here",
                    rest.len()
                );
                return writeln!(out, "{}", failed(&error));
            }
            Err(notification) => return writeln!(out, "{}", misframed(rest, notification)),
        }
    }
    Ok(())
}

/// The octets that a line of hexadecimal digits stands for; blanks and colons between them are ignored.
fn unhex(line: &[u8]) -> Result<Vec<u8>, String> {
    let line = line.trim_ascii();
    let line = line.strip_prefix(b"0x").unwrap_or(line);
    let mut digits = Vec::with_capacity(line.len());
    for (column, &character) in line.iter().enumerate() {
        match character {
            b'0'..=b'9' => digits.push(character - b'0'),
            b'a'..=b'f' => digits.push(character - b'a' + 10),
            b'A'..=b'F' => digits.push(character - b'A' + 10),
            b':' | b' ' | b'\t' => {}
            _ => return Err(format!("column {}: not a hexadecimal digit", column + 1)),
        }
    }
    match digits.as_chunks::<2>() {
        ([], []) => Err("the line is empty".into()),
        (pairs, []) => Ok(pairs.iter().map(|&[high, low]| high << 4 | low).collect()),
        _ => Err("an odd number of hexadecimal digits".into()),
    }
}

/// The object for octets that are said to be one message.
fn message(octets: &[u8], context: Context) -> Value {
    match peel(octets) {
        Ok(Some(frame)) if frame.length == octets.len() => framed(frame, context),
        // A line is a whole message: another length than its own is a wrong length field.
        Ok(frame) => {
            let mut object = misframed(
                octets,
                Notification { code: 1, subcode: 2, data: octets.get(16..18).unwrap_or(&[]) },
            );
            let said = frame
                .map(|frame| frame.length)
                .or(octets.get(16..18).map(|length| usize::from(u16::from_be_bytes([length[0], length[1]]))));
            let error = match said {
                Some(said) => format!(
                    "Bad Message Length: the header says {said} octets, the line has {}",
                    octets.len()
                ),
                None => format!("Bad Message Length: {} octets are less than a header", octets.len()),
            };
            object["error"] = error.into();
            object
        }
        Err(notification) => misframed(octets, notification),
    }
}

/// The object for what is no message at all.
fn failed(error: &str) -> Value {
    json!({
        "version": VERSION, "type": null, "verdict": null, "attribute": null, "notification": null, "notification_data": null, "error": error,
    })
}

/// The object for what has a broken header.
fn misframed(octets: &[u8], notification: Notification<'_>) -> Value {
    let kind = octets.get(18).and_then(|&code| MessageType::of(code)).map(type_name);
    let mut object = Map::new();
    object.insert("type".into(), kind.into());
    finish(object, Verdict::ResetSession, None, Some(notification))
}

/// The object for a message with a sound header.
fn framed(frame: Frame<'_>, context: Context) -> Value {
    let mut object = Map::new();
    object.insert("type".into(), type_name(frame.kind).into());
    object.insert("length".into(), frame.length.into());
    match frame.kind {
        MessageType::Open => match Open::read(frame.body) {
            Ok(open) => {
                open_fields(&open, &mut object);
                finish(object, Verdict::Accept, None, None)
            }
            Err(notification) => finish(object, Verdict::ResetSession, None, Some(notification)),
        },
        MessageType::Update => {
            let update = Update::read(frame.body, context);
            update_fields(&update, &mut object);
            finish(object, update.verdict(), update.offender(), update.blame())
        }
        MessageType::Notification => {
            let notification = Notification::read(frame.body);
            object.insert("code".into(), notification.code.into());
            object.insert("subcode".into(), notification.subcode.into());
            object.insert("name".into(), notification.name().into());
            object.insert("data".into(), hex(notification.data).into());
            object.insert("shutdown_text".into(), notification.shutdown_text().into());
            finish(object, Verdict::Accept, None, None)
        }
        MessageType::KeepAlive => finish(object, Verdict::Accept, None, None),
        MessageType::RouteRefresh => match RouteRefresh::read(frame) {
            Ok(refresh) => {
                let subtype = match refresh.subtype {
                    Subtype::Request => "request".into(),
                    Subtype::Begin => "begin".into(),
                    Subtype::End => "end".into(),
                    Subtype::Unknown(other) => Value::from(other),
                };
                object.insert("family".into(), family(refresh.afi_safi));
                object.insert("subtype".into(), subtype);
                finish(object, Verdict::Accept, None, None)
            }
            Err(notification) => finish(object, Verdict::ResetSession, None, Some(notification)),
        },
    }
}

/// Adds what every object has. `notification` is what the fault is called; it is sent only with a reset.
fn finish(
    mut object: Map<String, Value>,
    verdict: Verdict,
    attribute: Option<u8>,
    blame: Option<Notification<'_>>,
) -> Value {
    let word = match verdict {
        Verdict::Accept => "accept",
        Verdict::DiscardAttribute => "discard",
        Verdict::TreatAsWithdraw => "withdraw",
        Verdict::ResetSession => "reset",
    };
    let error = blame.map(|blame| match attribute {
        Some(code) => format!(
            "{} in {}",
            blame.name(),
            attribute_name(code).map_or(format!("attribute {code}"), String::from)
        ),
        None => blame.name().to_owned(),
    });
    let sent = blame.filter(|_| verdict == Verdict::ResetSession);
    object.insert("version".into(), VERSION.into());
    object.insert("verdict".into(), word.into());
    object.insert("attribute".into(), attribute.into());
    object.insert(
        "notification".into(),
        sent.map_or(Value::Null, |sent| json!({ "code": sent.code, "subcode": sent.subcode })),
    );
    object.insert("notification_data".into(), sent.map(|sent| hex(sent.data)).into());
    object.insert("error".into(), error.into());
    Value::Object(object)
}

const fn type_name(kind: MessageType) -> &'static str {
    match kind {
        MessageType::Open => "open",
        MessageType::Update => "update",
        MessageType::Notification => "notification",
        MessageType::KeepAlive => "keepalive",
        MessageType::RouteRefresh => "route-refresh",
    }
}

fn open_fields(open: &Open, object: &mut Map<String, Value>) {
    let offered = &open.capabilities;
    let families: Vec<String> = offered.families.iter().map(|family| family.to_string()).collect();
    object.insert("bgp_version".into(), open.version.into());
    object.insert("asn".into(), open.asn.0.into());
    object.insert("hold_time".into(), open.hold_time.into());
    object.insert("id".into(), open.id.to_string().into());
    object.insert(
        "capabilities".into(),
        json!({
            "multiprotocol": offered.multiprotocol,
            "families": families,
            "as4": (offered.as4.0 != 0).then_some(offered.as4.0),
            "route_refresh": offered.route_refresh,
            "enhanced_route_refresh": offered.enhanced_route_refresh,
            "extended_next_hop": offered.extended_next_hop,
            "graceful_restart": offered.graceful_restart,
            "unknown": offered.unknown,
        }),
    );
}

fn update_fields(update: &Update<'_>, object: &mut Map<String, Value>) {
    let announced: Vec<String> = update.announced().map(|prefix| prefix.to_string()).collect();
    let withdrawn: Vec<String> = update.withdrawn().map(|prefix| prefix.to_string()).collect();
    let mut next_hops = Map::new();
    for of in Family::ALL {
        if let Some(next_hop) = update.next_hop(of) {
            let value = json!({
                "global": next_hop.global.to_string(),
                "link_local": next_hop.link_local().map(|address| address.to_string()),
            });
            next_hops.insert(of.to_string(), value);
        }
    }
    object.insert("announced".into(), announced.into());
    object.insert("withdrawn".into(), withdrawn.into());
    object.insert("next_hops".into(), next_hops.into());
    object.insert("end_of_rib".into(), update.end_of_rib().map(|family| family.to_string()).into());
    object.insert("reach_family".into(), update.reach_family().map_or(Value::Null, family));
    object.insert("unreach_family".into(), update.unreach_family().map_or(Value::Null, family));
    object.insert("attributes".into(), attributes(update));
}

fn attributes(update: &Update<'_>) -> Value {
    let origin = update.origin().map(|origin| match origin {
        Origin::Igp => "igp",
        Origin::Egp => "egp",
        Origin::Incomplete => "incomplete",
    });
    let path = update.as_path();
    let segments: Vec<Value> = path
        .segments()
        .map(|segment| {
            let kind = match segment.kind {
                SegmentKind::Set => "set",
                SegmentKind::Sequence => "sequence",
                SegmentKind::ConfedSequence => "confed-sequence",
                SegmentKind::ConfedSet => "confed-set",
            };
            json!({ "kind": kind, "asns": segment.asns().map(|asn| asn.0).collect::<Vec<_>>() })
        })
        .collect();
    let communities: Vec<String> = update
        .communities()
        .map(|community| {
            let (high, low) = community.halves();
            format!("{high}:{low}")
        })
        .collect();
    let unknown: Vec<Value> = update
        .unknown()
        .map(|attribute| {
            json!({ "code": attribute.code, "flags": attribute.flags, "value": hex(attribute.value) })
        })
        .collect();
    json!({
        "origin": origin,
        "as_path": segments,
        "as_path_length": path.length(),
        "med": update.med(),
        "local_pref": update.local_pref(),
        "atomic_aggregate": update.atomic_aggregate(),
        "aggregator": update.aggregator().map(|by| json!({ "asn": by.asn.0, "id": by.id.to_string() })),
        "communities": communities,
        "large_communities": update.large_communities().map(|community| community.to_string()).collect::<Vec<_>>(),
        "extended_communities": update.extended_communities().map(|octets| hex(&octets)).collect::<Vec<_>>(),
        "originator_id": update.originator_id().map(|id| id.to_string()),
        "cluster_list": update.cluster_list().map(|id| id.to_string()).collect::<Vec<_>>(),
        "unknown": unknown,
    })
}

/// A family by name, or by its numbers when it has none here.
fn family(of: AfiSafi) -> Value {
    of.family().map_or_else(|| json!({ "afi": of.afi, "safi": of.safi }), |family| family.to_string().into())
}

fn hex(octets: &[u8]) -> String {
    use std::fmt::Write;
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut text, octet| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EBGP: Context = Context { ebgp: true, as4: true, families: Families::ALL, extended_next_hop: true };

    fn decoded(input: &str) -> Vec<Value> {
        let mut out = Vec::new();
        lines(input.as_bytes(), EBGP, &mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn with_header(kind: u8, body: &str) -> String {
        format!("{}{:04x}{kind:02x}{body}", "ff".repeat(16), 19 + body.len() / 2)
    }

    #[test]
    fn every_line_gives_one_object_with_a_version() {
        let input = format!("{}\n\nzz\nfff\n{}", with_header(4, ""), with_header(9, ""));
        let objects = decoded(&input);
        assert_eq!(objects.len(), 5);
        assert!(objects.iter().all(|object| object["version"] == 1));
        assert_eq!(objects[0]["type"], "keepalive");
        assert_eq!(objects[0]["verdict"], "accept");
        assert!(
            objects[1..4].iter().all(|object| object["error"].is_string() && object["verdict"].is_null())
        );
        assert_eq!(objects[4]["notification"]["subcode"], 3);
    }

    #[test]
    fn a_line_that_is_cut_or_too_long_has_a_bad_message_length() {
        let whole = with_header(2, "00000000");
        for line in [&whole[..30], &whole[..44], &format!("{whole}00")] {
            let object = &decoded(line)[0];
            assert_eq!(object["verdict"], "reset");
            assert_eq!(
                (&object["notification"]["code"], &object["notification"]["subcode"]),
                (&1.into(), &2.into())
            );
        }
    }

    #[test]
    fn an_update_shows_its_routes_and_its_fault() {
        // ORIGIN of 9, an empty AS_PATH, NEXT_HOP 192.0.2.1; 198.51.100.0/24.
        let body = "0000000e40010109400200400304c000020118c63364";
        let object = &decoded(&with_header(2, body))[0];
        assert_eq!(object["verdict"], "withdraw");
        assert_eq!(object["attribute"], 1);
        assert!(object["notification"].is_null());
        assert_eq!(object["announced"], json!(["198.51.100.0/24"]));
        assert_eq!(object["error"], "Invalid ORIGIN Attribute in ORIGIN");
    }

    #[test]
    fn a_raw_stream_gives_every_message_and_says_where_it_breaks() {
        let mut octets = Vec::new();
        for message in [with_header(4, ""), with_header(2, "00000000")] {
            octets.extend(unhex(message.as_bytes()).unwrap());
        }
        octets.extend([0xFF; 5]);
        let mut out = Vec::new();
        raw(&octets, EBGP, &mut out).unwrap();
        let objects: Vec<Value> =
            String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects[1]["end_of_rib"], "ipv4 unicast");
        assert!(objects[2]["error"].as_str().unwrap().contains("5 octets"));
    }

    #[test]
    fn a_line_without_end_is_refused_in_bounded_memory() {
        let input = format!("{}\n{}\n", "f".repeat(2 << 20), with_header(4, ""));
        let objects = decoded(&input);
        assert!(objects[0]["error"].as_str().unwrap().contains("longer"));
        assert_eq!(objects[1]["type"], "keepalive");
    }
}
