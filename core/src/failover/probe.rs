//! What a probe can find wrong: a small code. The shim knows more and says that in its log.

use core::fmt;

/// Why a probe failed, or a watched thing is not well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ProbeFailure {
    /// Nothing more is known.
    #[default]
    Other,
    /// No answer in time; whatever ran was killed.
    TimedOut,
    /// The connection was refused or reset.
    Refused,
    /// There is no way to the host, or it says so.
    Unreachable,
    /// An HTTP status that is not expected.
    BadStatus(u16),
    /// What came back is not what is expected: a body without the text, or no HTTP at all.
    BadBody,
    /// The program ended with this exit status.
    ExitStatus(u8),
    /// A signal of this number ended the program.
    Signalled(u8),
    /// It could not be started: no such program, no process to be had.
    NotStarted,
    /// It may not be started, or looked at: permissions, a program that others may write.
    NotAllowed,
    /// What is asked for is not there: the file, the process, the unit.
    Missing,
    /// It is there, and is not to be (`absent`).
    Present,
    /// TLS: a certificate that does not hold, or no agreement.
    Tls,
    /// The name could not be resolved.
    Resolve,
    /// The system lacks what the check needs.
    Unsupported,
}

/// What a probe found: all well, or what is wrong.
pub type Finding = Result<(), ProbeFailure>;

impl fmt::Display for ProbeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Other => f.write_str("failed"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::Refused => f.write_str("connection refused"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::BadStatus(status) => write!(f, "HTTP status {status}"),
            Self::BadBody => f.write_str("the answer is not as expected"),
            Self::ExitStatus(status) => write!(f, "exit status {status}"),
            Self::Signalled(signal) => write!(f, "ended by signal {signal}"),
            Self::NotStarted => f.write_str("could not be started"),
            Self::NotAllowed => f.write_str("not allowed"),
            Self::Missing => f.write_str("not there"),
            Self::Present => f.write_str("it is there"),
            Self::Tls => f.write_str("TLS failed"),
            Self::Resolve => f.write_str("its name could not be resolved"),
            Self::Unsupported => f.write_str("not supported by this system"),
        }
    }
}

impl core::error::Error for ProbeFailure {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_failure_is_small_and_says_its_number() {
        assert!(size_of::<ProbeFailure>() <= 4);
        assert_eq!(ProbeFailure::BadStatus(503).to_string(), "HTTP status 503");
        assert_eq!(ProbeFailure::ExitStatus(2).to_string(), "exit status 2");
    }
}
