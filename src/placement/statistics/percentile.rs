//! The percentile of a guest's or node's samples, by nearest rank: the smallest sample that at
//! least `p` per cent of all samples do not exceed. It is always one of the samples, never a value
//! between two.

use crate::error::{Error, Result};

/// The `p`-th percentile (0 to 100) of `samples`, in their unit; `None` if there is none.
///
/// A sample that is not finite (NaN is how RRD files say "unknown") is left out; 0 is a sample like
/// any other, for a running guest may be idle. Whoever gets `None` knows nothing of the guest and
/// takes its configured maximum, flagged as such: a guest without data is not a guest without load.
///
/// # Errors
///
/// [`Code::Argument`](crate::Code::Argument) if `p` is not between 0 and 100.
pub fn percentile(p: f64, samples: &[f64]) -> Result<Option<f64>> {
    if !(0.0..=100.0).contains(&p) {
        return Err(Error::argument(format!(
            "percentile {p} is not between 0 and 100"
        )));
    }
    let mut known: Vec<f64> = samples.iter().copied().filter(|s| s.is_finite()).collect();
    if known.is_empty() {
        return Ok(None);
    }
    let index = rank(p, known.len()) - 1;
    let (_, found, _) = known.select_nth_unstable_by(index, f64::total_cmp);
    Ok(Some(*found))
}

/// The nearest rank among `count` samples, from 1. The product is rounded to the nearest before
/// the division, so that 7 % of 100 samples are 7 of them and not 8.
fn rank(p: f64, count: usize) -> usize {
    ((p * count as f64 / 100.0).ceil() as usize).clamp(1, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn of(p: f64, samples: &[f64]) -> Option<f64> {
        percentile(p, samples).unwrap()
    }

    #[test]
    fn row_1_samples_are_ordered_as_numbers_and_not_as_text() {
        // As text, 9.5 is the last of them.
        let gigabytes = [8.0, 9.0, 9.5, 10.0, 10.5, 11.0];
        assert_eq!(of(80.0, &gigabytes), Some(10.5));
        assert_eq!(of(95.0, &gigabytes), Some(11.0));
        assert_eq!(of(50.0, &[100.0, 20.0, 3.0]), Some(20.0));
    }

    #[test]
    fn row_2_the_index_is_the_nearest_rank() {
        let samples: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        for p in 1..=100 {
            assert_eq!(of(f64::from(p), &samples), Some(f64::from(p)));
        }
        assert_eq!(of(0.0, &samples), Some(1.0));
        assert_eq!(of(94.1, &samples), Some(95.0));
        let twenty: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(of(95.0, &twenty), Some(19.0));
        assert_eq!(of(95.1, &twenty), Some(20.0));
        assert_eq!(of(95.0, &[7.0]), Some(7.0));
        for p in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
            assert_eq!(percentile(p, &twenty).unwrap_err().code(), Code::Argument);
        }
    }

    #[test]
    fn row_3_no_samples_are_no_answer_and_not_zero() {
        assert_eq!(of(95.0, &[]), None);
        assert_eq!(of(95.0, &[f64::NAN, f64::NAN]), None);
    }

    #[test]
    fn row_4_unknown_samples_are_left_out_and_idle_ones_count() {
        assert_eq!(of(50.0, &[0.0, 0.0, 0.0, 4.0]), Some(0.0));
        assert_eq!(of(50.0, &[f64::NAN, 3.0, f64::NAN, 1.0, 2.0]), Some(2.0));
        assert_eq!(of(100.0, &[f64::INFINITY, 3.0]), Some(3.0));
        assert_eq!(of(95.0, &[0.0]), Some(0.0));
    }
}
