//! What people read, in Kazakh, Russian and English. Keys are derived from stable codes, so that a new code without a
//! message fails a test here and not a person there.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use domain::Role;
use fluent_bundle::{FluentArgs, FluentResource, concurrent::FluentBundle};
use std::{convert::Infallible, sync::LazyLock};
use unic_langid::{LanguageIdentifier, langid};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    Kk,
    #[default]
    Ru,
    En,
}

impl Language {
    pub const ALL: [Self; 3] = [Self::Kk, Self::Ru, Self::En];

    pub const fn tag(self) -> &'static str {
        match self {
            Self::Kk => "kk-KZ",
            Self::Ru => "ru-RU",
            Self::En => "en-US",
        }
    }

    /// As what is stored names it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Kk => "kk",
            Self::Ru => "ru",
            Self::En => "en",
        }
    }

    /// From `Accept-Language`.
    pub fn of(headers: &HeaderMap) -> Self {
        let wanted = headers
            .get(header::ACCEPT_LANGUAGE)
            .and_then(|value| value.to_str().ok());
        wanted.map(Self::preferred).unwrap_or_default()
    }

    /// The first language with the highest quality that we speak; Russian when there is none.
    fn preferred(accept: &str) -> Self {
        let mut best: Option<(f32, Self)> = None;
        for part in accept.split(',') {
            let mut pieces = part.split(';');
            let tag = pieces.next().unwrap_or_default().trim();
            let quality = pieces
                .find_map(|piece| piece.trim().strip_prefix("q="))
                .map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
            let Some(language) = Self::from_tag(tag) else { continue };
            if quality > 0.0 && best.is_none_or(|(highest, _)| quality > highest) {
                best = Some((quality, language));
            }
        }
        best.map(|(_, language)| language).unwrap_or_default()
    }

    /// `kk`, `ru-RU`, …
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "kk" => Some(Self::Kk),
            "ru" => Some(Self::Ru),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    const fn source(self) -> &'static str {
        match self {
            Self::Kk => concat!(
                include_str!("../locales/kk.ftl"),
                include_str!("../locales/trail/kk.ftl")
            ),
            Self::Ru => concat!(
                include_str!("../locales/ru.ftl"),
                include_str!("../locales/trail/ru.ftl")
            ),
            Self::En => concat!(
                include_str!("../locales/en.ftl"),
                include_str!("../locales/trail/en.ftl")
            ),
        }
    }

    const fn locale(self) -> LanguageIdentifier {
        match self {
            Self::Kk => langid!("kk-KZ"),
            Self::Ru => langid!("ru-RU"),
            Self::En => langid!("en-US"),
        }
    }
}

/// Handlers that answer sentences take the caller's language as an argument.
impl<S: Send + Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

type Bundle = FluentBundle<FluentResource>;

static BUNDLES: LazyLock<[Bundle; 3]> = LazyLock::new(|| Language::ALL.map(bundle));

/// What does not parse is left out; the tests know of every key that must be there.
fn bundle(language: Language) -> Bundle {
    let mut bundle = Bundle::new_concurrent(vec![language.locale()]);
    bundle.set_use_isolating(false);
    let resource = FluentResource::try_new(language.source().to_owned()).unwrap_or_else(|(resource, _)| resource);
    bundle.add_resource_overriding(resource);
    bundle
}

/// The message with that key, filled in.
pub fn text(language: Language, key: &str, args: &FluentArgs) -> Option<String> {
    let bundle = &BUNDLES[language as usize];
    let pattern = bundle.get_message(key)?.value()?;
    Some(bundle.format_pattern(pattern, Some(args), &mut Vec::new()).into_owned())
}

/// The words with that key, which need nothing filled in.
pub fn plain(language: Language, key: &str) -> String {
    text(language, key, &FluentArgs::new()).unwrap_or_else(|| key.to_owned())
}

/// What a role is called.
pub fn role(language: Language, role: Role) -> String {
    plain(language, &format!("role-{}", role.code()))
}

/// The message of a refusal's stable code: `deal.already_lost`.
pub fn rejection(language: Language, code: &str, args: &FluentArgs) -> Option<String> {
    text(language, &rejection_key(code), args)
}

/// What happened, by an event's type: `deal.won`.
pub fn event(language: Language, event_type: &str, args: &FluentArgs) -> String {
    text(language, &event_key(event_type), args).unwrap_or_else(|| event_type.to_owned())
}

fn event_key(event_type: &str) -> String {
    format!("event-{}", event_type.replace(['.', '_'], "-"))
}

/// What a field is called, by its column.
pub fn field(language: Language, column: &str) -> String {
    text(language, &field_key(column), &FluentArgs::new()).unwrap_or_else(|| column.to_owned())
}

fn field_key(column: &str) -> String {
    format!("field-{column}")
}

/// What a process or the system is called, by what is recorded of it: `saga:deal_won_orchestrator`.
pub fn actor(language: Language, recorded: &str) -> Option<String> {
    text(language, &actor_key(recorded), &FluentArgs::new())
}

fn actor_key(recorded: &str) -> String {
    format!("actor-{}", recorded.replace([':', '_'], "-"))
}

fn rejection_key(code: &str) -> String {
    format!("rejection-{}", code.replace(['.', '_'], "-"))
}

#[cfg(test)]
mod tests;
