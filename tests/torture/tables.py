"""Writers of tables: single items by PutItem and DeleteItem, pairs over two tables by TransactWriteItems."""

import time

from torture.writer import ABSENT, Writer, by_writer

PLAIN, LEFT, RIGHT = "torture-plain", "torture-left", "torture-right"


def make_table(client, name):
    client.json("dynamodb", "CreateTable", {
        "TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]})
    end = time.monotonic() + 30
    while client.json("dynamodb", "DescribeTable", {"TableName": name})["Table"]["TableStatus"] != "ACTIVE":
        if time.monotonic() > end:
            raise RuntimeError(f"table {name} does not become active")


def scan(client, name):
    """The whole table: key to value, read consistently."""
    found, request = {}, {"TableName": name, "ConsistentRead": True}
    while True:
        page = client.json("dynamodb", "Scan", request)
        found.update((item["id"]["S"], item["value"]["S"]) for item in page["Items"])
        if "LastEvaluatedKey" not in page:
            return found
        request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def item(key, value):
    return {"id": {"S": key}, "value": {"S": value}}


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

    @staticmethod
    def set_up(client, _writers):
        make_table(client, PLAIN)

    @staticmethod
    def verify_all(client, writers):
        found = by_writer(writers, scan(client, PLAIN))
        return [complaint for writer in writers for complaint in writer.compare(found[writer.name])]


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
