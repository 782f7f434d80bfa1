//! The lab as a user runs it, as short as can be: one fault, one daemon. Run by `cargo xtask e2e`.

use std::path::Path;
use std::process::Command;

#[test]
fn a_run_measures_a_move_and_writes_its_documents() {
    if std::env::var_os("HOLDOVER_BIN").is_none() {
        println!("lab: not run (use cargo xtask e2e)");
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lab");
    let (keep, out) = (folder.join("keep"), folder.join("docs"));
    let run = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["--quick", "--daemons", "openbgpd", "--faults", "kill", "--keep"])
        .arg(&keep)
        .arg("--out")
        .arg(&out)
        .output()
        .expect("the lab starts");
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{said}{}", String::from_utf8_lossy(&run.stderr));
    let page = std::fs::read_to_string(out.join("failover.md")).expect("the page is written");
    // Whatever else this machine does: the row is there, with a figure or with why there is none.
    assert!(page.contains("| SIGKILL of the daemon: traffic moves after | "), "{page}");
    assert!(out.join("img/failover.svg").exists() && out.join("lab/openbgpd-hold3.conf").exists());
    let raw = std::fs::read_to_string(keep.join("results.jsonl")).expect("the raw results are kept");
    let moved = |line: &&str| line.contains("\"fault\":\"Kill\"") && !line.contains("\"moved\":null");
    assert!(raw.lines().any(|line| moved(&line)), "{raw}");
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}
