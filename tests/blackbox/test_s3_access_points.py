"""Access points and what is set for whole accounts, through boto3: the aliases and hosts that SDKs make of them."""

import urllib.request

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"


@pytest.fixture
def control(region):
    """The client puts the account before the host, which no resolver of a machine need know: it is taken off again."""

    def without_account(request, **_):
        request.url = request.url.replace(f"//{ACCOUNT}.", "//")

    client = region.client("s3control")
    client.meta.events.register("before-sign.s3-control.*", without_account)
    yield client
    client.close()


def test_an_access_point_stands_for_its_bucket(region, control, s3, bucket):
    made = control.create_access_point(AccountId=ACCOUNT, Name="way-in", Bucket=bucket)
    alias = made["Alias"]
    s3.put_object(Bucket=alias, Key="a/b", Body=b"through the alias")
    assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"through the alias"
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=alias)["Contents"]] == ["a/b"]
    url = s3.generate_presigned_url("get_object", Params={"Bucket": alias, "Key": "a/b"})
    assert urllib.request.urlopen(url).read() == b"through the alias"
    listed = control.list_access_points(AccountId=ACCOUNT, Bucket=bucket)["AccessPointList"]
    assert [(point["Name"], point["NetworkOrigin"]) for point in listed] == [("way-in", "Internet")]
    control.delete_access_point(AccountId=ACCOUNT, Name="way-in")
    with pytest.raises(ClientError) as gone:
        s3.get_object(Bucket=alias, Key="a/b")
    assert gone.value.response["Error"]["Code"] == "NoSuchBucket"
    with pytest.raises(ClientError) as gone:
        control.get_access_point(AccountId=ACCOUNT, Name="way-in")
    assert gone.value.response["Error"]["Code"] == "NoSuchAccessPoint"


def test_a_host_that_names_one(region, control, s3, bucket):
    control.create_access_point(AccountId=ACCOUNT, Name="by-host", Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"v")
    request = urllib.request.Request(f"{region.endpoint}/k")
    request.add_header("Host", f"by-host-{ACCOUNT}.s3-accesspoint.us-east-1.amazonaws.com")
    assert urllib.request.urlopen(request).read() == b"v"
    control.delete_access_point(AccountId=ACCOUNT, Name="by-host")


def test_tags_of_a_bucket_by_arn(control, s3, bucket):
    arn = f"arn:aws:s3:::{bucket}"
    control.tag_resource(AccountId=ACCOUNT, ResourceArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    control.untag_resource(AccountId=ACCOUNT, ResourceArn=arn, TagKeys=["a"])
    assert control.list_tags_for_resource(AccountId=ACCOUNT, ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "b", "Value": "2"}]


def test_a_block_of_the_account(control):
    block = dict.fromkeys(["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], False)
    control.put_public_access_block(AccountId=ACCOUNT, PublicAccessBlockConfiguration=block)
    assert control.get_public_access_block(AccountId=ACCOUNT)["PublicAccessBlockConfiguration"] == block
    control.delete_public_access_block(AccountId=ACCOUNT)
    with pytest.raises(ClientError) as none:
        control.get_public_access_block(AccountId=ACCOUNT)
    assert none.value.response["Error"]["Code"] == "NoSuchPublicAccessBlockConfiguration"
