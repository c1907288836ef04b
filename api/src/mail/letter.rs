//! What mails look like: in one language, as text and as HTML, from templates (`api/mail/`) and the words of the locales. Nothing in
//! them was written by whoever caused them, but for what stands on an offer: the address may be a stranger's.

use super::address;
use crate::i18n::{self, Language};
use fluent_bundle::FluentArgs;
use lettre::{
    Message,
    message::{
        Attachment, Body, Mailbox, MessageBuilder, MultiPart, SinglePart,
        header::{ContentTransferEncoding, ContentType},
    },
};

const CODE: &str = include_str!("../../mail/letter.html");
const OFFER: &str = include_str!("../../mail/offer.html");

/// A code. `words`: what the keys of its sentences begin with, `mail-verify`. `None` when the address is none that mail can go to.
pub fn compose(from: &Mailbox, to: &str, language: Language, words: &str, code: &str) -> Option<Message> {
    let letter = Letter::read(language, words, &FluentArgs::new())?;
    let words = letter.words(CODE, ("{code}", code))?;
    letter.begin(from, to)?.multipart(words).ok()
}

/// What an offer's mail tells beside its template's words.
#[derive(Debug)]
pub struct Offer<'a> {
    pub seller: &'a str,
    /// Which version it is.
    pub number: u32,
    /// By which it is seen and accepted.
    pub link: &'a str,
    /// The file's name and bytes.
    pub paper: (String, Vec<u8>),
}

/// An offer with its paper. `None` as with `compose`.
pub fn offer(from: &Mailbox, to: &str, language: Language, offer: Offer<'_>) -> Option<Message> {
    let mut told = FluentArgs::new();
    told.set("seller", offer.seller);
    told.set("number", offer.number.to_string());
    let letter = Letter::read(language, "mail-offer", &told)?;
    let words = letter.words(OFFER, ("{link}", offer.link))?;
    let (name, bytes) = offer.paper;
    let paper = Attachment::new(name).body(bytes, ContentType::parse("application/pdf").ok()?);
    let parts = MultiPart::mixed().multipart(words).singlepart(paper);
    letter.begin(from, to)?.multipart(parts).ok()
}

/// The sentences of a mail.
struct Letter {
    language: Language,
    subject: String,
    greeting: String,
    closing: String,
}

impl Letter {
    fn read(language: Language, words: &str, told: &FluentArgs<'_>) -> Option<Self> {
        let sentence = |part: &str| i18n::text(language, &format!("{words}-{part}"), told);
        Some(Self {
            language,
            subject: sentence("subject")?,
            greeting: sentence("greeting")?,
            closing: sentence("closing")?,
        })
    }

    fn begin(&self, from: &Mailbox, to: &str) -> Option<MessageBuilder> {
        let to = Mailbox::new(None, address::reachable(to)?);
        let mail = Message::builder().from(from.clone()).to(to);
        Some(mail.subject(&self.subject).date_now())
    }

    /// As text and as HTML, with what stands between the sentences.
    fn words(&self, template: &str, (place, said): (&str, &str)) -> Option<MultiPart> {
        let text = format!("{}\n\n{said}\n\n{}\n", self.greeting, self.closing);
        let html = [
            ("{language}", self.language.tag()),
            (place, said),
            ("{subject}", &escaped(&self.subject)),
            ("{greeting}", &escaped(&self.greeting)),
            ("{closing}", &escaped(&self.closing)),
        ]
        .into_iter()
        .fold(template.to_owned(), |html, (place, words)| html.replace(place, words));
        let parts = MultiPart::alternative()
            .singlepart(part(text, ContentType::TEXT_PLAIN)?)
            .singlepart(part(html, ContentType::TEXT_HTML)?);
        Some(parts)
    }
}

/// Quoted-printable leaves the code readable in the raw mail, where base64 would hide it.
fn part(text: String, kind: ContentType) -> Option<SinglePart> {
    let body = Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable).ok()?;
    Some(SinglePart::builder().header(kind).body(body))
}

/// What words are in markup.
fn escaped(text: &str) -> String {
    // Nor a place of the template.
    let entities = [
        ('&', "&amp;"),
        ('<', "&lt;"),
        ('>', "&gt;"),
        ('"', "&quot;"),
        ('{', "&#123;"),
    ];
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
        assert_eq!(
            escaped("<b> & \"b\" {link}"),
            "&lt;b&gt; &amp; &quot;b&quot; &#123;link}"
        );
    }

    #[test]
    fn an_offer_says_whose_it_is_and_brings_its_link_and_its_paper() {
        let from = "Prometric <no-reply@prometric.kz>".parse().unwrap();
        for language in Language::ALL {
            let said = Offer {
                seller: "A&B{link}",
                number: 7,
                link: "https://app.company.kz/quotes#dG9rZW4",
                paper: ("№ 7.pdf".to_owned(), [&b"%PDF-1.7\n"[..], &[0xe2; 64]].concat()),
            };
            let mail = offer(&from, "buyer@company.kz", language, said).unwrap();
            let mail = String::from_utf8(mail.formatted()).unwrap().replace("=\r\n", "");
            assert_eq!(
                mail.matches("https://app.company.kz/quotes#dG9rZW4").count(),
                3,
                "{mail}"
            );
            assert!(
                mail.contains("A&B{link}") && mail.contains("A&amp;B&#123;link}"),
                "{mail}"
            );
            assert!(
                mail.contains("application/pdf") && mail.contains("JVBERi0xLjc"),
                "{mail}"
            );
            assert!(
                mail.contains("multipart/mixed") && mail.contains("multipart/alternative"),
                "{mail}"
            );
        }
    }
}
