//! The `package` attribute of perlmod-compat: it turns an inline module into a Perl package whose
//! `#[export]` functions Perl can call. The generated code is thin: one table of functions per
//! package and one adapter per function, all else is in perlmod-compat itself.

mod function;
mod options;
mod package;

use proc_macro::TokenStream;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Meta, Token};

/// Makes a Perl package of an inline module.
///
/// - `name = "Some::Package"` is required.
/// - `lib = "name"` tells tools which library the package is in; the code does not depend on it.
/// - `boot = "function"` is run once, when the package is first loaded.
///
/// `${VARIABLE}` in `name` and `lib` is replaced from the environment of the compiler.
///
/// Functions are exported by `#[export]` with these options:
///
/// - `name = "perl_name"`: another name in Perl.
/// - `xs_name = "rust_name"`: another name for the generated adapter.
/// - `prototype = "$$;$"`: instead of one `$` per parameter, with trailing `Option`s after a `;`.
/// - `raw_return`: the function returns a `Value` (or a tuple of them), which is handed on as it is.
/// - `serialize_error`: die with the error as a structure instead of its text.
/// - `errno`: set `$!` to what `perlmod::error::set_errno` was given.
///
/// Parameters are converted by serde, unless marked `#[raw]` (a `Value`) or `#[try_from_ref]`
/// (`TryFrom<&Value>`). `Option` parameters may be left out. `Result` errors make Perl die with
/// `"{err:#}\n"`. Tuples are returned as lists.
#[proc_macro_attribute]
pub fn package(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let expand = || {
        let arguments = Punctuated::<Meta, Token![,]>::parse_terminated.parse(arguments)?;
        package::expand(arguments, syn::parse(item)?)
    };
    expand()
        .unwrap_or_else(|err: syn::Error| err.to_compile_error())
        .into()
}
