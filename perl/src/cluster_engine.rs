//! `PVE::Native::ClusterStatus::Engine`: the raw functions behind its methods.

use std::cell::RefCell;

use pve_native_core::cluster::engine::Engine;
use pve_native_core::{Error, ErrorKind, Result};

/// An engine, as Perl's objects hold it; gone after a panic in it.
pub struct Held(RefCell<Option<Box<Engine>>>);

impl Held {
    fn with<T>(&self, ask: impl FnOnce(&mut Engine) -> Result<T>) -> Result<T> {
        let Some(mut engine) = self.0.take() else {
            return Err(Error::new(ErrorKind::Poisoned));
        };
        let answer = ask(&mut engine);
        self.0.replace(Some(engine));
        answer
    }
}

#[perlmod::package(name = "PVE::Native::RS::ClusterEngine", lib = "Native")]
mod export {
    use perlmod::Value;
    use pve_native_core::cluster::engine::time_from_text;

    use super::{Engine, Error, Held, RefCell, Result as CoreResult};
    use crate::args::{optional, required};
    use crate::failure::Failure;

    perlmod::declare_magic!(Box<Held> : &Held as "PVE::Native::ClusterStatus::Engine");

    fn on<T>(object: &Value, ask: impl FnOnce(&mut Engine) -> CoreResult<T>) -> Result<T, Failure> {
        match <&Held>::try_from(object) {
            Ok(held) => Ok(held.with(ask)?),
            Err(_) => Err(Error::argument("this is no engine, or one that is gone").into()),
        }
    }

    fn node(value: &Value) -> CoreResult<&str> {
        let name = std::str::from_utf8(required("name of a node", value)?);
        name.map_err(|_| Error::argument("the name of a node is no UTF-8"))
    }

    fn time(value: &Value) -> CoreResult<f64> {
        time_from_text(required("now", value)?)
    }

    /// Function: an engine, as a JSON text says.
    #[export(raw_return, serialize_error)]
    fn create(#[raw] options: Value) -> Result<Value, Failure> {
        let engine = Engine::of_text(required("options", &options)?)?;
        let held = Held(RefCell::new(Some(Box::new(engine))));
        let class = Value::new_string(CLASSNAME);
        perlmod::instantiate_magic_result!(&class, MAGIC => Box::new(held))
            .map_err(Failure::internal)
    }

    /// Function: what a node has broadcast last; undef if nothing.
    #[export(serialize_error)]
    fn update_node(
        #[raw] this: Value,
        #[raw] name: Value,
        #[raw] raw: Value,
        #[raw] now: Value,
    ) -> Result<(), Failure> {
        on(&this, |engine| {
            let (name, now) = (node(&name)?, time(&now)?);
            match optional("broadcast", &raw)? {
                Some(raw) => engine.update_node(name, raw, now),
                None => {
                    engine.advance(now)?;
                    engine.remove_node(name);
                    Ok(())
                }
            }
        })
    }

    /// Function: a node has not broadcast anything.
    #[export(serialize_error)]
    fn remove_node(#[raw] this: Value, #[raw] name: Value) -> Result<(), Failure> {
        on(&this, |engine| {
            engine.remove_node(node(&name)?);
            Ok(())
        })
    }

    /// Function: who is there, as a JSON text.
    #[export(serialize_error)]
    fn set_members(#[raw] this: Value, #[raw] members: Value) -> Result<(), Failure> {
        on(&this, |engine| {
            engine.set_members_text(required("members", &members)?)
        })
    }

    /// Function: what is configured, as a JSON text.
    #[export(serialize_error)]
    fn set_config(#[raw] this: Value, #[raw] config: Value) -> Result<(), Failure> {
        on(&this, |engine| {
            engine.set_config_text(required("configuration", &config)?)
        })
    }

    /// Function: it is that time now.
    #[export(serialize_error)]
    fn advance(#[raw] this: Value, #[raw] now: Value) -> Result<(), Failure> {
        on(&this, |engine| engine.advance(time(&now)?))
    }

    /// Function: the next time at which something changes that nobody tells of.
    #[export(serialize_error)]
    fn next_deadline(#[raw] this: Value) -> Result<Option<f64>, Failure> {
        on(&this, |engine| Ok(engine.next_deadline()))
    }

    /// Function: all rows as a JSON text.
    #[export(raw_return, serialize_error)]
    fn rows(#[raw] this: Value) -> Result<Value, Failure> {
        on(&this, |engine| {
            engine.rows_json().map(|rows| Value::new_bytes(&rows))
        })
    }

    /// Function: what there is to say of each node, as a JSON text.
    #[export(raw_return, serialize_error)]
    fn nodes(#[raw] this: Value) -> Result<Value, Failure> {
        on(&this, |engine| Ok(Value::new_bytes(&engine.nodes_json())))
    }

    /// Function: rows, nodes and findings as a JSON text.
    #[export(raw_return, serialize_error)]
    fn status(#[raw] this: Value) -> Result<Value, Failure> {
        on(&this, |engine| {
            engine.to_json().map(|status| Value::new_bytes(&status))
        })
    }

    /// Function: what has changed since the answer that a cursor is from, as a JSON text.
    #[export(raw_return, serialize_error)]
    fn changes(#[raw] this: Value, #[raw] cursor: Value) -> Result<Value, Failure> {
        on(&this, |engine| {
            let cursor = optional("cursor", &cursor)?.unwrap_or_default();
            // What is no text is no cursor of ours.
            let cursor = std::str::from_utf8(cursor).unwrap_or_default();
            let changes = engine.changes(Some(cursor))?;
            Ok(Value::new_bytes(&changes.to_json()))
        })
    }

    /// Function: the findings as a JSON text.
    #[export(raw_return, serialize_error)]
    fn findings(#[raw] this: Value) -> Result<Value, Failure> {
        on(&this, |engine| {
            Ok(Value::new_bytes(&engine.findings_json()))
        })
    }

    /// Function: findings of a code, of all subjects or one, are muted for a time.
    #[export(serialize_error)]
    fn mute(
        #[raw] this: Value,
        #[raw] code: Value,
        #[raw] subject: Value,
        #[raw] until: Value,
    ) -> Result<(), Failure> {
        on(&this, |engine| {
            let (code, subject) = (required("code", &code)?, optional("subject", &subject)?);
            let until = optional("until", &until)?.map(time_from_text).transpose()?;
            engine.mute_text(code, subject, until)
        })
    }

    /// Function: they are not any more. Whether they were.
    #[export(serialize_error)]
    fn unmute(
        #[raw] this: Value,
        #[raw] code: Value,
        #[raw] subject: Value,
    ) -> Result<bool, Failure> {
        on(&this, |engine| {
            let (code, subject) = (required("code", &code)?, optional("subject", &subject)?);
            engine.unmute_text(code, subject)
        })
    }
}
