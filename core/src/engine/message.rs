//! Received octets: framing, and what each message means to its connection.

use super::input::Input;
use super::listen::is_told;
use super::names::ConnId;
use super::record::Record;
use super::{Buffers, Engine, Inner, Part};
use crate::base::limits::{MESSAGE, SPARE_RECEIVE, SPARE_TRANSMIT};
use crate::base::net::Family;
use crate::base::time::Duration;
use crate::base::time::Instant;
use crate::bgp::conn::{Owed, Tcp, Timer};
use crate::bgp::fsm::{Event, State};
use crate::bgp::negotiate::negotiate;
use crate::bgp::peer::LastEnd;
use crate::wire::header::{Frame, MessageType, peel};
use crate::wire::notification::{self, Fault, Notification, cease};
use crate::wire::open::Open;

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Engine<P, S, R, U, T> {
    /// Octets from a peer. Whole messages are read where they are; only what is cut off at the end is kept.
    pub(super) fn received(&mut self, id: ConnId, mut bytes: &[u8]) {
        let Some((peer, slot)) = self.inner.alive(id) else { return };
        while !bytes.is_empty() && self.inner.hears(peer, slot, id) {
            let taken = if self.inner.peers[peer].conns[slot].received == 0 {
                self.read_in_place(peer, slot, bytes)
            } else {
                self.read_from_buffer(peer, slot, bytes)
            };
            bytes = bytes.get(taken..).unwrap_or(&[]);
        }
    }

    /// Reads the messages at the start of `bytes`, and keeps what is not whole. Returns how much was taken.
    fn read_in_place(&mut self, peer: usize, slot: usize, bytes: &[u8]) -> usize {
        match peel(bytes) {
            Ok(Some(frame)) if frame.length > self.receive_room(peer, slot) => {
                // Read in one piece it would pass, in two it would not: it never does (law 10).
                self.inner.overflow(peer, slot);
                bytes.len()
            }
            Ok(Some(frame)) => {
                self.inner.message(peer, slot, frame);
                self.enlarge(peer, slot);
                frame.length
            }
            Ok(None) => self.keep(peer, slot, bytes),
            Err(notification) => {
                self.inner.fire(peer, slot, Event::BgpHeaderErr, Fault::from(notification));
                bytes.len()
            }
        }
    }

    /// Completes the message in the buffer and reads it. Returns how much of `bytes` was taken.
    fn read_from_buffer(&mut self, peer: usize, slot: usize, bytes: &[u8]) -> usize {
        let taken = self.keep(peer, slot, bytes);
        let Self { inner, buffers } = self;
        let conn = &mut inner.peers[peer].conns[slot];
        let length = usize::from(conn.received);
        let buffer = &*buffers[peer].receive(inner.receive_part(peer, slot));
        match peel(buffer.get(..length).unwrap_or(&[])) {
            Ok(Some(frame)) => {
                // What was kept before these bytes is part of this message; the rest of it lies behind its end.
                let excess = length - frame.length;
                inner.peers[peer].conns[slot].received = 0;
                inner.message(peer, slot, frame);
                self.enlarge(peer, slot);
                taken - excess
            }
            Ok(None) => taken,
            Err(notification) => {
                inner.peers[peer].conns[slot].received = 0;
                inner.fire(peer, slot, Event::BgpHeaderErr, Fault::from(notification));
                bytes.len()
            }
        }
    }

    /// Appends to the receive buffer what fits. A message that the spare buffer cannot hold ends the connection.
    fn keep(&mut self, peer: usize, slot: usize, bytes: &[u8]) -> usize {
        let Self { inner, buffers } = self;
        let part = inner.receive_part(peer, slot);
        let conn = &mut inner.peers[peer].conns[slot];
        let room = buffers[peer].receive(part).get_mut(usize::from(conn.received)..).unwrap_or_default();
        let taken = room.len().min(bytes.len());
        for (place, &octet) in room.iter_mut().zip(bytes) {
            *place = octet;
        }
        conn.received += taken as u16;
        if taken == 0 {
            inner.overflow(peer, slot);
        }
        taken
    }

    /// The longest message that a connection's receive buffer holds.
    fn receive_room(&self, peer: usize, slot: usize) -> usize {
        match self.inner.receive_part(peer, slot) {
            Part::Whole => MESSAGE,
            Part::Large => MESSAGE - SPARE_RECEIVE,
            Part::Spare => SPARE_RECEIVE,
        }
    }

    /// Gives the furthest connection of a peer the large buffers; what the other one holds moves to the small ones, and if
    /// it does not fit there, that connection ends.
    fn enlarge(&mut self, peer: usize, slot: usize) {
        let Self { inner, buffers } = self;
        let state = &mut inner.peers[peer];
        let other = 1 - slot;
        let further = state.conns[slot].state >= State::OpenConfirm
            && state.conns[slot].state > state.conns[other].state;
        if usize::from(state.large) == slot || !further {
            return;
        }
        let held = &mut state.conns[other];
        let fits = usize::from(held.received) <= SPARE_RECEIVE && usize::from(held.filled) <= SPARE_TRANSMIT;
        let cut = held.sent > 0;
        if !fits {
            (held.received, held.filled, held.sent) = (0, 0, 0);
        }
        state.large = slot as u8;
        let Buffers { receive, transmit } = &mut buffers[peer];
        let (large, spare) = receive.split_at_mut(MESSAGE - SPARE_RECEIVE);
        spare.swap_with_slice(&mut large[..SPARE_RECEIVE]);
        let (large, spare) = transmit.split_at_mut(MESSAGE - SPARE_TRANSMIT);
        spare.swap_with_slice(&mut large[..SPARE_TRANSMIT]);
        if !fits {
            inner.overflow(peer, other);
            if cut {
                // Half a message is on the wire: nothing that follows would be understood.
                inner.peers[peer].conns[other].owed.add(Owed::ABORT);
            }
        }
    }
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// Whether what comes on this connection still matters.
    fn hears(&self, peer: usize, slot: usize, id: ConnId) -> bool {
        let conn = &self.peers[peer].conns[slot];
        conn.generation == id.generation && conn.tcp == Tcp::Open && conn.state >= State::OpenSent
    }

    /// A message that the connection's buffers do not hold ends it.
    fn overflow(&mut self, peer: usize, slot: usize) {
        self.fire(peer, slot, Event::AutomaticStop, Fault::new(cease::CODE, cease::OUT_OF_RESOURCES));
    }

    /// Which part of the receive buffer a connection has. Before a session is up there may come to be another connection
    /// at any time, so the end is kept free; once it is up no other is heard.
    fn receive_part(&self, peer: usize, slot: usize) -> Part {
        let state = &self.peers[peer];
        if usize::from(state.large) != slot {
            Part::Spare
        } else if state.conns[slot].state == State::Established {
            Part::Whole
        } else {
            Part::Large
        }
    }

    /// A whole message.
    fn message(&mut self, peer: usize, slot: usize, frame: Frame<'_>) {
        self.peers[peer].messages_in = self.peers[peer].messages_in.wrapping_add(1);
        match frame.kind {
            MessageType::Open => self.open(peer, slot, frame.body),
            MessageType::Update => self.update(peer, slot, frame.body),
            MessageType::Notification => self.notification(peer, slot, frame.body),
            MessageType::KeepAlive => self.fire(peer, slot, Event::KeepAliveMsg, Fault::NONE),
            MessageType::RouteRefresh => self.route_refresh(peer, slot, frame),
        }
    }

    /// An OPEN: does it fit?
    fn open(&mut self, peer: usize, slot: usize, body: &[u8]) {
        if self.peers[peer].conns[slot].state != State::OpenSent {
            return self.fire(peer, slot, Event::BgpOpen, Fault::NONE);
        }
        let agreed =
            Open::read(body).map_err(Fault::from).and_then(|open| negotiate(&self.local(peer), &open));
        match agreed {
            Ok(session) => {
                self.peers[peer].conns[slot].session = session;
                self.fire(peer, slot, Event::BgpOpen, Fault::NONE);
                self.collide(peer, slot);
            }
            Err(fault) => self.fire(peer, slot, Event::BgpOpenMsgErr, fault),
        }
    }

    /// A NOTIFICATION: the peer says goodbye, and why.
    fn notification(&mut self, peer: usize, slot: usize, body: &[u8]) {
        let notification = Notification::read(body);
        let (code, subcode) = (notification.code, notification.subcode);
        self.peers[peer].keep_text(notification.shutdown_communication().unwrap_or_default());
        let collision = (code, subcode) == (cease::CODE, cease::COLLISION);
        if !collision || self.peers[peer].conns[slot].state == State::Established {
            self.ended(peer, LastEnd::Received(code, subcode));
        }
        let stay_away = code == notification::open::CODE
            || (code == cease::CODE
                && matches!(subcode, cease::MAXIMUM_PREFIXES | cease::ADMINISTRATIVE_SHUTDOWN));
        // It may know no optional parameters: the next attempt is made without (RFC 5492 section 3).
        let plain = (code, subcode) == (notification::open::CODE, notification::open::UNSUPPORTED_PARAMETER)
            && !self.peers[peer].plain
            && self.local(peer).families.has(Family::Ipv4);
        self.peers[peer].plain = plain;
        if stay_away && !plain {
            self.back_off(peer);
        }
        let version = (code, subcode) == (notification::open::CODE, notification::open::UNSUPPORTED_VERSION);
        let event = if version { Event::NotifMsgVerErr } else { Event::NotifMsg };
        self.fire(peer, slot, event, Fault::NONE);
    }

    /// The wire took octets.
    pub(super) fn sent(&mut self, id: ConnId, length: usize) {
        let Some((peer, slot)) = self.alive(id) else { return };
        let conn = &mut self.peers[peer].conns[slot];
        if !conn.sending {
            self.stale_inputs = self.stale_inputs.saturating_add(1);
            return;
        }
        conn.sending = false;
        conn.stop(Timer::SendHold);
        conn.sent = conn.sent.saturating_add(length.min(usize::from(u16::MAX)) as u16).min(conn.filled);
        if conn.sent == conn.filled {
            (conn.filled, conn.sent) = (0, 0);
        }
        self.touch(peer);
    }

    /// The peer's kernel has acknowledged everything.
    pub(super) fn flushed(&mut self, id: ConnId) {
        let Some((peer, slot)) = self.alive(id) else { return };
        self.acknowledged(peer, slot);
    }

    /// Tells that an UPDATE had an error that did not cost the session: once in a session, then how often.
    pub(super) fn note_malformed(&mut self, peer: usize, attribute: u8, withdrawn: bool) {
        let state = &mut self.peers[peer];
        let count = &mut state.malformed[usize::from(withdrawn)];
        *count = count.saturating_add(1);
        let (peer, count) = (state.address, *count);
        match count {
            1 => self.record(Record::MalformedUpdate { peer, attribute, withdrawn }),
            u16::MAX => {}
            _ if is_told(count.into()) => self.record(Record::MalformedOften { peer, withdrawn, count }),
            _ => {}
        }
    }

    /// The session ends: how often were there such errors in it, if that was not told?
    pub(super) fn note_all_malformed(&mut self, peer: usize) {
        let state = &mut self.peers[peer];
        let (peer, counts) = (state.address, core::mem::take(&mut state.malformed));
        for (count, withdrawn) in counts.into_iter().zip([false, true]) {
            if count > 0 && !is_told(count.into()) {
                self.record(Record::MalformedOften { peer, withdrawn, count });
            }
        }
    }
}

/// Gives an input to its handler.
impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Engine<P, S, R, U, T> {
    // table: every fact and who takes it
    pub(super) fn dispatch(&mut self, input: Input<'_>) {
        let inner = &mut self.inner;
        match input {
            Input::Tick => inner.tick(),
            Input::Command { id, command } => inner.command(id, command),
            Input::Kept { name, past } => inner.recall(name, past),
            Input::Connected { conn, local } => inner.connected(conn, local),
            Input::ConnectFailed { conn, why } => inner.connect_failed(conn, why),
            Input::Accepted { socket, listener: _, local, remote } => inner.accepted(socket, local, remote),
            Input::ListenDone { listener, result } => inner.listen_done(listener, result),
            Input::Received { conn, bytes } => self.received(conn, bytes),
            Input::Sent { conn, len } => inner.sent(conn, len),
            Input::Flushed { conn } => inner.flushed(conn),
            Input::Closed { conn, why } => inner.closed(conn, why),
            Input::Datagram { kind, link, local, remote, ttl, bytes } => {
                inner.datagram((kind, link), (local, remote), ttl, bytes);
            }
            Input::DatagramDone { bfd, result } => inner.datagram_done(bfd, result),
            Input::ProbeDone { probe, verdict, took } => inner.probe_done(probe, verdict, took, false),
            Input::WatchChanged { probe, verdict } => inner.probe_done(probe, verdict, Duration::ZERO, true),
            Input::Link { link, name, up, gone } => inner.link(link, name, up, gone),
            Input::Address { link, address, present, ours } => inner.address(link, address, present, ours),
            Input::AddressDone { address, result } => inner.address_done(address, result),
            Input::KernelRoute { prefix, present } => inner.kernel_route(prefix, present),
            Input::RouteDone { route, result } => inner.route_done(route, result),
            Input::RouteLost { route } => inner.route_lost(route),
            Input::Resync { what, phase } => inner.resync(what, phase),
        }
    }
}

impl<const P: usize, const S: usize, const R: usize, const U: usize, const T: usize> Inner<P, S, R, U, T> {
    /// Time has passed: clocks come after bytes (law 4).
    fn tick(&mut self) {
        self.bfd_timers();
        self.peer_timers();
        self.service_timers();
        self.address_timers();
        self.check_timers();
        self.trouble_timer();
        self.shutdown_timer();
        self.strangers_timer();
        for listener in &mut self.listeners {
            if listener.retry_at <= self.now {
                listener.retry_at = Instant::ZERO;
            }
        }
        self.configure_some();
        self.go_on_stopping();
    }
}
