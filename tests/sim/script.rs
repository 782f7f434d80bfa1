//! Scripted peers: a test plays BGP by hand, octet by octet.

use std::net::IpAddr;

use holdover_core::base::net::Prefix;

use super::bytes::{Message, Open, keepalive, take_message};
use super::host::Listener;
use super::tcp::{Dial, User};
use super::world::{SECOND, World};

/// A test's end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    pub tcp: usize,
    pub side: usize,
    /// Whether AS_PATHs on it have 4-octet numbers.
    pub as4: bool,
}

impl World {
    /// A script listens on a host's port 179, with a key for those who must have one.
    pub fn script_listens(&mut self, host: usize, key: Option<&str>) {
        let any = Prefix::ZERO;
        let any6 = Prefix::new("::".parse().unwrap(), 0).unwrap();
        let key = key.map(|key| key.as_bytes().to_vec());
        for (address, prefix) in [("0.0.0.0", any), ("::", any6)] {
            let address = address.parse().unwrap();
            let keys = vec![(prefix, key.clone())];
            self.hosts[host].listeners.push(Listener { id: None, address, port: 179, keys });
        }
    }

    /// Waits for somebody to connect to a scripted listener.
    #[track_caller]
    pub fn script_accepts(&mut self, host: usize, within: u64) -> Line {
        self.expect("a connection to the script", within, |world| !world.hosts[host].scripted.is_empty());
        let tcp = self.hosts[host].scripted.pop_front().unwrap();
        Line { tcp, side: 1, as4: true }
    }

    /// A script dials; waits until it is connected, or gives nothing.
    pub fn script_dials(&mut self, host: usize, to: &str, key: Option<&str>) -> Option<Line> {
        let line = self.script_syn(host, to, key);
        let done = |world: &Self| {
            let end = &world.tcps[line.tcp].ends[0];
            end.open || end.gone
        };
        self.run_until(5 * SECOND, done);
        self.tcps[line.tcp].ends[0].open.then_some(line)
    }

    /// A script begins to dial and does not wait.
    pub fn script_syn(&mut self, host: usize, to: &str, key: Option<&str>) -> Line {
        let remote: IpAddr = to.parse().unwrap();
        let dial = Dial {
            host,
            user: User::Script,
            local: None,
            via: None,
            remote: (remote, 179),
            key: key.map(|key| key.as_bytes().to_vec()),
            ttl: 255,
            min_ttl: 0,
        };
        let tcp = self.dial(dial).expect("the script has no route");
        Line { tcp, side: 0, as4: true }
    }

    /// Writes octets, all of them.
    #[track_caller]
    pub fn say(&mut self, line: Line, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = self.write(line.tcp, line.side, rest);
            rest = &rest[taken..];
            let room = |world: &Self| world.room(line.tcp, line.side) > 0 || world.is_over(line);
            assert!(self.run_until(60 * SECOND, room), "the script cannot write: the peer does not read");
            if self.is_over(line) {
                return;
            }
        }
    }

    /// Whether the other side has ended the connection.
    pub fn is_over(&self, line: Line) -> bool {
        let end = &self.tcps[line.tcp].ends[line.side];
        end.fin_in || end.reset_in || end.gone
    }

    /// Takes the next message that has already arrived.
    pub fn take(&mut self, line: Line) -> Option<Message> {
        take_message(&mut self.tcps[line.tcp].ends[line.side].heard, line.as4)
    }

    /// Waits for the next message.
    #[track_caller]
    pub fn hear(&mut self, line: Line, within: u64) -> Message {
        let end = self.now + within;
        loop {
            if let Some(message) = self.take(line) {
                return message;
            }
            let heard = self.tcps[line.tcp].ends[line.side].heard.len();
            let more = |world: &Self| world.tcps[line.tcp].ends[line.side].heard.len() > heard;
            let left = end.saturating_sub(self.now);
            let came = self.run_until(left, more);
            assert!(came, "seed {}: no message within {within} us (over: {})", self.seed, self.is_over(line));
        }
    }

    /// Waits for a message that is no KEEPALIVE.
    #[track_caller]
    pub fn hear_other(&mut self, line: Line, within: u64) -> Message {
        let end = self.now + within;
        loop {
            let left = end.saturating_sub(self.now);
            let message = self.hear(line, left);
            if message != Message::Keepalive {
                return message;
            }
        }
    }

    /// Waits for a NOTIFICATION and gives its code, subcode and data.
    #[track_caller]
    pub fn hear_error(&mut self, line: Line, within: u64) -> (u8, u8, Vec<u8>) {
        let end = self.now + within;
        loop {
            let left = end.saturating_sub(self.now);
            if let Message::Notification { code, subcode, data } = self.hear(line, left) {
                return (code, subcode, data);
            }
        }
    }

    /// Plays the opening of a session: our OPEN, theirs, KEEPALIVE both ways. Gives their OPEN.
    #[track_caller]
    pub fn establish(&mut self, line: &mut Line, open: &Open) -> Open {
        self.say(*line, &open.message());
        let Message::Open(theirs) = self.hear(*line, 10 * SECOND) else { panic!("no OPEN from the engine") };
        line.as4 = open.capability(65).is_some() && theirs.capability(65).is_some();
        assert_eq!(self.hear(*line, 10 * SECOND), Message::Keepalive);
        self.say(*line, &keepalive());
        theirs
    }

    /// Ends the script's side with a FIN.
    pub fn hang_up(&mut self, line: Line) {
        self.close(line.tcp, line.side);
    }

    /// Keeps a session of a script alive from now on, every `every`, as long as the connection lives.
    pub fn keep_alive(&mut self, line: Line, every: u64) {
        self.script(every, move |world| {
            let end = &world.tcps[line.tcp].ends[line.side];
            if !end.gone && end.user == User::Script && !world.is_over(line) {
                world.write(line.tcp, line.side, &keepalive());
                world.keep_alive(line, every);
            }
        });
    }
}
