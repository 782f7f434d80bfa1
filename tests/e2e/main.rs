//! End to end: the real daemon against real peers, in namespaces. Run by `cargo xtask e2e [FILTER]`.

mod addresses;
mod appliance;
mod bfd;
mod binding;
mod checks;
mod choice;
mod daemon;
mod demo;
mod failover;
mod hosts;
mod interop;
mod operating;
mod peers_alone;
mod policy;
mod quiet;
mod scarcity;
mod scripted;
mod world;

use holdover_tests::harness::appliance::{QEMU, Vehicle};
use holdover_tests::harness::{holdover, lab, peers, runner, service};

fn main() {
    if let Err(error) = service::run_if_asked() {
        eprintln!("e2e: the service: {error:#}");
        std::process::exit(1);
    }
    let required = std::env::var("HOLDOVER_E2E").is_ok_and(|value| value == "required");
    if holdover::program().is_err() && !required {
        println!("e2e: not run (use cargo xtask e2e)");
        return;
    }
    let missing = missing(&peers::Kind::ALL);
    if !missing.is_empty() {
        eprintln!("e2e: cannot run: {}", missing.join(", "));
        std::process::exit(1);
    }
    let mut cases = peers_alone::cases();
    cases.extend(failover::cases());
    cases.extend(binding::cases());
    cases.extend(checks::cases());
    cases.extend(scarcity::cases());
    cases.extend(daemon::cases());
    cases.extend(operating::cases());
    cases.extend(choice::cases());
    cases.extend(policy::cases());
    cases.extend(quiet::cases());
    cases.extend(hosts::cases());
    cases.extend(interop::cases());
    cases.extend(scripted::cases());
    cases.extend(bfd::cases());
    cases.extend(demo::cases());
    cases.extend(appliance::cases());
    let target = option_env!("CARGO_TARGET_TMPDIR").unwrap_or("target/tmp");
    let keep = std::path::Path::new(target).parent().unwrap_or(std::path::Path::new("target")).join("e2e");
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    std::process::exit(runner::main(cases, &keep, runner::WHOLE));
}

/// What this machine lacks: root, namespaces, the daemon, a peer.
fn missing(kinds: &[peers::Kind]) -> Vec<String> {
    let mut missing = Vec::new();
    if !rustix::process::geteuid().is_root() {
        missing.push("not root".to_owned());
    }
    match holdover::program() {
        Ok(program) if !std::path::Path::new(&program).exists() => {
            missing.push(format!("HOLDOVER_BIN={program} is not there"));
        }
        Ok(_) => {}
        Err(error) => missing.push(error.to_string()),
    }
    // A run that names no appliance has none of its cases pass: each says what it lacks.
    for vehicle in Vehicle::ALL {
        match vehicle.file() {
            Ok(file) if !std::path::Path::new(&file).exists() => {
                missing.push(format!("{}={file} is not there", vehicle.variable()));
            }
            Ok(_)
                if vehicle == Vehicle::Qemu
                    && lab::bounded(&["sh", "-c", &format!("command -v {QEMU}")]).is_err() =>
            {
                missing.push(format!("{QEMU} is not installed"));
            }
            _ => {}
        }
    }
    let tools = ["ip", "nsenter", "timeout", "sysctl", "nft", "tcpdump", "tshark", "chrt", "ss"];
    let programs = kinds.iter().flat_map(|kind| kind.programs());
    for program in tools.iter().chain(programs) {
        if lab::bounded(&["sh", "-c", &format!("command -v {program}")]).is_err() {
            missing.push(format!("{program} is not installed"));
        }
    }
    let name = format!("ho{}x-test", std::process::id());
    if lab::bounded(&["ip", "netns", "add", &name]).is_err() {
        missing.push("network namespaces are not permitted".to_owned());
    }
    let _ = lab::bounded(&["ip", "netns", "del", &name]);
    missing
}
