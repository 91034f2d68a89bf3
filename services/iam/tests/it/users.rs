//! Users and what belongs to them: names, keys, inline policies, tags, renaming, deletion.

use model_iam::operations as api;
use model_iam::*;
use testkit::Region;

const ALLOW: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

async fn region() -> Region {
    Region::of(vec![iam::service()]).await
}

async fn create(region: &Region, name: &str) -> User {
    let input = CreateUserInput { user_name: name.to_owned(), ..Default::default() };
    region.call::<api::CreateUser>(input).await.unwrap().user.unwrap()
}

async fn create_key(region: &Region, name: &str) -> AccessKey {
    let input = CreateAccessKeyInput { user_name: Some(name.to_owned()) };
    region.call::<api::CreateAccessKey>(input).await.unwrap().access_key
}

fn tag(key: &str, value: &str) -> Tag {
    Tag { key: key.to_owned(), value: value.to_owned() }
}

#[tokio::test]
async fn a_user_is_shown_as_it_was_made() {
    let region = region().await;
    let input = CreateUserInput {
        user_name: "Bard".to_owned(),
        path: Some("/hall/".to_owned()),
        tags: Some(vec![tag("instrument", "lute")]),
        permissions_boundary: Some("arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned()),
    };
    let made = region.call::<api::CreateUser>(input).await.unwrap().user.unwrap();
    assert_eq!(made.arn, "arn:aws:iam::000000000000:user/hall/Bard");
    assert!(made.user_id.starts_with("AIDA") && made.user_id.len() == 21);
    // Names are found without regard to case and answered as they were given.
    let get = GetUserInput { user_name: Some("bard".to_owned()) };
    let got = region.call::<api::GetUser>(get).await.unwrap().user;
    assert_eq!(got, made);
    assert_eq!(got.tags, Some(vec![tag("instrument", "lute")]));
    let boundary = got.permissions_boundary.unwrap().permissions_boundary_arn;
    assert_eq!(boundary.as_deref(), Some("arn:aws:iam::aws:policy/ReadOnlyAccess"));
}

#[tokio::test]
async fn refusals_of_users() {
    let region = region().await;
    create(&region, "bard").await;
    let again = CreateUserInput { user_name: "BARD".to_owned(), ..Default::default() };
    let taken = region.refused::<api::CreateUser>(again).await;
    assert_eq!((taken.code.as_ref(), taken.status), ("EntityAlreadyExists", 409));
    assert_eq!(taken.message, "User with name BARD already exists.");
    let absent = region.refused::<api::GetUser>(GetUserInput { user_name: Some("critic".to_owned()) }).await;
    assert_eq!((absent.code.as_ref(), absent.status), ("NoSuchEntity", 404));
    assert_eq!(absent.message, "The user with name critic cannot be found.");
    let unbounded = CreateUserInput {
        user_name: "thief".to_owned(),
        permissions_boundary: Some("arn:aws:iam::000000000000:policy/none".to_owned()),
        ..Default::default()
    };
    let refused = region.refused::<api::CreateUser>(unbounded).await;
    assert_eq!(refused.code, "NoSuchEntity");
    let twice = CreateUserInput {
        user_name: "thief".to_owned(),
        tags: Some(vec![tag("a", "1"), tag("A", "2")]),
        ..Default::default()
    };
    assert_eq!(region.refused::<api::CreateUser>(twice).await.code, "InvalidInput");
}

#[tokio::test]
async fn two_keys_are_the_most_and_the_secret_is_shown_once() {
    let region = region().await;
    create(&region, "bard").await;
    let first = create_key(&region, "bard").await;
    assert!(first.access_key_id.starts_with("AKIA") && first.access_key_id.len() == 20);
    assert_eq!((first.secret_access_key.len(), first.status), (40, StatusType::Active));
    create_key(&region, "bard").await;
    let third = CreateAccessKeyInput { user_name: Some("bard".to_owned()) };
    let refused = region.refused::<api::CreateAccessKey>(third).await;
    assert_eq!((refused.code.as_ref(), refused.status), ("LimitExceeded", 409));
    assert_eq!(refused.message, "Cannot exceed quota for AccessKeysPerUser: 2");
    let list = ListAccessKeysInput { user_name: Some("bard".to_owned()), ..Default::default() };
    let listed = region.call::<api::ListAccessKeys>(list).await.unwrap().access_key_metadata;
    assert_eq!(listed.len(), 2);
    let unknown = DeleteAccessKeyInput {
        user_name: Some("bard".to_owned()),
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
    };
    let refused = region.refused::<api::DeleteAccessKey>(unknown).await;
    assert_eq!(refused.message, "The Access Key with id AKIAIOSFODNN7EXAMPLE cannot be found.");
}

#[tokio::test]
async fn inline_policies_are_answered_encoded_and_bounded_together() {
    let region = region().await;
    create(&region, "bard").await;
    let put = |name: &str, document: String| PutUserPolicyInput {
        user_name: "bard".to_owned(),
        policy_name: name.to_owned(),
        policy_document: document,
    };
    region.call::<api::PutUserPolicy>(put("all", ALLOW.to_owned())).await.unwrap();
    let get = GetUserPolicyInput { user_name: "bard".to_owned(), policy_name: "all".to_owned() };
    let got = region.call::<api::GetUserPolicy>(get).await.unwrap();
    let decoded = percent_encoding::percent_decode_str(&got.policy_document).decode_utf8().unwrap();
    assert!(got.policy_document.starts_with("%7B%22Version%22%3A") && decoded == ALLOW);

    let bad = region.refused::<api::PutUserPolicy>(put("bad", "{".to_owned())).await;
    assert_eq!((bad.code.as_ref(), bad.status), ("MalformedPolicyDocument", 400));
    let resources: Vec<String> = (0..40).map(|n| format!("\"arn:aws:s3:::{n:040}\"")).collect();
    let long = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":[{}]}}}}"#,
        resources.join(", ")
    );
    let refused = region.refused::<api::PutUserPolicy>(put("long", long)).await;
    assert_eq!(refused.message, "Maximum policy size of 2048 bytes exceeded for user bard");
    let missing = GetUserPolicyInput { user_name: "bard".to_owned(), policy_name: "none".to_owned() };
    let refused = region.refused::<api::GetUserPolicy>(missing).await;
    assert_eq!(refused.message, "The user policy with name none cannot be found.");
}

#[tokio::test]
async fn a_renamed_user_keeps_all_it_has() {
    let region = region().await;
    create(&region, "bard").await;
    let key = create_key(&region, "bard").await;
    let group = CreateGroupInput { group_name: "choir".to_owned(), path: None };
    region.call::<api::CreateGroup>(group).await.unwrap();
    let join = AddUserToGroupInput { group_name: "choir".to_owned(), user_name: "bard".to_owned() };
    region.call::<api::AddUserToGroup>(join).await.unwrap();
    let policy_arn = "arn:aws:iam::aws:policy/AmazonSQSFullAccess".to_owned();
    let attach = AttachUserPolicyInput { user_name: "bard".to_owned(), policy_arn: policy_arn.clone() };
    region.call::<api::AttachUserPolicy>(attach).await.unwrap();

    let update = UpdateUserInput {
        user_name: "bard".to_owned(),
        new_user_name: Some("minstrel".to_owned()),
        new_path: Some("/road/".to_owned()),
    };
    region.call::<api::UpdateUser>(update).await.unwrap();
    let credentials = region.host().ports().credentials.clone();
    let held = credentials.find(&key.access_key_id).unwrap().unwrap();
    assert_eq!(held.principal.arn.as_str(), "arn:aws:iam::000000000000:user/road/minstrel");
    assert_eq!(credentials.policies(&held.principal).unwrap().identity.len(), 1);
    let get = GetGroupInput { group_name: "choir".to_owned(), ..Default::default() };
    let members = region.call::<api::GetGroup>(get).await.unwrap().users;
    assert_eq!(members.iter().map(|user| user.user_name.as_str()).collect::<Vec<_>>(), ["minstrel"]);
    let uses = ListEntitiesForPolicyInput { policy_arn, ..Default::default() };
    let uses = region.call::<api::ListEntitiesForPolicy>(uses).await.unwrap().policy_users.unwrap();
    assert_eq!(uses[0].user_name.as_deref(), Some("minstrel"));
    create(&region, "bard").await;
}

#[tokio::test]
async fn a_user_goes_last() {
    let region = region().await;
    create(&region, "bard").await;
    let key = create_key(&region, "bard").await;
    let put = PutUserPolicyInput {
        user_name: "bard".to_owned(),
        policy_name: "all".to_owned(),
        policy_document: ALLOW.to_owned(),
    };
    region.call::<api::PutUserPolicy>(put).await.unwrap();
    let delete = || DeleteUserInput { user_name: "bard".to_owned() };
    let refused = region.refused::<api::DeleteUser>(delete()).await;
    assert_eq!((refused.code.as_ref(), refused.status), ("DeleteConflict", 409));
    assert_eq!(refused.message, "Cannot delete entity, must delete access keys first.");
    let gone = DeleteAccessKeyInput { user_name: Some("bard".to_owned()), access_key_id: key.access_key_id };
    region.call::<api::DeleteAccessKey>(gone).await.unwrap();
    let refused = region.refused::<api::DeleteUser>(delete()).await;
    assert_eq!(refused.message, "Cannot delete entity, must delete policies first.");
    let gone = DeleteUserPolicyInput { user_name: "bard".to_owned(), policy_name: "all".to_owned() };
    region.call::<api::DeleteUserPolicy>(gone).await.unwrap();
    region.call::<api::DeleteUser>(delete()).await.unwrap();
    assert_eq!(region.refused::<api::DeleteUser>(delete()).await.code, "NoSuchEntity");
}

#[tokio::test]
async fn users_come_in_pages_under_a_path() {
    let region = region().await;
    for number in 0..7 {
        let input = CreateUserInput {
            user_name: format!("user-{number}"),
            path: Some(if number % 2 == 0 { "/even/" } else { "/odd/" }.to_owned()),
            ..Default::default()
        };
        region.call::<api::CreateUser>(input).await.unwrap();
    }
    let mut names = Vec::new();
    let mut marker = None;
    loop {
        let list = ListUsersInput { path_prefix: Some("/even/".to_owned()), marker, max_items: Some(3) };
        let page = region.call::<api::ListUsers>(list).await.unwrap();
        names.extend(page.users.into_iter().map(|user| user.user_name));
        marker = page.marker;
        assert_eq!(page.is_truncated, Some(marker.is_some()));
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(names, ["user-0", "user-2", "user-4", "user-6"]);
    let forged = ListUsersInput { marker: Some("user-2".to_owned()), ..Default::default() };
    assert_eq!(region.refused::<api::ListUsers>(forged).await.code, "ValidationError");
}

#[tokio::test]
async fn tags_are_added_listed_and_removed() {
    let region = region().await;
    create(&region, "bard").await;
    for given in [vec![tag("band", "1"), tag("hall", "2")], vec![tag("Band", "3")]] {
        let input = TagUserInput { user_name: "bard".to_owned(), tags: given };
        region.call::<api::TagUser>(input).await.unwrap();
    }
    let untag = UntagUserInput { user_name: "bard".to_owned(), tag_keys: vec!["HALL".to_owned()] };
    region.call::<api::UntagUser>(untag).await.unwrap();
    let list = ListUserTagsInput { user_name: "bard".to_owned(), ..Default::default() };
    assert_eq!(region.call::<api::ListUserTags>(list).await.unwrap().tags, [tag("Band", "3")]);
}

#[tokio::test]
async fn what_nothing_can_make_is_not_there() {
    let region = region().await;
    create(&region, "bard").await;
    let named = || Some("bard".to_owned());
    let refused = region.refused::<api::GetLoginProfile>(GetLoginProfileInput { user_name: named() }).await;
    assert_eq!(refused.message, "Login Profile for User bard cannot be found.");
    let list = ListMFADevicesInput { user_name: named(), ..Default::default() };
    assert!(region.call::<api::ListMFADevices>(list).await.unwrap().mfa_devices.is_empty());
    let list = ListMFADevicesInput { user_name: Some("critic".to_owned()), ..Default::default() };
    assert_eq!(region.refused::<api::ListMFADevices>(list).await.code, "NoSuchEntity");
}

#[tokio::test]
async fn the_summary_counts() {
    let region = region().await;
    create(&region, "bard").await;
    create(&region, "critic").await;
    region.call::<api::DeleteUser>(DeleteUserInput { user_name: "critic".to_owned() }).await.unwrap();
    let summary = region.call::<api::GetAccountSummary>(schema::Unit).await.unwrap().summary_map.unwrap();
    assert_eq!((summary["Users"], summary["UsersQuota"], summary["AccessKeysPerUserQuota"]), (1, 5000, 2));
    assert!(summary.keys().all(|key| SummaryKeyType::VALUES.contains(&key.as_str())), "{summary:?}");
}

#[tokio::test]
async fn aliases_are_one_for_an_account_and_unique() {
    let region = region().await;
    let create = |name: &str| CreateAccountAliasInput { account_alias: name.to_owned() };
    region.call::<api::CreateAccountAlias>(create("college")).await.unwrap();
    let taken = region.refused::<api::CreateAccountAlias>(create("college")).await;
    assert_eq!(taken.message, "The account alias college already exists.");
    region.call::<api::CreateAccountAlias>(create("academy")).await.unwrap();
    let listed = region.call::<api::ListAccountAliases>(Default::default()).await.unwrap();
    assert_eq!(listed.account_aliases, ["academy"]);
    let gone = DeleteAccountAliasInput { account_alias: "college".to_owned() };
    assert_eq!(region.refused::<api::DeleteAccountAlias>(gone).await.code, "NoSuchEntity");
}
