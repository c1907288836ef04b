//! `POST /products/{id}/images`: a form with a picture.

use super::too_large;
use crate::{
    extract::{BodyHash, Form},
    openapi::form_content,
    problem::Problem,
    state::App,
};
use aide::{OperationInput, generate::GenContext, openapi};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use domain::Rule;
use files::BYTES_MAX;
use serde_json::json;
use std::convert::Infallible;

pub const FILE: &str = "file";
const IS_PRIMARY: &str = "isPrimary";
const FIELDS: [&str; 2] = [FILE, IS_PRIMARY];

/// A form that is not read yet: whether there is what it is for is asked meanwhile.
pub struct Sent(pub Request);

pub struct Upload {
    pub file: Bytes,
    /// As whoever sent it calls the file.
    pub name: Option<String>,
    pub is_primary: bool,
    /// Of all of it, however the form is cut.
    pub hash: BodyHash,
}

impl Upload {
    pub async fn read(request: Request, app: &App) -> Result<Self, Problem> {
        let mut form = Form::open(request, app).await?;
        let (mut file, mut name, mut is_primary) = (None, None, None);
        while let Some(part) = form.next().await? {
            match part.name.as_str() {
                FILE => {
                    part.once(part.bytes.clone(), &mut file)?;
                    name = part.file_name;
                }
                IS_PRIMARY => part.once(part.flag()?, &mut is_primary)?,
                _ => return Err(part.refused(Rule::no_such_field(FIELDS))),
            }
        }
        let file = file.filter(|file| !file.is_empty());
        let file = file.ok_or_else(|| Problem::invalid_field(FILE, Rule::Required))?;
        if file.len() > BYTES_MAX {
            return Err(too_large());
        }
        Ok(Self {
            file,
            name: name.filter(|name: &String| !name.trim().is_empty()),
            is_primary: is_primary.unwrap_or(false),
            hash: form.hash(),
        })
    }
}

impl FromRequest<App> for Sent {
    type Rejection = Infallible;

    async fn from_request(request: Request, _: &App) -> Result<Self, Infallible> {
        Ok(Self(request))
    }
}

impl OperationInput for Sent {
    fn operation_input(_: &mut GenContext, operation: &mut openapi::Operation) {
        let schema = json!({
            "type": "object",
            "required": [FILE],
            "additionalProperties": false,
            "properties": {
                (FILE): { "type": "string", "format": "binary", "description": "A JPEG, PNG or WebP of 10 MB and 25 million pixels at most" },
                (IS_PRIMARY): { "type": "string", "enum": ["true", "false"], "description": "Whether it is shown where there is room for one; the first image of a product always is" },
            },
        });
        operation.request_body =
            serde_json::from_value(json!({ "required": true, "content": form_content(&schema) })).ok();
    }
}
