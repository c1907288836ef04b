//! `traceparent`: the trace, the span that leads on, and whether it is recorded (W3C Trace Context §3.2).

use std::{fmt, str::FromStr};

/// One that is well-formed, as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceParent(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a traceparent: 00-{{32 hex digits}}-{{16 hex digits}}-{{2 hex digits}}, neither id all zeros")]
pub struct NotOne;

impl FromStr for TraceParent {
    type Err = NotOne;

    /// Later versions may append something: what is known is kept of them, as the recommendation has it (§3.2.4).
    fn from_str(text: &str) -> Result<Self, NotOne> {
        let mut parts = text.split('-');
        let mut part = |length| parts.next().filter(|part| is_hex(part, length)).ok_or(NotOne);
        let (version, trace, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        let is_longer = parts.next().is_some();
        let is_known = version != "ff" && (version != "00" || !is_longer);
        let is_zero = |id: &str| id.bytes().all(|digit| digit == b'0');
        if !is_known || is_zero(trace) || is_zero(span) {
            return Err(NotOne);
        }
        Ok(Self(format!("00-{trace}-{span}-{flags}")))
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_hex(part: &str, length: usize) -> bool {
    part.len() == length && part.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn what_is_well_formed_is_kept() {
        let given = format!("00-{TRACE}-{SPAN}-01");
        assert_eq!(given.parse::<TraceParent>().unwrap().to_string(), given);
    }

    #[test]
    fn of_a_later_version_what_is_known_is_kept() {
        let later = format!("cc-{TRACE}-{SPAN}-00-what-the-future-will-be-like");
        let kept = later.parse::<TraceParent>().unwrap();
        assert_eq!(kept.to_string(), format!("00-{TRACE}-{SPAN}-00"));
    }

    #[test]
    fn what_is_not_well_formed_is_none() {
        let zero = "0".repeat(32);
        for wrong in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{zero}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", &zero[..16]),
            format!("00-{TRACE}x-{SPAN}-01"),
        ] {
            assert_eq!(wrong.parse::<TraceParent>(), Err(NotOne), "{wrong}");
        }
    }
}
