//! Forms as browsers upload them: `multipart/form-data`, with fields before one file. What stands behind the
//! file is not looked at.

use bytes::Bytes;

/// Bytes of all fields before the file.
const MAX_FIELDS_BYTES: usize = 20 * 1024;
/// Bytes of a part's own headers.
const MAX_PART_HEAD: usize = 8 * 1024;

/// An uploaded form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormUpload {
    /// The fields before the file, names in lower case, in their order.
    pub fields: Vec<(String, String)>,
    /// The name that the file had where it came from, without its folders.
    pub file_name: String,
    /// The file.
    pub file: Bytes,
}

/// Why a form cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormFault {
    /// It is not of the format.
    Malformed,
    /// The fields before the file are too large together.
    FieldsTooLarge,
    /// It has no file.
    NoFile,
}

/// A part of a form: what its headers say, and where its content is.
struct Part {
    name: String,
    file_name: Option<String>,
    start: usize,
    end: usize,
}

impl FormUpload {
    /// Whether a content type is that of such a form.
    pub fn is_announced(content_type: &str) -> bool {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("multipart/form-data")
    }

    /// Reads a form.
    ///
    /// # Errors
    /// If it is not of the format, too large, or without a file.
    pub fn parse(content_type: &str, body: &Bytes) -> Result<Self, FormFault> {
        let boundary = boundary(content_type).ok_or(FormFault::Malformed)?;
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        // The first delimiter has no line before it, or one that is not looked at.
        let first = &delimiter[2..];
        let mut at = match body.starts_with(first) {
            true => first.len(),
            false => find(body, &delimiter, 0).ok_or(FormFault::Malformed)? + delimiter.len(),
        };
        let (mut fields, mut size) = (Vec::new(), 0);
        while !body[at..].starts_with(b"--") {
            let part = part(body, &delimiter, at)?;
            if part.name == "file" {
                let file_name = part.file_name.unwrap_or_default();
                return Ok(FormUpload { fields, file_name, file: body.slice(part.start..part.end) });
            }
            size += part.name.len() + part.end - part.start;
            if size > MAX_FIELDS_BYTES {
                return Err(FormFault::FieldsTooLarge);
            }
            let text = std::str::from_utf8(&body[part.start..part.end]).map_err(|_| FormFault::Malformed)?;
            fields.push((part.name, text.to_owned()));
            at = part.end + delimiter.len();
        }
        Err(FormFault::NoFile)
    }

    /// The first field of a name in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

fn boundary(content_type: &str) -> Option<String> {
    let found = parameter(content_type, "boundary")?;
    (!found.is_empty() && found.len() <= 200).then_some(found)
}

/// A parameter behind a header's value: `; name="form-data"`.
fn parameter(value: &str, wanted: &str) -> Option<String> {
    value.split(';').skip(1).find_map(|parameter| {
        let (name, text) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case(wanted).then(|| text.trim().trim_matches('"').to_owned())
    })
}

fn find(body: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += body.get(at..)?.iter().position(|byte| *byte == wanted[0])?;
        if body[at..].starts_with(wanted) {
            return Some(at);
        }
        at += 1;
    }
}

/// The part behind a delimiter that ends at `at`.
fn part(body: &[u8], delimiter: &[u8], at: usize) -> Result<Part, FormFault> {
    let line = find(body, b"\r\n", at).ok_or(FormFault::Malformed)?;
    // The empty line ends the headers; there may be none of them.
    let end = find(body, b"\r\n\r\n", line).filter(|end| end - line <= MAX_PART_HEAD);
    let end = end.ok_or(FormFault::Malformed)?;
    let head = std::str::from_utf8(&body[line..end]).map_err(|_| FormFault::Malformed)?;
    let disposition = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-disposition").then_some(value)
    });
    let disposition = disposition.ok_or(FormFault::Malformed)?;
    let name = parameter(disposition, "name").ok_or(FormFault::Malformed)?.to_ascii_lowercase();
    let file_name = parameter(disposition, "filename");
    let file_name = file_name.map(|name| name.rsplit(['/', '\\']).next().unwrap_or_default().to_owned());
    let start = end + 4;
    // An empty content's delimiter begins with the end of the headers.
    let end = find(body, delimiter, start - 2).ok_or(FormFault::Malformed)?;
    Ok(Part { name, file_name, start, end: end.max(start) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=\"xx\"";

    fn body(parts: &[(&str, &str)]) -> Bytes {
        let mut text = String::new();
        for (disposition, content) in parts {
            text += &format!("--xx\r\nContent-Disposition: form-data; {disposition}\r\n\r\n{content}\r\n");
        }
        Bytes::from(text + "--xx--\r\n")
    }

    #[test]
    fn forms() {
        let file = ("name=\"file\"; filename=\"C:\\a\\b.txt\"", "line\r\n--x\r\n");
        let read = FormUpload::parse(
            TYPE,
            &body(&[("name=Key", "k"), ("name=\"empty\"", ""), file, ("name=z", "")]),
        );
        let read = read.unwrap();
        let fields = [("key".to_owned(), "k".to_owned()), ("empty".to_owned(), String::new())];
        assert_eq!(read.fields, fields);
        assert_eq!((read.file_name.as_str(), &read.file[..]), ("b.txt", &b"line\r\n--x\r\n"[..]));
        assert_eq!(read.field("key"), Some("k"));
    }

    #[test]
    fn refusals() {
        let large = "x".repeat(MAX_FIELDS_BYTES);
        let cases = [
            (TYPE, body(&[("name=key", "k")]), FormFault::NoFile),
            (TYPE, body(&[("name=key", &large)]), FormFault::FieldsTooLarge),
            (TYPE, body(&[("filename=x", "k")]), FormFault::Malformed),
            (TYPE, Bytes::from_static(b"--xx\r\n\r\n"), FormFault::Malformed),
            (TYPE, Bytes::from_static(b"--xx"), FormFault::Malformed),
            (TYPE, Bytes::new(), FormFault::Malformed),
            ("multipart/form-data", body(&[]), FormFault::Malformed),
        ];
        for (content_type, body, fault) in cases {
            assert_eq!(FormUpload::parse(content_type, &body), Err(fault), "{body:?}");
        }
        let whole = body(&[("name=key", "k"), ("name=file", "content")]);
        for end in 0..whole.len() {
            // Whatever is cut off, it is an answer and no panic.
            let _ = FormUpload::parse(TYPE, &whole.slice(..end));
        }
    }
}
