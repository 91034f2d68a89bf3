"""Directory buckets with clients that were told nothing but the endpoint: sessions, permissions, transfers, appends
that outlive a kill.

What is asserted of sessions and permissions: API Reference, CreateSession; S3 User Guide, "Authorizing Zonal endpoint
API operations with CreateSession" and "Authorizing Regional endpoint APIs with IAM"."""

import concurrent.futures
import filecmp
import io
import json
import threading
import urllib.request
import uuid

import botocore.session
import pytest
from boto3.s3.transfer import TransferConfig
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

MIB = 1024 * 1024
PLACE = {"Location": {"Type": "AvailabilityZone", "Name": "use1-az4"},
         "Bucket": {"Type": "Directory", "DataRedundancy": "SingleAvailabilityZone"}}


def made(s3):
    bucket = f"d-{uuid.uuid4().hex[:12]}--use1-az4--x-s3"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=PLACE)
    return bucket


@pytest.fixture
def directory(s3):
    """A directory bucket of the test's own."""
    return made(s3)


def code(call, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response["Error"]["Code"]


def keys(s3, bucket, **arguments):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, **arguments)
    return sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))


def test_a_client_as_it_is(region, s3, directory):
    """boto3 begins sessions by itself, for whatever it asks of the bucket."""
    assert directory not in [entry["Name"] for entry in s3.list_buckets()["Buckets"]]
    listed = s3.get_paginator("list_directory_buckets").paginate(PaginationConfig={"PageSize": 2})
    assert directory in [entry["Name"] for page in listed for entry in page["Buckets"]]
    head = s3.head_bucket(Bucket=directory)
    assert (head["BucketLocationType"], head["BucketLocationName"]) == ("AvailabilityZone", "use1-az4")
    s3.put_object(Bucket=directory, Key="a/b", Body=b"content", Metadata={"venue": "hall"})
    found = s3.get_object(Bucket=directory, Key="a/b")
    assert (found["Body"].read(), found["Metadata"], found["StorageClass"]) == (b"content", {"venue": "hall"}, "EXPRESS_ONEZONE")
    assert s3.head_object(Bucket=directory, Key="a/b", ChecksumMode="ENABLED")["ChecksumCRC32"]
    assert keys(s3, directory, Prefix="a/") == ["a/b"]
    assert code(s3.list_objects_v2, Bucket=directory, Prefix="a") == "InvalidRequest"
    url = s3.generate_presigned_url("get_object", Params={"Bucket": directory, "Key": "a/b"})
    assert "X-Amz-S3session-Token" in url and urllib.request.urlopen(url).read() == b"content"
    s3.copy_object(Bucket=directory, Key="copy", CopySource={"Bucket": directory, "Key": "a/b"})
    appended = s3.put_object(Bucket=directory, Key="copy", Body=b" and more", WriteOffsetBytes=7)
    assert appended["Size"] == 16
    assert s3.get_object(Bucket=directory, Key="copy")["Body"].read() == b"content and more"
    assert code(s3.put_object, Bucket=directory, Key="copy", Body=b"x", WriteOffsetBytes=7) == "InvalidWriteOffset"
    s3.rename_object(Bucket=directory, Key="a/renamed", RenameSource=f"{directory}/copy")
    assert code(s3.rename_object, Bucket=directory, Key="a/b", RenameSource="a/renamed", DestinationIfNoneMatch="*") == "PreconditionFailed"
    assert keys(s3, directory) == ["a/b", "a/renamed"]
    assert code(s3.delete_bucket, Bucket=directory) == "BucketNotEmpty"
    deleted = s3.delete_objects(Bucket=directory, Delete={"Objects": [{"Key": key} for key in keys(s3, directory)]})
    assert len(deleted["Deleted"]) == 2
    s3.delete_bucket(Bucket=directory)
    assert code(s3.head_bucket, Bucket=directory) == "404"
    assert code(s3.list_objects_v2, Bucket=directory) == "NoSuchBucket"


def test_transfers_in_parts(s3, directory):
    content = bytes(range(256)) * (13 * MIB // 256)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(content), directory, "large", Config=config)
    back = io.BytesIO()
    s3.download_fileobj(directory, "large", back, Config=config)
    assert back.getvalue() == content
    s3.copy({"Bucket": directory, "Key": "large"}, directory, "copied", Config=config)
    assert s3.get_object(Bucket=directory, Key="copied", Range="bytes=-4")["Body"].read() == content[-4:]


def test_settings_that_they_have(s3, directory):
    assert s3.get_bucket_encryption(Bucket=directory)["ServerSideEncryptionConfiguration"]["Rules"]
    rule = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 3}}
    s3.put_bucket_lifecycle_configuration(Bucket=directory, LifecycleConfiguration={"Rules": [rule]})
    kept = s3.get_bucket_lifecycle_configuration(Bucket=directory)["Rules"]
    assert [(one["ID"], one["Expiration"]) for one in kept] == [("old", {"Days": 3})]
    moving = {**rule, "Transitions": [{"Days": 1, "StorageClass": "GLACIER"}]}
    assert code(s3.put_bucket_lifecycle_configuration, Bucket=directory, LifecycleConfiguration={"Rules": [moving]}) == "InvalidRequest"
    arn = s3.head_bucket(Bucket=directory)["BucketArn"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "000000000000"},
                                                      "Action": "s3express:CreateSession", "Resource": arn}]}
    s3.put_bucket_policy(Bucket=directory, Policy=json.dumps(policy))
    assert json.loads(s3.get_bucket_policy(Bucket=directory)["Policy"]) == policy
    elsewhere = json.dumps(policy).replace(arn, f"arn:aws:s3:::{directory}")
    assert code(s3.put_bucket_policy, Bucket=directory, Policy=elsewhere) == "MalformedPolicy"
    for refused in [s3.get_bucket_versioning, s3.get_bucket_acl, s3.get_bucket_tagging, s3.list_object_versions]:
        assert code(refused, Bucket=directory) == "MethodNotAllowed"


def test_the_command_line(region, s3, directory, tmp_path):
    """Of its own commands `sync` refuses directory buckets by itself."""
    for at in range(30):
        path = tmp_path / "tree" / f"d{at % 3}" / f"f{at}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([at]) * (at * 1000))
    region.aws("s3", "cp", tmp_path / "tree", f"s3://{directory}/tree/", "--recursive")
    assert len(keys(s3, directory, Prefix="tree/")) == 30
    region.aws("s3", "cp", f"s3://{directory}/tree/", tmp_path / "back", "--recursive")
    for folder in ["d0", "d1", "d2"]:
        compared = filecmp.dircmp(tmp_path / "tree" / folder, tmp_path / "back" / folder)
        assert not (compared.left_only or compared.right_only or compared.diff_files)
    assert "f7" in region.aws("s3", "ls", f"s3://{directory}/tree/d1/").stdout
    region.aws("s3", "mv", f"s3://{directory}/tree/d0/f3", f"s3://{directory}/moved")
    region.aws("s3", "rm", f"s3://{directory}/", "--recursive")
    assert keys(s3, directory) == []
    named = json.loads(region.aws("s3api", "list-directory-buckets", "--output", "json").stdout)
    assert directory in [bucket["Name"] for bucket in named["Buckets"]]


def user(strict, statements, name):
    """Keys of a user who may do so much."""
    root = strict.client("iam")
    root.create_user(UserName=name)
    policy = {"Version": "2012-10-17", "Statement": statements}
    root.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
    key = root.create_access_key(UserName=name)["AccessKey"]
    return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}


def test_sessions_are_what_policies_grant(strict, name):
    root = strict.client("s3")
    bucket, other = made(root), made(root)
    arn = root.head_bucket(Bucket=bucket)["BucketArn"]
    root.put_object(Bucket=bucket, Key="k", Body=b"x")

    def client(action, mode=None):
        statement = {"Effect": "Allow", "Action": action, "Resource": arn}
        if mode:
            statement["Condition"] = {"StringEquals": {"s3express:SessionMode": mode}}
        return strict.client("s3", **user(strict, [statement], f"{name}-{uuid.uuid4().hex[:6]}"))

    # Whoever may do all of S3 may do nothing here: the actions are others.
    assert code(client("s3:*").get_object, Bucket=bucket, Key="k") == "AccessDenied"
    writer = client("s3express:CreateSession")
    writer.put_object(Bucket=bucket, Key="k", Body=b"y")
    assert code(writer.get_object, Bucket=other, Key="k") == "AccessDenied"
    assert code(writer.get_bucket_policy, Bucket=bucket) == "AccessDenied"
    assert code(writer.list_directory_buckets) == "AccessDenied"
    # A session is begun with as much as the caller may have.
    reader = client("s3express:CreateSession", "ReadOnly")
    assert reader.get_object(Bucket=bucket, Key="k")["Body"].read() == b"y"
    assert keys(reader, bucket) == ["k"]
    for refused in [lambda: reader.put_object(Bucket=bucket, Key="k", Body=b"z"), lambda: reader.delete_object(Bucket=bucket, Key="k"),
                    lambda: reader.rename_object(Bucket=bucket, Key="l", RenameSource="k")]:
        assert code(refused) == "AccessDenied"
    assert code(reader.create_session, Bucket=bucket, SessionMode="ReadWrite") == "AccessDenied"
    keeper = client(["s3express:GetBucketPolicy", "s3express:CreateSession"])
    assert code(keeper.get_bucket_policy, Bucket=bucket) == "NoSuchBucketPolicy"
    assert root.get_object(Bucket=bucket, Key="k")["Body"].read() == b"y"


def signed(region, method, path, session, service="s3express", body=b""):
    """The status and text of a request that is signed with the credentials of a session."""
    request = AWSRequest(method, region.endpoint + path, data=body, headers={"x-amz-s3session-token": session["SessionToken"]})
    S3SigV4Auth(Credentials(session["AccessKeyId"], session["SecretAccessKey"]), service, "us-east-1").add_auth(request)
    answer = botocore.httpsession.URLLib3Session().send(request.prepare())
    return answer.status_code, answer.text


def advance(region, seconds):
    body = json.dumps({"advance_seconds": seconds}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{region.endpoint}/_elysium/clock", data=body, method="POST")).read()


def test_a_session_is_for_one_bucket_and_five_minutes(fresh_region):
    region = fresh_region("--iam", "enforce")
    s3 = region.client("s3")
    bucket, other = made(s3), made(s3)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.create_bucket(Bucket="general")
    s3.put_object(Bucket="general", Key="k", Body=b"x")
    session = s3.create_session(Bucket=bucket)["Credentials"]
    reading = s3.create_session(Bucket=bucket, SessionMode="ReadOnly")["Credentials"]
    assert signed(region, "GET", f"/{bucket}/k", session) == (200, "x")
    assert signed(region, "PUT", f"/{bucket}/k", session, body=b"y")[0] == 200
    assert signed(region, "GET", f"/{bucket}/k", reading) == (200, "y")
    for method, path, credentials in [("PUT", f"/{bucket}/k", reading), ("GET", f"/{other}/k", session), ("GET", "/general/k", session),
                                      ("GET", f"/{bucket}?session", session)]:
        status, text = signed(region, method, path, credentials)
        assert status == 403 and "<Code>AccessDenied</Code>" in text, (method, path)
    # Neither a forged token nor one for another service is one.
    forged = {**session, "SessionToken": reading["SessionToken"]}
    assert signed(region, "GET", f"/{bucket}/k", forged)[0] == 403
    assert signed(region, "GET", "/general/k", session, service="s3")[0] == 403
    region.restart(kill=True)
    assert signed(region, "GET", f"/{bucket}/k", session) == (200, "y")
    advance(region, 301)
    status, text = signed(region, "GET", f"/{bucket}/k", session)
    assert status == 400 and "<Code>ExpiredToken</Code>" in text


def test_appends_outlive_a_kill(fresh_region):
    """What was acknowledged is there, what was not is absent or there whole; the object's checksum tells that it is all."""
    region = fresh_region()
    s3 = region.client("s3")
    bucket = made(s3)
    acknowledged, enough = {}, threading.Event()

    def write(number):
        key, size, own = f"log{number}", 0, region.client("s3")
        for turn in range(10_000):
            # Rows and files in turn.
            line = f"{number}:{turn};".encode() * (5 if turn % 5 else 5000)
            try:
                own.put_object(Bucket=bucket, Key=key, Body=line, WriteOffsetBytes=size)
            except Exception:
                return size, len(line)
            size += len(line)
            acknowledged[key] = turn
            if turn >= 12 and len(acknowledged) == 4:
                enough.set()
        return size, 0

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(write, number) for number in range(4)]
        assert enough.wait(120)
        region.kill()
        sizes = [writer.result() for writer in writers]
    region.start()
    s3 = region.client("s3")
    for number, (size, last) in enumerate(sizes):
        content = s3.get_object(Bucket=bucket, Key=f"log{number}", ChecksumMode="ENABLED")["Body"].read()
        assert len(content) in (size, size + last)
        turns = [int(line.split(b":")[1]) for line in content.split(b";") if line]
        assert turns == sorted(turns) and turns[0] == 0 and set(turns) == set(range(turns[-1] + 1))
        s3.put_object(Bucket=bucket, Key=f"log{number}", Body=b"end", WriteOffsetBytes=len(content))
