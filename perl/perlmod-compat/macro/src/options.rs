//! The options of both attributes, read and checked.

use proc_macro2::{Ident, Span};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Lit, LitStr, Meta, Result, Token};

/// Sets an option that may be given once.
fn set<T>(place: &mut Option<T>, value: T, span: Span) -> Result<()> {
    if place.replace(value).is_some() {
        return Err(Error::new(span, "this option is given twice"));
    }
    Ok(())
}

fn string(meta: &Meta) -> Result<LitStr> {
    if let Meta::NameValue(pair) = meta {
        if let Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) = &pair.value
        {
            return Ok(text.clone());
        }
    }
    Err(Error::new(
        meta.span(),
        "this option needs a string: `option = \"…\"`",
    ))
}

fn identifier(meta: &Meta) -> Result<Ident> {
    let text = string(meta)?;
    text.parse()
        .map_err(|_| Error::new(text.span(), "this is not a function's name"))
}

fn flag(meta: &Meta) -> Result<()> {
    meta.require_path_only().map(|_| ())
}

/// Replaces `${NAME}` by the compiler's environment variable of that name.
fn expand(text: &LitStr) -> Result<String> {
    let source = text.value();
    let mut out = String::new();
    let mut rest = source.as_str();
    while let Some((before, after)) = rest.split_once("${") {
        let Some((name, after)) = after.split_once('}') else {
            return Err(Error::new(text.span(), "`${` without `}`"));
        };
        let value = std::env::var(name).map_err(|err| {
            Error::new(text.span(), format!("environment variable {name}: {err}"))
        })?;
        out.push_str(before);
        out.push_str(&value);
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// The options of `package`.
pub struct PackageOptions {
    pub name: String,
    pub boot: Option<syn::Path>,
}

impl PackageOptions {
    pub fn parse(arguments: Punctuated<Meta, Token![,]>) -> Result<Self> {
        let (mut name, mut lib, mut boot) = (None, None, None);
        for meta in &arguments {
            let path = meta.path();
            if path.is_ident("name") {
                set(&mut name, expand(&string(meta)?)?, meta.span())?;
            } else if path.is_ident("lib") {
                set(&mut lib, expand(&string(meta)?)?, meta.span())?;
            } else if path.is_ident("boot") {
                set(&mut boot, string(meta)?.parse()?, meta.span())?;
            } else {
                return Err(Error::new(
                    path.span(),
                    "unknown option; there are name, lib, boot",
                ));
            }
        }
        let name: String =
            name.ok_or_else(|| Error::new(Span::call_site(), "the option `name` is missing"))?;
        let is_word = |part: &str| {
            let mut chars = part.chars();
            chars
                .next()
                .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
                && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        if !name.split("::").all(is_word) {
            return Err(Error::new(
                Span::call_site(),
                format!("{name:?} is no package's name"),
            ));
        }
        Ok(Self { name, boot })
    }

    /// The package's name as part of a symbol.
    pub fn symbol(&self) -> String {
        self.name.replace("::", "__")
    }
}

/// The options of `export`.
#[derive(Default)]
pub struct ExportOptions {
    pub name: Option<Ident>,
    pub xs_name: Option<Ident>,
    pub prototype: Option<String>,
    pub raw_return: bool,
    pub serialize_error: bool,
    pub errno: bool,
}

impl ExportOptions {
    pub fn parse(attribute: &syn::Attribute) -> Result<Self> {
        let mut options = Self::default();
        let arguments = match &attribute.meta {
            Meta::Path(_) => return Ok(options),
            Meta::List(list) => {
                list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)?
            }
            Meta::NameValue(_) => {
                return Err(Error::new(attribute.span(), "write `#[export(…)]`"));
            }
        };
        for meta in &arguments {
            let path = meta.path();
            if path.is_ident("name") {
                set(&mut options.name, identifier(meta)?, meta.span())?;
            } else if path.is_ident("xs_name") {
                set(&mut options.xs_name, identifier(meta)?, meta.span())?;
            } else if path.is_ident("prototype") {
                set(&mut options.prototype, string(meta)?.value(), meta.span())?;
            } else if path.is_ident("raw_return") {
                flag(meta)?;
                options.raw_return = true;
            } else if path.is_ident("serialize_error") {
                flag(meta)?;
                options.serialize_error = true;
            } else if path.is_ident("errno") {
                flag(meta)?;
                options.errno = true;
            } else {
                let message = "unknown option; there are name, xs_name, prototype, raw_return, \
                               serialize_error, errno";
                return Err(Error::new(path.span(), message));
            }
        }
        Ok(options)
    }
}
