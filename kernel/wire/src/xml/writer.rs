//! XML text, written element by element.

use schema::XmlNamespace;

/// XML that is being written.
pub(crate) struct Writer {
    out: String,
}

impl Writer {
    /// A document with its declaration.
    pub(crate) fn document() -> Self {
        Writer { out: String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n") }
    }

    /// Without a declaration: the query protocols have none.
    pub(crate) fn fragment() -> Self {
        Writer { out: String::with_capacity(512) }
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out.into_bytes()
    }

    /// The start of an element, to be followed by attributes and [`Writer::inside`].
    pub(crate) fn open(&mut self, name: &str) {
        self.out.push('<');
        self.out.push_str(name);
    }

    pub(crate) fn attribute(&mut self, name: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(name);
        self.out.push_str("=\"");
        self.text(value);
        self.out.push('"');
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
        self.out.push('>');
    }

    pub(crate) fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
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
        while let Some(at) = rest.bytes().position(|byte| ESCAPED[usize::from(byte)]) {
            let (plain, special) = rest.split_at(at);
            self.out.push_str(plain);
            match special.as_bytes()[0] {
                b'&' => self.out.push_str("&amp;"),
                b'<' => self.out.push_str("&lt;"),
                b'>' => self.out.push_str("&gt;"),
                b'"' => self.out.push_str("&quot;"),
                byte => self.out.push_str(&format!("&#x{byte:x};")),
            }
            rest = &special[1..];
        }
        self.out.push_str(rest);
    }
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
}
