//! An OPEN is an error with a code of its own, or it is written back and read the same.
#![no_main]

use holdover_core::wire::header::HEADER;
use holdover_core::wire::open::Open;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    match Open::read(body) {
        Err(notification) => {
            assert_eq!(notification.code, 2);
            assert!(matches!(notification.subcode, 0..=4 | 6));
        }
        Ok(open) => {
            assert!(
                open.version == 4 && open.asn.0 != 0 && open.id.0 != 0 && !matches!(open.hold_time, 1 | 2)
            );
            let mut out = [0; 128];
            let length = open.write(&mut out).expect("it fits");
            let again = Open::read(&out[HEADER..length]).expect("what is written is sound");
            let mut sent = open;
            sent.capabilities.graceful_restart = false;
            sent.capabilities.unknown = 0;
            // A multiprotocol capability for a family that is not spoken is not written.
            sent.capabilities.multiprotocol = !open.capabilities.families.is_empty();
            assert_eq!(again, sent);
        }
    }
});
