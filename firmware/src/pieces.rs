//! A long answer in pieces, each rendered again.
//!
//! An answer may be longer than any buffer, and must not wait for a slow line while sessions need their turn. So the
//! renderer is asked again in each turn, what has left is skipped, and what does not fit ends it. That costs time where
//! time is, and no memory.

use embedded_io::{ErrorKind, ErrorType, Write};

/// There is no room for more now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl core::fmt::Display for Full {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("there is no room for more now")
    }
}

impl core::error::Error for Full {}

impl embedded_io::Error for Full {
    fn kind(&self) -> ErrorKind {
        ErrorKind::OutOfMemory
    }
}

/// A sink that skips what has left already, and takes as much of the rest as there is room for. A line end becomes two
/// characters, as a terminal wants it.
#[derive(Debug)]
pub struct Piece<P> {
    skip: usize,
    passed: usize,
    push: P,
}

impl<P: FnMut(&[u8]) -> bool> Piece<P> {
    /// One that skips `skip` octets; `push` takes all of what it is given, or none and says so.
    pub const fn new(skip: usize, push: P) -> Self {
        Self { skip, passed: 0, push }
    }

    /// How much of the whole has left: what the next piece is to skip.
    pub const fn passed(&self) -> usize {
        self.passed
    }
}

impl<P> ErrorType for Piece<P> {
    type Error = Full;
}

impl<P: FnMut(&[u8]) -> bool> Write for Piece<P> {
    fn write(&mut self, octets: &[u8]) -> Result<usize, Full> {
        for octet in octets {
            let taken = match *octet {
                _ if self.passed < self.skip => true,
                b'\n' => (self.push)(b"\r\n"),
                octet => (self.push)(&[octet]),
            };
            if !taken {
                return Err(Full);
            }
            self.passed += 1;
        }
        Ok(octets.len())
    }

    fn flush(&mut self) -> Result<(), Full> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(out: &mut impl Write<Error = Full>) -> Result<(), Full> {
        out.write_all(b"Neighbor  State\n")?;
        out.write_all(b"192.0.2.1  Established\n")
    }

    #[test]
    fn pieces_of_any_size_make_the_whole() {
        for room in 2..50 {
            let (mut whole, mut left, mut pieces) = (Vec::new(), 0, 0);
            loop {
                let mut taken = 0;
                let mut piece = Piece::new(left, |octets: &[u8]| {
                    let fits = taken + octets.len() <= room;
                    if fits {
                        taken += octets.len();
                        whole.extend_from_slice(octets);
                    }
                    fits
                });
                let result = render(&mut piece);
                left = piece.passed();
                pieces += 1;
                assert!(pieces < 100, "it goes on");
                if result.is_ok() {
                    break;
                }
            }
            assert_eq!(whole, b"Neighbor  State\r\n192.0.2.1  Established\r\n", "room {room}");
        }
    }
}
