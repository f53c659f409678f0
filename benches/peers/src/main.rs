//! Opens a backing chain with imago and with qcow2-rs, many times, and prints the median time of
//! each in nanoseconds: `peers IMAGE ROUNDS`.

use std::path::Path;
use std::time::Instant;

use imago::file::File;
use imago::qcow2::Qcow2;
use imago::{FormatDriverBuilder, PermissiveImplicitOpenGate};
use qcow2_rs::dev::Qcow2DevParams;
use qcow2_rs::utils::qcow2_setup_dev_sync;

fn median(rounds: usize, mut work: impl FnMut()) -> u128 {
    let mut times: Vec<u128> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    times[rounds / 2]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let image = args.next().ok_or("usage: peers IMAGE ROUNDS")?;
    let rounds: usize = args.next().ok_or("usage: peers IMAGE ROUNDS")?.parse()?;
    let path = Path::new(&image);
    let imago = median(rounds, || {
        let opened = Qcow2::<File>::builder_path(path).open(PermissiveImplicitOpenGate::default());
        drop(std::hint::black_box(opened.expect("imago opens the chain")));
    });
    println!("imago {imago}");
    let params = Qcow2DevParams::new(9, None, None, true, false);
    let qcow2_rs = median(rounds, || {
        let opened = qcow2_setup_dev_sync(path, &params);
        drop(std::hint::black_box(opened.expect("qcow2-rs opens the chain")));
    });
    println!("qcow2-rs {qcow2_rs}");
    Ok(())
}
