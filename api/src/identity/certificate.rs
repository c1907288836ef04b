//! Signing in by electronic digital signature (ЭЦП), as document 3 has it: the server gives a text with a nonce, the client has
//! the person's key sign it (NCALayer, CMS), and the certificate's IIN says who it is. Who may sign in so is who was signed in
//! otherwise when they linked their certificate: an IIN in a certificate alone opens nobody's account.

use super::{registration::require, sign_in};
use crate::{
    envelope,
    extract::{Body, SignedIn, Write},
    openapi::{told, told_to_all},
    problem::{Code, Problem},
    reply::Reply,
    state::App,
};
use aide::axum::{ApiRouter, routing::post_with};
use axum::{extract::State, response::Response};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use clap::Args;
use commands::{Actor, Context};
use domain::{
    field::FILLED_LINE,
    id::WorkspaceId,
    identity::user::{User, UserCommand},
};
use log::{
    chain,
    migrate::{self, Migration},
};
use projections::platform;
use rand::RngCore;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use signature::{Refusal, Roots, RootsError, Signer, Source, Sources, Unreachable, Verifier};
use sqlx::PgPool;
use std::{path::PathBuf, time::Duration};
use strum::IntoStaticStr;

/// How long a nonce is good for.
const GOOD_FOR: &str = "5 minutes";

/// Whom signatures are believed of. Without roots nobody signs in so.
#[derive(Debug, Clone, Args)]
pub struct Signatures {
    /// Certificates of the national certification authority (НУЦ РК), roots and those between, in PEM.
    #[arg(long, env = "SIGNATURE_ROOTS", value_name = "FILE")]
    pub signature_roots: Option<PathBuf>,
    /// Addresses that say by OCSP whether a certificate was revoked, with commas between them; asked in this order.
    #[arg(long, env = "SIGNATURE_OCSP", value_name = "URLS", value_delimiter = ',')]
    pub signature_ocsp: Vec<String>,
    /// Addresses of lists of revoked certificates (CRL), asked after those.
    #[arg(long, env = "SIGNATURE_CRL", value_name = "URLS", value_delimiter = ',')]
    pub signature_crl: Vec<String>,
    /// What becomes of a signature when none of them answers, or there is none.
    #[arg(long, env = "SIGNATURE_UNREACHABLE", default_value = "refuse", value_parser = ["refuse", "accept"])]
    pub signature_unreachable: String,
    /// How long one of them may take.
    #[arg(long, env = "SIGNATURE_TIMEOUT", default_value = "5s", value_parser = crate::config::duration)]
    pub signature_timeout: Duration,
}

impl Signatures {
    pub fn verifier(&self) -> Result<Option<Verifier>, RootsError> {
        let Some(roots) = self
            .signature_roots
            .as_ref()
            .filter(|path| !path.as_os_str().is_empty())
        else {
            return Ok(None);
        };
        let given = |urls: &[String]| -> Vec<String> { urls.iter().filter(|url| !url.is_empty()).cloned().collect() };
        let ocsp = given(&self.signature_ocsp).into_iter().map(Source::Ocsp);
        let lists = given(&self.signature_crl).into_iter().map(Source::Crl);
        let unreachable = match self.signature_unreachable.as_str() {
            "accept" => Unreachable::Accept,
            _ => Unreachable::Refuse,
        };
        let sources = Sources::new(ocsp.chain(lists).collect(), unreachable, self.signature_timeout);
        Ok(Some(Verifier::new(Roots::read(roots)?, sources)))
    }
}

pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::Error> {
    let migrations = &[Migration::new(
        "0015_nonces",
        include_str!("../../../migrations/platform/0015_nonces.sql"),
    )];
    migrate::apply(&mut *pool.acquire().await?, "platform", migrations).await
}

pub fn router() -> ApiRouter<App> {
    let about_nonce = told_to_all("A text to be signed by the key of a certificate, once and within five minutes");
    let about_link = told("Has the signer's certificate sign in to the caller's account from now on");
    ApiRouter::new()
        .api_route("/auth/eds/nonce", post_with(nonce, about_nonce))
        .api_route("/auth/eds/link", post_with(link, about_link))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
enum Purpose {
    #[default]
    SignIn,
    Link,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
struct Ask {
    /// What the signature will be for.
    purpose: Purpose,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Nonce {
    nonce: String,
    /// What is to be signed, as UTF-8: the signature is a CMS message over it, with it inside or beside.
    message: String,
    expires_at: DateTime<Utc>,
}

async fn nonce(State(app): State<App>, _write: Write, Body { value, .. }: Body<Ask>) -> Result<Reply<Nonce>, Problem> {
    configured(&app)?;
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    let nonce = hex::encode(bytes);
    let purpose: &str = value.purpose.into();
    let keep = format!(
        "with lapsed as (delete from platform.nonces where expires_at < log.clock()) \
         insert into platform.nonces (nonce_hash, purpose, expires_at) values ($1, $2, log.clock() + interval '{GOOD_FOR}') \
         returning expires_at"
    );
    let expires_at = sqlx::query_scalar(sqlx::AssertSqlSafe(keep))
        .bind(hash(&nonce))
        .bind(purpose)
        .fetch_one(&app.pool)
        .await?;
    let message = message(value.purpose, &nonce);
    Ok(Reply::of(envelope::ok(Nonce {
        nonce,
        message,
        expires_at,
    })))
}

/// So that what is signed for one thing is no good for another.
fn message(purpose: Purpose, nonce: &str) -> String {
    let purpose: &str = purpose.into();
    format!("prometric|{purpose}|{nonce}")
}

fn hash(nonce: &str) -> Vec<u8> {
    Sha256::digest(nonce).to_vec()
}

/// A signed text.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["nonce", "signature"]))]
pub(super) struct Proof {
    /// As it was given.
    #[schemars(regex(pattern = FILLED_LINE))]
    pub nonce: String,
    /// The CMS message, in base64.
    #[schemars(regex(pattern = FILLED_LINE))]
    pub signature: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Linked {
    /// Of the certificate, in hex.
    serial: String,
    expires_at: Option<DateTime<Utc>>,
}

async fn link(
    State(app): State<App>,
    person: SignedIn,
    write: Write,
    Body { value, .. }: Body<Proof>,
) -> Result<Reply<Linked>, Problem> {
    let signer = verified(&app, Purpose::Link, &value).await?;
    let context = Context {
        actor: Actor::Person(person.user_id),
        ..write.platform()
    };
    let command = UserCommand::LinkCertificate {
        iin: signer.subject.iin,
    };
    let done = app.executor.execute::<User>(person.user_id, &command, &context).await?;
    let linked = Linked {
        serial: signer.serial,
        expires_at: i64::try_from(signer.expires_at)
            .ok()
            .and_then(|at| DateTime::from_timestamp(at, 0)),
    };
    Ok(write.settle(&app, WorkspaceId::PLATFORM, &done).await.ok(linked))
}

/// Begins a session of whoever has linked the certificate that the text was signed with.
pub(super) async fn sign_in(app: &App, write: &Write, proof: Proof) -> Result<Response, Problem> {
    let signer = verified(app, Purpose::SignIn, &proof).await?;
    let owner = app
        .log
        .personal_claim(WorkspaceId::PLATFORM.into(), "user.iin", &signer.subject.iin)
        .await;
    let owner = owner.map_err(|error| {
        tracing::error!(error = %chain(&error), "who has linked a certificate cannot be found out");
        Problem::unavailable("personal.unavailable")
    })?;
    let user = match owner {
        Some(id) => platform::user(&app.pool, id).await?,
        None => None,
    };
    let not_linked = || Problem::new(Code::AuthInvalidCredentials).because("signature.not_linked");
    sign_in::begin(app, write, user.ok_or_else(not_linked)?, true).await // a key, and the word that opens it
}

fn configured(app: &App) -> Result<&Verifier, Problem> {
    app.signatures
        .as_ref()
        .ok_or_else(|| Problem::unavailable("signature.not_configured"))
}

/// Who has signed the text of that nonce, which is worth nothing from now on.
async fn verified(app: &App, purpose: Purpose, proof: &Proof) -> Result<Signer, Problem> {
    require(&[("nonce", &proof.nonce), ("signature", &proof.signature)])?;
    let verifier = configured(app)?;
    let cms: String = proof.signature.split_ascii_whitespace().collect();
    let cms = STANDARD.decode(cms).map_err(|_| refused(&Refusal::Malformed))?;
    let spend = "delete from platform.nonces where nonce_hash = $1 and purpose = $2 \
        returning expires_at > log.clock(), extract(epoch from log.clock())::bigint";
    let purpose_name: &str = purpose.into();
    let spent: Option<(bool, i64)> = sqlx::query_as(spend)
        .bind(hash(&proof.nonce))
        .bind(purpose_name)
        .fetch_optional(&app.pool)
        .await?;
    let Some((true, now)) = spent else {
        return Err(Problem::new(Code::AuthInvalidCredentials).because("signature.nonce"));
    };
    let now = u64::try_from(now).unwrap_or_default();
    let signed = verifier
        .verify(&cms, message(purpose, &proof.nonce).as_bytes(), now)
        .await;
    signed.map_err(|refusal| refused(&refusal))
}

fn refused(refusal: &Refusal) -> Problem {
    let code = match refusal {
        Refusal::Malformed | Refusal::UnknownAlgorithm(_) => Code::ValidationFailed,
        Refusal::GostNotConfigured | Refusal::RevocationUnknown => Code::ServiceUnavailable,
        _ => Code::AuthInvalidCredentials,
    };
    Problem::new(code).because(refusal.code())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_says_what_for() {
        assert_eq!(message(Purpose::SignIn, "n"), "prometric|sign-in|n");
        assert_eq!(message(Purpose::Link, "n"), "prometric|link|n");
    }

    #[test]
    fn every_reason_has_its_words() {
        use crate::i18n::{self, Language};
        let more = [
            "signature.nonce",
            "signature.not_linked",
            "signature.not_configured",
            "personal.unavailable",
        ];
        for code in Refusal::CODES.into_iter().chain(more) {
            for language in ["kk-KZ", "ru-RU", "en-US"] {
                let language = Language::from_tag(language).unwrap();
                assert!(i18n::rejection(language, code, &Default::default()).is_some(), "{code}");
            }
        }
    }
}
