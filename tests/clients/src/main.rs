//! `prometric-clients (eventstore|kurrentdb) URL STREAM`: leads the conversation that node.mjs and python.py lead too, and says a
//! line of JSON for each step. The two crates spell a few things differently, so the conversation is a macro over them.
//! [`groups`] is another one.

mod groups;

use serde_json::{Value, json};
use std::{error::Error, io::Write};

type Ended = Result<(), Box<dyn Error>>;

/// A step and what it came to.
fn say(step: &str, came_to: Value) -> Ended {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", json!({ "step": step, "saw": came_to }))?;
    Ok(out.flush()?)
}

macro_rules! conversation {
    ($client:ident, $new:expr, $expect:ident, $none:expr, $exact:path, $caught_up:pat) => {
        async fn $client(url: &str, stream: &str) -> Ended {
            use $client::{
                AppendToStreamOptions, Error, EventData, ReadAllOptions, ReadStreamOptions, ResolvedEvent, StreamPosition,
                SubscribeToAllOptions, SubscriptionEvent, SubscriptionFilter,
            };
            fn seen(event: &ResolvedEvent) -> Value {
                let event = event.get_original_event();
                json!({ "position": event.position.commit, "revision": event.revision, "type": event.event_type })
            }
            let client = $new(url)?;
            let begin = || ReadStreamOptions::default().position(StreamPosition::Start);
            for (step, options) in [
                ("stream", begin()),
                ("from", begin().position(StreamPosition::Position(1))),
                ("backwards", ReadStreamOptions::default().backwards().position(StreamPosition::End).max_count(2)),
            ] {
                let (mut reading, mut events) = (client.read_stream(stream, &options).await?, vec![]);
                while let Some(event) = reading.next().await? {
                    events.push(seen(&event));
                }
                say(step, json!(events))?;
            }
            let mut reading = client.read_stream(stream, &begin()).await?;
            let first = reading.next().await?.ok_or("no event")?;
            say("data", json!(String::from_utf8_lossy(&first.get_original_event().data)))?;
            let mut reading = client.read_stream("customer-none", &begin()).await?;
            let missing = matches!(reading.next().await, Err(Error::ResourceNotFound));
            say("missing", json!(missing))?;
            let event = EventData::json("a", &json!({}))?;
            let appended = client.append_to_stream(stream, &AppendToStreamOptions::default(), vec![event]).await;
            say("refused", json!(matches!(appended, Err(Error::AccessDenied))))?;
            let outside = format!("external-{}", uuid::Uuid::new_v4());
            let ids: Vec<_> = (0..4).map(|_| uuid::Uuid::new_v4()).collect();
            let made = |n: usize| EventData::json("WeightMeasured", &json!({ "kg": n })).map(|event| event.id(ids[n]));
            let mut answers = vec![];
            for (wanted, events) in [
                ($none, vec![made(0)?]),
                ($none, vec![made(0)?]),
                ($exact(0), vec![made(1)?, made(2)?]),
                ($exact(0), vec![made(3)?]),
            ] {
                let options = AppendToStreamOptions::default().$expect(wanted);
                answers.push(match client.append_to_stream(outside.as_str(), &options, events).await {
                    Ok(written) => json!(written.position.commit),
                    Err(Error::WrongExpectedVersion { .. }) => json!("conflict"),
                    Err(error) => json!(error.to_string()),
                });
            }
            say("appended", json!(answers))?;
            let (mut reading, mut events) = (client.read_stream(outside.as_str(), &begin()).await?, vec![]);
            while let Some(event) = reading.next().await? {
                events.push(seen(&event));
            }
            say("outside", json!(events))?;
            let all = ReadAllOptions::default().position(StreamPosition::Start);
            let (mut reading, mut events) = (client.read_all(&all).await?, vec![]);
            while let Some(event) = reading.next().await? {
                events.push(seen(&event));
            }
            say("all", json!(events))?;
            let filter = SubscriptionFilter::on_event_type().add_prefix("customer.");
            let options = SubscribeToAllOptions::default().position(StreamPosition::Start).filter(filter);
            let (mut subscription, mut events) = (client.subscribe_to_all(&options).await, vec![]);
            loop {
                match subscription.next_subscription_event().await? {
                    SubscriptionEvent::EventAppeared(event) => events.push(seen(&event)),
                    $caught_up => break,
                    _ => {}
                }
            }
            say("caught_up", json!(events))?;
            say("live", seen(&subscription.next().await?))
        }
    };
}

conversation!(
    eventstore,
    |url: &str| -> Result<eventstore::Client, Box<dyn std::error::Error>> { Ok(eventstore::Client::new(url.parse()?)?) },
    expected_revision,
    eventstore::ExpectedRevision::NoStream,
    eventstore::ExpectedRevision::Exact,
    SubscriptionEvent::CaughtUp
);
conversation!(
    kurrentdb,
    |url: &str| -> Result<kurrentdb::Client, Box<dyn std::error::Error>> { Ok(kurrentdb::Client::new(url.parse()?)?) },
    stream_state,
    kurrentdb::StreamState::NoStream,
    kurrentdb::StreamState::StreamRevision,
    SubscriptionEvent::CaughtUp(..)
);

#[tokio::main]
async fn main() -> Ended {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [name, url, stream] if name == "eventstore" => eventstore(url, stream).await,
        [name, url, stream] if name == "kurrentdb" => kurrentdb(url, stream).await,
        [name, part, url, stream] if name == "groups" && part == "begin" => groups::begin(url, stream).await,
        [name, part, url, stream] if name == "groups" && part == "end" => groups::end(url, stream).await,
        _ => Err("(eventstore|kurrentdb|groups (begin|end)) URL STREAM".into()),
    }
}
