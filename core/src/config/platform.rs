//! What the platform below can do: a statement that it cannot obey is an error, never silence.

use super::model::CheckKind;

/// A set of check kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckKinds(u8);

impl CheckKinds {
    /// No check at all.
    pub const NONE: Self = Self(0);
    /// Every kind.
    pub const ALL: Self = Self(u8::MAX);

    /// This set and `kind`.
    #[must_use]
    pub const fn with(self, kind: CheckKind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// Whether `kind` is in the set.
    pub const fn has(self, kind: CheckKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }
}

/// What a platform can do, and what it is called in errors. A shim has one of its own, a constant; a statement that asks for
/// what is not there is an error of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Platform {
    /// What it is called in an error, as the subject of a sentence: "this board" gives "this board does not run checks".
    pub name: &'static str,
    /// The kinds of checks it runs.
    pub checks: CheckKinds,
    /// Whether a check can ask for the address of a name.
    pub names: bool,
    /// Whether it can sign TCP segments (RFC 2385).
    pub md5: bool,
    /// Whether it speaks BFD (RFC 5880).
    pub bfd: bool,
    /// Whether it has a kernel whose routes can be read and written.
    pub kernel_routes: bool,
    /// Whether routes with a next hop are Holdover's to install: nobody else does on a board without an operating system.
    pub next_hops: bool,
}

impl Platform {
    /// The daemon on Linux.
    pub const LINUX: Self = Self {
        name: "this version of Holdover for Linux",
        checks: CheckKinds::ALL,
        names: true,
        md5: true,
        bfd: true,
        kernel_routes: true,
        next_hops: false,
    };
    /// A platform that can do everything: for tests and simulations.
    pub const ALL: Self = Self {
        name: "this platform",
        checks: CheckKinds::ALL,
        names: true,
        md5: true,
        bfd: true,
        kernel_routes: true,
        next_hops: true,
    };
}
