"""Tables whose changes invoke functions, and buckets that are told of what became of events."""

import json

from test_lambda import create, invoke


def table(region, name):
    made = region.client("dynamodb").create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
    return made["TableDescription"]["LatestStreamArn"]


def put(region, name, key, **more):
    item = {"id": {"S": key}, **{field: {"S": value} for field, value in more.items()}}
    region.client("dynamodb").put_item(TableName=name, Item=item)


def mapped(region, name, stream, eventually, **more):
    client = region.client("lambda")
    more.setdefault("StartingPosition", "TRIM_HORIZON")
    uuid = client.create_event_source_mapping(FunctionName=name, EventSourceArn=stream, **more)["UUID"]
    eventually(lambda: client.get_event_source_mapping(UUID=uuid)["State"] == "Enabled")
    return uuid


TELLS = """
    import boto3, json, os

    def handler(event, context):
        keys = [record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]]
        if "poison" in keys:
            raise ValueError(keys)
        for key in keys:
            boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=key)
"""


def heard(region, queue, eventually, count):
    """The bodies of so many messages."""
    bodies = []

    def enough():
        messages = region.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        for message in messages:
            bodies.append(message["Body"])
            region.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return len(bodies) >= count

    eventually(enough, 30)
    return bodies


def teller(region, name):
    queue = region.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    create(region, name, TELLS, Environment={"Variables": {"QUEUE": queue}}, Timeout=30)
    return queue


def last_result(region, name):
    (mapping,) = region.client("lambda").list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    return mapping["LastProcessingResult"]


def test_changes_of_a_table_invoke_in_order_and_go_on_after_a_kill(fresh_region, name, eventually):
    region = fresh_region()
    queue, stream = teller(region, name), table(region, name)
    for number in range(3):
        put(region, name, f"before-{number}")
    mapped(region, name, stream, eventually)
    assert sorted(heard(region, queue, eventually, 3)) == ["before-0", "before-1", "before-2"]
    eventually(lambda: last_result(region, name) == "OK", 10)
    region.kill()
    region.start()
    put(region, name, "after")
    assert heard(region, queue, eventually, 1)[-1] == "after"


def test_records_that_fail_are_told_and_others_go_on(region, name, eventually):
    queue, stream = teller(region, name), table(region, name)
    sqs = region.client("sqs")
    lost = sqs.create_queue(QueueName=name + "-lost")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=lost, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for key in ("first", "poison", "last"):
        put(region, name, key)
    mapped(region, name, stream, eventually, BisectBatchOnFunctionError=True, MaximumRetryAttempts=0,
           DestinationConfig={"OnFailure": {"Destination": arn}})
    assert sorted(heard(region, queue, eventually, 2)) == ["first", "last"]
    (told,) = [json.loads(body) for body in heard(region, lost, eventually, 1)]
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["DDBStreamBatchInfo"]["streamArn"] == stream and told["DDBStreamBatchInfo"]["batchSize"] == 1
    put(region, name, "poison", kind="again")
    eventually(lambda: last_result(region, name) == "PROBLEM: Function call failed", 10)


def test_only_what_a_filter_wants_and_what_comes_later(region, name, eventually):
    queue, stream = teller(region, name), table(region, name)
    put(region, name, "early", kind="song")
    pattern = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["song"]}}}}
    mapped(region, name, stream, eventually, StartingPosition="LATEST",
           FilterCriteria={"Filters": [{"Pattern": json.dumps(pattern)}]})
    put(region, name, "tale", kind="prose")
    put(region, name, "ballad", kind="song")
    assert heard(region, queue, eventually, 1) == ["ballad"]


def test_a_bucket_is_told_of_events(region, name, eventually):
    s3, client = region.client("s3"), region.client("lambda")
    s3.create_bucket(Bucket=name)
    create(region, name, "def handler(event, context):\n    return event['verse'] / event['by']\n")
    client.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0,
        DestinationConfig={"OnSuccess": {"Destination": f"arn:aws:s3:::{name}"},
                           "OnFailure": {"Destination": f"arn:aws:s3:::{name}"}})
    invoke(region, name, {"verse": 4, "by": 2}, InvocationType="Event")
    invoke(region, name, {"verse": 4, "by": 0}, InvocationType="Event")
    keys = lambda: [found["Key"] for found in s3.list_objects_v2(Bucket=name).get("Contents", [])]  # noqa: E731
    eventually(lambda: len(keys()) == 2)
    assert all(key.startswith(f"aws/lambda/async/{name}/") for key in keys())
    told = [json.loads(s3.get_object(Bucket=name, Key=key)["Body"].read()) for key in keys()]
    assert {record["requestContext"]["condition"] for record in told} == {"Success", "RetriesExhausted"}
