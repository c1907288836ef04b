//! What the committer reads and writes: one statement a table, whatever the batch's size.

use crate::{
    Append,
    append::ClaimAct,
    ledger::{Head, Ledger, Written},
};
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, Row};
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

// Loading: everything read here is read after the heads are locked, and so cannot change before the commit.

pub(super) async fn load(tx: &mut PgConnection, appends: &[&Append]) -> Result<Ledger, sqlx::Error> {
    let mut ledger = Ledger {
        heads: lock_heads(tx, appends).await?,
        ..Ledger::default()
    };

    let streams = appends.iter().flat_map(|append| {
        let streams = append
            .streams
            .iter()
            .map(|stream| stream.stream.id)
            .chain(append.guards.iter().map(|guard| guard.stream_id));
        streams.map(|id| (append.workspace, id))
    });
    let (workspaces, streams): (Vec<Uuid>, Vec<Uuid>) = streams.collect::<BTreeSet<_>>().into_iter().unzip();
    let versions = "select s.workspace_id, s.stream_id, coalesce((select max(e.version) from log.events e \
        where e.workspace_id = s.workspace_id and e.stream_id = s.stream_id), \
        (select a.version from log.archived_streams a where a.workspace_id = s.workspace_id and a.stream_id = s.stream_id), 0) \
        from unnest($1::uuid[], $2::uuid[]) s(workspace_id, stream_id)";
    for row in sqlx::query(versions)
        .bind(workspaces)
        .bind(streams)
        .fetch_all(&mut *tx)
        .await?
    {
        ledger
            .versions
            .insert((row.try_get(0)?, row.try_get(1)?), row.try_get(2)?);
    }

    let commands = appends
        .iter()
        .filter_map(|append| append.command.map(|command| (append.workspace, command.id)));
    let (workspaces, ids): (Vec<Uuid>, Vec<Uuid>) = commands.unzip();
    if !ids.is_empty() {
        let known = "select c.workspace_id, c.command_id, c.request_hash from log.commands c \
            join unnest($1::uuid[], $2::uuid[]) k(workspace_id, command_id) using (workspace_id, command_id)";
        for row in sqlx::query(known)
            .bind(workspaces)
            .bind(ids)
            .fetch_all(&mut *tx)
            .await?
        {
            ledger
                .commands
                .insert((row.try_get(0)?, row.try_get(1)?), digest(row.try_get(2)?)?);
        }
    }
    load_claims(tx, appends, &mut ledger).await?;
    load_numbers(tx, appends, &mut ledger).await?;
    Ok(ledger)
}

async fn lock_heads(tx: &mut PgConnection, appends: &[&Append]) -> Result<HashMap<Uuid, Head>, sqlx::Error> {
    let workspaces: Vec<Uuid> = appends
        .iter()
        .map(|append| append.workspace)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let lock = "select workspace_id, position, hash, greatest(recorded_at, 'epoch') from log.heads where workspace_id = any($1) order by workspace_id for update";
    let mut rows = sqlx::query(lock).bind(&workspaces).fetch_all(&mut *tx).await?;
    if rows.len() < workspaces.len() {
        // A workspace's first append. Sorted again; should two nodes still meet crosswise, the database ends one of them
        // before anything is written, and its callers ask again.
        let create =
            "insert into log.heads (workspace_id) select w from unnest($1::uuid[]) w order by w on conflict do nothing";
        sqlx::query(create).bind(&workspaces).execute(&mut *tx).await?;
        rows = sqlx::query(lock).bind(&workspaces).fetch_all(&mut *tx).await?;
    }
    let head = |row: &sqlx::postgres::PgRow| -> Result<(Uuid, Head), sqlx::Error> {
        let recorded_at: DateTime<Utc> = row.try_get(3)?;
        Ok((
            row.try_get(0)?,
            Head {
                position: row.try_get(1)?,
                hash: digest(row.try_get(2)?)?,
                recorded_at,
            },
        ))
    };
    rows.iter().map(head).collect()
}

async fn load_claims(tx: &mut PgConnection, appends: &[&Append], ledger: &mut Ledger) -> Result<(), sqlx::Error> {
    let (mut workspaces, mut kinds, mut keys) = (vec![], vec![], vec![]);
    for append in appends {
        for claim in &append.claims {
            workspaces.push(append.workspace);
            kinds.push(claim.kind);
            keys.push(claim.key.as_str());
        }
    }
    if keys.is_empty() {
        return Ok(());
    }
    let held = "select c.workspace_id, c.kind, c.key, c.stream_id from log.claims c \
        join unnest($1::uuid[], $2::text[], $3::text[]) k(workspace_id, kind, key) using (workspace_id, kind, key)";
    for row in sqlx::query(held)
        .bind(workspaces)
        .bind(kinds)
        .bind(keys)
        .fetch_all(tx)
        .await?
    {
        ledger.claims.insert(
            (row.try_get(0)?, (row.try_get(1)?, row.try_get(2)?)),
            Some(row.try_get(3)?),
        );
    }
    Ok(())
}

async fn load_numbers(tx: &mut PgConnection, appends: &[&Append], ledger: &mut Ledger) -> Result<(), sqlx::Error> {
    let wanted: BTreeSet<(Uuid, &'static str, i32)> = appends.iter().flat_map(|append| series(append)).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let workspaces: Vec<Uuid> = wanted.iter().map(|(workspace, ..)| *workspace).collect();
    let names: Vec<&str> = wanted.iter().map(|(_, series, _)| *series).collect();
    let years: Vec<i32> = wanted.iter().map(|(.., year)| *year).collect();
    let last = "select coalesce(n.last, 0) from unnest($1::uuid[], $2::text[], $3::int[]) with ordinality k(workspace_id, series, year, nth) \
        left join log.numbers n using (workspace_id, series, year) order by k.nth";
    let last: Vec<i64> = sqlx::query_scalar(last)
        .bind(workspaces)
        .bind(names)
        .bind(years)
        .fetch_all(tx)
        .await?;
    ledger.numbers.extend(
        wanted
            .into_iter()
            .zip(last)
            .map(|((workspace, series, year), last)| ((workspace, (series, year)), last)),
    );
    Ok(())
}

fn series(append: &Append) -> impl Iterator<Item = (Uuid, &'static str, i32)> {
    let events = append.streams.iter().flat_map(|stream| &stream.events);
    events
        .filter_map(|event| event.number)
        .map(|number| (append.workspace, number.series, append.number_year))
}

fn digest(bytes: &[u8]) -> Result<[u8; 32], sqlx::Error> {
    bytes
        .try_into()
        .map_err(|_| sqlx::Error::Protocol("a stored hash is not 32 bytes long".into()))
}

/// Writes what was accepted.
pub(super) async fn save(
    tx: &mut PgConnection,
    ledger: &Ledger,
    accepted: &[(&Append, &Written)],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if accepted.is_empty() {
        return Ok(());
    }
    save_events(tx, accepted).await?;
    save_heads(tx, ledger, accepted).await?;
    save_claims(tx, accepted).await?;
    save_numbers(tx, ledger, accepted).await?;
    save_commands(tx, accepted, now).await
}

async fn save_events(tx: &mut PgConnection, accepted: &[(&Append, &Written)]) -> Result<(), sqlx::Error> {
    let events: Vec<_> = accepted.iter().flat_map(|(_, written)| &written.events).collect();
    if events.is_empty() {
        return Ok(());
    }
    let insert = "insert into log.events (workspace_id, position, stream_category, stream_id, version, event_id, type, schema, data, metadata, recorded_at, hash) \
        select workspace_id, position, stream_category, stream_id, version, event_id, type, schema, data::json, metadata::json, recorded_at, hash \
        from unnest($1::uuid[], $2::bigint[], $3::text[], $4::uuid[], $5::bigint[], $6::uuid[], $7::text[], $8::int[], $9::text[], $10::text[], $11::timestamptz[], $12::bytea[]) \
        e(workspace_id, position, stream_category, stream_id, version, event_id, type, schema, data, metadata, recorded_at, hash)";
    sqlx::query(insert)
        .bind(events.iter().map(|e| e.workspace).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.position).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.category.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.stream_id).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.version).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.event_id).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.event_type.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.schema).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.data.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.metadata.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.recorded_at).collect::<Vec<_>>())
        .bind(events.iter().map(|e| e.hash.as_slice()).collect::<Vec<_>>())
        .execute(tx)
        .await?;
    Ok(())
}

async fn save_heads(
    tx: &mut PgConnection,
    ledger: &Ledger,
    accepted: &[(&Append, &Written)],
) -> Result<(), sqlx::Error> {
    let touched: BTreeSet<Uuid> = accepted.iter().map(|(append, _)| append.workspace).collect();
    let heads: Vec<Head> = touched.iter().map(|workspace| ledger.head(*workspace)).collect();
    let update = "update log.heads h set position = n.position, hash = n.hash, recorded_at = n.recorded_at \
        from unnest($1::uuid[], $2::bigint[], $3::bytea[], $4::timestamptz[]) n(workspace_id, position, hash, recorded_at) where h.workspace_id = n.workspace_id";
    sqlx::query(update)
        .bind(touched.into_iter().collect::<Vec<_>>())
        .bind(heads.iter().map(|head| head.position).collect::<Vec<_>>())
        .bind(heads.iter().map(|head| head.hash.as_slice()).collect::<Vec<_>>())
        .bind(heads.iter().map(|head| head.recorded_at).collect::<Vec<_>>())
        .execute(tx)
        .await?;
    Ok(())
}

async fn save_claims(tx: &mut PgConnection, accepted: &[(&Append, &Written)]) -> Result<(), sqlx::Error> {
    let mut last: HashMap<(Uuid, &str, &str), Option<Uuid>> = HashMap::new();
    for (append, _) in accepted {
        for claim in &append.claims {
            let owner = (claim.act == ClaimAct::Take).then_some(claim.stream_id);
            last.insert((append.workspace, claim.kind, &claim.key), owner);
        }
    }
    if last.is_empty() {
        return Ok(());
    }
    let (mut workspaces, mut kinds, mut keys, mut owners) = (vec![], vec![], vec![], vec![]);
    for ((workspace, kind, key), owner) in last {
        workspaces.push(workspace);
        kinds.push(kind);
        keys.push(key);
        owners.push(owner);
    }
    let replace = "with last as (select * from unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[]) l(workspace_id, kind, key, stream_id)), \
        released as (delete from log.claims c using last l where l.stream_id is null and (c.workspace_id, c.kind, c.key) = (l.workspace_id, l.kind, l.key)) \
        insert into log.claims (workspace_id, kind, key, stream_id) select workspace_id, kind, key, stream_id from last where stream_id is not null \
        on conflict (workspace_id, kind, key) do update set stream_id = excluded.stream_id";
    sqlx::query(replace)
        .bind(workspaces)
        .bind(kinds)
        .bind(keys)
        .bind(owners)
        .execute(tx)
        .await?;
    Ok(())
}

async fn save_numbers(
    tx: &mut PgConnection,
    ledger: &Ledger,
    accepted: &[(&Append, &Written)],
) -> Result<(), sqlx::Error> {
    let used: BTreeSet<(Uuid, &'static str, i32)> = accepted.iter().flat_map(|(append, _)| series(append)).collect();
    if used.is_empty() {
        return Ok(());
    }
    let last = |(workspace, series, year): &(Uuid, &'static str, i32)| {
        ledger
            .numbers
            .get(&(*workspace, (*series, *year)))
            .copied()
            .unwrap_or(0)
    };
    let upsert = "insert into log.numbers (workspace_id, series, year, last) select * from unnest($1::uuid[], $2::text[], $3::int[], $4::bigint[]) \
        on conflict (workspace_id, series, year) do update set last = excluded.last";
    sqlx::query(upsert)
        .bind(used.iter().map(|(workspace, ..)| *workspace).collect::<Vec<_>>())
        .bind(used.iter().map(|(_, series, _)| *series).collect::<Vec<_>>())
        .bind(used.iter().map(|(.., year)| *year).collect::<Vec<_>>())
        .bind(used.iter().map(last).collect::<Vec<_>>())
        .execute(tx)
        .await?;
    Ok(())
}

async fn save_commands(
    tx: &mut PgConnection,
    accepted: &[(&Append, &Written)],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let entered: Vec<_> = accepted
        .iter()
        .filter_map(|(append, written)| append.command.map(|command| (*append, command, *written)))
        .collect();
    if entered.is_empty() {
        return Ok(());
    }
    let first = |written: &Written| written.position - i64::try_from(written.events.len()).unwrap_or(0) + 1;
    let insert = "insert into log.commands (workspace_id, command_id, request_hash, first_position, last_position, answer, recorded_at) \
        select w, c, h, f, l, a, $7 from unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bigint[], $5::bigint[], $6::text[]) n(w, c, h, f, l, a)";
    sqlx::query(insert)
        .bind(entered.iter().map(|(append, ..)| append.workspace).collect::<Vec<_>>())
        .bind(entered.iter().map(|(_, command, _)| command.id).collect::<Vec<_>>())
        .bind(
            entered
                .iter()
                .map(|(_, command, _)| command.request_hash.as_slice())
                .collect::<Vec<_>>(),
        )
        .bind(entered.iter().map(|(.., written)| first(written)).collect::<Vec<_>>())
        .bind(entered.iter().map(|(.., written)| written.position).collect::<Vec<_>>())
        .bind(
            entered
                .iter()
                .map(|(append, ..)| append.answer.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(now)
        .execute(tx)
        .await?;
    Ok(())
}
