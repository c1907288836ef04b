//! `#[derive(Change)]`: the struct of what an update names, and how it is applied.

use crate::field::{self, Field};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Result};

pub fn derive(input: DeriveInput) -> Result<TokenStream> {
    let of = &input.ident;
    let fields = field::of(&input)?;
    let patches = fields.iter().map(
        |Field {
             ident,
             ty,
             rename,
             docs,
             ..
         }| {
            let rename = rename.iter().map(|name| quote!(rename = #name,));
            quote! {
                #(#docs)*
                #[serde(#(#rename)* skip_serializing_if = "crate::Patch::is_keep")]
                pub #ident: crate::Patch<#ty>
            }
        },
    );
    let idents: Vec<_> = fields.iter().map(|field| &field.ident).collect();
    let doc = format!("The fields of [`{of}`] that an update names.");
    Ok(quote! {
        #[doc = #doc]
        #[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(rename_all = "camelCase", default)]
        pub struct Change {
            #(#patches),*
        }

        impl crate::field::Changes for #of {
            type Change = Change;

            fn apply(&mut self, change: &Change) {
                #(change.#idents.revise(&mut self.#idents);)*
            }

            fn between(before: &Self, after: &Self) -> Change {
                Change { #(#idents: crate::Patch::between(&before.#idents, &after.#idents)),* }
            }

            fn tidy_change(change: Change) -> Change {
                Change { #(#idents: change.#idents.tidy()),* }
            }
        }
    })
}
