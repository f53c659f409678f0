//! The options of an image to come, as far as they decide how large it becomes: those that
//! `qemu-img measure -o` takes for raw, qcow2 and luks. What QEMU does not look at when it measures
//! is not looked at here either.

use super::ImageFormat;
use super::luks::payload::Cipher;
use super::measure::Qcow2Layout;
use super::option_text::{self, number, switch};
use crate::error::{Error, Result};
use crate::limits;
use crate::text::printable;

/// The options of an image to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateOptions {
    /// The format.
    pub format: ImageFormat,
    /// The layout, for qcow2.
    pub layout: Qcow2Layout,
    /// Of qcow2: 2 or 3.
    pub version: u32,
    /// Whether all of the disk is allocated at once.
    pub preallocated: bool,
    /// Whether the image would stand on another one.
    pub backing: bool,
    /// Bytes of the disk, if they are among the options.
    pub size: Option<u64>,
    /// Encryption: bytes of the header of LUKS, with its key slots.
    pub luks_header: Option<u64>,
}

/// How an option's value is read, whether it is looked at or not.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Switch,
    Number,
    Size,
}

use Kind::{Number, Size, Switch, Text};

/// Options that every format has, from the file that it lies in.
const FILE: &[(&str, Kind)] = &[
    ("size", Size),
    ("nocow", Switch),
    ("preallocation", Text),
    ("extent_size_hint", Size),
];

const LUKS: &[(&str, Kind)] = &[
    ("key-secret", Text),
    ("cipher-alg", Text),
    ("cipher-mode", Text),
    ("ivgen-alg", Text),
    ("ivgen-hash-alg", Text),
    ("hash-alg", Text),
    ("iter-time", Number),
    ("detached-header", Switch),
];

const QCOW2: &[(&str, Kind)] = &[
    ("encryption", Switch),
    ("encrypt.format", Text),
    ("encrypt.key-secret", Text),
    ("encrypt.cipher-alg", Text),
    ("encrypt.cipher-mode", Text),
    ("encrypt.ivgen-alg", Text),
    ("encrypt.ivgen-hash-alg", Text),
    ("encrypt.hash-alg", Text),
    ("encrypt.iter-time", Number),
    ("cluster_size", Size),
    ("extended_l2", Switch),
    ("compression_type", Text),
    ("compat", Text),
    ("backing_file", Text),
    ("backing_fmt", Text),
    ("data_file", Text),
    ("data_file_raw", Switch),
    ("lazy_refcounts", Switch),
    ("refcount_bits", Number),
];

/// Options by their names; of those given twice the last one holds.
struct Values(Vec<option_text::Pair>);

impl Values {
    fn parse(text: &[u8], known: &[&[(&str, Kind)]]) -> Result<Self> {
        let invalid = || Error::argument(format!("invalid option list '{}'", printable(text)));
        let mut values = option_text::pairs(text).ok_or_else(invalid)?;
        // QEMU's word for what a list is called; it is taken anywhere.
        values.retain(|(name, _)| name != b"id");
        for (name, value) in &values {
            let kind = known.iter().copied().flatten();
            let kind = kind.copied().find(|(known, _)| known.as_bytes() == name);
            let Some((_, kind)) = kind else {
                let name = printable(name);
                return Err(Error::argument(format!("unknown option '{name}'")));
            };
            let valid = match kind {
                Text => true,
                Switch => switch(value).is_some(),
                Number => number(value).is_some(),
                Size => option_text::size(value).is_some(),
            };
            if !valid {
                return Err(invalid_value(&printable(name), value));
            }
        }
        Ok(Values(values))
    }

    fn get(&self, name: &str) -> Option<&[u8]> {
        let mut values = self.0.iter().rev();
        let (_, value) = values.find(|(known, _)| known == name.as_bytes())?;
        Some(value)
    }

    /// What the option says by `read`, or this if it is not given.
    fn or<T>(&self, name: &str, default: T, read: impl Fn(&[u8]) -> Option<T>) -> Result<T> {
        match self.get(name) {
            None => Ok(default),
            Some(value) => read(value).ok_or_else(|| invalid_value(name, value)),
        }
    }
}

fn invalid_value(name: &str, value: &[u8]) -> Error {
    let value = printable(value);
    Error::argument(format!("option '{name}' cannot be '{value}'"))
}

impl CreateOptions {
    /// Understands options such as `cluster_size=128k` of an image of this format. As in Proxmox VE,
    /// they are joined with commas to one text for `qemu-img -o`: one that holds a comma is two.
    pub fn parse<'a>(
        format: ImageFormat,
        options: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Self> {
        let mut options = options.into_iter();
        let text = options.next().map(|first| {
            options.fold(first.to_vec(), |mut text, option| {
                text.push(b',');
                text.extend_from_slice(option);
                text
            })
        });
        let own = match format {
            ImageFormat::Raw => &[],
            ImageFormat::Qcow2 => QCOW2,
            ImageFormat::Luks => LUKS,
            _ => {
                let name = format.name();
                let message = format!("images of format {name} are not measured");
                return Err(Error::unsupported(message));
            }
        };
        let values = match text {
            Some(text) => Values::parse(&text, &[FILE, own])?,
            None => Values(Vec::new()),
        };
        let mut parsed = CreateOptions {
            format,
            layout: Qcow2Layout {
                cluster_bits: 16,
                refcount_order: 4,
                extended_l2: false,
            },
            version: 3,
            preallocated: false,
            backing: false,
            size: values.or("size", None, |value| option_text::size(value).map(Some))?,
            luks_header: None,
        };
        match format {
            ImageFormat::Qcow2 => parsed.set_qcow2(&values)?,
            ImageFormat::Luks => {
                if values.get("detached-header").is_some() {
                    // It has a size of its own that QEMU does not measure.
                    return Err(Error::argument("option 'detached-header' is not expected"));
                }
                parsed.luks_header = Some(cipher(&values, "")?.payload_offset());
            }
            _ => {}
        }
        Ok(parsed)
    }

    fn set_qcow2(&mut self, values: &Values) -> Result<()> {
        let layout = &mut self.layout;
        layout.extended_l2 = values.or("extended_l2", false, switch)?;
        layout.cluster_bits = values.or("cluster_size", 16, |value| {
            let bytes = option_text::size(value)?;
            let bits = bytes.checked_ilog2().filter(|_| bytes.is_power_of_two())?;
            limits::QCOW2_CLUSTER_BITS.contains(&bits).then_some(bits)
        })?;
        if layout.extended_l2 && layout.cluster_bits < 14 {
            let message = "extended_l2 needs clusters of at least 16 KiB";
            return Err(Error::argument(message));
        }
        self.version = values.or("compat", 3, |value| match value {
            b"0.10" => Some(2),
            b"1.1" => Some(3),
            _ => None,
        })?;
        layout.refcount_order = values.or("refcount_bits", 4, |value| {
            let order = number(value).filter(|bits| bits.is_power_of_two())?.ilog2();
            (order <= limits::QCOW2_REFCOUNT_ORDER).then_some(order)
        })?;
        if self.version < 3 && layout.refcount_order != 4 {
            return Err(Error::argument("compat=0.10 has refcounts of 16 bits only"));
        }
        self.preallocated = values.or("preallocation", false, |value| match value {
            b"off" | b"metadata" => Some(false),
            b"falloc" | b"full" => Some(true),
            _ => None,
        })?;
        self.backing = values.get("backing_file").is_some();
        if values.get("encrypt.format") == Some(b"luks") {
            self.luks_header = Some(cipher(values, "encrypt.")?.payload_offset());
        }
        Ok(())
    }
}

/// The cipher that the options with this prefix ask for.
fn cipher(values: &Values, prefix: &str) -> Result<Cipher> {
    if values.get(&format!("{prefix}key-secret")).unwrap_or(b"") == b"" {
        let message = format!("option '{prefix}key-secret' is missing");
        return Err(Error::argument(message));
    }
    let get = |name: &str| values.get(&format!("{prefix}{name}"));
    Cipher::from_options(&get).map_err(|name| {
        let value = get(name).unwrap_or_default();
        invalid_value(&format!("{prefix}{name}"), value)
    })
}
