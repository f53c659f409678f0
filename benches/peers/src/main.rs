//! Opens a backing chain with imago and with qcow2-rs, many times, and prints the median time of
//! each in nanoseconds: `peers IMAGE ROUNDS`. Or walks the map of an image with imago, and prints
//! the median processor time: `peers map IMAGE ROUNDS`.

use std::path::Path;
use std::time::Instant;

use imago::file::File;
use imago::qcow2::Qcow2;
use imago::{FormatAccess, FormatDriverBuilder, PermissiveImplicitOpenGate};
use qcow2_rs::dev::Qcow2DevParams;
use qcow2_rs::utils::qcow2_setup_dev_sync;

fn median(rounds: usize, work: impl FnMut()) -> u128 {
    let start = Instant::now();
    median_by(|| start.elapsed().as_nanos(), rounds, work)
}

/// Processor time of this thread, to the nanosecond, as Linux tells it.
fn processor_time() -> u128 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts it");
    let time = stat.split(' ').next().map(str::parse);
    time.expect("a number").expect("a number")
}

fn median_by(now: impl Fn() -> u128, rounds: usize, mut work: impl FnMut()) -> u128 {
    let mut times: Vec<u128> = (0..rounds)
        .map(|_| {
            let start = now();
            work();
            now() - start
        })
        .collect();
    times.sort_unstable();
    times[rounds / 2]
}

fn walk(path: &Path) {
    let image = Qcow2::<File>::builder_path(path).open(PermissiveImplicitOpenGate::default());
    let disk = FormatAccess::new(image.expect("imago opens the image"));
    let mut at = 0;
    while at < disk.size() {
        let mapping = disk.get_mapping(at, disk.size() - at);
        let (mapping, length) = mapping.expect("imago reads the map");
        std::hint::black_box(mapping);
        assert!(length > 0, "the map goes on");
        at += length;
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const USAGE: &str = "usage: peers [map] IMAGE ROUNDS";
    let mut args = std::env::args().skip(1).peekable();
    let map = args.next_if(|arg| arg == "map").is_some();
    let image = args.next().ok_or(USAGE)?;
    let rounds: usize = args.next().ok_or(USAGE)?.parse()?;
    let path = Path::new(&image);
    if map {
        println!("imago {}", median_by(processor_time, rounds, || walk(path)));
        return Ok(());
    }
    let imago = median(rounds, || {
        let opened = Qcow2::<File>::builder_path(path).open(PermissiveImplicitOpenGate::default());
        drop(std::hint::black_box(opened.expect("imago opens the chain")));
    });
    println!("imago {imago}");
    let params = Qcow2DevParams::new(9, None, None, true, false);
    let qcow2_rs = median(rounds, || {
        let opened = qcow2_setup_dev_sync(path, &params);
        drop(std::hint::black_box(
            opened.expect("qcow2-rs opens the chain"),
        ));
    });
    println!("qcow2-rs {qcow2_rs}");
    Ok(())
}
