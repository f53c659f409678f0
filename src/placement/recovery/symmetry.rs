//! Units that the exact search need not tell apart: what is refuted for one of them is so for all.

use super::allowance::Limits;
use super::model::Model;

/// Units that are no different, together.
pub(super) fn alike(model: &Model, limits: &Limits) -> Vec<Vec<usize>> {
    let key = |unit: usize| {
        let optional = limits.class.get(unit).copied();
        (
            model.need_of(unit),
            model.domain(unit),
            model.groups_of(unit),
            model.ranks_of(unit),
            optional.map(|class| (class, model.members(unit).len())),
        )
    };
    let mut units: Vec<usize> = (0..model.units).collect();
    units.sort_by(|&a, &b| key(a).cmp(&key(b)).then(a.cmp(&b)));
    let groups = units.chunk_by(|&a, &b| key(a) == key(b));
    groups.map(<[usize]>::to_vec).collect()
}
