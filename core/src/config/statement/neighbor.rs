//! `neighbor X …`: of one neighbor, or of a peer-group. The first value of every row is X.

use core::net::{IpAddr, Ipv4Addr};

use super::{Statement, Subject};
use crate::base::limits::{PASSWORD, SHUTDOWN_TEXT};
use crate::base::net::Family;
use crate::config::build::Draft;
use crate::config::edit::is_nobodys;
use crate::config::error::{ErrorKind, Fault, NotTaken};
use crate::config::matcher::Values;
use crate::config::model::{BfdProfile, ConfigView, ListRef, PeerFlags, PeerOptions, RemoteAs, Span};
use crate::config::print::HIDDEN;
use crate::config::value::Value;

/// Of the session; below `router bgp`.
pub(super) const SESSION: &[Statement] = &[
    Statement::new(
        "neighbor GROUP(PEER) peer-group",
        "makes a peer-group: what is said of it holds for all its members",
        define_group,
    )
    .print(|view, subject, values| {
        named(view, subject, values).is_some() && subject.index < view.groups.len()
    }),
    Statement::new(
        "neighbor PEER remote-as ASN|external|internal",
        "the neighbor's AS number: this one, any but ours, or ours",
        |draft, values| {
            let Value::RemoteAs(remote_as) = values.get(1) else { return Ok(()) };
            let is_group = matches!(values.get(0), Value::Text(_));
            let options = if is_group { draft.peer(values)? } else { draft.introduce(values)? };
            options.remote_as = remote_as;
            Ok(())
        },
    )
    .print(|view, subject, values| {
        let Some(options) = named(view, subject, values) else { return false };
        values.set(1, Value::RemoteAs(options.remote_as));
        options.remote_as != RemoteAs::Unset
    }),
    Statement::new(
        "neighbor ADDRESS peer-group GROUP(NAME)",
        "makes the neighbor a member of a peer-group",
        join_group,
    )
    .print(|view, subject, values| {
        let Some(neighbor) =
            subject.index.checked_sub(view.groups.len()).and_then(|at| view.neighbors.get(at))
        else {
            return false;
        };
        let group = usize::from(neighbor.group).checked_sub(1).and_then(|index| view.groups.get(index));
        values.set(0, Value::Address(neighbor.address));
        values.set(1, Value::Text(group.map_or("", |group| view.text(group.name))));
        group.is_some()
    }),
    Statement::new("neighbor PEER description TEXT(LINE)", "a text for `show`", |draft, values| {
        let text = draft.intern(values.text(1))?;
        draft.peer(values)?.description = text;
        Ok(())
    })
    .print(|view, subject, values| text(view, subject, values, |options| options.description)),
    Statement::new(
        "neighbor PEER shutdown [message TEXT(LINE)]",
        "no session; the text goes out with the Cease (RFC 9003)",
        shutdown,
    )
    .no()
    .print(print_shutdown),
    Statement::new(
        "neighbor PEER password PASSWORD(LINE)",
        "signs TCP segments with MD5 (RFC 2385)",
        password,
    )
    .print(|view, subject, values| text(view, subject, values, |options| options.password)),
    Statement::new(
        "neighbor PEER ebgp-multihop [HOPS(1-255)]",
        "the TTL of what we send to an external neighbor; without a number 255",
        multihop,
    )
    .default("1 to a neighbor on a connected subnet, 16 to another one")
    .print(print_multihop),
    Statement::new(
        "neighbor PEER ttl-security hops HOPS(1-254)",
        "sends with TTL 255 and takes only what came over at most so many hops (RFC 5082)",
        |draft, values| {
            draft.peer(values)?.ttl_security = u8::try_from(values.number(1)).unwrap_or(u8::MAX);
            Ok(())
        },
    )
    .print(|view, subject, values| number(view, subject, values, |options| u32::from(options.ttl_security))),
    Statement::new(
        "neighbor PEER update-source ADDRESS|IFNAME",
        "connects from this address, or from this interface's",
        update_source,
    )
    .default("the address that the route to the neighbor has, never a shared one")
    .print(print_update_source),
    Statement::new(
        "neighbor FE80::ADDRESS(X:X::X:X) interface IFNAME",
        "the interface of a link-local neighbor",
        |draft, values| {
            let name = draft.intern(values.text(1))?;
            draft.peer(values)?.interface = name;
            Ok(())
        },
    ),
    Statement::new(
        "neighbor PEER timers connect SECONDS(1-65535)",
        "the longest time between two attempts to connect",
        |draft, values| {
            draft.peer(values)?.connect = u16::try_from(values.number(1)).unwrap_or(u16::MAX);
            Ok(())
        },
    )
    .default("attempts are 200 ms apart for 2 s, then 1 s; after a refusal by Cease up to 60 s")
    .print(|view, subject, values| number(view, subject, values, |options| u32::from(options.connect))),
    Statement::new(
        "neighbor PEER timers KEEPALIVE(0-65535) HOLD(0-65535)",
        "keepalive and hold time in seconds; the lower hold time of both sides holds",
        timers,
    )
    .default("`timers bgp`, else 3 9")
    .print(print_timers),
    Statement::new("neighbor PEER port PORT(1-65535)", "the neighbor's TCP port", |draft, values| {
        draft.peer(values)?.port = u16::try_from(values.number(1)).unwrap_or(u16::MAX);
        Ok(())
    })
    .default("179")
    .print(|view, subject, values| number(view, subject, values, |options| u32::from(options.port))),
    Statement::new("neighbor PEER passive", "never connects, waits for the neighbor", |draft, values| {
        switch(draft, values, PeerFlags::PASSIVE)
    })
    .no()
    .print(|view, subject, values| print_switch(view, subject, values, PeerFlags::PASSIVE)),
    Statement::new(
        "neighbor PEER capability extended-nexthop",
        "IPv4 routes may have an IPv6 next hop (RFC 8950)",
        |draft, values| switch(draft, values, PeerFlags::EXTENDED_NEXT_HOP),
    )
    .no()
    .default("on when the session runs over IPv6")
    .print(|view, subject, values| print_switch(view, subject, values, PeerFlags::EXTENDED_NEXT_HOP)),
    Statement::new(
        "neighbor PEER <disable-connected-check|enforce-multihop>",
        "an external neighbor that is not on a connected subnet is reached with TTL 1 all the same",
        |draft, values| switch(draft, values, PeerFlags::DISABLE_CONNECTED_CHECK),
    )
    .no()
    .print(|view, subject, values| print_switch(view, subject, values, PeerFlags::DISABLE_CONNECTED_CHECK)),
    Statement::new(
        "neighbor PEER bfd",
        "watches the path with BFD (RFC 5880), and ends the session as soon as it is down",
        bfd,
    )
    .no()
    .default("off")
    .print(|view, subject, values| {
        let options = named(view, subject, values);
        options.is_some_and(|options| options.bfd_profile.is_empty())
            && print_switch(view, subject, values, PeerFlags::BFD)
    }),
    Statement::new(
        "neighbor PEER bfd strict [hold-time SECONDS(1-4294967295)]",
        "the same, and no session before BFD is up",
        bfd_strict,
    )
    .no()
    .print(|view, subject, values| print_switch(view, subject, values, PeerFlags::BFD_STRICT)),
    Statement::new(
        "neighbor PEER bfd profile [NAME]",
        "watches the path with BFD and the timers of this profile",
        bfd_profile,
    )
    .no()
    .print(|view, subject, values| {
        text(view, subject, values, |options| options.bfd_profile) && !values.text(1).contains(' ')
    }),
    Statement::new(
        "neighbor PEER bfd MULTIPLIER(2-255) RECEIVE(10-60000) TRANSMIT(10-60000)",
        "watches the path with BFD and these timers: detect-multiplier, receive-interval, transmit-interval",
        bfd_numbers,
    )
    .print(print_bfd_numbers),
];

/// Of the session's routes; below `address-family`, and below `router bgp` of IPv4.
pub(super) const FAMILY: &[Statement] = &[
    Statement::new("neighbor PEER activate", "exchanges routes of this family", |draft, values| {
        let switch = of_family(ACTIVATE, draft.place.family);
        draft.peer(values)?.flags.set(switch, !values.negated);
        Ok(())
    })
    .no()
    .default("IPv4: on; IPv6: off")
    .print(|view, subject, values| {
        let Some(options) = named(view, subject, values) else { return false };
        let value = options.flags.get(of_family(ACTIVATE, subject.family));
        values.negated = value == Some(false);
        value.is_some()
    }),
    Statement::new(
        "neighbor PEER route-map NAME <in|out>",
        "out: what of our routes the neighbor hears, and with which attributes; in: what `steer` may take, and as what",
        |draft, values| list(draft, values, |options| [&mut options.map_in, &mut options.map_out]),
    )
    .no(),
    Statement::new(
        "neighbor PEER prefix-list NAME <in|out>",
        "out: which of our routes the neighbor hears; in: which of its routes `steer` may take",
        |draft, values| list(draft, values, |options| [&mut options.list_in, &mut options.list_out]),
    )
    .no(),
    Statement::new(
        "neighbor PEER maximum-prefix N(1-4294967295) [PERCENT(1-100)] {[warning-only]|restart MINUTES(1-65535)|[force]}",
        "ends the session when `steer` keeps more routes of this family of the neighbor than this, or only says so; the \
         percentage, `restart` and `force` have no effect",
        maximum_prefix,
    )
    .print(print_maximum_prefix),
    Statement::new(
        "neighbor PEER next-hop-self",
        "no effect: what we announce always has our own next hop",
        |draft, values| switch(draft, values, of_family(PeerFlags::NEXT_HOP_SELF, draft.place.family)),
    )
    .no()
    .print(|view, subject, values| {
        print_switch(view, subject, values, of_family(PeerFlags::NEXT_HOP_SELF, subject.family))
    }),
    // These rows print one direction each of the two above.
    Statement::printed("neighbor PEER prefix-list NAME in", |view, subject, values| {
        print_list(view, subject, values, |options| &options.list_in)
    }),
    Statement::printed("neighbor PEER prefix-list NAME out", |view, subject, values| {
        print_list(view, subject, values, |options| &options.list_out)
    }),
    Statement::printed("neighbor PEER route-map NAME in", |view, subject, values| {
        print_list(view, subject, values, |options| &options.map_in)
    }),
    Statement::printed("neighbor PEER route-map NAME out", |view, subject, values| {
        print_list(view, subject, values, |options| &options.map_out)
    }),
];

/// The options of the subject, a peer-group or beyond them a neighbor; its name or address becomes the first value.
fn named<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> Option<&'v PeerOptions> {
    if let Some(group) = view.groups.get(subject.index) {
        values.set(0, Value::Text(view.text(group.name)));
        return Some(&group.options);
    }
    let neighbor = view.neighbors.get(subject.index.checked_sub(view.groups.len())?)?;
    values.set(0, Value::Address(neighbor.address));
    Some(&neighbor.options)
}

fn text<'v>(
    view: &ConfigView<'v>,
    subject: Subject,
    values: &mut Values<'v>,
    which: fn(&PeerOptions) -> crate::config::model::Span,
) -> bool {
    let text = named(view, subject, values).map_or("", |options| view.text(which(options)));
    values.set(1, Value::Text(text));
    !text.is_empty()
}

fn number<'v>(
    view: &ConfigView<'v>,
    subject: Subject,
    values: &mut Values<'v>,
    which: fn(&PeerOptions) -> u32,
) -> bool {
    let number = named(view, subject, values).map_or(0, which);
    values.set(1, Value::Number(number));
    number > 0
}

fn switch(draft: &mut Draft<'_>, values: &Values<'_>, which: u16) -> Result<(), NotTaken> {
    draft.peer(values)?.flags.set(which, !values.negated);
    Ok(())
}

fn print_switch<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>, which: u16) -> bool {
    let value = named(view, subject, values).and_then(|options| options.flags.get(which));
    values.negated = value == Some(false);
    value.is_some()
}

/// `activate`, by family.
const ACTIVATE: [u16; 2] = [PeerFlags::ACTIVATE_V4, PeerFlags::ACTIVATE_V6];

/// A switch that there is of each family.
const fn of_family([v4, v6]: [u16; 2], family: Family) -> u16 {
    match family {
        Family::Ipv4 => v4,
        Family::Ipv6 => v6,
    }
}

fn define_group(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    if values.text(0).is_empty() {
        return Err(draft.senseless(0, "say which peer-group: `neighbor ADDRESS peer-group NAME`"));
    }
    draft.introduce(values).map(|_| ())
}

fn join_group(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    draft.join_group(values)
}

fn shutdown(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let text = values.text(1);
    if text.len() > SHUTDOWN_TEXT {
        return Err(draft.blame(1, ErrorKind::TooLong(SHUTDOWN_TEXT)));
    }
    let text = draft.intern(text)?;
    let options = draft.peer(values)?;
    options.flags.set(PeerFlags::SHUTDOWN, !values.negated);
    options.shutdown_text = if values.negated { crate::config::model::Span::EMPTY } else { text };
    Ok(())
}

fn print_shutdown<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let message = named(view, subject, values).map_or("", |options| view.text(options.shutdown_text));
    if !message.is_empty() {
        values.set(1, Value::Text(message));
    }
    print_switch(view, subject, values, PeerFlags::SHUTDOWN)
}

fn password(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    if !draft.platform.md5 {
        return Err(draft.cannot("cannot sign TCP segments (RFC 2385)"));
    }
    if values.text(1).len() > PASSWORD {
        // The text itself is a secret and stays out of the message.
        return Err(draft.senseless(Fault::WHOLE, "a password has at most 80 octets"));
    }
    if values.text(1) == HIDDEN {
        return Err(draft.senseless(Fault::WHOLE, "a password was hidden here: put the real one there"));
    }
    let password = draft.intern(values.text(1))?;
    draft.peer(values)?.password = password;
    Ok(())
}

fn multihop(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let options = draft.peer(values)?;
    options.flags.set(PeerFlags::EBGP_MULTIHOP, true);
    options.multihop = u8::try_from(values.number(1)).unwrap_or(u8::MAX);
    Ok(())
}

fn print_multihop<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    if let Some(options) = named(view, subject, values)
        && options.multihop > 0
    {
        values.set(1, Value::Number(u32::from(options.multihop)));
    }
    print_switch(view, subject, values, PeerFlags::EBGP_MULTIHOP)
}

fn update_source(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    if let Value::Address(address) = values.get(1) {
        if is_nobodys(address) {
            return Err(draft.senseless(1, "no host has this address"));
        }
        draft.peer(values)?.update_source = address;
    } else {
        let name = draft.intern(values.text(1))?;
        draft.peer(values)?.interface = name;
    }
    Ok(())
}

fn print_update_source<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(options) = named(view, subject, values) else { return false };
    let rest = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    if options.update_source == rest {
        values.set(1, Value::Text(view.text(options.interface)));
        !options.interface.is_empty()
    } else {
        values.set(1, Value::Address(options.update_source));
        true
    }
}

fn timers(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    let (keepalive, hold) = super::router_bgp::keepalive_and_hold(draft, values, 1)?;
    let options = draft.peer(values)?;
    (options.keepalive, options.hold) = (keepalive, hold);
    options.flags.set(PeerFlags::TIMERS, true);
    Ok(())
}

fn print_timers<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(options) = named(view, subject, values) else { return false };
    values.set(1, Value::Number(u32::from(options.keepalive)));
    values.set(2, Value::Number(u32::from(options.hold)));
    options.flags.on(PeerFlags::TIMERS)
}

/// `neighbor X bfd`; with `no` everything that was said of BFD.
fn bfd(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    if !values.negated {
        draft.needs_bfd()?;
    }
    let options = draft.peer(values)?;
    options.flags.set(PeerFlags::BFD, !values.negated);
    if values.negated {
        options.flags.set(PeerFlags::BFD_STRICT, false);
        options.bfd_profile = Span::EMPTY;
    }
    Ok(())
}

fn bfd_strict(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    if values.given(1) {
        draft.note(values, 1, super::no_effect::STRICT);
        if values.negated {
            return Ok(());
        }
    }
    if !values.negated {
        draft.needs_bfd()?;
    }
    switch(draft, values, PeerFlags::BFD_STRICT)
}

fn bfd_profile(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    if values.negated {
        draft.peer(values)?.bfd_profile = Span::EMPTY;
        return Ok(());
    }
    draft.needs_bfd()?;
    if !values.given(1) {
        return Err(draft.blame(Fault::WHOLE, ErrorKind::Incomplete));
    }
    let name = draft.intern(values.text(1))?;
    let options = draft.peer(values)?;
    options.bfd_profile = name;
    options.flags.set(PeerFlags::BFD, true);
    Ok(())
}

/// The numbers are kept as a profile whose name they are: with blanks in it, it can have no other.
fn bfd_numbers(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    draft.needs_bfd()?;
    let words = [1, 2, 3].map(|index| draft.word(values, index));
    let number = |index| u16::try_from(values.number(index)).unwrap_or(u16::MAX);
    let profile = BfdProfile {
        multiplier: u8::try_from(values.number(1)).unwrap_or(u8::MAX),
        receive_ms: number(2),
        transmit_ms: number(3),
        ..BfdProfile::default()
    };
    let name = draft.intern_words(&words)?;
    draft.add_bfd_profile(name, profile)?;
    let options = draft.peer(values)?;
    options.bfd_profile = name;
    options.flags.set(PeerFlags::BFD, true);
    Ok(())
}

fn print_bfd_numbers<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let name = named(view, subject, values).map_or("", |options| view.text(options.bfd_profile));
    for (index, word) in (1..).zip(name.split(' ')) {
        values.set(index, Value::Text(word));
    }
    name.contains(' ')
}

fn list(
    draft: &mut Draft<'_>,
    values: &Values<'_>,
    which: fn(&mut PeerOptions) -> [&mut [ListRef; 2]; 2],
) -> Result<(), NotTaken> {
    let list = if values.negated { ListRef::NONE } else { draft.reference(values.text(1))? };
    let family = draft.place.family.index();
    let [inward, outward] = which(draft.peer(values)?);
    let by_family = if values.number(2) == 1 { outward } else { inward };
    if let Some(place) = by_family.get_mut(family) {
        *place = list;
    }
    Ok(())
}

fn print_list<'v>(
    view: &ConfigView<'v>,
    subject: Subject,
    values: &mut Values<'v>,
    which: fn(&PeerOptions) -> &[ListRef; 2],
) -> bool {
    let options = named(view, subject, values);
    let list = options.and_then(|options| which(options).get(subject.family.index()).copied());
    let name = list.map_or("", |list| view.text(list.name));
    values.set(1, Value::Text(name));
    !name.is_empty()
}

fn maximum_prefix(draft: &mut Draft<'_>, values: &Values<'_>) -> Result<(), NotTaken> {
    const WARNING_ONLY: usize = 3;
    let family = draft.place.family;
    let options = draft.peer(values)?;
    if let Some(limit) = options.maximum_prefix.get_mut(family.index()) {
        *limit = values.number(1);
    }
    // Given and off: a member whose group only warns has said that it does not.
    options.flags.set(of_family(PeerFlags::MAXIMUM_PREFIX_WARNING, family), values.given(WARNING_ONLY));
    for (place, why) in [(2, PERCENT), (4, RESTART), (5, FORCE)] {
        if values.given(place) {
            draft.note(values, place, why);
        }
    }
    Ok(())
}

const PERCENT: &str = "what is said is said when the limit is passed";
const RESTART: &str =
    "after a session that ended for it the pauses before the next attempt grow by themselves";
const FORCE: &str = "only routes that `steer` keeps are counted";

fn print_maximum_prefix<'v>(view: &ConfigView<'v>, subject: Subject, values: &mut Values<'v>) -> bool {
    let Some(options) = named(view, subject, values) else { return false };
    let limit = options.maximum_prefix.get(subject.family.index()).copied().unwrap_or(0);
    values.set(1, Value::Number(limit));
    if options.flags.on(of_family(PeerFlags::MAXIMUM_PREFIX_WARNING, subject.family)) {
        values.set(3, Value::Given);
    }
    limit > 0
}
