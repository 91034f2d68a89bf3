//! XML: written from generated structs for answers, read into them from requests.

mod decode;
mod encode;
mod outline;
mod reader;
mod writer;

pub(crate) use decode::Decoder;
pub(crate) use encode::{Naming, element, members};
pub(crate) use writer::Writer;

use crate::Malformed;

/// How deep a document that is read for its leaves may be.
const LEAVES_DEPTH: usize = 16;

/// The elements of a document that hold no others, in their order: local name and text.
///
/// # Errors
/// If it is no document, or a deep one.
pub fn leaves(document: &[u8]) -> Result<Vec<(String, String)>, Malformed> {
    let mut reader = reader::Reader::new(document, LEAVES_DEPTH)?;
    let (mut leaves, mut open): (Vec<_>, Option<(&str, String)>) = (Vec::new(), None);
    loop {
        match reader.next()? {
            reader::Event::Start(name) => open = Some((name, String::new())),
            reader::Event::Text(text) => {
                if let Some((_, own)) = &mut open {
                    own.push_str(&text);
                }
            }
            reader::Event::End => leaves.extend(open.take().map(|(name, text)| (name.to_owned(), text))),
            // A document has a root, and so a leaf.
            reader::Event::Eof if leaves.is_empty() => return Err(Malformed::syntax("no element")),
            reader::Event::Eof => return Ok(leaves),
        }
    }
}

/// A document of texts under a root.
pub fn document(root: &str, leaves: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = Writer::document();
    writer.open(root);
    writer.inside();
    leaves.iter().for_each(|(name, text)| writer.leaf(name, text));
    writer.close(root);
    writer.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_in_their_order() {
        let of = |text: &str| leaves(text.as_bytes()).map_err(drop);
        let leaf = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let tags = "<T><S><G>\n <K>a&amp;b</K><V/></G> <G><K>c</K><V>d</V></G></S></T>";
        assert_eq!(of(tags).unwrap(), [leaf("K", "a&b"), leaf("V", ""), leaf("K", "c"), leaf("V", "d")]);
        assert_eq!(of("<T></T>").unwrap(), [leaf("T", "")]);
        for wrong in ["", "text", "<T>", "<T><S></T></S>", &"<T>".repeat(100)] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
