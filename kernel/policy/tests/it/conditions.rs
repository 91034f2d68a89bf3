//! Every condition operator, with and without its key, with one value and with several; by "IAM JSON
//! policy elements: Condition operators" and "Multivalued context keys" of the IAM User Guide.

use crate::{USER, ask, identity};
use policy::{Context, Principal};

/// Whether an allowing statement with a condition applies when the key `x:k` has these values.
fn holds(condition: &str, values: &[&str]) -> bool {
    let fields = format!(r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{{{condition}}}"#);
    let mut context = Context::new();
    context.set_all("X:K", values.iter().map(|value| (*value).to_owned()).collect());
    ask(&USER, &identity(&[&fields]), None, &context).is_allowed()
}

fn check(cases: &[(&str, &str, &[&str], bool)]) {
    for (operator, operand, values, expected) in cases {
        let condition = format!(r#""{operator}":{{"x:k":{operand}}}"#);
        assert_eq!(holds(&condition, values), *expected, "{operator} {operand} {values:?}");
    }
}

#[test]
fn strings() {
    check(&[
        ("StringEquals", r#""a""#, &["a"], true),
        ("StringEquals", r#"["b","a"]"#, &["a"], true),
        ("StringEquals", r#""a""#, &["A"], false),
        ("StringEquals", r#""a*""#, &["ab"], false),
        ("StringEquals", r#""a*""#, &["a*"], true),
        ("StringEquals", r#""a""#, &[], false),
        ("StringEquals", r#""${aws:username}""#, &["ann"], true),
        ("StringNotEquals", r#"["a","b"]"#, &["c"], true),
        ("StringNotEquals", r#"["a","b"]"#, &["b"], false),
        ("StringNotEquals", r#""a""#, &[], true),
        ("StringEqualsIgnoreCase", r#""aB""#, &["Ab"], true),
        ("StringNotEqualsIgnoreCase", r#""aB""#, &["Ab"], false),
        ("StringLike", r#""home/*""#, &["home/x/y"], true),
        ("StringLike", r#""h?me""#, &["home"], true),
        ("StringLike", r#"["", "home/"]"#, &[""], true),
        ("StringNotLike", r#""home/*""#, &["away"], true),
        ("StringNotLike", r#""home/*""#, &["home/x"], false),
        ("stringequals", r#""a""#, &["a"], true),
    ]);
}

#[test]
fn numbers_and_dates() {
    check(&[
        ("NumericEquals", "10", &["10.0"], true),
        ("NumericNotEquals", r#""10""#, &["11"], true),
        ("NumericLessThan", r#""10""#, &["9.5"], true),
        ("NumericLessThan", r#""10""#, &["10"], false),
        ("NumericLessThanEquals", r#""10""#, &["10"], true),
        ("NumericGreaterThan", r#""10""#, &["10"], false),
        ("NumericGreaterThanEquals", r#""10""#, &["10"], true),
        ("NumericEquals", r#""10""#, &["ten"], false),
        ("NumericEquals", r#""10""#, &[], false),
        ("DateEquals", r#""2026-01-31T12:00:00Z""#, &["1769860800"], true),
        ("DateNotEquals", r#""2026-01-31T12:00:00Z""#, &["2026-01-31T12:00:01Z"], true),
        ("DateLessThan", r#""2026-01-31T12:00:00Z""#, &["2026-01-31T11:59:59Z"], true),
        ("DateLessThanEquals", r#""2026-01-31T12:00:00Z""#, &["2026-01-31T13:00:00+01:00"], true),
        ("DateGreaterThan", r#""2026-01-31""#, &["2026-01-31T00:00:01Z"], true),
        ("DateGreaterThanEquals", "1769860800", &["2026-01-31T12:00:00Z"], true),
        ("DateGreaterThan", r#""2026-01-31""#, &["soon"], false),
    ]);
}

#[test]
fn the_other_kinds() {
    check(&[
        ("Bool", "true", &["true"], true),
        ("Bool", r#""true""#, &["True"], true),
        ("Bool", r#""true""#, &["false"], false),
        ("Bool", r#""true""#, &[], false),
        ("BinaryEquals", r#""QmluYXJ5""#, &["QmluYXJ5"], true),
        ("BinaryEquals", r#""QmluYXJ5""#, &["QmluYXJ6"], false),
        ("IpAddress", r#""203.0.113.0/24""#, &["203.0.113.255"], true),
        ("IpAddress", r#""203.0.113.0/24""#, &["203.0.114.0"], false),
        ("IpAddress", r#""203.0.113.7""#, &["203.0.113.7"], true),
        ("IpAddress", r#""203.0.113.7""#, &["::ffff:203.0.113.7"], true),
        ("IpAddress", r#""0.0.0.0/0""#, &["198.51.100.1"], true),
        ("IpAddress", r#""2001:db8::/32""#, &["2001:db8:1::1"], true),
        ("IpAddress", r#""2001:db8::/32""#, &["203.0.113.7"], false),
        ("IpAddress", r#""::/0""#, &["2001:db8::1"], true),
        ("NotIpAddress", r#"["10.0.0.0/8","192.168.0.0/16"]"#, &["192.168.1.1"], false),
        ("NotIpAddress", r#""10.0.0.0/8""#, &["192.168.1.1"], true),
        ("NotIpAddress", r#""10.0.0.0/8""#, &[], true),
        ("ArnEquals", r#""arn:aws:sns:*:*:t""#, &["arn:aws:sns:us-east-1:000000000001:t"], true),
        ("ArnLike", r#""arn:aws:sns:*:t""#, &["arn:aws:sns:us-east-1:000000000001:t"], false),
        ("ArnNotEquals", r#""arn:aws:sns:*:*:t""#, &["arn:aws:sns:us-east-1:000000000001:u"], true),
        ("ArnNotLike", r#""arn:aws:sns:*:*:t""#, &["arn:aws:sns:us-east-1:000000000001:t"], false),
        ("Null", r#""true""#, &[], true),
        ("Null", r#""true""#, &["a"], false),
        ("Null", "false", &["a"], true),
        ("Null", "false", &[], false),
    ]);
}

#[test]
fn absent_keys_and_sets() {
    check(&[
        ("StringEqualsIfExists", r#""a""#, &[], true),
        ("StringEqualsIfExists", r#""a""#, &["b"], false),
        ("BoolIfExists", r#""false""#, &[], true),
        ("ForAllValues:StringEquals", r#"["a","b"]"#, &["a", "b"], true),
        ("ForAllValues:StringEquals", r#"["a","b"]"#, &["a", "c"], false),
        ("ForAllValues:StringEquals", r#"["a","b"]"#, &[], true),
        ("ForAllValues:StringNotEquals", r#"["a","b"]"#, &["c", "d"], true),
        ("ForAllValues:StringNotEquals", r#"["a","b"]"#, &["c", "a"], false),
        ("ForAnyValue:StringEquals", r#"["a","b"]"#, &["c", "a"], true),
        ("ForAnyValue:StringEquals", r#"["a","b"]"#, &["c"], false),
        ("ForAnyValue:StringEquals", r#"["a","b"]"#, &[], false),
        ("ForAnyValue:StringNotEquals", r#"["a","b"]"#, &["a", "c"], true),
        ("ForAnyValue:StringNotEquals", r#"["a","b"]"#, &["a", "b"], false),
        ("ForAnyValue:StringLikeIfExists", r#""a*""#, &[], true),
    ]);
}

#[test]
fn all_lines_of_a_block_must_hold() {
    let both =
        r#""StringEquals":{"x:k":"a","aws:username":"ann"},"Bool":{"aws:PrincipalIsAWSService":"false"}"#;
    assert!(holds(both, &["a"]));
    assert!(!holds(both, &["b"]));
    assert!(!holds(&both.replace("ann", "bob"), &["a"]));
}

#[test]
fn keys_that_follow_from_the_request() {
    let cases = [
        (USER, r#""ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:user/ann"}"#, true),
        (USER, r#""StringEquals":{"aws:PrincipalAccount":"000000000001"}"#, true),
        (USER, r#""StringEquals":{"AWS:ResourceAccount":"000000000001"}"#, true),
        (USER, r#""StringEquals":{"aws:PrincipalType":"User"}"#, true),
        (USER, r#""StringEquals":{"aws:userid":"AIDAEXAMPLEEXAMPLE001"}"#, true),
        (USER, r#""DateGreaterThan":{"aws:CurrentTime":"2026-01-31T11:59:59Z"}"#, true),
        (USER, r#""NumericGreaterThan":{"aws:EpochTime":"1769860800"}"#, false),
        (crate::SESSION, r#""ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:role/worker"}"#, true),
        (crate::SESSION, r#""Null":{"aws:username":"true"}"#, true),
    ];
    for (principal, condition, expected) in cases {
        let fields = format!(r#""Effect":"Allow","Action":"*","Resource":"*","Condition":{{{condition}}}"#);
        let decision = ask(&principal, &identity(&[&fields]), None, &Context::new()).is_allowed();
        assert_eq!(decision, expected, "{condition}");
    }
    let service = Principal::service("sns.amazonaws.com");
    let policy = crate::statement(
        r#""Effect":"Allow","Principal":"*","Action":"*","Resource":"*",
            "Condition":{"StringEquals":{"aws:PrincipalServiceName":"sns.amazonaws.com"}}"#,
    );
    let own = identity(&[]);
    let held = Some((&policy, policy::ResourceRule::Grants));
    assert!(ask(&service, &own, held, &Context::new()).is_allowed());
}
