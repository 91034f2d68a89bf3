//! Rooms whose resources say themselves which web pages may use them. Elsewhere the region's own rule
//! holds: pages of this machine may, others may not.

use crate::Peek;
use schema::ApiError;

/// What a web page is about to do, or does.
#[derive(Debug, Clone)]
pub struct PageRequest<'a> {
    /// The page's origin; `None` where the request names none.
    pub origin: Option<&'a str>,
    /// The method of the page's request.
    pub method: &'a str,
    /// The headers that the page's request will bear, of which a preflight tells.
    pub headers: Vec<&'a str>,
    /// The labels of the path: (`Bucket`, …).
    pub labels: &'a [(&'static str, String)],
}

impl PageRequest<'_> {
    /// A label of the path.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// The headers by which a page is let in.
pub type PageHeaders = Vec<(&'static str, String)>;

/// A room that decides which web pages may use its resources.
pub trait CrossOrigin: Send + Sync {
    /// The API whose requests it decides: `s3`.
    fn service(&self) -> &'static str;

    /// Lets a page in, by the headers of the answer. `None` where no resource of its own is meant.
    ///
    /// # Errors
    /// Where the page is not let in: what its preflight is answered.
    fn decide(&self, peek: &Peek, request: &PageRequest<'_>) -> Option<Result<PageHeaders, ApiError>>;
}
