//! `cargo xtask lab`: the failover lab as a program.

fn main() {
    std::process::exit(holdover_benches::lab::main());
}
