//! Values that several areas of the command line have: times, sizes, and what an image may cost.

use std::time::Duration;

use pve_native_core::Result;
use pve_native_core::inspect::{Bounds, options};
use pve_native_core::limits::{Limit, Limits};

/// A bound on time; None if the caller wants none.
#[derive(Clone, Copy, Debug)]
pub struct Timeout(Option<Duration>);

/// The text of --timeout.
pub fn timeout(text: &str) -> Result<Timeout> {
    options::timeout_from_text(text.as_bytes()).map(Timeout)
}

/// How long storage may take.
pub fn within(timeout: Option<Timeout>) -> Bounds {
    Bounds::from(timeout.and_then(|timeout| timeout.0))
}

/// How long storage may take, and what each image may cost.
pub fn bounds(timeout: Option<Timeout>, limits: &[String]) -> Result<Bounds> {
    let mut bounds = within(timeout);
    for limit in limits {
        options::limit_from_pair(&mut bounds.limits, limit.as_bytes())?;
    }
    Ok(bounds)
}

/// The help of --limit.
pub fn limit_help() -> String {
    let limit = |limit: &Limit| format!("{}={} ({})", limit.name, limit.default, limit.unit);
    let limits: Vec<String> = Limits::TABLE.iter().map(limit).collect();
    let raised = Limits::TABLE
        .iter()
        .filter(|limit| limit.most > limit.default);
    let raised: Vec<&str> = raised.map(|limit| limit.name).collect();
    format!(
        "Bound on what an image may cost; can be given more than once. An image that is above one \
         of them is refused. The names, with their defaults: {}. All can be lowered, and 0 means \
         the default; {} can be raised too.",
        limits.join(", "),
        raised.join(", ")
    )
}

/// The text of a size in bytes.
pub fn bytes(text: &str) -> Result<u64> {
    options::bytes_from_text("size", text.as_bytes())
}
