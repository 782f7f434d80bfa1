//! `holdover run`: the start of the daemon, and its two threads (checks begin a third).

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, mpsc as words};
use std::thread;
use std::time::Duration;

use clap::Args;
use holdover_core::engine::Past;
use holdover_core::engine::record::Level;
use rustix::mm::MlockAllFlags;
use rustix::process::Resource;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tokio::sync::{Notify, mpsc};

use crate::bridge::{Board, HostConfig, HostEngine, ToEngine, ToManager};
use crate::drive::{Drive, Start};
use crate::load;
use crate::manage::last_run::LastRun;
use crate::manage::log::{Log, LogFormat, LogLevel};
use crate::manage::supervisor::Supervisor;
use crate::manage::wishes::Wishes;
use crate::manage::{Configurations, Ears, EngineEnd, Manager};
use crate::out;
use crate::owned::{self, OwnedList};
use crate::sole::{self, Lock};
use crate::sys::cell::Cell;
use crate::sys::secret;

// All zero bits: they lie in `.bss`, and only what is used of them becomes memory (law 9).
static ENGINE: Cell<HostEngine> = Cell::new(HostEngine::new());
static CONFIGURATIONS: [Cell<HostConfig>; 2] = [Cell::new(HostConfig::new()), Cell::new(HostConfig::new())];

/// Where lies what is to survive a restart of the machine.
const STATE: &str = "/var/lib/holdover";
/// Log events under way between the threads; more at one time are counted and lost. There is room for one about each of the
/// 16,384 addresses that a reload may bind or unbind; it is taken while it is needed.
const EVENTS: usize = 20_480;
/// Words under way to the engine thread.
const WORDS: usize = 64;
/// The engine thread's stack: it recurses nowhere and keeps nothing large on it.
const STACK: usize = 256 << 10;
/// How long the engine thread, having ended, waits for the management thread to end the process.
const END_PATIENCE: Duration = Duration::from_secs(1);

/// How the daemon is run.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The configuration
    #[arg(short, long, value_name = "FILE", default_value = "/etc/holdover/holdover.conf")]
    config: PathBuf,
    /// Where to listen for `holdover show` and its like
    #[arg(long, value_name = "SOCKET", default_value = crate::CONTROL)]
    control: PathBuf,
    /// The list of addresses that are ours [default: /run/holdover/owned, or owned-N in another network namespace]
    #[arg(long, value_name = "FILE")]
    owned: Option<PathBuf>,
    /// What operators want over a restart [default: /var/lib/holdover/wishes, or wishes-N in another network namespace]
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// How the log is written
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
    /// The quietest level that is logged
    #[arg(long, value_enum, default_value_t)]
    log_level: LogLevel,
}

/// Runs the daemon until it is told to stop.
pub(crate) fn run(args: RunArgs) -> ExitCode {
    let log = Log::new(args.log_format, Level::from(args.log_level));
    let log = log.map_err(|error| format!("cannot start the thread that writes the log: {error}"));
    match log.and_then(|log| start(args, log)) {
        Ok(code) => code,
        Err(message) => {
            out::complain(format_args!("holdover: {message}"));
            ExitCode::FAILURE
        }
    }
}

fn start(args: RunArgs, log: Log) -> Result<ExitCode, String> {
    // Before any secret is read.
    secret::hide_memory().map_err(|error| format!("cannot keep memory out of core dumps: {error}"))?;
    // Early: a signal to reload that comes while the daemon starts is heard when it has.
    let reload = signal_pipe(&[SIGHUP]).map_err(|error| format!("cannot handle signals: {error}"))?;
    let lock = match sole::take()? {
        Lock::Taken(lock) => Some(lock),
        Lock::Harmless(message) => {
            log.note(Level::Warning, "lock_held", message);
            None
        }
    };
    let control = Socket::listen(&args.control)?;
    let owned = OwnedList::read(args.owned);
    let wishes = read_wishes(args.state, &log);
    let (mut last_run, kept) = read_last_run(wishes.path(), &log, owned.entries().len());
    lock_memory(&log);
    let supervisor = find_supervisor(&log);
    let signals =
        signal_pipe(&[SIGTERM, SIGINT]).map_err(|error| format!("cannot handle signals: {error}"))?;

    let (to_engine, engine_words) = words::sync_channel(WORDS);
    let (to_manager, manager_words) = mpsc::unbounded_channel();
    let (events, manager_events) = mpsc::channel(EVENTS);
    last_run.start(to_manager.clone()).map_err(|error| format!("cannot start a thread: {error}"))?;
    let board = Arc::new(Board::default());
    let start = Start {
        engine: ENGINE.take().ok_or("the engine is in use")?,
        listed: owned.entries(),
        signals,
        words: engine_words,
        manager: to_manager,
        events,
        least: Level::from(args.log_level),
        board: Arc::clone(&board),
    };
    // The engine thread looks at the host's tables while this one reads the configuration.
    let opened = spawn_engine(start)?;
    let [first, second] = &CONFIGURATIONS;
    let (running, spare) = (
        first.take().ok_or("the configuration is in use")?,
        second.take().ok_or("the configuration is in use")?,
    );
    let remarks = load::load(&args.config, spare)?;
    for remark in remarks {
        log.note(remark.level, "config_remark", remark.text);
    }
    let waker = opened.recv().map_err(|_| "the engine thread did not start")??;
    let manager = Manager {
        events: manager_events.into(),
        engine: EngineEnd { words: to_engine, waker, board },
        log,
        file: args.config,
        configurations: Configurations { running, spare: None }.into(),
        refused: None.into(),
        reloadable: Notify::new(),
        owned: owned.into(),
        wishes: wishes.into(),
        last_run: last_run.into(),
        supervisor,
    };
    let wishes = manager.wishes_of_new(manager.configurations.borrow().running, spare);
    if manager.engine.say(ToEngine::Configure { configuration: spare, wishes, kept }).is_err() {
        return Err("the engine thread has ended".to_owned());
    }
    let ears = Ears { words: manager_words, control: control.listener()?, reload, lock };
    manager.run(ears).map_err(|error| format!("the management thread: {error}"))
}

/// What operators wanted in an earlier run. What cannot be read is said and does not keep the daemon from its work.
fn read_wishes(path: Option<PathBuf>, log: &Log) -> Wishes {
    let path = path.unwrap_or_else(|| owned::in_namespace(Path::new(STATE), "wishes"));
    let (wishes, problems) =
        Wishes::read(path.clone()).unwrap_or_else(|problem| (Wishes::none(path.clone()), vec![problem]));
    for problem in problems {
        let message = format!("{}: not understood: {problem}", path.display());
        log.note(Level::Warning, "wishes_unreadable", message);
    }
    wishes
}

/// What an earlier run left to be known of services. What cannot be read is said, and means standing by.
/// That it did not end in good order is said too; `left` is how many addresses it listed as its own.
fn read_last_run(wishes: &Path, log: &Log, left: usize) -> (LastRun, Vec<(String, Past)>) {
    let (last_run, before) = LastRun::read(wishes);
    if before.crashed {
        let addresses = match left {
            0 => String::new(),
            1 => "; it left 1 address".to_owned(),
            left => format!("; it left {left} addresses"),
        };
        let message = format!(
            "the last run did not end in good order: it was killed, crashed, or the machine lost power{addresses}"
        );
        log.note(Level::Warning, "last_run_crashed", message);
    }
    if let Some(why) = before.unreadable {
        let message = format!(
            "{}: cannot be read: {why}; services with `no preempt` stand by until `undrain` or `promote`",
            last_run.path().display()
        );
        log.note(Level::Warning, "last_run_unreadable", message);
    }
    (last_run, before.kept)
}

/// Starts the engine thread. It answers once: with what wakes it, or with what is missing.
fn spawn_engine(start: Start) -> Result<words::Receiver<Result<Arc<mio::Waker>, String>>, String> {
    let (opened, answer) = words::sync_channel(1);
    let manager = start.manager.clone();
    let body = move || {
        let mut drive = match Drive::open(start) {
            Ok(drive) => drive,
            Err(error) => {
                let _ = opened.send(Err(format!("cannot open the host's tables or sockets: {error}")));
                return;
            }
        };
        let _ = opened.send(Ok(drive.waker()));
        let in_order = drive.run();
        let _ = manager.send(ToManager::Ended(in_order));
        // The process ends with the management thread; if a disk or a terminal holds that up, it ends without.
        thread::park_timeout(END_PATIENCE);
        std::process::exit(i32::from(!in_order));
    };
    thread::Builder::new()
        .name("engine".to_owned())
        .stack_size(STACK)
        .spawn(body)
        .map_err(|error| format!("cannot start the engine thread: {error}"))?;
    Ok(answer)
}

/// The control socket, for its owner only; its file goes with it.
struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// The file, by its device and inode: what somebody else has put in its place is not ours to remove.
    file: (u64, u64),
}

impl Socket {
    /// Listens. A socket that a dead daemon left is replaced; a living one's is not, nor what is no socket.
    fn listen(path: &Path) -> Result<Self, String> {
        let explain = |error: io::Error| format!("cannot listen at {}: {error}", path.display());
        match fs::symlink_metadata(path) {
            Ok(is) if !is.file_type().is_socket() => {
                return Err(format!(
                    "cannot listen at {}: it is there and no socket; name another path with --control",
                    path.display()
                ));
            }
            Ok(_) if UnixStream::connect(path).is_ok() => {
                return Err(format!("a daemon listens at {} already", path.display()));
            }
            Ok(_) => fs::remove_file(path).map_err(explain)?,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(explain(error)),
        }
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            fs::create_dir_all(directory).map_err(explain)?;
        }
        // Made with its permissions, not given them afterwards: nobody gets in between.
        let mask = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o177));
        let listener = UnixListener::bind(path).map_err(explain);
        rustix::process::umask(mask);
        let (listener, file) = (listener?, fs::symlink_metadata(path).map_err(explain)?);
        Ok(Self { listener, path: path.to_owned(), file: (file.dev(), file.ino()) })
    }

    /// The socket itself, for the thread that serves it.
    fn listener(&self) -> Result<UnixListener, String> {
        self.listener
            .try_clone()
            .map_err(|error| format!("cannot listen at {}: {error}", self.path.display()))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|is| (is.dev(), is.ino()) == self.file) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A pipe that becomes readable when one of these signals comes.
fn signal_pipe(signals: &[i32]) -> io::Result<UnixStream> {
    let (read, write) = UnixStream::pair()?;
    for &signal in signals {
        signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
    }
    Ok(read)
}

/// The service manager, if there is one that hears us.
fn find_supervisor(log: &Log) -> Supervisor {
    Supervisor::from_environment().unwrap_or_else(|error| {
        let message = format!("cannot speak to the service manager at $NOTIFY_SOCKET: {error}");
        log.note(Level::Warning, "service_manager_deaf", message);
        Supervisor::default()
    })
}

/// Keeps what is used from being swapped out, where nothing limits it: under a small limit a later allocation would fail.
fn lock_memory(log: &Log) {
    let unlimited = rustix::process::getrlimit(Resource::Memlock).current.is_none();
    if !unlimited && !has_lock_capability() {
        let message =
            "memory is not locked: on a host that swaps, keepalives may be late; grant CAP_IPC_LOCK";
        log.note(Level::Info, "memory_not_locked", message);
        return;
    }
    let flags = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
    if let Err(error) = rustix::mm::mlockall(flags) {
        log.note(Level::Info, "memory_not_locked", format!("memory is not locked: {error}"));
    }
}

fn has_lock_capability() -> bool {
    rustix::thread::capabilities(None)
        .is_ok_and(|sets| sets.effective.contains(rustix::thread::CapabilitySet::IPC_LOCK))
}
