//! Where the marks of a scale stand that is as long as a disk.

/// Round offsets, equally far from each other, from 0 up to `size`: at most `most` and 0.
pub fn ticks(size: u64, most: u64) -> impl Iterator<Item = u64> {
    // Powers of two are round where sizes are counted in KiB and MiB.
    let step = size.div_ceil(most.max(2)).next_power_of_two();
    (0..=size / step).map(move |tick| tick * step)
}

/// The place on a scale `length` long of an offset in a disk of `size` bytes.
pub fn place(offset: u64, size: u64, length: usize) -> usize {
    let place = u128::from(offset) * length as u128 / u128::from(size.max(1));
    usize::try_from(place).unwrap_or(length).min(length)
}

/// How high a bar of `levels` steps is for `part` of `whole`; a little is not nothing.
pub fn level(part: u64, whole: u64, levels: u64) -> u64 {
    let level = (u128::from(part) * u128::from(levels)).div_ceil(u128::from(whole.max(1)));
    u64::try_from(level).unwrap_or(levels).min(levels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        let gib = |size: u64| ticks(size << 30, 8).map(|tick| tick >> 30).collect();
        let (of_32, of_100): (Vec<u64>, Vec<u64>) = (gib(32), gib(100));
        assert_eq!(of_32, [0, 4, 8, 12, 16, 20, 24, 28, 32]);
        assert_eq!(of_100, [0, 16, 32, 48, 64, 80, 96]);
        for size in [0, 1, 512, 1000, u64::MAX / 2] {
            for most in [0, 1, 2, 8] {
                let ticks: Vec<u64> = ticks(size, most).collect();
                assert!(ticks[0] == 0 && ticks.len() <= most.max(2) as usize + 1);
            }
        }
    }

    #[test]
    fn places_and_levels_stay_on_the_scale() {
        assert_eq!(place(u64::MAX, 1, 80), 80);
        assert_eq!(place(1 << 62, 1 << 63, 80), 40);
        assert_eq!(place(0, 0, 80), 0);
        assert_eq!((level(0, 100, 8), level(1, 100, 8)), (0, 1));
        assert_eq!((level(100, 100, 8), level(88, 100, 8)), (8, 8));
        assert_eq!(level(5, 0, 8), 8);
    }
}
