"""HTTP at the edge as clients of a region meet it: answers before the body is read, web pages and whom they may
call, presigned URLs of both versions, words for absent parameters."""

import io
import json
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.sigv4 import Signer

APP = "https://app.example.com"


def read_answer(stream):
    """Status, headers (names in lower case) and body of one answer from a socket's file."""
    status = int(stream.readline().split()[1])
    headers = {}
    for line in iter(stream.readline, b"\r\n"):
        name, _, value = line.decode().partition(":")
        headers[name.lower()] = value.strip()
    return status, headers, stream.read(int(headers.get("content-length", 0)))


def connect(region):
    connection = socket.create_connection(("127.0.0.1", region.port), timeout=15)
    return connection, connection.makefile("rb")


def send(region, method, path, headers=None, body=None, url=None):
    """One request without a signature; the Host header may be given."""
    request = urllib.request.Request(url or region.endpoint + path, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, {name.lower(): value for name, value in error.headers.items()}, error.read()


def s3_client(region, **config):
    return boto3.client("s3", endpoint_url=region.endpoint, region_name="us-east-1", aws_access_key_id="test",
                        aws_secret_access_key="test", config=Config(s3={"addressing_style": "path"}, **config))


@pytest.fixture
def bucket(region, name):
    region.client("s3").create_bucket(Bucket=name)
    return name


# Answers before the body.

def test_a_short_rest_is_read_and_the_connection_kept(region):
    connection, stream = connect(region)
    with connection:
        for _ in range(3):
            connection.sendall(b"PUT /no-such-bucket-here/key HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\n")
            connection.sendall(b"12345")
            status, headers, _ = read_answer(stream)
            assert (status, headers.get("connection")) == (404, None)


def test_a_long_rest_closes_the_connection_and_says_so(region):
    length = 8 * 1024 * 1024
    connection, stream = connect(region)
    with connection:
        connection.sendall(b"PUT /no-such-bucket-here/key HTTP/1.1\r\nhost: localhost\r\n"
                           b"content-length: %d\r\n\r\n" % length)
        # Like most clients: the whole body first, then the answer. No reset may come in between.
        for _ in range(length // 65536):
            connection.sendall(b"x" * 65536)
        status, headers, body = read_answer(stream)
        assert (status, headers["connection"]) == (404, "close")
        assert b"NoSuchBucket" in body
        assert stream.read() == b""


def test_refused_uploads_do_not_break_the_clients_connections(region):
    s3 = region.client("s3")
    for _ in range(10):
        with pytest.raises(ClientError) as refused:
            s3.put_object(Bucket="no-such-bucket-here", Key="key", Body=b"x" * 3_000_000)
        assert refused.value.response["Error"]["Code"] == "NoSuchBucket"


def test_a_body_is_asked_for_only_when_it_is_wanted(region, bucket):
    connection, stream = connect(region)
    with connection:
        head = b"PUT /%s/key HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n"
        connection.sendall(head % b"no-such-bucket-here")
        status, headers, _ = read_answer(stream)
        assert (status, headers["connection"]) == (404, "close")
    connection, stream = connect(region)
    with connection:
        connection.sendall(head % bucket.encode())
        assert stream.readline().startswith(b"HTTP/1.1 100")
        assert stream.readline() == b"\r\n"
        connection.sendall(b"hello")
        assert read_answer(stream)[0] == 200
    assert region.client("s3").get_object(Bucket=bucket, Key="key")["Body"].read() == b"hello"


# Web pages.

def test_pages_of_any_site_reach_a_users_api(region, name):
    apis = region.client("apigatewayv2")
    api = apis.create_api(Name=name, ProtocolType="HTTP", CorsConfiguration={
        "AllowOrigins": [APP], "AllowMethods": ["GET"], "AllowHeaders": ["x-custom"]})["ApiId"]
    apis.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    host = f"{api}.execute-api.us-east-1.localhost.localstack.cloud:{region.port}"
    preflight = {"Origin": APP, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-custom"}
    for path, headers in (("/", {"Host": host}), (f"/_aws/execute-api/{api}/", {})):
        status, shown, _ = send(region, "OPTIONS", path, {**preflight, **headers})
        assert (status, shown.get("access-control-allow-origin")) == (204, APP)
        status, shown, body = send(region, "GET", path, {"Origin": APP, **headers})
        assert (status, shown.get("access-control-allow-origin")) == (404, APP), body
    # The region's own pages and the AWS APIs stay closed to that site, also under a rebound name.
    assert send(region, "GET", "/_localstack/health", {"Origin": APP})[0] == 403
    assert send(region, "POST", "/", {"Origin": APP, "X-Amz-Target": "AmazonSQS.ListQueues"}, b"{}")[0] == 403
    assert send(region, "GET", "/", {"Host": f"{api}.execute-api.evil.example"})[0] == 403


# localstack/tests/aws/services/s3/test_s3_cors.snapshot.json, recorded on AWS 2023-07-31 to 2025-03-17: statuses,
# codes, messages and headers of preflights and of the requests behind them.
def test_a_bucket_without_rules_lets_no_page_in(region, bucket):
    asked = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "PUT"}
    status, headers, body = send(region, "OPTIONS", f"/{bucket}/key", asked)
    assert status == 403 and b"<Code>AccessForbidden</Code>" in body and b"<ResourceType>BUCKET</ResourceType>" in body
    assert b"<Message>CORSResponse: CORS is not enabled for this bucket.</Message>" in body
    assert b"<Method>PUT</Method>" in body and "access-control-allow-origin" not in headers
    status, _, body = send(region, "OPTIONS", "/no-such-bucket-here/key", {"Origin": "http://localhost:3000"})
    assert status == 403 and b"CORSResponse: Bucket not found" in body and b"<Method>OPTIONS</Method>" in body
    status, _, body = send(region, "OPTIONS", f"/{bucket}/key")
    assert status == 400 and b"Insufficient information. Origin request header needed." in body
    region.client("s3").put_object(Bucket=bucket, Key="key", Body=b"1")
    status, headers, _ = send(region, "GET", f"/{bucket}/key", {"Origin": "http://localhost:3000"})
    assert status == 200 and "access-control-allow-origin" not in headers


def test_the_rules_of_a_bucket_decide_about_pages(region, bucket):
    s3 = region.client("s3")
    s3.put_object(Bucket=bucket, Key="key", Body=b"1")
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [
        {"AllowedOrigins": ["https://*.example.com"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["x-amz-*"],
         "ExposeHeaders": ["ETag"], "MaxAgeSeconds": 3000}]})
    asked = {"Origin": APP, "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "X-Amz-Date"}
    for path, host in ((f"/{bucket}/key", "localhost"), ("/key", f"{bucket}.s3.localhost.localstack.cloud")):
        status, headers, body = send(region, "OPTIONS", path, {"Host": host, **asked})
        assert (status, body) == (200, b"")
        assert headers["access-control-allow-origin"] == APP
        assert headers["access-control-allow-methods"] == "GET, PUT"
        assert headers["access-control-allow-headers"] == "x-amz-date"
        assert headers["access-control-expose-headers"] == "ETag"
        assert headers["access-control-max-age"] == "3000"
        assert headers["access-control-allow-credentials"] == "true"
        assert headers["vary"] == "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
    # A foreign page that the bucket names gets in; one that it does not name does not see what it asks for, and changes
    # nothing.
    status, headers, body = send(region, "GET", f"/{bucket}/key", {"Origin": APP})
    assert (status, body, headers["access-control-allow-origin"]) == (200, b"1", APP)
    for foreign in ("https://evil.example", "null"):
        status, headers, body = send(region, "GET", f"/{bucket}/key", {"Origin": foreign})
        assert (status, body) == (200, b"1") and not any(name.startswith("access-control") for name in headers)
        assert send(region, "HEAD", f"/{bucket}/key", {"Origin": foreign})[0] == 200
        for method, path in (("PUT", "key"), ("DELETE", "key"), ("POST", "?delete")):
            assert send(region, method, f"/{bucket}/{path}", {"Origin": foreign}, b"")[0] == 403
    for refused in ({"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"},
                    {"Origin": APP, "Access-Control-Request-Method": "DELETE"},
                    {**asked, "Access-Control-Request-Headers": "x-other"}):
        status, headers, body = send(region, "OPTIONS", f"/{bucket}/key", refused)
        assert status == 403 and b"the evalution of Origin" in body and b"<ResourceType>OBJECT</ResourceType>" in body
    status, headers, _ = send(region, "GET", f"/{bucket}/key", {"Origin": "http://localhost:3000"})
    assert status == 200 and "access-control-allow-origin" not in headers


# Presigned URLs.

def presigned(client, bucket, **arguments):
    return client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "key"}, **arguments)


def old_url(region, bucket, expires):
    query = urllib.parse.urlencode({"AWSAccessKeyId": "test", "Signature": "c2lnbmF0dXJl", "Expires": int(expires)})
    return f"{region.endpoint}/{bucket}/key?{query}"


def test_presigned_urls_of_the_old_version(region, fresh_region, bucket):
    """boto3 makes them by default in us-east-1, so `warn` lets them through until they end."""
    s3 = s3_client(region)
    s3.put_object(Bucket=bucket, Key="key", Body=b"1")
    url = presigned(s3, bucket)
    assert "AWSAccessKeyId=" in url
    assert send(region, "GET", "", url=url)[::2] == (200, b"1")
    status, _, body = send(region, "GET", "", url=old_url(region, bucket, time.time() - 60))
    assert status == 403 and b"<Message>Request has expired</Message>" in body and b"<Expires>" in body

    strict = fresh_region("--iam", "enforce")
    s3_client(strict).create_bucket(Bucket=bucket)
    status, _, body = send(strict, "GET", "", url=presigned(s3_client(strict), bucket))
    assert status == 400 and b"<Code>InvalidRequest</Code>" in body
    assert b"The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256." in body


def test_presigned_urls_are_held_to_what_was_signed(region, fresh_region, bucket):
    strict = fresh_region("--iam", "enforce")
    s3 = s3_client(strict, signature_version="s3v4")
    s3.create_bucket(Bucket=bucket)
    for key in ("key", "other"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    url = presigned(s3, bucket)
    assert send(strict, "GET", "", url=url)[::2] == (200, b"key")
    signature = url.rsplit("X-Amz-Signature=", 1)[1]
    flipped = ("0" if signature[0] != "0" else "1") + signature[1:]
    for tampered in (url.replace(f"/{bucket}/key?", f"/{bucket}/other?"), url.replace(signature, flipped),
                     url.replace("X-Amz-Expires=3600", "X-Amz-Expires=7200"), url + "&versionId=null"):
        status, _, body = send(strict, "GET", "", url=tampered)
        assert status == 403 and b"<Code>SignatureDoesNotMatch</Code>" in body, tampered
    status, _, body = send(strict, "PUT", "", url=url, body=b"another method")
    assert status == 403 and b"<Code>SignatureDoesNotMatch</Code>" in body


@pytest.mark.parametrize("mode, expected", [("enforce", 403), ("warn", 403), ("off", 200)])
def test_an_expired_url_is_refused_unless_nothing_is_checked(fresh_region, name, mode, expected):
    region = fresh_region("--iam", mode)
    s3 = s3_client(region, signature_version="s3v4")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="key", Body=b"1")
    past = time.gmtime(time.time() - 3600)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", past)
    query = urllib.parse.urlencode({
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"test/{stamp[:8]}/us-east-1/s3/aws4_request",
        "X-Amz-Date": stamp, "X-Amz-Expires": "60", "X-Amz-SignedHeaders": "host", "X-Amz-Signature": "0" * 64})
    status, _, body = send(region, "GET", f"/{name}/key?{query}")
    assert status == expected, body
    assert expected == 200 or b"<Message>Request has expired</Message>" in body


# Words.

# "The request must contain the parameter QueueName." (SQS API reference, common errors: MissingParameter, 400; in JSON
# its name is the framework's, as LocalStack's test_posting_to_fifo_requires_deduplicationid_group_id recorded it on AWS).
@pytest.mark.parametrize("speaks", ["json", "query"])
def test_an_absent_parameter_of_sqs(region, speaks):
    signer = Signer()
    if speaks == "json":
        headers, body = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.CreateQueue"}, b"{}"
    else:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        body = b"Action=CreateQueue&Version=2012-11-05"
    signed = signer.sign("sqs", "POST", f"127.0.0.1:{region.port}", "/", (), headers, body)
    status, shown, answer = send(region, "POST", "/", signed, body)
    assert status == 400
    assert b"The request must contain the parameter QueueName." in answer
    if speaks == "json":
        assert json.loads(answer)["__type"].endswith("#MissingRequiredParameterException")
        assert shown["x-amzn-query-error"] == "MissingParameter;Sender"
    else:
        assert b"<Code>MissingParameter</Code>" in answer


# Roles.

def test_a_made_up_role_is_recorded_and_not_refused(region, name):
    """What LocalStack's users have in their code: any ARN as a function's role."""
    function = region.client("lambda")
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    archive = zipped({"index.py": f"import os\ndef handler(*_):\n    return [os.environ[key] for key in {keys}]\n"})
    function.create_function(FunctionName=name, Runtime="python3.12", Handler="index.handler",
                             Role="arn:aws:iam::000000000000:role/made-up", Code={"ZipFile": archive})
    answer = function.invoke(FunctionName=name)
    assert "FunctionError" not in answer
    access_key, secret, token = json.loads(answer["Payload"].read())
    who = region.client("sts", access_key, secret, token).get_caller_identity()["Arn"]
    assert who == f"arn:aws:sts::000000000000:assumed-role/made-up/{name}"
    assert "role/made-up" in region.log()


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return out.getvalue()
