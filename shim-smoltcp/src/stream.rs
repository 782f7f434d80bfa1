//! A TCP socket as a byte stream of `embedded-io`, for the core's one read and one write.

use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write, WriteReady};
use smoltcp::socket::tcp::{RecvError, Socket};

/// The stream of one socket.
#[derive(Debug)]
pub(crate) struct Stream<'s, 'a>(pub(crate) &'s mut Socket<'a>);

impl ErrorType for Stream<'_, '_> {
    type Error = ErrorKind;
}

impl ReadReady for Stream<'_, '_> {
    /// Also when only the end is to be read, or a reset.
    fn read_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(self.0.can_recv() || !self.0.may_recv())
    }
}

impl Read for Stream<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ErrorKind> {
        match self.0.recv_slice(buffer) {
            Ok(octets) => Ok(octets),
            Err(RecvError::Finished) => Ok(0),
            Err(RecvError::InvalidState) => Err(ErrorKind::ConnectionReset),
        }
    }
}

impl WriteReady for Stream<'_, '_> {
    fn write_ready(&mut self) -> Result<bool, ErrorKind> {
        Ok(self.0.can_send() || !self.0.may_send())
    }
}

impl Write for Stream<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        self.0.send_slice(bytes).map_err(|_| ErrorKind::BrokenPipe)
    }

    /// Nothing to be done: the interface sends what lies in the buffer.
    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}
