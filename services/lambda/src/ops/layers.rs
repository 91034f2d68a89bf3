//! PublishLayerVersion, GetLayerVersion, GetLayerVersionByArn, DeleteLayerVersion, ListLayers,
//! ListLayerVersions; and the layers that a function is to have.

use crate::answers;
use crate::errors::LambdaError;
use crate::ops::Page;
use crate::ops::create_function::head;
use crate::ops::package::{self, Package, Source};
use crate::policy::no_resource;
use crate::rules::MAX_CODE;
use crate::rules::layers::{self, NamedLayer};
use crate::state::layers::{self as kept, Layer, LayerVersion};
use crate::state::{self, LayerUse};
use model_lambda as model;
use model_lambda::{
    Architecture, DeleteLayerVersionInput, GetLayerVersionByArnInput, GetLayerVersionInput, LayersListItem,
    ListLayerVersionsInput, ListLayerVersionsOutput, ListLayersInput, ListLayersOutput,
    PublishLayerVersionInput, PublishLayerVersionOutput, Runtime,
};
use names::{Arn, Scope, Tags};
use schema::Unit;
use service::{Ctx, Heads};
use std::sync::Arc;
use store::{Read, Tx};

/// The ARN of a layer, or of one of its versions.
pub fn arn_of(scope: &Scope, name: &str, number: Option<u64>) -> Arn {
    match number {
        Some(number) => state::in_scope(scope, &format!("layer:{name}:{number}")),
        None => state::in_scope(scope, &format!("layer:{name}")),
    }
}

/// The layer that a request names.
pub fn named(ctx: &Ctx, text: &str) -> Result<NamedLayer, LambdaError> {
    layers::parse(text, ctx.account(), ctx.region())
}

/// The number of a version.
///
/// # Errors
/// Where it is none.
pub fn number(given: i64) -> Result<u64, LambdaError> {
    let number = u64::try_from(given).ok().filter(|number| *number > 0);
    number.ok_or_else(|| LambdaError::invalid("Layer Version Cannot be less than 1"))
}

/// A version of a layer.
///
/// # Errors
/// Where there is none.
pub fn found(read: &impl Read, layer: &NamedLayer, number: u64) -> Result<LayerVersion, LambdaError> {
    let version = kept::version(read, &layer.scope, &layer.name, number)?;
    version.ok_or_else(|| LambdaError::NotFound(no_resource()))
}

/// The layers that a function is to have, in its order.
///
/// # Errors
/// Where there is no such version, or there are too many.
pub fn resolve(read: &impl Read, texts: &[String]) -> Result<Vec<LayerUse>, LambdaError> {
    let resolved = layers::wanted(texts)?.into_iter().map(|(arn, layer, number)| {
        let version = kept::version(read, &layer.scope, &layer.name, number)?;
        let version = version.ok_or_else(|| absent(&arn))?;
        Ok(LayerUse { arn, code: version.code })
    });
    let resolved = resolved.collect::<Result<Vec<_>, LambdaError>>()?;
    if resolved.len() > 1 && resolved.iter().any(|layer| layer.code.size == 0) {
        return Err(LambdaError::invalid(
            "A layer that is a folder of this machine is a function's only layer.",
        ));
    }
    Ok(resolved)
}

fn absent(arn: &Arn) -> LambdaError {
    LambdaError::invalid(format!("Layer version {arn} does not exist."))
}

/// Says that one more configuration has its layers.
///
/// # Errors
/// Where one of them went since they were looked for.
pub fn hold(tx: &mut Tx, layers: &[LayerUse]) -> Result<(), LambdaError> {
    match state::hold_layers(tx, layers)? {
        Some(arn) => Err(absent(&arn)),
        None => Ok(()),
    }
}

/// PublishLayerVersion.
pub async fn publish(
    ctx: Ctx,
    input: Arc<PublishLayerVersionInput>,
) -> Result<PublishLayerVersionOutput, LambdaError> {
    let layer = named(&ctx, &input.layer_name)?;
    let source = Source {
        zip: input.content.zip_file.as_ref(),
        s3: input.content.s3_bucket.as_deref().zip(input.content.s3_key.as_deref()),
        s3_version: input.content.s3_object_version.as_deref(),
        image: None,
    };
    if source.zip.is_none() && source.s3.is_none() {
        return Err(LambdaError::invalid("Missing Content"));
    }
    let mut package = package::read(&ctx, &source).await?.into_layer();
    // What was not given is not told, what was given empty is (recorded answers of public test suites).
    let (given_runtimes, given_architectures) =
        (input.compatible_runtimes.is_some(), input.compatible_architectures.is_some());
    let texts = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
    let draft = LayerVersion {
        number: 0,
        code: package.code,
        description: input.description.clone().unwrap_or_default(),
        license: input.license_info.clone(),
        runtimes: texts(input.compatible_runtimes.iter().flatten().map(Runtime::as_str).collect()),
        architectures: texts(
            input.compatible_architectures.iter().flatten().map(Architecture::as_str).collect(),
        ),
        created: ctx.now(),
        revision: ctx.uuid(),
    };
    loop {
        let (layer, draft, given) = (layer.clone(), draft.clone(), package.clone());
        match ctx.commit(move |tx| make(tx, &layer, draft.clone(), &given)).await? {
            Some(version) => {
                let told = answers::layer_version(&ctx, &named(&ctx, &input.layer_name)?, &version);
                return Ok(PublishLayerVersionOutput {
                    content: told.content,
                    layer_arn: told.layer_arn,
                    layer_version_arn: told.layer_version_arn,
                    description: told.description,
                    created_date: told.created_date,
                    version: told.version,
                    compatible_runtimes: given_runtimes.then(|| told.compatible_runtimes.unwrap_or_default()),
                    license_info: told.license_info,
                    compatible_architectures: given_architectures
                        .then(|| told.compatible_architectures.unwrap_or_default()),
                });
            }
            // The bytes went with another function since they were looked for.
            None => package.keep(&ctx).await?,
        }
    }
}

fn make(
    tx: &mut Tx,
    named: &NamedLayer,
    mut version: LayerVersion,
    package: &Package,
) -> Result<Option<LayerVersion>, LambdaError> {
    let scope = &named.scope;
    if state::totals(tx, scope)?.code_bytes.saturating_add(package.code.size) > MAX_CODE {
        return Err(LambdaError::CodeStorageExceeded);
    }
    if !state::hold_package(tx, scope, &package.code, package.archive.as_ref())? {
        return Ok(None);
    }
    let mut layer = match kept::layer(tx, scope, &named.name)? {
        Some(layer) => layer,
        None => Layer { incarnation: tx.fresh_incarnation()?, last: 0 },
    };
    layer.last += 1;
    version.number = layer.last;
    kept::put_layer(tx, scope, &named.name, &layer)?;
    kept::put_version(tx, scope, &layer, &version)?;
    let arn = arn_of(scope, &named.name, Some(version.number));
    let head = head(tx, &arn, "LayerVersion", (Tags::new(), version.created))?;
    tx.put_head(&arn, &head)?;
    Ok(Some(version))
}

/// GetLayerVersion.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetLayerVersionInput>,
) -> Result<model::GetLayerVersionOutput, LambdaError> {
    let (layer, number) = (named(&ctx, &input.layer_name)?, number(input.version_number)?);
    let version = found(&ctx.read(), &layer, number)?;
    Ok(answers::layer_version(&ctx, &layer, &version))
}

/// GetLayerVersionByArn.
pub async fn get_by_arn(
    ctx: Ctx,
    input: Arc<GetLayerVersionByArnInput>,
) -> Result<model::GetLayerVersionByArnOutput, LambdaError> {
    let arn = input.arn.parse::<Arn>().ok();
    let (layer, number) =
        arn.as_ref().and_then(layers::version_of).ok_or_else(|| LambdaError::NotFound(no_resource()))?;
    let version = found(&ctx.read(), &layer, number)?;
    Ok(answers::layer_version(&ctx, &layer, &version))
}

/// DeleteLayerVersion. Functions that have it keep it; one that is not there is deleted already.
pub async fn delete(ctx: Ctx, input: Arc<DeleteLayerVersionInput>) -> Result<Unit, LambdaError> {
    let (named, number) = (named(&ctx, &input.layer_name)?, number(input.version_number)?);
    ctx.commit(move |tx| {
        let Some(layer) = kept::layer(tx, &named.scope, &named.name)? else { return Ok(Unit) };
        let Some(version) = kept::version(tx, &named.scope, &named.name, number)? else { return Ok(Unit) };
        remove(tx, &named.scope, &layer, &version)?;
        tx.remove_head(&arn_of(&named.scope, &named.name, Some(number)))?;
        Ok::<_, LambdaError>(Unit)
    })
    .await
}

/// Removes a version of a layer with its content.
///
/// # Errors
/// The store's.
pub fn remove(tx: &mut Tx, scope: &Scope, layer: &Layer, version: &LayerVersion) -> Result<(), store::Fault> {
    state::release_package(tx, scope, &version.code)?;
    kept::remove_version(tx, scope, layer, version.number)
}

struct Wanted<'a> {
    runtime: Option<&'a Runtime>,
    architecture: Option<&'a Architecture>,
}

impl Wanted<'_> {
    fn takes(&self, version: &LayerVersion) -> bool {
        let runtime =
            self.runtime.is_none_or(|runtime| version.runtimes.iter().any(|own| own == runtime.as_str()));
        let architecture = self
            .architecture
            .is_none_or(|architecture| version.architectures.iter().any(|own| own == architecture.as_str()));
        runtime && architecture
    }

    fn filter(&self, of: &str) -> String {
        let (runtime, architecture) =
            (self.runtime.map(Runtime::as_str), self.architecture.map(Architecture::as_str));
        format!("{of}:{}:{}", runtime.unwrap_or_default(), architecture.unwrap_or_default())
    }
}

/// ListLayers: those that have a version that is wanted, each with its latest.
pub async fn list(ctx: Ctx, input: Arc<ListLayersInput>) -> Result<ListLayersOutput, LambdaError> {
    let wanted = Wanted {
        runtime: input.compatible_runtime.as_ref(),
        architecture: input.compatible_architecture.as_ref(),
    };
    let filter = wanted.filter("layers");
    let page = Page::of(&ctx, &filter, input.marker.as_ref(), input.max_items)?;
    let (scope, read) = (ctx.scope(), ctx.read());
    let mut found = Vec::new();
    for row in kept::layers(&read, &scope, page.after.as_deref()) {
        let (name, layer) = row?;
        let latest =
            kept::versions(&read, &scope, &layer)?.into_iter().rfind(|version| wanted.takes(version));
        found.extend(latest.map(|latest| (name, latest)));
        if found.len() > page.limit {
            break;
        }
    }
    let marker = page.cut(&ctx, &filter, &mut found, |(name, _)| name.clone());
    let layers = found.into_iter().map(|(name, latest)| LayersListItem {
        layer_arn: Some(arn_of(&scope, &name, None).to_string()),
        latest_matching_version: Some(answers::listed_layer(&scope, &name, &latest)),
        layer_name: Some(name),
    });
    Ok(ListLayersOutput { next_marker: marker, layers: Some(layers.collect()) })
}

/// ListLayerVersions: the latest first.
pub async fn versions(
    ctx: Ctx,
    input: Arc<ListLayerVersionsInput>,
) -> Result<ListLayerVersionsOutput, LambdaError> {
    let (named, read) = (named(&ctx, &input.layer_name)?, ctx.read());
    let wanted = Wanted {
        runtime: input.compatible_runtime.as_ref(),
        architecture: input.compatible_architecture.as_ref(),
    };
    let filter = wanted.filter(&named.name);
    let page = Page::of(&ctx, &filter, input.marker.as_ref(), input.max_items)?;
    let before = page.after.as_deref().and_then(|after| after.parse::<u64>().ok());
    let all = match kept::layer(&read, &named.scope, &named.name)? {
        Some(layer) => kept::versions(&read, &named.scope, &layer)?,
        None => Vec::new(),
    };
    let all = all.into_iter().rev().filter(|version| before.is_none_or(|before| version.number < before));
    let mut found: Vec<LayerVersion> =
        all.filter(|version| wanted.takes(version)).take(page.limit + 1).collect();
    let marker = page.cut(&ctx, &filter, &mut found, |version| version.number.to_string());
    let listed = found.iter().map(|version| answers::listed_layer(&named.scope, &named.name, version));
    Ok(ListLayerVersionsOutput { next_marker: marker, layer_versions: Some(listed.collect()) })
}
