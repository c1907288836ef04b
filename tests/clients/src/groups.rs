//! `prometric-clients groups (begin|end) URL STREAM`: a group of consumers of a stream of its own, before and after whatever
//! happens to the server between the two.

use crate::{Ended, say};
use eventstore::{
    AppendToStreamOptions, Client, DeletePersistentSubscriptionOptions, Error, EventData,
    GetPersistentSubscriptionInfoOptions, NakAction, PersistentSubscription, PersistentSubscriptionEvent,
    PersistentSubscriptionOptions, ReplayParkedMessagesOptions, ResolvedEvent, StreamPosition,
    SubscribeToPersistentSubscriptionOptions,
};
use serde_json::json;

const GROUP: &str = "scales";

async fn next(subscription: &mut PersistentSubscription) -> Result<(u64, usize, ResolvedEvent), Error> {
    loop {
        if let PersistentSubscriptionEvent::EventAppeared { retry_count, event } =
            subscription.next_subscription_event().await?
        {
            return Ok((event.get_original_event().revision, retry_count, event));
        }
    }
}

async fn subscribe(client: &Client, stream: &str) -> Result<PersistentSubscription, Error> {
    let options = SubscribeToPersistentSubscriptionOptions::default();
    client
        .subscribe_to_persistent_subscription(stream, GROUP, &options)
        .await
}

async fn parked(client: &Client, stream: &str) -> Result<usize, Error> {
    let options = GetPersistentSubscriptionInfoOptions::default();
    let info = client.get_persistent_subscription_info(stream, GROUP, &options).await?;
    Ok(info.stats.parked_message_count)
}

/// The first is done with, the second at the second try, the third is parked, and the fourth is held by who is gone.
pub async fn begin(url: &str, stream: &str) -> Ended {
    let client = Client::new(url.parse()?)?;
    let made = (0..4).map(|n| EventData::json("WeightMeasured", &json!({ "kg": n })));
    let events = made.collect::<Result<Vec<_>, _>>()?;
    client
        .append_to_stream(stream, &AppendToStreamOptions::default(), events)
        .await?;
    let options = PersistentSubscriptionOptions::default().start_from(StreamPosition::Start);
    client.create_persistent_subscription(stream, GROUP, &options).await?;
    let again = client.create_persistent_subscription(stream, GROUP, &options).await;
    say("again", json!(matches!(again, Err(Error::ResourceAlreadyExists))))?;
    let (mut subscription, mut given) = (subscribe(&client, stream).await?, vec![]);
    let mut parks = false;
    while !parks || given.len() < 5 {
        let (revision, tries, event) = next(&mut subscription).await?;
        given.push((revision, tries));
        match (revision, tries) {
            (0, _) | (1, 1..) => subscription.ack(event).await?,
            (1, 0) => subscription.nack(event, NakAction::Retry, "once more").await?,
            (2, _) => {
                subscription.nack(event, NakAction::Park, "too heavy").await?;
                parks = true;
            }
            _ => {}
        }
    }
    given.sort_unstable();
    while parked(&client, stream).await? == 0 {
        tokio::task::yield_now().await;
    }
    say("given", json!(given))
}

/// What was held is given once more, what is parked only when it is asked for.
pub async fn end(url: &str, stream: &str) -> Ended {
    let client = Client::new(url.parse()?)?;
    let (mut subscription, mut given) = (subscribe(&client, stream).await?, vec![]);
    while !given.contains(&3) {
        let (revision, _, event) = next(&mut subscription).await?;
        given.push(revision);
        subscription.ack(event).await?;
    }
    say("held", json!(!given.contains(&2)))?;
    say("parked", json!(parked(&client, stream).await?))?;
    let options = ReplayParkedMessagesOptions::default();
    client.replay_parked_messages(stream, GROUP, &options).await?;
    let (revision, tries, event) = next(&mut subscription).await?;
    subscription.ack(event).await?;
    say("replayed", json!([revision, tries]))?;
    while parked(&client, stream).await? > 0 {
        tokio::task::yield_now().await;
    }
    let options = DeletePersistentSubscriptionOptions::default();
    client.delete_persistent_subscription(stream, GROUP, &options).await?;
    let gone = subscribe(&client, stream).await;
    say("gone", json!(matches!(gone, Err(Error::ResourceNotFound))))
}
