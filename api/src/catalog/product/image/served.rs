//! A picture as it is answered: as what it is and nothing else, under a tag that is good for ever, and for those alone who may see the product.

use crate::{
    extract::path_id,
    openapi::parameter,
    problem::{Code, Problem},
    reply,
};
use aide::{OperationInput, OperationOutput, generate::GenContext, openapi};
use axum::{
    body::Body,
    extract::{FromRequestParts, Query},
    http::{header, request::Parts},
    response::{IntoResponse, Response},
};
use domain::{
    Choice, Rule,
    catalog::product::{ImageFile, ImageType},
    id::ImageId,
};
use files::Stored;
use serde_json::json;

/// A year; not for those between us and the caller, who do not know who may see it.
const FOR_EVER: &str = "private, max-age=31536000, immutable";
const SIZE: &str = "size";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Whole,
    Thumbnail,
}

impl Size {
    pub const THUMBNAIL: &str = "thumbnail";
}

/// `{imageId}?size=thumbnail`.
pub struct Wanted {
    pub image: ImageId,
    pub size: Size,
}

impl<S: Send + Sync> FromRequestParts<S> for Wanted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let image = path_id(parts, state, "imageId").await?.into();
        let pairs = Query::<Vec<(String, String)>>::try_from_uri(&parts.uri);
        let Query(pairs) = pairs.map_err(|_| Problem::new(Code::ValidationFailed))?;
        let mut size = Size::Whole;
        for (name, value) in pairs {
            size = match (name.as_str(), value.as_str()) {
                (SIZE, Size::THUMBNAIL) => Size::Thumbnail,
                (SIZE, _) => return Err(Problem::invalid_field(name, Rule::not_one_of([Size::THUMBNAIL]))),
                _ => return Err(Problem::invalid_field(name, Rule::Unknown)),
            };
        }
        Ok(Self { image, size })
    }
}

impl OperationInput for Wanted {
    fn operation_input(_: &mut GenContext, operation: &mut openapi::Operation) {
        let id = json!({ "type": "string", "format": "uuid" });
        let size = json!({ "type": "string", "enum": [Size::THUMBNAIL] });
        for words in [
            json!({ "name": "imageId", "in": "path", "required": true, "schema": id, "description": "Its id" }),
            json!({ "name": SIZE, "in": "query", "schema": size, "description": "A JPEG of 320 pixels at most, across and down; without it the picture as it was sent" }),
        ] {
            parameter(operation, words);
        }
    }
}

pub struct Served(Response);

impl Served {
    pub fn of(file: &ImageFile, size: Size, stored: Stored) -> Self {
        let id = file.image_id.uuid().simple();
        let (media_type, tag, disposition) = match size {
            Size::Whole => (file.kind.media_type(), format!("\"{id}\""), disposition(file)),
            Size::Thumbnail => (
                ImageType::Jpeg.media_type(),
                format!("\"{id}-small\""),
                "inline".to_owned(),
            ),
        };
        let headers = [
            (header::CONTENT_TYPE, media_type.to_owned()),
            (header::CONTENT_LENGTH, stored.size.to_string()),
            (header::CONTENT_DISPOSITION, disposition),
            (header::CACHE_CONTROL, FOR_EVER.to_owned()),
            (header::ETAG, tag),
        ];
        Self((headers, Body::from_stream(stored.pieces)).into_response())
    }
}

/// To be shown, and called so where it is saved (RFC 6266).
fn disposition(ImageFile { name, .. }: &ImageFile) -> String {
    let Some(name) = name else { return "inline".to_owned() };
    let encoded = name.bytes().map(|byte| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    });
    format!("inline; filename*=UTF-8''{}", encoded.collect::<String>())
}

impl IntoResponse for Served {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for Served {
    type Inner = Self;

    fn operation_response(_: &mut GenContext, _: &mut openapi::Operation) -> Option<openapi::Response> {
        let content = ImageType::ALL.iter().map(|kind| {
            let binary = json!({ "schema": { "type": "string", "format": "binary" } });
            (kind.media_type().to_owned(), binary)
        });
        let content: serde_json::Map<_, _> = content.collect();
        serde_json::from_value(json!({ "description": "The picture", "content": content })).ok()
    }

    fn inferred_responses(
        context: &mut GenContext,
        operation: &mut openapi::Operation,
    ) -> Vec<(Option<openapi::StatusCode>, openapi::Response)> {
        reply::always(200, Self::operation_response(context, operation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_as_it_was_and_says_nothing_else() {
        for (name, told) in [
            (None, "inline"),
            (Some("xps-15.png"), "inline; filename*=UTF-8''xps-15.png"),
            (Some("a\"; b.png"), "inline; filename*=UTF-8''a%22%3B%20b.png"),
            (Some("Ә.png"), "inline; filename*=UTF-8''%D3%98.png"),
        ] {
            let file = ImageFile {
                image_id: ImageId::default(),
                url: String::new(),
                sha256: String::new(),
                kind: ImageType::Png,
                bytes: 0,
                width: 0,
                height: 0,
                name: name.map(str::to_owned),
            };
            assert_eq!(disposition(&file), told);
        }
    }
}
