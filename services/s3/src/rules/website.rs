//! Websites: which configurations are valid, and what a request to one comes to.
//! S3 User Guide, "Hosting a static website", "Configuring advanced conditional redirects".

use model_s3 as api;

/// Most routing rules of a website.
const MAX_RULES: usize = 50;

/// Why a configuration is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Against the schema.
    Shape,
    /// An argument that is not taken: its name and value.
    Argument(&'static str, &'static str, String),
    /// A rule cannot be.
    Request(String),
}

/// Holds a configuration against what S3 takes.
///
/// # Errors
/// What is wrong with it.
pub fn validate(site: &api::WebsiteConfiguration) -> Result<(), Fault> {
    if let Some(all) = &site.redirect_all_requests_to {
        let alone =
            site.index_document.is_none() && site.error_document.is_none() && site.routing_rules.is_none();
        return if alone { known(all.protocol.as_ref()) } else { Err(NOT_ALONE.argument("not null")) };
    }
    let index = site.index_document.as_ref().ok_or_else(|| NO_INDEX.argument("null"))?;
    if index.suffix.is_empty() || index.suffix.contains('/') {
        return Err(MALFORMED_INDEX.argument(&index.suffix));
    }
    if site.routing_rules.as_ref().is_some_and(Vec::is_empty) {
        return Err(Fault::Shape);
    }
    let rules = site.routing_rules.as_deref().unwrap_or_default();
    if rules.len() > MAX_RULES {
        return Err(Fault::Request(format!(
            "{} routing rules provided, the number of routing rules in a website configuration is limited to 50.",
            rules.len()
        )));
    }
    rules.iter().try_for_each(rule)
}

/// A refusal of an argument: what it says, and whose it is.
struct Refusal(&'static str, &'static str);

const NOT_ALONE: Refusal = Refusal(
    "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
    "RedirectAllRequestsTo",
);
const NO_INDEX: Refusal = Refusal(
    "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
    "IndexDocument",
);
const MALFORMED_INDEX: Refusal = Refusal("The IndexDocument Suffix is not well formed", "IndexDocument");

impl Refusal {
    fn argument(self, value: &str) -> Fault {
        Fault::Argument(self.0, self.1, value.to_owned())
    }
}

/// Recorded of AWS by LocalStack's test_validate_website_configuration.
fn known(protocol: Option<&api::Protocol>) -> Result<(), Fault> {
    if !matches!(protocol, Some(api::Protocol::Other(_))) {
        return Ok(());
    }
    let message = "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected \
                   automatically.";
    Err(Fault::Request(message.to_owned()))
}

fn rule(rule: &api::RoutingRule) -> Result<(), Fault> {
    let redirect = &rule.redirect;
    if redirect.replace_key_with.is_some() && redirect.replace_key_prefix_with.is_some() {
        return Err(Fault::Request(
            "You can only define ReplaceKeyPrefix or ReplaceKey but not both.".to_owned(),
        ));
    }
    known(redirect.protocol.as_ref())?;
    if rule.condition.as_ref().is_some_and(|condition| *condition == api::Condition::default()) {
        let message = "Condition cannot be empty. To redirect all requests without a condition, the condition element \
                       shouldn't be present.";
        return Err(Fault::Request(message.to_owned()));
    }
    let code = |text: &Option<String>, least: u16| {
        text.as_deref().is_none_or(|text| text.parse().is_ok_and(|code: u16| (least..600).contains(&code)))
    };
    let fine = code(&redirect.http_redirect_code, 301)
        && rule
            .condition
            .as_ref()
            .is_none_or(|condition| code(&condition.http_error_code_returned_equals, 400));
    if fine {
        Ok(())
    } else {
        Err(Fault::Request("The provided HTTP redirect code is not valid.".to_owned()))
    }
}

/// Where a request is sent instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirection {
    /// The status.
    pub status: u16,
    /// The address.
    pub location: String,
}

/// A request as rules see it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The scheme it came by.
    pub scheme: &'a str,
    /// The host it was sent to, with its port.
    pub host: &'a str,
    /// The key, or the folder where it ends with `/` or is empty.
    pub key: &'a str,
}

fn scheme<'a>(given: Option<&'a api::Protocol>, asked: &Asked<'a>) -> &'a str {
    given.map_or(asked.scheme, |protocol| protocol.as_str())
}

/// The key of what a request asks for: its path, or the index document of its folder.
pub fn key_of(site: &api::WebsiteConfiguration, path: &str) -> String {
    let suffix = site.index_document.as_ref().map_or("", |index| index.suffix.as_str());
    if path.is_empty() || path.ends_with('/') { format!("{path}{suffix}") } else { path.to_owned() }
}

/// Where every request is sent, if the whole website redirects.
pub fn redirects_all(site: &api::WebsiteConfiguration, asked: Asked<'_>) -> Option<Redirection> {
    let all = site.redirect_all_requests_to.as_ref()?;
    let scheme = scheme(all.protocol.as_ref(), &asked);
    Some(Redirection { status: 301, location: format!("{scheme}://{}/{}", all.host_name, asked.key) })
}

/// Where a rule sends a request: before an object is looked for, or with the status of the error that came
/// of it.
pub fn redirected(
    site: &api::WebsiteConfiguration,
    asked: Asked<'_>,
    error: Option<u16>,
) -> Option<Redirection> {
    let rules = site.routing_rules.as_deref().unwrap_or_default();
    let rule = rules.iter().find(|rule| {
        let condition = rule.condition.as_ref();
        let prefix = condition.and_then(|condition| condition.key_prefix_equals.as_deref());
        let code = condition.and_then(|condition| condition.http_error_code_returned_equals.as_deref());
        let code_fits = match (code, error) {
            (None, None) => true,
            (Some(code), Some(error)) => code.parse() == Ok(error),
            // A rule without a code was tried before.
            _ => false,
        };
        code_fits && prefix.is_none_or(|prefix| asked.key.starts_with(prefix))
    })?;
    let redirect = &rule.redirect;
    let prefix = rule.condition.as_ref().and_then(|condition| condition.key_prefix_equals.as_deref());
    let key = match (&redirect.replace_key_with, &redirect.replace_key_prefix_with) {
        (Some(key), _) => key.clone(),
        (None, Some(new)) => format!("{new}{}", &asked.key[prefix.unwrap_or("").len()..]),
        (None, None) => asked.key.to_owned(),
    };
    let host = redirect.host_name.as_deref().unwrap_or(asked.host);
    let status = redirect.http_redirect_code.as_deref().and_then(|code| code.parse().ok()).unwrap_or(301);
    Some(Redirection {
        status,
        location: format!("{}://{host}/{key}", scheme(redirect.protocol.as_ref(), &asked)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model_s3::*;

    fn site(rules: Vec<RoutingRule>) -> WebsiteConfiguration {
        WebsiteConfiguration {
            index_document: Some(IndexDocument { suffix: "index.html".into() }),
            routing_rules: Some(rules),
            ..Default::default()
        }
    }

    fn rule(prefix: Option<&str>, code: Option<&str>, redirect: Redirect) -> RoutingRule {
        let condition = Condition {
            key_prefix_equals: prefix.map(String::from),
            http_error_code_returned_equals: code.map(String::from),
        };
        RoutingRule { condition: Some(condition), redirect }
    }

    /// The three examples of the guide: a renamed folder, a removed one, errors to another host.
    #[test]
    fn the_guide() {
        let folder = Redirect { replace_key_prefix_with: Some("documents/".into()), ..Default::default() };
        let removed = Redirect { replace_key_with: Some("folderdeleted.html".into()), ..Default::default() };
        let elsewhere = Redirect {
            host_name: Some("ec2.example.com".into()),
            replace_key_prefix_with: Some("report-404/".into()),
            http_redirect_code: Some("302".into()),
            ..Default::default()
        };
        let site = site(vec![
            rule(Some("docs/"), None, folder),
            rule(Some("images/"), None, removed),
            rule(None, Some("404"), elsewhere),
        ]);
        assert_eq!(validate(&site), Ok(()));
        let to = |key, error| {
            let asked = Asked { scheme: "http", host: "b.s3-website.localhost:4566", key };
            redirected(&site, asked, error).map(|found| (found.status, found.location))
        };
        assert_eq!(
            to("docs/a.html", None),
            Some((301, "http://b.s3-website.localhost:4566/documents/a.html".into()))
        );
        assert_eq!(
            to("images/a.jpg", None),
            Some((301, "http://b.s3-website.localhost:4566/folderdeleted.html".into()))
        );
        assert_eq!(to("x", Some(404)), Some((302, "http://ec2.example.com/report-404/x".into())));
        assert_eq!(to("x", None), None);
        assert_eq!(to("x", Some(403)), None);
    }

    #[test]
    fn keys_and_whole_redirects() {
        let plain = site(vec![]);
        for (path, key) in [("", "index.html"), ("a/", "a/index.html"), ("a", "a")] {
            assert_eq!(key_of(&plain, path), key);
        }
        let all = RedirectAllRequestsTo { host_name: "example.com".into(), protocol: Some(Protocol::Https) };
        let whole = WebsiteConfiguration { redirect_all_requests_to: Some(all), ..Default::default() };
        assert_eq!(validate(&whole), Ok(()));
        let asked = Asked { scheme: "http", host: "h", key: "a" };
        assert_eq!(redirects_all(&whole, asked).unwrap().location, "https://example.com/a");
    }

    #[test]
    fn what_is_refused() {
        assert_eq!(validate(&WebsiteConfiguration::default()), Err(NO_INDEX.argument("null")));
        assert_eq!(validate(&site(vec![])), Err(Fault::Shape));
        let slash = WebsiteConfiguration {
            index_document: Some(IndexDocument { suffix: "a/b".into() }),
            ..Default::default()
        };
        assert_eq!(validate(&slash), Err(MALFORMED_INDEX.argument("a/b")));
        let both = Redirect {
            replace_key_with: Some("a".into()),
            replace_key_prefix_with: Some("b".into()),
            ..Default::default()
        };
        assert!(matches!(validate(&site(vec![rule(Some("x"), None, both)])), Err(Fault::Request(_))));
    }
}
