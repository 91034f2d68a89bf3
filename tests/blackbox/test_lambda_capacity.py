"""Capacity providers with boto3: kept over restarts, told, tagged, refused to go while a version names them."""

import pytest
from botocore.exceptions import ClientError

from test_lambda import create, invoke

SLOW = """
    import time

    def handler(event, context):
        time.sleep(event.get("seconds", 0))
        return "done"
"""


def provider(client, name, **more):
    return client.create_capacity_provider(
        CapacityProviderName=name, VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
        PermissionsConfig={"CapacityProviderOperatorRoleArn": "arn:aws:iam::000000000000:role/operator"},
        **more)["CapacityProvider"]


def refused(call, **more):
    with pytest.raises(ClientError) as error:
        call(**more)
    return error.value.response["Error"]["Code"], error.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_provider_from_its_making_to_its_end(fresh_region, name):
    region = fresh_region()
    client = region.client("lambda")
    made = provider(client, name, Tags={"team": "a"}, CapacityProviderScalingConfig={"MaxVCpuCount": 24},
                    InstanceRequirements={"Architectures": ["x86_64"], "AllowedInstanceTypes": ["m7i.large"]})
    arn = made["CapacityProviderArn"]
    assert arn == f"arn:aws:lambda:us-east-1:000000000000:capacity-provider:{name}" and made["State"] == "Pending"
    region.restart(kill=True)
    client = region.client("lambda")
    told = client.get_capacity_provider(CapacityProviderName=arn)["CapacityProvider"]
    assert told == {**made, "State": "Active"}
    assert [one["CapacityProviderArn"] for one in client.list_capacity_providers()["CapacityProviders"]] == [arn]
    assert client.list_capacity_providers(State="Failed")["CapacityProviders"] == []
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "a"}
    config = {"LambdaManagedInstancesCapacityProviderConfig": {
        "CapacityProviderArn": arn, "PerExecutionEnvironmentMaxConcurrency": 1}}
    create(region, name, SLOW, Publish=True, CapacityProviderConfig=config)
    assert client.get_function(FunctionName=name, Qualifier="1")["Configuration"]["CapacityProviderConfig"] == config
    assert invoke(region, f"{name}:1", {}) == ("done", None)
    users = client.list_function_versions_by_capacity_provider(CapacityProviderName=name)["FunctionVersions"]
    assert [user["FunctionArn"].rsplit(":", 1)[1] for user in users] == ["$LATEST", "1"]
    assert refused(client.delete_capacity_provider, CapacityProviderName=name) == ("ResourceConflictException", 409)
    scaling = {"MinExecutionEnvironments": 0, "MaxExecutionEnvironments": 0}
    answer = client.put_function_scaling_config(FunctionName=name, Qualifier="1", FunctionScalingConfig=scaling)
    assert answer["FunctionState"] == "Deactivated"
    told = client.get_function_scaling_config(FunctionName=name, Qualifier="1")
    assert told["AppliedFunctionScalingConfig"] == told["RequestedFunctionScalingConfig"] == scaling
    assert refused(client.invoke, FunctionName=name, Qualifier="1") == ("TooManyRequestsException", 429)
    client.delete_function(FunctionName=name)
    assert client.delete_capacity_provider(CapacityProviderName=name)["CapacityProvider"]["State"] == "Deleting"
    assert refused(client.get_capacity_provider, CapacityProviderName=name) == ("ResourceNotFoundException", 404)


@pytest.mark.parametrize("change", [
    {"CapacityProviderName": "no spaces"}, {"CapacityProviderScalingConfig": {"MaxVCpuCount": 1}},
    {"PermissionsConfig": {"CapacityProviderOperatorRoleArn": "nobody"}},
    {"InstanceRequirements": {"AllowedInstanceTypes": ["a1"], "ExcludedInstanceTypes": ["b1"]}}])
def test_what_no_provider_has(region, name, change):
    given = {"CapacityProviderName": name, "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": []},
             "PermissionsConfig": {"CapacityProviderOperatorRoleArn": "arn:aws:iam::000000000000:role/operator"}}
    client = region.client("lambda", parameter_validation=False)
    code, status = refused(client.create_capacity_provider, **{**given, **change})
    assert status == 400 and code in ("ValidationException", "InvalidParameterValueException")
