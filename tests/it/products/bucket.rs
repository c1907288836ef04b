//! Pictures in a bucket: spoken to over HTTP as S3 is, every request signed (Signature Version 4, worked out here anew), and told of when it is away.

use super::{
    images::{picture, send},
    *,
};
use axum::{
    Router,
    body::{Bytes, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, Method as Verb, StatusCode},
};
use hmac::{Hmac, Mac};
use image::ImageFormat;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;

const KEY: &str = "AKIDPROMETRIC";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG";
const REGION: &str = "kz-ala-1";

/// What is in the bucket, by path.
type Objects = Arc<Mutex<BTreeMap<String, Bytes>>>;

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn word<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = text.split(&[' ', ','][..]).find_map(|word| word.strip_prefix(name));
    rest?.strip_prefix('=')
}

/// Whether whoever sent this knows the secret, and nothing of it was changed.
fn is_signed(method: &Verb, path: &str, query: &str, headers: &HeaderMap, body: &[u8]) -> Option<()> {
    let header = |name: &str| headers.get(name)?.to_str().ok();
    let authorization = header("authorization")?;
    let scope = word(authorization, "Credential")?.strip_prefix(&format!("{KEY}/"))?;
    let (signed, signature) = (word(authorization, "SignedHeaders")?, word(authorization, "Signature")?);
    let digest = header("x-amz-content-sha256")?;
    let is_whole = digest == "UNSIGNED-PAYLOAD" || digest == hex::encode(Sha256::digest(body));
    let lines: Option<Vec<String>> = signed
        .split(';')
        .map(|name| Some(format!("{name}:{}\n", header(name)?.trim())))
        .collect();
    let canonical = format!("{method}\n{path}\n{query}\n{}\n{signed}\n{digest}", lines?.concat());
    let date = header("x-amz-date")?;
    let text = format!(
        "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
        hex::encode(Sha256::digest(canonical))
    );
    let day = scope.split('/').next()?;
    let is_ours = scope == format!("{day}/{REGION}/s3/aws4_request") && date.starts_with(day);
    let key = ["s3", "aws4_request"].iter().fold(
        hmac(&hmac(format!("AWS4{SECRET}").as_bytes(), day), REGION),
        |key, word| hmac(&key, word),
    );
    (is_whole && is_ours && hex::encode(hmac(&key, &text)) == signature).then_some(())
}

async fn answer(State(objects): State<Objects>, request: Request) -> (StatusCode, [(&'static str, String); 3], Bytes) {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    let mut objects = objects.lock().unwrap();
    let signed = is_signed(&parts.method, path, query, &parts.headers, &body);
    let (status, body) = match (signed, parts.method.as_str()) {
        (None, _) => (
            StatusCode::FORBIDDEN,
            Bytes::from_static(b"<Error><Code>SignatureDoesNotMatch</Code></Error>"),
        ),
        (_, "PUT") => {
            objects.insert(path.to_owned(), body);
            (StatusCode::OK, Bytes::new())
        }
        (_, "DELETE") => {
            objects.remove(path);
            (StatusCode::NO_CONTENT, Bytes::new())
        }
        (_, "GET") => match objects.get(path) {
            Some(object) => (StatusCode::OK, object.clone()),
            None => (
                StatusCode::NOT_FOUND,
                Bytes::from_static(b"<Error><Code>NoSuchKey</Code></Error>"),
            ),
        },
        _ => (StatusCode::NOT_IMPLEMENTED, Bytes::new()),
    };
    let headers = [
        // So that none is left open when it goes away.
        ("connection", "close".to_owned()),
        ("etag", "\"a\"".to_owned()),
        ("last-modified", "Sat, 28 Nov 2026 12:00:00 GMT".to_owned()),
    ];
    (status, headers, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_are_kept_in_a_bucket_by_those_who_may() {
    let objects = Objects::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let bucket = Router::new().fallback(answer).with_state(objects.clone());
    let serving = tokio::spawn(async move { axum::serve(listener, bucket).await });
    let settings = |secret| {
        [
            ("S3_BUCKET", "shop"),
            ("S3_ENDPOINT", endpoint.as_str()),
            ("S3_REGION", REGION),
            ("S3_ACCESS_KEY_ID", KEY),
            ("S3_SECRET_ACCESS_KEY", secret),
        ]
    };
    let server = Server::start_with(&settings(SECRET)).await;
    let owner = server.owner().await;
    let product = create(&owner, laptop()).await;
    let png = picture(640, 480, ImageFormat::Png);
    let sent = send(&owner, &product, "a.png", &png, &[]).await.expect(201);
    let (id, sha256) = (sent["id"].as_str().unwrap(), sent["sha256"].as_str().unwrap());
    let name = format!("/shop/{}/{id}-{sha256}", owner.workspace);
    assert_eq!(objects.lock().unwrap().get(&name), Some(&Bytes::from(png.clone())));
    assert!(objects.lock().unwrap().contains_key(&format!("{name}-small")));
    let (status, _, bytes) = owner.download(sent["url"].as_str().unwrap(), &[]).await;
    assert_eq!((status, bytes), (200, png.clone()));
    let wrong = server.another_with(&settings("another")).await;
    let unavailable = send(&owner.at(&wrong.url), &product, "b.png", &png, &[]).await;
    assert_eq!(
        unavailable.refused(503, "SERVICE_UNAVAILABLE")["reason"],
        "files.unavailable"
    );

    // What it has lost, and that it is away, is told; all else works.
    objects.lock().unwrap().clear();
    let lost = owner.get(&format!("/products/{product}/images/{id}")).await;
    assert_eq!(lost.refused(404, "NOT_FOUND")["reason"], "image.lost");
    serving.abort();
    serving.await.unwrap_err();
    let away = send(&owner, &product, "b.png", &png, &[]).await;
    assert_eq!(away.refused(503, "SERVICE_UNAVAILABLE")["reason"], "files.unavailable");
    let shown = owner.get(&format!("/products/{product}")).await.expect(200);
    assert_eq!(shown["images"].as_array().unwrap().len(), 2);
}
