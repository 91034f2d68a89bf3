"""Bounds of the edge: rates and concurrency per account and operation, bytes per room, compressed bodies, virtual
time that does not come to rest; and what tells of them."""

import gzip
import json
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from support.sigv4 import Signer


def control(region, method, path, body=None):
    """Status and JSON of a page of the region's own."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(region.endpoint + path, data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def metric(region, name):
    with urllib.request.urlopen(f"{region.endpoint}/_elysium/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    found = [line for line in lines if line.startswith(name)]
    return float(found[0].split()[-1]) if found else None


@pytest.fixture
def limits(region):
    """Sets limits, and removes them all at the end."""
    yield lambda **rule: control(region, "PUT", "/_elysium/limits", rule)
    assert control(region, "DELETE", "/_elysium/limits")[0] == 200


# Codes and statuses: S3 API reference "Error responses" (SlowDown 503); DynamoDB developer guide "Error handling"
# (ThrottlingException 400); Lambda and API Gateway API references (TooManyRequestsException 429); IAM and STS "Common
# errors" (Throttling 400); SQS API reference of each operation (RequestThrottled).
@pytest.mark.parametrize("service, operation, call, code, status", [
    ("s3", "ListBuckets", lambda c: c.list_buckets(), "SlowDown", 503),
    ("dynamodb", "ListTables", lambda c: c.list_tables(), "ThrottlingException", 400),
    ("lambda", "ListFunctions", lambda c: c.list_functions(), "TooManyRequestsException", 429),
    ("apigatewayv2", "GetApis", lambda c: c.get_apis(), "TooManyRequestsException", 429),
    ("iam", "ListUsers", lambda c: c.list_users(), "Throttling", 400),
    ("sts", "GetCallerIdentity", lambda c: c.get_caller_identity(), "Throttling", 400),
    ("logs", "DescribeLogGroups", lambda c: c.describe_log_groups(), "ThrottlingException", 400),
    ("sqs", "ListQueues", lambda c: c.list_queues(), "RequestThrottled", 403),
])
def test_each_service_throttles_in_its_own_words(region, limits, service, operation, call, code, status):
    assert limits(service=service, operation=operation, per_second=0, burst=2)[0] == 200
    client = region.client(service)
    call(client), call(client)
    with pytest.raises(ClientError) as refused:
        call(client)
    error = refused.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    # Another account is counted by itself.
    call(region.client(service, "111122223333", "test"))
    shown = control(region, "GET", "/_elysium/limits")[1]
    assert shown["throttled"][f"{service}:{operation}"] >= 1
    name = f'elysium_requests_throttled_total{{service="{service}",operation="{operation}"}}'
    assert metric(region, name) == shown["throttled"][f"{service}:{operation}"]
    assert control(region, "DELETE", "/_elysium/limits", {"service": service, "operation": operation})[0] == 200
    call(client)


def test_limits_say_what_is_wrong_with_them(region, limits):
    assert limits(service="no-such")[0] == 400
    assert "NoSuchOperation" in limits(service="sqs", operation="NoSuchOperation")[1]["message"]
    assert limits(service="sqs", per_second=-1)[0] == 400
    assert limits(service="sqs", burst=1)[0] == 400
    assert limits(service="sqs", account="x")[0] == 400
    assert "color" in limits(service="sqs", color="red")[1]["message"]
    assert control(region, "GET", "/_elysium/limits")[1]["rules"] == []


def test_requests_at_once_are_bounded(fresh_region, name, eventually):
    # One of its own: in the shared region queues are polled that other tests gave to functions.
    region = fresh_region()
    sqs = region.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    rule = {"service": "sqs", "operation": "ReceiveMessage", "concurrent": 1}
    assert control(region, "PUT", "/_elysium/limits", rule)[0] == 200
    with ThreadPoolExecutor(1) as pool:
        polling = pool.submit(region.client("sqs").receive_message, QueueUrl=url, WaitTimeSeconds=20)

        counted = f"{region.account} sqs:ReceiveMessage"
        eventually(lambda: control(region, "GET", "/_elysium/limits")[1]["under_way"].get(counted) == 1)
        with pytest.raises(ClientError) as refused:
            sqs.receive_message(QueueUrl=url)
        assert refused.value.response["Error"]["Code"] == "RequestThrottled"
        assert metric(region, 'elysium_requests_under_way{room="sqs"}') == 1
        sqs.send_message(QueueUrl=url, MessageBody="end")
        assert polling.result(timeout=15)["Messages"][0]["Body"] == "end"
    sqs.receive_message(QueueUrl=url)


def test_the_rates_of_aws_hold_where_the_region_keeps_to_its_times(fresh_region, region):
    paced = fresh_region("--fidelity", "aws")
    groups, done = paced.client("logs"), 0
    with pytest.raises(ClientError) as refused:
        for at in range(500):
            groups.create_log_group(logGroupName=f"group-{at}")
            done += 1
    assert refused.value.response["Error"]["Code"] == "ThrottlingException"
    assert done >= 10
    assert control(region, "GET", "/_elysium/limits")[1]["as_aws"] is False


def test_a_room_refuses_what_passes_its_budget(fresh_region):
    region = fresh_region()
    sqs, s3 = region.client("sqs"), region.client("s3")
    url = sqs.create_queue(QueueName="small")["QueueUrl"]
    assert control(region, "POST", "/_elysium/rooms", {"room": "sqs", "budget_bytes": 4096})[0] == 200
    sqs.send_message(QueueUrl=url, MessageBody="x" * 1000)
    with pytest.raises(ClientError) as refused:
        sqs.send_message(QueueUrl=url, MessageBody="x" * 10_000)
    error = refused.value.response
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == ("ServiceUnavailable", 503)
    # Other rooms have budgets of their own, and what was refused is not held.
    s3.create_bucket(Bucket="has-room")
    room = control(region, "GET", "/_elysium/rooms")[1]["sqs"]
    assert (room["budget_bytes"], room["budget_refusals"], room["bytes"]) == (4096, 1, 0)
    assert metric(region, 'elysium_room_budget_refusals_total{room="sqs"}') == 1
    assert control(region, "POST", "/_elysium/rooms", {"room": "sqs", "budget_bytes": 1 << 20})[0] == 200
    sqs.send_message(QueueUrl=url, MessageBody="x" * 10_000)


def test_compressed_bodies_are_read(region, name):
    """SDKs compress large requests of operations that allow it (Smithy trait requestCompression)."""
    region.client("sqs").create_queue(QueueName=name)
    call = json.dumps({"QueueName": name, "filler": "x" * 20_000}).encode()

    def send(body):
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.GetQueueUrl",
                   "content-encoding": "gzip"}
        signed = Signer().sign("sqs", "POST", f"127.0.0.1:{region.port}", "/", (), headers, body)
        request = urllib.request.Request(region.endpoint + "/", data=body, headers=signed, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    status, answer = send(gzip.compress(call))
    assert (status, answer["QueueUrl"].rsplit("/", 1)[1]) == (200, name)
    assert send(call)[0] == 400
    # A bomb of a gigabyte is refused at the bound, not unpacked.
    status, answer = send(gzip.compress(b"0" * 1_000_000_000, 1))
    assert status in (400, 413), answer
    # An object's encoding is its own business.
    s3 = region.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="packed", Body=gzip.compress(b"1"), ContentEncoding="gzip")
    assert s3.get_object(Bucket=name, Key="packed")["Body"].read() == gzip.compress(b"1")


def test_an_advance_does_what_falls_due_on_the_way(fresh_region):
    region = fresh_region()
    sqs = region.client("sqs")
    url = sqs.create_queue(QueueName="slow", Attributes={"DelaySeconds": "900"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="later")
    assert control(region, "POST", "/_elysium/clock", {"freeze": True})[0] == 200
    before = control(region, "GET", "/_elysium/clock")[1]["now"]
    status, clock = control(region, "POST", "/_elysium/clock", {"advance_seconds": 900})
    assert status == 200 and clock["frozen"] and clock["now"] > before
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "later"
