//! Sessions that services ask for, tokens of users, and the first administrator.

use model_iam::operations as api;
use model_iam::*;
use model_sts::GetSessionTokenInput;
use model_sts::operations as sts;
use names::{AccountId, Arn};
use ports::{Caller, SessionRequest};
use std::time::Duration;
use testkit::{IamMode, Region, Setup};

const ROLE: &str = "arn:aws:iam::000000000000:role/runner";

fn trust(condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":
            {{"Effect":"Allow","Principal":{{"Service":"lambda.amazonaws.com"}},
            "Action":"sts:AssumeRole"{condition}}}}}"#
    )
}

async fn region(condition: &str) -> Region {
    region_in(IamMode::Enforce, condition).await
}

async fn region_in(iam: IamMode, condition: &str) -> Region {
    let region = Setup { iam, ..Setup::of(vec![iam::service()]) }.start().await;
    let role = CreateRoleInput {
        role_name: "runner".to_owned(),
        assume_role_policy_document: trust(condition),
        ..Default::default()
    };
    region.call::<api::CreateRole>(role).await.unwrap();
    region
}

fn asked(service: &'static str) -> SessionRequest {
    SessionRequest {
        role: ROLE.parse().unwrap(),
        service,
        session_name: "orders".to_owned(),
        source_arn: Some("arn:aws:lambda:us-east-1:000000000000:function:orders".parse::<Arn>().unwrap()),
        source_account: AccountId::DEFAULT,
    }
}

#[tokio::test]
async fn a_service_takes_on_a_role_that_trusts_it() {
    let region = region("").await;
    let credentials = region.host().ports().credentials.clone();
    let session = credentials.session(asked("lambda.amazonaws.com")).await.unwrap();
    assert_eq!(session.principal.arn.as_str(), "arn:aws:sts::000000000000:assumed-role/runner/orders");
    let held = credentials.find(&session.access_key).unwrap().unwrap();
    assert_eq!(held.principal, session.principal);
    assert_eq!((held.secret, held.token), (session.secret.clone(), Some(session.token.clone())));
    let other = credentials.session(asked("events.amazonaws.com")).await.err().unwrap();
    assert_eq!((other.code.as_ref(), other.status), ("AccessDenied", 403));
    let absent = SessionRequest {
        role: "arn:aws:iam::000000000000:role/none".parse().unwrap(),
        ..asked("lambda.amazonaws.com")
    };
    assert_eq!(credentials.session(absent).await.err().unwrap().code, "AccessDenied");
}

/// A role that nobody made, and one that does not trust the service: taken on all the same where nothing is
/// enforced, under their own names, with credentials that hold.
#[tokio::test]
async fn where_nothing_is_enforced_no_role_is_refused() {
    let region = region_in(IamMode::Warn, "").await;
    let credentials = region.host().ports().credentials.clone();
    let made_up: Arn = "arn:aws:iam::111122223333:role/path/made-up".parse().unwrap();
    let absent = SessionRequest { role: made_up, ..asked("lambda.amazonaws.com") };
    let session = credentials.session(absent.clone()).await.unwrap();
    assert_eq!(session.principal.arn.as_str(), "arn:aws:sts::111122223333:assumed-role/made-up/orders");
    let held = credentials.find(&session.access_key).unwrap().unwrap();
    assert_eq!((held.secret, held.token), (session.secret.clone(), Some(session.token.clone())));
    assert!(credentials.policies(&session.principal).unwrap().identity.is_empty());
    // One session serves until shortly before its end.
    let again = credentials.session(absent.clone()).await.unwrap();
    assert_eq!(again.access_key, session.access_key);
    region.advance(Duration::from_secs(3000)).await;
    let renewed = credentials.session(absent).await.unwrap();
    assert_ne!(renewed.access_key, session.access_key);

    let distrusted = credentials.session(asked("events.amazonaws.com")).await.unwrap();
    assert_eq!(distrusted.principal.arn.as_str(), "arn:aws:sts::000000000000:assumed-role/runner/orders");
}

#[tokio::test]
async fn conditions_of_trust_see_the_source() {
    let condition = r#","Condition":{"StringEquals":{"aws:SourceAccount":"000000000000"},
        "ArnLike":{"aws:SourceArn":"arn:aws:lambda:*:*:function:orders"}}"#;
    let region = region(condition).await;
    let credentials = region.host().ports().credentials.clone();
    credentials.session(asked("lambda.amazonaws.com")).await.unwrap();
    for other in [
        SessionRequest { source_arn: None, ..asked("lambda.amazonaws.com") },
        SessionRequest {
            source_account: AccountId::from_number(1).unwrap(),
            session_name: "x".to_owned(),
            ..asked("lambda.amazonaws.com")
        },
    ] {
        assert_eq!(credentials.session(other).await.err().unwrap().code, "AccessDenied");
    }
}

#[tokio::test]
async fn sessions_are_kept_until_shortly_before_their_end_or_a_change_of_the_role() {
    let region = region("").await;
    let credentials = region.host().ports().credentials.clone();
    let session = async || credentials.session(asked("lambda.amazonaws.com")).await;
    let first = session().await.unwrap();
    region.advance(Duration::from_secs(49 * 60)).await;
    assert_eq!(session().await.unwrap().access_key, first.access_key);
    region.advance(Duration::from_secs(2 * 60)).await;
    let second = session().await.unwrap();
    assert_ne!(second.access_key, first.access_key);
    let closed = UpdateAssumeRolePolicyInput {
        role_name: "runner".to_owned(),
        policy_document: trust("").replace("lambda", "events"),
    };
    region.call::<api::UpdateAssumeRolePolicy>(closed).await.unwrap();
    assert_eq!(session().await.err().unwrap().code, "AccessDenied");
}

#[tokio::test]
async fn a_users_token_session_does_no_iam_and_makes_no_other() {
    let region = Setup { iam: IamMode::Enforce, ..Setup::of(vec![iam::service()]) }.start().await;
    let user = CreateUserInput { user_name: "bard".to_owned(), ..Default::default() };
    region.call::<api::CreateUser>(user).await.unwrap();
    let attach = AttachUserPolicyInput {
        user_name: "bard".to_owned(),
        policy_arn: "arn:aws:iam::aws:policy/AdministratorAccess".to_owned(),
    };
    region.call::<api::AttachUserPolicy>(attach).await.unwrap();
    let key = CreateAccessKeyInput { user_name: Some("bard".to_owned()) };
    let key = region.call::<api::CreateAccessKey>(key).await.unwrap().access_key;
    let credentials = region.host().ports().credentials.clone();
    let caller = |key: &str| Caller::Principal(credentials.find(key).unwrap().unwrap().principal);
    let bard = caller(&key.access_key_id);
    let token = region.call_as::<sts::GetSessionToken>(bard.clone(), GetSessionTokenInput::default()).await;
    let token = token.unwrap().credentials.unwrap();
    assert_eq!(token.expiration, testkit::START.plus_millis(43_200_000));
    let session = caller(&token.access_key_id);
    region.call_as::<api::ListUsers>(bard, Default::default()).await.unwrap();
    let refused = region.call_as::<api::ListUsers>(session.clone(), Default::default()).await.unwrap_err();
    assert_eq!(refused.code, "AccessDenied");
    let again =
        region.call_as::<sts::GetSessionToken>(session.clone(), Default::default()).await.unwrap_err();
    assert_eq!(again.message, "Cannot call GetSessionToken with session credentials");
    let identity = region.call_as::<sts::GetCallerIdentity>(session, Default::default()).await.unwrap();
    assert_eq!(identity.arn.as_deref(), Some("arn:aws:iam::000000000000:user/bard"));
}

#[tokio::test]
async fn the_administrator_is_made_once_and_may_everything() {
    let region = Setup { iam: IamMode::Enforce, ..Setup::of(vec![iam::service()]) }.start().await;
    let (key, secret) = iam::administrator(region.host()).await.unwrap().unwrap();
    assert!(iam::administrator(region.host()).await.unwrap().is_none());
    let held = region.host().ports().credentials.find(&key).unwrap().unwrap();
    assert_eq!(
        (&*held.secret, held.principal.user_name.as_deref()),
        (secret.as_str(), Some("administrator"))
    );
    let administrator = Caller::Principal(held.principal);
    let user = CreateUserInput { user_name: "bard".to_owned(), ..Default::default() };
    region.call_as::<api::CreateUser>(administrator, user).await.unwrap();
}
