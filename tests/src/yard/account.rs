//! Bodies of the routes about who signs in, and with what.

use crate::shape::{self, Field, Shape, fields};
use domain::identity::organization;
use reqwest::Method;
use serde_json::{Value, json};

pub fn shapes(key: &str, organization: &str) -> Vec<Shape> {
    const EMAIL: &str = "z@company.kz";
    const PASSWORD: &str = "SecurePassword123";
    let shape = |method: Method, route: &'static str, id: &str, good: Value, fields: Vec<Field>| Shape {
        method,
        route,
        path: route.replace("{id}", id),
        good,
        fields,
    };
    let post = |route: &'static str, good: Value, text: &str| shape(Method::POST, route, key, good, fields(text));
    vec![
        post("/auth/forgot-password", json!({"email": EMAIL}), "email:text0!"),
        post("/auth/resend-code", json!({"email": EMAIL}), "email:text0!"),
        post(
            "/auth/reset-password",
            json!({"email": EMAIL, "code": "123456", "newPassword": PASSWORD}),
            "email:text0! code:text0! newPassword:password!",
        ),
        post(
            "/auth/change-password",
            json!({"currentPassword": PASSWORD, "newPassword": PASSWORD}),
            "currentPassword:text0! newPassword:password!",
        ),
        post("/auth/second-factor", json!({"password": PASSWORD}), "password:text0!"),
        post("/auth/second-factor/confirm", json!({"code": "123456"}), "code:text0!"),
        post(
            "/auth/second-factor/recovery-codes",
            json!({"code": "123456"}),
            "code:text0!",
        ),
        post(
            "/auth/second-factor/disable",
            json!({"password": PASSWORD, "code": "123456"}),
            "password:text0! code:text0!",
        ),
        post(
            "/organizations",
            json!({"name": "a", "bin": "210987654321"}),
            "name:text200! bin:twelve_digits!",
        ),
        shape(
            Method::PUT,
            "/organizations/{id}",
            organization,
            json!({"name": "a"}),
            shape::noun::<organization::Profile>(false, "secondFactorRoles:list"),
        ),
        post(
            "/api-keys",
            json!({"name": "a", "permissions": ["DEALS_VIEW"]}),
            "name:text100! permissions:list! permissions[0]:choice addresses:list",
        ),
        post("/api-keys/{id}/rotate", json!({"graceHours": 1}), "graceHours:whole"),
    ]
}
