//! What is to be done to a volume, and what is wrong with it, as every face asks for it: each option
//! has a name, and its value comes as text.

use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::inspect::options::{count_from_text, flag_from_text, timeout_from_text};
use crate::io::{Bounds, Storage};
use crate::limits;
use crate::snapshot::diagnosis::{self, Diagnosis, Look};
use crate::snapshot::graph::Graph;
use crate::snapshot::plan::{Arguments, Guest, Operation, Plan, Terms, Wish};
use crate::text::printable;

/// What a caller wants of a plan.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// Names of snapshots.
    pub snapshots: Vec<Vec<u8>>,
    /// Bytes of the disk.
    pub size: Option<u64>,
    /// Another name for the volume.
    pub to: Option<Vec<u8>>,
    /// Whether the guest runs meanwhile.
    pub online: bool,
    /// What the plan is made for.
    pub terms: Terms,
    /// How long storage may take, and what each image may cost.
    pub bounds: Bounds,
}

impl PlanOptions {
    /// The options in a JSON object.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let mut options = PlanOptions::default();
        each(json, |name, value| options.set(name, value))?;
        Ok(options)
    }

    /// Sets the option called `name`: `snapshot` or `snapshots` (each time one more), `size`, `to`,
    /// `online`, `timeout`, or one of [`Terms::NAMES`].
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        match name {
            b"snapshot" | b"snapshots" => self.snapshots.push(value.to_vec()),
            b"size" => self.size = Some(count_from_text("size", value)? as u64),
            b"to" => self.to = Some(value.to_vec()),
            b"online" => self.online = flag_from_text("online", value)?,
            b"timeout" => self.bounds.timeout = timeout_from_text(value)?,
            _ => return known(self.terms.set(name, value)?, name),
        }
        Ok(())
    }

    /// What the operation of that name means with these options. An error if they do not suit it.
    pub fn wish(&self, operation: &[u8]) -> Result<Wish> {
        self.terms.check()?;
        let snapshots: Vec<&[u8]> = self.snapshots.iter().map(Vec::as_slice).collect();
        let arguments = Arguments {
            snapshots: &snapshots,
            size: self.size,
            to: self.to.as_deref(),
        };
        Wish::from_caller(Operation::from_name(operation)?, &arguments)
    }
}

/// The plan that fulfils a wish of these options.
pub fn plan(graph: &Graph, wish: &Wish, options: &PlanOptions) -> Result<Plan> {
    let mut terms = options.terms.clone();
    match (options.online, &terms.guest) {
        (true, None) => terms.guest = Some(guest(graph, &terms)?),
        (false, Some(_)) => {
            let message = "'guest' is for plans with the guest running: 'online' is missing";
            return Err(Error::argument(message));
        }
        _ => {}
    }
    Plan::new(&Storage::for_call(options.bounds), graph, wish, &terms)
}

/// The guest that has the volume as its drive, if qemu-server has started it with nothing special.
fn guest(graph: &Graph, terms: &Terms) -> Result<Guest> {
    let subject = graph.subject();
    let volid = subject.volid(subject.volume().as_str().as_bytes());
    let volid = volid.as_deref().map(std::str::from_utf8);
    match (&terms.drive, volid) {
        (Some(drive), Some(Ok(volid))) => Ok(Guest::new(drive, volid)),
        _ => Err(Error::argument(
            "with the guest running, its nodes must be known: that needs 'guest', or 'drive' and the \
             name of the storage",
        )),
    }
}

/// How a caller wants a volume to be diagnosed.
#[derive(Clone, Debug)]
pub struct DiagnosisOptions {
    /// What the repairs are made for.
    pub terms: Terms,
    /// How closely to look.
    pub look: Look,
    /// How long storage may take, and what each image may cost.
    pub bounds: Bounds,
}

impl Default for DiagnosisOptions {
    /// With a check of the tables.
    fn default() -> Self {
        DiagnosisOptions {
            terms: Terms::default(),
            look: Look { check: true },
            bounds: Bounds::default(),
        }
    }
}

impl DiagnosisOptions {
    /// The options in a JSON object.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        let mut options = DiagnosisOptions::default();
        each(json, |name, value| options.set(name, value))?;
        Ok(options)
    }

    /// Sets the option called `name`: `check`, `timeout`, or one of [`Terms::NAMES`].
    pub fn set(&mut self, name: &[u8], value: &[u8]) -> Result<()> {
        match name {
            b"check" => self.look.check = flag_from_text("check", value)?,
            b"timeout" => self.bounds.timeout = timeout_from_text(value)?,
            _ => return known(self.terms.set(name, value)?, name),
        }
        Ok(())
    }
}

/// What is wrong with a volume.
pub fn diagnose(graph: &Graph, options: &DiagnosisOptions) -> Result<Vec<Diagnosis>> {
    options.terms.check()?;
    let storage = Storage::for_call(options.bounds);
    diagnosis::diagnose(&storage, graph, &options.terms, options.look)
}

/// Every option of a JSON object, each element of an array by itself. No text is an object without
/// any.
fn each(json: &[u8], mut set: impl FnMut(&[u8], &[u8]) -> Result<()>) -> Result<()> {
    if json.len() > limits::OPTIONS {
        let most = limits::OPTIONS as u64;
        return Err(limits::above("the options", "the limit", most));
    }
    if json.trim_ascii().is_empty() {
        return Ok(());
    }
    let options: Map<String, Value> = serde_json::from_slice(json)
        .map_err(|e| Error::argument(format!("the options are no JSON object: {e}")))?;
    for (name, value) in &options {
        let values = match value {
            Value::Array(values) => &values[..],
            value => std::slice::from_ref(value),
        };
        for value in values {
            match value {
                Value::Null => {}
                Value::Bool(on) => set(name.as_bytes(), if *on { b"1" } else { b"0" })?,
                Value::Number(number) => set(name.as_bytes(), number.to_string().as_bytes())?,
                Value::String(text) => set(name.as_bytes(), text.as_bytes())?,
                Value::Object(_) if name == "guest" => {
                    set(name.as_bytes(), value.to_string().as_bytes())?;
                }
                Value::Array(_) | Value::Object(_) => {
                    let name = printable(name.as_bytes());
                    let message = format!("option '{name}' is neither text nor number");
                    return Err(Error::argument(message));
                }
            }
        }
    }
    Ok(())
}

fn known(known: bool, name: &[u8]) -> Result<()> {
    match known {
        true => Ok(()),
        false => {
            let name = printable(name);
            Err(Error::argument(format!("unknown option '{name}'")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_is_an_object_of_its_own() {
        let json = br#"{"online":1,"guest":{"drive":"scsi0","volid":"a:vm-1-disk-0.qcow2"}}"#;
        let options = PlanOptions::from_json(json).unwrap();
        let guest = Guest::new("scsi0", "a:vm-1-disk-0.qcow2");
        assert!(options.online);
        assert_eq!(options.terms.guest, Some(guest));
        assert!(PlanOptions::from_json(br#"{"drive":{"guest":1}}"#).is_err());
    }

    #[test]
    fn options_are_called_by_their_names() {
        let mut options = PlanOptions::default();
        for (name, value) in [
            ("snapshot", "ab"),
            ("snapshot", "cd"),
            ("size", "1048576"),
            ("to", "vm-1-x"),
            ("online", "1"),
            ("timeout", "0.5"),
            ("free", "5"),
        ] {
            options.set(name.as_bytes(), value.as_bytes()).unwrap();
        }
        assert_eq!(options.snapshots, [b"ab", b"cd"]);
        assert_eq!((options.size, options.terms.free), (Some(1 << 20), Some(5)));
        assert_eq!(options.to.as_deref(), Some(&b"vm-1-x"[..]));
        assert!(options.online && options.bounds.timeout.is_some());
        let mut diagnosis = DiagnosisOptions::default();
        assert!(diagnosis.look.check);
        diagnosis.set(b"check", b"0").unwrap();
        diagnosis.set(b"put-aside", b"1").unwrap();
        assert!(!diagnosis.look.check && diagnosis.terms.put_aside);
        for name in ["", "Size", "snapshots\x1b"] {
            let error = options.set(name.as_bytes(), b"1").unwrap_err();
            assert!(error.to_string().starts_with("unknown option"), "{error}");
            assert!(diagnosis.set(name.as_bytes(), b"1").is_err());
        }
        assert!(diagnosis.set(b"size", b"1").is_err());
        assert!(options.set(b"size", b"1G").is_err());
    }

    #[test]
    fn options_come_as_json() {
        let json = br#"{"snapshots": ["ab", "cd"], "size": 1048576, "free": "5", "put-aside": true,
                        "to": null, "timeout": 0.5}"#;
        let options = PlanOptions::from_json(json).unwrap();
        assert_eq!(options.snapshots, [b"ab", b"cd"]);
        assert_eq!((options.size, options.terms.free), (Some(1 << 20), Some(5)));
        assert!(options.terms.put_aside && options.to.is_none());
        assert_eq!(options.bounds.timeout.unwrap().as_millis(), 500);
        let options = DiagnosisOptions::from_json(br#"{"check": false}"#);
        assert!(!options.unwrap().look.check);
        assert!(PlanOptions::from_json(b" ").is_ok());
        for json in [
            &b"[]"[..],
            b"{",
            b"{\"size\": 1.5}",
            b"{\"size\": {}}",
            b"{\"snapshots\": [[]]}",
            b"{\"x\": 1}",
            b"{\"size\": -1}",
            b"{} {}",
        ] {
            let error = PlanOptions::from_json(json).unwrap_err();
            assert_eq!(error.code(), crate::Code::Argument, "{error}");
        }
        let long = vec![b' '; limits::OPTIONS + 1];
        assert!(PlanOptions::from_json(&long).is_err());
    }
}
