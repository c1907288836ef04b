//! What a mail with a code looks like: in one language, as text and as HTML, from a template (`api/mail/letter.html`) and the
//! words of the locales. Nothing in it was written by whoever caused it: the address may be a stranger's.

use super::address;
use crate::i18n::{self, Language};
use fluent_bundle::FluentArgs;
use lettre::{
    Message,
    message::{
        Body, Mailbox, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType},
    },
};

const HTML: &str = include_str!("../../mail/letter.html");

/// `words`: what the keys of its sentences begin with, `mail-verify`. `None` when the address is none that mail can go to.
pub fn compose(from: &Mailbox, to: &str, language: Language, words: &str, code: &str) -> Option<Message> {
    let to = Mailbox::new(None, address::reachable(to)?);
    let sentence = |part: &str| i18n::text(language, &format!("{words}-{part}"), &FluentArgs::new());
    let (subject, greeting, closing) = (sentence("subject")?, sentence("greeting")?, sentence("closing")?);
    let text = format!("{greeting}\n\n{code}\n\n{closing}\n");
    let html = [
        ("{language}", language.tag()),
        ("{subject}", &escaped(&subject)),
        ("{greeting}", &escaped(&greeting)),
        ("{closing}", &escaped(&closing)),
        ("{code}", code),
    ]
    .into_iter()
    .fold(HTML.to_owned(), |html, (place, words)| html.replace(place, words));
    let parts = MultiPart::alternative()
        .singlepart(part(text, ContentType::TEXT_PLAIN)?)
        .singlepart(part(html, ContentType::TEXT_HTML)?);
    let mail = Message::builder().from(from.clone()).to(to).subject(subject).date_now();
    mail.multipart(parts).ok()
}

/// Quoted-printable leaves the code readable in the raw mail, where base64 would hide it.
fn part(text: String, kind: ContentType) -> Option<SinglePart> {
    let body = Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable).ok()?;
    Some(SinglePart::builder().header(kind).body(body))
}

fn escaped(text: &str) -> String {
    let entities = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;")];
    let entities = entities.into_iter();
    entities.fold(text.to_owned(), |text, (letter, entity)| text.replace(letter, entity))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs of exactly six digits with nothing alphanumeric beside them.
    fn standing_alone(text: &str) -> Vec<&str> {
        let words = text.split(|c: char| !c.is_alphanumeric());
        words
            .filter(|word| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit()))
            .collect()
    }

    fn mail(language: Language, words: &str) -> String {
        let from = "Prometric <no-reply@prometric.kz>".parse().unwrap();
        let mail = compose(&from, "owner@company.kz", language, words, "012345").unwrap();
        String::from_utf8(mail.formatted()).unwrap()
    }

    #[test]
    fn the_code_is_the_only_number_of_six_digits_in_text_and_html() {
        for language in Language::ALL {
            for words in ["mail-verify", "mail-reset"] {
                let mail = mail(language, words);
                assert_eq!(standing_alone(&mail), ["012345", "012345"], "{mail}");
                assert!(mail.contains("text/plain") && mail.contains("text/html"), "{mail}");
                assert!(mail.lines().any(|line| line == "012345"), "{mail}");
                let places = ["{language}", "{subject}", "{greeting}", "{closing}", "{code}"];
                assert!(places.iter().all(|place| !mail.contains(place)), "{mail}");
            }
        }
        assert!(mail(Language::En, "mail-reset").contains("password"));
    }

    #[test]
    fn an_impossible_address_is_no_mail() {
        let from = "no-reply@prometric.kz".parse().unwrap();
        for impossible in ["a b@@", "a@b\r\nBcc: c@d.kz", "a@b.kz, c@d.kz", "a@b.kz>", ""] {
            let mail = compose(&from, impossible, Language::Ru, "mail-verify", "012345");
            assert!(mail.is_none(), "{impossible:?}");
        }
    }

    #[test]
    fn words_cannot_become_markup() {
        assert_eq!(escaped("<b> & \"b\""), "&lt;b&gt; &amp; &quot;b&quot;");
    }
}
