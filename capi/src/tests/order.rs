//! Calls that may not be made, and what they are answered.

use super::*;
use core::ptr::{null, null_mut};

type S = holdover_status;

/// Every function that takes an engine, called with this one and with nothing else to complain about.
fn every_call(engine: *mut holdover_engine) -> [(&'static str, S); 9] {
    let (mut output, mut deadline, mut text) = (holdover_output::NONE, 0, String::new());
    let context = (&raw mut text).cast::<c_void>();
    let (show, drain) = ("show summary", "drain");
    // SAFETY: what the engine leads to is what these tests are about; the rest is there.
    unsafe {
        [
            ("handle", holdover_handle(engine, 0, &TICK)),
            ("poll", holdover_poll(engine, &raw mut output)),
            ("deadline", holdover_deadline(engine, &raw mut deadline)),
            ("configure", holdover_configure_text(engine, 0, 0, null(), 0, None, null_mut())),
            ("show", holdover_show(engine, 0, show.as_ptr().cast(), show.len(), Some(append), context)),
            ("help", holdover_help(engine, null(), 0, Some(append), context)),
            ("record_text", holdover_record_text(engine, Some(append), context)),
            ("command", holdover_command(engine, 0, 1, 0, drain.as_ptr().cast(), drain.len())),
            // Last: it may change what the others would be answered.
            ("start", holdover_start(engine, 0, 1)),
        ]
    }
}

fn all_but_start(answers: [(&'static str, S); 9]) -> impl Iterator<Item = (&'static str, S)> {
    answers.into_iter().filter(|(name, _)| *name != "start")
}

#[test]
fn before_the_start_nothing_else_may_be_called() {
    let memory = Memory::new();
    let answers = every_call(memory.engine());
    assert!(all_but_start(answers).all(|(_, status)| status == S::ErrorNotStarted), "{answers:?}");
    assert_eq!(answers[8].1, S::Ok);
}

#[test]
fn an_engine_is_started_once() {
    let memory = Memory::started();
    // SAFETY: the engine is there.
    assert_eq!(unsafe { holdover_start(memory.engine(), 0, 1) }, S::ErrorStarted);
}

#[test]
fn a_null_pointer_is_answered_by_every_function() {
    let answers = every_call(null_mut());
    assert!(answers.iter().all(|(_, status)| *status == S::ErrorNull), "{answers:?}");

    let memory = Memory::started();
    let engine = memory.engine();
    // SAFETY: the engine is there, and NULL is what this is about.
    unsafe {
        assert_eq!(holdover_handle(engine, 0, null()), S::ErrorNull);
        assert_eq!(holdover_poll(engine, null_mut()), S::ErrorNull);
        assert_eq!(holdover_deadline(engine, null_mut()), S::ErrorNull);
        assert_eq!(holdover_configure_text(engine, 0, 0, null(), 1, None, null_mut()), S::ErrorNull);
        assert_eq!(holdover_show(engine, 0, null(), 1, Some(append), null_mut()), S::ErrorNull);
        assert_eq!(holdover_show(engine, 0, null(), 0, None, null_mut()), S::ErrorNull);
        assert_eq!(holdover_help(engine, null(), 0, None, null_mut()), S::ErrorNull);
        assert_eq!(holdover_record_text(engine, None, null_mut()), S::ErrorNull);
        assert_eq!(holdover_command(engine, 0, 1, 0, null(), 1), S::ErrorNull);
    }
}

#[test]
fn a_misaligned_pointer_is_answered_by_every_function() {
    let memory = Memory::started();
    let engine = memory.engine();
    let answers = every_call(engine.wrapping_byte_add(4));
    assert!(answers.iter().all(|(_, status)| *status == S::ErrorMisaligned), "{answers:?}");
    let odd = memory.words.wrapping_byte_add(1);
    // SAFETY: the engine is there, and what is misaligned is not followed.
    unsafe {
        assert_eq!(holdover_handle(engine, 0, odd.cast()), S::ErrorMisaligned);
        assert_eq!(holdover_poll(engine, odd.cast()), S::ErrorMisaligned);
        assert_eq!(holdover_deadline(engine, odd.cast()), S::ErrorMisaligned);
    }
}

#[test]
fn an_engine_that_owes_orders_takes_no_fact_but_may_be_looked_at() {
    let memory = Memory::started();
    assert_eq!(memory.handle(0, &TICK), S::Ok);
    let engine = memory.engine();
    let line = "drain";
    let (mut deadline, mut text) = (0, String::new());
    // SAFETY: all of it is there.
    unsafe {
        assert_eq!(holdover_handle(engine, 0, &TICK), S::ErrorNotDrained);
        assert_eq!(holdover_command(engine, 0, 1, 0, line.as_ptr().cast(), line.len()), S::ErrorNotDrained);
        assert_eq!(holdover_configure_text(engine, 0, 0, null(), 0, None, null_mut()), S::ErrorNotDrained);
        assert_eq!(holdover_deadline(engine, &raw mut deadline), S::Ok);
        // There was no record yet: nothing is said that did not happen.
        assert_eq!(holdover_record_text(engine, Some(append), (&raw mut text).cast()), S::None);
    }
    assert_eq!(text, "");
    assert_eq!(memory.show("show summary").0, S::Ok);
    memory.drain(&mut |_| {});
    assert_eq!(memory.handle(0, &TICK), S::Ok);
}

#[test]
fn memory_that_was_used_before_is_not_zero_to_start_and_damaged_to_everything_else() {
    for octet in [0xA5, 0xFF, 1] {
        let memory = Memory::filled(u64::from_ne_bytes([octet; 8]));
        let mut deadline = 0;
        for _ in 0..2 {
            // SAFETY: the memory is as large as an engine.
            assert_eq!(unsafe { holdover_start(memory.engine(), 0, 7) }, S::ErrorNotZero, "{octet:#x}");
        }
        // SAFETY: both are there.
        assert_eq!(unsafe { holdover_deadline(memory.engine(), &raw mut deadline) }, S::ErrorDamaged);
        assert_eq!(memory.handle(0, &TICK), S::ErrorDamaged);
    }
    // The first word alone is zero: the same, and it stays so.
    let memory = Memory::filled(0xA5A5_A5A5_A5A5_A5A5);
    // SAFETY: it is aligned and ours.
    unsafe { memory.engine().cast::<u64>().write(0) };
    for _ in 0..2 {
        // SAFETY: the memory is as large as an engine.
        assert_eq!(unsafe { holdover_start(memory.engine(), 0, 7) }, S::ErrorNotZero);
        assert_eq!(memory.handle(0, &TICK), S::ErrorNotStarted);
    }
}

#[test]
fn of_many_threads_that_start_one_engine_one_does() {
    struct Shared(Memory);
    // SAFETY: the library says who may enter; nothing else touches the memory.
    unsafe impl Sync for Shared {}
    for _ in 0..20 {
        let shared = Shared(Memory::new());
        let shared = &shared;
        let told = std::thread::scope(|scope| {
            let threads: std::vec::Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(move || {
                        let whole: &Shared = shared;
                        // SAFETY: the memory is as large as an engine.
                        unsafe { holdover_start(whole.0.engine(), 0, 7) }
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<std::vec::Vec<_>>()
        });
        assert_eq!(told.iter().filter(|&&status| status == S::Ok).count(), 1, "{told:?}");
        let others = |status: &S| matches!(status, S::Ok | S::ErrorBusy | S::ErrorStarted);
        assert!(told.iter().all(others), "{told:?}");
    }
}

#[test]
fn what_the_machine_did_not_claim_is_refused() {
    let all = [
        (HOLDOVER_CAN_GATEWAYS, "ip route 203.0.113.0/24 192.0.2.1\nrouter bgp 1\nbgp router-id 192.0.2.9\n"),
        (
            HOLDOVER_CAN_GATEWAYS,
            "ipv6 route 2001:db8::/32 2001:db8::1\nrouter bgp 1\nbgp router-id 192.0.2.9\n",
        ),
        (HOLDOVER_CAN_MD5, "router bgp 1\nneighbor 192.0.2.1 remote-as 2\nneighbor 192.0.2.1 password x\n"),
        (HOLDOVER_CAN_BFD, "router bgp 1\nneighbor 192.0.2.1 remote-as 2\nneighbor 192.0.2.1 bfd\n"),
    ];
    for (bit, text) in all {
        for (can, wanted) in
            [(0, S::ErrorConfiguration), (0xFFF & !bit & !0xC0, S::ErrorConfiguration), (bit, S::Ok)]
        {
            let memory = Memory::started();
            let data = text.as_ptr().cast();
            // SAFETY: the text is there.
            let status = unsafe {
                holdover_configure_text(memory.engine(), 0, can, data, text.len(), None, null_mut())
            };
            assert_eq!(status, wanted, "{can:#x} {text}");
        }
    }
}

#[test]
fn polling_a_drained_engine_gives_nothing_as_often_as_one_likes() {
    let memory = Memory::started();
    let mut output = fact_output();
    for _ in 0..3 {
        // SAFETY: both are there.
        assert_eq!(unsafe { holdover_poll(memory.engine(), &raw mut output) }, S::None);
        assert_eq!(output.kind, holdover_output_kind::None);
    }
}

fn fact_output() -> holdover_output {
    holdover_output { kind: holdover_output_kind::Send, ..holdover_output::NONE }
}

#[test]
fn a_poll_that_fails_leaves_no_order_behind() {
    let mut output = fact_output();
    // SAFETY: the output is there.
    assert_eq!(unsafe { holdover_poll(null_mut(), &raw mut output) }, S::ErrorNull);
    assert_eq!(output.kind, holdover_output_kind::None);
}

#[test]
fn memory_that_is_not_zero_is_no_engine() {
    let memory = Memory::filled(0xA5A5_A5A5_A5A5_A5A5);
    let wanted = |what: &str| if what == "start" { S::ErrorNotZero } else { S::ErrorDamaged };
    let answers = every_call(memory.engine());
    assert!(answers.iter().all(|&(what, status)| status == wanted(what)), "{answers:?}");

    for word in [1, 6_900] {
        let memory = Memory::new();
        // SAFETY: nothing else points to these words.
        unsafe { (*memory.words)[word] = 1 };
        // SAFETY: the memory is as large as an engine.
        assert_eq!(unsafe { holdover_start(memory.engine(), 0, 1) }, S::ErrorNotZero, "word {word}");
    }
}

#[test]
fn an_input_that_is_refused_changes_nothing_and_need_not_be_polled() {
    let memory = Memory::started();
    for kind in [0, 23, u32::MAX] {
        assert_eq!(memory.handle(0, &holdover_input { kind, ..TICK }), S::ErrorValue);
    }
    assert_eq!(memory.handle(0, &TICK), S::Ok);
}

#[test]
fn text_that_is_not_utf_8_is_refused() {
    let memory = Memory::started();
    let octets = [0xFF_u8, 0xFE];
    let name = holdover_text { data: octets.as_ptr().cast(), len: 2 };
    let link = holdover_input_link { link: 1, name, up: 1, gone: 0 };
    let input = fact(holdover_input_kind::Link, holdover_input_part { link });
    assert_eq!(memory.handle(0, &input), S::ErrorNotUtf8);
    let mut text = String::new();
    // SAFETY: all of it is there.
    unsafe {
        let engine = memory.engine();
        let context = (&raw mut text).cast();
        assert_eq!(holdover_show(engine, 0, name.data, 2, Some(append), context), S::ErrorNotUtf8);
        assert_eq!(holdover_help(engine, name.data, 2, Some(append), context), S::ErrorNotUtf8);
        assert_eq!(holdover_command(engine, 0, 1, 0, name.data, 2), S::ErrorNotUtf8);
        // A configuration says so itself, with the line.
        let status = holdover_configure_text(engine, 0, 0, name.data, 2, None, null_mut());
        assert_eq!(status, S::ErrorConfiguration);
    }
}

#[test]
fn a_length_that_nothing_has_is_refused() {
    let memory = Memory::started();
    let octet = 0_u8;
    let bytes = holdover_bytes { data: &raw const octet, len: usize::MAX };
    let conn = holdover_conn { peer: 0, slot: 0, generation: 0 };
    let received = holdover_input_received { conn, bytes };
    let input = fact(holdover_input_kind::Received, holdover_input_part { received });
    assert_eq!(memory.handle(0, &input), S::ErrorValue);
}

#[test]
fn a_machine_that_can_what_nobody_knows_is_refused() {
    let memory = Memory::started();
    // SAFETY: the engine is there, and there is no text.
    let status = unsafe { holdover_configure_text(memory.engine(), 0, 1 << 6, null(), 0, None, null_mut()) };
    assert_eq!(status, S::ErrorValue);
}

unsafe extern "C" fn full(_: *mut c_void, _: *const core::ffi::c_char, _: usize) -> i32 {
    1
}

#[test]
fn a_callback_that_takes_no_more_ends_the_writing() {
    // It has a record to tell.
    let memory = Memory::configured("router bgp 1\nbgp router-id 192.0.2.9\n");
    let line = "show summary";
    // SAFETY: all of it is there.
    unsafe {
        let (data, len) = (line.as_ptr().cast(), line.len());
        assert_eq!(holdover_show(memory.engine(), 0, data, len, Some(full), null_mut()), S::ErrorWrite);
        assert_eq!(holdover_help(memory.engine(), null(), 0, Some(full), null_mut()), S::ErrorWrite);
        assert_eq!(holdover_record_text(memory.engine(), Some(full), null_mut()), S::ErrorWrite);
    }
    assert_eq!(memory.handle(0, &TICK), S::Ok);
}
