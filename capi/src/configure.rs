//! A configuration from text, and what there is to say about it.

use core::ffi::{c_char, c_void};
use core::fmt::{self, Write as _};

use holdover_core::base::time::Instant;
use holdover_core::config::{self, CheckKind, CheckKinds, Diagnostic, Hint, Platform, Severity};

use crate::memory::{Call, Entered, enter, holdover_engine};
use crate::status::holdover_status;
use crate::value::{Checked, holdover_text};

/// The caller's machine runs `check … http` and `https`.
pub const HOLDOVER_CAN_HTTP: u32 = 1;
/// It runs `check … tcp`.
pub const HOLDOVER_CAN_TCP: u32 = 1 << 1;
/// It runs `check … icmp`.
pub const HOLDOVER_CAN_ICMP: u32 = 1 << 2;
/// It runs `check … exec`.
pub const HOLDOVER_CAN_EXEC: u32 = 1 << 3;
/// It watches processes for `check … process`.
pub const HOLDOVER_CAN_PROCESS: u32 = 1 << 4;
/// It looks for files for `check … file`.
pub const HOLDOVER_CAN_FILE: u32 = 1 << 5;
/// Its checks can ask for the address of a name.
pub const HOLDOVER_CAN_NAMES: u32 = 1 << 8;
/// It signs TCP segments (RFC 2385), for `neighbor … password`.
pub const HOLDOVER_CAN_MD5: u32 = 1 << 9;
/// It sends and receives BFD packets (RFC 5880).
pub const HOLDOVER_CAN_BFD: u32 = 1 << 10;
/// It has a table of routes that can be read and written.
pub const HOLDOVER_CAN_ROUTES: u32 = 1 << 11;
/// Routes with a gateway (`ip route PREFIX GATEWAY`) are the engine's to order: nobody else on this machine installs them.
pub const HOLDOVER_CAN_GATEWAYS: u32 = 1 << 12;

/// Each kind of check with its bit.
const CHECKS: [(u32, CheckKind); 6] = [
    (HOLDOVER_CAN_HTTP, CheckKind::Http),
    (HOLDOVER_CAN_TCP, CheckKind::Tcp),
    (HOLDOVER_CAN_ICMP, CheckKind::Icmp),
    (HOLDOVER_CAN_EXEC, CheckKind::Exec),
    (HOLDOVER_CAN_PROCESS, CheckKind::Process),
    (HOLDOVER_CAN_FILE, CheckKind::File),
];

/// All bits that mean something.
const KNOWN: u32 = ((HOLDOVER_CAN_FILE << 1) - 1)
    | HOLDOVER_CAN_NAMES
    | HOLDOVER_CAN_MD5
    | HOLDOVER_CAN_BFD
    | HOLDOVER_CAN_ROUTES
    | HOLDOVER_CAN_GATEWAYS;

/// How bad it is what is said about a configuration.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_severity {
    /// Accepted, without effect here; or worth knowing.
    Note = 0,
    /// Accepted, and probably not what was meant.
    Warning = 1,
    /// Not accepted: the configuration as a whole is refused.
    Error = 2,
}

/// One thing to say about a configuration.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct holdover_diagnostic {
    /// How bad it is.
    pub severity: holdover_severity,
    /// The line, counted from 1; 0: the configuration as a whole.
    pub line: u32,
    /// The column in characters, counted from 1; 0: the line as a whole.
    pub column: u32,
    /// A stable name of what is wrong: `unknown-statement`.
    pub code: holdover_text,
    /// What is wrong, in a sentence; cut off after some hundred octets.
    pub message: holdover_text,
    /// What may help, as a part of a sentence; may be empty.
    pub hint: holdover_text,
}

/// Is told one thing about a configuration. Everything that the diagnostic points to stays only until the callback returns.
/// The callback calls no function of this library with the same engine (it would be answered HOLDOVER_STATUS_ERROR_BUSY),
/// and does not leave by longjmp.
pub type holdover_report =
    Option<unsafe extern "C" fn(context: *mut c_void, diagnostic: *const holdover_diagnostic)>;

/// Reads a configuration in FRR's language and puts it in force: the first one, or another one while sessions are up. Those
/// whose peer is told nothing new by it stay up. Call holdover_poll afterwards until it answers HOLDOVER_STATUS_NONE, and
/// look at holdover_deadline: a long configuration is taken over some routes a turn.
///
/// - now_us: the time, as for holdover_start.
/// - can: what the caller's machine can do: the sum of the HOLDOVER_CAN_ bits. A statement that it cannot obey is an error in
///   the text, never silence.
/// - text, len: the text: UTF-8, lines ended by LF or CR LF. It stays the caller's and is read before the call returns.
/// - report, context: is told everything there is to say, line after line; NULL: nobody is.
///
/// Tell the engine its links and addresses whole (HOLDOVER_INPUT_KIND_RESYNC, LINK, ADDRESS), before or after: until the end
/// of the addresses was told it opens no connection, because it does not know which peers are on a connected subnet.
///
/// Errors: NULL (a text of some octets that is NULL); MISALIGNED; NOT_STARTED; NOT_DRAINED; VALUE: a bit of `can` that means
/// nothing, a length that no text has; CONFIGURATION: the text has errors, the configuration before it stays in force, and
/// nothing need be polled; BUSY; DAMAGED.
///
/// # Safety
///
/// `engine` is NULL or leads to what its type says, `text` to `len` octets; `report` is NULL or a function of that type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn holdover_configure_text(
    engine: *mut holdover_engine,
    now_us: u64,
    can: u32,
    text: *const c_char,
    len: usize,
    report: holdover_report,
    context: *mut c_void,
) -> holdover_status {
    // SAFETY: the caller's word.
    let mut entered = match unsafe { enter(engine, Call::Change) } {
        Ok(entered) => entered,
        Err(status) => return status,
    };
    // SAFETY: the caller's word, for as long as this call.
    let text = match unsafe { (holdover_text { data: text, len }).bytes().get() } {
        Ok(text) => text,
        Err(status) => return status,
    };
    let mut tell = |diagnostic: Diagnostic<'_>| {
        if let Some(report) = report {
            let mut room = Room::new();
            let diagnostic = room.fill(&diagnostic);
            // SAFETY: the caller gave it to be called like this.
            unsafe { report(context, &raw const diagnostic) };
        }
    };
    match configure(&mut entered, now_us, can, text, &mut tell) {
        Ok(()) => holdover_status::Ok,
        Err(status) => status,
    }
}

fn configure(
    entered: &mut Entered<'_>,
    now_us: u64,
    can: u32,
    text: &[u8],
    tell: &mut dyn FnMut(Diagnostic<'_>),
) -> Checked<()> {
    let platform = platform(can)?;
    let body = &mut *entered.body;
    if config::parse(text, &platform, &mut body.spare, tell).is_err() {
        return Err(holdover_status::ErrorConfiguration);
    }
    config::lint(body.spare.view(), tell);
    body.engine.configure(Instant::from_micros(now_us), &body.spare);
    entered.owes();
    Ok(())
}

/// What a machine with these bits can do.
fn platform(can: u32) -> Checked<Platform> {
    if can & !KNOWN != 0 {
        return Err(holdover_status::ErrorValue);
    }
    let has = |bit: u32| can & bit != 0;
    let checks = CHECKS.iter().filter(|(bit, _)| has(*bit));
    // Field by field: what a later version asks of a platform has no bit yet, and must not be taken for granted.
    Ok(Platform {
        name: "this machine",
        checks: checks.fold(CheckKinds::NONE, |all, &(_, kind)| all.with(kind)),
        names: has(HOLDOVER_CAN_NAMES),
        md5: has(HOLDOVER_CAN_MD5),
        bfd: has(HOLDOVER_CAN_BFD),
        kernel_routes: has(HOLDOVER_CAN_ROUTES),
        next_hops: has(HOLDOVER_CAN_GATEWAYS),
    })
}

/// What stands between the message and the hint in a diagnostic's text.
const BETWEEN: &str = "; ";

/// Room for the text of a diagnostic.
struct Room {
    octets: [u8; 512],
    used: usize,
}

impl Room {
    const fn new() -> Self {
        Self { octets: [0; 512], used: 0 }
    }

    fn text(&self) -> &str {
        // Only whole characters are ever written.
        self.octets.get(..self.used).and_then(|octets| core::str::from_utf8(octets).ok()).unwrap_or("")
    }

    /// Writes a diagnostic's text, and gives the diagnostic in C, which borrows it.
    fn fill(&mut self, diagnostic: &Diagnostic<'_>) -> holdover_diagnostic {
        // Writing cannot fail: what does not fit is left out.
        let mut bare = *diagnostic;
        bare.hint = Hint::None;
        let _ = write!(self, "{bare:#}");
        let message = self.used;
        self.used = 0;
        let _ = write!(self, "{diagnostic:#}");
        let (message, hint) = self.text().split_at_checked(message).unwrap_or((self.text(), ""));
        holdover_diagnostic {
            severity: diagnostic.severity.into(),
            line: diagnostic.line,
            column: diagnostic.column,
            code: diagnostic.what.code().into(),
            message: message.into(),
            hint: hint.strip_prefix(BETWEEN).unwrap_or(hint).into(),
        }
    }
}

impl fmt::Write for Room {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let rest = self.octets.get_mut(self.used..).unwrap_or(&mut []);
        let fits = text.floor_char_boundary(rest.len());
        if let (Some(place), Some(octets)) = (rest.get_mut(..fits), text.as_bytes().get(..fits)) {
            place.copy_from_slice(octets);
            self.used += fits;
        }
        Ok(())
    }
}

impl From<Severity> for holdover_severity {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Note => Self::Note,
            Severity::Warning => Self::Warning,
            Severity::Error => Self::Error,
        }
    }
}
