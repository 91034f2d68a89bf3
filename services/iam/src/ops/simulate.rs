//! The simulator: what policies would say of actions, without doing them.
//!
//! A result names the one statement that decided, where AWS names all that matched.

use crate::errors::{IamError, Missing};
use crate::pages::Paging;
use crate::permissions::{self, Source};
use crate::rules::names::{Kind, name_in};
use crate::rules::simulation::{Document, Question, Simulation};
use crate::state::{self, Identity};
use model_iam as model;
use names::{AccountId, Arn, Scope};
use policy::Policy;
use service::Ctx;
use std::sync::Arc;
use store::Read;

/// Pairs of action and resource that one request may ask about.
const MAX_PAIRS: usize = 20_000;

/// What both simulations are asked.
struct Asked<'a> {
    policies: &'a [String],
    boundaries: Option<&'a [String]>,
    actions: &'a [String],
    resources: Option<&'a [String]>,
    resource_policy: Option<&'a str>,
    resource_owner: Option<&'a str>,
    caller: Option<&'a str>,
    context: &'a [model::ContextEntry],
    marker: Option<&'a str>,
    max_items: Option<i32>,
}

/// Tells what documents would say.
pub async fn simulate_custom_policy(
    ctx: Ctx,
    input: Arc<model::SimulateCustomPolicyInput>,
) -> Result<model::SimulatePolicyResponse, IamError> {
    let asked = Asked {
        policies: &input.policy_input_list,
        boundaries: input.permissions_boundary_policy_input_list.as_deref(),
        actions: &input.action_names,
        resources: input.resource_arns.as_deref(),
        resource_policy: input.resource_policy.as_deref(),
        resource_owner: input.resource_owner.as_deref(),
        caller: input.caller_arn.as_deref(),
        context: input.context_entries.as_deref().unwrap_or_default(),
        marker: input.marker.as_deref(),
        max_items: input.max_items,
    };
    run(&ctx, &asked, Simulated::default()).await
}

/// Tells what a user, group or role may.
pub async fn simulate_principal_policy(
    ctx: Ctx,
    input: Arc<model::SimulatePrincipalPolicyInput>,
) -> Result<model::SimulatePolicyResponse, IamError> {
    let asked = Asked {
        policies: input.policy_input_list.as_deref().unwrap_or_default(),
        boundaries: input.permissions_boundary_policy_input_list.as_deref(),
        actions: &input.action_names,
        resources: input.resource_arns.as_deref(),
        resource_policy: input.resource_policy.as_deref(),
        resource_owner: input.resource_owner.as_deref(),
        caller: input.caller_arn.as_deref(),
        context: input.context_entries.as_deref().unwrap_or_default(),
        marker: input.marker.as_deref(),
        max_items: input.max_items,
    };
    let simulated = simulated(&ctx, &input.policy_source_arn)?;
    run(&ctx, &asked, simulated).await
}

/// Whose policies are simulated.
#[derive(Default)]
struct Simulated {
    arn: Option<Arn>,
    identity: Option<Identity>,
    documents: Vec<Document>,
    boundary: Vec<Document>,
}

fn simulated(ctx: &Ctx, text: &str) -> Result<Simulated, IamError> {
    let missing = || IamError::NoSuchEntity(Missing::Principal(text.to_owned()));
    let arn: Arn = text.parse().map_err(|_| IamError::InvalidArn(text.to_owned()))?;
    let (account, read) = (ctx.account(), ctx.read());
    let named = |kind| name_in(&arn, kind).map(|name| (kind, name));
    let (kind, name) = Kind::IDENTITIES.into_iter().find_map(named).ok_or_else(missing)?;
    let found = state::identity(&read, &Scope::Account(account), kind, name)?;
    let identity = found.filter(|identity| identity.arn(kind, account) == arn).ok_or_else(missing)?;
    let mut documents = Vec::new();
    for source in permissions::sources(&read, account, kind, &identity)? {
        documents.push(match source {
            Source::Inline(kind, holder, name, text) => {
                Document::new(format!("{}_{holder}_{name}", kind.in_arn()), text)?
            }
            Source::Managed(arn) => managed(&read, account, &arn)?,
        });
    }
    let boundary = match &identity.boundary {
        Some(arn) => vec![managed(&read, account, arn)?],
        None => Vec::new(),
    };
    Ok(Simulated { arn: Some(arn), identity: Some(identity), documents, boundary })
}

fn managed(read: &impl Read, account: AccountId, arn: &str) -> Result<Document, IamError> {
    let name = arn.rsplit('/').next().unwrap_or(arn).to_owned();
    Document::new(name, permissions::managed_document(read, account, arn)?)
}

fn given(list: &[String], name: &str) -> Result<Vec<Document>, IamError> {
    let numbered = list.iter().enumerate();
    numbered
        .map(|(at, text)| {
            policy::identity_policy(text)?;
            Document::new(format!("{name}.{}", at + 1), text.clone())
        })
        .collect()
}

async fn run(
    ctx: &Ctx,
    asked: &Asked<'_>,
    simulated: Simulated,
) -> Result<model::SimulatePolicyResponse, IamError> {
    let filter = format!("{:?} {:?} {:?}", simulated.arn, asked.actions, asked.resources);
    let paging = Paging::begin(ctx, &filter, asked.marker, asked.max_items)?;
    let caller = match asked.caller {
        Some(text) => Some(text.parse::<Arn>().map_err(|_| IamError::InvalidArn(text.to_owned()))?),
        None => simulated.arn.clone(),
    };
    let owner = match asked.resource_owner {
        Some(text) => {
            let arn: Option<Arn> = text.parse().ok();
            arn.and_then(|arn| arn.account()).ok_or_else(|| IamError::InvalidArn(text.to_owned()))?
        }
        None => ctx.account(),
    };
    let mut documents = simulated.documents;
    documents.extend(given(asked.policies, "PolicyInputList")?);
    let boundary = match asked.boundaries {
        Some(list) => given(list, "PermissionsBoundaryPolicyInputList")?,
        None => simulated.boundary,
    };
    let simulation = Simulation {
        account: ctx.account(),
        owner,
        caller,
        identity: simulated.identity,
        documents,
        boundary,
        resource: asked.resource_policy.map(Policy::parse).transpose()?,
        context: asked.context.to_vec(),
        now: ctx.now(),
    };
    let everything = ["*".to_owned()];
    let resources = asked.resources.filter(|list| !list.is_empty()).unwrap_or(&everything);
    if asked.actions.len().saturating_mul(resources.len()) > MAX_PAIRS {
        return Err(IamError::InvalidInput(format!("A simulation answers at most {MAX_PAIRS} questions.")));
    }
    let questions = questions(asked.actions, resources)?;
    let after = paging.after.as_deref().and_then(|after| after.parse::<usize>().ok());
    let behind = after.map_or(0, |after| after + 1);
    let most = asked.max_items.and_then(|most| usize::try_from(most).ok()).unwrap_or(100) + 1;
    // Only the page is evaluated, with one question behind it that tells whether there are more.
    let results = ctx.compute(move || {
        let page = questions.iter().enumerate().skip(behind).take(most);
        page.map(|(at, question)| Ok::<_, IamError>((at.to_string(), simulation.answer(question)))).collect()
    });
    let results: Vec<_> = results.await.map_err(|error| IamError::Failed(error.message))?;
    let page = paging.cut(results.into_iter())?;
    Ok(model::SimulatePolicyResponse {
        evaluation_results: Some(page.items),
        is_truncated: Some(page.truncated),
        marker: page.marker,
    })
}

fn questions(actions: &[String], resources: &[String]) -> Result<Vec<Question>, IamError> {
    let mut questions = Vec::with_capacity(actions.len() * resources.len());
    for action in actions {
        let named = action.split_once(':').is_some_and(|(service, name)| {
            !service.is_empty() && !name.is_empty() && !action.contains(['*', '?'])
        });
        if !named {
            return Err(IamError::InvalidAction(action.clone()));
        }
        for resource in resources {
            questions.push(Question { action: action.clone(), resource: resource.clone() });
        }
    }
    Ok(questions)
}
