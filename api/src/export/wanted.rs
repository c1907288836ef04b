//! What is asked of an export: the list's filters and order, without pages; the kind of file, and what its columns are called.

use crate::{i18n, i18n::Language, problem::Problem};
use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use domain::{Rule, office::custom_field::Details};
use projections::{ColumnKind, snake_case, view::Shown};
use sheets::Format;
use std::marker::PhantomData;

/// An export has all rows.
const OF_PAGES: [&str; 3] = ["page", "limit", "cursor"];

#[derive(Debug, Clone)]
pub struct Wanted<V> {
    pub format: Format,
    pub heads: Heads,
    /// For the list.
    pub pairs: Vec<(String, String)>,
    of: PhantomData<fn() -> V>,
}

/// What columns are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heads {
    /// As fields are.
    Names,
    /// As people call them.
    Words,
}

impl Heads {
    pub const WORDS: [&str; 2] = ["names", "words"];

    fn parse(word: &str) -> Option<Self> {
        match word {
            "names" => Some(Self::Names),
            "words" => Some(Self::Words),
            _ => None,
        }
    }

    /// One for each of them, and for each of the workspace's own. Two that people call the same keep their names, and so does what
    /// has no other.
    pub fn of(self, fields: &[Shown], own: &[Details], language: Language) -> Vec<String> {
        let mut heads = Vec::with_capacity(fields.len() + own.len());
        for Shown { name, kind, .. } in fields {
            if *kind == ColumnKind::Custom {
                let called = |field: &Details| field.label_in(language.code()).to_owned();
                heads.extend(own.iter().map(|field| (format!("{name}.{}", field.key), called(field))));
                continue;
            }
            let column = snake_case(name);
            let word = i18n::field(language, &column);
            let word = if word == column { name.clone() } else { word };
            heads.push((name.clone(), word));
        }
        let is_one_of_two = |word: &String| heads.iter().filter(|(_, other)| other == word).count() > 1;
        let head = |(name, word): &(String, String)| match self == Self::Names || is_one_of_two(word) {
            true => name.clone(),
            false => word.clone(),
        };
        heads.iter().map(head).collect()
    }
}

impl<S: Send + Sync, V> FromRequestParts<S> for Wanted<V> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(mut pairs) = pairs.map_err(|_| Problem::invalid_field("?", Rule::Unknown))?;
        if let Some((name, _)) = pairs.iter().find(|(name, _)| OF_PAGES.contains(&name.as_str())) {
            return Err(Problem::invalid_field(name, Rule::Unknown));
        }
        if pairs.iter().any(|(name, keys)| name == "sort" && sorts_by_own(keys)) {
            return Err(Problem::invalid_field("sort", Rule::NotAllowed));
        }
        let formats = Format::ALL.map(Format::name);
        let format = word(&mut pairs, "format", &formats, Format::parse)?;
        let heads = word(&mut pairs, "heads", &Heads::WORDS, Heads::parse)?;
        Ok(Self {
            format: format.ok_or_else(|| Problem::invalid_field("format", Rule::Required))?,
            heads: heads.unwrap_or(Heads::Names),
            pairs,
            of: PhantomData,
        })
    }
}

/// Whether a field of the workspace's own is among the keys. No index is in their order, so that each piece of a file would cost
/// what sorting the whole list costs.
fn sorts_by_own(keys: &str) -> bool {
    let mut keys = keys.split(',').map(|key| key.trim().trim_start_matches('-'));
    keys.any(|key| key.starts_with("custom."))
}

/// Takes what is named once, and is one of those words, out of a query.
fn word<T>(
    pairs: &mut Vec<(String, String)>,
    name: &str,
    words: &[&str],
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    let named: Vec<(String, String)> = pairs.extract_if(.., |(named, _)| named == name).collect();
    let refused = |rule| Problem::invalid_field(name, rule);
    match named.as_slice() {
        [] => Ok(None),
        [(_, value)] => {
            let known = || refused(Rule::not_one_of(words.iter().copied()));
            parse(value).map(Some).ok_or_else(known)
        }
        _ => Err(refused(Rule::NotUnique)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_called_as_people_call_them_as_long_as_that_is_clear() {
        let fields = ["name", "title", "price", "noSuchWord"].map(|name| Shown::new(name, "", ColumnKind::Text));
        let heads = |heads: Heads| heads.of(&fields, &[], Language::Ru);
        assert_eq!(heads(Heads::Names), ["name", "title", "price", "noSuchWord"]);
        assert_eq!(heads(Heads::Words), ["name", "title", "Цена", "noSuchWord"]);
        let own = [("size", "Размер"), ("cost", "Цена")].map(|(key, label)| Details {
            key: key.into(),
            label: label.into(),
            ..Details::default()
        });
        let fields = [("price", ColumnKind::Number), ("custom", ColumnKind::Custom)];
        let fields = fields.map(|(name, kind)| Shown::new(name, "", kind));
        let heads = |heads: Heads| heads.of(&fields, &own, Language::Ru);
        assert_eq!(heads(Heads::Names), ["price", "custom.size", "custom.cost"]);
        assert_eq!(heads(Heads::Words), ["price", "Размер", "custom.cost"]);
    }
}
