"""DynamoDB by boto3's resource API and by the AWS CLI: every family of operations once."""

import json
from decimal import Decimal

import boto3
import pytest
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

SONGS = {
    "AttributeDefinitions": [
        {"AttributeName": "artist", "AttributeType": "S"},
        {"AttributeName": "title", "AttributeType": "S"},
        {"AttributeName": "year", "AttributeType": "N"},
    ],
    "KeySchema": [
        {"AttributeName": "artist", "KeyType": "HASH"},
        {"AttributeName": "title", "KeyType": "RANGE"},
    ],
    "LocalSecondaryIndexes": [{
        "IndexName": "by-year",
        "KeySchema": [{"AttributeName": "artist", "KeyType": "HASH"}, {"AttributeName": "year", "KeyType": "RANGE"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"},
    }],
    "BillingMode": "PAY_PER_REQUEST",
}


def test_the_resource_api_from_a_table_to_its_end(region, name, eventually):
    dynamodb = boto3.resource("dynamodb", endpoint_url=region.endpoint, region_name="us-east-1",
                              aws_access_key_id="test", aws_secret_access_key="test")
    table = dynamodb.create_table(TableName=name, **SONGS)
    table.wait_until_exists()
    table.reload()
    assert name in [found.name for found in dynamodb.tables.all()]
    assert (table.table_status, table.item_count) == ("ACTIVE", 0)
    assert [index["IndexName"] for index in table.local_secondary_indexes] == ["by-year"]

    # Items one by one, in batches, in a transaction.
    table.put_item(Item={"artist": "ann", "title": "dawn", "year": 1990, "stars": Decimal("4.5")})
    with table.batch_writer(overwrite_by_pkeys=["artist", "title"]) as batch:
        for at in range(40):
            batch.put_item(Item={"artist": "ben", "title": f"song {at % 30:02}", "year": 1990 + at % 30})
        batch.delete_item(Key={"artist": "ben", "title": "song 00"})
    got = table.get_item(Key={"artist": "ann", "title": "dawn"}, ProjectionExpression="stars")["Item"]
    assert got == {"stars": Decimal("4.5")}
    keys = [{"artist": "ann", "title": "dawn"}, {"artist": "ben", "title": "song 07"}]
    found = dynamodb.batch_get_item(RequestItems={name: {"Keys": keys}})["Responses"][name]
    assert {item["title"] for item in found} == {"dawn", "song 07"}
    changed = table.update_item(Key=keys[0], UpdateExpression="ADD plays :n SET tags = :t",
                                ExpressionAttributeValues={":n": 3, ":t": {"slow"}}, ReturnValues="UPDATED_NEW")
    assert changed["Attributes"] == {"plays": 3, "tags": {"slow"}}
    with pytest.raises(dynamodb.meta.client.exceptions.ConditionalCheckFailedException):
        table.put_item(Item=keys[0], ConditionExpression=Attr("artist").not_exists())

    # Queries, scans, indexes, pages.
    by_year = table.query(IndexName="by-year", KeyConditionExpression=Key("artist").eq("ben") & Key("year").gte(2015))
    assert [int(item["year"]) for item in by_year["Items"]] == list(range(2015, 2020))
    last = table.query(KeyConditionExpression=Key("artist").eq("ben"), ScanIndexForward=False, Limit=2)
    assert [item["title"] for item in last["Items"]] == ["song 29", "song 28"]
    rest = table.query(KeyConditionExpression=Key("artist").eq("ben"), ScanIndexForward=False,
                       ExclusiveStartKey=last["LastEvaluatedKey"])
    assert rest["Count"] == 27
    assert table.scan(FilterExpression=Attr("year").between(1990, 1991))["Count"] == 2
    segments = [table.scan(Segment=at, TotalSegments=3)["Count"] for at in range(3)]
    assert sum(segments) == 30

    # What is set on a live table.
    table = table.update(
        AttributeDefinitions=[{"AttributeName": "year", "AttributeType": "N"}],
        GlobalSecondaryIndexUpdates=[{"Create": {
            "IndexName": "of-a-year", "KeySchema": [{"AttributeName": "year", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"}}}],
    )

    def indexed():
        table.reload()
        return all(index["IndexStatus"] == "ACTIVE" for index in table.global_secondary_indexes)

    eventually(indexed)
    of_year = table.query(IndexName="of-a-year", KeyConditionExpression=Key("year").eq(1990))
    assert [item["title"] for item in of_year["Items"]] == ["dawn"]
    table.delete()
    table.wait_until_not_exists()


def test_statements_transactions_and_settings_by_the_client(region, name):
    client = region.client("dynamodb")
    client.create_table(TableName=name, **SONGS, StreamSpecification={
        "StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"})
    arn = client.describe_table(TableName=name)["Table"]["TableArn"]
    client.execute_statement(Statement=f"INSERT INTO \"{name}\" VALUE {{'artist': 'ann', 'title': ?}}",
                             Parameters=[{"S": "dusk"}])
    client.batch_execute_statement(Statements=[
        {"Statement": f"UPDATE \"{name}\" SET year = 1999 WHERE artist = 'ann' AND title = 'dusk'"}])
    client.execute_transaction(TransactStatements=[
        {"Statement": f"INSERT INTO \"{name}\" VALUE {{'artist': 'ann', 'title': 'noon', 'year': 2001}}"}])
    years = client.execute_statement(Statement=f"SELECT year FROM \"{name}\".\"by-year\" WHERE artist = 'ann'")["Items"]
    assert sorted(item["year"]["N"] for item in years) == ["1999", "2001"]
    got = client.transact_get_items(TransactItems=[
        {"Get": {"TableName": name, "Key": {"artist": {"S": "ann"}, "title": {"S": "noon"}}}}])["Responses"]
    assert got[0]["Item"]["year"] == {"N": "2001"}

    client.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ends"})
    assert client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "team", "Value": "bards"}])
    assert client.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "team", "Value": "bards"}]
    client.untag_resource(ResourceArn=arn, TagKeys=["team"])
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "dynamodb:GetItem",
        "Resource": arn}]}
    revision = client.put_resource_policy(ResourceArn=arn, Policy=json.dumps(policy))["RevisionId"]
    assert client.get_resource_policy(ResourceArn=arn)["RevisionId"] == revision
    client.delete_resource_policy(ResourceArn=arn)
    client.update_contributor_insights(TableName=name, ContributorInsightsAction="ENABLE")
    assert client.describe_contributor_insights(TableName=name)["ContributorInsightsStatus"] == "ENABLED"
    assert client.describe_limits()["TableMaxReadCapacityUnits"] > 0

    backup = client.create_backup(TableName=name, BackupName="kept")["BackupDetails"]["BackupArn"]
    client.restore_table_from_backup(TargetTableName=f"{name}-again", BackupArn=backup)
    client.get_waiter("table_exists").wait(TableName=f"{name}-again", WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    assert client.scan(TableName=f"{name}-again")["Count"] == 2
    client.delete_backup(BackupArn=backup)

    streams = region.client("dynamodbstreams")
    stream = streams.describe_stream(StreamArn=client.describe_table(TableName=name)["Table"]["LatestStreamArn"])
    assert stream["StreamDescription"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    client.update_table(TableName=name, DeletionProtectionEnabled=True)
    with pytest.raises(ClientError):
        client.delete_table(TableName=name)
    client.update_table(TableName=name, DeletionProtectionEnabled=False)
    client.delete_table(TableName=name)


def test_the_command_line_from_a_table_to_its_end(region, name):
    def aws(*arguments, **options):
        text = region.aws("dynamodb", *arguments, **options).stdout
        return json.loads(text) if text.strip() else {}

    made = aws("create-table", "--table-name", name, "--attribute-definitions", "AttributeName=id,AttributeType=S",
               "--key-schema", "AttributeName=id,KeyType=HASH", "--billing-mode", "PAY_PER_REQUEST",
               "--tags", "Key=team,Value=bards")
    arn = made["TableDescription"]["TableArn"]
    aws("wait", "table-exists", "--table-name", name)
    assert name in aws("list-tables")["TableNames"]
    aws("put-item", "--table-name", name, "--item", '{"id": {"S": "1"}, "n": {"N": "5"}}')
    requests = {name: [{"PutRequest": {"Item": {"id": {"S": str(at)}, "n": {"N": str(at)}}}} for at in range(2, 12)]}
    assert aws("batch-write-item", "--request-items", json.dumps(requests))["UnprocessedItems"] == {}
    updated = aws("update-item", "--table-name", name, "--key", '{"id": {"S": "1"}}', "--update-expression",
                  "SET n = n + :one", "--expression-attribute-values", '{":one": {"N": "1"}}',
                  "--return-values", "ALL_NEW")
    assert updated["Attributes"]["n"] == {"N": "6"}
    assert aws("get-item", "--table-name", name, "--key", '{"id": {"S": "1"}}', "--consistent-read")["Item"]["n"]
    # The CLI asks for all pages by itself.
    found = aws("scan", "--table-name", name, "--page-size", "3", "--filter-expression", "n > :five",
                "--expression-attribute-values", '{":five": {"N": "5"}}')
    assert (found["Count"], found["ScannedCount"]) == (7, 11)
    found = aws("query", "--table-name", name, "--key-condition-expression", "id = :id",
                "--expression-attribute-values", '{":id": {"S": "7"}}')
    assert found["Items"] == [{"id": {"S": "7"}, "n": {"N": "7"}}]
    refused = region.aws("dynamodb", "put-item", "--table-name", name, "--item", '{"id": {"S": "1"}}',
                         "--condition-expression", "attribute_not_exists(id)", check=False)
    assert refused.returncode == 254 or refused.returncode == 255
    assert "ConditionalCheckFailedException" in refused.stderr
    write = [{"Delete": {"TableName": name, "Key": {"id": {"S": "11"}}}},
             {"Put": {"TableName": name, "Item": {"id": {"S": "12"}}}}]
    aws("transact-write-items", "--transact-items", json.dumps(write))
    get = [{"Get": {"TableName": name, "Key": {"id": {"S": "12"}}}}]
    assert aws("transact-get-items", "--transact-items", json.dumps(get))["Responses"][0]["Item"]
    assert aws("execute-statement", "--statement", f"SELECT id FROM \"{name}\" WHERE id = '12'")["Items"]
    assert aws("list-tags-of-resource", "--resource-arn", arn)["Tags"] == [{"Key": "team", "Value": "bards"}]
    aws("update-continuous-backups", "--table-name", name, "--point-in-time-recovery-specification",
        "PointInTimeRecoveryEnabled=true")
    aws("update-time-to-live", "--table-name", name, "--time-to-live-specification", "Enabled=true,AttributeName=ends")
    backup = aws("create-backup", "--table-name", name, "--backup-name", "kept")["BackupDetails"]["BackupArn"]
    assert aws("describe-backup", "--backup-arn", backup)["BackupDescription"]["BackupDetails"]["BackupName"] == "kept"
    aws("delete-item", "--table-name", name, "--key", '{"id": {"S": "12"}}')
    assert aws("delete-table", "--table-name", name)["TableDescription"]["TableStatus"] == "DELETING"
    aws("wait", "table-not-exists", "--table-name", name)


def test_global_tables_of_both_versions(region, name, eventually):
    home, away = region.client("dynamodb"), region.client("dynamodb", region="eu-west-1")
    both = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    key = {"artist": {"S": "ann"}, "title": {"S": "dawn"}}

    def comes(client, table):
        eventually(lambda: client.get_item(TableName=table, Key=key).get("Item"))

    # Version 2017: tables that are there become one.
    for client in (home, away):
        client.create_table(TableName=name, **SONGS, StreamSpecification=both)
    home.create_global_table(GlobalTableName=name, ReplicationGroup=[
        {"RegionName": "us-east-1"}, {"RegionName": "eu-west-1"}])
    group = home.describe_global_table(GlobalTableName=name)["GlobalTableDescription"]
    assert [replica["RegionName"] for replica in group["ReplicationGroup"]] == ["eu-west-1", "us-east-1"]
    assert name in [table["GlobalTableName"] for table in away.list_global_tables()["GlobalTables"]]
    home.put_item(TableName=name, Item=key)
    comes(away, name)
    settings = home.describe_global_table_settings(GlobalTableName=name)["ReplicaSettings"]
    assert settings[0]["ReplicaBillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    home.update_global_table(GlobalTableName=name, ReplicaUpdates=[{"Delete": {"RegionName": "eu-west-1"}}])

    # Version 2019: a table is made elsewhere.
    later = f"{name}-later"
    home.create_table(TableName=later, **SONGS, StreamSpecification=both)
    home.update_table(TableName=later, ReplicaUpdates=[{"Create": {"RegionName": "eu-west-1"}}])
    away.put_item(TableName=later, Item=key)
    comes(home, later)
    assert home.describe_table(TableName=later)["Table"]["GlobalTableVersion"] == "2019.11.21"
