//! Entity tags as RFC 9110 writes them in `If-Match` and `If-None-Match`: a list over any number of lines, or `*`.

use crate::problem::{Code, Problem};
use axum::http::{HeaderMap, HeaderName};
use domain::Rule;

/// More than anybody has seen versions of one thing.
const TAGS_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// `*`: whichever there is.
    Any,
    Of(Vec<Tag>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    pub weak: bool,
    pub opaque: String,
}

impl Tag {
    /// The version that the tag stands for when it is one of ours.
    fn version(&self) -> Option<i64> {
        let version = self.opaque.parse::<i64>().ok()?;
        (version.to_string() == self.opaque).then_some(version)
    }
}

impl Tags {
    /// What a header asks; `name` is how a refusal calls it.
    pub fn read(headers: &HeaderMap, header: &HeaderName, name: &str) -> Result<Option<Self>, Problem> {
        let malformed = || Problem::new(Code::ValidationFailed).field(name, Rule::WrongType);
        let mut lines = Vec::new();
        for line in headers.get_all(header) {
            lines.push(std::str::from_utf8(line.as_bytes()).map_err(|_| malformed())?);
        }
        let text = lines.join(",");
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        if text == "*" {
            return Ok(Some(Self::Any));
        }
        // Older clients send the bare version.
        if text.len() < 19 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let (weak, opaque) = (false, text.to_owned());
            return Ok(Some(Self::Of(vec![Tag { weak, opaque }])));
        }
        let tags = list(text).ok_or_else(malformed)?;
        if tags.len() > TAGS_MAX {
            return Err(Problem::invalid_field(name, Rule::TooMany { max: TAGS_MAX }));
        }
        Ok(Some(Self::Of(tags)))
    }

    /// The versions that match strongly, as a change of state wants it: a weak tag never does.
    pub fn versions(&self) -> Option<Vec<i64>> {
        match self {
            Self::Any => None,
            Self::Of(tags) => Some(tags.iter().filter(|tag| !tag.weak).filter_map(Tag::version).collect()),
        }
    }

    /// Whether a tag is among them, weak or not, as a look wants it.
    pub fn hold(&self, opaque: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Of(tags) => tags.iter().any(|tag| tag.opaque == opaque),
        }
    }
}

/// Tags may hold commas, so they are read one after the other.
fn list(text: &str) -> Option<Vec<Tag>> {
    let (mut tags, mut rest) = (Vec::new(), text);
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return (!tags.is_empty()).then_some(tags);
        }
        let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
        let (opaque, after) = quoted.strip_prefix('"')?.split_once('"')?;
        if opaque.chars().any(|c| c <= ' ' || c == '\u{7f}') {
            return None;
        }
        tags.push(Tag {
            weak,
            opaque: opaque.to_owned(),
        });
        rest = after.trim_start_matches([' ', '\t']);
        if !rest.is_empty() && !rest.starts_with(',') {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::IF_MATCH;

    fn read(lines: &[&str]) -> Result<Option<Tags>, Problem> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IF_MATCH, line.parse().unwrap());
        }
        Tags::read(&headers, &IF_MATCH, "If-Match")
    }

    #[test]
    fn a_list_may_be_long_or_on_several_lines() {
        let cases: [(&[&str], &[i64]); 9] = [
            (&["\"7\""], &[7]),
            (&["7"], &[7]),
            (&["\"7\", \"8\""], &[7, 8]),
            (&["\"7\"", " \"8\" ,,\"9\""], &[7, 8, 9]),
            (&["W/\"7\""], &[]),
            (&["W/\"7\", \"8\""], &[8]),
            (&["\"a,b\",\"8\",\"\""], &[8]),
            (&["\"07\", \"+7\", \"99999999999999999999\""], &[]),
            (&["\"-1\""], &[-1]),
        ];
        for (lines, versions) in cases {
            assert_eq!(read(lines).unwrap().unwrap().versions().unwrap(), versions, "{lines:?}");
        }
        assert_eq!(read(&["*"]).unwrap(), Some(Tags::Any));
        assert_eq!(read(&[" "]).unwrap(), None);
    }

    #[test]
    fn what_is_no_list_of_tags_is_malformed() {
        for text in [
            "seven",
            "\"7",
            "\"7\" \"8\"",
            "7, 8",
            "*, \"7\"",
            "w/\"7\"",
            "W/7",
            "\"a b\"",
            ",",
            "-1",
            "99999999999999999999",
        ] {
            assert!(read(&[text]).is_err(), "{text}");
        }
        let many = vec!["\"7\""; TAGS_MAX + 1].join(",");
        assert!(read(&[&many]).is_err());
    }

    #[test]
    fn a_look_does_not_mind_weakness() {
        let tags = read(&["W/\"7\", \"8\""]).unwrap().unwrap();
        assert!(tags.hold("7") && tags.hold("8") && !tags.hold("9"));
    }
}
