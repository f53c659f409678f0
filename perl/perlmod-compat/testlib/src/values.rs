//! Perl values as they are.

/// Functions that look at values without converting them.
#[perlmod::package(name = "CompatTest::Values", lib = "perlmod_compat_testlib")]
pub mod package {
    use perlmod::{Array, Error, Hash, RawValue, Value};
    use serde::{Deserialize, Serialize};

    /// Data with a value inside that stays as it is.
    #[derive(Deserialize, Serialize)]
    pub struct Mixed {
        pub name: String,
        pub keep: RawValue,
    }

    #[export]
    pub fn keep_inside(value: Mixed) -> Mixed {
        value
    }

    #[export]
    pub fn pass(value: Value) -> Value {
        value
    }

    #[export(raw_return)]
    pub fn pass_raw(#[raw] value: Value) -> Value {
        value
    }

    #[export]
    pub fn numbers(#[raw] value: Value) -> (i64, f64) {
        (value.iv() as i64, value.nv())
    }

    #[export]
    pub fn text(#[raw] value: Value) -> String {
        value.pv_string_utf8().to_owned()
    }

    #[export]
    pub fn byte_count(#[raw] value: Value) -> usize {
        value.pv_bytes().len()
    }

    #[export]
    pub fn is_undef(#[raw] value: Value) -> bool {
        value.is_undef()
    }

    #[export]
    pub fn kind(#[raw] value: Value) -> &'static str {
        match value {
            Value::Scalar(_) => "scalar",
            Value::Reference(_) => "reference",
            Value::Array(_) => "array",
            Value::Hash(_) => "hash",
        }
    }

    #[export]
    pub fn class_of(#[raw] value: Value) -> Option<(&'static str, &'static str)> {
        let target = value.dereference()?;
        Some((target.reftype(true), target.reftype(false)))
    }

    fn hash_of(value: &Value) -> Result<Value, Error> {
        value
            .dereference()
            .filter(|target| target.as_hash().is_some())
            .ok_or_else(|| Error::new("not a hash reference"))
    }

    #[export]
    pub fn fetch(#[raw] hash: Value, key: String) -> Result<Option<Value>, Error> {
        let hash = hash_of(&hash)?;
        Ok(hash.as_hash().and_then(|hash| hash.get(&key)))
    }

    #[export]
    pub fn store(#[raw] hash: Value, key: String, #[raw] value: Value) -> Result<usize, Error> {
        let target = hash_of(&hash)?;
        let hash = target
            .as_hash()
            .ok_or_else(|| Error::new("not a hash reference"))?;
        hash.insert(&key, value);
        Ok(hash.len())
    }

    #[export]
    pub fn element(#[raw] array: Value, index: usize) -> Option<Value> {
        array.dereference()?.get(index)
    }

    #[export]
    pub fn append(#[raw] array: Value, #[raw] value: Value) -> Option<usize> {
        let target = array.dereference()?;
        let array = target.as_array()?;
        array.push(value);
        Some(array.len())
    }

    #[export]
    pub fn join(#[raw] array: Value) -> Option<String> {
        let target = array.dereference()?;
        let texts: Vec<String> = target
            .as_array()?
            .iter()
            .map(|v| v.pv_string_utf8().to_owned())
            .collect();
        Some(texts.join(","))
    }

    #[export(raw_return)]
    pub fn build() -> Value {
        let array = Array::new();
        array.push(Value::new_int(-5));
        array.push(Value::new_uint(usize::MAX));
        array.push(Value::new_float(0.5));
        array.push(Value::new_string("grün"));
        array.push(Value::new_bytes(&[0xff]));
        array.push(Value::new_undef());
        let hash = Hash::new();
        hash.insert("array", Value::new_ref(&array));
        hash.insert("length", Value::new_uint(array.len()));
        Value::new_ref(&hash)
    }

    #[export]
    pub fn convert(#[raw] value: Value) -> Result<Vec<u64>, Error> {
        perlmod::from_ref_value(&value)
    }

    #[export]
    pub fn convert_and_back(value: Value) -> Result<Value, Error> {
        let data: std::collections::BTreeMap<String, Vec<u64>> = perlmod::from_value(value)?;
        perlmod::to_value(&data)
    }

    #[export(raw_return)]
    pub fn bless_into(#[raw] value: Value, class: String) -> Result<Value, Error> {
        value.bless(&class)
    }
}
