//! Socket filters: small programs (classic BPF) by which the kernel throws packets away before they wake this process.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, RawFd};

use holdover_core::base::net::Prefix;

/// An instruction: `struct sock_filter` of linux/filter.h.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Instruction {
    /// What it does.
    pub(crate) code: u16,
    /// How many instructions are skipped when it is so.
    pub(crate) jump_true: u8,
    /// How many when it is not.
    pub(crate) jump_false: u8,
    /// Its operand.
    pub(crate) operand: u32,
}

/// `struct sock_fprog` of linux/filter.h.
#[repr(C)]
struct Program {
    length: u16,
    instructions: *const Instruction,
}

/// Loads 4 octets of the packet, as a number in network order, to compare them.
pub(crate) const LOAD: u16 = 0x20;
/// Masks them.
pub(crate) const AND: u16 = 0x54;
/// Compares them.
pub(crate) const EQUAL: u16 = 0x15;
/// Ends: with 0 the packet is thrown away, else so many octets of it are kept.
pub(crate) const RETURN: u16 = 0x06;
/// The operand of [`LOAD`] that means the beginning of the IP header (`SKF_NET_OFF`).
pub(crate) const IP_HEADER: u32 = 0xFFF0_0000;
/// Where the source stands in an IPv4 header, and in an IPv6 header.
const SOURCE: [u32; 2] = [12, 8];
/// The longest program that is used. The kernel takes four times as many instructions, but their memory is taken from what
/// the socket's TCP MD5 keys need too (`net.core.optmem_max`).
const LONGEST: usize = 1_024;

/// A program that lets through what comes from certain sources.
#[derive(Debug)]
pub(crate) struct Filter(Vec<Instruction>);

impl Filter {
    /// Lets through what comes from these prefixes, which are of one family. `None`: that takes too many instructions.
    pub(crate) fn sources(v6: bool, prefixes: impl Iterator<Item = Prefix>) -> Option<Self> {
        let mut program = Vec::new();
        for prefix in prefixes {
            push_source(&mut program, v6, prefix);
            if program.len() >= LONGEST {
                return None;
            }
        }
        program.push(step(RETURN, 0));
        Some(Self(program))
    }

    /// Sets the filter on a socket, in place of the one it has.
    pub(crate) fn attach(&self, socket: impl AsFd) -> io::Result<()> {
        let program = Program {
            length: u16::try_from(self.0.len()).map_err(io::Error::other)?,
            instructions: self.0.as_ptr(),
        };
        set(socket.as_fd().as_raw_fd(), libc::SO_ATTACH_FILTER, &program)
    }

    #[cfg(test)]
    pub(crate) fn instructions(&self) -> &[Instruction] {
        &self.0
    }
}

/// Takes the filter off a socket; one that has none is left as it is.
pub(crate) fn detach(socket: impl AsFd) {
    let _ = set(socket.as_fd().as_raw_fd(), libc::SO_DETACH_FILTER, &0_i32);
}

fn set<T>(socket: RawFd, name: i32, value: &T) -> io::Result<()> {
    let length = u32::try_from(size_of::<T>()).map_err(io::Error::other)?;
    // SAFETY: the pointer and the length describe one live value, which the kernel only reads during the call: a number, or a
    // `Program` whose pointer and length describe a vector that is borrowed meanwhile. The descriptor is open as long as
    // whoever called borrows it.
    let result =
        unsafe { libc::setsockopt(socket, libc::SOL_SOCKET, name, std::ptr::from_ref(value).cast(), length) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

const fn step(code: u16, operand: u32) -> Instruction {
    Instruction { code, jump_true: 0, jump_false: 0, operand }
}

/// Ends with the whole packet if its source is in the prefix; else goes on behind.
fn push_source(program: &mut Vec<Instruction>, v6: bool, prefix: Prefix) {
    let octets = match prefix.address() {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    let first = program.len();
    let mut left = u32::from(prefix.length());
    for word in 0..4 {
        if left == 0 {
            break;
        }
        let mask = u32::MAX << (32 - left.min(32));
        program.push(step(LOAD, IP_HEADER + SOURCE[usize::from(v6)] + 4 * word));
        if left < 32 {
            program.push(step(AND, mask));
        }
        let part = (octets >> (96 - 32 * word)) & u128::from(mask);
        program.push(step(EQUAL, u32::try_from(part).unwrap_or(0)));
        left = left.saturating_sub(32);
    }
    program.push(step(RETURN, u32::MAX));
    let end = program.len();
    for (place, instruction) in program.iter_mut().enumerate().skip(first) {
        if instruction.code == EQUAL {
            // At most 12 instructions make one prefix.
            instruction.jump_false = u8::try_from(end - place - 1).unwrap_or(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdover_core::base::rand::Rand;

    /// What the kernel does with a packet from `source`.
    fn passes(filter: &Filter, source: IpAddr) -> bool {
        let (offset, octets) = match source {
            IpAddr::V4(address) => (SOURCE[0], address.octets().to_vec()),
            IpAddr::V6(address) => (SOURCE[1], address.octets().to_vec()),
        };
        let (mut place, mut value) = (0, 0_u32);
        loop {
            let Instruction { code, jump_true, jump_false, operand } = filter.instructions()[place];
            place += 1;
            match code {
                LOAD => {
                    let at = usize::try_from(operand - IP_HEADER - offset).unwrap();
                    value = u32::from_be_bytes(octets[at..at + 4].try_into().unwrap());
                }
                AND => value &= operand,
                EQUAL => place += usize::from(if value == operand { jump_true } else { jump_false }),
                RETURN => return operand != 0,
                other => panic!("{other:#x}"),
            }
        }
    }

    fn drawn(rand: &mut Rand, v6: bool) -> IpAddr {
        // Few values, so that sources often lie in prefixes, or beside them by a bit.
        let mut word = || 0x0A00_0000_u32 | (1_u32 << (rand.next() % 32)) >> (rand.next() % 2);
        if v6 {
            let words = [word(), word() & 3, word() & 1, word()];
            IpAddr::V6(
                words.iter().fold(0, |bits: u128, &word| bits << 32 | u128::from(word)).to_be_bytes().into(),
            )
        } else {
            IpAddr::V4(word().to_be_bytes().into())
        }
    }

    #[test]
    fn a_source_passes_if_and_only_if_it_is_in_one_of_the_prefixes() {
        let mut rand = Rand::new(31);
        let (mut passed, mut all) = (0, 0);
        for round in 0..2_000 {
            let v6 = round % 2 == 0;
            let bits = if v6 { 129 } else { 33 };
            let prefixes: Vec<Prefix> = (0..rand.next() % 5)
                .map(|_| {
                    Prefix::new(drawn(&mut rand, v6), u8::try_from(rand.next() % bits).unwrap()).unwrap()
                })
                .collect();
            let filter = Filter::sources(v6, prefixes.iter().copied()).unwrap();
            for _ in 0..50 {
                let source = drawn(&mut rand, v6);
                let is_in = prefixes.iter().any(|prefix| prefix.contains(source));
                assert_eq!(passes(&filter, source), is_in, "{source} {prefixes:?}");
                (passed, all) = (passed + u32::from(is_in), all + 1);
            }
        }
        assert!(passed > all / 20 && passed < all * 19 / 20, "{passed} of {all}");
    }

    #[test]
    fn more_prefixes_than_a_program_holds_make_none() {
        let host = |number: u32| Prefix::host(IpAddr::V6(u128::from(number).to_be_bytes().into()));
        assert!(Filter::sources(true, (0..64).map(host)).is_some());
        assert!(Filter::sources(true, (0..1_000).map(host)).is_none());
    }
}
