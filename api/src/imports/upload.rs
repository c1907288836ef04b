//! `POST /imports`: a form with a file. What it is to become is said beside it; of the file itself nothing is believed.

use super::{columns::Mapping, resource::Resource};
use crate::{
    extract::{BodyHash, Form, Json, Part},
    openapi::form_content,
    problem::Problem,
    state::App,
};
use aide::{OperationInput, generate::GenContext, openapi};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use domain::Rule;
use serde_json::json;

const FILE: &str = "file";
const RESOURCE: &str = "resource";
const MAPPING: &str = "mapping";
const DRY_RUN: &str = "dryRun";
const FIELDS: [&str; 4] = [FILE, RESOURCE, MAPPING, DRY_RUN];

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
}

impl FromRequest<App> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let mut form = Form::open(request, app).await?;
        let mut parts = Parts::default();
        while let Some(part) = form.next().await? {
            parts.take(part)?;
        }
        let Parts {
            file,
            file_name,
            resource,
            mapping,
            dry_run,
        } = parts;
        let missing = |name: &'static str| move || Problem::invalid_field(name, Rule::Required);
        Ok(Self {
            resource: resource.ok_or_else(missing(RESOURCE))?,
            file: file.filter(|file| !file.is_empty()).ok_or_else(missing(FILE))?,
            file_name,
            mapping: mapping.unwrap_or_default(),
            dry_run: dry_run.unwrap_or(false),
            hash: form.hash(),
        })
    }
}

impl Parts {
    fn take(&mut self, part: Part) -> Result<(), Problem> {
        match part.name.as_str() {
            FILE => {
                part.once(part.bytes.clone(), &mut self.file)?;
                self.file_name = part.file_name;
                Ok(())
            }
            RESOURCE => {
                let known = || Rule::not_one_of(Resource::ALL.map(Resource::name));
                let resource = Resource::parse(part.text()?).ok_or_else(|| part.refused(known()))?;
                part.once(resource, &mut self.resource)
            }
            MAPPING => part.once(mapping(&part.bytes)?, &mut self.mapping),
            DRY_RUN => part.once(part.flag()?, &mut self.dry_run),
            _ => Err(part.refused(Rule::no_such_field(FIELDS))),
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
