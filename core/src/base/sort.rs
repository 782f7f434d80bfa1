//! Sorting in little code: the library's sort is several times the size of what it sorts here.

use core::cmp::Ordering;

/// Sorts in place; what compares equal may change places. Shell's sort, with Gonnet's gaps: good for some thousand items.
pub(crate) fn sort_by<T>(items: &mut [T], mut compare: impl FnMut(&T, &T) -> Ordering) {
    let next = |gap: usize| if gap == 2 { 1 } else { gap.saturating_mul(5) / 11 };
    let mut gap = next(items.len().max(2));
    while gap > 0 {
        for from in gap..items.len() {
            let mut at = from;
            while let Some(before) = at.checked_sub(gap) {
                let (Some(left), Some(right)) = (items.get(before), items.get(at)) else { break };
                if compare(left, right) != Ordering::Greater {
                    break;
                }
                items.swap(before, at);
                at = before;
            }
        }
        gap = next(gap);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::rand::Rand;
    use std::vec::Vec;

    #[test]
    fn whatever_comes_is_in_order_afterwards() {
        for length in (0..70).chain([1_000]) {
            let mut rand = Rand::new(length);
            for pattern in 0..4 {
                let mut items: Vec<u64> = (0..length)
                    .map(|index| match pattern {
                        0 => index,
                        1 => length - index,
                        2 => u64::from(rand.next()) % 7,
                        _ => u64::from(rand.next()),
                    })
                    .collect();
                let mut sorted = items.clone();
                sorted.sort_unstable();
                sort_by(&mut items, u64::cmp);
                assert_eq!(items, sorted);
            }
        }
    }
}
