//! A package: its functions' adapters, its table, and the symbol that Perl's loader looks for.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Item, ItemMod, LitCStr, Meta, Result, Token};

use crate::function;
use crate::options::{ExportOptions, PackageOptions};

/// Whether the module declares native objects, whose class must not be cloned into threads.
fn declares_objects(items: &[Item]) -> bool {
    items.iter().any(|item| match item {
        Item::Macro(call) => call
            .mac
            .path
            .segments
            .last()
            .is_some_and(|last| last.ident == "declare_magic"),
        _ => false,
    })
}

pub fn expand(arguments: Punctuated<Meta, Token![,]>, mut module: ItemMod) -> Result<TokenStream> {
    let options = PackageOptions::parse(arguments)?;
    let span = module.ident.span();
    let Some((_, items)) = &mut module.content else {
        return Err(Error::new(
            span,
            "the module must be inline: `mod name { … }`",
        ));
    };
    let symbol = options.symbol();
    let mut adapters = Vec::new();
    let mut entries = Vec::new();
    for item in items.iter_mut() {
        let Item::Fn(function) = item else { continue };
        let (exports, others): (Vec<_>, Vec<_>) = std::mem::take(&mut function.attrs)
            .into_iter()
            .partition(|attribute| attribute.path().is_ident("export"));
        function.attrs = others;
        match exports.as_slice() {
            [] => {}
            [export] => {
                let export = ExportOptions::parse(export)?;
                let exported = function::expand(function, &export, &options.name, &symbol)?;
                adapters.push(exported.adapter);
                entries.push(exported.entry);
            }
            [_, second, ..] => {
                return Err(Error::new(second.span(), "a function is exported once"));
            }
        }
    }

    let has_objects = declares_objects(items);
    let count = entries.len();
    let boot_symbol = format_ident!("boot_{symbol}");
    let name = std::ffi::CString::new(options.name.as_str())
        .map_err(|_| Error::new(span, "a NUL character in the package's name"))?;
    let name = LitCStr::new(&name, span);
    let hook = match &options.boot {
        Some(function) => quote! {
            static ONCE: ::std::sync::Once = ::std::sync::Once::new();
            ONCE.call_once(|| #function());
        },
        None => TokenStream::new(),
    };
    let generated = quote! {
        #(#adapters)*

        /// Installs the package's functions; called by Perl's loader.
        #[doc(hidden)]
        #[allow(non_snake_case)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn #boot_symbol(_interpreter_or_cv: *mut ::std::ffi::c_void) {
            const FILE: &::std::ffi::CStr =
                match ::std::ffi::CStr::from_bytes_with_nul(
                    ::std::concat!(::std::file!(), "\0").as_bytes(),
                ) {
                    ::std::result::Result::Ok(file) => file,
                    ::std::result::Result::Err(_) => c"unknown",
                };
            static SUBS: [::perlmod::__private::SubTable; #count] = [#(#entries),*];
            static PACKAGE: ::perlmod::__private::PackageTable =
                ::perlmod::__private::PackageTable::new(#name, &SUBS, #has_objects, on_boot);

            unsafe extern "C" fn on_boot() -> *mut ::perlmod::__private::Sv {
                ::perlmod::__private::boot_hook(|| { #hook })
            }

            // SAFETY: Perl calls this as an XSUB, and this frame owns nothing.
            unsafe { ::perlmod::__private::boot(&PACKAGE) }
        }
    };
    let file: syn::File = syn::parse2(generated)?;
    items.extend(file.items);
    Ok(quote!(#module))
}
