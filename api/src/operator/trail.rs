//! `prometric audit trail`: what happened, in words, as the API tells it.

use super::{Failure, tell, whose::Whose};
use crate::{
    audit::{self, Entry, Filter, Listener, Measure, Source, Tree},
    config::Store,
    i18n::{self, Language},
    serve::open_store,
};
use chrono::{DateTime, Utc};
use clap::Args;
use fluent_bundle::FluentArgs;
use serde_json::value::RawValue;
use std::fmt::Write;
use uuid::Uuid;

#[derive(Debug, Args)]
pub struct Trail {
    /// What kind of thing, `deal`; without it everything in the workspace.
    #[arg(requires = "id")]
    resource: Option<String>,
    /// Which one.
    id: Option<Uuid>,
    /// What this request led to, as a tree: its correlation or command, or the thing that a process is about.
    #[arg(long, value_name = "ID", conflicts_with_all = ["resource", "actor", "kind", "to"])]
    correlation: Option<Uuid>,
    #[command(flatten)]
    which: Which,
    /// A JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    store: Store,
}

/// Which events, and in which language.
#[derive(Debug, Args)]
pub struct Which {
    #[command(flatten)]
    pub whose: Whose,
    /// Only what this one did: `user:{id}`, `saga:{name}`, `system`, or a person's id.
    #[arg(long)]
    actor: Option<String>,
    /// Only events of this type, or of all that begin with it: `deal.won`, `deal`.
    #[arg(long = "type", value_name = "TYPE")]
    kind: Option<String>,
    /// Not earlier than this (RFC 3339).
    #[arg(long)]
    from: Option<DateTime<Utc>>,
    /// Earlier than this.
    #[arg(long)]
    to: Option<DateTime<Utc>>,
    /// Of the words: kk, ru or en.
    #[arg(long, default_value = "en", value_parser = language)]
    pub lang: Language,
}

fn language(tag: &str) -> Result<Language, &'static str> {
    Language::from_tag(tag).ok_or("kk, ru or en")
}

/// Whoever has the database may see everything.
pub fn listener(language: Language) -> Listener<'static> {
    Listener {
        language,
        may: &|_| true,
    }
}

const PAGE: Measure = Measure {
    entries: 500,
    looks: 20_000,
};

impl Which {
    pub fn filter(&self) -> Filter {
        Filter {
            actor: self.actor.clone(),
            kind: self.kind.clone(),
            from: self.from,
            to: self.to,
            resource: None,
        }
    }
}

impl Trail {
    pub async fn run(self) -> Result<(), Failure> {
        let (log, pool) = open_store(&self.store).await?;
        let (source, filter) = (self.source()?, self.which.filter());
        let workspace = match source {
            Source::Workspace => self.which.whose.only(&log).await?,
            Source::Stream(stream) => self.which.whose.with(&log, stream).await?,
        };
        let mut after = match source {
            Source::Workspace => filter.begins_after(&log, workspace).await?,
            Source::Stream(_) => 0,
        };
        let mut trail = audit::Trail::new(log, pool, workspace);
        if let Some(id) = self.correlation {
            return self.tell_tree(&trail.tree(id, after, listener(self.which.lang)).await?);
        }
        loop {
            let told = trail
                .page(source, after, &filter, listener(self.which.lang), PAGE)
                .await?;
            for entry in &told.entries {
                tell(self.shown(entry)?)?;
            }
            after = told.reached;
            if told.is_over {
                return Ok(());
            }
        }
    }

    fn tell_tree(&self, tree: &Tree) -> Result<(), Failure> {
        for branch in &tree.items {
            if self.json {
                tell(serde_json::to_string(branch)?)?;
                continue;
            }
            let indent = "    ".repeat(branch.depth.try_into()?);
            for line in self.shown(&branch.entry)?.lines() {
                tell(format_args!("{indent}{line}"))?;
            }
        }
        if tree.is_whole {
            return Ok(());
        }
        let searched = tree.searched_to;
        Err(format!("it was searched for up to position {searched} only; --from begins later").into())
    }

    fn source(&self) -> Result<Source, Failure> {
        let Some((resource, id)) = self.resource.as_deref().zip(self.id) else {
            return Ok(Source::Workspace);
        };
        let noun = audit::named(resource).ok_or_else(|| {
            let known: Vec<_> = audit::NOUNS.iter().map(|noun| noun.resource()).collect();
            format!("there is no {resource}; there are {}", known.join(", "))
        })?;
        Ok(Source::Stream(noun.stream(id)))
    }

    fn shown(&self, entry: &Entry) -> Result<String, Failure> {
        if self.json {
            return Ok(serde_json::to_string(entry)?);
        }
        let word = |key: &str| i18n::text(self.which.lang, key, &FluentArgs::new()).unwrap_or_default();
        let Entry {
            at,
            position,
            sentence,
            who,
            ..
        } = entry;
        let name = who.name.as_deref().unwrap_or(&who.actor);
        let mut text = format!("{} #{position} {sentence} — {name}", at.format("%Y-%m-%d %H:%M:%S"));
        if let Some(from) = &entry.from {
            write!(text, ", {} {from}", word("trail-from"))?;
        }
        if let Some(parent) = entry.caused_by.as_ref().and_then(|cause| cause.position) {
            write!(text, " ← #{parent}")?;
        }
        for change in &entry.changes {
            let erased = if change.erased {
                word("trail-erased")
            } else {
                String::new()
            };
            let value = |value: &RawValue| match value.get() {
                "null" if change.erased => erased.clone(),
                "null" => word("trail-nothing"),
                text => text.to_owned(),
            };
            let currency = change.currency.as_deref().unwrap_or_default();
            let line = format!(
                "{}: {} → {} {currency}",
                change.label,
                value(&change.before),
                value(&change.after)
            );
            write!(text, "\n    {}", line.trim_end())?;
        }
        Ok(text)
    }
}
