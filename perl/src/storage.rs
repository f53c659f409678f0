//! The raw functions behind `PVE::Native::Storage`.

#[perlmod::package(name = "PVE::Native::RS::Storage", lib = "Native")]
mod export {
    use perlmod::Value;
    use pve_native_core::storage::{self, Answer, Described, StorageType};

    use crate::args::optional;
    use crate::failure::Failure;

    /// Function: what may be assumed of volumes of `format` on storages of type `name`; undef is all
    /// of them.
    #[export(serialize_error)]
    fn capabilities(#[raw] name: Value, #[raw] format: Value) -> Result<Answer, Failure> {
        let format = optional("format", &format)?;
        Ok(storage::ask(optional("type", &name)?, format)?)
    }

    /// Function: the names of all storage types.
    #[export]
    fn types() -> &'static [StorageType] {
        storage::types()
    }

    /// Function: all content types, each with what it is.
    #[export]
    fn content_types() -> Vec<Described> {
        storage::content_types()
    }
}
