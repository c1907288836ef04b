//! Access tokens: short-lived JWTs signed with Ed25519. The keys stand in the database, so that every node reads what any
//! node wrote; each node learns of a new one by itself, at the latest when it sees a token signed with it.

use super::{eddsa, secrets};
use crate::problem::{Code, Problem};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use ed25519_dalek::{SigningKey, pkcs8::EncodePrivateKey};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode, errors::ErrorKind,
};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};
use tokio::sync::Mutex;
use uuid::Uuid;

/// How often the keys are looked at; a key that was dropped is honoured no longer than this.
const LOOK: Duration = Duration::from_secs(30);
/// How often a token with an unknown key may have us look, whoever sends such tokens.
const LOOK_MIN: Duration = Duration::from_secs(1);

/// The most tokens that are remembered.
const KNOWN_MAX: u64 = 20_000;

pub struct Tokens {
    pool: PgPool,
    keys: RwLock<Arc<Keys>>,
    /// What was verified, by the token: to verify costs more than all else that is done before a handler begins. The key
    /// must still be there, and the token not have expired since.
    known: Cache<String, (Arc<str>, Claims)>,
    looked: Mutex<Option<Instant>>,
    validation: Validation,
    lifetime: Duration,
}

struct Keys {
    /// Of the newest.
    kid: String,
    signing: EncodingKey,
    /// Older ones too: a token stays good until it expires.
    verifying: HashMap<String, DecodingKey>,
    /// By their ids, base64url.
    public: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user.
    pub sub: Uuid,
    /// Where they enter by default.
    pub wid: Option<Uuid>,
    /// The session it belongs to, and ends with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<Uuid>,
    pub iat: i64,
    pub exp: i64,
    pub jti: Uuid,
}

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("the stored key is not an Ed25519 key")]
    Malformed,
}

impl Tokens {
    /// Loads the keys, and makes the first one when there is none.
    pub async fn open(pool: &PgPool, lifetime: Duration) -> Result<Self, KeyError> {
        Ok(Self::with(pool.clone(), Keys::new(&first(pool).await?)?, lifetime))
    }

    fn with(pool: PgPool, keys: Keys, lifetime: Duration) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = 0;
        validation.set_required_spec_claims(&["exp", "sub"]);
        Self {
            pool,
            keys: RwLock::new(Arc::new(keys)),
            known: Cache::new(KNOWN_MAX),
            looked: Mutex::new(None),
            validation,
            lifetime,
        }
    }

    /// Looks at the keys from time to time, for ever.
    pub async fn keep_fresh(&self) {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "the signing keys cannot be looked at");
            }
        }
    }

    pub fn issue(&self, user: Uuid, workspace: Option<Uuid>, session: Option<Uuid>) -> Result<String, Problem> {
        let now = Utc::now().timestamp();
        let lifetime = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX);
        let claims = Claims {
            sub: user,
            wid: workspace,
            sid: session,
            iat: now,
            exp: now.saturating_add(lifetime),
            jti: Uuid::now_v7(),
        };
        let keys = self.keys();
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(keys.kid.clone());
        encode(&header, &claims, &keys.signing).map_err(|error| {
            tracing::error!(%error, "a token could not be signed");
            Problem::internal()
        })
    }

    pub async fn read(&self, token: &str) -> Result<Claims, Problem> {
        if let Some((kid, claims)) = self.known.get(token)
            && claims.exp > Utc::now().timestamp()
            && self.keys().verifying.contains_key(kid.as_ref())
        {
            return Ok(claims);
        }
        let (kid, claims) = self.verify(token).await?;
        self.known.insert(token.to_owned(), (kid.into(), claims.clone()));
        Ok(claims)
    }

    /// The id of the key it was signed with, and what it says.
    async fn verify(&self, token: &str) -> Result<(String, Claims), Problem> {
        let header = decode_header(token).map_err(|_| Problem::unauthorized())?;
        let kid = header.kid.ok_or_else(Problem::unauthorized)?;
        let mut keys = self.keys();
        if !keys.verifying.contains_key(&kid) {
            keys = self.look_for(&kid).await?;
        }
        let key = keys.verifying.get(&kid).ok_or_else(Problem::unauthorized)?;
        match decode::<Claims>(token, key, &self.validation) {
            Ok(read) => Ok((kid, read.claims)),
            Err(error) => Err(match error.kind() {
                ErrorKind::ExpiredSignature => Problem::new(Code::AuthTokenExpired),
                _ => Problem::unauthorized(),
            }),
        }
    }

    /// A lock held by a panic guards one pointer, whole before and after.
    fn keys(&self) -> Arc<Keys> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The keys as they are now, if we have not looked just before; others wait for whoever looks.
    async fn look_for(&self, kid: &str) -> Result<Arc<Keys>, Problem> {
        let mut looked = self.looked.lock().await;
        let keys = self.keys();
        if keys.verifying.contains_key(kid) || looked.is_some_and(|looked| looked.elapsed() < LOOK_MIN) {
            return Ok(keys);
        }
        *looked = Some(Instant::now());
        match self.look().await {
            Ok(()) => Ok(self.keys()),
            Err(KeyError::Database(error)) => Err(error.into()),
            Err(KeyError::Malformed) => {
                tracing::error!("a signing key is malformed");
                Err(Problem::internal())
            }
        }
    }

    async fn look(&self) -> Result<(), KeyError> {
        let keys = Keys::new(&all(&mut *self.pool.acquire().await?).await?)?;
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        Ok(())
    }

    /// What others verify access tokens with, as RFC 7517 and 8037 write it; the newest key first.
    pub fn published(&self) -> Value {
        let keys = self.keys();
        let key = |kid: &String, x: &String| json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": kid, "x": x});
        let published: Vec<Value> = keys.public.iter().map(|(kid, x)| key(kid, x)).collect();
        json!({ "keys": published })
    }

    /// Whose token this is, though it may just have expired: to count what they ask, never to let them in.
    pub fn holder(&self, token: &str) -> Option<Claims> {
        let keys = self.keys();
        let key = keys.verifying.get(&decode_header(token).ok()?.kid?)?;
        let mut lenient = self.validation.clone();
        lenient.leeway = 60 * 60;
        decode::<Claims>(token, key, &lenient).ok().map(|token| token.claims)
    }
}

impl Keys {
    /// The newest key comes first.
    fn new(keys: &[(String, Vec<u8>)]) -> Result<Self, KeyError> {
        eddsa::install();
        let mut verifying = HashMap::new();
        let mut public = Vec::with_capacity(keys.len());
        let mut newest = None;
        for (kid, seed) in keys {
            let seed: &[u8; 32] = seed.as_slice().try_into().map_err(|_| KeyError::Malformed)?;
            let key = SigningKey::from_bytes(seed);
            verifying.insert(kid.clone(), DecodingKey::from_ed_der(key.verifying_key().as_bytes()));
            public.push((kid.clone(), URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes())));
            if newest.is_none() {
                let der = key.to_pkcs8_der().map_err(|_| KeyError::Malformed)?;
                newest = Some((kid.clone(), EncodingKey::from_ed_der(der.as_bytes())));
            }
        }
        let (kid, signing) = newest.ok_or(KeyError::Malformed)?;
        Ok(Self {
            kid,
            signing,
            verifying,
            public,
        })
    }
}

/// Makes a new key, with which all nodes sign from now on. Tokens signed with the others stay good until they expire,
/// unless those are dropped: then everybody signs in or refreshes anew.
pub async fn rotate(pool: &PgPool, drop_others: bool) -> Result<String, sqlx::Error> {
    let mut tx = pool.begin().await?;
    lock(&mut tx).await?;
    let (kid, _) = make(&mut tx).await?;
    if drop_others {
        sqlx::query("delete from platform.signing_keys where kid <> $1")
            .bind(&kid)
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(kid)
}

/// All keys, the newest first; the first one is made. Two nodes that start at once agree on it.
async fn first(pool: &PgPool) -> Result<Vec<(String, Vec<u8>)>, sqlx::Error> {
    let mut tx = pool.begin().await?;
    lock(&mut tx).await?;
    let mut keys = all(&mut tx).await?;
    if keys.is_empty() {
        keys.push(make(&mut tx).await?);
    }
    tx.commit().await?;
    Ok(keys)
}

async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("lock table platform.signing_keys in share row exclusive mode")
        .execute(connection)
        .await
        .map(drop)
}

async fn all(connection: &mut PgConnection) -> Result<Vec<(String, Vec<u8>)>, sqlx::Error> {
    sqlx::query_as("select kid, seed from platform.signing_keys order by created_at desc, kid")
        .fetch_all(connection)
        .await
}

async fn make(connection: &mut PgConnection) -> Result<(String, Vec<u8>), sqlx::Error> {
    let seed = secrets::random();
    let public = SigningKey::from_bytes(&seed).verifying_key();
    let kid = URL_SAFE_NO_PAD.encode(&secrets::digest(&[public.as_bytes()])[..9]);
    sqlx::query("insert into platform.signing_keys (kid, seed, created_at) values ($1, $2, clock_timestamp())")
        .bind(&kid)
        .bind(&seed[..])
        .execute(connection)
        .await?;
    Ok((kid, seed.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(kid: &str, seed: u8, lifetime: u64) -> Tokens {
        // Nobody listens there: what asks the database fails.
        let pool = PgPool::connect_lazy("postgres://127.0.0.1:1/none").unwrap();
        let keys = Keys::new(&[(kid.to_owned(), vec![seed; 32])]).unwrap();
        Tokens::with(pool, keys, Duration::from_secs(lifetime))
    }

    #[tokio::test]
    async fn what_is_issued_can_be_read() {
        let tokens = tokens("a", 1, 60);
        let (user, workspace) = (Uuid::now_v7(), Some(Uuid::now_v7()));
        let claims = tokens
            .read(&tokens.issue(user, workspace, None).unwrap())
            .await
            .unwrap();
        assert_eq!((claims.sub, claims.wid, claims.exp - claims.iat), (user, workspace, 60));
    }

    #[tokio::test]
    async fn another_key_and_garbage_are_unauthorized() {
        let foreign = tokens("a", 2, 60).issue(Uuid::now_v7(), None, None).unwrap();
        for token in [foreign.as_str(), "", "a.b.c", "null"] {
            assert_eq!(
                tokens("a", 1, 60).read(token).await.unwrap_err().code(),
                Code::AuthUnauthorized,
                "{token}"
            );
        }
    }

    #[tokio::test]
    async fn a_token_that_was_read_before_ends_with_its_time_and_with_its_key() {
        let tokens = tokens("a", 1, 60);
        let token = tokens.issue(Uuid::now_v7(), None, None).unwrap();
        let claims = tokens.read(&token).await.unwrap();
        let expired = Claims {
            exp: Utc::now().timestamp(),
            ..claims
        };
        tokens.known.insert("expired".to_owned(), ("a".into(), expired.clone()));
        assert!(tokens.read("expired").await.is_err());
        *tokens.keys.write().unwrap() = Arc::new(Keys::new(&[("b".to_owned(), vec![2; 32])]).unwrap());
        *tokens.looked.lock().await = Some(Instant::now()); // nobody is asked
        assert_eq!(tokens.read(&token).await.unwrap_err().code(), Code::AuthUnauthorized);
    }

    #[tokio::test]
    async fn an_expired_token_says_so() {
        let tokens = tokens("a", 1, 60);
        let claims = Claims {
            sub: Uuid::now_v7(),
            wid: None,
            sid: None,
            iat: 0,
            exp: Utc::now().timestamp() - 1,
            jti: Uuid::now_v7(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some("a".into());
        let expired = encode(&header, &claims, &tokens.keys().signing).unwrap();
        assert_eq!(tokens.read(&expired).await.unwrap_err().code(), Code::AuthTokenExpired);
    }

    #[tokio::test]
    async fn an_unsigned_token_is_worth_nothing() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"0190c2a5-0000-7000-8000-000000000000","exp":99999999999}"#);
        for header in [r#"{"alg":"none","kid":"a"}"#, r#"{"alg":"HS256","kid":"a"}"#] {
            let token = format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(header));
            assert_eq!(
                tokens("a", 1, 60).read(&token).await.unwrap_err().code(),
                Code::AuthUnauthorized,
                "{header}"
            );
        }
    }
}
