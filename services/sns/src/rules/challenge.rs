//! Endpoints that ask for a user and a password, which the subscription's URL holds: the answer to the challenge of
//! a 401 (SNS developer guide, "Fanout Amazon SNS notifications to HTTPS endpoints"; RFC 2617).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use service::{front, hex};

/// A user and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// Those of a URL, where it has any; the password may be left out.
    pub fn of(url: &str) -> Option<Self> {
        let rest = url.split_once("://")?.1;
        let authority = rest.split(['/', '?', '#']).next()?;
        let (user_info, _) = authority.rsplit_once('@')?;
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        // A plus sign is one here.
        let decoded = |text: &str| front::decoded(&text.replace('+', "%2B"));
        Some(Credentials { user: decoded(user), password: decoded(password) })
    }

    /// The `Authorization` that answers a challenge to a POST; `None` where it is of no kind that is known here.
    /// `drawn` is a text that no other request has.
    pub fn answer(&self, challenge: &str, path: &str, drawn: &str) -> Option<String> {
        let (scheme, parameters) = challenge.trim().split_once(' ').unwrap_or((challenge.trim(), ""));
        if scheme.eq_ignore_ascii_case("basic") {
            let plain = format!("{}:{}", self.user, self.password);
            return Some(format!("Basic {}", STANDARD.encode(plain)));
        }
        scheme
            .eq_ignore_ascii_case("digest")
            .then(|| self.digest(("POST", path), parameters, drawn))
            .flatten()
    }

    fn digest(&self, (method, path): (&str, &str), parameters: &str, drawn: &str) -> Option<String> {
        let (realm, nonce) = (parameter(parameters, "realm")?, parameter(parameters, "nonce")?);
        if parameter(parameters, "algorithm").is_some_and(|named| !named.eq_ignore_ascii_case("md5")) {
            return None;
        }
        let secret = md5(&[&self.user, realm, &self.password]);
        let asked = md5(&[method, path]);
        let protected =
            parameter(parameters, "qop").map(|kinds| kinds.split(',').any(|kind| kind.trim() == "auth"));
        let (response, more) = match protected {
            None => (md5(&[&secret, nonce, &asked]), String::new()),
            Some(true) => (
                md5(&[&secret, nonce, "00000001", drawn, "auth", &asked]),
                format!(", qop=auth, nc=00000001, cnonce=\"{drawn}\""),
            ),
            Some(false) => return None,
        };
        let opaque =
            parameter(parameters, "opaque").map(|text| format!(", opaque=\"{text}\"")).unwrap_or_default();
        let user = &self.user;
        Some(format!(
            "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{path}\", \
             response=\"{response}\"{more}{opaque}"
        ))
    }
}

fn md5(parts: &[&str]) -> String {
    hex(&Md5::digest(parts.join(":")))
}

/// A parameter of a challenge, without its quotes.
fn parameter<'c>(parameters: &'c str, name: &str) -> Option<&'c str> {
    let mut rest = parameters;
    loop {
        let (key, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_once(',').unwrap_or((value, "")),
        };
        if key.trim_matches([' ', ',']).eq_ignore_ascii_case(name) {
            return Some(value.trim());
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials { user: user.to_owned(), password: password.to_owned() }
    }

    #[test]
    fn of_urls() {
        assert_eq!(Credentials::of("https://u:p%40s@host/a@b"), Some(credentials("u", "p@s")));
        assert_eq!(Credentials::of("http://u@host:1/"), Some(credentials("u", "")));
        for plain in ["http://host/u:p@x", "host", "https://host?u@p"] {
            assert_eq!(Credentials::of(plain), None, "{plain}");
        }
    }

    /// The examples of RFC 2617, 2 and 3.5.
    #[test]
    fn challenges() {
        let basic = credentials("Aladdin", "open sesame").answer("Basic realm=\"WallyWorld\"", "/", "");
        assert_eq!(basic.unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let parameters = "realm=\"testrealm@host.com\", qop=\"auth,auth-int\", \
             nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc069c403ebaf9f0171e9517f40e41\"";
        let digest = credentials("Mufasa", "Circle Of Life")
            .digest(("GET", "/dir/index.html"), parameters, "0a4f113b")
            .unwrap();
        assert!(digest.contains("response=\"6629fae49393a05397450978507c4ef1\""), "{digest}");
        assert!(digest.ends_with("opaque=\"5ccc069c403ebaf9f0171e9517f40e41\""), "{digest}");
        for unknown in ["Bearer realm=\"a\"", "Digest nonce=\"n\"", "Digest realm=\"", ""] {
            assert_eq!(credentials("u", "p").answer(unknown, "/", "x"), None, "{unknown}");
        }
        let older = credentials("u", "p").answer("digest realm=r,nonce=n, algorithm=MD5", "/", "x").unwrap();
        assert!(
            older.starts_with("Digest username=\"u\", realm=\"r\"") && !older.contains("cnonce"),
            "{older}"
        );
    }
}
