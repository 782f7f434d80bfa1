//! An engine behind the C interface does what the engine does, from zero memory on.

use super::*;
use core::net::IpAddr;
use holdover_core::base::time::Instant;
use holdover_core::config::{self, Config, Platform};
use holdover_core::engine::{Engine, Input, Output};
use std::format;
use std::string::ToString;

const TEXT: &str = "hostname lab\n\
    router bgp 65010\n\
    bgp router-id 192.0.2.2\n\
    neighbor 192.0.2.1 remote-as 65020\n\
    neighbor 192.0.2.1 timers 3 9\n\
    address-family ipv4 unicast\n\
    network 198.51.100.7/32\n\
    exit-address-family\n";

fn link() -> holdover_input {
    let link = holdover_input_link { link: 1, name: "eth0".into(), up: 1, gone: 0 };
    fact(holdover_input_kind::Link, holdover_input_part { link })
}

fn address(text: &str, length: u8) -> holdover_input {
    let prefix = holdover_prefix { address: text.parse::<IpAddr>().unwrap().into(), length };
    let address = holdover_input_address { link: 1, address: prefix, present: 1, ours: 0 };
    fact(holdover_input_kind::Address, holdover_input_part { address })
}

fn resync(table: u8, end: u8) -> holdover_input {
    fact(holdover_input_kind::Resync, holdover_input_part { resync: holdover_input_resync { table, end } })
}

/// The facts of a start, as any shim tells them.
fn facts() -> [holdover_input; 7] {
    [
        resync(0, 0),
        link(),
        resync(0, 1),
        resync(1, 0),
        address("192.0.2.2", 24),
        address("198.51.100.7", 32),
        resync(1, 1),
    ]
}

/// An order in words, the same from both sides: its kind and what it sends.
fn worded(output: &holdover_output) -> String {
    let kind = output.kind;
    if kind == holdover_output_kind::Send {
        // SAFETY: the kind says so, and the octets are there until the next call.
        let bytes = unsafe { output.u.send.bytes.get() }.unwrap();
        return format!("{kind:?} {bytes:02x?}");
    }
    format!("{kind:?}")
}

/// What an engine of Rust's does, in the same words.
struct Rust(Box<Engine<4, 8>>);

impl Rust {
    fn call(
        &mut self,
        trace: &mut Vec<String>,
        change: impl FnOnce(&mut Engine<4, 8>),
    ) -> Option<Input<'static>> {
        change(&mut self.0);
        let mut answer = None;
        while let Some(order) = self.0.poll() {
            trace.push(worded(&holdover_output::of(order)));
            if let Output::Connect { conn, .. } = order {
                let local = holdover_core::engine::Endpoint {
                    address: "192.0.2.2".parse().unwrap(),
                    port: 50_000,
                    link: None,
                };
                answer = Some(Input::Connected { conn, local });
            }
        }
        trace.push(self.0.deadline().as_micros().to_string());
        answer
    }
}

/// The same through the C interface.
fn call(memory: &Memory, trace: &mut Vec<String>) -> Option<holdover_input> {
    let mut answer = None;
    memory.drain(&mut |output| {
        trace.push(worded(output));
        if output.kind == holdover_output_kind::Connect {
            // SAFETY: the kind says so.
            let conn = unsafe { output.u.connect.conn };
            let address = "192.0.2.2".parse::<IpAddr>().unwrap().into();
            let local = holdover_endpoint { address, port: 50_000, link: 0 };
            let connected = holdover_input_connected { conn, local };
            answer = Some(fact(holdover_input_kind::Connected, holdover_input_part { connected }));
        }
    });
    let mut deadline = 0;
    // SAFETY: both are there.
    assert_eq!(unsafe { holdover_deadline(memory.engine(), &raw mut deadline) }, holdover_status::Ok);
    trace.push(deadline.to_string());
    answer
}

#[test]
fn zero_memory_gives_the_orders_of_a_new_engine_octet_by_octet() {
    let (memory, mut ours) = (Memory::started(), Vec::new());
    for input in facts() {
        assert_eq!(memory.handle(0, &input), holdover_status::Ok);
        call(&memory, &mut ours);
    }
    assert_eq!(memory.configure(TEXT), (holdover_status::Ok, Vec::new()));
    let mut answer = call(&memory, &mut ours);

    let (mut rust, mut theirs) = (Rust(Box::new(Engine::new())), Vec::new());
    rust.0.start(Instant::ZERO, 7);
    for input in facts() {
        // SAFETY: the inputs point to what is static.
        let input = unsafe { input.get() }.unwrap();
        rust.call(&mut theirs, |engine| engine.handle(Instant::ZERO, input));
    }
    let mut config: Box<Config<4, 8>> = Box::default();
    config::parse(TEXT, &Platform::ALL, &mut config, &mut |_| {}).unwrap();
    let mut same = rust.call(&mut theirs, |engine| engine.configure(Instant::ZERO, &config));

    for turn in 0..40 {
        let now = turn * 500_000;
        let (input, fact) = (answer.take().unwrap_or(TICK), same.take().unwrap_or(Input::Tick));
        assert_eq!(memory.handle(now, &input), holdover_status::Ok);
        answer = call(&memory, &mut ours);
        same = rust.call(&mut theirs, |engine| engine.handle(Instant::from_micros(now), fact));
    }
    assert_eq!(ours, theirs);
    assert!(ours.iter().any(|line| line.starts_with("Send [ff, ff")), "no OPEN was sent: {ours:?}");
}

#[test]
fn a_configuration_with_errors_is_reported_and_the_one_before_stays() {
    let memory = Memory::configured(TEXT);
    let (status, said) = memory.configure("router bgp 65010\n neighbor 192.0.2.1 remote-sa 65020\n");
    assert_eq!(status, holdover_status::ErrorConfiguration);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("Error 2:21 "), "{said:?}");
    assert!(said[0].ends_with("(did you mean `remote-as`?)"), "{said:?}");
    let (status, text) = memory.show("show running-config");
    assert_eq!(status, holdover_status::Ok);
    assert!(text.contains("neighbor 192.0.2.1 remote-as 65020"), "{text}");
    // Nothing is owed: the next fact may come at once.
    assert_eq!(memory.handle(0, &TICK), holdover_status::Ok);
}

#[test]
fn what_the_machine_cannot_is_an_error_in_the_text() {
    let memory = Memory::started();
    let text = "router bgp 65010\nneighbor 192.0.2.1 remote-as 65020\nneighbor 192.0.2.1 bfd\n";
    let (data, len) = (text.as_ptr().cast(), text.len());
    let configure = |can| {
        // SAFETY: all of it is there; nobody is told.
        unsafe { holdover_configure_text(memory.engine(), 0, can, data, len, None, core::ptr::null_mut()) }
    };
    assert_eq!(configure(0), holdover_status::ErrorConfiguration);
    assert_eq!(configure(HOLDOVER_CAN_MD5), holdover_status::ErrorConfiguration);
    assert_eq!(configure(HOLDOVER_CAN_BFD), holdover_status::Ok);
}

#[test]
fn questions_are_answered_and_commands_are_left_to_the_other_function() {
    let memory = Memory::configured(TEXT);
    for (line, words) in [
        ("show summary", "AS 65010"),
        ("sh neigh", "192.0.2.1"),
        ("show neighbors 192.0.2.1", "AS "),
        ("show services", "Service"),
        ("show routes", "198.51.100.7/32"),
        ("show steer", "Prefix"),
        ("show bfd", ""),
        ("show running-config", "hostname lab"),
    ] {
        let (status, text) = memory.show(line);
        assert_eq!(status, holdover_status::Ok, "{line}");
        assert!(text.contains(words) && text.ends_with('\n'), "{line}: {text}");
    }
    assert_eq!(memory.show("drain"), (holdover_status::None, String::new()));
    let (status, text) = memory.show("shaw summary");
    assert_eq!(status, holdover_status::ErrorNotUnderstood);
    assert!(text.contains("not understood"), "{text}");
    assert_eq!(memory.show("show neighbors 192.0.2.99"), (holdover_status::ErrorNotFound, String::new()));
}

#[test]
fn help_lists_what_can_stand_next() {
    let (memory, mut text, line) = (Memory::configured(TEXT), String::new(), "show ");
    let context = (&raw mut text).cast();
    // SAFETY: all of it is there.
    let status =
        unsafe { holdover_help(memory.engine(), line.as_ptr().cast(), line.len(), Some(append), context) };
    assert_eq!(status, holdover_status::Ok);
    assert!(text.contains("running-config"), "{text}");
}

/// The answers to a line.
fn command(memory: &Memory, line: &str) -> (holdover_status, Vec<(u32, holdover_result)>) {
    // SAFETY: all of it is there.
    let status = unsafe { holdover_command(memory.engine(), 0, 42, 0, line.as_ptr().cast(), line.len()) };
    let mut answers = Vec::new();
    if status == holdover_status::Ok {
        memory.drain(&mut |output| {
            if output.kind == holdover_output_kind::Answer {
                // SAFETY: the kind says so.
                let answer = unsafe { output.u.answer };
                answers.push((answer.id, answer.result));
            }
        });
    }
    (status, answers)
}

#[test]
fn a_command_is_answered_once_by_its_name() {
    let text = format!("{TEXT}exit\nfailover web\n address 198.51.100.8/32\n");
    let memory = Memory::configured(&text);
    assert_eq!(command(&memory, "drain web"), (holdover_status::Ok, std::vec![(42, holdover_result::Done)]));
    assert_eq!(
        command(&memory, "drain web"),
        (holdover_status::Ok, std::vec![(42, holdover_result::Unchanged)])
    );
    assert_eq!(command(&memory, "drain nothing"), (holdover_status::ErrorNotFound, Vec::new()));
    assert_eq!(command(&memory, "show summary"), (holdover_status::ErrorNotUnderstood, Vec::new()));
    assert_eq!(command(&memory, ""), (holdover_status::ErrorNotUnderstood, Vec::new()));
}

#[test]
fn a_record_is_told_with_its_number_and_its_sentence() {
    let memory = Memory::started();
    assert_eq!(memory.configure(TEXT).0, holdover_status::Ok);
    let mut said = Vec::new();
    let mut output = holdover_output::NONE;
    // SAFETY: both are there.
    while unsafe { holdover_poll(memory.engine(), &raw mut output) } == holdover_status::Ok {
        if output.kind == holdover_output_kind::Record {
            let mut text = String::new();
            // SAFETY: the engine is there, and so is the text.
            let status =
                unsafe { holdover_record_text(memory.engine(), Some(append), (&raw mut text).cast()) };
            assert_eq!(status, holdover_status::Ok);
            // SAFETY: the kind says so.
            said.push((unsafe { output.u.record.kind }, text));
        }
    }
    let configured = said.iter().find(|(kind, _)| *kind == holdover_record_kind::Configured);
    assert!(configured.is_some_and(|(_, text)| text.starts_with("configured: AS 65010")), "{said:?}");
}

#[test]
fn sentences_name_services_and_links() {
    let text = "router bgp 65010\n bgp router-id 192.0.2.2\nexit\nfailover web\n address 198.51.100.7/32\nexit\n\
                failover dns\n address 198.51.100.8/32\n bind eth7\nexit\n";
    let memory = Memory::started();
    assert_eq!(memory.configure(text).0, holdover_status::Ok);
    let mut said = Vec::new();
    let mut owed = Vec::new();
    let drain = |said: &mut Vec<String>, owed: &mut Vec<holdover_input>| {
        let mut output = holdover_output::NONE;
        // SAFETY: both are there.
        while unsafe { holdover_poll(memory.engine(), &raw mut output) } == holdover_status::Ok {
            if output.kind == holdover_output_kind::Bind {
                // SAFETY: the kind says so.
                let address = unsafe { output.u.bind.address };
                let address_done = holdover_input_address_done { address, result: 0, already: 0 };
                owed.push(fact(holdover_input_kind::AddressDone, holdover_input_part { address_done }));
            } else if output.kind == holdover_output_kind::Record {
                let mut text = String::new();
                // SAFETY: the engine is there, and so is the text.
                unsafe { holdover_record_text(memory.engine(), Some(append), (&raw mut text).cast()) };
                said.push(text);
            }
        }
    };
    drain(&mut said, &mut owed);
    let link = |link, name: &'static str| {
        let link = holdover_input_link { link, name: name.into(), up: 1, gone: 0 };
        fact(holdover_input_kind::Link, holdover_input_part { link })
    };
    let told = holdover_input_resync { table: 1, end: 1 };
    let told = fact(holdover_input_kind::Resync, holdover_input_part { resync: told });
    for input in [link(1, "eth0"), told, TICK, TICK, link(2, "lo"), TICK, TICK] {
        assert_eq!(memory.handle(1, &input), holdover_status::Ok);
        drain(&mut said, &mut owed);
    }
    for input in core::mem::take(&mut owed) {
        assert_eq!(memory.handle(2, &input), holdover_status::Ok);
        drain(&mut said, &mut owed);
    }
    for sentence in [
        "cannot bind 198.51.100.7: the interface lo does not exist (yet)",
        "cannot bind 198.51.100.8: the interface eth7 does not exist (yet)",
        "198.51.100.7/32 bound on lo",
        "service web: active because its role is primary",
    ] {
        assert!(said.iter().any(|line| line == sentence), "{sentence}: {said:#?}");
    }
}

#[test]
fn the_size_is_within_what_the_header_says() {
    let size = holdover_engine_size();
    std::println!("holdover_engine_size() {size} of {HOLDOVER_ENGINE_SIZE}");
    assert!(size <= HOLDOVER_ENGINE_SIZE && size.is_multiple_of(8));
    assert_eq!(holdover_engine_align(), HOLDOVER_ENGINE_ALIGN);
    assert_eq!(holdover_abi(), HOLDOVER_ABI);
}

#[test]
fn a_stop_is_answered_when_all_is_done() {
    let memory = Memory::configured(TEXT);
    let command = holdover_input_command { id: 1, order: 2, wish: 0, service: 0, wait: 0 };
    let stop = fact(holdover_input_kind::Command, holdover_input_part { command });
    assert_eq!(memory.handle(0, &stop), holdover_status::Ok);
    let (mut answered, mut now) = (false, 0);
    for _ in 0..100 {
        let mut closed = Vec::new();
        memory.drain(&mut |output| match output.kind {
            holdover_output_kind::Answer => answered = true,
            // SAFETY: the kind says so.
            holdover_output_kind::Close => closed.push(unsafe { output.u.close.conn }),
            _ => {}
        });
        if answered {
            return;
        }
        for conn in closed {
            let closed = holdover_input_closed { conn, why: 0 };
            let input = fact(holdover_input_kind::Closed, holdover_input_part { closed });
            assert_eq!(memory.handle(now, &input), holdover_status::Ok);
            memory.drain(&mut |output| answered |= output.kind == holdover_output_kind::Answer);
        }
        now += 100_000;
        assert_eq!(memory.handle(now, &TICK), holdover_status::Ok);
    }
    panic!("the stop was never answered");
}
