//! Synchronous invocations: environments are reused, end with their function, and their ends are told.

use crate::{Lambda, function, package, text};
use bytes::Bytes;
use model_lambda::operations::*;
use model_lambda::*;
use testkit::Setup;

fn with_variables(name: &str, variables: &[(&str, &str)]) -> CreateFunctionInput {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let environment = Environment { variables: Some(variables.collect()) };
    CreateFunctionInput { environment: Some(environment), ..function(name) }
}

#[tokio::test]
async fn environments_are_reused_until_the_function_changes() {
    let lambda = Lambda::new().await;
    lambda.create(with_variables("f", &[("NAME", "value")])).await;
    for number in 0..5 {
        let answer = lambda.invoke("f", &format!("{{\"n\":{number}}}")).await;
        assert_eq!(text(&answer), format!("{{\"n\":{number}}}"));
        assert_eq!((answer.status_code, answer.executed_version.as_deref()), (Some(200), Some("$LATEST")));
    }
    assert_eq!(lambda.runner.launched(), 1);
    assert_eq!(lambda.runner.variable("NAME").as_deref(), Some("value"));
    assert_eq!(lambda.runner.variable("AWS_ENDPOINT_URL").as_deref(), Some("http://localhost:4566"));
    let change = UpdateFunctionCodeInput {
        function_name: "f".to_owned(),
        zip_file: Some(package("two")),
        ..Default::default()
    };
    lambda.region.call::<UpdateFunctionCode>(change).await.unwrap();
    lambda.invoke("f", "{}").await;
    assert_eq!(lambda.runner.launched(), 2);
}

#[tokio::test]
async fn an_absent_payload_is_an_empty_object() {
    let lambda = Lambda::new().await;
    lambda.create(function("f")).await;
    assert_eq!(text(&lambda.invoke("f", "").await), "{}");
}

#[tokio::test]
async fn failures_of_the_function_are_answers() {
    let lambda = Lambda::new().await;
    lambda.create(CreateFunctionInput { timeout: Some(1), ..function("f") }).await;
    let cases = [
        (r#"{"do": "fail"}"#, "as told", 1),
        (r#"{"do": "exit"}"#, "Runtime exited with error: exit status 3", 1),
        (r#"{"do": "hang"}"#, "Task timed out after 1.00 seconds", 2),
        (r#"{"do": "large"}"#, "Function.ResponseSizeTooLarge", 3),
    ];
    for (payload, expect, launched) in cases {
        let answer = lambda.invoke("f", payload).await;
        assert_eq!((answer.status_code, answer.function_error.as_deref()), (Some(200), Some("Unhandled")));
        assert!(text(&answer).contains(expect), "{}", text(&answer));
        assert_eq!(lambda.runner.launched(), launched, "{payload}");
    }
}

#[tokio::test]
async fn an_environment_that_cannot_begin_says_why() {
    let lambda = Lambda::new().await;
    lambda.create(with_variables("told", &[("BEGIN", "fail")])).await;
    lambda.create(with_variables("silent", &[("BEGIN", "exit")])).await;
    let told = lambda.invoke("told", "{}").await;
    assert_eq!(text(&told), r#"{"errorType":"Broken","errorMessage":"no"}"#);
    assert_eq!(told.function_error.as_deref(), Some("Unhandled"));
    let silent = lambda.invoke("silent", "{}").await;
    assert!(text(&silent).contains("Runtime.ExitError"), "{}", text(&silent));
}

#[tokio::test]
async fn what_cannot_be_invoked_is_refused() {
    let lambda = Lambda::new().await;
    lambda.create(function("f")).await;
    let input = |payload: &[u8], kind: Option<InvocationType>| InvokeInput {
        function_name: "f".to_owned(),
        invocation_type: kind,
        payload: Some(Bytes::copy_from_slice(payload)),
        ..Default::default()
    };
    let bad = lambda.region.refused::<Invoke>(input(b"{", None)).await;
    assert_eq!((bad.status, bad.code.as_ref()), (400, "InvalidRequestContentException"));
    let large = vec![b'1'; 6 * 1024 * 1024 + 1];
    let bad = lambda.region.refused::<Invoke>(input(&large, None)).await;
    assert_eq!((bad.status, bad.code.as_ref()), (413, "RequestTooLargeException"));
    let large = vec![b'1'; 1024 * 1024 + 1];
    let bad = lambda.region.refused::<Invoke>(input(&large, Some(InvocationType::Event))).await;
    assert_eq!(bad.code, "RequestTooLargeException");
    let dry = lambda.region.call::<Invoke>(input(b"", Some(InvocationType::DryRun))).await.unwrap();
    assert_eq!((dry.status_code, lambda.runner.launched()), (Some(204), 0));
    let absent = InvokeInput { function_name: "g:live".to_owned(), ..Default::default() };
    let absent = lambda.region.refused::<Invoke>(absent).await;
    assert!(absent.message.ends_with("function:g:live"), "{}", absent.message);
}

#[tokio::test]
async fn the_tail_of_the_log_has_the_report() {
    use base64::Engine;
    let lambda = Lambda::new().await;
    lambda.create(function("f")).await;
    let input =
        InvokeInput { function_name: "f".to_owned(), log_type: Some(LogType::Tail), ..Default::default() };
    let answer = lambda.region.call::<Invoke>(input).await.unwrap();
    let tail = base64::engine::general_purpose::STANDARD.decode(answer.log_result.unwrap()).unwrap();
    let lines: Vec<String> = String::from_utf8(tail).unwrap().lines().map(str::to_owned).collect();
    assert!(lines[0].starts_with("START RequestId: ") && lines[0].ends_with("Version: $LATEST"), "{lines:?}");
    assert!(lines[1].starts_with("END RequestId: "), "{lines:?}");
    assert!(lines[2].contains("Memory Size: 128 MB\tMax Memory Used: 30 MB\tInit Duration: "), "{lines:?}");
}

#[tokio::test]
async fn without_a_runner_functions_say_that_they_cannot_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut setup = Setup::of(vec![lambda::service()]);
    setup.data_dir = folder.path().to_owned();
    let region = setup.start().await;
    region.call::<CreateFunction>(function("f")).await.unwrap();
    let refused =
        region.refused::<Invoke>(InvokeInput { function_name: "f".to_owned(), ..Default::default() }).await;
    assert_eq!(refused.message, "This region cannot start processes, so no function can run.");
}

#[tokio::test]
async fn an_idle_environment_gives_its_place_to_another_function() {
    let lambda = Lambda::new().await;
    for number in 0..70 {
        let name = format!("f{number}");
        lambda.create(function(&name)).await;
        assert_eq!(text(&lambda.invoke(&name, "1").await), "1");
    }
    // The first have gone; the last is still there.
    lambda.invoke("f69", "1").await;
    assert_eq!(lambda.runner.launched(), 70);
    lambda.invoke("f0", "1").await;
    assert_eq!(lambda.runner.launched(), 71);
}

#[tokio::test]
async fn many_at_once_share_few_environments() {
    let lambda = std::sync::Arc::new(Lambda::new().await);
    lambda.create(function("f")).await;
    let mut running = tokio::task::JoinSet::new();
    for number in 0..300 {
        let lambda = lambda.clone();
        running.spawn(async move { text(&lambda.invoke("f", &number.to_string()).await) });
    }
    let mut answers: Vec<usize> = running.join_all().await.iter().map(|text| text.parse().unwrap()).collect();
    answers.sort_unstable();
    assert!(answers.into_iter().eq(0..300));
    assert!(lambda.runner.launched() <= 64, "{}", lambda.runner.launched());
}
