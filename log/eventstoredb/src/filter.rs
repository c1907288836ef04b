//! Filters of `$all`: by event type or stream name, by prefixes or a regular expression. Clients write expressions of .NET, with
//! look-around (one of them sends such a one by default), so they are matched by backtracking, which has a limit here.

use crate::{
    house::Shown,
    protocol::event_store::client::streams::read_req::options::{
        FilterOptions,
        filter_options::{Expression, Filter as Wanted, Window},
    },
};
use fancy_regex::{Regex, RegexBuilder};
use tonic::Status;

/// Steps of one match; an honest expression over a name takes some dozens.
const BACKTRACKS_MAX: usize = 100_000;
const EXPRESSION_MAX: usize = 1_024;
/// Bytes that a part of one may become, of which it may have some hundred.
const PART_BYTES_MAX: usize = 1 << 19;
const PREFIXES_MAX: usize = 1_000;
const PREFIX_BYTES_MAX: usize = 65_536;
/// Events looked at between two checkpoints, where the client does not say.
const WINDOW: u32 = 32;

#[derive(Debug)]
pub struct Filter {
    by_stream: bool,
    prefixes: Vec<String>,
    expression: Option<Regex>,
    /// Events looked at between two checkpoints.
    pub checkpoint_every: u64,
}

impl Filter {
    pub fn read(options: FilterOptions) -> Result<Self, Status> {
        let (by_stream, expression) = match options.filter {
            Some(Wanted::StreamIdentifier(expression)) => (true, expression),
            Some(Wanted::EventType(expression)) => (false, expression),
            None => {
                return Err(Status::invalid_argument(
                    "the filter says neither what it looks at nor for what",
                ));
            }
        };
        let Expression { regex, prefix } = expression;
        let bytes: usize = prefix.iter().map(String::len).sum();
        if prefix.len() > PREFIXES_MAX || bytes > PREFIX_BYTES_MAX || regex.len() > EXPRESSION_MAX {
            return Err(Status::invalid_argument(format!(
                "a filter holds at most {PREFIXES_MAX} prefixes of {PREFIX_BYTES_MAX} bytes together, and an expression of {EXPRESSION_MAX}"
            )));
        }
        let window = match options.window {
            Some(Window::Max(max)) => max,
            Some(Window::Count(())) | None => WINDOW,
        };
        let every = u64::from(window.max(1)) * u64::from(options.checkpoint_interval_multiplier.max(1));
        Ok(Self {
            by_stream,
            prefixes: prefix,
            expression: compiled(&regex)?,
            checkpoint_every: every,
        })
    }

    pub fn lets_through(&self, event: &Shown) -> Result<bool, Status> {
        let text = if self.by_stream {
            &event.stream
        } else {
            &event.event_type
        };
        match &self.expression {
            Some(expression) => expression
                .is_match(text)
                .map_err(|_| Status::invalid_argument(format!("the filter's expression takes too long over {text}"))),
            None => Ok(self.prefixes.iter().any(|prefix| text.starts_with(prefix.as_str()))),
        }
    }
}

fn compiled(expression: &str) -> Result<Option<Regex>, Status> {
    if expression.is_empty() {
        return Ok(None);
    }
    let built = RegexBuilder::new(expression)
        .backtrack_limit(BACKTRACKS_MAX)
        .delegate_size_limit(PART_BYTES_MAX)
        .delegate_dfa_size_limit(PART_BYTES_MAX)
        .build();
    built
        .map(Some)
        .map_err(|error| Status::invalid_argument(format!("the filter's expression cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn filter(by_stream: bool, regex: &str, prefix: &[&str]) -> Result<Filter, Status> {
        let expression = Expression {
            regex: regex.to_owned(),
            prefix: prefix.iter().map(|prefix| (*prefix).to_owned()).collect(),
        };
        Filter::read(FilterOptions {
            filter: Some(match by_stream {
                true => Wanted::StreamIdentifier(expression),
                false => Wanted::EventType(expression),
            }),
            window: Some(Window::Max(10)),
            checkpoint_interval_multiplier: 3,
        })
    }

    fn event(stream: &str, event_type: &str) -> Shown {
        Shown {
            stream: stream.to_owned(),
            event_type: event_type.to_owned(),
            id: Uuid::nil(),
            content_type: String::new(),
            data: vec![],
            metadata: vec![],
        }
    }

    #[test]
    fn prefixes_and_expressions_look_at_types_or_names() {
        let won = event("deal-1", "deal.won");
        // What the Python client sends when nothing is asked for.
        let no_system = r"^(?!(\$.+$|PersistentConfig\d+$|Result$))";
        let cases = [
            (false, "", vec!["deal."], true),
            (false, "", vec!["order.", "deal.w"], true),
            (false, "", vec!["order."], false),
            (false, "", vec![], false),
            (true, "", vec!["deal-"], true),
            (true, "", vec!["deal."], false),
            (false, r"^deal\.(won|lost)$", vec![], true),
            (false, no_system, vec![], true),
            (true, r"^\$", vec![], false),
        ];
        for (by_stream, regex, prefix, passes) in cases {
            let filter = filter(by_stream, regex, &prefix).unwrap();
            assert_eq!(
                filter.lets_through(&won).unwrap(),
                passes,
                "{by_stream} {regex} {prefix:?}"
            );
            assert_eq!(filter.checkpoint_every, 30);
        }
        let system = filter(false, no_system, &[]).unwrap();
        assert!(!system.lets_through(&event("x-1", "$metadata")).unwrap());
    }

    #[test]
    fn what_would_take_for_ever_is_refused() {
        assert!(filter(false, "(", &[]).is_err());
        assert!(filter(false, &"a".repeat(EXPRESSION_MAX + 1), &[]).is_err());
        assert!(filter(false, "(a{1000}){1000}", &[]).is_err());
        assert!(filter(false, "", &vec!["a"; PREFIXES_MAX + 1]).is_err());
        let slow = filter(false, r"^(?:(?=a)a|a)*b$", &[]).unwrap();
        assert!(slow.lets_through(&event("s", &"a".repeat(60))).is_err());
    }
}
