//! CBOR (RFC 8949) as rpc-v2-cbor uses it: read into generated structs and written from them.

mod decode;
mod encode;
mod reader;

pub(crate) use decode::decode;
pub(crate) use encode::{encode, encode_error};
