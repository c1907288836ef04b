//! Which column of a file is which field: as `mapping` says, else the one of that name, or the one that people call so in any language. What
//! is no field is passed over, so that an exported file may be sent back as it is. Fields of the workspace's own are `custom.size`.

use super::value;
use crate::{
    extract::Json,
    i18n::{self, Language},
    problem::Problem,
};
use domain::{
    Rule, Violation,
    field::{Field, FieldKind},
    office::custom_field::{Details, Kind},
};
use projections::snake_case;
use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap, HashSet},
};

/// What a column of a file can be.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub name: Cow<'static, str>,
    pub kind: FieldKind,
    /// Whether an empty cell empties it; otherwise it says nothing.
    pub nullable: bool,
    /// Of the workspace's own, as it is defined.
    pub own: Option<Box<Details>>,
}

/// The thing by its own id.
pub const ID: &str = "id";
/// The thing by the id that it has elsewhere: whose that is follows from it.
pub const EXTERNAL_ID: &str = "externalId";
/// All values of the workspace's own fields.
const CUSTOM: &str = "custom";

impl Target {
    pub const KEYS: [Self; 2] = [Self::new(ID, FieldKind::Uuid), Self::new(EXTERNAL_ID, FieldKind::Text)];

    pub const fn new(name: &'static str, kind: FieldKind) -> Self {
        Self {
            name: Cow::Borrowed(name),
            kind,
            nullable: false,
            own: None,
        }
    }

    pub const fn of(field: &Field) -> Self {
        Self {
            name: Cow::Borrowed(field.name),
            kind: field.kind,
            nullable: field.nullable,
            own: None,
        }
    }

    /// A field of the workspace's own.
    pub fn own(field: Details) -> Self {
        Self {
            name: Cow::Owned(format!("{CUSTOM}.{}", field.key)),
            kind: match field.kind {
                Kind::Text | Kind::Choice => FieldKind::Text,
                Kind::Number => FieldKind::Number,
                Kind::Date => FieldKind::Date,
                Kind::Reference => FieldKind::Uuid,
            },
            nullable: true,
            own: Some(Box::new(field)),
        }
    }

    fn is_called(&self, head: &str) -> bool {
        let is = |word: &str| word.to_lowercase() == head;
        if let Some(own) = &self.own {
            return is(&own.label) || own.translations.iter().any(|told| is(&told.label));
        }
        let column = snake_case(&self.name);
        let words = Language::ALL.map(|language| i18n::field(language, &column));
        words.iter().any(|word| is(word))
    }

    /// The word that is meant, whatever its case, where it is a choice of words that the workspace made.
    pub fn word(&self, text: String) -> String {
        let mut words = self.own.iter().flat_map(|own| &own.choices);
        let meant = words.find(|word| word.to_lowercase() == text.to_lowercase());
        meant.cloned().unwrap_or(text)
    }
}

/// The columns of a file in order, with what each of them is.
#[derive(Debug, Clone, PartialEq)]
pub struct Columns(Vec<Option<Target>>);

/// What a row says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Line {
    pub id: Option<String>,
    pub external_id: Option<String>,
    pub fields: Vec<(String, Json)>,
}

/// As `mapping` has it: what columns are of, or nothing.
pub type Mapping = BTreeMap<String, Option<String>>;

impl Columns {
    pub fn of(heads: &[String], mapping: &Mapping, targets: &[Target]) -> Result<Self, Problem> {
        let of_mapping = |head: &str| format!("mapping.{head}");
        let heads: Vec<&str> = heads.iter().map(|head| head.trim()).collect();
        if let Some(unknown) = mapping.keys().find(|head| !heads.contains(&head.trim())) {
            let known = heads.iter().copied().filter(|head| !head.is_empty());
            return Err(Problem::invalid_field(of_mapping(unknown), Rule::no_such_field(known)));
        }
        let mut columns = Vec::with_capacity(heads.len());
        let mut taken = HashSet::new();
        for head in heads {
            let column = match mapping.get(head) {
                Some(None) => None,
                Some(Some(name)) => {
                    let target = targets.iter().find(|target| target.name == *name).cloned();
                    let known = || Rule::not_one_of(targets.iter().map(|target| target.name.clone()));
                    Some(target.ok_or_else(|| Problem::invalid_field(of_mapping(head), known()))?)
                }
                None => called(head, targets),
            };
            if let Some(target) = column.as_ref().filter(|target| !taken.insert(target.name.clone())) {
                let which = if head.is_empty() { &*target.name } else { head };
                return Err(Problem::invalid_field(of_mapping(which), Rule::NotUnique));
            }
            columns.push(column);
        }
        if taken.is_empty() {
            let known = Rule::no_such_field(targets.iter().map(|target| target.name.clone()));
            return Err(Problem::invalid_field("mapping", known));
        }
        let has_own = columns.iter().flatten().any(|target| target.own.is_some());
        if has_own && taken.contains(CUSTOM) {
            return Err(Problem::invalid_field(of_mapping(CUSTOM), Rule::NotUnique));
        }
        Ok(Self(columns))
    }

    /// As they were found, by name.
    pub fn named(names: &[Option<String>], targets: &[Target]) -> Self {
        let target = |name: &Option<String>| {
            targets
                .iter()
                .find(|target| Some(&*target.name) == name.as_deref())
                .cloned()
        };
        Self(names.iter().map(target).collect())
    }

    pub fn names(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.iter().map(|column| column.as_ref().map(|target| &*target.name))
    }

    /// What a row says, or what is wrong with each of its cells.
    pub fn read(&self, cells: &[String]) -> Result<Line, Vec<Violation>> {
        let (mut line, mut wrong) = (Line::default(), Vec::new());
        for (target, text) in self.cells(cells) {
            match &*target.name {
                ID => line.id = filled(text),
                EXTERNAL_ID => line.external_id = filled(text),
                name => match value::read(target, text) {
                    Ok(Some(value)) => line.say(target, value),
                    Ok(None) => {}
                    Err(rule) => wrong.push(Violation {
                        field: name.to_owned(),
                        rule,
                    }),
                },
            }
        }
        if wrong.is_empty() { Ok(line) } else { Err(wrong) }
    }

    /// Lines that name a thing which a line above them names, and by which column.
    pub fn doubled(&self, lines: &[(i32, Vec<String>)], key: Option<&str>) -> HashMap<i32, String> {
        let names = [Some(ID), Some(EXTERNAL_ID), key];
        let (mut seen, mut doubled) = (HashSet::new(), HashMap::new());
        for (nth, cells) in lines {
            let named = self
                .cells(cells)
                .filter(|(target, _)| names.contains(&Some(&*target.name)));
            for (target, text) in named {
                let text = text.trim();
                if !text.is_empty() && !seen.insert((&*target.name, text)) {
                    doubled.insert(*nth, target.name.to_string());
                }
            }
        }
        doubled
    }

    fn cells<'a>(&'a self, cells: &'a [String]) -> impl Iterator<Item = (&'a Target, &'a str)> {
        let columns = self.0.iter().enumerate();
        columns.filter_map(move |(n, column)| Some((column.as_ref()?, cells.get(n).map_or("", String::as_str))))
    }
}

impl Line {
    /// What is said of one of the workspace's own fields stands with what is said of the others.
    fn say(&mut self, target: &Target, value: Json) {
        let Some(own) = &target.own else {
            self.fields.push((target.name.to_string(), value));
            return;
        };
        let said = (own.key.clone(), value);
        match self.fields.iter_mut().find(|(name, _)| name == CUSTOM) {
            Some((_, Json::Object(values))) => values.push(said),
            _ => self.fields.push((CUSTOM.to_owned(), Json::Object(vec![said]))),
        }
    }
}

fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The field of that name, else the only one that people call so.
fn called(head: &str, targets: &[Target]) -> Option<Target> {
    let head = head.to_lowercase();
    let named = targets.iter().find(|target| target.name.to_lowercase() == head);
    if named.is_some() {
        return named.cloned();
    }
    // Whatever the workspace calls its own fields, ours are still called so.
    for is_own in [false, true] {
        let of_these = targets.iter().filter(|target| target.own.is_some() == is_own);
        let mut called = of_these.filter(|target| target.is_called(&head));
        if let Some(first) = called.next() {
            return called.next().is_none().then(|| first.clone());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imports::Resource;

    /// Of products that have a choice of the workspace's own.
    fn targets() -> Vec<Target> {
        let size = Details {
            key: "size".into(),
            kind: Kind::Choice,
            label: "Размер".into(),
            choices: vec!["Малый".into(), "XL".into()],
            ..Details::default()
        };
        let weight = Details {
            key: "weight".into(),
            kind: Kind::Number,
            label: "Вес".into(),
            ..Details::default()
        };
        let cost = Details {
            key: "cost".into(),
            label: "Цена".into(),
            ..Details::default()
        };
        Resource::Products.targets(vec![size, weight, cost])
    }

    fn columns(heads: &[&str], mapping: &[(&str, Option<&str>)]) -> Result<Vec<Option<String>>, (String, String)> {
        let heads: Vec<String> = heads.iter().map(|head| (*head).to_owned()).collect();
        let mapping = mapping
            .iter()
            .map(|(head, field)| ((*head).to_owned(), field.map(str::to_owned)));
        let columns = Columns::of(&heads, &mapping.collect(), &targets());
        let names = |columns: Columns| columns.names().map(|name| name.map(str::to_owned)).collect();
        columns.map(names).map_err(|problem| {
            let violation = &problem.violations()[0];
            (violation.field.clone(), violation.rule.code().to_owned())
        })
    }

    #[test]
    fn a_column_is_the_field_that_it_is_called_by() {
        let heads = ["Код", "name", " PRICE ", "version", "", "externalId", "Санаты"];
        let found = columns(&heads, &[]).unwrap();
        let wanted = [
            Some("code"),
            Some("name"),
            Some("price"),
            None,
            None,
            Some("externalId"),
        ];
        assert_eq!(found[..6], wanted.map(|name| name.map(str::to_owned)));
        let mapped = columns(&["A", "B", "Код"], &[("A", Some("name")), ("Код", None)]).unwrap();
        assert_eq!(mapped, [Some("name".to_owned()), None, None]);
        let ours = columns(&["цена"], &[]).unwrap();
        assert_eq!(
            ours,
            [Some("price".to_owned())],
            "and not the workspace's own of that name"
        );
    }

    #[test]
    fn fields_of_the_workspaces_own_are_columns_and_one_value_of_the_row() {
        let heads = ["code", "размер", "CUSTOM.weight"].map(str::to_owned);
        let columns = Columns::of(&heads, &Mapping::new(), &targets()).unwrap();
        let names: Vec<_> = columns.names().collect();
        assert_eq!(names, [Some("code"), Some("custom.size"), Some("custom.weight")]);
        let said = |cells: [&str; 3]| columns.read(&cells.map(str::to_owned));
        let text = |text: &str| Json::Text(text.into());
        let own = |size, weight| Json::Object(vec![("size".into(), size), ("weight".into(), weight)]);
        for (cells, custom) in [
            (["a", "xl", "1,50"], own(text("XL"), Json::Number("1.50".into()))),
            (["a", "huge", ""], own(text("huge"), Json::Null)),
        ] {
            let fields = said(cells).unwrap().fields;
            assert_eq!(fields, [("code".to_owned(), text("a")), (CUSTOM.to_owned(), custom)]);
        }
        let wrong = said(["a", "", "much"]).unwrap_err();
        assert_eq!(
            (wrong[0].field.as_str(), wrong[0].rule.code()),
            ("custom.weight", "wrong_type")
        );
    }

    #[test]
    fn a_mapping_that_says_nothing_is_refused() {
        for (heads, mapping, field, rule) in [
            (&["A"][..], &[("B", Some("name"))][..], "mapping.B", "unknown"),
            (&["A"], &[("A", Some("nonsense"))], "mapping.A", "not_allowed"),
            (&["A"], &[("A", Some("inStock"))], "mapping.A", "not_allowed"),
            (&["A", "name"], &[("A", Some("name"))], "mapping.name", "not_unique"),
            (&["A", "B"], &[], "mapping", "unknown"),
            (&["A"], &[("A", Some("custom.colour"))], "mapping.A", "not_allowed"),
            (&["custom", "custom.size"], &[], "mapping.custom", "not_unique"),
        ] {
            assert_eq!(
                columns(heads, mapping).unwrap_err(),
                (field.to_owned(), rule.to_owned())
            );
        }
    }

    #[test]
    fn a_line_that_names_what_another_names_is_found() {
        let heads = ["externalId", "code"].map(str::to_owned);
        let columns = Columns::of(&heads, &Mapping::new(), &targets()).unwrap();
        let line = |nth, cells: [&str; 2]| (nth, cells.map(str::to_owned).to_vec());
        let lines = [
            line(2, ["1", "a"]),
            line(3, ["", "b"]),
            line(4, ["", "a "]),
            line(6, ["1", "c"]),
            line(7, ["", "d"]),
        ];
        let doubled = columns.doubled(&lines, Some("code"));
        assert_eq!(
            doubled,
            HashMap::from([(4, "code".to_owned()), (6, "externalId".to_owned())])
        );
    }
}
