//! Files that show a product: taken for what they are and not for what they are called, served to those who may see the product, ordered with the
//! addresses among them, taken off; and what broken uploads leave behind is swept.

use super::*;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use prometric_tests::eventually;
use std::{
    fs,
    io::Cursor,
    path::{Path, PathBuf},
};
use uuid::Uuid;

/// A picture of one colour.
pub fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let flat = RgbImage::from_pixel(width, height, Rgb([200, 30, 30]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(flat).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

pub async fn send(owner: &Client, product: &str, name: &str, file: &[u8], headers: &[(&str, &str)]) -> Answer {
    let path = format!("/products/{product}/images");
    owner.upload_to(&path, (name, file), &[], headers).await
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} of {value}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_taken_served_ordered_and_taken_off() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let product = create(&owner, laptop()).await;
    let address = laptop()["images"][0].clone();

    // It is called a JPEG, and is none.
    let png = picture(640, 480, ImageFormat::Png);
    let sent = send(&owner, &product, "фото 1.jpg", &png, &[]).await.expect(201);
    let expected = json!({"isPrimary": false, "type": "png", "bytes": png.len(), "width": 640, "height": 480, "name": "фото 1.jpg", "version": 2});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&sent[name], value, "{name}: {sent}");
    }
    let shown = owner.get(&format!("/products/{product}")).await.expect(200);
    let of_file = json!({"url": sent["url"], "isPrimary": false, "imageId": sent["id"]});
    assert_eq!(shown["images"], json!([address, of_file]));
    assert_eq!(shown["imageFiles"][0]["sha256"], sent["sha256"]);
    assert_eq!(owner.items("/products").await[0]["images"], shown["images"]);

    // Served as what it is, for ever, and to nobody else.
    let (status, headers, bytes) = owner.download(text(&sent, "url"), &[]).await;
    assert_eq!((status, &bytes), (200, &png));
    for (name, value) in [
        ("content-type", "image/png"),
        ("content-length", &png.len().to_string()),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "private, max-age=31536000, immutable"),
        (
            "content-disposition",
            "inline; filename*=UTF-8''%D1%84%D0%BE%D1%82%D0%BE%201.jpg",
        ),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    let tag = headers["etag"].to_str().unwrap();
    let (status, _, bytes) = owner.download(text(&sent, "url"), &[("If-None-Match", tag)]).await;
    assert_eq!((status, bytes.len()), (304, 0));
    let (status, headers, small) = owner.download(text(&sent, "thumbnailUrl"), &[]).await;
    assert_eq!(
        (status, &headers["content-type"]),
        (200, &"image/jpeg".parse().unwrap())
    );
    assert_ne!(headers["etag"], tag);
    let small = image::load_from_memory(&small).unwrap();
    assert_eq!((small.width(), small.height()), (320, 240));
    let (status, ..) = server.anonymous().download(text(&sent, "url"), &[]).await;
    assert_eq!(status, 401);
    let (status, ..) = server.owner().await.download(text(&sent, "url"), &[]).await;
    assert_eq!(status, 404);
    let path = format!("/products/{product}/images/{}", text(&sent, "id"));
    owner
        .get(&format!("{path}?size=huge"))
        .await
        .refused(400, "VALIDATION_FAILED");

    // An update orders the list; a file that it does not name stays.
    let jpeg = picture(8, 6, ImageFormat::Jpeg);
    let second = send(&owner, &product, "b", &jpeg, &[]).await.expect(201);
    let order = json!({"images": [{"imageId": second["id"], "url": second["url"], "isPrimary": true}]});
    owner.put(&format!("/products/{product}"), order).await.expect(200);
    let images = owner.get(&format!("/products/{product}")).await.expect(200)["images"].clone();
    let first = json!({"url": second["url"], "isPrimary": true, "imageId": second["id"]});
    assert_eq!(images, json!([first, of_file]));
    let unknown = json!({"images": [{"url": "a", "imageId": Uuid::now_v7()}]});
    let refused = owner.put(&format!("/products/{product}"), unknown).await;
    assert_eq!(
        refused.refused(400, "VALIDATION_FAILED")["rules"]["images[0].imageId"],
        "unknown"
    );

    // What is taken off is not there, and the next one is the primary one.
    let taken = format!("/products/{product}/images/{}", text(&second, "id"));
    gone(&owner, &taken).await.expect(200);
    let images = owner.get(&format!("/products/{product}")).await.expect(200)["images"].clone();
    let first = json!({"url": sent["url"], "isPrimary": true, "imageId": sent["id"]});
    assert_eq!(images, json!([first]));
    for refused in [gone(&owner, &taken).await, owner.get(&taken).await] {
        assert_eq!(refused.refused(404, "NOT_FOUND")["reason"], "product.no_such_image");
    }

    // Taken along with the workspace.
    let along = server.files_dir().with_extension("along");
    let (log, folder) = (along.join("log"), along.join("files"));
    fs::create_dir_all(&along).unwrap();
    let (log, folder) = (log.to_str().unwrap(), folder.to_str().unwrap());
    let told = server.tool(&["workspace", "export", &owner.workspace, "--out", log, "--files", folder]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let name = format!("{}/{}-{}", owner.workspace, text(&sent, "id"), text(&sent, "sha256"));
    assert_eq!(fs::read(Path::new(folder).join(name)).unwrap(), png);
    fs::remove_dir_all(&along).unwrap();
}

/// A PNG of one pixel whose head says that it is that wide.
fn bomb() -> Vec<u8> {
    let mut png = picture(1, 1, ImageFormat::Png);
    png[16..20].copy_from_slice(&9_000_u32.to_be_bytes());
    png[20..24].copy_from_slice(&9_000_u32.to_be_bytes());
    let step = |sum: u32, _| (sum >> 1) ^ (0xEDB8_8320 * (sum & 1));
    let head = &png[12..29];
    let sum = !head
        .iter()
        .fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), step));
    png[29..33].copy_from_slice(&sum.to_be_bytes());
    png
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_is_refused_and_a_repeat_is_one() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let product = create(&owner, laptop()).await;
    let png = picture(64, 64, ImageFormat::Png);
    for (file, reason) in [
        (b"GIF89a\x01\x00\x01\x00\x00\x00\x00;".to_vec(), "image.unknown_type"),
        (b"<script>alert(1)</script>".to_vec(), "image.unknown_type"),
        (png[..png.len() / 2].to_vec(), "image.broken"),
        (bomb(), "image.too_many_pixels"),
    ] {
        let refused = send(&owner, &product, "photo.png", &file, &[]).await;
        let told = refused.refused(400, "VALIDATION_FAILED");
        assert_eq!(told["reason"], reason, "{told}");
        assert!(told["fields"]["file"].is_string(), "{told}");
    }
    let large = [png.as_slice(), &vec![0; 10 << 20]].concat();
    let refused = send(&owner, &product, "photo.png", &large, &[]).await;
    assert_eq!(refused.refused(413, "PAYLOAD_TOO_LARGE")["reason"], "image.too_large");
    let path = format!("/products/{product}/images");
    send(&owner, &product, "photo.png", b"", &[])
        .await
        .refused(400, "REQUIRED_FIELD");
    let refused = owner.post(&path, json!({"file": "a"})).await;
    assert_eq!(refused.refused(400, "VALIDATION_FAILED")["reason"], "body.not_a_form");
    let refused = owner.upload_to(&path, ("a", &png), &[("isPrimary", "yes")], &[]).await;
    assert_eq!(
        refused.refused(400, "VALIDATION_FAILED")["rules"]["isPrimary"],
        "wrong_type"
    );
    let nowhere = Uuid::now_v7().to_string();
    send(&owner, &nowhere, "photo.png", &png, &[])
        .await
        .refused(404, "NOT_FOUND");
    assert!(!server.files_dir().exists(), "what is refused is not kept");

    let key = [("Idempotency-Key", "one")];
    let first = send(&owner, &product, "photo.png", &png, &key).await.expect(201);
    let again = send(&owner, &product, "photo.png", &png, &key).await.expect(201);
    assert_eq!(first, again);
    let another = picture(65, 64, ImageFormat::Png);
    send(&owner, &product, "photo.png", &another, &key)
        .await
        .refused(422, "IDEMPOTENCY_KEY_REUSED");
    let shown = owner.get(&format!("/products/{product}")).await.expect(200);
    assert_eq!(shown["imageFiles"].as_array().unwrap().len(), 1);
    assert_eq!(kept(&server, &owner).len(), 2, "the picture and its small one, once");
    // A repeat is one still when it was taken off since.
    let path = format!("{path}/{}", text(&first, "id"));
    gone(&owner, &path).await.expect(200);
    let again = send(&owner, &product, "photo.png", &png, &key).await.expect(201);
    assert_eq!(first, again);
    owner.get(&path).await.refused(404, "NOT_FOUND");
}

/// The files that the workspace has in the store.
fn kept(server: &Server, owner: &Client) -> Vec<PathBuf> {
    let Ok(files) = fs::read_dir(server.files_dir().join(&owner.workspace)) else {
        return vec![];
    };
    files.map(|file| file.unwrap().path()).collect()
}

async fn swept(file: &Path) {
    eventually("it is swept", || async { (!file.exists()).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_shows_is_swept_and_nothing_else() {
    let server = Server::start_with(&[]).await;
    let owner = server.owner().await;
    let product = create(&owner, laptop()).await;
    let png = picture(64, 64, ImageFormat::Png);
    let shown = send(&owner, &product, "a.png", &png, &[]).await.expect(201);
    let removed = send(&owner, &product, "b.png", &png, &[]).await.expect(201);
    let file_of = |image: &Value| {
        let name = format!("{}-{}", text(image, "id"), text(image, "sha256"));
        server.files_dir().join(&owner.workspace).join(name)
    };
    let (shown_file, removed_file) = (file_of(&shown), file_of(&removed));
    let path = format!("/products/{product}/images/{}", text(&removed, "id"));
    gone(&owner, &path).await.expect(200);
    assert!(removed_file.exists(), "a database that goes back to a backup finds it");

    // As after `kill -9` between the store and the event; and between the event and its note.
    let abandoned = Uuid::now_v7();
    let name = format!("{}/{abandoned}-9f86d081", owner.workspace);
    let abandoned_file = server.files_dir().join(&name);
    fs::write(&abandoned_file, &png).unwrap();
    let note = "insert into platform.stray_files (name, workspace_id, product_id, image_id, due_at) values ($1, $2::uuid, $3::uuid, $4::uuid, now())";
    let shown_name = format!("{}/{}-{}", owner.workspace, text(&shown, "id"), text(&shown, "sha256"));
    let pool = server.pool().await;
    for (name, image) in [
        (name, abandoned.to_string()),
        (shown_name, text(&shown, "id").to_owned()),
    ] {
        let note = sqlx::query(note).bind(name).bind(&owner.workspace).bind(&product);
        note.bind(image).execute(&pool).await.unwrap();
    }
    swept(&abandoned_file).await;
    assert!(removed_file.exists());
    server.set_clock(chrono::TimeDelta::days(31)).await;
    swept(&removed_file).await;
    eventually("none is noted", || async {
        let noted: i64 = sqlx::query_scalar("select count(*) from platform.stray_files")
            .fetch_one(&pool)
            .await
            .unwrap();
        (noted == 0).then_some(())
    })
    .await;
    assert!(shown_file.exists(), "what is shown stays");
    assert_eq!(kept(&server, &owner).len(), 2);
    let (status, _, bytes) = owner.download(text(&shown, "url"), &[]).await;
    assert_eq!((status, bytes), (200, png));
}
