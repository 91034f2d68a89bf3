//! The region's signature on what it sends: an RSA key made when it is first needed, and its certificate,
//! which anybody can fetch from the region's own host.

mod key;
mod power;

use crate::errors::SnsError;
use crate::rules::envelope::Signed;
use crate::state::sending::{self, SigningKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use key::Key;
use service::{Ctx, hex};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

/// Signs, with the one key of the region.
#[derive(Default)]
pub struct Signer(OnceCell<Signing>);

/// The key, and what the file of its certificate is called.
struct Signing {
    key: Key,
    file: String,
}

impl Signing {
    fn with(key: Key) -> Self {
        let file = format!("SimpleNotificationService-{}.pem", hex(&Sha256::digest(&key.certificate)[..16]));
        Signing { key, file }
    }
}

impl Signer {
    async fn signing(&self, ctx: &Ctx) -> Result<&Signing, SnsError> {
        self.0.get_or_try_init(|| load_or_make(ctx)).await
    }

    /// Signs a text in a version: 1 is SHA-1, 2 is SHA-256.
    ///
    /// # Errors
    /// If there is no key and none can be made.
    pub async fn sign(&self, ctx: &Ctx, version: &str, origin: &str, text: &str) -> Result<Signed, SnsError> {
        let Signing { key, file } = self.signing(ctx).await?;
        let version = if version == "2" { "2" } else { "1" };
        let signature = key.sign(version == "2", text.as_bytes());
        Ok(Signed {
            version,
            signature: STANDARD.encode(signature),
            certificate_url: format!("{origin}/_aws/sns/{file}"),
        })
    }

    /// The certificate of a file, where it is the region's.
    ///
    /// # Errors
    /// If there is no key and none can be made.
    pub async fn certificate(&self, ctx: &Ctx, file: &str) -> Result<Option<String>, SnsError> {
        let signing = self.signing(ctx).await?;
        Ok((signing.file == file).then(|| signing.key.certificate.clone()))
    }
}

async fn load_or_make(ctx: &Ctx) -> Result<Signing, SnsError> {
    let unusable = || SnsError::Internal("The key that signs cannot be used.".to_owned());
    if let Some(key) = sending::signing_key(&ctx.read())?.and_then(|kept| Key::of(&kept)) {
        return Ok(Signing::with(key));
    }
    let (host, now) = (ctx.host().clone(), ctx.host_time());
    let made = ctx.compute(move || key::make(&host.entropy, now)).await;
    let made = made.ok().flatten().ok_or_else(unusable)?;
    // What is there in another form, an older one's, gives way.
    let fits = |kept: &SigningKey| Key::of(kept).is_some();
    let keeping = ctx.commit(move |tx| sending::keep_signing_key(tx, &made, fits));
    let kept = keeping.await.map_err(SnsError::Store)?;
    Key::of(&kept).map(Signing::with).ok_or_else(unusable)
}
