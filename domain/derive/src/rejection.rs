//! `#[derive(Rejection)]`: a refusal's kind and code stand once, beside its variant.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Attribute, Data, DeriveInput, Error, Fields, Ident, LitStr, Result, Token, Variant, spanned::Spanned};

pub fn derive(input: DeriveInput) -> Result<TokenStream> {
    let of = &input.ident;
    let Data::Enum(data) = &input.data else {
        return Err(Error::new(input.span(), "an enum is expected"));
    };
    let mut said = Vec::with_capacity(data.variants.len());
    for variant in &data.variants {
        said.push((variant, read(&variant.attrs, variant)?));
    }
    let kinds = said
        .iter()
        .map(|(Variant { ident, .. }, (kind, _))| quote!(Self::#ident { .. } => crate::Kind::#kind));
    let codes = said
        .iter()
        .map(|(Variant { ident, .. }, (_, code))| quote!(Self::#ident { .. } => #code));
    let listed = said.iter().map(|(_, (_, code))| code);
    let args = said.iter().filter_map(|(variant, _)| arguments(variant));
    let violations = said.iter().filter_map(|(variant, _)| offending(variant));
    // An enum without variants is matched by value: a reference to it is not known to be empty.
    let this = if said.is_empty() { quote!(*self) } else { quote!(self) };
    let rest = |arms: Vec<TokenStream>, otherwise: TokenStream| match arms.len() {
        0 => otherwise,
        n if n == said.len() => quote!(match #this { #(#arms),* }),
        _ => quote!(match #this { #(#arms,)* _ => #otherwise }),
    };
    let args = rest(args.collect(), quote!(Vec::new()));
    let violations = rest(violations.collect(), quote!(&[]));
    Ok(quote! {
        impl crate::Rejection for #of {
            const CODES: &'static [&'static str] = &[#(#listed),*];

            fn kind(&self) -> crate::Kind {
                match #this { #(#kinds),* }
            }

            fn code(&self) -> &'static str {
                match #this { #(#codes),* }
            }

            fn args(&self) -> Vec<(&'static str, String)> {
                #args
            }

            fn violations(&self) -> &[crate::Violation] {
                #violations
            }
        }
    })
}

fn read(attributes: &[Attribute], variant: &Variant) -> Result<(Ident, LitStr)> {
    let attribute = attributes
        .iter()
        .find(|attribute| attribute.path().is_ident("rejection"));
    let attribute =
        attribute.ok_or_else(|| Error::new(variant.span(), "#[rejection(Kind, \"noun.code\")] is expected"))?;
    attribute.parse_args_with(|input: syn::parse::ParseStream| {
        let kind = input.parse()?;
        input.parse::<Token![,]>()?;
        Ok((kind, input.parse()?))
    })
}

/// Named fields, shown.
fn arguments(Variant { ident, fields, .. }: &Variant) -> Option<TokenStream> {
    let Fields::Named(fields) = fields else { return None };
    let names: Vec<_> = fields.named.iter().filter_map(|field| field.ident.as_ref()).collect();
    let keys = names.iter().map(|name| name.to_string());
    Some(quote!(Self::#ident { #(#names),* } => vec![#((#keys, #names.to_string())),*]))
}

/// The one unnamed field called `Violations`.
fn offending(Variant { ident, fields, .. }: &Variant) -> Option<TokenStream> {
    let Fields::Unnamed(fields) = fields else { return None };
    let ty = fields.unnamed.first().map(|field| &field.ty)?;
    let found = format_ident!("found");
    (quote!(#ty).to_string() == "Violations").then(|| quote!(Self::#ident(#found) => #found.as_slice()))
}
