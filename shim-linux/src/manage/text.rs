//! The engine's state as a person reads it: the core's renderers, and what only this thread knows.

use std::fmt::Write as _;

use holdover_core::base::net::Asn;
use holdover_core::base::time::Instant;
use holdover_core::console::{show, text::Text};
use holdover_core::failover::posture::Because;

use super::Aside;
use super::log::timestamp;
use super::wishes::{Entry, Wishes, word};
use crate::snapshot::{RouteRow, Snapshot, SteerRow};

// Writing to a String cannot fail, so the results below say nothing.

/// What to say first when the engine does not answer.
fn silence(aside: &Aside) -> String {
    aside.silent_seconds.map_or_else(String::new, |seconds| {
        format!("! the engine has been silent for {seconds:.1} s: this is how it was before\n\n")
    })
}

/// `show summary`.
pub(super) fn summary(snapshot: &Snapshot, now: Instant, aside: &Aside) -> Option<String> {
    let mut out = silence(aside);
    let _ =
        show::summary(&mut Text(&mut out), now, &snapshot.summary()?, snapshot.peers(), snapshot.services());
    if let Some(refused) = &aside.refused {
        let _ = write!(
            out,
            "\n! the last reload was refused, the earlier configuration is in force:\n{refused}\n"
        );
    }
    Some(out)
}

/// `show neighbors`.
pub(super) fn neighbors(snapshot: &Snapshot, now: Instant, aside: &Aside) -> String {
    let mut out = silence(aside);
    let local_as = snapshot.summary().map_or(Asn(0), |summary| summary.local_as);
    let _ = show::neighbors(&mut Text(&mut out), now, local_as, snapshot.peers());
    out
}

/// `show bfd`.
pub(super) fn bfd(snapshot: &Snapshot, now: Instant, aside: &Aside) -> Option<String> {
    let mut out = silence(aside);
    let _ = show::bfd(&mut Text(&mut out), now, &snapshot.summary()?, snapshot.peers());
    Some(out)
}

/// `show services`.
pub(super) fn services(snapshot: &Snapshot, now: Instant, aside: &Aside, wishes: &Wishes) -> String {
    let mut out = silence(aside);
    let _ = show::services(&mut Text(&mut out), now, snapshot.services());
    for view in snapshot.services() {
        if let Some(entry) = wishes.get(view.name).filter(|entry| entry.wish == view.wish) {
            let _ = writeln!(out, "  {}: {}", view.name, said(entry));
        }
    }
    if snapshot.checks().next().is_some() {
        out.push('\n');
        let _ = show::checks(&mut Text(&mut out), now, snapshot.checks());
    }
    if snapshot.services().any(|view| view.because == Because::Primary) {
        out.push_str("\nThe other machine is not seen from here: `holdover show summary` there tells its role and its router-id\n");
    }
    out
}

/// What an operator wants, who said so, when.
pub(super) fn said(entry: &Entry) -> String {
    let process = entry.process.map_or_else(String::new, |process| format!(" (process {process})"));
    let persists = if entry.persists { ", kept over a restart" } else { "" };
    format!("`{}` by {}{process}, {}{persists}", word(entry.wish), entry.user, timestamp(entry.since))
}

/// `show routes`.
pub(super) fn routes(routes: &[RouteRow], steered: &[SteerRow]) -> String {
    let mut out = String::new();
    let _ = show::routes(&mut Text(&mut out), routes.iter().map(|row| (row.view(), row.link_name.as_str())));
    if !steered.is_empty() {
        out.push('\n');
        let _ = show::steered(&mut Text(&mut out), steered.iter().copied());
    }
    out
}
