"""What DynamoDB's own endpoint answers to requests that mean no operation of it.

The answers are those that dynalite's `connection` and `listTables` tell, which run against AWS too.
"""

import gzip
import http.client
import json
import re
import zlib

import pytest

HOST = "dynamodb.us-east-1.amazonaws.com"
CORAL = "com.amazon.coral.service#"
SIGNED = ("AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, "
          "Signature=" + "0" * 64)


def asked(region, method="POST", body=None, path="/", **headers):
    """An unsigned request with the host of the service: status, headers, body."""
    connection = http.client.HTTPConnection("127.0.0.1", region.port, timeout=20)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}.items():
        connection.putheader(name, value)
    if body is not None or method == "POST":
        connection.putheader("Content-Length", str(len(body or b"")))
    connection.endheaders(body)
    answer = connection.getresponse()
    read = answer.read()
    connection.close()
    return answer.status, answer.headers, read


def called(region, operation, body, **headers):
    """A request for an operation, unsigned: a region that enforces nothing takes it."""
    named = {"X_Amz_Target": f"DynamoDB_20120810.{operation}", "Content_Type": "application/x-amz-json-1.0",
             "Authorization": SIGNED, **headers}
    return asked(region, body=body, **named)


def check_sum(headers, body):
    assert headers["x-amz-crc32"] == str(zlib.crc32(body))
    assert re.fullmatch("[0-9A-Z]{52}", headers["x-amzn-requestid"])


def test_a_look_at_the_endpoint_finds_it_healthy(region):
    status, headers, body = asked(region, "GET")
    assert (status, body) == (200, f"healthy: {HOST} ".encode())
    check_sum(headers, body)
    # Nowhere else (ScyllaDB's test_health_only_works_for_root_path, run on AWS).
    assert asked(region, "GET", path="/abc")[0] == 404


@pytest.mark.parametrize("method, body, kind", [
    ("PUT", None, None), ("DELETE", None, None), ("POST", b"hi", None), ("POST", b"hi", "application/jsonasdf"),
    ("POST", b"{}", "application/x-amz-json-1.1"),
])
def test_what_is_no_json_is_not_found(region, method, body, kind):
    status, headers, answer = asked(region, method, body, **({"Content_Type": kind} if kind else {}))
    assert (status, answer) == (404, b"<UnknownOperationException/>\n")
    check_sum(headers, answer)


@pytest.mark.parametrize("kind, spoken", [
    ("application/json", "application/json"), ("application/json;x", "application/json"),
    ("application/x-amz-json-1.0", "application/x-amz-json-1.0"),
])
def test_the_body_is_read_before_the_target(region, kind, spoken):
    for body, code in ((b"hi", "SerializationException"), (b"{}", "UnknownOperationException")):
        status, headers, answer = asked(region, body=body, Content_Type=kind)
        assert (status, json.loads(answer)) == (400, {"__type": CORAL + code})
        assert headers["content-type"] == spoken
        check_sum(headers, answer)
    for target in ("whatever", "DynamoDB_20120810.ListTable"):
        status, headers, answer = asked(region, body=b"{}", Content_Type=kind, X_Amz_Target=target)
        assert (status, json.loads(answer)) == (400, {"__type": CORAL + "UnknownOperationException"})
    # An operation without a body is no operation.
    status, _, answer = asked(region, Content_Type=kind, X_Amz_Target="DynamoDB_20120810.ListTables")
    assert (status, json.loads(answer)) == (400, {"__type": CORAL + "SerializationException"})


def test_a_body_beyond_sixteen_megabytes_is_too_large(region):
    status, headers, _ = asked(region, body=b"a" * (16 * 1024 * 1024 + 1), Content_Type="application/json")
    assert status == 413
    assert asked(region, body=b"a" * 1024 * 1024)[0] == 404
    # Also where it means an operation (ScyllaDB's test_too_large_request_content_length, run on AWS).
    status, headers, answer = called(region, "ListTables", b"{" + b" " * (17 * 1024 * 1024) + b"}")
    assert (status, answer) == (413, b"")


def test_a_head_beyond_sixteen_kilobytes_is_refused(region):
    """ScyllaDB's test_too_large_request_headers and test_too_large_request_line, run on AWS."""
    half = {"Header1": "x" * 8192}
    assert called(region, "ListTables", b"{}", **half)[0] == 200
    assert called(region, "ListTables", b"{}", **half, Header2="y" * 8192)[0] == 400
    target = {"X_Amz_Target": "DynamoDB_20120810.ListTables", "Authorization": SIGNED}
    status, _, answer = asked(region, body=b"{}", path="/" + "x" * 17_000, **target)
    assert (status, answer) == (400, b"")


def test_an_old_date_is_told_before_a_scope_of_another_one(strict):
    """ScyllaDB's test_expired_signature and test_signature_too_futuristic, run on AWS."""
    for date, told in (("20170101T010101Z", "Signature expired"), ("30200101T010101Z", "Signature not yet current")):
        signed = {"X_Amz_Date": date, "Authorization": "AWS4-HMAC-SHA256 Credential=test/2/3/4/aws4_request "
                  "SignedHeaders=x-amz-date;host Signature=123"}
        status, _, answer = called(strict, "DescribeEndpoints", b"{}", **signed)
        said = json.loads(answer)
        assert (status, said["__type"]) == (400, CORAL + "InvalidSignatureException")
        assert said["message"].startswith(told), said


def test_pages_of_all_sites_may_ask_where_the_region_lets_them(fresh_region):
    region = fresh_region("--memory", "--allow-origin", "*")
    status, headers, body = asked(region, "OPTIONS", Origin="https://page.example",
                                  Access_Control_Request_Headers="a, b", Access_Control_Request_Method="POST")
    assert (status, body, headers["access-control-allow-origin"]) == (200, b"", "*")
    assert (headers["access-control-allow-headers"], headers["access-control-allow-methods"]) == ("a, b", "POST")
    assert headers["access-control-max-age"] == "172800"
    assert asked(region, body=b"{}", Origin="https://page.example")[1]["access-control-allow-origin"] == "*"
    assert asked(region, "OPTIONS")[0] == 404


def test_a_page_that_may_not_call_is_turned_away_first(region):
    assert asked(region, "OPTIONS", Origin="https://page.example")[0] == 403


def test_who_calls_is_asked_before_what_for(strict):
    target = {"X_Amz_Target": "DynamoDB_20120810.ListTables", "Content_Type": "application/x-amz-json-1.0"}

    def told(path="/", **more):
        status, _, body = asked(strict, body=b"{}", path=path, **target, **more)
        answer = json.loads(body)
        return status, answer["__type"].removeprefix(CORAL), answer["message"]

    missing = (400, "MissingAuthenticationTokenException", "Request is missing Authentication Token")
    assert told() == told(Authorization="AWS4") == missing
    assert told("/?X-Amz-Credential=a&X-Amz-Signature=b&X-Amz-SignedHeaders=c&X-Amz-Date=d") == missing
    both = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
    assert told("/?X-Amz-Algorithm", Authorization="X") == (400, "InvalidSignatureException", both)
    assert told("/?X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c&X-Amz-Date=d") == (
        400, "IncompleteSignatureException",
        "AWS query-string parameters must include 'X-Amz-SignedHeaders'. Re-examine the query-string parameters.")


def test_what_cannot_be_read_is_told_without_a_message(region):
    """ScyllaDB's test_json_parse_error and test_request_payload_must_be_object, run on AWS."""
    for body in (b"{broken json", b"null", b" "):
        status, _, answer = called(region, "ListTables", body)
        assert (status, json.loads(answer)) == (400, {"__type": CORAL + "SerializationException"}), body


def test_requests_come_in_two_codings(region):
    """ScyllaDB's test_compressed_request.py, run on AWS; what stands behind the coding's end is left there."""
    for coding, pack in (("gzip", gzip.compress), ("deflate", zlib.compress), ("GZIP", gzip.compress)):
        packed = pack(b"{}")
        assert called(region, "ListTables", packed, Content_Encoding=coding)[0] == 200
        assert called(region, "ListTables", packed + b"junk", Content_Encoding=coding)[0] == 200
        for broken in (packed[:-1], b"{}", b"", pack(b"{}" + b" " * 20 * 1024 * 1024)):
            assert called(region, "ListTables", broken, Content_Encoding=coding)[0] == 500, (coding, len(broken))
    assert called(region, "ListTables", b"{}", Content_Encoding="garbage")[0] == 500
    assert called(region, "ListTables", b"{}", Content_Encoding="identity")[0] == 200
    halves = gzip.compress(b"{") + gzip.compress(b"}")
    assert called(region, "ListTables", halves, Content_Encoding="gzip")[0] == 200


def test_long_answers_are_compressed_as_the_client_likes_it(region, name):
    """ScyllaDB's test_compressed_response.py, run on AWS: four kilobytes and more."""
    table = name
    dynamodb = region.client("dynamodb")
    dynamodb.create_table(TableName=table, BillingMode="PAY_PER_REQUEST",
                          AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
                          KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}])
    for key, length in (("short", 4000), ("long", 4096), ("huge", 390_000)):
        dynamodb.put_item(TableName=table, Item={"p": {"S": key}, "x": {"S": "x" * length}})

    def got(key, **headers):
        body = json.dumps({"TableName": table, "Key": {"p": {"S": key}}}).encode()
        status, said, answer = called(region, "GetItem", body, **headers)
        assert (status, said["server"]) == (200, "Server")
        check_sum(said, answer)
        coding = said["content-encoding"]
        read = {None: bytes, "gzip": gzip.decompress, "deflate": zlib.decompress}[coding]
        return coding, len(json.loads(read(answer))["Item"]["x"]["S"])

    assert got("short", Accept_Encoding="gzip") == (None, 4000)
    assert got("long") == got("long", Accept_Encoding="x-gzip, br") == (None, 4096)
    assert got("long", Accept_Encoding="gzip, deflate") == ("gzip", 4096)
    assert got("long", Accept_Encoding="gzip;q=0.5, deflate") == ("deflate", 4096)
    assert got("huge", Accept_Encoding="deflate") == ("deflate", 390_000)


def test_an_operation_without_an_output_answers_nothing(region, name):
    """ScyllaDB's test_tags_return_empty_body, run on AWS."""
    table = name
    made = region.client("dynamodb").create_table(
        TableName=table, BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}])
    body = {"ResourceArn": made["TableDescription"]["TableArn"], "Tags": [{"Key": "a", "Value": "b"}]}
    status, headers, answer = called(region, "TagResource", json.dumps(body).encode())
    assert (status, answer, headers["x-amz-crc32"]) == (200, b"", "0")
