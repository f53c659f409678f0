//! The descriptor: a text that says what kind of image it is, what it stands on and which files
//! hold its data ("Virtual Disk Format", section "The Descriptor File").
//!
//! QEMU looks for words anywhere in the text, so the same is done here; lines that it passes over
//! are passed over.

use super::extent::ExtentKind;
use super::scan::Scanner;
use crate::error::{Error, Result};
use crate::io::Source;
use crate::limits;
use crate::text::{printable, until_nul};

/// The subformats that a descriptor can name.
const CREATE_TYPES: [&str; 6] = [
    "monolithicFlat",
    "vmfs",
    "vmfsSparse",
    "seSparse",
    "twoGbMaxExtentSparse",
    "twoGbMaxExtentFlat",
];

/// Bytes of a line that count as one step more. White space goes on over the ends of lines, so that
/// each of many blank lines looks at all that follow it.
const STEP: u64 = 16;

/// A descriptor's statements.
pub(super) struct Descriptor<'a> {
    /// The subformat.
    pub create_type: &'static str,
    /// The lines that name files.
    pub extents: Vec<ExtentLine<'a>>,
}

/// `RW SECTORS KIND "NAME" [OFFSET]`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ExtentLine<'a> {
    /// Sectors of the disk in this file; of a sparse file its own header decides.
    pub sectors: u64,
    /// How the data is stored.
    pub kind: ExtentKind,
    /// The file.
    pub name: &'a [u8],
    /// The sector of the file where the data of a flat one begins.
    pub offset: u64,
}

impl<'a> Descriptor<'a> {
    /// Reads the text up to its first NUL.
    pub fn parse(text: &'a [u8], source: &Source<'_>) -> Result<Self> {
        let text = until_nul(text);
        let create_type = create_type(text)?;
        let known = CREATE_TYPES
            .into_iter()
            .find(|known| known.as_bytes() == create_type);
        let create_type = known.ok_or_else(|| {
            Error::unsupported(format!("VMDK image of type '{}'", printable(create_type)))
        })?;
        let mut extents = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (line, looked_at) = extent_line(rest)?;
            source.step(1 + looked_at as u64 / STEP)?;
            if let Some(line) = line {
                let most = source.limits().extents;
                if extents.len() as u64 == most {
                    return Err(limits::above("too many extents", "max-extents", most));
                }
                extents.push(line);
            }
            let end = rest.iter().position(|&b| b == b'\n');
            rest = end.map_or(&[], |end| &rest[end + 1..]);
        }
        Ok(Descriptor {
            create_type,
            extents,
        })
    }
}

/// The value in `createType="VALUE"`, whatever the two characters before it are.
fn create_type(text: &[u8]) -> Result<&[u8]> {
    const KEY: &[u8] = b"createType";
    /// Bytes of a value. QEMU: its buffer, with a NUL.
    const MOST: usize = 127;
    let value = find(text, KEY).and_then(|at| text.get(at + KEY.len() + 2..));
    let value = value.and_then(|value| Some(&value[..value.iter().position(|&b| b == b'"')?]));
    value
        .filter(|value| value.len() <= MOST)
        .ok_or_else(|| Error::format("not a VMDK image: no create type in its descriptor"))
}

/// The extent that the text at the start of a line describes, and how many bytes were looked at for
/// it: it may go on in the next line.
fn extent_line(text: &[u8]) -> Result<(Option<ExtentLine<'_>>, usize)> {
    let mut scanner = Scanner::new(text);
    let mut fields = || {
        let access = scanner.word(10)?;
        let sectors = scanner.decimal()?;
        let kind = scanner.word(10)?;
        scanner.space();
        scanner.literal(b'"')?;
        let name = scanner.until(b"\n\r\"", 511)?;
        let offset = scanner.literal(b'"').and_then(|()| scanner.decimal());
        (access == b"RW").then_some((sectors, kind, name, offset))
    };
    let fields = fields();
    let looked_at = text.len() - scanner.rest().len();
    let Some((sectors, kind, name, offset)) = fields else {
        return Ok((None, looked_at));
    };
    let kind = ExtentKind::from_name(kind);
    let valid = match kind {
        Some(ExtentKind::Flat) => offset.is_some_and(|offset| offset >= 0),
        _ => offset.is_none(),
    };
    if !valid {
        let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
        return Err(Error::corrupt(format!("extent line '{}'", printable(line))));
    }
    let line = u64::try_from(sectors).ok().filter(|&sectors| sectors > 0);
    let line = line.zip(kind).map(|(sectors, kind)| ExtentLine {
        sectors,
        kind,
        name,
        offset: offset.map_or(0, i64::unsigned_abs),
    });
    Ok((line, looked_at))
}

/// The name of the parent in the first bytes of the descriptor; None if there is none.
pub(super) fn parent(head: &[u8]) -> Result<Option<Vec<u8>>> {
    const KEY: &[u8] = b"parentFileNameHint";
    let Some(at) = find(until_nul(head), KEY) else {
        return Ok(None);
    };
    // Two characters, `="`, are passed over without looking, even if they are NULs.
    let value = until_nul(head.get(at + KEY.len() + 2..).unwrap_or_default());
    let end = value.iter().position(|&b| b == b'"');
    let name = end
        .filter(|&end| end < limits::BACKING_NAME)
        .map(|end| &value[..end]);
    let name = name.ok_or_else(|| Error::corrupt("name of the parent does not end"))?;
    Ok((!name.is_empty()).then(|| name.to_vec()))
}

/// The number after the first `KEY=` in the first bytes of the descriptor.
pub(super) fn content_id(head: &[u8], key: &[u8]) -> Result<u32> {
    // The last byte counts as the text's end.
    let head = head.split_last().map_or(head, |(_, rest)| rest);
    let value = find(until_nul(head), key).and_then(|at| head.get(at + key.len() + 1..));
    value
        .and_then(|value| Scanner::new(until_nul(value)).hexadecimal())
        .ok_or_else(|| Error::corrupt(format!("no {} in the descriptor", printable(key))))
}

fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    text.windows(needle.len())
        .position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::io::Memory;

    fn parse(text: &str) -> Result<Descriptor<'_>> {
        let memory = Memory(b"");
        Descriptor::parse(text.as_bytes(), &Source::new(&memory, b""))
    }

    fn extents(lines: &str) -> Vec<(u64, ExtentKind, String)> {
        let text = format!("createType=\"vmfs\"\n{lines}");
        let descriptor = parse(&text).unwrap();
        let name = |line: &ExtentLine<'_>| String::from_utf8(line.name.to_vec()).unwrap();
        let extents = descriptor.extents.iter();
        extents
            .map(|line| (line.sectors, line.kind, name(line)))
            .collect()
    }

    fn is_refused(lines: &str) -> bool {
        parse(&format!("createType=\"vmfs\"\n{lines}")).is_err()
    }

    #[test]
    fn only_writable_extents_of_known_kinds_count() {
        let flat = (8, ExtentKind::Flat, "a".to_string());
        assert_eq!(extents("RW 8 FLAT \"a\" 0\n"), [flat]);
        assert_eq!(extents("RDONLY 8 FLAT \"a\" 0\nNOACCESS 8 ZERO\n"), []);
        assert_eq!(
            extents("RW 0 SPARSE \"a\"\nRW -1 SPARSE \"a\"\nRW 8 ODD \"a\"\n"),
            []
        );
        assert_eq!(extents("RW 8 SPARSE \"\"\nRW eight SPARSE \"a\"\n"), []);
    }

    #[test]
    fn offsets_belong_to_flat_extents_only() {
        assert!(is_refused("RW 8 FLAT \"a\"\n"));
        assert!(is_refused("RW 8 FLAT \"a\" -1\n"));
        assert!(is_refused("RW 8 VMFS \"a\" 0\n"));
        assert!(is_refused("RW 8 SPARSE \"a\" 0\n"));
        assert!(is_refused("RW 8 ODD \"a\" 0\n"));
    }

    #[test]
    fn a_blank_line_makes_the_extent_after_it_count_twice() {
        assert_eq!(extents("\nRW 8 VMFS \"a\"\n").len(), 2);
    }

    #[test]
    fn many_blank_lines_are_not_looked_at_again_and_again() {
        let text = |line: &str, count| format!("createType=\"vmfs\"\n{}", line.repeat(count));
        assert!(parse(&text("# a comment line\n", 50_000)).is_ok());
        let error = parse(&text("\n", 1 << 19)).err().unwrap();
        assert_eq!(error.code(), Code::Limit);
    }

    #[test]
    fn words_are_found_anywhere() {
        let head = b"xparentCID=7 CID=8\0\0";
        assert_eq!(content_id(head, b"CID").unwrap(), 7);
        assert_eq!(content_id(head, b"parentCID").unwrap(), 7);
        assert!(content_id(b"CID=\0\0", b"CID").is_err());
        assert_eq!(
            parent(b"parentFileNameHint=\"b.vmdk\"\0").unwrap().unwrap(),
            b"b.vmdk"
        );
        assert_eq!(parent(b"parentFileNameHint=\"\"\0").unwrap(), None);
        assert_eq!(parent(b"\0parentFileNameHint=\"b\"\0").unwrap(), None);
        assert!(parent(b"parentFileNameHint").is_err());
    }
}
