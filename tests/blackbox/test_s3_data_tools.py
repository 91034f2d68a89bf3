"""S3 under the tools of data people, each where it is installed: fsspec's s3fs, Arrow's own client of S3 (the C++
SDK), DuckDB through Arrow. What they write, boto3 reads."""

import pytest

MIB = 1024 * 1024


@pytest.fixture
def files(region):
    s3fs = pytest.importorskip("s3fs")
    return s3fs.S3FileSystem(key="test", secret="test", skip_instance_cache=True, config_kwargs={"read_timeout": 120},
                             client_kwargs={"endpoint_url": region.endpoint, "region_name": "us-east-1"})


def test_a_tree_of_fsspec(files, s3, bucket):
    files.pipe({f"{bucket}/deep/tree/{at}.txt": b"%d" % at for at in range(5)})
    files.pipe(f"{bucket}/a b+c%20é.txt", b"odd")
    assert files.isdir(f"{bucket}/deep") and not files.exists(f"{bucket}/dee")
    assert sorted(files.ls(bucket, detail=False)) == [f"{bucket}/a b+c%20é.txt", f"{bucket}/deep"]
    assert len(files.find(bucket)) == 6
    assert files.glob(f"{bucket}/deep/*/3.*") == [f"{bucket}/deep/tree/3.txt"]
    assert files.cat(f"{bucket}/a b+c%20é.txt") == b"odd"
    files.cp(f"{bucket}/deep/tree", f"{bucket}/copy", recursive=True)
    files.mv(f"{bucket}/a b+c%20é.txt", f"{bucket}/moved b+c%20é.txt")
    assert s3.get_object(Bucket=bucket, Key="moved b+c%20é.txt")["Body"].read() == b"odd"
    files.setxattr(f"{bucket}/moved b+c%20é.txt", copy_kwargs={"ContentType": "text/plain"}, mtime="1700000000.5")
    head = s3.head_object(Bucket=bucket, Key="moved b+c%20é.txt")
    assert (head["Metadata"], head["ContentType"]) == ({"mtime": "1700000000.5"}, "text/plain")
    files.rm(f"{bucket}/deep", recursive=True)
    files.invalidate_cache()
    assert not files.exists(f"{bucket}/deep") and len(files.find(f"{bucket}/copy")) == 5


def test_a_file_of_fsspec_in_parts(files, s3, bucket):
    content = bytes(range(256)) * 4096 * 12
    with files.open(f"{bucket}/big", "wb", block_size=5 * MIB) as file:
        for at in range(0, len(content), MIB):
            file.write(content[at:at + MIB])
    assert s3.head_object(Bucket=bucket, Key="big", PartNumber=1)["PartsCount"] > 1
    with files.open(f"{bucket}/big", "ab", block_size=5 * MIB) as file:
        file.write(b"the end")
    with files.open(f"{bucket}/big", "rb") as file:
        file.seek(-10, 2)
        assert file.read() == (content + b"the end")[-10:]
        file.seek(5 * MIB - 3)
        assert file.read(6) == content[5 * MIB - 3:5 * MIB + 3]
    assert files.info(f"{bucket}/big")["size"] == len(content) + 7


@pytest.fixture
def arrow(region):
    fs = pytest.importorskip("pyarrow.fs")
    return fs.S3FileSystem(access_key="test", secret_key="test", region="us-east-1", scheme="http", request_timeout=120,
                           endpoint_override=region.endpoint.removeprefix("http://"))


def table(rows):
    import pyarrow
    return pyarrow.table({"day": [f"d{at % 3}" for at in range(rows)], "number": list(range(rows)),
                          "text": ["a bard's line " * 4] * rows})


def test_a_partitioned_dataset_of_arrow(arrow, s3, bucket):
    import pyarrow.compute
    import pyarrow.dataset
    pyarrow.dataset.write_dataset(table(30_000), f"{bucket}/set", filesystem=arrow, format="parquet",
                                  partitioning=["day"], partitioning_flavor="hive")
    found = pyarrow.dataset.dataset(f"{bucket}/set", filesystem=arrow, format="parquet", partitioning="hive")
    chosen = found.to_table(filter=pyarrow.compute.field("day") == "d1", columns=["number"])
    assert sorted(chosen["number"].to_pylist()) == list(range(1, 30_000, 3))
    duckdb = pytest.importorskip("duckdb")
    counted = duckdb.sql("SELECT day, count(*), sum(number) FROM found GROUP BY day ORDER BY day").fetchall()
    assert [row[:2] for row in counted] == [("d0", 10_000), ("d1", 10_000), ("d2", 10_000)]
    assert sum(row[2] for row in counted) == sum(range(30_000))


def test_files_and_folders_of_arrow(arrow, s3, bucket):
    from pyarrow.fs import FileSelector, FileType
    arrow.create_dir(f"{bucket}/folder/inner")
    content = bytes(range(256)) * 4096 * 11
    with arrow.open_output_stream(f"{bucket}/folder/big", metadata={"Content-Type": "text/plain"}) as stream:
        for at in range(0, len(content), MIB):
            stream.write(content[at:at + MIB])
    with arrow.open_input_file(f"{bucket}/folder/big") as file:
        assert file.read_at(100, 5 * MIB) == content[5 * MIB:5 * MIB + 100] and file.size() == len(content)
    assert s3.head_object(Bucket=bucket, Key="folder/big")["ContentType"] == "text/plain"
    found = arrow.get_file_info(FileSelector(f"{bucket}/folder", recursive=True))
    kinds = {info.path: info.type for info in found}
    assert kinds == {f"{bucket}/folder/inner": FileType.Directory, f"{bucket}/folder/big": FileType.File}
    missing, there = arrow.get_file_info([f"{bucket}/nothing", f"{bucket}/folder"])
    assert (missing.type, there.type) == (FileType.NotFound, FileType.Directory)
    arrow.copy_file(f"{bucket}/folder/big", f"{bucket}/copy")
    arrow.move(f"{bucket}/copy", f"{bucket}/moved")
    arrow.delete_dir(f"{bucket}/folder")
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["moved"]
