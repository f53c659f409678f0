//! Maps as the real `qemu-img map` prints them, and as we do.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use pve_native_core::chain::ChainOptions;
use pve_native_core::chain::extents::{Extent, extents};
use pve_native_core::chain::map_text::MapText;
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::io::Storage;

use super::{SECRET, qemu_img};

/// What `qemu-img map` prints.
pub fn theirs(path: &Path, format: &str) -> Result<String, String> {
    let path = path.to_str().unwrap();
    answer(&["map", "--output=json", "-f", format, path])
}

/// The same of an encrypted image whose key is told under this name.
pub fn theirs_with_key(path: &Path, format: &str, key: &str) -> Result<String, String> {
    let path = path.to_str().unwrap();
    let image = format!("driver={format},{key}=s,file.filename={path}");
    let mut arguments = vec!["map", "--output=json", "--image-opts"];
    arguments.extend(SECRET);
    arguments.push(&image);
    answer(&arguments)
}

fn answer(arguments: &[&str]) -> Result<String, String> {
    let output = qemu_img(arguments);
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).expect("qemu-img prints ASCII"))
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The same text from us, the extents asked for so many at a time.
pub fn ours(path: &Path, format: &str, chunk: usize) -> Result<String, pve_native_core::Error> {
    let format = ImageFormat::from_name(format.as_bytes()).unwrap();
    let options = ChainOptions {
        allow_probe: true,
        ..ChainOptions::new(FormatChoice::Named(format))
    };
    let mut map = extents(Storage::inline(), path.as_os_str().as_bytes(), &options)?;
    let mut chunk = vec![Extent::default(); chunk];
    let (mut text, mut out) = (MapText::default(), String::new());
    loop {
        let count = map.next(&mut chunk)?;
        if count == 0 {
            text.end(&mut out);
            return Ok(out);
        }
        text.add(&chunk[..count], &mut out);
    }
}

/// Both must print the same, or refuse the image.
#[track_caller]
pub fn assert_same_map(path: &Path, format: &str) {
    assert_same_text(
        path,
        format,
        &theirs(path, format),
        &path.display().to_string(),
    );
}

/// The same with their text at hand.
#[track_caller]
pub fn assert_same_text(path: &Path, format: &str, theirs: &Result<String, String>, what: &str) {
    for chunk in [1, 1000] {
        match (ours(path, format, chunk), theirs) {
            (Ok(ours), Ok(theirs)) => {
                for (i, (our, their)) in ours.lines().zip(theirs.lines()).enumerate() {
                    assert_eq!(our, their, "extent {i} of {what}");
                }
                assert!(ours == *theirs, "{what}");
            }
            (Err(_), Err(_)) => {}
            (ours, theirs) => panic!("{what}: {ours:?} but {theirs:?}"),
        }
    }
}
