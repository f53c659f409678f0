//! `PVE::Native::Image::Pin`: the raw functions behind its methods.

use pve_native_core::chain::Pin;

/// A pinned chain, as Perl's objects hold it.
pub struct Pinned(Pin);

#[perlmod::package(name = "PVE::Native::RS::Pin", lib = "Native")]
mod export {
    use perlmod::Value;
    use pve_native_core::Error;
    use pve_native_core::chain;
    use pve_native_core::chain::pin::{BlockNode, first_set_from_text, prefix_from_text};
    use pve_native_core::image::json::{Names, View};

    use super::{Pin, Pinned};
    use crate::args::{bounds, optional, required};
    use crate::failure::Failure;
    use crate::policy::policy;

    perlmod::declare_magic!(Box<Pinned> : &Pinned as "PVE::Native::Image::Pin");

    fn pin_of(object: &Value) -> Result<&Pin, Failure> {
        match <&Pinned>::try_from(object) {
            Ok(Pinned(pin)) => Ok(pin),
            Err(_) => Err(Error::argument("this is no pin, or one that is gone").into()),
        }
    }

    fn nodes(pin: &Pin, prefix: &Value, fdset: &Value) -> Result<Vec<BlockNode>, Failure> {
        let prefix = prefix_from_text(optional("prefix", prefix)?)?;
        match optional("fdset", fdset)? {
            None => Ok(pin.block_nodes(prefix)?),
            Some(first) => Ok(pin.block_nodes_in_sets(prefix, first_set_from_text(first)?)?),
        }
    }

    /// Function: audits a chain and keeps it open.
    #[export(raw_return, serialize_error)]
    fn pin(
        #[raw] path: Value,
        #[raw] seconds: Value,
        #[raw] limits: Value,
        #[raw] settings: Value,
    ) -> Result<Value, Failure> {
        let (settings, bounds) = (policy(&settings)?, bounds(&seconds, &limits)?);
        let pin = chain::pin(required("path", &path)?, &settings, bounds)?;
        let class = Value::new_string(CLASSNAME);
        perlmod::instantiate_magic_result!(&class, MAGIC => Box::new(Pinned(pin)))
            .map_err(Failure::internal)
    }

    /// Function: what the audit found.
    #[export(serialize_error)]
    fn audit(#[raw] this: Value) -> Result<Value, Failure> {
        let audit = View::new(pin_of(&this)?.audit(), Names::Bytes);
        perlmod::to_value(&audit).map_err(Failure::internal)
    }

    /// Function: the numbers of the open descriptors.
    #[export(serialize_error)]
    fn fds(#[raw] this: Value) -> Result<Vec<i32>, Failure> {
        Ok(pin_of(&this)?.descriptors())
    }

    /// Function: the arguments that stand for the image on a command line of qemu-img.
    #[export(serialize_error)]
    fn qemu_img_args(#[raw] this: Value) -> Result<Vec<String>, Failure> {
        Ok(pin_of(&this)?.qemu_img_args())
    }

    /// Function: the arguments that put the descriptors into a system emulator's sets.
    #[export(serialize_error)]
    fn fdset_args(#[raw] this: Value, #[raw] first: Value) -> Result<Vec<String>, Failure> {
        let first = first_set_from_text(required("fdset", &first)?)?;
        Ok(pin_of(&this)?.add_fd_args(first))
    }

    /// Function: the block nodes, in the order in which to add them.
    #[export(serialize_error)]
    fn blockdev(
        #[raw] this: Value,
        #[raw] prefix: Value,
        #[raw] fdset: Value,
    ) -> Result<Vec<BlockNode>, Failure> {
        nodes(pin_of(&this)?, &prefix, &fdset)
    }

    /// Function: the same as JSON texts.
    #[export(serialize_error)]
    fn blockdev_json(
        #[raw] this: Value,
        #[raw] prefix: Value,
        #[raw] fdset: Value,
    ) -> Result<Vec<String>, Failure> {
        let nodes = nodes(pin_of(&this)?, &prefix, &fdset)?;
        Ok(nodes.iter().map(BlockNode::to_json).collect())
    }
}
