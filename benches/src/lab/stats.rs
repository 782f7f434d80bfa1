//! Median and range.

/// What is said of a set of figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The middle one, or the mean of the two in the middle.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The greatest.
    pub greatest: f64,
    /// How many there are.
    pub count: usize,
}

/// The summary of `figures`, none of none.
pub fn summary(figures: impl IntoIterator<Item = f64>) -> Option<Summary> {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    let count = figures.len();
    let (least, greatest) = (*figures.first()?, *figures.last()?);
    let upper = *figures.get(count / 2)?;
    let lower = *figures.get((count - 1) / 2)?;
    Some(Summary { median: f64::midpoint(lower, upper), least, greatest, count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_or_the_mean_of_two() {
        let odd = summary([3.0, 1.0, 2.0]).unwrap();
        assert_eq!((odd.median, odd.least, odd.greatest, odd.count), (2.0, 1.0, 3.0, 3));
        assert!((summary([4.0, 1.0, 2.0, 3.0]).unwrap().median - 2.5).abs() < 1e-9);
        assert!((summary([7.0]).unwrap().median - 7.0).abs() < 1e-9);
        assert_eq!(summary([]), None);
    }
}
