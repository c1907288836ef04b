//! Whatever is done to a chain shows.

use super::*;
use chrono::{DateTime, Duration};
use proptest::{collection::vec, prelude::*, sample::Index};

fn text() -> impl Strategy<Value = String> {
    "[a-c.]{0,4}"
}

fn event() -> impl Strategy<Value = Recorded> {
    let ids = (any::<u128>(), 1..5_i64, any::<u128>(), 0..3_i32, 0..1_000_i64);
    (ids, text(), text(), text(), text()).prop_map(
        |((stream, version, id, schema, micros), category, event_type, data, metadata)| Recorded {
            workspace: Uuid::nil(),
            position: 0,
            category,
            stream_id: Uuid::from_u128(stream),
            version,
            event_id: Uuid::from_u128(id),
            event_type,
            schema,
            data,
            metadata,
            recorded_at: DateTime::UNIX_EPOCH + Duration::microseconds(micros),
            hash: HASH_ZERO,
        },
    )
}

/// Events chained as the committer does it.
fn chained(mut events: Vec<Recorded>) -> Vec<Recorded> {
    let mut previous = HASH_ZERO;
    for (event, position) in events.iter_mut().zip(1..) {
        event.position = position;
        event.hash = link(&previous, event);
        previous = event.hash;
    }
    events
}

fn chain(events: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Recorded>> {
    vec(event(), events).prop_map(chained)
}

/// Where the walk ends, or what stops it.
fn walk(events: &[Recorded]) -> Result<(i64, [u8; 32]), ChainError> {
    let mut verifier = Verifier::default();
    events.iter().try_for_each(|event| verifier.next(event))?;
    Ok(verifier.head())
}

fn head(events: &[Recorded]) -> (i64, [u8; 32]) {
    events
        .last()
        .map_or((0, HASH_ZERO), |event| (event.position, event.hash))
}

/// Every field there is, each changed to something else.
const CHANGES: [fn(&mut Recorded); 12] = [
    |e| e.workspace = Uuid::from_u128(e.workspace.as_u128() ^ 1),
    |e| e.position += 1,
    |e| e.category.push('x'),
    |e| e.stream_id = Uuid::from_u128(e.stream_id.as_u128() ^ 1),
    |e| e.version += 1,
    |e| e.event_id = Uuid::from_u128(e.event_id.as_u128() ^ 1),
    |e| e.event_type.insert(0, 'x'),
    |e| e.schema += 1,
    |e| e.data.push(' '),
    |e| e.metadata.push(' '),
    |e| e.recorded_at += Duration::microseconds(1),
    |e| e.hash[31] ^= 1,
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_whole_chain_passes_and_can_be_resumed_anywhere(events in chain(1..8), at in any::<Index>()) {
        prop_assert_eq!(walk(&events), Ok(head(&events)));
        let at = at.index(events.len());
        let (position, hash) = head(&events[..at]);
        let mut resumed = Verifier::after(position, hash);
        prop_assert_eq!(events[at..].iter().try_for_each(|event| resumed.next(event)), Ok(()));
        prop_assert_eq!(resumed.head(), head(&events));
    }

    #[test]
    fn a_field_changed_is_found_at_its_position(mut events in chain(1..8), at in any::<Index>(), change in 0..CHANGES.len()) {
        let at = at.index(events.len());
        CHANGES[change](&mut events[at]);
        let position = match walk(&events).unwrap_err() {
            ChainError::Changed { position, .. } => position,
            ChainError::Hole { expected, .. } => expected,
        };
        prop_assert_eq!(position, head(&events[..at]).0 + 1);
    }

    #[test]
    fn events_swapped_left_out_doubled_or_cut_off_are_found(events in chain(2..8), a in any::<Index>(), b in any::<Index>()) {
        let (a, b) = (a.index(events.len()), b.index(events.len()));
        let mut changed = vec![events.clone(), events.clone(), events[..a].to_vec()];
        changed[0].remove(a);
        changed[1].insert(b, events[a].clone());
        if a != b {
            let mut swapped = events.clone();
            swapped.swap(a, b);
            // Positions put right, as somebody who knows of them would.
            let mut renumbered = swapped.clone();
            renumbered.iter_mut().zip(1..).for_each(|(event, position)| event.position = position);
            changed.extend([swapped, renumbered]);
        }
        for changed in changed {
            prop_assert_ne!(walk(&changed), Ok(head(&events)));
        }
    }

    #[test]
    fn a_history_computed_anew_has_another_head(events in chain(1..8), at in any::<Index>(), new in event(), change in 2..11_usize) {
        let at = at.index(events.len());
        let mut changed = events.clone();
        CHANGES[change](&mut changed[at]);
        let mut longer = events.clone();
        longer.insert(at, new);
        for forged in [chained(changed), chained(longer)] {
            prop_assert_eq!(walk(&forged), Ok(head(&forged)), "it is whole in itself");
            prop_assert_ne!(walk(&forged[..events.len()]), Ok(head(&events)), "a signed head tells");
        }
    }

    #[test]
    fn no_byte_can_move_from_one_field_to_the_next(event in event(), text in "[a-c.]{1,8}", a in any::<Index>(), b in any::<Index>()) {
        let (a, b) = (a.index(text.len() + 1), b.index(text.len() + 1));
        prop_assume!(a != b);
        let fields: [fn(&mut Recorded, &str, &str); 2] = [
            |event, left, right| (event.category, event.event_type) = (left.into(), right.into()),
            |event, left, right| (event.data, event.metadata) = (left.into(), right.into()),
        ];
        for split in fields {
            let hash = |at: usize| {
                let mut event = event.clone();
                split(&mut event, &text[..at], &text[at..]);
                link(&HASH_ZERO, &event)
            };
            prop_assert_ne!(hash(a), hash(b));
        }
    }
}
