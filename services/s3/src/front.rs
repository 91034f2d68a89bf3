//! Website hosts: `{bucket}.s3-website.{region}.…`. What is read is read as a stranger, so a website is open
//! as far as its bucket's policy and lists open it.

use crate::errors::{Configuration, S3Error};
use crate::rules::event::host_id;
use crate::rules::website::{self, Asked, Redirection};
use crate::state::buckets;
use crate::state::configurations::{self, Kind};
use bytes::Bytes;
use model_s3 as api;
use model_s3::operations::{GetObject, HeadObject};
use percent_encoding::percent_decode_str;
use ports::Caller;
use schema::ApiError;
use service::{BoxFuture, Ctx, Front, FrontBody, FrontReply, FrontRequest};

/// Longest body of a request: websites take none.
const MAX_BODY: usize = 64 * 1024;

/// The websites of the region.
pub struct Websites;

impl Front for Websites {
    fn name(&self) -> &'static str {
        "s3-website"
    }

    fn max_body(&self) -> usize {
        MAX_BODY
    }

    fn serve(&self, ctx: Ctx, request: FrontRequest) -> BoxFuture<'_, FrontReply> {
        Box::pin(async move { answer(&ctx, &request).await })
    }
}

fn site_of(ctx: &Ctx, bucket: &str) -> Result<api::WebsiteConfiguration, ApiError> {
    let read = ctx.read();
    let found =
        buckets::find(&read, bucket).map_err(S3Error::from)?.ok_or_else(|| S3Error::no_bucket(bucket))?;
    let site = configurations::get(&read, &found, Kind::Website, "").map_err(S3Error::from)?;
    Ok(site.ok_or_else(|| S3Error::absent(bucket, Configuration::Website))?)
}

async fn answer(ctx: &Ctx, request: &FrontRequest) -> FrontReply {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        let refused = ApiError::from(S3Error::MethodNotAllowed);
        let refused = refused.field("Method", request.method.as_str()).field("ResourceType", "OBJECT");
        return page(ctx, &refused, Vec::new());
    }
    let site = match site_of(ctx, &request.label) {
        Ok(site) => site,
        Err(error) => return page(ctx, &error, Vec::new()),
    };
    let path = percent_decode_str(request.path.trim_start_matches('/')).decode_utf8_lossy().into_owned();
    let host = request.header("host").unwrap_or(&request.host);
    let scheme = if ctx.request().origin.starts_with("https") { "https" } else { "http" };
    let asked = Asked { scheme, host, key: &path };
    let first = website::redirects_all(&site, asked).or_else(|| website::redirected(&site, asked, None));
    if let Some(redirection) = first {
        return redirect(redirection);
    }
    let key = website::key_of(&site, &path);
    match get(ctx, request, &key).await {
        Ok(found) => found,
        Err(error) if error.status == 304 => plain(304, error.headers),
        Err(error) => failed(ctx, request, (&site, asked), error).await,
    }
}

/// Reads an object as a stranger.
async fn get(ctx: &Ctx, request: &FrontRequest, key: &str) -> Result<FrontReply, ApiError> {
    let input = api::GetObjectInput {
        bucket: request.label.clone(),
        key: key.to_owned(),
        range: request.header("range").map(str::to_owned),
        if_none_match: request.header("if-none-match").map(str::to_owned),
        ..Default::default()
    };
    let output = ctx.call_as::<GetObject>(Caller::Anonymous, input).await?;
    if let Some(location) = output.website_redirect_location {
        return Ok(redirect(Redirection { status: 301, location }));
    }
    let body = output.body.map_or(FrontBody::Bytes(Bytes::new()), FrontBody::Stream);
    let texts = [
        ("content-type", output.content_type),
        ("content-encoding", output.content_encoding),
        ("content-disposition", output.content_disposition),
        ("content-language", output.content_language),
        ("cache-control", output.cache_control),
        ("content-range", output.content_range.clone()),
        ("etag", output.e_tag),
        ("last-modified", output.last_modified.map(|moment| moment.http_date())),
        ("accept-ranges", output.accept_ranges),
    ];
    let headers = texts.into_iter().filter_map(|(name, text)| text.map(|text| (name.to_owned(), text)));
    let status = if output.content_range.is_some() { 206 } else { 200 };
    let mut headers: Vec<_> = headers.collect();
    headers.extend(
        output.metadata.into_iter().flatten().map(|(name, text)| (format!("x-amz-meta-{name}"), text)),
    );
    Ok(FrontReply { status, headers, body })
}

/// What becomes of an error: a folder without its slash, a rule of its status, the error document, a page.
async fn failed(
    ctx: &Ctx,
    request: &FrontRequest,
    (site, asked): (&api::WebsiteConfiguration, Asked<'_>),
    error: ApiError,
) -> FrontReply {
    if matches!(error.status, 403 | 404) && !asked.key.is_empty() && !asked.key.ends_with('/') {
        let key = website::key_of(site, &format!("{}/", asked.key));
        let input = api::HeadObjectInput { bucket: request.label.clone(), key, ..Default::default() };
        if ctx.call_as::<HeadObject>(Caller::Anonymous, input).await.is_ok() {
            return redirect(Redirection { status: 302, location: format!("{}/", request.path) });
        }
    }
    if let Some(redirection) = website::redirected(site, asked, Some(error.status)) {
        return redirect(redirection);
    }
    let document = site.error_document.as_ref().filter(|_| (400..500).contains(&error.status));
    if let Some(document) = document {
        match get(ctx, request, &document.key).await {
            // A document that leads elsewhere does so, whatever it was shown for (recorded of AWS by
            // LocalStack's test_object_website_redirect_location).
            Ok(shown) if shown.status == 301 => return shown,
            Ok(shown) => return FrontReply { status: error.status, ..shown },
            Err(second) => return page(ctx, &error, vec![("Custom Error Document", second)]),
        }
    }
    page(ctx, &error, Vec::new())
}

fn plain(status: u16, headers: Vec<(&'static str, String)>) -> FrontReply {
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    FrontReply { status, headers, body: Bytes::new().into() }
}

fn redirect(redirection: Redirection) -> FrontReply {
    plain(redirection.status, vec![("location", redirection.location)])
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The page that S3 shows of an error.
fn page(ctx: &Ctx, error: &ApiError, nested: Vec<(&str, ApiError)>) -> FrontReply {
    let reason = match error.status {
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        416 => "Requested Range Not Satisfiable",
        _ => "Error",
    };
    let title = format!("{} {reason}", error.status);
    let item = |name: &str, text: &str| format!("<li>{name}: {}</li>\n", escaped(text));
    // What is listed was recorded of AWS by LocalStack's test_website_hosting_404 and …_http_methods.
    let told = |error: &ApiError| {
        let first = item("Code", &error.code) + &item("Message", &error.message);
        error.fields.iter().fold(first, |items, (name, value)| items + &item(name, value))
    };
    let mut items = told(error);
    items += &item("RequestId", ctx.request_id());
    items += &item("HostId", &host_id(ctx.request_id()));
    let mut text = format!(
        "<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<ul>\n{items}</ul>\n"
    );
    for (name, error) in nested {
        let items = told(&error);
        text += &format!(
            "<h3>An Error Occurred While Attempting to Retrieve a {name}</h3>\n<ul>\n{items}</ul>\n"
        );
    }
    text += "<hr/>\n</body>\n</html>\n";
    let headers = vec![
        ("content-type".to_owned(), "text/html; charset=utf-8".to_owned()),
        ("x-amz-error-code".to_owned(), error.code.to_string()),
        ("x-amz-error-message".to_owned(), error.message.clone()),
    ];
    FrontReply { status: error.status, headers, body: Bytes::from(text).into() }
}
