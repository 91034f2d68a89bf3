//! Properties: what the signer signs the verifier takes, and nothing that was changed afterwards.

use crate::{at, check, headers};
use proptest::prelude::*;
use signature::{
    AuthError, Credential, KeyCache, PayloadHash, Presented, RequestHead, Signer, presign, sign_header,
};

const STAMP: &str = "20260131T120000Z";

fn signer<'a>(cache: &'a KeyCache, service: &'a str, token: Option<&'a str>) -> Signer<'a> {
    Signer {
        access_key: "ASIAEXAMPLE",
        secret: "a secret",
        session_token: token,
        region: "eu-west-1",
        service,
        now: at(STAMP),
        cache,
    }
}

fn service() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("s3"), Just("sqs"), Just("execute-api")]
}

fn path() -> impl Strategy<Value = String> {
    "(/[a-zA-Z0-9%.~ +é*:@-]{0,8}){1,4}"
}

fn query() -> impl Strategy<Value = String> {
    "([a-zA-Z0-9%._+~-]{1,6}(=[a-zA-Z0-9%/:._+-]{0,6})?&?){0,4}"
}

proptest! {
    #[test]
    fn header_form(
        service in service(), path in path(), query in query(), body: Vec<u8>,
        value in "[ -~]{0,20}", token in proptest::option::of("[a-zA-Z0-9/+=]{1,40}"), changed in 0u8..6,
    ) {
        let cache = KeyCache::new();
        let mut headers = headers(&["Host: example.com", "X-Amz-Meta-A: b"]);
        headers.append("my-header", value.parse().unwrap());
        let payload = PayloadHash::of_body(&body);
        let signer = signer(&cache, service, token.as_deref());
        let signed = sign_header(&signer, ("PUT", &path, &query), &mut headers, &payload).unwrap();
        let head = RequestHead { method: "PUT", path: &path, query: &query, headers: &headers };
        let seen = check(&head, &body, "a secret", at(STAMP)).unwrap();
        prop_assert_eq!(Some(&seen), signed.as_ref());

        let mut other_headers = headers.clone();
        let (mut other_path, mut other_query) = (path.clone(), query.clone());
        let mut secret = "a secret";
        match changed {
            0 => { other_headers.insert("my-header", format!("{value}!").parse().unwrap()); }
            1 => other_path.push('x'),
            2 => other_query.push_str("&added=1"),
            3 => secret = "another",
            4 => { other_headers.insert("host", "example.org".parse().unwrap()); }
            _ => { other_headers.remove("x-amz-meta-a"); }
        }
        let other = RequestHead { method: "PUT", path: &other_path, query: &other_query, headers: &other_headers };
        let refusal = check(&other, &body, secret, at(STAMP)).unwrap_err();
        prop_assert!(matches!(refusal, AuthError::SignatureDoesNotMatch(_)), "{:?}", refusal);
    }

    #[test]
    fn presigned_form(
        service in service(), path in path(), query in query(), expires in 1u32..=604_800,
        token in proptest::option::of("[a-zA-Z0-9/+=]{1,40}"),
    ) {
        let cache = KeyCache::new();
        let headers = headers(&["Host: example.com"]);
        let head = RequestHead { method: "GET", path: &path, query: &query, headers: &headers };
        let payload = if service == "s3" { PayloadHash::Unsigned } else { PayloadHash::of_body(b"") };
        let signed = presign(&signer(&cache, service, token.as_deref()), &head, expires, &payload);
        let head = RequestHead { query: &signed, ..head };
        let seen = check(&head, b"", "a secret", at(STAMP).plus_millis(i64::from(expires) * 1000)).unwrap();
        prop_assert_eq!(seen.session_token, token);
        prop_assert!(check(&head, b"", "a secret", at(STAMP).plus_millis(i64::from(expires) * 1000 + 1)).is_err());
        let posted = RequestHead { method: "POST", ..head };
        prop_assert!(check(&posted, b"", "a secret", at(STAMP)).is_err());
        let longer = signed.replace("X-Amz-Expires=", "X-Amz-Expires=1");
        let longer = RequestHead { query: &longer, ..head };
        prop_assert!(check(&longer, b"", "a secret", at(STAMP)).is_err());
    }

    #[test]
    fn any_text_is_answered(header in "(AWS4-HMAC-SHA256 )?[ -~]{0,60}", query in "(X-Amz-[A-Za-z]{4,12}=[ -~]{0,9}&?){0,6}") {
        let headers = headers(&[&format!("Authorization: {header}")]);
        let head = RequestHead { method: "GET", path: "/", query: &query, headers: &headers };
        let _ = Presented::find(&head, at(STAMP));
        let _ = Credential::glimpse(&head);
    }
}
