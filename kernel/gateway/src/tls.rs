//! TLS on the same port: a local certificate authority, made once per data directory, and one leaf
//! certificate for the names by which a region on this machine is reached.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

/// The names in the leaf certificate.
const NAMES: [&str; 10] = [
    "localhost",
    "*.localhost",
    "*.s3.localhost",
    "localhost.localstack.cloud",
    "*.localhost.localstack.cloud",
    "*.s3.localhost.localstack.cloud",
    // The hosts of queues' URLs: `us-east-1.queue.…` and `sqs.us-east-1.…`.
    "*.queue.localhost.localstack.cloud",
    "*.us-east-1.localhost.localstack.cloud",
    "127.0.0.1",
    "::1",
];

/// A region's certificates.
pub struct Certificates {
    /// For rustls.
    pub server: Arc<ServerConfig>,
    /// The file of the authority's certificate, for clients to trust; `None` in memory.
    pub authority_file: Option<PathBuf>,
}

fn fault(cause: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("the local certificates cannot be made: {cause}"))
}

/// What the authority's certificate says.
fn authority_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "Elysium local authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_after = rcgen::date_time_ymd(2126, 1, 1);
    Ok(params)
}

fn make_authority() -> Result<(String, String), rcgen::Error> {
    let issuer = CertifiedIssuer::self_signed(authority_params()?, KeyPair::generate()?)?;
    Ok((issuer.pem(), issuer.key().serialize_pem()))
}

/// Writes a secret file that its owner alone may read.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn authority_of(dir: Option<&Path>) -> io::Result<(String, String, Option<PathBuf>)> {
    let Some(dir) = dir else {
        let (certificate, key) = make_authority().map_err(fault)?;
        return Ok((certificate, key, None));
    };
    let (certificate_file, key_file) = (dir.join("authority.pem"), dir.join("authority.key"));
    if let (Ok(certificate), Ok(key)) = (fs::read_to_string(&certificate_file), fs::read_to_string(&key_file))
    {
        return Ok((certificate, key, Some(certificate_file)));
    }
    fs::create_dir_all(dir)?;
    let (certificate, key) = make_authority().map_err(fault)?;
    write_private(&key_file, &key)?;
    fs::write(&certificate_file, &certificate)?;
    Ok((certificate, key, Some(certificate_file)))
}

/// The certificates of a region, from its folder or made anew.
///
/// # Errors
/// If the folder cannot be read or written, or holds something else.
pub fn certificates(dir: Option<&Path>) -> io::Result<Certificates> {
    let (_, authority_key, authority_file) = authority_of(dir)?;
    let key = KeyPair::from_pem(&authority_key).map_err(fault)?;
    let issuer = rcgen::Issuer::new(authority_params().map_err(fault)?, key);
    let leaf_key = KeyPair::generate().map_err(fault)?;
    let mut params = CertificateParams::new(NAMES.map(str::to_owned).to_vec()).map_err(fault)?;
    params.distinguished_name.push(DnType::CommonName, "Elysium");
    params.not_after = rcgen::date_time_ymd(2126, 1, 1);
    params.use_authority_key_identifier_extension = true;
    let leaf = params.signed_by(&leaf_key, &issuer).map_err(fault)?;
    let chain: Vec<CertificateDer<'static>> = vec![leaf.der().clone()];
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(fault)?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(fault)?;
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Certificates { server: Arc::new(server), authority_file })
}
