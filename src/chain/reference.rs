//! What a file name means to QEMU.
//!
//! Names are resolved textually, as `block.c` does it: a `:` before any `/` names a protocol,
//! `json:` a description, everything else is a path relative to the directory *as written* of
//! the image that holds the name. Symbolic links are not followed and nothing is normalised:
//! `/dev/VG/LV` depends on it.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::text;

/// A name, understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference<'a> {
    /// A path; a leading `file:` is gone.
    File(Cow<'a, [u8]>),
    /// `json:{…}`: the text after the colon. It can name any driver.
    Json(&'a [u8]),
    /// `nbd:`, `http:`, `rbd:`, …: the protocol's name.
    Protocol(&'a [u8]),
}

/// Understands a name as QEMU's command line and headers give it.
pub fn parse(name: &[u8]) -> Result<Reference<'_>> {
    if name.is_empty() {
        return Err(Error::argument("file name is empty"));
    }
    let Some(colon) = protocol_end(name) else {
        return Ok(Reference::File(Cow::Borrowed(name)));
    };
    let (protocol, rest) = (&name[..colon], &name[colon + 1..]);
    Ok(match protocol {
        b"json" => Reference::Json(rest),
        // What follows `file:` is a path even if it has a colon; QEMU prints it as `./a:b` then.
        b"file" if protocol_end(rest).is_some() => {
            Reference::File(Cow::Owned([b"./", rest].concat()))
        }
        b"file" => Reference::File(Cow::Borrowed(rest)),
        _ => Reference::Protocol(protocol),
    })
}

/// The name of a backing file as seen from the image at `path`, whose header holds `name`: what
/// QEMU prints as `full-backing-filename`. It ends with the name.
pub fn full_name(path: &[u8], name: &[u8]) -> Vec<u8> {
    if name.first() == Some(&b'/') || protocol_end(name).is_some() {
        return name.to_vec();
    }
    let directory = path
        .iter()
        .rposition(|&b| b == b'/')
        .map_or(0, |slash| slash + 1);
    [&path[..directory], name].concat()
}

/// A sentence on why this name is not read.
pub fn not_a_file(name: &[u8]) -> String {
    match parse(name) {
        Ok(Reference::Json(_)) => "a json: description can name any driver; not followed".into(),
        Ok(Reference::Protocol(protocol)) => {
            format!("protocol '{}' is not read here", text::printable(protocol))
        }
        _ => "not a file".into(),
    }
}

/// Index of the colon that ends a protocol's name.
fn protocol_end(name: &[u8]) -> Option<usize> {
    name.iter()
        .position(|&b| b == b':' || b == b'/')
        .filter(|&i| name[i] == b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &[u8]) -> Reference<'_> {
        Reference::File(Cow::Borrowed(path))
    }

    #[test]
    fn a_colon_before_any_slash_is_a_protocol() {
        assert_eq!(parse(b"a:b.qcow2").unwrap(), Reference::Protocol(b"a"));
        assert_eq!(parse(b"./a:b").unwrap(), file(b"./a:b"));
        assert_eq!(parse(b"/x/a:b").unwrap(), file(b"/x/a:b"));
        assert_eq!(parse(b"json:{}").unwrap(), Reference::Json(b"{}"));
        assert_eq!(parse(b"0").unwrap(), file(b"0"));
    }

    #[test]
    fn file_prefix_is_taken_off() {
        assert_eq!(parse(b"file:base").unwrap(), file(b"base"));
        assert_eq!(
            parse(b"file:a:b").unwrap(),
            Reference::File(Cow::Owned(b"./a:b".to_vec()))
        );
    }

    #[test]
    fn names_are_relative_to_the_directory_as_written() {
        let cases: [(&[u8], &[u8], &[u8]); 5] = [
            (b"/images/100/a.qcow2", b"b.qcow2", b"/images/100/b.qcow2"),
            (b"a.qcow2", b"b.qcow2", b"b.qcow2"),
            (b"./d/../a", b"../b", b"./d/../../b"),
            (b"/d/a", b"/e/b", b"/e/b"),
            (b"/d/a", b"nbd:host", b"nbd:host"),
        ];
        for (path, name, full) in cases {
            assert_eq!(full_name(path, name), full);
        }
    }
}
