//! Commands that pass, fail, hang and leave things behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use super::super::tests::{Folder, block_on};
use super::*;

fn shell(script: &str) -> Job {
    Job {
        program: "/bin/sh".to_owned(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        service: "web".to_owned(),
        check: "up".to_owned(),
        ..Job::default()
    }
}

fn commands() -> Commands {
    Commands::new(Helpers::new("a test", 4))
}

/// Later than any of these tests lasts.
fn patiently() -> tokio::time::Instant {
    tokio::time::Instant::now() + Duration::from_secs(20)
}

fn run(job: Job) -> Outcome {
    block_on(async { probe(job, &commands(), patiently()).await })
}

fn alive(pid: &str) -> bool {
    // A zombie that nobody has reaped yet has ended as well.
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// Until it is so, for at most ten seconds.
async fn until(what: impl Fn() -> bool) {
    let begun = Instant::now();
    let mut looks = tokio::time::interval(Duration::from_millis(2));
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it never came to be so");
        looks.tick().await;
    }
}

#[test]
fn its_exit_status_is_the_verdict_and_its_first_line_the_reason() {
    run(shell("echo all is well")).unwrap();
    let failure = run(shell("echo; echo 'the disk is full' >&2; echo more; exit 3")).unwrap_err();
    assert_eq!(failure, Failure::new(ProbeFailure::ExitStatus(3), "the disk is full"));
    let failure = run(shell("kill -9 $$")).unwrap_err();
    assert_eq!(failure.why, ProbeFailure::Signalled(9));
}

#[test]
fn a_flood_of_words_neither_blocks_it_nor_is_kept() {
    let failure = run(shell("yes a-line-that-goes-on | head -c 1000000; exit 1")).unwrap_err();
    assert_eq!(failure.detail, "a-line-that-goes-on");
    let failure = run(shell("head -c 100000 /dev/zero | tr '\\0' x; exit 1")).unwrap_err();
    assert_eq!(failure.detail.len(), WORDS);
}

#[test]
fn its_environment_is_small_and_it_has_three_descriptors() {
    let folder = Folder::new("exec");
    let out = folder.path("out");
    run(shell(&format!("env -u PWD -u SHLVL -u _ env | sort > {out}; ls /proc/self/fd >> {out}"))).unwrap();
    let text = fs::read_to_string(&out).unwrap();
    let path = format!("PATH={PATH}");
    // The last descriptor is the one that `ls` reads the list with.
    let expected = ["HOLDOVER_CHECK=up", "HOLDOVER_SERVICE=web", &path, "0", "1", "2", "3"];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn what_hangs_is_killed_with_all_it_started() {
    let folder = Folder::new("exec");
    let pids = folder.path("pids");
    let script =
        format!("sleep 1000 & echo $! > {pids}; sh -c 'sleep 1000 & echo $! >> {pids}; wait' & wait");
    block_on(async {
        let commands = commands();
        {
            let running = probe(shell(&script), &commands, patiently());
            let all = || fs::read_to_string(&pids).is_ok_and(|text| text.lines().count() == 2);
            tokio::select! {
                outcome = running => panic!("it ended: {outcome:?}"),
                () = until(all) => {}
            }
        }
        let left = fs::read_to_string(&pids).unwrap();
        until(|| left.lines().all(|pid| !alive(pid))).await;
        // Its keeper reaps it and gives its place back.
        until(|| commands.places.available_permits() == COMMANDS && commands.keepers.borrow().is_empty())
            .await;
    });
}

/// Starts what leaves its parent, its process group and its session, and writes down its number.
fn escape(pids: &str) -> String {
    format!("setsid sh -c '(sleep 1000 & echo $! >> {pids}) & sleep 1000 & echo $$ $! >> {pids}; wait' &")
}

#[test]
fn what_has_left_its_session_and_its_parent_ends_all_the_same() {
    let folder = Folder::new("exec");
    let pids = folder.path("pids");
    let all = || fs::read_to_string(&pids).is_ok_and(|text| text.split_whitespace().count() == 3);
    let gone = || fs::read_to_string(&pids).unwrap().split_whitespace().all(|pid| !alive(pid));
    // The command ends by itself and well.
    let wait = format!("until test $(wc -w < {pids}) = 3; do :; done");
    run(shell(&format!("{} {wait}", escape(&pids)))).unwrap();
    assert!(all() && gone());
    // Its time is over.
    fs::remove_file(&pids).unwrap();
    block_on(async {
        let commands = commands();
        {
            let running = probe(shell(&format!("{} wait", escape(&pids))), &commands, patiently());
            tokio::select! {
                outcome = running => panic!("it ended: {outcome:?}"),
                () = until(all) => {}
            }
        }
        until(gone).await;
    });
    // Whoever started it is gone, as when the daemon is killed.
    fs::remove_file(&pids).unwrap();
    block_on(async {
        let commands = commands();
        let job = shell(&format!("{} wait", escape(&pids)));
        let keeper = tokio::task::spawn_local(async move { probe(job, &commands, patiently()).await });
        until(all).await;
        keeper.abort();
    });
    block_on(until(gone));
}

#[test]
fn a_check_has_one_command_at_a_time() {
    block_on(async {
        let commands = commands();
        let job = shell("true");
        let place = commands.place(&job, patiently()).await.unwrap();
        let soon = tokio::time::Instant::now() + Duration::from_millis(20);
        let failure = probe(job.clone(), &commands, soon).await.unwrap_err();
        assert!(failure.why == ProbeFailure::TimedOut && !failure.ours, "{failure:?}");
        let other = Job { check: "other".to_owned(), ..job.clone() };
        probe(other, &commands, patiently()).await.unwrap();
        drop(place);
        probe(job, &commands, patiently()).await.unwrap();
    });
}

#[test]
fn a_command_is_a_guest() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let limit = "grep 'Max realtime priority' /proc/self/limits | grep -q ' 0 *0'";
    run(shell(&format!("{limit} && grep -q 'CapAmb:.0000000000000000' /proc/self/status"))).unwrap();
}

#[test]
fn what_a_command_leaves_running_ends_with_it() {
    let folder = Folder::new("exec");
    let pid = folder.path("pid");
    run(shell(&format!("sleep 1000 & echo $! > {pid}"))).unwrap();
    let left = fs::read_to_string(&pid).unwrap();
    block_on(until(|| !alive(&left)));
}

#[test]
fn what_cannot_be_started_says_why() {
    let folder = Folder::new("exec");
    for (name, mode, why) in [
        ("none", None, ProbeFailure::NotStarted),
        ("no-interpreter", Some(0o755), ProbeFailure::NotStarted),
        ("not-executable", Some(0o644), ProbeFailure::NotAllowed),
    ] {
        let program = folder.path(name);
        if let Some(mode) = mode {
            fs::write(&program, "#!/none\n").unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
        }
        let failure = run(Job { program: program.clone(), ..Job::default() }).unwrap_err();
        assert!(failure.why == why && failure.detail.contains(&program), "{failure}");
    }
    let failure = run(Job { user: "nobody-of-that-name".to_owned(), ..shell("true") }).unwrap_err();
    assert!(failure.detail.contains("nobody-of-that-name"), "{failure}");
}

#[test]
fn another_user_is_that_user_and_nothing_else() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let as_nobody = |script: &str| run(Job { user: "nobody".to_owned(), ..shell(script) });
    as_nobody("test $(id -un) = nobody && test \"$(id -G)\" = \"$(id -G nobody)\"").unwrap();
    as_nobody("! grep Cap /proc/self/status | grep -v CapBnd | grep -q '[1-9a-f]$'").unwrap();
    let failure = as_nobody("cat /etc/shadow").unwrap_err();
    assert!(failure.detail.contains("denied"), "{failure}");
}
