//! A NOTIFICATION is read as it stands, and written back octet by octet.
#![no_main]

use holdover_core::wire::header::HEADER;
use holdover_core::wire::notification::{Fault, Notification};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let notification = Notification::read(body);
    if let Some(text) = notification.shutdown_text() {
        assert!(!text.is_empty() && text.len() < body.len());
    }
    assert!(!notification.name().is_empty());
    let mut out = [0; 4_096];
    if let Some(length) = notification.write(&mut out)
        && body.len() >= 2
    {
        assert_eq!(&out[HEADER..length], body);
    }
    let fault = Fault::from(notification);
    assert!(notification.data.starts_with(fault.notification().data));
});
