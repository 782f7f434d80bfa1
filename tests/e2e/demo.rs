//! The demo: a newcomer's first command, so it must work anywhere, say what is missing, and leave nothing behind.

use std::path::{Path, PathBuf};

use holdover_tests::harness::holdover::program;
use holdover_tests::harness::lab::{HostOptions, Process};
use holdover_tests::harness::runner::Case;
use holdover_tests::harness::{Context as _, Lab, Result, anyhow, bail, ensure};
use rustix::process::Signal;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("demo/every_move_happens_and_nothing_stays", 75, |lab| tells_its_story(lab, &[])),
        Case::new("demo/an_unprivileged_user_can_run_it", 75, |lab| tells_its_story(lab, &NOBODY)),
        Case::new("demo/ctrl_c_leaves_nothing_behind", 30, |lab| is_interrupted(lab, Signal::INT, Some(130))),
        Case::new("demo/a_killed_demo_leaves_no_process", 30, |lab| is_interrupted(lab, Signal::KILL, None)),
        Case::new("demo/its_configurations_are_without_fault", 15, configurations_are_clean),
    ]
}

/// Runs what follows as a user without any privilege.
const NOBODY: [&str; 5] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--"];

/// A demo at work in a folder of its own.
struct Demo {
    process: Process,
    folder: PathBuf,
    log: PathBuf,
}

impl Demo {
    fn start(lab: &Lab, prefix: &[&str]) -> Result<Self> {
        lab.host("here", HostOptions::default())?;
        let (folder, home) = (lab.dir().join("demo"), lab.dir().join("program"));
        for path in [&folder, &home] {
            std::fs::create_dir(path)?;
            open_to_all(path, 0o777)?;
        }
        // The build folder need not be open to others: the program is.
        let ours = home.join("holdover");
        // By `cp`: a file that we had open for writing ourselves could be open in another case's child that is not yet
        // the program it will be, and a file that is being written cannot be run.
        lab.run("here", &["cp", &program()?, &ours.to_string_lossy()])?;
        open_to_all(&ours, 0o755)?;
        let ours = ours.to_string_lossy();
        let argv: Vec<&str> = prefix.iter().copied().chain([&*ours, "demo", "--plain"]).collect();
        let tmp = folder.to_string_lossy();
        let process = lab.spawn("here", "demo", &argv, &[("TMPDIR", &tmp)])?;
        Ok(Self { process, log: lab.dir().join("demo.log"), folder })
    }

    fn said(&self) -> Result<String> {
        Ok(std::fs::read_to_string(&self.log)?)
    }

    /// The command lines of the processes that this demo started.
    fn children(&self) -> Result<Vec<String>> {
        let folder = self.folder.to_string_lossy();
        let processes = std::fs::read_dir("/proc")?.flatten();
        let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
        let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
        Ok(lines.filter(|line| line.contains(&*folder)).collect())
    }

    fn left_nothing(&self, lab: &Lab) -> Result<()> {
        lab.eventually("no process is left", 5.0, || {
            let children = self.children()?;
            ensure!(children.is_empty(), "{children:?}");
            Ok(())
        })?;
        let files: Vec<_> = std::fs::read_dir(&self.folder)?.collect();
        ensure!(files.is_empty(), "{files:?}");
        Ok(())
    }
}

fn open_to_all(path: &Path, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?)
}

fn tells_its_story(lab: &Lab, prefix: &[&str]) -> Result<()> {
    let demo = Demo::start(lab, prefix)?;
    let status = demo.process.wait(lab, 65.0)?;
    let said = demo.said()?;
    ensure!(status.success(), "{status}: {said}");
    ensure!(said.contains("Every move happened"), "{said}");
    for row in ["daemon killed", "daemon started", "primary drained", "primary undrained"] {
        let line = said.lines().find(|line| line.starts_with(row)).context(row)?;
        let numbers: Vec<&str> = line.split_whitespace().skip(2).collect();
        let [_, _, _, lost, ..] = numbers[..] else { bail!("{line}") };
        let lost: u32 = lost.replace(',', "").parse().map_err(|_| anyhow!("{line}"))?;
        ensure!(lost <= 3, "the machine lives, and yet probes were lost: {line}");
    }
    demo.left_nothing(lab)
}

fn is_interrupted(lab: &Lab, signal: Signal, code: Option<i32>) -> Result<()> {
    let demo = Demo::start(lab, &[])?;
    lab.eventually("the demo is in its first scene", 15.0, || {
        ensure!(demo.said()?.contains("[1/6]"), "not yet");
        ensure!(demo.children()?.len() >= 2, "no daemons");
        Ok(())
    })?;
    demo.process.signal(signal)?;
    let status = demo.process.wait(lab, 3.0)?;
    ensure!(status.code() == code, "{status}");
    if code.is_some() {
        return demo.left_nothing(lab);
    }
    // Nobody can tidy up after SIGKILL; but no daemon may outlive the demo.
    lab.eventually("no process is left", 5.0, || {
        let children = demo.children()?;
        ensure!(children.is_empty(), "{children:?}");
        Ok(())
    })
}

fn configurations_are_clean(lab: &Lab) -> Result<()> {
    lab.host("here", HostOptions::default())?;
    let ours = program()?;
    let all = lab.run("here", &[&ours, "demo", "--show-config"])?;
    let configurations: Vec<&str> = all.split("\n\n").filter(|text| !text.trim().is_empty()).collect();
    ensure!(configurations.len() == 3, "{all}");
    for (number, text) in configurations.iter().enumerate() {
        let path = lab.write(&format!("demo-{number}.conf"), text)?;
        lab.run("here", &[&ours, "check", &path.to_string_lossy()])?;
    }
    Ok(())
}
