//! Every fact and every order crosses the boundary as what it is.

use super::*;
use core::net::IpAddr;
use holdover_core::base::net::{InterfaceAddress, Prefix};
use holdover_core::base::time::Duration;
use holdover_core::bfd::BfdKind;
use holdover_core::config::CheckKind;
use holdover_core::config::target::Target;
use holdover_core::engine::{
    AddressId, BfdId, Bound, CloseHow, Command, CommandId, CommandResult, ConnId, Endpoint, HostTable, Input,
    IoError, LinkId, ListenerId, NextHop, Output, Past, PeerId, Phase, ProbeFailure, ProbeId, ProbeSpec,
    Record, RouteId, RouteTarget, Secret, ServiceId, Slot, SocketId, TcpOptions, Verdict, Wish,
};
use holdover_input_kind as In;
use holdover_input_part as Part;
use std::format;
use std::string::ToString;

const V4: [u8; 16] = [192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const V6: [u8; 16] = [0x20, 1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

fn four() -> (holdover_address, IpAddr) {
    (holdover_address { family: 4, octets: V4 }, "192.0.2.1".parse().unwrap())
}

fn six() -> (holdover_address, IpAddr) {
    (holdover_address { family: 6, octets: V6 }, "2001:db8::9".parse().unwrap())
}

fn conn() -> (holdover_conn, ConnId) {
    let id = ConnId { peer: PeerId(3), slot: Slot::Incoming, generation: 0x0102_0304 };
    (holdover_conn { peer: 3, slot: 1, generation: 0x0102_0304 }, id)
}

fn end() -> (holdover_endpoint, Endpoint) {
    let (address, same) = six();
    let endpoint = Endpoint { address: same, port: 179, link: Some(LinkId(2)) };
    (holdover_endpoint { address, port: 179, link: 2 }, endpoint)
}

fn bytes(text: &str) -> holdover_bytes {
    text.as_bytes().into()
}

/// Facts in C beside what they are in the core.
// table: one row for each fact
#[expect(clippy::too_many_lines, reason = "it is a table")]
fn facts() -> std::vec::Vec<(holdover_input, Input<'static>)> {
    let ((c, id), (end, endpoint)) = (conn(), end());
    let ((v4, four), (v6, six)) = (four(), six());
    let prefix = holdover_prefix { address: v4, length: 24 };
    let interface = InterfaceAddress { address: four, length: 24 };
    let (probe, probe_id) = (holdover_probe { check: 5, generation: 6 }, ProbeId { check: 5, generation: 6 });
    std::vec![
        (TICK, Input::Tick),
        (
            fact(
                In::Command,
                Part { command: holdover_input_command { id: 9, order: 1, wish: 3, service: 2, wait: 1 } }
            ),
            Input::Command {
                id: CommandId(9),
                command: Command::Wish { service: Some(ServiceId(2)), wish: Wish::Demote, wait: true },
            },
        ),
        (
            fact(
                In::Command,
                Part {
                    command: holdover_input_command {
                        id: 9,
                        order: 1,
                        wish: 1,
                        service: HOLDOVER_ALL_SERVICES,
                        wait: 0,
                    }
                }
            ),
            Input::Command {
                id: CommandId(9),
                command: Command::Wish { service: None, wish: Wish::Drain, wait: false },
            },
        ),
        (
            fact(
                In::Command,
                Part { command: holdover_input_command { id: 8, order: 2, wish: 99, service: 0, wait: 0 } }
            ),
            Input::Command { id: CommandId(8), command: Command::Stop },
        ),
        (
            fact(In::Connected, Part { connected: holdover_input_connected { conn: c, local: end } }),
            Input::Connected { conn: id, local: endpoint },
        ),
        (
            fact(In::ConnectFailed, Part { connect_failed: holdover_input_closed { conn: c, why: 4 } }),
            Input::ConnectFailed { conn: id, why: IoError::Unreachable },
        ),
        (
            fact(
                In::Accepted,
                Part {
                    accepted: holdover_input_accepted { socket: 77, listener: 1, local: end, remote: end }
                }
            ),
            Input::Accepted {
                socket: SocketId(77),
                listener: ListenerId(1),
                local: endpoint,
                remote: endpoint,
            },
        ),
        (
            fact(In::ListenDone, Part { listen_done: holdover_input_listen_done { listener: 1, result: 6 } }),
            Input::ListenDone { listener: ListenerId(1), result: Err(IoError::InUse) },
        ),
        (
            fact(In::Received, Part { received: holdover_input_received { conn: c, bytes: bytes("abc") } }),
            Input::Received { conn: id, bytes: b"abc" },
        ),
        (
            fact(In::Sent, Part { sent: holdover_input_sent { conn: c, len: 19 } }),
            Input::Sent { conn: id, len: 19 },
        ),
        (
            fact(In::Flushed, Part { flushed: holdover_input_flushed { conn: c } }),
            Input::Flushed { conn: id },
        ),
        (
            fact(In::Closed, Part { closed: holdover_input_closed { conn: c, why: 0 } }),
            Input::Closed { conn: id, why: IoError::None },
        ),
        (
            fact(
                In::Datagram,
                Part {
                    datagram: holdover_input_datagram {
                        kind: 1,
                        ttl: 255,
                        link: 4,
                        local: v4,
                        remote: v6,
                        bytes: bytes("xy"),
                    }
                }
            ),
            Input::Datagram {
                kind: BfdKind::Multihop,
                link: LinkId(4),
                local: four,
                remote: six,
                ttl: 255,
                bytes: b"xy",
            },
        ),
        (
            fact(
                In::DatagramDone,
                Part {
                    datagram_done: holdover_input_datagram_done {
                        bfd: holdover_bfd { peer: 1, generation: 2 },
                        result: 0,
                    }
                }
            ),
            Input::DatagramDone { bfd: BfdId { peer: PeerId(1), generation: 2 }, result: Ok(()) },
        ),
        (
            fact(
                In::ProbeDone,
                Part { probe_done: holdover_input_probe { probe, verdict: 5, detail: 503, took_us: 1_500 } }
            ),
            Input::ProbeDone {
                probe: probe_id,
                verdict: Verdict::Fail(ProbeFailure::BadStatus(503)),
                took: Duration::from_micros(1_500),
            },
        ),
        (
            fact(
                In::WatchChanged,
                Part { watch_changed: holdover_input_probe { probe, verdict: 0, detail: 0, took_us: 1 } }
            ),
            Input::WatchChanged { probe: probe_id, verdict: Verdict::Pass },
        ),
        (
            fact(
                In::Link,
                Part { link: holdover_input_link { link: 3, name: "eth0".into(), up: 1, gone: 0 } }
            ),
            Input::Link { link: LinkId(3), name: "eth0", up: true, gone: false },
        ),
        (
            fact(
                In::Address,
                Part { address: holdover_input_address { link: 3, address: prefix, present: 1, ours: 0 } }
            ),
            Input::Address { link: LinkId(3), address: interface, present: true, ours: false },
        ),
        (
            fact(
                In::AddressDone,
                Part {
                    address_done: holdover_input_address_done {
                        address: holdover_address_id { index: 7, generation: 8 },
                        result: 0,
                        already: 1,
                    }
                }
            ),
            Input::AddressDone {
                address: AddressId { index: 7, generation: 8 },
                result: Ok(Bound::AlreadySo),
            },
        ),
        (
            fact(In::KernelRoute, Part { kernel_route: holdover_input_kernel_route { prefix, present: 0 } }),
            Input::KernelRoute { prefix: Prefix::new(four, 24).unwrap(), present: false },
        ),
        (
            fact(
                In::RouteDone,
                Part {
                    route_done: holdover_input_route_done {
                        route: holdover_route_id { index: 5, generation: 6 },
                        result: 10,
                    }
                }
            ),
            Input::RouteDone { route: RouteId { index: 5, generation: 6 }, result: Err(IoError::Other) },
        ),
        (
            fact(
                In::RouteLost,
                Part {
                    route_lost: holdover_input_route_lost {
                        route: holdover_route_id { index: 5, generation: 6 },
                    }
                }
            ),
            Input::RouteLost { route: RouteId { index: 5, generation: 6 } },
        ),
        (
            fact(In::Resync, Part { resync: holdover_input_resync { table: 1, end: 1 } }),
            Input::Resync { what: HostTable::Addresses, phase: Phase::End },
        ),
        (
            fact(In::Kept, Part { kept: holdover_input_kept { service: "web".into(), past: 2 } }),
            Input::Kept { name: "web", past: Past::GaveWay },
        ),
        (
            fact(In::Kept, Part { kept: holdover_input_kept { service: "".into(), past: 3 } }),
            Input::Kept { name: "", past: Past::Unknown },
        ),
    ]
}

#[test]
fn every_kind_of_fact_becomes_the_one_that_it_says() {
    let facts = facts();
    for (input, wanted) in &facts {
        // SAFETY: the inputs point to what is static.
        let became = unsafe { input.get() }.unwrap();
        assert_eq!(format!("{became:?}"), format!("{wanted:?}"));
        assert_eq!(holdover_input_kind::to(wanted) as u32, input.kind);
    }
    for kind in holdover_input_kind::ALL {
        assert!(facts.iter().any(|(input, _)| input.kind == kind as u32), "no sample of {kind:?}");
    }
    let numbers = holdover_input_kind::ALL.map(|kind| kind as u32);
    assert_eq!(numbers.to_vec(), (1..=22).collect::<std::vec::Vec<u32>>());
}

#[test]
fn every_reason_has_its_number() {
    let reasons: std::vec::Vec<_> = (0..=255).filter_map(|number| value::io_error(number).ok()).collect();
    assert_eq!(reasons.len(), 11);
    for (number, reason) in reasons.iter().enumerate() {
        // The numbers are those of the core, where a reason is stored as its number too.
        assert_eq!(number, *reason as usize);
    }
}

#[test]
fn every_verdict_has_its_number_and_those_with_a_detail_keep_it() {
    let verdicts: std::vec::Vec<_> =
        (0..=255).filter_map(|number| value::verdict(number, 9).ok()).map(|one| format!("{one:?}")).collect();
    assert_eq!(verdicts.len(), 17);
    for wanted in ["Pass", "Fail(Other)", "Fail(BadStatus(9))", "Fail(ExitStatus(9))", "Fail(Signalled(9))"] {
        assert!(verdicts.contains(&wanted.to_string()), "{wanted}");
    }
    assert_eq!(value::verdict(holdover_verdict::ExitStatus as u8, 256), Err(holdover_status::ErrorValue));
    assert!(value::verdict(holdover_verdict::BadStatus as u8, 503).is_ok());
}

/// Facts with one field that cannot be.
// table: one row for each such field
fn impossible() -> std::vec::Vec<(&'static str, holdover_input)> {
    let ((c, _), (end, _), (v4, _)) = (conn(), end(), four());
    let nowhere = holdover_address { family: 5, octets: V4 };
    let long = holdover_prefix { address: v4, length: 33 };
    let probe = holdover_probe { check: 0, generation: 0 };
    let slot = holdover_conn { slot: 2, ..c };
    let command = |order, wish| {
        fact(
            In::Command,
            Part { command: holdover_input_command { id: 1, order, wish, service: 0, wait: 0 } },
        )
    };
    let datagram = |kind, link, local| {
        let datagram = holdover_input_datagram { kind, ttl: 255, link, local, remote: v4, bytes: bytes("x") };
        fact(In::Datagram, Part { datagram })
    };
    let resync = |table, end| fact(In::Resync, Part { resync: holdover_input_resync { table, end } });
    std::vec![
        ("order 0", command(0, 0)),
        ("order 3", command(3, 0)),
        ("wish 5", command(1, 5)),
        ("slot 2", fact(In::Flushed, Part { flushed: holdover_input_flushed { conn: slot } })),
        (
            "local family 5",
            fact(
                In::Connected,
                Part {
                    connected: holdover_input_connected {
                        conn: c,
                        local: holdover_endpoint { address: nowhere, ..end },
                    }
                }
            )
        ),
        ("reason 11", fact(In::Closed, Part { closed: holdover_input_closed { conn: c, why: 11 } })),
        (
            "reason 255",
            fact(In::ConnectFailed, Part { connect_failed: holdover_input_closed { conn: c, why: 255 } })
        ),
        (
            "result 11",
            fact(
                In::ListenDone,
                Part { listen_done: holdover_input_listen_done { listener: 0, result: 11 } }
            )
        ),
        ("bfd kind 2", datagram(2, 1, v4)),
        ("datagram without a link", datagram(0, 0, v4)),
        ("datagram to nowhere", datagram(0, 1, nowhere)),
        (
            "verdict 17",
            fact(
                In::ProbeDone,
                Part { probe_done: holdover_input_probe { probe, verdict: 17, detail: 0, took_us: 0 } }
            )
        ),
        (
            "exit status 256",
            fact(
                In::WatchChanged,
                Part { watch_changed: holdover_input_probe { probe, verdict: 7, detail: 256, took_us: 0 } }
            )
        ),
        (
            "link 0",
            fact(In::Link, Part { link: holdover_input_link { link: 0, name: "a".into(), up: 1, gone: 0 } })
        ),
        (
            "address on link 0",
            fact(
                In::Address,
                Part {
                    address: holdover_input_address {
                        link: 0,
                        address: holdover_prefix { length: 24, ..long },
                        present: 1,
                        ours: 0,
                    }
                }
            )
        ),
        (
            "address of 33 bits",
            fact(
                In::Address,
                Part { address: holdover_input_address { link: 1, address: long, present: 1, ours: 0 } }
            )
        ),
        (
            "route of 33 bits",
            fact(
                In::KernelRoute,
                Part { kernel_route: holdover_input_kernel_route { prefix: long, present: 1 } }
            )
        ),
        ("table 3", resync(3, 0)),
        ("phase 2", resync(0, 2)),
        ("past 4", fact(In::Kept, Part { kept: holdover_input_kept { service: "web".into(), past: 4 } })),
    ]
}

#[test]
fn a_value_that_cannot_be_is_refused_and_the_engine_is_not_told() {
    let memory = Memory::started();
    for (what, input) in impossible() {
        assert_eq!(memory.handle(0, &input), holdover_status::ErrorValue, "{what}");
        // Not told: it need not be polled.
        assert_eq!(memory.handle(0, &TICK), holdover_status::Ok, "{what}");
        memory.drain(&mut |_| {});
    }
}

const SPEC: ProbeSpec<'static> = ProbeSpec {
    kind: CheckKind::Tcp,
    target: Target::None,
    text: "192.0.2.1:80",
    service: "web",
    check: "port",
    own: true,
    user: "",
    timeout: Duration::from_millis(250),
};

/// Orders of the core, one of each kind, in the order of their numbers.
// table: one row for each order
fn orders(hops: &'static [NextHop]) -> std::vec::Vec<Output<'static>> {
    let ((_, conn), (_, end), (_, four)) = (conn(), end(), four());
    let options = TcpOptions { key: Some(Secret(b"secret")), ttl: 1, min_ttl: 254 };
    let (prefix, bfd) = (Prefix::new(four, 24).unwrap(), BfdId { peer: PeerId(1), generation: 2 });
    let interface = InterfaceAddress { address: four, length: 32 };
    let (address, link) = (AddressId { index: 1, generation: 2 }, LinkId(3));
    let (route, probe) = (RouteId { index: 1, generation: 2 }, ProbeId { check: 1, generation: 2 });
    let spec = ProbeSpec { target: Target::Tcp("192.0.2.1:80".parse().unwrap()), ..SPEC };
    let key = Some(Secret(b"k"));
    let target = RouteTarget::Via(hops);
    std::vec![
        Output::Connect { conn, local: Some(four), via: Some(link), remote: end, options },
        Output::Listen { listener: ListenerId(1), local: end },
        Output::ListenKey { listener: ListenerId(1), remote: prefix, key },
        Output::Unlisten { listener: ListenerId(1) },
        Output::Adopt { socket: SocketId(5), conn, options },
        Output::Refuse { socket: SocketId(5) },
        Output::Send { conn, bytes: b"bytes" },
        Output::AskFlushed { conn },
        Output::Close { conn, how: CloseHow::Abort },
        Output::OpenDatagram { bfd, kind: BfdKind::Multihop, local: four, remote: four, via: None },
        Output::SendDatagram { bfd, bytes: b"packet" },
        Output::CloseDatagram { bfd },
        Output::StartProbe { probe, spec },
        Output::StopProbe { probe },
        Output::Bind { address, link, prefix: interface, label: "eth0:1" },
        Output::Unbind { address, link, prefix: interface },
        Output::InstallRoute { route, prefix, target },
        Output::RemoveRoute { route, prefix },
        Output::AskTable { what: HostTable::Routes },
        Output::Answer { id: CommandId(9), result: CommandResult::Unconfirmed { peers: 5 } },
        Output::Record(Record::BfdUp { peer: four }),
        Output::Keep { name: "web", past: Past::Active },
    ]
}

#[test]
fn every_kind_of_order_has_its_number() {
    let hops: &'static [NextHop] = &[NextHop::REST];
    for (number, order) in (1..).zip(orders(hops)) {
        assert_eq!(holdover_output::of(order).kind as u32, number, "{order:?}");
    }
}

#[test]
fn an_order_keeps_what_it_says() {
    let next = NextHop { address: six().1, link: Some(LinkId(9)) };
    let hops: &'static [NextHop] = std::boxed::Box::leak(std::boxed::Box::new([next, NextHop::REST]));
    let all: std::vec::Vec<_> = orders(hops).into_iter().map(holdover_output::of).collect();
    let ((c, _), (end, _), (v4, _)) = (conn(), end(), four());
    // SAFETY: each part is the one that was written, as the test above says; what it points to is static.
    unsafe {
        let connect = all[0].u.connect;
        assert_eq!((connect.conn, connect.local, connect.via, connect.remote), (c, v4, 3, end));
        assert_eq!((connect.options.ttl, connect.options.min_ttl), (1, 254));
        assert_eq!(connect.options.key.get(), Ok(&b"secret"[..]));
        assert_eq!((all[1].u.listen.listener, all[1].u.listen.local), (1, end));
        assert_eq!(
            all[2].u.listen_key.remote,
            holdover_prefix {
                address: holdover_address::from("192.0.2.0".parse::<IpAddr>().unwrap()),
                length: 24
            }
        );
        assert_eq!(all[2].u.listen_key.key.get(), Ok(&b"k"[..]));
        assert_eq!(all[3].u.unlisten.listener, 1);
        assert_eq!((all[4].u.adopt.socket, all[4].u.adopt.conn), (5, c));
        assert_eq!(all[5].u.refuse.socket, 5);
        assert_eq!(all[6].u.send.conn, c);
        assert_eq!(all[6].u.send.bytes.get(), Ok(&b"bytes"[..]));
        assert_eq!(all[7].u.ask_flushed.conn, c);
        assert_eq!((all[8].u.close.conn, all[8].u.close.how), (c, holdover_close::Abort));
        let open = all[9].u.open_datagram;
        assert_eq!(
            (open.bfd, open.kind),
            (holdover_bfd { peer: 1, generation: 2 }, holdover_bfd_kind::Multihop)
        );
        assert_eq!((open.local, open.remote, open.via), (v4, v4, 0));
        assert_eq!(all[10].u.send_datagram.bytes.get(), Ok(&b"packet"[..]));
        assert_eq!(all[11].u.close_datagram.bfd.peer, 1);
        let start = all[12].u.start_probe;
        assert_eq!((start.check, start.own, start.timeout_us), (holdover_check::Tcp, 1, 250_000));
        assert_eq!((start.target.address, start.target.port), (v4, 80));
        assert_eq!((start.text.get(), start.service.get()), (Ok("192.0.2.1:80"), Ok("web")));
        assert_eq!((start.name.get(), start.user.get()), (Ok("port"), Ok("")));
        assert_eq!(all[13].u.stop_probe.probe, holdover_probe { check: 1, generation: 2 });
        let bind = all[14].u.bind;
        assert_eq!((bind.address.index, bind.link, bind.prefix.length), (1, 3, 32));
        assert_eq!((bind.prefix.address, bind.label.get()), (v4, Ok("eth0:1")));
        assert_eq!((all[15].u.unbind.link, all[15].u.unbind.prefix.length), (3, 32));
        let install = all[16].u.install_route;
        assert_eq!((install.how, install.next_hops_count), (holdover_route_how::Via, 2));
        assert_eq!((install.next_hops[0].address, install.next_hops[0].link), (six().0, 9));
        assert_eq!((all[17].u.remove_route.route.index, all[17].u.remove_route.prefix.length), (1, 24));
        assert_eq!(all[18].u.ask_table.table, holdover_table::Routes);
        let answer = all[19].u.answer;
        assert_eq!((answer.id, answer.result, answer.peers), (9, holdover_result::Unconfirmed, 5));
        let record = all[20].u.record;
        assert_eq!((record.kind, record.level), (holdover_record_kind::BfdUp, holdover_level::Info));
        assert_eq!(record.about, holdover_prefix { address: v4, length: 32 });
        assert_eq!(record.service, HOLDOVER_NO_SERVICE);
        let keep = all[21].u.keep;
        assert_eq!((keep.service.get(), keep.past), (Ok("web"), holdover_past::Active));
    }
}

#[test]
fn no_key_and_no_address_are_told_as_none() {
    let options = TcpOptions { key: None, ttl: 64, min_ttl: 0 };
    let connect = Output::Connect { conn: conn().1, local: None, via: None, remote: end().1, options };
    // SAFETY: the part that was just written.
    let connect = unsafe { holdover_output::of(connect).u.connect };
    assert!(connect.options.key.data.is_null());
    assert_eq!((connect.local.family, connect.via), (0, 0));
}

#[test]
fn every_record_of_the_core_has_a_number_here() {
    let core = include_str!("../../../core/src/engine/record.rs");
    let names = core.split("pub enum Record {").nth(1).unwrap().split("\n}").next().unwrap();
    let names = names.lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?.trim_end_matches(&[' ', '{', ','][..]);
        (name.starts_with(char::is_uppercase) && name.chars().all(char::is_alphanumeric)).then_some(name)
    });
    let ours = include_str!("../record.rs");
    let names: std::vec::Vec<_> = names.collect();
    assert!(names.len() >= 37, "{names:?}");
    for name in names {
        assert!(ours.contains(&format!("Record::{name}")), "{name} has no number in capi/src/record.rs");
    }
}
