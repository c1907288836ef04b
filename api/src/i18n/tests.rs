//! Every stable code has a message in every language.

use super::*;
use crate::{audit::NOUNS, mail::DEBTORS, problem::Code};
use domain::{Rule, fact::CATEGORIES, office::notification::Topic};
use sagas::{
    Saga, deal_won::DealWon, invoice_collection::InvoiceCollection, order_billing::OrderBilling,
    order_cancellation::OrderCancellation, order_completion::OrderCompletion, order_fulfillment::OrderFulfillment,
    replenishment::Replenishment,
};
use std::{collections::BTreeSet, fs, path::Path};
use strum::VariantArray;

/// Every code a rejection of the domain has.
fn rejections() -> impl Iterator<Item = &'static str> {
    CATEGORIES.iter().flat_map(|category| category.rejections()).copied()
}

/// Reasons that the edge gives by itself.
const EDGE: &[&str] = &[
    "api_key.address",
    "api_key.expired",
    "api_key.not_a_person",
    "body.malformed",
    "body.not_a_form",
    "body.not_an_object",
    "body.reserved_key",
    "body.unreadable",
    "command.too_large",
    "department.code.taken",
    "employee.email.taken",
    "history.archived",
    "import.broken",
    "import.encoding",
    "import.missing",
    "import.no_rows",
    "import.no_table",
    "import.not_ready",
    "import.over",
    "import.too_large",
    "import.too_many",
    "import.too_many_columns",
    "import.too_many_rows",
    "invitation.code_wrong",
    "invitation.missing",
    "metrics.not_public",
    "organization.bin.taken",
    "organization.contradiction",
    "permission.missing",
    "person.erased",
    "workspace.moved",
    "product.barcode.taken",
    "product.code.taken",
    "read_models.changing",
    "reference.unknown",
    "route.missing",
    "second_factor.already_on",
    "second_factor.demanded",
    "second_factor.off",
    "second_factor.required",
    "second_factor.wrong",
    "session.ended",
    "session.missing",
    "stock_lot.missing",
    "store.busy",
    "store.outcome_unknown",
    "store.unavailable",
    "user.code_wrong",
    "user.email.taken",
    "user.email_not_verified",
    "user.password_not_yours",
    "user.password_wrong",
    "user.username.taken",
    "version.missing",
    "version.stale",
    "workspace.busy",
    "workspace.contradiction",
    "workspace.slug.taken",
];

const RULES: &[Rule] = &[
    Rule::Required,
    Rule::TooLong { max: 1 },
    Rule::TooMany { max: 1 },
    Rule::TooDeep { max: 1 },
    Rule::NotPositive,
    Rule::Negative,
    Rule::OutOfRange { min: 0, max: 1 },
    Rule::YearOutOfRange { min: 1900, max: 2199 },
    Rule::TooLarge,
    Rule::TooPrecise,
    Rule::NotAnEmail,
    Rule::NotTwelveDigits,
    Rule::CheckDigit,
    Rule::WeakPassword { min: 8 },
    Rule::NotUnique,
    Rule::WrongType,
    Rule::NotYet,
    Rule::Unknown,
    Rule::NotAllowed,
    Rule::NotAUuid,
    Rule::OtherCurrency,
    Rule::NotTheSum,
];

fn keys(language: Language) -> BTreeSet<&'static str> {
    let starts_message = |line: &&str| line.starts_with(|c: char| c.is_ascii_alphabetic());
    language
        .source()
        .lines()
        .filter(starts_message)
        .filter_map(|line| line.split_once('='))
        .map(|(key, _)| key.trim())
        .collect()
}

fn demand(key: &str) {
    for language in Language::ALL {
        assert!(
            text(language, key, &FluentArgs::new()).is_some(),
            "{key} is missing in {}",
            language.tag()
        );
    }
}

#[test]
fn every_code_has_a_message_in_every_language() {
    Code::VARIANTS
        .iter()
        .for_each(|code| demand(&format!("error-{}", code.as_str())));
    RULES.iter().for_each(|rule| demand(&format!("rule-{}", rule.code())));
    rejections()
        .chain(EDGE.iter().copied())
        .for_each(|code| demand(&rejection_key(code)));
    for topic in Topic::VARIANTS {
        let name: &'static str = topic.into();
        demand(&format!("notification-{name}-title"));
        demand(&format!("notification-{name}-message"));
    }
    for words in DEBTORS.iter().map(|debtor| debtor.words).chain(["mail-offer"]) {
        ["subject", "greeting", "closing"]
            .into_iter()
            .for_each(|part| demand(&format!("{words}-{part}")));
    }
}

/// Of every noun: what happens to it, what its fields are called, and who does it besides people.
#[test]
fn every_event_every_field_and_every_actor_has_words_in_every_language() {
    let events = CATEGORIES.iter().flat_map(|category| category.event_types());
    let events = events.map(|event| event_key(&event.name));
    let fields = NOUNS.iter().flat_map(|noun| noun.fields());
    let fields = fields.map(|field| field_key(field.column));
    let sagas = [
        DealWon::NAME,
        OrderFulfillment::NAME,
        InvoiceCollection::NAME,
        Replenishment::NAME,
        OrderCompletion::NAME,
        OrderCancellation::NAME,
        OrderBilling::NAME,
    ];
    let sagas = sagas.map(|saga| actor_key(&format!("saga:{saga}")));
    let keys = events.chain(fields).chain(sagas).chain([actor_key("system")]);
    let missing: BTreeSet<String> = keys
        .flat_map(|key| Language::ALL.map(|language| (language, key.clone())))
        .filter(|(language, key)| text(*language, key, &FluentArgs::new()).is_none())
        .map(|(language, key)| format!("{}: {key}", language.tag()))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Russian counts 21 as 1, and says after "at most" what it says of two; Kazakh says one of everything.
#[test]
fn counted_things_are_said_in_the_number_that_their_language_has_for_it() {
    let said = |language, max: usize| {
        let rule = Rule::TooMany { max };
        let args = FluentArgs::from_iter(rule.args());
        text(language, "rule-too_many", &args).unwrap_or_default()
    };
    for (max, en, ru, kk) in [
        (
            1,
            "At most 1 item.",
            "Не больше 1 элемента.",
            "1 элементтен аспауы керек.",
        ),
        (
            2,
            "At most 2 items.",
            "Не больше 2 элементов.",
            "2 элементтен аспауы керек.",
        ),
        (
            5,
            "At most 5 items.",
            "Не больше 5 элементов.",
            "5 элементтен аспауы керек.",
        ),
        (
            11,
            "At most 11 items.",
            "Не больше 11 элементов.",
            "11 элементтен аспауы керек.",
        ),
        (
            21,
            "At most 21 items.",
            "Не больше 21 элемента.",
            "21 элементтен аспауы керек.",
        ),
    ] {
        for (language, words) in [(Language::En, en), (Language::Ru, ru), (Language::Kk, kk)] {
            assert_eq!(said(language, max), words);
        }
    }
    let deep = |max: usize| {
        text(
            Language::Ru,
            "rule-too_deep",
            &FluentArgs::from_iter(Rule::TooDeep { max }.args()),
        )
    };
    assert_eq!(deep(1).as_deref(), Some("Вложенность больше 1 уровня."));
    assert_eq!(deep(32).as_deref(), Some("Вложенность больше 32 уровней."));
}

#[test]
fn the_three_files_parse_and_have_the_same_keys() {
    for language in Language::ALL {
        assert!(
            FluentResource::try_new(language.source().to_owned()).is_ok(),
            "{} does not parse",
            language.tag()
        );
        assert_eq!(keys(language), keys(Language::Ru), "{}", language.tag());
    }
}

#[test]
fn the_rules_above_are_the_domains() {
    let domain = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/src");
    let mut found = BTreeSet::new();
    collect(&domain, &mut found);
    let listed: BTreeSet<String> = RULES.iter().map(|rule| rule.code().to_owned()).collect();
    assert_eq!(
        found, listed,
        "a code of the domain is not listed here, or a listed one is gone"
    );
}

/// The string literals in every `fn code(&self)` below a folder.
fn collect(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        for body in source.split("fn code(&self) -> &'static str {").skip(1) {
            let body = body.split("\n    }\n").next().unwrap_or_default();
            found.extend(body.split('"').skip(1).step_by(2).map(str::to_owned));
        }
    }
}

#[test]
fn the_header_is_read_with_its_qualities() {
    let cases = [
        ("kk-KZ", Language::Kk),
        ("en-US,en;q=0.9", Language::En),
        ("en;q=0.5, kk;q=0.8, ru;q=0.7", Language::Kk),
        ("de-DE, en;q=0.1", Language::En),
        ("de, *", Language::Ru),
        ("en;q=0", Language::Ru),
        ("en;q=nonsense", Language::Ru),
        ("", Language::Ru),
    ];
    for (header, language) in cases {
        assert_eq!(Language::preferred(header), language, "{header}");
    }
}
