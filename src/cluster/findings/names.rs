//! Names that collide: one alias for several LUNs, and WWIDs that differ in nothing but case.

use std::collections::{BTreeMap, HashMap};

use super::sink::{Draft, Said, Sink};
use super::{Code, words};
use crate::cluster::matrix::Matrix;
use crate::text::thousands;

/// Both of it.
pub fn say(matrix: &Matrix, sink: &mut Sink) {
    aliases(matrix, sink);
    cases(matrix, sink);
}

fn aliases(matrix: &Matrix, sink: &mut Sink) {
    let mut by_alias: HashMap<_, Vec<&str>> = HashMap::new();
    for (wwid, alias) in &matrix.config().aliases {
        if let Some(alias) = words::alias(alias) {
            by_alias.entry(alias).or_default().push(wwid);
        }
    }
    let several = by_alias.into_iter().filter(|(_, wwids)| wwids.len() > 1);
    let drafts = several.map(|(alias, wwids)| Draft {
        subject: alias,
        extent: wwids.len() as u64,
        about: wwids,
    });
    sink.add(Code::DuplicateAlias, drafts.collect(), |draft| {
        let wwids = draft.about.iter().map(|wwid| words::shown(wwid));
        let sentence = format!(
            "The alias {} is given to {} LUNs: {}. Give each its own.",
            words::shown(&draft.subject),
            thousands(draft.extent),
            words::list(wwids)
        );
        said(sentence, &draft.about)
    });
}

fn cases(matrix: &Matrix, sink: &mut Sink) {
    // Of two that differ in case one has a capital letter, and most WWIDs have none.
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for row in matrix.shown_rows() {
        let wwid = matrix.wwid(row);
        if wwid.bytes().any(|b| b.is_ascii_uppercase()) {
            found
                .entry(wwid.to_ascii_lowercase())
                .or_default()
                .push(wwid);
        }
    }
    for (small, wwids) in &mut found {
        wwids.extend(matrix.row_of(small).map(|row| matrix.wwid(row)));
        wwids.sort_unstable();
    }
    let several = found.into_iter().filter(|(_, wwids)| wwids.len() > 1);
    let drafts = several.map(|(small, wwids)| Draft {
        subject: small.into(),
        extent: wwids.len() as u64,
        about: wwids,
    });
    sink.add(Code::IdentityConflict, drafts.collect(), |draft| {
        let wwids = draft.about.iter().map(|wwid| words::shown(wwid));
        let sentence = format!(
            "The WWIDs {} differ in nothing but case and are taken for {} LUNs: write what multipathd \
             shows, exactly, in the allow-list.",
            words::list(wwids),
            thousands(draft.extent)
        );
        said(sentence, &draft.about)
    });
}

fn said(sentence: String, wwids: &[&str]) -> Said {
    let luns = wwids.iter().take(crate::limits::FINDING_NAMES);
    Said {
        sentence,
        luns: luns.map(|wwid| words::bounded(wwid)).collect(),
        nodes: Vec::new(),
    }
}
