//! The service at the shared address: answers each datagram with itself and this machine's name.

use core::mem::MaybeUninit;

use holdover_smoltcp::FRAMES_A_TURN;
use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::udp;

/// Its port.
const PORT: u16 = 9000;
/// The longest datagram that is answered, and the longest name in an answer.
const LENGTH: usize = if cfg!(feature = "small") { 32 } else { 64 };
/// Datagrams that wait: as many as a turn can bring, and all of them are answered after it, so that none is lost here however
/// long the processor was busy. What is more waits in the chip.
const WAITING: usize = FRAMES_A_TURN;

/// What its socket needs. At rest it is all zero.
pub(crate) struct Room {
    received: [u8; LENGTH * WAITING],
    to_send: [u8; 2 * LENGTH * WAITING],
    /// Not zero at rest, so not written before it is used.
    heads: MaybeUninit<[[udp::PacketMetadata; WAITING]; 2]>,
}

impl Room {
    /// Empty.
    pub(crate) const fn new() -> Self {
        Self {
            received: [0; LENGTH * WAITING],
            to_send: [0; 2 * LENGTH * WAITING],
            heads: MaybeUninit::uninit(),
        }
    }
}

/// The service.
pub(crate) struct Echo {
    socket: SocketHandle,
    on: bool,
}

impl Echo {
    /// Starts it, switched on.
    pub(crate) fn start(sockets: &mut SocketSet<'static>, room: &'static mut Room) -> Self {
        let [in_heads, out_heads] = room.heads.write([[udp::PacketMetadata::EMPTY; WAITING]; 2]);
        let receive = udp::PacketBuffer::new(&mut in_heads[..], &mut room.received[..]);
        let transmit = udp::PacketBuffer::new(&mut out_heads[..], &mut room.to_send[..]);
        let mut echo = Self { socket: sockets.add(udp::Socket::new(receive, transmit)), on: false };
        echo.switch(sockets, true);
        echo
    }

    /// Whether it answers.
    pub(crate) const fn is_on(&self) -> bool {
        self.on
    }

    /// Switches it on or off. Off means that its port is closed, so that who asks is told at once.
    pub(crate) fn switch(&mut self, sockets: &mut SocketSet<'static>, on: bool) {
        let socket = sockets.get_mut::<udp::Socket<'_>>(self.socket);
        if on {
            // It fails only where it is bound already.
            let _ = socket.bind(PORT);
        } else {
            socket.close();
        }
        self.on = on;
    }

    /// Answers what came; whether it answered anything.
    pub(crate) fn answer(&mut self, sockets: &mut SocketSet<'static>, name: &str) -> bool {
        let socket = sockets.get_mut::<udp::Socket<'_>>(self.socket);
        let mut buffer = [0; 2 * LENGTH];
        let mut answered = false;
        for _ in 0..WAITING {
            if !socket.can_send() {
                break;
            }
            let (len, from) = match socket.recv_slice(&mut buffer[..LENGTH]) {
                Ok(datagram) => datagram,
                Err(udp::RecvError::Truncated) => continue,
                Err(udp::RecvError::Exhausted) => break,
            };
            let name = &name.as_bytes()[..name.len().min(LENGTH)];
            buffer[len..len + name.len()].copy_from_slice(name);
            // From the address that was asked: `from` names it. What finds no room is lost, as datagrams are.
            answered |= socket.send_slice(&buffer[..len + name.len()], from).is_ok();
        }
        answered
    }
}
