"""An S3 server (moto) as a process of its own that checks keys, and a bucket in it.

Its web framework stays out of the tests' process: vLLM can't bear it there.
"""

import contextlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx

NAME = "lake"
_RUNNING = re.compile(r"Running on http://127\.0\.0\.1:(\d+)")
_REQUEST = re.compile(r'"([A-Z]+) (/\S*) HTTP/1\.1" (\d+)')
_STARTS_WITHIN_SECONDS = 60
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
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        with log.open("wb") as output:
            process = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", "0"], stderr=output, stdout=output)
        try:
            yield _bucket(f"http://127.0.0.1:{_port_of(process, log)}", log)
        finally:
            process.terminate()
            process.wait()


def _port_of(process: "subprocess.Popen[bytes]", log: Path) -> int:
    end = time.monotonic() + _STARTS_WITHIN_SECONDS
    while process.poll() is None and time.monotonic() < end:
        running = _RUNNING.search(log.read_text())
        if running is not None:
            return int(running[1])
        time.sleep(0.02)
    raise RuntimeError(f"the S3 server did not start:\n{log.read_text()}")


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
