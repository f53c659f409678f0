//! `PVE::Native::Image::Extents`: the raw functions behind its methods.

use std::cell::{Cell, RefCell};

use pve_native_core::chain::extents::{Extents, Place};
use pve_native_core::{Error, ErrorKind, Result};

/// Bytes of a packed record: start, length, offset and flags, little-endian.
type Record = [u8; 32];

/// Records in one string at the most. Twice as many bytes as these no longer stay in a processor's
/// cache, and the C library gives a larger string's memory back to the system each time.
const RECORDS: usize = 16 << 10;

/// Extents as Perl's objects hold them. The reader is gone after a panic in it, and when it was given
/// up.
pub struct Reader {
    extents: RefCell<Option<Extents>>,
    cancelled: Cell<bool>,
    /// For packed records; as large as the largest part so far.
    records: RefCell<Vec<Record>>,
}

impl Reader {
    /// The next extents, as far as some milliseconds go; `more` within the time of the call before.
    fn next<P: Place>(&self, out: &mut [P], more: bool) -> Result<usize> {
        let Some(mut extents) = self.extents.take() else {
            return Err(self.gone());
        };
        let (done, _) = extents.progress();
        let until = done.saturating_add(extents.pace());
        let count = match more {
            true => extents.go_on_until(out, until),
            false => extents.next_until(out, until),
        };
        self.extents.replace(Some(extents));
        count
    }

    /// Why there is no reader any more.
    fn gone(&self) -> Error {
        Error::new(match self.cancelled.get() {
            true => ErrorKind::Cancelled,
            false => ErrorKind::Poisoned,
        })
    }
}

#[perlmod::package(name = "PVE::Native::RS::Extents", lib = "Native")]
mod export {
    use std::cell::{Cell, RefCell};

    use perlmod::Value;
    use pve_native_core::chain::extents::Extent;
    use pve_native_core::image::json::{Names, View};
    use pve_native_core::inspect;
    use pve_native_core::inspect::options::extents_from_text;
    use pve_native_core::{Error, ErrorKind};

    use super::{Extents, RECORDS, Reader};
    use crate::args::{bounds, flag, required, walk};
    use crate::failure::Failure;

    perlmod::declare_magic!(Box<Reader> : &Reader as "PVE::Native::Image::Extents");

    fn reader_of(object: &Value) -> Result<&Reader, Failure> {
        <&Reader>::try_from(object)
            .map_err(|_| Error::argument("these are no extents, or some that are gone").into())
    }

    fn wanted(n: &Value) -> Result<usize, Failure> {
        let text = required("number of extents", n)?;
        Ok(extents_from_text("number of extents", text)?)
    }

    fn with<T>(object: &Value, ask: impl FnOnce(&Extents) -> T) -> Result<T, Failure> {
        let reader = reader_of(object)?;
        match &*reader.extents.borrow() {
            Some(extents) => Ok(ask(extents)),
            None => Err(reader.gone().into()),
        }
    }

    /// Function: opens a chain.
    #[export(raw_return, serialize_error)]
    fn extents(
        #[raw] path: Value,
        #[raw] format: Value,
        #[raw] allow_probe: Value,
        #[raw] max_depth: Value,
        #[raw] seconds: Value,
        #[raw] limits: Value,
    ) -> Result<Value, Failure> {
        let options = walk(&format, &allow_probe, &max_depth)?;
        let path = required("path", &path)?;
        let extents = inspect::extents(path, &options, bounds(&seconds, &limits)?)?;
        let reader = Reader {
            extents: RefCell::new(Some(extents)),
            cancelled: Cell::default(),
            records: RefCell::default(),
        };
        let class = Value::new_string(CLASSNAME);
        perlmod::instantiate_magic_result!(&class, MAGIC => Box::new(reader))
            .map_err(Failure::internal)
    }

    /// Function: the next extents, `n` at the most; none is the end only if all of the disk is done
    /// with.
    #[export(serialize_error)]
    fn next(
        #[raw] this: Value,
        #[raw] n: Value,
        #[raw] more: Value,
    ) -> Result<Vec<Extent>, Failure> {
        let mut part = vec![Extent::default(); wanted(&n)?];
        let more = flag("more", &more)?;
        let count = reader_of(&this)?.next(&mut part, more)?;
        part.truncate(count);
        Ok(part)
    }

    /// Function: the same as packed records.
    #[export(raw_return, serialize_error)]
    fn packed(#[raw] this: Value, #[raw] n: Value, #[raw] more: Value) -> Result<Value, Failure> {
        let wanted = wanted(&n)?.min(RECORDS);
        let reader = reader_of(&this)?;
        let mut records = reader.records.borrow_mut();
        if records.len() < wanted {
            *records = vec![[0; 32]; wanted];
        }
        let count = reader.next(&mut records[..wanted], flag("more", &more)?)?;
        Ok(Value::new_bytes(records[..count].as_flattened()))
    }

    /// Function: bytes of the disk that are done with, and all of them.
    #[export(serialize_error)]
    fn progress(#[raw] this: Value) -> Result<(u64, u64), Failure> {
        with(&this, Extents::progress)
    }

    /// Function: the images, the top one first.
    #[export(serialize_error)]
    fn chain(#[raw] this: Value) -> Result<Value, Failure> {
        let chain = with(&this, |extents| {
            perlmod::to_value(&View::new(extents.chain(), Names::Bytes))
        })?;
        chain.map_err(Failure::internal)
    }

    /// Function: gives the extents up, which is an error.
    #[export(serialize_error)]
    fn cancel(#[raw] this: Value) -> Result<(), Failure> {
        let reader = reader_of(&this)?;
        drop(reader.extents.take());
        reader.cancelled.set(true);
        Err(Error::new(ErrorKind::Cancelled).into())
    }
}
