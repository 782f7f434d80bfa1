//! Names: looked up by helpers of their own, one lookup of each name at a time. While the resolver is silent, the last
//! addresses that it gave are good enough: that it does not answer says nothing about the service.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use holdover_core::engine::ProbeFailure;
use holdover_core::engine::record::Level;
use tokio::time::Instant;

use super::failure::Failure;
use super::helper::{Desk, Helpers};
use super::{Mouth, Said};
use crate::sys::name::{self, Unresolved};

/// The most lookups at one time.
const HELPERS: usize = 16;
/// How long a resolver is silent before that is worth a line of the log.
const SILENCE: Duration = Duration::from_secs(2);

type Found = Result<Vec<SocketAddr>, Unresolved>;

/// What is known of a name.
#[derive(Debug)]
struct Known {
    addresses: Vec<SocketAddr>,
    /// Since when they are used for want of an answer, and whether that was said.
    silent: Option<(Instant, bool)>,
}

/// The names of this daemon's checks.
#[derive(Debug)]
pub(super) struct Names {
    desk: Desk<Found>,
    /// By name and port. Also an answer that came too late for whoever asked is kept here.
    known: Arc<Mutex<HashMap<String, Known>>>,
    mouth: Mouth,
}

impl Names {
    /// None is known yet.
    pub(super) fn new(mouth: Mouth) -> Self {
        Self { desk: Desk::new(Helpers::new("a name server", HELPERS)), known: Arc::default(), mouth }
    }

    /// The addresses of `host`, with this port; the last ones when nobody answers within half the time until `until`.
    pub(super) async fn addresses(
        &self,
        host: &str,
        port: u16,
        until: Instant,
    ) -> Result<Vec<SocketAddr>, Failure> {
        let key = format!("{host}:{port}");
        let now = Instant::now();
        let is_known = self.with_known(|known| known.contains_key(&key));
        let patience = if is_known { now + until.saturating_duration_since(now) / 2 } else { until };
        let (name, place, known) = (host.to_owned(), key.clone(), Arc::clone(&self.known));
        let work = move || {
            let found = name::addresses(&name, port);
            keep(&mut known.lock().unwrap_or_else(PoisonError::into_inner), place, &found);
            found
        };
        let unresolved = |why: &str| Failure::new(ProbeFailure::Resolve, format!("{host}: {why}"));
        let failure = match self.desk.ask(&key, patience, work).await {
            Ok(Ok(addresses)) => {
                self.answers(host, &key);
                return Ok(addresses);
            }
            Ok(Err(Unresolved::None(why))) => return Err(unresolved(&why)),
            Ok(Err(Unresolved::Silent(why))) => unresolved(&why),
            Ok(Err(Unresolved::Ours(why))) => Failure { ours: true, ..unresolved(&why) },
            Err(failure) if failure.ours => failure,
            Err(_) => unresolved("the name server does not answer"),
        };
        self.last(host, &key).ok_or(failure)
    }

    /// The addresses that were last good.
    fn last(&self, host: &str, key: &str) -> Option<Vec<SocketAddr>> {
        let (addresses, news) = self.with_known(|known| {
            let known = known.get_mut(key)?;
            let (since, said) = known.silent.get_or_insert((Instant::now(), false));
            let news = !*said && since.elapsed() >= SILENCE;
            *said |= news;
            Some((known.addresses.clone(), news))
        })?;
        if news && let Some(first) = addresses.first() {
            let address = first.ip();
            let text = format!(
                "the name server does not answer for {host}: its checks go on with the last address it gave, {address}"
            );
            self.mouth.say(Said::Note(Level::Warning, "name_server_silent", text));
        }
        Some(addresses)
    }

    /// The resolver has answered in time.
    fn answers(&self, host: &str, key: &str) {
        let was = self.with_known(|known| known.get_mut(key).and_then(|known| known.silent.take()));
        if was.is_some_and(|(_, said)| said) {
            let text = format!("the name server answers for {host} again");
            self.mouth.say(Said::Note(Level::Info, "name_server_answers", text));
        }
    }

    fn with_known<T>(&self, what: impl FnOnce(&mut HashMap<String, Known>) -> T) -> T {
        what(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Keeps what the resolver said, and forgets what it says no longer.
fn keep(known: &mut HashMap<String, Known>, key: String, found: &Found) {
    match found {
        Ok(addresses) => {
            let silent = known.remove(&key).and_then(|known| known.silent);
            known.insert(key, Known { addresses: addresses.clone(), silent });
        }
        Err(Unresolved::None(_)) => drop(known.remove(&key)),
        Err(Unresolved::Silent(_) | Unresolved::Ours(_)) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_forgets_nothing_and_an_answer_counts_either_way() {
        let mut known = HashMap::new();
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let holds = |known: &HashMap<String, Known>| known.get("a:80").map(|known| known.addresses.clone());
        keep(&mut known, "a:80".to_owned(), &Ok(vec![address("192.0.2.1:80")]));
        keep(&mut known, "a:80".to_owned(), &Err(Unresolved::Silent(String::new())));
        keep(&mut known, "a:80".to_owned(), &Err(Unresolved::Ours(String::new())));
        assert_eq!(holds(&known), Some(vec![address("192.0.2.1:80")]));
        keep(&mut known, "a:80".to_owned(), &Ok(vec![address("192.0.2.2:80")]));
        assert_eq!(holds(&known), Some(vec![address("192.0.2.2:80")]));
        keep(&mut known, "a:80".to_owned(), &Err(Unresolved::None(String::new())));
        assert_eq!(holds(&known), None);
    }
}
