"""What policies can say of tables: which items, which attributes, which answers a user may have.

The examples are those of the developer guide, "Using IAM policy conditions for fine-grained access control".
"""

import json

import pytest
from botocore.exceptions import ClientError


def user(region, name, *statements):
    """A client of DynamoDB that may do what the statements say, and nothing else."""
    iam = region.client("iam")
    iam.create_user(UserName=name)
    document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return region.client("dynamodb", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])


def allow(actions, **condition):
    statement = {"Effect": "Allow", "Action": [f"dynamodb:{action}" for action in actions], "Resource": "*"}
    return {**statement, "Condition": condition} if condition else statement


def denied(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"


@pytest.fixture
def scores(strict, name):
    admin = strict.client("dynamodb")
    admin.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "player", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "player", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )
    for player in ("ann", "ben"):
        admin.put_item(TableName=name, Item={"player": {"S": player}, "top": {"N": "7"}, "secret": {"S": "x"}})
    return admin


def test_users_reach_the_partitions_of_their_own_name(strict, scores, name):
    own = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["ann"]}}
    actions = ["GetItem", "PutItem", "Query", "BatchGetItem", "BatchWriteItem", "UpdateItem", "PartiQLSelect"]
    ann = user(strict, f"{name}-ann", allow(actions, **own))
    assert ann.get_item(TableName=name, Key={"player": {"S": "ann"}})["Item"]["top"] == {"N": "7"}
    denied(ann.get_item, TableName=name, Key={"player": {"S": "ben"}})
    condition = {"KeyConditionExpression": "player = :p", "TableName": name}
    assert ann.query(**condition, ExpressionAttributeValues={":p": {"S": "ann"}})["Count"] == 1
    denied(ann.query, **condition, ExpressionAttributeValues={":p": {"S": "ben"}})
    keys = [{"player": {"S": "ann"}}, {"player": {"S": "ben"}}]
    assert ann.batch_get_item(RequestItems={name: {"Keys": keys[:1]}})["Responses"][name]
    denied(ann.batch_get_item, RequestItems={name: {"Keys": keys}})
    denied(ann.batch_write_item, RequestItems={name: [{"PutRequest": {"Item": keys[1]}}]})
    assert ann.execute_statement(Statement=f"SELECT * FROM \"{name}\" WHERE player = 'ann'")["Items"]
    denied(ann.execute_statement, Statement=f"SELECT * FROM \"{name}\" WHERE player = 'ben'")


def test_users_read_the_attributes_they_may_name(strict, scores, name):
    some = {
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["player", "top"]},
        "StringEqualsIfExists": {"dynamodb:ReturnValues": ["NONE", "UPDATED_NEW"]},
    }
    reader = user(strict, f"{name}-reader", allow(["GetItem", "UpdateItem", "PutItem"], **some))
    key = {"player": {"S": "ann"}}
    named = {"TableName": name, "Key": key, "ProjectionExpression": "#a"}
    assert reader.get_item(**named, ExpressionAttributeNames={"#a": "top"})["Item"] == {"top": {"N": "7"}}
    denied(reader.get_item, **named, ExpressionAttributeNames={"#a": "secret"})
    denied(reader.put_item, TableName=name, Item={**key, "secret": {"S": "y"}})
    change = {"TableName": name, "Key": key, "UpdateExpression": "SET #t = :v",
              "ExpressionAttributeNames": {"#t": "top"}, "ExpressionAttributeValues": {":v": {"N": "8"}}}
    assert reader.update_item(**change, ReturnValues="UPDATED_NEW")["Attributes"] == {"top": {"N": "8"}}
    denied(reader.update_item, **change, ReturnValues="ALL_OLD")


def test_a_permission_for_transactions_is_none_for_single_writes(strict, scores, name):
    within = {"ForAnyValue:StringEquals": {"dynamodb:EnclosingOperation": ["TransactWriteItems"]}}
    writer = user(strict, f"{name}-writer", allow(["PutItem"], **within))
    item = {"player": {"S": "cat"}}
    writer.transact_write_items(TransactItems=[{"Put": {"TableName": name, "Item": item}}])
    denied(writer.put_item, TableName=name, Item=item)


def test_a_stream_is_a_resource_of_its_own(strict, scores, name):
    arn = scores.describe_table(TableName=name)["Table"]["LatestStreamArn"]
    iam = strict.client("iam")
    iam.create_user(UserName=f"{name}-follower")
    statement = {"Effect": "Allow", "Action": ["dynamodb:GetRecords", "dynamodb:GetShardIterator",
                                               "dynamodb:DescribeStream"], "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=f"{name}-follower", PolicyName="own", PolicyDocument=document)
    key = iam.create_access_key(UserName=f"{name}-follower")["AccessKey"]
    streams = strict.client("dynamodbstreams", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    place = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    assert len(streams.get_records(ShardIterator=place["ShardIterator"])["Records"]) == 2
    denied(streams.list_streams)
    denied(streams.describe_stream, StreamArn=arn.rsplit("/", 1)[0] + "/2020-01-01T00:00:00.000")
