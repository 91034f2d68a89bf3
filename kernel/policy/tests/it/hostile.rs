//! Documents and requests made to break the reader or to make it slow.

use crate::{USER, attached, identity};
use names::Timestamp;
use policy::{Context, Policies, Policy, Request, evaluate, identity_policy, trust_policy};
use proptest::prelude::*;

#[test]
fn deep_nesting_is_refused() {
    for open in ["[", "{\"a\":", "{\"Statement\":["] {
        for depth in [200, 10_000, 1_000_000] {
            assert!(Policy::parse(&open.repeat(depth)).is_err());
        }
    }
    let closed = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    assert!(Policy::parse(&closed).is_err());
}

#[test]
fn size_is_bounded() {
    let long = "x".repeat(300_000);
    let json = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"s3:{long}","Resource":"*"}}}}"#
    );
    assert!(Policy::parse(&json).is_err());
}

#[test]
fn patterns_of_many_stars_end() {
    let stars = "*a".repeat(10_000);
    let fields = format!(
        r#""Effect":"Allow","Action":"s3:{stars}b","Resource":"arn:aws:s3:::{stars}${{aws:username}}""#
    );
    let own = identity(&[&fields]);
    let (action, resource) =
        (format!("s3:{}b", "a".repeat(1000)), format!("arn:aws:s3:::{}", "a".repeat(1024)));
    let request = Request {
        principal: &USER,
        action: &action,
        resource: &resource,
        resource_account: USER.account.unwrap(),
        context: &Context::new(),
        now: Timestamp(0),
    };
    assert!(!evaluate(&request, &Policies { identity: &own, resource: None }).is_allowed());
}

proptest! {
    #[test]
    fn any_document_is_answered(json in r#"[{}\[\]":,a*?$ ]{0,60}"#, value in "[ -~é]{0,12}") {
        let _ = Policy::parse(&json);
        let quoted = quoted_text(&value);
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":{quoted},"Resource":{quoted},
                "Condition":{{"StringLike":{{{quoted}:{quoted}}},"ArnLike":{{"a":{quoted}}}}}}}}}"#
        );
        let _ = trust_policy(&document);
        let _ = identity_policy(&document);
        let own = policy::IdentityPolicies {
            identity: vec![attached("p", Policy::parse(&document).unwrap())],
            ..Default::default()
        };
        let context: Context = [(value.as_str(), value.as_str()), ("a", value.as_str())].into_iter().collect();
        let request = Request {
            principal: &USER,
            action: &value,
            resource: &value,
            resource_account: USER.account.unwrap(),
            context: &context,
            now: Timestamp(0),
        };
        let _ = evaluate(&request, &Policies { identity: &own, resource: None }).explain();
    }
}

fn quoted_text(text: &str) -> String {
    let escaped: String = text
        .chars()
        .flat_map(|letter| match letter {
            '"' | '\\' => vec!['\\', letter],
            other => vec![other],
        })
        .collect();
    format!("\"{escaped}\"")
}
