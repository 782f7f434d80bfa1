//! Octets on their way in or out, of fixed room.

/// A queue of octets. At rest it is all zero.
#[derive(Clone, Debug)]
pub struct Ring<const N: usize> {
    octets: [u8; N],
    first: usize,
    len: usize,
}

impl<const N: usize> Ring<N> {
    /// An empty one.
    pub const fn new() -> Self {
        const { assert!(N.is_power_of_two(), "places are found by a mask") };
        Self { octets: [0; N], first: 0, len: 0 }
    }

    const fn place(at: usize) -> usize {
        at & (N - 1)
    }

    /// Puts an octet behind the others; `false`: there is no room.
    pub fn push(&mut self, octet: u8) -> bool {
        if self.len == N {
            return false;
        }
        self.octets[Self::place(self.first + self.len)] = octet;
        self.len += 1;
        true
    }

    /// Puts all of them behind the others, or none.
    pub fn push_all(&mut self, octets: &[u8]) -> bool {
        self.room() >= octets.len() && octets.iter().all(|&octet| self.push(octet))
    }

    /// Takes the octet that has waited longest.
    pub fn pop(&mut self) -> Option<u8> {
        if self.len == 0 {
            return None;
        }
        let first = Self::place(self.first);
        let octet = self.octets[first];
        self.first = Self::place(first + 1);
        self.len -= 1;
        Some(octet)
    }

    /// How many octets wait.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether none waits.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many more there is room for.
    pub const fn room(&self) -> usize {
        N - self.len
    }

    /// Forgets what was pushed since [`Self::len`] was `len`. Nothing may have been popped since.
    pub const fn cut(&mut self, len: usize) {
        if len < self.len {
            self.len = len;
        }
    }
}

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_leave_in_the_order_of_their_coming_round_and_round() {
        let mut ring = Ring::<4>::new();
        for round in 0..10 {
            assert!(ring.push_all(&[round, round + 1, round + 2]));
            assert_eq!(
                [ring.pop(), ring.pop(), ring.pop(), ring.pop()],
                [Some(round), Some(round + 1), Some(round + 2), None]
            );
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_whole() {
        let mut ring = Ring::<4>::new();
        assert!(ring.push_all(&[1, 2, 3]));
        assert!(!ring.push_all(&[4, 5]));
        assert_eq!((ring.len(), ring.room()), (3, 1));
        assert!(ring.push(4) && !ring.push(5));
    }

    #[test]
    fn a_cut_forgets_the_newest_only() {
        let mut ring = Ring::<8>::new();
        ring.push_all(&[1, 2]);
        let mark = ring.len();
        ring.push_all(&[3, 4]);
        ring.cut(mark);
        assert_eq!([ring.pop(), ring.pop(), ring.pop()], [Some(1), Some(2), None]);
        ring.cut(5);
        assert!(ring.is_empty());
    }
}
