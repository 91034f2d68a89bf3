"""IAM and STS through boto3: identities, policies, keys, sessions; and permissions enforced.

Codes and messages are those of the IAM and STS API references and of the IAM user guide's quotas page.
"""

import json

import botocore.exceptions
import pytest

TRUST_ACCOUNT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}],
}
LAMBDA = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def allow(*actions, resource="*"):
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def refused(call, **arguments):
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]


@pytest.fixture
def iam(region):
    return region.client("iam")


def test_a_user_from_beginning_to_end(iam, name):
    made = iam.create_user(UserName=name, Path="/hall/", Tags=[{"Key": "band", "Value": "1"}])["User"]
    assert made["Arn"] == f"arn:aws:iam::000000000000:user/hall/{name}" and made["UserId"].startswith("AIDA")
    assert iam.get_user(UserName=name)["User"]["Tags"] == [{"Key": "band", "Value": "1"}]
    key = iam.create_access_key(UserName=name)["AccessKey"]
    assert key["AccessKeyId"].startswith("AKIA") and len(key["SecretAccessKey"]) == 40
    assert refused(iam.delete_user, UserName=name)["Code"] == "DeleteConflict"
    iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName=name)
    error = refused(iam.get_user, UserName=name)
    assert error["Code"] == "NoSuchEntity"
    assert error["Message"] == f"The user with name {name} cannot be found."


def test_documents_come_back_as_they_were_given(iam, name):
    # botocore decodes the percent-encoded documents of answers into objects.
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST_ACCOUNT))["Role"]
    assert role["AssumeRolePolicyDocument"] == TRUST_ACCOUNT
    document = allow("s3:GetObject")
    iam.put_role_policy(RoleName=name, PolicyName="read", PolicyDocument=document)
    got = iam.get_role_policy(RoleName=name, PolicyName="read")["PolicyDocument"]
    assert got == json.loads(document)


def test_managed_policies_and_their_versions(iam, name):
    arn = iam.create_policy(PolicyName=name, PolicyDocument=allow("s3:*"))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=allow("sqs:*"), SetAsDefault=True)
    policy = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (policy["DefaultVersionId"], policy["AttachmentCount"]) == ("v2", 0)
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert version["Document"] == json.loads(allow("s3:*")) and not version["IsDefaultVersion"]
    assert refused(iam.delete_policy, PolicyArn=arn)["Code"] == "DeleteConflict"
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy(PolicyArn=arn)


def test_policies_of_aws_can_be_attached(iam, name):
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST_ACCOUNT))
    iam.attach_role_policy(RoleName=name, PolicyArn=LAMBDA)
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert attached == [{"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": LAMBDA}]
    roles = iam.list_entities_for_policy(PolicyArn=LAMBDA, EntityFilter="Role")["PolicyRoles"]
    assert name in [role["RoleName"] for role in roles]
    assert refused(iam.delete_role, RoleName=name)["Code"] == "DeleteConflict"


def test_paginators_see_every_user_once(iam, name):
    names = {f"{name}-{number}" for number in range(5)}
    for one in names:
        iam.create_user(UserName=one, Path=f"/{name}/")
    pages = iam.get_paginator("list_users").paginate(PathPrefix=f"/{name}/", PaginationConfig={"PageSize": 2})
    seen = [user["UserName"] for page in pages for user in page["Users"]]
    assert sorted(seen) == sorted(names)


def test_constraints_are_told_in_awss_words(iam):
    error = refused(iam.create_user, UserName="no spaces allowed")
    assert error["Code"] == "ValidationError" and "userName" in error["Message"]


def test_assume_role_and_who_one_then_is(region, iam, name):
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST_ACCOUNT))["Role"]["Arn"]
    answer = region.client("sts").assume_role(RoleArn=arn, RoleSessionName="evening", DurationSeconds=900)
    credentials = answer["Credentials"]
    session = region.client(
        "sts",
        access_key=credentials["AccessKeyId"],
        secret_key=credentials["SecretAccessKey"],
        token=credentials["SessionToken"],
    )
    identity = session.get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::000000000000:assumed-role/{name}/evening"
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]


def test_the_simulator(iam, name):
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allow("s3:GetObject"))
    answer = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["s3:GetObject", "s3:PutObject"])
    said = [result["EvalDecision"] for result in answer["EvaluationResults"]]
    assert said == ["allowed", "implicitDeny"]


def test_enforced_permissions_survive_a_kill(fresh_region, name):
    one = fresh_region("--iam", "enforce")
    iam = one.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=allow("iam:GetUser"))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    one.restart(kill=True)

    def signed(service, secret=key["SecretAccessKey"]):
        return one.client(service, access_key=key["AccessKeyId"], secret_key=secret)

    assert signed("sts").get_caller_identity()["Arn"].endswith(f":user/{name}")
    assert signed("iam").get_user(UserName=name)["User"]["UserName"] == name
    assert refused(signed("iam").list_users)["Code"] == "AccessDenied"
    wrong = signed("sts", secret="x" * 40)
    assert refused(wrong.get_caller_identity)["Code"] == "SignatureDoesNotMatch"
    unknown = one.client("sts", access_key="AKIAIOSFODNN7EXAMPLE", secret_key="x" * 40)
    assert refused(unknown.get_caller_identity)["Code"] == "InvalidClientTokenId"
