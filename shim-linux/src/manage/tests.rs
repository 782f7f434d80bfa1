//! The control socket, with an engine thread that a test plays.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use holdover_core::engine::CommandResult;

use super::*;
use crate::bridge::{Granted, HostEngine};
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
    with_supervisor(Supervisor::default(), test);
}

/// The same, with a service manager.
fn with_supervisor(supervisor: Supervisor, test: impl AsyncFnOnce(Rc<Manager>, Receiver<ToEngine>)) {
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
        log: Log::new(LogFormat::Text, Level::Error).unwrap(),
        events: tokio::sync::mpsc::channel(1).1.into(),
        file,
        configurations: Configurations { running: things.running, spare: Some(things.spare) }.into(),
        refused: None.into(),
        reloadable: Notify::new(),
        owned: OwnedList::read(Some(directory.join("owned"))).into(),
        wishes: Wishes::none(directory.join("wishes")).into(),
        last_run: LastRun::read(&directory.join("wishes")).0.into(),
        supervisor,
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
                if let ToEngine::Wish { answer, service, wish, wait } = word {
                    let name = service.unwrap_or_default();
                    let result = match wish {
                        Wish::Demote => CommandResult::NoStandby,
                        Wish::Force => return drop(answer),
                        Wish::Drain if wait => CommandResult::Unconfirmed { peers: 1 },
                        _ if name == "web" || name.is_empty() => CommandResult::Done,
                        _ => CommandResult::NoSuchService,
                    };
                    let silent = if wait { vec!["192.0.2.1".parse().unwrap()] } else { vec![] };
                    answer.send(Granted { result, silent }).unwrap();
                }
            }
        });
        let answer = ask(&manager, "undrain wep").await;
        assert_eq!(answer, "error\nthere is no service `wep`; did you mean `web`?\n");
        let answer = ask(&manager, "promote database").await;
        assert_eq!(answer, "error\nthere is no service `database`; there are: web\n");
        assert_eq!(ask(&manager, "drain web").await, "ok\nweb: draining\n");
        assert_eq!(ask(&manager, "drain").await, "ok\nweb: draining\n");
        let answer = ask(&manager, "demote web").await;
        assert!(
            answer.starts_with("error\nweb cannot stand by: ") && answer.contains("drain web"),
            "{answer}"
        );
        let answer = ask(&manager, "drain --wait web").await;
        assert_eq!(answer, "unconfirmed\nweb: withdrawn, but within 5 s not acknowledged by 192.0.2.1\n");
        assert_eq!(ask(&manager, "promote").await, "error\n`promote` needs the name of a service\n");
        assert!(ask(&manager, "promote web dns").await.starts_with("error\n`promote` takes one service"));
        assert!(ask(&manager, "promote --wait web").await.starts_with("error\n`promote` has no option"));
        assert!(ask(&manager, "force web").await.starts_with("error\nthe engine has not answered"));
        engine.join().unwrap();
    });
}

#[test]
fn who_wants_something_is_kept_and_shown_until_it_is_taken_back() {
    with_manager(async |manager, heard| {
        let engine = thread::spawn(move || {
            for _ in 0..2 {
                let Ok(ToEngine::Wish { answer, .. }) = heard.recv() else { panic!("no wish") };
                answer.send(Granted { result: CommandResult::Done, silent: vec![] }).unwrap();
            }
        });
        assert_eq!(ask(&manager, "drain --persist web").await, "ok\nweb: draining\n");
        let entry = manager.wishes.borrow().get("web").cloned().unwrap();
        assert_eq!((entry.wish, entry.persists), (Wish::Drain, true));
        assert_eq!(entry.process, i32::try_from(std::process::id()).ok());
        let file = manager.wishes.borrow().path().to_owned();
        assert!(std::fs::read_to_string(&file).unwrap().contains("web drain "));
        {
            manager.configurations.borrow_mut().spare.as_deref_mut().unwrap().clear();
            let configurations = manager.configurations.borrow();
            let before = configurations.spare.as_deref().unwrap();
            let wishes = manager.wishes_of_new(before, configurations.running);
            assert_eq!(wishes, [("web".to_owned(), Wish::Drain)], "given to the engine with the service");
            assert!(manager.wishes_of_new(configurations.running, configurations.running).is_empty());
        }
        assert_eq!(ask(&manager, "auto web").await, "ok\nweb: takes part again\n");
        assert!(manager.wishes.borrow().get("web").is_none() && !file.exists());
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
        // What an erased or half-written file says is no configuration to go over to.
        for text in ["", "hostname there\n"] {
            std::fs::write(&manager.file, text).unwrap();
            let answer = ask(&manager, "reload").await;
            assert!(answer.starts_with("error\n") && answer.contains("no `router bgp`"), "{answer}");
            assert!(heard.try_recv().is_err(), "the engine was told of it");
        }
        std::fs::write(&manager.file, "hostname there\nrouter bgp 65000\n").unwrap();
        assert_eq!(ask(&manager, "reload").await, "ok\n");
        let Ok(ToEngine::Configure { configuration, .. }) = heard.try_recv() else {
            panic!("the engine was not told")
        };
        // A second one waits until the engine has taken over the first, and is not lost; so does a signal.
        std::fs::write(&manager.file, "hostname elsewhere\nrouter bgp 65000\n").unwrap();
        let second = tokio::task::spawn_local({
            let manager = Rc::clone(&manager);
            async move { ask(&manager, "reload").await }
        });
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        assert!(!second.is_finished() && heard.try_recv().is_err());
        manager.configured(configuration);
        assert!(ask(&manager, "show running-config").await.contains("hostname there"));
        assert_eq!(second.await.unwrap(), "ok\n");
        let Ok(ToEngine::Configure { configuration, .. }) = heard.try_recv() else {
            panic!("the engine was not told")
        };
        let (mut ours, theirs) = StdStream::pair().unwrap();
        theirs.set_nonblocking(true).unwrap();
        let signals = UnixStream::from_std(theirs).unwrap();
        let hears = tokio::task::spawn_local(Rc::clone(&manager).hear_signals(signals));
        std::fs::write(&manager.file, "hostname signalled\nrouter bgp 65000\n").unwrap();
        ours.write_all(b"X").unwrap();
        // The octet is there already: by then the runtime has looked at its sockets many times, and the signal waits.
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        manager.configured(configuration);
        assert!(ask(&manager, "show running-config").await.contains("hostname elsewhere"));
        let ToEngine::Configure { configuration, .. } = next(&heard).await else {
            panic!("the signal was lost")
        };
        manager.configured(configuration);
        assert!(ask(&manager, "show running-config").await.contains("hostname signalled"));
        drop(ours);
        hears.await.unwrap();
        assert!(ask(&manager, "show summary json").await.contains("\"config_error\": null"));
    });
}

#[test]
fn a_wish_that_cannot_be_kept_is_in_force_and_answered_with_what_a_restart_does() {
    with_manager(async |manager, heard| {
        let engine = thread::spawn(move || {
            let Ok(ToEngine::Wish { answer, .. }) = heard.recv() else { panic!("no wish") };
            answer.send(Granted { result: CommandResult::Done, silent: vec![] }).unwrap();
        });
        let file = manager.wishes.borrow().path().to_owned();
        std::fs::write(&file, "precious\n").unwrap();
        let answer = ask(&manager, "drain --persist web").await;
        assert!(
            answer.starts_with("error\nweb: draining\nbut a restart undoes it: cannot write "),
            "{answer}"
        );
        assert!(manager.wishes.borrow().get("web").is_some_and(|entry| !entry.persists));
        engine.join().unwrap();
        manager.wishes.borrow_mut().retain(|_| false);
        std::fs::remove_file(file).unwrap();
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

#[test]
fn the_service_manager_hears_that_we_live_while_the_engine_answers_and_not_when_it_is_silent() {
    let (supervisor, hears) = Supervisor::test(Duration::from_millis(20));
    with_supervisor(supervisor, async |manager, heard| {
        let mut buffer = [0; 64];
        let watch = tokio::task::spawn_local(supervisor::watch(manager));
        // The first word is never answered: it is dropped when a second one comes.
        let ToEngine::Alive(_silent) = next(&heard).await else { panic!("asked for something else") };
        let second = next(&heard).await;
        assert!(hears.recv(&mut buffer).is_err(), "told though the engine was silent");
        let ToEngine::Alive(answer) = second else { panic!("asked for something else") };
        answer.send(()).unwrap();
        next(&heard).await;
        let length = hears.recv(&mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"WATCHDOG=1");
        watch.abort();
        assert!(watch.await.unwrap_err().is_cancelled());
    });
}

/// The next word to the engine, while the manager's tasks go on.
async fn next(heard: &Receiver<ToEngine>) -> ToEngine {
    loop {
        match heard.try_recv() {
            Ok(word) => return word,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

#[test]
fn a_reload_is_told_from_its_begin_and_its_refusal_ends_it() {
    let (supervisor, hears) = Supervisor::test(Duration::ZERO);
    with_supervisor(supervisor, async |manager, heard| {
        let told = || {
            let mut buffer = [0; 64];
            hears.recv(&mut buffer).map(|length| String::from_utf8_lossy(&buffer[..length]).into_owned())
        };
        std::fs::write(&manager.file, "bogus\n").unwrap();
        assert!(manager.reload().is_err());
        assert!(told().unwrap().starts_with("RELOADING=1\nMONOTONIC_USEC="));
        assert_eq!(told().unwrap(), "READY=1");
        std::fs::write(&manager.file, TEXT).unwrap();
        assert_eq!(manager.reload(), Ok(()));
        assert!(told().unwrap().starts_with("RELOADING=1"));
        // The engine has not taken it over yet.
        assert!(told().is_err());
        let Ok(ToEngine::Configure { configuration, .. }) = heard.try_recv() else {
            panic!("not handed over")
        };
        manager.configured(configuration);
        manager.engine.board.read(|snapshot| manager.supervisor.status(snapshot));
        assert_eq!(told().unwrap(), "STATUS=0 of 0 neighbors Established");
    });
}
