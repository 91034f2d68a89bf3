"""S3 as clients other than plain calls use it: transfer managers with every checksum, connections that are used
again after an empty body, headers moved into presigned URLs, a browser's form, rclone and s3fs where they are."""

import base64
import hashlib
import io
import json
import os
import shutil
import subprocess
import urllib.request
import uuid

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

MIB = 1024 * 1024
PARTS = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB, max_concurrency=4)
WHOLE = TransferConfig(multipart_threshold=64 * MIB)
ALGORITHMS = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]


def has_crt():
    try:
        import awscrt.checksums  # noqa: F401  (only whether it is there)
    except ImportError:
        return False
    return True


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("config", [WHOLE, PARTS], ids=["whole", "parts"])
def test_transfers_with_every_checksum(s3, bucket, algorithm, config):
    """boto3 computes CRC32C and CRC64NVME with awscrt only. The Node suite moves CRC32C, the next test CRC64NVME."""
    if algorithm in ("CRC32C", "CRC64NVME") and not has_crt():
        pytest.skip("boto3 needs awscrt for this checksum")
    content = os.urandom(11 * MIB + 7)
    s3.upload_fileobj(io.BytesIO(content), bucket, "k", ExtraArgs={"ChecksumAlgorithm": algorithm}, Config=config)
    read = io.BytesIO()
    s3.download_fileobj(bucket, "k", read, ExtraArgs={"ChecksumMode": "ENABLED"}, Config=config)
    assert read.getvalue() == content
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    composite = config is PARTS and algorithm != "CRC64NVME"
    assert head["ChecksumType"] == ("COMPOSITE" if composite else "FULL_OBJECT")
    assert head[f"Checksum{algorithm}"].endswith("-3") == composite
    if not composite and algorithm.startswith("SHA"):
        digest = hashlib.new(algorithm, content).digest()
        assert head[f"Checksum{algorithm}"] == base64.b64encode(digest).decode()


def crc64nvme(content):
    """CRC-64/NVME as the catalogue of CRC algorithms describes it, in base64."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x9A6C9329AC4BC9B5 if value & 1 else 0)
        table.append(value)
    crc = (1 << 64) - 1
    for byte in content:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return base64.b64encode((crc ^ (1 << 64) - 1).to_bytes(8, "big")).decode()


def test_a_checksum_that_the_client_computed(s3, bucket):
    content = os.urandom(5 * MIB) + b"the end"
    parts, sums = [content[:5 * MIB], content[5 * MIB:]], []
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="CRC64NVME")["UploadId"]
    for number, part in enumerate(parts, 1):
        sums.append(crc64nvme(part))
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=part, ChecksumCRC64NVME=sums[-1])
    named = [{"PartNumber": part["PartNumber"], "ETag": part["ETag"], "ChecksumCRC64NVME": part["ChecksumCRC64NVME"]}
             for part in s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Parts"]]
    assert [part["ChecksumCRC64NVME"] for part in named] == sums
    done = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": named},
                                        ChecksumCRC64NVME=crc64nvme(content), ChecksumType="FULL_OBJECT")
    assert done["ChecksumCRC64NVME"] == crc64nvme(content)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=bucket, Key="k", Body=b"la", ChecksumCRC64NVME=sums[0])
    assert error.value.response["Error"]["Code"] == "BadDigest"


def test_a_connection_outlives_an_empty_body(region, name):
    """botocore waits for `100 Continue`; an empty body gets none, and the next put must not wait for the end of
    the connection (read timeout: a fifth of the region's own)."""
    s3 = region.client("s3", read_timeout=6)
    s3.create_bucket(Bucket=name)
    for number in range(3):
        s3.put_object(Bucket=name, Key="empty", Body=b"")
        s3.put_object(Bucket=name, Key="full", Body=b"%d" % number)
    assert s3.get_object(Bucket=name, Key="full")["Body"].read() == b"2"


@pytest.mark.parametrize("signature", ["s3v4", "s3"])
def test_headers_in_a_presigned_url(region, s3, bucket, signature):
    """SDKs move `x-amz-…` headers into the query of a presigned URL; S3 reads them there."""
    signer = region.client("s3", signature_version=signature)
    url = signer.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    url += "&x-amz-meta-venue=the%20hall&x-amz-storage-class=STANDARD_IA"
    request = urllib.request.Request(url, data=b"la", method="PUT", headers={"Content-Type": ""})
    urllib.request.urlopen(request).close()
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["Metadata"], head["StorageClass"]) == ({"venue": "the hall"}, "STANDARD_IA")


def test_a_browsers_form(s3, bucket):
    """The bytes that a browser sends for <form enctype="multipart/form-data">: fields in order, the file last."""
    form = s3.generate_presigned_post(bucket, "in/${filename}", Fields={"success_action_status": "201"}, Conditions=[
        ["starts-with", "$key", "in/"], {"success_action_status": "201"}, ["content-length-range", 1, 100]])

    def submit(content):
        boundary = "----WebKitFormBoundary" + uuid.uuid4().hex[:16]
        parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'.encode()
                 for field, value in form["fields"].items()]
        parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="song é.txt"\r\n'
                     f"Content-Type: text/plain\r\n\r\n".encode() + content + f"\r\n--{boundary}--\r\n".encode())
        request = urllib.request.Request(form["url"], data=b"".join(parts), method="POST", headers={
            "Content-Type": f"multipart/form-data; boundary={boundary}", "Origin": form["url"].rsplit("/", 1)[0]})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    assert submit(b"la la") == 201
    assert s3.get_object(Bucket=bucket, Key="in/song é.txt")["Body"].read() == b"la la"
    assert submit(b"x" * 101) == 400


def tree(at, files):
    for number in range(files):
        file = at / f"folder {number % 7}" / f"file-{number}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(os.urandom(number * 997 % 40_000))


def contents(at):
    return {str(file.relative_to(at)): file.read_bytes() for file in at.rglob("*") if file.is_file()}


def test_rclone_there_and_back(region, bucket, tmp_path):
    if not shutil.which("rclone"):
        pytest.skip("rclone is not installed")
    tree(tmp_path / "there", 60)
    remote = f":s3,provider=Other,env_auth=true,region=us-east-1,endpoint='{region.endpoint}':{bucket}"
    for source, target in [(tmp_path / "there", remote), (remote, tmp_path / "back")]:
        subprocess.run(["rclone", "sync", source, target], env=region.environment(), check=True, timeout=120)
    assert contents(tmp_path / "back") == contents(tmp_path / "there")
    subprocess.run(["rclone", "check", tmp_path / "there", remote], env=region.environment(), check=True, timeout=120)


def test_s3fs_mounts_a_bucket(region, s3, bucket, tmp_path):
    if not shutil.which("s3fs") or not os.path.exists("/dev/fuse"):
        pytest.skip("s3fs or FUSE is not installed")
    at = tmp_path / "mounted"
    at.mkdir()
    subprocess.run(["s3fs", bucket, at, "-o", f"url={region.endpoint},use_path_request_style"],
                   env=region.environment(), check=True, timeout=60)
    try:
        tree(at, 20)
        found = contents(at)
    finally:
        subprocess.run(["fusermount", "-u", at], check=True, timeout=60)
    assert {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in found} == found


ODD_KEYS = ["..", "../../escaped", "./a", "a/../b", "/", "//", "/etc/escaped", "%2e%2e%2fescaped", "a+b c", "\U0001f3b5/\U0010ffff",
            "\u7f7f", "é" * 512, "C:\\escaped", "a\\..\\b", "-rf", "con", "~/escaped"]


def files_below(path):
    return {os.path.relpath(os.path.join(at, file), path) for at, _, files in os.walk(path) for file in files}


def test_no_key_leaves_the_data_directory(fresh_region, name):
    region = fresh_region()
    s3 = region.client("s3", parameter_validation=False)
    s3.create_bucket(Bucket=name)
    for number, key in enumerate(ODD_KEYS):
        s3.put_object(Bucket=name, Key=key, Body=b"%d" % number * 30_000)
    listed = s3.list_objects_v2(Bucket=name)["Contents"]
    assert [entry["Key"] for entry in listed] == sorted(ODD_KEYS, key=str.encode)
    for number, key in enumerate(ODD_KEYS):
        assert s3.get_object(Bucket=name, Key=key)["Body"].read() == b"%d" % number * 30_000
    region.stop()
    named = [file for file in files_below(region.data_dir) if "escaped" in file or name in file]
    assert named == [], "no file is called as a client wishes"
    assert not [file for file in os.listdir(region.data_dir.parent) if "escaped" in file]


def flip(file, place):
    with open(file, "r+b") as blob:
        blob.seek(place)
        byte = blob.read(1)
        blob.seek(place)
        blob.write(bytes([byte[0] ^ 1]))


def test_a_changed_byte_is_never_given_out(fresh_region, name):
    """Whole and in ranges: what lies in a changed block is an error, and what does not is right."""
    region = fresh_region()
    s3 = region.client("s3", connect_timeout=5, read_timeout=20)
    s3.create_bucket(Bucket=name)
    content = os.urandom(3 * MIB)
    s3.put_object(Bucket=name, Key="k", Body=content)
    region.stop()
    blobs = [os.path.join(region.data_dir, file) for file in files_below(region.data_dir)]
    blob = max(blobs, key=lambda file: (MIB < os.path.getsize(file) < 4 * MIB and "blob" in file, os.path.getsize(file)))
    assert 3 * MIB <= os.path.getsize(blob) < 4 * MIB, blob
    flip(blob, MIB + MIB // 2)
    region.start()
    s3 = region.client("s3", connect_timeout=5, read_timeout=20)

    def read(**asked):
        try:
            return s3.get_object(Bucket=name, Key="k", **asked)["Body"].read()
        except Exception as error:
            return type(error).__name__

    assert isinstance(read(), str), "a changed object was given out whole"
    assert isinstance(read(Range=f"bytes={MIB + MIB // 2 - 10}-{MIB + MIB // 2 + 10}"), str)
    assert isinstance(read(Range=f"bytes={2 * MIB - 10}-{2 * MIB + 10}"), str), "the changed block is checked whole"
    assert read(Range="bytes=0-99") == content[:100]
    assert read(Range=f"bytes={3 * MIB - 100}-") == content[-100:]
    with pytest.raises(ClientError) as error:
        s3.copy_object(Bucket=name, Key="copy", CopySource=f"{name}/k", ChecksumAlgorithm="SHA256")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    listed = [entry["Key"] for entry in s3.list_objects_v2(Bucket=name)["Contents"]]
    assert listed == ["k"], "a copy that failed is not there"


def test_access_logs_arrive(fresh_region, name, eventually):
    region = fresh_region()
    s3 = region.client("s3")
    for one in (name, f"{name}-log"):
        s3.create_bucket(Bucket=one)
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}-log/*", "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{name}"}}}]}
    s3.put_bucket_policy(Bucket=f"{name}-log", Policy=json.dumps(policy))
    s3.put_bucket_logging(Bucket=name, BucketLoggingStatus={
        "LoggingEnabled": {"TargetBucket": f"{name}-log", "TargetPrefix": "at/"}})
    s3.put_object(Bucket=name, Key="k", Body=b"la")
    request = urllib.request.Request(f"{region.endpoint}/_elysium/clock", data=b'{"advance_seconds": 120}', method="POST",
                                     headers={"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()
    found = eventually(lambda: s3.list_objects_v2(Bucket=f"{name}-log", Prefix="at/").get("Contents"))
    text = b"".join(s3.get_object(Bucket=f"{name}-log", Key=entry["Key"])["Body"].read() for entry in found).decode()
    assert f" REST.PUT.OBJECT k \"PUT /{name}/k HTTP/1.1\" 200 - - 2 " in text
    assert "SigV4 - AuthHeader" in text
