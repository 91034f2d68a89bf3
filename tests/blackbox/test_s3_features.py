"""S3 through boto3 and the AWS CLI: locks, grants, customers' keys, queries, copies, websites, trees."""

import base64
import filecmp
import hashlib
import io
import os
import time
import urllib.request

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

MIB = 1024 * 1024
PARALLEL = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
KEY = b"k" * 32
CUSTOMER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY}


def code_of(error):
    return error.value.response["Error"]["Code"]


def test_a_customers_key(s3, bucket):
    content = os.urandom(11 * MIB)
    s3.upload_fileobj(io.BytesIO(content), bucket, "large", ExtraArgs=CUSTOMER, Config=PARALLEL)
    read = io.BytesIO()
    s3.download_fileobj(bucket, "large", read, ExtraArgs=CUSTOMER, Config=PARALLEL)
    assert read.getvalue() == content
    head = s3.head_object(Bucket=bucket, Key="large", **CUSTOMER)
    assert head["SSECustomerKeyMD5"] == base64.b64encode(hashlib.md5(KEY).digest()).decode()
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="large")
    assert code_of(error) == "InvalidRequest"
    with pytest.raises(ClientError) as error:
        s3.get_object(Bucket=bucket, Key="large", SSECustomerAlgorithm="AES256", SSECustomerKey=b"x" * 32)
    assert code_of(error) == "AccessDenied"


def test_a_query(s3, bucket):
    s3.put_object(Bucket=bucket, Key="people.csv", Body=b"name,age\nAnn,31\nBob,9\n")
    answer = s3.select_object_content(
        Bucket=bucket, Key="people.csv", ExpressionType="SQL",
        Expression="SELECT s.name FROM S3Object s WHERE CAST(s.age AS INT) > 10",
        InputSerialization={"CSV": {"FileHeaderInfo": "USE"}}, OutputSerialization={"JSON": {}})
    events = list(answer["Payload"])
    assert b"".join(event["Records"]["Payload"] for event in events if "Records" in event) == b'{"name":"Ann"}\n'
    assert [next(iter(event)) for event in events] == ["Records", "Stats", "End"]


def test_locks(s3, name):
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    version = s3.put_object(Bucket=name, Key="k", Body=b"v", ObjectLockLegalHoldStatus="ON")["VersionId"]
    with pytest.raises(ClientError) as error:
        s3.delete_object(Bucket=name, Key="k", VersionId=version)
    assert code_of(error) == "AccessDenied"
    s3.put_object_legal_hold(Bucket=name, Key="k", LegalHold={"Status": "OFF"})
    s3.delete_object(Bucket=name, Key="k", VersionId=version)


def test_copies_in_another_bucket(s3, name, eventually):
    source, target = name, name + "-copies"
    for one in (source, target):
        s3.create_bucket(Bucket=one)
        s3.put_bucket_versioning(Bucket=one, VersioningConfiguration={"Status": "Enabled"})
    rule = {"ID": "all", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": ""},
            "DeleteMarkerReplication": {"Status": "Enabled"},
            "Destination": {"Bucket": f"arn:aws:s3:::{target}"}}
    s3.put_bucket_replication(Bucket=source, ReplicationConfiguration={
        "Role": "arn:aws:iam::000000000000:role/copier", "Rules": [rule]})
    content = os.urandom(MIB)
    s3.put_object(Bucket=source, Key="k", Body=content)

    def arrived():
        try:
            return s3.get_object(Bucket=target, Key="k")["Body"].read() == content
        except ClientError:
            return False
    eventually(arrived)
    assert s3.head_object(Bucket=target, Key="k")["ReplicationStatus"] == "REPLICA"


def test_a_website(s3, bucket, region):
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={
        "IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}})
    s3.put_object(Bucket=bucket, Key="index.html", Body=b"<h1>home</h1>", ContentType="text/html")
    port = region.endpoint.rsplit(":", 1)[1]
    request = urllib.request.Request(region.endpoint + "/", headers={
        "Host": f"{bucket}.s3-website.us-east-1.localhost.localstack.cloud:{port}"})
    with urllib.request.urlopen(request) as answer:
        assert (answer.headers["content-type"], answer.read()) == ("text/html", b"<h1>home</h1>")


def test_a_tree_there_and_back(region, bucket, tmp_path):
    there, back = tmp_path / "there", tmp_path / "back"
    for number in range(150):
        file = there / f"folder {number % 40}" / f"file-{number}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"%d\n" % number * (number % 50))
        # Objects have whole seconds: a file of the second in which it is sent is newer than its object, as on AWS.
        os.utime(file, (time.time() - 60,) * 2)
    region.aws("s3", "sync", "--only-show-errors", there, f"s3://{bucket}/tree")
    region.aws("s3", "sync", "--only-show-errors", f"s3://{bucket}/tree", back)
    names = sorted(str(file.relative_to(there)) for file in there.rglob("*.txt"))
    assert names == sorted(str(file.relative_to(back)) for file in back.rglob("*.txt")) and len(names) == 150
    assert filecmp.cmpfiles(there, back, names, shallow=False)[0] == names
    assert region.aws("s3", "sync", there, f"s3://{bucket}/tree").stdout.strip() == ""


def test_settings_by_older_names(s3, region, bucket, name):
    """API Reference: PutBucketLifecycle and PutBucketNotification are deprecated, and SDKs still have them. Their requests
    are those of the newer operations, with fewer things in them."""
    rule = {"ID": "r", "Prefix": "x/", "Status": "Enabled", "Expiration": {"Days": 50},
            "Transition": {"Days": 40, "StorageClass": "GLACIER"}}
    s3.put_bucket_lifecycle(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle(Bucket=bucket)["Rules"] == [rule]
    (newer,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert newer["Transitions"] == [rule["Transition"]]
    sqs = region.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    listener = {"Id": "i", "Queue": arn, "Event": "s3:ObjectCreated:*"}
    s3.put_bucket_notification(Bucket=bucket, NotificationConfiguration={"QueueConfiguration": listener})
    assert s3.get_bucket_notification(Bucket=bucket)["QueueConfiguration"]["Event"] == listener["Event"]
    (newer,) = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert (newer["QueueArn"], newer["Events"]) == (arn, [listener["Event"]])
