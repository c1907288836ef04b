//! The envelope of every success: `{"success":true,"data":…,"meta":{"timestamp","version"}}`.

use crate::edge::conditional::Shown;
use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, SubsecRound, Utc};
use projections::list::{LIMIT_DEFAULT, Page, Total};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

pub const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Answer_with_{T}")]
pub struct Envelope<T> {
    pub success: bool,
    pub data: T,
    pub meta: Meta,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct Meta {
    pub timestamp: DateTime<Utc>,
    pub version: &'static str,
}

impl Meta {
    pub fn now() -> Self {
        Self {
            timestamp: timestamp(),
            version: VERSION,
        }
    }
}

/// Now, in milliseconds: more is noise to a reader.
pub fn timestamp() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}

impl<T> Envelope<T> {
    pub fn of(data: T) -> Self {
        Self {
            success: true,
            data,
            meta: Meta::now(),
        }
    }
}

/// 200.
pub fn ok<T: Serialize>(data: T) -> Response {
    Json(Envelope::of(data)).into_response()
}

/// 200 for one resource, with its version as `ETag`.
pub fn versioned<T: Serialize>(data: T, version: i64) -> Response {
    let mut response = ok(data);
    response.headers_mut().insert(header::ETAG, etag(version));
    response
}

/// One resource as the read models show it.
pub fn one(found: projections::view::One) -> Response {
    let shown = Shown::of(found.version, found.item.get());
    let mut response = versioned(found.item, found.version);
    response.extensions_mut().insert(shown);
    response
}

/// A version as a strong entity tag: `"7"`.
pub fn etag(version: i64) -> HeaderValue {
    // Digits and quotes are always a legal header value.
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// A page of a list; `T` is `Box<RawValue>` on the way out and the item's list in the OpenAPI document.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Page_of_{T}")]
pub struct Listed<T> {
    pub items: T,
    pub total: i64,
    pub page: i64,
    pub limit: i64,
    pub total_pages: i64,
    pub pagination: Pagination,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    pub page: i64,
    pub limit: i64,
    pub total: i64,
    /// Whether `total` is estimated: a filter that finds more than 10,000 rows is not counted to its end.
    pub total_is_estimate: bool,
    pub total_pages: i64,
    pub has_next: bool,
    pub has_prev: bool,
    /// For `?cursor=` with the same filter, sort and limit.
    pub next_cursor: Option<String>,
}

impl From<Page> for Listed<Box<RawValue>> {
    fn from(page: Page) -> Self {
        Self::new(page.items, page.total, page.page, page.limit, page.next_cursor)
    }
}

impl<T> Listed<T> {
    /// The page with its items as somebody made them into others.
    pub fn of(items: T, page: Page) -> Self {
        Self::new(items, page.total, page.page, page.limit, page.next_cursor)
    }

    fn new(items: T, total: Total, page: i64, limit: i64, next_cursor: Option<String>) -> Self {
        let Total {
            rows: total,
            is_estimate: total_is_estimate,
        } = total;
        let total_pages = if limit > 0 {
            total.saturating_add(limit - 1) / limit
        } else {
            0
        };
        let has_next = next_cursor.is_some();
        let pagination = Pagination {
            page,
            limit,
            total,
            total_is_estimate,
            total_pages,
            has_next,
            has_prev: page > 1,
            next_cursor,
        };
        Self {
            items,
            total,
            page,
            limit,
            total_pages,
            pagination,
        }
    }

    /// A short list that needs no pages.
    pub fn all(items: Vec<T>) -> Listed<Vec<T>> {
        let total = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let counted = Total {
            rows: total,
            is_estimate: false,
        };
        Listed::new(items, counted, 1, total.max(LIMIT_DEFAULT), None)
    }
}

/// 200 for a list.
pub fn list(page: Page) -> Response {
    ok(Listed::from(page))
}

/// What refusals look like; for the OpenAPI document only, `Problem` writes it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ErrorEnvelope {
    pub success: bool,
    pub error: ErrorBody,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ErrorBody {
    pub code: String,
    /// In the language of `Accept-Language`.
    pub message: String,
    pub details: ErrorDetails,
    pub timestamp: DateTime<Utc>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub struct ErrorDetails {
    /// Finer than the code, stable: `deal.already_lost`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Each offending field with a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fields: Option<BTreeMap<String, String>>,
    /// Each offending field with the rule it breaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<BTreeMap<String, String>>,
    /// Of a field or a word that does not exist: those that do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known: Option<BTreeMap<String, Vec<String>>>,
    /// The right that is missing: `DEALS_CREATE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_up() {
        let listed = Listed::from(Page {
            items: RawValue::from_string("[]".into()).unwrap(),
            total: Total {
                rows: 250,
                is_estimate: false,
            },
            page: 2,
            limit: 20,
            next_cursor: Some("x".into()),
        });
        assert_eq!(
            (
                listed.total_pages,
                listed.pagination.has_next,
                listed.pagination.has_prev
            ),
            (13, true, true)
        );
        let text = serde_json::to_string(&listed).unwrap();
        assert!(
            text.starts_with(r#"{"items":[],"total":250,"page":2,"limit":20,"totalPages":13,"pagination":{"#),
            "{text}"
        );
    }
}
