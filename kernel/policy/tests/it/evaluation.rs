//! The evaluation logic, by "Policy evaluation logic" and "Cross-account policy evaluation logic" of the
//! IAM User Guide: one row per combination it describes.

use crate::{QUEUE, ROOT, SESSION, USER, account, ask, attached, identity, statement};
use names::Tags;
use policy::{
    Context, IdentityPolicies, Layer, Outcome, Policies, Policy, Principal, PrincipalKind, ResourcePolicy,
    ResourceRule, access_denied_message,
};

const ALLOW: &str = r#""Effect":"Allow","Action":"sqs:SendMessage","Resource":"*""#;
const DENY: &str = r#""Effect":"Deny","Action":"sqs:*","Resource":"*""#;
const OTHER: &str = r#""Effect":"Allow","Action":"sqs:ReceiveMessage","Resource":"*""#;

fn granting(principal: &str) -> String {
    format!(r#""Effect":"Allow","Principal":{principal},"Action":"sqs:SendMessage","Resource":"{QUEUE}""#)
}

fn aws(arn: &str) -> String {
    granting(&format!(r#"{{"AWS":"{arn}"}}"#))
}

/// What identity policies, boundary, session policy and resource policy say together.
fn outcome(
    principal: &Principal<'_>,
    own: &[&str],
    boundary: Option<&str>,
    session: Option<&str>,
    resource: Option<&str>,
) -> Outcome {
    let policies = IdentityPolicies {
        boundary: boundary.map(|fields| attached("boundary", statement(fields))),
        session: session.map(|fields| vec![attached("session", statement(fields))]),
        ..identity(own)
    };
    let resource = resource.map(statement);
    let held = resource.as_ref().map(|policy| (policy, ResourceRule::Grants));
    ask(principal, &policies, held, &Context::new()).outcome
}

use Layer::{Boundary, Identity, Resource, Session};
use Outcome::{Allowed, ExplicitDeny, ImplicitDeny};

#[test]
fn within_an_account() {
    let by_user = aws("arn:aws:iam::000000000001:user/ann");
    let by_account = aws("arn:aws:iam::000000000001:root");
    let by_everybody = granting(r#""*""#);
    let refusing = format!(r#""Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"{QUEUE}""#);
    let cases = [
        (vec![], None, None, ImplicitDeny(Identity)),
        (vec![OTHER], None, None, ImplicitDeny(Identity)),
        (vec![OTHER, ALLOW], None, None, Allowed),
        (vec![ALLOW, DENY], None, None, ExplicitDeny(Identity)),
        (vec![DENY], None, Some(&by_user), ExplicitDeny(Identity)),
        (vec![ALLOW], None, Some(&refusing), ExplicitDeny(Resource)),
        (vec![], None, Some(&by_user), Allowed),
        (vec![], None, Some(&by_everybody), Allowed),
        (vec![], None, Some(&by_account), ImplicitDeny(Identity)),
        (vec![ALLOW], None, Some(&by_account), Allowed),
        (vec![ALLOW], Some(OTHER), None, ImplicitDeny(Boundary)),
        (vec![ALLOW], Some(ALLOW), None, Allowed),
        (vec![], Some(ALLOW), None, ImplicitDeny(Identity)),
        (vec![ALLOW], Some(DENY), None, ExplicitDeny(Boundary)),
        (vec![], Some(OTHER), Some(&by_user), Allowed),
        (vec![], Some(DENY), Some(&by_user), ExplicitDeny(Boundary)),
    ];
    for (own, boundary, resource, expected) in cases {
        let got = outcome(&USER, &own, boundary, None, resource.map(String::as_str));
        assert_eq!(got, expected, "{own:?} {boundary:?} {resource:?}");
    }
}

#[test]
fn sessions_of_roles() {
    let by_role = aws("arn:aws:iam::000000000001:role/worker");
    let by_session = aws("arn:aws:sts::000000000001:assumed-role/worker/s");
    let cases = [
        (vec![ALLOW], None, None, None, Allowed),
        (vec![ALLOW], None, Some(OTHER), None, ImplicitDeny(Session)),
        (vec![ALLOW], None, Some(ALLOW), None, Allowed),
        (vec![ALLOW], None, Some(DENY), None, ExplicitDeny(Session)),
        (vec![], None, None, Some(&by_role), Allowed),
        (vec![], None, Some(OTHER), Some(&by_role), ImplicitDeny(Session)),
        (vec![], Some(OTHER), None, Some(&by_role), ImplicitDeny(Boundary)),
        (vec![], Some(OTHER), Some(OTHER), Some(&by_session), Allowed),
    ];
    for (own, boundary, session, resource, expected) in cases {
        let got = outcome(&SESSION, &own, boundary, session, resource.map(String::as_str));
        assert_eq!(got, expected, "{own:?} {boundary:?} {session:?} {resource:?}");
    }
    let empty = IdentityPolicies { session: Some(Vec::new()), ..identity(&[ALLOW]) };
    assert_eq!(ask(&SESSION, &empty, None, &Context::new()).outcome, ImplicitDeny(Session));
}

#[test]
fn across_accounts_both_must_allow() {
    let foreign = Principal {
        arn: "arn:aws:iam::000000000002:user/bob",
        policy_arn: "arn:aws:iam::000000000002:user/bob",
        account: Some(account(2)),
        ..USER
    };
    let foreign_root = Principal { kind: PrincipalKind::Root, ..foreign };
    let by_user = aws("arn:aws:iam::000000000002:user/bob");
    let by_account = aws("000000000002");
    let cases = [
        (foreign, vec![ALLOW], None, ImplicitDeny(Resource)),
        (foreign, vec![], Some(&by_user), ImplicitDeny(Identity)),
        (foreign, vec![ALLOW], Some(&by_user), Allowed),
        (foreign, vec![ALLOW], Some(&by_account), Allowed),
        (foreign, vec![], Some(&by_account), ImplicitDeny(Identity)),
        (foreign_root, vec![], None, ImplicitDeny(Resource)),
        (foreign_root, vec![], Some(&by_account), Allowed),
    ];
    for (principal, own, resource, expected) in cases {
        let got = outcome(&principal, &own, None, None, resource.map(String::as_str));
        assert_eq!(got, expected, "{:?} {own:?} {resource:?}", principal.kind);
    }
}

#[test]
fn roots_services_and_nobody() {
    let refusing = format!(r#""Effect":"Deny","Principal":"*","Action":"*","Resource":"{QUEUE}""#);
    let sns = granting(r#"{"Service":"sns.amazonaws.com"}"#);
    let everybody = granting(r#"{"AWS":"*"}"#);
    let topic = Principal::service("sns.amazonaws.com");
    let bucket = Principal::service("s3.amazonaws.com");
    let cases = [
        (ROOT, None, Allowed),
        (ROOT, Some(&refusing), ExplicitDeny(Resource)),
        (topic, None, ImplicitDeny(Resource)),
        (topic, Some(&sns), Allowed),
        (bucket, Some(&sns), ImplicitDeny(Resource)),
        (bucket, Some(&everybody), Allowed),
        (Principal::ANONYMOUS, None, ImplicitDeny(Resource)),
        (Principal::ANONYMOUS, Some(&sns), ImplicitDeny(Resource)),
        (Principal::ANONYMOUS, Some(&everybody), Allowed),
    ];
    for (principal, resource, expected) in cases {
        let got = outcome(&principal, &[], None, None, resource.map(String::as_str));
        assert_eq!(got, expected, "{} {resource:?}", principal.arn);
    }
}

#[test]
fn trust_and_key_policies_are_required() {
    let by_account = statement(&aws("000000000001"));
    let by_user = statement(&aws("arn:aws:iam::000000000001:user/ann"));
    let nothing = statement(&aws("000000000009"));
    let cases = [
        (&nothing, vec![ALLOW], ImplicitDeny(Layer::Trust)),
        (&by_account, vec![], ImplicitDeny(Identity)),
        (&by_account, vec![ALLOW], Allowed),
        (&by_user, vec![], Allowed),
        (&by_user, vec![DENY], ExplicitDeny(Identity)),
    ];
    for (trust, own, expected) in cases {
        let own = identity(&own);
        let decision = ask(&USER, &own, Some((trust, ResourceRule::Trust)), &Context::new());
        assert_eq!(decision.outcome, expected);
    }
    let root = ask(&ROOT, &identity(&[]), Some((&nothing, ResourceRule::Required)), &Context::new()).outcome;
    assert_eq!(root, ImplicitDeny(Resource));
    let trust = policy::trust_policy(
        r#"{"Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},
            "Action":"sts:AssumeRole"}]}"#,
    );
    assert!(trust.is_ok());
}

#[test]
fn negated_elements() {
    let cases = [
        (r#""Effect":"Allow","NotAction":"sqs:ReceiveMessage","Resource":"*""#, Allowed),
        (r#""Effect":"Allow","NotAction":["iam:*","SQS:send*"],"Resource":"*""#, ImplicitDeny(Identity)),
        (r#""Effect":"Allow","Action":"*","NotResource":"arn:aws:sqs:*:*:orders""#, ImplicitDeny(Identity)),
        (r#""Effect":"Allow","Action":"*","NotResource":"arn:aws:sqs:*:*:others""#, Allowed),
        (r#""Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:*:*:ord*""#, Allowed),
        (
            r#""Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:eu-west-1:*:*""#,
            ImplicitDeny(Identity),
        ),
    ];
    for (fields, expected) in cases {
        assert_eq!(outcome(&USER, &[fields], None, None, None), expected, "{fields}");
    }
    let all_but = |arn: &str| {
        format!(r#""Effect":"Deny","NotPrincipal":{{"AWS":"{arn}"}},"Action":"*","Resource":"*""#)
    };
    let but_ann = all_but("arn:aws:iam::000000000001:user/ann");
    assert_eq!(outcome(&USER, &[ALLOW], None, None, Some(&but_ann)), Allowed);
    let but_bob = all_but("arn:aws:iam::000000000001:user/bob");
    assert_eq!(outcome(&USER, &[ALLOW], None, None, Some(&but_bob)), ExplicitDeny(Resource));
}

#[test]
fn variables_of_the_principal() {
    let tags: Tags = [("Team", "orders")].into_iter().collect();
    let tagged = Principal { tags: Some(&tags), ..USER };
    let cases = [
        ("arn:aws:sqs:*:*:${aws:PrincipalTag/team}", Allowed),
        ("arn:aws:sqs:*:${aws:PrincipalAccount}:orders", Allowed),
        ("arn:aws:sqs:*:*:${aws:username}", ImplicitDeny(Identity)),
        ("arn:aws:sqs:*:*:${aws:PrincipalTag/stage, 'orders'}", Allowed),
        ("arn:aws:sqs:*:*:${aws:PrincipalTag/stage}", ImplicitDeny(Identity)),
        ("arn:aws:sqs:*:*:order${*}", ImplicitDeny(Identity)),
    ];
    for (resource, expected) in cases {
        let fields = format!(r#""Effect":"Allow","Action":"sqs:*","Resource":"{resource}""#);
        assert_eq!(outcome(&tagged, &[&fields], None, None, None), expected, "{resource}");
    }
}

#[test]
fn decisions_are_explained() {
    let own = identity(&[
        r#""Sid":"FromHome","Effect":"Allow","Action":"sqs:*","Resource":"*",
            "Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#,
        OTHER,
    ]);
    let away: Context = [("aws:SourceIp", "192.0.2.1")].into_iter().collect();
    let refused = ask(&USER, &own, None, &away);
    assert_eq!(
        refused.explain(),
        "no identity-based policy allows it; identity-based policy p0, statement FromHome would allow but for \
         IpAddress aws:SourceIp"
    );
    let home: Context = [("aws:SourceIp", "10.1.2.3")].into_iter().collect();
    assert_eq!(
        ask(&USER, &own, None, &home).explain(),
        "allowed by identity-based policy p0, statement FromHome"
    );
    let denied = identity(&[ALLOW, DENY]);
    assert_eq!(ask(&USER, &denied, None, &home).explain(), "denied by identity-based policy p1, statement 1");
    assert_eq!(ask(&ROOT, &identity(&[]), None, &home).explain(), "allowed as the root of its account");
}

#[test]
fn refusals_in_awss_words() {
    // "Troubleshoot access denied error messages", IAM User Guide.
    let start =
        format!("User: {} is not authorized to perform: sqs:SendMessage on resource: {QUEUE}", USER.arn);
    let cases = [
        (ImplicitDeny(Identity), " because no identity-based policy allows the sqs:SendMessage action"),
        (ImplicitDeny(Resource), " because no resource-based policy allows the sqs:SendMessage action"),
        (ImplicitDeny(Boundary), " because no permissions boundary allows the sqs:SendMessage action"),
        (ImplicitDeny(Session), " because no session policy allows the sqs:SendMessage action"),
        (ExplicitDeny(Identity), " with an explicit deny in an identity-based policy"),
        (ExplicitDeny(Resource), " with an explicit deny in a resource-based policy"),
        (ExplicitDeny(Boundary), " with an explicit deny in a permissions boundary"),
        (ExplicitDeny(Session), " with an explicit deny in a session policy"),
    ];
    for (outcome, end) in cases {
        assert_eq!(
            access_denied_message(USER.arn, "sqs:SendMessage", QUEUE, outcome),
            format!("{start}{end}")
        );
    }
    assert_eq!(
        access_denied_message("anonymous", "es:ESHttpGet", "*", ImplicitDeny(Resource)),
        "User: anonymous is not authorized to perform: es:ESHttpGet because no resource-based policy allows the \
         es:ESHttpGet action"
    );
}

#[test]
fn statements_that_name_everybody() {
    let public = |fields: &str| statement(fields).statements()[0].names_everybody();
    assert!(public(&granting(r#""*""#)));
    assert!(public(&granting(r#"{"AWS":["000000000001","*"]}"#)));
    assert!(!public(&aws("000000000001")));
    let policy: Policy = statement(ALLOW);
    assert!(!policy.statements()[0].names_everybody());
}

#[test]
fn a_policy_knows_whether_condition_keys_can_sway_it() {
    let conditional = r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"x:k":"true"}}"#;
    let variable = r#""Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:*:*:${x:k}""#;
    for (fields, expected) in [(ALLOW, false), (DENY, false), (conditional, true), (variable, true)] {
        assert_eq!(statement(fields).reads_context(), expected, "{fields}");
        let of_own = identity(&[OTHER, fields]);
        assert_eq!(Policies { identity: &of_own, resource: None }.read_context(), expected, "{fields}");
        let bounded =
            IdentityPolicies { boundary: Some(attached("b", statement(fields))), ..identity(&[OTHER]) };
        assert_eq!(Policies { identity: &bounded, resource: None }.read_context(), expected, "{fields}");
        let policy = statement(fields);
        let resource = ResourcePolicy { name: QUEUE, policy: &policy, rule: ResourceRule::Grants };
        let with_resource = Policies { identity: &identity(&[OTHER]), resource: Some(resource) };
        assert_eq!(with_resource.read_context(), expected, "{fields}");
    }
}
