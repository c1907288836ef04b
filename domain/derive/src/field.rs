//! One field of a struct: its name on the wire and what its attribute says of it.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, Fields, Ident, LitStr, Result, Token, Type, parenthesized,
    spanned::Spanned,
};

pub struct Field {
    pub ident: Ident,
    pub ty: Type,
    /// In camelCase, or as serde renames it.
    pub name: String,
    /// The same in snake_case.
    pub column: String,
    /// `#[serde(rename = "…")]`, if it has one.
    pub rename: Option<String>,
    pub docs: Vec<Attribute>,
    /// `#[serde(skip)]`: no field of the noun, but something its struct carries along.
    pub skip: bool,
    pub looked_up: bool,
    pub filled: bool,
    /// An expression: the `Limits` of the field.
    pub limits: TokenStream,
}

/// The named fields of a struct.
pub fn of(input: &DeriveInput) -> Result<Vec<Field>> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(input.span(), "a struct with named fields is expected"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new(input.span(), "named fields are expected"));
    };
    fields.named.iter().map(read).collect()
}

fn read(field: &syn::Field) -> Result<Field> {
    let ident = field
        .ident
        .clone()
        .ok_or_else(|| Error::new(field.span(), "a name is expected"))?;
    let Serde { rename, skip } = Serde::of(&field.attrs)?;
    let name = rename.clone().unwrap_or_else(|| camel_case(&ident.to_string()));
    let said = Said::of(&field.attrs)?;
    if holds_text(&field.ty) && !said.bounded && !said.looked_up {
        return Err(Error::new(field.ty.span(), "a text needs a limit: #[field(max = …)]"));
    }
    let (required, max, least, most, positive, format) = (
        said.required,
        option(said.max),
        option(said.least),
        option(said.most),
        said.positive,
        said.format,
    );
    Ok(Field {
        ident,
        ty: field.ty.clone(),
        column: snake_case(&name),
        name,
        rename,
        docs: field
            .attrs
            .iter()
            .filter(|attribute| attribute.path().is_ident("doc"))
            .cloned()
            .collect(),
        skip,
        looked_up: said.looked_up,
        filled: said.filled,
        limits: quote!(crate::field::Limits {
            required: #required, max: #max, least: #least, most: #most, positive: #positive, format: #format
        }),
    })
}

/// What `#[field(…)]` says.
struct Said {
    required: bool,
    looked_up: bool,
    filled: bool,
    positive: bool,
    bounded: bool,
    max: Option<Expr>,
    least: Option<Expr>,
    most: Option<Expr>,
    format: TokenStream,
}

impl Said {
    fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut said = Self {
            required: false,
            looked_up: false,
            filled: false,
            positive: false,
            bounded: false,
            max: None,
            least: None,
            most: None,
            format: quote!(None),
        };
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("field")) {
            attribute.parse_nested_meta(|meta| {
                let word = meta.path.require_ident()?.to_string();
                match word.as_str() {
                    "required" => said.required = true,
                    "looked_up" => said.looked_up = true,
                    "filled" => said.filled = true,
                    "positive" => said.positive = true,
                    "not_negative" => said.least = Some(syn::parse_quote!(0)),
                    "max" => {
                        said.max = Some(meta.value()?.parse()?);
                        said.bounded = true;
                    }
                    "range" => {
                        let inside;
                        parenthesized!(inside in meta.input);
                        said.least = Some(inside.parse()?);
                        inside.parse::<Token![,]>()?;
                        said.most = Some(inside.parse()?);
                    }
                    "email" => said.is(quote!(Some(crate::field::Format::Email))),
                    "currency" => said.is(quote!(Some(crate::field::Format::Currency))),
                    "twelve_digits" => said.is(quote!(Some(crate::field::Format::TwelveDigits))),
                    _ => return Err(meta.error("unknown; see the derive's documentation")),
                }
                Ok(())
            })?;
        }
        Ok(said)
    }

    /// A format bounds a text as well.
    fn is(&mut self, format: TokenStream) {
        self.format = format;
        self.bounded = true;
    }
}

fn option(value: Option<Expr>) -> TokenStream {
    value.map_or_else(|| quote!(None), |value| quote!(Some(#value)))
}

/// `String`, alone or inside `Option` or `Vec`.
fn holds_text(ty: &Type) -> bool {
    let text = quote!(#ty).to_string();
    ["String", "Option < String >", "Vec < String >"].contains(&text.as_str())
}

/// What serde is told of the field: another name, or nothing at all.
#[derive(Default)]
struct Serde {
    rename: Option<String>,
    skip: bool,
}

impl Serde {
    fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut told = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("rename") {
                    told.rename = Some(meta.value()?.parse::<LitStr>()?.value());
                } else if meta.input.peek(Token![=]) {
                    meta.value()?.parse::<Expr>()?;
                }
                told.skip |= meta.path.is_ident("skip");
                Ok(())
            })?;
        }
        Ok(told)
    }
}

/// `customer_id` is `customerId`.
fn camel_case(ident: &str) -> String {
    let mut words = ident.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let head = letters.next().map(|letter| letter.to_ascii_uppercase());
        name + &head.into_iter().chain(letters).collect::<String>()
    })
}

/// `customerId` is `customer_id`, `InProgress` is `in_progress`.
pub fn snake_case(name: &str) -> String {
    let mut word = String::with_capacity(name.len() + 4);
    for (n, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && n > 0 {
            word.push('_');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}
