"""DynamoDB's imports: the forms and compressions of files, what is counted, and the log of what was left out.

What AWS does is told by ScyllaDB's test_import.py (run on AWS, 2026-09), by aws-controllers-k8s/dynamodb-controller
(docs/api-quirks, import, 2026-10) and by the developer guide ("Import format quotas and validation").
"""

import base64
import gzip
import json

import pytest
from botocore.exceptions import ClientError

from support.tables import export_ended, exported, import_ended, made

# Two items in lines of JSON, by `zstd -19 --check`.
ZSTD = "KLUv/QRojQEAYoIIELCpA/kBCzBTdM4B6CZ4egLWCmvJx9Wgh3n5uEEfT2eNLwQAYADY7lJ0HNh0Ajbr31Y="
GOOD = '{"Item":{"id":{"S":"%s"}}}\n'


@pytest.fixture
def files(region, name):
    """A function that puts files into a bucket of the test's own and imports them: what became of it."""
    bucket = f"{name}-files".lower().replace("_", "-")
    s3, client = region.client("s3"), region.client("dynamodb")
    s3.create_bucket(Bucket=bucket)

    def put(prefix, bodies):
        for at, body in enumerate(bodies):
            s3.put_object(Bucket=bucket, Key=f"{prefix}/{at:03}", Body=body)

    def begin(table, prefix="in", form="DYNAMODB_JSON", **more):
        more = {"BillingMode": "PAY_PER_REQUEST", **more.pop("Table", {})}, more
        return client.import_table(
            S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": prefix},
            InputFormat=form,
            TableCreationParameters={
                "TableName": table,
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                **more[0],
            },
            **more[1],
        )["ImportTableDescription"]

    return bucket, put, begin


def counts(told):
    return told["ProcessedItemCount"], told["ImportedItemCount"], told["ErrorCount"]


def test_files_are_compressed_in_two_ways_and_counted_as_they_were(region, name, files, eventually):
    _, put, begin = files
    client = region.client("dynamodb")
    plain = "".join(f'{{"Item":{{"id":{{"S":"{at}"}},"n":{{"N":"{at}"}}}}}}\n' for at in "12").encode()
    for kind, body in (("NONE", plain), ("GZIP", gzip.compress(plain)), ("ZSTD", base64.b64decode(ZSTD))):
        put(kind, [body, b""])
        table = f"{name}-{kind}"
        told = import_ended(client, begin(table, kind, InputCompressionType=kind)["ImportArn"], eventually)
        assert (told["ImportStatus"], counts(told)) == ("COMPLETED", (2, 2, 0)), told
        assert (told["InputCompressionType"], told["ProcessedSizeBytes"]) == (kind, len(plain))
        assert client.scan(TableName=table)["Count"] == 2
    put("wrong", [plain])
    told = import_ended(client, begin(f"{name}-x", "wrong", InputCompressionType="ZSTD")["ImportArn"], eventually)
    assert (told["FailureCode"], counts(told)) == ("ItemValidationError", (1, 0, 1))


def test_what_was_exported_in_ion_is_imported(region, name, files, eventually):
    bucket, put, begin = files
    client = made(region, name, recovers=True)
    for at in range(20):
        client.put_item(TableName=name, Item={
            "id": {"S": f'{at} "quoted" \\ é\n'}, "n": {"N": "-1.5"}, "$odd name": {"NULL": True},
            "sets": {"M": {"s": {"SS": ["a", "b"]}, "n": {"NS": ["1", "2"]}, "b": {"BS": [b"\0", b"1"]}}},
            "l": {"L": [{"BOOL": True}, {"B": b"\xff"}, {"M": {}}, {"L": []}]}})
    arn = client.describe_table(TableName=name)["Table"]["TableArn"]
    export = client.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket, S3Prefix="out", ExportFormat="ION")
    told = export_ended(client, export["ExportDescription"]["ExportArn"], eventually)
    keys = exported(region, bucket, told)[2]
    prefix = keys[0].rsplit("/", 1)[0]
    told = import_ended(client, begin(f"{name}-in", prefix, "ION", InputCompressionType="GZIP")["ImportArn"], eventually)
    assert (told["ImportStatus"], told["InputFormat"], counts(told)) == ("COMPLETED", "ION", (20, 20, 0))

    def items(table):
        return sorted(client.scan(TableName=table)["Items"], key=lambda item: item["id"]["S"])

    assert items(f"{name}-in") == items(name)


def test_what_is_left_out_is_told_in_a_log(region, name, files, eventually):
    bucket, put, begin = files
    client = region.client("dynamodb")
    put("in", [
        GOOD % "a" + '{"Item":{"x":{"S":"no key"}}}\n' + GOOD % "b" + '{"Item":{"id":{"N":"1"}}}\n' + GOOD % "c",
        # From what is no item on the rest of a file is not read.
        GOOD % "d" + '{"NotAnItem":{}}\n' + GOOD % "never" + '{"Item":{"x":{"S":"never"}}}\n',
        GOOD % "e" + "no JSON\n" + GOOD % "never",
        " \n\n" + GOOD % "f" + '{"Item": ',
    ])
    told = import_ended(client, begin(name)["ImportArn"], eventually)
    assert (told["ImportStatus"], told["FailureCode"], counts(told)) == ("FAILED", "ItemValidationError", (11, 6, 5))
    assert sorted(item["id"]["S"] for item in client.scan(TableName=name)["Items"]) == list("abcdef")
    assert told["CloudWatchLogGroupArn"].endswith(":log-group:/aws-dynamodb/imports:*")
    stream = told["ImportArn"].rsplit("/", 1)[1] + "/error"
    logs = region.client("logs")
    events = logs.get_log_events(logGroupName="/aws-dynamodb/imports", logStreamName=stream, startFromHead=True)["events"]
    found = [json.loads(event["message"]) for event in events]
    assert all(event["importArn"] == told["ImportArn"] and event["itemS3Pointer"]["bucket"] == bucket for event in found)
    told = {(event["itemS3Pointer"]["key"], event["itemS3Pointer"]["itemIndex"]): event["errorMessages"] for event in found}
    assert told == {
        ("in/000", 1): ["One or more parameter values were invalid: Missing the key id in the item"],
        ("in/000", 3): ["One or more parameter values were invalid: Type mismatch for key id expected: S actual: N"],
        ("in/001", 1): ["Expected 'Item' top level container"],
        ("in/002", 1): ["Unexpected token"],
        ("in/003", 1): ["Unexpected token"],
    }


def test_a_column_that_is_missing_is_told_for_each_line(region, name, files, eventually):
    """The example of the developer guide."""
    _, put, begin = files
    client = region.client("dynamodb")
    put("in", ["title,artist,year_of_release\nThe Dark Side of the Moon,Pink Floyd,1973"])
    told = import_ended(client, begin(name, form="CSV")["ImportArn"], eventually)
    assert (told["FailureCode"], counts(told), told["ProcessedSizeBytes"]) == ("ItemValidationError", (1, 0, 1), 70)
    assert client.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE"
    stream = told["ImportArn"].rsplit("/", 1)[1] + "/error"
    events = region.client("logs").get_log_events(logGroupName="/aws-dynamodb/imports", logStreamName=stream)["events"]
    message = "One or more parameter values were invalid: Missing the key id in the item"
    assert [json.loads(event["message"])["errorMessages"] for event in events] == [[message]]


def test_a_token_stands_for_a_table(region, name, files, eventually):
    _, put, begin = files
    client = region.client("dynamodb")
    put("in", [GOOD % "a"])
    first = begin(name, ClientToken="once")
    assert first["ClientToken"] == "once" and "ProcessedSizeBytes" not in first and counts(first) == (0, 0, 0)

    def refused(**wish):
        with pytest.raises(ClientError) as caught:
            begin(**{"table": name, "ClientToken": "once", **wish})
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    assert refused(table=f"{name}-other") == (
        "ImportConflictException", "Import conflict: Duplicate request detected with conflicting parameters")
    import_ended(client, first["ImportArn"], eventually)
    assert refused() == ("ResourceInUseException", f"Table already exists: {name}")
    # Without its table the token still stands for the import, whatever else is asked for.
    client.delete_table(TableName=name)
    assert begin(name, prefix="elsewhere", ClientToken="once")["ImportArn"] == first["ImportArn"]


def test_no_files_are_an_empty_table(region, name, files, eventually):
    _, _, begin = files
    client = region.client("dynamodb")
    limits = {"MaxReadRequestUnits": 100, "MaxWriteRequestUnits": 50}
    told = import_ended(client, begin(name, "nowhere", Table={"OnDemandThroughput": limits})["ImportArn"], eventually)
    assert (told["ImportStatus"], counts(told)) == ("COMPLETED", (0, 0, 0))
    assert "FailureCode" not in told and told["TableCreationParameters"]["OnDemandThroughput"] == limits
    assert client.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE"
    listed = client.list_imports(TableArn=told["TableArn"])["ImportSummaryList"]
    assert [one["CloudWatchLogGroupArn"] for one in listed] == [told["CloudWatchLogGroupArn"]]
