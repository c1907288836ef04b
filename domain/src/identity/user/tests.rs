//! A person's rules, each as given, when, then.

use super::*;
use crate::testing::given;

fn registered() -> Registered {
    Registered {
        email: Some("owner@company.kz".into()),
        username: None,
        first_name: "Имя".into(),
        last_name: "Фамилия".into(),
        phone: None,
        organization_id: Some(OrganizationId::default()),
    }
}

#[test]
fn verifying_twice_is_verifying_once() {
    let known = [UserEvent::Registered(registered())];
    given::<User>(known.clone())
        .when(UserCommand::VerifyEmail)
        .then([UserEvent::EmailVerified {}]);
    given::<User>([known[0].clone(), UserEvent::EmailVerified {}])
        .when(UserCommand::VerifyEmail)
        .then([]);
}

#[test]
fn a_certificate_is_linked_once_and_another_takes_its_place() {
    let link = |iin: &str| UserCommand::LinkCertificate { iin: iin.into() };
    let linked = |iin: &str| UserEvent::CertificateLinked { iin: iin.into() };
    let known = [UserEvent::Registered(registered())];
    given::<User>([])
        .when(link("900101300017"))
        .then_rejected(UserRejection::Missing);
    given::<User>(known.clone())
        .when(link("900101300017"))
        .then([linked("900101300017")]);
    given::<User>(known.clone())
        .when(link("90010130001"))
        .then_rejected(Violations::one("iin", Rule::NotTwelveDigits).into());
    let known = [known[0].clone(), linked("900101300017")];
    given::<User>(known.clone()).when(link("900101300017")).then([]);
    given::<User>(known)
        .when(link("900101300018"))
        .then([linked("900101300018")]);
    let user = User::default().evolve(&UserEvent::Registered(registered()));
    let claim = |claim: Claim| claim.personal();
    assert_eq!(user.claims(&linked("1")), [claim(Claim::take("user.iin", "1"))]);
    let user = user.evolve(&linked("1")).evolve(&UserEvent::EmailVerified {});
    let moved = [
        claim(Claim::release("user.iin", "1")),
        claim(Claim::take("user.iin", "2")),
    ];
    assert_eq!(user.claims(&linked("2")), moved);
    assert_eq!(User::default().evolve(&linked("1")), User::Unknown);
}

#[test]
fn a_person_registers_once() {
    given::<User>([UserEvent::Registered(registered())])
        .when(UserCommand::Register(registered()))
        .then_rejected(UserRejection::AlreadyRegistered);
}

#[test]
fn every_outcome_in_order_of_precedence() {
    let register = |person| UserCommand::Register(person);
    let [event] = [UserEvent::Registered(registered())];
    given::<User>([]).when(register(registered())).then([event.clone()]);
    given::<User>([])
        .when(UserCommand::VerifyEmail)
        .then_rejected(UserRejection::Missing);
    let bad = Registered {
        email: Some("owner".into()),
        first_name: " ".into(),
        last_name: "я".repeat(101),
        phone: Some("1".repeat(31)),
        ..registered()
    };
    let refused = User::default().decide(&register(bad)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "email: not_an_email, firstName: required, lastName: too_long, phone: too_long"
    );
}

#[test]
fn a_person_is_known_by_name_and_their_address_is_their_own() {
    let event = UserEvent::Registered(registered());
    assert_eq!(
        User::default().claims(&event),
        [Claim::take("user.email", "owner@company.kz").personal()]
    );
    let user = User::default();
    assert_eq!(user.name(), None);
    let user = user.evolve(&event);
    assert_eq!(user.name(), Some("Имя Фамилия"));
    assert_eq!(user.claims(&UserEvent::EmailVerified {}), []);
    assert_eq!(user.claims(&UserEvent::PasswordChanged {}), []);
    assert_eq!(user.evolve(&UserEvent::EmailVerified {}).name(), Some("Имя Фамилия"));
}

#[test]
fn who_comes_for_themselves_need_not_say_what_they_are_called() {
    let nameless = Registered {
        first_name: String::new(),
        last_name: String::new(),
        organization_id: None,
        ..registered()
    };
    given::<User>([])
        .when(UserCommand::Register(nameless.clone()))
        .then([UserEvent::Registered(nameless.clone())]);
    let user = User::default().evolve(&UserEvent::Registered(nameless));
    assert_eq!(user.name(), Some("owner"));
}

#[test]
fn what_becomes_of_passwords_and_sessions_is_told_and_changes_no_rule() {
    let known = UserEvent::Registered(registered());
    let sessions = vec![SessionId::default()];
    let why = SessionEnd::Reused;
    for (command, event) in [
        (UserCommand::ChangePassword, UserEvent::PasswordChanged {}),
        (
            UserCommand::EndSessions {
                sessions: sessions.clone(),
                why,
            },
            UserEvent::SessionsEnded { sessions, why },
        ),
        (
            UserCommand::SetSecondFactor { is_on: true },
            UserEvent::SecondFactorSet { is_on: true },
        ),
    ] {
        given::<User>([])
            .when(command.clone())
            .then_rejected(UserRejection::Missing);
        given::<User>([known.clone()]).when(command).then([event.clone()]);
        let user = User::default().evolve(&known);
        assert_eq!(user.clone().evolve(&event), user);
    }
    let none = UserCommand::EndSessions { sessions: vec![], why };
    given::<User>([known]).when(none).then([]);
}

fn by_username(username: &str) -> Registered {
    Registered {
        email: None,
        username: Some(username.into()),
        last_name: String::new(),
        organization_id: None,
        ..registered()
    }
}

#[test]
fn who_has_a_user_name_needs_no_address_and_no_proof_of_one() {
    let known = UserEvent::Registered(by_username("owner1"));
    given::<User>([])
        .when(UserCommand::Register(by_username("owner1")))
        .then([known.clone()]);
    given::<User>([known.clone()]).when(UserCommand::VerifyEmail).then([]);
    assert_eq!(
        User::default().claims(&known),
        [Claim::take("user.username", "owner1").personal()]
    );
    assert_eq!(User::default().evolve(&known).name(), Some("Имя"));
    let nameless = Registered {
        first_name: String::new(),
        ..by_username("owner1")
    };
    assert_eq!(nameless.name(), "owner1");
}

#[test]
fn a_user_name_is_short_and_plain_and_stands_in_place_of_an_address() {
    let refused = |person: Registered, field: &str, rule: Rule| {
        given::<User>([])
            .when(UserCommand::Register(person))
            .then_rejected(Violations::one(field, rule).into());
    };
    for good in ["abc", "a.b_c-d@e+1", "x".repeat(50).as_str()] {
        let good = by_username(good);
        given::<User>([])
            .when(UserCommand::Register(good.clone()))
            .then([UserEvent::Registered(good)]);
    }
    for bad in ["ab", "Owner", "кассир", "a b c", "a/bc"] {
        refused(by_username(bad), "username", Rule::NotAllowed);
    }
    refused(by_username(" "), "username", Rule::Required);
    refused(by_username(&"x".repeat(51)), "username", Rule::TooLong { max: 50 });
    let both = Registered {
        email: Some("owner@company.kz".into()),
        ..by_username("owner1")
    };
    refused(both, "email", Rule::NotAllowed);
    let neither = Registered {
        username: None,
        ..by_username("owner1")
    };
    refused(neither, "email", Rule::Required);
}

#[test]
fn who_is_only_remembered_signs_in_by_nothing_until_they_register() {
    let remember = |first: &str| UserCommand::Remember {
        first_name: first.into(),
        last_name: "Фамилия".into(),
    };
    let known = UserEvent::Registered(Registered::remembered("Имя", "Фамилия"));
    given::<User>([]).when(remember("Имя")).then([known.clone()]);
    given::<User>([])
        .when(remember(&"я".repeat(101)))
        .then_rejected(Violations::one("firstName", Rule::TooLong { max: 100 }).into());
    given::<User>([known.clone()]).when(remember("Имя")).then([]);
    given::<User>([UserEvent::Registered(registered())])
        .when(remember("Имя"))
        .then([]);
    let user = User::default();
    assert_eq!(user.claims(&known), []);
    let user = user.evolve(&known);
    assert_eq!((user.name(), user.has_account()), (Some("Имя Фамилия"), false));
    // They come themselves, and nobody else has become them meanwhile.
    let event = UserEvent::Registered(registered());
    given::<User>([known.clone()])
        .when(UserCommand::Register(registered()))
        .then([event.clone()]);
    assert_eq!(
        user.claims(&event),
        [Claim::take("user.email", "owner@company.kz").personal()]
    );
    let user = user.evolve(&event);
    assert_eq!((user.has_account(), user.is_verified()), (true, false));
    given::<User>([known, event])
        .when(UserCommand::Register(registered()))
        .then_rejected(UserRejection::AlreadyRegistered);
}
