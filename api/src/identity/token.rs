//! Access tokens: short-lived JWTs signed with Ed25519. The key is made once and kept in the database, so that every
//! node reads what any node wrote.

use super::secrets;
use crate::problem::{Code, Problem};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::Utc;
use ed25519_dalek::{SigningKey, pkcs8::EncodePrivateKey};
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode, errors::ErrorKind,
};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use std::{collections::HashMap, time::Duration};
use uuid::Uuid;

pub struct Tokens {
    kid: String,
    signing: EncodingKey,
    /// Older keys too: a token stays good until it expires.
    verifying: HashMap<String, DecodingKey>,
    validation: Validation,
    lifetime: Duration,
    pepper: [u8; 32],
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user.
    pub sub: Uuid,
    /// Where they enter by default.
    pub wid: Option<Uuid>,
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
        let keys = keys(pool).await?;
        Self::from_keys(&keys, lifetime)
    }

    /// The newest key comes first.
    fn from_keys(keys: &[(String, Vec<u8>)], lifetime: Duration) -> Result<Self, KeyError> {
        let mut verifying = HashMap::new();
        let mut newest = None;
        for (kid, seed) in keys {
            let seed: &[u8; 32] = seed.as_slice().try_into().map_err(|_| KeyError::Malformed)?;
            let key = SigningKey::from_bytes(seed);
            verifying.insert(kid.clone(), DecodingKey::from_ed_der(key.verifying_key().as_bytes()));
            if newest.is_none() {
                let der = key.to_pkcs8_der().map_err(|_| KeyError::Malformed)?;
                newest = Some((
                    kid.clone(),
                    EncodingKey::from_ed_der(der.as_bytes()),
                    secrets::digest(&[b"prometric.pepper", seed]),
                ));
            }
        }
        let (kid, signing, pepper) = newest.ok_or(KeyError::Malformed)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = 0;
        validation.set_required_spec_claims(&["exp", "sub"]);
        Ok(Self {
            kid,
            signing,
            verifying,
            validation,
            lifetime,
            pepper,
        })
    }

    pub fn issue(&self, user: Uuid, workspace: Option<Uuid>) -> Result<String, Problem> {
        let now = Utc::now().timestamp();
        let lifetime = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX);
        let claims = Claims {
            sub: user,
            wid: workspace,
            iat: now,
            exp: now.saturating_add(lifetime),
            jti: Uuid::now_v7(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.kid.clone());
        encode(&header, &claims, &self.signing).map_err(|error| {
            tracing::error!(%error, "a token could not be signed");
            Problem::internal()
        })
    }

    pub fn read(&self, token: &str) -> Result<Claims, Problem> {
        let header = decode_header(token).map_err(|_| Problem::unauthorized())?;
        let key = header
            .kid
            .and_then(|kid| self.verifying.get(&kid))
            .ok_or_else(Problem::unauthorized)?;
        let read = decode::<Claims>(token, key, &self.validation);
        read.map(|token| token.claims).map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => Problem::new(Code::AuthTokenExpired),
            _ => Problem::unauthorized(),
        })
    }

    /// Whose token this is, though it may just have expired: to count what they ask, never to let them in.
    pub fn holder(&self, token: &str) -> Option<Claims> {
        let key = self.verifying.get(&decode_header(token).ok()?.kid?)?;
        let mut lenient = self.validation.clone();
        lenient.leeway = 60 * 60;
        decode::<Claims>(token, key, &lenient).ok().map(|token| token.claims)
    }

    /// A secret that makes hashes of guessable things useless to others.
    pub fn pepper(&self) -> &[u8] {
        &self.pepper
    }
}

/// All keys, the newest first. Two nodes that start at once agree on one.
async fn keys(pool: &PgPool) -> Result<Vec<(String, Vec<u8>)>, sqlx::Error> {
    let mut tx = pool.begin().await?;
    sqlx::query("lock table platform.signing_keys in share row exclusive mode")
        .execute(&mut *tx)
        .await?;
    let all = "select kid, seed from platform.signing_keys order by created_at desc, kid";
    let mut keys: Vec<(String, Vec<u8>)> = sqlx::query_as(all).fetch_all(&mut *tx).await?;
    if keys.is_empty() {
        let seed = secrets::random();
        let kid =
            URL_SAFE_NO_PAD.encode(&secrets::digest(&[SigningKey::from_bytes(&seed).verifying_key().as_bytes()])[..9]);
        sqlx::query("insert into platform.signing_keys (kid, seed) values ($1, $2)")
            .bind(&kid)
            .bind(&seed[..])
            .execute(&mut *tx)
            .await?;
        keys.push((kid, seed.to_vec()));
    }
    tx.commit().await?;
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(kid: &str, seed: u8, lifetime: u64) -> Tokens {
        Tokens::from_keys(&[(kid.to_owned(), vec![seed; 32])], Duration::from_secs(lifetime)).unwrap()
    }

    #[test]
    fn what_is_issued_can_be_read() {
        let tokens = tokens("a", 1, 60);
        let (user, workspace) = (Uuid::now_v7(), Some(Uuid::now_v7()));
        let claims = tokens.read(&tokens.issue(user, workspace).unwrap()).unwrap();
        assert_eq!((claims.sub, claims.wid, claims.exp - claims.iat), (user, workspace, 60));
    }

    #[test]
    fn another_key_and_garbage_are_unauthorized() {
        let foreign = tokens("a", 2, 60).issue(Uuid::now_v7(), None).unwrap();
        for token in [foreign.as_str(), "", "a.b.c", "null"] {
            assert_eq!(
                tokens("a", 1, 60).read(token).unwrap_err().code(),
                Code::AuthUnauthorized,
                "{token}"
            );
        }
    }

    #[test]
    fn an_expired_token_says_so() {
        let tokens = tokens("a", 1, 60);
        let claims = Claims {
            sub: Uuid::now_v7(),
            wid: None,
            iat: 0,
            exp: Utc::now().timestamp() - 1,
            jti: Uuid::now_v7(),
        };
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some("a".into());
        let expired = encode(&header, &claims, &tokens.signing).unwrap();
        assert_eq!(tokens.read(&expired).unwrap_err().code(), Code::AuthTokenExpired);
    }

    #[test]
    fn an_unsigned_token_is_worth_nothing() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"0190c2a5-0000-7000-8000-000000000000","exp":99999999999}"#);
        for header in [r#"{"alg":"none","kid":"a"}"#, r#"{"alg":"HS256","kid":"a"}"#] {
            let token = format!("{}.{claims}.", URL_SAFE_NO_PAD.encode(header));
            assert_eq!(
                tokens("a", 1, 60).read(&token).unwrap_err().code(),
                Code::AuthUnauthorized,
                "{header}"
            );
        }
    }
}
