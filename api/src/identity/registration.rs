//! Registration: a person, their company and its first workspace come to be in one append, or none of them does. The
//! code that proves the address is sent by the mailer, which follows the log.

use super::{code, normal_email, password};
use crate::openapi::{answering, told_to_all};
use crate::{
    envelope::{self, Envelope},
    extract::{Body, Write},
    problem::Problem,
    state::App,
};
use aide::axum::{ApiRouter, routing::post_with};
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use commands::{Answer, Context, Error, Unit};
use domain::{
    Aggregate, Check, Rule, Violation, Violations,
    check::check_digit_holds,
    id::{OrganizationId, UserId, WorkspaceId},
    identity::{
        organization::{self, Organization, OrganizationCommand},
        user::{Registered, User, UserCommand, UserRejection},
        workspace::{self, Workspace, WorkspaceCommand, WorkspaceKind},
    },
};
use log::{AppendError, Appended};
use projections::platform;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// How often another slug is tried when one is taken.
const SLUGS_MAX: usize = 8;
/// Leaves room for a suffix within `workspace::SLUG_MAX`.
const SLUG_LENGTH: usize = 40;

pub fn router() -> ApiRouter<App> {
    ApiRouter::new()
        .api_route(
            "/auth/register",
            post_with(
                register,
                answering::<Envelope<RegisteredAnswer>, 201>(told_to_all("Register an organization's owner")),
            ),
        )
        .api_route(
            "/users/register-owner",
            post_with(
                register_owner,
                answering::<Envelope<RegisteredAnswer>, 201>(told_to_all("Register a company's owner (document 1)")),
            ),
        )
        .api_route(
            "/auth/verify-email",
            post_with(
                verify_email,
                answering::<Envelope<Message>, 200>(told_to_all("Verify an address with the code in the mail")),
            ),
        )
        .api_route(
            "/users/verify-email",
            post_with(
                verify_user_email,
                answering::<Envelope<Message>, 200>(told_to_all(
                    "Verify an address with the code in the mail (document 1)",
                )),
            ),
        )
        .api_route(
            "/auth/check-email",
            post_with(
                check_email,
                answering::<Envelope<Availability>, 200>(told_to_all("Whether an address is registered")),
            ),
        )
        .api_route(
            "/auth/check-bin",
            post_with(
                check_bin,
                answering::<Envelope<Availability>, 200>(told_to_all(
                    "Whether a BIN is registered, and whether its check digit holds",
                )),
            ),
        )
}

/// Either document's body: the company is `organizationName`, `organizationBin` or `companyName`, `bin`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend(
    "required" = ["email", "password", "firstName", "lastName"],
    "allOf" = [
        { "anyOf": [{ "required": ["organizationName"] }, { "required": ["companyName"] }] },
        { "anyOf": [{ "required": ["organizationBin"] }, { "required": ["bin"] }] },
    ]
))]
struct Registration {
    #[schemars(email, length(max = 254), extend("type" = "string"))]
    email: Option<String>,
    #[schemars(length(min = 8, max = 1_000), regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]*$"), extend("type" = "string"))]
    password: Option<String>,
    #[schemars(length(max = 100), regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"), extend("type" = "string"))]
    first_name: Option<String>,
    #[schemars(length(max = 100), regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"), extend("type" = "string"))]
    last_name: Option<String>,
    #[schemars(length(max = 30), regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]*$"))]
    phone: Option<String>,
    #[schemars(length(max = 200), regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"), extend("type" = "string"))]
    organization_name: Option<String>,
    #[schemars(regex(pattern = "^[0-9]{12}$"), extend("type" = "string"))]
    organization_bin: Option<String>,
    #[schemars(length(max = 200), regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"), extend("type" = "string"))]
    company_name: Option<String>,
    #[schemars(regex(pattern = "^[0-9]{12}$"), extend("type" = "string"))]
    bin: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RegisteredAnswer {
    user: PendingUser,
    organization_id: Option<Uuid>,
    workspace_id: Option<Uuid>,
    message: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PendingUser {
    id: Uuid,
    email: String,
    status: &'static str,
}

async fn register(State(app): State<App>, write: Write, body: Body<Registration>) -> Result<Response, Problem> {
    let answer = register_with(&app, &write, body).await;
    answer.map_err(|problem| {
        problem
            .rename_field("companyName", "organizationName")
            .rename_field("bin", "organizationBin")
    })
}

async fn register_owner(State(app): State<App>, write: Write, body: Body<Registration>) -> Result<Response, Problem> {
    register_with(&app, &write, body).await
}

async fn register_with(app: &App, write: &Write, body: Body<Registration>) -> Result<Response, Problem> {
    let email = normal_email(body.value.email.as_deref().unwrap_or_default());
    let context = write.anonymous(&email, body.hash);
    let appended = match app.executor.answered::<UserRejection>(&context).await? {
        Some(first) => first,
        None => append(app, body.value, &context).await?,
    };
    let written = write
        .settle_at(app, WorkspaceId::PLATFORM, appended.position, None)
        .await;
    let id_of = |category: &str| {
        appended
            .events
            .iter()
            .find(|event| event.category == category)
            .map(|event| event.stream_id)
    };
    let user = appended.events.iter().find(|event| event.category == User::NAME);
    let email = user
        .and_then(|event| serde_json::from_str::<Value>(&event.data).ok())
        .and_then(|data| data["email"].as_str().map(str::to_owned));
    Ok(written
        .created(RegisteredAnswer {
            user: PendingUser {
                id: id_of(User::NAME).unwrap_or_default(),
                email: email.unwrap_or_default(),
                status: "pending",
            },
            organization_id: id_of(Organization::NAME),
            workspace_id: id_of(Workspace::NAME),
            message: "Verification email sent",
        })
        .into_response())
}

/// What a registration asks for, its fields in their stored form.
struct Request {
    user: Registered,
    password: String,
    organization: organization::Created,
    user_id: UserId,
    organization_id: OrganizationId,
}

impl Registration {
    fn into_request(self) -> Result<Request, Problem> {
        let text = |value: Option<String>| value.map(|text| text.trim().to_owned()).unwrap_or_default();
        let (user_id, organization_id) = (UserId::new(Uuid::now_v7()), OrganizationId::new(Uuid::now_v7()));
        let request = Request {
            user: Registered {
                email: normal_email(&self.email.unwrap_or_default()),
                first_name: text(self.first_name),
                last_name: text(self.last_name),
                phone: self
                    .phone
                    .map(|phone| phone.trim().to_owned())
                    .filter(|phone| !phone.is_empty()),
                organization_id: Some(organization_id),
            },
            password: self.password.unwrap_or_default(),
            organization: organization::Created {
                name: text(self.organization_name.or(self.company_name)),
                bin: text(self.organization_bin.or(self.bin)),
                owner_id: user_id,
            },
            user_id,
            organization_id,
        };
        request.check()?;
        Ok(request)
    }
}

impl Request {
    /// The rules of all three at once; what is empty is missing, whatever else it is.
    fn check(&self) -> Result<(), Problem> {
        let mut edge = Check::default();
        password::check(&mut edge, "password", &self.password);
        for (field, value) in [("email", &self.user.email), ("bin", &self.organization.bin)] {
            edge.that(!value.is_empty(), field, Rule::Required);
        }
        let mut found: Vec<Violation> = edge
            .done()
            .err()
            .map(|violations| violations.as_slice().to_vec())
            .unwrap_or_default();
        let user = User::default().decide(&UserCommand::Register(self.user.clone())).err();
        let company = Organization::default()
            .decide(&OrganizationCommand::Create(self.organization.clone()))
            .err();
        let user = user.as_ref().map(domain::Rejection::violations).unwrap_or_default();
        let company = company.as_ref().map(domain::Rejection::violations).unwrap_or_default();
        for violation in user.iter().chain(company) {
            if found.iter().all(|known| known.field != violation.field) {
                found.push(violation.clone());
            }
        }
        if found.is_empty() {
            Ok(())
        } else {
            Err(Problem::invalid(&found).because("user.invalid"))
        }
    }

    fn unit(&self, slug: &str) -> Result<Unit, Error<UserRejection>> {
        let refused = |violations: &[Violation]| match violations.first() {
            Some(Violation { field, rule }) => {
                Error::Rejected(UserRejection::Invalid(Violations::one(field, rule.clone())))
            }
            None => Error::Rejected(UserRejection::AlreadyRegistered),
        };
        let user = User::default()
            .decide(&UserCommand::Register(self.user.clone()))
            .map_err(Error::Rejected)?;
        let company = Organization::default().decide(&OrganizationCommand::Create(self.organization.clone()));
        let company = company.map_err(|rejection| refused(domain::Rejection::violations(&rejection)))?;
        let created = workspace::Created {
            name: self.organization.name.clone(),
            kind: WorkspaceKind::Corporate,
            slug: slug.to_owned(),
            tenant_key: tenant_key(slug),
            organization_id: Some(self.organization_id),
            owner_id: self.user_id,
        };
        let entered = Workspace::default().decide(&WorkspaceCommand::Create(created));
        let entered = entered.map_err(|rejection| refused(domain::Rejection::violations(&rejection)))?;
        let mut unit = Unit::default();
        unit.add(self.user_id, &User::default(), 0, &user)
            .map_err(Error::Unstorable)?;
        unit.add(self.organization_id, &Organization::default(), 0, &company)
            .map_err(Error::Unstorable)?;
        unit.add(WorkspaceId::new(Uuid::now_v7()), &Workspace::default(), 0, &entered)
            .map_err(Error::Unstorable)?;
        Ok(unit)
    }
}

/// The password is stored first, under an id nobody knows yet: without the append it opens nothing.
async fn append(app: &App, registration: Registration, context: &Context) -> Result<Appended, Problem> {
    let mut request = registration.into_request()?;
    let hash = app.passwords.hash(std::mem::take(&mut request.password)).await?;
    password::store(&app.pool, request.user_id.uuid(), &hash).await?;
    let answer = Answer {
        id: request.user_id.into(),
        version: 1,
    };
    for slug in slugs(&request.organization.name) {
        match app.executor.commit(request.unit(&slug)?, context, &answer).await {
            Ok(appended) => {
                if appended.repeated.is_some() {
                    password::forget(&app.pool, request.user_id.uuid()).await.ok();
                }
                return Ok(appended);
            }
            Err(AppendError::Claimed {
                kind: "workspace.slug", ..
            }) => {}
            Err(error) => {
                if matches!(error, AppendError::Claimed { .. } | AppendError::CommandReused) {
                    password::forget(&app.pool, request.user_id.uuid()).await.ok();
                }
                return Err(Error::<UserRejection>::from(error).into());
            }
        }
    }
    Err(Error::<UserRejection>::Busy.into())
}

/// Names for a workspace, in Latin letters: the plain one first, then with a suffix nobody else has.
pub(super) fn slugs(name: &str) -> impl Iterator<Item = String> {
    let plain: String = slug::slugify(name).chars().take(SLUG_LENGTH).collect();
    let plain = plain.trim_matches('-').to_owned();
    let plain = if plain.is_empty() {
        "workspace".to_owned()
    } else {
        plain
    };
    let base = plain.clone();
    let names = std::iter::once(plain).chain(std::iter::repeat_with(move || {
        format!("{base}-{:06x}", rand::random::<u32>() & 0x00ff_ffff)
    }));
    names.take(SLUGS_MAX)
}

pub(super) fn tenant_key(slug: &str) -> String {
    format!("{slug}_{:08x}", rand::random::<u32>())
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["email", "code"]))]
struct Verification {
    #[schemars(regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"))]
    email: String,
    #[schemars(regex(pattern = r"^[^\x00-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]*$"))]
    code: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Message {
    message: &'static str,
}

async fn verify_email(State(app): State<App>, write: Write, body: Body<Verification>) -> Result<Response, Problem> {
    verify(&app, &write, body).await
}

async fn verify_user_email(
    State(app): State<App>,
    write: Write,
    body: Body<Verification>,
) -> Result<Response, Problem> {
    verify(&app, &write, body).await
}

async fn verify(app: &App, write: &Write, Body { value, hash }: Body<Verification>) -> Result<Response, Problem> {
    require(&[("email", &value.email), ("code", &value.code)])?;
    let user = platform::user_by_email(&app.pool, &normal_email(&value.email)).await?;
    let right = match &user {
        Some(user) => code::check(&app.pool, user.id, &value.code).await?,
        None => false,
    };
    // An unknown address and a wrong code are the same answer.
    let Some(user) = user.filter(|_| right) else {
        return Err(Problem::invalid_field("code", Rule::NotAllowed).because("user.code_wrong"));
    };
    let context = write.anonymous(&user.email, hash);
    let done = app
        .executor
        .execute::<User>(user.id.into(), &UserCommand::VerifyEmail, &context)
        .await?;
    let written = write.settle(app, WorkspaceId::PLATFORM, &done).await;
    Ok(written.answer(
        StatusCode::OK,
        &Envelope::of(Message {
            message: "Email verified successfully",
        }),
    ))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["email"]))]
struct EmailQuestion {
    #[schemars(email, length(max = 254))]
    email: String,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["bin"]))]
struct BinQuestion {
    #[schemars(regex(pattern = "^[0-9]{12}$"))]
    bin: String,
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Availability {
    exists: bool,
    available: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    check_digit_holds: Option<bool>,
}

async fn check_email(State(app): State<App>, Body { value, .. }: Body<EmailQuestion>) -> Result<Response, Problem> {
    require(&[("email", &value.email)])?;
    let email = normal_email(&value.email);
    let mut check = Check::default();
    check.email("email", &email);
    check
        .done()
        .map_err(|violations| Problem::invalid(violations.as_slice()))?;
    let exists = platform::user_by_email(&app.pool, &email).await?.is_some();
    Ok(envelope::ok(Availability {
        exists,
        available: !exists,
        check_digit_holds: None,
    }))
}

async fn check_bin(State(app): State<App>, Body { value, .. }: Body<BinQuestion>) -> Result<Response, Problem> {
    require(&[("bin", &value.bin)])?;
    let bin = value.bin.trim();
    let mut check = Check::default();
    check.twelve_digits("bin", bin);
    check
        .done()
        .map_err(|violations| Problem::invalid(violations.as_slice()))?;
    let known = sqlx::query_scalar("select exists (select from platform.organizations where bin = $1)");
    let exists: bool = known.bind(bin).fetch_one(&app.pool).await?;
    Ok(envelope::ok(Availability {
        exists,
        available: !exists,
        check_digit_holds: Some(check_digit_holds(bin)),
    }))
}

/// All the fields that are empty, at once.
pub(super) fn require(fields: &[(&str, &str)]) -> Result<(), Problem> {
    let mut check = Check::default();
    for (field, value) in fields {
        check.that(!value.trim().is_empty(), *field, Rule::Required);
    }
    check
        .done()
        .map_err(|violations| Problem::invalid(violations.as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_slug_is_made_of_latin_letters_and_fits() {
        let first = |name: &str| slugs(name).next().unwrap();
        assert_eq!(first("Tech Solutions KZ"), "tech-solutions-kz");
        assert_eq!(first("ТОО Компания"), "too-kompaniia");
        assert_eq!(first("!!!"), "workspace");
        for name in ["ә".repeat(500), "Ұлы Дала ".repeat(40), "a-".repeat(100)] {
            for slug in slugs(&name).take(3) {
                assert!(
                    slug.len() <= workspace::SLUG_MAX && !slug.starts_with('-') && !slug.ends_with('-'),
                    "{slug}"
                );
            }
        }
    }

    #[test]
    fn both_bodies_are_understood() {
        let one = json!({"email": " Owner@Company.KZ ", "password": "SecurePassword123", "firstName": "Имя", "lastName": "Фамилия", "bin": "123456789012", "companyName": "ТОО Компания"});
        let two = json!({"email": "owner@company.kz", "password": "SecurePassword123!", "firstName": "Имя", "lastName": "Фамилия", "phone": "+77001234567", "organizationBin": "123456789012", "organizationName": "ТОО Компания"});
        for body in [one, two] {
            let request = serde_json::from_value::<Registration>(body)
                .unwrap()
                .into_request()
                .unwrap();
            assert_eq!(
                (request.user.email.as_str(), request.organization.bin.as_str()),
                ("owner@company.kz", "123456789012")
            );
            assert!(request.unit("too-kompaniia").is_ok());
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let refused = Registration {
            password: Some("short".into()),
            bin: Some("12".into()),
            ..Registration::default()
        }
        .into_request();
        let problem = refused.err().unwrap();
        let mut told: Vec<(&str, &str)> = problem
            .violations()
            .iter()
            .map(|violation| (violation.field.as_str(), violation.rule.code()))
            .collect();
        told.sort_unstable();
        let expected = [
            ("bin", "not_twelve_digits"),
            ("companyName", "required"),
            ("email", "required"),
            ("firstName", "required"),
            ("lastName", "required"),
            ("password", "weak_password"),
        ];
        assert_eq!(told, expected);
    }
}
