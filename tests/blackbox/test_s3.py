"""S3 through boto3: what applications, transfer managers and browsers do with buckets."""

import hashlib
import io
import json
import urllib.error
import urllib.request

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

MIB = 1024 * 1024
PARALLEL = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)


def code_of(error):
    return error.value.response["Error"]["Code"]


def status_of(error):
    return error.value.response["ResponseMetadata"]["HTTPStatusCode"]


def pattern(size):
    return bytes(at % 251 for at in range(min(size, 251))) * (size // 251 + 1)


def test_put_get_head_delete(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="a/b.txt", Body=b"lute", Metadata={"bard": "Orpheus"},
                        ContentType="text/plain")
    got = s3.get_object(Bucket=bucket, Key="a/b.txt")
    assert got["Body"].read() == b"lute"
    assert (got["ETag"], got["ContentType"]) == (put["ETag"], "text/plain")
    assert got["ETag"] == f'"{hashlib.md5(b"lute").hexdigest()}"'
    head = s3.head_object(Bucket=bucket, Key="a/b.txt")
    assert (head["ContentLength"], head["Metadata"]) == (4, {"bard": "Orpheus"})
    s3.delete_object(Bucket=bucket, Key="a/b.txt")
    with pytest.raises(ClientError) as missing:
        s3.get_object(Bucket=bucket, Key="a/b.txt")
    assert (code_of(missing), status_of(missing)) == ("NoSuchKey", 404)
    assert missing.value.response["Error"]["Key"] == "a/b.txt"
    with pytest.raises(ClientError) as missing:
        s3.head_object(Bucket=bucket, Key="a/b.txt")
    assert status_of(missing) == 404


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256", "SHA512"])
def test_checksums_in_trailers(s3, bucket, algorithm):
    body = pattern(100_000)
    put = s3.put_object(Bucket=bucket, Key="k", Body=io.BytesIO(body), ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
    assert got["Body"].read() == body


def test_ranges_and_conditions(s3, bucket):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")["ETag"]
    part = s3.get_object(Bucket=bucket, Key="k", Range="bytes=2-4")
    assert (part["Body"].read(), part["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert s3.get_object(Bucket=bucket, Key="k", Range="bytes=-3")["Body"].read() == b"789"
    with pytest.raises(ClientError) as beyond:
        s3.get_object(Bucket=bucket, Key="k", Range="bytes=10-")
    assert (code_of(beyond), status_of(beyond)) == ("InvalidRange", 416)
    with pytest.raises(ClientError) as unchanged:
        s3.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
    assert status_of(unchanged) == 304
    with pytest.raises(ClientError) as taken:
        s3.put_object(Bucket=bucket, Key="k", Body=b"", IfNoneMatch="*")
    assert (code_of(taken), status_of(taken)) == ("PreconditionFailed", 412)


def test_transfer_manager_moves_twenty_megabytes(s3, bucket):
    content = pattern(20 * MIB + 77)[:20 * MIB + 77]
    s3.upload_fileobj(io.BytesIO(content), bucket, "big", Config=PARALLEL)
    head = s3.head_object(Bucket=bucket, Key="big")
    assert head["ContentLength"] == len(content)
    assert head["ETag"].endswith('-5"')
    target = io.BytesIO()
    s3.download_fileobj(bucket, "big", target, Config=PARALLEL)
    assert target.getvalue() == content
    s3.copy({"Bucket": bucket, "Key": "big"}, bucket, "copied", Config=PARALLEL)
    copied = s3.get_object(Bucket=bucket, Key="copied")
    assert hashlib.sha256(copied["Body"].read()).digest() == hashlib.sha256(content).digest()


def test_copy_keeps_or_replaces_metadata(s3, bucket):
    s3.put_object(Bucket=bucket, Key="from", Body=b"x", Metadata={"a": "1"}, Tagging="t=1")
    s3.copy_object(Bucket=bucket, Key="kept", CopySource={"Bucket": bucket, "Key": "from"})
    assert s3.head_object(Bucket=bucket, Key="kept")["Metadata"] == {"a": "1"}
    assert s3.get_object_tagging(Bucket=bucket, Key="kept")["TagSet"] == [{"Key": "t", "Value": "1"}]
    s3.copy_object(Bucket=bucket, Key="new", CopySource=f"{bucket}/from", MetadataDirective="REPLACE",
                   Metadata={"b": "2"})
    assert s3.head_object(Bucket=bucket, Key="new")["Metadata"] == {"b": "2"}


def send(method, url, body=None, **headers):
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_presigned_urls(s3, bucket):
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "p é"}, ExpiresIn=60)
    assert send("PUT", put, b"signed")[0] == 200
    get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "p é"}, ExpiresIn=60)
    assert send("GET", get) == (200, b"signed")
    status, body = send("GET", s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "no"}))
    assert status == 404 and b"<Code>NoSuchKey</Code>" in body and b"<HostId>" in body


ODD_KEYS = ["..", "../../etc/passwd", "//", "a//b", "a b+c", "é🎵", "%2F", "a?b#c&d=e", "k" * 1024, "~-_.*()'!", "<&>\""]


def test_odd_keys(s3, bucket):
    for key in ODD_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    for key in ODD_KEYS:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode(), key
    listed = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted(ODD_KEYS, key=str.encode)
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in ODD_KEYS]})
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_listing_pages(s3, bucket):
    keys = [f"{folder}/{at:03}" for folder in "abc" for at in range(7)] + ["top"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 4})
    assert [item["Key"] for page in pages for item in page.get("Contents", [])] == keys
    pages = s3.get_paginator("list_objects").paginate(Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": 1})
    pages = list(pages)
    assert [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])] == ["a/", "b/", "c/"]
    assert [entry["Key"] for page in pages for entry in page.get("Contents", [])] == ["top"]


def test_versions(s3, bucket):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    one = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    two = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] is True
    listed = s3.list_object_versions(Bucket=bucket)
    assert [version["VersionId"] for version in listed["Versions"]] == [two, one]
    assert [entry["VersionId"] for entry in listed["DeleteMarkers"]] == [marker["VersionId"]]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=one)["Body"].read() == b"1"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


def test_bucket_settings(s3, bucket):
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"][0]["Permission"] == "FULL_CONTROL"
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    cors = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 300}]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration=cors)
    assert s3.get_bucket_cors(Bucket=bucket)["CORSRules"] == cors["CORSRules"]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "b"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/x"}]})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == json.loads(policy)
    for call, code in [(s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
                       (s3.get_bucket_website, "NoSuchWebsiteConfiguration"),
                       (s3.get_bucket_replication, "ReplicationConfigurationNotFoundError"),
                       (s3.get_object_lock_configuration, "ObjectLockConfigurationNotFoundError")]:
        with pytest.raises(ClientError) as absent:
            call(Bucket=bucket)
        assert (code_of(absent), status_of(absent)) == (code, 404)
    s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Enabled"


def test_virtual_hosts(region, bucket):
    s3 = region.client("s3")
    s3.put_object(Bucket=bucket, Key="k", Body=b"by name")
    answer = send("GET", f"{region.endpoint}/k", Host=f"{bucket}.s3.localhost.localstack.cloud")
    assert answer == (200, b"by name")


def test_a_queue_is_told(region, s3, bucket, name, eventually):
    sqs = region.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}}}]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={
        "QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]})
    s3.put_object(Bucket=bucket, Key="song é.wav", Body=b"la")
    told = []

    def records():
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
            told.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [entry for message in told for entry in message.get("Records", [])]

    record = eventually(records)[0]
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["s3"]["object"]["key"] == "song+%C3%A9.wav"
    assert any(message.get("Event") == "s3:TestEvent" for message in told)


def test_what_was_acknowledged_outlives_a_kill(fresh_region, name):
    region = fresh_region()
    s3 = region.client("s3")
    s3.create_bucket(Bucket=name)
    small, large = b"small", pattern(3 * MIB)
    s3.put_object(Bucket=name, Key="small", Body=small)
    s3.put_object(Bucket=name, Key="large", Body=large)
    s3.upload_fileobj(io.BytesIO(pattern(11 * MIB)), name, "parts", Config=PARALLEL)
    region.kill()
    region.start()
    s3 = region.client("s3")
    for key, content in [("small", small), ("large", large), ("parts", pattern(11 * MIB))]:
        assert s3.get_object(Bucket=name, Key=key)["Body"].read() == content, key
