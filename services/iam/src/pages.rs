//! Pages by marker. A marker is opaque and holds only for the operation and the filter it was given for.

use crate::errors::IamError;
use service::Ctx;
use store::Fault;

/// Items of a page where the request does not say.
const USUAL_ITEMS: usize = 100;

/// One page that is being made.
pub struct Paging {
    ctx: Ctx,
    filter: String,
    most: usize,
    /// The position of the last item of the page before.
    pub after: Option<String>,
}

/// One page.
pub struct Page<T> {
    /// Its items.
    pub items: Vec<T>,
    /// Whether there are more behind it.
    pub truncated: bool,
    /// What gives the next page.
    pub marker: Option<String>,
}

impl Paging {
    /// Reads what a request says of its page. The filter is whatever a marker must not be moved between.
    ///
    /// # Errors
    /// `ValidationError` for a marker that no page of this listing gave.
    pub fn begin(
        ctx: &Ctx,
        filter: &str,
        marker: Option<&str>,
        max_items: Option<i32>,
    ) -> Result<Self, IamError> {
        let read = |marker: &str| {
            let position = ctx.page_position(filter, marker)?;
            String::from_utf8(position).ok()
        };
        let after = marker.map(|marker| read(marker).ok_or(IamError::InvalidMarker)).transpose()?;
        let most = max_items.and_then(|most| usize::try_from(most).ok()).unwrap_or(USUAL_ITEMS);
        Ok(Paging { ctx: ctx.clone(), filter: filter.to_owned(), most: most.clamp(1, 1000), after })
    }

    /// Takes a page of items with their positions. They begin behind `after`.
    ///
    /// # Errors
    /// Those of reading.
    pub fn cut<T, E: Into<IamError>>(
        self,
        items: impl Iterator<Item = Result<(String, T), E>>,
    ) -> Result<Page<T>, IamError> {
        let mut page = Page { items: Vec::new(), truncated: false, marker: None };
        let mut last = String::new();
        for item in items {
            let (position, item) = item.map_err(Into::into)?;
            if page.items.len() == self.most {
                page.truncated = true;
                page.marker = Some(self.ctx.page_token(&self.filter, last.as_bytes()));
                break;
            }
            page.items.push(item);
            last = position;
        }
        Ok(page)
    }

    /// Takes a page of a list that is in memory whole, in the order of positions.
    ///
    /// # Errors
    /// None of its own.
    pub fn cut_sorted<T>(self, mut items: Vec<(String, T)>) -> Result<Page<T>, IamError> {
        items.sort_by(|(one, _), (other, _)| one.cmp(other));
        let after = self.after.clone();
        let behind = items.into_iter().filter(|(at, _)| after.as_ref().is_none_or(|after| at > after));
        self.cut(behind.map(Ok::<_, Fault>))
    }
}
