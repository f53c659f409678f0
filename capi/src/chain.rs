//! `pven_chain`: a backing chain, read once, asked many times.

use std::ffi::c_char;
use std::sync::OnceLock;

use pve_native_core as core;
use pve_native_core::chain::walk::Broken;
use pve_native_core::image::ImageInfo;
use pve_native_core::image::json::{Names, View};
use pve_native_core::{inspect, json as json_text};

use crate::error::Error;
use crate::ffi::{self, Handle, JsonOut, Out, Poison};
use crate::opts::{Open, OpenOpts};
use crate::texts::Texts;

/// A backing chain as it was when it was opened: no file stays open. Made by pven_chain_open(),
/// freed by pven_chain_free().
#[derive(Debug)]
pub struct Chain {
    poison: Poison,
    chain: core::chain::Chain,
    texts: Vec<OnceLock<Box<Texts>>>,
}

/// An entry of a chain.
pub enum Entry<'a> {
    /// An image that could be read.
    Image(&'a ImageInfo),
    /// Where the chain is broken.
    Broken(&'a Broken),
}

impl Handle for Chain {
    const NAME: &'static str = "chain";

    fn poison(&self) -> &Poison {
        &self.poison
    }
}

impl Chain {
    /// The same for C.
    pub fn new(chain: core::chain::Chain) -> Self {
        let entries = chain.images.len() + usize::from(chain.broken.is_some());
        Chain {
            poison: Poison::default(),
            texts: std::iter::repeat_with(OnceLock::new)
                .take(entries)
                .collect(),
            chain,
        }
    }

    /// The entry at `index`, the top image being 0, and its strings.
    pub fn entry(&self, index: usize) -> core::Result<(Entry<'_>, &Texts)> {
        let texts = ffi::at(&self.texts, index, "entries of the chain")?;
        let entry = match (self.chain.images.get(index), &self.chain.broken) {
            (Some(image), _) => Entry::Image(image),
            (None, Some(broken)) => Entry::Broken(broken),
            (None, None) => return Err(core::Error::argument("no such entry")),
        };
        let made = texts.get_or_init(|| {
            Box::new(match &entry {
                Entry::Image(image) => Texts::of_image(image),
                Entry::Broken(broken) => Texts::of_broken(broken),
            })
        });
        Ok((entry, made))
    }
}

/// Reads the chain under the image at path, the top image first.
///
/// A chain that is damaged below its top image is opened too: its last entry says what could not
/// be read and why (error_code in pven_image_info), unless opts asks for strict. An image that
/// cannot be read itself is an error.
///
/// path: NUL-terminated bytes, as QEMU takes a file name; shorter than PATH_MAX.
/// opts, opts_size: a pven_open_opts and its size; NULL means all defaults.
/// Thread-safe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_chain_open(
    path: *const c_char,
    opts: *const OpenOpts,
    opts_size: usize,
    out: *mut Option<Box<Chain>>,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::call(err, || {
            let out = Out::cleared(out, None).required("out")?;
            let path = ffi::path(path)?;
            let opts = Open::read(opts, opts_size)?;
            let chain = inspect::chain(path, &opts.chain(), opts.bounds)?;
            out.put_if_wanted(|| Some(Box::new(Chain::new(chain))));
            Ok(())
        })
    }
}

/// Frees a chain and all strings it lent. NULL is allowed.
///
/// One thread, when no other uses the chain any more.
#[unsafe(no_mangle)]
pub extern "C" fn pven_chain_free(c: Option<Box<Chain>>) {
    ffi::value((), || drop(c));
}

/// Entries of a chain, the one that says where it is broken included. 0 for NULL.
///
/// Many threads may use one chain.
#[unsafe(no_mangle)]
pub extern "C" fn pven_chain_len(c: Option<&Chain>) -> usize {
    ffi::value_of(c, 0, |chain| chain.texts.len())
}

/// The whole chain as JSON: what qemu-img info --output=json --backing-chain prints. Where the
/// chain is broken the array ends with { "filename", "error": { "code", "message" } }.
///
/// json, len: the text, NUL-terminated, and its length without the NUL; free it with
/// pven_string_free().
/// Many threads may use one chain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pven_chain_json(
    c: Option<&Chain>,
    json: *mut *mut c_char,
    len: *mut usize,
    err: *mut Option<Box<Error>>,
) -> i32 {
    // SAFETY: pointers are NULL or what their types say, as the header demands.
    unsafe {
        ffi::on(c, err, |c| {
            let json = JsonOut::cleared(json, len).required();
            let (chain, json) = (&c?.chain, json?);
            json.put(&json_text::to_text(&View::new(chain, Names::Text)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_threads_may_use_one_chain() {
        fn shared<T: Send + Sync>() {}
        shared::<Chain>();
        shared::<Error>();
    }
}
