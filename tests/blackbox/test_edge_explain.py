"""What the region tells of requests: the recent ones, and why one was refused. By its pages and its command line."""

import json
import subprocess
import urllib.error
import urllib.request

import pytest
from botocore.exceptions import ClientError

QUEUE = "arn:aws:sqs:us-east-1:000000000000:guarded"


def page(region, path):
    with urllib.request.urlopen(region.endpoint + path, timeout=10) as answer:
        return json.load(answer)


def elysium(region, *arguments):
    """Runs the region's own command; its output."""
    done = subprocess.run([region.binary, *arguments, "--port", str(region.port)], capture_output=True, text=True,
                          timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout


def user(region, name, *statements):
    """A client maker for a user with one policy."""
    iam = region.client("iam")
    iam.create_user(UserName=name)
    if statements:
        policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return lambda service: region.client(service, key["AccessKeyId"], key["SecretAccessKey"]), key


def refused(call, **arguments):
    with pytest.raises(ClientError) as error:
        call(**arguments)
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["RequestId"]


def test_a_denial_names_the_action_that_is_missing(strict):
    client, _ = user(strict, "nothing")
    code, request_id = refused(client("sqs").create_queue, QueueName="guarded")
    assert code in ("AccessDenied", "AccessDeniedException")
    told = elysium(strict, "explain", request_id)
    assert f"It was refused because it needs sqs:CreateQueue on {QUEUE}" in told
    assert "no identity-based policy allows it" in told
    assert "arn:aws:iam::000000000000:user/nothing" in told
    assert "refused sqs:CreateQueue: no identity-based policy allows it" in strict.log()
    assert elysium(strict, "explain") == told


def test_a_denial_names_the_statement_that_forbids_or_nearly_allows(strict):
    client, _ = user(
        strict, "limited",
        {"Sid": "Keep", "Effect": "Deny", "Action": "sqs:DeleteQueue", "Resource": "*"},
        {"Sid": "FromHome", "Effect": "Allow", "Action": "sqs:CreateQueue", "Resource": "*",
         "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
        {"Sid": "Look", "Effect": "Allow", "Action": ["sqs:GetQueueUrl", "sqs:DeleteQueue"], "Resource": "*"})
    strict.client("sqs").create_queue(QueueName="guarded")
    url = client("sqs").get_queue_url(QueueName="guarded")["QueueUrl"]
    _, request_id = refused(client("sqs").delete_queue, QueueUrl=url)
    told = json.loads(elysium(strict, "explain", request_id, "--json"))["explanation"]
    assert any("denied by identity-based policy own, statement Keep" in line for line in told), told
    _, request_id = refused(client("sqs").create_queue, QueueName="other")
    told = json.loads(elysium(strict, "explain", request_id, "--json"))["explanation"]
    assert any("statement FromHome would allow but for IpAddress aws:SourceIp" in line for line in told), told


def test_what_is_not_here_is_found_elsewhere(strict):
    strict.client("sqs", region="eu-west-1").create_queue(QueueName="abroad")
    _, request_id = refused(strict.client("sqs").get_queue_attributes,
                            QueueUrl=f"{strict.endpoint}/000000000000/abroad")
    told = elysium(strict, "explain", request_id)
    assert "is not in us-east-1; it exists in eu-west-1." in told


def test_handing_over_a_role_needs_permission_for_the_service(strict):
    """iam:PassRole with iam:PassedToService (IAM User Guide, "Granting a user permissions to pass a role")."""
    role = "arn:aws:iam::000000000000:role/worker"
    allowed = {"Effect": "Allow", "Action": "lambda:CreateFunction", "Resource": "*"}
    function = dict(FunctionName="passed", Runtime="python3.12", Handler="index.handler", Role=role,
                    Code={"ZipFile": b"not a package"})

    def passing(service):
        return {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role,
                "Condition": {"StringEquals": {"iam:PassedToService": service}}}

    for name, statements, passes in (("without", [allowed], False),
                                     ("for-another", [allowed, passing("events.amazonaws.com")], False),
                                     ("for-it", [allowed, passing("lambda.amazonaws.com")], True)):
        client, _ = user(strict, name, *statements)
        code, request_id = refused(client("lambda").create_function, **function)
        assert (code == "AccessDeniedException") is not passes, (name, code)
        if not passes:
            assert f"it needs iam:PassRole on {role}" in elysium(strict, "explain", request_id)

    apis = {"Effect": "Allow", "Action": "apigateway:*", "Resource": "*"}
    client, _ = user(strict, "of-apis", apis)
    api = client("apigatewayv2").create_api(Name="passed", ProtocolType="HTTP")["ApiId"]
    integration = dict(ApiId=api, IntegrationType="AWS_PROXY", PayloadFormatVersion="2.0", CredentialsArn=role,
                       IntegrationUri="arn:aws:lambda:us-east-1:000000000000:function:f")
    assert refused(client("apigatewayv2").create_integration, **integration)[0] == "AccessDeniedException"


def test_where_nothing_is_enforced_it_tells_what_would_be_refused(region, name):
    client, _ = user(region, name)
    client("sqs").list_queues()
    told = elysium(region, "explain")
    assert "was answered 200" in told and "It would be refused by --iam enforce because it needs sqs:ListQueues" in told


def test_recent_requests_are_listed_without_secrets(strict):
    client, key = user(strict, "listed", {"Effect": "Allow", "Action": "sqs:*", "Resource": "*"})
    url = client("sqs").create_queue(QueueName="listed")["QueueUrl"]
    client("sqs").send_message(QueueUrl=url, MessageBody="confidential")
    _, request_id = refused(client("sqs").get_queue_url, QueueName="no-such-queue")
    last = page(strict, "/_elysium/requests")["last"]
    everything = json.dumps(page(strict, "/_elysium/requests"))
    assert key["SecretAccessKey"] not in everything and "confidential" not in everything
    assert key["AccessKeyId"] not in everything
    mine = [request for request in page(strict, "/_elysium/requests?service=sqs")["requests"]
            if request["caller"].endswith("user/listed")]
    assert [(request["operation"], request["status"]) for request in mine] == [
        ("CreateQueue", 200), ("SendMessage", 200), ("GetQueueUrl", 400)]
    assert mine[-1]["error"]["code"].endswith(("QueueDoesNotExist", "NonExistentQueue"))
    assert all(request["service"] == "sqs" for request in page(strict, "/_elysium/requests?service=sqs")["requests"])
    assert page(strict, f"/_elysium/requests?after={last}")["requests"] == []

    lines = elysium(strict, "logs", "--service", "sqs", "--errors").splitlines()
    assert request_id in lines[-1] and " 400 sqs.GetQueueUrl " in lines[-1]
    assert not any(" 200 " in line for line in lines)
    shown = [json.loads(line) for line in elysium(strict, "logs", "--id", request_id, "--json").splitlines()]
    assert [request["id"] for request in shown] == [request_id]


def test_requests_are_followed(strict, eventually):
    command = [strict.binary, "logs", "--follow", "--service", "sts", "--json", "--port", str(strict.port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        try:
            answer = strict.client("sts").get_caller_identity()
            wanted = answer["ResponseMetadata"]["RequestId"]
            assert any(json.loads(line)["id"] == wanted for line in following.stdout)
        finally:
            following.kill()


def test_what_is_no_operation_is_listed_too(region, name):
    request = urllib.request.Request(f"{region.endpoint}/_aws/execute-api/absent/{name}")
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=10)
    found = [one for one in page(region, "/_elysium/requests")["requests"] if name in one["operation"]]
    assert [(one["service"], one["status"]) for one in found] == [("execute-api", 404)]
