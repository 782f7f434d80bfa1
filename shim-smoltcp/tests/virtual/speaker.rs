//! A plain BGP speaker on a stack of its own, written apart from Holdover: it lets itself be dialled and pours in routes.

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{Socket, SocketBuffer};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr};

use crate::lab::{Jack, Nic, SECOND, Stranger};

const AS: u16 = 64_999;

/// What it is to do and has done.
pub struct Speaker {
    interface: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
    nic: Nic,
    heard: Vec<u8>,
    to_say: Vec<u8>,
    /// Routes still to be announced.
    pub routes: u32,
    next_route: u32,
    opened: bool,
    pub established: u32,
    pub notified: Vec<(u8, u8)>,
    keepalive_at: u64,
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut all = vec![0xFF; 16];
    all.extend_from_slice(&(19 + body.len() as u16).to_be_bytes());
    all.push(kind);
    all.extend_from_slice(body);
    all
}

impl Speaker {
    /// One at 10.0.0.LAST.
    pub fn new(jack: Jack, last: u8, routes: u32) -> Self {
        let mut nic = Nic(jack);
        let mut config = Config::new(HardwareAddress::Ethernet(EthernetAddress([0x52, 0x54, 1, 0, 0, last])));
        config.random_seed = 77;
        let mut interface = Interface::new(config, &mut nic, Instant::ZERO);
        interface.update_ip_addrs(|list| list.push(IpCidr::new(IpAddress::v4(10, 0, 0, last), 24)).unwrap());
        let storage = Box::leak(Box::new([SocketStorage::EMPTY; 1]));
        let mut sockets = SocketSet::new(&mut storage[..]);
        let buffer = |octets: usize| SocketBuffer::new(vec![0; octets].leak());
        let mut socket = Socket::new(buffer(65_000), buffer(65_000));
        socket.set_nagle_enabled(false);
        socket.listen(179).unwrap();
        let socket = sockets.add(socket);
        Self {
            interface,
            sockets,
            socket,
            nic,
            heard: Vec::new(),
            to_say: Vec::new(),
            routes,
            next_route: 0,
            opened: false,
            established: 0,
            notified: Vec::new(),
            keepalive_at: 0,
        }
    }

    /// An UPDATE with as many routes as it holds.
    fn update(&mut self) -> Vec<u8> {
        let mut attributes = vec![0x40, 1, 1, 0]; // ORIGIN: IGP
        attributes.extend([0x40, 2, 4, 2, 1]); // AS_PATH: one sequence of one
        attributes.extend(AS.to_be_bytes());
        attributes.extend([0x40, 3, 4, 10, 0, 0, 9]); // NEXT_HOP
        let mut body = vec![0, 0];
        body.extend((attributes.len() as u16).to_be_bytes());
        body.extend(attributes);
        while self.routes > 0 && body.len() + 4 <= 4_096 - 19 {
            let [_, a, b, c] = (0x0014_0000 + self.next_route).to_be_bytes();
            body.extend([24, a.max(1), b, c]);
            self.next_route += 1;
            self.routes -= 1;
        }
        message(2, &body)
    }

    fn hear(&mut self, now: u64) {
        while self.heard.len() >= 19 {
            let length = usize::from(u16::from_be_bytes([self.heard[16], self.heard[17]]));
            if self.heard.len() < length {
                return;
            }
            let whole: Vec<u8> = self.heard.drain(..length).collect();
            match whole[18] {
                1 => {
                    let mut open = vec![4];
                    open.extend(AS.to_be_bytes());
                    open.extend([0, 90, 10, 0, 0, 9, 0]);
                    self.to_say.extend(message(1, &open));
                    self.to_say.extend(message(4, &[]));
                    self.opened = true;
                }
                3 => self.notified.push((whole[19], whole[20])),
                4 if self.opened => {
                    self.established += 1;
                    self.opened = false;
                    self.keepalive_at = now + SECOND;
                }
                _ => {}
            }
        }
    }
}

impl Stranger for Speaker {
    fn turn(&mut self, now: u64) -> u64 {
        let at = Instant::from_micros(now.cast_signed());
        self.interface.poll(at, &mut self.nic, &mut self.sockets);
        let mut buffer = [0; 4_096];
        while let Ok(octets @ 1..) = self.sockets.get_mut::<Socket>(self.socket).recv_slice(&mut buffer) {
            self.heard.extend_from_slice(&buffer[..octets]);
            self.hear(now);
        }
        if self.established > 0 && self.keepalive_at <= now {
            self.to_say.extend(message(4, &[]));
            self.keepalive_at = now + SECOND;
        }
        if self.established > 0 && self.routes > 0 && self.to_say.len() < 16_384 {
            let update = self.update();
            self.to_say.extend(update);
        }
        let socket = self.sockets.get_mut::<Socket>(self.socket);
        if !self.to_say.is_empty()
            && let Ok(taken) = socket.send_slice(&self.to_say)
        {
            self.to_say.drain(..taken);
        }
        if !socket.is_open() {
            let _ = socket.listen(179);
            (self.heard, self.to_say, self.opened) = (Vec::new(), Vec::new(), false);
        } else if !socket.may_recv() && socket.is_active() && !socket.is_listening() && socket.may_send() {
            socket.close();
        }
        self.interface.poll(at, &mut self.nic, &mut self.sockets);
        let stack = self
            .interface
            .poll_at(at, &self.sockets)
            .map_or(u64::MAX, |at| at.total_micros().cast_unsigned());
        let pours = if self.routes > 0 && self.established > 0 { now + 200 } else { u64::MAX };
        stack.min(pours).min(if self.established > 0 { self.keepalive_at } else { u64::MAX })
    }
}
