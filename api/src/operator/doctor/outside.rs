//! What stands beside the database: NATS, mail, the store of files, the file with master keys, witnesses.

use super::{Failure, Finding, PATIENCE, Site};
use crate::relay::STREAM;
use async_nats::jetstream::{ErrorCode, context::GetStreamErrorKind};
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use log::{KeyRing, chain};
use tokio::time::timeout;

/// NATS 2.9.
const NATS_MIN: (u32, u32) = (2, 9);

pub async fn nats(site: &Site) -> Result<Finding, Failure> {
    let Some(url) = site.config.nats_url.as_deref().filter(|url| !url.is_empty()) else {
        return Ok(Finding::ok("not configured: events go to nobody outside"));
    };
    let options = async_nats::ConnectOptions::new().connection_timeout(PATIENCE);
    let client = match options.connect(url).await {
        Ok(client) => client,
        Err(error) => {
            let advice = "see that it runs, and what NATS_URL names; until then events wait, and all else works";
            return Ok(Finding::wrong(format!("it does not answer: {error}"), advice));
        }
    };
    let version = client.server_info().version;
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let known = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if known < NATS_MIN {
        return Ok(Finding::wrong(
            format!("version {version}"),
            "upgrade it to 2.9 or newer",
        ));
    }
    let jetstream = async_nats::jetstream::new(client);
    let stream = timeout(PATIENCE, jetstream.get_stream(STREAM)).await?;
    Ok(match stream {
        Ok(_) => Finding::ok(format!("version {version}, with the stream {STREAM}")),
        Err(error) if matches!(error.kind(), GetStreamErrorKind::JetStream(of) if of.error_code() == ErrorCode::STREAM_NOT_FOUND) => {
            Finding::ok(format!(
                "version {version}, with JetStream; the stream {STREAM} is made with the first event"
            ))
        }
        Err(error) => Finding::wrong(
            format!("version {version}, and JetStream is not to be had: {error}"),
            "start nats-server with -js, and let the account use it",
        ),
    })
}

pub async fn mail(site: &Site) -> Result<Finding, Failure> {
    let Some(url) = &site.config.smtp_url else {
        return Ok(match site.config.mail_dir {
            Some(_) => Finding::mind(
                "it goes to files, with the codes in them",
                "set SMTP_URL: files are for trying",
            ),
            None => Finding::mind("not configured: nobody can register", "set SMTP_URL"),
        });
    };
    let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)?;
    let transport: AsyncSmtpTransport<Tokio1Executor> = transport.timeout(Some(PATIENCE)).build();
    let advice = "see that it runs, and what SMTP_URL names";
    Ok(match timeout(PATIENCE * 2, transport.test_connection()).await? {
        Ok(true) => Finding::ok("the SMTP server answers"),
        Ok(false) => Finding::wrong("the SMTP server answers, and takes no mail", advice),
        Err(error) => Finding::wrong(format!("the SMTP server does not answer: {error}"), advice),
    })
}

pub async fn files(site: &Site) -> Result<Finding, Failure> {
    let storage = &site.config.storage;
    let (place, files) = (storage.place(), storage.open()?);
    let tried = timeout(PATIENCE * 2, files.try_to_write()).await;
    Ok(match tried {
        Ok(Ok(())) => Finding::ok(format!("they go to {place}")),
        Ok(Err(error)) => Finding::wrong(
            format!("they cannot go to {place}: {}", chain(&error)),
            "see that FILES_DIR, or S3_BUCKET with its keys, names a place that the server may write to",
        ),
        Err(_) => Finding::wrong(
            format!("{place} does not answer"),
            "see that it runs, and what S3_ENDPOINT names; until then no picture is taken or shown, and all else works",
        ),
    })
}

pub async fn personal_keys(site: &Site) -> Result<Finding, Failure> {
    let Some(file) = &site.config.store.personal_keys_file else {
        return Ok(Finding::mind(
            "the master key stands in the database, beside what it seals",
            "keep it in a file: PERSONAL_KEYS_FILE",
        ));
    };
    Ok(match KeyRing::read(file) {
        Ok(_) => Finding::ok("the master keys are in a file"),
        Err(error) => Finding::wrong(
            error.to_string(),
            "put the file where PERSONAL_KEYS_FILE says, a key a line",
        ),
    })
}

pub async fn witnesses(site: &Site) -> Result<Finding, Failure> {
    let heads = &site.config.heads;
    if heads.witnesses.iter().all(String::is_empty) {
        return Ok(Finding::ok("none: nobody outside is shown where the log stands"));
    }
    let named = match heads.trust.witnesses(&heads.witnesses) {
        Ok(named) => named,
        Err(error) => {
            let advice = "let WITNESS_ROOTS name a file of certificates in PEM; no server starts with this one";
            return Ok(Finding::wrong(chain(&error), advice));
        }
    };
    for witness in &named {
        if let Err(error) = witness.key().await {
            let advice = "see that it runs, what WITNESSES names, and that its certificate leads to one in WITNESS_ROOTS; until then heads wait for it";
            return Ok(Finding::wrong(chain(&error), advice));
        }
    }
    Ok(match heads.heads_every {
        Some(_) => Finding::ok(format!("all {} answer", named.len())),
        None => Finding::mind(
            "they answer, and are shown nothing",
            "set HEADS_EVERY: how often heads are signed",
        ),
    })
}
