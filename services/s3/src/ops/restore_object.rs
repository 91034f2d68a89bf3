//! RestoreObject: an archived object can be read for some days. What takes hours on AWS is done at once.

use crate::errors::S3Error;
use crate::lookup;
use crate::notify::{self, Origin};
use crate::rules::headers::is_archived;
use crate::rules::lifecycle::after_days;
use crate::rules::notifications::Happening;
use crate::state::objects;
use model_s3 as api;
use service::Ctx;
use std::sync::Arc;
use store::Tx;

/// RestoreObject.
pub async fn restore(
    ctx: Ctx,
    input: Arc<api::RestoreObjectInput>,
) -> Result<api::RestoreObjectOutput, S3Error> {
    let request = input.restore_request.as_ref().ok_or(S3Error::MalformedXml)?;
    if request.type_.is_some() || request.select_parameters.is_some() || request.output_location.is_some() {
        return Err(S3Error::NotImplemented { header: "SelectParameters" });
    }
    let days = match request.days {
        Some(days) if days > 0 => days,
        Some(_) => {
            let message = "restoration days should be at least 1".to_owned();
            return Err(S3Error::WordedArgument { message });
        }
        None => return Err(S3Error::MalformedXml),
    };
    let origin = Origin::of(&ctx);
    ctx.commit(move |tx: &mut Tx| {
        let bucket = lookup::reached(tx, &input.bucket, input.expected_bucket_owner.as_deref())?;
        let named = (input.key.as_str(), input.version_id.as_deref());
        let mut found = lookup::object(tx, &bucket, named, "POST")?;
        let class = &found.object.description.storage_class;
        if !is_archived(class) {
            return Err(S3Error::NotRestorable { storage_class: class.clone() });
        }
        let again = !lookup::is_out_of_reach(&found.object, origin.at);
        let until = after_days(origin.at, days);
        found.object.change_extras(|extras| extras.restored = Some(until));
        found.version.object = Some(found.object);
        objects::rewrite(tx, &bucket, &input.key, found.version.clone())?;
        // A copy that is there already is only kept for longer (S3 API Reference, RestoreObject).
        let happenings: &[Happening] =
            if again { &[] } else { &[Happening::RestoreBegun, Happening::Restored] };
        for happening in happenings {
            let origin = match happening {
                Happening::Restored => &origin.of_restore(&bucket),
                _ => &origin,
            };
            notify::tell(tx, origin, &bucket, *happening, &input.key, &found.version)?;
        }
        Ok(api::RestoreObjectOutput { status: again.then_some(200), ..Default::default() })
    })
    .await
}
