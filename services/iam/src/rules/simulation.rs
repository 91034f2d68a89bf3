//! One question to policies, with where in which document the deciding statement stands.

use crate::errors::IamError;
use crate::rules::names::{Kind, name_in};
use crate::state::Identity;
use model_iam as model;
use model_iam::PolicyEvaluationDecisionType as Said;
use names::{AccountId, Arn, Timestamp};
use policy::{
    Attached, Context, Decision, IdentityPolicies, Layer, Outcome, Policies, Policy, Principal,
    PrincipalKind, Request, ResourcePolicy, ResourceRule, evaluate,
};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A document with the name that results know it by.
pub struct Document {
    text: String,
    attached: Attached,
}

impl Document {
    /// Compiles a document.
    ///
    /// # Errors
    /// `MalformedPolicyDocument`.
    pub fn new(id: String, text: String) -> Result<Self, IamError> {
        let policy = Arc::new(Policy::parse(&text)?);
        Ok(Document { text, attached: Attached { name: id.into(), policy } })
    }
}

/// An action on a resource.
pub struct Question {
    /// `s3:GetObject`
    pub action: String,
    /// An ARN, or `*`.
    pub resource: String,
}

/// Everything that bears on the answers.
pub struct Simulation {
    /// The account of the caller.
    pub account: AccountId,
    /// The account of the resources.
    pub owner: AccountId,
    /// Who would ask.
    pub caller: Option<Arn>,
    /// Whose policies they are, where they are somebody's.
    pub identity: Option<Identity>,
    /// The policies.
    pub documents: Vec<Document>,
    /// The permissions boundary; empty where there is none.
    pub boundary: Vec<Document>,
    /// The policy of the resource.
    pub resource: Option<Policy>,
    /// Condition keys.
    pub context: Vec<model::ContextEntry>,
    /// The moment that date conditions are held against.
    pub now: Timestamp,
}

impl Simulation {
    /// Answers one question.
    pub fn answer(&self, question: &Question) -> model::EvaluationResult {
        let attached = |documents: &[Document]| -> Vec<Attached> {
            documents.iter().map(|document| document.attached.clone()).collect()
        };
        let own = IdentityPolicies { identity: attached(&self.documents), boundary: None, session: None };
        let limit = IdentityPolicies { identity: attached(&self.boundary), boundary: None, session: None };
        let context = self.conditions();
        let decision = self.ask(question, &own, &context, self.resource.as_ref());
        let within =
            (!self.boundary.is_empty()).then(|| self.ask(question, &limit, &context, None).is_allowed());
        let said = match (decision.outcome, within) {
            (Outcome::ExplicitDeny(_), _) => Said::ExplicitDeny,
            (Outcome::Allowed, Some(false)) | (Outcome::ImplicitDeny(_), _) => Said::ImplicitDeny,
            (Outcome::Allowed, _) => Said::Allowed,
        };
        model::EvaluationResult {
            eval_action_name: question.action.clone(),
            eval_resource_name: Some(question.resource.clone()),
            eval_decision: said,
            matched_statements: Some(self.matched(&decision)),
            missing_context_values: Some(self.missing(&decision)),
            permissions_boundary_decision_detail: within.map(|allowed| {
                model::PermissionsBoundaryDecisionDetail { allowed_by_permissions_boundary: Some(allowed) }
            }),
            ..model::EvaluationResult::default()
        }
    }

    fn ask<'a>(
        &'a self,
        question: &Question,
        identity: &'a IdentityPolicies,
        context: &Context,
        resource: Option<&'a Policy>,
    ) -> Decision<'a> {
        let caller = self.caller.as_ref();
        let is_role = caller.is_some_and(|arn| name_in(arn, Kind::Role).is_some());
        let arn = caller.map_or("", Arn::as_str);
        let principal = Principal {
            kind: if is_role { PrincipalKind::AssumedRole } else { PrincipalKind::User },
            arn,
            policy_arn: arn,
            account: Some(caller.and_then(Arn::account).unwrap_or(self.account)),
            id: self.identity.as_ref().map_or("", |identity| &identity.id),
            user_name: caller.and_then(|arn| name_in(arn, Kind::User)),
            tags: self.identity.as_ref().map(|identity| &identity.tags),
        };
        let request = Request {
            principal: &principal,
            action: &question.action,
            resource: &question.resource,
            resource_account: self.owner,
            context,
            now: self.now,
        };
        let rule = ResourceRule::Grants;
        let resource = resource.map(|policy| ResourcePolicy { name: "ResourcePolicy", policy, rule });
        evaluate(&request, &Policies { identity, resource })
    }

    fn conditions(&self) -> Context {
        let mut context = Context::new();
        for entry in &self.context {
            if let Some(name) = &entry.context_key_name {
                context.set_all(name, entry.context_key_values.clone().unwrap_or_default());
            }
        }
        context
    }

    /// Keys that kept statements from permitting and that the request does not give.
    fn missing(&self, decision: &Decision<'_>) -> Vec<String> {
        let given = |key: &str| {
            let mut names = self.context.iter().filter_map(|entry| entry.context_key_name.as_deref());
            names.any(|name| name.eq_ignore_ascii_case(key))
        };
        let keys: BTreeSet<&str> = decision.near_misses.iter().map(|miss| miss.key).collect();
        keys.into_iter().filter(|key| !given(key)).map(str::to_owned).collect()
    }

    fn matched(&self, decision: &Decision<'_>) -> Vec<model::Statement> {
        let Some(decided) = decision.decided_by else { return Vec::new() };
        if decided.layer == Layer::Resource {
            return vec![model::Statement {
                source_policy_id: Some(decided.policy.to_owned()),
                source_policy_type: Some("Resource Policy".into()),
                ..model::Statement::default()
            }];
        }
        let document = self.documents.iter().find(|document| *document.attached.name == *decided.policy);
        let place = document.and_then(|document| place(&document.text, decided.statement.index()));
        let (start_position, end_position) = match place {
            Some((start, end)) => (Some(start), Some(end)),
            None => (None, None),
        };
        vec![model::Statement {
            source_policy_id: Some(decided.policy.to_owned()),
            source_policy_type: Some("IAM Policy".into()),
            start_position,
            end_position,
        }]
    }
}

/// Where a statement of a document begins, and the place behind it.
fn place(document: &str, index: usize) -> Option<(model::Position, model::Position)> {
    #[derive(serde::Deserialize)]
    struct Outer<'a> {
        #[serde(borrow, rename = "Statement")]
        statement: &'a RawValue,
    }
    let outer: Outer<'_> = serde_json::from_str(document).ok()?;
    let statement = match serde_json::from_str::<Vec<&RawValue>>(outer.statement.get()) {
        Ok(statements) => statements.get(index)?.get(),
        Err(_) => outer.statement.get(),
    };
    let start = (statement.as_ptr() as usize).checked_sub(document.as_ptr() as usize)?;
    Some((position(document, start)?, position(document, start + statement.len())?))
}

/// Line and column of an offset, counted from 1.
fn position(document: &str, offset: usize) -> Option<model::Position> {
    let before = document.get(..offset)?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    Some(model::Position { line: i32::try_from(line).ok(), column: i32::try_from(column).ok() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(position: &model::Position) -> (i32, i32) {
        (position.line.unwrap_or(0), position.column.unwrap_or(0))
    }

    #[test]
    fn places() {
        // The API reference's example of SimulateCustomPolicy has a statement at line 4, column 16.
        let document =
            "\n{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": {\n    \"Effect\": \"Allow\"\n  }\n}";
        let (start, end) = place(document, 0).unwrap();
        assert_eq!((at(&start), at(&end)), ((4, 16), (6, 4)));
        let list = r#"{"Statement": [{"Sid": "é"}, {}]}"#;
        let (start, end) = place(list, 1).unwrap();
        assert_eq!((at(&start), at(&end)), ((1, 30), (1, 32)));
        assert!(place(list, 2).is_none() && place("", 0).is_none());
    }

    #[test]
    fn answers() {
        let document = |id: &str, statement: &str| {
            let text = format!(r#"{{"Version": "2012-10-17", "Statement": {statement}}}"#);
            Document::new(id.to_owned(), text).unwrap()
        };
        let mut simulation = Simulation {
            account: AccountId::DEFAULT,
            owner: AccountId::DEFAULT,
            caller: None,
            identity: None,
            documents: vec![
                document("1", r#"{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}"#),
                document("2", r#"{"Effect": "Deny", "Action": "s3:Put*", "Resource": "*"}"#),
                document(
                    "3",
                    r#"{"Effect": "Allow", "Action": "sqs:*", "Resource": "*",
                        "Condition": {"Bool": {"aws:SecureTransport": "true"}}}"#,
                ),
            ],
            boundary: Vec::new(),
            resource: None,
            context: Vec::new(),
            now: Timestamp(0),
        };
        let ask = |simulation: &Simulation, action: &str| {
            let question = Question { action: action.to_owned(), resource: "*".to_owned() };
            simulation.answer(&question)
        };
        let cases = [
            ("s3:GetObject", Said::Allowed),
            ("s3:PutObject", Said::ExplicitDeny),
            ("x:Y", Said::ImplicitDeny),
        ];
        for (action, expected) in cases {
            assert_eq!(ask(&simulation, action).eval_decision, expected, "{action}");
        }
        let missing = ask(&simulation, "sqs:SendMessage").missing_context_values;
        assert_eq!(missing, Some(vec!["aws:SecureTransport".to_owned()]));
        simulation.boundary =
            vec![document("b", r#"{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}"#)];
        let limited = ask(&simulation, "s3:GetObject");
        let detail = limited.permissions_boundary_decision_detail;
        assert_eq!(limited.eval_decision, Said::ImplicitDeny);
        assert_eq!(detail.and_then(|detail| detail.allowed_by_permissions_boundary), Some(false));
    }
}
