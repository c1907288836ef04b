//! A form with a file (`multipart/form-data`), read part by part. Of the file itself nothing is believed.

use super::{BodyHash, TooLong, no_query};
use crate::{
    problem::{Code, Problem},
    state::App,
};
use axum::{
    extract::{FromRequest, Multipart, Request},
    http::header,
};
use bytes::Bytes;
use domain::Rule;
use sha2::{Digest, Sha256};

/// Characters.
const NAME_MAX: usize = 200;

/// A form as far as it is read.
pub struct Form {
    parts: Multipart,
    hash: Sha256,
}

pub struct Part {
    pub name: String,
    /// As whoever sent it calls the file.
    pub file_name: Option<String>,
    pub bytes: Bytes,
}

impl Form {
    pub async fn open(request: Request, app: &App) -> Result<Self, Problem> {
        no_query(request.uri())?;
        if request.extensions().get::<TooLong>().is_some() {
            return Err(Problem::new(Code::PayloadTooLarge));
        }
        let kind = request.headers().get(header::CONTENT_TYPE);
        let is_form = kind.is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"multipart/form-data"));
        if !is_form {
            return Err(no_form());
        }
        Ok(Self {
            parts: Multipart::from_request(request, app).await.map_err(|_| no_form())?,
            hash: Sha256::new(),
        })
    }

    /// `None` behind the last one.
    pub async fn next(&mut self) -> Result<Option<Part>, Problem> {
        let Some(field) = self.parts.next_field().await.map_err(|_| no_form())? else {
            return Ok(None);
        };
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
        Ok(Some(Part { name, file_name, bytes }))
    }

    /// Of all that was read, however the form is cut.
    pub fn hash(self) -> BodyHash {
        BodyHash::of(&self.hash.finalize())
    }
}

impl Part {
    pub fn refused(&self, rule: Rule) -> Problem {
        Problem::invalid_field(self.name.as_str(), rule)
    }

    pub fn text(&self) -> Result<&str, Problem> {
        let text = std::str::from_utf8(&self.bytes).map_err(|_| self.refused(Rule::WrongType))?;
        Ok(text.trim())
    }

    /// `true` or `false`.
    pub fn flag(&self) -> Result<bool, Problem> {
        self.text()?.parse().map_err(|_| self.refused(Rule::WrongType))
    }

    /// Puts a value where none is yet: a part stands in a form once.
    pub fn once<T>(&self, value: T, place: &mut Option<T>) -> Result<(), Problem> {
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(self.refused(Rule::NotUnique)),
        }
    }
}

fn no_form() -> Problem {
    Problem::new(Code::ValidationFailed).because("body.not_a_form")
}
