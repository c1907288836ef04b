//! What a deal refers to.

use super::*;

fn document_id(n: u128) -> DocumentId {
    DocumentId::new(uuid::Uuid::from_u128(n))
}

fn attach(n: u128) -> DealCommand {
    attach_at(n, "https://storage.prometric.kz/deals/proposal.pdf")
}

fn attach_at(n: u128, url: &str) -> DealCommand {
    DealCommand::Attach {
        id: document_id(n),
        document: Box::new(Document {
            name: "Proposal_v2.pdf".into(),
            kind: Some("proposal".into()),
            url: url.into(),
        }),
    }
}

fn remove(n: u128) -> DealCommand {
    DealCommand::Remove {
        document: document_id(n),
    }
}

fn attached(n: u128) -> DealEvent {
    let DealCommand::Attach { id, document } = attach(n) else {
        panic!("another command")
    };
    DealEvent::DocumentAttached {
        document_id: id,
        document,
    }
}

fn removed(n: u128) -> DealEvent {
    DealEvent::DocumentRemoved {
        document_id: document_id(n),
    }
}

#[test]
fn documents_come_and_go_whatever_the_stage() {
    for stage in [Stage::Lead, Stage::Won, Stage::Lost] {
        given::<Deal>([at(stage)]).when(attach(1)).then([attached(1)]);
        given::<Deal>([at(stage), attached(1)])
            .when(remove(1))
            .then([removed(1)]);
    }
    given::<Deal>([open(), attached(1)]).when(attach(1)).then([]);
    for (url, rule) in [
        (" ", Rule::Required),
        ("proposal.pdf", Rule::NotAllowed),
        ("https://", Rule::NotAllowed),
        ("https://a b", Rule::NotAllowed),
    ] {
        given::<Deal>([open()])
            .when(attach_at(1, url))
            .then_rejected(invalid("url", rule));
    }
    let full = (1..=100).map(attached);
    given::<Deal>([open()].into_iter().chain(full))
        .when(attach(101))
        .then_rejected(invalid("documents", Rule::TooMany { max: 100 }));
    for before in [vec![open()], vec![open(), attached(1), removed(1)]] {
        given::<Deal>(before)
            .when(remove(1))
            .then_rejected(DealRejection::NoSuchDocument);
    }
}

#[test]
fn nothing_is_attached_to_or_removed_of_what_is_not_there() {
    for command in [attach(1), remove(1)] {
        given::<Deal>([]).when(command).then_rejected(DealRejection::Missing);
    }
}
