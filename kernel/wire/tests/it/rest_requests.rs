//! Requests of restJson and restXml.

use crate::exchange::call;
use wire::input_stream;

#[test]
fn labels_headers_query_and_blob() {
    let invoke =
        call("POST", "localhost/2015-03-31/functions/arn%3Aaws%3Alambda%3Af/invocations?Qualifier=1")
            .header("x-amz-invocation-type", "Event")
            .header("x-amz-log-type", "Tail")
            .body("\u{1}{}");
    let expect = r#"{"FunctionName":"arn:aws:lambda:f","InvocationType":"Event","LogType":"Tail","Payload":"AXt9","Qualifier":"1"}"#;
    assert_eq!(invoke.dump(&model_lambda::SERVICE), expect);
    let bare = call("POST", "localhost/2015-03-31/functions/f/invocations");
    assert_eq!(bare.dump(&model_lambda::SERVICE), r#"{"FunctionName":"f"}"#);
}

#[test]
fn json_bodies_hold_only_what_is_bound_to_them() {
    let update = call("PUT", "localhost/2015-03-31/functions/f/configuration")
        .body(r#"{"FunctionName":"other","Timeout":3,"Environment":{"Variables":{"A":"b"}}}"#);
    let expect = r#"{"FunctionName":"f","Timeout":3,"Environment":{"Variables":{"A":"b"}}}"#;
    assert_eq!(update.dump(&model_lambda::SERVICE), expect);
    let untag = call("DELETE", "localhost/2017-03-31/tags/arn%3Aa?tagKeys=a&tagKeys=b%20c");
    assert_eq!(untag.dump(&model_lambda::SERVICE), r#"{"Resource":"arn:a","TagKeys":["a","b c"]}"#);
    let wrong = call("PUT", "localhost/2015-03-31/functions/f/configuration").body(r#"{"Timeout":"3"}"#);
    assert_eq!(wrong.malformed(&model_lambda::SERVICE), "STRING_VALUE can not be converted to an Integer");
    let list = call("GET", "localhost/2015-03-31/functions?MaxItems=x");
    assert_eq!(list.malformed(&model_lambda::SERVICE), "The value 'x' is not a valid integer");
}

/// In S3's words (moto's test_multipart_list_parts_invalid_argument).
#[test]
fn numbers_of_a_query_that_are_none() {
    for text in ["x", "2147483648", "1.5"] {
        let list = call("GET", &format!("localhost/b?max-keys={text}"));
        let expected = "Provided max-keys not an integer or within integer range";
        assert_eq!(list.malformed(&model_s3::SERVICE), expected, "{text}");
    }
}

#[test]
fn a_streamed_object() {
    let put = call("PUT", "localhost/b/a/k")
        .header("content-type", "text/plain")
        .header("content-length", "3")
        .header("x-amz-meta-colour", "rosé")
        .header("x-amz-meta-size", "1")
        .header("expires", "Mon, 04 Apr 2016 19:58:46 GMT")
        .header("x-amz-tagging", "a=b");
    // The two bytes of `é` are two letters (minio's pull request 21282).
    let expect = r#"{"Bucket":"b","ContentLength":3,"ContentType":"text/plain","Expires":1459799926000,"Key":"a/k","Metadata":{"colour":"rosÃ©","size":"1"},"Tagging":"a=b"}"#;
    let dump: serde_json::Value = serde_json::from_str(&put.dump(&model_s3::SERVICE)).unwrap();
    let mut expected: serde_json::Value = serde_json::from_str(expect).unwrap();
    // botocore 1.43 models `Expires` of S3 as a text.
    if dump["Expires"].is_string() {
        expected["Expires"] = "Mon, 04 Apr 2016 19:58:46 GMT".into();
    }
    assert_eq!(dump, expected);
    let route = put.route(&[&model_s3::SERVICE]).unwrap();
    let operation = route.operation.served().unwrap();
    let index = input_stream(operation).unwrap();
    assert_eq!(operation.input.members[index].name, "Body");
}

#[test]
fn xml_payloads() {
    let body = r#"<?xml version="1.0" encoding="UTF-8"?>
        <!-- a comment --><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
        <Object><Key>a &amp; <![CDATA[<b>]]></Key></Object><Other><Key>x</Key></Other>
        <Object><VersionId>v</VersionId><Key/></Object><Quiet>true</Quiet></Delete>"#;
    let expect =
        r#"{"Bucket":"b","Delete":{"Objects":[{"Key":"a & <b>"},{"Key":"","VersionId":"v"}],"Quiet":true}}"#;
    assert_eq!(call("POST", "localhost/b?delete").body(body).dump(&model_s3::SERVICE), expect);

    let tags = r#"<s3:Tagging xmlns:s3="u"><s3:TagSet><s3:Tag><s3:Key>k</s3:Key><s3:Value>v</s3:Value></s3:Tag></s3:TagSet></s3:Tagging>"#;
    let expect = r#"{"Bucket":"b","Tagging":{"TagSet":[{"Key":"k","Value":"v"}]}}"#;
    assert_eq!(call("PUT", "localhost/b?tagging").body(tags).dump(&model_s3::SERVICE), expect);
    // Whatever is not white space between elements is refused.
    let stray = r#"<Tagging>x<TagSet/></Tagging>"#;
    call("PUT", "localhost/b?tagging").body(stray).malformed(&model_s3::SERVICE);
    let missing = call("PUT", "localhost/b?tagging").violations(&model_s3::SERVICE);
    assert!(missing.contains("Value null at 'tagging'"), "{missing}");
}

/// TestPutBucketVersioningXMLVariations of dyus/meeseeks-s3, recorded on AWS in 2026.
#[test]
fn elements_twice_or_not_known() {
    let versioning = |inside: &str| {
        let body = format!("<VersioningConfiguration>{inside}</VersioningConfiguration>");
        call("PUT", "localhost/b?versioning").body(&body)
    };
    let expect = r#"{"Bucket":"b","VersioningConfiguration":{"Status":"Enabled"}}"#;
    assert_eq!(versioning("<Status>Enabled</Status>").dump(&model_s3::SERVICE), expect);
    versioning("<Status>Enabled</Status><Status>Suspended</Status>").malformed(&model_s3::SERVICE);
    versioning("<Status>Enabled</Status><Foo>bar</Foo>").malformed(&model_s3::SERVICE);
    let tags = "<Tagging><TagSet/><TagSet/></Tagging>";
    call("PUT", "localhost/b?tagging").body(tags).malformed(&model_s3::SERVICE);
    let newer = "<Tagging><TagSet/><Foo/></Tagging>";
    let expect = r#"{"Bucket":"b","Tagging":{"TagSet":[]}}"#;
    assert_eq!(call("PUT", "localhost/b?tagging").body(newer).dump(&model_s3::SERVICE), expect);
}

#[test]
fn flattened_lists_and_nested_names() {
    let body = "<NotificationConfiguration><QueueConfiguration><Id>i</Id><Queue>arn:q</Queue>\
        <Event>s3:ObjectCreated:*</Event><Event>s3:ObjectRemoved:*</Event><Filter><S3Key><FilterRule>\
        <Name>prefix</Name><Value>a/</Value></FilterRule></S3Key></Filter></QueueConfiguration>\
        <CloudFunctionConfiguration><CloudFunction>arn:f</CloudFunction><Event>s3:ObjectCreated:Put</Event>\
        </CloudFunctionConfiguration></NotificationConfiguration>";
    let expect = r#"{"Bucket":"b","NotificationConfiguration":{"QueueConfigurations":[{"Id":"i","QueueArn":"arn:q","Events":["s3:ObjectCreated:*","s3:ObjectRemoved:*"],"Filter":{"Key":{"FilterRules":[{"Name":"prefix","Value":"a/"}]}}}],"LambdaFunctionConfigurations":[{"LambdaFunctionArn":"arn:f","Events":["s3:ObjectCreated:Put"]}]}}"#;
    assert_eq!(call("PUT", "localhost/b?notification").body(body).dump(&model_s3::SERVICE), expect);
}

#[test]
fn query_parameters_of_lists_of_objects() {
    let list = call("GET", "localhost/b?prefix=a%2F&delimiter=/&max-keys=2&marker=&encoding-type=url");
    let expect =
        r#"{"Bucket":"b","Delimiter":"/","EncodingType":"url","Marker":"","MaxKeys":2,"Prefix":"a/"}"#;
    assert_eq!(list.dump(&model_s3::SERVICE), expect);
    let head =
        call("HEAD", "localhost/b/k").header("x-amz-checksum-mode", "ENABLED").header("range", "bytes=0-1");
    let expect = r#"{"Bucket":"b","Key":"k","Range":"bytes=0-1","ChecksumMode":"ENABLED"}"#;
    assert_eq!(head.dump(&model_s3::SERVICE), expect);
    let attributes =
        call("GET", "localhost/b/k?attributes").header("x-amz-object-attributes", "ETag, ObjectSize");
    let expect = r#"{"Bucket":"b","Key":"k","ObjectAttributes":["ETag","ObjectSize"]}"#;
    assert_eq!(attributes.dump(&model_s3::SERVICE), expect);
}
