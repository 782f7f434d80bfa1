//! Reading integers off a slice, and writing a message into a buffer: both refuse instead of reaching beyond.

use crate::base::limits;
use crate::wire::header::{HEADER, MessageType};

/// The first two octets as a number, and what follows.
#[inline]
pub(crate) fn split_u16(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*number), rest))
}

/// Exactly four octets as a number.
#[inline]
pub(crate) fn whole_u32(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// A message being written. Every `put` either writes all of its octets or none.
#[derive(Debug)]
pub(crate) struct Writer<'b> {
    buffer: &'b mut [u8],
    at: usize,
}

impl<'b> Writer<'b> {
    /// Starts a message of `kind`; its length is filled in by [`Writer::finish`].
    #[inline]
    pub(crate) fn message(buffer: &'b mut [u8], kind: MessageType) -> Option<Self> {
        let room = buffer.len().min(limits::MESSAGE);
        let buffer = buffer.get_mut(..room)?;
        let header = buffer.first_chunk_mut::<HEADER>()?;
        *header = [0xFF; HEADER];
        let [.., high, low, code] = header;
        (*high, *low, *code) = (0, 0, kind as u8);
        Some(Self { buffer, at: HEADER })
    }

    /// How many octets stand so far.
    #[inline]
    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    /// How many octets the message may have in all.
    #[inline]
    pub(crate) const fn room(&self) -> usize {
        self.buffer.len()
    }

    /// Appends `octets`.
    #[inline]
    pub(crate) fn put<const N: usize>(&mut self, octets: [u8; N]) -> Option<()> {
        *self.buffer.get_mut(self.at..)?.first_chunk_mut::<N>()? = octets;
        self.at = self.at.wrapping_add(N);
        Some(())
    }

    /// Appends as many octets as `octets` has.
    #[inline]
    pub(crate) fn put_slice(&mut self, octets: &[u8]) -> Option<()> {
        let end = self.at.checked_add(octets.len())?;
        self.buffer.get_mut(self.at..end)?.copy_from_slice(octets);
        self.at = end;
        Some(())
    }

    /// Writes the number of octets that follow position `at + 2` into the two octets there.
    #[inline]
    pub(crate) fn patch_length(&mut self, at: usize) -> Option<()> {
        let length = self.at.checked_sub(at)?.checked_sub(2)?;
        self.patch(at, u16::try_from(length).ok()?)
    }

    /// Writes `number` over the two octets at `at`.
    #[inline]
    pub(crate) fn patch(&mut self, at: usize, number: u16) -> Option<()> {
        *self.buffer.get_mut(at..)?.first_chunk_mut::<2>()? = number.to_be_bytes();
        Some(())
    }

    /// Writes `octet` over the one at `at`.
    pub(crate) fn patch_octet(&mut self, at: usize, octet: u8) -> Option<()> {
        *self.buffer.get_mut(at)? = octet;
        Some(())
    }

    /// Forgets what stands from `at` on.
    pub(crate) fn truncate(&mut self, at: usize) {
        self.at = self.at.min(at);
    }

    /// Fills in the message's length and returns it.
    #[inline]
    pub(crate) fn finish(mut self) -> Option<usize> {
        let length = self.at;
        self.patch(HEADER.wrapping_sub(3), u16::try_from(length).ok()?)?;
        Some(length)
    }

    /// Moves the octets from `from` on to the end of the room and forgets them here; returns how many they are.
    #[inline]
    pub(crate) fn set_aside(&mut self, from: usize) -> Option<usize> {
        let length = self.at.checked_sub(from)?;
        let start = self.buffer.len().checked_sub(length)?;
        self.buffer.copy_within(from..self.at, start);
        self.at = from;
        Some(length)
    }

    /// Brings back the last `length` octets of the room and appends them.
    #[inline]
    pub(crate) fn bring_back(&mut self, length: usize) -> Option<()> {
        let start = self.buffer.len().checked_sub(length)?;
        let end = self.at.checked_add(length)?;
        if self.at > start {
            return None;
        }
        self.buffer.copy_within(start.., self.at);
        self.at = end;
        Some(())
    }

    /// The octets that may still be written before position `end`.
    #[inline]
    pub(crate) fn open_until(&mut self, end: usize) -> Option<&mut [u8]> {
        self.buffer.get_mut(self.at..end)
    }

    /// Counts `octets` that were written through [`Writer::open_until`].
    #[inline]
    pub(crate) fn advance(&mut self, octets: usize) {
        // Where this should ever be beyond the buffer, the next `put` refuses.
        self.at = self.at.wrapping_add(octets);
    }
}
