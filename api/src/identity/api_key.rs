//! Keys that machines sign in with: `pk_`, 256 random bits and a checksum, kept only as a hash. Whoever makes one says what it
//! may do, until when and from where; it acts in their name and may never do more than they may.

pub mod known;
mod routes;

pub use routes::router;

use super::secrets::{self, Pepper};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use log::CommandId;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// What tells a key from an access token.
pub const PREFIX: &str = "pk_";
const SECRET_LENGTH: usize = 32;
const CHECKSUM_LENGTH: usize = 6;

/// A new key's text. Under an `Idempotency-Key` a repeat makes the same one, so that it can be told again and is kept nowhere.
fn draw(pepper: &Pepper, keyed: Option<(&str, CommandId)>) -> String {
    let secret = match keyed {
        Some((key, command)) => pepper.tag(
            "api_key",
            &[command.id.as_bytes(), &command.request_hash, key.as_bytes()],
        ),
        None => secrets::random(),
    };
    let checked = [&secret[..], &checksum(pepper, &secret)].concat();
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(checked))
}

/// Its hash; `None`: nobody was ever given that key, which costs no look at the database.
fn hash(pepper: &Pepper, text: &str) -> Option<[u8; 32]> {
    let checked = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
    let (secret, sum) = checked.split_at_checked(SECRET_LENGTH)?;
    (sum == checksum(pepper, secret)).then(|| secrets::digest(&[secret]))
}

fn checksum(pepper: &Pepper, secret: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    let [a, b, c, d, e, f, ..] = pepper.tag("api_key.checksum", &[secret]);
    [a, b, c, d, e, f]
}

/// Keeps a key's hash; those before it are good until then.
async fn keep(
    connection: &mut PgConnection,
    key: Uuid,
    hash: [u8; 32],
    until: Option<DateTime<Utc>>,
) -> Result<(), sqlx::Error> {
    let keep = "insert into platform.api_key_secrets (hash, key_id) values ($1, $2) on conflict (hash) do nothing";
    sqlx::query(keep)
        .bind(&hash[..])
        .bind(key)
        .execute(&mut *connection)
        .await?;
    // A repeat that comes late ends nothing that was made after it.
    let lapse = "update platform.api_key_secrets set expires_at = least($3, coalesce(expires_at, $3)) \
        where key_id = $1 and created_at < (select created_at from platform.api_key_secrets where hash = $2)";
    sqlx::query(lapse)
        .bind(key)
        .bind(&hash[..])
        .bind(until)
        .execute(connection)
        .await
        .map(drop)
}

/// None of the key's secrets opens anything any more.
async fn forget(pool: &PgPool, key: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query("delete from platform.api_key_secrets where key_id = $1")
        .bind(key)
        .execute(pool)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::secrets::pepper_of;

    #[test]
    fn a_key_is_known_by_its_checksum_and_drawn_anew_but_for_a_repeat() {
        let pepper = pepper_of(1);
        let one = draw(&pepper, None);
        assert!(one.starts_with(PREFIX) && hash(&pepper, &one).is_some(), "{one}");
        assert!(hash(&pepper_of(2), &one).is_none(), "of another installation");
        let mut other = one.clone();
        let last = other.pop();
        other.push(if last == Some('A') { 'B' } else { 'A' });
        for garbage in [other.as_str(), "pk_", "pk_a", "pk_é", "a", &one[1..]] {
            assert!(hash(&pepper, garbage).is_none(), "{garbage}");
        }
        assert_ne!(draw(&pepper, None), one);
        let command = |id| CommandId {
            id: Uuid::from_u128(id),
            request_hash: [7; 32],
        };
        let drawn = |id| draw(&pepper, Some(("1", command(id))));
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
    }
}
