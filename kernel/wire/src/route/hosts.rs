//! What a host name says: a service, a label of a path (a bucket), or a place whose every path is a user's.

/// The host names of the region.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Names under which the region itself is reached, without a service's: `localhost`,
    /// `localhost.localstack.cloud`. A label in front of one of them is a host label (a bucket).
    pub bases: Vec<String>,
    /// Labels that mark hosts whose every path is a user's own: `execute-api`, `lambda-url`.
    pub marks: Vec<&'static str>,
}

/// A host that serves a user's own paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRoute {
    /// The mark: `execute-api`.
    pub mark: &'static str,
    /// What stands before it: the API's id.
    pub id: String,
}

/// A host name without its port, in lower case, and its labels.
pub(super) struct Host {
    name: String,
}

impl Host {
    /// `None` for addresses and names of one label: they say nothing.
    pub(super) fn parse(host: &str) -> Option<Host> {
        let name = host.rsplit_once(':').map_or(host, |(name, port)| {
            let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
            if is_port { name } else { host }
        });
        let name = name.trim_end_matches('.');
        let address = name.starts_with('[') || name.split('.').all(|label| label.parse::<u8>().is_ok());
        let tells = name.contains('.') && !address && name.len() <= 255;
        tells.then(|| Host { name: name.to_ascii_lowercase() })
    }

    fn labels(&self) -> Vec<&str> {
        self.name.split('.').collect()
    }

    /// A user's own host: a mark behind at least one label.
    pub(super) fn marked(&self, rules: &Rules) -> Option<HostRoute> {
        let labels = self.labels();
        let found = |label: &str, mark: &str| {
            label == mark || label.strip_prefix(mark).is_some_and(|rest| rest.starts_with('-'))
        };
        rules.marks.iter().find_map(|mark| {
            let at = labels.iter().rposition(|label| found(label, mark)).filter(|at| *at > 0)?;
            Some(HostRoute { mark, id: labels[..at].join(".") })
        })
    }

    /// The places in the first labels where a service's name may stand: `sqs` in `sqs.eu-west-1.…`,
    /// `api.ecr` in `api.ecr.…`. A service's name is never the whole host.
    pub(super) fn service_names(&self) -> Vec<String> {
        let labels = self.labels();
        let leading = labels.len().saturating_sub(1).min(3);
        let mut names: Vec<String> = Vec::new();
        for at in 0..leading {
            if at + 1 < labels.len() - 1 {
                names.push(labels[at..=at + 1].join("."));
            }
            names.push(labels[at].to_owned());
        }
        names
    }

    /// The labels before a service's name: a bucket in `bucket.s3.…`. The name also stands with a region
    /// behind a dash, as in `s3-eu-west-1`.
    pub(super) fn label_before_service(&self, prefix: &str) -> Option<String> {
        let labels = self.labels();
        let names_service = |label: &str| {
            label == prefix || label.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('-'))
        };
        // A bucket's name may itself have labels: the last mark is the service's.
        let at = labels.iter().rposition(|label| names_service(label)).filter(|at| *at > 0)?;
        Some(labels[..at].join("."))
    }

    /// The labels before one of the region's own names: a bucket in `bucket.localhost`, where it is no
    /// service's name.
    pub(super) fn label_before_base(&self, rules: &Rules) -> Option<String> {
        let before = |base: &String| self.name.strip_suffix(base.as_str())?.strip_suffix('.');
        // The longest base leaves the shortest label.
        let label = rules.bases.iter().filter_map(before).min_by_key(|label| label.len());
        label.filter(|label| !label.is_empty()).map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        let bases = ["localhost", "localhost.localstack.cloud"].map(str::to_owned).to_vec();
        Rules { bases, marks: vec!["execute-api", "lambda-url"] }
    }

    #[test]
    fn buckets() {
        let table = [
            ("photos.s3.localhost.localstack.cloud:4566", Some("photos")),
            ("my.photos.s3.eu-west-1.amazonaws.com", Some("my.photos")),
            ("photos.s3-eu-west-1.amazonaws.com", Some("photos")),
            ("photos.localhost:4566", Some("photos")),
            ("s3.localhost:4566", Some("s3")),
            ("localhost.localstack.cloud", None),
            ("example.com", None),
            ("s3.s3.localhost", Some("s3")),
        ];
        for (host, expect) in table {
            let found = Host::parse(host).and_then(|host| {
                host.label_before_service("s3").or_else(|| host.label_before_base(&rules()))
            });
            assert_eq!(found.as_deref(), expect, "{host}");
        }
        for host in ["localhost:4566", "127.0.0.1:4566", "[::1]:4566", "::1", ""] {
            assert!(Host::parse(host).is_none(), "{host}");
        }
    }

    #[test]
    fn marks() {
        let marked = |host: &str| Host::parse(host).and_then(|host| host.marked(&rules()));
        let found = marked("a1b2c3.execute-api.eu-west-1.localhost.localstack.cloud:4566").unwrap();
        assert_eq!((found.mark, found.id.as_str()), ("execute-api", "a1b2c3"));
        assert_eq!(marked("execute-api.eu-west-1.amazonaws.com"), None);
        assert_eq!(marked("a1b2c3.lambda-url.localhost").map(|found| found.mark), Some("lambda-url"));
    }
}
