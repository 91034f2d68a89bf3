//! Which operation a request means.

use crate::exchange::{Call, call, form, json, rules};
use schema::{Protocol, ServiceShape};
use wire::{Router, Routing};

fn services() -> Vec<&'static ServiceShape> {
    vec![
        &model_sqs::SERVICE,
        &model_sts::SERVICE,
        &model_iam::SERVICE,
        &model_dynamodb::SERVICE,
        &model_s3::SERVICE,
        &model_lambda::SERVICE,
        &model_logs::SERVICE,
        &model_apigatewayv2::SERVICE,
        &model_fixture_ec2::SERVICE,
        &model_fixture_cloudwatch::SERVICE,
    ]
}

/// `service:Operation` or the error's code, status and protocol.
fn routed(call: &Call) -> String {
    match call.route(&services()) {
        Ok(route) => {
            let unserved = if route.operation.served().is_none() { " unserved" } else { "" };
            format!("{}:{}{unserved}", route.service.name, route.operation.name())
        }
        Err(lost) => format!("{} {} {:?}", lost.error.code, lost.error.status, lost.form.protocol),
    }
}

#[test]
fn named_requests() {
    let rpc = |operation: &str| {
        call("POST", &format!("localhost:4566/service/GraniteServiceVersion20100801/operation/{operation}"))
            .header("smithy-protocol", "rpc-v2-cbor")
    };
    let sqs = "sqs.eu-west-1.localhost.localstack.cloud:4566/";
    let table = [
        (rpc("ListMetrics"), "cloudwatch:ListMetrics"),
        (rpc("Nothing"), "UnknownOperationException 404 RpcV2Cbor"),
        (json("DynamoDB_20120810.PutItem", "{}"), "dynamodb:PutItem"),
        (json("AmazonSQS.Nothing", "{}"), "UnknownOperationException 400 AwsJson10"),
        (json("Nothing_20120810.PutItem", "{}"), "UnknownOperationException 400 AwsJson10"),
        (json("nodot", "{}"), "UnknownOperationException 400 AwsJson10"),
        (form("localhost/", "Action=GetCallerIdentity&Version=2011-06-15"), "sts:GetCallerIdentity"),
        (call("GET", "localhost/?Action=GetCallerIdentity&Version=2011-06-15"), "sts:GetCallerIdentity"),
        (form("localhost/", "Action=GetUser").scope("iam"), "iam:GetUser"),
        (form("localhost/", "Action=Nothing&Version=2010-05-08").scope("iam"), "InvalidAction 400 AwsQuery"),
        (form("localhost/", "Version=2010-05-08").scope("iam"), "MissingAction 400 AwsQuery"),
        (form("localhost/", "Action=%ff").scope("iam"), "MalformedQueryString 400 AwsQuery"),
        (form("localhost/", "Action=Nothing").scope("ec2"), "InvalidAction 400 Ec2Query"),
        (form(sqs, "Action=ListQueues"), "sqs:ListQueues"),
        (form("localhost/000000000000/q", "Action=SendMessage&Version=2012-11-05"), "sqs:SendMessage"),
        (form("localhost/000000000000/q", "Action=GetQueueUrl&Version=2012-11-05"), "sqs:GetQueueUrl"),
        // LocalStack's test_get_create_queue_fails and test_get_list_queues_fails, recorded on AWS.
        (
            form("localhost/000000000000/q", "Action=CreateQueue&Version=2012-11-05"),
            "InvalidAction 400 AwsQuery",
        ),
        (
            call("GET", "localhost/000000000000/q?Action=ListQueues").scope("sqs"),
            "InvalidAction 400 AwsQuery",
        ),
        // LocalStack's test_get_without_query_returns_unknown_operation, recorded on AWS.
        (call("GET", "localhost/000000000000/q").scope("sqs"), "UnknownOperationException 404 AwsJson10"),
        // CloudWatch and STS both are query services; only one has the action.
        (form("localhost/", "Action=ListMetrics"), "cloudwatch:ListMetrics"),
    ];
    for (call, expect) in table {
        assert_eq!(routed(&call), expect, "{} {}", call.host, call.path);
    }
}

#[test]
fn an_action_that_two_services_have_goes_by_its_version() {
    let tagged =
        |version: &str| routed(&form("localhost/", &format!("Action=TagResource&Version={version}")));
    assert_eq!(tagged("2010-08-01"), "cloudwatch:TagResource");
}

#[test]
fn paths_of_rest_services() {
    let table = [
        (call("POST", "localhost/2015-03-31/functions/f/invocations"), "lambda:Invoke"),
        (call("GET", "localhost/2015-03-31/functions"), "lambda:ListFunctions"),
        (call("GET", "localhost/2015-03-31/functions/"), "lambda:ListFunctions"),
        (call("GET", "localhost/2015-03-31/functions/f").scope("lambda"), "lambda:GetFunction"),
        (
            call("PATCH", "localhost/2015-03-31/nothing").scope("lambda"),
            "UnknownOperationException 404 RestJson1",
        ),
        (call("GET", "localhost/v2/apis/a/routes").scope("apigateway"), "apigatewayv2:GetRoutes"),
        (call("GET", "localhost/v2/tags/arn%3Aaws%3Aapigateway%3A%3A%2Fapis%2Fa"), "apigatewayv2:GetTags"),
        (call("GET", "localhost/"), "s3:ListBuckets"),
    ];
    for (call, expect) in table {
        assert_eq!(routed(&call), expect, "{} {}", call.method, call.path);
    }
}

/// The list of directory buckets is told from the other by the name that it is signed for (botocore), by the operation
/// in the query (SDKs of the public Smithy model) or by the host.
#[test]
fn operations_that_are_signed_apart() {
    let zonal = "logs--use1-az4--x-s3.s3express-use1-az4.us-east-1.amazonaws.com";
    let table = [
        (call("GET", "localhost/").scope("s3"), "s3:ListBuckets"),
        (call("GET", "localhost/?x-id=ListBuckets").scope("s3"), "s3:ListBuckets"),
        (call("GET", "localhost/").scope("s3express"), "s3:ListDirectoryBuckets"),
        (call("GET", "localhost/?x-id=ListDirectoryBuckets"), "s3:ListDirectoryBuckets"),
        (call("GET", "s3express-control.us-east-1.amazonaws.com/"), "s3:ListDirectoryBuckets"),
        (call("GET", "localhost/logs--use1-az4--x-s3?session").scope("s3express"), "s3:CreateSession"),
        (call("GET", "logs--use1-az4--x-s3.localhost:4566/?session").scope("s3express"), "s3:CreateSession"),
        (call("GET", &format!("{zonal}/k")), "s3:GetObject"),
        (
            call("PUT", &format!("{zonal}/k?renameObject")).header("x-amz-rename-source", "l"),
            "s3:RenameObject",
        ),
        (call("PUT", "localhost/b/k").scope("s3express"), "s3:PutObject"),
    ];
    for (call, expect) in table {
        assert_eq!(routed(&call), expect, "{} {}", call.host, call.path);
    }
}

#[test]
fn operations_of_one_path() {
    let s3 = |method, path: &str| call(method, &format!("localhost{path}")).scope("s3");
    let copy = |path: &str| s3("PUT", path).header("x-amz-copy-source", "/b/k");
    let table = [
        (s3("GET", "/b"), "s3:ListObjects"),
        (s3("GET", "/b/"), "s3:ListObjects"),
        (s3("GET", "/b?uploads"), "s3:ListMultipartUploads"),
        (s3("GET", "/b?tagging="), "s3:GetBucketTagging"),
        (s3("GET", "/b?notification"), "s3:GetBucketNotificationConfiguration"),
        (s3("GET", "/b?analytics"), "s3:ListBucketAnalyticsConfigurations"),
        (s3("GET", "/b?analytics&id=1"), "s3:GetBucketAnalyticsConfiguration"),
        (s3("GET", "/b?metadataConfiguration"), "s3:GetBucketMetadataConfiguration unserved"),
        (s3("HEAD", "/b"), "s3:HeadBucket"),
        (s3("GET", "/b/k/l"), "s3:GetObject"),
        (s3("HEAD", "/b/k"), "s3:HeadObject"),
        (s3("GET", "/b/k?uploadId=u"), "s3:ListParts"),
        (s3("GET", "/b/k?tagging"), "s3:GetObjectTagging"),
        (s3("GET", "/b/k?acl"), "s3:GetObjectAcl"),
        (s3("PUT", "/b/k"), "s3:PutObject"),
        (s3("PUT", "/b/k?partNumber=1&uploadId=u"), "s3:UploadPart"),
        (copy("/b/k"), "s3:CopyObject"),
        (copy("/b/k?partNumber=1&uploadId=u"), "s3:UploadPartCopy"),
        (s3("DELETE", "/b/k"), "s3:DeleteObject"),
        (s3("DELETE", "/b/k?uploadId=u"), "s3:AbortMultipartUpload"),
        (s3("POST", "/b/k?uploads"), "s3:CreateMultipartUpload"),
        (s3("POST", "/b/k?uploadId=u"), "s3:CompleteMultipartUpload"),
        (s3("POST", "/b?delete"), "s3:DeleteObjects"),
        (s3("PATCH", "/b/k"), "MethodNotAllowed 405 RestXml"),
        // Answers of S3 to a POST, whose error names the method and the resource's type.
        (s3("POST", "/b/k"), "MethodNotAllowed 405 RestXml"),
        (call("POST", "localhost/b/k"), "MethodNotAllowed 405 RestXml"),
        (call("PATCH", "localhost/b/k"), "MethodNotAllowed 405 RestXml"),
        (call("PROPFIND", "localhost/b"), "MethodNotAllowed 405 RestXml"),
        (call("POST", "localhost/"), "MethodNotAllowed 405 RestXml"),
        (s3("PUT", "/b/k?partNumber=1"), "InvalidArgument 400 RestXml"),
        (s3("POST", "/b"), "PreconditionFailed 412 RestXml"),
        (s3("GET", "/b/%ff"), "InvalidURI 400 RestXml"),
    ];
    for (call, expect) in table {
        assert_eq!(routed(&call), expect, "{} {}?{}", call.method, call.path, call.query);
    }
}

/// LocalStack's test_website_hosting_http_methods, recorded on AWS, for the members; issue 3152 of
/// aws-amplify/amplify-hosting, where S3 answers, for the header.
#[test]
fn methods_that_a_path_does_not_have() {
    for (method, path, kind, allowed) in [
        ("POST", "/b/k", "OBJECT", "HEAD, DELETE, GET, PUT"),
        ("PATCH", "/b", "BUCKET", "HEAD, DELETE, GET, PUT"),
        ("DELETE", "/", "SERVICE", "GET"),
    ] {
        let lost = call(method, &format!("localhost{path}")).route(&services()).unwrap_err();
        let fields = [("Method", method.to_owned()), ("ResourceType", kind.to_owned())];
        assert_eq!(lost.error.fields, fields, "{method} {path}");
        assert_eq!(lost.error.headers, [("allow", allowed.to_owned())], "{method} {path}");
    }
}

/// Answers of AWS in versitygw's issues 1236, 1237, 1226, 1242, 1688, 2075 and pull request 1642.
#[test]
fn what_is_none_of_a_services_requests() {
    let s3 = |method, path: &str| call(method, &format!("localhost:4566{path}")).scope("s3");
    let source = |call: Call| call.header("x-amz-copy-source", "/b/c");
    let not_here = ("InvalidArgument", "x-amz-copy-source /b/c");
    for (call, refused) in [
        (s3("PUT", "/b/k?partNumber=1"), Some(("InvalidArgument", "partNumber partNumber"))),
        (source(s3("PUT", "/b/k?partNumber=1")), Some(("InvalidArgument", "partNumber partNumber"))),
        (s3("PUT", "/b/k?uploadId=u"), Some(("MethodNotAllowed", "PUT UPLOAD"))),
        (s3("PUT", "/b/k?uploadId=u&partNumber=1"), None),
        (s3("GET", "/b/k?partNumber=1"), None),
        (s3("GET", "/b/k?uploads"), Some(("InvalidRequest", ""))),
        (s3("GET", "/b?uploads"), None),
        (s3("GET", "/b/k?versions"), Some(("InvalidRequest", ""))),
        (source(s3("GET", "/b/k")), Some(not_here)),
        (source(s3("DELETE", "/b")), Some(not_here)),
        (source(s3("HEAD", "/b/k")), Some(not_here)),
        (source(s3("PUT", "/b/k")), None),
        (source(s3("PUT", "/b/k")).header("content-length", "0"), None),
        (source(s3("PUT", "/b/k")).header("content-length", "3"), Some(("InvalidRequest", ""))),
        (s3("PUT", "/b/k").header("content-length", "3"), None),
        (s3("GET", "/b/k?response-expires=x"), None),
        (s3("GET", "/b/k?response-foo=x"), Some(("InvalidArgument", "response-foo x"))),
    ] {
        let (method, path, query) = (call.method, call.path.clone(), call.query.clone());
        let told = call.route(&services()).err().map(|lost| {
            let fields: Vec<&str> = lost.error.fields.iter().map(|(_, value)| value.as_str()).collect();
            (lost.error.code.to_string(), fields.join(" "))
        });
        let refused = refused.map(|(code, fields)| (code.to_owned(), fields.to_owned()));
        assert_eq!(told, refused, "{method} {path}?{query}");
    }
    let lost = s3("PUT", "/b/k?uploadId=u").route(&services()).unwrap_err();
    assert_eq!(
        (lost.error.status, lost.error.headers),
        (405, vec![("allow", "DELETE, POST, GET".to_owned())])
    );
}

#[test]
fn buckets_in_paths_and_hosts() {
    let table = [
        ("localhost:4566/b/k", vec![("Bucket", "b"), ("Key", "k")]),
        ("localhost:4566/b//k//l/", vec![("Bucket", "b"), ("Key", "/k//l/")]),
        ("localhost:4566/b/a%2Fb%20+c", vec![("Bucket", "b"), ("Key", "a/b +c")]),
        ("b.s3.localhost.localstack.cloud:4566/k", vec![("Bucket", "b"), ("Key", "k")]),
        ("my.b.s3.eu-west-1.amazonaws.com/k/l", vec![("Bucket", "my.b"), ("Key", "k/l")]),
        ("lambda.b.s3.localhost:4566/k", vec![("Bucket", "lambda.b"), ("Key", "k")]),
        ("b.localhost:4566/k", vec![("Bucket", "b"), ("Key", "k")]),
        ("s3.localhost.localstack.cloud:4566/b/k", vec![("Bucket", "b"), ("Key", "k")]),
    ];
    for (url, expect) in table {
        for call in [call("GET", url), call("GET", url).scope("s3")] {
            let route = call.route(&services()).unwrap();
            let labels: Vec<(&str, &str)> =
                route.labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(labels, expect, "{url}");
            assert_eq!(route.operation.name(), "GetObject");
        }
    }
    let bucket = call("GET", "b.s3.localhost/?location").route(&services()).unwrap();
    assert_eq!(bucket.operation.name(), "GetBucketLocation");
}

#[test]
fn a_users_own_hosts() {
    let router = Router::new(&services(), rules());
    // Even a request that looks like an AWS call belongs to whoever serves the host.
    let call = json("AmazonSQS.SendMessage", "{}");
    let call = Call { host: "abc.execute-api.eu-west-1.localhost.localstack.cloud".to_owned(), ..call };
    match router.route(&call.head()) {
        Ok(Routing::Host(host)) => assert_eq!((host.mark, host.id.as_str()), ("execute-api", "abc")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn protocols() {
    let query = form("localhost/", "Action=ListQueues&Version=2012-11-05").route(&services()).unwrap();
    assert_eq!(query.protocol, Protocol::AwsQuery);
    let json_1_1 = call("POST", "localhost/")
        .header("x-amz-target", "Logs_20140328.CreateLogGroup")
        .header("content-type", "application/x-amz-json-1.1");
    assert_eq!(json_1_1.route(&services()).unwrap().protocol, Protocol::AwsJson11);
    assert!(call("HEAD", "localhost/b/k").route(&services()).unwrap().head);
    let presigned =
        call("GET", "localhost/b/k?X-Amz-Credential=AKID%2F20260131%2Feu-west-1%2Fs3%2Faws4_request");
    assert_eq!(presigned.route(&services()).unwrap().operation.name(), "GetObject");
}
