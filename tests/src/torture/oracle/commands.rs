//! Command ids: each is carried out at most once, the log's table says where, and whoever asked again was told the
//! same as the first.

use super::{Findings, Flaw, appends::Present};
use crate::torture::{
    history::{Answer, History, Kept, Operation},
    store::{CommandRow, Store},
};
use std::collections::HashMap;
use uuid::Uuid;

type Command = (Uuid, Uuid);

pub fn examine(history: &History, store: &Store, present: &Present, findings: &mut Findings) {
    let mut attempts: HashMap<Command, Vec<&Operation>> = HashMap::new();
    for operation in history.operations.values() {
        if let Some(command) = operation.op.command {
            let command = (operation.op.workspace, command.id);
            attempts.entry(command).or_default().push(operation);
        }
    }
    for (command, row) in &store.commands {
        let by = attempts
            .get(command)
            .and_then(|attempts| attempts.iter().find(|operation| wrote(operation, row)));
        let known = by.is_some()
            || attempts
                .get(command)
                .is_some_and(|attempts| forgotten(attempts, history));
        findings.demand(known, Flaw::Command, || {
            format!("nobody asked for {command:?}: {row:?}")
        });
    }
    for (command, attempts) in &attempts {
        if forgotten(attempts, history) {
            continue; // it may have been carried out anew
        }
        let row = store.commands.get(command);
        for attempt in attempts {
            if let Some(events) = present.get(&attempt.op.id) {
                let first = events.first().map(|event| event.position);
                let last = events.last().map(|event| event.position);
                let entered =
                    row.is_some_and(|row| wrote(attempt, row) && first == Some(row.first) && last == Some(row.last));
                findings.demand(entered, Flaw::Command, || {
                    format!(
                        "{:?} wrote {first:?} to {last:?}, and its command's row is {row:?}",
                        attempt.op
                    )
                });
            }
            answered(attempt, row, present, findings);
        }
        let done = attempts
            .iter()
            .filter(|attempt| present.contains_key(&attempt.op.id))
            .count();
        findings.demand(done < 2, Flaw::Command, || {
            format!("command {command:?} was carried out {done} times")
        });
    }
}

/// One of them is so old that its command may have been swept.
fn forgotten(attempts: &[&Operation], history: &History) -> bool {
    attempts.iter().any(|attempt| history.is_forgotten(attempt.invoked))
}

/// The row is this operation's: writers leave their operation's id as the answer to be told to a repeat.
fn wrote(operation: &Operation, row: &CommandRow) -> bool {
    let request = operation.op.command.map(|command| vec![command.request; 32]);
    row.answer == operation.op.id.to_string() && Some(&row.request_hash) == request.as_ref()
}

fn answered(operation: &Operation, row: Option<&CommandRow>, present: &Present, findings: &mut Findings) {
    let right = match (&operation.answer, row) {
        (Some((_, Answer::Written { position, .. })), Some(row)) => wrote(operation, row) && *position == row.last,
        (Some((_, Answer::Repeated { position, events, told })), Some(row)) => {
            let first = told.parse::<Uuid>().ok().and_then(|first| present.get(&first));
            let there = first
                .map_or(&[][..], Vec::as_slice)
                .iter()
                .map(|event| Kept::from(*event));
            let request = operation.op.command.map(|command| vec![command.request; 32]);
            *told == row.answer
                && *position == row.last
                && there.eq(events.iter().cloned())
                && request.as_ref() == Some(&row.request_hash)
        }
        (Some((_, Answer::Written { .. } | Answer::Repeated { .. })), None) => false,
        _ => true,
    };
    findings.demand(right, Flaw::Command, || {
        format!("{operation:?}, and the command's row is {row:?}")
    });
}
