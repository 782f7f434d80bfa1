//! Configuration files: read whole, parsed into a configuration of fixed size, and printed again.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use holdover_core::base::net::Asn;
use holdover_core::config::target::Target;
use holdover_core::config::{self, Check, ConfigView, Platform, Severity};
use holdover_core::engine::record::Level;

use crate::bridge::HostConfig;
use crate::sys::{secret, user};

/// How much is read of a file at first, in octets, whatever its size is said to be.
const SMALLEST: usize = 4 << 10;
const LARGEST: usize = 16 << 20;

/// Something worth saying about a configuration that is accepted.
#[derive(Debug)]
pub(crate) struct Remark {
    /// How loudly.
    pub(crate) level: Level,
    /// What.
    pub(crate) text: String,
}

/// Reads `file` into `configuration`. Gives what is worth saying about it; or every error, one a line.
pub(crate) fn load(file: &Path, configuration: &mut HostConfig) -> Result<Vec<Remark>, String> {
    let path = file.display();
    let text = Wiped::read(file).map_err(|error| format!("{path}: {error}"))?;
    let (mut remarks, mut errors) = (Vec::new(), Vec::new());
    let result = config::parse(&text.0, &Platform::LINUX, configuration, &mut |diagnostic| {
        let text = format!("{path}: {diagnostic}");
        match diagnostic.severity {
            Severity::Error => errors.push(text),
            Severity::Warning => remarks.push(Remark { level: Level::Warning, text }),
            Severity::Note => remarks.push(Remark { level: Level::Info, text }),
        }
    });
    match result {
        Ok(()) => {
            remarks.extend(exec_users(configuration.view(), &user::missing()));
            remarks.extend(no_bgp(configuration.view()));
            if is_readable_by_all(file) && holds_secret(configuration.view()) {
                let text = format!("{path}: {}", readable(file));
                remarks.push(Remark { level: Level::Warning, text });
            }
            Ok(remarks)
        }
        Err(count) => {
            errors.push(format!("{path}: {count}"));
            Err(errors.join("\n"))
        }
    }
}

/// A file's text, which may hold passwords: it is made zero when it is not needed any more.
struct Wiped(Vec<u8>);

impl Wiped {
    fn read(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let expected = usize::try_from(file.metadata()?.len()).unwrap_or(0);
        let mut text = Self(vec![0; expected.clamp(SMALLEST, LARGEST)]);
        let mut filled = 0;
        loop {
            if filled == text.0.len() {
                // It grows while it is read, or is no file. The vector would leave a copy behind.
                let mut larger = Self(vec![0; filled * 2]);
                larger.0[..filled].copy_from_slice(&text.0);
                text = larger;
            }
            match file.read(&mut text.0[filled..]) {
                Ok(0) => break,
                Ok(length) => filled += length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        text.0.truncate(filled);
        Ok(text)
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        secret::wipe(&mut self.0);
    }
}

/// Whether a configuration has something in it that others must not read: a password, a header that lets in, a command.
pub(crate) fn holds_secret(view: ConfigView<'_>) -> bool {
    let groups = view.groups.iter().map(|group| group.options.password);
    let mut passwords = groups.chain(view.neighbors.iter().map(|neighbor| neighbor.options.password));
    let header = |check: &Check| match view.target(check) {
        Target::Http(http) => http.headers().any(|(name, _)| !name.eq_ignore_ascii_case("host")),
        _ => false,
    };
    passwords.any(|password| !password.is_empty()) || view.checks.iter().any(header)
}

/// Whether everybody on this host may read a file.
pub(crate) fn is_readable_by_all(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|data| data.is_file() && data.mode() & 0o004 != 0)
}

/// That such a file should not be.
pub(crate) fn readable(path: &Path) -> String {
    format!(
        "it holds a password, and every user of this host may read it; say `chmod o-r {}`",
        path.display()
    )
}

/// That a configuration announces nothing because it is, in effect, empty.
fn no_bgp(view: ConfigView<'_>) -> Option<Remark> {
    (view.bgp.local_as == Asn(0)).then(|| Remark { level: Level::Warning, text: NO_BGP.to_owned() })
}

/// What is said of one without `router bgp`.
pub(crate) const NO_BGP: &str =
    "there is no `router bgp`: this configuration has no neighbor and announces nothing";

/// What is missing to run commands as other users.
fn exec_users(view: ConfigView<'_>, missing: &[&str]) -> Option<Remark> {
    let mut users = view.checks.iter().map(|check| view.target(check).user()).filter(|user| !user.is_empty());
    let user = users.next().filter(|_| !missing.is_empty())?;
    let text = format!(
        "exec-user {user}: commands cannot run as another user, or not be ended; grant {}",
        missing.join(", ")
    );
    Some(Remark { level: Level::Warning, text })
}

/// The configuration as text that can be read again; without `secrets` its passwords are hidden, and a text with hidden
/// ones is not accepted back.
pub(crate) fn print(configuration: &HostConfig, secrets: bool) -> String {
    let printed = config::Printed(configuration.view());
    if secrets { printed.to_string() } else { format!("{printed:#}") }
}
