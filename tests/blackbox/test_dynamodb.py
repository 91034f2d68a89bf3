"""DynamoDB by boto3: the client and the resource API, and what a table is after the region was killed."""

from decimal import Decimal

import pytest
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import Binary
from botocore.exceptions import ClientError

import boto3

THINGS = {
    "AttributeDefinitions": [
        {"AttributeName": "owner", "AttributeType": "S"},
        {"AttributeName": "number", "AttributeType": "N"},
        {"AttributeName": "colour", "AttributeType": "S"},
    ],
    "KeySchema": [
        {"AttributeName": "owner", "KeyType": "HASH"},
        {"AttributeName": "number", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-colour",
            "KeySchema": [
                {"AttributeName": "colour", "KeyType": "HASH"},
                {"AttributeName": "number", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


def resource(region):
    return boto3.resource("dynamodb", endpoint_url=region.endpoint, region_name="us-east-1",
                          aws_access_key_id="test", aws_secret_access_key="test")


def made(region, name):
    client = region.client("dynamodb")
    client.create_table(TableName=name, **THINGS)
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    return client


def refused(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response


def test_every_type_comes_back_as_it_was_stored(region, name):
    made(region, name)
    table = resource(region).Table(name)
    item = {
        "owner": "ann",
        "number": Decimal("-12345678901234567890123456789012345.678"),
        "text": "é𝄞",
        "empty": "",
        "bytes": Binary(b"\x00\xff"),
        "truth": True,
        "nothing": None,
        "list": [1, "two", {"three": [Decimal("3.5")]}],
        "map": {"deep": {"deeper": {"deepest": set(["a", "b"])}}},
        "numbers": {Decimal(1), Decimal("2.5")},
        "blobs": {Binary(b"a"), Binary(b"b")},
    }
    table.put_item(Item=item)
    found = table.get_item(Key={"owner": "ann", "number": item["number"]}, ConsistentRead=True)["Item"]
    assert found == item


def test_conditions_and_updates_by_the_resource(region, name):
    made(region, name)
    table = resource(region).Table(name)
    key = {"owner": "ann", "number": 1}
    table.put_item(Item=key | {"hits": 1, "tags": ["a"]}, ConditionExpression=Attr("owner").not_exists())
    answer = refused(table.put_item, Item=key, ConditionExpression=Attr("owner").not_exists())
    assert answer["Error"] == {"Code": "ConditionalCheckFailedException", "Message": "The conditional request failed"}
    answer = refused(table.put_item, Item=key, ConditionExpression=Attr("hits").gt(5),
                     ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert answer["Item"]["hits"] == {"N": "1"}
    updated = table.update_item(
        Key=key, ReturnValues="ALL_NEW",
        UpdateExpression="SET hits = hits + :one, tags = list_append(tags, :more) REMOVE gone",
        ConditionExpression="hits BETWEEN :one AND :nine AND contains(tags, :a)",
        ExpressionAttributeValues={":one": 1, ":nine": 9, ":a": "a", ":more": ["b"]},
    )
    assert updated["Attributes"] == key | {"hits": 2, "tags": ["a", "b"]}


def test_queries_pages_and_indexes(region, name):
    client = made(region, name)
    table = resource(region).Table(name)
    with table.batch_writer() as batch:
        for number in range(60):
            batch.put_item(Item={"owner": "ann", "number": number, "colour": "red" if number % 3 else "blue"})
    page = table.query(KeyConditionExpression=Key("owner").eq("ann") & Key("number").between(10, 19),
                       ScanIndexForward=False, FilterExpression=Attr("colour").eq("red"))
    assert [int(item["number"]) for item in page["Items"]] == [19, 17, 16, 14, 13, 11, 10]
    assert (page["Count"], page["ScannedCount"]) == (7, 10)
    blue = table.query(IndexName="by-colour", KeyConditionExpression=Key("colour").eq("blue"), Select="COUNT")
    assert blue["Count"] == 20
    pages = client.get_paginator("scan").paginate(TableName=name, PaginationConfig={"PageSize": 7})
    numbers = [int(item["number"]["N"]) for page in pages for item in page["Items"]]
    assert sorted(numbers) == list(range(60))
    answer = refused(table.query, IndexName="by-colour", KeyConditionExpression=Key("colour").eq("blue"),
                     ConsistentRead=True)
    assert answer["Error"]["Message"] == "Consistent reads are not supported on global secondary indexes"


def test_a_transaction_is_all_or_nothing(region, name):
    client = made(region, name)
    put = {"Put": {"TableName": name, "Item": {"owner": {"S": "ann"}, "number": {"N": "1"}}}}
    check = {"ConditionCheck": {"TableName": name, "Key": {"owner": {"S": "bob"}, "number": {"N": "1"}},
                                "ConditionExpression": "attribute_exists(#o)",
                                "ExpressionAttributeNames": {"#o": "owner"}}}
    answer = refused(client.transact_write_items, TransactItems=[put, check])
    assert answer["Error"]["Code"] == "TransactionCanceledException"
    assert [reason["Code"] for reason in answer["CancellationReasons"]] == ["None", "ConditionalCheckFailed"]
    assert client.scan(TableName=name)["Count"] == 0
    client.transact_write_items(TransactItems=[put], ClientRequestToken="once")
    client.transact_write_items(TransactItems=[put], ClientRequestToken="once")
    assert client.scan(TableName=name)["Count"] == 1


def test_unknown_tables_and_wrong_keys(region, name):
    client = made(region, name)
    answer = refused(client.get_item, TableName="no-such-table", Key={"owner": {"S": "a"}})
    assert answer["Error"] == {"Code": "ResourceNotFoundException", "Message": "Requested resource not found"}
    answer = refused(client.get_item, TableName=name, Key={"owner": {"S": "a"}})
    assert answer["Error"]["Message"] == "The provided key element does not match the schema"
    answer = refused(client.create_table, TableName=name, **THINGS)
    assert answer["Error"] == {"Code": "ResourceInUseException", "Message": f"Table already exists: {name}"}


def test_acknowledged_items_survive_a_kill(fresh_region, name):
    region = fresh_region()
    client = made(region, name)
    for number in range(20):
        client.update_item(TableName=name, Key={"owner": {"S": "ann"}, "number": {"N": str(number % 4)}},
                           UpdateExpression="ADD hits :one SET colour = :c",
                           ExpressionAttributeValues={":one": {"N": "1"}, ":c": {"S": "red"}})
    region.kill()
    region.start()
    client = region.client("dynamodb")
    found = client.query(TableName=name, IndexName="by-colour", KeyConditionExpression="colour = :c",
                         ExpressionAttributeValues={":c": {"S": "red"}})["Items"]
    assert [item["hits"]["N"] for item in found] == ["5"] * 4
    assert client.describe_table(TableName=name)["Table"]["ItemCount"] == 4
