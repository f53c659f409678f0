//! Bounded reading of files, block devices and memory: where all bytes enter the core.
//!
//! A [`Storage`] stands for one public call and carries its deadline. It opens a [`File`]; the
//! parsers see it through a [`Source`], which answers from the first page where it can, returns
//! zeros past the end of the file (as QEMU does), and cannot run past a buffer.

mod allocation;
mod bounds;
mod call;
mod descriptor;
mod file;
mod folder;
mod found;
mod source;
mod suspended;
mod sys;
mod window;

pub use allocation::Allocation;
pub use bounds::Bounds;
pub use descriptor::Descriptor;
pub use file::{File, FileKind, Meta, Storage};
pub use folder::Folder;
pub use found::{Found, Links};
pub use source::{Memory, ReadAt, Shared, Source, Used};
pub use suspended::is_suspended;
pub use sys::BlockedSignals;
pub use window::Window;

/// Blocks all signals in the calling thread until the answer is dropped, so that the threads
/// started meanwhile never run a handler of the program around us.
pub fn block_signals() -> BlockedSignals {
    BlockedSignals::all()
}
