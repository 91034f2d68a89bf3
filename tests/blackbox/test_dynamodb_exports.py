"""DynamoDB's incremental exports and exports in Ion, over a period that the virtual clock lets pass."""

import datetime
import json
import urllib.request

import pytest
from botocore.exceptions import ClientError

from support import tables

MINUTE = datetime.timedelta(minutes=1)


def advance(region, seconds):
    body = json.dumps({"advance_seconds": seconds}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{region.endpoint}/_elysium/clock", body, method="POST")).read()


@pytest.fixture
def kept(fresh_region, name):
    """A region with a table that keeps its changes, and a bucket."""
    region = fresh_region("--memory")
    client = tables.made(region, name, recovers=True)
    region.client("s3").create_bucket(Bucket="files")
    return region, client


def now(client, table):
    described = client.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    return described["PointInTimeRecoveryDescription"]["LatestRestorableDateTime"]


def exported(region, client, table, eventually, **wish):
    """The lines of an export, its summary, the keys of its files, and its description."""
    arn = client.describe_table(TableName=table)["Table"]["TableArn"]
    export = client.export_table_to_point_in_time(TableArn=arn, S3Bucket="files", S3Prefix="out", **wish)
    told = tables.export_ended(client, export["ExportDescription"]["ExportArn"], eventually)
    assert told["ExportStatus"] == "COMPLETED", told
    return *tables.exported(region, "files", told), told


def test_an_incremental_export_tells_what_became_of_each_item(kept, name, eventually):
    region, client = kept

    def put(at, value):
        client.put_item(TableName=name, Item={"id": {"S": at}, "v": {"N": str(value)}})

    for at in ("same", "changed", "gone"):
        put(at, 1)
    advance(region, 3600)
    begin = now(client, name)
    put("changed", 2)
    put("changed", 3)
    put("new", 4)
    put("brief", 5)
    for at in ("gone", "brief"):
        client.delete_item(TableName=name, Key={"id": {"S": at}})
    advance(region, 1800)
    end = now(client, name)
    # What comes after the period is not told, and does not hide what was in it.
    put("changed", 9)
    put("late", 9)
    period = {"ExportFromTime": begin, "ExportToTime": end}
    lines, summary, keys, told = exported(region, client, name, eventually, ExportType="INCREMENTAL_EXPORT",
                                          IncrementalExportSpecification=period)
    found = {line["Keys"]["id"]["S"]: line for line in map(json.loads, lines)}
    assert set(found) == {"changed", "new", "gone"}
    assert (found["changed"]["OldImage"]["v"], found["changed"]["NewImage"]["v"]) == ({"N": "1"}, {"N": "3"})
    assert "OldImage" not in found["new"] and found["new"]["NewImage"]["v"] == {"N": "4"}
    assert "NewImage" not in found["gone"] and found["gone"]["OldImage"]["v"] == {"N": "1"}
    assert all(int(line["Metadata"]["WriteTimestampMicros"]["N"]) >= begin.timestamp() * 1e6 for line in found.values())
    assert (summary["exportType"], summary["outputView"], summary["itemCount"]) == \
        ("INCREMENTAL_EXPORT", "NEW_AND_OLD_IMAGES", 3)
    # "Data files of incremental exports are in a folder of their own" (developer guide, output format).
    assert all(key.startswith("out/AWSDynamoDB/data/") for key in keys)
    assert told["IncrementalExportSpecification"]["ExportViewType"] == "NEW_AND_OLD_IMAGES"
    lines, *_ = exported(region, client, name, eventually, ExportType="INCREMENTAL_EXPORT",
                         IncrementalExportSpecification=period | {"ExportViewType": "NEW_IMAGE"})
    assert not any("OldImage" in json.loads(line) for line in lines) and len(lines) == 3


def test_a_period_is_between_a_quarter_of_an_hour_and_a_day(kept, name):
    region, client = kept
    advance(region, 2 * 86400)
    end = now(client, name)
    arn = client.describe_table(TableName=name)["Table"]["TableArn"]
    for length in (14 * MINUTE, 25 * 60 * MINUTE):
        with pytest.raises(ClientError) as caught:
            client.export_table_to_point_in_time(
                TableArn=arn, S3Bucket="files", ExportType="INCREMENTAL_EXPORT",
                IncrementalExportSpecification={"ExportFromTime": end - length, "ExportToTime": end},
            )
        assert caught.value.response["Error"]["Code"] == "InvalidExportTimeException"
    with pytest.raises(ClientError) as caught:
        client.export_table_to_point_in_time(TableArn=arn, S3Bucket="files", ExportType="INCREMENTAL_EXPORT")
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_an_export_in_ion(kept, name, eventually):
    region, client = kept
    client.put_item(TableName=name, Item={"id": {"S": 'a"b'}, "n": {"N": "103"}, "s": {"SS": ["x"]}, "b": {"B": b"\0"}})
    lines, summary, keys, told = exported(region, client, name, eventually, ExportFormat="ION")
    assert lines == ['$ion_1_0 {Item:{b:{{AA==}},id:"a\\"b",n:103.,s:$dynamodb_SS::["x"]}}']
    assert (summary["outputFormat"], told["ExportFormat"]) == ("ION", "ION")
    assert keys[0].endswith(".ion.gz")
