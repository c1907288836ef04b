//! `GET /{list}/export`: a list as a file, with its filters and its order, and no more rows and columns than its reader has a right to. It is
//! read some rows at a time, each when those before are taken, so that a million rows cost what a page costs; and each row is in it once,
//! whatever is added meanwhile, as with a cursor. What looks like a formula is written as text. Each of the workspace's own fields has a column.

mod cells;
mod wanted;

pub use wanted::{Heads, Wanted};

use crate::{
    catalog::product,
    extract::{
        Caller, May, Right, past,
        rights::{CustomersView, DealsView, FinanceView, OrdersView, ProductionView, ProductsView},
    },
    i18n::Language,
    openapi::told,
    problem::Problem,
    reply,
    state::App,
    view,
};
use aide::{
    OperationOutput,
    axum::{
        ApiRouter,
        routing::{ApiMethodRouter, get_with},
    },
    generate::GenContext,
    openapi,
};
use axum::{
    body::Body,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use domain::office::custom_field::Details;
use futures::stream;
use log::chain;
use projections::{
    AsOf, catalog, finance,
    office::custom_field,
    production, sales,
    shape::Shape,
    view::{Reader, Rows, Scope, View, has_own},
};
use schemars::JsonSchema;
use serde_json::json;
use sheets::{Format, WriteError, Writer};
use std::{io, marker::PhantomData};

/// Rows that are read at once.
const ROWS: i64 = 500;

const EXPORTED: &str = "The list as a file: all rows that the filters leave, in the order of `sort`";

/// One line for each list that can be had as a file.
pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route("/customers/export", of::<sales::customer::Row, CustomersView>())
        .api_route("/deals/export", of::<sales::deal::Row, DealsView>())
        .api_route("/orders/export", of::<sales::order::Row, OrdersView>())
        .api_route("/products/export", get_with(products, told(EXPORTED)))
        .api_route("/categories/export", of::<catalog::category::Row, ProductsView>())
        .api_route("/price-lists/export", of::<catalog::price_list::Row, ProductsView>())
        .api_route("/prices/export", of::<catalog::price::Row, ProductsView>())
        .api_route("/warehouses/export", of::<catalog::warehouse::Row, ProductsView>())
        .api_route("/stock/export", of::<catalog::stock_level::Row, ProductsView>())
        .api_route("/stock/lots/export", of::<catalog::stock_lot::Row, ProductsView>())
        .api_route(
            "/stock/movements/export",
            of::<catalog::stock_movement::Row, ProductsView>(),
        )
        .api_route(
            "/production/orders/export",
            of::<production::production_order::Row, ProductionView>(),
        )
        .api_route("/finance/invoices/export", of::<finance::invoice::Row, FinanceView>())
        .api_route("/finance/payments/export", of::<finance::payment::Row, FinanceView>())
}

fn of<V: Shape + JsonSchema, R: Right>() -> ApiMethodRouter<App> {
    get_with(list::<V, R>, told(EXPORTED))
}

async fn list<V: Shape, R: Right>(
    State(app): State<App>,
    caller: May<R>,
    language: Language,
    wanted: Wanted<V>,
) -> Result<Sheet, Problem> {
    file(app, &caller, language, wanted, |_| Scope::default()).await
}

/// As they were entered: what a translation says would not be the name that a file read back gives them.
async fn products(
    State(app): State<App>,
    caller: May<ProductsView>,
    language: Language,
    mut wanted: Wanted<catalog::product::Row>,
) -> Result<Sheet, Problem> {
    let categories = product::categories(&mut wanted.pairs);
    let scope = move |schema: &str| {
        let within = categories.clone().map(|ids| catalog::category::within(schema, ids));
        within.unwrap_or_default()
    };
    file(app, &caller, language, wanted, scope).await
}

/// A list of which a file is made.
struct Source<V, F> {
    app: App,
    caller: Caller,
    as_of: Option<AsOf>,
    pairs: Vec<(String, String)>,
    scope: F,
    of: PhantomData<fn() -> V>,
}

impl<V: View, F: Fn(&str) -> Scope> Source<V, F> {
    /// Those behind the cursor, or the first ones.
    async fn rows(&self, cursor: Option<String>) -> Result<Rows, Problem> {
        let mut pairs = self.pairs.clone();
        pairs.extend(cursor.map(|cursor| ("cursor".to_owned(), cursor)));
        let read = async |reader: Reader<'_>| {
            let scope = (self.scope)(reader.schema);
            projections::view::rows_of::<V>(reader, &pairs, &scope, ROWS).await
        };
        view::as_reader_at(&self.app, &self.caller, self.as_of, read).await
    }

    /// The workspace's own fields of what is listed.
    async fn own(&self) -> Result<Vec<Details>, Problem> {
        if !has_own::<V>() {
            return Ok(vec![]);
        }
        let own = async |reader: Reader<'_>| custom_field::of(reader, V::NAME).await;
        view::as_reader_at(&self.app, &self.caller, self.as_of, own).await
    }
}

/// What of a file is not written yet.
struct Rest<V, F> {
    source: Source<V, F>,
    own: Vec<Details>,
    writer: Writer,
    next: Next,
}

enum Next {
    Rows(Rows),
    /// Those behind this cursor.
    Behind(String),
}

impl<V: View, F: Fn(&str) -> Scope> Rest<V, F> {
    /// The next piece of the file, and what is left behind it.
    async fn piece(self) -> Result<(Bytes, Option<Self>), Unfinished> {
        let Self {
            source,
            own,
            mut writer,
            next,
        } = self;
        let rows = match next {
            Next::Rows(rows) => rows,
            Next::Behind(cursor) => source.of_its_turn(cursor).await?,
        };
        for row in &rows.rows {
            writer.row(&cells::of(&rows.fields, &own, row))?;
        }
        let Some(cursor) = rows.next_cursor else {
            return Ok((writer.finish()?.into(), None));
        };
        let piece = writer.take()?.into();
        let next = Next::Behind(cursor);
        let rest = Self {
            source,
            own,
            writer,
            next,
        };
        Ok((piece, Some(rest)))
    }
}

impl<V: View, F: Fn(&str) -> Scope> Source<V, F> {
    /// As a request of the workspace, which waits for its other ones.
    async fn of_its_turn(&self, cursor: String) -> Result<Rows, Problem> {
        let _turn = self.app.reading.take(self.caller.workspace.id).await?;
        self.rows(Some(cursor)).await
    }
}

/// Why a file breaks off. Its reader sees that it does.
#[derive(Debug, thiserror::Error)]
enum Unfinished {
    #[error("its rows cannot be read: {}", .0.code().as_str())]
    Unread(Problem),
    #[error(transparent)]
    Unwritten(#[from] WriteError),
}

impl From<Problem> for Unfinished {
    fn from(problem: Problem) -> Self {
        Self::Unread(problem)
    }
}

/// The first rows are read before anything is answered, so that what the list refuses is refused here as there.
async fn file<V: View, F: Fn(&str) -> Scope + Send + Sync + 'static>(
    app: App,
    caller: &Caller,
    language: Language,
    wanted: Wanted<V>,
    scope: F,
) -> Result<Sheet, Problem> {
    let Wanted {
        format,
        heads,
        mut pairs,
        ..
    } = wanted;
    let source = Source::<V, F> {
        as_of: past::take(&mut pairs)?,
        app,
        caller: caller.clone(),
        pairs,
        scope,
        of: PhantomData,
    };
    let rows = source.rows(None).await?;
    let own = source.own().await?;
    let heads = heads.of(&rows.fields, &own, language);
    let begun = Writer::begin(format).and_then(|mut writer| {
        writer.row(&cells::texts(&heads))?;
        Ok(writer)
    });
    let writer = begun.map_err(|_| Problem::internal())?;
    let next = Next::Rows(rows);
    let rest = Some(Rest {
        source,
        own,
        writer,
        next,
    });
    let pieces = stream::try_unfold(rest, |rest: Option<Rest<V, F>>| async move {
        let Some(rest) = rest else { return Ok(None) };
        rest.piece().await.map(Some).map_err(|error| {
            tracing::warn!(error = %chain(&error), "an export broke off");
            io::Error::other(error)
        })
    });
    Ok(Sheet::named(V::NAME, format, Body::from_stream(pieces)))
}

/// A list as a file.
pub struct Sheet(Response);

impl Sheet {
    /// A file of that name but for its ending.
    pub fn named(name: &str, format: Format, body: Body) -> Self {
        let file = format!("attachment; filename=\"{name}.{}\"", format.name());
        let headers = [
            (header::CONTENT_TYPE, format.media_type().to_owned()),
            (header::CONTENT_DISPOSITION, file),
        ];
        Self((headers, body).into_response())
    }
}

impl IntoResponse for Sheet {
    fn into_response(self) -> Response {
        self.0
    }
}

impl OperationOutput for Sheet {
    type Inner = Self;

    fn operation_response(_: &mut GenContext, _: &mut openapi::Operation) -> Option<openapi::Response> {
        let content = Format::ALL.map(|format| {
            let media = format.media_type().split(';').next().unwrap_or_default();
            (media.to_owned(), json!({ "schema": { "type": "string" } }))
        });
        let content: serde_json::Map<_, _> = content.into_iter().collect();
        serde_json::from_value(json!({ "description": "The file", "content": content })).ok()
    }

    fn inferred_responses(
        context: &mut GenContext,
        operation: &mut openapi::Operation,
    ) -> Vec<(Option<openapi::StatusCode>, openapi::Response)> {
        reply::always(200, Self::operation_response(context, operation))
    }
}
