"""The edge of the region: TLS on the same port, web pages, init scripts, clock, reset, refused rooms."""

import json
import ssl
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


def exchange(region, method, path, body=None, headers=None):
    """Status, headers and text of one unsigned request."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(region.endpoint + path, data=data, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read().decode()


def test_tls_is_spoken_on_the_same_port(fresh_region):
    region = fresh_region()
    authority = region.data_dir / "tls" / "authority.pem"
    port = region.endpoint.rsplit(":", 1)[1]
    secure = f"https://localhost:{port}"
    context = ssl.create_default_context(cafile=str(authority))
    with urllib.request.urlopen(f"{secure}/_localstack/health", context=context, timeout=10) as answer:
        assert json.load(answer)["services"]["sqs"] == "running"
    sqs = boto3.client("sqs", endpoint_url=secure, verify=str(authority), region_name="us-east-1",
                       aws_access_key_id="test", aws_secret_access_key="test", config=Config(retries={"total_max_attempts": 1}))
    assert sqs.create_queue(QueueName="over-tls")["QueueUrl"].startswith(f"https://localhost:{port}/")


def test_foreign_pages_and_rebound_names_are_turned_away(region):
    assert exchange(region, "GET", "/_localstack/health", headers={"Origin": "https://evil.example"})[0] == 403
    assert exchange(region, "GET", "/_localstack/health", headers={"Host": "evil.example"})[0] == 403
    status, headers, _ = exchange(region, "GET", "/_localstack/health", headers={"Origin": "http://localhost:3000"})
    assert (status, headers["access-control-allow-origin"]) == (200, "http://localhost:3000")
    status, headers, _ = exchange(region, "OPTIONS", "/", headers={
        "Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-amz-target"})
    assert (status, headers["access-control-allow-headers"]) == (204, "authorization,x-amz-target")


def test_init_scripts_run_in_order_and_a_failing_one_stops_none(fresh_region, tmp_path, eventually):
    stage = tmp_path / "ready.d"
    stage.mkdir()
    (stage / "01-fails.sh").write_text("exit 3\n")
    (stage / "02-queue.py").write_text(
        "import os, urllib.request\n"
        "assert os.environ['AWS_ENDPOINT_URL'].startswith('http://')\n"
        "urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/_localstack/health').read()\n")
    (stage / "03-ignored.txt").write_text("not a script\n")
    region = fresh_region("--init-dir", str(tmp_path))

    def ended():
        report = json.loads(exchange(region, "GET", "/_localstack/init/ready")[2])
        return report if report["completed"] else None

    scripts = [(script["name"], script["state"]) for script in eventually(ended)["scripts"]]
    assert scripts == [("01-fails.sh", "ERROR"), ("02-queue.py", "SUCCESSFUL")]
    assert all(json.loads(exchange(region, "GET", "/_localstack/init")[2])["completed"][stage]
               for stage in ("BOOT", "START", "READY"))


def test_virtual_time_is_moved_by_the_user(fresh_region):
    region = fresh_region()
    sqs = region.client("sqs")
    url = sqs.create_queue(QueueName="slow", Attributes={"DelaySeconds": "600"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="later")
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert exchange(region, "POST", "/_elysium/clock", {"advance_seconds": 600})[0] == 200
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "later"


def test_reset_empties_everything(fresh_region):
    region = fresh_region()
    sqs, s3 = region.client("sqs"), region.client("s3")
    url = sqs.create_queue(QueueName="gone")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="gone")
    s3.create_bucket(Bucket="gone-too")
    s3.put_object(Bucket="gone-too", Key="large", Body=b"x" * 200_000)
    assert exchange(region, "POST", "/_localstack/state/reset")[0] == 200
    assert "QueueUrls" not in sqs.list_queues()
    assert s3.list_buckets()["Buckets"] == []
    s3.create_bucket(Bucket="gone-too")
    assert "Contents" not in s3.list_objects_v2(Bucket="gone-too")
    region.restart(kill=True)
    assert "QueueUrls" not in region.client("sqs").list_queues()


def test_a_refused_room_leaves_the_others_serving(fresh_region):
    region = fresh_region()
    sqs, s3 = region.client("sqs"), region.client("s3")
    assert exchange(region, "POST", "/_elysium/rooms", {"room": "sqs", "refused": True})[0] == 200
    with pytest.raises(ClientError) as refused:
        sqs.list_queues()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    s3.create_bucket(Bucket="still-here")
    health = json.loads(exchange(region, "GET", "/_localstack/health")[2])["services"]
    assert (health["sqs"], health["s3"]) == ("disabled", "running")
    assert exchange(region, "POST", "/_elysium/rooms", {"room": "sqs", "refused": False})[0] == 200
    sqs.list_queues()


def test_what_is_not_served_says_so(region):
    with pytest.raises(ClientError) as refused:
        region.client("s3").get_bucket_metadata_configuration(Bucket="any")
    error = refused.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("NotImplemented", 501)
    assert "GetBucketMetadataConfiguration" in error["Error"]["Message"]


def test_metrics_count_requests(region):
    region.client("sqs").list_queues()
    status, _, text = exchange(region, "GET", "/_elysium/metrics")
    counted = [line for line in text.splitlines() if line.startswith('elysium_requests_total{room="sqs"}')]
    assert status == 200 and int(counted[0].split()[-1]) >= 1


@pytest.mark.parametrize("service, call", [
    ("kinesis", lambda client: client.list_streams()),
    ("rds", lambda client: client.describe_db_instances()),
    ("ec2", lambda client: client.describe_instances()),
    ("glacier", lambda client: client.list_vaults()),
])
def test_a_service_that_is_not_here_says_so(region, service, call):
    with pytest.raises(ClientError) as refused:
        call(region.client(service))
    error = refused.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("NotImplemented", 501)
    assert service in error["Error"]["Message"]
