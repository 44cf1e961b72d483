"""Credentials to sign with are found without the SDK and with it, and what is in their way is told as such."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from cloudmap_discovery.calls.errors import NoReplyError
from cloudmap_discovery.calls.keys import DirectKeys
from cloudmap_discovery.calls.messages import Outgoing
from cloudmap_discovery.calls.plain_wire import PlainWire
from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.errors import AccessDeniedError, RemoteError, StoreTimeoutError
from cloudmap_discovery.io_thread import DaemonPool, IOThread
from cloudmap_discovery.transport.credentials import CredentialSource
from cloudmap_discovery.transport.sdk_credentials import SdkKeys
from tests.unit.direct_peers import FINE, Peer, always

if TYPE_CHECKING:
    from pathlib import Path

KEYS = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "secret"}


def direct(variables: dict[str, str]) -> DirectKeys:
    source = CredentialSource(variables, clock=SystemClock())
    return DirectKeys(source, lambda: DaemonPool(1), are_variables="AWS_ACCESS_KEY_ID" in variables)


async def test_variables_are_read_at_once() -> None:
    found = await direct(KEYS).current(timeout_seconds=1)

    assert (found.access_key_id, found.session_token) == ("AK", None)


@pytest.mark.parametrize("variables", [{}, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/"}])
async def test_where_there_are_none_the_error_says_so(variables: dict[str, str]) -> None:
    with pytest.raises(AccessDeniedError, match="for want of AWS credentials"):
        await direct(variables).current(timeout_seconds=5)


@pytest.fixture
def sdk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SdkKeys:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return SdkKeys(IOThread())


async def test_the_sdk_finds_a_profiles(sdk: SdkKeys, tmp_path: Path) -> None:
    text = "[default]\naws_access_key_id = PK\naws_secret_access_key = s\naws_session_token = t\n"
    (tmp_path / "credentials").write_text(text)

    found = await sdk.current(timeout_seconds=30)

    assert (found.access_key_id, found.secret_access_key, found.session_token) == ("PK", "s", "t")


async def test_what_the_sdk_does_not_find_is_told(sdk: SdkKeys, tmp_path: Path) -> None:
    with pytest.raises(AccessDeniedError, match="for want of AWS credentials"):
        await sdk.current(timeout_seconds=30)
    (tmp_path / "config").write_text("[default]\ncredential_process = /no/such/program\n")
    with pytest.raises(AccessDeniedError, match="for want of AWS credentials"):
        await sdk.current(timeout_seconds=30)


class Failing:
    """Credentials that are refreshed, and fail at it."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    async def get_frozen_credentials(self) -> Any:
        if self._error is None:
            await asyncio.sleep(60)
        else:
            raise self._error


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (
            ClientError({"Error": {"Code": "Refused", "Message": "no"}}, "AssumeRole"),
            (AccessDeniedError, RemoteError),
        ),
        (None, (StoreTimeoutError,)),
    ],
)
async def test_a_refresh_that_fails_or_hangs_is_told_as_aws_fault(
    sdk: SdkKeys, failure: Exception | None, kind: tuple[type[Exception], ...]
) -> None:
    sdk._found = Failing(failure)

    with pytest.raises(kind):
        await sdk.current(timeout_seconds=0.2)


async def test_after_a_fork_or_a_restore_the_sdk_finds_them_anew(sdk: SdkKeys) -> None:
    sdk._found = object()
    sdk.after_fork_in_child()

    assert sdk._found is None


async def test_a_call_for_which_no_thread_is_free_ends_in_time_and_was_not_sent() -> None:
    wire = PlainWire({}, SystemClock())
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def busy() -> None:
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(30)

    for _ in range(32):
        wire.pool().submit(busy)
    with Peer(always(FINE)) as peer:
        with pytest.raises(NoReplyError, match=r"no answer within 0\.2 s") as raised:
            await wire.send(Outgoing("POST", peer.url, (), b""), timeout_seconds=0.2)
        go_on.set()

        assert not peer.asked
    assert not raised.value.was_sent
