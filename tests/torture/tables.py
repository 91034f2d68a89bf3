"""Writers of tables: single items by PutItem and DeleteItem, pairs over two tables by TransactWriteItems.

The table of single items has an index and a stream, which must agree with it after every kill.
"""

import time

from torture.writer import ABSENT, Writer, by_writer

PLAIN, LEFT, RIGHT, INDEX = "torture-plain", "torture-left", "torture-right", "by-mark"


def make_table(client, name, **more):
    request = {
        "TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}
    request["AttributeDefinitions"] += more.pop("attributes", [])
    client.json("dynamodb", "CreateTable", {**request, **more})
    end = time.monotonic() + 30
    while client.json("dynamodb", "DescribeTable", {"TableName": name})["Table"]["TableStatus"] != "ACTIVE":
        if time.monotonic() > end:
            raise RuntimeError(f"table {name} does not become active")


def scan(client, name, index=None):
    """The whole table, read consistently, or an index: key to value."""
    found, request = {}, {"TableName": name}
    request.update({"IndexName": index} if index else {"ConsistentRead": True})
    while True:
        page = client.json("dynamodb", "Scan", request)
        found.update((item["id"]["S"], item["value"]["S"]) for item in page["Items"])
        if "LastEvaluatedKey" not in page:
            return found
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def item(key, value):
    """An item, with the last digit of its value as its mark."""
    return {"id": {"S": key}, "value": {"S": value}, "mark": {"S": value[-1]}}


class Stream:
    """What the records of a table's stream come to, read on after each kill."""

    def __init__(self):
        self.held, self.last = {}, {}

    def read(self, client, name):
        """Reads what is new; complaints about records that do not follow from those before them."""
        arn = client.json("dynamodb", "DescribeTable", {"TableName": name})["Table"]["LatestStreamArn"]
        described = client.json("dynamodbstreams", "DescribeStream", {"StreamArn": arn})
        return [complaint for shard in described["StreamDescription"]["Shards"]
                for complaint in self.read_shard(client, arn, shard["ShardId"])]

    def read_shard(self, client, arn, shard):
        place = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        if shard in self.last:
            place.update(ShardIteratorType="AFTER_SEQUENCE_NUMBER", SequenceNumber=self.last[shard])
        iterator = client.json("dynamodbstreams", "GetShardIterator", place)["ShardIterator"]
        complaints = []
        while iterator:
            page = client.json("dynamodbstreams", "GetRecords", {"ShardIterator": iterator})
            if not page["Records"]:
                break
            complaints += [complaint for record in page["Records"] for complaint in self.follow(shard, record)]
            iterator = page.get("NextShardIterator")
        return complaints

    def follow(self, shard, record):
        change, complaints = record["dynamodb"], []
        key, number = change["Keys"]["id"]["S"], change["SequenceNumber"]
        if number <= self.last.get(shard, ""):
            complaints.append(f"stream: {number} follows {self.last[shard]}")
        self.last[shard] = number
        old, new = (change.get(image, {}).get("value", {}).get("S") for image in ("OldImage", "NewImage"))
        if old != self.held.get(key):
            complaints.append(f"stream: before {number} {key} was something else than the record says")
        if new is None:
            self.held.pop(key, None)
        else:
            self.held[key] = new
        return complaints


class TableWriter(Writer):
    """Puts and deletes single items."""

    def step(self):
        key = self.pick_key()
        if key in self.held and self.held[key] is not ABSENT and self.chance.random() < 0.2:
            self.begin(key, ABSENT)
            self.client.json("dynamodb", "DeleteItem", {"TableName": PLAIN, "Key": {"id": {"S": key}}})
            self.acknowledged("delete")
        else:
            value = self.next_value()
            self.begin(key, value)
            self.client.json("dynamodb", "PutItem", {"TableName": PLAIN, "Item": item(key, value)})
            self.acknowledged("put")

    stream = None

    @classmethod
    def set_up(cls, client, _writers):
        cls.stream = Stream()
        make_table(
            client, PLAIN, attributes=[{"AttributeName": "mark", "AttributeType": "S"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            GlobalSecondaryIndexes=[{
                "IndexName": INDEX, "KeySchema": [{"AttributeName": "mark", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"}}])

    @classmethod
    def verify_all(cls, client, writers):
        table = scan(client, PLAIN)
        complaints = cls.stream.read(client, PLAIN)
        for what, other in (("index", scan(client, PLAIN, INDEX)), ("stream", cls.stream.held)):
            unequal = [key for key in table.keys() | other.keys() if table.get(key) != other.get(key)]
            complaints += [f"torn: the {what} holds {key} otherwise than the table" for key in unequal[:10]]
        found = by_writer(writers, table)
        return complaints + [complaint for writer in writers for complaint in writer.compare(found[writer.name])]


class PairWriter(Writer):
    """Puts or deletes the same item in two tables in one transaction."""

    def step(self):
        key = self.pick_key()
        if self.held.get(key, ABSENT) is not ABSENT and self.chance.random() < 0.2:
            self.begin(key, ABSENT)
            writes = [{"Delete": {"TableName": name, "Key": {"id": {"S": key}}}} for name in (LEFT, RIGHT)]
        else:
            value = self.next_value()
            self.begin(key, value)
            writes = [{"Put": {"TableName": name, "Item": item(key, value)}} for name in (LEFT, RIGHT)]
        self.client.json("dynamodb", "TransactWriteItems", {"TransactItems": writes})
        self.acknowledged("transact")

    @staticmethod
    def set_up(client, _writers):
        make_table(client, LEFT)
        make_table(client, RIGHT)

    @staticmethod
    def verify_all(client, writers):
        left, right = scan(client, LEFT), scan(client, RIGHT)
        unequal = [key for key in left.keys() | right.keys() if left.get(key) != right.get(key)]
        complaints = [f"torn: the two halves of {key} differ" for key in unequal[:10]]
        found = by_writer(writers, left)
        return complaints + [complaint for writer in writers for complaint in writer.compare(found[writer.name])]
