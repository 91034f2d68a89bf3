"""HTTP APIs by boto3, and requests to their hosts by plain HTTP, up to a real function behind them."""

import http.client
import http.server
import io
import json
import threading
import urllib.parse
import zipfile

import pytest

HANDLER = """
import json

def handler(event, context):
    if event["rawPath"].endswith("/text"):
        return "sung"
    if event["rawPath"].endswith("/broken"):
        raise RuntimeError("out of tune")
    return {"statusCode": 201, "cookies": ["a=1"], "headers": {"x-song": "yes"}, "body": json.dumps(event)}
"""


@pytest.fixture
def apis(region):
    return region.client("apigatewayv2")


def ask(region, host, method="GET", path="/", headers=None, body=None):
    """A request with a Host of its own, which need not be resolved."""
    address = urllib.parse.urlsplit(region.endpoint)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    try:
        connection.request(method, path, body, {"Host": host, **(headers or {})})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def host_of(api):
    return urllib.parse.urlsplit(api["ApiEndpoint"]).netloc


def absent(name):
    return f"arn:aws:lambda:us-east-1:000000000000:function:{name}"


def test_parts_are_made_and_listed(apis, name):
    api = apis.create_api(Name=name, ProtocolType="HTTP", Tags={"team": "bards"})
    api_id = api["ApiId"]
    assert api["ApiEndpoint"].startswith(f"http://{api_id}.execute-api.")
    integration = apis.create_integration(ApiId=api_id, IntegrationType="AWS_PROXY", IntegrationUri=absent(name),
                                          PayloadFormatVersion="2.0")
    target = f"integrations/{integration['IntegrationId']}"
    for key in ["GET /songs", "POST /songs", "$default"]:
        apis.create_route(ApiId=api_id, RouteKey=key, Target=target)
    pages = apis.get_paginator("get_routes").paginate(ApiId=api_id, PaginationConfig={"PageSize": 2})
    keys = sorted(route["RouteKey"] for page in pages for route in page["Items"])
    assert keys == ["$default", "GET /songs", "POST /songs"]
    apis.create_stage(ApiId=api_id, StageName="dev", AutoDeploy=True, StageVariables={"mode": "x"})
    assert apis.get_stage(ApiId=api_id, StageName="dev")["StageVariables"] == {"mode": "x"}
    arn = f"arn:aws:apigateway:us-east-1::/apis/{api_id}"
    assert apis.get_tags(ResourceArn=arn)["Tags"] == {"team": "bards"}
    with pytest.raises(apis.exceptions.ConflictException):
        apis.create_route(ApiId=api_id, RouteKey="GET /songs", Target=target)
    apis.delete_api(ApiId=api_id)
    with pytest.raises(apis.exceptions.NotFoundException) as gone:
        apis.get_api(ApiId=api_id)
    assert gone.value.response["Error"]["Message"] == f"Invalid API identifier specified 000000000000:{api_id}"


def test_answers_without_a_function(region, apis, name):
    api = apis.create_api(Name=name, ProtocolType="HTTP", Target=absent(name),
                          CorsConfiguration={"AllowOrigins": ["http://localhost:3000"], "AllowMethods": ["GET"]})
    status, headers, body = ask(region, host_of(api))
    assert (status, json.loads(body)) == (500, {"message": "Internal Server Error"})
    assert headers["apigw-requestid"]
    page = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "GET"}
    status, headers, body = ask(region, host_of(api), "OPTIONS", "/x", page)
    assert (status, body, headers["access-control-allow-origin"]) == (204, b"", "http://localhost:3000")
    status, _, body = ask(region, f"absent0000.{host_of(api).split('.', 1)[1]}")
    assert (status, json.loads(body)) == (404, {"message": "Not Found"})


@pytest.fixture
def function(region, name):
    """The ARN of a function that answers with its event."""
    functions, iam = region.client("lambda"), region.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", HANDLER)
    made = functions.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="index.handler",
                                     Code={"ZipFile": code.getvalue()})
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    yield made["FunctionArn"]
    functions.delete_function(FunctionName=name)


def allow(region, function, api_id):
    region.client("lambda").add_permission(
        FunctionName=function, StatementId=api_id, Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:000000000000:{api_id}/*")


def test_a_function_answers(region, apis, function, name):
    api = apis.create_api(Name=name, ProtocolType="HTTP", Target=function)
    allow(region, function, api["ApiId"])
    status, headers, body = ask(region, host_of(api), "POST", "/verses/1?key=c&key=d",
                                {"Content-Type": "text/plain", "Cookie": "x=1; y=2"}, "la la")
    event = json.loads(body)
    assert (status, headers["x-song"], headers["set-cookie"]) == (201, "yes", "a=1")
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "$default", "/verses/1")
    assert (event["queryStringParameters"], event["cookies"]) == ({"key": "c,d"}, ["x=1", "y=2"])
    assert (event["body"], event["isBase64Encoded"]) == ("la la", False)
    status, headers, body = ask(region, host_of(api), path="/text")
    assert (status, headers["content-type"], body) == (200, "application/json", b'"sung"')
    status, _, body = ask(region, host_of(api), path="/broken")
    assert (status, json.loads(body)) == (500, {"message": "Internal Server Error"})
    status, _, body = ask(region, "localhost", path=f"/_aws/execute-api/{api['ApiId']}/text")
    assert (status, body) == (200, b'"sung"')


def test_the_functions_policy_decides(fresh_region, name):
    region = fresh_region("--iam", "enforce")
    apis, functions = region.client("apigatewayv2"), region.client("lambda")
    role = region.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                                                 "Action": "sts:AssumeRole"}]}))["Role"]["Arn"]
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("index.py", HANDLER)
    function = functions.create_function(FunctionName=name, Runtime="python3.12", Role=role, Handler="index.handler",
                                         Code={"ZipFile": code.getvalue()})["FunctionArn"]
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    api = apis.create_api(Name=name, ProtocolType="HTTP", Target=function)
    assert ask(region, host_of(api), path="/text")[0] == 500
    allow(region, function, api["ApiId"])
    assert ask(region, host_of(api), path="/text")[0] == 200


@pytest.fixture
def host():
    """The URL of a host over HTTP that answers with the method, path and some headers it was asked with."""
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            sent = self.rfile.read(int(self.headers["content-length"])).decode()
            told = {"asked": self.requestline, "headers": dict(self.headers), "body": sent}
            answer = json.dumps(told).encode()
            self.send_response(202)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_host_answers(region, apis, host, name):
    api = apis.create_api(Name=name, ProtocolType="HTTP")
    made = apis.create_integration(ApiId=api["ApiId"], IntegrationType="HTTP_PROXY", IntegrationMethod="ANY",
                                   IntegrationUri=f"{host}/base/{{proxy}}", PayloadFormatVersion="1.0",
                                   RequestParameters={"append:header.x-verse": "$request.path.proxy"})
    apis.create_route(ApiId=api["ApiId"], RouteKey="ANY /sing/{proxy+}",
                      Target=f"integrations/{made['IntegrationId']}")
    apis.create_stage(ApiId=api["ApiId"], StageName="$default", AutoDeploy=True)
    status, _, body = ask(region, host_of(api), "POST", "/sing/a/b?key=c", {"X-Own": "1"}, "la")
    told = json.loads(body)
    headers = {name.lower(): value for name, value in told["headers"].items()}
    assert (status, told["asked"], told["body"]) == (202, "POST /base/a/b?key=c HTTP/1.1", "la")
    assert (headers["x-own"], headers["x-verse"], headers["host"]) == ("1", "a/b", host.removeprefix("http://"))
