//! A form that a browser uploads becomes the operation that the service's dialect names: its fields are the
//! request's headers, its file the body. Its policy says who signed it, and what it may hold.

use crate::authenticate::{Identity, Refused};
use crate::config::IamMode;
use crate::mail_word::carried;
use crate::message::{Incoming, Outgoing};
use crate::pipeline::Pipeline;
use crate::{body, words};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use schema::{ApiError, Body};
use service::Held;
use signature::{Credential, FormPolicy, FormRefusal};
use std::sync::Arc;
use wire::{FormFault, FormUpload, Route, Routing};

/// Longest form, in bytes: it is held in memory.
const MAX_FORM: usize = 72 * 1024 * 1024;
/// What stands in a path as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
/// Fields of the signature, which are no headers of the request.
const OF_SIGNATURE: [&str; 5] =
    ["x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "x-amz-security-token"];
/// Those of the version before.
const OF_OLD_SIGNATURE: [&str; 2] = ["awsaccesskeyid", "signature"];
/// Other fields that are headers of the same name; of the digest, dyus/meeseeks-s3's test_invalid_content_md5_rejected,
/// run on AWS.
const HEADERS: [&str; 7] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "content-type",
    "expires",
];

/// What signs a form.
pub struct SignedForm<'a> {
    /// The policy, in Base64.
    pub policy: &'a str,
    /// The access key.
    pub access_key: String,
    /// The credential; none for a signature of the old version.
    pub credential: Option<Credential>,
    /// The signature, in hexadecimal.
    pub signature: &'a str,
    /// The session token.
    pub token: Option<&'a str>,
}

/// A form on its way to its operation.
pub struct Uploaded {
    /// The request that it stands for.
    pub request: Incoming,
    /// Where it goes.
    pub route: Route,
    /// Who sent it.
    pub identity: Identity,
    /// How its answer is shown to the browser.
    pub answer: Answer,
    /// The bytes that it takes, as long as this is held.
    pub held: Held,
}

/// How the browser is answered.
pub struct Answer {
    status: u16,
    redirect: Option<String>,
    bucket: String,
    key: String,
    location: String,
}

/// Where a request is such a form: the place it is sent to.
pub fn place(pipeline: &Pipeline, incoming: &Incoming) -> Option<Route> {
    if incoming.method != Method::POST || !FormUpload::is_announced(incoming.header(CONTENT_TYPE)?) {
        return None;
    }
    let Ok(Routing::Operation(route)) = pipeline.route(incoming, "PUT") else { return None };
    let dialect = &route.service.dialect;
    let label = dialect.host_label?;
    let at_place = route.labels.len() == 1 && route.labels.iter().any(|(name, _)| *name == label);
    (dialect.form_upload.is_some() && at_place).then_some(route)
}

/// Reads a form and checks what its policy says.
///
/// # Errors
/// In the words of the service.
pub async fn read(
    pipeline: &Arc<Pipeline>,
    incoming: &Incoming,
    place: &Route,
) -> Result<Uploaded, ApiError> {
    let budget = pipeline.host.budgets.of("gateway");
    let (whole, held) = body::whole(&incoming.body, MAX_FORM, &budget).await?;
    let content_type = incoming.header(CONTENT_TYPE).unwrap_or_default().to_owned();
    let parsing = pipeline.host.compute.run("gateway", move || FormUpload::parse(&content_type, &whole));
    let mut form = parsing.await.unwrap_or(Err(FormFault::Malformed)).map_err(unreadable)?;
    let file_name = form.file_name.clone();
    // A file without a name replaces nothing (recorded of AWS by LocalStack's test_post_object_with_file_as_string).
    let named = !file_name.is_empty();
    for (_, value) in form.fields.iter_mut().filter(|(name, _)| named && name == "key") {
        *value = value.replace("${filename}", &file_name);
    }
    let key = form.field("key").ok_or_else(|| missing("key"))?.to_owned();
    if key.is_empty() {
        return Err(ApiError::new("InvalidArgument", 400, "User key must have a length greater than 0."));
    }
    let bucket = place.labels.first().map_or("", |(_, bucket)| bucket.as_str()).to_owned();
    let signed = signed(&form)?;
    // A policy that is not the one that was signed is not read (recorded of AWS by LocalStack's
    // test_post_request_malformed_policy).
    let identity = pipeline.identify_form(incoming, signed.as_ref()).map_err(|refused| match refused {
        Refused::Credentials(error) => words::credentials(&error, place.service, place.protocol),
        Refused::Failed(error) => error,
    })?;
    if let Some(signed) = signed.as_ref().filter(|_| pipeline.config.iam != IamMode::Off) {
        let (length, now) = (form.file.len() as u64, pipeline.host.clock.host());
        let policy = FormPolicy::parse(signed.policy).map_err(refused)?;
        policy.check(&form.fields, &[("bucket", &bucket)], length, now).map_err(refused)?;
    }
    let request = request(incoming, &form, &key)?;
    let Ok(Routing::Operation(route)) = pipeline.route(&request, "PUT") else { return Err(missing("key")) };
    let answer = Answer::of(&form, &request, bucket, key);
    Ok(Uploaded { request, route, identity, held, answer })
}

/// What signs the form; `None` for one that nobody signed, whether or not it has a policy. How fields are named and which
/// is missed first was recorded of AWS by LocalStack's test_post_request_missing_fields and …_signature.
fn signed(form: &FormUpload) -> Result<Option<SignedForm<'_>>, ApiError> {
    let has = |name: &&str| form.field(name).is_some();
    let of_old = OF_OLD_SIGNATURE.iter().any(has);
    let signs = of_old || OF_SIGNATURE.iter().any(has);
    let Some(policy) = form.field("policy").filter(|_| signs) else {
        return if signs { Err(missing("policy")) } else { Ok(None) };
    };
    let token = form.field("x-amz-security-token");
    let required = |name: &'static str| form.field(&name.to_ascii_lowercase()).ok_or_else(|| missing(name));
    if of_old {
        let (access_key, signature) = (required("AWSAccessKeyId")?.to_owned(), required("Signature")?);
        return Ok(Some(SignedForm { policy, access_key, credential: None, signature, token }));
    }
    required("X-Amz-Algorithm")?;
    let text = required("X-Amz-Credential")?;
    required("X-Amz-Date")?;
    let signature = required("X-Amz-Signature")?;
    let credential = Credential::parse(text).ok_or_else(|| {
        let message = "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting \
                       \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";
        ApiError::new("AuthorizationQueryParametersError", 400, message)
    })?;
    let access_key = credential.access_key().to_owned();
    Ok(Some(SignedForm { policy, access_key, credential: Some(credential), signature, token }))
}

/// The request that the form stands for.
fn request(incoming: &Incoming, form: &FormUpload, key: &str) -> Result<Incoming, ApiError> {
    let mut headers = HeaderMap::new();
    if let Some(host) = incoming.headers.get("host") {
        headers.insert("host", host.clone());
    }
    for (name, value) in &form.fields {
        let amazons = name.starts_with("x-amz-") && !OF_SIGNATURE.contains(&name.as_str());
        let (name, value) = match name.as_str() {
            "acl" => ("x-amz-acl", value.clone()),
            "tagging" => ("x-amz-tagging", tags(value)?),
            name if amazons || HEADERS.contains(&name) => (name, value.clone()),
            _ => continue,
        };
        let invalid = || ApiError::new("InvalidArgument", 400, format!("The field {name} is no header."));
        let value = HeaderValue::from_bytes(&carried(name, value.as_bytes())).map_err(|_| invalid())?;
        headers.append(HeaderName::try_from(name).map_err(|_| invalid())?, value);
    }
    let place = incoming.path.trim_end_matches('/');
    Ok(Incoming {
        method: Method::PUT,
        path: format!("{place}/{}", utf8_percent_encode(key, KEPT)),
        query: String::new(),
        headers,
        body: Body::from(form.file.clone()),
        source: incoming.source,
        secure: incoming.secure,
        gone: incoming.gone.clone(),
    })
}

/// The tags of a form, which are XML there, as the header has them. A document without any is none (recorded of AWS by
/// LocalStack's test_post_object_with_tags).
fn tags(document: &str) -> Result<String, ApiError> {
    let leaves = wire::xml_leaves(document.as_bytes()).map_err(|_| {
        let message =
            "The XML you provided was not well-formed or did not validate against our published schema";
        ApiError::new("MalformedXML", 400, message)
    })?;
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let (mut tags, mut key) = (String::new(), None);
    for (name, text) in &leaves {
        match (name.as_str(), key.take()) {
            ("Key", _) => key = Some(encoded(text)),
            ("Value", Some(key)) => {
                let joint = if tags.is_empty() { "" } else { "&" };
                tags.push_str(&format!("{joint}{key}={}", encoded(text)));
            }
            _ => {}
        }
    }
    Ok(tags)
}

impl Answer {
    fn of(form: &FormUpload, request: &Incoming, bucket: String, key: String) -> Self {
        let redirect = form.field("success_action_redirect").or_else(|| form.field("redirect"));
        let redirect = redirect.filter(|url| url.starts_with("http://") || url.starts_with("https://"));
        let status = match form.field("success_action_status") {
            Some("200") => 200,
            Some("201") => 201,
            _ => 204,
        };
        let location = format!("{}{}", request.origin(), request.path);
        Answer { status, redirect: redirect.map(str::to_owned), bucket, key, location }
    }

    /// What the browser gets for what the operation answered.
    pub fn shown(&self, done: Outgoing) -> Outgoing {
        if done.status >= 300 {
            return done;
        }
        let etag = done.headers.get("etag").and_then(|etag| etag.to_str().ok()).unwrap_or_default();
        let shown = match (self.status, &self.redirect) {
            (_, Some(url)) => Outgoing::empty(303).header("location", &self.redirected(url, etag)),
            (201, None) => Outgoing::text(201, "application/xml", self.document(etag)),
            // Of no type (recorded of AWS by LocalStack's test_presigned_post_with_different_user_credentials).
            (status, None) => Outgoing::empty(status),
        };
        let mut shown = match self.redirect {
            Some(_) => shown,
            None => shown.header("location", &self.location),
        };
        for (name, value) in &done.headers {
            if name != "content-type" && name != "content-length" && !shown.headers.contains_key(name) {
                shown.headers.append(name.clone(), value.clone());
            }
        }
        shown
    }

    fn redirected(&self, url: &str, etag: &str) -> String {
        let joint = if url.contains('?') { '&' } else { '?' };
        let part = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        format!("{url}{joint}bucket={}&key={}&etag={}", part(&self.bucket), part(&self.key), part(etag))
    }

    fn document(&self, etag: &str) -> Vec<u8> {
        let leaves =
            [("Location", &*self.location), ("Bucket", &*self.bucket), ("Key", &*self.key), ("ETag", etag)];
        wire::xml_document("PostResponse", &leaves)
    }
}

fn missing(field: &'static str) -> ApiError {
    let message = format!(
        "Bucket POST must contain a field named '{field}'.  If it is specified, please check the order of the fields."
    );
    ApiError::new("InvalidArgument", 400, message).field("ArgumentName", field).field("ArgumentValue", "")
}

fn unreadable(fault: FormFault) -> ApiError {
    match fault {
        FormFault::Malformed => ApiError::new(
            "MalformedPOSTRequest",
            400,
            "The body of your POST request is not well-formed multipart/form-data.",
        ),
        FormFault::FieldsTooLarge => ApiError::new(
            "MaxPostPreDataLengthExceeded",
            400,
            "Your POST request fields preceding the upload file were too large.",
        ),
        FormFault::NoFile => {
            ApiError::new("InvalidArgument", 400, "POST requires exactly one file upload per request.")
                .field("ArgumentName", "file")
                .field("ArgumentValue", "0")
        }
    }
}

fn refused(refusal: FormRefusal) -> ApiError {
    let denied =
        |why: String| ApiError::new("AccessDenied", 403, format!("Invalid according to Policy: {why}"));
    match refusal {
        FormRefusal::Unreadable(why) => {
            ApiError::new("InvalidPolicyDocument", 400, format!("Invalid Policy: {why}"))
        }
        FormRefusal::Expired => denied("Policy expired.".to_owned()),
        FormRefusal::Failed(condition) => denied(format!("Policy Condition failed: {condition}")),
        FormRefusal::Extra(field) => denied(format!("Extra input fields: {field}")),
        FormRefusal::TooLarge { size, limit } => {
            ApiError::new("EntityTooLarge", 400, "Your proposed upload exceeds the maximum allowed size")
                .field("ProposedSize", size.to_string())
                .field("MaxSizeAllowed", limit.to_string())
        }
        FormRefusal::TooSmall { size, limit } => ApiError::new(
            "EntityTooSmall",
            400,
            "Your proposed upload is smaller than the minimum allowed size",
        )
        .field("ProposedSize", size.to_string())
        .field("MinSizeAllowed", limit.to_string()),
    }
}
