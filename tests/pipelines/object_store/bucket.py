"""An S3 server (moto) that checks keys, and a bucket in it."""

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx

from tests.server_process import server_process

NAME = "lake"
_REQUEST = re.compile(r'"([A-Z]+) (/\S*) HTTP/1\.1" (\d+)')
_POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'


@dataclass
class Bucket:
    """A bucket, the keys to it, and the requests that came."""

    endpoint: str
    key: str
    secret: str
    client: Any
    log: Path

    def put(self, name: str, content: bytes) -> None:
        self.client.put_object(Bucket=NAME, Key=name, Body=content)

    def clear(self) -> None:
        for found in self.client.list_objects_v2(Bucket=NAME).get("Contents", []):
            self.client.delete_object(Bucket=NAME, Key=found["Key"])

    def requests(self) -> list[tuple[str, str]]:
        """Method and path of each request so far, without its query."""
        found = _REQUEST.findall(self.log.read_text())
        return [(method, path.partition("?")[0]) for method, path, _ in found]


@contextlib.contextmanager
def s3_server() -> Iterator[Bucket]:
    """An empty bucket whose keys are asked for."""
    with server_process("moto.server", "-p", "0") as (port, log):
        yield _bucket(f"http://127.0.0.1:{port}", log)


def _bucket(endpoint: str, log: Path) -> Bucket:
    at: dict[str, Any] = {"endpoint_url": endpoint, "region_name": "us-east-1"}
    users = boto3.client("iam", **at, aws_access_key_id="any", aws_secret_access_key="any")
    users.create_user(UserName="sanctum")
    users.put_user_policy(UserName="sanctum", PolicyName="objects", PolicyDocument=_POLICY)
    made = users.create_access_key(UserName="sanctum")["AccessKey"]
    key, secret = made["AccessKeyId"], made["SecretAccessKey"]
    # From here on every request is refused that is not signed with the user's key.
    httpx.post(f"{endpoint}/moto-api/reset-auth", content=b"0", trust_env=False).raise_for_status()
    client = boto3.client("s3", **at, aws_access_key_id=key, aws_secret_access_key=secret)
    client.create_bucket(Bucket=NAME)
    return Bucket(endpoint, key, secret, client, log)
