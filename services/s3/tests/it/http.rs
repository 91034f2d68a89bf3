//! The same over HTTP: statuses, headers and bodies as clients see them.

use crate::{put, region};
use bytes::Bytes;

#[tokio::test]
async fn statuses_and_headers() {
    let region = region().await;
    put(&region, "k", "0123456789").await;
    let whole = region.http("GET", "/bkt/k", &[], Bytes::new()).await;
    assert_eq!((whole.status, whole.headers["content-length"].to_str().unwrap()), (200, "10"));
    let part = region.http("GET", "/bkt/k", &[("range", "bytes=2-4")], Bytes::new()).await;
    assert_eq!(part.status, 206);
    assert_eq!(part.headers["content-range"], "bytes 2-4/10");
    let etag = whole.headers["etag"].to_str().unwrap();
    let unchanged = region.http("GET", "/bkt/k", &[("if-none-match", etag)], Bytes::new()).await;
    assert_eq!((unchanged.status, unchanged.headers["etag"].to_str().unwrap()), (304, etag));
    let head = region.http("HEAD", "/bkt/k", &[], Bytes::new()).await;
    assert_eq!((head.status, head.headers["content-length"].to_str().unwrap()), (200, "10"));
    let missing = region.http("HEAD", "/bkt/none", &[], Bytes::new()).await;
    assert_eq!(missing.status, 404);
    let gone = region.http("DELETE", "/bkt/k", &[], Bytes::new()).await;
    assert_eq!(gone.status, 204);
}
