//! The steps by which a request finds its operation.
//!
//! In order: a user's own host, the rpc-v2 path, `X-Amz-Target`, the credential scope, the host name, then
//! the query `Action` and the path among all services. Where services share a name, `Version` and the more
//! specific path decide, then the order in which the services are listed.

use super::hosts::{Host, HostRoute, Rules};
use super::select::{Asked, methods, misfit, select};
use super::template::{Leaf, compile};
use super::trie::{Match, Segments, Trie};
use super::{Route, Routed, Routing};
use crate::message::Head;
use crate::query::Pairs;
use crate::{AnswerForm, Malformed, uri};
use http::HeaderName;
use http::header::AUTHORIZATION;
use schema::{ApiError, Protocol, ServiceShape};
use std::borrow::Cow;
use std::collections::HashMap;

/// A request that means no operation.
#[derive(Debug)]
pub struct Unroutable {
    /// The form its answer must have.
    pub form: AnswerForm,
    /// What is answered.
    pub error: Box<ApiError>,
}

impl Unroutable {
    /// A request that ends before its operation is known.
    pub fn of(form: AnswerForm, error: ApiError) -> Self {
        Unroutable::new(form, error)
    }

    fn new(form: AnswerForm, error: ApiError) -> Self {
        Unroutable { form, error: Box::new(error) }
    }
}

/// All services of the region, by every way of naming them.
pub struct Router {
    services: Vec<Known>,
    rules: Rules,
    targets: HashMap<&'static str, usize>,
    rpc_names: HashMap<&'static str, usize>,
    signing_names: HashMap<&'static str, Vec<usize>>,
    prefixes: HashMap<&'static str, Vec<usize>>,
}

struct Known {
    shape: &'static ServiceShape,
    operations: HashMap<&'static str, Routed>,
    paths: Trie,
}

impl Known {
    fn new(shape: &'static ServiceShape) -> Self {
        let served = shape.operations.iter().map(|operation| Routed::Served(operation));
        let unserved = shape.unserved.iter().map(Routed::Unserved);
        let (mut operations, mut paths) = (HashMap::new(), Trie::default());
        for operation in served.chain(unserved) {
            operations.insert(operation.name(), operation);
            let (segments, mut leaf) = compile(operation);
            let apart = shape.dialect.also_signed.filter(|(_, only)| *only == operation.name());
            leaf.apart = apart.map(|(name, _)| name);
            paths.insert(&segments, leaf);
        }
        Known { shape, operations, paths }
    }

    fn speaks(&self, protocols: &[Protocol]) -> Option<Protocol> {
        self.shape.protocols.iter().find(|protocol| protocols.contains(protocol)).copied()
    }

    fn first_protocol(&self) -> Protocol {
        self.shape.protocols.first().copied().unwrap_or(Protocol::RestJson1)
    }
}

static AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");
static SMITHY_PROTOCOL: HeaderName = HeaderName::from_static("smithy-protocol");

const FORMS: [Protocol; 2] = [Protocol::AwsQuery, Protocol::Ec2Query];
const JSON: [Protocol; 2] = [Protocol::AwsJson10, Protocol::AwsJson11];
const REST: [Protocol; 2] = [Protocol::RestJson1, Protocol::RestXml];

/// The services that a request may mean: by name, or all of them where nothing names one.
struct Candidates<'a> {
    indexes: Cow<'a, [usize]>,
    named: bool,
}

impl Router {
    /// A router over services: where a request could mean several, the one listed first.
    pub fn new(services: &[&'static ServiceShape], rules: Rules) -> Self {
        let mut router = Router {
            services: Vec::with_capacity(services.len()),
            rules,
            targets: HashMap::new(),
            rpc_names: HashMap::new(),
            signing_names: HashMap::new(),
            prefixes: HashMap::new(),
        };
        for (index, shape) in services.iter().enumerate() {
            router.services.push(Known::new(shape));
            if let Some(target) = shape.target_prefix {
                router.targets.entry(target).or_insert(index);
            }
            if let Some(name) = shape.rpc_name {
                router.rpc_names.entry(name).or_insert(index);
            }
            router.signing_names.entry(shape.signing_name).or_default().push(index);
            router.prefixes.entry(shape.endpoint_prefix).or_default().push(index);
            if let Some((name, _)) = shape.dialect.also_signed {
                router.signing_names.entry(name).or_default().push(index);
            }
        }
        router
    }

    /// Where a host's every path is a user's own.
    pub fn users_host(&self, host: &str) -> Option<HostRoute> {
        Host::parse(host)?.marked(&self.rules)
    }

    /// The operation that a request means, from its head.
    pub fn route(&self, head: &Head<'_>) -> Result<Routing, Unroutable> {
        let host = Host::parse(head.host);
        if let Some(found) = host.as_ref().and_then(|host| host.marked(&self.rules)) {
            return Ok(Routing::Host(found));
        }
        // A client that cannot tell the service from the host signs for one without a name. Whatever the scope
        // says, a target names its service.
        let scope = scope_service(head);
        let is_absent = |name: &&str| {
            !name.is_empty() && !self.signing_names.contains_key(name) && self.targeted(head).is_none()
        };
        if let Some(absent) = scope.as_deref().filter(is_absent) {
            return Err(absent_service(head, absent));
        }
        if let Some(result) = self.by_rpc_path(head).or_else(|| self.by_target(head)) {
            return result.map(Routing::Operation);
        }
        let candidates = self.candidates(scope.as_deref(), host.as_ref());
        let speaks_forms = |index: &usize| self.services[*index].speaks(&FORMS).is_some();
        if candidates.indexes.iter().any(speaks_forms) {
            if let Some(action) = uri::value_of(head.query, "Action") {
                let version = uri::value_of(head.query, "Version");
                let found = self.by_action(head, &candidates, &action, version.as_deref());
                if let Some(result) = found {
                    return result.map(Routing::Operation);
                }
            } else if head.method == "POST"
                && head.content_type() == Some("application/x-www-form-urlencoded")
            {
                return Ok(Routing::NeedsBody);
            }
        }
        let asked = Asked { head, scope, query: uri::pairs(head.query).unwrap_or_default() };
        self.by_path(&asked, host.as_ref(), &candidates).map(Routing::Operation)
    }

    /// The service that a target, a credential scope or the host names, whatever else the request says.
    pub fn addressed(&self, head: &Head<'_>) -> Option<&'static ServiceShape> {
        let index = self.targeted(head).or_else(|| {
            let candidates = self.candidates(scope_service(head).as_deref(), Host::parse(head.host).as_ref());
            candidates.indexes.first().copied().filter(|_| candidates.named)
        })?;
        Some(self.services[index].shape)
    }

    /// The service that a target names.
    fn targeted(&self, head: &Head<'_>) -> Option<usize> {
        let (prefix, _) = head.header(&AMZ_TARGET)?.rsplit_once('.')?;
        self.targets.get(prefix).copied()
    }

    /// The operation that a form-encoded request means, from its head and body.
    pub fn route_form(&self, head: &Head<'_>, body: &[u8]) -> Result<Route, Unroutable> {
        let (host, scope) = (Host::parse(head.host), scope_service(head));
        let candidates = self.candidates(scope.as_deref(), host.as_ref());
        // Most forms say plainly what they want: what else stands there is read once, with the operation's input.
        let form = std::str::from_utf8(body).ok().filter(|form| !Pairs::are_too_many(head.query, form));
        let plain = form.and_then(|form| Some((form, uri::value_of(form, "Action")?)));
        if let Some((form, action)) = plain {
            let version = uri::value_of(form, "Version").or_else(|| uri::value_of(head.query, "Version"));
            if let Some(Ok(route)) = self.by_action(head, &candidates, &action, version.as_deref()) {
                return Ok(route);
            }
        }
        let refuse = |malformed: Malformed| {
            let known = candidates.indexes.iter().map(|index| &self.services[*index]);
            let form = known.filter_map(|known| Some(self.form(head, known, known.speaks(&FORMS)?))).next();
            let form = form.unwrap_or(AnswerForm::bare(Protocol::AwsQuery));
            Unroutable::new(form, malformed.into_error(form.protocol))
        };
        let pairs = Pairs::read(head.query, body).map_err(refuse)?;
        if let Some(action) = pairs.value("Action")
            && let Some(result) = self.by_action(head, &candidates, action, pairs.value("Version"))
        {
            return result;
        }
        let asked = Asked { head, scope, query: uri::pairs(head.query).unwrap_or_default() };
        self.by_path(&asked, host.as_ref(), &candidates)
    }

    fn by_rpc_path(&self, head: &Head<'_>) -> Option<Result<Route, Unroutable>> {
        if head.header(&SMITHY_PROTOCOL) != Some("rpc-v2-cbor") {
            return None;
        }
        // The path may have a prefix; its last four segments count.
        let mut parts = head.path.rsplit('/');
        let (operation, mark, service, root) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        if mark != "operation" || root != "service" {
            return None;
        }
        let known = &self.services[*self.rpc_names.get(service)?];
        Some(self.named(head, known, Protocol::RpcV2Cbor, operation))
    }

    fn by_target(&self, head: &Head<'_>) -> Option<Result<Route, Unroutable>> {
        let target = head.header(&AMZ_TARGET)?;
        let known = target
            .rsplit_once('.')
            .and_then(|(prefix, operation)| Some((&self.services[*self.targets.get(prefix)?], operation)));
        let said = match head.content_type() {
            Some("application/x-amz-json-1.0") => Some(Protocol::AwsJson10),
            Some("application/x-amz-json-1.1") => Some(Protocol::AwsJson11),
            _ => None,
        };
        let Some((known, operation)) = known else {
            let form = AnswerForm::bare(said.unwrap_or(Protocol::AwsJson10));
            return Some(Err(Unroutable::new(form, unknown_operation(form.protocol, target))));
        };
        let protocol = said.or_else(|| known.speaks(&JSON)).unwrap_or(Protocol::AwsJson10);
        Some(self.named(head, known, protocol, operation))
    }

    fn named(
        &self,
        head: &Head<'_>,
        known: &Known,
        protocol: Protocol,
        operation: &str,
    ) -> Result<Route, Unroutable> {
        match known.operations.get(operation) {
            Some(routed) => Ok(Route {
                service: known.shape,
                operation: *routed,
                protocol,
                labels: Vec::new(),
                head: false,
                json: wants_json(head, protocol),
            }),
            None => {
                let form = self.form(head, known, protocol);
                Err(Unroutable::new(form, unknown_operation(protocol, operation)))
            }
        }
    }

    fn form(&self, head: &Head<'_>, known: &Known, protocol: Protocol) -> AnswerForm {
        AnswerForm { json: wants_json(head, protocol), ..form(head, protocol, Some(known.shape)) }
    }

    /// The services that a credential scope names, else the host.
    fn candidates(&self, scope: Option<&str>, host: Option<&Host>) -> Candidates<'_> {
        let by_scope = scope.and_then(|name| self.signing_names.get(name));
        let labelled = |index: &usize| self.host_label(host, self.services[*index].shape).is_some();
        let all = 0..self.services.len();
        let found = by_scope.map(|indexes| Cow::Borrowed(&indexes[..])).or_else(|| {
            let labelled: Vec<usize> = all.clone().filter(labelled).collect();
            if labelled.is_empty() {
                self.named_by_host(host).map(|indexes| Cow::Borrowed(&indexes[..]))
            } else {
                Some(Cow::Owned(labelled))
            }
        });
        match found {
            Some(indexes) => Candidates { indexes, named: true },
            None => Candidates { indexes: all.collect(), named: false },
        }
    }

    fn named_by_host(&self, host: Option<&Host>) -> Option<&Vec<usize>> {
        host?.service_names().iter().find_map(|name| self.prefixes.get(name.as_str()))
    }

    /// The label that the host gives to a service that takes one there: `bucket` of `bucket.s3.…`, or of
    /// `bucket.localhost` where the host names no service (`sqs.localhost`).
    fn host_label(&self, host: Option<&Host>, shape: &ServiceShape) -> Option<String> {
        let host = host.filter(|_| shape.dialect.host_label.is_some())?;
        let second = || shape.dialect.also_signed.and_then(|(name, _)| host.label_before_service(name));
        host.label_before_service(shape.endpoint_prefix).or_else(second).or_else(|| {
            let unnamed = self.named_by_host(Some(host)).is_none();
            host.label_before_base(&self.rules).filter(|_| unnamed)
        })
    }

    /// By `Action`: among services that have it, one of that version first. `None` if the request may
    /// still be meant for a path.
    fn by_action(
        &self,
        head: &Head<'_>,
        candidates: &Candidates<'_>,
        action: &str,
        version: Option<&str>,
    ) -> Option<Result<Route, Unroutable>> {
        let speaking = candidates.indexes.iter().map(|index| &self.services[*index]);
        let speaking = speaking.filter_map(|known| Some((known, known.speaks(&FORMS)?)));
        let having = speaking.clone().filter(|(known, _)| known.operations.contains_key(action));
        let versioned = |(known, _): &(&Known, Protocol)| Some(known.shape.api_version) == version;
        let found = having.clone().find(versioned).or_else(|| having.clone().next());
        if let Some((known, protocol)) = found {
            if is_none_of_url(known.shape, head, action) {
                let form = self.form(head, known, protocol);
                let error = invalid_action((known.shape, protocol), action, version);
                return Some(Err(Unroutable::new(form, error)));
            }
            return Some(self.named(head, known, protocol, action).map(|mut route| {
                route.labels.extend(url_member(known.shape, head));
                route
            }));
        }
        let (known, protocol) = candidates.named.then(|| speaking.clone().next()).flatten()?;
        let form = self.form(head, known, protocol);
        Some(Err(Unroutable::new(form, invalid_action((known.shape, protocol), action, version))))
    }

    /// By the path, among services with paths.
    fn by_path(
        &self,
        asked: &Asked<'_>,
        host: Option<&Host>,
        candidates: &Candidates<'_>,
    ) -> Result<Route, Unroutable> {
        let known = || candidates.indexes.iter().map(|index| &self.services[*index]);
        let head = asked.head;
        let mut best: Option<(usize, Route)> = None;
        let mut place: Option<Place<'_>> = None;
        for (known, protocol) in known().filter_map(|known| Some((known, known.speaks(&REST)?))) {
            let path = self.path_with_host_label(head, host, known.shape);
            let segments = Segments::new(&path);
            let mut failure = None;
            known.paths.visit(&segments, &mut |found| {
                if place.as_ref().is_none_or(|place| place.literals < found.literals) {
                    place = Some(Place::of(known, &found));
                }
                let all_keys = known.shape.dialect.bare_errors;
                let Some(leaf) = select(found.leaves, asked, all_keys) else { return false };
                if best.as_ref().is_none_or(|(literals, _)| *literals < found.literals) {
                    match labels(leaf, &found.values) {
                        Ok(labels) => {
                            let route = Route {
                                service: known.shape,
                                operation: leaf.operation,
                                protocol,
                                labels,
                                head: head.method == "HEAD",
                                json: false,
                            };
                            best = Some((found.literals, route));
                        }
                        Err(malformed) => failure = Some(malformed),
                    }
                }
                true
            });
            if let Some(malformed) = failure {
                let form = self.form(head, known, protocol);
                return Err(Unroutable::new(form, ApiError::new("InvalidURI", 400, malformed.message)));
            }
        }
        let is_of = |place: &&Place<'_>| {
            best.as_ref().is_none_or(|(_, route)| std::ptr::eq(route.service, place.service))
        };
        if let Some(place) = place.as_ref().filter(is_of)
            && let Some(error) = misfit(place.service.dialect.misfits, asked, place.labels)
        {
            return Err(Unroutable::new(form(head, place.protocol, Some(place.service)), error));
        }
        best.map(|(_, route)| route).ok_or_else(|| {
            if let Some(refused) = self.no_form(head, host, candidates) {
                return refused;
            }
            let (protocol, service) = match (known().next(), &place) {
                (Some(known), _) if candidates.named => (known.first_protocol(), Some(known.shape)),
                // Nothing names a service but its path.
                (_, Some(place)) => (place.protocol, Some(place.service)),
                // The answer is one that browsers and tools can read.
                _ => (Protocol::RestJson1, None),
            };
            Unroutable::new(form(head, protocol, service), no_operation(protocol, place, head))
        })
    }

    /// What is posted to the place of a service's forms, and is none.
    fn no_form(
        &self,
        head: &Head<'_>,
        host: Option<&Host>,
        candidates: &Candidates<'_>,
    ) -> Option<Unroutable> {
        let mut known = candidates.indexes.iter().map(|index| &self.services[*index]);
        let known = known.find(|known| known.shape.dialect.form_upload.is_some())?;
        let path = self.path_with_host_label(head, host, known.shape);
        let place = path.trim_matches('/');
        if head.method != "POST" || place.is_empty() || place.contains('/') {
            return None;
        }
        // Recorded of AWS by LocalStack's test_post_object_with_wrong_content_type.
        let message = "At least one of the pre-conditions you specified did not hold";
        let error = ApiError::new("PreconditionFailed", 412, message)
            .field("Condition", "Bucket POST must be of the enclosure-type multipart/form-data");
        Some(Unroutable::new(self.form(head, known, known.first_protocol()), error))
    }

    /// The path, with the host's label in front where the service takes one there.
    fn path_with_host_label<'h>(
        &self,
        head: &Head<'h>,
        host: Option<&Host>,
        shape: &ServiceShape,
    ) -> Cow<'h, str> {
        match self.host_label(host, shape) {
            Some(label) => Cow::Owned(format!("/{label}{}", head.path)),
            None => Cow::Borrowed(head.path),
        }
    }
}

fn labels(leaf: &Leaf, values: &[&str]) -> Result<Vec<(&'static str, String)>, Malformed> {
    let pairs = leaf.labels.iter().zip(values);
    pairs.map(|(name, raw)| Ok((*name, uri::decode(raw)?.into_owned()))).collect()
}

/// The service of the credential scope, in the `Authorization` header or the presigned query.
fn scope_service<'h>(head: &Head<'h>) -> Option<Cow<'h, str>> {
    let in_header = head.header(AUTHORIZATION).and_then(|text| {
        let first = text.strip_prefix("AWS4-HMAC-SHA256 Credential=");
        let rest = first.or_else(|| Some(text.split_once("Credential=")?.1))?;
        let end = memchr::memchr2(b',', b' ', rest.as_bytes()).unwrap_or(rest.len());
        Some(Cow::Borrowed(&rest[..end]))
    });
    let credential = in_header.or_else(|| uri::value_of(head.query, "X-Amz-Credential"))?;
    // Access key, date, region, service, `aws4_request`: the key comes first and may hold anything.
    match credential {
        Cow::Borrowed(text) => last_but_one(text).map(Cow::Borrowed),
        Cow::Owned(text) => last_but_one(&text).map(|service| Cow::Owned(service.to_owned())),
    }
}

fn last_but_one(credential: &str) -> Option<&str> {
    let (rest, _end) = credential.rsplit_once('/')?;
    Some(rest.rsplit_once('/').map_or(rest, |(_, service)| service))
}

/// The answer to a request that is signed for a service which is not here: in the form that its content
/// type tells of.
fn absent_service(head: &Head<'_>, name: &str) -> Unroutable {
    let protocol = match head.content_type() {
        Some("application/x-amz-json-1.0") => Protocol::AwsJson10,
        Some("application/x-amz-json-1.1") => Protocol::AwsJson11,
        Some("application/x-www-form-urlencoded") => Protocol::AwsQuery,
        Some("application/cbor") => Protocol::RpcV2Cbor,
        Some("application/xml" | "text/xml") => Protocol::RestXml,
        _ => Protocol::RestJson1,
    };
    let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    let message = format!("The service {name} is not implemented in this region yet.");
    Unroutable::new(AnswerForm::bare(protocol), ApiError::new("NotImplemented", 501, message))
}

/// The member that the request's own URL stands for, where the service has one and the path names something.
fn url_member(shape: &ServiceShape, head: &Head<'_>) -> Option<(&'static str, String)> {
    let member = shape.dialect.url_member.filter(|_| is_named(head))?;
    Some((member, format!("http://{}{}", head.host, head.path)))
}

/// Whether an operation is asked of a member's URL that has it not.
fn is_none_of_url(shape: &ServiceShape, head: &Head<'_>, action: &str) -> bool {
    let mut others = shape.dialect.not_of_url.unwrap_or_default().split(' ');
    others.any(|other| other == action) && is_named(head)
}

/// Whether the URL may be a member's: it has more than one segment.
fn is_named(head: &Head<'_>) -> bool {
    head.path.trim_matches('/').contains('/')
}

/// Whether who speaks query likes JSON best: API Gateway's integrations, and clients that read no XML.
fn wants_json(head: &Head<'_>, protocol: Protocol) -> bool {
    let first = || head.header("accept")?.split([',', ';']).next();
    protocol == Protocol::AwsQuery && first().is_some_and(|kind| kind.trim() == "application/json")
}

fn unknown_operation(protocol: Protocol, operation: &str) -> ApiError {
    let shown: String = operation.chars().take(200).collect();
    let status = if protocol == Protocol::RpcV2Cbor { 404 } else { 400 };
    ApiError::new("UnknownOperationException", status, format!("The operation {shown} is not known"))
}

fn invalid_action(
    (service, protocol): (&ServiceShape, Protocol),
    action: &str,
    version: Option<&str>,
) -> ApiError {
    let (action, version): (String, String) = (
        action.chars().take(200).collect(),
        version.unwrap_or("NO_VERSION_SPECIFIED").chars().take(40).collect(),
    );
    let message = match protocol {
        Protocol::AwsQuery if service.dialect.unknown_action.is_some() => {
            service.dialect.unknown_action.unwrap_or_default().replacen("{}", &action, 1)
        }
        Protocol::Ec2Query => format!("The action {action} is not valid for this web service."),
        _ => format!("Could not find operation {action} for version {version}"),
    };
    ApiError::new("InvalidAction", 400, message)
}

/// A path that is a service's, whatever is asked of it.
struct Place<'t> {
    service: &'static ServiceShape,
    protocol: Protocol,
    literals: usize,
    labels: usize,
    leaves: &'t [Leaf],
}

/// How a refusal is told where no operation is known.
fn form(head: &Head<'_>, protocol: Protocol, service: Option<&'static ServiceShape>) -> AnswerForm {
    AnswerForm { protocol, service, operation: None, head: head.method == "HEAD", json: false }
}

impl<'t> Place<'t> {
    fn of(known: &Known, found: &Match<'t, '_>) -> Self {
        Place {
            service: known.shape,
            protocol: known.first_protocol(),
            literals: found.literals,
            labels: found.values.len(),
            leaves: found.leaves,
        }
    }

    /// The refusal of a method, in the words of S3 (test_website_hosting_http_methods of LocalStack, recorded on AWS).
    fn refusal(self, head: &Head<'_>) -> ApiError {
        let message = "The specified method is not allowed against this resource.";
        let error = ApiError::new("MethodNotAllowed", 405, message).field("Method", head.method);
        let types = self.service.dialect.resource_types;
        match types.get(self.labels).or(types.last()) {
            Some(kind) => error.field("ResourceType", *kind).header("allow", methods(self.leaves)),
            None => error,
        }
    }
}

fn no_operation(protocol: Protocol, place: Option<Place<'_>>, head: &Head<'_>) -> ApiError {
    match (protocol, place) {
        (Protocol::AwsQuery | Protocol::Ec2Query, _) => {
            ApiError::new("MissingAction", 400, "The request is missing an action or a required parameter.")
        }
        (Protocol::RestXml, Some(place)) => place.refusal(head),
        (Protocol::RestXml | Protocol::RestJson1, _) => {
            ApiError::new("UnknownOperationException", 404, "The requested operation is not known")
        }
        // LocalStack's test_get_without_query_returns_unknown_operation, recorded on AWS.
        _ if head.method != "POST" => {
            ApiError::new("UnknownOperationException", 404, "The request names no operation")
        }
        _ => ApiError::new("UnknownOperationException", 400, "The request names no operation"),
    }
}
