//! The object that a copy is made from.

use crate::access;
use crate::errors::S3Error;
use crate::intake::{Intake, Taken};
use crate::lookup::{self, Found};
use crate::outflow::Outflow;
use crate::policy::unless_hidden;
use crate::rules::conditions::{Conditions, State};
use crate::rules::headers::{self, NoSource};
use crate::sealing::{self, Customer};
use crate::state::buckets::Bucket;
use service::Ctx;
use std::ops::Range;

/// The source of a copy, found and held against its conditions.
pub struct Source {
    /// Its bucket.
    pub bucket: Bucket,
    /// Its key.
    pub key: String,
    /// Whether the request names its version.
    pub named_version: bool,
    /// Its version and object.
    pub found: Found,
    /// The customer's key that it is read with.
    pub customer: Option<Customer>,
    /// The read it was found in, which its bytes are read from.
    pub read: store::Snapshot,
}

/// The header that names it.
const HEADER: &str = "x-amz-copy-source";

/// Texts: versitygw's issues 1388 and 1390, whose authors asked AWS, and their pull request 1404.
fn refused(fault: NoSource) -> S3Error {
    let argument = |message| S3Error::InvalidArgument { message, name: HEADER, value: HEADER.to_owned() };
    match fault {
        NoSource::Bucket => argument("Invalid copy source bucket name"),
        NoSource::Key => argument("Invalid copy source object key"),
        NoSource::Encoding => argument("Invalid copy source encoding"),
        NoSource::Version => S3Error::NoVersionId { name: HEADER, id: String::new() },
    }
}

impl Source {
    /// Finds the source that a header names.
    ///
    /// # Errors
    /// Where it is not there, or a condition does not hold.
    pub fn find(
        ctx: &Ctx,
        header: &str,
        expected_owner: Option<&str>,
        conditions: &Conditions<'_>,
        customer: Option<Customer>,
    ) -> Result<Self, S3Error> {
        let named = headers::copy_source(header).map_err(refused)?;
        let read = ctx.read();
        let bucket = lookup::reached(&read, &named.bucket, expected_owner)?;
        let key = (named.key.as_str(), named.version_id.as_deref());
        let found = lookup::object(&read, &bucket, key, "GET").map_err(|error| match error {
            S3Error::IsMarker { .. } => S3Error::InvalidRequest {
                message: "The source of a copy request may not specifically refer to a delete marker by version id."
                    .to_owned(),
            },
            S3Error::NoVersionId { id, .. } => S3Error::NoVersionId { name: HEADER, id },
            error => unless_hidden(ctx, &named.bucket, error),
        })?;
        access::of_writer(ctx, &bucket, &named.key, &found.object, "s3:GetObject")?;
        let state = State { etag: &found.object.etag, modified: found.version.modified };
        conditions.check(state).map_err(|broken| S3Error::PreconditionFailed {
            condition: format!("x-amz-copy-source-{}", broken.header()),
        })?;
        if lookup::is_out_of_reach(&found.object, ctx.now()) {
            return Err(S3Error::ArchivedSource);
        }
        sealing::check_source(&found.object, customer.as_ref())?;
        Ok(Source {
            customer,
            bucket,
            named_version: named.version_id.is_some(),
            key: named.key,
            found,
            read,
        })
    }

    /// Reads a range of it into something new.
    ///
    /// # Errors
    /// The store's.
    pub async fn pour(&self, ctx: &Ctx, range: Range<u64>, mut intake: Intake) -> Result<Taken, S3Error> {
        let place = (&self.bucket, &self.found.version, &*self.found.object);
        let mut outflow = Outflow::open(ctx.host(), &self.read, place, self.customer.clone(), range).await?;
        while let Some(bytes) = outflow.next().await? {
            intake.add(bytes).await?;
        }
        Ok(intake.finish().await?)
    }
}
