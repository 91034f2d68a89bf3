//! XML text, written element by element.

use names::Timestamp;
use schema::XmlNamespace;

/// XML that is being written: bytes of texts, so that what is made of digits need not be looked at again.
pub(crate) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// A document with its declaration.
    pub(crate) fn document() -> Self {
        Writer { out: b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_vec() }
    }

    /// Without a declaration: the query protocols have none.
    pub(crate) fn fragment() -> Self {
        Writer { out: Vec::with_capacity(512) }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// The start of an element, to be followed by attributes and [`Writer::inside`].
    pub(crate) fn open(&mut self, name: &str) {
        self.out.push(b'<');
        self.out.extend_from_slice(name.as_bytes());
    }

    pub(crate) fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(b' ');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"=\"");
        self.text(value);
        self.out.push(b'"');
    }

    pub(crate) fn namespace(&mut self, namespace: Option<XmlNamespace>) {
        match namespace {
            Some(XmlNamespace { uri, prefix: Some(prefix) }) => {
                self.attribute(&format!("xmlns:{prefix}"), uri);
            }
            Some(XmlNamespace { uri, prefix: None }) => self.attribute("xmlns", uri),
            None => {}
        }
    }

    /// Behind the attributes.
    pub(crate) fn inside(&mut self) {
        self.out.push(b'>');
    }

    pub(crate) fn close(&mut self, name: &str) {
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(name.as_bytes());
        self.out.push(b'>');
    }

    /// The end of an element without attributes; one that holds nothing has no end but its start.
    pub(crate) fn close_or_empty(&mut self, name: &str) {
        let start = self.out.strip_suffix(b">").and_then(|out| out.strip_suffix(name.as_bytes()));
        match start.is_some_and(|out| out.ends_with(b"<")) {
            true => {
                self.out.pop();
                self.out.extend_from_slice(b"/>");
            }
            false => self.close(name),
        }
    }

    /// An element without attributes that holds a text.
    pub(crate) fn leaf(&mut self, name: &str, text: &str) {
        self.open(name);
        self.inside();
        self.text(text);
        self.close(name);
    }

    /// Text, escaped. Control characters become references, as S3 writes them.
    pub(crate) fn text(&mut self, text: &str) {
        let mut rest = text;
        loop {
            let (plain, special) = rest.split_at(plain_length(rest.as_bytes()));
            self.out.extend_from_slice(plain.as_bytes());
            let Some(byte) = special.as_bytes().first() else { return };
            match byte {
                b'&' => self.out.extend_from_slice(b"&amp;"),
                b'<' => self.out.extend_from_slice(b"&lt;"),
                b'>' => self.out.extend_from_slice(b"&gt;"),
                b'"' => self.out.extend_from_slice(b"&quot;"),
                byte => self.out.extend_from_slice(format!("&#x{byte:x};").as_bytes()),
            }
            rest = &special[1..];
        }
    }

    /// Text that holds nothing to escape: numbers, moments.
    pub(crate) fn plain(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// A number. Without the formatter: listings write one for each entry.
    pub(crate) fn number(&mut self, number: i64) {
        let (mut digits, mut at, mut rest) = ([0; 20], 20, number.unsigned_abs());
        loop {
            at -= 1;
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            self.out.push(b'-');
        }
        self.out.extend_from_slice(&digits[at..]);
    }

    /// A moment with its milliseconds.
    pub(crate) fn moment(&mut self, moment: Timestamp) {
        self.out.extend_from_slice(&moment.iso8601_millis_form());
    }

    /// How much is written.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// Makes room for what is known to follow.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.out.reserve(bytes);
    }
}

/// How many bytes are looked at together.
const STRIDE: usize = 16;
const HALF: usize = STRIDE / 2;

/// How many bytes stand for themselves before the first that does not. Looks at many at once, which the
/// compiler makes one comparison of.
fn plain_length(bytes: &[u8]) -> usize {
    let (strides, tail) = bytes.as_chunks::<STRIDE>();
    let first = strides.iter().position(is_any_suspect);
    // A tail is looked at with what stands before it, and a short text in two halves that overlap.
    let suspect = first.or_else(|| match (bytes.last_chunk::<STRIDE>(), bytes.len()) {
        (_, _) if tail.is_empty() => None,
        (Some(last), _) => is_any_suspect(last).then_some(strides.len()),
        (None, 0..HALF) => Some(0),
        (None, _) => {
            let halves = bytes.first_chunk::<HALF>().into_iter().chain(bytes.last_chunk::<HALF>());
            halves.fold(false, |any, half| any | is_any_suspect(half)).then_some(0)
        }
    });
    let Some(from) = suspect.map(|stride| stride * STRIDE) else { return bytes.len() };
    let rest = &bytes[from..];
    from + rest.iter().position(|byte| ESCAPED[usize::from(*byte)]).unwrap_or(rest.len())
}

fn is_any_suspect<const N: usize>(bytes: &[u8; N]) -> bool {
    bytes.iter().fold(false, |any, byte| any | is_suspect(*byte))
}

/// Whether a byte may have to be escaped, in few comparisons: tabs and line ends are taken for it too.
fn is_suspect(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'&') | (byte == b'<') | (byte == b'>') | (byte == b'"')
}

/// The bytes that do not stand for themselves; all are ASCII.
static ESCAPED: [bool; 256] = {
    let mut escaped = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        escaped[byte] = !matches!(byte as u8, b'\t' | b'\n');
        byte += 1;
    }
    escaped[b'&' as usize] = true;
    escaped[b'<' as usize] = true;
    escaped[b'>' as usize] = true;
    escaped[b'"' as usize] = true;
    escaped
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        let mut writer = Writer::fragment();
        writer.leaf("a", "<\"é\"> & \r\n\u{1}");
        let expect = "<a>&lt;&quot;é&quot;&gt; &amp; &#xd;\n&#x1;</a>";
        assert_eq!(String::from_utf8(writer.into_bytes()).unwrap(), expect);
    }

    /// Every byte at every place of a text, against the definition.
    #[test]
    fn escapes_wherever_they_stand() {
        for special in (0..0x80u8).map(char::from) {
            for place in 0..40 {
                let text = format!("{}{special}{}", "\t".repeat(place), "é".repeat(40 - place));
                let mut writer = Writer::fragment();
                writer.text(&text);
                let escaped: String = text.chars().map(reference).collect();
                assert_eq!(String::from_utf8(writer.into_bytes()).unwrap(), escaped);
            }
        }
    }

    fn reference(char: char) -> String {
        match char {
            '&' => "&amp;".into(),
            '<' => "&lt;".into(),
            '>' => "&gt;".into(),
            '"' => "&quot;".into(),
            '\t' | '\n' => char.into(),
            char if char < ' ' => format!("&#x{:x};", u32::from(char)),
            char => char.into(),
        }
    }
}
