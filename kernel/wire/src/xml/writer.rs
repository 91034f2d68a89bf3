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
        let mut from = 0;
        for (at, byte) in text.bytes().enumerate() {
            let reference = match byte {
                b'&' => "&amp;",
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'"' => "&quot;",
                b'\t' | b'\n' => continue,
                0x00..=0x1f => "",
                _ => continue,
            };
            self.out.push_str(&text[from..at]);
            from = at + 1;
            if reference.is_empty() {
                self.out.push_str(&format!("&#x{byte:x};"));
            } else {
                self.out.push_str(reference);
            }
        }
        self.out.push_str(&text[from..]);
    }
}

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
