//! `PVE::Native::ResourceScheduling::Static` and `::Dynamic`: the raw functions behind their methods.

use std::cell::RefCell;

use perlmod::Value;
use pve_native_core::placement::scoring::text::{cores_from_text, whole_from_text};
use pve_native_core::placement::scoring::{GuestStats, Mode, NodeStats, Scheduler};
use pve_native_core::{Error, ErrorKind, Result};

use crate::args::{elements, required};

/// A scheduler, as Perl's objects hold it; gone after a panic in it.
pub struct Held(RefCell<Option<Box<Scheduler>>>);

impl Held {
    fn with<T>(&self, ask: impl FnOnce(&mut Scheduler) -> Result<T>) -> Result<T> {
        let Some(mut scheduler) = self.0.take() else {
            return Err(Error::new(ErrorKind::Poisoned));
        };
        let answer = ask(&mut scheduler);
        self.0.replace(Some(scheduler));
        answer
    }
}

/// A name that is UTF-8, as the Perl modules have made it.
fn name<'a>(what: &str, value: &'a Value) -> Result<&'a str> {
    let name = std::str::from_utf8(required(what, value)?);
    name.map_err(|_| Error::argument(format!("{what} is no UTF-8")))
}

fn cores(what: &str, value: &Value) -> Result<f64> {
    cores_from_text(what, required(what, value)?)
}

fn whole(what: &str, value: &Value) -> Result<u64> {
    whole_from_text(what, required(what, value)?)
}

/// cpu, maxcpu, mem and maxmem, of which the static mode has the second and the last.
fn four(list: &Value) -> Result<[Value; 4]> {
    let values = elements(list).and_then(|values| <[Value; 4]>::try_from(values).ok());
    values.ok_or_else(|| Error::argument("these are no statistics"))
}

fn node_stats(mode: Mode, list: &Value) -> Result<NodeStats> {
    let [cpu, maxcpu, mem, maxmem] = four(list)?;
    let (maxcpu, maxmem) = (whole("maxcpu", &maxcpu)?, whole("maxmem", &maxmem)?);
    let (cpu, mem) = match mode {
        Mode::Static => (0.0, 0),
        Mode::Dynamic => (cores("cpu", &cpu)?, whole("mem", &mem)?),
    };
    Ok(NodeStats {
        cpu,
        maxcpu,
        mem,
        maxmem,
    })
}

fn guest_stats(mode: Mode, list: &Value) -> Result<GuestStats> {
    let [cpu, maxcpu, mem, maxmem] = four(list)?;
    let (maxcpu, maxmem) = (cores("maxcpu", &maxcpu)?, whole("maxmem", &maxmem)?);
    match mode {
        Mode::Static => Ok(GuestStats::of_maximum(maxcpu, maxmem)),
        Mode::Dynamic => Ok(GuestStats {
            cpu: cores("cpu", &cpu)?,
            maxcpu,
            mem: whole("mem", &mem)?,
            maxmem,
        }),
    }
}

#[perlmod::package(name = "PVE::Native::RS::Scheduler", lib = "Native")]
mod export {
    use perlmod::Value;
    use pve_native_core::placement::scoring::text::{
        candidates_from_json, scale_from_text, whole_from_text,
    };
    use pve_native_core::placement::scoring::{Guest, Method, ScoredMigration};

    use super::{
        Error, Held, Mode, RefCell, Result as CoreResult, Scheduler, guest_stats, name, node_stats,
    };
    use crate::args::{flag, optional, required};
    use crate::failure::Failure;

    perlmod::declare_magic!(Box<Held> : &Held as "PVE::Native::ResourceScheduling");

    fn on<T>(
        object: &Value,
        ask: impl FnOnce(&mut Scheduler) -> CoreResult<T>,
    ) -> Result<T, Failure> {
        match <&Held>::try_from(object) {
            Ok(held) => Ok(held.with(ask)?),
            Err(_) => Err(Error::argument("this is no scheduler, or one that is gone").into()),
        }
    }

    /// Function: a scheduler, whether of the dynamic mode; imbalances on a scale, or undef.
    #[export(raw_return, serialize_error)]
    fn create(#[raw] dynamic: Value, #[raw] scale: Value) -> Result<Value, Failure> {
        let scale = optional("imbalance-scale", &scale)?.map(scale_from_text);
        let mode = match flag("dynamic", &dynamic)? {
            true => Mode::Dynamic,
            false => Mode::Static,
        };
        let scheduler = Scheduler::new(mode, scale.transpose()?.unwrap_or_default());
        let held = Held(RefCell::new(Some(Box::new(scheduler))));
        let class = Value::new_string(CLASSNAME);
        perlmod::instantiate_magic_result!(&class, MAGIC => Box::new(held))
            .map_err(Failure::internal)
    }

    /// Function: adds a node; its statistics are cpu, maxcpu, mem and maxmem.
    #[export(serialize_error)]
    fn add_node(
        #[raw] this: Value,
        #[raw] node: Value,
        #[raw] stats: Value,
    ) -> Result<(), Failure> {
        on(&this, |scheduler| {
            scheduler.add_node(
                name("name of a node", &node)?,
                node_stats(scheduler.mode(), &stats)?,
            )
        })
    }

    /// Function: removes a node.
    #[export(serialize_error)]
    fn remove_node(#[raw] this: Value, #[raw] node: Value) -> Result<(), Failure> {
        on(&this, |scheduler| {
            scheduler.remove_node(name("name of a node", &node)?);
            Ok(())
        })
    }

    /// Function: the names of all nodes.
    #[export(serialize_error)]
    fn list_nodes(#[raw] this: Value) -> Result<Vec<String>, Failure> {
        on(&this, |scheduler| {
            Ok(scheduler.list_nodes().map(str::to_owned).collect())
        })
    }

    /// Function: whether there is such a node.
    #[export(serialize_error)]
    fn contains_node(#[raw] this: Value, #[raw] node: Value) -> Result<bool, Failure> {
        on(&this, |scheduler| {
            Ok(scheduler.contains_node(name("name of a node", &node)?))
        })
    }

    /// Function: adds a guest to its nodes.
    #[export(serialize_error)]
    fn add_guest(
        #[raw] this: Value,
        #[raw] sid: Value,
        #[raw] stats: Value,
        #[raw] running: Value,
        #[raw] node: Value,
        #[raw] target: Value,
    ) -> Result<(), Failure> {
        on(&this, |scheduler| {
            let sid = name("name of a guest", &sid)?;
            let target = match optional("target-node", &target)? {
                Some(_) => Some(name("target-node", &target)?.to_owned()),
                None => None,
            };
            let guest = Guest {
                stats: guest_stats(scheduler.mode(), &stats)?,
                running: flag("running", &running)?,
                node: name("current-node", &node)?.to_owned(),
                target,
            };
            scheduler.add_guest(sid, guest)
        })
    }

    /// Function: adds a running guest to a node, or says that it moves there.
    #[export(serialize_error)]
    fn add_guest_to_node(
        #[raw] this: Value,
        #[raw] node: Value,
        #[raw] sid: Value,
        #[raw] stats: Value,
    ) -> Result<(), Failure> {
        on(&this, |scheduler| {
            let (node, sid) = (
                name("name of a node", &node)?,
                name("name of a guest", &sid)?,
            );
            scheduler.add_guest_to_node(node, sid, guest_stats(scheduler.mode(), &stats)?)
        })
    }

    /// Function: removes a guest.
    #[export(serialize_error)]
    fn remove_guest(#[raw] this: Value, #[raw] sid: Value) -> Result<(), Failure> {
        on(&this, |scheduler| {
            scheduler.remove_guest(name("name of a guest", &sid)?);
            Ok(())
        })
    }

    /// Function: how unevenly the nodes are loaded.
    #[export(serialize_error)]
    fn imbalance(#[raw] this: Value) -> Result<f64, Failure> {
        on(&this, |scheduler| Ok(scheduler.imbalance()))
    }

    /// Function: the best migrations among candidates, a JSON text, by TOPSIS or by imbalance.
    #[export(serialize_error)]
    fn best_migrations(
        #[raw] this: Value,
        #[raw] candidates: Value,
        #[raw] limit: Value,
        #[raw] topsis: Value,
    ) -> Result<Vec<ScoredMigration>, Failure> {
        on(&this, |scheduler| {
            let candidates = candidates_from_json(required("candidates", &candidates)?)?;
            let limit = whole_from_text("limit", required("limit", &limit)?)?;
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let method = match flag("topsis", &topsis)? {
                true => Method::Topsis,
                false => Method::Imbalance,
            };
            scheduler.best_migrations(&candidates, limit, method)
        })
    }

    /// Function: each node with its score for starting a guest.
    #[export(serialize_error)]
    fn score_start(#[raw] this: Value, #[raw] stats: Value) -> Result<Vec<(String, f64)>, Failure> {
        on(&this, |scheduler| {
            let scores = scheduler.score_start(&guest_stats(scheduler.mode(), &stats)?)?;
            let nodes = scheduler.list_nodes().map(str::to_owned);
            Ok(nodes.zip(scores).collect())
        })
    }
}
