//! How a daemon is set up in the lab: its timers, what watches the service, who binds the address.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Which timers a session has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Timers {
    /// What the daemon does by itself; for FRR and Holdover the provider's template and nothing else.
    Default,
    /// Hold time 3 s, keepalive 1 s, connect retry 1 s, and whatever else makes the daemon fast.
    Hold,
    /// The same, and BFD with this interval in milliseconds, times three.
    Bfd(u32),
}

/// What tells the daemon that the service has died.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Watch {
    /// Nothing.
    Nothing,
    /// Its port is tried every 100 ms.
    Port,
    /// The kernel, when its process ends.
    Process,
}

/// One way to run a daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Setup {
    /// The session's timers.
    pub timers: Timers,
    /// The check of the service.
    pub watch: Watch,
    /// The daemon binds the shared address; else it is on `lo` before the daemon starts, as on a provider's image.
    pub binds: bool,
}

impl Setup {
    /// The daemon as it comes.
    pub const DEFAULT: Self = Self::with(Timers::Default, Watch::Nothing);

    /// These timers, this check, the address on `lo` beforehand.
    pub const fn with(timers: Timers, watch: Watch) -> Self {
        Self { timers, watch, binds: false }
    }

    /// The BFD interval in milliseconds, if there is BFD.
    pub fn bfd(self) -> Option<u32> {
        match self.timers {
            Timers::Bfd(milliseconds) => Some(milliseconds),
            Timers::Default | Timers::Hold => None,
        }
    }
}

impl fmt::Display for Setup {
    /// `default`, `hold3`, `bfd50`, with `-port` or `-process` and `-binds` where that is so.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.timers {
            Timers::Default => f.write_str("default")?,
            Timers::Hold => f.write_str("hold3")?,
            Timers::Bfd(milliseconds) => write!(f, "bfd{milliseconds}")?,
        }
        match self.watch {
            Watch::Nothing => {}
            Watch::Port => f.write_str("-port")?,
            Watch::Process => f.write_str("-process")?,
        }
        f.write_str(if self.binds { "-binds" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setup_is_named_after_what_is_special_about_it() {
        assert_eq!(Setup::DEFAULT.to_string(), "default");
        assert_eq!(Setup::with(Timers::Hold, Watch::Nothing).to_string(), "hold3");
        let all = Setup { binds: true, ..Setup::with(Timers::Bfd(50), Watch::Process) };
        assert_eq!(all.to_string(), "bfd50-process-binds");
        assert_eq!(all.bfd(), Some(50));
    }
}
