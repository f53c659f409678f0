//! Policies, as the Perl modules hand them in.

use perlmod::Value;
use pve_native_core::Result;
use pve_native_core::chain::{Policy, Setting};
use pve_native_core::text::printable;

use crate::args::{elements, optional, required};

/// From a reference to an array of keys and values in turn; undef sets none, and a list of values
/// is a reference to an array itself.
pub fn policy(list: &Value) -> Result<Policy> {
    let mut policy = Policy::default();
    for pair in elements(list).unwrap_or_default().chunks_exact(2) {
        let key = required("policy key", &pair[0])?;
        let name = printable(key);
        if let Some(values) = elements(&pair[1]) {
            let values = values.iter().map(|value| required(&name, value));
            let values = values.collect::<Result<Vec<&[u8]>>>()?;
            policy.set(key, Setting::List(&values))?;
        } else if let Some(value) = optional(&name, &pair[1])? {
            policy.set(key, Setting::One(value))?;
        }
    }
    Ok(policy)
}
