//! The simulator.

use model_iam::operations as api;
use model_iam::*;
use testkit::Region;

const DENY_PUT: &str = r#"{"Version":"2012-10-17","Statement":[
  {"Effect":"Deny","Action":"s3:PutObject","Resource":"*"}]}"#;

#[tokio::test]
async fn a_users_policies_and_more() {
    let region = Region::of(vec![iam::service()]).await;
    let user = CreateUserInput { user_name: "bard".to_owned(), ..Default::default() };
    let arn = region.call::<api::CreateUser>(user).await.unwrap().user.unwrap().arn;
    let attach = AttachUserPolicyInput {
        user_name: "bard".to_owned(),
        policy_arn: "arn:aws:iam::aws:policy/AmazonS3FullAccess".to_owned(),
    };
    region.call::<api::AttachUserPolicy>(attach).await.unwrap();
    let put = PutUserPolicyInput {
        user_name: "bard".to_owned(),
        policy_name: "still".to_owned(),
        policy_document: DENY_PUT.to_owned(),
    };
    region.call::<api::PutUserPolicy>(put).await.unwrap();
    let actions = ["s3:GetObject", "s3:PutObject", "sqs:SendMessage"].map(str::to_owned).to_vec();
    let ask = |marker: Option<String>, max_items| SimulatePrincipalPolicyInput {
        policy_source_arn: arn.clone(),
        action_names: actions.clone(),
        marker,
        max_items,
        ..Default::default()
    };
    let answer = region.call::<api::SimulatePrincipalPolicy>(ask(None, None)).await.unwrap();
    let said: Vec<_> = answer
        .evaluation_results
        .unwrap()
        .into_iter()
        .map(|result| {
            let by =
                result.matched_statements.unwrap().pop().and_then(|statement| statement.source_policy_id);
            (result.eval_decision, by)
        })
        .collect();
    use PolicyEvaluationDecisionType::{Allowed, ExplicitDeny, ImplicitDeny};
    assert_eq!(
        said,
        [
            (Allowed, Some("AmazonS3FullAccess".to_owned())),
            (ExplicitDeny, Some("user_bard_still".to_owned())),
            (ImplicitDeny, None)
        ]
    );
    let first = region.call::<api::SimulatePrincipalPolicy>(ask(None, Some(2))).await.unwrap();
    assert_eq!(
        (first.is_truncated, first.evaluation_results.map(|results| results.len())),
        (Some(true), Some(2))
    );
    let second = region.call::<api::SimulatePrincipalPolicy>(ask(first.marker, Some(2))).await.unwrap();
    let last = second.evaluation_results.unwrap();
    assert_eq!((last.len(), last[0].eval_action_name.as_str()), (1, "sqs:SendMessage"));
}

#[tokio::test]
async fn refusals() {
    let region = Region::of(vec![iam::service()]).await;
    let custom = |document: &str, action: &str| SimulateCustomPolicyInput {
        policy_input_list: vec![document.to_owned()],
        action_names: vec![action.to_owned()],
        ..Default::default()
    };
    for (document, action, code) in
        [("{}", "s3:GetObject", "MalformedPolicyDocument"), (DENY_PUT, "s3:*", "InvalidInput")]
    {
        let refused = region.refused::<api::SimulateCustomPolicy>(custom(document, action)).await;
        assert_eq!(refused.code, code);
    }
    let nobody = SimulatePrincipalPolicyInput {
        policy_source_arn: "arn:aws:iam::000000000000:user/nobody".to_owned(),
        action_names: vec!["s3:GetObject".to_owned()],
        ..Default::default()
    };
    assert_eq!(region.refused::<api::SimulatePrincipalPolicy>(nobody).await.code, "NoSuchEntity");
}
