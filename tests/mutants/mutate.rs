//! Ways to change an image: fields get odd values, bytes are flipped, copied and filled, the file
//! ends early or late, a text is rewritten. Every change follows from the number of the mutant.

use std::ops::Range;

use super::base::{Base, Edit, Field};
use super::random::Random;

/// A changed image: what is changed, not its bytes, for there are many.
pub struct Mutant {
    pub what: String,
    pub edits: Vec<Edit>,
    /// Where the file ends; None if it ends where the base does.
    pub length: Option<u64>,
    /// Whether checksums are made to fit again.
    pub repair: bool,
    /// Whether the format is left to be guessed.
    pub probe: bool,
}

impl Mutant {
    /// Nothing changed yet.
    pub fn of(base: &Base) -> Self {
        Mutant {
            what: base.name.clone(),
            edits: Vec::new(),
            length: None,
            repair: true,
            probe: false,
        }
    }

    /// With a value in a field.
    pub fn put(mut self, base: &Base, field: &Field, value: u64) -> Self {
        self.what += &format!(", {} = {value:#x}", field.name);
        self.edits.push((field.offset, base.encode(field, value)));
        self
    }
}

/// The values that each field is tried with alone.
pub fn values(base: &Base, field: &Field, random: &mut Random) -> Vec<u64> {
    let now = base.value(field);
    let max = u64::MAX >> (64 - 8 * field.width);
    let mut values = vec![0, 1, max, max >> 1, (max >> 1) + 1];
    values.extend([max & !0xffff, max >> 1 & !0xffff, now ^ 0x200]);
    values.extend([now.wrapping_add(1), now.wrapping_sub(1)]);
    values.extend([now.wrapping_mul(2), now / 2, now.swap_bytes()]);
    values.push(random.next());
    values.push(1 << random.below(8 * field.width));
    values.push(now ^ 1 << random.below(8 * field.width));
    values.iter_mut().for_each(|value| *value &= max);
    values.extend(&field.special);
    values.sort_unstable();
    values.dedup();
    values.retain(|&value| value != now && value <= max);
    values.retain(|value| !field.costly.contains(value) || random.below(8) == 0);
    values
}

/// The mutant of `base` that follows from these random numbers.
pub fn mutant(base: &Base, random: &mut Random) -> Mutant {
    let mut mutant = Mutant::of(base);
    // A wrong checksum hides whatever else is wrong, and a wrong magic every format from probing.
    mutant.repair = random.below(24) != 0;
    mutant.probe = random.below(12) == 0;
    let changes = [1, 1, 1, 2, 2, 3, 4, 6][random.below(8)];
    for _ in 0..changes {
        mutant = change(mutant, base, random);
    }
    mutant
}

fn change(mut mutant: Mutant, base: &Base, random: &mut Random) -> Mutant {
    if let Some(text) = &base.text {
        if base.fields.is_empty() || random.below(2) == 0 {
            return rewrite(mutant, base, text, random);
        }
    }
    let kind = random.below(24);
    if kind < 16 {
        let field = random.pick(&base.fields).clone();
        let mut value = odd_value(base, &field, random);
        if field.costly.contains(&value) && random.below(64) != 0 {
            value = field.costly.end;
        }
        return mutant.put(base, &field, value);
    }
    let area = random.pick(&base.areas).clone();
    let at = area.start + random.below(area.len());
    let most = area.end - at;
    match kind {
        16..=18 => {
            let byte = base.bytes().get(at).copied().unwrap_or(0);
            let byte = match random.below(3) {
                0 => byte ^ 1 << random.below(8),
                1 => byte.wrapping_add(random.below(3) as u8).wrapping_sub(1),
                _ => random.next() as u8,
            };
            mutant.what += &format!(", byte {at} = {byte:#x}");
            mutant.edits.push((at, vec![byte]));
        }
        19 => {
            let length = (1 + random.below(64)).min(most);
            let byte = *random.pick(&[0, 0, 0xff, 1, 0x80]);
            mutant.what += &format!(", {length} bytes {byte:#x} at {at}");
            mutant.edits.push((at, vec![byte; length]));
        }
        20 | 21 => {
            let from = random.pick(&base.areas).clone();
            let from = from.start + random.below(from.len());
            let length = *random.pick(&[1, 2, 4, 8, 24, 32, 48, 128]);
            let bytes = base.bytes().get(from..).unwrap_or_default();
            let bytes = bytes[..bytes.len().min(length).min(most)].to_vec();
            mutant.what += &format!(", {} bytes of {from} at {at}", bytes.len());
            mutant.edits.push((at, bytes));
        }
        _ => {
            let length = odd_length(base, random);
            mutant.what += &format!(", {length} bytes long");
            mutant.length = Some(length);
        }
    }
    mutant
}

fn odd_value(base: &Base, field: &Field, random: &mut Random) -> u64 {
    const UNITS: [u64; 8] = [8, 512, 4096, 65536, 1 << 20, 2 << 20, 1 << 32, 1 << 40];
    let now = base.value(field);
    let max = u64::MAX >> (64 - 8 * field.width);
    let bit = 1u64 << random.below(8 * field.width);
    let length = base.bytes().len() as u64;
    let value = match random.below(24) {
        0 => 0,
        1 => 1,
        2 => max - random.below(2) as u64,
        3 => (max >> 1) + random.below(2) as u64,
        4 | 5 => now.wrapping_add(1 + random.below(4) as u64),
        6 | 7 => now.wrapping_sub(1 + random.below(4) as u64),
        8 => now.wrapping_mul(2),
        9 => now / 2,
        10 | 11 => now ^ bit,
        12 => bit,
        13 => random.next() >> random.below(64),
        14 => random.below(256) as u64,
        15 => {
            let unit = *random.pick(&[1, 512, 4096]);
            (length / unit)
                .wrapping_add(random.below(3) as u64)
                .wrapping_sub(1)
        }
        16 => {
            let other = random.pick(&base.fields);
            base.value(other)
        }
        17 | 18 => now.wrapping_add(*random.pick(&UNITS)),
        19 => now.wrapping_sub(*random.pick(&UNITS)),
        20 => now.swap_bytes() >> (64 - 8 * field.width),
        _ if field.special.is_empty() => now.wrapping_add(*random.pick(&UNITS)),
        _ => *random.pick(&field.special),
    };
    value & max
}

fn odd_length(base: &Base, random: &mut Random) -> u64 {
    let length = base.bytes().len() as u64;
    let area = random.pick(&base.areas).clone();
    match random.below(6) {
        0 => random.below(1024) as u64,
        1 => random.next() % (length + 1),
        2 => (area.start + random.below(area.len() + 1)) as u64,
        3 => length.saturating_sub(1 + random.below(2048) as u64),
        4 => length + random.next() % (1 << 20),
        // Without data, however long.
        _ => length + (1 << random.below(43)),
    }
}

/// Pieces of descriptors.
const PIECES: [&[u8]; 24] = [
    b"\n",
    b"\r\n",
    b" ",
    b"\t",
    b"\"",
    b"=",
    b"#",
    b"\0",
    b"0",
    b"-1",
    b"4294967296",
    b"18446744073709551615",
    b"RW ",
    b"RDONLY ",
    b" FLAT ",
    b" SPARSE ",
    b" ZERO ",
    b" VMFS ",
    b"CID=",
    b"parentCID=",
    b"createType=\"",
    b"parentFileNameHint=\"base.vmdk\"\n",
    b"version=",
    b"0x",
];

/// Changes the text by characters, pieces and lines; what follows moves.
fn rewrite(mut mutant: Mutant, base: &Base, text: &Range<usize>, random: &mut Random) -> Mutant {
    const SPICE: &[u8] = b"\0 \n\r\t\"=#0123456789abcdefxRW-+:/.";
    let before = mutant.edits.iter().rev().find(|(at, _)| *at == text.start);
    let mut bytes = before.map_or_else(|| base.bytes()[text.clone()].to_vec(), |e| e.1.clone());
    let used = bytes
        .iter()
        .rposition(|&byte| byte != 0)
        .map_or(0, |at| at + 1);
    let at = random.below(used + 1);
    let whole = text.end == base.bytes().len();
    match random.below(8) {
        0..=2 if at < used => bytes[at] = *random.pick(SPICE),
        3 => {
            let end = (at + 1 + random.below(8)).min(bytes.len());
            bytes.drain(at.min(end)..end);
        }
        4 => drop(bytes.splice(at..at, random.pick(&PIECES).iter().copied())),
        5 => bytes.insert(at, *random.pick(SPICE)),
        6 => {
            let lines: Vec<Vec<u8>> = bytes[..used]
                .split_inclusive(|&b| b == b'\n')
                .map(<[u8]>::to_vec)
                .collect();
            if !lines.is_empty() {
                let line = random.pick(&lines).clone();
                let before: usize = lines[..random.below(lines.len())]
                    .iter()
                    .map(Vec::len)
                    .sum();
                bytes.splice(before..before, line);
            }
        }
        _ => {
            let digits: Vec<usize> = (0..used).filter(|&i| bytes[i].is_ascii_digit()).collect();
            if !digits.is_empty() {
                bytes[*random.pick(&digits)] = b'0' + random.below(10) as u8;
            }
        }
    }
    if whole {
        mutant.length = Some((text.start + bytes.len()) as u64);
    } else {
        bytes.resize(text.len(), 0);
    }
    let shown = String::from_utf8_lossy(&bytes[..used.min(bytes.len())]).into_owned();
    mutant.what = format!("{}, text {shown:?}", base.name);
    mutant.edits.push((text.start, bytes));
    mutant
}
