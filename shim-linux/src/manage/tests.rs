//! The control socket, with an engine thread that a test plays.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use holdover_core::engine::CommandResult;

use super::*;
use crate::bridge::HostEngine;
use crate::io::timer::now;
use crate::manage::log::LogFormat;
use crate::sys::cell::Cell;

/// A configuration with one service.
const TEXT: &str = "hostname here\nrouter bgp 65000\nfailover web\n address 192.0.2.10/32\nexit\n";

static CONFIGURATIONS: [Cell<HostConfig>; 2] = [Cell::new(HostConfig::new()), Cell::new(HostConfig::new())];
static ENGINE: Cell<HostEngine> = Cell::new(HostEngine::new());

/// What exists once in a process, handed from test to test.
struct Things {
    running: &'static mut HostConfig,
    spare: &'static mut HostConfig,
    engine: &'static mut HostEngine,
}

static THINGS: Mutex<Option<Things>> = Mutex::new(None);

/// Runs a test with a manager, and with the words that it says to its engine.
fn with_manager(test: impl AsyncFnOnce(Rc<Manager>, Receiver<ToEngine>)) {
    let mut place = THINGS.lock().unwrap_or_else(PoisonError::into_inner);
    let things = place.take().unwrap_or_else(|| Things {
        running: CONFIGURATIONS[0].take().unwrap(),
        spare: CONFIGURATIONS[1].take().unwrap(),
        engine: ENGINE.take().unwrap(),
    });
    let directory = std::env::temp_dir().join(format!("holdover-manage-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let file = directory.join("holdover.conf");
    std::fs::write(&file, TEXT).unwrap();
    load::load(&file, things.running).unwrap();
    let board = Arc::new(Board::default());
    board.publish(|snapshot| snapshot.take(now(), things.engine));
    let poll = mio::Poll::new().unwrap();
    let waker = Arc::new(mio::Waker::new(poll.registry(), mio::Token(0)).unwrap());
    let (words, heard) = sync_channel(4);
    let manager = Rc::new(Manager {
        engine: EngineEnd { words, waker, board },
        log: Log::new(LogFormat::Text, Level::Error),
        file,
        configurations: Configurations { running: things.running, spare: Some(things.spare) }.into(),
        refused: None.into(),
        owned: OwnedList::read(Some(directory.join("owned"))).into(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, test(Rc::clone(&manager), heard));
    let manager = Rc::into_inner(manager).expect("no task keeps the manager");
    let Configurations { running, spare } = manager.configurations.into_inner();
    *place = Some(Things { running, spare: spare.expect("the engine gave it back"), engine: things.engine });
}

/// Asks as `holdover` does: one line, and the answer up to its end.
async fn ask(manager: &Rc<Manager>, line: &str) -> String {
    let (mut ours, theirs) = StdStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    ours.write_all(format!("{line}\n").as_bytes()).unwrap();
    ours.shutdown(Shutdown::Write).unwrap();
    control::serve(Rc::clone(manager), UnixStream::from_std(theirs).unwrap()).await;
    let mut answer = String::new();
    ours.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn when_the_engine_is_silent_the_last_state_is_shown_and_says_so() {
    with_manager(async |manager, _heard| {
        let text = ask(&manager, "show summary").await;
        assert!(text.starts_with("ok\n! the engine has been silent for "), "{text}");
        let json = ask(&manager, "show neighbors json").await;
        assert!(json.contains("\"engine_silent_seconds\": "), "{json}");
        let routes = ask(&manager, "show routes").await;
        assert!(routes.starts_with("error\nthe engine has not answered for "), "{routes}");
    });
}

#[test]
fn a_reader_that_asks_too_much_of_a_silent_engine_is_answered_all_the_same() {
    with_manager(async |manager, _heard| {
        for _ in 0..8 {
            assert!(ask(&manager, "show services").await.starts_with("ok\n! the engine has been silent"));
        }
        assert_eq!(ask(&manager, "reload").await, "error\nthe engine does not answer\n");
    });
}

#[test]
fn a_service_that_is_not_there_is_answered_with_those_that_are() {
    with_manager(async |manager, heard| {
        let engine = thread::spawn(move || {
            while let Ok(word) = heard.recv() {
                if let ToEngine::Drain { answer, service, drain } = word {
                    let result = if service == "web" && drain {
                        CommandResult::Done
                    } else {
                        CommandResult::NoSuchService
                    };
                    answer.send(result).unwrap();
                    if drain {
                        return;
                    }
                }
            }
        });
        let answer = ask(&manager, "undrain wep").await;
        assert_eq!(answer, "error\nthere is no service `wep`; there are: web\n");
        assert_eq!(ask(&manager, "drain web").await, "ok\nweb: draining\n");
        engine.join().unwrap();
    });
}

#[test]
fn a_bad_file_changes_nothing_and_is_told_in_the_summary_until_a_good_one_is_read() {
    with_manager(async |manager, heard| {
        std::fs::write(&manager.file, "router bgp 65000\n neighbour 192.0.2.1 remote-as 1\n bogus\n")
            .unwrap();
        let answer = ask(&manager, "reload").await;
        assert!(
            answer.starts_with("error\n") && answer.contains("line 2") && answer.contains("line 3"),
            "{answer}"
        );
        assert!(heard.try_recv().is_err(), "the engine was told of it");
        assert!(ask(&manager, "show running-config").await.contains("failover web"));
        let summary = ask(&manager, "show summary json").await;
        assert!(summary.contains("line 2"), "{summary}");
        drop(heard.try_recv());
        std::fs::write(&manager.file, "hostname there\n").unwrap();
        assert_eq!(ask(&manager, "reload").await, "ok\n");
        let Ok(ToEngine::Configure(configuration)) = heard.try_recv() else {
            panic!("the engine was not told")
        };
        let second = ask(&manager, "reload").await;
        assert!(second.starts_with("error\nan earlier reload is still being applied"), "{second}");
        manager.configured(configuration);
        assert!(ask(&manager, "show running-config").await.contains("hostname there"));
        assert_eq!(ask(&manager, "reload").await, "ok\n");
        let Ok(ToEngine::Configure(configuration)) = heard.try_recv() else {
            panic!("the engine was not told")
        };
        manager.configured(configuration);
        assert!(ask(&manager, "show summary json").await.contains("\"config_error\": null"));
    });
}

#[test]
fn what_nobody_understands_is_said_to_be_unknown() {
    with_manager(async |manager, _heard| {
        assert_eq!(ask(&manager, "make tea").await, "error\nunknown request: make tea\n");
        assert!(ask(&manager, "show tea").await.starts_with("error\n"));
        assert!(ask(&manager, "").await.starts_with("error\n"));
    });
}
