//! What each function answers.

/// What each function answers: 0 or more is good, less than 0 is an error. After an error nothing has changed, unless the
/// error says otherwise.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum holdover_status {
    /// Done.
    Ok = 0,
    /// holdover_poll: there is no order left. holdover_record_text: there was no record yet. holdover_show: the line is a command; give it to holdover_command.
    None = 1,
    /// A pointer that must lead somewhere is NULL.
    ErrorNull = -1,
    /// A pointer is not aligned as its type is.
    ErrorMisaligned = -2,
    /// holdover_start: the memory is not all zero.
    ErrorNotZero = -3,
    /// holdover_start: this engine was started before.
    ErrorStarted = -4,
    /// The engine was not started yet.
    ErrorNotStarted = -5,
    /// holdover_poll was not called until it answered HOLDOVER_STATUS_NONE since the last change.
    ErrorNotDrained = -6,
    /// Another call is at work on this engine: another thread, an interrupt, or the callback that this call came from.
    ErrorBusy = -7,
    /// The memory is no engine: something wrote over its first word, or it was not zero at first and was never started. What is
    /// written elsewhere into an engine is not seen: it may end in the hook of holdover_on_halt, or go wrong in silence.
    ErrorDamaged = -8,
    /// A field of the input has a value that it cannot have: a kind, a family, a length, a number of an enum.
    ErrorValue = -9,
    /// A text is not UTF-8.
    ErrorNotUtf8 = -10,
    /// The configuration has errors; each was reported. The one before it stays in force.
    ErrorConfiguration = -11,
    /// The line is not understood.
    ErrorNotUnderstood = -12,
    /// The line names a service or neighbor that is not there.
    ErrorNotFound = -13,
    /// The write callback said that it takes no more.
    ErrorWrite = -14,
}
