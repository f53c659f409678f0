//! Reading fields from text the way C's `sscanf` does, which is how QEMU reads descriptors.
//!
//! What that implies (white space includes line ends, numbers saturate) decides which extents an
//! image has, so it is followed to the letter.

/// Text that has been read up to some place.
pub(super) struct Scanner<'a>(&'a [u8]);

impl<'a> Scanner<'a> {
    /// At the start of `text`, which has no NUL.
    pub fn new(text: &'a [u8]) -> Self {
        Scanner(text)
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.0
    }

    /// A blank in the format: any white space, or none.
    pub fn space(&mut self) {
        let is_space = |&&b: &&u8| matches!(b, b' ' | b'\t'..=b'\r');
        let count = self.0.iter().take_while(is_space).count();
        self.0 = &self.0[count..];
    }

    /// `%NUMBERs`: white space, then a word of at most `most` bytes; the rest of it stays.
    pub fn word(&mut self, most: usize) -> Option<&'a [u8]> {
        self.space();
        self.take(most, |b| !matches!(b, b' ' | b'\t'..=b'\r'))
    }

    /// `%NUMBER[^…]`: at most `most` bytes up to one of `stop`.
    pub fn until(&mut self, stop: &[u8], most: usize) -> Option<&'a [u8]> {
        self.take(most, |b| !stop.contains(&b))
    }

    /// A character of the format.
    pub fn literal(&mut self, byte: u8) -> Option<()> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(())
    }

    /// `%ld`: white space, then a decimal number, cut to what 64 bits hold.
    pub fn decimal(&mut self) -> Option<i64> {
        self.space();
        let negative = self.sign();
        let digits = self.take(usize::MAX, |b| b.is_ascii_digit())?;
        let digit = |number: i64, byte: &u8| {
            let digit = i64::from(byte - b'0');
            let number = number.saturating_mul(10);
            if negative {
                number.saturating_sub(digit)
            } else {
                number.saturating_add(digit)
            }
        };
        Some(digits.iter().fold(0, digit))
    }

    /// `%x` into 32 bits: white space, then a hexadecimal number, of which the lower half of the
    /// 64 bits that C reads is kept.
    pub fn hexadecimal(&mut self) -> Option<u32> {
        self.space();
        let negative = self.sign();
        if let [b'0', b'x' | b'X', rest @ ..] = self.0 {
            self.0 = rest;
        }
        let digits = self.take(usize::MAX, |b| b.is_ascii_hexdigit())?;
        let value = std::str::from_utf8(digits).map(|digits| u64::from_str_radix(digits, 16));
        Some(match value {
            Ok(Ok(value)) if negative => value.wrapping_neg() as u32,
            Ok(Ok(value)) => value as u32,
            _ => u32::MAX,
        })
    }

    fn sign(&mut self) -> bool {
        match self.0 {
            [b'-', rest @ ..] => {
                self.0 = rest;
                true
            }
            [b'+', rest @ ..] => {
                self.0 = rest;
                false
            }
            _ => false,
        }
    }

    fn take(&mut self, most: usize, wanted: impl Fn(u8) -> bool) -> Option<&'a [u8]> {
        let count = self.0.iter().take(most).take_while(|&&b| wanted(b)).count();
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        (count > 0).then_some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_includes_line_ends_and_long_words_are_cut() {
        let mut scanner = Scanner::new(b"\n\t RW  x");
        assert_eq!(scanner.word(10), Some(&b"RW"[..]));
        assert_eq!(scanner.decimal(), None);
        let mut scanner = Scanner::new(b"0123456789abc");
        assert_eq!(scanner.word(10), Some(&b"0123456789"[..]));
        assert_eq!(scanner.word(10), Some(&b"abc"[..]));
        assert_eq!(scanner.word(10), None);
    }

    #[test]
    fn decimal_numbers_saturate() {
        assert_eq!(Scanner::new(b" +12x").decimal(), Some(12));
        assert_eq!(Scanner::new(b"-0x1").decimal(), Some(0));
        assert_eq!(
            Scanner::new(b"99999999999999999999").decimal(),
            Some(i64::MAX)
        );
        assert_eq!(
            Scanner::new(b"-99999999999999999999").decimal(),
            Some(i64::MIN)
        );
        assert_eq!(Scanner::new(b"- 1").decimal(), None);
    }

    #[test]
    fn hexadecimal_numbers_are_cut_to_32_bits() {
        assert_eq!(
            Scanner::new(b"\nfFffFFfe\n").hexadecimal(),
            Some(0xffff_fffe)
        );
        assert_eq!(
            Scanner::new(b"0x123456789").hexadecimal(),
            Some(0x2345_6789)
        );
        assert_eq!(Scanner::new(b"-1").hexadecimal(), Some(u32::MAX));
        assert_eq!(
            Scanner::new(b"11112222333344445").hexadecimal(),
            Some(u32::MAX)
        );
        assert_eq!(Scanner::new(b"x").hexadecimal(), None);
    }
}
