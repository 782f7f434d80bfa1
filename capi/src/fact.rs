//! From a fact in C to a fact of the core: every number is checked on the way.

use holdover_core::base::time::Duration;
use holdover_core::engine::{
    Bound, Command, CommandId, ConnId, HostTable, Input, IoError, ListenerId, Past, Phase, ServiceId,
    SocketId, Wish,
};

use crate::input::{
    HOLDOVER_ALL_SERVICES, holdover_input, holdover_input_accepted, holdover_input_address_done,
    holdover_input_closed, holdover_input_command, holdover_input_kind, holdover_input_part,
    holdover_input_resync, holdover_order, holdover_past, holdover_table, holdover_wish,
};
use crate::status::holdover_status;
use crate::value::{Checked, bfd_kind, io_error, link, result, verdict};

impl holdover_input_kind {
    pub(crate) const ALL: [Self; 22] = [
        Self::Tick,
        Self::Command,
        Self::Connected,
        Self::ConnectFailed,
        Self::Accepted,
        Self::ListenDone,
        Self::Received,
        Self::Sent,
        Self::Flushed,
        Self::Closed,
        Self::Datagram,
        Self::DatagramDone,
        Self::ProbeDone,
        Self::WatchChanged,
        Self::Link,
        Self::Address,
        Self::AddressDone,
        Self::KernelRoute,
        Self::RouteDone,
        Self::Resync,
        Self::Kept,
        Self::RouteLost,
    ];

    fn of(number: u32) -> Checked<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u32 == number).ok_or(holdover_status::ErrorValue)
    }

    /// The kind of a fact of the core. It does not compile while a variant has no kind here.
    pub(crate) const fn to(input: &Input<'_>) -> Self {
        match input {
            Input::Tick => Self::Tick,
            Input::Command { .. } => Self::Command,
            Input::Connected { .. } => Self::Connected,
            Input::ConnectFailed { .. } => Self::ConnectFailed,
            Input::Accepted { .. } => Self::Accepted,
            Input::ListenDone { .. } => Self::ListenDone,
            Input::Received { .. } => Self::Received,
            Input::Sent { .. } => Self::Sent,
            Input::Flushed { .. } => Self::Flushed,
            Input::Closed { .. } => Self::Closed,
            Input::Datagram { .. } => Self::Datagram,
            Input::DatagramDone { .. } => Self::DatagramDone,
            Input::ProbeDone { .. } => Self::ProbeDone,
            Input::WatchChanged { .. } => Self::WatchChanged,
            Input::Link { .. } => Self::Link,
            Input::Address { .. } => Self::Address,
            Input::AddressDone { .. } => Self::AddressDone,
            Input::KernelRoute { .. } => Self::KernelRoute,
            Input::RouteDone { .. } => Self::RouteDone,
            Input::RouteLost { .. } => Self::RouteLost,
            Input::Resync { .. } => Self::Resync,
            Input::Kept { .. } => Self::Kept,
        }
    }
}

/// It is there to be compiled.
const _: fn(&Input<'_>) -> holdover_input_kind = holdover_input_kind::to;

impl holdover_input {
    /// The fact for the core.
    ///
    /// # Safety
    ///
    /// The part that the kind names was written, and what its pointers lead to stays as it is for as long as `'a` lasts.
    pub(crate) unsafe fn get<'a>(&self) -> Checked<Input<'a>> {
        let (kind, part) = (holdover_input_kind::of(self.kind)?, &self.u);
        // SAFETY: whatever the kind, its part is integers and pointers, of which any octets are some; which of them are
        // right is checked on the way, and what the pointers lead to is the caller's word.
        unsafe { part.get(kind) }
    }
}

impl holdover_input_part {
    // table: one arm for each kind of fact
    unsafe fn get<'a>(&self, kind: holdover_input_kind) -> Checked<Input<'a>> {
        use holdover_input_kind as Kind;
        // SAFETY: the caller says that the part of this kind was written; each arm reads that part alone.
        Ok(unsafe {
            match kind {
                Kind::Tick => Input::Tick,
                Kind::Command => self.command.get()?,
                Kind::Connected => {
                    Input::Connected { conn: self.connected.conn.get()?, local: self.connected.local.get()? }
                }
                Kind::ConnectFailed => {
                    let (conn, why) = self.connect_failed.get()?;
                    Input::ConnectFailed { conn, why }
                }
                Kind::Accepted => self.accepted.get()?,
                Kind::ListenDone => Input::ListenDone {
                    listener: ListenerId(self.listen_done.listener),
                    result: result(self.listen_done.result)?,
                },
                Kind::Received => {
                    Input::Received { conn: self.received.conn.get()?, bytes: self.received.bytes.get()? }
                }
                Kind::Sent => Input::Sent { conn: self.sent.conn.get()?, len: self.sent.len },
                Kind::Flushed => Input::Flushed { conn: self.flushed.conn.get()? },
                Kind::Closed => {
                    let (conn, why) = self.closed.get()?;
                    Input::Closed { conn, why }
                }
                Kind::Datagram => {
                    let part = self.datagram;
                    Input::Datagram {
                        kind: bfd_kind(part.kind)?,
                        link: link(part.link)?,
                        local: part.local.get()?,
                        remote: part.remote.get()?,
                        ttl: part.ttl,
                        bytes: part.bytes.get()?,
                    }
                }
                Kind::DatagramDone => Input::DatagramDone {
                    bfd: self.datagram_done.bfd.into(),
                    result: result(self.datagram_done.result)?,
                },
                Kind::ProbeDone => {
                    let part = self.probe_done;
                    Input::ProbeDone {
                        probe: part.probe.into(),
                        verdict: verdict(part.verdict, part.detail)?,
                        took: Duration::from_micros(part.took_us),
                    }
                }
                Kind::WatchChanged => {
                    let part = self.watch_changed;
                    Input::WatchChanged {
                        probe: part.probe.into(),
                        verdict: verdict(part.verdict, part.detail)?,
                    }
                }
                Kind::Link => {
                    let part = self.link;
                    let (up, gone) = (part.up != 0, part.gone != 0);
                    Input::Link { link: link(part.link)?, name: part.name.get()?, up, gone }
                }
                Kind::Address => {
                    let part = self.address;
                    let (present, ours) = (part.present != 0, part.ours != 0);
                    Input::Address {
                        link: link(part.link)?,
                        address: part.address.interface()?,
                        present,
                        ours,
                    }
                }
                Kind::AddressDone => self.address_done.get()?,
                Kind::KernelRoute => Input::KernelRoute {
                    prefix: self.kernel_route.prefix.prefix()?,
                    present: self.kernel_route.present != 0,
                },
                Kind::RouteDone => Input::RouteDone {
                    route: self.route_done.route.into(),
                    result: result(self.route_done.result)?,
                },
                Kind::RouteLost => Input::RouteLost { route: self.route_lost.route.into() },
                Kind::Resync => self.resync.get()?,
                Kind::Kept => {
                    let part = self.kept;
                    Input::Kept { name: part.service.get()?, past: past(part.past)? }
                }
            }
        })
    }
}

impl holdover_input_command {
    fn get<'a>(&self) -> Checked<Input<'a>> {
        let command = if self.order == holdover_order::Stop as u8 {
            Command::Stop
        } else if self.order == holdover_order::Wish as u8 {
            let service = (self.service != HOLDOVER_ALL_SERVICES).then_some(ServiceId(self.service));
            Command::Wish { service, wish: wish(self.wish)?, wait: self.wait != 0 }
        } else {
            return Err(holdover_status::ErrorValue);
        };
        Ok(Input::Command { id: CommandId(self.id), command })
    }
}

/// The wish with this number.
fn wish(number: u8) -> Checked<Wish> {
    let all = [
        (holdover_wish::None, Wish::None),
        (holdover_wish::Drain, Wish::Drain),
        (holdover_wish::Promote, Wish::Promote),
        (holdover_wish::Demote, Wish::Demote),
        (holdover_wish::Force, Wish::Force),
    ];
    let row = all.iter().find(|(code, _)| *code as u8 == number);
    row.map(|&(_, wish)| wish).ok_or(holdover_status::ErrorValue)
}

/// The past with this number.
fn past(number: u8) -> Checked<Past> {
    let all = [
        (holdover_past::Clear, Past::Clear),
        (holdover_past::Active, Past::Active),
        (holdover_past::GaveWay, Past::GaveWay),
        (holdover_past::Unknown, Past::Unknown),
    ];
    let row = all.iter().find(|(code, _)| *code as u8 == number);
    row.map(|&(_, past)| past).ok_or(holdover_status::ErrorValue)
}

impl holdover_input_closed {
    fn get(&self) -> Checked<(ConnId, IoError)> {
        Ok((self.conn.get()?, io_error(self.why)?))
    }
}

impl holdover_input_accepted {
    fn get<'a>(&self) -> Checked<Input<'a>> {
        Ok(Input::Accepted {
            socket: SocketId(self.socket),
            listener: ListenerId(self.listener),
            local: self.local.get()?,
            remote: self.remote.get()?,
        })
    }
}

impl holdover_input_address_done {
    fn get<'a>(self) -> Checked<Input<'a>> {
        let bound = if self.already == 0 { Bound::Done } else { Bound::AlreadySo };
        Ok(Input::AddressDone { address: self.address.into(), result: result(self.result)?.map(|()| bound) })
    }
}

impl holdover_input_resync {
    fn get<'a>(self) -> Checked<Input<'a>> {
        let all = [
            (holdover_table::Links, HostTable::Links),
            (holdover_table::Addresses, HostTable::Addresses),
            (holdover_table::Routes, HostTable::Routes),
        ];
        let row = all.iter().find(|(code, _)| *code as u8 == self.table);
        let what = row.map(|&(_, table)| table).ok_or(holdover_status::ErrorValue)?;
        let phase = match self.end {
            0 => Phase::Begin,
            1 => Phase::End,
            _ => return Err(holdover_status::ErrorValue),
        };
        Ok(Input::Resync { what, phase })
    }
}
