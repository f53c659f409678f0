//! What a plan gives a new image is enough for all that the guest can write.

use super::common::Images;
use pve_native_core::image::measure::Qcow2Layout;
use pve_native_core::image::{FormatChoice, ImageFormat};
use pve_native_core::inspect::{Bounds, headroom};
use pve_native_core::snapshot::plan::room;
use pve_native_core::work;

#[test]
fn a_new_image_has_room_for_all_of_its_disk() {
    let images = Images::in_memory();
    for (cluster_bits, extended_l2) in [
        (9, false),
        (12, false),
        (14, true),
        (16, false),
        (17, true),
        (21, true),
    ] {
        for size in [1u64 << 20, (8 << 20) + 512, 300 << 20, 1 << 32, 5 << 40] {
            if size >> cluster_bits > 1 << 26 {
                continue;
            }
            let layout = Qcow2Layout {
                cluster_bits,
                refcount_order: 4,
                extended_l2,
            };
            let on = if extended_l2 { "on" } else { "off" };
            let options = format!("cluster_size={},extended_l2={on}", 1 << cluster_bits);
            let path = images.create("new.qcow2", "qcow2", &options, &size.to_string());
            let path = path.to_str().unwrap().as_bytes();
            let format = FormatChoice::Named(ImageFormat::Qcow2);
            let work = headroom(path, format, None, Bounds::default()).unwrap();
            let worst = work::finish_unwatched(work).unwrap().worst_case;
            let room = room::of_new(&layout, size).unwrap();
            assert!(room >= worst, "{options}, {size}: {room} of {worst}");
            // And not much more.
            assert!(
                room <= worst + worst / 8 + (4 << 20),
                "{options}, {size}: {room} of {worst}"
            );
        }
    }
}
