//! What consumers and those who look after groups are told, in the protocol's words.

use super::{
    run::Live,
    store::{Kept, Key},
};
use crate::{
    event::{self, Ids},
    house::Shown,
    protocol::event_store::client::{
        persistent_subscriptions::{
            ReadResp, SubscriptionInfo,
            read_resp::{
                Content, ReadEvent, SubscriptionConfirmation,
                read_event::{Count, Position, RecordedEvent},
            },
            subscription_info::ConnectionInfo,
        },
        streams::read_resp::{self, read_event},
    },
    stream::Source,
};
use log::Recorded;
use tonic::{Code, Status, metadata::MetadataMap};

pub fn confirmation(Key { stream, name, .. }: &Key) -> ReadResp {
    content(Content::SubscriptionConfirmation(SubscriptionConfirmation {
        subscription_id: format!("{stream}::{name}"),
    }))
}

/// An event, and how often it was given out before.
pub fn event(source: &Source, name: &str, (recorded, shown): (&Recorded, Shown), ids: Ids, tries: u32) -> ReadResp {
    let count = match tries {
        0 => Count::NoRetryCount(()),
        tries => Count::RetryCount(i32::try_from(tries).unwrap_or(i32::MAX)),
    };
    let (mut event, mut link) = (None, None);
    if let Some(read_resp::Content::Event(read)) = event::event(source, name, recorded, shown, ids).content {
        (event, link) = (read.event.map(same), read.link.map(same));
    }
    content(Content::Event(ReadEvent {
        event,
        link,
        position: Some(Position::CommitPosition(event::position(recorded.position))),
        count: Some(count),
    }))
}

/// The same event; the protocol says it once for each service.
fn same(event: read_event::RecordedEvent) -> RecordedEvent {
    RecordedEvent {
        id: event.id,
        stream_identifier: event.stream_identifier,
        stream_revision: event.stream_revision,
        prepare_position: event.prepare_position,
        commit_position: event.commit_position,
        metadata: event.metadata,
        custom_metadata: event.custom_metadata,
        data: event.data,
    }
}

fn content(content: Content) -> ReadResp {
    ReadResp { content: Some(content) }
}

/// What is kept of a group, and how it is just now, if it is run here.
pub fn info(source: &Source, key: &Key, kept: &Kept, end: i64, live: Option<Live>) -> SubscriptionInfo {
    let settings = &kept.settings;
    let status = match live {
        Some(_) => "Live",
        None => "NotConnected",
    };
    let live = live.unwrap_or_default();
    let whole = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    // Everything before the first that is open is done.
    let first = kept.progress.open.iter().map(|(place, _)| *place - 1).min();
    let done = first.unwrap_or(kept.progress.taken).min(kept.progress.taken);
    SubscriptionInfo {
        event_source: key.stream.clone(),
        group_name: key.name.clone(),
        status: status.to_owned(),
        connections: live
            .consumers
            .iter()
            .map(|consumer| ConnectionInfo {
                from: consumer.from.clone(),
                username: consumer.name.clone(),
                connection_name: consumer.name.clone(),
                total_items: consumer.given,
                in_flight_messages: whole(consumer.held),
                available_slots: whole(consumer.room.saturating_sub(consumer.held)),
                ..ConnectionInfo::default()
            })
            .collect(),
        total_items: live.given,
        last_checkpointed_event_position: at(source, done),
        last_known_event_position: at(source, end),
        resolve_link_tos: settings.resolve_links,
        start_from: match (source, kept.start) {
            (Source::All, _) if settings.from_end => "C:-1/P:-1".to_owned(),
            _ if settings.from_end => "-1".to_owned(),
            (Source::All, 0) => "C:0/P:0".to_owned(),
            (Source::All, start) => at(source, start + 1),
            (_, start) => start.to_string(),
        },
        message_timeout_milliseconds: i32::try_from(settings.message_timeout_ms).unwrap_or(i32::MAX),
        extra_statistics: settings.extra_statistics,
        max_retry_count: settings.max_retry_count,
        live_buffer_size: settings.live_buffer_size,
        buffer_size: settings.history_buffer_size,
        read_batch_size: settings.read_batch_size,
        check_point_after_milliseconds: i32::try_from(settings.checkpoint_after_ms).unwrap_or(i32::MAX),
        min_check_point_count: settings.min_checkpoint_count,
        max_check_point_count: settings.max_checkpoint_count,
        read_buffer_count: whole(live.waiting),
        live_buffer_count: 0,
        retry_buffer_count: 0,
        total_in_flight_messages: whole(live.open - live.waiting.min(live.open)),
        outstanding_messages_count: whole(live.open),
        named_consumer_strategy: settings.strategy_name().to_owned(),
        max_subscriber_count: settings.max_subscriber_count,
        parked_message_count: kept.parked,
        average_per_second: 0,
        count_since_last_measurement: 0,
    }
}

/// A place as the source's clients write it; nothing, before the first event.
fn at(source: &Source, place: i64) -> String {
    match source {
        _ if place < 1 => String::new(),
        Source::All => format!("C:{place}/P:{place}"),
        Source::One { .. } | Source::Nothing => (place - 1).to_string(),
        Source::Category(_) | Source::Type(_) => place.to_string(),
    }
}

pub fn unknown(key: &Key) -> Status {
    named(
        Code::NotFound,
        "persistent-subscription-does-not-exist",
        key,
        "is not there",
    )
}

pub fn known(key: &Key) -> Status {
    named(
        Code::AlreadyExists,
        "persistent-subscription-exists",
        key,
        "is there already",
    )
}

pub fn too_many(key: &Key, max: usize) -> Status {
    let why = format!("has {max} consumers, as many as it may");
    named(Code::FailedPrecondition, "maximum-subscribers-reached", key, &why)
}

pub fn dropped(why: &str) -> Status {
    exception(Code::Cancelled, "persistent-subscription-dropped", why.to_owned(), &[])
}

/// Another node runs it, which is reached there.
pub fn elsewhere(at: Option<(String, u16)>) -> Status {
    let why = "the group is run on another node".to_owned();
    match at {
        Some((host, port)) => {
            let port = port.to_string();
            let place = [("leader-endpoint-host", host.as_str()), ("leader-endpoint-port", &port)];
            exception(Code::NotFound, "not-leader", why, &place)
        }
        None => Status::unavailable(why),
    }
}

fn named(code: Code, called: &'static str, Key { stream, name, .. }: &Key, why: &str) -> Status {
    let parts = [("stream-name", stream.as_str()), ("group-name", name.as_str())];
    exception(code, called, format!("group {name} of {stream} {why}"), &parts)
}

/// What clients know a failure by stands beside it; what cannot stand there is left out.
fn exception(code: Code, called: &'static str, why: String, parts: &[(&'static str, &str)]) -> Status {
    let mut metadata = MetadataMap::new();
    for (name, text) in [("exception", called)].iter().chain(parts) {
        if let Ok(value) = text.parse() {
            metadata.insert(*name, value);
        }
    }
    Status::with_metadata(code, why, metadata)
}
