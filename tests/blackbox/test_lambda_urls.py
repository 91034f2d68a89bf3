"""Function URLs and streamed answers from outside."""

import http.client
import json
from urllib.parse import urlsplit

from test_lambda import create, package


def made(region, name, **more):
    more.setdefault("AuthType", "NONE")
    url = region.client("lambda").create_function_url_config(FunctionName=name, **more)["FunctionUrl"]
    return urlsplit(url)


def ask(region, url, method="GET", path="/", body=None, **headers):
    """An answer whose body is read piece by piece; the host goes into the header, as no name server knows it."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(region.endpoint).port, timeout=30)
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, {"Host": url.netloc, **headers})
    return connection.getresponse()


def test_requests_become_events_and_results_answers(region, name):
    create(region, name, """
        import base64

        def handler(event, context):
            if event["rawPath"] == "/plain":
                return {"seen": event["queryStringParameters"]}
            body = event.get("body", "")
            return {"statusCode": 201, "headers": {"x-method": event["requestContext"]["http"]["method"]},
                    "cookies": ["a=1"], "isBase64Encoded": True, "body": base64.b64encode(body.encode()).decode()}
    """)
    url = made(region, name)
    answer = ask(region, url, path="/plain?verse=1&verse=2")
    assert (answer.status, json.loads(answer.read())) == (200, {"seen": {"verse": "1,2"}})
    answer = ask(region, url, "POST", "/a", "sung", Content_Type="text/plain")
    assert (answer.status, answer.read(), answer.headers["x-method"]) == (201, b"sung", "POST")
    assert answer.headers["set-cookie"] == "a=1"


def test_errors_of_the_function_are_a_bad_gateway(region, name):
    create(region, name, "def handler(event, context):\n    raise ValueError()\n")
    answer = ask(region, made(region, name))
    # It was a document until LocalStack's test_lambda_url_invocation_exception was read, recorded on AWS.
    assert (answer.status, answer.read()) == (502, b"Internal Server Error")


STREAMING = """
    export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
      if (event.rawPath === "/metadata") {
        stream = awslambda.HttpResponseStream.from(stream, {statusCode: 202, headers: {"x-lute": "13"}});
      } else {
        stream.setContentType("text/plain");
      }
      stream.write("one ");
      if (event.fail) throw new TypeError("a string broke");
      await new Promise((resolve) => setTimeout(resolve, 20));
      stream.write("two");
      stream.end();
    });
"""


def test_streamed_answers(region, name):
    create(region, name, package(index__mjs=STREAMING), runtime="nodejs20.x", handler="index.handler", Timeout=10)
    url = made(region, name, InvokeMode="RESPONSE_STREAM")
    answer = ask(region, url)
    assert (answer.status, answer.headers["content-type"], answer.read()) == (200, "text/plain", b"one two")
    answer = ask(region, url, path="/metadata")
    assert (answer.status, answer.headers["x-lute"], answer.read()) == (202, "13", b"one two")


def test_invoke_with_response_stream(region, name):
    create(region, name, package(index__mjs=STREAMING), runtime="nodejs20.x", handler="index.handler", Timeout=10)
    client = region.client("lambda")

    def events(payload):
        return list(client.invoke_with_response_stream(FunctionName=name, Payload=json.dumps(payload),
                                                       LogType="Tail")["EventStream"])

    for _ in range(2):
        *chunks, end = events({})
        assert b"".join(chunk["PayloadChunk"]["Payload"] for chunk in chunks) == b"one two"
        assert "ErrorCode" not in end["InvokeComplete"] and end["InvokeComplete"]["LogResult"]
    *chunks, end = events({"fail": True})
    assert chunks[0]["PayloadChunk"]["Payload"] == b"one "
    assert json.loads(end["InvokeComplete"]["ErrorDetails"])["errorMessage"] == "a string broke"


def test_pages_of_other_origins(region, name):
    create(region, name, "def handler(event, context):\n    return 1\n")
    url = made(region, name, Cors={"AllowOrigins": ["https://a.com"], "AllowMethods": ["GET"], "MaxAge": 5})
    answer = ask(region, url, "OPTIONS", Origin="https://a.com", Access_Control_Request_Method="GET")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "https://a.com")
    answer = ask(region, url, Origin="https://b.com")
    assert answer.headers["access-control-allow-origin"] is None


def test_a_signed_url_refuses_whoever_is_not_let_in(strict, name):
    admin = strict.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                                                     "Principal": {"Service": "lambda.amazonaws.com"}}]}
    role = admin.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    create(strict, name, "def handler(event, context):\n    return 1\n", Role=role)
    url = made(strict, name)
    assert ask(strict, url).status == 403
    grant = strict.client("lambda").add_permission
    grant(FunctionName=name, StatementId="url", Action="lambda:InvokeFunctionUrl", Principal="*",
          FunctionUrlAuthType="NONE")
    assert ask(strict, url).status == 403
    grant(FunctionName=name, StatementId="invoke", Action="lambda:InvokeFunction", Principal="*",
          InvokedViaFunctionUrl=True)
    assert ask(strict, url).status == 200
