"""DynamoDB by boto3 beyond items: PartiQL, policies of tables, keys of several attributes, words of refusals, and
what travels around an answer."""

import gzip
import json
import urllib.error
import urllib.request
import zlib

import pytest
from botocore.exceptions import ClientError


def keyed(name, kind):
    return {"AttributeName": name, "KeyType": kind}


@pytest.fixture
def songs(region, name):
    """A client and a table keyed by bard and number, with an index by key and tempo, then by number."""
    client = region.client("dynamodb")
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": attribute, "AttributeType": kind}
                              for attribute, kind in [("bard", "S"), ("number", "N"), ("key", "S"), ("tempo", "N")]],
        KeySchema=[keyed("bard", "HASH"), keyed("number", "RANGE")],
        GlobalSecondaryIndexes=[{
            "IndexName": "by-sound",
            "KeySchema": [keyed("key", "HASH"), keyed("tempo", "RANGE"), keyed("number", "RANGE")],
            "Projection": {"ProjectionType": "ALL"},
        }],
        BillingMode="PAY_PER_REQUEST",
    )
    client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    return client, name


def run(client, text, *parameters):
    given = {"Parameters": list(parameters)} if parameters else {}
    return client.execute_statement(Statement=text, **given)["Items"]


def code(call, **parameters):
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def raw(region, operation, body, **headers):
    """Status, headers and body of a request without a signature."""
    request = urllib.request.Request(region.endpoint, data=json.dumps(body).encode(), headers={
        "X-Amz-Target": f"DynamoDB_20120810.{operation}", "Content-Type": "application/x-amz-json-1.0", **headers})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_statements_write_and_read(songs):
    client, table = songs
    for number in range(1, 6):
        text = f"INSERT INTO \"{table}\" VALUE {{'bard': 'ann', 'number': {number}, 'words': <<'la', ?>>}}"
        assert run(client, text, {"S": f"w{number}"}) == []
    assert code(client.execute_statement, Statement=text, Parameters=[{"S": "x"}])[0] == "DuplicateItemException"

    text = f"SELECT number FROM \"{table}\" WHERE bard = ? AND number BETWEEN 2 AND 4 ORDER BY number DESC"
    assert [item["number"]["N"] for item in run(client, text, {"S": "ann"})] == ["4", "3", "2"]
    seen, token = [], {}
    while True:
        page = client.execute_statement(Statement=f"SELECT * FROM \"{table}\"", Limit=2, **token)
        seen += page["Items"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert len(seen) == 5

    text = (f"UPDATE \"{table}\" SET plays = 1 SET words = set_add(words, <<'lo'>>) "
            "WHERE bard = 'ann' AND number = 1 RETURNING ALL NEW *")
    changed = run(client, text)[0]
    assert changed["plays"] == {"N": "1"} and sorted(changed["words"]["SS"]) == ["la", "lo", "w1"]
    assert code(client.execute_statement,
                Statement=f"UPDATE \"{table}\" SET plays = 2 WHERE bard = 'ann' AND number = 1 AND plays = 7",
                )[0] == "ConditionalCheckFailedException"
    assert run(client, f"DELETE FROM \"{table}\" WHERE bard = 'ann' AND number = 5") == []

    answers = client.batch_execute_statement(Statements=[
        {"Statement": f"SELECT plays FROM \"{table}\" WHERE bard = 'ann' AND number = 1"},
        {"Statement": f"SELECT * FROM \"{table}\" WHERE bard = 'ann'"},
    ])["Responses"]
    assert answers[0]["Item"] == {"plays": {"N": "1"}} and answers[1]["Error"]["Code"] == "ValidationError"

    done = client.execute_transaction(TransactStatements=[
        {"Statement": f"INSERT INTO \"{table}\" VALUE {{'bard': 'bo', 'number': 1}}"},
        {"Statement": f"DELETE FROM \"{table}\" WHERE bard = 'ann' AND number = 4"},
    ])
    assert done["Responses"] == []
    assert len(client.scan(TableName=table)["Items"]) == 4


def test_keys_of_several_attributes(songs):
    client, table = songs
    for number, key, tempo in [(1, "c", 90), (2, "c", 60), (3, "c", 90), (4, "g", 70)]:
        client.put_item(TableName=table, Item={"bard": {"S": "ann"}, "number": {"N": str(number)},
                                               "key": {"S": key}, "tempo": {"N": str(tempo)}})
    client.put_item(TableName=table, Item={"bard": {"S": "ann"}, "number": {"N": "5"}, "key": {"S": "c"}})

    def query(condition, **values):
        found = client.query(
            TableName=table, IndexName="by-sound", KeyConditionExpression=condition,
            ExpressionAttributeNames={"#k": "key", "#n": "number"} if "#n" in condition else {"#k": "key"},
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()})
        return [item["number"]["N"] for item in found["Items"]]

    c = {"S": "c"}
    assert query("#k = :k", k=c) == ["2", "1", "3"]
    assert query("#k = :k AND tempo = :t AND #n > :n", k=c, t={"N": "90"}, n={"N": "1"}) == ["3"]
    with pytest.raises(ClientError) as caught:
        query("#k = :k AND #n > :n", k=c, n={"N": "1"})
    assert "RANGE key attributes tempo must have equality" in str(caught.value)


def test_a_policy_of_a_table(songs):
    client, table = songs
    arn = client.describe_table(TableName=table)["Table"]["TableArn"]
    statement = {"Effect": "Allow", "Principal": "*", "Action": "dynamodb:GetItem", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    revision = client.put_resource_policy(ResourceArn=arn, Policy=policy)["RevisionId"]
    assert client.get_resource_policy(ResourceArn=arn) | {"ResponseMetadata": 0} == {
        "Policy": policy, "RevisionId": revision, "ResponseMetadata": 0}
    assert code(client.put_resource_policy, ResourceArn=arn, Policy=policy,
                ExpectedRevisionId="NO_POLICY")[0] == "PolicyNotFoundException"
    client.delete_resource_policy(ResourceArn=arn, ExpectedRevisionId=revision)
    assert code(client.get_resource_policy, ResourceArn=arn)[0] == "PolicyNotFoundException"


def test_a_failed_condition_shows_the_item(songs):
    client, table = songs
    item = {"bard": {"S": "ann"}, "number": {"N": "1"}}
    client.put_item(TableName=table, Item=item)
    with pytest.raises(ClientError) as caught:
        client.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(bard)",
                        ReturnValuesOnConditionCheckFailure="ALL_OLD")
    response = caught.value.response
    # AWS's body has no `message` beside an item, only `Message`.
    assert response["Item"] == item and "message" not in response
    assert response["Error"]["Message"] == "The conditional request failed"


def test_refusals_keep_dynamodbs_order(region, songs):
    _, table = songs

    def refusal(operation, body):
        return json.loads(raw(region, operation, body)[2])

    two = refusal("GetItem", {"TableName": table, "Key": {"bard": {"S": "a", "N": "b"}}})
    assert two["message"] == "The parameter cannot be converted to a numeric value: b"
    mixed = refusal("GetItem", {"TableName": table, "Key": {"bard": {}}, "AttributesToGet": ["a"],
                                "ProjectionExpression": "b"})
    assert mixed["message"].startswith("Can not use both expression and non-expression parameters")
    typed = refusal("GetItem", {"TableName": table, "Key": []})
    assert typed == {"__type": "com.amazon.coral.service#SerializationException",
                     "Message": "Unrecognized collection type java.util.Map<java.lang.String, "
                                "com.amazonaws.dynamodb.v20120810.AttributeValue>"}
    assert refusal("CreateTable", {"TableName": "a"})["message"] == (
        "TableName must be at least 3 characters long and at most 255 characters long")


def test_answers_are_summed_up_and_compressed(region, songs):
    client, table = songs
    client.put_item(TableName=table, Item={"bard": {"S": "ann"}, "number": {"N": "1"}, "w": {"S": "la" * 3000}})
    # Shorter answers than 4 KB are not compressed (ScyllaDB's test_compressed_response, run on AWS).
    for coding in ["identity", "gzip"]:
        status, headers, body = raw(region, "Scan", {"TableName": table}, **{"Accept-Encoding": coding})
        assert status == 200 and int(headers["x-amz-crc32"]) == zlib.crc32(body)
        assert headers.get("content-encoding") == (None if coding == "identity" else "gzip")
        plain = body if coding == "identity" else gzip.decompress(body)
        assert json.loads(plain)["Count"] == 1
    _, headers, body = raw(region, "Scan", {"TableName": "absent-table"})
    assert int(headers["x-amz-crc32"]) == zlib.crc32(body)
