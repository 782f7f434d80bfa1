//! Lists: prefix-lists, community-lists, and the line that opens a route-map entry.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Statement, Subject};
use crate::base::net::{Family, InterfaceAddress};
use crate::config::build::Draft;
use crate::config::error::{ErrorKind, NotTaken};
use crate::config::lint::Lint;
use crate::config::matcher::Values;
use crate::config::model::{Clause, ConfigView, List, Rule};
use crate::config::value::{Kind, Value};

pub(super) const ROWS: &[Statement] = &[
    Statement::new(
        "route-map NAME <permit|deny> SEQUENCE(1-65535)",
        "opens an entry of a route-map: what it matches is permitted with its `set` lines, or denied; no entry, no route",
        route_map,
    )
    .print(print_route_map),
    Statement::new(
        "ip prefix-list NAME [seq N(1-4294967295)] <permit|deny> PREFIX(PREFIX|any) {ge N(0-128)|le N(0-128)}",
        "a line of an IPv4 prefix-list; the first that fits decides, no line, no route",
        |draft, values| prefix_list(draft, values, Family::Ipv4),
    )
    .default("sequence number: the last one and 5; lengths: the prefix's own")
    .print(|view, subject, values| print_prefix_list(view, subject, values, Family::Ipv4)),
    Statement::new(
        "ipv6 prefix-list NAME [seq N(1-4294967295)] <permit|deny> PREFIX(PREFIX|any) {ge N(0-128)|le N(0-128)}",
        "a line of an IPv6 prefix-list; the first that fits decides, no line, no route",
        |draft, values| prefix_list(draft, values, Family::Ipv6),
    )
    .default("sequence number: the last one and 5; lengths: the prefix's own")
    .print(|view, subject, values| print_prefix_list(view, subject, values, Family::Ipv6)),
    Statement::new(
        "bgp community-list [standard] NAME [seq N(1-4294967295)] <permit|deny> COMMUNITY...",
        "a line of a community-list: all its communities must be there",
        |draft, values| community_list(draft, values, List::CommunityList),
    )
    .print(|view, subject, values| print_community_list(view, subject, values, List::CommunityList)),
    Statement::new(
        "bgp large-community-list [standard] NAME [seq N(1-4294967295)] <permit|deny> LARGE-COMMUNITY...",
        "a line of a large-community-list: all its communities must be there",
        |draft, values| community_list(draft, values, List::LargeCommunityList),
    )
    .print(|view, subject, values| print_community_list(view, subject, values, List::LargeCommunityList)),
    Statement::no_effect("ip prefix-list NAME description ...", DESCRIPTIONS),
    Statement::no_effect("ipv6 prefix-list NAME description ...", DESCRIPTIONS),
];

const DESCRIPTIONS: &str = "descriptions of lists are not kept";

fn route_map(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    draft.enter_route_map(values.text(0), values.number(1) == 1, values.number(2))
}

fn print_route_map<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(rule) = view.rules.get(subject.index) else { return false };
    values.set(0, Value::Text(view.text(rule.name)));
    values.set(1, Value::Choice(u8::from(rule.deny)));
    values.set(2, Value::Number(rule.sequence));
    rule.list == List::RouteMap && rule.clause == Clause::Entry
}

/// `P [ge N] [le N]` with the values from `at` on, checked: P's length <= ge <= le <= the family's bits. Without `le` it
/// is what is given for it.
pub(super) fn ranged(
    draft: &mut Draft<'_>,
    values: &Values<'_>,
    at: usize,
    address: InterfaceAddress,
    no_le: u8,
) -> Result<Clause, NotTaken> {
    let (ge_at, le_at) = (at.saturating_add(1), at.saturating_add(2));
    let prefix = address.subnet();
    let bits = prefix.family().bits();
    let length = |index: usize| u8::try_from(values.number(index)).unwrap_or(u8::MAX);
    let (ge, le) = (length(ge_at), length(le_at));
    let low = prefix.length();
    let range = |low: u8, high: u8| ErrorKind::Range(u32::from(low), u32::from(high));
    if values.given(ge_at) && !(low..=bits).contains(&ge) {
        return Err(draft.blame(ge_at, range(low, bits)));
    }
    let least = if values.given(ge_at) { ge } else { low };
    if values.given(le_at) && !(least..=bits).contains(&le) {
        return Err(draft.blame(le_at, range(least, bits)));
    }
    if prefix.address() != address.address {
        draft.warn(Lint::HostBits, values, at);
    }
    Ok(Clause::Prefix { prefix, ge, le: if le == 0 { no_le } else { le } })
}

/// The values of such a clause, from `at` on. Whether it is one.
pub(super) fn print_ranged(clause: &Clause, values: &mut Values<'_>, at: usize) -> bool {
    let &Clause::Prefix { prefix, ge, le } = clause else { return false };
    values.set(at, Value::Prefix(InterfaceAddress { address: prefix.address(), length: prefix.length() }));
    for (index, length) in [(1, ge), (2, le)] {
        if length > 0 {
            values.set(at.saturating_add(index), Value::Number(u32::from(length)));
        }
    }
    true
}

fn prefix_list(draft: &mut Draft<'_>, values: &Values<'_>, family: Family) -> Result<(), NotTaken> {
    let (address, no_le) = if values.get(3) == Value::Given {
        let any = match family {
            Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        (InterfaceAddress { address: any, length: 0 }, family.bits())
    } else {
        (draft.prefix(values, 3, family)?, 0)
    };
    let clause = ranged(draft, values, 3, address, no_le)?;
    let rule = list_rule(draft, values, List::PrefixList(family), 0)?;
    draft.insert_rule(Rule { clause, ..rule })
}

fn print_prefix_list<'v>(
    view: &ConfigView<'v>,
    subject: Subject,
    values: &mut Values<'v>,
    family: Family,
) -> bool {
    let Some(rule) = view.rules.get(subject.index) else { return false };
    print_list(view, rule, values, 0);
    rule.list == List::PrefixList(family) && print_ranged(&rule.clause, values, 3)
}

/// The rule of a list's line: name, `[seq N]` and permit or deny are three values from `at` on.
fn list_rule(draft: &mut Draft<'_>, values: &Values<'_>, list: List, at: usize) -> Result<Rule, NotTaken> {
    let (seq, action) = (at.saturating_add(1), at.saturating_add(2));
    let name = draft.intern(values.text(at))?;
    let given = values.given(seq).then(|| values.number(seq));
    let Some(sequence) = draft.next_sequence(list, name, given) else {
        let what = ErrorKind::Conflict("this list has a line with this sequence number already");
        return Err(draft.blame(seq, what));
    };
    Ok(Rule { name, sequence, list, deny: values.number(action) == 1, ..Rule::REST })
}

fn print_list<'v>(view: &ConfigView<'v>, rule: &Rule, values: &mut Values<'v>, at: usize) {
    values.set(at, Value::Text(view.text(rule.name)));
    values.set(at.saturating_add(1), Value::Number(rule.sequence));
    values.set(at.saturating_add(2), Value::Choice(u8::from(rule.deny)));
}

fn community_list(draft: &mut Draft<'_>, values: &Values<'_>, list: List) -> Result<(), NotTaken> {
    // FRR has numbers for names, too.
    if !values.given(0) && matches!(Kind::Number(100, 500).read(values.text(1)), Ok(Value::Number(_))) {
        return Err(draft.blame(1, ErrorKind::Refused(super::refused::EXPANDED)));
    }
    let kind = if list == List::LargeCommunityList { Kind::LargeCommunity } else { Kind::Community };
    let rule = list_rule(draft, values, list, 1)?;
    for word in values.text(4).split_ascii_whitespace() {
        let clause = match kind.read(word) {
            Ok(Value::Number(community)) => Clause::Community(community),
            Ok(Value::Large(community)) => Clause::LargeCommunity(community),
            _ => continue,
        };
        draft.insert_rule(Rule { clause, ..rule })?;
    }
    Ok(())
}

fn print_community_list<'v>(
    view: &ConfigView<'v>,
    subject: Subject,
    values: &mut Values<'v>,
    list: List,
) -> bool {
    let Some(rule) = view.rules.get(subject.index).filter(|rule| rule.list == list) else { return false };
    let same =
        |other: &&Rule| other.list == list && other.name == rule.name && other.sequence == rule.sequence;
    let before = subject.index.checked_sub(1).and_then(|index| view.rules.get(index));
    if before.as_ref().is_some_and(same) {
        return false;
    }
    let count = view.rules.iter().skip(subject.index).take_while(same).count();
    // The first value is `standard`, which says nothing.
    print_list(view, rule, values, 1);
    values.set(4, super::route_map::run(subject.index, count));
    true
}
