//! One read and one write of a byte stream, never blocking.
//!
//! `embedded-io` has no "would block": a stream says by [`ReadReady`] and [`WriteReady`] whether the next call would, so
//! these two ask first. smoltcp's sockets, a UART and a shim's own newtype over a socket implement the traits; the engine
//! knows none of them.
//!
//! ```
//! use holdover_core::stream::{Moved, read_some};
//!
//! let mut socket: &[u8] = b"octets that have come"; // a slice of octets is such a stream
//! let mut buffer = [0; 8];
//! assert_eq!(read_some(&mut socket, &mut buffer), Ok(Moved::Octets(8)));
//! assert_eq!(&buffer, b"octets t");
//! ```

use embedded_io::{Read, ReadReady, Write, WriteReady};

/// What one call moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// So many octets; at least one.
    Octets(usize),
    /// Nothing: the call would have blocked. Try again when the stream is ready.
    NotNow,
    /// Nothing, and nothing will come any more: the other side has ended its direction.
    Ended,
}

/// Reads once into `buffer`, if that does not block. With an empty buffer nothing is asked and nothing is read.
///
/// The error is the stream's own.
pub fn read_some<S: Read + ReadReady>(stream: &mut S, buffer: &mut [u8]) -> Result<Moved, S::Error> {
    if buffer.is_empty() || !stream.read_ready()? {
        return Ok(Moved::NotNow);
    }
    Ok(match stream.read(buffer)? {
        0 => Moved::Ended,
        octets => Moved::Octets(octets),
    })
}

/// Writes once from `bytes`, if that does not block. What was not taken is the caller's to keep.
///
/// The error is the stream's own.
pub fn write_some<S: Write + WriteReady>(stream: &mut S, bytes: &[u8]) -> Result<Moved, S::Error> {
    if bytes.is_empty() || !stream.write_ready()? {
        return Ok(Moved::NotNow);
    }
    Ok(match stream.write(bytes)? {
        // The trait forbids it; a stream that does it all the same is not ready.
        0 => Moved::NotNow,
        octets => Moved::Octets(octets),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_io::{ErrorKind, ErrorType};

    /// Holds `data` to be read, takes `room` octets, and panics when a call would block.
    struct Pipe<'a> {
        data: &'a [u8],
        ended: bool,
        room: usize,
        broken: bool,
    }

    const EMPTY: Pipe<'static> = Pipe { data: &[], ended: false, room: 0, broken: false };

    impl ErrorType for Pipe<'_> {
        type Error = ErrorKind;
    }

    impl ReadReady for Pipe<'_> {
        fn read_ready(&mut self) -> Result<bool, ErrorKind> {
            if self.broken {
                Err(ErrorKind::ConnectionReset)
            } else {
                Ok(self.ended || !self.data.is_empty())
            }
        }
    }

    impl Read for Pipe<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
            assert!(self.ended || !self.data.is_empty(), "this read blocks");
            self.data.read(buffer).map_err(|never| match never {})
        }
    }

    impl WriteReady for Pipe<'_> {
        fn write_ready(&mut self) -> Result<bool, ErrorKind> {
            if self.broken { Err(ErrorKind::ConnectionReset) } else { Ok(self.room > 0) }
        }
    }

    impl Write for Pipe<'_> {
        fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
            assert!(self.room > 0, "this write blocks");
            let taken = bytes.len().min(self.room);
            self.room -= taken;
            Ok(taken)
        }

        fn flush(&mut self) -> Result<(), ErrorKind> {
            Ok(())
        }
    }

    #[test]
    fn a_read_takes_what_is_there_and_never_waits_for_more() {
        let mut pipe = Pipe { data: &[1, 2, 3], ..EMPTY };
        let mut buffer = [0; 2];
        assert_eq!(read_some(&mut pipe, &mut buffer), Ok(Moved::Octets(2)));
        assert_eq!(buffer, [1, 2]);
        assert_eq!(read_some(&mut pipe, &mut buffer), Ok(Moved::Octets(1)));
        assert_eq!(read_some(&mut pipe, &mut buffer), Ok(Moved::NotNow));
    }

    #[test]
    fn the_end_is_told_apart_from_nothing_yet_and_from_an_empty_buffer() {
        let mut pipe = Pipe { ended: true, ..EMPTY };
        assert_eq!(read_some(&mut pipe, &mut []), Ok(Moved::NotNow));
        assert_eq!(read_some(&mut pipe, &mut [0; 4]), Ok(Moved::Ended));
    }

    #[test]
    fn a_write_gives_what_is_taken_and_never_waits_for_room() {
        let mut pipe = Pipe { room: 3, ..EMPTY };
        assert_eq!(write_some(&mut pipe, &[0; 2]), Ok(Moved::Octets(2)));
        assert_eq!(write_some(&mut pipe, &[0; 2]), Ok(Moved::Octets(1)));
        assert_eq!(write_some(&mut pipe, &[0; 2]), Ok(Moved::NotNow));
        assert_eq!(write_some(&mut pipe, &[]), Ok(Moved::NotNow));
    }

    #[test]
    fn an_error_is_the_streams_own() {
        let mut pipe = Pipe { broken: true, ..EMPTY };
        assert_eq!(read_some(&mut pipe, &mut [0]), Err(ErrorKind::ConnectionReset));
        assert_eq!(write_some(&mut pipe, &[0]), Err(ErrorKind::ConnectionReset));
    }
}
