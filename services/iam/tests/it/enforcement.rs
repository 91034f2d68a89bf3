//! Who gets in, with permissions enforced: the table of credentials, users' policies, roles' trust.

use crate::signed::{Answer, Signing, credentials, enforcing, send};
use std::time::Duration;
use testkit::Region;

const ROLE: &str = "arn:aws:iam::000000000000:role/singer";

/// Makes a user with a policy of these statements and answers its key.
async fn user(region: &Region, name: &str, statements: &str) -> Signing {
    let root = Signing::root();
    send(region, &root, "iam", &[("Action", "CreateUser"), ("UserName", name)]).await.success();
    if !statements.is_empty() {
        let document = format!(r#"{{"Version": "2012-10-17", "Statement": [{statements}]}}"#);
        let put = [
            ("Action", "PutUserPolicy"),
            ("UserName", name),
            ("PolicyName", "p"),
            ("PolicyDocument", &document),
        ];
        send(region, &root, "iam", &put).await.success();
    }
    let key = send(region, &root, "iam", &[("Action", "CreateAccessKey"), ("UserName", name)]).await;
    credentials(&key.success())
}

/// Makes the role `singer` that trusts the principals of a statement.
async fn role(region: &Region, principal: &str) {
    let document = format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Principal": {principal},
            "Action": ["sts:AssumeRole", "sts:TagSession"]}}]}}"#
    );
    let create = [("Action", "CreateRole"), ("RoleName", "singer"), ("AssumeRolePolicyDocument", &document)];
    send(region, &Signing::root(), "iam", &create).await.success();
}

async fn assume(region: &Region, by: &Signing, more: &[(&str, &str)]) -> Answer {
    let asked = [("Action", "AssumeRole"), ("RoleArn", ROLE), ("RoleSessionName", "evening")];
    let all: Vec<(&str, &str)> = asked.iter().chain(more).copied().collect();
    send(region, by, "sts", &all).await
}

async fn identity(region: &Region, by: &Signing) -> Answer {
    send(region, by, "sts", &[("Action", "GetCallerIdentity")]).await
}

#[tokio::test]
async fn the_table_of_credentials() {
    let region = enforcing().await;
    let bard = user(&region, "bard", "").await;
    assert_eq!(
        identity(&region, &bard).await.success().element("Arn"),
        "arn:aws:iam::000000000000:user/bard"
    );
    let root = identity(&region, &Signing::root()).await.success();
    assert_eq!(root.element("Arn"), "arn:aws:iam::000000000000:root");
    identity(&region, &Signing::default()).await.refused(403, "MissingAuthenticationToken");
    let wrong = Signing { secret: "x".repeat(40), ..bard.clone() };
    identity(&region, &wrong).await.refused(403, "SignatureDoesNotMatch");
    for unknown in ["AKIAIOSFODNN7EXAMPLE", "anything", "ASIAIOSFODNN7EXAMPLE"] {
        let unknown = Signing::key(unknown, "secret");
        identity(&region, &unknown).await.refused(403, "InvalidClientTokenId");
    }
}

#[tokio::test]
async fn a_user_may_what_its_policies_say() {
    let region = enforcing().await;
    let bard = user(&region, "bard", "").await;
    let get = [("Action", "GetUser"), ("UserName", "bard")];
    let refused = send(&region, &bard, "iam", &get).await.refused(403, "AccessDenied");
    assert_eq!(
        refused.element("Message"),
        "User: arn:aws:iam::000000000000:user/bard is not authorized to perform: iam:GetUser on resource: \
         arn:aws:iam::000000000000:user/bard because no identity-based policy allows the iam:GetUser action"
    );
    let grant = [
        ("Action", "PutUserPolicy"),
        ("UserName", "bard"),
        ("PolicyName", "look"),
        (
            "PolicyDocument",
            r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "iam:Get*",
                "Resource": "arn:aws:iam::*:user/${aws:username}"}}"#,
        ),
    ];
    send(&region, &Signing::root(), "iam", &grant).await.success();
    send(&region, &bard, "iam", &get).await.success();
    let other = [("Action", "GetUser"), ("UserName", "critic")];
    send(&region, &bard, "iam", &other).await.refused(403, "AccessDenied");
    let withdraw = [("Action", "DeleteUserPolicy"), ("UserName", "bard"), ("PolicyName", "look")];
    send(&region, &Signing::root(), "iam", &withdraw).await.success();
    send(&region, &bard, "iam", &get).await.refused(403, "AccessDenied");
}

#[tokio::test]
async fn an_inactive_key_is_refused_and_an_active_one_let_in_again() {
    let region = enforcing().await;
    let bard = user(&region, "bard", "").await;
    for (status, expected) in [("Inactive", 403), ("Active", 200)] {
        let change = [
            ("Action", "UpdateAccessKey"),
            ("UserName", "bard"),
            ("AccessKeyId", &bard.access_key),
            ("Status", status),
        ];
        send(&region, &Signing::root(), "iam", &change).await.success();
        assert_eq!(identity(&region, &bard).await.status, expected);
    }
    let delete = [("Action", "DeleteAccessKey"), ("UserName", "bard"), ("AccessKeyId", &bard.access_key)];
    send(&region, &Signing::root(), "iam", &delete).await.success();
    identity(&region, &bard).await.refused(403, "InvalidClientTokenId");
}

/// Whether there is a role is told to nobody who may not take it on.
#[tokio::test]
async fn an_absent_role_is_refused_like_a_closed_one() {
    let region = enforcing().await;
    let refused = assume(&region, &Signing::root(), &[]).await.refused(403, "AccessDenied");
    assert_eq!(
        refused.element("Message"),
        format!(
            "User: arn:aws:iam::000000000000:root is not authorized to perform: sts:AssumeRole on \
             resource: {ROLE}"
        )
    );
}

#[tokio::test]
async fn a_role_that_trusts_the_account_needs_the_callers_permission_too() {
    let region = enforcing().await;
    role(&region, r#"{"AWS": "arn:aws:iam::000000000000:root"}"#).await;
    let nobody = user(&region, "nobody", "").await;
    let singer = format!(r#"{{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "{ROLE}"}}"#);
    let bard = user(&region, "bard", &singer).await;
    let refused = assume(&region, &nobody, &[]).await.refused(403, "AccessDenied");
    assert!(refused.element("Message").starts_with(&format!(
        "User: arn:aws:iam::000000000000:user/nobody is not authorized to perform: sts:AssumeRole on \
         resource: {ROLE}"
    )));
    let session = credentials(&assume(&region, &bard, &[]).await.success());
    assert!(session.access_key.starts_with("ASIA"));
    let seen = identity(&region, &session).await.success();
    assert_eq!(seen.element("Arn"), "arn:aws:sts::000000000000:assumed-role/singer/evening");
    assert!(seen.element("UserId").starts_with("AROA") && seen.element("UserId").ends_with(":evening"));
}

#[tokio::test]
async fn a_role_that_trusts_a_user_by_name_needs_nothing_else() {
    let region = enforcing().await;
    let bard = user(&region, "bard", "").await;
    let critic = user(&region, "critic", r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#).await;
    role(&region, r#"{"AWS": "arn:aws:iam::000000000000:user/bard"}"#).await;
    assume(&region, &bard, &[]).await.success();
    assume(&region, &critic, &[]).await.refused(403, "AccessDenied");
}

#[tokio::test]
async fn across_accounts_both_sides_must_allow() {
    let region = enforcing().await;
    role(&region, r#"{"AWS": "arn:aws:iam::111111111111:root"}"#).await;
    let far = Signing::key("111111111111", "test");
    for (name, statement) in [
        ("trusted", r#"{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}"#),
        ("idle", r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#),
    ] {
        send(&region, &far, "iam", &[("Action", "CreateUser"), ("UserName", name)]).await.success();
        let document = format!(r#"{{"Version": "2012-10-17", "Statement": {statement}}}"#);
        let put = [
            ("Action", "PutUserPolicy"),
            ("UserName", name),
            ("PolicyName", "p"),
            ("PolicyDocument", &document),
        ];
        send(&region, &far, "iam", &put).await.success();
        let key = send(&region, &far, "iam", &[("Action", "CreateAccessKey"), ("UserName", name)]).await;
        let answer = assume(&region, &credentials(&key.success()), &[]).await;
        assert_eq!(answer.status, if name == "trusted" { 200 } else { 403 }, "{}", answer.text);
    }
    // A caller of the role's own account is not the one it trusts.
    let near = user(&region, "near", r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#).await;
    assume(&region, &near, &[]).await.refused(403, "AccessDenied");
}

#[tokio::test]
async fn session_policies_limit_what_a_session_may() {
    let region = enforcing().await;
    let bard = user(&region, "bard", "").await;
    role(&region, r#"{"AWS": "arn:aws:iam::000000000000:user/bard"}"#).await;
    let put = [
        ("Action", "PutRolePolicy"),
        ("RoleName", "singer"),
        ("PolicyName", "p"),
        (
            "PolicyDocument",
            r#"{"Version": "2012-10-17",
                "Statement": {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}}"#,
        ),
    ];
    send(&region, &Signing::root(), "iam", &put).await.success();
    let limit = r#"{"Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "iam:GetRole", "Resource": "*"}}"#;
    let free = credentials(&assume(&region, &bard, &[]).await.success());
    let limited = assume(&region, &bard, &[("Policy", limit)]).await.success();
    assert_ne!(limited.element("PackedPolicySize"), "");
    let limited = credentials(&limited);
    let get = [("Action", "GetRole"), ("RoleName", "singer")];
    let list = [("Action", "ListRoles")];
    for by in [&free, &limited] {
        send(&region, by, "iam", &get).await.success();
    }
    send(&region, &free, "iam", &list).await.success();
    let refused = send(&region, &limited, "iam", &list).await.refused(403, "AccessDenied");
    assert!(refused.text.contains("because no session policy allows the iam:ListRoles action"));
}

#[tokio::test]
async fn a_session_ends_and_dies_with_its_role() {
    let region = enforcing().await;
    let bard = user(&region, "bard", "").await;
    role(&region, r#"{"AWS": "arn:aws:iam::000000000000:user/bard"}"#).await;
    let session = credentials(&assume(&region, &bard, &[("DurationSeconds", "900")]).await.success());
    let without = Signing { token: None, ..session.clone() };
    identity(&region, &without).await.refused(403, "InvalidClientTokenId");
    region.advance(Duration::from_secs(899)).await;
    identity(&region, &session).await.success();
    region.advance(Duration::from_secs(1)).await;
    identity(&region, &session).await.refused(403, "ExpiredToken");
    region.advance(Duration::from_secs(25 * 3600)).await;
    identity(&region, &session).await.refused(403, "InvalidClientTokenId");

    let session = credentials(&assume(&region, &bard, &[]).await.success());
    identity(&region, &session).await.success();
    let delete = [("Action", "DeleteRole"), ("RoleName", "singer")];
    send(&region, &Signing::root(), "iam", &delete).await.success();
    identity(&region, &session).await.refused(403, "InvalidClientTokenId");
}
