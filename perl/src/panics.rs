//! The panic hook, for panics that the core catches itself, in whichever thread of a call: they
//! are answers with text and place, and nothing is printed. All others are left to the hook that
//! was there, which is perlmod's.

use std::panic;
use std::sync::Once;

use pve_native_core::panics::note;

/// Makes sure that the hook is there.
pub fn quiet() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let former = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !note(info) {
                former(info);
            }
        }));
    });
}
