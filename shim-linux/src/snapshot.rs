//! What `show` shows, in values that own their text: taken by the engine thread, read by the management thread.

use std::net::IpAddr;

use holdover_core::base::net::Prefix;
use holdover_core::base::time::Instant;
use holdover_core::config::{Owner, RouteSource};
use holdover_core::engine::LinkId;
use holdover_core::engine::record::NoNextHop;
use holdover_core::engine::view::{
    AddressState, CheckView, PeerView, RouteView, ServiceView, SteerView, Summary, TableState,
};

use crate::bridge::HostEngine;
use crate::host::facts::LinkName;

/// The most peers and services there are.
const PEERS: usize = 64;
const SERVICES: usize = 256;

/// The engine at one moment, without its long tables.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    /// When it was taken; zero: never.
    pub(crate) at: Instant,
    summary: Option<(Summary<'static>, String)>,
    peers: Vec<PeerRow>,
    services: Vec<ServiceRow>,
    checks: Vec<CheckRow>,
}

#[derive(Debug)]
struct PeerRow {
    view: PeerView<'static>,
    description: Box<str>,
    group: Box<str>,
    last_text: Box<[u8]>,
}

#[derive(Debug)]
struct ServiceRow {
    view: ServiceView<'static>,
    name: Box<str>,
}

#[derive(Debug)]
struct CheckRow {
    view: CheckView<'static>,
    service: Box<str>,
    name: Box<str>,
}

impl Snapshot {
    /// Takes the engine's state.
    pub(crate) fn take(&mut self, now: Instant, engine: &HostEngine) {
        self.at = now;
        let summary = engine.summary();
        self.summary = Some((without_text(&summary), summary.hostname.to_owned()));
        self.peers.clear();
        self.peers.extend((0..PEERS).filter_map(|place| engine.peer(place)).map(|view| PeerRow {
            view: peer_without_text(&view),
            description: view.description.into(),
            group: view.group.into(),
            last_text: view.last_text.into(),
        }));
        self.services.clear();
        self.services.extend(
            (0..SERVICES)
                .filter_map(|place| engine.service(place))
                .map(|view| ServiceRow { view: static_service(&view), name: view.name.into() }),
        );
        self.checks.clear();
        self.checks.extend((0..).map_while(|place| engine.check(place)).map(|view| CheckRow {
            view: static_check(&view),
            service: view.service.into(),
            name: view.name.into(),
        }));
    }

    /// The checks.
    pub(crate) fn checks(&self) -> impl Iterator<Item = CheckView<'_>> + Clone {
        self.checks.iter().map(|row| CheckView { service: &row.service, name: &row.name, ..row.view })
    }

    /// The whole at a glance; `None` before the first snapshot.
    pub(crate) fn summary(&self) -> Option<Summary<'_>> {
        self.summary.as_ref().map(|(summary, hostname)| Summary { hostname, ..*summary })
    }

    /// The peers.
    pub(crate) fn peers(&self) -> impl Iterator<Item = PeerView<'_>> + Clone {
        self.peers.iter().map(|row| PeerView {
            description: &row.description,
            group: &row.group,
            last_text: &row.last_text,
            ..row.view
        })
    }

    /// The services.
    pub(crate) fn services(&self) -> impl Iterator<Item = ServiceView<'_>> + Clone {
        self.services.iter().map(|row| ServiceView { name: &row.name, ..row.view })
    }
}

// The four below copy field by field: a value that borrows text for `'static` cannot be made from one that borrows it
// for less in any shorter way.

fn without_text(view: &Summary<'_>) -> Summary<'static> {
    Summary {
        hostname: "",
        local_as: view.local_as,
        router_id: view.router_id,
        started: view.started,
        peers: view.peers,
        established: view.established,
        services: view.services,
        routes: view.routes,
        announced: view.announced,
        steered: view.steered,
        stale_inputs: view.stale_inputs,
        bfd_unknown: view.bfd_unknown,
        bfd_refused: view.bfd_refused,
        listening: view.listening,
        configuring: view.configuring,
        stopping: view.stopping,
    }
}

fn peer_without_text(view: &PeerView<'_>) -> PeerView<'static> {
    PeerView {
        id: view.id,
        address: view.address,
        description: "",
        group: "",
        remote_as: view.remote_as,
        remote_id: view.remote_id,
        state: view.state,
        since: view.since,
        local: view.local,
        dynamic: view.dynamic,
        passive: view.passive,
        hold_time: view.hold_time,
        keepalive: view.keepalive,
        ttl: view.ttl,
        ttl_because: view.ttl_because,
        families: view.families,
        extended_next_hop: view.extended_next_hop,
        received: view.received,
        sent: view.sent,
        told: view.told,
        owed: view.owed,
        kept: view.kept,
        established: view.established,
        last_end: view.last_end,
        session_end: view.session_end,
        last_text: b"",
        hint: view.hint,
        bfd: view.bfd,
    }
}

fn static_service(view: &ServiceView<'_>) -> ServiceView<'static> {
    ServiceView {
        id: view.id,
        name: "",
        role: view.role,
        posture: view.posture,
        because: view.because,
        since: view.since,
        wish: view.wish,
        held_until: view.held_until,
        addresses: view.addresses,
        present: view.present,
        checks: view.checks,
        passing: view.passing,
    }
}

fn static_check(view: &CheckView<'_>) -> CheckView<'static> {
    CheckView {
        service: "",
        name: "",
        kind: view.kind,
        health: view.health,
        since: view.since,
        last: view.last,
        streak: view.streak,
        needed: view.needed,
    }
}

/// A route, as `show routes` has it.
#[derive(Clone, Debug)]
pub(crate) struct RouteRow {
    prefix: Prefix,
    owner: Owner,
    source: Option<RouteSource>,
    service: Option<Box<str>>,
    address: Option<AddressState>,
    link: Option<LinkId>,
    /// The name of its link; empty: none, or not known.
    pub(crate) link_name: LinkName,
    announced: bool,
    told: u16,
    held_back: Option<(IpAddr, NoNextHop)>,
    table: TableState,
}

impl RouteRow {
    /// Takes a row.
    pub(crate) fn take(view: &RouteView<'_>, link_name: LinkName) -> Self {
        Self {
            prefix: view.prefix,
            owner: view.owner,
            source: view.source,
            service: (!view.service.is_empty()).then(|| view.service.into()),
            address: view.address,
            link: view.link,
            link_name,
            announced: view.announced,
            told: view.told,
            held_back: view.held_back,
            table: view.table,
        }
    }

    /// The row as the engine shows it.
    pub(crate) fn view(&self) -> RouteView<'_> {
        RouteView {
            prefix: self.prefix,
            owner: self.owner,
            source: self.source,
            service: self.service.as_deref().unwrap_or(""),
            address: self.address,
            link: self.link,
            announced: self.announced,
            told: self.told,
            held_back: self.held_back,
            table: self.table,
        }
    }
}

/// A prefix that `steer` keeps, as `show routes` has it.
pub(crate) type SteerRow = SteerView;
