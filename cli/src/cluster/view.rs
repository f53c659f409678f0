//! What is shown of an answer, on a terminal as on a page: LUNs with the worst first, and what was found.

use std::cmp::Reverse;
use std::hash::{Hash, Hasher};

use pve_native_core::cluster::MapState;
use pve_native_core::cluster::findings::{Code, Finding};
use pve_native_core::cluster::json::Json;
use pve_native_core::cluster::matrix::{Cell, Judged, Reason, Row};
use pve_native_core::cluster::status::Answer;
use pve_native_core::text::{printable, thousands};
use pve_native_core::{Result, Severity};

use crate::human::{moment, size};

/// An answer, ready to be shown.
pub struct View<'a> {
    /// The names of the nodes, as they are sorted.
    pub nodes: Vec<&'a str>,
    /// The LUNs, the worst first.
    pub luns: Vec<Lun<'a>>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// The time of the question.
    pub now: f64,
    /// Whether nothing needs to be looked at.
    pub is_healthy: bool,
}

/// A LUN.
pub struct Lun<'a> {
    row: Row<'a>,
    /// The worst state of a cell that says anything.
    pub state: MapState,
    /// A cell is unknown, and not for its node being offline.
    pub is_doubtful: bool,
    /// Its alias, else its WWID.
    pub name: String,
    /// The storages on it.
    pub used_by: String,
    /// Its size for the eye.
    pub size: String,
}

/// What is shown where a LUN meets a node.
#[derive(Clone, Copy, Debug)]
pub struct Shown {
    /// Its state there.
    pub state: MapState,
    /// Paths that can be used, and all, where they tell more than the state.
    pub paths: Option<(u32, u32)>,
    /// Why it is so, if its map does not say it.
    pub reason: Option<Reason>,
}

impl<'a> View<'a> {
    /// An error only in compat mode, where a malformed entry ends all.
    pub fn new(answer: &'a Answer, now: f64) -> Result<Self> {
        let matrix = answer.matrix();
        let rows = matrix.rows()?.into_iter();
        let mut luns: Vec<Lun> = rows.map(Lun::new).collect();
        luns.sort_by(|a, b| {
            let order = |lun: &Lun<'_>| (Reverse(badness(lun)), !lun.is_doubtful);
            let named = || a.name.cmp(&b.name).then_with(|| a.wwid().cmp(b.wwid()));
            order(a).cmp(&order(b)).then_with(named)
        });
        let findings = answer.findings()?;
        // In compat mode few things are found, and the matrix is all there is.
        let are_optimal = luns.iter().all(|lun| lun.state == MapState::Optimal);
        let is_grave = |finding: &Finding| finding.severity > Severity::Info;
        Ok(View {
            nodes: matrix.nodes().map(|node| node.name()).collect(),
            is_healthy: are_optimal && !findings.iter().any(is_grave),
            luns,
            findings,
            now,
        })
    }

    /// How all is, in a sentence.
    pub fn summary(&self) -> String {
        let total = self.luns.len();
        let nodes = match self.nodes.len() {
            1 => "1 node".to_string(),
            count => format!("{} nodes", thousands(count as u64)),
        };
        let with = |state| self.luns.iter().filter(move |lun| lun.state == state);
        let bad = total - with(MapState::Optimal).count();
        let mut parts = Vec::new();
        for state in BAD {
            match with(state).count() {
                0 => {}
                count => parts.push(format!("{} {}", thousands(count as u64), state.name())),
            }
        }
        let doubtful = with(MapState::Optimal).filter(|lun| lun.is_doubtful);
        let doubtful = match doubtful.count() {
            0 => String::new(),
            count => format!("; {} not known everywhere", thousands(count as u64)),
        };
        let total = match total {
            0 => return format!("no LUNs, {nodes}"),
            1 => "1 LUN".to_string(),
            count => format!("{} LUNs", thousands(count as u64)),
        };
        match bad {
            0 => format!("all of {total} optimal on {nodes}{doubtful}"),
            bad => {
                let (bad, parts) = (thousands(bad as u64), parts.join(", "));
                format!("{bad} of {total} not optimal on {nodes}: {parts}{doubtful}")
            }
        }
    }

    /// When the question was asked.
    pub fn time(&self) -> String {
        moment(self.now as u32)
    }
}

/// States from the worst on, without the best.
const BAD: [MapState; 4] = [
    MapState::Failed,
    MapState::Missing,
    MapState::Degraded,
    MapState::Unknown,
];

/// Unlike the order of states, of which nothing is known comes before what is optimal.
fn badness(lun: &Lun<'_>) -> usize {
    let place = BAD.iter().position(|state| *state == lun.state);
    BAD.len() - place.unwrap_or(BAD.len())
}

/// Everything but time.
impl Hash for View<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.nodes.hash(state);
        for lun in &self.luns {
            (lun.wwid(), &lun.name, &lun.used_by, &lun.size).hash(state);
            for (name, judged, cell) in lun.row.cells() {
                let paths = (cell.active.as_small(), cell.total.as_small());
                let reason = judged.reason.map(Reason::name);
                (name, judged.state.name(), reason, paths).hash(state);
            }
        }
        for finding in &self.findings {
            match finding.code {
                // How long or how far is said in the sentence, and changes all the time.
                Code::NodeStale | Code::ClockSkew => (finding.code, &finding.subject).hash(state),
                _ => finding.hash(state),
            }
        }
    }
}

impl<'a> Lun<'a> {
    fn new(row: Row<'a>) -> Self {
        let is_doubtful = row.cells().any(|(_, judged, _)| is_doubtful(&judged));
        let alias = row.alias().map(words).filter(|alias| !alias.is_empty());
        Lun {
            state: row.state,
            is_doubtful,
            name: alias.unwrap_or_else(|| printable(row.wwid().as_bytes()).into_owned()),
            used_by: row.used_by().map(words).unwrap_or_default(),
            size: row.size().map(|bytes| amount(&bytes)).unwrap_or_default(),
            row,
        }
    }

    /// Its WWID.
    pub fn wwid(&self) -> &'a str {
        self.row.wwid()
    }

    /// What it is on each of the nodes; nothing where it has no cell.
    pub fn cells(&self, nodes: &[&str]) -> Vec<Option<Shown>> {
        let mut cells = self.row.cells().peekable();
        let cell = |node: &&str| {
            let (_, judged, cell) = cells.next_if(|(name, ..)| name == node)?;
            Some(Shown::new(&judged, cell))
        };
        nodes.iter().map(cell).collect()
    }
}

impl Shown {
    fn new(judged: &Judged, cell: &Cell) -> Self {
        let tells = judged.is_own && judged.state != MapState::Optimal;
        let paths = cell.active.as_small().zip(cell.total.as_small());
        Shown {
            state: judged.state,
            paths: paths.filter(|_| tells),
            reason: judged.reason,
        }
    }

    /// The state as a letter.
    pub fn letter(&self) -> &'static str {
        letter(self.state)
    }

    /// The letter, and the paths where they tell more.
    pub fn text(&self) -> String {
        match self.paths {
            Some((active, total)) => format!("{} {active}/{total}", self.letter()),
            None => self.letter().into(),
        }
    }

    /// The same in words.
    pub fn words(&self) -> String {
        let mut words = self.state.name().to_string();
        if let Some((active, total)) = self.paths {
            words += &format!(", {active} of {total} paths");
        }
        if let Some(reason) = self.reason {
            words += &format!(" ({})", reason.name());
        }
        words
    }
}

/// The letter of a state.
pub fn letter(state: MapState) -> &'static str {
    match state {
        MapState::Unknown => "?",
        MapState::Optimal => "o",
        MapState::Degraded => "d",
        MapState::Missing => "m",
        MapState::Failed => "f",
    }
}

/// All states, as the legend has them.
pub const LEGEND: [MapState; 5] = [
    MapState::Optimal,
    MapState::Degraded,
    MapState::Missing,
    MapState::Failed,
    MapState::Unknown,
];

/// Whether something is wrong with what a node says here.
fn is_doubtful(judged: &Judged) -> bool {
    match judged.reason {
        None | Some(Reason::Offline | Reason::NotAssembled | Reason::Truncated) => false,
        Some(_) => true,
    }
}

fn amount(bytes: &Json) -> String {
    let number = match bytes {
        Json::Number(number) => number.as_integer(),
        _ => None,
    };
    match number.and_then(|number| u64::try_from(number).ok()) {
        Some(bytes) => size(bytes),
        None => words(bytes),
    }
}

/// A value as text for a terminal.
fn words(value: &Json) -> String {
    let text = match value {
        Json::Null => return String::new(),
        Json::String(text) => text.clone(),
        Json::Number(number) => number.to_string(),
        Json::Array(values) => return values.iter().map(words).collect::<Vec<_>>().join(", "),
        // Writing to memory cannot fail.
        other => serde_json::to_string(other).unwrap_or_default(),
    };
    printable(text.as_bytes()).into_owned()
}
