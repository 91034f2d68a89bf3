"""The condition keys of DynamoDB's actions on items, each allowed and refused: as the service authorization
reference lists them ("Actions, resources, and condition keys for Amazon DynamoDB")."""

import json

import pytest
from botocore.exceptions import ClientError

PLAYER = {"player": {"S": "ann"}}


@pytest.fixture(scope="module")
def table(strict):
    client = strict.client("dynamodb")
    client.create_table(
        TableName="scores-of-all",
        AttributeDefinitions=[{"AttributeName": "player", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "player", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client.put_item(TableName="scores-of-all", Item={**PLAYER, "top": {"N": "7"}, "secret": {"S": "x"}})
    return "scores-of-all"


@pytest.fixture
def user(strict, name):
    """`user(condition, action, …)`: a client that may do the actions where the condition holds."""
    def make(condition, *actions):
        iam = strict.client("iam")
        iam.create_user(UserName=name)
        statement = {"Effect": "Allow", "Action": [f"dynamodb:{action}" for action in actions], "Resource": "*",
                     "Condition": condition}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return strict.client("dynamodb", access_key=key["AccessKeyId"], secret_key=key["SecretAccessKey"])

    return make


def outcome(call, **parameters):
    """Whether a call is let in: a condition that fails is the table's answer, not the policy's."""
    try:
        call(**parameters)
    except ClientError as caught:
        code = caught.response["Error"]["Code"]
        if code == "AccessDeniedException":
            return False
        assert code in ("ConditionalCheckFailedException", "TransactionCanceledException"), caught
    return True


def test_attributes_are_found_in_every_expression(user, table):
    some = {"ForAllValues:StringEquals": {"dynamodb:Attributes": ["player", "top"]}}
    client = user(some, "GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchGetItem",
                  "BatchWriteItem", "ConditionCheckItem", "PartiQLSelect", "PartiQLUpdate", "PartiQLInsert",
                  "PartiQLDelete")
    at = {"TableName": table, "Key": PLAYER}
    value = {"ExpressionAttributeValues": {":v": {"S": "x"}}}
    query = {"TableName": table, "KeyConditionExpression": "player = :p"}
    player = {":p": {"S": "ann"}}

    def keyed(**more):
        return {table: {"Keys": [PLAYER], **more}}

    def transact(**part):
        return {"TransactItems": [part]}

    calls = [
        (client.get_item, lambda a: {**at, "ProjectionExpression": a}),
        (client.get_item, lambda a: {**at, "AttributesToGet": [a]}),
        (client.put_item, lambda a: {"TableName": table, "Item": {**PLAYER, "top": {"N": "7"}}, **value,
                                     "ConditionExpression": f"{a} = :v"}),
        (client.put_item, lambda a: {"TableName": table, "Item": {**PLAYER, "top": {"N": "7"}},
                                     "Expected": {a: {"Exists": False}}}),
        (client.update_item, lambda a: {**at, "UpdateExpression": f"SET top = if_not_exists({a}, :v)", **value,
                                        "ConditionExpression": "attribute_not_exists(player)"}),
        (client.update_item, lambda a: {**at, "UpdateExpression": "SET top = :v", **value,
                                        "ConditionExpression": f"{a} = :v"}),
        (client.delete_item, lambda a: {**at, "ConditionExpression": f"{a} = :v", **value}),
        (client.query, lambda a: {**query, "FilterExpression": f"{a} = :v",
                                  "ExpressionAttributeValues": player | {":v": {"S": "x"}}}
         if a != "player" else {**query, "ExpressionAttributeValues": player}),
        (client.query, lambda a: {**query, "ExpressionAttributeValues": player, "ProjectionExpression": f"player, {a}"}
         if a != "player" else {**query, "ExpressionAttributeValues": player}),
        (client.scan, lambda a: {"TableName": table, "FilterExpression": f"{a} = :v", **value}),
        (client.scan, lambda a: {"TableName": table, "ProjectionExpression": a}),
        (client.batch_get_item, lambda a: {"RequestItems": keyed(ProjectionExpression=a)}),
        (client.transact_get_items, lambda a: transact(Get={**at, "ProjectionExpression": a})),
        (client.transact_write_items,
         lambda a: transact(ConditionCheck={**at, "ConditionExpression": f"{a} = :v", **value})),
        (client.transact_write_items,
         lambda a: transact(Delete={**at, "ConditionExpression": f"{a} = :v", **value})),
        (client.transact_write_items,
         lambda a: transact(Update={**at, "UpdateExpression": "SET top = :v", **value,
                                    "ConditionExpression": f"{a} = :v"})),
        (client.execute_statement, lambda a: {"Statement": f'SELECT {a} FROM "{table}" WHERE player = \'ann\''}),
        (client.execute_statement,
         lambda a: {"Statement": f'UPDATE "{table}" SET top = {a} WHERE player = \'nobody\''}),
        (client.execute_statement,
         lambda a: {"Statement": f'DELETE FROM "{table}" WHERE player = \'nobody\' AND {a} = 1'}),
    ]
    for call, wish in calls:
        assert outcome(call, **wish("top")), (call.__name__, wish("top"))
        assert not outcome(call, **wish("secret")), (call.__name__, wish("secret"))
    written = [{"PutRequest": {"Item": {"player": {"S": "bob"}, "secret": {"S": "y"}}}}]
    assert not outcome(client.batch_write_item, RequestItems={table: written})
    statement = f"INSERT INTO \"{table}\" VALUE {{'player': 'bob', 'secret': 'y'}}"
    assert not outcome(client.execute_statement, Statement=statement)


def test_select_is_what_is_read(user, table):
    client = user({"StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"}},
                  "GetItem", "BatchGetItem", "Query", "Scan", "PartiQLSelect")
    at = {"TableName": table, "Key": PLAYER}
    query = {"TableName": table, "KeyConditionExpression": "player = :p",
             "ExpressionAttributeValues": {":p": {"S": "ann"}}}
    some = {"ProjectionExpression": "top"}
    for call, all_of_it in [(client.get_item, at), (client.query, query), (client.scan, {"TableName": table})]:
        assert outcome(call, **all_of_it, **some), call.__name__
        assert not outcome(call, **all_of_it), call.__name__
    assert not outcome(client.query, **query, Select="COUNT")
    assert outcome(client.batch_get_item, RequestItems={table: {"Keys": [PLAYER], **some}})
    assert not outcome(client.batch_get_item, RequestItems={table: {"Keys": [PLAYER]}})
    where = f'FROM "{table}" WHERE player = \'ann\''
    assert outcome(client.execute_statement, Statement=f"SELECT top {where}")
    assert not outcome(client.execute_statement, Statement=f"SELECT * {where}")


def test_return_values_are_what_is_answered(user, table):
    client = user({"StringEquals": {"dynamodb:ReturnValues": ["NONE", "UPDATED_NEW"]}},
                  "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem", "PartiQLUpdate", "PartiQLDelete")
    item, key = {"player": {"S": "cat"}}, {"Key": {"player": {"S": "cat"}}}
    change = {**key, "UpdateExpression": "SET top = :v", "ExpressionAttributeValues": {":v": {"N": "1"}}}
    assert outcome(client.put_item, TableName=table, Item=item)
    assert not outcome(client.put_item, TableName=table, Item=item, ReturnValues="ALL_OLD")
    assert outcome(client.update_item, TableName=table, **change, ReturnValues="UPDATED_NEW")
    assert not outcome(client.update_item, TableName=table, **change, ReturnValues="ALL_NEW")
    check = {"TableName": table, **key, "ConditionExpression": "attribute_exists(player)"}
    assert outcome(client.transact_write_items, TransactItems=[{"ConditionCheck": check}])
    shown = {**check, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    assert not outcome(client.transact_write_items, TransactItems=[{"ConditionCheck": shown}])
    update = f'UPDATE "{table}" SET top = 2 WHERE player = \'cat\''
    assert outcome(client.execute_statement, Statement=f"{update} RETURNING MODIFIED NEW *")
    assert not outcome(client.execute_statement, Statement=f"{update} RETURNING ALL OLD *")
    assert not outcome(client.delete_item, TableName=table, **key, ReturnValues="ALL_OLD")
    assert outcome(client.delete_item, TableName=table, **key)


def test_consumed_capacity_is_a_condition_too(user, table):
    client = user({"StringEquals": {"dynamodb:ReturnConsumedCapacity": "NONE"}}, "GetItem", "BatchWriteItem", "Scan")
    at = {"TableName": table, "Key": PLAYER}
    assert outcome(client.get_item, **at)
    assert not outcome(client.get_item, **at, ReturnConsumedCapacity="TOTAL")
    put = {table: [{"PutRequest": {"Item": {"player": {"S": "dan"}}}}]}
    assert outcome(client.batch_write_item, RequestItems=put)
    assert not outcome(client.batch_write_item, RequestItems=put, ReturnConsumedCapacity="INDEXES")
    assert not outcome(client.scan, TableName=table, ReturnConsumedCapacity="TOTAL")


def test_leading_keys_hold_in_transactions_and_statements(user, table):
    client = user({"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["ann"]},
                   "Null": {"dynamodb:LeadingKeys": "false"}},
                  "GetItem", "PutItem", "DeleteItem", "UpdateItem", "ConditionCheckItem", "PartiQLInsert",
                  "PartiQLUpdate", "PartiQLDelete", "PartiQLSelect")

    def writes(player):
        key = {"TableName": table, "Key": {"player": {"S": player}}}
        exists = {"ConditionExpression": "attribute_exists(player)"}
        return [
            {"Put": {"TableName": table, "Item": {"player": {"S": player}}, **exists}},
            {"Update": {**key, "UpdateExpression": "REMOVE gone", **exists}},
            {"ConditionCheck": {**key, **exists}},
        ]

    for own, other in zip(writes("ann"), writes("ben")):
        assert outcome(client.transact_write_items, TransactItems=[own])
        assert not outcome(client.transact_write_items, TransactItems=[other])
        assert not outcome(client.transact_write_items, TransactItems=[own, other])
    get = [{"Get": {"TableName": table, "Key": {"player": {"S": player}}}} for player in ("ann", "ben")]
    assert outcome(client.transact_get_items, TransactItems=get[:1])
    assert not outcome(client.transact_get_items, TransactItems=get)
    for text in ("UPDATE \"{}\" SET top = 1 WHERE player = '{}'", "SELECT * FROM \"{}\" WHERE player = '{}'"):
        assert outcome(client.execute_statement, Statement=text.format(table, "ann"))
        assert not outcome(client.execute_statement, Statement=text.format(table, "ben"))
    assert not outcome(client.execute_statement, Statement=f'SELECT * FROM "{table}"')


def test_an_enclosing_operation_is_told_by_each_part(user, table):
    client = user({"ForAnyValue:StringEquals": {"dynamodb:EnclosingOperation":
                                                ["TransactWriteItems", "TransactGetItems", "ExecuteTransaction"]}},
                  "GetItem", "UpdateItem", "DeleteItem", "PartiQLUpdate")
    at = {"TableName": table, "Key": PLAYER}
    change = {**at, "UpdateExpression": "SET top = :v", "ExpressionAttributeValues": {":v": {"N": "1"}}}
    statement = {"Statement": f'UPDATE "{table}" SET top = 2 WHERE player = \'ann\''}
    assert outcome(client.transact_get_items, TransactItems=[{"Get": at}])
    assert not outcome(client.get_item, **at)
    assert outcome(client.transact_write_items, TransactItems=[{"Update": change}])
    assert not outcome(client.update_item, **change)
    assert not outcome(client.delete_item, **at)
    assert outcome(client.execute_transaction, TransactStatements=[statement])
    assert not outcome(client.execute_statement, **statement)
