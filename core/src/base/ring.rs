//! A queue of fixed capacity that loses what does not fit, and counts it.

/// At most `N * ROW` items, first in, first out. All zero bits at rest if `rest` is.
#[derive(Debug)]
pub(crate) struct Ring<T, const N: usize, const ROW: usize> {
    items: [[T; ROW]; N],
    first: u16,
    length: u16,
    lost: u32,
}

impl<T: Copy, const N: usize, const ROW: usize> Ring<T, N, ROW> {
    /// An empty queue whose unused places hold `rest`.
    pub(crate) const fn new(rest: T) -> Self {
        const { assert!(N * ROW > 0 && N * ROW <= u16::MAX as usize / 2) };
        Self { items: [[rest; ROW]; N], first: 0, length: 0, lost: 0 }
    }

    /// Appends `item`; when there is no room it is lost.
    pub(crate) fn push(&mut self, item: T) {
        let places = self.items.as_flattened_mut();
        let length = usize::from(self.length);
        if length == places.len() {
            self.lost = self.lost.saturating_add(1);
            return;
        }
        places[(usize::from(self.first) + length) % (N * ROW)] = item;
        self.length += 1;
    }

    /// Takes the oldest item.
    pub(crate) fn pop(&mut self) -> Option<T> {
        self.length = self.length.checked_sub(1)?;
        let item = self.items.as_flattened()[usize::from(self.first)];
        self.first = if usize::from(self.first) + 1 == N * ROW { 0 } else { self.first + 1 };
        Some(item)
    }

    /// How many were lost since this was asked last.
    pub(crate) fn take_lost(&mut self) -> u32 {
        core::mem::take(&mut self.lost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_back_in_order_and_counts_what_did_not_fit() {
        let mut ring = Ring::<u8, 2, 2>::new(0);
        for round in 0..5 {
            for item in 0..6 {
                ring.push(item);
            }
            assert_eq!(ring.take_lost(), 2, "round {round}");
            assert!((0..4).all(|item| ring.pop() == Some(item)));
            assert_eq!((ring.pop(), ring.take_lost()), (None, 0));
            ring.push(9);
            assert_eq!(ring.pop(), Some(9));
        }
    }
}
