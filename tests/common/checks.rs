//! Checks as the real `qemu-img check` prints them, and as we do.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pve_native_core::image::check::MOST;
use pve_native_core::image::json::{Names, View};
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::work::finish_unwatched;
use pve_native_core::{Code, inspect, json};
use serde_json::{Map, Value};

use super::qemu_img;

/// What `qemu-img check` prints, or its exit status.
pub fn theirs(path: &Path, format: &str) -> Result<Map<String, Value>, i32> {
    let path = path.to_str().unwrap();
    let output = qemu_img(&["check", "--output=json", "-f", format, path]);
    match serde_json::from_slice(&output.stdout) {
        Ok(Value::Object(answer)) => Ok(answer),
        _ => Err(output.status.code().unwrap()),
    }
}

/// The same from us, the findings left out.
pub fn ours(path: &Path, format: &str) -> Result<Map<String, Value>, pve_native_core::Error> {
    let format = ImageFormat::from_name(format.as_bytes()).unwrap();
    let format = FormatChoice::Named(format);
    let check = inspect::check(path.as_os_str().as_bytes(), format, None)?;
    let checked = finish_unwatched(check)?;
    let result = &checked.result;
    let wrong = result.check_errors + result.corruptions + result.leaks;
    let kept = wrong.min(MOST as u64);
    assert_eq!(result.findings.len() as u64, kept, "{result:?}");
    let text = json::to_text(&View::new(&checked, Names::Text));
    let mut answer: Map<String, Value> = serde_json::from_str(&text).unwrap();
    assert!(answer.remove("findings").is_some());
    Ok(answer)
}

/// Both must print the same, or refuse the image; tells whether something is wrong with it.
#[track_caller]
pub fn assert_same_check(path: &Path, format: &str, what: &str) -> bool {
    match (ours(path, format), theirs(path, format)) {
        (Ok(ours), Ok(theirs)) => {
            assert_eq!(ours, theirs, "{format} {what}: {}", path.display());
            ours.contains_key("corruptions") || ours.contains_key("leaks")
        }
        // This format has no checks.
        (Err(error), Err(63)) => {
            assert_eq!(error.code(), Code::Unsupported, "{error}");
            false
        }
        (Err(_), Err(_)) => true,
        (ours, theirs) => panic!(
            "{format} {what}: {}: {ours:?} but {theirs:?}",
            path.display()
        ),
    }
}
