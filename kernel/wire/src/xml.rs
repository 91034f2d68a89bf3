//! XML: written from generated structs for answers, read into them from requests.

mod decode;
mod encode;
mod outline;
mod reader;
mod writer;

pub(crate) use decode::Decoder;
pub(crate) use encode::{Naming, element, members};
pub(crate) use writer::Writer;

/// A document of texts under a root.
pub fn document(root: &str, leaves: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = Writer::document();
    writer.open(root);
    writer.inside();
    leaves.iter().for_each(|(name, text)| writer.leaf(name, text));
    writer.close(root);
    writer.into_bytes()
}
