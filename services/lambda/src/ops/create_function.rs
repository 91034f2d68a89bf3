//! CreateFunction.

use crate::answers::{self, Standing};
use crate::compute::Dispatcher;
use crate::errors::LambdaError;
use crate::ops::package::{self, Package, Source};
use crate::ops::{capacity_providers, code_signing, layers, named, versions};
use crate::rules::MAX_CODE;
use crate::rules::layers as rules_of_layers;
use crate::rules::names::{self, Named};
use crate::rules::{choices, settings};
use crate::state::choices::{self as kept_choices, Choices};
use crate::state::{self, Configuration, Function, LATEST, RuntimeUpdate, Settings};
use ::names::{Arn, Tags, Timestamp};
use model_lambda::{CreateFunctionInput, FunctionConfiguration, FunctionVersionLatestPublished};
use ports::SessionRequest;
use service::{Ctx, Head, Heads, TagFault, TagRules};
use std::sync::Arc;
use store::{Incarnation, Tx};

/// What a new function is made of.
#[derive(Clone)]
struct Making {
    named: Named,
    settings: Settings,
    choices: Choices,
    tags: Tags,
    /// Of `$LATEST`, of a version that is published with it, and the one that is told: making ends with
    /// another one.
    revisions: [String; 3],
    now: Timestamp,
    /// Whether a version is published, and to where.
    publish: Option<Option<FunctionVersionLatestPublished>>,
    signing: Option<String>,
}

/// CreateFunction.
pub async fn create_function(
    ctx: Ctx,
    input: Arc<CreateFunctionInput>,
) -> Result<FunctionConfiguration, LambdaError> {
    let named = named(&ctx, input.as_ref())?;
    names::check_new(&named.name)?;
    if named.scope.account() != Some(ctx.account()) {
        return Err(LambdaError::Denied);
    }
    rules_of_layers::check_region(input.layers.as_deref().unwrap_or_default(), ctx.region())?;
    let mut settings = settings::of_new(&input)?;
    let choices = choices::of_new(&input)?;
    let tags = input.tags.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
    let tags = TagRules::default().add(&Tags::new(), tags).map_err(|fault| refused_tags(&fault))?;
    let signing = {
        let read = ctx.read();
        if state::function(&read, &named.scope, &named.name)?.is_some() {
            return Err(exists(&named.name));
        }
        capacity_providers::check(&read, &named.scope, &choices)?;
        settings.layers = layers::resolve(&read, input.layers.as_deref().unwrap_or_default())?;
        let chosen = input.code_signing_config_arn.as_deref();
        chosen.map(|arn| code_signing::chosen(&read, &named.scope, arn)).transpose()?
    };
    check_role(&ctx, &settings.role, &named).await?;
    let source = Source {
        zip: input.code.zip_file.as_ref(),
        s3: input.code.s3_bucket.as_deref().zip(input.code.s3_key.as_deref()),
        s3_version: input.code.s3_object_version.as_deref(),
        image: input.code.image_uri.as_deref().map(|uri| (uri, settings.architecture.as_str())),
    };
    let mut package = package::read(&ctx, &source).await?;
    settings::refuse_vpc(input.vpc_config.as_ref())?;
    package::check_together(&ctx, Ok(&package), &settings.layers).await?;
    let making = Making {
        named,
        settings,
        choices,
        tags,
        revisions: std::array::from_fn(|_| ctx.uuid()),
        now: ctx.now(),
        publish: (input.publish == Some(true)).then(|| input.publish_to.clone()),
        signing,
    };
    loop {
        let (own, given) = (making.clone(), package.clone());
        let made = ctx.commit(move |tx| make(tx, &own, &given)).await?;
        match made {
            Some(made) => {
                let code = (&package.origin, &package.code);
                ctx.part::<Dispatcher>().expect(&ctx, &making.settings, code);
                return Ok(made);
            }
            // The bytes went with another function since they were looked for.
            None => package.keep(&ctx).await?,
        }
    }
}

fn exists(name: &str) -> LambdaError {
    LambdaError::Conflict(format!("Function already exist: {name}"))
}

/// A refusal of tags in Lambda's words.
pub fn refused_tags(fault: &TagFault) -> LambdaError {
    LambdaError::invalid(match fault {
        TagFault::TooMany { .. } => "Number of tags exceeds resource tag limit.".to_owned(),
        TagFault::Key(_) => "Tag keys must be between 1 and 128 characters in length.".to_owned(),
        TagFault::Value { .. } => "Tag values must be between 0 and 256 characters in length.".to_owned(),
        TagFault::Reserved(_) => "System tags cannot be modified by requester.".to_owned(),
        TagFault::Duplicate(key) => format!("Duplicate tag key {key}."),
    })
}

/// Where permissions are enforced, the role must be one that Lambda can take on.
///
/// # Errors
/// Where it is not.
pub async fn check_role(ctx: &Ctx, role: &Arn, named: &Named) -> Result<(), LambdaError> {
    if !ctx.host().settings.enforces {
        return Ok(());
    }
    let request = SessionRequest {
        role: role.clone(),
        service: "lambda.amazonaws.com",
        session_name: names::session_name(&named.name),
        source_arn: None,
        source_account: ctx.account(),
    };
    match ctx.ports().credentials.session(request).await {
        Ok(_) => Ok(()),
        Err(error) if error.status >= 500 => Err(LambdaError::Other(error)),
        Err(_) => Err(LambdaError::invalid("The role defined for the function cannot be assumed by Lambda.")),
    }
}

/// The head of a function, version or alias.
pub fn head(tx: &Tx, arn: &Arn, kind: &str, (tags, now): (Tags, Timestamp)) -> Result<Head, LambdaError> {
    Ok(Head {
        incarnation: tx.fresh_incarnation()?,
        owner: arn.account().unwrap_or(::names::AccountId::DEFAULT),
        kind: format!("AWS::Lambda::{kind}"),
        created: now,
        tags,
        policy: None,
    })
}

/// Makes a function; `None` where its package's bytes are not there.
fn make(
    tx: &mut Tx,
    making: &Making,
    package: &Package,
) -> Result<Option<FunctionConfiguration>, LambdaError> {
    let (scope, name) = (&making.named.scope, &making.named.name);
    if state::function(tx, scope, name)?.is_some() {
        return Err(exists(name));
    }
    if state::totals(tx, scope)?.code_bytes.saturating_add(package.code.size) > MAX_CODE {
        return Err(LambdaError::CodeStorageExceeded);
    }
    let arn = state::arn(scope, name, None);
    let head = head(tx, &arn, "Function", (making.tags.clone(), making.now))?;
    let mut function = Function {
        incarnation: head.incarnation,
        latest: latest(making, package, head.incarnation),
        published: 0,
        reserved: None,
        signing: making.signing.clone(),
        may_loop: false,
    };
    if !state::hold_code(tx, scope, &function.latest, package.archive.as_ref())? {
        return Ok(None);
    }
    layers::hold(tx, &making.settings.layers)?;
    kept_choices::put(tx, scope, (function.incarnation, LATEST), &making.choices)?;
    state::change_totals(tx, scope, |totals| totals.functions += 1)?;
    tx.put_head(&arn, &head)?;
    let told = if let Some(to) = &making.publish {
        let (revision, now) = (&making.revisions[1], making.now);
        versions::publish(tx, scope, &mut function, (None, to.as_ref()), (revision, now))?
    } else {
        function.latest.clone()
    };
    state::put_function(tx, scope, &function)?;
    let mut answer = answers::configuration(&arn, &told, Standing::Creating);
    choices::tell(&making.choices, &mut answer);
    answer.revision_id = Some(making.revisions[2].clone());
    Ok(Some(answer))
}

fn latest(making: &Making, package: &Package, incarnation: Incarnation) -> Configuration {
    Configuration {
        name: making.named.name.clone(),
        version: LATEST.to_owned(),
        generation: incarnation.0,
        revision: making.revisions[0].clone(),
        modified: making.now,
        code: package.code,
        origin: package.origin.clone(),
        runtime_update: RuntimeUpdate::default(),
        settings: making.settings.clone(),
    }
}
