//! Reading a broadcast into cells, in any of its forms: the long keys that Proxmox VE writes, or the
//! short ones of [`broadcast`](crate::cluster::broadcast). Keys that are not known are passed over.

use std::collections::BTreeMap;

use super::Mode;
use super::cell::{Cell, Flags, Kind};
use super::head::{Head, numbers, ports, unsigned};
use super::interner::Interner;
use super::seen::Seen;
use super::values::{Slot, Values};
use crate::cluster::MapState;
use crate::cluster::broadcast::Entry;
use crate::cluster::json::{Json, Scanner, Syntax};
use crate::cluster::multipathd::Impairment;
use crate::limits;

/// A broadcast as cells.
#[derive(Default)]
pub struct Report {
    pub head: Head,
    /// Of equal rows the last counts.
    pub cells: Vec<(u32, Cell)>,
    /// By row, which of the ports have dead paths to it.
    pub down: BTreeMap<u32, Vec<u32>>,
}

/// Where names and values of cells go.
pub(super) struct Into<'a> {
    pub mode: Mode,
    pub wwids: &'a mut Interner,
    pub values: &'a mut Values,
    pub seen: &'a mut Seen,
}

type Result<T> = std::result::Result<T, Syntax>;

/// What a key of the short form stands for. Long ones keep their meaning: whoever does not know the form
/// goes by them.
fn long_key(short: &str) -> &str {
    match short {
        "m" => "maps",
        "t" => "time",
        "q" => "seq",
        "x" => "truncated",
        "p" => "ports",
        long => long,
    }
}

const MANY_MAPS: Syntax = Syntax {
    at: 0,
    what: "more maps than a node can have",
};

const NO_MAPS: Syntax = Syntax {
    at: 0,
    what: "no object with maps",
};

impl Into<'_> {
    /// Reads the text of a broadcast.
    pub fn read(&mut self, text: &[u8]) -> Result<Report> {
        let mut scanner = Scanner::new(text)?;
        if scanner.peek() != Some(b'{') {
            // What is wrong with a text that is wrong anyhow is no matter, if only something is.
            scanner.skip()?;
            return Err(NO_MAPS);
        }
        let mut report = Report::default();
        let (mut has_maps, mut first) = (false, true);
        // The short keys count behind the number of the form that has them.
        let mut is_short = false;
        scanner.enter()?;
        while let Some(key) = scanner.key(&mut first)? {
            let key = match &*key {
                "v" => {
                    is_short = unsigned(&scanner.value()?) == Some(2);
                    continue;
                }
                short if is_short => long_key(short),
                long => long,
            };
            match key {
                "maps" => {
                    report.cells.clear();
                    report.down.clear();
                    has_maps = scanner.peek() == Some(b'{');
                    match has_maps {
                        true => self.maps(&mut scanner, &mut report, is_short)?,
                        false => scanner.skip()?,
                    }
                }
                "time" => report.head.time = scanner.value()?,
                "seq" => report.head.seq = unsigned(&scanner.value()?),
                "truncated" => {
                    report.head.truncated = unsigned(&scanner.value()?).unwrap_or(0);
                }
                "ports" => report.head.ports = ports(&scanner.value()?),
                _ => scanner.skip()?,
            }
        }
        scanner.end()?;
        match has_maps {
            true => Ok(report),
            false => Err(NO_MAPS),
        }
    }

    fn maps(&mut self, scanner: &mut Scanner<'_>, report: &mut Report, short: bool) -> Result<()> {
        scanner.enter()?;
        let mut first = true;
        while let Some(wwid) = scanner.key(&mut first)? {
            if report.cells.len() == limits::BROADCAST_MAPS && self.mode == Mode::Strict {
                return Err(MANY_MAPS);
            }
            let row = self.wwids.put(&wwid);
            let next = scanner.peek();
            let place = Seen::place(scanner);
            if let Some(cell) = self.seen.again(place, short, scanner) {
                report.down.remove(&row);
                report.cells.push((row, cell));
                continue;
            }
            let start = scanner.offset();
            let mut down = Vec::new();
            let cell = match next {
                Some(b'{') if !short => self.map(scanner, &mut down)?,
                _ => match (scanner.value()?, short) {
                    (Json::Array(values), true) => self.short_map(values, &mut down),
                    (other, _) => self.cell(&other),
                },
            };
            if down.is_empty() && matches!(next, Some(b'{' | b'[')) {
                let text = scanner.since(start);
                self.seen.keep(place, short, text, cell);
            }
            match down.is_empty() {
                true => report.down.remove(&row),
                false => report.down.insert(row, down),
            };
            report.cells.push((row, cell));
        }
        Ok(())
    }

    /// A map with long keys.
    fn map(&mut self, scanner: &mut Scanner<'_>, down: &mut Vec<u32>) -> Result<Cell> {
        let mut cell = Cell {
            kind: Kind::Map,
            flags: Flags::UNRECOGNIZED,
            ..Cell::default()
        };
        scanner.enter()?;
        let mut first = true;
        while let Some(key) = scanner.key(&mut first)? {
            match &*key {
                "state" => match scanner.peek() {
                    Some(b'"') => cell.set_state(&scanner.string()?),
                    _ => {
                        scanner.skip()?;
                        cell.set_state("");
                    }
                },
                "paths-active" => cell.active = self.count(scanner)?,
                "paths-total" => cell.total = self.count(scanner)?,
                "size" => cell.size = self.size(scanner)?,
                "transport" => cell.transport = self.transport(scanner)?,
                "flags" => cell.set_flags(&scanner.value()?),
                "down" => *down = numbers(&scanner.value()?),
                _ => scanner.skip()?,
            }
        }
        self.hold_against_counts(&mut cell);
        Ok(cell)
    }

    fn short_map(&mut self, values: Vec<Json>, down: &mut Vec<u32>) -> Cell {
        let mut values = values.into_iter();
        let mut next = || values.next().unwrap_or_default();
        let state = match next() {
            Json::String(letter) => letter,
            _ => String::new(),
        };
        let state = MapState::ALL
            .iter()
            .find(|known| known.name().get(..1) == Some(&state));
        let mut cell = Cell {
            kind: Kind::Map,
            flags: Flags::UNRECOGNIZED,
            ..Cell::default()
        };
        cell.set_state(state.map_or("", |state| state.name()));
        cell.active = self.count_of(next());
        cell.total = self.count_of(next());
        cell.transport = self.transport_of(next());
        cell.size = self.size_of(next());
        if let Some(bits) = unsigned(&next()) {
            let bits = Flags(bits.min(u64::from(u8::MAX)) as u8 & 7);
            cell.flags = cell.flags.with(bits).with(Flags::KNOWN);
        }
        *down = numbers(&next());
        self.hold_against_counts(&mut cell);
        cell
    }

    /// An entry of any kind.
    pub fn cell(&mut self, entry: &Json) -> Cell {
        let mut cell = Cell {
            kind: match entry {
                Json::Object(_) => Kind::Map,
                other if other.is_true() => Kind::Malformed,
                _ => Kind::False,
            },
            ..Cell::default()
        };
        if cell.kind != Kind::Map {
            return cell;
        }
        let get = |key| entry.get(key).cloned().unwrap_or_default();
        cell.flags = Flags::UNRECOGNIZED;
        if let Json::String(state) = get("state") {
            cell.set_state(&state);
        }
        cell.active = self.count_of(get("paths-active"));
        cell.total = self.count_of(get("paths-total"));
        cell.size = self.size_of(get("size"));
        cell.transport = self.transport_of(get("transport"));
        if let Some(flags) = entry.get("flags") {
            cell.set_flags(flags);
        }
        self.hold_against_counts(&mut cell);
        cell
    }

    /// A map as its node has it.
    pub fn cell_of(&mut self, map: &Entry) -> Cell {
        let told = map.told_impairments();
        let mut flags = told.map_or(Flags::default(), |_| Flags::KNOWN);
        for impairment in told.unwrap_or_default() {
            flags = flags.with(match impairment {
                Impairment::Suspended => Flags::SUSPENDED,
                Impairment::Queueing => Flags::QUEUEING,
                Impairment::Marginal => Flags::MARGINAL,
            });
        }
        let mut cell = Cell {
            kind: Kind::Map,
            state: map.state,
            flags,
            active: self.values.integer(u64::from(map.active)),
            total: self.values.integer(u64::from(map.total)),
            transport: map
                .transport
                .map_or(Slot::NULL, |word| self.values.string(word.name())),
            size: map
                .size
                .map_or(Slot::NULL, |size| self.values.integer(size)),
        };
        self.hold_against_counts(&mut cell);
        cell
    }

    #[inline]
    fn count(&mut self, scanner: &mut Scanner<'_>) -> Result<Slot> {
        scanner.peek();
        match scanner.small() {
            Some(number) if self.mode == Mode::Compat => Ok(self.values.integer(number)),
            Some(number) => Ok(count(number)),
            None => Ok(scanner.value().map(|value| self.count_of(value))?),
        }
    }

    fn count_of(&mut self, value: Json) -> Slot {
        match self.mode {
            Mode::Compat => self.values.json(value),
            Mode::Strict => unsigned(&value).map_or(Slot::NULL, count),
        }
    }

    #[inline]
    fn size(&mut self, scanner: &mut Scanner<'_>) -> Result<Slot> {
        scanner.peek();
        match scanner.small() {
            Some(number) => Ok(self.values.integer(number)),
            None => Ok(scanner.value().map(|value| self.size_of(value))?),
        }
    }

    fn size_of(&mut self, value: Json) -> Slot {
        match self.mode {
            Mode::Compat => self.values.json(value),
            Mode::Strict => unsigned(&value).map_or(Slot::NULL, |size| self.values.integer(size)),
        }
    }

    #[inline]
    fn transport(&mut self, scanner: &mut Scanner<'_>) -> Result<Slot> {
        match scanner.peek() {
            Some(b'"') => Ok(self.values.string(&scanner.string()?)),
            _ => Ok(scanner.value().map(|value| self.transport_of(value))?),
        }
    }

    fn transport_of(&mut self, value: Json) -> Slot {
        match (self.mode, value) {
            (_, Json::String(text)) => self.values.string(&text),
            (Mode::Compat, other) => self.values.json(other),
            (Mode::Strict, _) => Slot::NULL,
        }
    }

    /// In strict mode counts are what a state follows from, where both are there.
    fn hold_against_counts(&self, cell: &mut Cell) {
        let (Some(active), Some(total)) = (cell.active.as_small(), cell.total.as_small()) else {
            return;
        };
        if self.mode == Mode::Compat || cell.state == MapState::Unknown {
            return;
        }
        let state = match active {
            _ if active > total => {
                cell.flags = cell.flags.with(Flags::IMPOSSIBLE);
                MapState::Unknown
            }
            0 => MapState::Failed,
            _ if active < total => MapState::Degraded,
            _ => MapState::Optimal,
        };
        if state != cell.state && active <= total {
            cell.flags = cell.flags.with(Flags::DISAGREES);
        }
        cell.state = state;
    }
}

impl Cell {
    #[inline]
    fn set_state(&mut self, name: &str) {
        match MapState::from_name(name.as_bytes()) {
            Some(state) => {
                self.state = state;
                self.flags.0 &= !Flags::UNRECOGNIZED.0;
            }
            None => {
                self.state = MapState::Unknown;
                self.flags = self.flags.with(Flags::UNRECOGNIZED);
            }
        }
    }

    fn set_flags(&mut self, names: &Json) {
        let Json::Array(names) = names else {
            return;
        };
        self.flags = self.flags.with(Flags::KNOWN);
        for name in names {
            let known = Flags::SHOWN
                .iter()
                .filter(|(flag, _)| flag.0 < Flags::KNOWN.0);
            let is = |known: &&(Flags, &str)| matches!(name, Json::String(name) if name == known.1);
            if let Some((flag, _)) = known.clone().find(is) {
                self.flags = self.flags.with(*flag);
            }
        }
    }
}

/// A number of paths. None that anybody has is too large.
fn count(number: u64) -> Slot {
    let number = u32::try_from(number).ok();
    number.and_then(Slot::small).unwrap_or(Slot::NULL)
}
