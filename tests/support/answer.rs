//! The two answers to one question: qemu-img's and ours, as JSON values.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use pve_native_core::chain::{Chain, ChainOptions, walk};
use pve_native_core::error::Error;
use pve_native_core::image::json::{Names, View};
use pve_native_core::image::{FormatChoice, ImageFormat, ImageInfo, open};
use pve_native_core::io::Storage;
use serde_json::Value;

/// How the format of an image is known.
pub fn choice(format: Option<&str>) -> FormatChoice {
    match format {
        Some(name) => {
            let format = ImageFormat::from_name(name.as_bytes());
            FormatChoice::Named(format.expect("a format that is read here"))
        }
        None => FormatChoice::Probe,
    }
}

/// `qemu-img info --output=json`, or what it says instead.
pub fn their_info(name: &OsStr, format: Option<&str>, options: &[&str]) -> Result<Value, String> {
    let mut command = Command::new("qemu-img");
    command.args(["info", "--output=json"]).args(options);
    if let Some(format) = format {
        command.args(["-f", format]);
    }
    let output = command
        .arg("--")
        .arg(name)
        .output()
        .expect("qemu-img is installed");
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(format!("{} ({})", text, output.status));
    }
    Ok(serde_json::from_slice(&output.stdout).expect("qemu-img prints JSON"))
}

/// One image as JSON.
pub fn value(image: &ImageInfo) -> Value {
    serde_json::to_value(View::new(image, Names::Text)).expect("an image can be serialised")
}

/// Our answer to the same.
pub fn our_info(name: &OsStr, format: Option<&str>) -> Result<Value, Error> {
    open(&Storage::inline(), name.as_bytes(), choice(format)).map(|image| value(&image))
}

/// Our chain.
pub fn our_chain(name: &OsStr, format: Option<&str>, allow_probe: bool) -> Chain {
    let options = ChainOptions {
        allow_probe,
        ..ChainOptions::new(choice(format))
    };
    walk(&Storage::inline(), name.as_bytes(), &options)
}

/// Where two values differ first; None if they are equal.
pub fn difference(ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let mut keys: Vec<&String> = a.keys().chain(b.keys()).collect();
            keys.sort();
            keys.dedup();
            keys.into_iter()
                .find_map(|key| match (a.get(key), b.get(key)) {
                    (Some(x), Some(y)) => difference(x, y).map(|text| format!(".{key}{text}")),
                    (Some(x), None) => Some(format!(".{key}: ours {x}, QEMU has none")),
                    (None, Some(y)) => Some(format!(".{key}: we have none, QEMU {y}")),
                    (None, None) => None,
                })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => a
            .iter()
            .zip(b)
            .enumerate()
            .find_map(|(i, (x, y))| difference(x, y).map(|text| format!("[{i}]{text}"))),
        _ if ours == theirs => None,
        _ => Some(format!(": ours {ours}, QEMU {theirs}")),
    }
}
