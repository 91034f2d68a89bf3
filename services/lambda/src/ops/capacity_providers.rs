//! CreateCapacityProvider, GetCapacityProvider, UpdateCapacityProvider, DeleteCapacityProvider,
//! ListCapacityProviders, ListFunctionVersionsByCapacityProvider.
//!
//! The machines of a provider would be EC2's, which are not here: what names one runs on this machine.

use crate::answers::moment;
use crate::errors::LambdaError;
use crate::ops::Page;
use crate::ops::create_function::{head, refused_tags};
use crate::policy::name_of_provider;
use crate::state::capacity::{self, Machines, Provider, ProviderScaling};
use crate::state::choices::{self, Choices};
use crate::state::{self, Configuration};
use model_lambda as model;
use model_lambda::{
    CapacityProviderState, CreateCapacityProviderInput, CreateCapacityProviderOutput,
    DeleteCapacityProviderInput, DeleteCapacityProviderOutput, GetCapacityProviderInput,
    GetCapacityProviderOutput, ListCapacityProvidersInput, ListCapacityProvidersOutput,
    ListFunctionVersionsByCapacityProviderInput, ListFunctionVersionsByCapacityProviderOutput,
    UpdateCapacityProviderInput, UpdateCapacityProviderOutput,
};
use names::{Arn, Scope, Tags};
use service::{Ctx, Heads, TagRules};
use std::sync::Arc;
use store::{Fault, Read};

/// Processors of a provider where nothing is said (Lambda developer guide, "Scaling Lambda Managed Instances").
const MAX_VCPUS: u32 = 400;

/// The ARN of a provider.
pub fn arn_of(scope: &Scope, name: &str) -> Arn {
    state::in_scope(scope, &format!("capacity-provider:{name}"))
}

fn found(read: &impl Read, scope: &Scope, name: &str) -> Result<Provider, LambdaError> {
    capacity::provider(read, scope, name_of_provider(name)).map_err(LambdaError::from)?.ok_or_else(|| {
        let arn = arn_of(scope, name_of_provider(name));
        LambdaError::NotFound(format!("Capacity provider not found: {arn}"))
    })
}

/// Refuses a provider that is not there.
///
/// # Errors
/// Where it is not.
pub fn check(read: &impl Read, scope: &Scope, choices: &Choices) -> Result<(), LambdaError> {
    let Some(capacity) = &choices.capacity else { return Ok(()) };
    let provider = found(read, scope, capacity.provider.as_str())?;
    if arn_of(scope, &provider.name) == capacity.provider {
        return Ok(());
    }
    Err(LambdaError::NotFound(format!("Capacity provider not found: {}", capacity.provider)))
}

fn scaling(
    present: ProviderScaling,
    wanted: Option<&model::CapacityProviderScalingConfig>,
) -> ProviderScaling {
    let Some(wanted) = wanted else { return present };
    let policies = wanted.scaling_policies.as_ref().map(|policies| {
        policies
            .iter()
            .map(|one| (one.predefined_metric_type.as_str().to_owned(), one.target_value))
            .collect()
    });
    ProviderScaling {
        max_vcpus: wanted
            .max_v_cpu_count
            .and_then(|most| u32::try_from(most).ok())
            .unwrap_or(present.max_vcpus),
        mode: wanted.scaling_mode.as_ref().map_or(present.mode, |mode| mode.as_str().to_owned()),
        policies: policies.unwrap_or(present.policies),
    }
}

fn machines(wanted: &model::InstanceRequirements) -> Result<Machines, LambdaError> {
    if wanted.allowed_instance_types.is_some() && wanted.excluded_instance_types.is_some() {
        return Err(LambdaError::invalid(
            "You can specify either AllowedInstanceTypes or ExcludedInstanceTypes, but not both.",
        ));
    }
    let architectures = wanted.architectures.as_ref();
    Ok(Machines {
        architectures: architectures.map(|all| all.iter().map(|one| one.as_str().to_owned()).collect()),
        allowed: wanted.allowed_instance_types.clone(),
        excluded: wanted.excluded_instance_types.clone(),
    })
}

fn told(scope: &Scope, provider: &Provider, state: CapacityProviderState) -> model::CapacityProvider {
    let policies =
        provider.scaling.policies.iter().map(|(metric, target)| model::TargetTrackingScalingPolicy {
            predefined_metric_type: model::CapacityProviderPredefinedMetricType::from(metric.as_str()),
            target_value: *target,
        });
    let policies: Vec<_> = policies.collect();
    model::CapacityProvider {
        capacity_provider_arn: arn_of(scope, &provider.name).to_string(),
        state,
        vpc_config: model::CapacityProviderVpcConfig {
            subnet_ids: provider.subnets.clone(),
            security_group_ids: provider.security_groups.clone(),
        },
        permissions_config: model::CapacityProviderPermissionsConfig {
            capacity_provider_operator_role_arn: provider.operator.clone(),
        },
        instance_requirements: provider.machines.as_ref().map(|machines| model::InstanceRequirements {
            architectures: machines
                .architectures
                .as_ref()
                .map(|all| all.iter().map(|one| model::Architecture::from(one.as_str())).collect()),
            allowed_instance_types: machines.allowed.clone(),
            excluded_instance_types: machines.excluded.clone(),
        }),
        capacity_provider_scaling_config: Some(model::CapacityProviderScalingConfig {
            max_v_cpu_count: Some(provider.scaling.max_vcpus.cast_signed()),
            scaling_mode: Some(model::CapacityProviderScalingMode::from(provider.scaling.mode.as_str())),
            scaling_policies: Some(policies).filter(|policies| !policies.is_empty()),
        }),
        kms_key_arn: provider.kms_key.clone(),
        last_modified: Some(moment(provider.modified)),
    }
}

/// CreateCapacityProvider: it is told as being made, and is there.
pub async fn create(
    ctx: Ctx,
    input: Arc<CreateCapacityProviderInput>,
) -> Result<CreateCapacityProviderOutput, LambdaError> {
    let (scope, now) = (ctx.scope(), ctx.now());
    let tags = input.tags.iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()));
    let tags = TagRules::default().add(&Tags::new(), tags).map_err(|fault| refused_tags(&fault))?;
    let usual = ProviderScaling { max_vcpus: MAX_VCPUS, mode: "Auto".to_owned(), policies: Vec::new() };
    let provider = Provider {
        name: name_of_provider(&input.capacity_provider_name).to_owned(),
        subnets: input.vpc_config.subnet_ids.clone(),
        security_groups: input.vpc_config.security_group_ids.clone(),
        operator: input.permissions_config.capacity_provider_operator_role_arn.clone(),
        machines: input.instance_requirements.as_ref().map(machines).transpose()?,
        scaling: scaling(usual, input.capacity_provider_scaling_config.as_ref()),
        kms_key: input.kms_key_arn.clone().filter(|key| !key.is_empty()),
        modified: now,
    };
    let answer = told(&scope, &provider, CapacityProviderState::Pending);
    ctx.commit(move |tx| {
        let arn = arn_of(&scope, &provider.name);
        if capacity::provider(tx, &scope, &provider.name)?.is_some() {
            return Err(LambdaError::Conflict(format!("Capacity provider already exists: {arn}")));
        }
        let head = head(tx, &arn, "CapacityProvider", (tags.clone(), now))?;
        tx.put_head(&arn, &head)?;
        Ok(capacity::put(tx, &scope, &provider)?)
    })
    .await?;
    Ok(CreateCapacityProviderOutput { capacity_provider: answer })
}

/// GetCapacityProvider.
pub async fn get(
    ctx: Ctx,
    input: Arc<GetCapacityProviderInput>,
) -> Result<GetCapacityProviderOutput, LambdaError> {
    let provider = found(&ctx.read(), &ctx.scope(), &input.capacity_provider_name)?;
    Ok(GetCapacityProviderOutput {
        capacity_provider: told(&ctx.scope(), &provider, CapacityProviderState::Active),
    })
}

/// UpdateCapacityProvider.
pub async fn update(
    ctx: Ctx,
    input: Arc<UpdateCapacityProviderInput>,
) -> Result<UpdateCapacityProviderOutput, LambdaError> {
    let (scope, now) = (ctx.scope(), ctx.now());
    let changed = ctx.commit(move |tx| {
        let mut provider = found(tx, &scope, &input.capacity_provider_name)?;
        provider.scaling = scaling(provider.scaling, input.capacity_provider_scaling_config.as_ref());
        provider.modified = now;
        capacity::put(tx, &scope, &provider)?;
        Ok::<_, LambdaError>(provider)
    });
    let provider = changed.await?;
    Ok(UpdateCapacityProviderOutput {
        capacity_provider: told(&ctx.scope(), &provider, CapacityProviderState::Active),
    })
}

/// The versions that name a provider, by the names of their functions.
fn users(read: &impl Read, scope: &Scope, provider: &Arn) -> Result<Vec<(String, Configuration)>, Fault> {
    let mut users = Vec::new();
    for function in state::functions(read, scope, None).collect::<Result<Vec<_>, _>>()? {
        let published = state::versions(read, scope, &function, 0).collect::<Result<Vec<_>, _>>()?;
        for version in std::iter::once(function.latest.clone()).chain(published) {
            let choices = choices::of(read, scope, function.incarnation, &version.version)?;
            if choices.capacity.is_some_and(|capacity| capacity.provider == *provider) {
                users.push((format!("{}:{}", version.name, version.version), version));
            }
        }
    }
    Ok(users)
}

/// DeleteCapacityProvider: one that no version names.
pub async fn delete(
    ctx: Ctx,
    input: Arc<DeleteCapacityProviderInput>,
) -> Result<DeleteCapacityProviderOutput, LambdaError> {
    let scope = ctx.scope();
    let deleted = ctx.commit(move |tx| {
        let provider = found(tx, &scope, &input.capacity_provider_name)?;
        let arn = arn_of(&scope, &provider.name);
        if !users(tx, &scope, &arn)?.is_empty() {
            return Err(LambdaError::Conflict(format!(
                "Capacity provider {arn} cannot be deleted because it is in use by function versions."
            )));
        }
        capacity::remove(tx, &scope, &provider.name)?;
        tx.remove_head(&arn)?;
        Ok(provider)
    });
    let provider = deleted.await?;
    Ok(DeleteCapacityProviderOutput {
        capacity_provider: told(&ctx.scope(), &provider, CapacityProviderState::Deleting),
    })
}

/// ListCapacityProviders: all of them are active.
pub async fn list(
    ctx: Ctx,
    input: Arc<ListCapacityProvidersInput>,
) -> Result<ListCapacityProvidersOutput, LambdaError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let page = Page::of(&ctx, "capacity-providers", input.marker.as_ref(), input.max_items)?;
    if input.state.as_ref().is_some_and(|state| *state != CapacityProviderState::Active) {
        return Ok(ListCapacityProvidersOutput::default());
    }
    let mut found: Vec<Provider> = capacity::providers(&read, &scope, page.after.as_deref())
        .take(page.limit + 1)
        .collect::<Result<_, _>>()?;
    let next_marker = page.cut(&ctx, "capacity-providers", &mut found, |provider| provider.name.clone());
    let told = found.iter().map(|provider| told(&scope, provider, CapacityProviderState::Active));
    Ok(ListCapacityProvidersOutput { capacity_providers: told.collect(), next_marker })
}

/// ListFunctionVersionsByCapacityProvider.
pub async fn function_versions(
    ctx: Ctx,
    input: Arc<ListFunctionVersionsByCapacityProviderInput>,
) -> Result<ListFunctionVersionsByCapacityProviderOutput, LambdaError> {
    let (scope, read) = (ctx.scope(), ctx.read());
    let provider = found(&read, &scope, &input.capacity_provider_name)?;
    let arn = arn_of(&scope, &provider.name);
    let page = Page::of(&ctx, &provider.name, input.marker.as_ref(), input.max_items)?;
    let mut found = users(&read, &scope, &arn)?;
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found.retain(|(key, _)| page.after.as_ref().is_none_or(|after| key > after));
    found.truncate(page.limit + 1);
    let next_marker = page.cut(&ctx, &provider.name, &mut found, |(key, _)| key.clone());
    let versions = found.iter().map(|(_, version)| model::FunctionVersionsByCapacityProviderListItem {
        function_arn: state::arn(&scope, &version.name, Some(&version.version)).to_string(),
        state: model::State::Active,
    });
    Ok(ListFunctionVersionsByCapacityProviderOutput {
        capacity_provider_arn: arn.to_string(),
        function_versions: versions.collect(),
        next_marker,
    })
}
