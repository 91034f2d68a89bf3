//! Which documents are policies, and IAM's words for those that are not.
//!
//! The messages and their order are what IAM answers to CreatePolicy and CreateRole, as several
//! projects' suites have recorded them.

use policy::{Fault, Policy, identity_policy, resource_policy, trust_policy};

const SYNTAX: &str = "Syntax errors in policy.";
const LEGACY: &str = "The policy failed legacy parsing";
const VERSION: &str = "Policy document must be version 2012-10-17 or greater.";

fn document(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#)
}

fn one(fields: &str) -> String {
    document(&format!("{{{fields}}}"))
}

/// A statement that is fine but for what is added.
fn with(fields: &str) -> String {
    one(&format!(r#""Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b",{fields}"#))
}

fn on(resource: &str) -> String {
    one(&format!(r#""Effect":"Allow","Action":"s3:ListBucket","Resource":{resource}"#))
}

fn of(action: &str) -> String {
    one(&format!(r#""Effect":"Allow","Action":{action},"Resource":"*""#))
}

#[test]
fn documents_out_of_grammar() {
    let fine = r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}"#;
    let cases = [
        "no json".to_owned(),
        "[]".to_owned(),
        r#"{"Version":"2012-10-17"}"#.to_owned(),
        document("[]"),
        document(r#"["x"]"#),
        format!(r#"{{"Version":"2013-10-17","Statement":{fine}}}"#),
        format!(r#"{{"Version":"2012-10-17","Id":{{}},"Statement":{fine}}}"#),
        format!(r#"{{"Version":"2012-10-17","Extra":"x","Statement":{fine}}}"#),
        with(r#""Extra":"x""#),
        with(r#""Sid":[]"#),
        with(r#""NotAction":[]"#),
        with(r#""NotResource":"*""#),
        with(r#""Condition":[]"#),
        with(r#""Condition":{"StringEquals":"a"}"#),
        with(r#""Condition":{"StringEquals":{"a":{}}}"#),
        with(r#""Condition":{"Unknown":{"a":"1"}}"#),
        with(r#""Condition":{"ForAnyValue::StringEquals":{"a":"1"}}"#),
        one(r#""Action":"s3:ListBucket","Resource":"*""#),
        one(r#""Effect":"maybe","Action":"s3:ListBucket","Resource":"*""#),
        on(r#"{"a":"b"}"#),
        of("[[]]"),
        of("{}"),
    ];
    for json in cases {
        assert_eq!(identity_policy(&json).unwrap_err().message, SYNTAX, "{json}");
    }
}

#[test]
fn identity_policies_refused() {
    let old = r#"{"Version":"2008-10-17","Statement":{"Effect":"denY","Action":"a:b","Resource":"*"}}"#;
    let cases = [
        (old.to_owned(), VERSION),
        (old.replace(r#""Version":"2008-10-17","#, ""), VERSION),
        (with(r#""Principal":"*""#), "Policy document should not specify a principal."),
        (one(r#""Effect":"aLLow","Action":"s3:ListBucket","Resource":"*""#), LEGACY),
        (with(r#""Condition":{"DateGreaterThan":{"a":"tomorrow"}}"#), LEGACY),
        (one(r#""Effect":"Allow","Condition":{"DateGreaterThan":{"a":"tomorrow"}}"#), LEGACY),
        (on(r#""arn:aws:s3::b""#), LEGACY),
        (on(r#""arn:aws::::b""#), LEGACY),
        (
            document(
                r#"[{"Sid":"x","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"x","Effect":"Allow"}]"#,
            ),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (one(r#""Effect":"Allow""#), "Policy statement must contain actions."),
        (of("[]"), "Policy statement must contain actions."),
        (on("[]"), "Policy statement must contain resources."),
        (one(r#""Effect":"Allow","Action":"s3:ListBucket""#), "Policy statement must contain resources."),
        (of(r#""ListBucket""#), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."),
        (of(r#""a a:ListBucket""#), "Vendor a a is not valid"),
        (of(r#""s3:List:Bucket""#), "Actions/Condition can contain only one colon."),
        (on(r#""orders""#), "Resource orders must be in ARN format or \"*\"."),
        (on(r#""a:b:c""#), "Partition \"b\" is not valid for resource \"arn:b:c:*:*:*\"."),
        (on(r#""aws:s3:::b""#), "Partition \"s3\" is not valid for resource \"arn:s3:::b:*\"."),
        (on(r#""arn:aws""#), "Resource vendor must be fully qualified and cannot contain regexes."),
        (
            on(r#""arn:aws:s3:us-east-1::b""#),
            "Resource arn:aws:s3:us-east-1::b can not contain region information.",
        ),
        (
            on(r#""arn:aws:iam:us-east-1::user/b""#),
            "IAM resource arn:aws:iam:us-east-1::user/b cannot contain region information.",
        ),
    ];
    for (json, message) in cases {
        assert_eq!(identity_policy(&json).unwrap_err().message, message, "{json}");
    }
    let path = identity_policy(&on(r#""arn:aws:iam:::b""#)).unwrap_err().message;
    assert!(path.starts_with("IAM resource path must either be \"*\" or start with user/, federated-user/,"));
}

#[test]
fn identity_policies_taken() {
    for json in [
        with(r#""Condition":{}"#),
        with(r#""Condition":{"DateGreaterThan":{}}"#),
        with(r#""Condition":{"a":{}}"#),
        with(r#""Condition":{"DateGreaterThan":{"a":[]}}"#),
        with(r#""Condition":{"ForAnyValue:StringEqualsIfExists":{"a":"b"}}"#),
        with(r#""Condition":{"Bool":{"aws:SecureTransport":true}}"#),
        on(r#"["arn:aws:s3:::b","*"]"#),
        on(r#""arn:aws:iam::*:user/${aws:username}""#),
        on(r#""arn:aws:iam::000000000000:*""#),
        on(r#""arn:aws:fdsasf""#),
        of(r#""*""#),
        of(r#"["iam: with blanks ","s3-s:List*"]"#),
        one(r#""Effect":"Deny","NotAction":"s3:*","NotResource":"*""#),
        document(r#"[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]"#),
    ] {
        assert!(identity_policy(&json).is_ok(), "{json}: {:?}", identity_policy(&json));
    }
}

#[test]
fn resource_policies() {
    let fine = with(r#""Principal":{"AWS":["*","000000000001"],"Service":"sns.amazonaws.com"}"#);
    assert!(resource_policy(&fine).is_ok());
    let old = fine.replace("2012", "2008");
    assert!(resource_policy(&old).is_ok());
    let cases = [
        (on(r#""*""#), Fault::Principal),
        (with(r#""Principal":{}"#), Fault::Principal),
        (with(r#""Principal":{"AWS":"somebody"}"#), Fault::Principal),
        (with(r#""Principal":"somebody""#), Fault::Syntax),
        (one(r#""Effect":"Allow","Principal":"*","Resource":"*""#), Fault::Action),
        (one(r#""Effect":"Allow","Principal":"*","Action":"s3:*""#), Fault::Resource),
        ("{".to_owned(), Fault::Json),
    ];
    for (json, fault) in cases {
        assert_eq!(resource_policy(&json).unwrap_err().fault, fault, "{json}");
    }
}

#[test]
fn trust_policies() {
    let trust = |fields: &str| one(&format!(r#""Effect":"Allow",{fields}"#));
    for fields in [
        r#""Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole""#,
        r#""Principal":{"AWS":"arn:aws:iam::000000000001:root"},"Action":["sts:AssumeRole","sts:TagSession"]"#,
        r#""Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity""#,
    ] {
        assert!(trust_policy(&trust(fields)).is_ok(), "{fields}");
    }
    let cases = [
        ("{".to_owned(), "This policy contains invalid Json"),
        (trust(r#""Action":"sts:AssumeRole""#), "Missing required field Principal"),
        (
            trust(r#""Principal":{},"Action":"sts:AssumeRole""#),
            "Missing required field Principal cannot be empty!",
        ),
        (trust(r#""Principal":"*""#), "Missing required field Action"),
        (
            trust(r#""Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Resource":"*""#),
            "Has prohibited field Resource",
        ),
        (
            trust(r#""Principal":{"AWS":"*"},"Action":"sts:*""#),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            trust(r#""Principal":{"AWS":"me"},"Action":"sts:AssumeRole""#),
            "Invalid principal in policy: \"AWS\":\"me\"",
        ),
    ];
    for (json, message) in cases {
        assert_eq!(trust_policy(&json).unwrap_err().message, message, "{json}");
    }
}

#[test]
fn the_old_version_has_no_variables() {
    let json =
        r#"{"Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:*:*:${aws:username}"}}"#;
    let old = policy::IdentityPolicies {
        identity: vec![crate::attached("old", Policy::parse(json).unwrap())],
        ..Default::default()
    };
    let principal = policy::Principal { user_name: Some("orders"), ..crate::USER };
    assert!(!crate::ask(&principal, &old, None, &policy::Context::new()).is_allowed());
}
