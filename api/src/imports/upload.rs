//! `POST /imports`: a form with a file. What it is to become is said beside it; of the file itself nothing is believed.

use super::{columns::Mapping, resource::Resource};
use crate::{
    extract::{BodyHash, Json, TooLong},
    openapi::form_content,
    problem::{Code, Problem},
    state::App,
};
use aide::{OperationInput, generate::GenContext, openapi};
use axum::{
    extract::{FromRequest, Multipart, Request, multipart::Field},
    http::header,
};
use bytes::Bytes;
use domain::Rule;
use serde_json::json;
use sha2::{Digest, Sha256};

const FILE: &str = "file";
const RESOURCE: &str = "resource";
const MAPPING: &str = "mapping";
const DRY_RUN: &str = "dryRun";
const FIELDS: [&str; 4] = [FILE, RESOURCE, MAPPING, DRY_RUN];
/// Characters.
const NAME_MAX: usize = 200;

pub struct Upload {
    pub file: Bytes,
    pub file_name: Option<String>,
    pub resource: Resource,
    pub mapping: Mapping,
    pub dry_run: bool,
    /// Of all of it, however the form is cut.
    pub hash: BodyHash,
}

/// A form as far as it is read.
#[derive(Default)]
struct Parts {
    file: Option<Bytes>,
    file_name: Option<String>,
    resource: Option<Resource>,
    mapping: Option<Mapping>,
    dry_run: Option<bool>,
    hash: Sha256,
}

impl FromRequest<App> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        if request.extensions().get::<TooLong>().is_some() {
            return Err(Problem::new(Code::PayloadTooLarge));
        }
        let kind = request.headers().get(header::CONTENT_TYPE);
        let is_form = kind.is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"multipart/form-data"));
        if !is_form {
            return Err(no_form());
        }
        let mut form = Multipart::from_request(request, app).await.map_err(|_| no_form())?;
        let mut parts = Parts::default();
        while let Some(field) = form.next_field().await.map_err(|_| no_form())? {
            parts.take(field).await?;
        }
        let Parts {
            file,
            file_name,
            resource,
            mapping,
            dry_run,
            hash,
        } = parts;
        let missing = |name: &'static str| move || Problem::invalid_field(name, Rule::Required);
        Ok(Self {
            resource: resource.ok_or_else(missing(RESOURCE))?,
            file: file.filter(|file| !file.is_empty()).ok_or_else(missing(FILE))?,
            file_name,
            mapping: mapping.unwrap_or_default(),
            dry_run: dry_run.unwrap_or(false),
            hash: BodyHash::of(&hash.finalize()),
        })
    }
}

fn no_form() -> Problem {
    Problem::new(Code::ValidationFailed).because("body.not_a_form")
}

impl Parts {
    async fn take(&mut self, field: Field<'_>) -> Result<(), Problem> {
        let name = field.name().unwrap_or_default().to_owned();
        let is_shown = |letter: &char| !letter.is_control();
        let file_name = field
            .file_name()
            .map(|name| name.chars().filter(is_shown).take(NAME_MAX).collect());
        let bytes = field.bytes().await.map_err(|_| no_form())?;
        for piece in [name.as_bytes(), &bytes] {
            self.hash.update((piece.len() as u64).to_be_bytes());
            self.hash.update(piece);
        }
        let refused = |rule| Problem::invalid_field(name.as_str(), rule);
        let text = || {
            std::str::from_utf8(&bytes)
                .map(str::trim)
                .map_err(|_| refused(Rule::WrongType))
        };
        let is_first = match name.as_str() {
            FILE => {
                self.file_name = file_name;
                self.file.replace(bytes.clone()).is_none()
            }
            RESOURCE => {
                let known = || Rule::not_one_of(Resource::ALL.map(Resource::name));
                let resource = Resource::parse(text()?).ok_or_else(|| refused(known()))?;
                self.resource.replace(resource).is_none()
            }
            MAPPING => self.mapping.replace(mapping(&bytes)?).is_none(),
            DRY_RUN => {
                let flag = text()?.parse().map_err(|_| refused(Rule::WrongType))?;
                self.dry_run.replace(flag).is_none()
            }
            _ => return Err(refused(Rule::no_such_field(FIELDS))),
        };
        if is_first {
            Ok(())
        } else {
            Err(refused(Rule::NotUnique))
        }
    }
}

/// `{"Цена": "price", "Заметки": null}`; nothing is no mapping.
fn mapping(bytes: &[u8]) -> Result<Mapping, Problem> {
    if bytes.trim_ascii().is_empty() {
        return Ok(Mapping::new());
    }
    let refused = |rule| Problem::invalid_field(MAPPING, rule);
    let Ok(Json::Object(fields)) = Json::read(bytes.trim_ascii()) else {
        return Err(refused(Rule::WrongType));
    };
    let columns = fields.into_iter().map(|(head, field)| match field {
        Json::Null => Ok((head, None)),
        Json::Text(field) => Ok((head, Some(field))),
        _ => Err(Problem::invalid_field(format!("{MAPPING}.{head}"), Rule::WrongType)),
    });
    columns.collect()
}

impl OperationInput for Upload {
    fn operation_input(_: &mut GenContext, operation: &mut openapi::Operation) {
        let schema = json!({
            "type": "object",
            "required": [FILE, RESOURCE],
            "additionalProperties": false,
            "properties": {
                (FILE): { "type": "string", "format": "binary", "description": "CSV in UTF-8 or Windows-1251, or the first sheet of an XLSX workbook; its first row names the columns" },
                (RESOURCE): { "type": "string", "enum": Resource::ALL.map(Resource::name) },
                (MAPPING): { "type": "string", "description": "JSON: the field of a column, or null where it is passed over; those that are not named are known by their names" },
                (DRY_RUN): { "type": "string", "enum": ["true", "false"], "description": "Wait for `/start` when all rows are checked" },
            },
        });
        operation.request_body =
            serde_json::from_value(json!({ "required": true, "content": form_content(&schema) })).ok();
    }
}
