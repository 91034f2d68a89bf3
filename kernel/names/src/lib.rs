//! Checked names of AWS things: accounts, regions, ARNs, scopes, tags, timestamps
