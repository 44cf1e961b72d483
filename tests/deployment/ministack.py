"""A local AWS in a process of its own: ministack, corrected, for as long as a test needs it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final, Self

import boto3
from botocore.config import Config

from layer.interpreters import find_interpreter
from tests.runtime.tools import ROOT, environment

if TYPE_CHECKING:
    from pathlib import Path

ACCOUNT: Final = "123456789012"
"""Ministack takes an access key of twelve digits for the account."""
SECRET: Final = "a-secret-that-opens-nothing"
REGION: Final = "eu-central-1"
RUNTIME: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
"""What functions run with, whatever runtime they name: the Python that ministack runs with."""
Credentials = tuple[str, str, str | None]
"""Access key, secret and session token."""
_SETTINGS: Final = {
    "MINISTACK_REGION": REGION,
    "MINISTACK_ACCOUNT_ID": ACCOUNT,
    "AUTH": "true",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "IOT_MTLS_ENABLED": "0",
    "SFTP_ENABLED": "0",
    # Ministack's own variables reach its functions. This one is how a process knows that it is in Lambda.
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
}
_STOP_SECONDS: Final = 15.0


class Ministack:
    """A running ministack; all that it writes is in `folder`, which goes with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clients: list[Any] = []
        self._log = folder / "ministack.log"
        for name in ("tmp", "state", "s3"):
            (folder / name).mkdir(parents=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [_python(), "-m", "tests.deployment.launch"],
                cwd=ROOT,
                env={
                    "PATH": os.environ["PATH"],
                    "HOME": str(folder),
                    "TMPDIR": str(folder / "tmp"),
                    "STATE_DIR": str(folder / "state"),
                    "S3_DATA_DIR": str(folder / "s3"),
                    "NO_PROXY": "127.0.0.1,localhost",
                    "no_proxy": "127.0.0.1,localhost",
                    **_SETTINGS,
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None, "stdout is a pipe"
        line = self._process.stdout.readline()
        if not line:
            said = self.log
            self.stop()
            raise RuntimeError(f"ministack did not start:\n{said}")
        self.url = str(json.loads(line)["url"])

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        """What it said up to now."""
        return self._log.read_text(errors="replace")

    def environment(self) -> dict[str, str]:
        """Return the variables that point boto3, the AWS CLI and this project here, and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_PAGER": "",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    def client(self, service: str, credentials: Credentials = (ACCOUNT, SECRET, None)) -> Any:
        """Make a boto3 client that makes one attempt; it is closed with this.

        Without credentials it is the account's root, who may do everything.
        """
        key, secret, token = credentials
        client: Any = boto3.Session().client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(
                retries={"total_max_attempts": 1},
                inject_host_prefix=False,
                read_timeout=120,
                proxies={},
                s3={"addressing_style": "path"},
            ),
        )
        self._clients.append(client)
        return client

    def stop(self) -> None:
        """End it and the functions it runs, and remove what they wrote."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise
        finally:
            shutil.rmtree(self._folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _python() -> Path:
    interpreter = find_interpreter(RUNTIME.removeprefix("python"), os.environ)
    assert interpreter is not None, "this Python is one of the machine's"
    return environment("ministack", interpreter)
