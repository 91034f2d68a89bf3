"""Tables of DynamoDB and what their exports leave in a bucket, for the tests of both."""

import gzip
import json


def made(region, name, recovers=False, **more):
    """A table keyed by `id`, which keeps its changes where it is to be recovered; the client."""
    client = region.client("dynamodb")
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )
    if recovers:
        client.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    return client


def export_ended(client, arn, eventually):
    """The description of an export that is not going on any more."""
    def probe():
        told = client.describe_export(ExportArn=arn)["ExportDescription"]
        return told if told["ExportStatus"] != "IN_PROGRESS" else None

    return eventually(probe)


def import_ended(client, arn, eventually):
    """The description of an import that is not going on any more."""
    def probe():
        told = client.describe_import(ImportArn=arn)["ImportTableDescription"]
        return told if told["ImportStatus"] != "IN_PROGRESS" else None

    return eventually(probe)


def exported(region, bucket, told):
    """What an export has put into its bucket: the lines, the summary, the keys of the files with lines."""
    s3 = region.client("s3")
    summary = json.loads(s3.get_object(Bucket=bucket, Key=told["ExportManifest"])["Body"].read())
    files = s3.get_object(Bucket=bucket, Key=summary["manifestFilesS3Key"])["Body"].read().splitlines()
    keys = [json.loads(line)["dataFileS3Key"] for line in files]
    bodies = [gzip.decompress(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).decode() for key in keys]
    return [line for body in bodies for line in body.splitlines()], summary, keys
