//! What is kept of groups, in PostgreSQL beside the log. Whoever runs a group writes under the epoch that they began with: when
//! another has begun, their last word is refused, and nothing is done twice that was kept.

use super::{group::Progress, settings::Settings};
use log::migrate::{self, Migration};
use sqlx::{PgPool, Row, postgres::PgRow, types::Json};
use uuid::Uuid;

const MIGRATIONS: &[Migration] = &[Migration::new(
    "0001_groups",
    include_str!("../../../../migrations/subscriptions/0001_groups.sql"),
)];

/// Which group.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    pub workspace: Uuid,
    /// As clients call it.
    pub stream: String,
    pub name: String,
}

/// A group as it is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    pub settings: Settings,
    /// It began behind that place.
    pub start: i64,
    pub progress: Progress,
    pub epoch: i64,
    /// Where whoever ran it last is reached.
    pub at: Option<(String, u16)>,
    pub parked: i64,
}

/// Messages that were parked, and why; and those that are tried again.
#[derive(Debug, Default)]
pub struct Parking {
    pub parked: Vec<(i64, String)>,
    pub replayed: Vec<i64>,
}

impl Parking {
    pub fn is_empty(&self) -> bool {
        self.parked.is_empty() && self.replayed.is_empty()
    }
}

#[derive(Clone)]
pub struct Store(PgPool);

type Done<T> = Result<T, sqlx::Error>;

/// Columns of [`kept`].
macro_rules! columns {
    () => {
        "g.settings, g.start, g.taken, g.open, g.epoch, g.host, g.port, (select count(*) from subscriptions.parked p \
            where (p.workspace_id, p.stream, p.name) = (g.workspace_id, g.stream, g.name))"
    };
}

impl Store {
    /// Makes the tables, if they are not there.
    pub async fn open(pool: PgPool) -> Done<Self> {
        migrate::apply(&mut *pool.acquire().await?, "subscriptions", MIGRATIONS).await?;
        Ok(Self(pool))
    }

    /// `false`: there is one of that name.
    pub async fn create(&self, key: &Key, settings: &Settings, start: i64) -> Done<bool> {
        let create = "insert into subscriptions.groups (workspace_id, stream, name, settings, start, taken) \
            values ($1, $2, $3, $4, $5, $5) on conflict do nothing";
        let created = bound(create, key).bind(Json(settings)).bind(start);
        Ok(created.execute(&self.0).await?.rows_affected() == 1)
    }

    /// Whoever runs it has to begin anew. `false`: there is none.
    pub async fn update(&self, key: &Key, settings: &Settings) -> Done<bool> {
        let update = "update subscriptions.groups set settings = $4, epoch = epoch + 1 \
            where (workspace_id, stream, name) = ($1, $2, $3)";
        let updated = bound(update, key).bind(Json(settings)).execute(&self.0).await?;
        Ok(updated.rows_affected() == 1)
    }

    /// `false`: there is none.
    pub async fn delete(&self, key: &Key) -> Done<bool> {
        let delete = "delete from subscriptions.groups where (workspace_id, stream, name) = ($1, $2, $3)";
        Ok(bound(delete, key).execute(&self.0).await?.rows_affected() == 1)
    }

    pub async fn find(&self, key: &Key) -> Done<Option<Kept>> {
        let find = concat!(
            "select ",
            columns!(),
            " from subscriptions.groups g where (workspace_id, stream, name) = ($1, $2, $3)"
        );
        bound(find, key).try_map(|row| kept(&row)).fetch_optional(&self.0).await
    }

    /// Those of a workspace, or of one of its streams.
    pub async fn list(&self, workspace: Uuid, stream: Option<&str>) -> Done<Vec<(Key, Kept)>> {
        let list = concat!(
            "select ",
            columns!(),
            ", g.stream, g.name from subscriptions.groups g where workspace_id = $1 and stream = coalesce($2, stream) \
             order by stream, name"
        );
        let named = |row: PgRow| {
            let key = Key {
                workspace,
                stream: row.try_get(8)?,
                name: row.try_get(9)?,
            };
            Ok((key, kept(&row)?))
        };
        let list = sqlx::query(list).bind(workspace).bind(stream);
        list.try_map(named).fetch_all(&self.0).await
    }

    /// Begins to run it, and with that ends whoever ran it before. Nothing: there is none.
    pub async fn begin(&self, key: &Key, host: &str, port: u16) -> Done<Option<Kept>> {
        let begin = concat!(
            "update subscriptions.groups g set epoch = epoch + 1, host = $4, port = $5 \
             where (workspace_id, stream, name) = ($1, $2, $3) returning ",
            columns!()
        );
        let begun = bound(begin, key).bind(host).bind(i32::from(port));
        begun.try_map(|row| kept(&row)).fetch_optional(&self.0).await
    }

    /// How far it has come, together with what was parked on the way. `false`: another has begun, or it is gone.
    pub async fn save(&self, key: &Key, epoch: i64, progress: &Progress, parking: &Parking) -> Done<bool> {
        let mut tx = self.0.begin().await?;
        let save = "update subscriptions.groups set taken = $5, open = $6 \
            where (workspace_id, stream, name) = ($1, $2, $3) and epoch = $4";
        let saved = bound(save, key)
            .bind(epoch)
            .bind(progress.taken)
            .bind(Json(&progress.open));
        if saved.execute(&mut *tx).await?.rows_affected() == 0 {
            return Ok(false);
        }
        if !parking.replayed.is_empty() {
            let replayed = "delete from subscriptions.parked where (workspace_id, stream, name) = ($1, $2, $3) and place = any($4)";
            bound(replayed, key).bind(&parking.replayed).execute(&mut *tx).await?;
        }
        if !parking.parked.is_empty() {
            let park = "insert into subscriptions.parked (workspace_id, stream, name, place, why) \
                select $1, $2, $3, place, why from unnest($4::bigint[], $5::text[]) p(place, why) \
                on conflict (workspace_id, stream, name, place) do update set why = excluded.why, replay = false";
            let (places, whys): (Vec<i64>, Vec<&str>) =
                parking.parked.iter().map(|(place, why)| (*place, why.as_str())).unzip();
            bound(park, key).bind(places).bind(whys).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// Has so many parked messages tried again, those that were parked first.
    pub async fn replay(&self, key: &Key, count: Option<i64>) -> Done<()> {
        let replay = "update subscriptions.parked set replay = true where (workspace_id, stream, name) = ($1, $2, $3) \
            and place in (select place from subscriptions.parked where (workspace_id, stream, name) = ($1, $2, $3) \
                and not replay order by parked_at, place limit $4)";
        bound(replay, key).bind(count).execute(&self.0).await.map(drop)
    }

    /// Those that are to be tried again, at most so many.
    pub async fn replayed(&self, key: &Key, limit: usize) -> Done<Vec<i64>> {
        let replayed = "select place from subscriptions.parked where (workspace_id, stream, name) = ($1, $2, $3) and replay \
            order by parked_at, place limit $4";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let places = bound(replayed, key).bind(limit);
        places.try_map(|row: PgRow| row.try_get(0)).fetch_all(&self.0).await
    }
}

type Bound<'q> = sqlx::query::Query<'q, sqlx::Postgres, sqlx::postgres::PgArguments>;

/// With the key as `$1`, `$2` and `$3`.
fn bound<'q>(sql: &'static str, key: &'q Key) -> Bound<'q> {
    sqlx::query(sql).bind(key.workspace).bind(&key.stream).bind(&key.name)
}

fn kept(row: &PgRow) -> Done<Kept> {
    let (Json(settings), Json(open)) = (row.try_get(0)?, row.try_get(3)?);
    let (host, port): (Option<String>, Option<i32>) = (row.try_get(5)?, row.try_get(6)?);
    Ok(Kept {
        settings,
        start: row.try_get(1)?,
        progress: Progress {
            taken: row.try_get(2)?,
            open,
        },
        epoch: row.try_get(4)?,
        at: host.zip(port.and_then(|port| u16::try_from(port).ok())),
        parked: row.try_get(7)?,
    })
}
