//! The envelope of a compressed broadcast: `z2:`, then zlib in base64. The store's readers cut a value
//! at its first NUL, so that it must be text.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress, create_comp_flags_from_zip_params,
};
use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZError, MZFlush, MZStatus};

use crate::error::{Error, Result};
use crate::limits;

/// What a compressed broadcast begins with. No JSON text does.
const PREFIX: &str = "z2:";

/// The text in an envelope. None if it is longer than [`open`] takes.
pub fn seal(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() > limits::BROADCAST_TEXT {
        return None;
    }
    let mut sealed = String::from(PREFIX);
    STANDARD.encode_string(deflate(text)?, &mut sealed);
    Some(sealed.into_bytes())
}

/// zlib, with matches of at least six bytes. Most of a broadcast is WWIDs, whose digits are random: a
/// match of three of them costs more than it saves, and without such a seventh more maps find room.
fn deflate(text: &[u8]) -> Option<Vec<u8>> {
    const LEVEL: i32 = 9;
    const WITH_ZLIB_HEADER: i32 = 15;
    const FILTERED: i32 = 1;
    let flags = create_comp_flags_from_zip_params(LEVEL, WITH_ZLIB_HEADER, FILTERED);
    let mut deflate = CompressorOxide::new(flags);
    // What does not shrink grows by some bytes for each block, and by a head and a checksum.
    let mut packed = vec![0; text.len() + text.len() / 100 + 1024];
    let (status, _, length) = compress(&mut deflate, text, &mut packed, TDEFLFlush::Finish);
    packed.truncate(length);
    // Nothing is sent rather than half of it.
    (status == TDEFLStatus::Done).then_some(packed)
}

/// The JSON text of a broadcast in any of its forms. Whether it is JSON at all, the envelope does not
/// tell. An error if what begins like an envelope is none, or holds more than
/// [`limits::BROADCAST_TEXT`].
pub fn open(raw: &[u8]) -> Result<Cow<'_, [u8]>> {
    let Some(sealed) = raw.strip_prefix(PREFIX.as_bytes()) else {
        return Ok(Cow::Borrowed(raw));
    };
    let packed = STANDARD
        .decode(sealed)
        .map_err(|error| Error::corrupt(format!("compressed broadcast is no base64: {error}")))?;
    Ok(Cow::Owned(inflated(&packed)?))
}

/// What was deflated, and nothing behind it.
fn inflated(packed: &[u8]) -> Result<Vec<u8>> {
    const MOST: usize = limits::BROADCAST_TEXT;
    let mut state = InflateState::new_boxed(DataFormat::Zlib);
    let mut text = Vec::new();
    let mut length = 0;
    let mut rest = packed;
    loop {
        // Twice as much each time, and a byte more than is allowed, to see that there is one.
        let room = (2 * length).max(4 * packed.len()).max(64);
        text.resize(room.min(MOST + 1), 0);
        let step = inflate(&mut state, rest, &mut text[length..], MZFlush::None);
        rest = &rest[step.bytes_consumed..];
        length += step.bytes_written;
        if length > MOST {
            let what = "compressed broadcast is longer than it may be";
            return Err(limits::above(what, "the limit", MOST as u64));
        }
        match step.status {
            Ok(MZStatus::StreamEnd) if rest.is_empty() => {
                text.truncate(length);
                return Ok(text);
            }
            Ok(MZStatus::StreamEnd) => {
                let what = format!("compressed broadcast has {} bytes at its end", rest.len());
                return Err(Error::corrupt(format!("{what} that do not belong to it")));
            }
            Ok(_) if step.bytes_consumed > 0 || step.bytes_written > 0 => {}
            Ok(_) | Err(MZError::Buf) => {
                return Err(Error::corrupt("compressed broadcast is cut off"));
            }
            Err(_) => {
                return Err(Error::corrupt(
                    "compressed broadcast is no zlib, or damaged",
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn message(raw: &[u8]) -> String {
        let error = open(raw).unwrap_err();
        assert_eq!(error.code(), Code::Corrupt);
        error.to_string()
    }

    #[test]
    fn what_was_sealed_is_opened() {
        let noise: Vec<u8> = (0..100_000u32)
            .map(|i| (i.wrapping_mul(i) >> 7) as u8)
            .collect();
        for length in [0, 1, 2, 3, 100, 4095, 4096, 100_000] {
            let sealed = seal(&noise[..length]).unwrap();
            assert!(sealed.starts_with(b"z2:") && sealed.is_ascii() && !sealed.contains(&0));
            assert_eq!(open(&sealed).unwrap(), &noise[..length]);
        }
        assert_eq!(open(b"{\"maps\":{}}").unwrap(), &b"{\"maps\":{}}"[..]);
        assert!(matches!(open(b"").unwrap(), Cow::Borrowed(b"")));
    }

    #[test]
    fn what_is_damaged_is_refused() {
        let sealed = seal(&b"some text, some text, some text".repeat(10)).unwrap();
        for (bad, says) in [
            (&b"z2:\n"[..], "no base64"),
            (b"z2:AAA", "no base64"),
            (b"z2:AA==x", "no base64"),
            (b"z2:AAAA", "damaged"),
            (b"z2:", "cut off"),
        ] {
            assert!(message(bad).contains(says), "{}", message(bad));
        }
        let packed = STANDARD.decode(&sealed[3..]).unwrap();
        let again = |packed: &[u8]| format!("z2:{}", STANDARD.encode(packed)).into_bytes();
        for length in 0..packed.len() {
            let cut = message(&again(&packed[..length]));
            assert!(cut.contains("cut off"), "{length}: {cut}");
        }
        let longer = message(&again(&[&packed[..], b"\0"].concat()));
        assert!(longer.contains("1 bytes at its end"), "{longer}");
        // The last four bytes are the checksum.
        let mut wrong = packed.clone();
        *wrong.last_mut().unwrap() ^= 1;
        assert!(message(&again(&wrong)).contains("damaged"));
    }

    #[test]
    fn a_bomb_does_not_go_off() {
        let most = limits::BROADCAST_TEXT;
        let longest = vec![b' '; most];
        assert_eq!(open(&seal(&longest).unwrap()).unwrap().len(), most);
        let bomb = vec![b' '; most + 1];
        assert_eq!(seal(&bomb), None);
        let packed = deflate(&bomb).unwrap();
        let error = open(format!("z2:{}", STANDARD.encode(packed)).as_bytes()).unwrap_err();
        assert_eq!(error.code(), Code::Limit);
        assert!(error.to_string().ends_with("the limit is 4194304"));
    }
}
