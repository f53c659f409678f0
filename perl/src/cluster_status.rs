//! The raw functions behind `PVE::Native::ClusterStatus`.

#[perlmod::package(name = "PVE::Native::RS::ClusterStatus", lib = "Native")]
mod export {
    use perlmod::Value;
    use pve_native_core::Error;
    use pve_native_core::cluster::broadcast::{SummaryOptions, broadcast};
    use pve_native_core::cluster::status::{self, Options};

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

    /// Function: the rows, as a JSON text, for the six arguments as a JSON array.
    #[export(raw_return, serialize_error)]
    fn aggregate(#[raw] arguments: Value) -> Result<Value, Failure> {
        let rows = status::aggregate(required("arguments", &arguments)?)?;
        Ok(Value::new_bytes(&rows))
    }

    /// Function: the answer, as a JSON text. Broadcasts are a reference to an array of names and values
    /// in turn, options a JSON text.
    #[export(raw_return, serialize_error)]
    fn status(#[raw] broadcasts: Value, #[raw] options: Value) -> Result<Value, Failure> {
        let options = Options::of_text(required("options", &options)?)?;
        let list = elements(&broadcasts).unwrap_or_default();
        let mut nodes = Vec::with_capacity(list.len() / 2);
        for pair in list.chunks_exact(2) {
            let name = std::str::from_utf8(required("name of a node", &pair[0])?);
            let name = name.map_err(|_| Error::argument("the name of a node is no UTF-8"))?;
            if let Some(raw) = optional("broadcast", &pair[1])? {
                nodes.push((name, raw));
            }
        }
        let answer = status::status(&nodes, &options)?.to_json()?;
        Ok(Value::new_bytes(&answer))
    }
}
