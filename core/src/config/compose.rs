//! A configuration that is composed in code instead of read from a text: for an image that has no room for the language.
//!
//! The same things are checked at its end as at the end of a text: who owns which prefix, what a name refers to, what is
//! missing. What a statement checks of its own values is the caller's to keep to.

use core::net::IpAddr;

use super::build::Draft;
use super::error::{ErrorKind, NotTaken};
use super::model::{
    Bgp, Check, Clause, Config, List, Neighbor, Owner, PeerOptions, Route, Rule, Service, Span,
};
use super::platform::Platform;

/// A configuration that is being composed.
pub struct Builder<'a> {
    draft: Draft<'a>,
}

impl core::fmt::Debug for Builder<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Builder")
    }
}

/// Composes a configuration in the place of what `config` holds. The error is the first thing that is wrong; `config` is
/// empty then.
///
/// ```
/// use holdover_core::base::net::Asn;
/// use holdover_core::config::{Config, ErrorKind, PeerOptions, Platform, RemoteAs, compose};
///
/// let mut config = Box::new(Config::<1, 1>::new());
/// let peer = PeerOptions { remote_as: RemoteAs::Number(Asn(65_001)), ..PeerOptions::REST };
/// compose(&Platform::ALL, &mut config, |builder| {
///     builder.bgp().local_as = Asn(65_000);
///     builder.neighbor("192.0.2.2".parse().unwrap(), peer)
/// })?;
/// assert_eq!(config.view().neighbors.len(), 1);
///
/// let nobody = compose(&Platform::ALL, &mut config, |builder| {
///     builder.bgp().local_as = Asn(65_000);
///     builder.neighbor("192.0.2.2".parse().unwrap(), PeerOptions::REST)
/// });
/// assert_eq!(nobody, Err(ErrorKind::NoRemoteAs));
/// # Ok::<(), ErrorKind>(())
/// ```
pub fn compose<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize>(
    platform: &Platform,
    config: &mut Config<P, S, R, U, T>,
    describe: impl FnOnce(&mut Builder<'_>) -> Result<(), ErrorKind>,
) -> Result<(), ErrorKind> {
    config.clear();
    let mut first = Ok(());
    let mut report = |diagnostic: super::Diagnostic<'_>| {
        if diagnostic.severity == super::Severity::Error && first.is_ok() {
            first = Err(diagnostic.what);
        }
    };
    let mut builder = Builder { draft: Draft::new(&[], platform, config.edit(), &mut report) };
    let described = describe(&mut builder);
    let errors = builder.draft.finish(None);
    let result = described.and(first);
    if errors > 0 || result.is_err() {
        config.clear();
    }
    result
}

impl Builder<'_> {
    /// A name or text, to be referred to by what it gives.
    pub fn text(&mut self, text: &str) -> Result<Span, ErrorKind> {
        self.draft.intern(text).map_err(|NotTaken| self.draft.fault.what)
    }

    /// `hostname NAME`.
    pub fn hostname(&mut self, name: &str) -> Result<(), ErrorKind> {
        *self.draft.config.hostname = self.text(name)?;
        Ok(())
    }

    /// `router bgp`.
    pub fn bgp(&mut self) -> &mut Bgp {
        self.draft.config.bgp
    }

    /// A neighbor with its options; each address once.
    pub fn neighbor(&mut self, address: IpAddr, options: PeerOptions) -> Result<(), ErrorKind> {
        let neighbor = Neighbor { address, options, ..Neighbor::REST };
        let full = ErrorKind::Full(super::Limit::Neighbors, self.draft.config.neighbors.capacity());
        self.draft.config.neighbors.push(neighbor).map_err(|_| full)
    }

    /// A failover block with its addresses, each with the length of the prefix that is announced for it. Gives its place,
    /// for its checks.
    pub fn service(&mut self, service: Service, addresses: &[(IpAddr, u8)]) -> Result<u16, ErrorKind> {
        let place = self.draft.config.services.as_slice().len();
        let full = ErrorKind::Full(super::Limit::Services, self.draft.config.services.capacity());
        let place = u16::try_from(place).map_err(|_| full)?;
        self.draft.config.services.push(service).map_err(|_| full)?;
        for &(address, length) in addresses {
            self.route(Route { address, length, owner: Owner::Service(place), ..Route::REST })?;
        }
        Ok(place)
    }

    /// A check of a service.
    pub fn check(&mut self, check: Check) -> Result<(), ErrorKind> {
        self.draft.add_check(check).map_err(|NotTaken| self.draft.fault.what)
    }

    /// A route that is announced, or an address that is bound.
    pub fn route(&mut self, route: Route) -> Result<(), ErrorKind> {
        self.draft.add_route(route).map_err(|NotTaken| self.draft.fault.what)
    }

    /// An entry of a route-map, with its clauses.
    pub fn route_map(
        &mut self,
        name: &str,
        sequence: u32,
        deny: bool,
        clauses: &[Clause],
    ) -> Result<(), ErrorKind> {
        let name = self.text(name)?;
        for &clause in [Clause::Entry].iter().chain(clauses) {
            let rule = Rule { name, sequence, list: List::RouteMap, deny, clause };
            self.draft.insert_rule(rule).map_err(|NotTaken| self.draft.fault.what)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::net::Asn;
    use crate::config::{ListRef, Printed, RemoteAs, parse};
    use std::boxed::Box;
    use std::format;

    fn description(builder: &mut Builder<'_>) -> Result<(), ErrorKind> {
        builder.hostname("edge-1")?;
        builder.bgp().local_as = Asn(65_001);
        let options = PeerOptions { remote_as: RemoteAs::Number(Asn(64_500)), ..PeerOptions::REST };
        builder.neighbor("203.0.113.1".parse().unwrap(), options)?;
        builder.route_map("primary", 10, false, &[Clause::SetLargeCommunity([63_949, 1, 1])])?;
        let active = ListRef { name: builder.text("primary")?, first: 0 };
        let service = Service { name: builder.text("web")?, active, ..Service::DEFAULT };
        builder.service(service, &[("192.0.2.10".parse().unwrap(), 32)])?;
        Ok(())
    }

    const SAME: &str = "hostname edge-1\nrouter bgp 65001\n neighbor 203.0.113.1 remote-as 64500\nexit\n\
                        route-map primary permit 10\n set large-community 63949:1:1\nexit\n\
                        failover web\n address 192.0.2.10/32\n active route-map primary\nexit\n";

    #[test]
    fn what_is_composed_is_what_the_text_says() {
        let mut composed = Box::<Config<2, 2>>::default();
        compose(&Platform::ALL, &mut composed, description).unwrap();
        let mut read = Box::<Config<2, 2>>::default();
        parse(SAME, &Platform::ALL, &mut read, &mut |_| {}).unwrap();
        assert_eq!(format!("{}", Printed(composed.view())), format!("{}", Printed(read.view())));
        assert_eq!(composed.view().services, read.view().services);
        assert_eq!(composed.view().rules, read.view().rules);
    }

    #[test]
    fn what_does_not_fit_together_is_an_error_and_leaves_nothing() {
        let mut config = Box::<Config<2, 2>>::default();
        let missing = compose(&Platform::ALL, &mut config, |builder| {
            description(builder)?;
            let active = ListRef { name: builder.text("nowhere")?, first: 0 };
            let service = Service { name: builder.text("dns")?, active, ..Service::DEFAULT };
            builder.service(service, &[("192.0.2.11".parse().unwrap(), 32)]).map(drop)
        });
        assert!(matches!(missing, Err(ErrorKind::Undefined(_))), "{missing:?}");
        assert_eq!(
            format!("{}", Printed(config.view())),
            format!("{}", Printed(Config::<2, 2>::new().view()))
        );
        let full = compose(&Platform::ALL, &mut config, |builder| {
            (0..3).try_for_each(|last| {
                builder.neighbor(IpAddr::from([203, 0, 113, last + 1]), PeerOptions::REST)
            })
        });
        assert!(matches!(full, Err(ErrorKind::Full(..))), "{full:?}");
    }
}
