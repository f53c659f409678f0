//! Macros for native objects, as perlmod has them.

/// Declares the native object of a package: `CLASSNAME`, `MAGIC`, and `TryFrom<&Value>` for a
/// reference to the inner type, so that `#[try_from_ref]` parameters work. Dropping needs no
/// `DESTROY`.
///
/// ```ignore
/// struct Graph(std::sync::Mutex<Vec<String>>);
/// perlmod::declare_magic!(Box<Graph> : &Graph as "PVE::Native::Example");
/// ```
#[macro_export]
macro_rules! declare_magic {
    ($owner:ty : &$inner:ty as $class:literal) => {
        const CLASSNAME: &str = $class;

        static MAGIC: $crate::MagicSpec<$owner> = {
            static TAG: $crate::MagicTag<$owner> = $crate::MagicTag::<$owner>::DEFAULT;
            // SAFETY: nothing else can name this tag.
            unsafe { $crate::MagicSpec::new_static(&TAG) }
        };

        impl<'a> ::std::convert::TryFrom<&'a $crate::Value> for &'a $inner {
            type Error = $crate::error::MagicError;

            fn try_from(value: &'a $crate::Value) -> ::std::result::Result<Self, Self::Error> {
                match $crate::Value::dereference(value) {
                    None => Err($crate::error::MagicError::NotAReference(CLASSNAME)),
                    Some(target) => $crate::ScalarRef::find_magic(&target, &MAGIC)
                        .ok_or($crate::error::MagicError::NotFound(CLASSNAME)),
                }
            }
        }
    };
}

/// A new object, as a `Result`: a reference to an empty hash of the given class (a [`Value`]), with
/// the Rust value attached.
///
/// [`Value`]: crate::Value
#[macro_export]
macro_rules! instantiate_magic_result {
    ($class:expr, $magic:expr => $object:expr) => {{
        let target = $crate::Value::new_hash();
        let reference = $crate::Value::new_ref(&target);
        match reference.bless_sv($class) {
            Ok(_) => {
                target.add_magic($magic.with_value($object));
                Ok(reference)
            }
            Err(err) => Err(err),
        }
    }};
}

/// As [`instantiate_magic_result!`](crate::instantiate_magic_result!), returning early with the
/// error.
///
/// ```ignore
/// #[export(raw_return)]
/// pub fn new(#[raw] class: Value) -> Result<Value, perlmod::Error> {
///     Ok(perlmod::instantiate_magic!(&class, MAGIC => Box::new(Graph::default())))
/// }
/// ```
#[macro_export]
macro_rules! instantiate_magic {
    ($class:expr, $magic:expr => $object:expr) => {
        $crate::instantiate_magic_result!($class, $magic => $object)?
    };
}

/// The body of a `DESTROY` for objects whose tag does not drop them.
#[macro_export]
macro_rules! magic_destructor {
    ($this:ident : $spec:expr) => {
        if let Some(target) = $crate::Value::dereference(&$this) {
            // Nothing is attached to an object that was destroyed before.
            drop($crate::ScalarRef::remove_magic(&target, $spec));
        }
    };
}
