//! The raw functions behind `PVE::Native::ClusterStatus`.

#[perlmod::package(name = "PVE::Native::RS::ClusterStatus", lib = "Native")]
mod export {
    use perlmod::Value;
    use pve_native_core::cluster::broadcast::{SummaryOptions, broadcast};

    use crate::args::{elements, optional, required};
    use crate::failure::Failure;

    /// Function: what a node broadcasts of its maps. Sizes, and transports unless they are a text, are
    /// references to arrays of names and values in turn.
    #[export(raw_return, serialize_error)]
    fn summarize_maps(
        #[raw] reply: Value,
        #[raw] sizes: Value,
        #[raw] transports: Value,
        #[raw] sysfs: Value,
        #[raw] limit: Value,
        #[raw] time: Value,
        #[raw] seq: Value,
    ) -> Result<Value, Failure> {
        let mut options = SummaryOptions::default();
        for pair in elements(&sizes).unwrap_or_default().chunks_exact(2) {
            if let Some(size) = optional("size", &pair[1])? {
                options.set_size(required("name of a map", &pair[0])?, size)?;
            }
        }
        match elements(&transports) {
            None => options.set(b"transports", optional("transports", &transports)?)?,
            Some(list) => {
                for pair in list.chunks_exact(2) {
                    if let Some(word) = optional("transport", &pair[1])? {
                        options.set_transport(required("name of a map", &pair[0])?, word)?;
                    }
                }
            }
        }
        for (name, value) in [
            ("sysfs", &sysfs),
            ("limit", &limit),
            ("time", &time),
            ("seq", &seq),
        ] {
            options.set(name.as_bytes(), optional(name, value)?)?;
        }
        let fitted = broadcast(required("multipathd's reply", &reply)?, &options)?;
        Ok(Value::new_bytes(&fitted.payload))
    }
}
