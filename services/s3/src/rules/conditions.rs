//! Conditional requests: which of the four headers decides, and how.
//! Precedence: S3 API Reference, GetObject, "Overriding response header values" and the notes of the
//! conditional headers; RFC 9110 section 13.2.2. HTTP dates have whole seconds.

use names::Timestamp;

/// What is known of the object that the conditions are held against.
#[derive(Debug, Clone, Copy)]
pub struct State<'a> {
    /// Its entity tag, without quotes.
    pub etag: &'a str,
    /// When it was last changed.
    pub modified: Timestamp,
}

/// The four conditions of a read, or of the source of a copy.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conditions<'a> {
    /// `If-Match`
    pub matches: Option<&'a str>,
    /// `If-None-Match`
    pub none_match: Option<&'a str>,
    /// `If-Modified-Since`
    pub modified_since: Option<Timestamp>,
    /// `If-Unmodified-Since`
    pub unmodified_since: Option<Timestamp>,
}

/// Which condition does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// `If-Match`
    Match,
    /// `If-None-Match`
    NoneMatch,
    /// `If-Modified-Since`
    ModifiedSince,
    /// `If-Unmodified-Since`
    UnmodifiedSince,
}

impl Broken {
    /// The header's name, as errors name it.
    pub fn header(self) -> &'static str {
        match self {
            Broken::Match => "If-Match",
            Broken::NoneMatch => "If-None-Match",
            Broken::ModifiedSince => "If-Modified-Since",
            Broken::UnmodifiedSince => "If-Unmodified-Since",
        }
    }

    /// Whether a read is answered `304 Not Modified` and not `412 Precondition Failed`.
    pub fn is_not_modified(self) -> bool {
        matches!(self, Broken::NoneMatch | Broken::ModifiedSince)
    }
}

/// Whether a list of entity tags holds this one. Quotes may be left out; `*` stands for any.
pub fn lists(tags: &str, etag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    tags.split(',').map(bare).any(|tag| tag == "*" || tag == etag)
}

/// The moment of a condition. What is no date is no condition (RFC 9110, sections 13.1.3 and 13.1.4; so do the authors of
/// versitygw, who ask AWS, and dates of ISO 8601 are dates to them).
pub fn since(text: Option<&str>) -> Option<Timestamp> {
    let text = text?.trim();
    Timestamp::parse_http_date(text).or_else(|_| Timestamp::parse_iso8601(text)).ok()
}

/// Whether a range is to be heeded, by `If-Range`: where that names the very object, by its entity tag or by the moment of
/// its last change (RFC 9110, section 13.1.5; S3 heeds it, aws/aws-sdk-kotlin, issue 1645).
pub fn heeds_range(if_range: Option<&str>, state: State<'_>) -> bool {
    let Some(text) = if_range.map(str::trim) else { return true };
    match Timestamp::parse_http_date(text) {
        Ok(date) => date.seconds() == state.modified.seconds(),
        Err(_) => text.trim_matches('"') == state.etag,
    }
}

impl Conditions<'_> {
    /// The moment of a condition, unless it is ahead of the clock: then it is none (RFC 9110, section 13.1.3).
    pub fn not_ahead(since: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
        since.filter(|since| since.seconds() <= now.seconds())
    }

    /// Holds the conditions against an object. An entity tag outweighs a date of the same kind.
    ///
    /// # Errors
    /// The condition that decides and does not hold.
    pub fn check(&self, state: State<'_>) -> Result<(), Broken> {
        let changed_after = |since: Timestamp| state.modified.seconds() > since.seconds();
        match (self.matches, self.unmodified_since) {
            (Some(tags), _) if !lists(tags, state.etag) => return Err(Broken::Match),
            (None, Some(since)) if changed_after(since) => return Err(Broken::UnmodifiedSince),
            _ => {}
        }
        match (self.none_match, self.modified_since) {
            (Some(tags), _) if lists(tags, state.etag) => Err(Broken::NoneMatch),
            (None, Some(since)) if !changed_after(since) => Err(Broken::ModifiedSince),
            _ => Ok(()),
        }
    }
}

/// What a conditional write comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteFault {
    /// `If-Match` names an object that is not there.
    Absent,
    /// The condition does not hold.
    Broken(Broken),
    /// S3 takes `If-None-Match: *` only.
    NoneButAny,
    /// S3 takes no `If-Match: *`.
    AnyMatch,
    /// Both conditions are there.
    Both,
}

/// Holds `If-Match` and `If-None-Match` of a write against what is there.
///
/// # Errors
/// Where the write must not happen.
pub fn check_write(
    matches: Option<&str>,
    none_match: Option<&str>,
    present: Option<&str>,
) -> Result<(), WriteFault> {
    match (matches.map(str::trim), none_match.map(str::trim)) {
        (Some(_), Some(_)) => return Err(WriteFault::Both),
        (Some("*"), None) => return Err(WriteFault::AnyMatch),
        (None, Some("*")) if present.is_some() => return Err(WriteFault::Broken(Broken::NoneMatch)),
        (None, Some("*")) | (_, None) => {}
        (None, Some(_)) => return Err(WriteFault::NoneButAny),
    }
    matches.map_or(Ok(()), |tags| check_delete(tags, present))
}

/// Holds `If-Match` of a delete against what is there; `*` stands for any object.
///
/// # Errors
/// Where the delete must not happen.
pub fn check_delete(matches: &str, present: Option<&str>) -> Result<(), WriteFault> {
    match present {
        None => Err(WriteFault::Absent),
        Some(etag) if lists(matches, etag) => Ok(()),
        Some(_) => Err(WriteFault::Broken(Broken::Match)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATE: State<'static> = State { etag: "abc", modified: Timestamp(1_000_500) };
    const BEFORE: Option<Timestamp> = Some(Timestamp(999_000));
    const SAME: Option<Timestamp> = Some(Timestamp(1_000_000));
    const AFTER: Option<Timestamp> = Some(Timestamp(2_000_000));

    #[test]
    fn precedence_of_reads() {
        type Case = (
            Option<&'static str>,
            Option<&'static str>,
            Option<Timestamp>,
            Option<Timestamp>,
            Option<Broken>,
        );
        let cases: [Case; 15] = [
            (None, None, None, None, None),
            (Some("\"abc\""), None, None, None, None),
            (Some("abc"), None, None, None, None),
            (Some("\"x\", \"abc\""), None, None, None, None),
            (Some("*"), None, None, None, None),
            (Some("\"x\""), None, None, None, Some(Broken::Match)),
            (None, Some("\"abc\""), None, None, Some(Broken::NoneMatch)),
            (None, Some("\"x\""), None, None, None),
            (None, None, BEFORE, None, None),
            (None, None, SAME, None, Some(Broken::ModifiedSince)),
            (None, None, None, BEFORE, Some(Broken::UnmodifiedSince)),
            (None, None, None, SAME, None),
            // "If-Match true and If-Unmodified-Since false: 200 OK" (GetObject).
            (Some("abc"), None, None, BEFORE, None),
            // "If-None-Match false and If-Modified-Since true: 304" (GetObject).
            (None, Some("abc"), BEFORE, None, Some(Broken::NoneMatch)),
            (Some("x"), Some("abc"), AFTER, BEFORE, Some(Broken::Match)),
        ];
        for (matches, none_match, modified_since, unmodified_since, expected) in cases {
            let conditions = Conditions { matches, none_match, modified_since, unmodified_since };
            assert_eq!(conditions.check(STATE).err(), expected, "{conditions:?}");
        }
    }

    #[test]
    fn dates_and_ranges() {
        let modified = Some(Timestamp(1_422_172_800_000));
        assert_eq!(since(Some("Sun, 25 Jan 2015 08:00:00 GMT")), modified);
        assert_eq!(since(Some("2015-01-25T08:00:00Z")), modified);
        assert_eq!((since(Some("yesterday")), since(Some("")), since(None)), (None, None, None));
        let state = State { etag: "abc", modified: Timestamp(1_422_172_800_500) };
        for (if_range, heeded) in [
            (None, true),
            (Some("\"abc\""), true),
            (Some("abc"), true),
            (Some("\"x\""), false),
            // A weak tag is no proof that the bytes are the same.
            (Some("W/\"abc\""), false),
            (Some("Sun, 25 Jan 2015 08:00:00 GMT"), true),
            (Some("Sun, 25 Jan 2015 08:00:01 GMT"), false),
        ] {
            assert_eq!(heeds_range(if_range, state), heeded, "{if_range:?}");
        }
    }

    #[test]
    fn writes() {
        for (matches, none_match, present, expected) in [
            (None, None, Some("abc"), Ok(())),
            (None, Some("*"), None, Ok(())),
            (None, Some("*"), Some("abc"), Err(WriteFault::Broken(Broken::NoneMatch))),
            (None, Some("\"abc\""), None, Err(WriteFault::NoneButAny)),
            (Some("*"), None, None, Err(WriteFault::AnyMatch)),
            (Some("*"), Some("\"abc\""), Some("abc"), Err(WriteFault::Both)),
            (Some("\"abc\""), None, Some("abc"), Ok(())),
            (Some("\"x\""), None, Some("abc"), Err(WriteFault::Broken(Broken::Match))),
            (Some("\"x\""), None, None, Err(WriteFault::Absent)),
        ] {
            assert_eq!(check_write(matches, none_match, present), expected, "{matches:?} {none_match:?}");
        }
        assert_eq!(check_delete("*", Some("abc")), Ok(()));
        assert_eq!(check_delete("*", None), Err(WriteFault::Absent));
    }
}
