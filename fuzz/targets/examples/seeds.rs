//! Writes the seeds of all targets to `fuzz/seeds/`, in place of what is there.

use std::fs;
use std::io::{self, ErrorKind};

use pve_native_fuzz_targets::{corpus, seeds};

fn main() -> io::Result<()> {
    for (target, made) in seeds::all() {
        let folder = corpus::folder("seeds").join(target);
        match fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&folder)?,
        }
        for (name, bytes) in made {
            fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}
