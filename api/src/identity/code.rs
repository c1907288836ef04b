//! Codes of six digits that go by mail: drawn from a seed that is thrown away when the mail is out, kept as a keyed hash, good
//! for a quarter of an hour and a few tries.

use super::secrets::Pepper;
use uuid::Uuid;

/// How long a code is good for.
pub const MINUTES: f64 = 15.0;
/// Wrong tries that a code survives.
pub const FAILURES_MAX: i32 = 5;

/// Six digits. Whoever reads the seed in the table still lacks the pepper.
pub fn draw(pepper: &Pepper, seed: &[u8]) -> String {
    let [a, b, c, d, e, f, g, h, ..] = pepper.tag("code", &[seed]);
    format!("{:06}", u64::from_be_bytes([a, b, c, d, e, f, g, h]) % 1_000_000)
}

/// Of the code that belongs to the row with that id.
pub fn hash(pepper: &Pepper, id: Uuid, code: &str) -> [u8; 32] {
    pepper.tag("code.hash", &[id.as_bytes(), code.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::secrets::{pepper_of, random};

    #[test]
    fn a_code_is_six_digits_and_belongs_to_one_attempt() {
        let (pepper, seed) = (pepper_of(1), random());
        let code = draw(&pepper, &seed);
        assert_eq!(code, draw(&pepper, &seed), "every try mails the same code");
        assert!(
            code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()),
            "{code}"
        );
        let id = Uuid::now_v7();
        assert_ne!(hash(&pepper, id, &code), hash(&pepper, Uuid::now_v7(), &code));
        assert_ne!(hash(&pepper, id, &code), hash(&pepper_of(2), id, &code));
    }
}
