//! The URLs that queues are told by: in one of the forms that LocalStack's users know (`SQS_ENDPOINT_STRATEGY`),
//! always with scheme, port and, where it is a name, host as the client used them.

use names::{AccountId, Region};
use std::net::IpAddr;

/// How the URL of a queue is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UrlForm {
    /// `{host}/{account}/{name}`, by the host that the client used, whatever that is.
    #[default]
    Off,
    /// `sqs.{region}.{host}/{account}/{name}`
    Standard,
    /// `{region}.queue.{host}/{account}/{name}`
    Domain,
    /// `{host}/queue/{region}/{account}/{name}`
    Path,
    /// In the form of the host that the client used; as `Path` where that has none.
    Dynamic,
}

impl UrlForm {
    /// The form of a name.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "off" => Some(UrlForm::Off),
            "standard" => Some(UrlForm::Standard),
            "domain" => Some(UrlForm::Domain),
            "path" => Some(UrlForm::Path),
            "dynamic" => Some(UrlForm::Dynamic),
            _ => None,
        }
    }
}

/// A host name in whose stead labels can stand before an address, which takes none.
const NAMED_LOOPBACK: &str = "localhost.localstack.cloud";

/// An origin in its parts: the form that its host has, and the host without it.
struct Origin<'a> {
    scheme: &'a str,
    form: Option<UrlForm>,
    host: &'a str,
    /// With its colon, where there is one.
    port: &'a str,
}

fn read(origin: &str) -> Origin<'_> {
    let (scheme, authority) = origin.split_once("://").unwrap_or(("http", origin));
    let end_of_host = authority.rfind(']').map_or(0, |at| at + 1);
    let at = authority[end_of_host..].find(':').map_or(authority.len(), |at| end_of_host + at);
    let (host, port) = authority.split_at(at);
    let mut labels = host.splitn(3, '.');
    let (form, host) = match (labels.next(), labels.next(), labels.next()) {
        (Some("sqs"), Some(_), Some(rest)) => (Some(UrlForm::Standard), rest),
        (Some(_), Some("queue"), Some(rest)) => (Some(UrlForm::Domain), rest),
        _ => (None, host),
    };
    Origin { scheme, form, host, port }
}

/// The URL of a queue, for a client that used an origin in a region.
pub fn url(form: UrlForm, origin: &str, used: &Region, of: (&Region, AccountId), name: &str) -> String {
    let (region, account) = of;
    let Origin { scheme, form: found, host, port } = read(origin);
    let bare = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let named = if bare.is_ok() || host == "localhost" { NAMED_LOOPBACK } else { host };
    match (form, found) {
        (UrlForm::Off, _) if region == used => format!("{origin}/{account}/{name}"),
        // The host that the client used is that of another region: the path says which one it is.
        (UrlForm::Off, _) => format!("{origin}/queue/{region}/{account}/{name}"),
        (UrlForm::Standard, _) | (UrlForm::Dynamic, Some(UrlForm::Standard)) => {
            format!("{scheme}://sqs.{region}.{named}{port}/{account}/{name}")
        }
        (UrlForm::Domain, _) | (UrlForm::Dynamic, Some(UrlForm::Domain)) => {
            format!("{scheme}://{region}.queue.{named}{port}/{account}/{name}")
        }
        (UrlForm::Path | UrlForm::Dynamic, _) => {
            format!("{scheme}://{host}{port}/queue/{region}/{account}/{name}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::names::{OfUrl, of_url};

    /// The forms are those of LocalStack's documentation of SQS, "Queue URLs".
    #[test]
    fn every_form_by_every_host() {
        let (home, account) = (Region::default(), "000000000042".parse().unwrap());
        let other: Region = "eu-west-1".parse().unwrap();
        let (local, own) = ("http://localhost:4566", "https://example.test");
        let cloud = "http://localhost.localstack.cloud:4566";
        let (standard, domain) =
            ("http://sqs.us-east-1.example.test:1", "http://eu-west-1.queue.localhost.localstack.cloud:4566");
        let table = [
            ("off", local, &home, "http://localhost:4566/000000000042/q"),
            ("off", local, &other, "http://localhost:4566/queue/eu-west-1/000000000042/q"),
            ("off", standard, &home, "http://sqs.us-east-1.example.test:1/000000000042/q"),
            ("standard", local, &home, "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000042/q"),
            (
                "standard",
                cloud,
                &other,
                "http://sqs.eu-west-1.localhost.localstack.cloud:4566/000000000042/q",
            ),
            ("standard", own, &home, "https://sqs.us-east-1.example.test/000000000042/q"),
            (
                "standard",
                domain,
                &other,
                "http://sqs.eu-west-1.localhost.localstack.cloud:4566/000000000042/q",
            ),
            (
                "domain",
                "http://127.0.0.1:4566",
                &home,
                "http://us-east-1.queue.localhost.localstack.cloud:4566/000000000042/q",
            ),
            (
                "domain",
                "http://[::1]:4566",
                &home,
                "http://us-east-1.queue.localhost.localstack.cloud:4566/000000000042/q",
            ),
            ("domain", standard, &home, "http://us-east-1.queue.example.test:1/000000000042/q"),
            ("path", "http://[::1]:4566", &home, "http://[::1]:4566/queue/us-east-1/000000000042/q"),
            ("path", standard, &home, "http://example.test:1/queue/us-east-1/000000000042/q"),
            ("dynamic", local, &home, "http://localhost:4566/queue/us-east-1/000000000042/q"),
            ("dynamic", standard, &home, "http://sqs.us-east-1.example.test:1/000000000042/q"),
            (
                "dynamic",
                domain,
                &other,
                "http://eu-west-1.queue.localhost.localstack.cloud:4566/000000000042/q",
            ),
        ];
        for (form, origin, region, expect) in table {
            let url = url(UrlForm::of(form).unwrap(), origin, &home, (region, account), "q");
            assert_eq!(url, expect, "{form} {origin}");
            let OfUrl { region: read, account: owner, name } = of_url(&url);
            assert!(read.is_none_or(|read| read == *region), "{url}");
            assert_eq!((owner, name), (Some(account), "q"), "{url}");
        }
    }
}
