//! Managed policies: versions, attachments, AWS's own.

use model_iam::operations as api;
use model_iam::*;
use testkit::Region;

const ARN: &str = "arn:aws:iam::000000000000:policy/hall/entry";
const LAMBDA: &str = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";

fn document(action: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#
    )
}

fn create() -> CreatePolicyInput {
    CreatePolicyInput {
        policy_name: "entry".to_owned(),
        path: Some("/hall/".to_owned()),
        policy_document: document("s3:GetObject"),
        description: Some("Who may enter".to_owned()),
        tags: None,
    }
}

async fn region() -> Region {
    let region = Region::of(vec![iam::service()]).await;
    region.call::<api::CreatePolicy>(create()).await.unwrap();
    let user = CreateUserInput { user_name: "bard".to_owned(), ..Default::default() };
    region.call::<api::CreateUser>(user).await.unwrap();
    region
}

fn attach(arn: &str) -> AttachUserPolicyInput {
    AttachUserPolicyInput { user_name: "bard".to_owned(), policy_arn: arn.to_owned() }
}

async fn get(region: &Region, arn: &str) -> Policy {
    region
        .call::<api::GetPolicy>(GetPolicyInput { policy_arn: arn.to_owned() })
        .await
        .unwrap()
        .policy
        .unwrap()
}

async fn add_version(region: &Region, default: bool) -> Result<String, schema::ApiError> {
    let input = CreatePolicyVersionInput {
        policy_arn: ARN.to_owned(),
        policy_document: document("s3:PutObject"),
        set_as_default: Some(default),
    };
    let made = region.call::<api::CreatePolicyVersion>(input).await?;
    Ok(made.policy_version.unwrap().version_id.unwrap())
}

#[tokio::test]
async fn a_policy_counts_its_attachments() {
    let region = region().await;
    let policy = get(&region, ARN).await;
    assert_eq!((policy.attachment_count, policy.default_version_id.as_deref()), (Some(0), Some("v1")));
    assert_eq!(policy.description.as_deref(), Some("Who may enter"));
    region.call::<api::AttachUserPolicy>(attach(ARN)).await.unwrap();
    region.call::<api::AttachUserPolicy>(attach(ARN)).await.unwrap();
    assert_eq!(get(&region, ARN).await.attachment_count, Some(1));
    let list = ListAttachedUserPoliciesInput { user_name: "bard".to_owned(), ..Default::default() };
    let attached = region.call::<api::ListAttachedUserPolicies>(list).await.unwrap().attached_policies;
    let expected = AttachedPolicy { policy_name: Some("entry".to_owned()), policy_arn: Some(ARN.to_owned()) };
    assert_eq!(attached, Some(vec![expected]));
    let delete = DeletePolicyInput { policy_arn: ARN.to_owned() };
    let refused = region.refused::<api::DeletePolicy>(delete).await;
    assert_eq!((refused.code.as_ref(), refused.status), ("DeleteConflict", 409));
    assert_eq!(refused.message, "Cannot delete a policy attached to entities.");
}

#[tokio::test]
async fn refusals_of_policies() {
    let region = region().await;
    let taken = region.refused::<api::CreatePolicy>(create()).await;
    assert_eq!(taken.message, "A policy called entry already exists. Duplicate names are not allowed.");
    let absent = "arn:aws:iam::000000000000:policy/none";
    let refused = region.refused::<api::AttachUserPolicy>(attach(absent)).await;
    assert_eq!(refused.message, format!("Policy {absent} does not exist or is not attachable."));
    let refused = region.refused::<api::GetPolicy>(GetPolicyInput { policy_arn: absent.to_owned() }).await;
    assert_eq!(refused.message, format!("Policy {absent} was not found."));
    let elsewhere = "arn:aws:iam::111111111111:policy/hall/entry";
    assert_eq!(region.refused::<api::AttachUserPolicy>(attach(elsewhere)).await.code, "NoSuchEntity");
    let refused = region.refused::<api::AttachUserPolicy>(attach("no-arn-but-long-enough")).await;
    assert_eq!(refused.code, "InvalidInput");
    assert_eq!(refused.message, "ARN no-arn-but-long-enough is not valid.");
    let detach = DetachUserPolicyInput { user_name: "bard".to_owned(), policy_arn: ARN.to_owned() };
    assert_eq!(region.refused::<api::DetachUserPolicy>(detach).await.code, "NoSuchEntity");
    let aws = region.refused::<api::DeletePolicy>(DeletePolicyInput { policy_arn: LAMBDA.to_owned() }).await;
    assert_eq!((aws.code.as_ref(), aws.status), ("AccessDenied", 403));
}

#[tokio::test]
async fn five_versions_of_which_one_holds() {
    let region = region().await;
    for expected in ["v2", "v3", "v4", "v5"] {
        assert_eq!(add_version(&region, expected == "v3").await.unwrap(), expected);
    }
    let refused = add_version(&region, false).await.unwrap_err();
    assert_eq!((refused.code.as_ref(), refused.status), ("LimitExceeded", 409));
    let list = ListPolicyVersionsInput { policy_arn: ARN.to_owned(), ..Default::default() };
    let listed = region.call::<api::ListPolicyVersions>(list).await.unwrap().versions.unwrap();
    let shown: Vec<_> = listed
        .iter()
        .map(|version| (version.version_id.as_deref().unwrap(), version.is_default_version.unwrap()))
        .collect();
    assert_eq!(shown, [("v5", false), ("v4", false), ("v3", true), ("v2", false), ("v1", false)]);
    let delete = |version: &str| DeletePolicyVersionInput {
        policy_arn: ARN.to_owned(),
        version_id: version.to_owned(),
    };
    let refused = region.refused::<api::DeletePolicyVersion>(delete("v3")).await;
    assert_eq!(refused.message, "Cannot delete the default version of a policy.");
    region.call::<api::DeletePolicyVersion>(delete("v5")).await.unwrap();
    assert_eq!(region.refused::<api::DeletePolicyVersion>(delete("v5")).await.code, "NoSuchEntity");
    // Numbers are never given twice.
    assert_eq!(add_version(&region, false).await.unwrap(), "v6");
    let refused = region.refused::<api::DeletePolicy>(DeletePolicyInput { policy_arn: ARN.to_owned() }).await;
    assert!(refused.message.starts_with("This policy has more than one version."));
}

#[tokio::test]
async fn the_default_version_is_what_permits() {
    let region = region().await;
    region.call::<api::AttachUserPolicy>(attach(ARN)).await.unwrap();
    let key = CreateAccessKeyInput { user_name: Some("bard".to_owned()) };
    let key = region.call::<api::CreateAccessKey>(key).await.unwrap().access_key.access_key_id;
    let credentials = region.host().ports().credentials.clone();
    let bard = credentials.find(&key).unwrap().unwrap().principal;
    let policy = || credentials.policies(&bard).unwrap().identity[0].policy.clone();
    let before = policy();
    assert_eq!(*policy(), *before);
    add_version(&region, false).await.unwrap();
    assert_eq!(*policy(), *before);
    let set = SetDefaultPolicyVersionInput { policy_arn: ARN.to_owned(), version_id: "v2".to_owned() };
    region.call::<api::SetDefaultPolicyVersion>(set).await.unwrap();
    assert_ne!(*policy(), *before);
}

#[tokio::test]
async fn policies_of_aws_are_there_for_all() {
    let region = region().await;
    let policy = get(&region, LAMBDA).await;
    assert_eq!((policy.path.as_deref(), policy.arn.as_deref()), (Some("/service-role/"), Some(LAMBDA)));
    let version = GetPolicyVersionInput { policy_arn: LAMBDA.to_owned(), version_id: "v1".to_owned() };
    let version = region.call::<api::GetPolicyVersion>(version).await.unwrap().policy_version.unwrap();
    assert!(version.document.unwrap().contains("logs%3APutLogEvents"));
    let list = |scope: &str, attached| ListPoliciesInput {
        scope: Some(scope.into()),
        only_attached: Some(attached),
        max_items: Some(1000),
        ..Default::default()
    };
    let count = async |input| region.call::<api::ListPolicies>(input).await.unwrap().policies.unwrap().len();
    assert_eq!(count(list("Local", false)).await, 1);
    assert_eq!(count(list("All", true)).await, 0);
    let aws = count(list("AWS", false)).await;
    assert_eq!(count(list("All", false)).await, aws + 1);
    region.call::<api::AttachUserPolicy>(attach(LAMBDA)).await.unwrap();
    assert_eq!(count(list("All", true)).await, 1);
}

#[tokio::test]
async fn pages_of_policies_are_whole_and_in_order() {
    let region = region().await;
    let (mut seen, mut marker) = (Vec::new(), None);
    loop {
        let list = ListPoliciesInput { marker, max_items: Some(50), ..Default::default() };
        let page = region.call::<api::ListPolicies>(list).await.unwrap();
        seen.extend(page.policies.unwrap().into_iter().map(|policy| policy.arn.unwrap()));
        marker = page.marker;
        if marker.is_none() {
            break;
        }
    }
    let distinct: std::collections::BTreeSet<&String> = seen.iter().collect();
    assert!(seen.len() > 100 && distinct.len() == seen.len() && seen[0] == ARN);
}

#[tokio::test]
async fn a_boundary_is_a_use_too() {
    let region = region().await;
    let put = PutUserPermissionsBoundaryInput {
        user_name: "bard".to_owned(),
        permissions_boundary: ARN.to_owned(),
    };
    region.call::<api::PutUserPermissionsBoundary>(put).await.unwrap();
    let policy = get(&region, ARN).await;
    assert_eq!((policy.attachment_count, policy.permissions_boundary_usage_count), (Some(0), Some(1)));
    region.call::<api::AttachUserPolicy>(attach(ARN)).await.unwrap();
    let uses = ListEntitiesForPolicyInput { policy_arn: ARN.to_owned(), ..Default::default() };
    let uses = region.call::<api::ListEntitiesForPolicy>(uses).await.unwrap();
    assert_eq!(uses.policy_users.map(|users| users.len()), Some(1));
    let gone = DeleteUserPermissionsBoundaryInput { user_name: "bard".to_owned() };
    region.call::<api::DeleteUserPermissionsBoundary>(gone).await.unwrap();
    assert_eq!(get(&region, ARN).await.permissions_boundary_usage_count, Some(0));
}
