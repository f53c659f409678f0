//! The strings that a chain lends: C needs a NUL behind each, so they are made once per image, when
//! it is first asked for. They live as long as the chain.

use std::ffi::CString;

use pve_native_core::chain::walk::Broken;
use pve_native_core::image::ImageInfo;

use crate::string::{held, held_text};

/// Strings of one image.
#[derive(Debug, Default)]
pub struct Texts {
    pub filename: CString,
    pub backing_filename: Option<CString>,
    pub full_backing_filename: Option<CString>,
    pub backing_format: Option<CString>,
    pub data_file: Option<CString>,
    pub error_message: Option<CString>,
    /// Identifier and name of each internal snapshot.
    pub snapshots: Vec<(CString, CString)>,
    pub bitmaps: Vec<CString>,
    pub feature_names: Vec<CString>,
    /// Child node and file of each extent.
    pub extents: Vec<(CString, CString)>,
    pub warnings: Vec<CString>,
}

impl Texts {
    /// Those of an image that could be read.
    pub fn of_image(info: &ImageInfo) -> Self {
        let data = &info.metadata;
        let backing = info.backing.as_ref();
        let qcow2 = info.qcow2();
        let snapshots = data.snapshots.iter();
        let extents = data.extents.iter();
        Texts {
            filename: held(&info.filename),
            backing_filename: backing.map(|backing| held(backing.name())),
            full_backing_filename: backing.map(|backing| held(backing.full_name())),
            backing_format: backing.and_then(|b| b.format.as_deref()).map(held),
            data_file: qcow2
                .and_then(|q| q.extensions.data_file.as_deref())
                .map(held),
            error_message: None,
            snapshots: snapshots.map(|s| (held(&s.id), held(&s.name))).collect(),
            bitmaps: qcow2.map_or(Vec::new(), |q| {
                q.bitmaps.iter().map(|bitmap| held(&bitmap.name)).collect()
            }),
            feature_names: qcow2.map_or(Vec::new(), |q| {
                q.extensions.feature_names().map(|f| held(f.name)).collect()
            }),
            extents: extents
                .map(|e| (held_text(&e.child), held(&e.filename)))
                .collect(),
            warnings: data.warnings.iter().map(|text| held_text(text)).collect(),
        }
    }

    /// Those of the place where a chain is broken.
    pub fn of_broken(broken: &Broken) -> Self {
        Texts {
            filename: held(&broken.filename),
            error_message: Some(held_text(&broken.error.to_string())),
            ..Texts::default()
        }
    }
}
