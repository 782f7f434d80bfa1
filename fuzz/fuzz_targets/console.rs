//! Any line at the console is read, completed and explained; a completion that is taken is a word that fits.
#![no_main]

use std::sync::LazyLock;

use holdover_core::config::{Config, Platform, parse};
use holdover_core::console::command::{completions, help, read};
use holdover_core::console::text::Text;
use libfuzzer_sys::fuzz_target;

static CONFIG: LazyLock<Box<Config<2, 2>>> = LazyLock::new(|| {
    let text = "router bgp 65000\n neighbor 10.0.0.2 remote-as 65010\nexit\nfailover web\n address 192.0.2.10/32\nexit\n";
    let mut config = Box::new(Config::new());
    parse(text, &Platform::ALL, &mut config, &mut |said| eprintln!("{said}")).expect("a good configuration");
    config
});

fuzz_target!(|line: &str| {
    let view = CONFIG.view();
    if let Err(misread) = read(line) {
        assert!(!misread.to_string().is_empty());
    }
    let mut text = String::new();
    help(&mut Text(&mut text), view, line).expect("a string takes everything");
    let begun = line.rsplit(|c: char| c.is_ascii_whitespace()).next().unwrap_or_default();
    completions(view, line, &mut |offer| {
        if offer.completes {
            assert!(offer.text.starts_with(begun), "`{}` does not complete `{line}`", offer.text);
        }
    });
});
