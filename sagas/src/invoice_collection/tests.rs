//! What an invoice that waits for its money owes, and when.

use super::*;
use crate::testing::{after, decided, due, given_up, refusal, sample, seen, steps};
use domain::{Role, office::notification::Audience};

const INVOICE: Uuid = Uuid::from_u128(100);
/// The day after the sample's due date begins in Almaty.
const OVERDUE: &str = "2026-12-21T19:00:00Z";

fn invoice() -> Box<invoice::Created> {
    match sample("invoice.created.v1") {
        Fact::Invoice(InvoiceEvent::Created(created)) => created,
        other => panic!("{other:?}"),
    }
}

fn sent(invoice: Box<invoice::Created>) -> Seen {
    seen(INVOICE, Fact::Invoice(InvoiceEvent::Created(invoice)))
}

fn paid() -> Seen {
    seen(INVOICE, sample("invoice.paid.v1"))
}

fn told(topic: Topic) -> Seen {
    match sample("notification.created.v1") {
        Fact::Notification(NotificationEvent::Created(mut created)) => {
            (created.about, created.topic) = (INVOICE, topic);
            let id = derive(INVOICE, TELL);
            seen(id, Fact::Notification(NotificationEvent::Created(created)))
        }
        other => panic!("{other:?}"),
    }
}

fn waits(facts: &[Seen]) -> Vec<(String, String)> {
    due(&after::<InvoiceCollection>(facts), INVOICE)
}

#[test]
fn which_invoice_a_fact_concerns() {
    let refused = |saga: &str| refusal(saga, INVOICE, TELL, "x");
    let part = seen(INVOICE, sample("payment.received.v1"));
    for (seen, concerns) in [
        (sent(invoice()), true),
        (paid(), true),
        (told(Topic::InvoiceOverdue), true),
        (told(Topic::DealWon), false),
        (refused(InvoiceCollection::NAME), true),
        (refused("another"), false),
        (part, false),
    ] {
        let expected = concerns.then_some(INVOICE);
        assert_eq!(InvoiceCollection::instance(&seen), expected, "{seen:?}");
    }
}

#[test]
fn who_sold_it_is_told_when_the_day_has_passed_and_it_is_not_paid() {
    let open = [sent(invoice())];
    assert_eq!(waits(&open), [(TELL.to_owned(), OVERDUE.to_owned())]);
    let state = after::<InvoiceCollection>(&open);
    assert_eq!(steps(&state, INVOICE), Vec::<String>::new(), "nothing at once");
    let reason = "payment by 2026-12-21".to_owned();
    assert_eq!(state.standing(), Standing::Waiting { reason });
    let Some(Act::Notify(id, created)) = state.owed(INVOICE).pop().map(|owed| owed.act) else {
        panic!("nobody is told")
    };
    assert_eq!(id.uuid(), derive(INVOICE, TELL));
    let seller = invoice().assigned_to.map(Audience::User).unwrap();
    assert_eq!(
        (created.topic, created.audience, created.about),
        (Topic::InvoiceOverdue, seller, INVOICE)
    );
    assert_eq!(
        (&created.data["invoiceNumber"], &created.data["dueDate"]),
        (&json!("INV-2026-0001"), &json!("2026-12-21"))
    );
    let mut nobodys = invoice();
    nobodys.assigned_to = None;
    let Some(Act::Notify(_, created)) = after::<InvoiceCollection>(&[sent(nobodys)])
        .owed(INVOICE)
        .pop()
        .map(|owed| owed.act)
    else {
        panic!("nobody is told")
    };
    assert_eq!(created.audience, Audience::Role(Role::Owner));
}

#[test]
fn it_is_told_once_and_goes_on_waiting_until_it_is_paid() {
    let open = [sent(invoice()), told(Topic::InvoiceOverdue)];
    assert_eq!(waits(&open), []);
    let state = after::<InvoiceCollection>(&open);
    assert_eq!(state.standing().name(), "waiting");
    assert_eq!(state.evolve(&paid()), InvoiceCollection::Done);
    let settled = after::<InvoiceCollection>(&[sent(invoice()), paid(), sent(invoice())]);
    assert_eq!((settled.standing(), settled.owed(INVOICE)), (Standing::Done, vec![]));
}

#[test]
fn what_is_refused_is_not_asked_for_again() {
    let state = after::<InvoiceCollection>(&[sent(invoice()), refusal(InvoiceCollection::NAME, INVOICE, TELL, "x")]);
    let reason = format!("{TELL}: x");
    assert_eq!(
        (state.standing(), state.owed(INVOICE)),
        (Standing::Parked { reason }, vec![])
    );
    let word = |how| decided(how, InvoiceCollection::NAME, INVOICE, TELL);
    let again = state.clone().evolve(&word(ProcessEvent::StepRetried));
    assert_eq!(again, after(&[sent(invoice())]));
    let skipped = state.clone().evolve(&word(ProcessEvent::StepSkipped));
    assert_eq!((skipped.standing().name(), skipped.owed(INVOICE)), ("waiting", vec![]));
    assert_eq!(skipped.evolve(&paid()), InvoiceCollection::Done);
    let ended = state.evolve(&given_up(InvoiceCollection::NAME, INVOICE));
    assert_eq!((ended.standing(), ended.owed(INVOICE)), (Standing::Abandoned, vec![]));
    assert_eq!(ended.clone().evolve(&paid()), ended);
}

#[test]
fn drafts_and_credit_notes_are_waited_for_by_nobody() {
    for (kind, status, begins) in [
        (InvoiceKind::Proforma, Status::Sent, true),
        (InvoiceKind::Tax, Status::Partial, true),
        (InvoiceKind::Tax, Status::Draft, false),
        (InvoiceKind::Tax, Status::Paid, false),
        (InvoiceKind::Tax, Status::Cancelled, false),
        (InvoiceKind::Credit, Status::Sent, false),
    ] {
        let mut invoice = invoice();
        (invoice.kind, invoice.status) = (kind, status);
        let begun = after::<InvoiceCollection>(&[sent(invoice)]) != InvoiceCollection::Idle;
        assert_eq!(begun, begins, "{kind:?} {status:?}");
    }
    assert_eq!(after::<InvoiceCollection>(&[paid()]), InvoiceCollection::Idle);
}
