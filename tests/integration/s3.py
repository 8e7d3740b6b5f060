"""An S3 server on loopback, and a DVC remote on it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer


@contextmanager
def s3_server() -> Iterator[str]:
    """The URL of an S3 server that has a bucket `hemline`, with the environment set for whoever is to use it."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    url = "http://{}:{}".format(*server.get_host_and_port())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3", endpoint_url=url).create_bucket(Bucket="hemline")
        yield url
    server.stop()


def add_remote(root: Path, url: str) -> None:
    """The bucket as the project's DVC remote."""
    for words in (
        ["remote", "add", "-d", "store", "s3://hemline/store"],
        ["remote", "modify", "store", "endpointurl", url],
        ["remote", "modify", "store", "verify", "true"],
    ):
        subprocess.run([sys.executable, "-m", "dvc", *words], cwd=root, check=True, stdout=subprocess.DEVNULL)
