//! What must be true of every answer, whatever the bytes were.

use pve_native_core::chain::{Audit, Chain, FindingCode};
use pve_native_core::image::json::{Names, View};
use pve_native_core::image::{Backing, ImageFormat, ImageInfo, Metadata};
use pve_native_core::io::{FileKind, Meta, Used};
use pve_native_core::{Error, json, limits};

/// An answer about one image that lies in a file of `size` bytes.
pub fn metadata(format: ImageFormat, size: u64, mut metadata: Metadata, used: Used) {
    let backing = metadata.backing.take();
    let path = b"/images/100/top";
    let info = ImageInfo {
        filename: path.as_slice().into(),
        format,
        file: Meta {
            kind: FileKind::Regular,
            size: size.min(limits::IMAGE_BYTES),
            allocated: size,
            identity: (1, 1),
            ctime: 0,
        },
        backing: backing.map(|backing| Backing::new(path, &backing.name, backing.format)),
        metadata,
        used,
    };
    image(&info);
    // Thousands of entries have nothing to show that a few have not, and take their time.
    const MANY: usize = 1000;
    let bitmaps = info.qcow2().map_or(0, |qcow2| qcow2.bitmaps.len());
    if info.metadata.snapshots.len() + bitmaps > MANY {
        return;
    }
    qemu_json(&json::to_text(&View::new(&info, Names::Text)));
}

/// What holds for each image, alone and in a chain.
pub fn image(info: &ImageInfo) {
    let data = &info.metadata;
    used(info.used);
    assert!(
        data.virtual_size
            .is_none_or(|size| size <= limits::IMAGE_BYTES)
    );
    assert!(data.warnings.iter().all(|warning| is_one_line(warning)));
    if let Some(backing) = &info.backing {
        assert!(!backing.name().is_empty() && !backing.name().contains(&0));
        assert!(backing.full_name().ends_with(backing.name()));
    }
    if let Some(qcow2) = info.qcow2() {
        let names = qcow2.extensions.feature_names();
        assert!(names.count() <= (2 << 20) / 48);
        assert!(data.snapshots.len() <= limits::QCOW2_SNAPSHOTS as usize);
        assert!(qcow2.bitmaps.len() <= limits::QCOW2_BITMAPS as usize);
    }
}

/// An audit, whether safe or not.
pub fn audit(audit: &Audit, depth: usize) {
    chain(&audit.chain, depth);
    for finding in &audit.findings {
        assert!(FindingCode::ALL.contains(&finding.code));
        assert!(is_one_line(&finding.message) && !finding.message.is_empty());
    }
    assert!(!audit.is_safe() || audit.chain.broken.is_none());
    qemu_json(&json::to_text(&View::new(audit, Names::Text)));
}

/// What it took to read an image, also one that turned out to be broken.
pub fn used(used: Used) {
    assert!(used.bytes_read <= limits::READ_BYTES, "{used:?}");
    assert!(
        used.block_table_bytes <= limits::BLOCK_TABLE_BYTES,
        "{used:?}"
    );
    assert!(used.steps <= limits::STEPS, "{used:?}");
}

/// A chain that was walked with a bound of `depth` images.
pub fn chain(chain: &Chain, depth: usize) {
    assert!(chain.images.len() <= depth);
    for (at, one) in chain.images.iter().enumerate() {
        image(one);
        let same = |other: &ImageInfo| other.file.identity == one.file.identity;
        assert!(
            !chain.images[..at].iter().any(same),
            "a file twice in a chain"
        );
    }
    if let Some(broken) = &chain.broken {
        error(&broken.error);
    }
    qemu_json(&json::to_text(&View::new(chain, Names::Text)));
}

/// An error: a line that can be shown.
pub fn error(error: &Error) {
    let text = error.to_string();
    assert!(is_one_line(&text), "{text:?}");
    assert!(!text.is_empty());
}

fn is_one_line(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// A text that is JSON, and JSON as QEMU writes it. Of long ones only the second is looked at: a
/// parser's memory would be taken for the library's.
pub fn qemu_json(text: &str) {
    const LONG: usize = 1 << 20;
    written_as_by_qemu(text);
    if text.len() < LONG {
        parsed(text);
    }
}

/// The value that a text means.
pub fn parsed(text: &str) -> serde_json::Value {
    match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => panic!("{error} in {text:?}"),
    }
}

/// QEMU writes ASCII, with its own choice of escapes.
pub fn written_as_by_qemu(text: &str) {
    let mut bytes = text.bytes();
    let mut inside = false;
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => inside = !inside,
            b'\\' if inside => escape(&mut bytes),
            b'\n' => assert!(!inside),
            _ => assert!((b' '..=b'~').contains(&byte), "{byte:#x} in {text:?}"),
        }
    }
    assert!(!inside);
}

/// What follows a backslash: a short form, or four upper case digits for what has none.
fn escape(bytes: &mut std::str::Bytes<'_>) {
    match bytes.next() {
        Some(b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't') => {}
        Some(b'u') => {
            let digits = [(); 4].map(|()| bytes.next().unwrap_or_default());
            let digit = |value: u32, digit: &u8| {
                assert!(digit.is_ascii_digit() || (b'A'..=b'F').contains(digit));
                value << 4 | char::from(*digit).to_digit(16).unwrap_or_default()
            };
            let value = digits.iter().fold(0, digit);
            let has_short_form = matches!(value, 8 | 9 | 0xa | 0xc | 0xd);
            assert!(
                !has_short_form && !(0x20..0x7f).contains(&value),
                "\\u{value:04X}"
            );
        }
        other => panic!("escape {other:?}"),
    }
}
