//! Configuration files: read whole, parsed into a configuration of fixed size, and printed again.

use std::fs;
use std::path::Path;

use holdover_core::config::{self, ConfigView, Platform, Severity};
use holdover_core::engine::record::Level;

use crate::bridge::HostConfig;
use crate::sys::user;

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
    let text = fs::read(file).map_err(|error| format!("{path}: {error}"))?;
    let (mut remarks, mut errors) = (Vec::new(), Vec::new());
    let result = config::parse(&text, &Platform::LINUX, configuration, &mut |diagnostic| {
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
            Ok(remarks)
        }
        Err(count) => {
            errors.push(format!("{path}: {count}"));
            Err(errors.join("\n"))
        }
    }
}

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
