//! Records out of bytes, as these arrive: fields of CSV, values of JSON. A record has at most a mebibyte;
//! what is larger ends the query.

use super::Fault;
use super::eval::{Record, records_of};
use super::parser::Step;
use super::value::Value;
use bytes::BytesMut;
use std::sync::Arc;

/// Largest record, in bytes.
const MAX_RECORD: usize = 1024 * 1024;
/// Largest document, in bytes: it is one value.
const MAX_DOCUMENT: usize = 32 * 1024 * 1024;

/// How CSV is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csv {
    /// What the first line is.
    pub header: Header,
    /// Lines that begin so are no records.
    pub comment: Option<u8>,
    /// Within quotes, stands before a quote that is meant.
    pub escape: u8,
    /// Between records.
    pub record: Vec<u8>,
    /// Between fields.
    pub field: Vec<u8>,
    /// Around a field.
    pub quote: Option<u8>,
}

/// What the first line of CSV is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// A record.
    None,
    /// Left out.
    Ignore,
    /// The names of the fields.
    Use,
}

/// How records are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// CSV.
    Csv(Csv),
    /// JSON values one after another.
    Lines,
    /// One JSON value.
    Document,
}

/// Reads records.
pub struct Reader {
    format: Format,
    source: Vec<Step>,
    waiting: BytesMut,
    names: Option<Arc<Vec<String>>>,
    first: bool,
}

impl Reader {
    /// A reader of a format; `source` leads to the records of a JSON value.
    pub fn new(format: Format, source: Vec<Step>) -> Self {
        Reader { format, source, waiting: BytesMut::new(), names: None, first: true }
    }

    /// The records that bytes complete; `end` where no more will come.
    ///
    /// # Errors
    /// Where they are not of the format, or a record is too large.
    pub fn read(&mut self, bytes: &[u8], end: bool) -> Result<Vec<Record>, Fault> {
        self.waiting.extend_from_slice(bytes);
        let mut records = Vec::new();
        let format = self.format.clone();
        match &format {
            Format::Csv(csv) => self.rows(csv, end, &mut records)?,
            Format::Document if !end => {
                if self.waiting.len() > MAX_DOCUMENT {
                    return Err(too_large());
                }
                return Ok(records);
            }
            Format::Document | Format::Lines => self.values(end, &mut records)?,
        }
        if self.waiting.len() > MAX_RECORD && !end {
            return Err(too_large());
        }
        Ok(records)
    }

    fn values(&mut self, end: bool, records: &mut Vec<Record>) -> Result<(), Fault> {
        let invalid = |error: serde_json::Error| {
            Fault::new(
                "JSONParsingError",
                format!("Encountered an error parsing the JSON file: {error}. Check the file and try again."),
            )
        };
        let mut values = serde_json::Deserializer::from_slice(&self.waiting).into_iter::<Value>();
        let mut used = 0;
        while let Some(value) = values.next() {
            match value {
                // A number at the end of the bytes may go on in the next.
                Ok(_) if values.byte_offset() == self.waiting.len() && !end => break,
                Ok(value) => {
                    used = values.byte_offset();
                    records.extend(records_of(value, &self.source).into_iter().map(Record::Value));
                }
                Err(error) if error.is_eof() && !end => break,
                Err(error) => return Err(invalid(error)),
            }
        }
        let _ = self.waiting.split_to(used);
        Ok(())
    }

    fn rows(&mut self, csv: &Csv, end: bool, records: &mut Vec<Record>) -> Result<(), Fault> {
        let mut at = 0;
        while at < self.waiting.len() {
            let Some((fields, next)) = row(csv, &self.waiting[at..], end)? else { break };
            let line = &self.waiting[at..at + next];
            let comment = csv.comment.is_some_and(|comment| line.first() == Some(&comment));
            let blank = fields.len() == 1 && fields[0].is_empty();
            at += next;
            if comment || blank {
                continue;
            }
            match (std::mem::take(&mut self.first), csv.header) {
                (true, Header::Use) => self.names = Some(Arc::new(fields)),
                (true, Header::Ignore) => {}
                _ => records.push(Record::Row { fields, names: self.names.clone() }),
            }
        }
        let _ = self.waiting.split_to(at);
        Ok(())
    }
}

fn too_large() -> Fault {
    Fault::new(
        "OverMaxRecordSize",
        "The length of a record in the input or result is greater than the maxCharsPerRecord limit of 1 MB.",
    )
}

/// The fields of the first record and where the next begins; `None` where its end is not there yet.
fn row(csv: &Csv, bytes: &[u8], end: bool) -> Result<Option<(Vec<String>, usize)>, Fault> {
    let mut fields = Vec::new();
    let mut field = Vec::new();
    let (mut at, mut quoted) = (0, false);
    let text = |field: &mut Vec<u8>| {
        String::from_utf8(std::mem::take(field)).map_err(|_| {
            Fault::new("InvalidTextEncoding", "Invalid encoding type. Only UTF-8 encoding is supported.")
        })
    };
    while let Some(byte) = bytes.get(at).copied() {
        let rest = &bytes[at..];
        if quoted {
            let next = bytes.get(at + 1).copied();
            if byte == csv.escape && next.is_some() && next == csv.quote {
                field.extend(next);
                at += 2;
            } else if Some(byte) == csv.quote && next.is_none() && !end {
                // The next byte says whether the quote is meant.
                return Ok(None);
            } else {
                quoted = Some(byte) != csv.quote;
                if quoted {
                    field.push(byte);
                }
                at += 1;
            }
        } else if Some(byte) == csv.quote && field.is_empty() {
            quoted = true;
            at += 1;
        } else if rest.starts_with(&csv.record) {
            // A line may end with a carriage return as well.
            if csv.record == b"\n" && field.last() == Some(&b'\r') {
                field.pop();
            }
            fields.push(text(&mut field)?);
            return Ok(Some((fields, at + csv.record.len())));
        } else if rest.starts_with(&csv.field) {
            fields.push(text(&mut field)?);
            at += csv.field.len();
        } else {
            field.push(byte);
            at += 1;
        }
    }
    match (end, quoted) {
        (false, _) => Ok(None),
        (true, true) => Err(Fault::new(
            "CSVUnescapedQuote",
            "Encountered an unescaped quote while parsing the CSV file. Check the file and try again.",
        )),
        (true, false) => {
            fields.push(text(&mut field)?);
            Ok(Some((fields, at)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn csv(header: Header) -> Csv {
        Csv {
            header,
            comment: Some(b'#'),
            escape: b'"',
            record: b"\n".to_vec(),
            field: b",".to_vec(),
            quote: Some(b'"'),
        }
    }

    fn read(format: Format, pieces: &[&[u8]]) -> Result<Vec<Vec<(String, Value)>>, Fault> {
        let mut reader = Reader::new(format, vec![]);
        let mut records = Vec::new();
        for (at, piece) in pieces.iter().enumerate() {
            records.extend(reader.read(piece, at + 1 == pieces.len())?);
        }
        Ok(records.into_iter().map(Record::members).collect())
    }

    #[test]
    fn quoted_fields_and_comments() {
        let text = b"a,b\r\n#no\n\"x,\"\"y\n\",2\n\n3,4";
        let found = read(Format::Csv(csv(Header::Use)), &[text]).unwrap();
        let row = |one: &str, two: &str| {
            vec![("a".to_owned(), Value::Text(one.into())), ("b".to_owned(), Value::Text(two.into()))]
        };
        assert_eq!(found, [row("x,\"y\n", "2"), row("3", "4")]);
        assert_eq!(
            read(Format::Csv(csv(Header::Use)), &[b"a\n\"open"]).unwrap_err().code,
            "CSVUnescapedQuote"
        );
    }

    #[test]
    fn json() {
        assert_eq!(read(Format::Lines, &[b"{\"a\":1}\n{\"a\"", b":2}"]).unwrap().len(), 2);
        assert_eq!(read(Format::Lines, &[b"{\"a\":1} x"]).unwrap_err().code, "JSONParsingError");
        let deep = "[".repeat(1_000_000);
        assert_eq!(read(Format::Lines, &[deep.as_bytes()]).unwrap_err().code, "JSONParsingError");
        let large = vec![b' '; MAX_RECORD + 1];
        assert_eq!(read(Format::Lines, &[&large, b""]).unwrap_err().code, "OverMaxRecordSize");
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_does_not_matter(text in "[ab,\"\n]{0,30}", cut in 0usize..30) {
            let cut = cut.min(text.len());
            let whole = read(Format::Csv(csv(Header::None)), &[text.as_bytes()]);
            let cut = read(Format::Csv(csv(Header::None)), &[&text.as_bytes()[..cut], &text.as_bytes()[cut..]]);
            prop_assert_eq!(whole, cut);
        }
    }
}
