//! The runs and the checks of images of all formats but qcow2.

use std::sync::Arc;

use pve_native_core::image::vmdk::grains::Grains;
use pve_native_core::image::vmdk::{ExtentData, VmdkInfo};
use pve_native_core::image::{FormatSpecific, Metadata, qcow1, qed, vdi, vhdx, vpc};
use pve_native_core::io::{ReadAt, Shared, Source};
use pve_native_core::limits;
use pve_native_core::work::{Progress, Work, finish};

use crate::extents::{LIMITS, STEPS, walk};
use crate::image::{VHDX, read_vmdk};
use crate::pieces::{Image, WHOLE};
use crate::repair;

/// Bytes of tables that are in memory at a time.
const BUFFER: usize = 4096;

/// Whatever can read the input maps and checks it.
pub fn run(input: &[u8]) {
    let image = Image::new(input, &WHOLE, repair::vpc);
    let head = image.head(limits::HEAD);
    let image: Shared<'_> = Arc::new(image);
    let readers = [qcow1::read, qed::read, vdi::read, vpc::read, read_vmdk];
    for read in readers {
        if let Ok(metadata) = read(&Source::new(&*image, &head)) {
            maps(&image, &metadata);
        }
    }
    let image = Image::new(input, &VHDX, repair::vhdx);
    if let Ok(check) = vhdx::check::Check::new(Arc::new(image), &LIMITS) {
        checked(check);
    }
}

fn maps(image: &Shared<'_>, metadata: &Metadata) {
    let size = metadata.virtual_size.unwrap_or(0);
    match &metadata.specific {
        FormatSpecific::Qcow1(info) => {
            for alone in [false, true] {
                let kind = (metadata.encrypted, alone);
                let mut mapping = qcow1::mapping::Mapping::new(info, size, BUFFER, kind);
                walk(size, |position, runs| {
                    mapping.runs(&**image, position, runs)
                });
            }
        }
        FormatSpecific::Qed(info) => {
            for alone in [false, true] {
                let mut mapping = qed::mapping::Mapping::new(info, size, BUFFER, alone);
                walk(size, |position, runs| {
                    mapping.runs(&**image, position, runs)
                });
            }
            if let Ok(check) = qed::check::Check::new(image.clone(), info, &LIMITS) {
                checked(check);
            }
        }
        FormatSpecific::Vdi(info) => {
            let mut mapping = vdi::mapping::Mapping::new(info, size, BUFFER);
            walk(size, |position, runs| {
                mapping.runs(&**image, position, runs)
            });
            checked(vdi::check::Check::new(image.clone(), info, &LIMITS));
        }
        FormatSpecific::Vpc(info) => {
            if let Some(table) = &info.table {
                let mut mapping = vpc::mapping::Mapping::new(table, size, BUFFER);
                walk(size, |position, runs| {
                    mapping.runs(&**image, position, runs)
                });
            }
        }
        FormatSpecific::Vmdk(info) => grains(&**image, info),
        FormatSpecific::None | FormatSpecific::Qcow2(_) | FormatSpecific::Luks(_) => {}
    }
}

/// The tables of a sparse file that stands for itself.
fn grains(image: &dyn ReadAt, info: &VmdkInfo) {
    for extent in &info.extents {
        let ExtentData::Sparse(tables) = &extent.data else {
            continue;
        };
        if let Ok(mut grains) = Grains::new(tables, extent.compressed, BUFFER) {
            let size = extent.virtual_size;
            walk(size, |position, runs| {
                grains.runs(image, position, (0, size, size), runs)
            });
        }
    }
}

fn checked<W: Work<Answer = pve_native_core::image::check::CheckResult>>(check: W) {
    let mut left = STEPS;
    let result = finish(check, &mut |progress: Progress| {
        assert!(progress.done <= progress.total);
        left -= 1;
        left > 0
    });
    if let Ok(result) = result {
        let found = result.corruptions + result.leaks + result.check_errors;
        assert!(result.findings.len() as u64 <= found);
    }
}
