//! What a node's broadcast counts for: whether the node is there, and whether what it said is of now.

use super::head::{Head, seconds};
use super::{Matrix, Mode};
use crate::cluster::json::Json;
use crate::codes::codes;
use crate::error::{Error, Result};

codes! {
    /// What a node is to the matrix.
    pub enum Standing {
        /// It is there, and its broadcast is of now.
        Live = "live",
        /// It is there, and has not said anything.
        Silent = "silent",
        /// It is there, and what it has said is too old.
        Stale = "stale",
        /// It is there, and what it says is not understood.
        Malformed = "malformed",
        /// It is not there.
        Offline = "offline",
    }
}

impl Standing {
    /// Whether it is there and says something of now, understood or not.
    pub fn reports(self) -> bool {
        matches!(self, Standing::Live | Standing::Malformed)
    }
}

/// What membership says of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// It is there.
    Online,
    /// It is not.
    Offline,
    /// Nothing that can be understood.
    Malformed,
}

impl Member {
    /// As `PVE::Cluster::get_members` has it: an object with `online`.
    pub fn of_json(value: &Json) -> Self {
        match value {
            Json::Object(member) => match member.get("online").is_some_and(Json::is_true) {
                true => Member::Online,
                false => Member::Offline,
            },
            other if other.is_true() => Member::Malformed,
            _ => Member::Offline,
        }
    }
}

/// When a broadcast came here, by our own clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Receipt {
    /// Seconds since the epoch.
    pub at: f64,
    /// Whether we were there when it came: it took the place of another one. If not, it can be of any
    /// age.
    pub seen: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Broadcast {
    #[default]
    None,
    /// What is wrong with it.
    Bad(String),
    Good(Head),
}

/// A column of the matrix.
#[derive(Clone, Debug, Default)]
pub struct Node {
    name: Box<str>,
    pub(super) broadcast: Broadcast,
    pub(super) receipt: Option<Receipt>,
    /// Rows that it has entries in.
    pub(super) rows: Vec<u32>,
    /// See [`Report`](super::report::Report).
    pub(super) down: std::collections::BTreeMap<u32, Vec<u32>>,
    /// Whether a storage is enabled on it that needs LUNs.
    pub(super) is_expected: bool,
    /// Whether the configuration names it.
    pub(super) is_named: bool,
    /// Whether it is one of those who are asked, whatever they say.
    pub(super) is_asked: bool,
}

impl Node {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the answer knows it. Others are columns that were of use once.
    pub(super) fn is_present(&self) -> bool {
        self.is_named || self.is_asked
    }

    /// When its broadcast came.
    pub fn receipt(&self) -> Option<Receipt> {
        self.receipt
    }

    /// What its broadcast says besides the maps; nothing if there is none that is understood.
    pub fn head(&self) -> Option<&Head> {
        match &self.broadcast {
            Broadcast::Good(head) => Some(head),
            Broadcast::None | Broadcast::Bad(_) => None,
        }
    }

    /// What is wrong with its broadcast.
    pub fn error(&self) -> Option<&str> {
        match &self.broadcast {
            Broadcast::Bad(error) => Some(error),
            Broadcast::None | Broadcast::Good(_) => None,
        }
    }

    /// The rows to which paths through a port are down, by the port's number.
    pub fn down(&self) -> &std::collections::BTreeMap<u32, Vec<u32>> {
        &self.down
    }
}

/// What the cells of a column count for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::cluster) struct Column {
    pub standing: Standing,
    /// Seconds by which its clock is ahead of ours, or behind, if that is too much.
    pub skew: Option<f64>,
    /// How old its broadcast is.
    pub age: Option<f64>,
    /// In compat mode: whether it is online, which malformed membership does not tell.
    pub online: std::result::Result<bool, ()>,
    /// Maps are missing from its broadcast for want of room.
    pub truncated: bool,
    /// Whether the answer has it at all.
    pub is_present: bool,
}

impl Column {
    /// Of a node that the answer does not know.
    pub const ABSENT: Column = Column {
        standing: Standing::Offline,
        skew: None,
        age: None,
        online: Ok(false),
        truncated: false,
        is_present: false,
    };

    /// Whether its cells mean the same as with the other.
    pub fn counts_like(&self, other: &Column) -> bool {
        let what = |column: &Column| {
            (
                column.standing,
                column.online,
                column.truncated,
                column.is_present,
            )
        };
        what(self) == what(other)
    }
}

impl Matrix {
    /// What each column counts for.
    pub(in crate::cluster) fn standings(&self) -> Vec<Column> {
        let columns = self.nodes.iter();
        columns.map(|node| self.standing(node)).collect()
    }

    /// What a column counts for.
    pub(in crate::cluster) fn standing_of(&self, column: u32) -> Column {
        self.standing(&self.nodes[column as usize])
    }

    fn standing(&self, node: &Node) -> Column {
        match self.mode {
            _ if !node.is_present() => Column::ABSENT,
            Mode::Compat => self.compat_column(node),
            Mode::Strict => self.strict_column(node),
        }
    }

    /// The time up to which a broadcast that is of now is so, if that ends, and how exactly that can be
    /// said in a float.
    pub(in crate::cluster) fn fresh_until(&self, column: u32) -> Option<(f64, f64)> {
        let node = &self.nodes[column as usize];
        let head = node.head()?;
        let begin = match self.mode {
            Mode::Compat => head.time.as_number()?.as_f64(),
            Mode::Strict => self.begin(node, head)?.0,
        };
        let until = begin + self.times.stale;
        let slack = 4.0 * f64::EPSILON * begin.abs().max(self.times.stale);
        until.is_finite().then_some((until, slack))
    }

    fn member_of(&self, name: &str) -> Member {
        match &self.members {
            None => Member::Online,
            Some(members) if members.is_empty() => Member::Online,
            Some(members) => members.get(name).copied().unwrap_or(Member::Offline),
        }
    }

    /// What membership says of a node; without a cluster all are there. An error in compat mode if it is
    /// malformed.
    pub fn member(&self, name: &str) -> Result<Member> {
        match self.member_of(name) {
            Member::Malformed if self.mode == Mode::Compat => Err(malformed_member(name)),
            member => Ok(member),
        }
    }

    /// The nodes in the order of their names, with what their columns count for.
    pub(in crate::cluster) fn standing_nodes(&self) -> impl Iterator<Item = (&Node, Column)> {
        let columns = self.standings();
        let order = self.order.iter();
        order.map(move |&slot| (&self.nodes[slot as usize], columns[slot as usize]))
    }

    /// Liveness is looked up only for nodes that broadcast, or have such a storage.
    fn compat_column(&self, node: &Node) -> Column {
        let reports = node.head().is_some();
        let is_stale = node.head().is_some_and(|head| match &head.time {
            Json::Null => true,
            time => time
                .as_number()
                .is_some_and(|time| self.now - time.as_f64() > self.times.stale),
        });
        let online = match &self.online {
            Some(online) => Ok(online.contains(node.name())),
            None if !reports && !node.is_expected => Ok(false),
            None => match self.member_of(node.name()) {
                Member::Malformed => Err(()),
                member => Ok(member == Member::Online && !is_stale),
            },
        };
        Column {
            standing: match (online, reports) {
                (Ok(true), true) => Standing::Live,
                (Ok(true), false) => Standing::Silent,
                _ if reports && is_stale => Standing::Stale,
                _ => Standing::Offline,
            },
            skew: None,
            age: None,
            online,
            truncated: false,
            is_present: true,
        }
    }

    fn strict_column(&self, node: &Node) -> Column {
        let mut column = Column {
            standing: Standing::Live,
            skew: None,
            age: None,
            online: Ok(true),
            truncated: node.head().is_some_and(|head| head.truncated > 0),
            is_present: true,
        };
        if let Some((begin, skew)) = node.head().and_then(|head| self.begin(node, head)) {
            column.age = Some((self.now - begin).max(0.0));
            column.skew = skew;
        }
        column.standing = if self.member_of(node.name()) != Member::Online {
            Standing::Offline
        } else if node.error().is_some() {
            Standing::Malformed
        } else if node.head().is_none() {
            Standing::Silent
        } else if column.age.is_some_and(|age| age <= self.times.stale) {
            Standing::Live
        } else {
            Standing::Stale
        };
        column
    }

    /// The time from which the age of a broadcast counts, and by how much its node's clock is wrong. Where
    /// that clock cannot be right, or has been seen to be wrong, it is the time of receipt.
    fn begin(&self, node: &Node, head: &Head) -> Option<(f64, Option<f64>)> {
        let time = seconds(&head.time)?;
        let receipt = node.receipt.unwrap_or(Receipt {
            at: self.now,
            seen: false,
        });
        let off = time - receipt.at;
        let is_ahead = off > self.times.skew;
        let is_behind = receipt.seen && off < -self.times.skew;
        let skew = (is_ahead || is_behind).then_some(off);
        let begin = if is_ahead || receipt.seen {
            receipt.at
        } else {
            time
        };
        Some((begin, skew))
    }

    /// The same. Malformed membership ends all in compat mode, where it is looked at.
    pub(super) fn columns(&self) -> Result<Vec<Column>> {
        let columns = self.standings();
        self.refuse_malformed(&columns).map(|()| columns)
    }

    /// An error if the membership of a node that counts is malformed.
    pub(in crate::cluster) fn refuse_malformed(&self, columns: &[Column]) -> Result<()> {
        match columns.iter().position(|column| column.online.is_err()) {
            None => Ok(()),
            Some(at) => Err(malformed_member(self.nodes[at].name())),
        }
    }
}

fn malformed_member(name: &str) -> Error {
    let name = crate::text::printable(name.as_bytes());
    Error::argument(format!("the membership of node '{name}' is no object"))
}
