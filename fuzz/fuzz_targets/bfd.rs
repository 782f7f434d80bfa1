//! A BFD packet is refused, or it keeps the rules of RFC 5880 section 6.8.6, is written back and read the same.
#![no_main]

use holdover_core::wire::bfd::{LENGTH, Packet, State};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(packet) = Packet::read(bytes) {
        assert!(bytes.len() >= LENGTH && packet.multiplier != 0 && packet.my_discriminator != 0);
        assert!(packet.your_discriminator != 0 || packet.state <= State::Down);
        assert_eq!(Packet::read(&packet.write()), Ok(packet));
    }
});
