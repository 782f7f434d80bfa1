//! What the engine says that is not for the sockets: the application takes it.

use holdover_core::engine::{CommandId, CommandResult, Past, Record};

/// What the engine says to people, to whoever gave a command, or to its next run.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Said<'a> {
    /// Something worth a line in the log.
    Record(Record),
    /// `no preempt`: this is to be kept of a service where a loss of power leaves it, and given back at the next start
    /// ([`Shim::recall`](crate::Shim::recall)). A board that keeps nothing has each start be the first one: after a reset a failed primary takes over
    /// at once.
    Keep {
        /// The service's name.
        name: &'a str,
        /// What to keep; [`Past::Clear`]: nothing.
        past: Past,
    },
    /// What became of a command.
    Answer {
        /// As named by the command.
        id: CommandId,
        /// What became of it.
        result: CommandResult,
    },
}
