//! The addresses of a name, by the resolver of the C library: it alone knows how this host looks names up.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use rustix::io::Errno;

/// Why a name has no address now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unresolved {
    /// The resolver says that there is none.
    None(String),
    /// Nobody has answered, or nobody could.
    Silent(String),
    /// We lack what it takes to ask: memory, descriptors.
    Ours(String),
}

/// The addresses of `host`, with this port. May wait for a name server for as long as the resolver is patient.
pub(crate) fn addresses(host: &str, port: u16) -> Result<Vec<SocketAddr>, Unresolved> {
    let name = CString::new(host).map_err(|error| Unresolved::None(error.to_string()))?;
    // SAFETY: all zero bits are a value of this structure: numbers, and pointers that may be null.
    let mut hints: libc::addrinfo = unsafe { MaybeUninit::zeroed().assume_init() };
    hints.ai_socktype = libc::SOCK_STREAM;
    let mut list = std::ptr::null_mut();
    // SAFETY: the name ends with a zero, and the hints and the place for the result live through the call.
    let code = unsafe { libc::getaddrinfo(name.as_ptr(), std::ptr::null(), &raw const hints, &raw mut list) };
    if code != 0 {
        return Err(unresolved(code, &io::Error::last_os_error()));
    }
    let mut found = Vec::new();
    let mut next = list;
    // SAFETY: a result of 0 gives a list that ends with a null pointer and lives until it is freed below.
    while let Some(entry) = unsafe { next.as_ref() } {
        // SAFETY: an entry's address is as long as its family's.
        found.extend(unsafe { address(entry, port) });
        next = entry.ai_next;
    }
    // SAFETY: the list came from `getaddrinfo` and is not used any more.
    unsafe { libc::freeaddrinfo(list) };
    if found.is_empty() { Err(Unresolved::None("it has no address".to_owned())) } else { Ok(found) }
}

/// SAFETY: `entry.ai_addr` must point to an address of the family that the entry names.
unsafe fn address(entry: &libc::addrinfo, port: u16) -> Option<SocketAddr> {
    match entry.ai_family {
        libc::AF_INET => {
            // SAFETY: as above.
            let four = unsafe { entry.ai_addr.cast::<libc::sockaddr_in>().read_unaligned() };
            let address = Ipv4Addr::from(u32::from_be(four.sin_addr.s_addr));
            Some(SocketAddrV4::new(address, port).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let six = unsafe { entry.ai_addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            let address = Ipv6Addr::from(six.sin6_addr.s6_addr);
            Some(SocketAddrV6::new(address, port, 0, six.sin6_scope_id).into())
        }
        _ => None,
    }
}

fn unresolved(code: i32, system: &io::Error) -> Unresolved {
    // SAFETY: it gives a text that is never freed.
    let text = unsafe { CStr::from_ptr(libc::gai_strerror(code)) }.to_string_lossy().into_owned();
    let wants = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN, Errno::NOBUFS];
    match code {
        libc::EAI_NONAME | libc::EAI_NODATA => Unresolved::None(text),
        libc::EAI_MEMORY => Unresolved::Ours(text),
        libc::EAI_SYSTEM if wants.iter().any(|errno| system.raw_os_error() == Some(errno.raw_os_error())) => {
            Unresolved::Ours(system.to_string())
        }
        libc::EAI_SYSTEM => Unresolved::Silent(system.to_string()),
        _ => Unresolved::Silent(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_the_name_of_this_host_are_found() {
        let four = addresses("127.0.0.1", 80).unwrap();
        assert_eq!(four, ["127.0.0.1:80".parse::<SocketAddr>().unwrap()]);
        let six = addresses("::1", 443).unwrap();
        assert_eq!(six, ["[::1]:443".parse::<SocketAddr>().unwrap()]);
        assert!(addresses("localhost", 1).unwrap().iter().all(|address| address.ip().is_loopback()));
        assert!(matches!(addresses("a\0b", 1), Err(Unresolved::None(_))));
    }

    #[test]
    fn silence_is_told_from_an_answer() {
        let of = |code| unresolved(code, &io::Error::from_raw_os_error(libc::EMFILE));
        assert!(matches!(of(libc::EAI_NONAME), Unresolved::None(_)));
        assert!(matches!(of(libc::EAI_AGAIN), Unresolved::Silent(_)));
        assert!(matches!(of(libc::EAI_FAIL), Unresolved::Silent(_)));
        assert!(matches!(of(libc::EAI_SYSTEM), Unresolved::Ours(_)));
        assert!(matches!(of(libc::EAI_MEMORY), Unresolved::Ours(_)));
    }
}
