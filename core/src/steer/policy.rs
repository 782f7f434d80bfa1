//! The `steer` block: what is accepted, how much it is preferred, and whether it is installed.
//!
//! Several blocks count as one, in the order of their names.

use crate::base::net::Prefix;
use crate::config::{Clause, ConfigView, List, Rule};

/// A community that a `prefer` line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A community (RFC 1997).
    Community(u32),
    /// A large community (RFC 8092).
    Large([u32; 3]),
}

/// The lines of a configuration's `steer` blocks; none: nothing is accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steer<'a> {
    rules: &'a [Rule],
}

impl<'a> Steer<'a> {
    /// Finds them; rules are sorted by list, so this costs no walk.
    pub(crate) fn of(view: ConfigView<'a>) -> Self {
        let from = view.rules.partition_point(|rule| rule.list < List::Steer);
        let to = view.rules.partition_point(|rule| rule.list <= List::Steer);
        Self { rules: view.rules.get(from..to).unwrap_or(&[]) }
    }

    /// Whether there is such a block.
    pub(crate) const fn is_on(self) -> bool {
        !self.rules.is_empty()
    }

    /// Whether an `accept` line lets this prefix in.
    pub(crate) fn accepts(self, prefix: Prefix) -> bool {
        self.rules.iter().any(|rule| match rule.clause {
            Clause::Prefix { prefix: own, ge, le } => own.admits(prefix, ge, le),
            _ => false,
        })
    }

    /// The place of the first `prefer` line whose community the route has, counted from 0; behind the last line when it
    /// has none of them. Lower is better.
    pub(crate) fn rank(self, has: impl Fn(Asked) -> bool) -> u8 {
        let lines = self.rules.iter().filter_map(|rule| match rule.clause {
            Clause::PreferCommunity(community) => Some(Asked::Community(community)),
            Clause::PreferLargeCommunity(community) => Some(Asked::Large(community)),
            _ => None,
        });
        let mut behind = 0_u8;
        for asked in lines {
            if has(asked) {
                return behind;
            }
            behind = behind.saturating_add(1);
        }
        behind
    }

    /// `install kernel`.
    pub(crate) fn installs(self) -> bool {
        self.rules.iter().any(|rule| rule.clause == Clause::InstallKernel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    type Small = Config<1, 1, 4, 16, 64>;

    fn prefix(text: &str) -> Prefix {
        let (address, length) = text.split_once('/').unwrap();
        Prefix::new(address.parse().unwrap(), length.parse().unwrap()).unwrap()
    }

    fn config(lines: &[(List, Clause)]) -> Small {
        let mut config = Small::new();
        for &(list, clause) in lines {
            config.edit().rules.push(Rule { list, clause, ..Rule::REST }).unwrap();
        }
        config
    }

    #[test]
    fn without_a_block_nothing_is_accepted() {
        let config = config(&[(List::RouteMap, Clause::Entry), (List::ListenRange, Clause::InstallKernel)]);
        let steer = Steer::of(config.view());
        assert!(!steer.is_on() && !steer.accepts(prefix("192.0.2.10/32")) && !steer.installs());
    }

    #[test]
    fn a_block_accepts_what_it_names_and_nothing_else() {
        let accept = Clause::Prefix { prefix: prefix("192.0.2.0/24"), ge: 0, le: 32 };
        let config = config(&[
            (List::RouteMap, Clause::Entry),
            (List::Steer, accept),
            (List::Steer, Clause::InstallKernel),
        ]);
        let steer = Steer::of(config.view());
        assert!(steer.is_on() && steer.installs());
        assert!(steer.accepts(prefix("192.0.2.10/32")));
        assert!(!steer.accepts(prefix("198.51.100.1/32")));
        assert!(!steer.accepts(prefix("0.0.0.0/0")));
    }

    #[test]
    fn the_first_prefer_line_is_the_best_and_none_is_the_worst() {
        let (primary, secondary) = ([63_949, 1, 1], [63_949, 1, 2]);
        let config = config(&[
            (List::Steer, Clause::PreferLargeCommunity(primary)),
            (List::Steer, Clause::PreferCommunity(7)),
            (List::Steer, Clause::PreferLargeCommunity(secondary)),
        ]);
        let rank = |has: &[Asked]| Steer::of(config.view()).rank(|asked| has.contains(&asked));
        assert_eq!(rank(&[Asked::Large(primary), Asked::Large(secondary)]), 0);
        assert_eq!(rank(&[Asked::Community(7)]), 1);
        assert_eq!(rank(&[Asked::Large(secondary)]), 2);
        assert_eq!(rank(&[Asked::Community(8)]), 3);
    }

    #[test]
    fn a_block_as_it_is_written_keeps_its_order() {
        let text = "router bgp 63949\nsteer edge\n accept 192.0.2.0/24 le 32\n prefer large-community 63949:1:1\n \
                    prefer community 65000:1\n prefer large-community 63949:1:2\n install kernel\nexit\n\
                    route-map m permit 10\nset metric 1\n";
        let mut config = std::boxed::Box::<Config<1, 1>>::default();
        let platform = crate::config::Platform::ALL;
        assert!(crate::config::parse(text, &platform, &mut config, &mut |_| {}).is_ok());
        let steer = Steer::of(config.view());
        assert!(steer.installs() && steer.accepts(prefix("192.0.2.128/25")));
        assert!(!steer.accepts(prefix("192.0.0.0/16")));
        let ranks = [
            Asked::Large([63_949, 1, 1]),
            Asked::Community(65_000 << 16 | 1),
            Asked::Large([63_949, 1, 2]),
            Asked::Large([1, 1, 1]),
        ];
        assert_eq!(ranks.map(|has| steer.rank(|asked| asked == has)), [0, 1, 2, 3]);
    }
}
