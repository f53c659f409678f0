//! What is wrong with nodes as a whole: those that are not there or do not tell, and clocks.

use super::sink::{Draft, Said, Sink};
use super::{Code, words};
use crate::cluster::matrix::{Column, Matrix, Standing};

/// A finding about one node.
fn of_node(matrix: &Matrix, column: u32, extent: u64) -> Draft<'_, u32> {
    Draft {
        subject: matrix.node(column).name().into(),
        extent,
        about: column,
    }
}

fn said(matrix: &Matrix, column: u32, sentence: String) -> Said {
    Said {
        sentence,
        luns: Vec::new(),
        nodes: words::nodes(matrix, &[column]),
    }
}

/// All of it.
pub fn say(matrix: &Matrix, columns: &[Column], order: &[u32], sink: &mut Sink) {
    let with = |standing| {
        let found = order.iter().copied();
        let found = found.filter(move |&column| columns[column as usize].standing == standing);
        found.map(|column| of_node(matrix, column, 1)).collect()
    };
    sink.add(Code::NodeOffline, with(Standing::Offline), |draft| {
        let node = words::node(matrix, draft.about);
        let sentence = format!("Node {node} is offline: nothing is known of its paths.");
        said(matrix, draft.about, sentence)
    });
    sink.add(Code::NodeSilent, with(Standing::Silent), |draft| {
        let node = words::node(matrix, draft.about);
        let sentence = format!(
            "Node {node} is online and has not broadcast anything: see whether its broadcasts are set up."
        );
        said(matrix, draft.about, sentence)
    });
    sink.add(Code::NodeStale, with(Standing::Stale), |draft| {
        let node = words::node(matrix, draft.about);
        let sentence = match columns[draft.about as usize].age {
            Some(age) => format!(
                "Node {node} is online and its last broadcast is {} old: see why there are no newer ones.",
                words::duration(age)
            ),
            None => format!(
                "Node {node} is online and its broadcast has no time that is one: it may be of any age."
            ),
        };
        said(matrix, draft.about, sentence)
    });
    let malformed_ones = order.iter().copied();
    let is_malformed = |&column: &u32| columns[column as usize].standing == Standing::Malformed;
    malformed(matrix, malformed_ones.filter(is_malformed).collect(), sink);
    clocks(matrix, columns, order, sink);
    truncated(matrix, columns, order, sink);
}

/// Those whose broadcasts are not understood.
pub fn malformed(matrix: &Matrix, columns: Vec<u32>, sink: &mut Sink) {
    let drafts = columns.into_iter().map(|column| of_node(matrix, column, 1));
    sink.add(Code::NodeMalformed, drafts.collect(), |draft| {
        let node = words::node(matrix, draft.about);
        let error = words::remark(matrix.node(draft.about).error().unwrap_or_default());
        let sentence = format!("The broadcast of node {node} is not understood: {error}.");
        said(matrix, draft.about, sentence)
    });
}

fn clocks(matrix: &Matrix, columns: &[Column], order: &[u32], sink: &mut Sink) {
    let wrong = order.iter().filter_map(|&column| {
        let Column { skew, standing, .. } = columns[column as usize];
        let skew = skew.filter(|_| standing != Standing::Offline)?;
        // Clocks drift: it has grown when it has doubled.
        let doublings = (skew.abs() as u64).checked_ilog2().unwrap_or(0);
        Some(of_node(matrix, column, doublings.into()))
    });
    sink.add(Code::ClockSkew, wrong.collect(), |draft| {
        let skew = columns[draft.about as usize].skew.unwrap_or_default();
        let (node, side) = (
            words::node(matrix, draft.about),
            if skew > 0.0 { "ahead" } else { "behind" },
        );
        let off = words::duration(skew.abs());
        let sentence = format!("The clock of node {node} is {off} {side}: set it by NTP.");
        said(matrix, draft.about, sentence)
    });
}

fn truncated(matrix: &Matrix, columns: &[Column], order: &[u32], sink: &mut Sink) {
    let left_out = |column: u32| {
        let head = matrix.node(column).head();
        head.map_or(0, |head| head.truncated)
    };
    let is_live = |column: u32| columns[column as usize].standing == Standing::Live;
    let found = order.iter().filter_map(|&column| {
        let count = Some(left_out(column)).filter(|&count| count > 0 && is_live(column))?;
        Some(of_node(matrix, column, count))
    });
    sink.add(Code::NodeTruncated, found.collect(), |draft| {
        let node = words::node(matrix, draft.about);
        let count = words::count(draft.extent, "map");
        let sentence = format!(
            "The broadcast of node {node} had no room for {count}, of which nothing is known there."
        );
        said(matrix, draft.about, sentence)
    });
}
