//! One exported function: the adapter that takes its arguments from a call and gives its result
//! back, and its line in the package's table.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, FnArg, GenericArgument, ItemFn, LitCStr, Meta, Pat, PathArguments, Result, Type};

use crate::options::ExportOptions;

/// As in perlmod-compat's C half.
const PARAM_LIMIT: usize = 32;

/// How a parameter gets its value.
enum Source {
    Data,
    Raw,
    TryFromRef,
}

struct Parameter {
    name: String,
    ty: Type,
    source: Source,
    optional: bool,
}

/// What is generated for a function.
pub struct Exported {
    /// The adapter.
    pub adapter: TokenStream,
    /// An expression: the function's entry in the table.
    pub entry: TokenStream,
}

/// The last segment's type arguments, if `ty` is `name<…>` or `std::…::name<…>`. Other ways to name
/// the same type are not seen, here as in perlmod.
fn arguments_of<'a>(ty: &'a Type, module: &str, name: &str) -> Option<Vec<&'a Type>> {
    let Type::Path(path) = ty else { return None };
    let segments = &path.path.segments;
    let named = match segments.len() {
        1 => segments[0].ident == name,
        3 => segments[0].ident == "std" && segments[1].ident == module && segments[2].ident == name,
        _ => false,
    };
    let PathArguments::AngleBracketed(arguments) = &segments.last()?.arguments else {
        return None;
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    (named && path.qself.is_none()).then(|| types.collect())
}

fn is_option(ty: &Type) -> bool {
    arguments_of(ty, "option", "Option").is_some_and(|types| types.len() == 1)
}

/// A value that is taken as a whole need not be plain data.
fn is_value(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let last = path.path.segments.last();
    last.is_some_and(|last| last.ident == "Value" || last.ident == "RawValue")
        && match path.path.segments.len() {
            1 => true,
            2 => path.path.segments[0].ident == "perlmod",
            _ => false,
        }
}

/// Takes the parameter's own attributes off it.
fn parameter(argument: &mut FnArg) -> Result<Parameter> {
    let span = argument.span();
    let FnArg::Typed(typed) = argument else {
        return Err(Error::new(
            span,
            "a method cannot be exported; take `#[try_from_ref] this`",
        ));
    };
    let mut source = None;
    let mut error = None;
    typed.attrs.retain(|attribute| {
        let found = if attribute.path().is_ident("raw") {
            Source::Raw
        } else if attribute.path().is_ident("try_from_ref") {
            Source::TryFromRef
        } else {
            return true;
        };
        if !matches!(attribute.meta, Meta::Path(_)) {
            error = Some(Error::new(
                attribute.span(),
                "this attribute takes no arguments",
            ));
        } else if source.replace(found).is_some() {
            error = Some(Error::new(
                attribute.span(),
                "only one of raw and try_from_ref",
            ));
        }
        false
    });
    if let Some(error) = error {
        return Err(error);
    }
    let name = match &*typed.pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => pat.ident.unraw(),
        _ => {
            return Err(Error::new(
                typed.pat.span(),
                "a parameter needs a plain name here",
            ));
        }
    };
    Ok(Parameter {
        name: name.to_string(),
        ty: (*typed.ty).clone(),
        source: source.unwrap_or(Source::Data),
        optional: is_option(&typed.ty),
    })
}

/// How a parameter's value comes out of the frame.
fn extraction(index: usize, parameter: &Parameter) -> TokenStream {
    let Parameter {
        name, ty, source, ..
    } = parameter;
    let variable = format_ident!("argument_{index}");
    let held = format_ident!("held_{index}");
    let span = ty.span();
    let value = match source {
        Source::Raw => quote_spanned!(span=> let #variable: #ty = frame.raw(#index);),
        Source::Data => {
            quote_spanned!(span=> let #variable: #ty = frame.data(#index, #name)?;)
        }
        Source::TryFromRef => quote_spanned! { span=>
            let #held = frame.raw(#index);
            let #variable: #ty = match ::std::convert::TryFrom::try_from(&#held) {
                ::std::result::Result::Ok(value) => value,
                ::std::result::Result::Err(err) => {
                    return ::std::result::Result::Err(
                        ::perlmod::__private::Failure::display(&err),
                    );
                }
            };
        },
    };
    quote! {
        #value
        ::perlmod::__private::unwind_safe(&#variable);
    }
}

/// The statements that hand `result` back.
fn delivery(ty: Option<&Type>, options: &ExportOptions) -> TokenStream {
    match ty {
        None => quote!(let () = result;),
        Some(Type::Tuple(tuple)) if tuple.elems.is_empty() => quote!(let () = result;),
        Some(Type::Tuple(tuple)) => {
            let fields = (0..tuple.elems.len()).map(syn::Index::from);
            if options.raw_return {
                quote!(#(frame.give_raw(result.#fields);)*)
            } else {
                quote!(#(frame.give_data(&result.#fields)?;)*)
            }
        }
        Some(_) if options.raw_return => quote!(frame.give_raw(result);),
        Some(_) => quote! {
            use ::perlmod::__private::{DeliverReturn as _, DeliverValue as _};
            (&::perlmod::__private::Output(&result)).deliver(frame)?;
        },
    }
}

fn c_string(text: &str) -> Result<LitCStr> {
    let text = std::ffi::CString::new(text)
        .map_err(|_| Error::new(Span::call_site(), "a NUL character in a name"))?;
    Ok(LitCStr::new(&text, Span::call_site()))
}

/// One `$` for each parameter, a `;` before the trailing ones that may be left out.
fn default_prototype(parameters: &[Parameter]) -> String {
    let trailing = parameters
        .iter()
        .rev()
        .take_while(|parameter| parameter.optional)
        .count();
    let mut prototype = "$".repeat(parameters.len() - trailing);
    if trailing > 0 {
        prototype.push(';');
        prototype.push_str(&"$".repeat(trailing));
    }
    prototype
}

pub fn expand(
    function: &mut ItemFn,
    options: &ExportOptions,
    package: &str,
    symbol: &str,
) -> Result<Exported> {
    let signature = &mut function.sig;
    if !signature.generics.params.is_empty() {
        return Err(Error::new(
            signature.generics.span(),
            "a generic function cannot be exported",
        ));
    }
    if let Some(keyword) = &signature.asyncness {
        return Err(Error::new(
            keyword.span(),
            "an async function cannot be exported",
        ));
    }
    let parameters = signature
        .inputs
        .iter_mut()
        .map(parameter)
        .collect::<Result<Vec<Parameter>>>()?;
    if parameters.len() > PARAM_LIMIT {
        let message = format!("an exported function has at most {PARAM_LIMIT} parameters");
        return Err(Error::new(signature.inputs.span(), message));
    }

    let rust_name = &signature.ident;
    let perl_name = options.name.as_ref().unwrap_or(rust_name).unraw();
    let adapter_name = match &options.xs_name {
        Some(name) => name.clone(),
        None => Ident::new(
            &format!("xs_{symbol}_{}", rust_name.unraw()),
            rust_name.span(),
        ),
    };
    let output = match &signature.output {
        syn::ReturnType::Default => None,
        syn::ReturnType::Type(_, ty) => Some(&**ty),
    };
    let result_types = output
        .and_then(|ty| arguments_of(ty, "result", "Result"))
        .filter(|types| matches!(types.len(), 1 | 2));
    let variables: Vec<Ident> = (0..parameters.len())
        .map(|index| format_ident!("argument_{index}"))
        .collect();
    let call = quote!(#rust_name(#(#variables),*));
    let (result, deliver) = match result_types {
        Some(types) => {
            let failure = if options.serialize_error {
                quote!(structure)
            } else {
                quote!(display)
            };
            let result = quote! {
                match #call {
                    ::std::result::Result::Ok(result) => result,
                    ::std::result::Result::Err(err) => {
                        return ::std::result::Result::Err(
                            ::perlmod::__private::Failure::#failure(&err),
                        );
                    }
                }
            };
            (result, delivery(Some(types[0]), options))
        }
        None => (call, delivery(output, options)),
    };

    let extract = parameters
        .iter()
        .enumerate()
        .map(|(index, p)| extraction(index, p));
    let errno = options.errno;
    let adapter = quote! {
        #[doc(hidden)]
        #[allow(non_snake_case, clippy::all, clippy::pedantic, clippy::undocumented_unsafe_blocks)]
        unsafe extern "C" fn #adapter_name(
            call: *mut ::perlmod::__private::Call,
        ) -> ::std::ffi::c_int {
            // SAFETY: only perlmod's C half calls this, with a call of its own.
            unsafe {
                ::perlmod::__private::run(call, #errno, |frame| {
                    #(#extract)*
                    let result = #result;
                    #deliver
                    ::std::result::Result::Ok(())
                })
            }
        }
    };

    let count = parameters.len();
    let names = parameters
        .iter()
        .map(|p| c_string(&p.name))
        .collect::<Result<Vec<LitCStr>>>()?;
    let modes = parameters.iter().map(|p| {
        let raw = !matches!(p.source, Source::Data) || is_value(&p.ty);
        let optional = p.optional;
        quote! {
            (if #raw { ::perlmod::__private::MODE_RAW } else { 0 })
                | (if #optional { ::perlmod::__private::MODE_OPTIONAL } else { 0 })
        }
    });
    let full_name = c_string(&format!("{package}::{perl_name}"))?;
    let short_name = c_string(&perl_name.to_string())?;
    let prototype = options
        .prototype
        .clone()
        .unwrap_or_else(|| default_prototype(&parameters));
    let prototype = c_string(&prototype)?;
    let entry = quote! {
        ::perlmod::__private::SubTable::new(
            #full_name,
            #short_name,
            ::std::option::Option::Some(#prototype),
            FILE,
            #adapter_name,
            {
                static NAMES: [::perlmod::__private::ParamName; #count] =
                    [#(::perlmod::__private::ParamName::new(#names)),*];
                &NAMES
            },
            {
                static MODES: [u8; #count] = [#(#modes),*];
                &MODES
            },
        )
    };
    Ok(Exported { adapter, entry })
}
