//! Socket options that no safe crate wraps: minimum TTL (RFC 5082), TCP MD5 keys (RFC 2385), the link a socket is tied to,
//! what comes beside a packet, what the peer has not acknowledged, the name of a network namespace, and who listens.

use std::io;
use std::mem::size_of;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd};

use holdover_core::base::limits::PASSWORD;
use holdover_core::base::net::Prefix;
use holdover_core::engine::LinkId;

/// `IPV6_MINHOPCOUNT` of linux/in6.h.
const IPV6_MINHOPCOUNT: i32 = 73;
/// `SO_BINDTOIFINDEX` of asm-generic/socket.h.
const SO_BINDTOIFINDEX: i32 = 62;
/// `SO_NETNS_COOKIE` of asm-generic/socket.h.
const SO_NETNS_COOKIE: i32 = 71;
/// `TCP_MD5SIG_EXT` of linux/tcp.h: a key for a prefix.
const TCP_MD5SIG_EXT: i32 = 32;
/// `TCP_MD5SIG_FLAG_PREFIX` of linux/tcp.h.
const TCP_MD5SIG_FLAG_PREFIX: u8 = 1;

/// `AF_INET` as a `sa_family_t`.
const AF_INET: u16 = 2;
/// `AF_INET6` as a `sa_family_t`.
const AF_INET6: u16 = 10;

/// `struct tcp_md5sig` of linux/tcp.h.
#[repr(C)]
#[derive(Clone, Copy)]
struct Md5Signature {
    address: [u8; 128],
    flags: u8,
    prefix_length: u8,
    key_length: u16,
    link: i32,
    key: [u8; PASSWORD],
}

/// Plain numbers and structures of numbers: every bit pattern is a value, and there is no padding to leak.
trait Plain: Copy {}
impl Plain for i32 {}
impl Plain for [i32; 3] {}
impl Plain for u64 {}
impl Plain for Md5Signature {}

fn set<T: Plain>(socket: impl AsFd, level: i32, name: i32, value: &T) -> io::Result<()> {
    let length = u32::try_from(size_of::<T>()).map_err(io::Error::other)?;
    // SAFETY: the pointer and the length describe one live `T`, which the kernel only reads during the call; the
    // descriptor is open as long as it is borrowed.
    let result = unsafe {
        libc::setsockopt(socket.as_fd().as_raw_fd(), level, name, std::ptr::from_ref(value).cast(), length)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn get<T: Plain>(socket: impl AsFd, level: i32, name: i32, rest: T) -> io::Result<T> {
    let mut value = rest;
    let mut length = u32::try_from(size_of::<T>()).map_err(io::Error::other)?;
    // SAFETY: the pointers describe one live `T` and its length, exclusively borrowed for the call; whatever octets the
    // kernel writes are a valid `T`, because `T` is plain.
    let result = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            std::ptr::from_mut(&mut value).cast(),
            &raw mut length,
        )
    };
    if result == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}

/// Sets the TTL or hop limit that is sent, and the least that is accepted (0: any), and reads both back.
pub(crate) fn set_ttl(socket: impl AsFd, v6: bool, ttl: u8, min_ttl: u8) -> io::Result<()> {
    let (level, sent, least) = if v6 {
        (libc::IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS, IPV6_MINHOPCOUNT)
    } else {
        (libc::IPPROTO_IP, libc::IP_TTL, libc::IP_MINTTL)
    };
    for (name, wanted) in [(sent, i32::from(ttl)), (least, i32::from(min_ttl))] {
        if name == least && wanted == 0 && get(socket.as_fd(), level, name, 0).is_ok_and(|is| is == 0) {
            continue; // A kernel without the option accepts any TTL anyway.
        }
        set(socket.as_fd(), level, name, &wanted)?;
        if get(socket.as_fd(), level, name, -1)? != wanted {
            return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
        }
    }
    Ok(())
}

/// Sets, or with `None` takes away, the TCP MD5 key for one peer, or for a prefix of peers (a listener).
pub(crate) fn set_md5(
    socket: impl AsFd,
    peers: Prefix,
    link: Option<LinkId>,
    key: Option<&[u8]>,
) -> io::Result<()> {
    let key = key.unwrap_or(&[]);
    let mut signature = Md5Signature {
        address: [0; 128],
        flags: 0,
        prefix_length: 0,
        key_length: u16::try_from(key.len()).map_err(io::Error::other)?,
        link: 0,
        key: [0; PASSWORD],
    };
    let place = signature.key.get_mut(..key.len()).ok_or(io::ErrorKind::InvalidInput)?;
    place.copy_from_slice(key);
    match peers.address() {
        IpAddr::V4(address) => {
            signature.address[..2].copy_from_slice(&AF_INET.to_ne_bytes());
            signature.address[4..8].copy_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            signature.address[..2].copy_from_slice(&AF_INET6.to_ne_bytes());
            signature.address[8..24].copy_from_slice(&address.octets());
            let scope = link.map_or(0, |link| link.0);
            signature.address[24..28].copy_from_slice(&scope.to_ne_bytes());
        }
    }
    if peers.is_host() {
        return set(socket, libc::IPPROTO_TCP, libc::TCP_MD5SIG, &signature);
    }
    signature.flags = TCP_MD5SIG_FLAG_PREFIX;
    signature.prefix_length = peers.length();
    set(socket, libc::IPPROTO_TCP, TCP_MD5SIG_EXT, &signature)
}

/// Ties a socket to a link, both ways.
pub(crate) fn bind_to_link(socket: impl AsFd, link: LinkId) -> io::Result<()> {
    let index = i32::try_from(link.0).map_err(io::Error::other)?;
    set(socket, libc::SOL_SOCKET, SO_BINDTOIFINDEX, &index)
}

/// Has the kernel say with each packet by which link it came, where it was sent to, and with which TTL.
pub(crate) fn tell_arrivals(socket: impl AsFd, v6: bool) -> io::Result<()> {
    let (level, options) = if v6 {
        (libc::IPPROTO_IPV6, [libc::IPV6_RECVPKTINFO, libc::IPV6_RECVHOPLIMIT])
    } else {
        (libc::IPPROTO_IP, [libc::IP_PKTINFO, libc::IP_RECVTTL])
    };
    options.into_iter().try_for_each(|name| set(socket.as_fd(), level, name, &1))
}

/// Has the port of a socket that is bound to an address alone chosen when it connects: then one may serve many
/// destinations.
pub(crate) fn set_late_port(socket: impl AsFd) -> io::Result<()> {
    set(socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, &1_i32)
}

/// How many octets the peer's kernel has not acknowledged yet.
pub(crate) fn unacknowledged(socket: impl AsFd) -> io::Result<usize> {
    let mut count: libc::c_int = 0;
    // SAFETY: SIOCOUTQ writes one int through the pointer, which points to one that is exclusively borrowed.
    let result = unsafe { libc::ioctl(socket.as_fd().as_raw_fd(), libc::TIOCOUTQ, &raw mut count) };
    if result == 0 {
        usize::try_from(count).map_err(io::Error::other)
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The number of the network namespace the socket was made in: unique until the machine restarts.
pub(crate) fn namespace_cookie(socket: impl AsFd) -> io::Result<u64> {
    get(socket, libc::SOL_SOCKET, SO_NETNS_COOKIE, 0)
}

/// The process that listens at the other end of a connection over a UNIX socket; 0: it has no number in our PID namespace.
pub(crate) fn listener_of(socket: impl AsFd) -> io::Result<i32> {
    // `struct ucred`: process, user, group. (The safe crates' own has no process 0.)
    let [process, ..] = get(socket, libc::SOL_SOCKET, libc::SO_PEERCRED, [0; 3])?;
    Ok(process)
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Socket, Type};

    #[test]
    fn the_ttl_is_set_and_read_back_on_both_families() {
        for (domain, v6) in [(Domain::IPV4, false), (Domain::IPV6, true)] {
            let socket = Socket::new(domain, Type::STREAM, None).unwrap();
            set_ttl(&socket, v6, 255, 254).unwrap();
            set_ttl(&socket, v6, 1, 0).unwrap();
        }
    }

    #[test]
    fn the_structure_of_a_key_is_as_long_as_the_kernels() {
        assert_eq!(size_of::<Md5Signature>(), 128 + 8 + 80);
    }

    #[test]
    fn a_key_beyond_the_kernels_length_is_refused() {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let peer = Prefix::host("192.0.2.1".parse().unwrap());
        assert!(set_md5(&socket, peer, None, Some(&[b'x'; PASSWORD + 1])).is_err());
    }
}
