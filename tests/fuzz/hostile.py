"""Families of hostile requests, by protocol. Each yields a label and a whole request; all are signed, so that
they reach the parsers behind the signature.
"""

import json

from fuzz import grammar
from fuzz.mutate import mutated

LEVELS = 1_000_000
DYNAMODB = "DynamoDB_20120810."


def awsjson(sender, made, chance):
    """Bodies of the JSON protocols: broken, deep, of the wrong types, mutated."""
    opens = {"arrays": (b"[", b"]"), "objects": (b'{"a":', b"}"), "maps": (b'{"M":{"a":', b"}}"), "lists": (b'{"L":[', b"]}")}
    for name, (begin, end) in opens.items():
        for tail in (b"", b"1" + end * LEVELS):
            yield f"{name} a million deep", sender.json("dynamodb", DYNAMODB + "PutItem", begin * LEVELS + tail)
    nested = b'{"TableName":"fuzz","Item":{"id":{"S":"deep"},"v":' + b'{"L":[' * 20_000 + b'{"N":"1"}' + b"]}" * 20_000 + b"}}"
    yield "an item 20 000 deep", sender.json("dynamodb", DYNAMODB + "PutItem", nested)
    for body in (b"", b"null", b"[]", b"1", b'"', b"{", b'{"TableName":', b"\xff\xfe", b"{}{}", b'{"a":1e999999999}', b'{"a":' + b"9" * 100_000 + b"}",
                 b'{"TableName":"\\ud800"}', b'{"TableName":"a","TableName":"b"}', b'{"TableName":["x"]}', b'{"TableName":{}}', b"\x00" * 1000):
        yield f"body {body[:20]!r}", sender.json("dynamodb", DYNAMODB + "GetItem", body)
        yield f"body {body[:20]!r}", sender.json("sqs", "AmazonSQS.SendMessage", body)
    item = {"TableName": "fuzz", "Item": {"id": {"S": "m"}, "n": {"N": "12.5"}, "b": {"B": "AAEC"}, "ss": {"SS": ["a", "b"]}}}
    message = {"QueueUrl": made["queue"], "MessageBody": "x", "MessageAttributes": {"a": {"DataType": "String", "StringValue": "v"}}}
    for _ in range(40):
        yield "a mutated PutItem", sender.json("dynamodb", DYNAMODB + "PutItem", mutated(json.dumps(item).encode(), chance))
        yield "a mutated SendMessage", sender.json("sqs", "AmazonSQS.SendMessage", mutated(json.dumps(message).encode(), chance))
    for target in ("", ".", "DynamoDB_20120810", "DynamoDB_20120810.", "X.Y.Z", "A" * 10_000, DYNAMODB + "NoSuchOperation"):
        yield f"target {target[:30]!r}", sender.json("dynamodb", target, b"{}")


def expressions(sender, made, chance):
    """The languages inside strings: DynamoDB's expressions and IAM's policies."""
    names, values = {"#a": "a"}, {":v": {"N": "1"}}
    deep = {
        "parentheses": "(" * LEVELS + "#a = :v" + ")" * LEVELS,
        "negations": "NOT " * LEVELS + "#a = :v",
        "conjunctions": " AND ".join(["#a = :v"] * 100_000),
        "a path": "#a" + ".#a" * LEVELS + " = :v",
        "indices": "#a" + "[0]" * LEVELS + " = :v",
    }
    for label, expression in deep.items():
        body = {"TableName": "fuzz", "Key": {"id": {"S": "x"}}, "ConditionExpression": expression,
                "ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
        yield f"{label} in a condition", sender.json("dynamodb", DYNAMODB + "DeleteItem", json.dumps(body).encode())
    updates = ("SET #a = " + " + ".join([":v"] * LEVELS), "SET #a = " + "if_not_exists(#a, " * 100_000 + ":v" + ")" * 100_000, "SET " * 10_000)
    for expression in updates:
        body = {"TableName": "fuzz", "Key": {"id": {"S": "x"}}, "UpdateExpression": expression,
                "ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
        yield "a large update", sender.json("dynamodb", DYNAMODB + "UpdateItem", json.dumps(body).encode())
    for seedling in ("SET #a = if_not_exists(#a, :v) + :v REMOVE b.c[1] ADD d :v", "attribute_exists(#a) AND (size(b) > :v OR NOT begins_with(c, :v))"):
        for _ in range(20):
            text = mutated(seedling.encode(), chance).decode("utf-8", "replace")
            field = "UpdateExpression" if seedling.startswith("SET") else "ConditionExpression"
            operation = "UpdateItem" if field == "UpdateExpression" else "DeleteItem"
            body = {"TableName": "fuzz", "Key": {"id": {"S": "x"}}, field: text, "ExpressionAttributeNames": names, "ExpressionAttributeValues": values}
            yield "a mutated expression", sender.json("dynamodb", DYNAMODB + operation, json.dumps(body).encode())
    policy = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringLike":{"aws:x":["*a*b*"]}}}]}'
    documents = ["[" * LEVELS, '{"Statement":' * 100_000, policy.replace("*a*b*", "*a" * 20_000 + "b")]
    documents += [mutated(policy.encode(), chance).decode("utf-8", "replace") for _ in range(20)]
    for document in documents:
        yield "a policy", sender.compose("iam", headers=FORM, body=form(Action="CreatePolicy", Version="2010-05-08",
                                                                        PolicyName=f"p{chance.random()}", PolicyDocument=document))


def partiql(sender, made, chance):
    """Statements of PartiQL: grown from the grammar, damaged, deep, and with parameters that do not fit."""
    deep = {
        "parentheses": "SELECT * FROM fuzz WHERE " + "(" * LEVELS + "a = 1" + ")" * LEVELS,
        "negations": "SELECT * FROM fuzz WHERE " + "NOT " * LEVELS + "a = 1",
        "conjunctions": "SELECT * FROM fuzz WHERE " + " AND ".join(["a = 1"] * 100_000),
        "lists": "INSERT INTO fuzz VALUE {'id': 'x', 'v': " + "[" * LEVELS + "]" * LEVELS + "}",
        "maps": "INSERT INTO fuzz VALUE " + "{'id': " * LEVELS + "1" + "}" * LEVELS,
        "bags": "INSERT INTO fuzz VALUE {'id': 'x', 'v': " + "<<" * LEVELS + ">>" * LEVELS + "}",
        "calls": "UPDATE fuzz SET a = " + "list_append(a, " * 100_000 + "[]" + ")" * 100_000 + " WHERE id = 'x'",
        "sums": "UPDATE fuzz SET a = " + " + ".join(["1"] * LEVELS) + " WHERE id = 'x'",
        "a path": "SELECT a" + ".b" * LEVELS + " FROM fuzz",
        "a text": "SELECT * FROM fuzz WHERE id = '" + "x" * LEVELS,
    }
    for label, text in deep.items():
        yield f"{label} in a statement", sender.json("dynamodb", DYNAMODB + "ExecuteStatement", json.dumps({"Statement": text}).encode())
    for _ in range(60):
        statements = [grammar.statement(chance) for _ in range(3)]
        asked = []
        for text, holes in statements:
            given = [grammar.value(chance, 2) for _ in range(max(0, holes + chance.choice([0, 0, 0, 1, -1])))]
            asked.append({"Statement": text, **({"Parameters": given} if given else {})})
        yield f"a statement {asked[0]['Statement'][:60]!r}", sender.json("dynamodb", DYNAMODB + "ExecuteStatement", json.dumps(asked[0]).encode())
        damaged = mutated(asked[1]["Statement"].encode(), chance).decode("utf-8", "replace")
        yield "a mutated statement", sender.json("dynamodb", DYNAMODB + "ExecuteStatement", json.dumps({"Statement": damaged}).encode())
        yield "a batch of statements", sender.json("dynamodb", DYNAMODB + "BatchExecuteStatement", json.dumps({"Statements": asked}).encode())
        yield "a transaction of statements", sender.json("dynamodb", DYNAMODB + "ExecuteTransaction", json.dumps({"TransactStatements": asked}).encode())


def items(sender, made, chance):
    """Items grown from the grammar, in every operation that takes them."""
    for _ in range(60):
        some = [grammar.item(chance) for _ in range(3)]
        bodies = [
            ("PutItem", {"TableName": "fuzz", "Item": some[0]}),
            ("GetItem", {"TableName": "fuzz", "Key": some[1]}),
            ("BatchWriteItem", {"RequestItems": {"fuzz": [{"PutRequest": {"Item": one}} for one in some]}}),
            ("TransactWriteItems", {"TransactItems": [{"Put": {"TableName": "fuzz", "Item": one}} for one in some]}),
            ("UpdateItem", {"TableName": "fuzz", "Key": {"id": {"S": "x"}}, "UpdateExpression": "SET a = :v ADD b :w DELETE y :w",
                            "ExpressionAttributeValues": {":v": grammar.value(chance), ":w": grammar.value(chance, 1)}}),
            ("UpdateItem", {"TableName": "fuzz", "Key": {"id": {"S": "x"}}, "AttributeUpdates": {"v": {"Action": chance.choice(["PUT", "ADD", "DELETE"]), "Value": grammar.value(chance)}}}),
            ("Scan", {"TableName": "fuzz", "FilterExpression": "a = :v OR contains(b, :v) OR v > :v", "ExpressionAttributeValues": {":v": grammar.value(chance, 3)}}),
            ("Scan", {"TableName": "fuzz", "ExclusiveStartKey": some[2], "Limit": 3}),
        ]
        for operation, body in bodies:
            text = json.dumps(body).encode()
            yield f"{operation} {text[:60]!r}", sender.json("dynamodb", DYNAMODB + operation, text)
            yield f"a mutated {operation}", sender.json("dynamodb", DYNAMODB + operation, mutated(text, chance))


FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def form(**fields):
    import urllib.parse
    return urllib.parse.urlencode(fields).encode()


def query(sender, made, chance):
    """Forms of the query protocols."""
    base = "Action=GetCallerIdentity&Version=2011-06-15"
    bodies = [b"", b"&" * LEVELS, b"=" * LEVELS, b"Action", b"Action=", b"Action=%", b"Action=%zz&Version=%ff%fe", base.encode() + b"&a=b" * 200_000,
              b"Action=SendMessage&Version=2012-11-05&MessageAttribute." + b"1." * 100_000 + b"Name=x",
              b"Action=SendMessage&Version=2012-11-05&MessageAttribute.99999999999999999999.Name=x",
              b"Action=SendMessage&Version=2012-11-05&MessageAttribute.4294967295.Name=x",
              b"Action=CreateUser&Version=2010-05-08&Tags.member.1000000000.Key=x", b"Action=" + b"A" * LEVELS]
    for body in bodies:
        for service in ("sts", "iam", "sqs"):
            yield f"form {body[:40]!r}", sender.compose(service, headers=FORM, body=body)
    send = form(Action="SendMessage", Version="2012-11-05", QueueUrl=made["queue"], MessageBody="x") + b"&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=String"
    for _ in range(60):
        yield "a mutated form", sender.compose("sqs", headers=FORM, body=mutated(send, chance))
        yield "a mutated form", sender.compose("sts", headers=FORM, body=mutated(base.encode(), chance))


def restxml(sender, made, chance):
    """Documents and addresses of S3."""
    bomb = b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 10) for i in range(10)) + b"]><Delete><Object><Key>&k;</Key></Object></Delete>"
    outside = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&f;</Key></Object></Delete>'
    delete = b"<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object><Quiet>true</Quiet></Delete>"
    documents = [b"", b"<", b"<a", b"<a>" * LEVELS, b"<a>" * LEVELS + b"</a>" * LEVELS, bomb, outside, b"<Delete>" + b"<Object/>" * 200_000 + b"</Delete>",
                 b"<Delete a='" + b"x" * LEVELS + b"'/>", b"<!--" * 100_000, b"<![CDATA[" + b"]" * LEVELS, b"\xef\xbb\xbf<Delete/>", b"<Delete>&#x110000;&#0;&nope;</Delete>", b"\x00" * 1000]
    documents += [mutated(delete, chance) for _ in range(40)]
    import base64
    import hashlib
    for document in documents:
        digest = {"content-md5": base64.b64encode(hashlib.md5(document).digest()).decode()}
        for subresource in ("delete", "notification", "tagging"):
            method = "POST" if subresource == "delete" else "PUT"
            yield f"{subresource} {document[:30]!r}", sender.compose("s3", method, "/fuzz", [(subresource, "")], digest, document)
    for path in ("/fuzz/" + "a" * 100_000, "/" + "%2e%2e/" * 1000, "/fuzz/%00", "/fuzz/%ff%fe", "/fuzz/%", "//", "/fuzz//../../etc/passwd", "/%66uzz/a"):
        yield f"path {path[:30]!r}", sender.compose("s3", "GET", path)
        yield f"path {path[:30]!r}", sender.compose("s3", "PUT", path, body=b"x")
    for value in ("bytes=0-", "bytes=-0", "bytes=5-1", "bytes=99999999999999999999-", "bytes=" + "0-1," * 10_000, "x"):
        yield f"range {value[:20]}", sender.compose("s3", "GET", "/fuzz/none", headers={"range": value})
    for name, value in (("max-keys", "-1"), ("max-keys", "99999999999999999999"), ("continuation-token", "x" * 10_000), ("uploadId", "\x00"), ("partNumber", "0"), ("versionId", "x")):
        yield f"{name}={value[:20]!r}", sender.compose("s3", "GET", "/fuzz", [("list-type", "2"), (name, value)])


def restjson(sender, made, chance):
    """Bodies and addresses of Lambda and API Gateway."""
    function = {"FunctionName": "f", "Runtime": "python3.12", "Role": "arn:aws:iam::000000000000:role/x", "Handler": "a.b", "Code": {"ZipFile": "UEsDBA=="}}
    bodies = [b"[" * LEVELS, b'{"Code":' * LEVELS, b"", b"null", b'{"Code":{"ZipFile":"' + b"A" * 2_000_000 + b'"}}', json.dumps(function).encode()]
    bodies += [mutated(json.dumps(function).encode(), chance) for _ in range(40)]
    for body in bodies:
        yield "CreateFunction", sender.compose("lambda", path="/2015-03-31/functions", headers={"content-type": "application/json"}, body=body)
        yield "CreateApi", sender.compose("apigateway", path="/v2/apis", headers={"content-type": "application/json"}, body=body)
    for name in ("a" * 10_000, "arn:aws:lambda:" + ":" * 1000, "%2F", "..", "$LATEST"):
        yield f"function {name[:20]}", sender.compose("lambda", "GET", f"/2015-03-31/functions/{name}")
        yield f"invoke {name[:20]}", sender.compose("lambda", path=f"/2015-03-31/functions/{name}/invocations", body=b"[" * LEVELS)


def cbor(sender, made, chance):
    """Bodies of rpc-v2-cbor: lengths that promise more than comes, depth, indefinite lengths, mutations."""
    headers = {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor", "accept": "application/cbor"}
    seed = b"\xa2iTableNamedfuzzcKey\xa1bid\xa1aSax"
    bodies = [b"", b"\x81" * LEVELS, b"\x9f" * LEVELS, b"\xa1\x61a" * LEVELS, b"\xbf\x61a" * LEVELS, b"\xc0" * LEVELS, b"\x9b" + b"\xff" * 8, b"\xbb" + b"\xff" * 8,
              b"\x5b" + b"\x7f" + b"\xff" * 7, b"\x7b" + b"\x7f" + b"\xff" * 7, b"\x5f" + b"\x40" * LEVELS, b"\xff", b"\x1c", b"\xf8\x00"]
    bodies += [mutated(seed, chance) for _ in range(60)]
    for body in bodies:
        yield f"cbor {body[:8]!r}", sender.compose("monitoring", path="/service/GraniteServiceVersion20100801/operation/PutMetricData", headers=headers, body=body)
        yield f"cbor {body[:8]!r}", sender.compose("dynamodb", path="/service/DynamoDB_20120810/operation/GetItem", headers=headers, body=body)


def signatures(sender, made, chance):
    """What stands before the parsers: Authorization headers, presigned addresses, chunk signatures."""
    good = sender.compose("sts", headers=FORM, body=b"Action=GetCallerIdentity&Version=2011-06-15")
    for _ in range(60):
        head, body = good.split(b"\r\n\r\n", 1)
        lines = head.split(b"\r\n")
        at = next(i for i, line in enumerate(lines) if line.startswith(b"authorization"))
        lines[at] = b"authorization: " + mutated(lines[at][15:], chance).replace(b"\r", b"").replace(b"\n", b"")
        yield "a mutated signature", b"\r\n".join(lines) + b"\r\n\r\n" + body
    presigned = [("X-Amz-Algorithm", "AWS4-HMAC-SHA256"), ("X-Amz-Credential", "test/20250101/us-east-1/s3/aws4_request"), ("X-Amz-Date", "20250101T000000Z"),
                 ("X-Amz-Expires", "900"), ("X-Amz-SignedHeaders", "host"), ("X-Amz-Signature", "0" * 64)]
    for at in range(len(presigned)):
        for value in ("", "x" * 100_000, "99999999999999999999", "-1", "%00", "\u00fc", "////", ";;;;"):
            pairs = [(name, value if i == at else old) for i, (name, old) in enumerate(presigned)]
            yield f"presigned {presigned[at][0]}={value[:10]!r}", sender.compose("s3", "GET", "/fuzz/a", pairs, signed=False)
    chunked = {"content-encoding": "aws-chunked", "x-amz-decoded-content-length": "5"}
    zero = "0" * 64
    bodies = [f"5;chunk-signature={zero}\r\nhello\r\n0;chunk-signature={zero}\r\n\r\n", "ffffffffffffffff;chunk-signature=x\r\n", "5\r\nhello\r\n0\r\n\r\n", "-1\r\n", "5;" * 100_000,
              "0;chunk-signature=\r\nx-amz-trailer-signature:" + "a" * 100_000, "5;chunk-signature=" + zero + "\r\nhel"]
    for body in bodies:
        for mode in ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"):
            headers = {**chunked, "x-amz-trailer": "x-amz-checksum-crc32"} if mode.endswith("TRAILER") else chunked
            yield f"{mode[:30]} {body[:20]!r}", sender.compose("s3", "PUT", "/fuzz/chunked", headers=headers, body=body.encode(), payload_hash=mode)


def http(sender, made, chance):
    """Below the protocols: heads and framing."""
    host = f"Host: {sender.host}\r\n".encode()
    yield "a header of a megabyte", b"GET / HTTP/1.1\r\n" + host + b"x: " + b"a" * 1_000_000 + b"\r\n\r\n"
    yield "a hundred thousand headers", b"GET / HTTP/1.1\r\n" + host + b"".join(b"x%d: a\r\n" % i for i in range(100_000)) + b"\r\n"
    yield "an address of a megabyte", b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n" + host + b"\r\n"
    yield "many parameters", b"GET /?" + b"a=b&" * 15_000 + b" HTTP/1.1\r\n" + host + b"connection: close\r\n\r\n"
    for head in (b"content-length: -1", b"content-length: 99999999999999999999", b"content-length: 5\r\ncontent-length: 6", b"transfer-encoding: chunked\r\ncontent-length: 5",
                 b"transfer-encoding: x", b"expect: 100-continue\r\ncontent-length: 0", b"host: a\r\nhost: b", b"host: " + b"a." * 5000, b"x\x00y: z", b"connection: upgrade\r\nupgrade: h2c"):
        yield f"head {head[:30]!r}", b"POST / HTTP/1.1\r\n" + host + b"connection: close\r\n" + head + b"\r\n\r\n"
    for body in (b"zz\r\n", b"ffffffffffffffff\r\n", b"5\r\nhel", b"1;" + b"a" * 200_000 + b"\r\n", b"0\r\n" + b"t: a\r\n" * 50_000 + b"\r\n"):
        yield f"chunk {body[:10]!r}", b"POST / HTTP/1.1\r\n" + host + b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n" + body
    yield "an HTTP/2 preface and noise", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + chance.randbytes(4096)
    yield "a TLS record and noise", b"\x16\x03\x01\x40\x00\x01" + chance.randbytes(4096)
    yield "noise", chance.randbytes(4096)
    valid = sender.compose("sts", headers=FORM, body=b"Action=GetCallerIdentity&Version=2011-06-15")
    for _ in range(40):
        yield "a mutated request", mutated(valid, chance)


FAMILIES = {"awsjson": awsjson, "expressions": expressions, "partiql": partiql, "items": items, "query": query, "restxml": restxml, "restjson": restjson,
            "cbor": cbor, "signatures": signatures, "http": http}
