//! What a registration asks for: either document's body, read into its stored form, with everything that is wrong told at once.

use crate::{
    identity::{normal, normal_email, password, pending::Details, provision},
    mail::address,
    problem::Problem,
};
use domain::{
    Aggregate, Check, Rule, Violation,
    field::{FILLED_LINE, LINE},
    id::UserId,
    identity::{
        organization::{Organization, OrganizationCommand},
        user::{User, UserCommand},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Either document's body: the company is `organizationName`, `organizationBin` or `companyName`, `bin`. Who names none comes
/// for themselves (document 3), and need not say what they are called.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["email", "password"], "anyOf" = [with_a_company(), without_a_company()]))]
pub struct Registration {
    #[schemars(email, length(max = 254), extend("type" = "string"))]
    email: Option<String>,
    #[schemars(length(min = 8, max = 1_000), regex(pattern = LINE), extend("type" = "string"))]
    password: Option<String>,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    first_name: Option<String>,
    #[schemars(length(max = 100), regex(pattern = LINE))]
    last_name: Option<String>,
    #[schemars(length(max = 30), regex(pattern = LINE))]
    phone: Option<String>,
    organization_name: Option<String>,
    organization_bin: Option<String>,
    company_name: Option<String>,
    bin: Option<String>,
}

/// The same for a company's owner.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(extend("anyOf" = [with_a_company()]))]
pub struct OwnerRegistration(pub Registration);

/// The first of the two names that is there is taken.
fn with_a_company() -> Value {
    let (text, bin) = (
        |max: u32| json!({"type": "string", "maxLength": max, "pattern": FILLED_LINE}),
        json!({"type": "string", "pattern": "^[0-9]{12}$"}),
    );
    let either = |first: &str, second: &str, schema: &Value| {
        json!({"anyOf": [
            {"required": [first], "properties": {first: schema}},
            {"required": [second], "properties": {first: {"type": "null"}, second: schema}},
        ]})
    };
    json!({
        "required": ["firstName", "lastName"],
        "properties": {"firstName": text(100), "lastName": text(100)},
        "allOf": [
            either("organizationName", "companyName", &text(200)),
            either("organizationBin", "bin", &bin),
        ],
    })
}

fn without_a_company() -> Value {
    let none = json!({"type": "null"});
    json!({"properties": {"organizationName": none, "companyName": none, "organizationBin": none, "bin": none}})
}

/// What a registration asks for, its fields in their stored form.
pub struct Request {
    pub email: String,
    pub password: String,
    pub details: Details,
}

impl Registration {
    /// In its stored form, or all that is wrong with it.
    pub fn into_request(self, needs_company: bool) -> Result<Request, Problem> {
        let given = |value: Option<String>| value.map(|text| normal(&text)).filter(|text| !text.is_empty());
        let request = Request {
            email: normal_email(&self.email.unwrap_or_default()),
            password: self.password.unwrap_or_default(),
            details: Details {
                first_name: given(self.first_name).unwrap_or_default(),
                last_name: given(self.last_name).unwrap_or_default(),
                phone: given(self.phone),
                company_name: given(self.organization_name.or(self.company_name)),
                bin: given(self.organization_bin.or(self.bin)),
                employment: None,
            },
        };
        request.check(needs_company)?;
        Ok(request)
    }
}

impl Request {
    /// The rules of all at once; what is empty is missing, whatever else it is.
    pub fn check(&self, needs_company: bool) -> Result<(), Problem> {
        let mut edge = Check::default();
        password::check(&mut edge, "password", &self.password);
        edge.that(!self.email.is_empty(), "email", Rule::Required);
        let Details { company_name, bin, .. } = &self.details;
        if needs_company || company_name.is_some() {
            edge.that(bin.is_some(), "bin", Rule::Required);
        }
        if needs_company || bin.is_some() {
            edge.that(company_name.is_some(), "companyName", Rule::Required);
        }
        edge.that(
            self.email.is_empty() || address::is_address(&self.email),
            "email",
            Rule::NotAnEmail,
        );
        let mut found: Vec<Violation> = edge
            .done()
            .err()
            .map(|violations| violations.as_slice().to_vec())
            .unwrap_or_default();
        let nobody = UserId::default();
        let mut user = provision::registered(nobody, &self.email, &self.details);
        if needs_company {
            user.organization_id.get_or_insert_default();
        }
        let user = User::default().decide(&UserCommand::Register(user)).err();
        let company = provision::company(nobody, &self.details);
        let company = company.and_then(|company| {
            Organization::default()
                .decide(&OrganizationCommand::Create(company))
                .err()
        });
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_bodies_are_understood() {
        let one = json!({"email": " Owner@Company.KZ ", "password": "SecurePassword123", "firstName": "Имя", "lastName": "Фамилия", "bin": "123456789012", "companyName": "ТОО Компания"});
        let two = json!({"email": "owner@company.kz", "password": "SecurePassword123!", "firstName": "Имя", "lastName": "Фамилия", "phone": "+77001234567", "organizationBin": "123456789012", "organizationName": "ТОО Компания"});
        for body in [one, two] {
            let request = serde_json::from_value::<Registration>(body)
                .unwrap()
                .into_request(true)
                .ok()
                .unwrap();
            assert_eq!(
                (request.email.as_str(), request.details.bin.as_deref()),
                ("owner@company.kz", Some("123456789012"))
            );
        }
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let refused = Registration {
            password: Some("short".into()),
            bin: Some("12".into()),
            ..Registration::default()
        }
        .into_request(true);
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

    #[test]
    fn who_comes_for_themselves_names_no_company_and_who_names_half_of_one_is_asked_for_the_rest() {
        let alone = || Registration {
            email: Some("person@mail.kz".into()),
            password: Some("SecurePassword123".into()),
            organization_name: Some(" ".into()),
            ..Registration::default()
        };
        let request = alone().into_request(false).ok().unwrap();
        assert_eq!((request.details.company_name, request.details.bin), (None, None));
        let told = |registration: Registration| {
            let problem = registration.into_request(false).err().unwrap();
            let told = problem.violations().iter().map(|violation| violation.field.clone());
            told.collect::<Vec<_>>()
        };
        let half = Registration {
            organization_name: Some("ТОО".into()),
            ..alone()
        };
        assert_eq!(told(half), ["bin", "firstName", "lastName"]);
        let half = Registration {
            bin: Some("123456789012".into()),
            ..alone()
        };
        assert_eq!(told(half), ["companyName", "firstName", "lastName"]);
    }
}
