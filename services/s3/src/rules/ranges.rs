//! Which bytes of an object a request asks for: `Range`, `partNumber`, `x-amz-copy-source-range`.
//! RFC 9110 section 14; what S3 cannot read, or several ranges at once, it ignores and answers the whole
//! object.

/// Bytes from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub first: u64,
    /// The last byte.
    pub last: u64,
}

impl ByteRange {
    /// How many bytes. A range holds at least one.
    pub fn length(self) -> u64 {
        self.last - self.first + 1
    }

    /// The `Content-Range` of these bytes of an object.
    pub fn content_range(self, size: u64) -> String {
        format!("bytes {}-{}/{size}", self.first, self.last)
    }
}

/// What a `Range` header asks of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Everything.
    Whole,
    /// A part of it.
    Part(ByteRange),
    /// Nothing that the object has.
    Unsatisfiable,
}

/// Reads a `Range` header for an object of a size.
pub fn asked(header: &str, size: u64) -> Asked {
    match spec(header) {
        None => Asked::Whole,
        Some((None, Some(suffix))) => match suffix.min(size) {
            0 => Asked::Unsatisfiable,
            length => Asked::Part(ByteRange { first: size - length, last: size - 1 }),
        },
        Some((Some(first), last)) if first < size => {
            let last = last.unwrap_or(u64::MAX).min(size - 1);
            if first <= last { Asked::Part(ByteRange { first, last }) } else { Asked::Whole }
        }
        Some((Some(first), Some(last))) if last < first => Asked::Whole,
        Some(_) => Asked::Unsatisfiable,
    }
}

/// The two numbers of one range; `None` where the header is of another form.
fn spec(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (first, last) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        text if text.bytes().all(|b| b.is_ascii_digit()) => Some(Some(text.parse().unwrap_or(u64::MAX))),
        _ => None,
    };
    match (number(first)?, number(last)?) {
        (None, None) => None,
        numbers => Some(numbers),
    }
}

/// Why a copied range is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyRangeFault {
    /// Not of the form `bytes=first-last`.
    Malformed,
    /// It begins in the source and ends beyond it.
    Beyond,
    /// It begins beyond the end of the source.
    Outside,
}

/// Reads `x-amz-copy-source-range`, which must lie within the source.
///
/// # Errors
/// Where it has another form or lies beyond the source.
pub fn copied(header: &str, size: u64) -> Result<ByteRange, CopyRangeFault> {
    match spec(header) {
        Some((Some(first), Some(last))) if first <= last => {
            if last < size {
                Ok(ByteRange { first, last })
            } else if first < size {
                Err(CopyRangeFault::Beyond)
            } else {
                Err(CopyRangeFault::Outside)
            }
        }
        _ => Err(CopyRangeFault::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(first: u64, last: u64) -> Asked {
        Asked::Part(ByteRange { first, last })
    }

    #[test]
    fn ranges_of_ten_bytes() {
        for (header, expected) in [
            ("bytes=0-3", part(0, 3)),
            ("bytes=0-0", part(0, 0)),
            ("bytes=4-", part(4, 9)),
            ("bytes=4-400", part(4, 9)),
            ("bytes=-3", part(7, 9)),
            ("bytes=-300", part(0, 9)),
            ("bytes=9-9", part(9, 9)),
            ("bytes=0-99999999999999999999999", part(0, 9)),
            ("bytes=10-", Asked::Unsatisfiable),
            ("bytes=10-12", Asked::Unsatisfiable),
            ("bytes=-0", Asked::Unsatisfiable),
            ("bytes=5-4", Asked::Whole),
            ("bytes=50-40", Asked::Whole),
            ("bytes=0-1,3-4", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("items=0-1", Asked::Whole),
            ("", Asked::Whole),
        ] {
            assert_eq!(asked(header, 10), expected, "{header}");
        }
    }

    #[test]
    fn nothing_of_an_empty_object_can_be_had() {
        for header in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            assert_eq!(asked(header, 0), Asked::Unsatisfiable, "{header}");
        }
    }

    #[test]
    fn copied_ranges_are_strict() {
        assert_eq!(copied("bytes=2-9", 10), Ok(ByteRange { first: 2, last: 9 }));
        assert_eq!(copied("bytes=2-10", 10), Err(CopyRangeFault::Beyond));
        for header in ["bytes=2-", "bytes=-2", "bytes=3-2", "2-3", ""] {
            assert_eq!(copied(header, 10), Err(CopyRangeFault::Malformed), "{header}");
        }
        assert_eq!(ByteRange { first: 2, last: 9 }.content_range(10), "bytes 2-9/10");
    }
}
