//! SigV4: header, presigned, chunked and trailer payloads
