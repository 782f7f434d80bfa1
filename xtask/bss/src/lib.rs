//! Static engines and configurations, as a firmware and the daemon hold them. `cargo xtask lint bss` reads the object file
//! that comes of this: each must lie in `.bss`, or it would lie octet by octet in the flash of a board.
#![no_std]

use holdover_core::config::Config;
use holdover_core::engine::Engine;

/// An appliance's engine.
pub static mut ENGINE_APPLIANCE: Engine<4, 8> = Engine::new();
/// The smallest engine with a size of its own to keep.
pub static mut ENGINE_SMALL: Engine<2, 4> = Engine::new();
/// An appliance's configuration.
pub static mut CONFIG_APPLIANCE: Config<4, 8> = Config::new();

/// The daemon's engine.
#[cfg(target_pointer_width = "64")]
pub static mut ENGINE_LINUX: Engine<64, 256, 16_384, 4_096, 65_535> = Engine::new();
/// The daemon's configuration.
#[cfg(target_pointer_width = "64")]
pub static mut CONFIG_LINUX: Config<64, 256, 16_384, 4_096, 65_535> = Config::new();
