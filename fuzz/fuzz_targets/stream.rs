//! A received stream falls into the same messages however it is cut, and each is read without panic.
#![no_main]

use holdover_core::base::net::Families;
use holdover_core::wire::header::{MessageType, peel};
use holdover_core::wire::notification::Notification;
use holdover_core::wire::open::Open;
use holdover_core::wire::refresh::RouteRefresh;
use holdover_core::wire::update::{Context, Update};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|stream: &[u8]| {
    let context = Context { ebgp: true, as4: true, families: Families::ALL, extended_next_hop: true };
    let mut rest = stream;
    while let Ok(Some(frame)) = peel(rest) {
        assert!(
            frame.length >= 19
                && frame.length == frame.message.len()
                && frame.body.len() + 19 == frame.length
        );
        // The message is there at its last octet, and not before.
        assert_eq!(peel(&rest[..frame.length - 1]), Ok(None));
        assert_eq!(peel(&rest[..frame.length]), Ok(Some(frame)));
        match frame.kind {
            MessageType::Open => drop(Open::read(frame.body)),
            MessageType::Update => drop(Update::read(frame.body, context).notification()),
            MessageType::Notification => drop(Notification::read(frame.body).shutdown_text()),
            MessageType::RouteRefresh => {
                if let Ok(refresh) = RouteRefresh::read(frame) {
                    let mut out = [0; 23];
                    assert_eq!(refresh.write(&mut out), Some(23));
                    assert_eq!(
                        out,
                        frame.message[..23].try_into().map(|same: [u8; 23]| relength(same)).unwrap()
                    );
                }
            }
            MessageType::KeepAlive => assert!(frame.body.is_empty()),
        }
        rest = &rest[frame.length..];
    }
});

/// A request with filters behind it is written back without them.
fn relength(mut message: [u8; 23]) -> [u8; 23] {
    message[16..18].copy_from_slice(&[0, 23]);
    message
}
