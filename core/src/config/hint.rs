//! "Did you mean …": the nearest of the words that would have been right.

/// The longest word that is compared, in octets.
const LONGEST: usize = 40;

/// The nearest word so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nearest<'f, 'a> {
    found: &'f str,
    best: Option<(&'a str, usize)>,
}

impl<'f, 'a> Nearest<'f, 'a> {
    pub(crate) const fn to(found: &'f str) -> Self {
        Self { found, best: None }
    }

    /// Offers a word that would have been right.
    pub(crate) fn offer(&mut self, candidate: &'a str) {
        let allowed = match self.found.len().max(candidate.len()) {
            0..=2 => 0,
            3..=5 => 1,
            6..=9 => 2,
            _ => 3,
        };
        let distance = distance(self.found, candidate);
        if distance <= allowed && self.best.is_none_or(|(_, best)| distance < best) {
            self.best = Some((candidate, distance));
        }
    }

    /// The nearest word that was offered, if one is near.
    pub(crate) fn word(&self) -> Option<&'a str> {
        self.best.map(|(word, _)| word)
    }
}

/// The nearest of the candidates to a word that is none of them, if one is near.
pub fn nearest<'a>(found: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut nearest = Nearest::to(found);
    candidates.for_each(|candidate| nearest.offer(candidate));
    nearest.word()
}

/// How many letters must be changed, added, dropped or swapped with their neighbor to make `b` of `a`; case is ignored.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > LONGEST || b.len() > LONGEST {
        return usize::MAX;
    }
    let mut rows = [[0_u8; LONGEST + 1]; 3];
    let [before, above, row] = &mut rows;
    for (place, cost) in above.iter_mut().zip(0..) {
        *place = cost;
    }
    let (mut last_a, mut length) = (0_u8, b.len());
    for (letter, cost) in a.bytes().map(|octet| octet.to_ascii_lowercase()).zip(1_u8..) {
        let (mut left, mut last_b) = (cost, 0_u8);
        row[0] = cost;
        for (at, other) in b.bytes().map(|octet| octet.to_ascii_lowercase()).enumerate() {
            let cell = |row: &[u8; LONGEST + 1], at: usize| row.get(at).copied().unwrap_or(u8::MAX);
            let next = at.saturating_add(1);
            let change = cell(above, at).saturating_add(u8::from(letter != other));
            let mut best = change.min(left.saturating_add(1)).min(cell(above, next).saturating_add(1));
            if at > 0 && letter == last_b && other == last_a {
                best = best.min(cell(before, at.saturating_sub(1)).saturating_add(1));
            }
            if let Some(place) = row.get_mut(next) {
                *place = best;
            }
            (left, last_b) = (best, other);
        }
        last_a = letter;
        core::mem::swap(before, above);
        core::mem::swap(above, row);
    }
    length = length.min(LONGEST);
    usize::from(above.get(length).copied().unwrap_or(u8::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_textbook() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("neighbor", "neighbor"), 0);
        assert_eq!(distance("nieghbor", "neighbor"), 1);
        assert_eq!(distance("neigbour", "neighbor"), 2);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("remote-as", "Remote-AS"), 0);
    }

    #[test]
    fn the_nearest_word_wins_and_a_far_one_is_no_hint() {
        let mut nearest = Nearest::to("nieghbor");
        for word in ["network", "neighbor", "no"] {
            nearest.offer(word);
        }
        assert_eq!(nearest.word(), Some("neighbor"));
        let mut nearest = Nearest::to("xyzzy");
        nearest.offer("neighbor");
        assert_eq!(nearest.word(), None);
    }
}
