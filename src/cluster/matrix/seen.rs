//! Maps that are written as one before was: most are.

use super::cell::Cell;
use crate::cluster::json::Scanner;

/// Bytes of a map that is kept at the most; those that Proxmox VE writes have less than a hundred.
const TEXT: usize = 126;
/// Bytes at the beginning of a map that tell where it is kept.
const BEGIN: usize = 50;
const SETS: usize = 256;
const NOBODY: u16 = u16::MAX;

/// A map that was read.
struct Kept {
    /// In which form of a broadcast it stood.
    short: bool,
    length: u8,
    text: [u8; TEXT],
    cell: Cell,
}

/// Maps by their texts. Most are written as one before was, as most are healthy and have the same size; but
/// Perl writes five keys in any of their 120 orders.
#[derive(Default)]
pub(super) struct Seen {
    /// By what maps begin with, the two that came last.
    sets: Vec<[u16; 2]>,
    kept: Vec<Kept>,
}

/// Where a map is kept that begins like what comes next.
#[derive(Clone, Copy)]
pub(super) struct Place(usize);

impl Seen {
    #[inline]
    pub fn place(scanner: &Scanner<'_>) -> Place {
        let begin: [u8; BEGIN] = scanner.ahead().unwrap_or([0; BEGIN]);
        let mut mixed = 0_u64;
        // The first two are the same for all.
        for (nth, word) in begin[2..].chunks_exact(8).enumerate() {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(word);
            let odd = 0x9e37_79b9_7f4a_7c15_u64.rotate_left(7 * nth as u32) | 1;
            mixed = mixed.wrapping_add(u64::from_le_bytes(bytes).wrapping_mul(odd));
        }
        let mixed = (mixed ^ mixed >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Place((mixed >> 56) as usize % SETS)
    }

    /// The cell of a map that comes next and was kept; it has been passed over then.
    #[inline]
    pub fn again(&self, place: Place, short: bool, scanner: &mut Scanner<'_>) -> Option<Cell> {
        for &at in self.sets.get(place.0)? {
            let kept = self.kept.get(usize::from(at))?;
            if kept.short == short && scanner.passes(&kept.text[..usize::from(kept.length)]) {
                return Some(kept.cell);
            }
        }
        None
    }

    /// Keeps a map of which that is the text.
    pub fn keep(&mut self, place: Place, short: bool, text: &[u8], cell: Cell) {
        if text.len() > TEXT {
            return;
        }
        if self.sets.is_empty() {
            self.sets = vec![[NOBODY; 2]; SETS];
        }
        let mut kept = Kept {
            short,
            length: text.len() as u8,
            text: [0; TEXT],
            cell,
        };
        kept.text[..text.len()].copy_from_slice(text);
        let set = &mut self.sets[place.0];
        set.swap(0, 1);
        match self.kept.get_mut(usize::from(set[0])) {
            Some(old) => *old = kept,
            None => {
                set[0] = self.kept.len() as u16;
                self.kept.push(kept);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Matrix, Mode, Times};

    fn read(mode: Mode, broadcasts: &[String]) -> Vec<u8> {
        let mut matrix = Matrix::new(mode, Times::default(), 100.0);
        for (node, raw) in broadcasts.iter().enumerate() {
            let name = format!("n{node}");
            matrix.set_broadcast(&name, raw.as_bytes(), None).unwrap();
        }
        let mut rows = Vec::new();
        matrix.write_rows(&mut rows).unwrap();
        rows
    }

    /// Whatever was read before, a map means the same.
    #[test]
    fn what_was_read_before_changes_nothing() {
        let mut maps = vec!["[]".to_owned(), "{}".to_owned()];
        for state in ["optimal", "failed", "o", "d"] {
            for total in 3..400 {
                for active in [3, 4] {
                    maps.push(format!(
                        r#"{{"state":"{state}","paths-active":{active},"paths-total":{total}}}"#
                    ));
                    maps.push(format!(r#"["{state}",{active},{total},"fc",7]"#));
                }
            }
        }
        // Shuffled, and each of them in both forms.
        let step = 1_000_003;
        let of = |v: &str, key: &str, time: &str| {
            let entries = (0..maps.len()).map(|nth| {
                let nth = nth * step % maps.len();
                format!(r#""w{nth}":{}"#, maps[nth])
            });
            let entries: Vec<String> = entries.collect();
            format!(r#"{{{v}"{time}":100,"{key}":{{{}}}}}"#, entries.join(","))
        };
        let broadcasts = [
            of("", "maps", "time"),
            of(r#""v":2,"#, "m", "t"),
            of("", "maps", "time"),
            of(r#""v":2,"#, "m", "t"),
        ];
        let all = read(Mode::Strict, &broadcasts);
        let all: serde_json::Value = serde_json::from_slice(&all).unwrap();
        for form in 0..2 {
            let alone = read(Mode::Strict, &broadcasts[form..=form]);
            let alone: serde_json::Value = serde_json::from_slice(&alone).unwrap();
            for (row, own) in all
                .as_array()
                .unwrap()
                .iter()
                .zip(alone.as_array().unwrap())
            {
                for node in [form, form + 2] {
                    assert_eq!(row["nodes"][format!("n{node}")], own["nodes"]["n0"]);
                }
            }
        }
    }
}
