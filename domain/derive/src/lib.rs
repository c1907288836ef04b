//! The domain's derives: what a reader would otherwise write by hand, once per noun, from the one list of fields or
//! variants that stands in the noun's file. `docs/decisions/0013-one-list-of-fields.md` says why.
//!
//! | on | derive | writes |
//! |---|---|---|
//! | a struct of fields | `Fields` | `Fields::FIELDS` (name, kind, limits of each) and `Fields::check`, field by field |
//! | the same | `Change` | `struct Change`, a `Patch` per field, and `apply` |
//! | an enum of words | `Choice` | `Choice::ALL` and `as_str`, in the spelling that serde gives them |
//! | an enum of refusals | `Rejection` | `kind`, `code`, `args`, `violations`, from the attribute beside each variant |

mod change;
mod choice;
mod field;
mod fields;
mod rejection;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// `#[field(…)]` on a field: `required` (not blank), `max = 200` (characters), `range(0, 100)`, `not_negative`,
/// `positive`, `email`, `currency`, `twelve_digits`, `looked_up` (never from a client), `filled` (a new one has it without being told). A text without `max` does not compile.
#[proc_macro_derive(Fields, attributes(field))]
pub fn fields(input: TokenStream) -> TokenStream {
    answer(fields::derive(parse_macro_input!(input as DeriveInput)))
}

/// `struct Change` beside the struct: a `Patch` for each of its fields, under the same names.
#[proc_macro_derive(Change, attributes(field))]
pub fn change(input: TokenStream) -> TokenStream {
    answer(change::derive(parse_macro_input!(input as DeriveInput)))
}

/// An enum without fields as a closed list of words.
#[proc_macro_derive(Choice)]
pub fn choice(input: TokenStream) -> TokenStream {
    answer(choice::derive(parse_macro_input!(input as DeriveInput)))
}

/// `#[rejection(Kind, "noun.code")]` beside each variant's `#[error("…")]`. Named fields become the message's arguments.
#[proc_macro_derive(Rejection, attributes(rejection))]
pub fn rejection(input: TokenStream) -> TokenStream {
    answer(rejection::derive(parse_macro_input!(input as DeriveInput)))
}

fn answer(written: syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    written.unwrap_or_else(|error| error.to_compile_error()).into()
}
