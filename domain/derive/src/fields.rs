//! `#[derive(Fields)]`: the list of a struct's fields, and the check that follows from their limits.

use crate::field::{self, Field};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Result};

pub fn derive(input: DeriveInput) -> Result<TokenStream> {
    let of = &input.ident;
    let (carried, fields): (Vec<Field>, Vec<Field>) = field::of(&input)?.into_iter().partition(|field| field.skip);
    let carried = carried.iter().map(|field| &field.ident);
    let listed = fields.iter().map(
        |Field {
             ty,
             name,
             column,
             looked_up,
             filled,
             limits,
             ..
         }| {
            quote!(crate::field::Field {
                name: #name,
                column: #column,
                kind: <#ty as crate::field::FieldValue>::KIND,
                nullable: <#ty as crate::field::FieldValue>::NULLABLE,
                asked: !#looked_up,
                filled: #filled,
                limits: #limits,
                parts: <#ty as crate::field::FieldValue>::PARTS,
            })
        },
    );
    let checked = fields.iter().enumerate().map(|(n, Field { ident, name, .. })| {
        quote!(crate::field::FieldValue::check(
            &self.#ident, crate::field::Place { within, name: #name }, &<Self as crate::field::Fields>::FIELDS[#n].limits, check
        );)
    });
    let idents = fields.iter().map(|field| &field.ident);
    Ok(quote! {
        impl crate::field::Fields for #of {
            const FIELDS: &'static [crate::field::Field] = &[#(#listed),*];

            fn check(&self, within: &str, check: &mut crate::Check) {
                #(#checked)*
            }
        }

        /// As a part of another struct.
        impl crate::field::FieldValue for #of {
            const KIND: crate::field::FieldKind = crate::field::FieldKind::Json;
            const PARTS: &'static [crate::field::Field] = <Self as crate::field::Fields>::FIELDS;

            fn check(&self, at: crate::field::Place<'_>, _: &crate::field::Limits, check: &mut crate::Check) {
                crate::field::Fields::check(self, &at.to_string(), check);
            }

            fn tidy(self) -> Self {
                Self { #(#idents: crate::field::FieldValue::tidy(self.#idents),)* #(#carried: self.#carried),* }
            }
        }
    })
}
