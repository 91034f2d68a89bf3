"""Powertools for AWS Lambda in functions, as its users bring it: with the package, its stores in this region."""

import importlib.metadata
import io
import json
import pathlib
import zipfile

from test_lambda import create, invoke, logged, package

DISTRIBUTIONS = ("aws-lambda-powertools", "jmespath", "typing_extensions")

SOURCE = """
    import os

    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.utilities.idempotency import (
        DynamoDBPersistenceLayer, IdempotencyConfig, idempotent)
    from aws_lambda_powertools.utilities.typing import LambdaContext

    logger = Logger(service="payments")
    store = DynamoDBPersistenceLayer(table_name=os.environ["TABLE"])
    runs = 0

    @logger.inject_lambda_context(correlation_id_path="order")
    @idempotent(config=IdempotencyConfig(event_key_jmespath="order"), persistence_store=store)
    def handler(event: dict, context: LambdaContext):
        global runs
        runs += 1
        if event.get("refuse"):
            raise ValueError("refused")
        logger.info("paid", extra={"order": event["order"]})
        return {"order": event["order"], "run": runs}
"""


def with_distributions(archive):
    """A package with the modules of distributions added, as `pip install --target` lays them."""
    content = io.BytesIO(archive)
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as into:
        for distribution in map(importlib.metadata.distribution, DISTRIBUTIONS):
            for path in distribution.files:
                if ".." not in path.parts and path.suffix != ".pyc":
                    into.writestr(str(path), pathlib.Path(distribution.locate_file(path)).read_bytes())
    return content.getvalue()


def test_idempotency_and_structured_logs(region, name, eventually):
    dynamodb = region.client("dynamodb")
    dynamodb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST",
                          AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                          KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}])
    dynamodb.get_waiter("table_exists").wait(TableName=name)
    expiry = {"Enabled": True, "AttributeName": "expiration"}
    dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)
    code = with_distributions(package(app__py=SOURCE))
    create(region, name, code, Environment={"Variables": {"TABLE": name}}, Timeout=60, MemorySize=256)
    first = invoke(region, name, {"order": "a"})
    assert first == ({"order": "a", "run": 1}, None)
    assert invoke(region, name, {"order": "a", "again": True}) == first, "it is not run twice"
    assert invoke(region, name, {"order": "b"}) == ({"order": "b", "run": 2}, None)
    error, failed = invoke(region, name, {"order": "c", "refuse": True})
    assert (failed, error["errorType"]) == ("Unhandled", "ValueError")
    assert invoke(region, name, {"order": "c"})[0]["run"] == 4, "what failed may run again"
    items = dynamodb.scan(TableName=name)["Items"]
    assert {item["status"]["S"] for item in items} == {"COMPLETED"} and len(items) == 3

    def lines():
        found = [json.loads(line) for line in logged(region, f"/aws/lambda/{name}", '"paid"')]
        return len(found) == 3 and found

    told = eventually(lines, 30)
    assert [line["order"] for line in told] == ["a", "b", "c"] == [line["correlation_id"] for line in told]
    assert {(line["service"], line["level"], line["function_name"], line["cold_start"]) for line in told} == {
        ("payments", "INFO", name, True), ("payments", "INFO", name, False)}
    assert told[0]["cold_start"] and all(line["function_request_id"] for line in told)
