//! What operators want of services, who wanted it and since when; and the file that keeps it over a restart when asked.
//!
//! The engine has the wish in force; this is what a person asks about it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use holdover_core::engine::Wish;

use super::durable;

/// The first line of the file.
const HEADER: &str =
    "# What operators want of services, kept over a restart: SERVICE WISH UNIX-SECONDS WHO\n";

/// One wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What.
    pub(crate) wish: Wish,
    /// Who: a user's name, or a number.
    pub(crate) user: String,
    /// The process that said so; `None`: an earlier run of the daemon heard it.
    pub(crate) process: Option<i32>,
    /// Since when.
    pub(crate) since: SystemTime,
    /// Whether it survives a restart.
    pub(crate) persists: bool,
}

/// All of them, by the service's name.
#[derive(Debug)]
pub(crate) struct Wishes {
    path: PathBuf,
    entries: BTreeMap<String, Entry>,
}

impl Wishes {
    /// Reads the file; beside the wishes, the lines that make no sense. No file is no wish. Errors: it cannot be read.
    pub(crate) fn read(path: PathBuf) -> Result<(Self, Vec<String>), String> {
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("{}: {error}", path.display())),
            Ok(text) => text,
        };
        let (mut entries, mut spoilt) = (BTreeMap::new(), Vec::new());
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match parse(line) {
                Some((service, entry)) => drop(entries.insert(service, entry)),
                None => spoilt.push(line.to_owned()),
            }
        }
        Ok((Self { path, entries }, spoilt))
    }

    /// No wish.
    pub(crate) fn none(path: PathBuf) -> Self {
        Self { path, entries: BTreeMap::new() }
    }

    /// Where the file lies.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is wanted of a service.
    pub(crate) fn get(&self, service: &str) -> Option<&Entry> {
        self.entries.get(service)
    }

    /// Those that survive a restart.
    pub(crate) fn persistent(&self) -> impl Iterator<Item = (&str, Wish)> {
        self.entries.iter().filter(|(_, entry)| entry.persists).map(|(name, entry)| (&**name, entry.wish))
    }

    /// A new wish replaces the old one, in the file too. Errors: the file cannot be written; then the wish is one that does not
    /// survive a restart.
    pub(crate) fn set(&mut self, services: &[String], entry: &Entry) -> io::Result<()> {
        let kept = |wishes: &Self| wishes.persistent().map(|(name, wish)| (name.to_owned(), wish)).collect();
        let before: Vec<_> = kept(self);
        for service in services {
            if entry.wish == Wish::None {
                self.entries.remove(service);
            } else {
                self.entries.insert(service.clone(), entry.clone());
            }
        }
        let after: Vec<_> = kept(self);
        if before == after && !entry.persists {
            return Ok(());
        }
        self.write().inspect_err(|_| {
            for service in services {
                if let Some(entry) = self.entries.get_mut(service) {
                    entry.persists = false;
                }
            }
        })
    }

    /// Services that the configuration has no more have no wish either, unless it is kept for their return.
    pub(crate) fn retain(&mut self, is_service: impl Fn(&str) -> bool) {
        self.entries.retain(|name, entry| entry.persists || is_service(name));
    }

    /// Writes the file whole, in one step that a loss of power does not undo; without a wish to keep there is no file.
    fn write(&self) -> io::Result<()> {
        let mut text = String::from(HEADER);
        for (service, entry) in self.entries.iter().filter(|(_, entry)| entry.persists) {
            let seconds = entry.since.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            writeln!(text, "{service} {} {seconds} {}", word(entry.wish), entry.user)
                .map_err(io::Error::other)?;
        }
        // Not a file of somebody else's that --state names by mistake.
        let found = fs::read(&self.path).unwrap_or_default();
        if !found.is_empty() && !found.starts_with(HEADER.as_bytes()) {
            return Err(io::Error::other("it is there and no list of wishes"));
        }
        durable::write(&self.path, (text != HEADER).then_some(&*text))
    }
}

fn parse(line: &str) -> Option<(String, Entry)> {
    let words: Vec<_> = line.split_whitespace().collect();
    let [service, wish, seconds, user] = words[..] else { return None };
    let wish =
        [Wish::Drain, Wish::Promote, Wish::Demote, Wish::Force].into_iter().find(|&it| word(it) == wish)?;
    let since = UNIX_EPOCH.checked_add(Duration::from_secs(seconds.parse().ok()?))?;
    let entry = Entry { wish, user: user.to_owned(), process: None, since, persists: true };
    Some((service.to_owned(), entry))
}

/// A wish as it is said.
pub(crate) fn word(wish: Wish) -> &'static str {
    match wish {
        Wish::None => "undrain",
        Wish::Drain => "drain",
        Wish::Promote => "promote",
        Wish::Demote => "demote",
        Wish::Force => "force",
    }
}

/// The name of a user of this host, or the number.
pub(crate) fn user_name(uid: u32) -> String {
    let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| uid.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(wish: Wish, persists: bool) -> Entry {
        let since = UNIX_EPOCH + Duration::from_secs(1_795_305_599);
        Entry { wish, user: "root".to_owned(), process: Some(7), since, persists }
    }

    fn kept(path: &Path) -> Vec<(String, Wish)> {
        let (wishes, spoilt) = Wishes::read(path.to_owned()).unwrap();
        assert!(spoilt.is_empty());
        wishes.persistent().map(|(name, wish)| (name.to_owned(), wish)).collect()
    }

    #[test]
    fn what_is_to_be_kept_is_read_again_and_nothing_else() {
        let directory = std::env::temp_dir().join(format!("holdover-wishes-{}", std::process::id()));
        let path = directory.join("state").join("wishes");
        let (mut wishes, _) = Wishes::read(path.clone()).unwrap();
        let set =
            |wishes: &mut Wishes, name: &str, entry: &Entry| wishes.set(&[name.to_owned()], entry).unwrap();
        set(&mut wishes, "web", &entry(Wish::Drain, false));
        assert!(!path.exists(), "nothing was to be kept");
        set(&mut wishes, "web", &entry(Wish::Drain, true));
        set(&mut wishes, "dns", &entry(Wish::Force, true));
        assert_eq!(kept(&path), [("dns".to_owned(), Wish::Force), ("web".to_owned(), Wish::Drain)]);
        let (again, _) = Wishes::read(path.clone()).unwrap();
        assert_eq!(again.get("web"), Some(&Entry { process: None, ..entry(Wish::Drain, true) }));
        // A new wish replaces the old, in the file too.
        set(&mut wishes, "dns", &entry(Wish::Promote, false));
        assert_eq!(kept(&path), [("web".to_owned(), Wish::Drain)]);
        set(&mut wishes, "web", &entry(Wish::None, false));
        assert!(!path.exists() && wishes.get("web").is_none());
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_wish_that_cannot_be_kept_is_not_said_to_be_kept_and_a_file_of_somebody_else_stays() {
        let path = std::env::temp_dir().join(format!("holdover-no-wishes-{}", std::process::id()));
        fs::write(&path, "precious\n").unwrap();
        let (mut wishes, _) = Wishes::read(path.clone()).unwrap();
        assert!(wishes.set(&["web".to_owned()], &entry(Wish::Drain, true)).is_err());
        assert!(wishes.get("web").is_some_and(|entry| !entry.persists));
        assert!(
            wishes.set(&["web".to_owned()], &entry(Wish::None, false)).is_ok(),
            "there is nothing to write"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious\n");
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_spoilt_line_is_told_and_the_others_hold() {
        let path = std::env::temp_dir().join(format!("holdover-spoilt-wishes-{}", std::process::id()));
        fs::write(&path, "# words\nweb drain 1 root\ndns dance 1 root\nx drain\n").unwrap();
        let (wishes, spoilt) = Wishes::read(path.clone()).unwrap();
        assert_eq!(spoilt, ["dns dance 1 root", "x drain"]);
        assert_eq!(wishes.persistent().collect::<Vec<_>>(), [("web", Wish::Drain)]);
        fs::remove_file(path).unwrap();
    }

    #[test]
    fn wishes_of_services_that_are_gone_are_kept_only_if_they_persist() {
        let (mut wishes, _) = Wishes::read(PathBuf::from("/nonexistent/wishes")).unwrap();
        wishes.entries.insert("web".to_owned(), entry(Wish::Drain, true));
        wishes.entries.insert("dns".to_owned(), entry(Wish::Drain, false));
        wishes.retain(|_| false);
        assert!(wishes.get("web").is_some() && wishes.get("dns").is_none());
    }

    #[test]
    fn users_have_names() {
        assert_eq!(user_name(0), "root");
        assert_eq!(user_name(u32::MAX), u32::MAX.to_string());
    }
}
