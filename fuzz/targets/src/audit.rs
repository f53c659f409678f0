//! Audits and pins of chains through a directory of files that the input describes, under any
//! policy.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use pve_native_core::chain::{Audit, ChainOptions, Policy, Preset, Symlinks, audit, pin, walk};
use pve_native_core::image::{ImageFormat, ImageInfo};
use pve_native_core::io::Storage;
use pve_native_core::{json, limits};

use crate::directory::{self, FILES, Place};
use crate::input::Input;
use crate::{chain, check};

/// Lays the directory out, audits the chain under its first file and pins it.
pub fn run(input: &[u8]) {
    directory::with(|place| {
        let mut input = Input::new(input);
        let policy = policy(&mut input, place);
        place.lay_out(&mut input);
        ask(place, &policy);
    });
}

fn policy(input: &mut Input<'_>, place: &Place) -> Policy {
    let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
    Policy {
        preset: input.pick(&[
            Preset::None,
            Preset::Upload,
            Preset::Restore,
            Preset::Storage,
        ]),
        format: chain::format(input),
        roots: match input.below(4) {
            0 => Vec::new(),
            1 => vec![bytes(&place.inside().join("nowhere"))],
            2 => vec![b"/usr".to_vec(), bytes(&place.inside())],
            _ => vec![bytes(&place.inside())],
        },
        formats: match input.below(4) {
            0 => vec![ImageFormat::Qcow2, input.pick(&ImageFormat::ALL)],
            _ => Vec::new(),
        },
        protocols: match input.below(4) {
            0 => vec![b"nbd".to_vec()],
            _ => Vec::new(),
        },
        deny_backing: input.below(8) == 0,
        allow_data_file: input.flag(),
        allow_unnamed_format: input.flag(),
        same_device: input.flag(),
        max_depth: input.below(FILES + 2),
        max_virtual_size: input.pick(&[0, 1, 1 << 20, u64::MAX]),
        symlinks: input.pick(&[Symlinks::Inside, Symlinks::None, Symlinks::Any]),
    }
}

fn ask(place: &Place, policy: &Policy) {
    let top = place.top();
    let name = top.as_os_str().as_bytes();
    let depth = match policy.max_depth {
        0 => limits::CHAIN_DEPTH,
        depth => depth,
    };
    let audited = match audit(name, policy, None) {
        Ok(audited) => audited,
        Err(error) => {
            check::error(&error);
            assert!(pin(name, policy, None).is_err());
            return;
        }
    };
    check::audit(&audited, depth);
    if audited.is_safe() {
        safe(place, policy, &audited, depth);
    }
    match pin(name, policy, None) {
        Ok(pinned) => {
            assert_eq!(pinned.audit(), &audited);
            pinned_files(&pinned.descriptors(), &audited);
            let [arg] = &pinned.qemu_img_args()[..] else {
                panic!("one argument is promised");
            };
            let description = arg.strip_prefix("json:");
            check::parsed(description.unwrap_or_else(|| panic!("{arg}")));
            let nodes = pinned.block_nodes("pin");
            check::qemu_json(&json::to_text(&nodes.unwrap_or_default()));
        }
        Err(error) => check::error(&error),
    }
}

/// What must be true of a chain that was found to be safe.
fn safe(place: &Place, policy: &Policy, audited: &Audit, depth: usize) {
    let images = &audited.chain.images;
    assert!(!images.is_empty());
    // Whoever reads the chain without a policy comes to the same files.
    let options = ChainOptions {
        allow_probe: policy.allow_unnamed_format,
        max_depth: depth,
        ..ChainOptions::new(policy.format)
    };
    let name = place.top();
    let walked = walk(&Storage::inline(), name.as_os_str().as_bytes(), &options);
    let files = |images: &[ImageInfo]| -> Vec<(u64, u64)> {
        images.iter().map(|image| image.file.identity).collect()
    };
    assert_eq!(files(images), files(&walked.images));
    let alone = policy.deny_backing || policy.preset == Preset::Upload;
    assert!(!alone || (images.len() == 1 && images[0].backing.is_none()));
    for image in images {
        assert!(policy.preset != Preset::Upload || image.metadata.extents.is_empty());
        assert!(policy.allow_data_file || image.qcow2().is_none_or(|qcow2| !qcow2.has_data_file()));
    }
    if policy.symlinks != Symlinks::Any {
        let Ok(outside) = fs::metadata(place.outside()) else {
            panic!("the file outside is gone");
        };
        let outside = (outside.dev(), outside.ino());
        let top = files(images)[0];
        // Without roots the caller's own image may be a link to anywhere.
        let named = files(images)
            .into_iter()
            .filter(|&file| !policy.roots.is_empty() || file != top);
        let extents = images.iter().flat_map(|image| &image.metadata.extents);
        let mut all = named.chain(extents.map(|extent| extent.meta.identity));
        assert!(
            all.all(|file| file != outside),
            "a file outside of the roots"
        );
    }
}

/// The descriptors are those of the files that were audited.
fn pinned_files(descriptors: &[i32], audited: &Audit) {
    let open: Vec<(u64, u64)> = descriptors
        .iter()
        .filter_map(|descriptor| fs::metadata(format!("/proc/self/fd/{descriptor}")).ok())
        .map(|meta| (meta.dev(), meta.ino()))
        .collect();
    assert_eq!(open.len(), descriptors.len());
    for image in &audited.chain.images {
        assert!(open.contains(&image.file.identity));
    }
}
