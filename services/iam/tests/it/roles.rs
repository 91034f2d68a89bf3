//! Roles, their trust and instance profiles; AssumeRole beside permissions.

use model_iam::operations as api;
use model_iam::*;
use model_sts::operations as sts;
use model_sts::{AssumeRoleInput, PolicyDescriptorType};
use testkit::Region;

const SINGER: &str = "arn:aws:iam::000000000000:role/singer";

fn trust(principal: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":
            {{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}}}"#
    )
}

fn create(name: &str, principal: &str) -> CreateRoleInput {
    CreateRoleInput {
        role_name: name.to_owned(),
        assume_role_policy_document: trust(principal),
        ..Default::default()
    }
}

async fn region() -> Region {
    let region = Region::of(vec![iam::service()]).await;
    region.call::<api::CreateRole>(create("singer", r#"{"AWS":"000000000000"}"#)).await.unwrap();
    region
}

fn assume() -> AssumeRoleInput {
    AssumeRoleInput {
        role_arn: SINGER.to_owned(),
        role_session_name: "evening".to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_role_is_shown_as_it_was_made() {
    let region = region().await;
    let get = GetRoleInput { role_name: "Singer".to_owned() };
    let role = region.call::<api::GetRole>(get).await.unwrap().role;
    assert_eq!((role.arn.as_str(), role.max_session_duration), (SINGER, Some(3600)));
    assert!(role.role_id.starts_with("AROA") && role.role_id.len() == 21);
    let document = role.assume_role_policy_document.unwrap();
    assert!(document.starts_with("%7B%22Version%22%3A%222012-10-17%22"), "{document}");
}

#[tokio::test]
async fn trust_names_principals_that_exist() {
    let region = region().await;
    let nobody = r#"{"AWS":"arn:aws:iam::000000000000:user/nobody"}"#;
    let refused = region.refused::<api::CreateRole>(create("other", nobody)).await;
    assert_eq!(refused.code, "MalformedPolicyDocument");
    // The text that Terraform's and other tools' retries look for.
    assert_eq!(
        refused.message,
        "Invalid principal in policy: \"AWS\":\"arn:aws:iam::000000000000:user/nobody\""
    );
    let by_role = format!(r#"{{"AWS":"{SINGER}"}}"#);
    region.call::<api::CreateRole>(create("other", &by_role)).await.unwrap();
    let bad = CreateRoleInput {
        role_name: "third".to_owned(),
        assume_role_policy_document: "{}".to_owned(),
        ..Default::default()
    };
    assert_eq!(region.refused::<api::CreateRole>(bad).await.code, "MalformedPolicyDocument");
    let again = region.refused::<api::CreateRole>(create("SINGER", r#"{"AWS":"*"}"#)).await;
    assert_eq!(again.message, "Role with name SINGER already exists.");
}

#[tokio::test]
async fn lengths_and_sizes_of_sessions() {
    let region = region().await;
    let long = AssumeRoleInput { duration_seconds: Some(7200), ..assume() };
    let refused = region.refused::<sts::AssumeRole>(long).await;
    assert_eq!(refused.code, "ValidationError");
    assert_eq!(
        refused.message,
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    );
    let raise = UpdateRoleInput {
        role_name: "singer".to_owned(),
        max_session_duration: Some(7200),
        description: None,
    };
    region.call::<api::UpdateRole>(raise).await.unwrap();
    let long = AssumeRoleInput { duration_seconds: Some(7200), ..assume() };
    let session = region.call::<sts::AssumeRole>(long).await.unwrap().credentials.unwrap();
    assert_eq!(session.expiration, testkit::START.plus_millis(7_200_000));
    let resources: Vec<String> = (0..60).map(|n| format!("\"arn:aws:s3:::{n:040}\"")).collect();
    let large = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":[{}]}}}}"#,
        resources.join(",")
    );
    let large = AssumeRoleInput { policy: Some(large), ..assume() };
    assert_eq!(region.refused::<sts::AssumeRole>(large).await.code, "PackedPolicyTooLarge");
    let malformed = AssumeRoleInput { policy: Some("{}".to_owned()), ..assume() };
    assert_eq!(region.refused::<sts::AssumeRole>(malformed).await.code, "MalformedPolicyDocument");
    let arn = Some("arn:aws:iam::000000000000:policy/none".to_owned());
    let absent = AssumeRoleInput { policy_arns: Some(vec![PolicyDescriptorType { arn }]), ..assume() };
    assert_eq!(region.refused::<sts::AssumeRole>(absent).await.code, "ValidationError");
    let coded = AssumeRoleInput { token_code: Some("123456".to_owned()), ..assume() };
    assert_eq!(region.refused::<sts::AssumeRole>(coded).await.code, "AccessDenied");
}

/// An application that is configured with a role finds it, as it does in emulators that know no roles.
#[tokio::test]
async fn a_role_that_nobody_made_is_taken_on_where_nothing_is_enforced() {
    let region = region().await;
    let made_up = |arn: &str| AssumeRoleInput { role_arn: arn.to_owned(), ..assume() };
    let asked = made_up("arn:aws:iam::111122223333:role/ci/deploy");
    let asked = AssumeRoleInput { duration_seconds: Some(900), ..asked };
    let answer = region.call::<sts::AssumeRole>(asked).await.unwrap();
    let of = answer.assumed_role_user.unwrap();
    assert_eq!(of.arn, "arn:aws:sts::111122223333:assumed-role/deploy/evening");
    let given = answer.credentials.unwrap();
    assert_eq!(given.expiration, region.host().clock.now().plus_millis(900_000));
    let held = region.host().ports().credentials.find(&given.access_key_id).unwrap().unwrap();
    assert_eq!(held.principal.arn.as_str(), of.arn);
    assert_eq!(*held.secret, *given.secret_access_key);
    for no_role in ["arn:aws:iam::000000000000:user/bard", "arn:aws:lambda:us-east-1:000000000000:function:f"]
    {
        assert_eq!(region.refused::<sts::AssumeRole>(made_up(no_role)).await.code, "AccessDenied");
    }
}

#[tokio::test]
async fn session_tags_pass_on_where_they_are_transitive() {
    let region = region().await;
    let tags = [("band", "1"), ("hall", "2")]
        .map(|(key, value)| model_sts::Tag { key: key.to_owned(), value: value.to_owned() });
    let first = AssumeRoleInput {
        tags: Some(tags.to_vec()),
        transitive_tag_keys: Some(vec!["band".to_owned()]),
        ..assume()
    };
    let first = region.call::<sts::AssumeRole>(first).await.unwrap().credentials.unwrap();
    let credentials = region.host().ports().credentials.clone();
    let caller = |key: &str| {
        let principal = credentials.find(key).unwrap().unwrap().principal;
        (principal.tags.clone(), ports::Caller::Principal(principal))
    };
    let (tags, chaining) = caller(&first.access_key_id);
    assert_eq!((tags.get("band"), tags.get("hall")), (Some("1"), Some("2")));
    let second = region.call_as::<sts::AssumeRole>(chaining.clone(), assume()).await.unwrap();
    let (tags, _) = caller(&second.credentials.unwrap().access_key_id);
    assert_eq!((tags.get("band"), tags.get("hall")), (Some("1"), None));
    let again = model_sts::Tag { key: "band".to_owned(), value: "3".to_owned() };
    let conflicting = AssumeRoleInput { tags: Some(vec![again]), ..assume() };
    let refused = region.call_as::<sts::AssumeRole>(chaining.clone(), conflicting).await.unwrap_err();
    assert_eq!(refused.code, "InvalidParameterValue");
    let long = AssumeRoleInput { duration_seconds: Some(3601), ..assume() };
    let refused = region.call_as::<sts::AssumeRole>(chaining, long).await.unwrap_err();
    assert!(refused.message.contains("role chaining"), "{}", refused.message);
}

#[tokio::test]
async fn a_service_linked_role_is_its_services() {
    let region = region().await;
    let input = CreateServiceLinkedRoleInput {
        aws_service_name: "ecs.amazonaws.com".to_owned(),
        ..Default::default()
    };
    let role = region.call::<api::CreateServiceLinkedRole>(input.clone()).await.unwrap().role.unwrap();
    assert_eq!(
        role.arn,
        "arn:aws:iam::000000000000:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    );
    let taken = region.refused::<api::CreateServiceLinkedRole>(input).await;
    assert_eq!(taken.code, "InvalidInput");
    let delete = DeleteRoleInput { role_name: role.role_name.clone() };
    assert_eq!(region.refused::<api::DeleteRole>(delete).await.code, "UnmodifiableEntity");
    let attach = AttachRolePolicyInput {
        role_name: role.role_name,
        policy_arn: "arn:aws:iam::aws:policy/AdministratorAccess".to_owned(),
    };
    assert_eq!(region.refused::<api::AttachRolePolicy>(attach).await.code, "UnmodifiableEntity");
}

#[tokio::test]
async fn a_service_linked_role_goes_in_a_task() {
    let region = region().await;
    let input = CreateServiceLinkedRoleInput {
        aws_service_name: "ecs.amazonaws.com".to_owned(),
        ..Default::default()
    };
    region.call::<api::CreateServiceLinkedRole>(input).await.unwrap();
    let delete = |name: &str| DeleteServiceLinkedRoleInput { role_name: name.to_owned() };
    let role = delete("AWSServiceRoleForECS");
    let task = region.call::<api::DeleteServiceLinkedRole>(role).await.unwrap().deletion_task_id;
    assert!(task.starts_with("task/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS/"));
    let status = |task: &str| GetServiceLinkedRoleDeletionStatusInput { deletion_task_id: task.to_owned() };
    let said = region.call::<api::GetServiceLinkedRoleDeletionStatus>(status(&task)).await.unwrap();
    assert_eq!(said.status, DeletionTaskStatusType::Succeeded);
    let get = GetRoleInput { role_name: "AWSServiceRoleForECS".to_owned() };
    assert_eq!(region.refused::<api::GetRole>(get).await.code, "NoSuchEntity");
    let own = region.refused::<api::DeleteServiceLinkedRole>(delete("singer")).await;
    assert_eq!(own.code, "InvalidInput");
    region.advance(std::time::Duration::from_secs(25 * 3600)).await;
    let forgotten = region.refused::<api::GetServiceLinkedRoleDeletionStatus>(status(&task)).await;
    assert_eq!(forgotten.code, "NoSuchEntity");
}

#[tokio::test]
async fn an_instance_profile_holds_one_role() {
    let region = region().await;
    region.call::<api::CreateRole>(create("other", r#"{"AWS":"*"}"#)).await.unwrap();
    let profile =
        CreateInstanceProfileInput { instance_profile_name: "stage".to_owned(), ..Default::default() };
    let made = region.call::<api::CreateInstanceProfile>(profile).await.unwrap().instance_profile;
    assert!(made.instance_profile_id.starts_with("AIPA") && made.roles.is_empty());
    let add = |role: &str| AddRoleToInstanceProfileInput {
        instance_profile_name: "stage".to_owned(),
        role_name: role.to_owned(),
    };
    region.call::<api::AddRoleToInstanceProfile>(add("singer")).await.unwrap();
    let refused = region.refused::<api::AddRoleToInstanceProfile>(add("other")).await;
    assert_eq!(refused.message, "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1");
    let list = ListInstanceProfilesForRoleInput { role_name: "singer".to_owned(), ..Default::default() };
    let listed = region.call::<api::ListInstanceProfilesForRole>(list).await.unwrap().instance_profiles;
    assert_eq!(listed[0].roles[0].arn, SINGER);
    let delete = || DeleteInstanceProfileInput { instance_profile_name: "stage".to_owned() };
    assert_eq!(region.refused::<api::DeleteInstanceProfile>(delete()).await.code, "DeleteConflict");
    let gone = DeleteRoleInput { role_name: "singer".to_owned() };
    assert_eq!(region.refused::<api::DeleteRole>(gone).await.code, "DeleteConflict");
    let remove = || RemoveRoleFromInstanceProfileInput {
        instance_profile_name: "stage".to_owned(),
        role_name: "singer".to_owned(),
    };
    region.call::<api::RemoveRoleFromInstanceProfile>(remove()).await.unwrap();
    assert_eq!(region.refused::<api::RemoveRoleFromInstanceProfile>(remove()).await.code, "NoSuchEntity");
    region.call::<api::DeleteInstanceProfile>(delete()).await.unwrap();
    region.call::<api::DeleteRole>(DeleteRoleInput { role_name: "singer".to_owned() }).await.unwrap();
}

#[tokio::test]
async fn a_role_made_again_is_another_one() {
    let region = region().await;
    let session = region.call::<sts::AssumeRole>(assume()).await.unwrap().credentials.unwrap();
    let credentials = region.host().ports().credentials.clone();
    let before = credentials.find(&session.access_key_id).unwrap().unwrap().principal;
    region.call::<api::DeleteRole>(DeleteRoleInput { role_name: "singer".to_owned() }).await.unwrap();
    region.call::<api::CreateRole>(create("singer", r#"{"AWS":"*"}"#)).await.unwrap();
    let attach = AttachRolePolicyInput {
        role_name: "singer".to_owned(),
        policy_arn: "arn:aws:iam::aws:policy/AdministratorAccess".to_owned(),
    };
    region.call::<api::AttachRolePolicy>(attach).await.unwrap();
    assert!(credentials.find(&session.access_key_id).unwrap().is_none());
    assert!(credentials.policies(&before).unwrap().identity.is_empty());
}
