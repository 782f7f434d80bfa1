//! The lines of a route-map entry: what it matches, and what it sets on a route that is announced.

use core::net::IpAddr;

use super::{Statement, Subject};
use crate::base::limits::{AS_PATH, COMMUNITIES};
use crate::base::net::{Asn, Family};
use crate::config::build::Draft;
use crate::config::edit::is_nobodys;
use crate::config::error::{ErrorKind, Limit, NotTaken};
use crate::config::matcher::Values;
use crate::config::model::{Clause, ConfigView, ListRef};
use crate::config::value::{Kind, Value};

/// The most AS numbers one `prepend` line takes: our own and the two of a standby route need their places.
const PREPENDS: usize = AS_PATH - 3;

pub(super) const ROWS: &[Statement] = &[
    Statement::new("set community none", "removes all communities", |draft, _| {
        draft.replace_clause(&is_community, &[Clause::CommunityNone])
    })
    .print(|view, subject, _| clause(view, subject) == Some(&Clause::CommunityNone)),
    Statement::new(
        "set community COMMUNITY... [additive]",
        "sets the communities (RFC 1997), or adds them",
        set_community,
    )
    .print(print_set_community),
    Statement::new("set large-community none", "removes all large communities", |draft, _| {
        draft.replace_clause(&is_large_community, &[Clause::LargeCommunityNone])
    })
    .print(|view, subject, _| clause(view, subject) == Some(&Clause::LargeCommunityNone)),
    Statement::new(
        "set large-community LARGE-COMMUNITY... [additive]",
        "sets the large communities (RFC 8092), or adds them: this is how a route says primary or secondary",
        set_large_community,
    )
    .print(print_set_large_community),
    Statement::new("set metric N(0-4294967295)", "sets MULTI_EXIT_DISC", |draft, values| {
        draft.set_clause(Clause::SetMetric(values.number(0)))
    })
    .print(|view, subject, values| match clause(view, subject) {
        Some(&Clause::SetMetric(metric)) => put(values, Value::Number(metric)),
        _ => false,
    }),
    Statement::new(
        "set local-preference N(0-4294967295)",
        "sets LOCAL_PREF, which only an internal peer sees",
        |draft, values| draft.set_clause(Clause::SetLocalPreference(values.number(0))),
    )
    .default("100")
    .print(|view, subject, values| match clause(view, subject) {
        Some(&Clause::SetLocalPreference(preference)) => put(values, Value::Number(preference)),
        _ => false,
    }),
    Statement::new("set origin <igp|egp|incomplete>", "sets ORIGIN", |draft, values| {
        draft.set_clause(Clause::SetOrigin(u8::try_from(values.number(0)).unwrap_or(0)))
    })
    .default("igp for `network` and `failover`, incomplete for `redistribute`")
    .print(|view, subject, values| match clause(view, subject) {
        Some(&Clause::SetOrigin(origin)) => put(values, Value::Choice(origin)),
        _ => false,
    }),
    Statement::new("set as-path prepend ASN...", "puts AS numbers in front of AS_PATH", set_prepend)
        .print(print_set_prepend),
    Statement::new(
        "set ip next-hop ADDRESS(A.B.C.D)",
        "sets the next hop of an IPv4 route",
        |draft, values| set_next_hop(draft, values, 0),
    )
    .default("the session's own address")
    .print(|view, subject, values| match clause(view, subject) {
        Some(&Clause::SetNextHopV4(address)) => put(values, Value::Address(IpAddr::V4(address))),
        _ => false,
    }),
    Statement::new(
        "set ipv6 next-hop [global] ADDRESS(X:X::X:X)",
        "sets the IPv6 next hop",
        |draft, values| set_next_hop(draft, values, 1),
    )
    .default("the session's own address")
    .print(|view, subject, values| match clause(view, subject) {
        Some(&Clause::SetNextHopV6(address)) => {
            values.set(1, Value::Address(IpAddr::V6(address)));
            true
        }
        _ => false,
    }),
    Statement::new(
        "match <ip|ipv6> address prefix-list NAME",
        "the prefix must be in this prefix-list",
        match_prefix_list,
    )
    .print(print_match_prefix_list),
    Statement::new(
        "match <community|large-community> NAME",
        "the communities must be in this list",
        match_community,
    )
    .print(print_match_community),
];

const fn is_community(clause: &Clause) -> bool {
    matches!(clause, Clause::SetCommunity(_) | Clause::CommunityAdditive | Clause::CommunityNone)
}

const fn is_large_community(clause: &Clause) -> bool {
    matches!(
        clause,
        Clause::SetLargeCommunity(_) | Clause::LargeCommunityAdditive | Clause::LargeCommunityNone
    )
}

fn clause<'v>(view: &ConfigView<'v>, subject: Subject) -> Option<&'v Clause> {
    view.rules.get(subject.index).map(|rule| &rule.clause)
}

fn put<'v>(values: &mut Values<'v>, value: Value<'v>) -> bool {
    values.set(0, value);
    true
}

/// So many rules from this index on, to be printed.
pub(super) fn run<'v>(index: usize, count: usize) -> Value<'v> {
    Value::Rules(u16::try_from(index).unwrap_or(u16::MAX), u16::try_from(count).unwrap_or(u16::MAX))
}

/// The run of clauses of one kind that begins at this rule; none when it began before, or is another kind's.
fn clauses<'v>(view: &ConfigView<'v>, subject: Subject, fits: fn(&Clause) -> bool) -> Option<Value<'v>> {
    let rule = view.rules.get(subject.index)?;
    let same = |other: &&crate::config::model::Rule| {
        fits(&other.clause)
            && (other.list, other.name, other.sequence) == (rule.list, rule.name, rule.sequence)
    };
    let before = subject.index.checked_sub(1).and_then(|index| view.rules.get(index));
    if !same(&rule) || before.as_ref().is_some_and(same) {
        return None;
    }
    Some(run(subject.index, view.rules.iter().skip(subject.index).take_while(same).count()))
}

/// Whether the clause right behind a run is this one.
fn followed_by(view: &ConfigView<'_>, run: Value<'_>, clause: Clause) -> bool {
    let Value::Rules(first, count) = run else { return false };
    let behind = usize::from(first).saturating_add(usize::from(count));
    view.rules.get(behind).is_some_and(|rule| rule.clause == clause)
}

/// The clauses that the words of a list become, at most `most`.
fn set_list(
    draft: &mut Draft<'_>,
    values: &Values<'_>,
    (kind, most, limit): (Kind, usize, Limit),
    fits: fn(&Clause) -> bool,
    make: fn(Value<'_>) -> Clause,
    additive: Option<Clause>,
) -> Result<(), NotTaken> {
    let words = values.text(0).split_ascii_whitespace();
    if words.clone().count() > most {
        return Err(draft.blame(0, ErrorKind::Full(limit, most)));
    }
    draft.replace_clause(&fits, &[])?;
    for word in words {
        if let Ok(value) = kind.read(word) {
            draft.add_clause(make(value))?;
        }
    }
    match additive {
        Some(clause) => draft.add_clause(clause),
        None => Ok(()),
    }
}

fn set_community(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let make = |value: Value<'_>| match value {
        Value::Number(community) => Clause::SetCommunity(community),
        _ => Clause::CommunityNone,
    };
    let additive = values.given(1).then_some(Clause::CommunityAdditive);
    // A drain adds GRACEFUL_SHUTDOWN to what is set here.
    let limit = (Kind::Community, COMMUNITIES - 1, Limit::Communities);
    set_list(draft, values, limit, is_community, make, additive)
}

fn print_set_community<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(run) = clauses(view, subject, |clause| matches!(clause, Clause::SetCommunity(_))) else {
        return false;
    };
    if followed_by(view, run, Clause::CommunityAdditive) {
        values.set(1, Value::Given);
    }
    put(values, run)
}

fn set_large_community(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let make = |value: Value<'_>| match value {
        Value::Large(community) => Clause::SetLargeCommunity(community),
        _ => Clause::LargeCommunityNone,
    };
    let additive = values.given(1).then_some(Clause::LargeCommunityAdditive);
    let limit = (Kind::LargeCommunity, COMMUNITIES, Limit::Communities);
    set_list(draft, values, limit, is_large_community, make, additive)
}

fn print_set_large_community<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let fits = |clause: &Clause| matches!(clause, Clause::SetLargeCommunity(_));
    let Some(run) = clauses(view, subject, fits) else { return false };
    if followed_by(view, run, Clause::LargeCommunityAdditive) {
        values.set(1, Value::Given);
    }
    put(values, run)
}

fn set_prepend(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let make = |value: Value<'_>| match value {
        Value::Number(asn) => Clause::SetPrepend(Asn(asn)),
        _ => Clause::Entry,
    };
    let fits = |clause: &Clause| matches!(clause, Clause::SetPrepend(_));
    set_list(draft, values, (Kind::Asn, PREPENDS, Limit::Prepends), fits, make, None)
}

fn print_set_prepend<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    clauses(view, subject, |clause| matches!(clause, Clause::SetPrepend(_)))
        .is_some_and(|run| put(values, run))
}

fn set_next_hop(draft: &mut Draft<'_>, values: &Values<'_>, at: usize) -> Result<(), NotTaken> {
    let Value::Address(address) = values.get(at) else { return Ok(()) };
    if is_nobodys(address) || address.is_loopback() {
        return Err(draft.senseless(at, "nobody can send packets to this next hop"));
    }
    draft.set_clause(match address {
        IpAddr::V4(four) => Clause::SetNextHopV4(four),
        IpAddr::V6(six) => Clause::SetNextHopV6(six),
    })
}

fn match_prefix_list(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let list = draft.reference(values.text(1))?;
    let family = if values.number(0) == 1 { Family::Ipv6 } else { Family::Ipv4 };
    let same = |clause: &Clause| matches!(clause, Clause::MatchPrefixList(other, _) if *other == family);
    draft.replace_clause(&same, &[Clause::MatchPrefixList(family, list)])
}

fn print_match_prefix_list<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(&Clause::MatchPrefixList(family, list)) = clause(view, subject) else { return false };
    print_match(view, values, u8::from(family == Family::Ipv6), list)
}

fn match_community(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let list = draft.reference(values.text(1))?;
    draft.set_clause(match values.number(0) {
        1 => Clause::MatchLargeCommunity(list),
        _ => Clause::MatchCommunity(list),
    })
}

fn print_match_community<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    match clause(view, subject) {
        Some(&Clause::MatchCommunity(list)) => print_match(view, values, 0, list),
        Some(&Clause::MatchLargeCommunity(list)) => print_match(view, values, 1, list),
        _ => false,
    }
}

fn print_match<'v>(view: &ConfigView<'v>, values: &mut Values<'v>, choice: u8, list: ListRef) -> bool {
    values.set(0, Value::Choice(choice));
    values.set(1, Value::Text(view.text(list.name)));
    true
}
