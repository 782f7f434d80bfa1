//! The statement tables: one row per statement, one file per node.
//!
//! A row is syntax, help and two functions: `apply` puts the line's values into the configuration, `print` takes them
//! out again. Parsing, abbreviation, completion, `?`, `show running-config` and docs/config.md all come from these rows.
//! Within a node the first row that fits in full wins, so rows with keywords stand above rows with values in their place.

mod address_family;
mod bfd;
mod check;
mod common;
mod failover;
mod interface;
mod lists;
mod neighbor;
mod no_effect;
mod refused;
mod route_map;
mod router_bgp;
mod steer;
mod top;

use core::fmt;

use super::build::Draft;
use super::error::Fault;
use super::lint::Lint;
use super::matcher::{Token, Values};
use super::model::ConfigView;
use super::shown::Shown;
use crate::base::net::Family;

pub(super) use self::tables::Section;

/// Where a statement stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Node {
    /// The top level.
    #[default]
    Top,
    /// `router bgp`.
    Bgp,
    /// `address-family` in it.
    Family,
    /// `route-map`.
    RouteMap,
    /// `interface`.
    Interface,
    /// `failover`.
    Failover,
    /// `steer`.
    Steer,
    /// `bfd`.
    Bfd,
    /// `profile` in it.
    BfdProfile,
    /// Anywhere; such a statement ends no node.
    Any,
}

impl Node {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Top,
        Self::Bgp,
        Self::Family,
        Self::RouteMap,
        Self::Interface,
        Self::Failover,
        Self::Steer,
        Self::Bfd,
        Self::BfdProfile,
        Self::Any,
    ];

    /// The line that opens it, for messages.
    pub const fn header(self) -> &'static str {
        match self {
            Self::Top | Self::Any => "configure terminal",
            Self::Bgp => "router bgp",
            Self::Family => "address-family",
            Self::RouteMap => "route-map",
            Self::Interface => "interface",
            Self::Failover => "failover",
            Self::Steer => "steer",
            Self::Bfd => "bfd",
            Self::BfdProfile => "profile",
        }
    }

    /// The node around it.
    pub(crate) const fn parent(self) -> Self {
        match self {
            Self::Family => Self::Bgp,
            Self::BfdProfile => Self::Bfd,
            _ => Self::Top,
        }
    }

    /// The node that a line with this first word would open: what follows a broken one belongs there.
    pub(crate) fn opened_by(word: &str) -> Option<Self> {
        Some(match word {
            "router" => Self::Bgp,
            "address-family" => Self::Family,
            "route-map" => Self::RouteMap,
            "interface" => Self::Interface,
            "failover" => Self::Failover,
            "steer" => Self::Steer,
            "profile" => Self::BfdProfile,
            _ => return None,
        })
    }
}

/// The nodes a line is tried in, innermost first, and their rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    node: Node,
}

impl Scope {
    pub(crate) const fn of(node: Node) -> Self {
        Self { node }
    }

    pub(crate) fn nodes(self) -> impl Iterator<Item = (Node, &'static [&'static [Statement]])> {
        let outer = |node: Node| if node == Node::Top { Node::Any } else { node.parent() };
        core::iter::successors(Some(self.node), move |&node| (node != Node::Any).then(|| outer(node)))
            .map(|node| (node, tables(node)))
    }
}

/// What becomes of a statement (docs/config.md has the three tiers; the fourth deserves a warning).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// It acts.
    Act,
    /// It is accepted and has no effect here: why.
    NoEffect(&'static str),
    /// It is accepted, has no effect, and probably was not wanted.
    Warn(Lint),
    /// It is refused: why.
    Refused(&'static str),
}

/// What `no` in front of a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum No {
    /// There is no such form.
    Never,
    /// It turns the statement off.
    Form,
    /// It would turn off what Holdover always does: why not.
    Refused(&'static str),
}

/// What a line is printed from: an index into the table that its section says, and a family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    pub(crate) index: usize,
    pub(crate) family: Family,
}

pub(crate) type Apply = fn(&mut Draft<'_>, &Values<'_>) -> Result<(), Fault>;
pub(crate) type Print = for<'v> fn(&ConfigView<'v>, Subject, &mut Values<'v>) -> bool;

/// A row of a table.
#[derive(Clone, Copy)]
pub struct Statement {
    /// How it is written.
    pub syntax: &'static [Token],
    /// What it does, in a sentence without a full stop.
    pub help: &'static str,
    /// What holds when it is not given; empty when that needs no word.
    pub default: &'static str,
    /// What becomes of it.
    pub tier: Tier,
    pub(crate) no: No,
    /// It opens a block whose lines are skipped.
    pub(crate) block: bool,
    pub(crate) apply: Apply,
    pub(crate) print: Option<Print>,
}

impl fmt::Debug for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Shown(self.syntax))
    }
}

impl Statement {
    /// A statement that acts.
    const fn new(syntax: &'static [Token], help: &'static str, apply: Apply) -> Self {
        Self { syntax, help, default: "", tier: Tier::Act, no: No::Never, block: false, apply, print: None }
    }

    /// A statement that is accepted, and why it has no effect.
    const fn no_effect(syntax: &'static [Token], why: &'static str) -> Self {
        let row = Self::new(syntax, why, nothing);
        Self { tier: Tier::NoEffect(why), no: No::Form, ..row }
    }

    /// A statement that is refused, and why.
    const fn refused(syntax: &'static [Token], why: &'static str) -> Self {
        let row = Self::new(syntax, why, nothing);
        Self { tier: Tier::Refused(why), no: No::Form, ..row }
    }

    /// A row that is only printed: what it prints another row reads.
    const fn printed(syntax: &'static [Token], print: Print) -> Self {
        Self::new(syntax, "", nothing).print(print)
    }

    /// It has a `no` form.
    const fn no(self) -> Self {
        Self { no: No::Form, ..self }
    }

    /// Its `no` form is refused.
    const fn never_off(self, why: &'static str) -> Self {
        Self { no: No::Refused(why), ..self }
    }

    /// What holds without it.
    const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    /// How it is printed.
    const fn print(self, print: Print) -> Self {
        Self { print: Some(print), ..self }
    }

    /// It opens a block whose lines are skipped with it.
    const fn block(self) -> Self {
        Self { block: true, ..self }
    }

    /// Whether `no` may stand before it.
    pub fn has_no(&self) -> bool {
        self.no != No::Never
    }

    /// Whether its second value is a secret.
    pub(crate) fn is_secret(&self) -> bool {
        matches!(self.syntax, [_, _, Token::Word("password"), _])
    }

    /// Whether lines are matched against it.
    pub(crate) const fn is_read(&self) -> bool {
        !self.help.is_empty()
    }

    /// Whether it takes the rest of the line, so that a more precise row may follow.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.syntax.last(), Some(Token::Anything | Token::Line(_)))
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the type of every `apply`")]
fn nothing(_: &mut Draft<'_>, _: &Values<'_>) -> Result<(), Fault> {
    Ok(())
}

/// All rows of a node, the innermost statements first.
pub(crate) const fn tables(node: Node) -> &'static [&'static [Statement]] {
    match node {
        Node::Top => &[top::ROWS, lists::ROWS, top::ROUTES, refused::TOP, no_effect::TOP],
        Node::Bgp => &[
            router_bgp::ROWS,
            neighbor::SESSION,
            router_bgp::RULES,
            address_family::ROUTES,
            address_family::ROWS,
            neighbor::FAMILY,
            refused::BGP,
            refused::FAMILY,
            refused::NEIGHBOR_ROWS,
            no_effect::BGP,
            no_effect::NEIGHBOR_ROWS,
            router_bgp::OPENERS,
        ],
        Node::Family => &[
            address_family::ROUTES,
            address_family::ROWS,
            neighbor::FAMILY,
            refused::FAMILY,
            refused::NEIGHBOR_ROWS,
            no_effect::FAMILY,
            no_effect::NEIGHBOR_ROWS,
        ],
        Node::RouteMap => &[route_map::ROWS, refused::ROUTE_MAP, no_effect::ROUTE_MAP],
        Node::Interface => &[interface::ROWS, refused::INTERFACE, no_effect::INTERFACE],
        Node::Failover => &[failover::ROUTES, failover::ROWS, check::CHECKS, check::REFUSED],
        Node::Steer => &[steer::ROWS],
        Node::Bfd => &[bfd::OPENERS, bfd::REFUSED],
        Node::BfdProfile => &[bfd::PROFILE],
        Node::Any => &[common::ROWS],
    }
}

mod tables {
    use super::{
        Statement, address_family, bfd, check, failover, interface, lists, neighbor, route_map, router_bgp,
        steer, top,
    };

    /// The rows that are printed from one kind of thing.
    #[derive(Clone, Copy, Debug)]
    pub(in crate::config) enum Section {
        /// The configuration itself, top level.
        Top,
        /// A rule of a list.
        List,
        /// A rule of a route-map.
        RouteMap,
        /// A route: `ip route`.
        StaticRoute,
        /// A route: `interface` and its address.
        InterfaceHeader,
        /// A route: `ip address`.
        Interface,
        /// A rule: `bfd` profile header.
        BfdHeader,
        /// A rule: what stands in the profile.
        BfdProfile,
        /// `router bgp` itself.
        Bgp,
        /// A peer-group, or beyond them a neighbor.
        Peer,
        /// A rule: `bgp listen range`.
        Listen,
        /// A family: its header.
        FamilyHeader,
        /// A peer, in a family.
        FamilyPeer,
        /// A route: `network`.
        Network,
        /// A family: `redistribute`.
        Family,
        /// A service: its header.
        FailoverHeader,
        /// A route: `address`.
        FailoverAddress,
        /// A service.
        Failover,
        /// A check.
        Check,
        /// A rule: `steer` itself.
        SteerHeader,
        /// A rule of a steer block.
        Steer,
    }

    impl Section {
        pub(in crate::config) const fn rows(self) -> &'static [Statement] {
            match self {
                Self::Top => top::ROWS,
                Self::List => lists::ROWS,
                Self::RouteMap => route_map::ROWS,
                Self::StaticRoute => top::ROUTES,
                Self::InterfaceHeader => interface::HEADER,
                Self::Interface => interface::ROWS,
                Self::BfdHeader => bfd::HEADER,
                Self::BfdProfile => bfd::PROFILE,
                Self::Bgp => router_bgp::ROWS,
                Self::Peer => neighbor::SESSION,
                Self::Listen => router_bgp::RULES,
                Self::FamilyHeader => address_family::HEADER,
                Self::FamilyPeer => neighbor::FAMILY,
                Self::Network => address_family::ROUTES,
                Self::Family => address_family::ROWS,
                Self::FailoverHeader => failover::HEADER,
                Self::FailoverAddress => failover::ROUTES,
                Self::Failover => failover::ROWS,
                Self::Check => check::CHECKS,
                Self::SteerHeader => steer::HEADER,
                Self::Steer => steer::ROWS,
            }
        }
    }
}
