//! A list of fixed capacity that is all zero bits at rest (law 9) and copies only what it holds.

/// At most `N * ROW` items, at most 65,535 (rows let a capacity be a multiple of a const generic). `T`'s default value must be all zero bits for the table to lie in `.bss`.
#[derive(Debug)]
pub(crate) struct Table<T, const N: usize, const ROW: usize = 1> {
    items: [[T; ROW]; N],
    length: u16,
}

/// The table is full; the item was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl<T: Copy, const N: usize, const ROW: usize> Table<T, N, ROW> {
    /// An empty table whose unused places hold `rest`.
    pub(crate) const fn new(rest: T) -> Self {
        const { assert!(N * ROW <= u16::MAX as usize) };
        Self { items: [[rest; ROW]; N], length: 0 }
    }

    /// What it holds.
    pub(crate) fn as_slice(&self) -> &[T] {
        self.items.as_flattened().get(..usize::from(self.length)).unwrap_or(&[])
    }

    /// What it holds, to be changed.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        self.items.as_flattened_mut().get_mut(..usize::from(self.length)).unwrap_or(&mut [])
    }

    /// A handle that can be filled without knowing the capacity as a type.
    pub(crate) fn edit(&mut self) -> TableMut<'_, T> {
        TableMut { items: self.items.as_flattened_mut(), length: &mut self.length }
    }

    /// Appends `item`.
    pub(crate) fn push(&mut self, item: T) -> Result<(), Full> {
        self.edit().push(item)
    }

    /// Keeps only the items that `keep` says yes to, in their order.
    pub(crate) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        let mut kept = 0;
        for at in 0..usize::from(self.length) {
            let Some(&item) = self.items.as_flattened().get(at) else { break };
            if keep(&item)
                && let Some(place) = self.items.as_flattened_mut().get_mut(kept)
            {
                *place = item;
                kept = kept.saturating_add(1);
            }
        }
        self.length = u16::try_from(kept).unwrap_or(u16::MAX);
    }

    /// Takes over what `other` holds, touching no more memory than that.
    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.length = other.length;
        self.as_mut_slice().copy_from_slice(other.as_slice());
    }
}

/// A table of any capacity, borrowed to be filled.
#[derive(Debug)]
pub(crate) struct TableMut<'a, T> {
    items: &'a mut [T],
    length: &'a mut u16,
}

impl<'a, T: Copy> TableMut<'a, T> {
    /// A table over storage that somebody else laid out; `length` of its places are in use.
    pub(crate) fn over(items: &'a mut [T], length: &'a mut u16) -> Self {
        Self { items, length }
    }

    /// Appends `item`.
    pub(crate) fn push(&mut self, item: T) -> Result<(), Full> {
        let place = self.items.get_mut(usize::from(*self.length)).ok_or(Full)?;
        *place = item;
        *self.length = self.length.saturating_add(1);
        Ok(())
    }

    /// Removes the item at `index` and keeps the order of the rest; nothing when there is none.
    pub(crate) fn remove(&mut self, index: usize) {
        let length = usize::from(*self.length);
        if index < length {
            self.items.copy_within(index.saturating_add(1)..length, index);
            *self.length = self.length.saturating_sub(1);
        }
    }

    /// Keeps the first `length` items.
    pub(crate) fn truncate(&mut self, length: usize) {
        *self.length = u16::try_from(length).unwrap_or(u16::MAX).min(*self.length);
    }

    /// What it holds.
    pub(crate) fn as_slice(&self) -> &[T] {
        self.items.get(..usize::from(*self.length)).unwrap_or(&[])
    }

    /// What it holds, to be changed.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        self.items.get_mut(..usize::from(*self.length)).unwrap_or(&mut [])
    }

    /// Forgets everything; the memory is not touched.
    pub(crate) fn clear(&mut self) {
        *self.length = 0;
    }

    /// How many items fit in all.
    pub(crate) fn capacity(&self) -> usize {
        self.items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_table_refuses_and_keeps_what_it_has() {
        let mut table = Table::<u8, 2>::new(0);
        assert!(table.push(1).is_ok() && table.push(2).is_ok());
        assert_eq!(table.push(3), Err(Full));
        assert_eq!(table.as_slice(), [1, 2]);
    }

    #[test]
    fn removal_keeps_the_order() {
        let mut table = Table::<u8, 4>::new(0);
        for item in 1..=4 {
            table.push(item).unwrap();
        }
        table.edit().remove(1);
        assert_eq!(table.as_slice(), [1, 3, 4]);
        table.edit().remove(9);
        assert_eq!(table.as_slice(), [1, 3, 4]);
    }
}
