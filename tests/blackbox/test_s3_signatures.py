"""What S3 answers to signatures of version 2 and to schemes that are none, to forms that are none, to lists of deletes
without a digest, and to who pays."""

import base64
import hashlib
import urllib.error
import urllib.request
import uuid

import pytest
from botocore.exceptions import ClientError

UNSUPPORTED = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."


def ask(method, url, body=None, **headers):
    """Status and text of an answer."""
    headers.setdefault("Content-Type", "")
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def form_of(fields, file):
    boundary = uuid.uuid4().hex
    parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields.items()]
    parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n{file}\r\n--{boundary}--\r\n')
    return "".join(parts).encode(), f"multipart/form-data; boundary={boundary}"


@pytest.fixture
def old(strict, name):
    """A client that signs by version 2, as boto3 does with URLs and forms where nothing is said."""
    strict.client("s3", signature_version="s3v4").create_bucket(Bucket=name)
    strict.client("s3", signature_version="s3v4").put_object(Bucket=name, Key="k", Body=b"la")
    return strict.client("s3", signature_version="s3")


def test_version_2_in_headers(old, name):
    for call, more in [("get_object", {"Key": "k"}), ("put_object", {"Key": "new"}), ("delete_object", {"Key": "k"}),
                       ("list_objects_v2", {}), ("delete_bucket", {})]:
        with pytest.raises(ClientError) as error:
            getattr(old, call)(Bucket=name, **more)
        told = error.value.response
        assert (told["Error"]["Code"], told["Error"]["Message"]) == ("InvalidRequest", UNSUPPORTED), call
        assert told["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_version_2_in_urls(old, name):
    methods = {"get_object": "GET", "head_object": "HEAD", "put_object": "PUT", "delete_object": "DELETE"}
    for operation, method in methods.items():
        url = old.generate_presigned_url(operation, Params={"Bucket": name, "Key": "k"})
        assert "AWSAccessKeyId=" in url
        for tried in (url, url.replace("Signature=", "Signature=x")):
            status, text = ask(method, tried, b"la" if method == "PUT" else None)
            assert status == 400, (operation, text)
            if method != "HEAD":
                assert f"<Code>InvalidRequest</Code><Message>{UNSUPPORTED}</Message>" in text and "<HostId>" in text


def test_version_2_in_forms(strict, old, name):
    form = old.generate_presigned_post(name, "form")
    assert "AWSAccessKeyId" in form["fields"]
    body, kind = form_of(form["fields"], "la")
    status, text = ask("POST", form["url"], body, **{"Content-Type": kind})
    assert status == 400 and f"<Code>InvalidRequest</Code><Message>{UNSUPPORTED}</Message>" in text
    keys = strict.client("s3").list_objects_v2(Bucket=name)["Contents"]
    assert [entry["Key"] for entry in keys] == ["k"], "nothing was written, nothing deleted"


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_a_form_of_another_kind(region, bucket, kind):
    """Recorded of AWS by LocalStack's test_post_object_with_wrong_content_type."""
    status, text = ask("POST", f"{region.endpoint}/{bucket}", b"key=value", **{"Content-Type": kind})
    assert status == 412 and "<Code>PreconditionFailed</Code>" in text
    assert "<Message>At least one of the pre-conditions you specified did not hold</Message>" in text
    assert "<Condition>Bucket POST must be of the enclosure-type multipart/form-data</Condition>" in text


def test_deletes_without_a_digest(region, s3, bucket):
    """As AWS was asked by the authors of another store: versitygw's issue 1040."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"la")
    body = b"<Delete><Object><Key>k</Key></Object></Delete>"
    digest = lambda text: base64.b64encode(hashlib.md5(text).digest()).decode()
    status, text = ask("POST", f"{region.endpoint}/{bucket}?delete", body)
    assert status == 400 and "<Code>InvalidRequest</Code>" in text
    assert "<Message>Missing required header for this request: Content-MD5 OR x-amz-checksum-*</Message>" in text
    status, text = ask("POST", f"{region.endpoint}/{bucket}?delete", body, **{"Content-MD5": digest(b"another")})
    assert status == 400 and "<Code>BadDigest</Code>" in text
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    status, text = ask("POST", f"{region.endpoint}/{bucket}?delete", body, **{"Content-MD5": digest(body)})
    assert status == 200 and "<Deleted><Key>k</Key></Deleted>" in text


@pytest.mark.parametrize("header,message", [
    ("Basic U1Q6", "Unsupported Authorization Type"),
    ("Bearer eyJhbGciOiJIUzUxMiJ9", "Unsupported Authorization Type"),
    ("AWS4-HMAC-SHA1 Credential=a/20260101/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=0", "Unsupported Authorization Type"),
    ("invalid_header", "Authorization header is invalid -- one and only one ' ' (space) required"),
])
def test_other_schemes(strict, name, header, message):
    """Answers of AWS: danialfarid/ng-file-upload, issue 615; Einstore, issue 152; versitygw, issue 1705; learnjs, issue 23."""
    strict.client("s3").create_bucket(Bucket=name)
    status, text = ask("GET", f"{strict.endpoint}/{name}", Authorization=header)
    assert status == 400 and "<Code>InvalidArgument</Code>" in text
    told = text.replace("&apos;", "'")
    assert f"<Message>{message}</Message><ArgumentName>Authorization</ArgumentName>" in told
    assert f"<ArgumentValue>{header}</ArgumentValue>" in text


def test_requesters_pay(strict, name):
    """S3 User Guide, "Using Requester Pays buckets": in a header or in a presigned URL."""
    owner, other = strict.client("s3"), strict.client("s3", access_key="222222222222", signature_version="s3v4")
    owner.create_bucket(Bucket=name, ObjectOwnership="ObjectWriter")
    owner.delete_public_access_block(Bucket=name)
    owner.put_object(Bucket=name, Key="k", Body=b"la", ACL="public-read")
    owner.put_bucket_request_payment(Bucket=name, RequestPaymentConfiguration={"Payer": "Requester"})
    with pytest.raises(ClientError) as error:
        other.get_object(Bucket=name, Key="k")
    assert error.value.response["Error"]["Code"] == "AccessDenied"
    assert ask("GET", f"{strict.endpoint}/{name}/k")[0] == 403
    assert other.get_object(Bucket=name, Key="k", RequestPayer="requester")["RequestCharged"] == "requester"
    assert "RequestCharged" not in owner.get_object(Bucket=name, Key="k")
    params = {"Bucket": name, "Key": "k"}
    assert ask("GET", other.generate_presigned_url("get_object", Params=params))[0] == 403
    signed = other.generate_presigned_url("get_object", Params={**params, "RequestPayer": "requester"})
    assert ask("GET", signed, **{"x-amz-request-payer": "requester"}) == (200, "la")

    def in_query(request, **_):
        """As SDKs for JavaScript presign headers."""
        request.url += "?x-amz-request-payer=requester"
    other.meta.events.register("before-sign.s3.GetObject", in_query)
    hoisted = other.generate_presigned_url("get_object", Params=params)
    assert "x-amz-request-payer=requester" in hoisted and ask("GET", hoisted) == (200, "la")
