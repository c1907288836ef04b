//! The master keys an operator keeps: a text with a line each, `id base64-of-32-bytes`, the one in use first. Empty lines
//! and those that begin with `#` do not count. Errors name a line and never what stands in it.

use super::cipher::Key;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{fmt, io, path::Path};
use zeroize::Zeroizing;

/// The id of the master key that is kept in the database as long as no other is configured.
pub(super) const IN_DATABASE: &str = "database";

/// Master keys, at least one, the one in use first.
pub struct KeyRing(Vec<(String, Key)>);

#[derive(Debug, thiserror::Error)]
pub enum RingError {
    #[error("the file of master keys cannot be read")]
    Unreadable(#[from] io::Error),
    #[error("line {line} of the master keys: {problem}")]
    Line { line: usize, problem: &'static str },
    #[error("there is no master key")]
    Empty,
}

impl KeyRing {
    pub fn read(file: &Path) -> Result<Self, RingError> {
        Self::parse(&Zeroizing::new(std::fs::read_to_string(file)?))
    }

    pub fn parse(text: &str) -> Result<Self, RingError> {
        let mut keys: Vec<(String, Key)> = Vec::new();
        for (line, text) in (1..).zip(text.lines().map(str::trim)) {
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let (id, key) = entry(text).map_err(|problem| RingError::Line { line, problem })?;
            if keys.iter().any(|(known, _)| known == id) {
                let problem = "the id stands in another line too";
                return Err(RingError::Line { line, problem });
            }
            keys.push((id.to_owned(), key));
        }
        if keys.is_empty() {
            return Err(RingError::Empty);
        }
        Ok(Self(keys))
    }

    pub(super) fn into_keys(self) -> Vec<(String, Key)> {
        self.0
    }
}

/// Ids alone: a `Debug` line may end in a log.
impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

fn entry(text: &str) -> Result<(&str, Key), &'static str> {
    let (id, key) = text.split_once(char::is_whitespace).ok_or("is not `id base64`")?;
    if id == IN_DATABASE {
        return Err("that id is taken by the key in the database");
    }
    let key = STANDARD.decode(key.trim()).map(Zeroizing::new);
    let key = key.map_err(|_| "the key is not base64")?;
    Key::from_bytes(&key)
        .map(|key| (id, key))
        .ok_or("the key is not 32 bytes long")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn a_ring_is_read_in_its_order_and_shows_ids_only() {
        let text = format!("# since May\n2026 {KEY}\n\n  2025\t{KEY}  \n");
        let ring = KeyRing::parse(&text).unwrap();
        assert_eq!(format!("{ring:?}"), r#"["2026", "2025"]"#);
        assert_eq!(ring.into_keys()[1].1.bytes()[31], 31);
    }

    #[test]
    fn a_bad_line_is_named_and_not_shown() {
        let cases = [
            (String::new(), "there is no master key"),
            ("# nothing".to_owned(), "there is no master key"),
            (KEY.to_owned(), "line 1 of the master keys: is not `id base64`"),
            (
                "\na AAAA".to_owned(),
                "line 2 of the master keys: the key is not 32 bytes long",
            ),
            ("a ?".to_owned(), "line 1 of the master keys: the key is not base64"),
            (
                format!("a {KEY}\na {KEY}"),
                "line 2 of the master keys: the id stands in another line too",
            ),
            (
                format!("database {KEY}"),
                "line 1 of the master keys: that id is taken by the key in the database",
            ),
        ];
        for (text, message) in cases {
            assert_eq!(KeyRing::parse(&text).unwrap_err().to_string(), message);
        }
    }
}
