//! Which of the guard's rules are still needed: it has few, and forgets none by itself.

use core::net::IpAddr;

use holdover_core::base::net::{Family, Prefix};
use holdover_core::engine::{IoError, TcpOptions};

use crate::frame::guard::{Guard, Refused};

/// Prefixes whose key could not be kept.
const BARRED: usize = 8;

/// A prefix that the guard has a rule for.
#[derive(Clone, Copy, Debug)]
struct Rule {
    prefix: Prefix,
    /// A listener demands it: it stays until the listener says otherwise.
    of_listener: bool,
}

/// What the guard was told.
#[derive(Debug)]
pub(crate) struct Guarded<const RULES: usize> {
    rules: heapless::Vec<Rule, RULES>,
    /// They must not come in without a key, and the guard does not have it.
    barred: heapless::Vec<Prefix, BARRED>,
    /// There were more of those than there are places: nobody comes in.
    all_barred: bool,
}

impl<const RULES: usize> Guarded<RULES> {
    pub(crate) const fn new() -> Self {
        Self { rules: heapless::Vec::new(), barred: heapless::Vec::new(), all_barred: false }
    }

    /// What must hold of a connection that we open, from its first segment on.
    pub(crate) fn dial(
        &mut self,
        guard: &mut Guard<RULES>,
        remote: IpAddr,
        port: u16,
        options: &TcpOptions<'_>,
        in_use: impl Fn(Prefix) -> bool,
    ) -> Result<(), IoError> {
        let prefix = Prefix::host(remote);
        self.make_room(guard, prefix, in_use);
        guard.set_key(prefix, port, options.key.map(|key| key.0)).map_err(why)?;
        guard.set_least_ttl(prefix, port, options.min_ttl).map_err(why)?;
        self.note(prefix, false);
        Ok(())
    }

    /// What must hold of an accepted connection from now on; its key came with the listener's.
    pub(crate) fn adopt(
        &mut self,
        guard: &mut Guard<RULES>,
        remote: IpAddr,
        port: u16,
        least_ttl: u8,
        in_use: impl Fn(Prefix) -> bool,
    ) -> Result<(), IoError> {
        let prefix = Prefix::host(remote);
        if least_ttl == 0 && !self.rules.iter().any(|rule| rule.prefix == prefix) {
            return Ok(());
        }
        self.make_room(guard, prefix, in_use);
        guard.set_least_ttl(prefix, port, least_ttl).map_err(why)?;
        self.note(prefix, false);
        Ok(())
    }

    /// The key that a listener demands of these peers. One that cannot be kept keeps them out.
    pub(crate) fn listen(
        &mut self,
        guard: &mut Guard<RULES>,
        prefix: Prefix,
        port: u16,
        key: Option<&[u8]>,
        in_use: impl Fn(Prefix) -> bool,
    ) {
        self.barred.retain(|barred| *barred != prefix);
        self.make_room(guard, prefix, in_use);
        if guard.set_key(prefix, port, key).is_ok() {
            self.note(prefix, true);
        } else if key.is_some() {
            self.all_barred |= self.barred.push(prefix).is_err();
        }
    }

    /// A listener is gone, and what it demanded of peers of its family; what their connections still need stays.
    pub(crate) fn unlisten(
        &mut self,
        guard: &mut Guard<RULES>,
        family: Family,
        in_use: impl Fn(Prefix) -> bool,
    ) {
        self.barred.retain(|barred| barred.family() != family);
        self.all_barred = false;
        self.rules.retain(|rule| {
            let goes = rule.of_listener && rule.prefix.family() == family && !in_use(rule.prefix);
            if goes {
                guard.forget(rule.prefix);
            }
            !goes
        });
        for rule in self.rules.iter_mut().filter(|rule| rule.prefix.family() == family) {
            rule.of_listener = false;
        }
    }

    /// Whether somebody must not come in.
    pub(crate) fn bars(&self, remote: IpAddr) -> bool {
        self.all_barred || self.barred.iter().any(|prefix| prefix.contains(remote))
    }

    /// When the guard is full, forgets a rule that no connection has and no listener demands.
    fn make_room(&mut self, guard: &mut Guard<RULES>, prefix: Prefix, in_use: impl Fn(Prefix) -> bool) {
        if !self.rules.is_full() || self.rules.iter().any(|rule| rule.prefix == prefix) {
            return;
        }
        let idle = |rule: &Rule| !rule.of_listener && !in_use(rule.prefix);
        if let Some(place) = self.rules.iter().position(idle) {
            guard.forget(self.rules.swap_remove(place).prefix);
        }
    }

    fn note(&mut self, prefix: Prefix, of_listener: bool) {
        match self.rules.iter_mut().find(|rule| rule.prefix == prefix) {
            Some(rule) => rule.of_listener |= of_listener,
            None => {
                // It has as many places as the guard.
                let _ = self.rules.push(Rule { prefix, of_listener });
            }
        }
    }
}

const fn why(refused: Refused) -> IoError {
    match refused {
        Refused::Full => IoError::Exhausted,
        Refused::KeyTooLong => IoError::Unsupported,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdover_core::engine::Secret;

    const PORT: u16 = 179;

    fn range(third: u8) -> Prefix {
        Prefix::new(IpAddr::from([10, 0, third, 0]), 24).expect("a prefix")
    }

    fn host(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn dial(guarded: &mut Guarded<2>, guard: &mut Guard<2>, last: u8, used: &[u8]) -> Result<(), IoError> {
        let options = TcpOptions { key: Some(Secret(b"key")), ttl: 1, min_ttl: 0 };
        let in_use = |prefix: Prefix| used.iter().any(|last| prefix.contains(host(*last)));
        guarded.dial(guard, host(last), PORT, &options, in_use)
    }

    #[test]
    fn a_rule_that_nobody_needs_makes_room_and_one_that_is_needed_does_not() {
        let (mut guarded, mut guard) = (Guarded::<2>::new(), Guard::<2>::new());
        assert_eq!(dial(&mut guarded, &mut guard, 1, &[]), Ok(()));
        assert_eq!(dial(&mut guarded, &mut guard, 2, &[1]), Ok(()));
        assert_eq!(dial(&mut guarded, &mut guard, 3, &[1, 2]), Err(IoError::Exhausted));
        assert_eq!(dial(&mut guarded, &mut guard, 2, &[1, 2]), Ok(()), "it has its place already");
        assert_eq!(dial(&mut guarded, &mut guard, 3, &[1]), Ok(()));
    }

    #[test]
    fn a_listener_that_is_gone_leaves_its_places_to_others() {
        let (mut guarded, mut guard) = (Guarded::<2>::new(), Guard::<2>::new());
        for third in [1, 2] {
            guarded.listen(&mut guard, range(third), PORT, Some(b"key"), |_| false);
        }
        assert_eq!(dial(&mut guarded, &mut guard, 1, &[]), Err(IoError::Exhausted));
        guarded.unlisten(&mut guard, Family::Ipv6, |_| false);
        assert_eq!(dial(&mut guarded, &mut guard, 1, &[]), Err(IoError::Exhausted));
        guarded.unlisten(&mut guard, Family::Ipv4, |_| false);
        for last in [1, 2] {
            assert_eq!(dial(&mut guarded, &mut guard, last, &[1]), Ok(()));
        }
    }

    #[test]
    fn a_key_that_cannot_be_kept_keeps_its_peers_out_until_it_is_another_one() {
        let (mut guarded, mut guard) = (Guarded::<2>::new(), Guard::<2>::new());
        let inside = |third| IpAddr::from([10, 0, third, 7]);
        for third in [1, 2, 3] {
            guarded.listen(&mut guard, range(third), PORT, Some(b"key"), |_| false);
        }
        assert_eq!([1, 2, 3].map(|third| guarded.bars(inside(third))), [false, false, true]);
        guarded.listen(&mut guard, range(3), PORT, None, |_| false);
        assert!(!guarded.bars(inside(3)));
        guarded.listen(&mut guard, range(2), PORT, Some(&[b'x'; 81]), |_| false);
        assert!(guarded.bars(inside(2)), "too long to be a key");
        guarded.unlisten(&mut guard, Family::Ipv4, |_| false);
        assert!(!guarded.bars(inside(2)));
        for third in 10..30 {
            guarded.listen(&mut guard, range(third), PORT, Some(&[b'x'; 81]), |_| false);
        }
        assert!(guarded.bars(inside(9)), "who of them it was is not known any more");
    }
}
