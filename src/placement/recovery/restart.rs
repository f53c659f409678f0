//! When the exact search begins anew: an unlucky decision near the root can cost any number of steps.

/// The lengths of runs after which to begin anew, of which no other order is much better when nothing is known
/// (Luby, Sinclair and Zuckerman, 1993): 1, 1, 2, 1, 1, 2, 4, …
pub(super) fn luby(round: u64) -> u64 {
    let mut at = round;
    loop {
        let power = (at + 1).next_power_of_two();
        if power == at + 1 {
            return power / 2;
        }
        at -= power / 2 - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::luby;

    #[test]
    fn lengths_double_ever_more_rarely() {
        let lengths: Vec<u64> = (1..=15).map(luby).collect();
        assert_eq!(lengths, [1, 1, 2, 1, 1, 2, 4, 1, 1, 2, 1, 1, 2, 4, 8]);
    }
}
