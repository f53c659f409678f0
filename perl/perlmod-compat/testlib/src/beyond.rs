//! What real perlmod does otherwise or not at all.

/// Functions for tests of this crate alone.
#[perlmod::package(name = "CompatTest::Beyond", lib = "perlmod_compat_testlib")]
pub mod package {
    use perlmod::Value;

    /// Dropped while the stack unwinds.
    struct Guard;

    impl Drop for Guard {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    static DROPPED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

    #[export]
    pub fn guards_dropped() -> u32 {
        DROPPED.load(std::sync::atomic::Ordering::Relaxed)
    }

    #[export]
    pub fn read_under_guard(#[raw] value: Value, key: String) -> Option<String> {
        let _guard = Guard;
        let target = value.dereference()?;
        target
            .as_hash()?
            .get(&key)
            .map(|v| v.pv_string_utf8().to_owned())
    }

    #[export]
    pub fn text_under_guard(#[raw] value: Value) -> String {
        let _guard = Guard;
        value.pv_string_utf8().to_owned()
    }

    #[export]
    pub fn hash_length(#[raw] value: Value) -> Option<usize> {
        Some(value.dereference()?.as_hash()?.len())
    }

    #[export]
    pub fn pairs(#[raw] value: Value) -> Option<Vec<(String, String)>> {
        let target = value.dereference()?;
        let mut pairs: Vec<_> = target
            .as_hash()?
            .shared_iter()
            .map(|(k, v)| {
                (
                    String::from_utf8_lossy(k).into_owned(),
                    v.pv_string_utf8().to_owned(),
                )
            })
            .collect();
        pairs.sort();
        Some(pairs)
    }

    #[export]
    pub fn as_json(value: Value) -> Result<String, String> {
        serde_json::to_string(&value).map_err(|err| err.to_string())
    }

    #[export]
    pub fn from_json(text: &str) -> Result<Value, String> {
        serde_json::from_str(text).map_err(|err| err.to_string())
    }

    #[export]
    pub fn any(value: serde_json::Value) -> String {
        value.to_string()
    }

    #[export]
    pub fn panic_on_thread() -> String {
        let outcome = std::thread::spawn(|| panic!("on a thread")).join();
        format!("{}", outcome.is_err())
    }
}
