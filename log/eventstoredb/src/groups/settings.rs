//! What a group was made with, as it is kept.

use super::group::{Millis, Rules, Strategy};
use crate::{
    filter::Filter,
    protocol::event_store::client::{
        persistent_subscriptions::{
            create_req::{
                self,
                all_options::{FilterOptions, filter_options},
            },
            update_req,
        },
        streams::read_req::options::{
            FilterOptions as Asked,
            filter_options::{Expression, Filter as Wanted, Window},
        },
    },
    streams::missing,
};
use serde::{Deserialize, Serialize};
use tonic::Status;

/// Messages that are taken and not done: more would only wait.
const OPEN_MAX: i32 = 1_000;
const TICKS_PER_MS: i64 = 10_000;
/// What clients ask for who ask for nothing.
const TIMEOUT_MS: i64 = 30_000;
const CHECKPOINT_AFTER_MS: i64 = 2_000;

/// The fields of the protocol's settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub strategy: Strategy,
    pub message_timeout_ms: Millis,
    pub max_retry_count: i32,
    pub checkpoint_after_ms: Millis,
    pub min_checkpoint_count: i32,
    pub max_checkpoint_count: i32,
    /// 0: as many as come.
    pub max_subscriber_count: i32,
    pub live_buffer_size: i32,
    pub read_batch_size: i32,
    pub history_buffer_size: i32,
    pub resolve_links: bool,
    pub extra_statistics: bool,
    /// Of `$all`.
    pub filter: Option<Terms>,
    /// It began where the stream ended when it was made.
    #[serde(default)]
    pub from_end: bool,
}

/// What a filter says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    by_stream: bool,
    regex: String,
    prefixes: Vec<String>,
}

impl Settings {
    pub fn of_new(settings: Option<create_req::Settings>) -> Result<Self, Status> {
        use create_req::settings::{CheckpointAfter, MessageTimeout};
        let asked = settings.ok_or_else(|| missing("settings"))?;
        #[expect(deprecated, reason = "clients from before there were names for it say it so")]
        let numbered = asked.named_consumer_strategy;
        let strategy = match asked.consumer_strategy.as_str() {
            "" => by_number(numbered),
            "DispatchToSingle" => Ok(Strategy::Single),
            "RoundRobin" => Ok(Strategy::RoundRobin),
            "Pinned" => Ok(Strategy::Pinned),
            other => Err(invalid(&format!("there is no strategy {other} here"))),
        };
        Self {
            strategy: strategy?,
            message_timeout_ms: match asked.message_timeout {
                Some(MessageTimeout::MessageTimeoutTicks(ticks)) => ticks / TICKS_PER_MS,
                Some(MessageTimeout::MessageTimeoutMs(ms)) => ms.into(),
                None => TIMEOUT_MS,
            },
            checkpoint_after_ms: match asked.checkpoint_after {
                Some(CheckpointAfter::CheckpointAfterTicks(ticks)) => ticks / TICKS_PER_MS,
                Some(CheckpointAfter::CheckpointAfterMs(ms)) => ms.into(),
                None => CHECKPOINT_AFTER_MS,
            },
            max_retry_count: asked.max_retry_count,
            min_checkpoint_count: asked.min_checkpoint_count,
            max_checkpoint_count: asked.max_checkpoint_count,
            max_subscriber_count: asked.max_subscriber_count,
            live_buffer_size: asked.live_buffer_size,
            read_batch_size: asked.read_batch_size,
            history_buffer_size: asked.history_buffer_size,
            resolve_links: asked.resolve_links,
            extra_statistics: asked.extra_statistics,
            filter: None,
            from_end: false,
        }
        .checked()
    }

    /// As somebody wants them from now on; its filter and where it began stay.
    pub fn of_known(settings: Option<update_req::Settings>, known: Self) -> Result<Self, Status> {
        let settings = Self::of_new(settings.map(as_new))?;
        Ok(Self {
            filter: known.filter,
            from_end: known.from_end,
            ..settings
        })
    }

    fn checked(self) -> Result<Self, Status> {
        let counts = [
            ("max_retry_count", self.max_retry_count),
            ("min_checkpoint_count", self.min_checkpoint_count),
            ("max_checkpoint_count", self.max_checkpoint_count),
            ("max_subscriber_count", self.max_subscriber_count),
            ("live_buffer_size", self.live_buffer_size),
            ("read_batch_size", self.read_batch_size),
            ("history_buffer_size", self.history_buffer_size),
        ];
        let times = [
            ("message_timeout", self.message_timeout_ms),
            ("checkpoint_after", self.checkpoint_after_ms),
        ];
        let all = counts.map(|(name, count)| (name, i64::from(count)));
        match all.iter().chain(&times).find(|(_, value)| *value < 0) {
            Some((name, _)) => Err(invalid(&format!("{name} is below zero"))),
            None => Ok(self),
        }
    }

    pub fn rules(&self) -> Rules {
        Rules {
            strategy: self.strategy,
            timeout: (self.message_timeout_ms > 0).then_some(self.message_timeout_ms),
            retries_max: u32::try_from(self.max_retry_count).unwrap_or(0),
        }
    }

    /// How many messages are open at once.
    pub fn open_max(&self) -> usize {
        let asked = self.history_buffer_size.max(self.live_buffer_size).clamp(1, OPEN_MAX);
        usize::try_from(asked).unwrap_or(1)
    }

    /// In the protocol's words.
    pub fn strategy_name(&self) -> &'static str {
        match self.strategy {
            Strategy::Single => "DispatchToSingle",
            Strategy::RoundRobin => "RoundRobin",
            Strategy::Pinned => "Pinned",
        }
    }
}

impl Terms {
    /// Of what clients ask for; refused like the filter of a reading.
    pub fn read(options: FilterOptions) -> Result<Self, Status> {
        let (by_stream, expression) = match options.filter {
            Some(filter_options::Filter::StreamIdentifier(expression)) => (true, expression),
            Some(filter_options::Filter::EventType(expression)) => (false, expression),
            None => return Err(missing("filter")),
        };
        let terms = Self {
            by_stream,
            regex: expression.regex,
            prefixes: expression.prefix,
        };
        terms.filter().map(|_| terms)
    }

    pub fn filter(&self) -> Result<Filter, Status> {
        let expression = Expression {
            regex: self.regex.clone(),
            prefix: self.prefixes.clone(),
        };
        Filter::read(Asked {
            filter: Some(match self.by_stream {
                true => Wanted::StreamIdentifier(expression),
                false => Wanted::EventType(expression),
            }),
            window: Some(Window::Count(())),
            checkpoint_interval_multiplier: 1,
        })
    }
}

/// The same settings; the protocol says them once for each request.
#[expect(deprecated, reason = "of a change there is no other name for it")]
fn as_new(asked: update_req::Settings) -> create_req::Settings {
    use create_req::settings::{CheckpointAfter as After, MessageTimeout as Timeout};
    use update_req::settings::{CheckpointAfter, MessageTimeout};
    create_req::Settings {
        resolve_links: asked.resolve_links,
        extra_statistics: asked.extra_statistics,
        max_retry_count: asked.max_retry_count,
        min_checkpoint_count: asked.min_checkpoint_count,
        max_checkpoint_count: asked.max_checkpoint_count,
        max_subscriber_count: asked.max_subscriber_count,
        live_buffer_size: asked.live_buffer_size,
        read_batch_size: asked.read_batch_size,
        history_buffer_size: asked.history_buffer_size,
        named_consumer_strategy: asked.named_consumer_strategy,
        message_timeout: asked.message_timeout.map(|timeout| match timeout {
            MessageTimeout::MessageTimeoutTicks(ticks) => Timeout::MessageTimeoutTicks(ticks),
            MessageTimeout::MessageTimeoutMs(ms) => Timeout::MessageTimeoutMs(ms),
        }),
        checkpoint_after: asked.checkpoint_after.map(|after| match after {
            CheckpointAfter::CheckpointAfterTicks(ticks) => After::CheckpointAfterTicks(ticks),
            CheckpointAfter::CheckpointAfterMs(ms) => After::CheckpointAfterMs(ms),
        }),
        ..create_req::Settings::default()
    }
}

fn by_number(number: i32) -> Result<Strategy, Status> {
    match number {
        0 => Ok(Strategy::Single),
        1 => Ok(Strategy::RoundRobin),
        2 => Ok(Strategy::Pinned),
        other => Err(invalid(&format!("there is no strategy {other} here"))),
    }
}

fn invalid(why: &str) -> Status {
    Status::invalid_argument(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use filter_options::{Expression as Asked, Filter};

    fn asked(strategy: &str, max_retry_count: i32) -> Option<create_req::Settings> {
        Some(create_req::Settings {
            consumer_strategy: strategy.to_owned(),
            max_retry_count,
            ..create_req::Settings::default()
        })
    }

    #[test]
    fn a_group_is_made_as_it_is_asked_for() {
        for (name, strategy) in [
            ("DispatchToSingle", Strategy::Single),
            ("RoundRobin", Strategy::RoundRobin),
            ("Pinned", Strategy::Pinned),
            // Of clients from before there were names: the first of the numbers.
            ("", Strategy::Single),
        ] {
            let settings = Settings::of_new(asked(name, 3)).unwrap();
            assert_eq!(
                (settings.strategy, settings.rules().retries_max),
                (strategy, 3),
                "{name}"
            );
            assert_eq!(settings.rules().timeout, Some(TIMEOUT_MS));
            assert_eq!(settings.open_max(), 1);
        }
        for refused in [None, asked("PinnedByCorrelation", 0), asked("RoundRobin", -1)] {
            assert!(Settings::of_new(refused.clone()).is_err(), "{refused:?}");
        }
    }

    #[test]
    fn what_is_changed_leaves_the_filter_and_where_it_began() {
        let terms = Terms::read(FilterOptions {
            filter: Some(Filter::EventType(Asked {
                regex: String::new(),
                prefix: vec!["deal.".to_owned()],
            })),
            ..FilterOptions::default()
        });
        let wanted = update_req::Settings {
            named_consumer_strategy: 2,
            message_timeout: Some(update_req::settings::MessageTimeout::MessageTimeoutTicks(50_000)),
            history_buffer_size: 1_000_000,
            ..update_req::Settings::default()
        };
        let known = Settings {
            filter: terms.clone().ok(),
            from_end: true,
            ..Settings::of_new(asked("RoundRobin", 3)).unwrap()
        };
        let settings = Settings::of_known(Some(wanted), known).unwrap();
        assert_eq!((settings.strategy, settings.message_timeout_ms), (Strategy::Pinned, 5));
        assert_eq!(settings.open_max(), 1_000);
        assert_eq!((settings.filter, settings.from_end), (terms.ok(), true));
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_refused_at_once() {
        let filter = |regex: &str| FilterOptions {
            filter: Some(Filter::StreamIdentifier(Asked {
                regex: regex.to_owned(),
                prefix: vec![],
            })),
            ..FilterOptions::default()
        };
        assert!(Terms::read(filter("(")).is_err());
        assert!(Terms::read(FilterOptions::default()).is_err());
        assert!(Terms::read(filter("^deal-")).is_ok());
    }
}
