//! The statement tables: one row per statement, one file per node.
//!
//! A row is syntax (`super::syntax` has the notation), help and two functions: `apply` puts the line's values into the
//! configuration, `print` takes them out again. As it is written here it is a [`Statement`], in the program a [`Row`].
//! Parsing, abbreviation, completion, `?`, `show running-config` and docs/config.md all come from these rows. Within a
//! node the first row that fits in full wins, so rows with keywords stand above rows with values in their place.

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
mod row;
mod steer;
mod top;

use core::fmt;

use super::build::Draft;
use super::error::NotTaken;
use super::lint::Lint;
use super::matcher::Values;
use super::model::ConfigView;
use super::shown::Shown;
use super::syntax::Syntax;
use crate::base::net::Family;

pub(super) use self::common::AROUND;
pub(super) use self::no_effect::{REMOVE_PRIVATE_AS, SEND_COMMUNITY};
pub(crate) use self::row::{Does, Place, Row};
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

    pub(crate) fn nodes(self) -> impl Iterator<Item = (Node, &'static [&'static [Row]])> {
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
}

/// What a line is printed from: an index into the table that its section says, and a family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject {
    pub(crate) index: usize,
    pub(crate) family: Family,
}

pub(crate) type Apply = fn(&mut Draft<'_>, &Values<'_>) -> Result<(), NotTaken>;
pub(crate) type Print = for<'v> fn(&ConfigView<'v>, Subject, &mut Values<'v>) -> bool;

/// A row of a table, as it is written.
#[derive(Clone, Copy)]
pub struct Statement {
    /// How it is written.
    pub syntax: Syntax,
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
    const fn new(syntax: &'static str, help: &'static str, apply: Apply) -> Self {
        let syntax = Syntax::new(syntax);
        Self { syntax, help, default: "", tier: Tier::Act, no: No::Never, block: false, apply, print: None }
    }

    /// A statement that is accepted, and why it has no effect.
    const fn no_effect(syntax: &'static str, why: &'static str) -> Self {
        let row = Self::new(syntax, why, nothing);
        Self { tier: Tier::NoEffect(why), no: No::Form, ..row }
    }

    /// A statement that is refused, and why.
    const fn refused(syntax: &'static str, why: &'static str) -> Self {
        let row = Self::new(syntax, why, nothing);
        Self { tier: Tier::Refused(why), no: No::Form, ..row }
    }

    /// A row that is only printed: what it prints another row reads.
    const fn printed(syntax: &'static str, print: Print) -> Self {
        Self::new(syntax, "", nothing).print(print)
    }

    /// It has a `no` form.
    const fn no(self) -> Self {
        Self { no: No::Form, ..self }
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

    /// Whether lines are matched against it.
    pub(crate) const fn is_read(&self) -> bool {
        !self.help.is_empty()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the type of every `apply`")]
fn nothing(_: &mut Draft<'_>, _: &Values<'_>) -> Result<(), NotTaken> {
    Ok(())
}

/// All rows of a node, the innermost statements first.
pub(crate) const fn tables(node: Node) -> &'static [&'static [Row]] {
    tables::rows_of(node)
}

/// The same as they are written, each at the same place: for the documentation.
pub(crate) const fn written(node: Node) -> &'static [&'static [Statement]] {
    tables::written_of(node)
}

/// Every row there is, some of them twice.
#[cfg(test)]
pub(crate) fn all_rows() -> impl Iterator<Item = &'static Statement> {
    let of_nodes = Node::ALL.into_iter().flat_map(|node| written(node).iter().copied().flatten());
    let headers = [interface::HEADER, bfd::HEADER, address_family::HEADER, failover::HEADER, steer::HEADER];
    of_nodes.chain(headers.into_iter().flatten())
}

mod tables {
    use super::{
        Node, Row, Statement, address_family, bfd, check, common, failover, interface, lists, neighbor,
        no_effect, refused, route_map, router_bgp, steer, top,
    };

    /// The tables in both forms, under one name; those whose rows are only printed are the program's alone.
    macro_rules! both {
        ({ $($name:ident = $table:expr;)* } { $($header:ident = $only:expr;)* }) => {
            /// As the program has them.
            mod rows {
                use super::*;
                $(pub(super) const $name: &[Row] = &Row::all::<{ $table.len() }>($table);)*
                $(pub(super) const $header: &[Row] = &Row::all::<{ $only.len() }>($only);)*
            }

            /// As they are written.
            mod written {
                use super::*;
                $(pub(super) const $name: &[Statement] = $table;)*
            }
        };
    }

    both! {
        {
            TOP_ROWS = top::ROWS;
            LISTS_ROWS = lists::ROWS;
            TOP_ROUTES = top::ROUTES;
            REFUSED_TOP = refused::TOP;
            NO_EFFECT_TOP = no_effect::TOP;
            ROUTER_BGP_ROWS = router_bgp::ROWS;
            NEIGHBOR_SESSION = neighbor::SESSION;
            ROUTER_BGP_RULES = router_bgp::RULES;
            ADDRESS_FAMILY_ROUTES = address_family::ROUTES;
            ADDRESS_FAMILY_ROWS = address_family::ROWS;
            NEIGHBOR_FAMILY = neighbor::FAMILY;
            REFUSED_BGP = refused::BGP;
            REFUSED_FAMILY = refused::FAMILY;
            REFUSED_NEIGHBOR = refused::NEIGHBOR_ROWS;
            NO_EFFECT_BGP = no_effect::BGP;
            NO_EFFECT_NEIGHBOR = no_effect::NEIGHBOR_ROWS;
            ROUTER_BGP_OPENERS = router_bgp::OPENERS;
            NO_EFFECT_FAMILY = no_effect::FAMILY;
            ROUTE_MAP_ROWS = route_map::ROWS;
            REFUSED_ROUTE_MAP = refused::ROUTE_MAP;
            NO_EFFECT_ROUTE_MAP = no_effect::ROUTE_MAP;
            INTERFACE_ROWS = interface::ROWS;
            REFUSED_INTERFACE = refused::INTERFACE;
            NO_EFFECT_INTERFACE = no_effect::INTERFACE;
            FAILOVER_ROUTES = failover::ROUTES;
            FAILOVER_ROWS = failover::ROWS;
            CHECK_CHECKS = check::CHECKS;
            CHECK_REFUSED = check::REFUSED;
            STEER_ROWS = steer::ROWS;
            BFD_OPENERS = bfd::OPENERS;
            BFD_REFUSED = bfd::REFUSED;
            BFD_PROFILE = bfd::PROFILE;
            COMMON_ROWS = common::ROWS;
        }
        {
            INTERFACE_HEADER = interface::HEADER;
            BFD_HEADER = bfd::HEADER;
            ADDRESS_FAMILY_HEADER = address_family::HEADER;
            FAILOVER_HEADER = failover::HEADER;
            STEER_HEADER = steer::HEADER;
        }
    }

    /// The tables of a node, in this form.
    macro_rules! of_node {
        ($form:ident, $node:expr) => {
            match $node {
                Node::Top => &[
                    $form::TOP_ROWS,
                    $form::LISTS_ROWS,
                    $form::TOP_ROUTES,
                    $form::REFUSED_TOP,
                    $form::NO_EFFECT_TOP,
                ],
                Node::Bgp => &[
                    $form::ROUTER_BGP_ROWS,
                    $form::NEIGHBOR_SESSION,
                    $form::ROUTER_BGP_RULES,
                    $form::ADDRESS_FAMILY_ROUTES,
                    $form::ADDRESS_FAMILY_ROWS,
                    $form::NEIGHBOR_FAMILY,
                    $form::REFUSED_BGP,
                    $form::REFUSED_FAMILY,
                    $form::REFUSED_NEIGHBOR,
                    $form::NO_EFFECT_BGP,
                    $form::NO_EFFECT_NEIGHBOR,
                    $form::ROUTER_BGP_OPENERS,
                ],
                Node::Family => &[
                    $form::ADDRESS_FAMILY_ROUTES,
                    $form::ADDRESS_FAMILY_ROWS,
                    $form::NEIGHBOR_FAMILY,
                    $form::REFUSED_FAMILY,
                    $form::REFUSED_NEIGHBOR,
                    $form::NO_EFFECT_FAMILY,
                    $form::NO_EFFECT_NEIGHBOR,
                ],
                Node::RouteMap => {
                    &[$form::ROUTE_MAP_ROWS, $form::REFUSED_ROUTE_MAP, $form::NO_EFFECT_ROUTE_MAP]
                }
                Node::Interface => {
                    &[$form::INTERFACE_ROWS, $form::REFUSED_INTERFACE, $form::NO_EFFECT_INTERFACE]
                }
                Node::Failover => {
                    &[$form::FAILOVER_ROUTES, $form::FAILOVER_ROWS, $form::CHECK_CHECKS, $form::CHECK_REFUSED]
                }
                Node::Steer => &[$form::STEER_ROWS],
                Node::Bfd => &[$form::BFD_OPENERS, $form::BFD_REFUSED],
                Node::BfdProfile => &[$form::BFD_PROFILE],
                Node::Any => &[$form::COMMON_ROWS],
            }
        };
    }

    pub(super) const fn rows_of(node: Node) -> &'static [&'static [Row]] {
        of_node!(rows, node)
    }

    pub(super) const fn written_of(node: Node) -> &'static [&'static [Statement]] {
        of_node!(written, node)
    }

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
        pub(in crate::config) const fn rows(self) -> &'static [Row] {
            match self {
                Self::Top => rows::TOP_ROWS,
                Self::List => rows::LISTS_ROWS,
                Self::RouteMap => rows::ROUTE_MAP_ROWS,
                Self::StaticRoute => rows::TOP_ROUTES,
                Self::InterfaceHeader => rows::INTERFACE_HEADER,
                Self::Interface => rows::INTERFACE_ROWS,
                Self::BfdHeader => rows::BFD_HEADER,
                Self::BfdProfile => rows::BFD_PROFILE,
                Self::Bgp => rows::ROUTER_BGP_ROWS,
                Self::Peer => rows::NEIGHBOR_SESSION,
                Self::Listen => rows::ROUTER_BGP_RULES,
                Self::FamilyHeader => rows::ADDRESS_FAMILY_HEADER,
                Self::FamilyPeer => rows::NEIGHBOR_FAMILY,
                Self::Network => rows::ADDRESS_FAMILY_ROUTES,
                Self::Family => rows::ADDRESS_FAMILY_ROWS,
                Self::FailoverHeader => rows::FAILOVER_HEADER,
                Self::FailoverAddress => rows::FAILOVER_ROUTES,
                Self::Failover => rows::FAILOVER_ROWS,
                Self::Check => rows::CHECK_CHECKS,
                Self::SteerHeader => rows::STEER_HEADER,
                Self::Steer => rows::STEER_ROWS,
            }
        }
    }
}
