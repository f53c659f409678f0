//! `PVE::Native::SnapshotGraph`: the raw functions behind its methods.

use pve_native_core::snapshot::Graph;

/// A graph, as Perl's objects hold it.
pub struct Held(Graph);

#[perlmod::package(name = "PVE::Native::RS::SnapshotGraph", lib = "Native")]
mod export {
    use perlmod::Value;
    use pve_native_core::image::FormatChoice;
    use pve_native_core::image::json::{Names, View};
    use pve_native_core::inspect::options::count_from_text;
    use pve_native_core::inspect::{
        self, DiagnosisOptions, GraphOptions, PlanOptions, graph_of_chain, graph_of_volumes,
    };
    use pve_native_core::snapshot::graph::{Image, Listed};
    use pve_native_core::snapshot::plan::room;
    use pve_native_core::text::printable;
    use pve_native_core::{Error, Result as CoreResult};
    use serde::Serialize;

    use super::{Graph, Held};
    use crate::args::{bounds, optional, required, settings};
    use crate::failure::Failure;

    perlmod::declare_magic!(Box<Held> : &Held as "PVE::Native::SnapshotGraph");

    fn object(graph: Graph) -> Result<Value, Failure> {
        let class = Value::new_string(CLASSNAME);
        perlmod::instantiate_magic_result!(&class, MAGIC => Box::new(Held(graph)))
            .map_err(Failure::internal)
    }

    fn graph_of(object: &Value) -> Result<&Graph, Failure> {
        match <&Held>::try_from(object) {
            Ok(Held(graph)) => Ok(graph),
            Err(_) => Err(Error::argument("this is no snapshot graph, or one that is gone").into()),
        }
    }

    fn answer<T: Serialize>(answer: &T) -> Result<Value, Failure> {
        perlmod::to_value(answer).map_err(Failure::internal)
    }

    fn list(names: &[&[u8]]) -> Result<Value, Failure> {
        let names: Vec<View<[u8]>> = names.iter().map(|n| View::new(*n, Names::Bytes)).collect();
        answer(&names)
    }

    /// Volumes: of each in turn name, path, size (with `=` before it, or nothing), tags (with commas)
    /// and something if it is suspended, a NUL behind each.
    fn listing(text: &[u8]) -> CoreResult<Vec<Listed>> {
        let mut fields = text.split(|&b| b == 0);
        let mut listing = Vec::new();
        let mut next = || -> Option<[&[u8]; 5]> {
            Some([
                fields.next()?,
                fields.next()?,
                fields.next()?,
                fields.next()?,
                fields.next()?,
            ])
        };
        while let Some([name, path, size, tags, suspended]) = next() {
            let tags = tags.split(|&b| b == b',').filter(|tag| !tag.is_empty());
            listing.push(Listed {
                name: name.to_vec(),
                path: path.to_vec(),
                size: match size.strip_prefix(b"=") {
                    None => None,
                    Some(size) => Some(count_from_text("size of a volume", size)? as u64),
                },
                tags: tags.map(<[u8]>::to_vec).collect(),
                suspended: !suspended.is_empty(),
            });
        }
        Ok(listing)
    }

    /// Function: the graph of the chain under an image.
    #[export(raw_return, serialize_error)]
    fn from_chain(
        #[raw] path: Value,
        #[raw] scheme: Value,
        #[raw] volname: Value,
        #[raw] storeid: Value,
        #[raw] format: Value,
        #[raw] seconds: Value,
        #[raw] limits: Value,
    ) -> Result<Value, Failure> {
        let options = GraphOptions::from_caller(
            required("scheme", &scheme)?,
            optional("volname", &volname)?,
            optional("storeid", &storeid)?,
            bounds(&seconds, &limits)?,
        )?;
        let format = match optional("format", &format)? {
            None => None,
            name => Some(FormatChoice::from_caller(name)?),
        };
        object(graph_of_chain(required("path", &path)?, format, &options)?)
    }

    /// Function: the graph of a volume in a listing; `list` is a text.
    #[export(raw_return, serialize_error)]
    fn from_volumes(
        #[raw] list: Value,
        #[raw] scheme: Value,
        #[raw] volname: Value,
        #[raw] storeid: Value,
        #[raw] seconds: Value,
        #[raw] limits: Value,
    ) -> Result<Value, Failure> {
        let options = GraphOptions::from_caller(
            required("scheme", &scheme)?,
            optional("volname", &volname)?,
            optional("storeid", &storeid)?,
            bounds(&seconds, &limits)?,
        )?;
        let listing = listing(required("volumes", &list)?)?;
        object(graph_of_volumes(&listing, &options)?)
    }

    /// Function: what `volume_snapshot_info` gives.
    #[export(serialize_error)]
    fn snapshot_info(#[raw] this: Value) -> Result<Value, Failure> {
        let info = graph_of(&this)?.snapshot_info();
        answer(&View::new(&info, Names::Bytes))
    }

    /// Function: the current image; undef if it cannot be told.
    #[export(raw_return, serialize_error)]
    fn current(#[raw] this: Value) -> Result<Value, Failure> {
        match graph_of(&this)?.current() {
            Some(image) => answer(&View::new(image, Names::Bytes)),
            None => Ok(Value::new_undef()),
        }
    }

    /// Function: the names of the snapshots, the oldest first.
    #[export(serialize_error)]
    fn names(#[raw] this: Value) -> Result<Value, Failure> {
        list(&graph_of(&this)?.names())
    }

    /// Function: the snapshots that a rollback would lose.
    #[export(serialize_error)]
    fn blockers(#[raw] this: Value, #[raw] snapshot: Value) -> Result<Value, Failure> {
        let graph = graph_of(&this)?;
        list(&graph.blockers(required("snapshot", &snapshot)?)?)
    }

    /// Function: what is not as usual.
    #[export(serialize_error)]
    fn findings(#[raw] this: Value) -> Result<Value, Failure> {
        let findings = graph_of(&this)?.findings().iter();
        let findings: Vec<_> = findings.map(|f| View::new(f, Names::Bytes)).collect();
        answer(&findings)
    }

    /// Function: what is to be done for the operation of that name.
    #[export(serialize_error)]
    fn plan(
        #[raw] this: Value,
        #[raw] operation: Value,
        #[raw] seconds: Value,
        #[raw] limits: Value,
        #[raw] list: Value,
    ) -> Result<Value, Failure> {
        let graph = graph_of(&this)?;
        let mut options = PlanOptions {
            bounds: bounds(&seconds, &limits)?,
            ..PlanOptions::default()
        };
        settings(&list, |name, value| options.set(name, value))?;
        let wish = options.wish(required("operation", &operation)?)?;
        let plan = inspect::plan(graph, &wish, &options)?;
        answer(&View::new(&plan, Names::Bytes))
    }

    /// Function: what is wrong, and what helps.
    #[export(serialize_error)]
    fn diagnose(
        #[raw] this: Value,
        #[raw] seconds: Value,
        #[raw] limits: Value,
        #[raw] list: Value,
    ) -> Result<Value, Failure> {
        let graph = graph_of(&this)?;
        let mut options = DiagnosisOptions {
            bounds: bounds(&seconds, &limits)?,
            ..DiagnosisOptions::default()
        };
        settings(&list, |name, value| options.set(name, value))?;
        let found = inspect::diagnose(graph, &options)?;
        let found: Vec<_> = found.iter().map(|d| View::new(d, Names::Bytes)).collect();
        answer(&found)
    }

    /// Function: bytes that the volume's image called `name` can come to take with a disk of `size` bytes.
    #[export(serialize_error)]
    fn room(#[raw] this: Value, #[raw] name: Value, #[raw] size: Value) -> Result<u64, Failure> {
        let graph = graph_of(&this)?;
        let name = required("image", &name)?;
        let size = count_from_text("size", required("size", &size)?)? as u64;
        let unknown = || Error::argument(format!("'{}' cannot be read", printable(name)));
        let named = |image: &&Image| *image.name == *name;
        let image = graph.images().iter().find(named).and_then(Image::info);
        let room = room::of_image(image.ok_or_else(unknown)?, size)?;
        Ok(room.ok_or_else(unknown)?)
    }

    /// Function: the graph in graphviz' language.
    #[export(serialize_error)]
    fn to_dot(#[raw] this: Value) -> Result<String, Failure> {
        Ok(graph_of(&this)?.to_dot())
    }

    /// Function: the graph as text.
    #[export(serialize_error)]
    fn to_text(#[raw] this: Value) -> Result<String, Failure> {
        Ok(graph_of(&this)?.to_text())
    }

    /// Function: all of it.
    #[export(serialize_error)]
    fn as_hash(#[raw] this: Value) -> Result<Value, Failure> {
        answer(&View::new(graph_of(&this)?, Names::Bytes))
    }
}
