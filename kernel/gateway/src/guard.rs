//! A web page must not drive a region on loopback: Host and Origin are checked before anything else. Hosts
//! that are a user's own are open to the pages of all sites, as is a resource to those that it names.
//!
//! A page of any site can make a browser send requests to 127.0.0.1, either directly (it then bears the
//! page's Origin) or through a name that was rebound to loopback (it then bears that name as Host).

use crate::config::EdgeConfig;
use http::HeaderMap;

/// Names that only ever mean this machine, with all names under them: the public names that LocalStack's users have in
/// their code, which resolve to loopback, and those by which containers call their host, which nobody can register.
const LOCAL_NAMES: [&str; 5] = [
    "localhost",
    "localhost.localstack.cloud",
    "localhost.floci.io",
    "host.docker.internal",
    "host.containers.internal",
];

/// Suffixes of AWS's own hosts, which clients name when a resolver or proxy leads them here.
const AWS_SUFFIXES: [&str; 4] = ["amazonaws.com", "amazonaws.com.cn", "on.aws", "api.aws"];

fn is_under(host: &str, base: &str) -> bool {
    host.len() >= base.len()
        && host.is_char_boundary(host.len() - base.len())
        && host[host.len() - base.len()..].eq_ignore_ascii_case(base)
        && (host.len() == base.len() || host.as_bytes()[host.len() - base.len() - 1] == b'.')
}

/// The host without its port.
pub fn without_port(authority: &str) -> &str {
    if let Some(end) = authority.strip_prefix('[').and_then(|rest| rest.find(']')) {
        return &authority[..end + 2];
    }
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

fn is_address(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok()
}

fn is_allowed_host(host: &str, config: &EdgeConfig) -> bool {
    host.is_empty()
        || is_address(host)
        || !host.contains('.')
        || LOCAL_NAMES.iter().chain(&AWS_SUFFIXES).any(|base| is_under(host, base))
        || config.allowed_hosts.iter().any(|base| base == "*" || is_under(host, base))
}

fn is_allowed_origin(origin: &str, config: &EdgeConfig) -> bool {
    if config.allowed_origins.iter().any(|allowed| allowed == "*" || allowed == origin) {
        return true;
    }
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let host = without_port(authority);
    let local = LOCAL_NAMES.iter().any(|base| is_under(host, base))
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    matches!(scheme, "http" | "https") && local
}

/// Why a request is turned away for the host that it names; `None` for those that may come in.
pub fn refused_host(authority: &str, config: &EdgeConfig) -> Option<String> {
    let host = without_port(authority);
    (!is_allowed_host(host, config))
        .then(|| format!("The host {host} is not one of this region. Start it with --allow-host {host}."))
}

/// Why a request is turned away for the page that sends it; `None` for those that may come in.
pub fn refused_origin(headers: &HeaderMap, config: &EdgeConfig) -> Option<String> {
    let origin = headers.get(http::header::ORIGIN)?;
    let origin = origin.to_str().unwrap_or("null");
    (!is_allowed_origin(origin, config)).then(|| {
        format!("Pages of {origin} may not call this region. Start it with --allow-origin {origin}.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{IamMode, Profile};

    fn config() -> EdgeConfig {
        EdgeConfig {
            iam: IamMode::Warn,
            profile: Profile::Dev,
            allowed_hosts: vec!["elysium.test".into()],
            allowed_origins: vec!["https://app.example".into()],
            settle_looks: 1,
            version: "test",
            init: Default::default(),
            loads: None,
        }
    }

    #[test]
    fn hosts() {
        let come_in = [
            "localhost:4566",
            "bucket.s3.localhost:4566",
            "127.0.0.1:4566",
            "[::1]:4566",
            "sqs.us-east-1.amazonaws.com",
            "s3.localhost.localstack.cloud:4566",
            "host.containers.internal:4566",
            "elysium",
            "a.elysium.test",
            "",
        ];
        for host in come_in {
            assert_eq!(refused_host(host, &config()), None, "{host}");
        }
        for host in ["evil.example", "evillocalhost.com", "localhost.evil.example:4566", "xelysium.test"] {
            assert!(refused_host(host, &config()).is_some(), "{host}");
        }
    }

    #[test]
    fn origins() {
        let with = |origin: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::ORIGIN, origin.parse().unwrap());
            refused_origin(&headers, &config())
        };
        for origin in ["http://localhost:3000", "http://127.0.0.1:8080", "https://app.example"] {
            assert_eq!(with(origin), None, "{origin}");
        }
        for origin in ["https://evil.example", "null", "file://", "https://localhost.evil.example"] {
            assert!(with(origin).is_some(), "{origin}");
        }
        let open = EdgeConfig { allowed_origins: vec!["*".into()], ..config() };
        for origin in ["https://evil.example", "null", "file://", "chrome-extension://a"] {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::ORIGIN, origin.parse().unwrap());
            assert_eq!(refused_origin(&headers, &open), None, "{origin}");
        }
    }
}
