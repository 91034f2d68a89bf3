//! Bodies in the aws-chunked framing: S3's documented uploads, and what is refused.

use crate::headers;
use crate::objects::{SECRET, signer};
use bytes::Bytes;
use proptest::prelude::*;
use signature::{
    ChunkChain, ChunkError, ChunkedDecoder, KeyCache, PayloadHash, RequestHead, Trailers, decoded_length,
    sign_header,
};

/// The example's seed signature and the chain that it starts.
fn documented(payload: PayloadHash, trailer: &[&str]) -> (String, ChunkChain) {
    let cache = KeyCache::new();
    let mut lines = vec![
        "Host: s3.amazonaws.com",
        "x-amz-storage-class: REDUCED_REDUNDANCY",
        "Content-Encoding: aws-chunked",
        "x-amz-decoded-content-length: 66560",
    ];
    lines.extend(trailer);
    let mut headers = headers(&lines);
    let request = ("PUT", "/examplebucket/chunkObject.txt", "");
    let presented = sign_header(&signer(&cache), request, &mut headers, &payload).unwrap().unwrap();
    let authorization = headers["authorization"].to_str().unwrap().to_owned();
    (authorization[authorization.len() - 64..].to_owned(), ChunkChain::start(&presented, SECRET, &cache))
}

fn chunk(out: &mut Vec<u8>, data: &[u8], signature: &str) {
    out.extend_from_slice(format!("{:x};chunk-signature={signature}\r\n", data.len()).as_bytes());
    if !data.is_empty() {
        out.extend_from_slice(data);
        out.extend_from_slice(b"\r\n");
    }
}

/// Decodes a body that comes in pieces.
fn decode(mut decoder: ChunkedDecoder, body: &[u8], piece: usize) -> Result<(Vec<u8>, Trailers), ChunkError> {
    let mut data = Vec::new();
    for piece in body.chunks(piece.max(1)) {
        let mut input = Bytes::copy_from_slice(piece);
        while let Some(slice) = decoder.next(&mut input)? {
            data.extend_from_slice(&slice);
        }
    }
    decoder.finish().map(|trailers| (data, trailers))
}

const PLAIN: [&str; 4] = [
    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
];

fn plain_body(signatures: [&str; 4]) -> Vec<u8> {
    let mut body = Vec::new();
    chunk(&mut body, &[b'a'; 65_536], signatures[1]);
    chunk(&mut body, &[b'a'; 1024], signatures[2]);
    chunk(&mut body, b"", signatures[3]);
    body.extend_from_slice(b"\r\n");
    body
}

#[test]
fn the_documented_upload() {
    let length = ["Content-Length: 66824"];
    let (seed, chain) = documented(PayloadHash::Chunks, &length);
    assert_eq!(seed, PLAIN[0]);
    let body = plain_body(PLAIN);
    assert_eq!(body.len(), 66_824);
    for piece in [1, 7, 1000, 100_000] {
        let decoder = ChunkedDecoder::signed(chain.clone(), 66_560);
        let (data, trailers) = decode(decoder, &body, piece).unwrap();
        assert_eq!((data.len(), trailers.len()), (66_560, 0));
    }
    let mut tampered = body.clone();
    tampered[40_000] = b'b';
    let refusal = decode(ChunkedDecoder::signed(chain.clone(), 66_560), &tampered, 999).unwrap_err();
    assert_eq!(refusal, ChunkError::SignatureDoesNotMatch { signature: PLAIN[1].to_owned() });
    let reordered = plain_body([PLAIN[0], PLAIN[1], PLAIN[3], PLAIN[2]]);
    assert!(decode(ChunkedDecoder::signed(chain, 66_560), &reordered, 999).is_err());
}

#[test]
fn the_documented_upload_with_a_trailer() {
    let signatures = [
        "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
    ];
    let (seed, chain) = documented(PayloadHash::ChunksTrailer, &["x-amz-trailer: x-amz-checksum-crc32c"]);
    assert_eq!(seed, signatures[0]);
    let mut body = plain_body(signatures);
    body.truncate(body.len() - 2);
    body.extend_from_slice(b"x-amz-checksum-crc32c:sOO8/Q==\r\n");
    let unsigned_end = body.len();
    body.extend_from_slice(
        b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n",
    );
    let decoder =
        || ChunkedDecoder::signed_with_trailers(chain.clone(), 66_560).announced("x-amz-checksum-crc32c");
    let (_, trailers) = decode(decoder(), &body, 1000).unwrap();
    assert_eq!(trailers, [("x-amz-checksum-crc32c".to_owned(), "sOO8/Q==".to_owned())]);
    let mut tampered = body.clone();
    tampered[unsigned_end - 4] = b'A';
    assert!(matches!(
        decode(decoder(), &tampered, 1000).unwrap_err(),
        ChunkError::SignatureDoesNotMatch { .. }
    ));
    let without_signature = [&body[..unsigned_end], b"\r\n"].concat();
    assert!(decode(decoder(), &without_signature, 1000).is_err());
}

#[test]
fn unsigned_chunks_with_a_trailer() {
    let body = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    for piece in 1..body.len() {
        let decoder = ChunkedDecoder::unsigned(5).announced("x-amz-checksum-crc32");
        let (data, trailers) = decode(decoder, body, piece).unwrap();
        assert_eq!(data, b"hello");
        assert_eq!(trailers, [("x-amz-checksum-crc32".to_owned(), "NhCmhg==".to_owned())]);
    }
    let (data, trailers) = decode(ChunkedDecoder::unsigned(0), b"0\r\n\r\n", 100).unwrap();
    assert!(data.is_empty() && trailers.is_empty());
}

#[test]
fn refused_framings() {
    let incomplete = |declared, received| ChunkError::IncompleteBody { declared, received };
    let long_header = format!("5;{}\r\nhello\r\n0\r\n\r\n", "x".repeat(2000));
    let long_trailer = format!("5\r\nhello\r\n0\r\nx:{}\r\n\r\n", "x".repeat(9000));
    let many_trailers = format!("5\r\nhello\r\n0\r\n{}\r\n", "x:\r\n".repeat(5000));
    let cases: [(&str, ChunkError); 13] = [
        ("5\r\nhel", incomplete(5, 3)),
        ("5\r\nhello\r\n", incomplete(5, 5)),
        ("4\r\nhell\r\n0\r\n\r\n", incomplete(5, 4)),
        ("6\r\nhello!\r\n0\r\n\r\n", incomplete(5, 0)),
        ("ffffffffffffffff\r\nhello", incomplete(5, 0)),
        ("5\r\nhello\r\n0\r\n\r\nmore", incomplete(5, 5)),
        ("5\r\nhello!\r\n0\r\n\r\n", ChunkError::Malformed),
        ("five\r\nhello\r\n0\r\n\r\n", ChunkError::Malformed),
        ("+5\r\nhello\r\n0\r\n\r\n", ChunkError::Malformed),
        (&long_header, ChunkError::Malformed),
        (&long_trailer, ChunkError::MalformedTrailer),
        (&many_trailers, ChunkError::MalformedTrailer),
        ("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", ChunkError::InvalidChunkSize { chunk: 1, size: 2 }),
    ];
    for (body, expected) in cases {
        for piece in [1, 1000] {
            assert_eq!(decode(ChunkedDecoder::unsigned(5), body.as_bytes(), piece), Err(expected.clone()));
        }
    }
    let unannounced = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    let decoder = || ChunkedDecoder::unsigned(5).announced("x-amz-checksum-sha1");
    assert_eq!(decode(decoder(), unannounced, 9), Err(ChunkError::MalformedTrailer));
    assert_eq!(decode(decoder(), b"5\r\nhello\r\n0\r\n\r\n", 9), Err(ChunkError::MalformedTrailer));
}

#[test]
fn the_declared_length() {
    for (value, expected) in [("66560", Ok(66_560)), ("-1", Err(())), ("", Err(())), ("+1", Err(()))] {
        let headers = headers(&[&format!("x-amz-decoded-content-length: {value}")]);
        let head = RequestHead { method: "PUT", path: "/", query: "", headers: &headers };
        assert_eq!(decoded_length(&head).map_err(|_| ()), expected);
    }
}

proptest! {
    #[test]
    fn any_bytes_end_in_data_or_an_error(body in prop::collection::vec(any::<u8>(), 0..300), piece in 1usize..40) {
        let _ = decode(ChunkedDecoder::unsigned(20), &body, piece);
        let (_, chain) = documented(PayloadHash::ChunksTrailer, &[]);
        let _ = decode(ChunkedDecoder::signed_with_trailers(chain, 20), &body, piece);
    }
}
