//! Groups: members, and what membership permits.

use model_iam::operations as api;
use model_iam::*;
use testkit::Region;

const SQS: &str = "arn:aws:iam::aws:policy/AmazonSQSFullAccess";

async fn region() -> Region {
    let region = Region::of(vec![iam::service()]).await;
    let user = CreateUserInput { user_name: "bard".to_owned(), ..Default::default() };
    region.call::<api::CreateUser>(user).await.unwrap();
    let group = CreateGroupInput { group_name: "choir".to_owned(), path: None };
    region.call::<api::CreateGroup>(group).await.unwrap();
    region
}

fn join() -> AddUserToGroupInput {
    AddUserToGroupInput { group_name: "choir".to_owned(), user_name: "bard".to_owned() }
}

#[tokio::test]
async fn membership_gives_and_takes_permissions() {
    let region = region().await;
    let key = CreateAccessKeyInput { user_name: Some("bard".to_owned()) };
    let key = region.call::<api::CreateAccessKey>(key).await.unwrap().access_key.access_key_id;
    let attach = AttachGroupPolicyInput { group_name: "choir".to_owned(), policy_arn: SQS.to_owned() };
    region.call::<api::AttachGroupPolicy>(attach).await.unwrap();
    let credentials = region.host().ports().credentials.clone();
    let bard = credentials.find(&key).unwrap().unwrap().principal;
    let policies = || credentials.policies(&bard).unwrap().identity.len();
    assert_eq!(policies(), 0);
    region.call::<api::AddUserToGroup>(join()).await.unwrap();
    region.call::<api::AddUserToGroup>(join()).await.unwrap();
    assert_eq!(policies(), 1);
    let detach = DetachGroupPolicyInput { group_name: "choir".to_owned(), policy_arn: SQS.to_owned() };
    region.call::<api::DetachGroupPolicy>(detach).await.unwrap();
    assert_eq!(policies(), 0);
}

#[tokio::test]
async fn members_are_listed_from_both_sides() {
    let region = region().await;
    region.call::<api::AddUserToGroup>(join()).await.unwrap();
    let get = GetGroupInput { group_name: "CHOIR".to_owned(), ..Default::default() };
    let group = region.call::<api::GetGroup>(get).await.unwrap();
    assert_eq!((group.group.group_name.as_str(), group.users.len()), ("choir", 1));
    let list = ListGroupsForUserInput { user_name: "bard".to_owned(), ..Default::default() };
    let groups = region.call::<api::ListGroupsForUser>(list).await.unwrap().groups;
    assert_eq!(groups[0].arn, "arn:aws:iam::000000000000:group/choir");
}

#[tokio::test]
async fn a_renamed_group_keeps_members_and_policies() {
    let region = region().await;
    region.call::<api::AddUserToGroup>(join()).await.unwrap();
    let attach = AttachGroupPolicyInput { group_name: "choir".to_owned(), policy_arn: SQS.to_owned() };
    region.call::<api::AttachGroupPolicy>(attach).await.unwrap();
    let update = UpdateGroupInput {
        group_name: "choir".to_owned(),
        new_group_name: Some("chorus".to_owned()),
        new_path: None,
    };
    region.call::<api::UpdateGroup>(update).await.unwrap();
    let list = ListGroupsForUserInput { user_name: "bard".to_owned(), ..Default::default() };
    let groups = region.call::<api::ListGroupsForUser>(list).await.unwrap().groups;
    assert_eq!(groups[0].arn, "arn:aws:iam::000000000000:group/chorus");
    let uses = ListEntitiesForPolicyInput { policy_arn: SQS.to_owned(), ..Default::default() };
    let uses = region.call::<api::ListEntitiesForPolicy>(uses).await.unwrap().policy_groups.unwrap();
    assert_eq!(uses[0].group_name.as_deref(), Some("chorus"));
    let get = GetGroupInput { group_name: "choir".to_owned(), ..Default::default() };
    let refused = region.refused::<api::GetGroup>(get).await;
    assert_eq!(refused.message, "The group with name choir cannot be found.");
}

#[tokio::test]
async fn a_group_goes_after_its_members() {
    let region = region().await;
    region.call::<api::AddUserToGroup>(join()).await.unwrap();
    let delete = || DeleteGroupInput { group_name: "choir".to_owned() };
    let refused = region.refused::<api::DeleteGroup>(delete()).await;
    assert_eq!(refused.message, "Cannot delete entity, must remove users from group first.");
    let user = region.refused::<api::DeleteUser>(DeleteUserInput { user_name: "bard".to_owned() }).await;
    assert_eq!(user.message, "Cannot delete entity, must remove users from group first.");
    let leave = || RemoveUserFromGroupInput { group_name: "choir".to_owned(), user_name: "bard".to_owned() };
    region.call::<api::RemoveUserFromGroup>(leave()).await.unwrap();
    assert_eq!(region.refused::<api::RemoveUserFromGroup>(leave()).await.code, "NoSuchEntity");
    region.call::<api::DeleteGroup>(delete()).await.unwrap();
}

#[tokio::test]
async fn a_user_is_in_ten_groups_at_most() {
    let region = region().await;
    for number in 0..11 {
        let name = format!("group-{number}");
        let group = CreateGroupInput { group_name: name.clone(), path: None };
        region.call::<api::CreateGroup>(group).await.unwrap();
        let join = AddUserToGroupInput { group_name: name, user_name: "bard".to_owned() };
        match region.call::<api::AddUserToGroup>(join).await {
            Ok(_) => assert!(number < 10),
            Err(error) => {
                assert_eq!(
                    (number, error.message.as_str()),
                    (10, "Cannot exceed quota for GroupsPerUser: 10")
                );
            }
        }
    }
}
