//! When two customers are likely one. Numbers of the state decide: the same one speaks for it, two different ones against
//! it, whatever else is alike. Telephone, address and name are hints; a name alone, which thousands may bear, is the weakest.

use super::Profile;
use crate::{Choice, Fields, personal::is_erased};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What two customers have in common, the most telling first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema, Choice)]
#[serde(rename_all = "lowercase")]
pub enum Sign {
    Iin,
    Bin,
    Phone,
    Email,
    // Alike from `NAMES_ALIKE` per cent on.
    Name,
}

impl Sign {
    /// Whether it takes somebody's word to enter another customer that has it. A BIN may be a company's branches', a name
    /// anybody's.
    pub fn wants_confirming(self) -> bool {
        matches!(self, Self::Iin | Self::Phone | Self::Email)
    }
}

/// What somebody knows of a customer who may be there already.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema, Fields)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = crate::field::constrain::<Self>)]
pub struct Description {
    #[field(max = 200)]
    pub name: Option<String>,
    #[field(email)]
    pub email: Option<String>,
    #[field(max = 30)]
    pub phone: Option<String>,
    #[field(twelve_digits)]
    pub bin: Option<String>,
    #[field(twelve_digits)]
    pub iin: Option<String>,
}

impl From<Description> for Profile {
    fn from(known: Description) -> Self {
        let Description {
            name,
            email,
            phone,
            bin,
            iin,
        } = known;
        Self {
            name: name.unwrap_or_default(),
            email,
            phone,
            bin,
            iin,
            ..Self::default()
        }
    }
}

/// Per cent of the trigrams of two names that both have.
pub const NAMES_ALIKE: u32 = 60;
/// Fewer digits are an extension, or nothing.
const PHONE_MIN: usize = 7;
/// What comes before these is the country, or the way out of a city: `+7`, `8`.
const PHONE_MAX: usize = 10;

/// Legal forms in the languages that companies are entered in.
const FORMS: &[&str] = &[
    "тоо", "жшс", "ип", "жк", "ао", "ак", "ооо", "оао", "зао", "пао", "кх", "шк", "гкп", "ргп", "мкк", "llp", "llc",
    "ltd", "jsc", "inc", "gmbh", "limited", "тд",
];

/// What a customer is found by, each with its kind before it: `phone:7001234567`.
pub fn marks(profile: &Profile) -> Vec<String> {
    let texts = [
        ("iin", profile.iin.clone()),
        ("bin", profile.bin.clone()),
        ("phone", profile.phone.as_deref().and_then(phone)),
        ("email", profile.email.as_deref().and_then(email)),
    ];
    let marks = texts
        .into_iter()
        .filter_map(|(kind, text)| text.map(|text| format!("{kind}:{text}")));
    marks.collect()
}

/// What both have in common.
pub fn signs(one: &Profile, other: &Profile) -> Vec<Sign> {
    let differ = |of: fn(&Profile) -> &Option<String>| of(one).is_some() && of(other).is_some() && of(one) != of(other);
    if differ(|profile| &profile.iin) || differ(|profile| &profile.bin) {
        return vec![];
    }
    let theirs = marks(other);
    let marks = marks(one);
    let shared = marks.iter().filter(|mark| theirs.contains(mark));
    let shared = shared.filter_map(|mark| match mark.split(':').next() {
        Some("iin") => Some(Sign::Iin),
        Some("bin") => Some(Sign::Bin),
        Some("phone") => Some(Sign::Phone),
        Some("email") => Some(Sign::Email),
        _ => None,
    });
    let alike = likeness(&one.name, &other.name) >= NAMES_ALIKE;
    shared.chain(alike.then_some(Sign::Name)).collect()
}

/// A name as names are compared: without its legal form, signs and differences of spelling.
pub fn core_name(name: &str) -> String {
    if is_erased(name) {
        return String::new();
    }
    let plain: String = name.to_lowercase().chars().map(plain).collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    let told: Vec<&str> = words.iter().copied().filter(|word| !FORMS.contains(word)).collect();
    if told.is_empty() {
        words.join(" ")
    } else {
        told.join(" ")
    }
}

/// How alike two names are, in per cent: those of two numbered things are not.
pub fn likeness(one: &str, other: &str) -> u32 {
    let (one, other) = (core_name(one), core_name(other));
    if numbers(&one) != numbers(&other) {
        return 0;
    }
    let (one, other) = (trigrams(&one), trigrams(&other));
    let share = one.intersection(&other).count() * 100 / one.union(&other).count().max(1);
    u32::try_from(share).unwrap_or(100)
}

/// Kazakh letters as people without a Kazakh keyboard write them; whatever is no letter or digit parts words.
fn plain(letter: char) -> char {
    match letter {
        'ә' => 'а',
        'ғ' => 'г',
        'қ' => 'к',
        'ң' => 'н',
        'ө' => 'о',
        'ұ' | 'ү' => 'у',
        'һ' => 'х',
        'і' => 'и',
        'ё' => 'е',
        letter if letter.is_alphanumeric() => letter,
        _ => ' ',
    }
}

fn numbers(name: &str) -> Vec<&str> {
    let mut numbers: Vec<&str> = name
        .split(|letter: char| !letter.is_numeric())
        .filter(|number| !number.is_empty())
        .collect();
    numbers.sort_unstable();
    numbers
}

/// As PostgreSQL's pg_trgm takes them: of each word, with two blanks before it and one behind.
fn trigrams(name: &str) -> BTreeSet<[char; 3]> {
    let mut found = BTreeSet::new();
    for word in name.split_whitespace() {
        let letters: Vec<char> = "  ".chars().chain(word.chars()).chain([' ']).collect();
        found.extend(letters.windows(3).filter_map(|three| <[char; 3]>::try_from(three).ok()));
    }
    found
}

/// The digits that a number has in every way of writing it.
fn phone(text: &str) -> Option<String> {
    let digits: Vec<char> = text.chars().filter(char::is_ascii_digit).collect();
    let national = digits.len().saturating_sub(PHONE_MAX);
    (digits.len() >= PHONE_MIN).then(|| digits[national..].iter().collect())
}

fn email(text: &str) -> Option<String> {
    let is_there = !text.trim().is_empty() && !is_erased(text);
    is_there.then(|| text.trim().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Profile {
        Profile {
            name: name.into(),
            ..Profile::default()
        }
    }

    #[test]
    fn names_are_compared_without_form_signs_and_spelling() {
        for (name, core) in [
            ("ТОО «Tech Solutions»", "tech solutions"),
            ("tech-solutions, LLP", "tech solutions"),
            ("ЖШС \"Қазына Сервис\"", "казына сервис"),
            ("ИП Жумабаев А.С.", "жумабаев а с"),
            ("ТОО", "тоо"),
            ("***", ""),
            ("  ", ""),
        ] {
            assert_eq!(core_name(name), core, "{name}");
        }
    }

    #[test]
    fn likeness_is_the_share_of_trigrams() {
        for (one, other, percent) in [
            ("ТОО Tech Solutions", "Tech Solutions LLP", 100),
            ("Solutions Tech", "Tech Solutions", 100),
            ("Қазына", "Казына", 100),
            ("abc", "abd", 33), // "  a", " ab" of six
            ("Клиент 17", "Клиент 18", 0),
            ("Филиал № 2", "филиал 2", 100),
            ("Алтын", "Құрылыс", 0),
            ("", "", 0),
            ("***", "***", 0),
        ] {
            assert_eq!(likeness(one, other), percent, "{one} {other}");
            assert_eq!(likeness(other, one), percent, "{other} {one}");
        }
        assert!(likeness("Жумабаев Асхат", "Джумабаев Асхат") >= NAMES_ALIKE);
    }

    #[test]
    fn marks_are_the_same_however_they_are_written() {
        let reached = |phone: &str, email: &str| {
            marks(&Profile {
                phone: Some(phone.into()),
                email: Some(email.into()),
                ..Profile::default()
            })
        };
        let same = ["phone:7009876543", "email:info@tech.kz"];
        for (phone, email) in [
            ("+77009876543", "info@tech.kz"),
            ("8 (700) 987-65-43", "Info@Tech.kz"),
            ("700 987 65 43", " info@tech.kz"),
        ] {
            assert_eq!(reached(phone, email), same, "{phone}");
        }
        let erased = "01a1fe4c-7fd5-7541-bd40-aaab1b2482bc@erased.invalid";
        assert!(reached("123", erased).is_empty());
        assert_eq!(reached("2345678", ""), ["phone:2345678"]);
    }

    #[test]
    fn a_number_of_the_state_decides() {
        let with = |iin: Option<&str>, bin: Option<&str>, phone: Option<&str>| Profile {
            iin: iin.map(str::to_owned),
            bin: bin.map(str::to_owned),
            phone: phone.map(str::to_owned),
            email: Some("a@b.kz".into()),
            ..named("Иванов Иван")
        };
        let (one, two) = ("900101300017", "900101300018");
        let phone = Some("+77009876543");
        for (left, right, expected) in [
            (
                with(Some(one), None, phone),
                with(Some(one), None, phone),
                vec![Sign::Iin, Sign::Phone, Sign::Email, Sign::Name],
            ),
            (with(Some(one), None, phone), with(Some(two), None, phone), vec![]),
            (with(None, Some(one), phone), with(None, Some(two), phone), vec![]),
            (
                with(None, Some(one), None),
                with(None, Some(one), phone),
                vec![Sign::Bin, Sign::Email, Sign::Name],
            ),
            (
                with(Some(one), None, phone),
                with(None, None, phone),
                vec![Sign::Phone, Sign::Email, Sign::Name],
            ),
            (named("Алтын"), named("Алтын"), vec![Sign::Name]),
            (named("Алтын"), named("Құрылыс"), vec![]),
        ] {
            assert_eq!(signs(&left, &right), expected, "{left:?} {right:?}");
            assert_eq!(signs(&right, &left), expected, "{right:?} {left:?}");
        }
        let asking: Vec<Sign> = Sign::ALL
            .iter()
            .copied()
            .filter(|sign| sign.wants_confirming())
            .collect();
        assert_eq!(asking, [Sign::Iin, Sign::Phone, Sign::Email]);
    }
}
