//! Files that show a product. A file's bytes are stored first, then the product says that it has it; what an upload leaves behind that breaks off in
//! between is swept ([`stray`]). Their bytes never change, so whoever has them need not ask again (docs/decisions/0044).

mod served;
pub mod stray;
mod upload;

use self::{
    served::{Served, Size, Wanted},
    upload::{Sent, Upload},
};
use crate::{
    extract::{
        BodyHash, Id, May, Param, Within, Write,
        rights::{ProductsUpdate, ProductsView},
    },
    identity::secrets,
    openapi::told,
    problem::{Code, Problem},
    reply::{Changed, Created, Reply},
    state::App,
};
use aide::axum::{
    ApiRouter,
    routing::{get_with, post_with},
};
use axum::extract::State;
use commands::{Done, product};
use domain::{
    Rule,
    catalog::product::{ImageFile, ImageType, Product, ProductCommand, ProductEvent, ProductRejection},
    id::{ImageId, ProductId},
};
use files::{Kind, Unreadable, Unseen};
use log::migrate::Migration;
use schemars::JsonSchema;
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::PgPool;
use stray::Stray;
use uuid::Uuid;

const MIGRATIONS: &[Migration] = &[Migration::new(
    "0019_stray_files",
    include_str!("../../../../migrations/platform/0019_stray_files.sql"),
)];

pub async fn migrate(pool: &PgPool) -> Result<(), sqlx::Error> {
    secrets::apply(pool, MIGRATIONS).await
}

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/products/{id}/images",
            post_with(
                add,
                told("Adds a picture to a product's images: a JPEG, PNG or WebP by its content, whatever it is called"),
            ),
        )
        .api_route(
            "/products/{id}/images/{imageId}",
            get_with(show, told("The picture itself, or a small one of it; it never changes")).delete_with(
                remove,
                told("Takes a picture off a product. Its order, and which is the primary one, are `images` of the product"),
            ),
        )
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ImageAdded {
    id: Uuid,
    /// Where it is had from, by those who may see the product.
    url: String,
    thumbnail_url: String,
    is_primary: bool,
    #[serde(rename = "type")]
    kind: ImageType,
    bytes: u32,
    /// In pixels.
    width: u32,
    height: u32,
    sha256: String,
    name: Option<String>,
    /// The product's.
    version: i64,
}

async fn add(
    State(app): State<App>,
    caller: May<ProductsUpdate>,
    Id(id): Id<ProductId>,
    write: Write,
    Sent(request): Sent,
) -> Result<Created<ImageAdded>, Problem> {
    let workspace = caller.workspace_id();
    let upload = match Upload::read(request, &app).await {
        Ok(upload) => upload,
        Err(problem) => {
            // That it is not there is told first.
            product::exists(&app.executor, workspace, id).await?;
            return Err(problem);
        }
    };
    let context = write.context(&caller, upload.hash);
    if let Some(done) = app.executor.repeated::<Product>(id, &context).await? {
        return made(&app, &write, &caller, done).await;
    }
    product::exists(&app.executor, workspace, id).await?;
    let picture = app.pictures.look_at(upload.file.clone()).await.map_err(unseen)?;
    let image_id = ImageId::new(Uuid::now_v7());
    let file = ImageFile {
        image_id,
        url: format!("/api/v1/workspaces/{workspace}/products/{id}/images/{image_id}"),
        sha256: hex::encode(Sha256::digest(&upload.file)),
        kind: kind(picture.kind),
        bytes: u32::try_from(upload.file.len()).map_err(|_| too_large())?,
        width: picture.width,
        height: picture.height,
        name: upload.name,
    };
    let stray = Stray::of(workspace, id, &file);
    stray.note(&app.pool, stray::ABANDONED).await?;
    app.files.put(&stray.name, upload.file).await?;
    app.files.put(&stray.thumbnail(), picture.thumbnail).await?;
    let command = ProductCommand::AddImage {
        file: Box::new(file),
        is_primary: upload.is_primary,
    };
    let done = app.executor.execute::<Product>(id, &command, &context).await?;
    // Of two that came under one key at once, one is added, and answers for both.
    let is_added =
        |event: &ProductEvent| matches!(event, ProductEvent::ImageAdded { file, .. } if file.image_id == image_id);
    if done.events.iter().any(is_added) {
        stray.belongs(&app.pool).await;
    }
    made(&app, &write, &caller, done).await
}

async fn made(
    app: &App,
    write: &Write,
    caller: &May<ProductsUpdate>,
    done: Done<ProductEvent>,
) -> Result<Created<ImageAdded>, Problem> {
    let said = |_, version, event| match event {
        ProductEvent::ImageAdded { is_primary, file } => Some(ImageAdded {
            id: file.image_id.into(),
            thumbnail_url: format!("{}?size={}", file.url, Size::THUMBNAIL),
            url: file.url,
            is_primary,
            kind: file.kind,
            bytes: file.bytes,
            width: file.width,
            height: file.height,
            sha256: file.sha256,
            name: file.name,
            version,
        }),
        _ => None,
    };
    write.made(app, caller.workspace_id(), done, said).await
}

async fn show(
    State(app): State<App>,
    caller: May<ProductsView>,
    Within(id): Within<ProductId>,
    Wanted { image, size }: Wanted,
) -> Result<Served, Problem> {
    let workspace = caller.workspace_id();
    let file = product::image_file(&app.executor, workspace, id, image).await?;
    let kept = Stray::of(workspace, id, &file);
    let name = match size {
        Size::Whole => kept.name,
        Size::Thumbnail => kept.thumbnail(),
    };
    let stored = app.files.get(&name).await?;
    let stored = stored.ok_or_else(|| Problem::missing("image.lost"))?;
    Ok(Served::of(&file, size, stored))
}

async fn remove(
    State(app): State<App>,
    caller: May<ProductsUpdate>,
    Id(id): Id<ProductId>,
    Param(image): Param<ImageId>,
    write: Write,
) -> Result<Reply<Changed<Product>>, Problem> {
    let workspace = caller.workspace_id();
    let context = write.context(&caller, BodyHash::default());
    // Noted before it is removed: a file that is noted and shown after all is left alone.
    match product::image_file(&app.executor, workspace, id, image).await {
        Ok(file) => Stray::of(workspace, id, &file).note(&app.pool, stray::REMOVED).await?,
        Err(commands::Error::Rejected(ProductRejection::Missing | ProductRejection::NoSuchImage)) => {}
        Err(error) => return Err(error.into()),
    }
    let command = ProductCommand::RemoveImage(image);
    let done = app.executor.execute::<Product>(id, &command, &context).await?;
    Ok(write.changed(&app, workspace, &done, "Image removed").await)
}

fn kind(kind: Kind) -> ImageType {
    match kind {
        Kind::Jpeg => ImageType::Jpeg,
        Kind::Png => ImageType::Png,
        Kind::Webp => ImageType::Webp,
    }
}

fn too_large() -> Problem {
    Problem::new(Code::PayloadTooLarge).because("image.too_large")
}

fn unseen(unseen: Unseen) -> Problem {
    let refused = |rule, reason: &'static str| Problem::invalid_field(upload::FILE, rule).because(reason);
    match unseen {
        Unseen::Busy => Problem::unavailable("store.busy"),
        Unseen::Unreadable(Unreadable::UnknownType) => refused(Rule::WrongType, "image.unknown_type"),
        Unseen::Unreadable(Unreadable::Broken) => refused(Rule::WrongType, "image.broken"),
        Unseen::Unreadable(Unreadable::TooManyPixels) => refused(Rule::TooLarge, "image.too_many_pixels"),
    }
}
