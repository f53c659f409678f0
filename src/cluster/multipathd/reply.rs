//! Reading a reply: its maps, their path groups, and the paths in these.

use std::borrow::Cow;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::limits;
use crate::text::printable;

/// A path to a LUN. Texts are as the daemon writes them; what it does not know is `undef` or
/// `[undef]`, and what a version does not say is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Path {
    /// The block device, such as `sdb`.
    pub dev: String,
    /// What the kernel thinks of it: `active`, `failed`.
    pub dm_st: String,
    /// What the SCSI layer thinks: `running`, `offline`.
    pub dev_st: String,
    /// What the checker thinks: `ready`, `faulty`, `ghost`, `i/o pending` and others.
    pub chk_st: String,
    /// The port of this node that it goes through.
    pub host_wwpn: String,
    /// The port of the storage that it leads to.
    pub target_wwpn: String,
    /// The storage that it leads to; for iSCSI its name.
    pub target_wwnn: String,
    /// The PCI address of the adapter, or its IP address.
    pub host_adapter: String,
    /// `marginal` if it has shown intermittent errors (since 0.8.3).
    pub marginal_st: String,
}

/// Paths that are used together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Group {
    /// `active`, `enabled`, `disabled`.
    pub dm_st: String,
    /// `marginal` if all of its paths are.
    pub marginal_st: String,
    /// Its paths.
    pub paths: Vec<Path>,
}

/// A multipath map.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Map {
    /// Its name, an alias or the WWID.
    pub name: String,
    /// The WWID.
    pub uuid: String,
    /// The device, such as `dm-0`.
    pub sysfs: String,
    /// What happens to I/O without paths: `off`, `on`, `12 sec`, `3 chk`, `-`.
    pub queueing: String,
    /// `active`, or `suspend`.
    pub dm_st: String,
    /// Its path groups.
    pub path_groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    maps: Option<Vec<Map>>,
    #[serde(default)]
    map: Option<Map>,
}

/// The maps of a reply, in its order. An error if the reply is none, or is cut off: of half a reply
/// nobody can tell which maps are missing.
pub fn maps(reply: &[u8]) -> Result<Vec<Map>> {
    if reply.len() > limits::MULTIPATHD_REPLY {
        let what = format!("multipathd's reply has {} bytes", reply.len());
        return Err(limits::above(
            what,
            "the limit",
            limits::MULTIPATHD_REPLY as u64,
        ));
    }
    let text = String::from_utf8_lossy(reply);
    let document = document(&text)?;
    let escaped: String = document.split_inclusive('\n').map(escape).collect();
    let reply: Reply = serde_json::from_str(&escaped).map_err(|error| match error.is_eof() {
        true => Error::corrupt(format!(
            "multipathd's reply is cut off after {} bytes",
            reply.len()
        )),
        false => Error::corrupt(format!("multipathd's reply cannot be understood: {error}")),
    })?;
    match (reply.maps, reply.map) {
        (Some(maps), _) => Ok(maps),
        (None, Some(map)) => Ok(vec![map]),
        (None, None) => Err(Error::corrupt("multipathd's reply has no maps")),
    }
}

/// The document behind the warnings.
fn document(text: &str) -> Result<&str> {
    let begin = match text.starts_with('{') {
        true => Some(0),
        false => text.find("\n{").map(|at| at + 1),
    };
    begin
        .map(|at| text[at..].trim_end_matches(['\0', '\n', ' ']))
        .ok_or_else(|| {
            let said = text.lines().last().unwrap_or_default();
            match said.trim() {
                "" => Error::corrupt("multipathd said nothing"),
                // The daemon's word, and that of its client when the daemon does not say any.
                said @ ("timeout" | "timeout receiving packet") => Error::corrupt(format!(
                    "multipathd was busy for too long: it said '{said}'"
                )),
                // 0.9.4 says the one, 0.11.1 the other.
                said @ ("fail" | "device not found") => Error::corrupt(format!(
                    "multipathd could not do it, as for a map that it does not know: it said '{said}'"
                )),
                said => Error::corrupt(format!("multipathd said '{}'", printable(said.as_bytes()))),
            }
        })
}

/// A line as JSON: the daemon's own `"key" : "any text",` with that text escaped, others as they are.
fn escape(line: &str) -> Cow<'_, str> {
    let body = line.trim_end();
    let (body, comma) = match body.strip_suffix(',') {
        Some(body) => (body, ","),
        None => (body, ""),
    };
    let string = || {
        let (key, value) = body.split_once("\" : \"")?;
        let value = value.strip_suffix('"')?;
        let special = |c: char| c == '"' || c == '\\' || c.is_control();
        value.contains(special).then_some((key, value))
    };
    match string() {
        None => Cow::Borrowed(line),
        Some((key, value)) => {
            let value = serde_json::Value::from(value);
            Cow::Owned(format!("{key}\" : {value}{comma}\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(line: &str) -> Result<Vec<Map>> {
        let text = format!(
            "{{\n   \"major_version\": 0,\n   \"maps\": [{{\n      \"name\" : \"a\",\n{line}\n      \"paths\" : 4\n   }}]\n}}\n"
        );
        maps(text.as_bytes())
    }

    #[test]
    fn strings_end_where_their_line_says() {
        for (written, text) in [
            (r#"      "uuid" : "3600","#, "3600"),
            (r#"      "uuid" : "a"b\c","#, r#"a"b\c"#),
            (r#"      "uuid" : "x", "y" : "z","#, r#"x", "y" : "z"#),
            ("      \"uuid\" : \"tab\there\",", "tab\there"),
        ] {
            assert_eq!(map(written).unwrap()[0].uuid, text, "{written}");
        }
    }

    #[test]
    fn other_writers_escape_what_they_write() {
        let compact = br#"{"map":{"uuid":"a\"b","path_groups":[{"paths":[{"dev":"sda"}]}]}}"#;
        let map = &maps(compact).unwrap()[0];
        assert_eq!(
            (map.uuid.as_str(), map.path_groups[0].paths.len()),
            ("a\"b", 1)
        );
    }

    #[test]
    fn warnings_come_first() {
        let reply = b"Jul 01 | sdb: prio changed\nanything {\n{\"maps\": []}\n";
        assert_eq!(maps(reply).unwrap(), []);
    }

    #[test]
    fn what_is_no_reply_is_an_error() {
        for (reply, says) in [
            (&b"timeout\n"[..], "busy for too long"),
            (b"Jul 01 | some warning\ntimeout\n", "busy for too long"),
            (b"timeout receiving packet\n", "busy for too long"),
            (b"fail\n", "could not do it"),
            (b"device not found\n", "could not do it"),
            (b"", "nothing"),
            (b"{\"maps\": [{\"uuid\" :", "cut off after 19 bytes"),
            (b"{\"maps\": [{}]", "cut off after 13 bytes"),
            (b"warning\n{\n   \"maps\": [{\n", "cut off"),
            (b"permission deny\n", "'permission deny'"),
            (b"{\"paths\": []}", "has no maps"),
            (b"{\"maps\": [3]}", "cannot be understood"),
        ] {
            let error = maps(reply).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
