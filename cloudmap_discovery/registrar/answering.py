"""Puts an answer where CloudFormation waits for it."""

from __future__ import annotations

import time
from http.client import HTTPException, InvalidURL
from typing import TYPE_CHECKING, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from cloudmap_discovery.errors import DiscoveryError
from cloudmap_discovery.events import LOGGER

if TYPE_CHECKING:
    from collections.abc import Callable

_ATTEMPT_SECONDS: Final = 10.0
_LEAST_SECONDS: Final = 0.5
_FIRST_PAUSE_SECONDS: Final = 0.25
_LONGEST_PAUSE_SECONDS: Final = 5.0
_TOO_MANY: Final = 429
_FIRST_SERVER_ERROR: Final = 500
_NO_URL: Final = "the ResponseURL is no URL"


class AnswerNotSentError(DiscoveryError):
    """CloudFormation could not be answered: so it waits, until Lambda's next attempt or its own time limit.

    `is_refused` says that it did not take the answer, and will not.
    """

    def __init__(self, message: str, *, is_refused: bool = False) -> None:
        super().__init__(message)
        self.is_refused = is_refused


class Answerer:
    """Sends answers over HTTP, through the proxy that the environment names; blocks.

    `allows_plain` lets it speak plain HTTP, as what stands in for AWS does.
    """

    def __init__(
        self,
        *,
        allows_plain: bool = False,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._schemes = {"https", "http"} if allows_plain else {"https"}
        self._monotonic = monotonic
        self._sleep = sleep

    def send(self, url: str, body: bytes, seconds: float) -> None:
        """Put the body there, again and again while that may help and time is left.

        Raises an `AnswerNotSentError`. The URL is a secret: whoever has it can answer. Neither error nor log has it.
        """
        try:
            parts = urlsplit(url)
        except ValueError:
            raise AnswerNotSentError(_NO_URL, is_refused=True) from None  # the cause would tell the URL
        if parts.scheme not in self._schemes:
            told = f"the ResponseURL has the scheme {parts.scheme!r}, not https"
            raise AnswerNotSentError(told, is_refused=True)
        ends = self._monotonic() + seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            left = ends - self._monotonic()
            reason, is_final = self._attempt(url, body, max(min(_ATTEMPT_SECONDS, left), _LEAST_SECONDS))
            if reason is None:
                return
            left = ends - self._monotonic() - pause
            LOGGER.warning("CloudFormation was not answered, at %s: %s", parts.hostname, reason)
            if is_final or left < _LEAST_SECONDS:
                told = f"CloudFormation was not answered, at {parts.hostname}: {reason}"
                raise AnswerNotSentError(told, is_refused=is_final)
            self._sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    @staticmethod
    def _attempt(url: str, body: bytes, seconds: float) -> tuple[str | None, bool]:
        """Return why it failed, and whether it would fail again."""
        # The URL is signed for an empty content type; urllib would add one of its own.
        request = Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310 -- the scheme was checked
        try:
            with urlopen(request, timeout=seconds):  # noqa: S310 -- the same
                return None, False
        except HTTPError as error:
            with error:
                may_pass = error.code == _TOO_MANY or error.code >= _FIRST_SERVER_ERROR
                return f"HTTP status {error.code}", not may_pass
        except URLError as error:
            return str(error.reason), False
        except OSError as error:  # cut off, or too slow
            return f"{type(error).__name__}: {error}", False
        except (InvalidURL, ValueError):  # their text tells the URL
            return _NO_URL, True
        except HTTPException as error:
            return f"no answer in HTTP ({type(error).__name__})", False
