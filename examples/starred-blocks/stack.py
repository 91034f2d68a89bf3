"""What the application consists of: names, addresses, policies and functions. Nothing here calls AWS except
to ask who is asking; `deploy.py` makes it so, and `terraform/` says the same in Terraform's words.
"""

from __future__ import annotations

import json
import pathlib
import string
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

FOLDER = pathlib.Path(__file__).resolve().parent
DEFAULT_NAME = "starred-blocks"
BOARD_INDEX = "board"
RECITALS_PREFIX = "recitals/"
RECEIVES_BEFORE_DEAD = 3
BATCH = 5


@dataclass(frozen=True)
class Function:
    """One of the functions."""

    role: str
    package: str
    timeout_seconds: int
    routes: tuple[str, ...] = ()

    @property
    def handler(self) -> str:
        """The module is named after what the function does."""
        return f"{self.role}.handler"


ENROL = Function("enrol", "python", 10, ("POST /students", "POST /students/{student}/recordings"))
BOARD = Function("board", "python", 10, ("GET /students/{student}", "GET /board"))
RENDER = Function("render", "node", 10)
FUNCTIONS = (ENROL, BOARD, RENDER)


@dataclass(frozen=True)
class Stack:
    """The names and ARNs of one deployment."""

    name: str
    account: str
    region: str

    @classmethod
    def here(cls, name: str = DEFAULT_NAME) -> Stack:
        """The deployment of that name in the account and region that the environment leads to."""
        sts = client("sts")
        return cls(name, sts.get_caller_identity()["Account"], sts.meta.region_name)

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something in this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    @property
    def table(self) -> str:
        """The table of students and recordings."""
        return self.name

    @property
    def bucket(self) -> str:
        """Bucket names are shared by everybody, so the account is in it."""
        return f"{self.name}-{self.account}"

    @property
    def recitals(self) -> str:
        """The queue of uploads to render."""
        return f"{self.name}-recitals"

    @property
    def dead_recitals(self) -> str:
        """Where messages rest that could not be rendered."""
        return f"{self.name}-recitals-dead"

    @property
    def notices(self) -> str:
        """The queue that tells of every rendition."""
        return f"{self.name}-notices"

    def function(self, function: Function) -> str:
        """A function's name; its role is called the same."""
        return f"{self.name}-{function.role}"

    def function_arn(self, function: Function) -> str:
        """A function's ARN."""
        return self.arn("lambda", f"function:{self.function(function)}")

    def role_arn(self, function: Function) -> str:
        """The ARN of the role a function runs as."""
        return f"arn:aws:iam::{self.account}:role/{self.function(function)}"

    def log_group(self, function: Function) -> str:
        """Where Lambda writes what a function prints."""
        return f"/aws/lambda/{self.function(function)}"

    def policy(self, name: str, **more: str) -> str:
        """A document of `policies/`, with the addresses of this deployment."""
        known = {
            "account": self.account,
            "table_arn": self.arn("dynamodb", f"table/{self.table}"),
            "bucket_arn": f"arn:aws:s3:::{self.bucket}",
            "recitals_arn": self.arn("sqs", self.recitals),
            "notices_arn": self.arn("sqs", self.notices),
            "render_role_arn": self.role_arn(RENDER),
        }
        template = string.Template((FOLDER / "policies" / f"{name}.json").read_text())
        return json.dumps(json.loads(template.substitute(known, **more)))

    def role_policy(self, function: Function) -> str:
        """What a function may do, and no more."""
        return self.policy(function.role, log_group_arn=self.arn("logs", f"log-group:{self.log_group(function)}"))


def client(service: str) -> Any:
    """A client with endpoint, region and credentials from the environment. S3 is spoken to path-style, which
    needs no name resolution beyond the endpoint's own."""
    return boto3.client(service, config=Config(
        retries={"mode": "standard", "total_max_attempts": 5}, s3={"addressing_style": "path"}))
