//! Reads a broadcast in any form with serde_json, by what the documentation says of the forms.

use std::collections::BTreeMap;

use serde_json::{Map as Object, Value};

use super::super::{Entry, Port, PortKind, open};
use crate::cluster::MapState;
use crate::cluster::multipathd::{Impairment, Transport};

/// What a broadcast says.
#[derive(Debug, PartialEq)]
pub struct Read {
    pub maps: BTreeMap<String, Entry>,
    pub ports: Vec<Port>,
    pub time: Option<u64>,
    pub seq: Option<u64>,
    pub digest: String,
    pub truncated: usize,
}

impl Read {
    pub fn of(payload: &[u8]) -> Self {
        let text = open(payload).unwrap();
        let Value::Object(mut all) = serde_json::from_slice(&text).unwrap() else {
            panic!("no object");
        };
        let short = match all.remove("v") {
            None => false,
            Some(version) => version == 2,
        };
        let mut take = |seed: &str, key: &str| all.remove(if short { key } else { seed });
        let Some(Value::Object(maps)) = take("maps", "m") else {
            panic!("no maps");
        };
        let maps = maps.into_iter();
        let read = Read {
            maps: maps
                .map(|(wwid, map)| {
                    (
                        wwid,
                        if short {
                            from_array(&map)
                        } else {
                            from_object(&map)
                        },
                    )
                })
                .collect(),
            ports: array(take("ports", "p").as_ref())
                .iter()
                .map(port)
                .collect(),
            time: take("time", "t").map(|time| time.as_u64().unwrap()),
            seq: take("seq", "q").map(|seq| seq.as_u64().unwrap()),
            digest: take("digest", "d").unwrap().as_str().unwrap().to_owned(),
            truncated: take("truncated", "x").map_or(0, |x| x.as_u64().unwrap() as usize),
        };
        assert_eq!(all, Object::new(), "more than there should be");
        assert_eq!(read.digest.len(), 16);
        read
    }
}

fn from_object(map: &Value) -> Entry {
    let mut rest = map.as_object().unwrap().clone();
    let mut take = |key: &str| rest.remove(key).unwrap_or(Value::Null);
    let active = number(&take("paths-active"));
    let flags = take("flags");
    assert!(
        active > 0 || flags.is_array(),
        "failed, and how is not said"
    );
    assert!(active == 0 || flags != Value::Array(vec![]));
    let named = |flag: &Value| {
        let mut all = Impairment::ALL.iter();
        *all.find(|all| flag == all.name()).unwrap()
    };
    let entry = Entry {
        state: MapState::from_name(take("state").as_str().unwrap().as_bytes()).unwrap(),
        active,
        total: number(&take("paths-total")),
        transport: transport(&take("transport")),
        size: take("size").as_u64(),
        impairments: array(Some(&flags)).iter().map(named).collect(),
        down: indices(&take("down")),
    };
    assert_eq!(rest, Object::new());
    entry
}

fn from_array(map: &Value) -> Entry {
    let map = map.as_array().unwrap();
    assert!((3..=7).contains(&map.len()));
    assert!(map.last() != Some(&Value::Null));
    let at = |index: usize| map.get(index).unwrap_or(&Value::Null);
    let letters = ["u", "o", "d", "m", "f"].into_iter().zip(MapState::ALL);
    let mut states = letters.filter(|(letter, _)| at(0) == letter);
    let active = number(at(1));
    assert!(active > 0 || at(5).is_u64());
    let bits = at(5).as_u64().unwrap_or_default();
    let flags = [
        (4, Impairment::Marginal),
        (2, Impairment::Queueing),
        (1, Impairment::Suspended),
    ];
    Entry {
        state: *states.next().unwrap().1,
        active,
        total: number(at(2)),
        transport: transport(at(3)),
        size: at(4).as_u64(),
        impairments: flags
            .into_iter()
            .filter_map(|(bit, flag)| (bits & bit != 0).then_some(flag))
            .collect(),
        down: indices(at(6)),
    }
}

fn port(port: &Value) -> Port {
    let port = port.as_array().unwrap();
    assert_eq!(port.len(), 4);
    Port {
        kind: match port[0].as_str().unwrap() {
            "hba" => PortKind::Hba,
            "target" => PortKind::Target,
            other => panic!("{other}"),
        },
        name: port[1].as_str().unwrap().to_owned(),
        paths: number(&port[2]),
        down: number(&port[3]),
    }
}

fn transport(word: &Value) -> Option<Transport> {
    let word = word.as_str()?;
    let mut all = Transport::ALL.iter();
    Some(*all.find(|transport| transport.name() == word).unwrap())
}

fn indices(list: &Value) -> Vec<usize> {
    let list = array(Some(list)).iter();
    list.map(|index| number(index) as usize).collect()
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn array(list: Option<&Value>) -> &[Value] {
    list.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
