//! The package of code that a request brings or names: read, checked, unpacked, kept as bytes. Or a folder of
//! this machine, by the bucket name that LocalStack's users know.

use crate::compute;
use crate::errors::LambdaError;
use crate::rules::archive::{MAX_UNZIPPED, unzipped};
use crate::state::{self, Code, Configuration, LayerUse, Origin};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use model_s3::GetObjectInput;
use model_s3::operations::GetObject;
use schema::ApiError;
use service::Ctx;
use sha2::{Digest, Sha256};
use store::BlobRef;

/// Largest package in a request (Lambda quotas: 50 MB zipped).
const MAX_DIRECT: usize = 52_428_800;
/// Largest request, in which a package is base64.
const MAX_REQUEST: usize = 70_167_211;
/// Largest package in S3: what unzips to 250 MB is no larger.
const MAX_IN_S3: usize = 262_144_000;

/// Where a package is.
pub struct Source<'a> {
    /// In the request.
    pub zip: Option<&'a Bytes>,
    /// In S3: the bucket and the key.
    pub s3: Option<(&'a str, &'a str)>,
    /// The version of the object.
    pub s3_version: Option<&'a str>,
    /// An image: its URI, and the architecture it is wanted for.
    pub image: Option<(&'a str, &'a str)>,
}

/// The bucket whose keys are folders of this machine.
const FOLDERS: &str = "hot-reload";

/// A package that was checked.
#[derive(Clone)]
pub struct Package {
    /// What it is.
    pub code: Code,
    /// A package, or a folder.
    pub origin: Origin,
    /// Its bytes, where the region may not have them.
    pub archive: Option<BlobRef>,
    bytes: Bytes,
}

/// Reads a package, checks and unpacks it.
///
/// # Errors
/// Where there is none, or it cannot be run.
pub async fn read(ctx: &Ctx, source: &Source<'_>) -> Result<Package, LambdaError> {
    if let (None, Some((FOLDERS, folder))) = (source.zip, source.s3) {
        return of_folder(ctx, folder);
    }
    if let Some((uri, architecture)) = source.image {
        return of_image(ctx, uri, architecture).await;
    }
    let bytes = match (source.zip, source.s3) {
        (Some(zip), None) => direct(ctx, zip)?,
        (None, Some((bucket, key))) => from_s3(ctx, bucket, key, source.s3_version).await?,
        (Some(_), Some(_)) => {
            return Err(LambdaError::invalid(
                "Please do not provide other FunctionCode parameters when providing a ZipFile.",
            ));
        }
        (None, None) => return Err(LambdaError::invalid("Please provide a source for function code.")),
    };
    let hashed = bytes.clone();
    let sha256: [u8; 32] =
        ctx.compute(move || Sha256::digest(&hashed).into()).await.map_err(LambdaError::Other)?;
    let code = Code { sha256, size: bytes.len() as u64 };
    compute::unpack(ctx, &code, bytes.clone()).await?;
    let mut package = Package { code, origin: Origin::Package, archive: None, bytes };
    if state::package(&ctx.read(), &sha256)?.is_none() {
        package.keep(ctx).await?;
    }
    Ok(package)
}

/// A folder of this machine, which its owner may change at any time.
fn of_folder(ctx: &Ctx, folder: &str) -> Result<Package, LambdaError> {
    if ctx.host().settings.enforces {
        return Err(LambdaError::invalid(
            "Folders of this machine are no code of functions where permissions are enforced.",
        ));
    }
    let place = std::path::Path::new(folder);
    if !place.is_absolute() || !place.is_dir() {
        return Err(LambdaError::invalid(format!("{folder} is no folder of this machine.")));
    }
    let code = Code { sha256: Sha256::digest(folder).into(), size: 0 };
    Ok(Package { code, origin: Origin::Folder(folder.to_owned()), archive: None, bytes: Bytes::new() })
}

/// The digest that a URI names its image by, where it does.
pub fn told_digest(uri: &str) -> Option<[u8; 32]> {
    let (_, digits) = uri.rsplit_once("@sha256:")?;
    if digits.len() != 64 || !digits.is_ascii() {
        return None;
    }
    let mut digest = [0; 32];
    for (byte, digits) in digest.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(digest)
}

/// An image of this machine. One in a registry is taken note of, and cannot be run.
async fn of_image(ctx: &Ctx, uri: &str, architecture: &str) -> Result<Package, LambdaError> {
    let mut sha256 = told_digest(uri).unwrap_or_else(|| Sha256::digest(uri).into());
    if compute::image::local(uri).is_some() {
        if ctx.host().settings.enforces {
            return Err(LambdaError::invalid(
                "Files of this machine are no code of functions where permissions are enforced.",
            ));
        }
        let (uri, architecture) = (uri.to_owned(), architecture.to_owned());
        let found = ctx.compute(move || compute::image::Image::find(&uri, &architecture)).await;
        let found = found.map_err(LambdaError::Other)?;
        sha256 = found.map_err(LambdaError::invalid)?.digest;
    }
    let code = Code { sha256, size: 0 };
    Ok(Package { code, origin: Origin::Image(uri.to_owned()), archive: None, bytes: Bytes::new() })
}

/// Code and layers of a function, unpacked, are together no larger than code alone may be; the code that is in hand,
/// or that which the function has.
///
/// # Errors
/// Where they are.
pub async fn check_together(
    ctx: &Ctx,
    code: Result<&Package, &Configuration>,
    layers: &[LayerUse],
) -> Result<(), LambdaError> {
    let origin = code.map_or_else(|function| &function.origin, |package| &package.origin);
    if layers.is_empty() || *origin != Origin::Package {
        return Ok(());
    }
    let of_layers = compute::unzipped(ctx, layers.iter().map(|layer| &layer.code)).await?;
    if of_layers > MAX_UNZIPPED {
        return Err(LambdaError::invalid(format!(
            "Layers consume more than the available size of {MAX_UNZIPPED} bytes"
        )));
    }
    let own = match code {
        Ok(package) => {
            let bytes = package.bytes.clone();
            let own = ctx.compute(move || unzipped(&bytes)).await.map_err(LambdaError::Other)?;
            // What cannot be read was refused before.
            own.unwrap_or_default()
        }
        Err(function) => compute::unzipped(ctx, [&function.code].into_iter()).await?,
    };
    let all = own.saturating_add(of_layers);
    if all <= MAX_UNZIPPED {
        return Ok(());
    }
    Err(LambdaError::invalid(format!(
        "Function code combined with layers exceeds the maximum allowed size of {MAX_UNZIPPED} bytes. The actual \
         size is {all} bytes."
    )))
}

impl Package {
    /// The same as a layer: that of a folder has the folder's name for its bytes.
    pub fn into_layer(self) -> Self {
        let Origin::Folder(folder) = &self.origin else { return self };
        // A digest of its own, which no package has.
        let sha256 = Sha256::digest(format!("layer {folder}")).into();
        Package { code: Code { sha256, size: 0 }, bytes: Bytes::from(folder.clone()), ..self }
    }

    /// Keeps the bytes, for a commit that found the region without them.
    ///
    /// # Errors
    /// The store's.
    pub async fn keep(&mut self, ctx: &Ctx) -> Result<(), LambdaError> {
        self.archive = Some(ctx.host().store.blobs().keep(self.bytes.clone()).await?);
        Ok(())
    }
}

fn direct(ctx: &Ctx, zip: &Bytes) -> Result<Bytes, LambdaError> {
    if zip.len() > MAX_DIRECT {
        let message = if zip.len() > MAX_REQUEST / 4 * 3 {
            let operation = ctx.request().operation;
            format!("Request must be smaller than {MAX_REQUEST} bytes for the {operation} operation")
        } else {
            format!("Zipped size must be smaller than {MAX_DIRECT} bytes")
        };
        return Err(LambdaError::Other(ApiError::new("RequestEntityTooLargeException", 413, message)));
    }
    Ok(zip.clone())
}

async fn from_s3(ctx: &Ctx, bucket: &str, key: &str, version: Option<&str>) -> Result<Bytes, LambdaError> {
    let refused = |error: &ApiError| {
        let (code, message) = (&error.code, &error.message);
        LambdaError::invalid(format!(
            "Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {message}"
        ))
    };
    let input = GetObjectInput {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        version_id: version.map(str::to_owned),
        ..Default::default()
    };
    let object = ctx.call::<GetObject>(input).await.map_err(|error| refused(&error))?;
    let length = object.content_length.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    if length > MAX_IN_S3 {
        return Err(LambdaError::invalid(format!("Unzipped size must be smaller than {MAX_IN_S3} bytes")));
    }
    let mut bytes = BytesMut::with_capacity(length);
    let mut chunks = object.body.and_then(|body| body.take());
    while let Some(chunks) = &mut chunks {
        let Some(chunk) = chunks.next().await else { break };
        let chunk = chunk.map_err(|error| LambdaError::invalid(error.to_string()))?;
        if bytes.len() + chunk.len() > MAX_IN_S3 {
            return Err(LambdaError::invalid(format!(
                "Unzipped size must be smaller than {MAX_IN_S3} bytes"
            )));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}
