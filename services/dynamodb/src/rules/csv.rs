//! Lines of values, as files of imports hold them: fields in quotes may hold delimiters, line ends and quotes
//! written twice. Text comes in pieces; a line is given once it is whole.

/// The longest line: more than any item.
const MAX_LINE: usize = 4 * 1024 * 1024;

/// Why a text is not read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

/// Reads lines of values.
#[derive(Debug)]
pub struct Lines {
    delimiter: u8,
    fields: Vec<Vec<u8>>,
    field: Vec<u8>,
    bytes: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    Plain,
    Quoted,
    /// Behind a quote inside of quotes: the end, or half of a quote.
    Quote,
}

impl Lines {
    /// Of fields that a character delimits.
    pub fn new(delimiter: u8) -> Self {
        Lines { delimiter, fields: Vec::new(), field: Vec::new(), bytes: 0, state: State::Start }
    }

    /// The lines that a piece of text ends.
    ///
    /// # Errors
    /// Where a line is longer than any item.
    pub fn read(&mut self, piece: &[u8]) -> Result<Vec<Vec<String>>, TooLong> {
        let mut lines = Vec::new();
        for byte in piece {
            self.bytes += 1;
            if self.bytes > MAX_LINE {
                return Err(TooLong);
            }
            match (self.state, *byte) {
                (State::Quoted, b'"') => self.state = State::Quote,
                (State::Quoted, byte) => self.field.push(byte),
                (State::Start, b'"') => self.state = State::Quoted,
                (State::Quote, b'"') => {
                    self.field.push(b'"');
                    self.state = State::Quoted;
                }
                (_, b'\n') => lines.extend(self.finish()),
                (_, byte) if byte == self.delimiter => self.end_field(),
                (_, byte) => {
                    self.field.push(byte);
                    self.state = State::Plain;
                }
            }
        }
        Ok(lines)
    }

    /// The line that the end of the text ends, if there is one.
    pub fn finish(&mut self) -> Option<Vec<String>> {
        self.bytes = 0;
        if self.state != State::Quote && self.field.last() == Some(&b'\r') {
            self.field.pop();
        }
        if self.fields.is_empty() && self.field.is_empty() {
            self.state = State::Start;
            return None;
        }
        self.end_field();
        let fields = std::mem::take(&mut self.fields);
        Some(fields.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect())
    }

    fn end_field(&mut self) {
        self.fields.push(std::mem::take(&mut self.field));
        self.state = State::Start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&str]) -> Vec<Vec<String>> {
        let mut lines = Lines::new(b',');
        let mut all: Vec<Vec<String>> =
            pieces.iter().flat_map(|piece| lines.read(piece.as_bytes()).unwrap()).collect();
        all.extend(lines.finish());
        all
    }

    #[test]
    fn fields_and_quotes() {
        let cases: [(&[&str], &[&[&str]]); 6] = [
            (&["a,b\n1,2\n"], &[&["a", "b"], &["1", "2"]]),
            (&["a,b\r\n1,\r\n"], &[&["a", "b"], &["1", ""]]),
            (&["a,\"x,\ny\"\n"], &[&["a", "x,\ny"]]),
            (&["\"say \"\"so\"\"\",", "b"], &[&["say \"so\"", "b"]]),
            (&["a", ",b\n", "\n\nc,d"], &[&["a", "b"], &["c", "d"]]),
            (&["", "\n"], &[]),
        ];
        for (pieces, expected) in cases {
            assert_eq!(lines(pieces), expected, "{pieces:?}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut lines = Lines::new(b',');
        let piece = vec![b'x'; MAX_LINE];
        assert_eq!(lines.read(&piece), Ok(Vec::new()));
        assert_eq!(lines.read(b"x"), Err(TooLong));
    }
}
