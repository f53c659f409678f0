//! `pven_pin`: an audited chain, kept open, and how to give QEMU exactly those files.

use std::ffi::{c_char, c_int};
use std::ptr;
use std::sync::OnceLock;

use pve_native_core as core;
use pve_native_core::chain;
use pve_native_core::json as json_text;

use crate::audit::Audit;
use crate::error::Error;
use crate::ffi::{self, Handle, JsonOut, Out, Poison};
use crate::policy::{self, PolicyC};
use crate::string;

/// In place of the number of a descriptor set: files are named by the descriptors that this process
/// holds.
pub const PVEN_NO_SETS: i64 = -1;

/// An audited chain whose files stay open until it is freed. Made by pven_pin_open(), freed by
/// pven_pin_free().
///
/// What it gives to QEMU describes each image by itself: QEMU follows no name that stands in an
/// image, and guesses no format. The files are open for reading; that keeps nobody from writing to
/// them and takes none of QEMU's locks.
pub struct Pin {
    poison: Poison,
    pin: chain::Pin,
    audit: OnceLock<Box<Audit>>,
}

impl Handle for Pin {
    const NAME: &'static str = "pin";

    fn poison(&self) -> &Poison {
        &self.poison
    }
}

/// Audits the chain under the image at path and keeps it open. If it may not be used, the first
/// finding that forbids it is the error, with the code PVEN_ERR_DENIED.
///
/// path, policy, policy_size: as for pven_audit_open().
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_pin_open(
    path: *const c_char,
    policy: *const PolicyC,
    policy_size: usize,
    out: *mut Option<Box<Pin>>,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = Out::cleared(out, None).required("out")?;
            let path = ffi::path(path)?;
            let (policy, bounds) = policy::read(policy, policy_size)?;
            let pin = chain::pin(path, &policy, bounds)?;
            out.put_if_wanted(|| {
                Some(Box::new(Pin {
                    poison: Poison::default(),
                    pin,
                    audit: OnceLock::new(),
                }))
            });
            Ok(())
        })
    }
}

/// Closes the files. NULL is allowed. QEMU does not find them any more under names that it has not
/// opened yet.
///
/// One thread, when no other uses the pin any more.
#[unsafe(no_mangle)]
pub extern "C" fn pven_pin_free(p: Option<Box<Pin>>) {
    ffi::value((), || drop(p));
}

/// What was found in the chain before it was pinned; none of it forbids its use. It belongs to the
/// pin: it lives as long, and is not freed by itself. NULL for NULL.
///
/// Many threads may use one pin.
#[unsafe(no_mangle)]
pub extern "C" fn pven_pin_audit(p: Option<&Pin>) -> Option<&Audit> {
    ffi::lent(p, |pin| {
        let made = || Box::new(Audit::new(pin.pin.audit().clone()));
        &**pin.audit.get_or_init(made)
    })
}

/// The open descriptors: of the top image first, and that of each data file behind its image's. They
/// belong to the pin, are open for reading only, and close on exec.
///
/// out, capacity: a place for so many descriptors, at least as many as there are; NULL and 0 to
/// learn the number alone.
/// count: how many there are.
/// Many threads may use one pin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_pin_fds(
    p: Option<&Pin>,
    out: *mut c_int,
    capacity: usize,
    count: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on(p, err, |p| {
            let count = Out::cleared(count, 0).required("count");
            let fds = p?.pin.descriptors();
            let count = count?;
            if !out.is_null() || capacity > 0 {
                ffi::copy_out(&fds, out, capacity)?;
            }
            count.put_if_wanted(|| fds.len());
            Ok(())
        })
    }
}

/// What stands for the image where qemu-img wants a file name: "json:" and a description of the
/// whole chain. It holds as long as this process lives and keeps the pin; after a fork, the child
/// asks for its own.
///
/// qemu-img needs the permission to open files under /proc/PID/fd: the same user, or root.
///
/// arg: the text, NUL-terminated; free it with pven_string_free().
/// Many threads may use one pin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_pin_qemu_img_arg(
    p: Option<&Pin>,
    arg: *mut *mut c_char,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on(p, err, |p| {
            let arg = Out::cleared(arg, ptr::null_mut()).required("arg");
            // One argument, as the core promises.
            let name = p?.pin.qemu_img_args().concat();
            let (arg, name) = (arg?, string::owned(name.as_bytes())?);
            arg.put_if_wanted(|| name);
            Ok(())
        })
    }
}

/// The chain as block nodes, a JSON array: each for one --blockdev of qemu-storage-daemon or one
/// blockdev-add of QMP, in this order. The last one is the top image. All are read-only.
///
/// prefix: how the nodes' names begin; a letter first, then letters, digits, - . and _, 16 at the
/// most. NULL: "pin".
/// first_set: number of the descriptor set of the top image, for a system emulator that was given
/// the descriptors as pven_pin_add_fd_arg() says. PVEN_NO_SETS: the files are named as for
/// qemu-img.
/// json, len: the text, NUL-terminated, and its length without the NUL; free it with
/// pven_string_free().
/// Many threads may use one pin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_pin_blockdev_json(
    p: Option<&Pin>,
    prefix: *const c_char,
    first_set: i64,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on(p, err, |p| {
            let json = JsonOut::cleared(json, len).required();
            let (pin, json) = (&p?.pin, json?);
            let prefix = ffi::text("prefix", prefix)?;
            // What is not UTF-8 is no prefix either way; the core says so.
            let prefix = prefix.map_or(chain::Pin::NODE_PREFIX.into(), String::from_utf8_lossy);
            let nodes = match first_set {
                PVEN_NO_SETS => pin.block_nodes(&prefix)?,
                first => pin.block_nodes_in_sets(&prefix, set(first)?)?,
            };
            json.put(&json_text::to_text(&nodes))
        })
    }
}

/// The argument that comes after one -add-fd of a system emulator, "fd=N,set=S"; one for each of
/// the descriptors of pven_pin_fds(). The emulator must inherit them under their numbers: clear
/// FD_CLOEXEC in the child, between fork and exec.
///
/// index: which descriptor. first_set: number of the set of the first one, from 0 on.
/// arg: the text, NUL-terminated; free it with pven_string_free().
/// Many threads may use one pin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_pin_add_fd_arg(
    p: Option<&Pin>,
    index: usize,
    first_set: i64,
    arg: *mut *mut c_char,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on(p, err, |p| {
            let arg = Out::cleared(arg, ptr::null_mut()).required("arg");
            let (pin, arg) = (&p?.pin, arg?);
            let args = pin.add_fd_args(set(first_set)?);
            // "-add-fd" and its argument by turns.
            let Some(text) = args.iter().skip(1).step_by(2).nth(index) else {
                let length = args.len() / 2;
                let message = format!("index {index} is beyond the {length} files of the pin");
                return Err(core::Error::argument(message));
            };
            let text = string::owned(text.as_bytes())?;
            arg.put_if_wanted(|| text);
            Ok(())
        })
    }
}

/// The number of a descriptor set.
fn set(number: i64) -> core::Result<u32> {
    u32::try_from(number)
        .map_err(|_| core::Error::argument(format!("{number} is no number of a descriptor set")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_threads_may_use_one_pin() {
        fn shared<T: Send + Sync>() {}
        shared::<Pin>();
    }
}
