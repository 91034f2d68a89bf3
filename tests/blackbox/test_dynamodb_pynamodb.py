"""DynamoDB by PynamoDB: its models, indexes, transactions, versions and pages, as its own tutorial uses them."""

from datetime import datetime, timedelta, timezone

import pytest
from pynamodb.attributes import (
    BinaryAttribute, BooleanAttribute, JSONAttribute, ListAttribute, MapAttribute, NumberAttribute,
    NumberSetAttribute, TTLAttribute, UnicodeAttribute, UnicodeSetAttribute, UTCDateTimeAttribute, VersionAttribute,
)
from pynamodb.connection import Connection
from pynamodb.constants import STREAM_NEW_AND_OLD_IMAGE
from pynamodb.exceptions import DeleteError, DoesNotExist, PutError, TransactWriteError, UpdateError
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection, LocalSecondaryIndex
from pynamodb.models import Model
from pynamodb.transactions import TransactGet, TransactWrite


@pytest.fixture
def reply(region, name):
    """A model with all kinds of attributes, and its table."""
    endpoint = region.endpoint

    class ByViews(GlobalSecondaryIndex):
        class Meta:
            index_name = "by-views"
            projection = AllProjection()
            read_capacity_units = write_capacity_units = 2

        forum = UnicodeAttribute(hash_key=True)
        views = NumberAttribute(range_key=True)

    class ByDate(LocalSecondaryIndex):
        class Meta:
            index_name = "by-date"
            projection = IncludeProjection(["views"])

        thread = UnicodeAttribute(hash_key=True)
        posted = UTCDateTimeAttribute(range_key=True)

    class Author(MapAttribute):
        name = UnicodeAttribute()
        badges = ListAttribute(of=UnicodeAttribute, default=list)

    class Reply(Model):
        class Meta:
            table_name = name
            host = endpoint
            region = "us-east-1"
            aws_access_key_id = aws_secret_access_key = "test"
            read_capacity_units = write_capacity_units = 100
            stream_view_type = STREAM_NEW_AND_OLD_IMAGE

        thread = UnicodeAttribute(hash_key=True)
        subject = UnicodeAttribute(range_key=True)
        forum = UnicodeAttribute(default="rust")
        views = NumberAttribute(default=0)
        posted = UTCDateTimeAttribute(default=lambda: datetime(2026, 1, 1, tzinfo=timezone.utc))
        answered = BooleanAttribute(default=False)
        author = Author(null=True)
        tags = UnicodeSetAttribute(null=True)
        scores = NumberSetAttribute(null=True)
        picture = BinaryAttribute(null=True, legacy_encoding=False)
        extra = JSONAttribute(null=True)
        ends = TTLAttribute(null=True)
        version = VersionAttribute()
        by_views, by_date = ByViews(), ByDate()

    Reply.Author = Author
    assert not Reply.exists()
    Reply.create_table(wait=True)
    yield Reply
    if Reply.exists():
        Reply.delete_table()


def test_items_of_all_types_and_their_conditions(reply):
    ann = reply.Author(name="ann", badges=["old", "kind"])
    first = reply("t", "first", views=3, author=ann, tags={"a", "b"}, scores={1, 2.5}, picture=b"\0\xff",
                  extra={"deep": [1, None]}, ends=timedelta(hours=1))
    first.save()
    found = reply.get("t", "first", consistent_read=True)
    assert (found.views, found.author.name, found.author.badges, found.tags, found.scores, found.picture, found.extra) \
        == (3, "ann", ["old", "kind"], {"a", "b"}, {1, 2.5}, b"\0\xff", {"deep": [1, None]})
    assert (found.version, found.posted.year, found.answered) == (1, 2026, False)
    with pytest.raises(PutError) as twice:
        reply("t", "first").save(reply.subject.does_not_exist())
    assert twice.value.cause_response_code == "ConditionalCheckFailedException"

    found.update(actions=[
        reply.views.add(2), reply.author.badges.set(reply.author.badges.append(["new"])), reply.tags.delete({"a"}),
        reply.picture.remove(), reply.answered.set(True),
    ], condition=(reply.views < 10) & reply.author.name.startswith("an"))
    assert (found.views, found.tags, found.author.badges, found.version) == (5, {"b"}, ["old", "kind", "new"], 2)
    # The first one has not seen that.
    with pytest.raises((PutError, UpdateError)):
        first.update(actions=[reply.views.set(0)])
    with pytest.raises(DeleteError):
        first.delete()
    found.refresh()
    found.delete()
    with pytest.raises(DoesNotExist):
        reply.get("t", "first")


def test_batches_pages_and_indexes(reply):
    start = datetime(2026, 3, 1, tzinfo=timezone.utc)
    with reply.batch_write() as batch:
        for at in range(60):
            batch.save(reply(f"t{at % 2}", f"s{at:02}", views=at, posted=start + timedelta(minutes=60 - at)))
    assert reply.count("t0") == 30
    assert [item.subject for item in reply.query("t0", reply.subject.between("s10", "s14"))] == ["s10", "s12", "s14"]
    pages = reply.query("t1", page_size=7, limit=20, scan_index_forward=False)
    assert [item.views for item in pages] == list(range(59, 19, -2))
    rest = reply.query("t1", scan_index_forward=False, last_evaluated_key=pages.last_evaluated_key)
    assert [item.views for item in rest] == list(range(19, 0, -2))
    most = reply.by_views.query("rust", reply.views > 55, scan_index_forward=False)
    assert [item.views for item in most] == [59, 58, 57, 56]
    early = reply.by_date.query("t0", reply.posted < start + timedelta(minutes=5))
    assert [item.views for item in early] == [58, 56]
    odd = reply.scan((reply.views.is_in(1, 2, 3)) & ~(reply.subject == "s02"), segment=0, total_segments=1)
    assert sorted(item.views for item in odd) == [1, 3]
    keys = [("t0", "s00"), ("t1", "s01"), ("t1", "none")]
    assert {item.subject for item in reply.batch_get(keys, attributes_to_get=["thread", "subject", "version"])} == {
        "s00", "s01"}
    with reply.batch_write() as batch:
        for item in reply.scan():
            batch.delete(item)
    assert reply.count("t0") + reply.count("t1") == 0


def test_transactions_and_settings(region, reply):
    connection = Connection(host=region.endpoint, region="us-east-1")
    options = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    connection.session.set_credentials(*options.values())
    reply("t", "old", views=1).save()
    with TransactWrite(connection=connection, client_request_token=reply.Meta.table_name) as transaction:
        transaction.save(reply("t", "new"), condition=reply.subject.does_not_exist())
        transaction.update(reply("t", "old", version=1), actions=[reply.views.add(1)])
    with TransactGet(connection=connection) as transaction:
        old, new = transaction.get(reply, "t", "old"), transaction.get(reply, "t", "new")
    assert (old.get().views, old.get().version, new.get().views) == (2, 2, 0)
    with pytest.raises(TransactWriteError) as refused:
        with TransactWrite(connection=connection) as transaction:
            transaction.condition_check(reply, "t", "old", condition=reply.views > 100)
            transaction.delete(reply("t", "new", version=1))
    assert [reason and reason.code for reason in refused.value.cancellation_reasons] == ["ConditionalCheckFailed", None]
    assert reply.get("t", "new").version == 1

    described = reply.describe_table()
    assert (described["TableStatus"], described["StreamSpecification"]["StreamViewType"]) == (
        "ACTIVE", "NEW_AND_OLD_IMAGES")
    assert region.client("dynamodb").describe_time_to_live(TableName=reply.Meta.table_name)[
        "TimeToLiveDescription"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ends"}
    reply.delete_table()
    assert not reply.exists()
