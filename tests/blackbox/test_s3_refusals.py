"""What S3 does with bodies that are not what they say: nothing of them is kept, and the error is clear."""

import base64
import concurrent.futures
import hashlib
import socket
import urllib.error
import urllib.parse
import urllib.request

import pytest
from botocore.exceptions import ClientError

MIB = 1024 * 1024


def send(region, url, length, body, waits=True):
    """Puts a body that is shorter than its length; the answer's text where one comes."""
    place = urllib.parse.urlsplit(url)
    head = f"PUT {place.path}?{place.query} HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", region.port), timeout=20) as connection:
        connection.sendall(head.encode() + body)
        if not waits:
            return ""
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
        return received.decode()


def keys(s3, bucket):
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


@pytest.mark.parametrize("query,argument,message", [
    ("max-keys=abc", "max-keys", "Provided max-keys not an integer or within integer range"),
    ("list-type=2&max-keys=2147483648", "max-keys", "Provided max-keys not an integer or within integer range"),
    ("list-type=2&max-keys=-1", "maxKeys", "Argument maxKeys must be an integer between 0 and 2147483647"),
    ("versions&max-keys=-1", "max-keys", "max-keys cannot be negative"),
], ids=["text", "large", "below", "versions"])
def test_a_page_of_no_size(region, s3, bucket, query, argument, message):
    """As S3 was asked in 2026 by authors of other stores, who wrote down what it answers: versitygw's issue 1809,
    backlot's issue 192."""
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(f"{region.endpoint}/{bucket}?{query}")
    body = error.value.read().decode()
    assert error.value.code == 400 and f"<Message>{message}</Message>" in body
    assert f"<ArgumentName>{argument}</ArgumentName>" in body


@pytest.mark.parametrize("sent", [400, 3 * MIB])
def test_a_body_that_ends_early(region, s3, bucket, sent):
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "short"})
    answer = send(region, url, sent + 600, b"x" * sent)
    assert answer == "" or "<Code>IncompleteBody</Code>" in answer or "<Code>RequestTimeout</Code>" in answer
    send(region, url, sent + 600, b"x" * sent, waits=False)
    s3.put_object(Bucket=bucket, Key="whole", Body=b"x")
    assert keys(s3, bucket) == ["whole"]


@pytest.mark.parametrize("given,code", [
    ({"Content-MD5": base64.b64encode(hashlib.md5(b"other").digest()).decode()}, "BadDigest"),
    ({"Content-MD5": "nonsense"}, "InvalidDigest"),
    ({"x-amz-checksum-sha256": base64.b64encode(hashlib.sha256(b"other").digest()).decode()}, "BadDigest"),
    ({"x-amz-checksum-crc32": "AAAA"}, "InvalidRequest"),
])
def test_a_body_that_is_another(region, s3, bucket, given, code):
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    for body in [b"small", b"large" * MIB]:
        request = urllib.request.Request(url, data=body, method="PUT", headers=given)
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(request)
        assert f"<Code>{code}</Code>" in error.value.read().decode()
    assert keys(s3, bucket) == []


@pytest.mark.parametrize("given,message", [
    ({"x-amz-checksum-sha256a": "dummy"}, "The algorithm type you specified in x-amz-checksum- header is invalid."),
    ({"x-amz-sdk-checksum-algorithm": "crc32"},
     "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."),
], ids=["of no algorithm", "without a value"])
def test_a_checksum_that_is_none(region, s3, bucket, given, message):
    """As the authors of versitygw were answered by AWS, issues 1104 and 1593."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"la la", ChecksumAlgorithm="SHA1")
    tags = b"<Tagging><TagSet/></Tagging>"
    for path, body in [("k", b"other"), ("k?tagging", tags)]:
        request = urllib.request.Request(f"{region.endpoint}/{bucket}/{path}", data=body, method="PUT", headers=given)
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(request)
        text = error.value.read().decode()
        assert error.value.code == 400 and "<Code>InvalidRequest</Code>" in text and f"<Message>{message}</Message>" in text
    assert s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["Body"].read() == b"la la"


@pytest.mark.parametrize("method,path,kind", [
    ("POST", "/{}/k", "OBJECT"), ("PATCH", "/{}/k", "OBJECT"), ("PROPFIND", "/{}", "BUCKET"), ("DELETE", "/", "SERVICE"),
])
def test_a_method_that_is_none(region, s3, bucket, method, path, kind):
    """LocalStack's test_website_hosting_http_methods, recorded on AWS, for the members."""
    request = urllib.request.Request(region.endpoint + path.format(bucket), data=b"", method=method)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    text = error.value.read().decode()
    assert error.value.code == 405 and "<Code>MethodNotAllowed</Code>" in text
    assert f"<Method>{method}</Method><ResourceType>{kind}</ResourceType>" in text
    assert "GET" in error.value.headers["Allow"].split(", ")


@pytest.mark.parametrize("method,query,headers,status,words", [
    ("GET", "?versionId=", {}, 400, "Version id cannot be the empty string</Message><ArgumentName>versionId<"),
    ("PUT", "", {"x-amz-copy-source": ""}, 400, "Invalid copy source bucket name"),
    ("PUT", "", {"x-amz-copy-source": "/{}/k?versionId="}, 400, "empty string</Message><ArgumentName>x-amz-copy-source<"),
    ("PUT", "", {"x-amz-copy-source": "/{}/k?versionId=abc"}, 400, "<Code>InvalidRequest</Code><Message>Invalid Request<"),
])
def test_what_is_half_said(region, s3, bucket, method, query, headers, status, words):
    """As the authors of versitygw were answered by AWS, issues 1388 and 1390, and those of meeseeks-s3,
    versioning_mix.md."""
    s3.put_object(Bucket=bucket, Key="k", Body=b"la la")
    headers = {name: text.format(bucket) for name, text in headers.items()}
    request = urllib.request.Request(f"{region.endpoint}/{bucket}/k{query}", data=b"" if method == "PUT" else None,
                                     method=method, headers=headers)
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(request)
    assert error.value.code == status and words in error.value.read().decode()
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"la la"


def test_a_completion_without_a_tag(s3, bucket):
    """As the authors of versitygw were answered by AWS, issue 2111."""
    place = {"Bucket": bucket, "Key": "k"}
    place["UploadId"] = s3.create_multipart_upload(**place)["UploadId"]
    tag = s3.upload_part(**place, PartNumber=1, Body=b"la la")["ETag"]
    for part in ({"PartNumber": 1}, {"ETag": tag}):
        with pytest.raises(ClientError) as error:
            s3.complete_multipart_upload(**place, MultipartUpload={"Parts": [part]})
        assert error.value.response["Error"]["Code"] == "MalformedXML"
    s3.complete_multipart_upload(**place, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]})


def test_ten_thousand_parts(region, s3, bucket):
    """Numbers up to the last that there is. All but the last of an object's parts must have 5 MiB: completing with
    small ones is refused, with each of them still there."""
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        put = lambda number: s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=b"p")
        etags = {part["ETag"] for part in pool.map(put, [1, 2, 999, 1000, 1001, 9_999, 10_000])}
    assert len(etags) == 1
    numbers = []
    for page in s3.get_paginator("list_parts").paginate(Bucket=bucket, Key="k", UploadId=upload, PaginationConfig={"PageSize": 3}):
        numbers += [part["PartNumber"] for part in page["Parts"]]
    assert numbers == [1, 2, 999, 1000, 1001, 9_999, 10_000]
    for number in [0, 10_001]:
        with pytest.raises(ClientError) as error:
            s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=b"p")
        assert error.value.response["Error"]["Code"] == "InvalidArgument"
    named = [{"PartNumber": number, "ETag": next(iter(etags))} for number in numbers]
    with pytest.raises(ClientError) as error:
        s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": named})
    assert error.value.response["Error"]["Code"] == "EntityTooSmall"
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": named[-1:]})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"p"
