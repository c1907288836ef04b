//! Pictures of a product: what is sent and taken away, and what an update makes of the list.

use super::*;
use crate::{
    Aggregate, Patch,
    catalog::product::{Change, Details, Product, ProductCommand, ProductEvent, ProductRejection},
    testing::given,
};
use uuid::Uuid;

fn id(n: u128) -> ImageId {
    Uuid::from_u128(n).into()
}

fn file(n: u128) -> Box<ImageFile> {
    Box::new(ImageFile {
        image_id: id(n),
        url: format!("/images/{n}"),
        sha256: "9f86d081".into(),
        kind: ImageType::Png,
        bytes: 100,
        width: 8,
        height: 6,
        name: Some("a.png".into()),
    })
}

fn by_hand(url: &str, is_primary: bool) -> Image {
    Image {
        url: url.into(),
        is_primary,
        image_id: None,
    }
}

fn of_file(n: u128, is_primary: bool) -> Image {
    Image {
        url: format!("/images/{n}"),
        is_primary,
        image_id: Some(id(n)),
    }
}

fn known(images: impl IntoIterator<Item = Image>) -> ProductEvent {
    ProductEvent::Created(Box::new(Details {
        code: "PRD-001".into(),
        name: "Ноутбук".into(),
        unit: "шт".into(),
        images: images.into_iter().collect(),
        ..Details::default()
    }))
}

fn added(n: u128, is_primary: bool) -> ProductEvent {
    let file = file(n);
    ProductEvent::ImageAdded { is_primary, file }
}

fn removed(n: u128) -> ProductEvent {
    ProductEvent::ImageRemoved {
        image_id: id(n),
        sha256: "9f86d081".into(),
    }
}

fn add(n: u128, is_primary: bool) -> ProductCommand {
    let file = file(n);
    ProductCommand::AddImage { file, is_primary }
}

fn update(images: impl IntoIterator<Item = Image>) -> Box<Change> {
    Box::new(Change {
        images: Patch::Set(images.into_iter().collect()),
        ..Change::default()
    })
}

fn invalid(field: &str, rule: Rule) -> ProductRejection {
    Violations::one(field, rule).into()
}

#[test]
fn a_file_is_added_once_and_to_what_is_there() {
    let nameless = ProductCommand::AddImage {
        file: Box::new(ImageFile {
            name: Some("a".repeat(201)),
            ..*file(1)
        }),
        is_primary: false,
    };
    let full = (0..LISTED_MAX).map(|n| by_hand(&n.to_string(), false));
    let no_room = invalid("images", Rule::TooMany { max: LISTED_MAX });
    given::<Product>([])
        .when(add(1, false))
        .then_rejected(ProductRejection::Missing);
    given::<Product>([known([]), ProductEvent::Archived {}])
        .when(add(1, false))
        .then_rejected(ProductRejection::Missing);
    given::<Product>([known([]), added(1, true)])
        .when(add(1, false))
        .then([]);
    given::<Product>([known([])])
        .when(nameless)
        .then_rejected(invalid("name", Rule::TooLong { max: 200 }));
    given::<Product>([known(full)])
        .when(add(1, false))
        .then_rejected(no_room);
    // The first one is the primary one, whatever it is asked to be.
    given::<Product>([known([])]).when(add(1, false)).then([added(1, true)]);
    given::<Product>([known([by_hand("a", true)])])
        .when(add(1, false))
        .then([added(1, false)]);
    given::<Product>([known([by_hand("a", true)])])
        .when(add(1, true))
        .then([added(1, true)]);
}

#[test]
fn a_file_that_is_there_is_taken_away() {
    let remove = || ProductCommand::RemoveImage(id(1));
    given::<Product>([])
        .when(remove())
        .then_rejected(ProductRejection::Missing);
    given::<Product>([known([])])
        .when(remove())
        .then_rejected(ProductRejection::NoSuchImage);
    given::<Product>([known([]), added(1, true), removed(1)])
        .when(remove())
        .then_rejected(ProductRejection::NoSuchImage);
    given::<Product>([known([]), added(1, true)])
        .when(remove())
        .then([removed(1)]);
}

#[test]
fn one_is_primary_as_long_as_there_is_one() {
    let shown = |events: &[ProductEvent]| {
        let product = events
            .iter()
            .fold(Product::default(), |product, event| product.evolve(event));
        (product.details().unwrap().images.to_vec(), product.files().len())
    };
    let begun = [known([by_hand("a", true)]), added(1, false), added(2, true)];
    let three = vec![by_hand("a", false), of_file(1, false), of_file(2, true)];
    assert_eq!(shown(&begun), (three, 2));
    let [one, two, three] = begun;
    let left = vec![by_hand("a", true), of_file(1, false)];
    assert_eq!(shown(&[one.clone(), two.clone(), three.clone(), removed(2)]), (left, 1));
    let left = vec![by_hand("a", false), of_file(2, true)];
    assert_eq!(shown(&[one, two, three, removed(1)]), (left, 1));
}

#[test]
fn an_update_orders_files_and_never_loses_one() {
    let before = || [known([by_hand("a", true)]), added(1, false), added(2, false)];
    let unknown = Image {
        image_id: Some(id(7)),
        ..by_hand("a", false)
    };
    let elsewhere = Image {
        url: "elsewhere".into(),
        ..of_file(2, true)
    };
    for (images, after) in [
        (vec![], Ok(vec![of_file(1, false), of_file(2, false)])),
        (
            vec![elsewhere, by_hand("b", false)],
            Ok(vec![of_file(2, true), by_hand("b", false), of_file(1, false)]),
        ),
        (
            vec![by_hand("/images/2", true), of_file(1, false)],
            Ok(vec![of_file(2, true), of_file(1, false)]),
        ),
        (vec![unknown], Err(invalid("images[0].imageId", Rule::Unknown))),
        (
            vec![of_file(1, false), of_file(1, true)],
            Err(invalid("images[1].imageId", Rule::NotUnique)),
        ),
    ] {
        let product = before()
            .iter()
            .fold(Product::default(), |product, event| product.evolve(event));
        let decided = product.decide(&ProductCommand::Update(update(images)));
        let told = decided.map(|events| {
            let product = events.iter().fold(product, |product, event| product.evolve(event));
            product.details().unwrap().images.to_vec()
        });
        assert_eq!(told, after);
    }
    let named = Details {
        images: [of_file(1, false)].into_iter().collect(),
        ..Details::default()
    };
    let named = Details {
        code: "a".into(),
        name: "a".into(),
        unit: "a".into(),
        ..named
    };
    given::<Product>([])
        .when(ProductCommand::Create(Box::new(named)))
        .then_rejected(invalid("images[0].imageId", Rule::Unknown));
}
