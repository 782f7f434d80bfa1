//! What may stand anywhere: the ends of nodes, and what people paste around a configuration.

use super::{Node, Statement};
use crate::config::build::Draft;
use crate::config::error::NotTaken;
use crate::config::matcher::Values;

pub(in crate::config) const AROUND: &str = "it belongs to the terminal around a configuration";

pub(super) const ROWS: &[Statement] = &[
    Statement::new("exit", "ends the block", exit),
    Statement::new("quit", "ends the block", exit),
    Statement::new("end", "ends all blocks", end),
    Statement::new("exit-address-family", "ends the address family", exit_family),
    Statement::new("exit-vrf", "ends the VRF block", exit),
    Statement::new("configure [terminal]", "begins a configuration", end),
    Statement::no_effect("vtysh ...", AROUND),
    Statement::no_effect("enable", AROUND),
    Statement::no_effect("write ...", AROUND),
    Statement::no_effect("copy running-config ...", AROUND),
    Statement::no_effect("show protocols ...", "`show protocols` is a command of BIRD's birdc"),
    Statement::no_effect("show ...", AROUND),
];

#[expect(clippy::unnecessary_wraps, reason = "the type of every `apply`")]
fn exit(draft: &mut Draft<'_>, _: &Values<'_>) -> Result<(), NotTaken> {
    draft.leave();
    Ok(())
}

#[expect(clippy::unnecessary_wraps, reason = "the type of every `apply`")]
fn end(draft: &mut Draft<'_>, _: &Values<'_>) -> Result<(), NotTaken> {
    draft.enter(Node::Top);
    Ok(())
}

/// Also after a family that is refused, and after one that ended by itself.
#[expect(clippy::unnecessary_wraps, reason = "the type of every `apply`")]
fn exit_family(draft: &mut Draft<'_>, _: &Values<'_>) -> Result<(), NotTaken> {
    if matches!(draft.place.node, Node::Family | Node::Bgp) {
        draft.leave_family();
    }
    Ok(())
}
