//! A route netlink socket.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::io::Errno;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use super::message::{ERROR, Message, Request};

/// Receive buffer of a socket that follows tables, in octets: room for a burst of some thousand changes.
const RECEIVE_BUFFER: usize = 1 << 20;

/// A route netlink socket of the network namespace its thread was in when it was opened.
#[derive(Debug)]
pub(crate) struct NetlinkSocket {
    fd: OwnedFd,
    sequence: u32,
    /// Its address: the sender of what its requests cause.
    port: u32,
}

impl NetlinkSocket {
    /// Opens one that hears these groups (`RTMGRP_…` bits).
    pub(crate) fn open(groups: u32) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        // Protocol 0 is NETLINK_ROUTE.
        let fd = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
        if groups != 0 {
            // Beyond the system's limit only with CAP_NET_ADMIN; without it the limit has to do.
            if rustix::net::sockopt::set_socket_recv_buffer_size_force(&fd, RECEIVE_BUFFER).is_err() {
                rustix::net::sockopt::set_socket_recv_buffer_size(&fd, RECEIVE_BUFFER)?;
            }
        }
        rustix::net::bind(&fd, &SocketAddrNetlink::new(0, groups))?;
        let port = SocketAddrNetlink::try_from(rustix::net::getsockname(&fd)?)?.pid();
        Ok(Self { fd, sequence: 0, port })
    }

    /// The port that the kernel names as the sender of what this socket's requests cause.
    pub(super) const fn port(&self) -> u32 {
        self.port
    }

    /// One over which nothing can be sent.
    #[cfg(test)]
    pub(super) fn broken() -> Self {
        Self { fd: std::os::unix::net::UnixDatagram::unbound().unwrap().into(), sequence: 0, port: 0 }
    }

    /// The number for the next request; never 0, which is nobody's.
    pub(crate) fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.checked_add(1).unwrap_or(1);
        self.sequence
    }

    /// Sends a request.
    pub(super) fn send(&self, request: &mut Request) -> io::Result<()> {
        let kernel = SocketAddrNetlink::new(0, 0);
        rustix::net::sendto(&self.fd, request.finish(), SendFlags::empty(), &kernel)?;
        Ok(())
    }

    /// Receives what is there, as one datagram of some messages. What is not from the kernel is thrown away. Errors: `NOBUFS`
    /// also for a datagram that is longer than the buffer: what was cut off is lost.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        loop {
            // With `TRUNC` the length is the datagram's own.
            let (_, length, sender) = rustix::net::recvfrom(&self.fd, &mut *buffer, RecvFlags::TRUNC)?;
            let sender = sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok());
            match sender {
                Some(sender) if sender.pid() == 0 && length <= buffer.len() => return Ok(length),
                Some(sender) if sender.pid() == 0 => return Err(Errno::NOBUFS),
                _ => {}
            }
        }
    }

    /// Has a request carried out. The kernel answers within the call that sends, so nothing is waited for.
    pub(crate) fn execute(&mut self, request: &mut Request) -> Result<(), Errno> {
        self.ask(request, |_| {})
    }

    /// The same for a request that is answered with more than its acknowledgement: `hear` is given each such message.
    pub(super) fn ask(
        &mut self,
        request: &mut Request,
        mut hear: impl FnMut(&Message<'_>),
    ) -> Result<(), Errno> {
        let sequence = self.sequence;
        self.send(request).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        let mut buffer = [0; 4096];
        loop {
            let length = self.receive(&mut buffer)?;
            let mut rest = buffer.get(..length).unwrap_or(&[]);
            while let Some((message, used)) = Message::first(rest) {
                rest = rest.get(used..).unwrap_or(&[]);
                match (message.kind, message.error()) {
                    _ if message.sequence != sequence => {}
                    (ERROR, 0) => return Ok(()),
                    (ERROR, code) => return Err(Errno::from_raw_os_error(code)),
                    _ => hear(&message),
                }
            }
        }
    }
}

impl AsFd for NetlinkSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for NetlinkSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
