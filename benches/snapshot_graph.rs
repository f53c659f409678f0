//! How long the graph of a volume with many snapshots takes: from a listing and along the chain.
//! Prints the least and the median of each in microseconds: on a busy machine the least says more.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Instant;

use pve_native_core::image::json::{Names, View};
use pve_native_core::io::Storage;
use pve_native_core::json::to_text;
use pve_native_core::snapshot::graph::{Graph, Listed, Subject};
use pve_native_core::snapshot::names::Scheme;

#[path = "../tests/support/writer.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod writer;

const VOLUME: &str = "vm-100-disk-0";

fn name(i: usize) -> String {
    match i {
        0 => format!("{VOLUME}.qcow2"),
        i => format!("{VOLUME}-snap-s{i}.qcow2"),
    }
}

/// A volume with so many snapshots.
fn create(directory: &Path, snapshots: usize) -> Vec<Listed> {
    for i in 0..=snapshots {
        let below = (i < snapshots).then(|| name(i + 1));
        let format = (writer::BACKING_FORMAT, b"qcow2".to_vec());
        let image = writer::Image {
            backing: below.as_ref().map(|below| below.as_bytes().to_vec()),
            extensions: below.iter().map(|_| format.clone()).collect(),
            ..writer::Image::default()
        };
        fs::write(directory.join(name(i)), image.build().bytes).expect("images can be written");
    }
    let listed = |i| Listed {
        name: name(i).into_bytes(),
        path: directory.join(name(i)).as_os_str().as_bytes().to_vec(),
        ..Listed::default()
    };
    (0..=snapshots).map(listed).collect()
}

fn measure(name: &str, rounds: usize, mut run: impl FnMut()) {
    let mut times: Vec<u128> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    let microseconds = |time: u128| time as f64 / 1000.0;
    let (least, median) = (microseconds(times[0]), microseconds(times[rounds / 2]));
    println!("  {name:<40} {least:>10.1} µs, median {median:.1} µs");
}

fn main() {
    let rounds: usize = std::env::var("ROUNDS").map_or(200, |n| n.parse().expect("a number"));
    let directory = tempfile::tempdir().expect("a directory for images");
    for snapshots in [10, 100, 1000] {
        let listing = create(directory.path(), snapshots);
        let subject = || Subject::new(Scheme::LvmQcow2, name(0).as_bytes(), Some(b"san"));
        let subject = || subject().expect("that is a volume");
        measure(
            &format!("{snapshots} snapshots, from a listing"),
            rounds,
            || {
                let graph = Graph::from_volumes(&Storage::inline(), subject(), &listing);
                let graph = graph.expect("the graph is read");
                assert_eq!(graph.names().len(), snapshots);
            },
        );
        measure(
            &format!("{snapshots} snapshots, from a chain"),
            rounds,
            || {
                let path = &listing[0].path;
                let graph = Graph::from_path(&Storage::inline(), subject(), path, None);
                assert_eq!(graph.expect("the graph is read").names().len(), snapshots);
            },
        );
        let graph = Graph::from_volumes(&Storage::inline(), subject(), &listing);
        let graph = graph.expect("the graph is read");
        measure(
            &format!("{snapshots} snapshots, info as text"),
            rounds,
            || {
                let info = to_text(&View::new(&graph.snapshot_info(), Names::Text));
                assert!(info.len() > snapshots);
            },
        );
    }
}
