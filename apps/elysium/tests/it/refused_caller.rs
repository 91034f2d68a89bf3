//! A caller with nothing is refused by every operation of every room. Generated from the rooms' own lists:
//! an operation that is added is tested without anybody writing a test.

use gateway::IamMode;
use names::{AccountId, Arn};
use ports::{CallRequest, Caller, Principal, PrincipalKind};
use schema::{Obj, Slot};
use service::{Access, Operation};
use testkit::{Region, Setup};

/// Inputs tried for each operation: some demands cannot read every random input.
const TRIES: u64 = 12;

fn nobody() -> Caller {
    let account = AccountId::from_number(111_122_223_333).unwrap();
    let arn = Arn::global("iam", account, "user/nobody");
    Caller::Principal(std::sync::Arc::new(Principal {
        kind: PrincipalKind::User,
        policy_arn: arn.clone(),
        arn,
        user_name: Some("nobody".to_owned()),
        id: "AIDANOBODYNOBODYNOBOD".to_owned(),
        ..Principal::root(account)
    }))
}

/// ARNs of the kinds that operations take.
const ARNS: [&str; 6] = [
    "arn:aws:iam::111122223333:role/somebody",
    "arn:aws:logs:us-east-1:111122223333:log-group:somewhere",
    "arn:aws:lambda:us-east-1:111122223333:function:something",
    "arn:aws:dynamodb:us-east-1:111122223333:table/something",
    "arn:aws:apigateway:us-east-1::/apis/something",
    "arn:aws:sqs:us-east-1:111122223333:something",
];

/// Gives members that must be ARNs one: a random text cannot be judged.
fn name_a_resource(input: &mut dyn Obj, seed: u64) {
    for (index, member) in input.shape().members.iter().enumerate() {
        if member.name.to_ascii_lowercase().ends_with("arn")
            && let Some(Slot::Text(text)) = input.slot(index)
        {
            ARNS[seed as usize % ARNS.len()].clone_into(text);
        }
    }
}

/// The codes with which random inputs of an operation are answered.
async fn codes(region: &Region, operation: &Operation) -> Vec<String> {
    let mut codes = Vec::new();
    for seed in 0..TRIES {
        let mut input = operation.new_input();
        wire::random_fill(input.as_mut(), seed, 4);
        name_a_resource(input.as_mut(), seed);
        let call = CallRequest {
            service: operation.service.name,
            operation: operation.shape.name,
            input,
            caller: nobody(),
            region: names::Region::default(),
            deadline: None,
            depth: 0,
            cause: String::new(),
        };
        codes.push(match region.host().ports().calls.call(call).await {
            Ok(_) => "success".to_owned(),
            Err(error) => error.code.into_owned(),
        });
    }
    codes
}

#[tokio::test]
async fn every_operation_refuses_a_caller_with_nothing() {
    let operations: Vec<Operation> =
        elysium::rooms::all().iter().flat_map(|room| room.operations.clone()).collect();
    let region = Setup { iam: IamMode::Enforce, ..Setup::of(elysium::rooms::all()) }.start().await;
    let mut let_in = Vec::new();
    for operation in operations.iter().filter(|operation| !matches!(operation.access, Access::Anyone)) {
        let codes = codes(&region, operation).await;
        let refused = codes.iter().any(|code| code == "AccessDenied");
        if codes.iter().any(|code| code == "success") || !refused {
            let_in.push(format!("{}:{} answered {codes:?}", operation.service.name, operation.shape.name));
        }
    }
    assert!(!operations.is_empty());
    assert!(let_in.is_empty(), "{}", let_in.join("\n"));
}
