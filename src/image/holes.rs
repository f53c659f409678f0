//! Data that lies in a file as it is, told apart from the holes that the file has there: QEMU asks
//! the file system wherever a format promises no more than a place.

use super::map::{Run, Runs, Stored};
use super::request::SECTOR;
use crate::error::Result;
use crate::io::{Allocation, File, FileKind};

/// The most pieces that are looked for at a time: a file may have a hole in every second block.
const PIECES: usize = 4096;

/// Adds the piece of the disk at `from`, up to `size` at the most, of an image whose file is the
/// disk.
pub(crate) fn raw(file: &File, size: u64, from: u64, runs: &mut Runs) -> Result<()> {
    let (stored, to) = match allocation(file, from)? {
        Allocation::Data(to) => (Stored::Data, to.next_multiple_of(SECTOR)),
        Allocation::Hole(to) => (Stored::Hole, to),
        Allocation::LastHole => (Stored::Hole, size),
        Allocation::Unknown => (Stored::Data, size),
    };
    runs.push(from, to.min(size) - from, stored, from);
    Ok(())
}

/// Adds these runs, their data told apart from the holes of the file; not all of them if there are
/// very many holes, but always the first piece.
pub(crate) fn split(file: &File, mapped: &Runs, runs: &mut Runs) -> Result<()> {
    for run in mapped.as_slice() {
        if run.stored != Stored::Data {
            runs.push(run.start, run.length, run.stored, run.host);
            continue;
        }
        let mut done = 0;
        while done < run.length {
            if runs.as_slice().len() >= PIECES {
                return Ok(());
            }
            done += piece(file, run, done, runs)?;
        }
    }
    Ok(())
}

/// Adds the piece of some data that begins `done` bytes behind its start, and returns its length.
pub(crate) fn piece(file: &File, run: &Run, done: u64, runs: &mut Runs) -> Result<u64> {
    let host = run.host + done;
    let (stored, to) = match allocation(file, host)? {
        Allocation::Data(to) => (Stored::Data, to.next_multiple_of(SECTOR)),
        Allocation::Hole(to) => (Stored::DataInHole, to),
        // Also behind the end of the file.
        Allocation::LastHole => (Stored::DataInHole, u64::MAX),
        Allocation::Unknown => (Stored::Data, u64::MAX),
    };
    let length = (to - host).min(run.length - done);
    runs.push(run.start + done, length, stored, host);
    Ok(length)
}

/// Block devices have no holes that could be asked for; behind their end nothing is.
fn allocation(file: &File, offset: u64) -> Result<Allocation> {
    let meta = file.meta();
    match meta.kind {
        FileKind::Block if offset >= meta.size => Ok(Allocation::LastHole),
        FileKind::Block => Ok(Allocation::Data(meta.size)),
        _ => file.allocation(offset),
    }
}
