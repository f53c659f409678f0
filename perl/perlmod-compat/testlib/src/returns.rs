//! Lists, scalars and nothing.

/// Functions that return in every way.
#[perlmod::package(
    name = "CompatTest::Returns",
    lib = "perlmod_compat_testlib",
    boot = "loaded"
)]
pub mod package {
    use std::sync::atomic::{AtomicU32, Ordering};

    use perlmod::ser::Return;
    use perlmod::{Array, Gimme, Value};

    static LOADED: AtomicU32 = AtomicU32::new(0);

    fn loaded() {
        LOADED.fetch_add(1, Ordering::Relaxed);
    }

    #[export]
    pub fn times_loaded() -> u32 {
        LOADED.load(Ordering::Relaxed)
    }

    #[export]
    pub fn nothing() {}

    #[export]
    pub fn nothing_or_error(fail: bool) -> Result<(), perlmod::Error> {
        if fail {
            perlmod::Error::fail("asked to fail")
        } else {
            Ok(())
        }
    }

    #[export]
    pub fn five() -> (u64, &'static str, Option<u64>, Vec<u8>, bool) {
        (1, "two", None, vec![4], true)
    }

    #[export]
    pub fn pair() -> Result<(u32, u32), std::convert::Infallible> {
        Ok((17, 32))
    }

    #[export(raw_return)]
    pub fn raw_pair() -> (Value, Value) {
        (Value::new_int(-1), Value::new_ref(&Array::new()))
    }

    #[export]
    pub fn long_tuple() -> (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8) {
        (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
    }

    #[export]
    pub fn by_context(count: u32) -> Return<u32, Vec<u32>> {
        Gimme::map(|| count, || (0..count).collect())
    }

    /// Under another name.
    pub type Listing = Return<String, Vec<String>>;

    #[export]
    pub fn by_context_aliased(fail: bool) -> Result<Listing, perlmod::Error> {
        Gimme::try_map(
            || Ok("one".to_owned()),
            || {
                if fail {
                    perlmod::Error::fail("no list")
                } else {
                    Ok(vec!["a".to_owned()])
                }
            },
        )
    }

    #[export]
    pub fn context() -> &'static str {
        match Gimme::get() {
            Gimme::Void => "void",
            Gimme::Scalar => "scalar",
            Gimme::List => "list",
        }
    }

    #[export]
    pub fn wants_list() -> bool {
        perlmod::wantarray()
    }

    #[export(name = "renamed", xs_name = "xs_of_its_own")]
    pub fn original_name() -> u32 {
        1
    }

    #[export(prototype = "\\@;$")]
    pub fn with_prototype(list: Vec<u32>, _more: Option<u32>) -> usize {
        list.len()
    }
}
