//! One page of a listing: prefix, delimiter, where it begins, how much it holds, and what of it is one
//! common prefix. The same for objects, versions and uploads, in all versions of the listing operations.
//!
//! Keys come in the order of their UTF-8 bytes. A common prefix counts as one entry; keys below it are
//! jumped over, not read. A page that begins within a common prefix does not give that prefix again.

/// Most entries of a page.
pub const MAX_PAGE: usize = 1000;

/// What a page is asked to hold.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Only keys that begin so.
    pub prefix: &'a str,
    /// Keys that have this behind the prefix are rolled up.
    pub delimiter: Option<&'a str>,
    /// Only what follows this key or common prefix; empty to begin at the start.
    pub after: &'a str,
    /// Whether entries of the key `after` itself may still follow: versions and uploads of one key.
    pub within_after: bool,
    /// Most entries.
    pub limit: usize,
}

/// Where the rows of a page are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From<'a> {
    /// Rows of this key and those that follow.
    Key(&'a str),
    /// Rows behind this key.
    After(&'a str),
    /// Rows behind all keys that begin so.
    Past(&'a str),
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in order.
    pub rows: Vec<(String, T)>,
    /// The common prefixes, in order.
    pub prefixes: Vec<String>,
    /// Whether more follows.
    pub truncated: bool,
    /// The last key or common prefix that is in the page.
    pub last: Option<String>,
}

/// The common prefix of a key, where it has one.
pub fn common_prefix<'k>(key: &'k str, prefix: &str, delimiter: Option<&str>) -> Option<&'k str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let rest = key.get(prefix.len()..)?;
    let at = rest.find(delimiter)?;
    Some(&key[..prefix.len() + at + delimiter.len()])
}

/// Reads one page. `open` gives the rows of the prefix from a place on; it is asked again for each common
/// prefix that is jumped over. `wanted` says whether a row is shown at all.
///
/// # Errors
/// Those of the rows.
pub fn page<T, F, I>(
    query: Query<'_>,
    mut open: impl FnMut(From<'_>) -> I,
    mut wanted: impl FnMut(&str, &T) -> bool,
) -> Result<Page<T>, F>
where
    I: Iterator<Item = Result<(String, T), F>>,
{
    let rows = Vec::with_capacity(query.limit.min(MAX_PAGE));
    let mut page = Page { rows, prefixes: Vec::new(), truncated: false, last: None };
    if query.limit == 0 {
        return Ok(page);
    }
    let begun = common_prefix(query.after, query.prefix, query.delimiter)
        .filter(|_| query.after.starts_with(query.prefix));
    let mut rows = match begun {
        Some(prefix) => open(From::Past(prefix)),
        None if query.after.is_empty() || query.after < query.prefix => open(From::Key(query.prefix)),
        None if query.within_after => open(From::Key(query.after)),
        None => open(From::After(query.after)),
    };
    let mut ends_in_prefix = false;
    while let Some(row) = rows.next() {
        let (key, value) = row?;
        if !key.starts_with(query.prefix) {
            break;
        }
        if !wanted(&key, &value) {
            continue;
        }
        if page.rows.len() + page.prefixes.len() == query.limit {
            page.truncated = true;
            break;
        }
        match common_prefix(&key, query.prefix, query.delimiter) {
            Some(common) => {
                let common = common.to_owned();
                rows = open(From::Past(&common));
                page.prefixes.push(common);
                ends_in_prefix = true;
            }
            None => {
                page.rows.push((key, value));
                ends_in_prefix = false;
            }
        }
    }
    page.last = match ends_in_prefix {
        true => page.prefixes.last().cloned(),
        false => page.rows.last().map(|(key, _)| key.clone()),
    };
    Ok(page)
}

/// `encoding-type=url`: what XML cannot hold, and more, as percent signs and digits. `/` stays.
/// The S3 API Reference's example: `test_file(3).png` becomes `test_file%283%29.png`; SDKs read `+` as a
/// space (botocore, `unquote_plus`).
pub fn url_encoded(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                out.push(char::from(byte));
            }
            b' ' => out.push('+'),
            // Writing to a String cannot fail.
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn listed(keys: &[String], query: Query<'_>) -> Page<()> {
        let open = |from: From<'_>| {
            let behind = |key: &&String| match from {
                From::Key(start) => key.as_str() >= start,
                From::After(start) => key.as_str() > start,
                From::Past(prefix) => key.as_str() > prefix && !key.starts_with(prefix),
            };
            let rows: Vec<Result<(String, ()), Infallible>> =
                keys.iter().filter(behind).map(|key| Ok((key.clone(), ()))).collect();
            rows.into_iter()
        };
        page(query, open, |_, ()| true).unwrap()
    }

    fn sorted(keys: &[&str]) -> Vec<String> {
        let mut keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    fn query(
        prefix: &'static str,
        delimiter: &'static str,
        after: &'static str,
        limit: usize,
    ) -> Query<'static> {
        let delimiter = (!delimiter.is_empty()).then_some(delimiter);
        Query { prefix, delimiter, after, within_after: false, limit }
    }

    /// The bucket of the S3 User Guide, "Organizing objects using prefixes".
    #[test]
    fn the_guide() {
        let keys = sorted(&[
            "sample.jpg",
            "photos/2006/January/sample.jpg",
            "photos/2006/February/a.jpg",
            "videos/b",
        ]);
        for (query, rows, prefixes, truncated) in [
            (query("", "/", "", 1000), vec!["sample.jpg"], vec!["photos/", "videos/"], false),
            (
                query("photos/2006/", "/", "", 1000),
                vec![],
                vec!["photos/2006/February/", "photos/2006/January/"],
                false,
            ),
            (query("", "/", "", 1), vec![], vec!["photos/"], true),
            (query("", "/", "photos/", 1), vec!["sample.jpg"], vec![], true),
            (query("", "/", "photos/2006/G", 1000), vec!["sample.jpg"], vec!["videos/"], false),
            (query("", "/", "sample.jpg", 1), vec![], vec!["videos/"], false),
            (query("", "", "photos/2006/G", 1), vec!["photos/2006/January/sample.jpg"], vec![], true),
            (query("none", "/", "", 10), vec![], vec![], false),
            (query("photos", "/", "zzz", 10), vec![], vec![], false),
            (query("", "", "", 0), vec![], vec![], false),
        ] {
            let page = listed(&keys, query);
            let names: Vec<&str> = page.rows.iter().map(|(key, ())| key.as_str()).collect();
            assert_eq!(
                (names, page.prefixes.iter().map(String::as_str).collect(), page.truncated),
                (rows, prefixes, truncated),
                "{query:?}"
            );
        }
    }

    #[test]
    fn urls() {
        assert_eq!(url_encoded("test_file(3).png"), "test_file%283%29.png");
        assert_eq!(url_encoded("a b+c/é\u{1}"), "a+b%2Bc/%C3%A9%01");
    }

    /// All entries of a listing without pages, by the definition.
    fn naive(keys: &[String], prefix: &str, delimiter: Option<&str>) -> Vec<String> {
        let mut entries: Vec<String> = Vec::new();
        for key in keys.iter().filter(|key| key.starts_with(prefix)) {
            let rest = &key[prefix.len()..];
            let entry = match delimiter
                .and_then(|delimiter| rest.split_once(delimiter).map(|(head, _)| (head, delimiter)))
            {
                Some((head, delimiter)) => format!("{prefix}{head}{delimiter}"),
                None => key.clone(),
            };
            if entries.last() != Some(&entry) {
                entries.push(entry);
            }
        }
        entries
    }

    proptest! {
        #[test]
        fn pages_make_up_the_whole(
            keys in proptest::collection::btree_set("[a/.é\u{1}\u{10FFFF}-]{1,6}", 0..40),
            prefix in "[a/.é]{0,2}",
            delimiter in proptest::option::of("(/|a|//|é)"),
            limit in 1usize..6,
        ) {
            let keys: Vec<String> = keys.into_iter().collect();
            let expected = naive(&keys, &prefix, delimiter.as_deref());
            let mut entries = Vec::new();
            let mut after = String::new();
            loop {
                let query = Query { prefix: &prefix, delimiter: delimiter.as_deref(), after: &after, within_after: false, limit };
                let page = listed(&keys, query);
                let mut here: Vec<String> = page.rows.iter().map(|(key, ())| key.clone()).chain(page.prefixes.iter().cloned()).collect();
                here.sort();
                prop_assert!(here.len() <= limit);
                prop_assert_eq!(here.last(), page.last.as_ref());
                entries.extend(here);
                prop_assert_eq!(page.truncated, entries.len() < expected.len());
                match page.last {
                    Some(last) if page.truncated => after = last,
                    _ => break,
                }
            }
            prop_assert_eq!(entries, expected);
        }
    }
}
