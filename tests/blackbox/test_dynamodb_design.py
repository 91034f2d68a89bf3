"""A shop in one table: customers, orders, lines and products by one key, and three global indexes for the ways
that the key does not serve. `ELYSIUM_DESIGN_ITEMS` says how many items are loaded (100000 for the full run)."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

ITEMS = int(os.environ.get("ELYSIUM_DESIGN_ITEMS", "2000"))
# One customer has a profile, ten orders and three lines in each; one product is for each ten lines.
ORDERS, LINES = 10, 3
OF_CUSTOMER = 1 + ORDERS * (1 + LINES)
STATES = ["PLACED", "PAID", "SENT", "DONE"]
CITIES = ["Athens", "Bergen", "Cork", "Delft", "Evora"]


def index(name, partition, sort, **projection):
    return {
        "IndexName": name,
        "KeySchema": [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": sort, "KeyType": "RANGE"}],
        "Projection": projection or {"ProjectionType": "ALL"},
    }


DESIGN = {
    "AttributeDefinitions": [
        {"AttributeName": at, "AttributeType": "S"} for at in ("PK", "SK", "GSI1PK", "GSI1SK", "GSI2PK", "GSI2SK")
    ] + [{"AttributeName": "city", "AttributeType": "S"}, {"AttributeName": "spent", "AttributeType": "N"}],
    "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}, {"AttributeName": "SK", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        # Orders by their state and day.
        index("orders-by-state", "GSI1PK", "GSI1SK"),
        # The lines that a product is in.
        index("lines-by-product", "GSI2PK", "GSI2SK", ProjectionType="INCLUDE", NonKeyAttributes=["count"]),
        # Customers of a city, by what they spent.
        index("customers-by-city", "city", "spent", ProjectionType="KEYS_ONLY"),
    ],
    "BillingMode": "PAY_PER_REQUEST",
}


def text(value):
    return {"S": value}


def customer(number):
    """All items of a customer."""
    own = f"CUSTOMER#{number:06}"
    yield {"PK": text(own), "SK": text("PROFILE"), "city": text(CITIES[number % len(CITIES)]),
           "spent": {"N": str(number * 7 % 1000)}, "name": text(f"Customer {number}")}
    for order in range(ORDERS):
        serial = number * ORDERS + order
        day = f"2026-{serial % 12 + 1:02}-{serial % 28 + 1:02}"
        yield {"PK": text(own), "SK": text(f"ORDER#{order:03}"), "total": {"N": str(serial % 500)},
               "GSI1PK": text(f"STATE#{STATES[serial % len(STATES)]}"), "GSI1SK": text(f"{day}#{serial:08}")}
        for line in range(LINES):
            yield {"PK": text(own), "SK": text(f"ORDER#{order:03}#LINE#{line}"), "count": {"N": str(line + 1)},
                   "GSI2PK": text(f"PRODUCT#{serial * LINES + line:08}"[:-1]), "GSI2SK": text(f"{serial:08}#{line}"),
                   "note": text("wrapped as a gift, to be left with the neighbours if nobody is at home")}


def load(client, table, customers):
    """Writes all items in batches of 25 by eight threads; what was not processed is sent again."""
    items = [item for number in range(customers) for item in customer(number)]
    batches = [items[at:at + 25] for at in range(0, len(items), 25)]

    def send(batch):
        wanted = {table: [{"PutRequest": {"Item": item}} for item in batch]}
        while wanted:
            wanted = client.batch_write_item(RequestItems=wanted)["UnprocessedItems"]

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(send, batches))
    return items


def pages(client, **query):
    for page in client.get_paginator("query").paginate(**query):
        yield from page["Items"]


def test_one_table_serves_every_way_of_asking(region, name):
    client = region.client("dynamodb", max_pool_connections=16)
    client.create_table(TableName=name, **DESIGN)
    customers = max(ITEMS // OF_CUSTOMER, 1)
    began = time.monotonic()
    items = load(client, name, customers)
    loaded = time.monotonic()

    described = client.describe_table(TableName=name)["Table"]
    assert described["ItemCount"] == len(items) == customers * OF_CUSTOMER
    counts = {one["IndexName"]: one["ItemCount"] for one in described["GlobalSecondaryIndexes"]}
    assert counts == {"orders-by-state": customers * ORDERS, "lines-by-product": customers * ORDERS * LINES,
                      "customers-by-city": customers}

    # A customer with all that belongs to it; one order with its lines; the last orders.
    own = {"TableName": name, "KeyConditionExpression": "PK = :p",
           "ExpressionAttributeValues": {":p": text(f"CUSTOMER#{customers - 1:06}")}}
    assert list(pages(client, **own)) == sorted(customer(customers - 1), key=lambda item: item["SK"]["S"])
    within = own | {"KeyConditionExpression": "PK = :p AND begins_with(SK, :s)"}
    order = within | {"ExpressionAttributeValues": own["ExpressionAttributeValues"] | {":s": text("ORDER#004")}}
    assert client.query(**order)["Count"] == 1 + LINES
    orders = within | {"ExpressionAttributeValues": own["ExpressionAttributeValues"] | {":s": text("ORDER#")}}
    last = client.query(**orders, ScanIndexForward=False, Limit=1)["Items"][0]
    assert last["SK"] == text(f"ORDER#{ORDERS - 1:03}#LINE#{LINES - 1}")

    # Orders of each state, by day, and those of one month.
    found = 0
    for state in STATES:
        asked = {"TableName": name, "IndexName": "orders-by-state", "KeyConditionExpression": "GSI1PK = :s",
                 "ExpressionAttributeValues": {":s": text(f"STATE#{state}")}}
        days = [item["GSI1SK"]["S"] for item in pages(client, **asked)]
        assert days == sorted(days)
        found += len(days)
        month = asked | {"KeyConditionExpression": "GSI1PK = :s AND begins_with(GSI1SK, :m)", "Select": "COUNT",
                         "ExpressionAttributeValues": asked["ExpressionAttributeValues"] | {":m": text("2026-03")}}
        counted = sum(page["Count"] for page in client.get_paginator("query").paginate(**month))
        assert counted == sum(day.startswith("2026-03") for day in days)
    assert found == customers * ORDERS

    # The lines of a product: what the index includes, and nothing else.
    asked = {"TableName": name, "IndexName": "lines-by-product", "KeyConditionExpression": "GSI2PK = :p",
             "ExpressionAttributeValues": {":p": text("PRODUCT#0000000")}}
    lines = list(pages(client, **asked))
    assert len(lines) == min(10, customers * ORDERS * LINES)
    assert all(set(line) == {"PK", "SK", "GSI2PK", "GSI2SK", "count"} for line in lines)

    # The customers of each city by what they spent, the greatest first.
    found = 0
    for city in CITIES:
        asked = {"TableName": name, "IndexName": "customers-by-city", "ScanIndexForward": False,
                 "KeyConditionExpression": "city = :c", "ExpressionAttributeValues": {":c": text(city)}}
        spent = [int(item["spent"]["N"]) for item in pages(client, **asked)]
        assert spent == sorted(spent, reverse=True)
        found += len(spent)
    assert found == customers

    # All of it, in four segments.
    def segment(at):
        scans = client.get_paginator("scan").paginate(TableName=name, Segment=at, TotalSegments=4, Select="COUNT")
        return sum(page["Count"] for page in scans)

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(segment, range(4))) == len(items)
    asked = time.monotonic()
    print(f"\n{len(items)} items loaded in {loaded - began:.1f} s, asked for in every way in {asked - loaded:.1f} s")
