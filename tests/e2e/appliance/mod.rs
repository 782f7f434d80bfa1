//! The appliance against real peers.
//!
//! | file | what it shows |
//! |---|---|
//! | [`wire`] | what the others stand on: loss, cuts, frames at random, a console |

mod wire;

use holdover_tests::harness::runner::Case;

/// All cases.
pub(crate) fn cases() -> Vec<Case> {
    wire::cases()
}
