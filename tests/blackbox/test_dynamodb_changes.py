"""DynamoDB by boto3: streams, backups, and files that go to S3 and come from there."""

import json

import pytest
from botocore.exceptions import ClientError

from support.tables import export_ended, exported, import_ended, made


def test_a_stream_is_read_from_its_beginning(region, name):
    client = made(region, name, StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
    for value in "xy":
        client.put_item(TableName=name, Item={"id": {"S": "1"}, "v": {"S": value}, "b": {"B": b"\0\1"}})
    client.delete_item(TableName=name, Key={"id": {"S": "1"}})
    streams = region.client("dynamodbstreams")
    arn = streams.list_streams(TableName=name)["Streams"][0]["StreamArn"]
    assert arn == client.describe_table(TableName=name)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    changed = records[1]["dynamodb"]
    assert changed["OldImage"]["v"] == {"S": "x"} and changed["NewImage"]["v"] == {"S": "y"}
    assert changed["NewImage"]["b"] == {"B": b"\0\1"}
    numbers = [record["dynamodb"]["SequenceNumber"] for record in records]
    assert numbers == sorted(numbers) and len(set(numbers)) == 3
    with pytest.raises(ClientError) as caught:
        streams.get_records(ShardIterator="nothing")
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_an_export_can_be_imported(region, name, eventually):
    client = made(region, name, recovers=True)
    for at in range(30):
        client.put_item(TableName=name, Item={"id": {"S": str(at)}, "n": {"N": "1.5"}, "l": {"L": [{"BOOL": True}]}})
    bucket = f"{name}-files".lower().replace("_", "-")
    region.client("s3").create_bucket(Bucket=bucket)
    arn = client.describe_table(TableName=name)["Table"]["TableArn"]
    export = client.export_table_to_point_in_time(TableArn=arn, S3Bucket=bucket, S3Prefix="out")["ExportDescription"]
    told = export_ended(client, export["ExportArn"], eventually)
    assert (told["ExportStatus"], told["ItemCount"]) == ("COMPLETED", 30)
    lines, summary, keys = exported(region, bucket, told)
    assert summary["itemCount"] == 30
    assert len(lines) == 30 and all("Item" in json.loads(line) for line in lines)
    imported = client.import_table(
        S3BucketSource={"S3Bucket": bucket, "S3KeyPrefix": keys[0].rsplit("/", 1)[0]},
        InputFormat="DYNAMODB_JSON",
        InputCompressionType="GZIP",
        TableCreationParameters={
            "TableName": f"{name}-in",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    )["ImportTableDescription"]
    told = import_ended(client, imported["ImportArn"], eventually)
    assert (told["ImportStatus"], told["ImportedItemCount"], told["ErrorCount"]) == ("COMPLETED", 30, 0)

    def items(table):
        return sorted(client.scan(TableName=table)["Items"], key=lambda item: item["id"]["S"])

    assert items(f"{name}-in") == items(name)


def test_lines_of_values_are_imported(region, name, eventually):
    client, s3 = region.client("dynamodb"), region.client("s3")
    bucket = f"{name}-lines".lower().replace("_", "-")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a.csv", Body='id;n;note\n1;5;"so; ""said"""\n2;6;\nbroken\n')
    imported = client.import_table(
        S3BucketSource={"S3Bucket": bucket},
        InputFormat="CSV",
        InputFormatOptions={"Csv": {"Delimiter": ";"}},
        TableCreationParameters={
            "TableName": name,
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "n", "AttributeType": "N"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    )["ImportTableDescription"]
    told = import_ended(client, imported["ImportArn"], eventually)
    assert (told["ImportStatus"], told["FailureCode"]) == ("FAILED", "ItemValidationError")
    assert (told["ProcessedItemCount"], told["ImportedItemCount"], told["ErrorCount"]) == (3, 2, 1)
    found = sorted(client.scan(TableName=name)["Items"], key=lambda item: item["id"]["S"])
    assert found == [
        {"id": {"S": "1"}, "n": {"N": "5"}, "note": {"S": 'so; "said"'}},
        {"id": {"S": "2"}, "n": {"N": "6"}},
    ]


def test_a_bucket_that_is_not_there_fails_the_job(region, name, eventually):
    client = made(region, name, recovers=True)
    arn = client.describe_table(TableName=name)["Table"]["TableArn"]
    export = client.export_table_to_point_in_time(TableArn=arn, S3Bucket=f"{name}-none".lower())["ExportDescription"]
    told = export_ended(client, export["ExportArn"], eventually)
    # As AWS answered getmoto/moto's tests (tests/test_dynamodb/test_dynamodb_export_table.py).
    assert (told["ExportStatus"], told["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    assert "The specified bucket does not exist" in told["FailureMessage"]
