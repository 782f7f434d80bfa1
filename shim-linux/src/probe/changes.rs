//! Tells when something about a path may have changed: inotify on the directories that it goes through.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use crate::sys::ready;

/// How often one looks where the kernel does not tell.
pub(super) const CADENCE: Duration = Duration::from_millis(100);

/// A file that is written counts when it is closed: half a number is none.
const WHAT: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// The directories that are watched, and the names in them that matter.
#[derive(Debug)]
pub(super) struct Changes {
    /// `None`: the kernel gave none (`fs.inotify.max_user_instances`), so one looks every [`CADENCE`].
    inotify: Option<AsyncFd<Arc<OwnedFd>>>,
    watches: HashSet<i32>,
    names: HashSet<OsString>,
    /// Every directory that appears matters.
    any: bool,
}

/// Where the way to a path leads, once it is watched.
#[derive(Clone, Debug)]
pub(super) struct Way {
    inotify: Option<Arc<OwnedFd>>,
    names: HashSet<OsString>,
    added: Result<HashSet<i32>, Errno>,
}

/// Watches the way to this path, and to where it leads if it is a symbolic link, by what [`Changes::handle`] gave. It may wait
/// for a disk.
pub(super) fn follow(inotify: Option<Arc<OwnedFd>>, path: &Path) -> Way {
    let mut names = HashSet::new();
    let real = fs::canonicalize(path).unwrap_or_default();
    let directories: Vec<_> =
        [path, &real].into_iter().filter_map(|path| nearest(path, &mut names)).collect();
    let added = inotify.as_deref().map_or(Ok(HashSet::new()), |inotify| add(inotify, &directories));
    Way { inotify, names, added }
}

/// The directory closest to the path that exists; the names that lead on from there are added to `names`.
fn nearest(path: &Path, names: &mut HashSet<OsString>) -> Option<PathBuf> {
    let mut path = path;
    loop {
        let (directory, name) = (path.parent()?, path.file_name()?);
        names.insert(name.to_owned());
        if directory.is_dir() {
            return Some(directory.to_owned());
        }
        path = directory;
    }
}

fn add(inotify: &OwnedFd, directories: &[PathBuf]) -> Result<HashSet<i32>, Errno> {
    directories.iter().map(|directory| inotify::add_watch(inotify, directory, WHAT)).collect()
}

impl Changes {
    /// Watches nothing yet.
    pub(super) fn new() -> Self {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).ok();
        let inotify = inotify.and_then(|inotify| ready::shared(Arc::new(inotify)).ok());
        Self { inotify, watches: HashSet::new(), names: HashSet::new(), any: false }
    }

    /// What [`follow`] is to watch by.
    pub(super) fn handle(&self) -> Option<Arc<OwnedFd>> {
        self.inotify.as_ref().map(|inotify| Arc::clone(inotify.get_ref()))
    }

    /// Keeps the way that was watched last. Whether changes are told from now on; if not, look again.
    pub(super) fn keep(&mut self, way: Way) -> bool {
        let same = match (&self.inotify, &way.inotify) {
            (Some(ours), Some(its)) => Arc::ptr_eq(ours.get_ref(), its),
            (ours, _) => ours.is_none(),
        };
        if same {
            self.any = false;
            self.names = way.names;
            self.hold(way.added);
        }
        same
    }

    /// Watches the way to this path, which lies in memory of the kernel. Call it before looking: what changes after that is
    /// told.
    pub(super) fn follow(&mut self, path: &Path) {
        let way = follow(self.handle(), path);
        self.keep(way);
    }

    /// Watches these directories, likewise in memory of the kernel, for whatever appears in them or goes.
    pub(super) fn follow_all(&mut self, directories: &[PathBuf]) {
        self.any = true;
        let added =
            self.inotify.as_ref().map_or(Ok(HashSet::new()), |inotify| add(inotify.get_ref(), directories));
        self.hold(added);
    }

    fn hold(&mut self, added: Result<HashSet<i32>, Errno>) {
        let Some(inotify) = &self.inotify else { return };
        let Ok(added) = added else {
            // One of them has just gone, or there are too many: look again in a while.
            self.inotify = None;
            return;
        };
        for &old in self.watches.difference(&added) {
            let _ = inotify::remove_watch(inotify.get_ref(), old);
        }
        self.watches = added;
    }

    /// Waits for a change, or where the kernel does not tell, a while.
    pub(super) async fn next(&mut self) {
        let Some(inotify) = &self.inotify else {
            tokio::time::sleep(CADENCE).await;
            *self = Self { names: std::mem::take(&mut self.names), any: self.any, ..Self::new() };
            return;
        };
        while let Ok(mut ready) = inotify.readable().await {
            let mut buffer = [MaybeUninit::uninit(); 1_024];
            let mut reader = Reader::new(inotify.get_ref(), &mut buffer);
            let mut matters = false;
            let over = loop {
                match reader.next() {
                    Ok(event) => {
                        let name = event.file_name().map(|name| std::ffi::OsStr::from_bytes(name.to_bytes()));
                        let of_itself =
                            ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::QUEUE_OVERFLOW;
                        matters |= event.events().intersects(of_itself)
                            || name.is_some_and(|name| self.any || self.names.contains(name));
                    }
                    Err(error) => break error,
                }
            };
            ready.clear_ready();
            if matters || over != Errno::AGAIN {
                return;
            }
            // A directory in which others are busy has no more than its turn.
            tokio::task::yield_now().await;
        }
    }
}
