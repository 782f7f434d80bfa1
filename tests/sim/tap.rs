//! A tap on what an engine says: framing, the order of messages, and what each connection was told.

use std::collections::BTreeMap;

use holdover_core::base::net::{Family, Prefix};
use holdover_core::engine::{ConnId, PeerId};

use super::bytes::{Attributes, Message, Open, take_message};

/// A message and when it was offered to the wire.
#[derive(Clone, Debug)]
pub struct Said {
    pub at: u64,
    pub conn: ConnId,
    pub message: Message,
}

/// One connection's direction from the engine.
#[derive(Debug, Default)]
pub struct Stream {
    /// Offered and not taken yet: it must be offered again as it is.
    rest: Vec<u8>,
    parsing: Vec<u8>,
    heard: Vec<u8>,
    opened: Option<Open>,
    kept_alive: bool,
    notified: bool,
    pub updates: u32,
    /// The prefixes that the last `Send` announced.
    pub fresh: Vec<Prefix>,
    /// What stands announced, by the bytes offered.
    pub told: BTreeMap<Prefix, Attributes>,
    pub end_of_rib: Vec<Family>,
}

/// All connections of one run of a daemon.
#[derive(Debug, Default)]
pub struct Tap {
    streams: BTreeMap<ConnId, Stream>,
    /// By peer: the connection that its session is on.
    sessions: BTreeMap<PeerId, ConnId>,
    pub log: Vec<Said>,
}

impl Tap {
    /// What the engine read: only its beginning is kept, for the peer's OPEN.
    pub fn heard(&mut self, conn: ConnId, bytes: &[u8]) {
        let stream = self.streams.entry(conn).or_default();
        if stream.heard.len() < 512 {
            stream.heard.extend(bytes);
        }
    }

    /// What the engine offered, and how much of it was taken.
    pub fn said(&mut self, at: u64, conn: ConnId, bytes: &[u8], taken: usize) {
        let stream = self.streams.entry(conn).or_default();
        stream.fresh.clear();
        if stream.rest.is_empty() {
            stream.parsing.extend(bytes);
        } else {
            assert_eq!(stream.rest, bytes, "what was not taken must be offered again, and nothing else");
        }
        stream.rest = bytes[taken..].to_vec();
        let as4 = stream.as4();
        while let Some(message) = take_message(&mut stream.parsing, as4) {
            stream.check(&message);
            if stream.updates == 1 && matches!(message, Message::Update(_)) {
                // A session before it may still be saying goodbye, but nothing else.
                self.sessions.insert(conn.peer, conn);
            }
            let current = self.sessions.get(&conn.peer) == Some(&conn);
            assert!(current || !matches!(message, Message::Update(_)), "two sessions with {:?}", conn.peer);
            self.log.push(Said { at, conn, message });
        }
    }

    /// The engine ordered the connection closed.
    pub fn closed(&mut self, conn: ConnId) {
        self.streams.remove(&conn);
    }

    /// One connection.
    pub fn stream(&self, conn: ConnId) -> Option<&Stream> {
        self.streams.get(&conn)
    }

    /// All connections that were not closed by us.
    pub fn streams(&self) -> impl Iterator<Item = (&ConnId, &Stream)> {
        self.streams.iter()
    }

    /// The messages said to a peer, by its place.
    pub fn to_peer(&self, peer: u16) -> impl Iterator<Item = &Said> {
        self.log.iter().filter(move |said| said.conn.peer.0 == peer)
    }
}

impl Stream {
    /// Whether both sides offered 4-octet AS numbers (RFC 6793). The peer's OPEN is looked through leniently: tests send
    /// all kinds of things.
    fn as4(&self) -> bool {
        let theirs = self.heard.get(18) == Some(&1) && self.heard.windows(2).any(|pair| pair == [65, 4]);
        theirs && self.opened.as_ref().is_some_and(|open| open.capability(65).is_some())
    }

    fn check(&mut self, message: &Message) {
        assert!(!self.notified, "{message:?} after a NOTIFICATION");
        let may_be_first = matches!(message, Message::Open(_) | Message::Notification { .. });
        assert!(self.opened.is_some() || may_be_first, "{message:?} before the OPEN");
        match message {
            Message::Open(open) => {
                assert!(self.opened.is_none(), "two OPENs on one connection");
                self.opened = Some(open.clone());
            }
            Message::Keepalive => self.kept_alive = true,
            Message::Notification { .. } => self.notified = true,
            Message::Refresh { .. } => assert!(self.kept_alive, "a ROUTE-REFRESH before the session is up"),
            Message::Update(update) => {
                assert!(self.kept_alive, "an UPDATE before the session is up");
                self.updates += 1;
                for prefix in &update.withdrawn {
                    assert!(
                        self.told.remove(prefix).is_some(),
                        "{prefix} is withdrawn but was never announced"
                    );
                }
                for &prefix in &update.announced {
                    assert!(
                        !update.withdrawn.contains(&prefix),
                        "{prefix} is announced and withdrawn at once"
                    );
                    self.fresh.push(prefix);
                    self.told.insert(prefix, update.attributes.clone());
                }
                self.end_of_rib.extend(update.end_of_rib);
            }
        }
    }
}
