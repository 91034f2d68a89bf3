"""The region as a whole: it starts, says who one is, ends on SIGTERM, and comes back after kill -9."""

import json
import urllib.request


def test_get_caller_identity_by_boto3(region):
    # The root of the account that a bare `test` key stands for; STS's answer names ARN and account.
    answer = region.client("sts").get_caller_identity()
    assert answer["Account"] == region.account
    assert answer["Arn"] == f"arn:aws:iam::{region.account}:root"


def test_get_caller_identity_by_the_cli(region):
    answer = json.loads(region.aws("sts", "get-caller-identity", "--output", "json").stdout)
    assert answer["Account"] == region.account


def test_an_access_key_of_twelve_digits_is_that_account(region):
    answer = region.client("sts", access_key="123456789012").get_caller_identity()
    assert answer["Account"] == "123456789012"


def test_health_names_the_services(region):
    with urllib.request.urlopen(region.endpoint + "/_localstack/health", timeout=5) as response:
        assert "services" in json.load(response)


def test_sigterm_ends_cleanly_and_leaves_no_process(fresh_region):
    one = fresh_region()
    one.client("sts").get_caller_identity()
    assert one.stop() == 0
    assert one.survivors() == []


def test_it_comes_back_after_kill(fresh_region):
    one = fresh_region()
    one.restart(kill=True)
    assert one.client("sts").get_caller_identity()["Account"] == one.account
