//! `#[derive(Choice)]`: the words of an enum without fields, in the spelling of its `#[serde(rename_all = "…")]`.

use crate::field::snake_case;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Error, Expr, LitStr, Result, Token, spanned::Spanned};

pub fn derive(input: DeriveInput) -> Result<TokenStream> {
    let of = &input.ident;
    let Data::Enum(data) = &input.data else {
        return Err(Error::new(input.span(), "an enum is expected"));
    };
    let case = serde_word(&input.attrs, "rename_all")?.unwrap_or_default();
    let mut words = Vec::with_capacity(data.variants.len());
    for variant in &data.variants {
        let renamed = serde_word(&variant.attrs, "rename")?;
        words.push(renamed.map_or_else(|| spell(&variant.ident.to_string(), &case, variant.span()), Ok)?);
    }
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    Ok(quote! {
        impl crate::field::Choice for #of {
            const ALL: &'static [Self] = &[#(Self::#variants),*];
            const WORDS: &'static [&'static str] = &[#(#words),*];

            fn as_str(self) -> &'static str {
                match self {
                    #(Self::#variants => #words),*
                }
            }
        }

        impl crate::field::FieldValue for #of {
            const KIND: crate::field::FieldKind =
                crate::field::FieldKind::Choice(<Self as crate::field::Choice>::WORDS);
        }

        impl std::fmt::Display for #of {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(crate::field::Choice::as_str(*self))
            }
        }
    })
}

fn spell(variant: &str, case: &str, at: proc_macro2::Span) -> Result<String> {
    match case {
        "lowercase" => Ok(variant.to_ascii_lowercase()),
        "UPPERCASE" => Ok(variant.to_ascii_uppercase()),
        "snake_case" => Ok(snake_case(variant)),
        "SCREAMING_SNAKE_CASE" => Ok(snake_case(variant).to_ascii_uppercase()),
        _ => Err(Error::new(
            at,
            "#[serde(rename_all = …)] is expected: lowercase, UPPERCASE, snake_case or SCREAMING_SNAKE_CASE",
        )),
    }
}

fn serde_word(attributes: &[Attribute], key: &str) -> Result<Option<String>> {
    let mut found = None;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident(key) {
                found = Some(meta.value()?.parse::<LitStr>()?.value());
            } else if meta.input.peek(Token![=]) {
                meta.value()?.parse::<Expr>()?;
            }
            Ok(())
        })?;
    }
    Ok(found)
}
