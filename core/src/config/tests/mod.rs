#![allow(clippy::format_collect, clippy::format_push_string, reason = "tests write many texts")]

mod bfd;
mod brought;
mod checks;
mod errors;
mod families;
mod faults;
mod frr;
mod names;
mod published;
mod robust;
mod round_trip;

use super::*;

#[test]
fn a_configuration_has_the_size_it_may_have() {
    let (appliance, linux) = (size_of::<Config<4, 8>>(), size_of::<Config<64, 256, 16_384, 4_096, 65_535>>());
    std::println!("Config<4, 8> {appliance}, a Linux Config {linux}");
    std::println!(
        "Config<2, 4> {}, rule {}, route {}, neighbor {}, service {}, check {}",
        size_of::<Config<2, 4>>(),
        size_of::<Rule>(),
        size_of::<Route>(),
        size_of::<Neighbor>(),
        size_of::<Service>(),
        size_of::<Check>()
    );
    assert!(appliance <= 8 << 10);
    assert!(linux <= 1 << 20);
    assert!(size_of::<Route>() <= 32);
}

use std::boxed::Box;
use std::format;
use std::string::String;
use std::vec::Vec;

type Small = Config<8, 8, 64, 128, 4096>;

/// Reads a text; gives the configuration and every diagnostic as text.
fn read_all(text: &str, platform: &Platform) -> (Box<Small>, Vec<String>, bool) {
    let mut config = Box::new(Small::new());
    let mut said = Vec::new();
    let result = parse(text, platform, &mut config, &mut |diagnostic| {
        said.push(format!("{}: {diagnostic}", diagnostic.severity));
    });
    (config, said, result.is_ok())
}

const TEMPLATE: &str = "\
hostname node1

router bgp 65000
no bgp ebgp-requires-policy
coalesce-time 1000
bgp bestpath as-path multipath-relax
neighbor RS peer-group
neighbor RS remote-as external
neighbor RS capability extended-nexthop
neighbor 2600:3c0f:4:34::1 peer-group RS
neighbor 2600:3c0f:4:34::2 peer-group RS
neighbor 2600:3c0f:4:34::3 peer-group RS
neighbor 2600:3c0f:4:34::4 peer-group RS
address-family ipv4 unicast
  network 192.0.2.10/32 route-map primary
  redistribute static
exit-address-family
route-map primary permit 10
set large-community 63949:1:1
route-map secondary permit 10
set large-community 63949:1:2
";

/// A configuration as text that names nothing by its place in the pool: equal configurations have equal texts.
fn canonical(view: ConfigView<'_>) -> String {
    let raw = format!(
        "{:#?}",
        (
            view.hostname,
            view.bgp,
            view.groups,
            view.neighbors,
            view.services,
            view.checks,
            view.routes,
            view.rules
        )
    );
    by_name(view, &raw)
}

/// A value's debug text, lines and all, with names in the place of spans.
fn by_name(view: ConfigView<'_>, raw: &str) -> String {
    let mut out = String::new();
    let mut lines = raw.lines();
    while let Some(line) = lines.next() {
        let Some(before) = line.strip_suffix("Span {") else {
            out += line;
            out.push('\n');
            continue;
        };
        let mut number = || -> u16 {
            let line = lines.next().unwrap();
            line.trim().split(' ').nth(1).unwrap().trim_end_matches(',').parse().unwrap()
        };
        let span = Span { start: number(), length: number() };
        lines.next();
        out += &format!("{before}{:?}\n", view.text(span));
    }
    out
}
