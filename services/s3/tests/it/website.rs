//! Websites, by host and by path.

use crate::{put, putting, region};
use bytes::Bytes;
use model_s3::operations::*;
use model_s3::*;

#[tokio::test]
async fn pages_errors_and_redirects() {
    let region = region().await;
    let rule = RoutingRule {
        condition: Some(Condition { key_prefix_equals: Some("old/".into()), ..Default::default() }),
        redirect: Redirect { replace_key_prefix_with: Some("new/".into()), ..Default::default() },
    };
    let input = PutBucketWebsiteInput {
        bucket: "bkt".into(),
        website_configuration: WebsiteConfiguration {
            index_document: Some(IndexDocument { suffix: "index.html".into() }),
            error_document: Some(ErrorDocument { key: "404.html".into() }),
            routing_rules: Some(vec![rule]),
            ..Default::default()
        },
        ..Default::default()
    };
    region.call::<PutBucketWebsite>(input).await.unwrap();
    let page = PutObjectInput { content_type: Some("text/html".into()), ..putting("index.html", "home") };
    region.call::<PutObject>(page).await.unwrap();
    put(&region, "docs/index.html", "docs").await;
    put(&region, "404.html", "lost").await;
    let moved =
        PutObjectInput { website_redirect_location: Some("/elsewhere".into()), ..putting("moved", "") };
    region.call::<PutObject>(moved).await.unwrap();
    let site = async |path: &str| {
        let host = [("host", "bkt.s3-website.localhost:4566")];
        region.http("GET", path, &host, Bytes::new()).await
    };
    let home = site("/").await;
    assert_eq!((home.status, home.headers["content-type"].to_str().unwrap()), (200, "text/html"));
    assert_eq!(site("/docs/").await.status, 200);
    for (path, status, location) in [
        ("/docs", 302, "/docs/"),
        ("/old/a", 301, "http://bkt.s3-website.localhost:4566/new/a"),
        ("/moved", 301, "/elsewhere"),
    ] {
        let answer = site(path).await;
        assert_eq!((answer.status, answer.headers["location"].to_str().unwrap()), (status, location));
    }
    assert_eq!(site("/nothing").await.status, 404);
    let by_path = region.http("GET", "/_aws/s3-website/bkt/docs/", &[], Bytes::new()).await;
    assert_eq!(by_path.status, 200);
    let none = region.http("GET", "/_aws/s3-website/nobody/", &[], Bytes::new()).await;
    assert_eq!((none.status, none.headers["x-amz-error-code"].to_str().unwrap()), (404, "NoSuchBucket"));
}
