//! A node's broadcast from what multipathd says, with the options by which all faces know it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use serde_json::{Map as Object, Value};

use super::fit::Fitted;
use super::summary::Summary;
use crate::cluster::multipathd::{self, Transport, transports};
use crate::error::{Error, Result};
use crate::limits;
use crate::text::printable;

/// How to make a broadcast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryOptions {
    /// Bytes of maps, by WWID or name.
    pub sizes: BTreeMap<String, u64>,
    /// How the paths of maps reach the storage, by the name of the map.
    pub transports: BTreeMap<String, Transport>,
    /// Where sysfs is mounted, to read sizes that are not given. None: they stay unknown.
    pub sysfs: Option<PathBuf>,
    /// Bytes of the broadcast at the most.
    pub limit: usize,
    /// When it is made, in seconds since 1970. Readers take one without a time for an old one.
    pub time: Option<u64>,
    /// Its number.
    pub seq: Option<u64>,
}

impl Default for SummaryOptions {
    fn default() -> Self {
        SummaryOptions {
            sizes: BTreeMap::new(),
            transports: BTreeMap::new(),
            sysfs: None,
            limit: limits::BROADCAST,
            time: None,
            seq: None,
        }
    }
}

impl SummaryOptions {
    /// From a JSON object: `sizes`, an object; `transports`, an object or the text that
    /// [`transports`] takes; `sysfs`, `limit`, `time`, `seq`. Null sets nothing, numbers may be text,
    /// any other key is an error. No text is an object without any.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let mut options = SummaryOptions::default();
        if json.trim_ascii().is_empty() {
            return Ok(options);
        }
        for (name, value) in &object("options", json)? {
            match (name.as_str(), value) {
                ("sizes", Value::Object(sizes)) => options.sizes_of(sizes)?,
                ("transports", Value::Object(words)) => {
                    for (map, word) in words {
                        let word = scalar("transport", word)?;
                        options.set_transport(map.as_bytes(), word.as_bytes())?;
                    }
                }
                ("sizes", Value::Null) => {}
                ("sizes", _) => return Err(Error::argument("sizes are not an object")),
                (name, Value::Null) => options.set(name.as_bytes(), None)?,
                (name, value) => {
                    options.set(name.as_bytes(), Some(scalar(name, value)?.as_bytes()))?;
                }
            }
        }
        Ok(options)
    }

    /// Sets the option called `name`: `transports` (as [`transports`] takes them), `sysfs`, `limit`,
    /// `time` or `seq`. None sets nothing, but looks at the name.
    pub fn set(&mut self, name: &[u8], value: Option<&[u8]>) -> Result<()> {
        let shown = printable(name);
        let set: fn(&mut Self, &str, &[u8]) -> Result<()> = match name {
            b"transports" => |options, _, reply| {
                let found = transports(&String::from_utf8_lossy(reply));
                options.transports.extend(found);
                Ok(())
            },
            b"sysfs" => |options, _, folder| {
                options.sysfs = Some(OsStr::from_bytes(folder).into());
                Ok(())
            },
            b"limit" => |options, name, text| {
                options.limit = usize::try_from(number(name, text)?).unwrap_or(usize::MAX);
                Ok(())
            },
            b"time" => |options, name, text| {
                options.time = Some(number(name, text)?);
                Ok(())
            },
            b"seq" => |options, name, text| {
                options.seq = Some(number(name, text)?);
                Ok(())
            },
            _ => return Err(Error::argument(format!("unknown option '{shown}'"))),
        };
        value.map_or(Ok(()), |value| set(self, &shown, value))
    }

    /// Sets the sizes of maps from the text of a JSON object.
    pub fn set_sizes(&mut self, json: &[u8]) -> Result<()> {
        self.sizes_of(&object("sizes", json)?)
    }

    fn sizes_of(&mut self, sizes: &Object<String, Value>) -> Result<()> {
        let mut sizes = sizes.iter();
        sizes.try_for_each(|(map, size)| {
            self.set_size(map.as_bytes(), scalar("size", size)?.as_bytes())
        })
    }

    /// Sets the size of a map, by its WWID or name: bytes as text.
    pub fn set_size(&mut self, map: &[u8], bytes: &[u8]) -> Result<()> {
        let bytes = number(&format!("size of '{}'", printable(map)), bytes)?;
        self.sizes.insert(text(map), bytes);
        Ok(())
    }

    /// Sets the transport of a map, by its name.
    pub fn set_transport(&mut self, map: &[u8], word: &[u8]) -> Result<()> {
        let Some(transport) = Transport::from_name(word) else {
            let (map, word) = (printable(map), printable(word));
            let message = format!("unknown transport '{word}' of '{map}'");
            return Err(Error::argument(message));
        };
        self.transports.insert(text(map), transport);
        Ok(())
    }
}

impl Summary {
    /// The summary of what multipathd says: its reply to `show maps json` or `show map NAME json`.
    pub fn of_reply(reply: &[u8], options: &SummaryOptions) -> Result<Self> {
        let maps = multipathd::maps(reply)?;
        let mut sizes = match &options.sysfs {
            None => BTreeMap::new(),
            Some(sysfs) => multipathd::sizes(&maps, sysfs),
        };
        // What was read by WWID must not hide what is given by name.
        for map in &maps {
            if options.sizes.contains_key(&map.name) {
                sizes.remove(&map.uuid);
            }
        }
        sizes.extend(options.sizes.clone());
        Ok(Summary::of(&maps, &sizes, &options.transports))
    }
}

/// What multipathd's reply is as a broadcast: [`Summary::of_reply`] and [`Summary::fit`].
pub fn broadcast(reply: &[u8], options: &SummaryOptions) -> Result<Fitted> {
    let summary = Summary::of_reply(reply, options)?;
    summary.fit(options.time, options.seq, options.limit)
}

/// A JSON object that is called `name` in the error.
fn object(name: &str, json: &[u8]) -> Result<Object<String, Value>> {
    if json.len() > limits::MULTIPATHD_REPLY {
        let most = limits::MULTIPATHD_REPLY as u64;
        return Err(limits::above(format!("the {name}"), "the limit", most));
    }
    serde_json::from_slice(json)
        .map_err(|error| Error::argument(format!("the {name} are no JSON object: {error}")))
}

/// As multipathd's own texts are read.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A number or a text of the options.
fn scalar(name: &str, value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => {
            let name = printable(name.as_bytes());
            let message = format!("option '{name}' is neither text nor a number");
            Err(Error::argument(message))
        }
    }
}

/// A whole number of 64 bits, called `name` in the error.
fn number(name: &str, text: &[u8]) -> Result<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(text).ok().filter(|_| digits);
    number.and_then(|text| text.parse().ok()).ok_or_else(|| {
        let text = printable(text);
        Error::argument(format!("{name} '{text}' is not a number"))
    })
}
