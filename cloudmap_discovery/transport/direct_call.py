"""One call of the direct transport, from credentials to result, on the thread that it may block."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.errors import DiscoveryError, without_frames
from cloudmap_discovery.transport.credentials import CredentialsUnavailableError
from cloudmap_discovery.transport.direct_http import (
    BrokenAnswerError,
    ConnectFailedError,
    DeadConnectionError,
    Exchange,
    NoAnswerError,
)
from cloudmap_discovery.transport.direct_protocol import Answered, Refused, Unreadable
from cloudmap_discovery.transport.errors import (
    CREDENTIAL_CODES,
    error_answer,
    is_about_time,
    no_answer,
    no_connection,
    no_credentials,
    plain,
    unreadable_answer,
)
from cloudmap_discovery.transport.signing import sign

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudmap_discovery.clock import Clock
    from cloudmap_discovery.transport.credentials import CredentialSource
    from cloudmap_discovery.transport.direct_http import HttpAnswer, HttpConnections
    from cloudmap_discovery.transport.direct_protocol import Request, ServiceProtocol
    from cloudmap_discovery.transport.endpoints import Endpoint
    from cloudmap_discovery.transport.errors import Call
    from cloudmap_discovery.transport.signing import Credentials

# Whoever gives up on something after so much of the time does so because the time is up.
_ALL_BUT: Final = 0.9
# AWS allows for five minutes: by less than this, no other time would have made a signature good.
_NO_OTHER_TIME_SECONDS: Final = 60.0


class ServerTime:
    """The wall clock, corrected by what servers said of theirs."""

    def __init__(self, clock: Clock) -> None:
        self._wall = clock.wall
        self._correction_seconds = 0.0

    def now(self) -> float:
        """Return the time to sign with, in seconds since the epoch."""
        return self._wall() + self._correction_seconds

    def correct(self, date: str, signed_at: float) -> bool:
        """Set it by a `Date` header; return whether signing anew makes a difference to what was signed then."""
        told = _seconds_of(date)
        if told is None:
            return False
        self._correction_seconds = told - self._wall()
        return abs(told - signed_at) >= _NO_OTHER_TIME_SECONDS

    def forget(self) -> None:
        """Trust the wall clock again."""
        self._correction_seconds = 0.0


class DirectCall:
    """Blocks in `run`, on a thread of its own; everything else returns at once, on any thread."""

    def __init__(
        self,
        about: Call,
        endpoint: Endpoint,
        protocol: ServiceProtocol,
        request: Request,
        *,
        seconds: float,
        clock: Clock,
        time: ServerTime,
        credentials: CredentialSource,
        connections: HttpConnections,
        busy: set[DirectCall],
    ) -> None:
        self.about = about
        self._endpoint = endpoint
        self._protocol = protocol
        self._request = request
        self._seconds = seconds
        self._clock = clock
        self._started = clock.monotonic()
        self._time = time
        self._credentials = credentials
        self._connections = connections
        self._busy = busy
        self._doing: Callable[[], str] = self._waiting
        self._exchange: Exchange | None = None
        self._end = ""

    def run(self) -> Mapping[str, Any] | DiscoveryError:
        """Return the result, or the error to raise: as a value, so that none of this thread's frames goes along."""
        self._busy.add(self)
        try:
            return self._run()
        except DiscoveryError as error:
            return without_frames(error)
        except (
            BrokenAnswerError,
            ConnectFailedError,
            CredentialsUnavailableError,
            DeadConnectionError,
            NoAnswerError,
        ) as error:
            meaning = self._meaning_of(error)
            meaning.__cause__ = without_frames(error)
            return meaning
        finally:
            self._busy.discard(self)

    def end(self, reason: str) -> None:
        """Have it end soon: nothing more is sent, and what is under way is cut off."""
        self._end = self._end or reason
        if self._exchange is not None:
            self._exchange.abort()

    @property
    def doing(self) -> str:
        """What it spends its time on just now."""
        return self._doing()

    def _run(self) -> Mapping[str, Any] | DiscoveryError:
        self._go_on()
        self._doing = lambda: "fetching AWS credentials"
        credentials = self._credentials.current(timeout_seconds=self._seconds - self._spent_seconds)
        signed_at, answer = self._sent(credentials)
        said = self._read(answer)
        if _is_about_time(said) and self._time.correct(answer.headers.get("date", ""), signed_at):
            _, answer = self._sent(credentials)
            said = self._read(answer)
        match said:
            case Answered(result):
                return result
            case Refused(code, message, members):
                if plain(code) in CREDENTIAL_CODES and not _is_about_time(said):
                    self._credentials.reject(credentials)
                return error_answer(
                    self.about, status=answer.status, code=code, message=message, members=members
                )
            case Unreadable():
                return unreadable_answer(self.about, status=answer.status, body=answer.body)

    def _read(self, answer: HttpAnswer) -> Answered | Refused | Unreadable:
        return self._protocol.read(self.about.operation, answer.status, answer.headers, answer.body)

    def _sent(self, credentials: Credentials) -> tuple[float, HttpAnswer]:
        """Send it, and once again where a kept connection turned out dead, signed anew."""
        try:
            return self._sent_once(credentials)
        except DeadConnectionError:
            return self._sent_once(credentials)

    def _sent_once(self, credentials: Credentials) -> tuple[float, HttpAnswer]:
        exchange = Exchange(deadline=self._started + self._seconds, clock=self._clock)
        self._exchange = exchange
        self._doing = lambda: exchange.doing
        self._go_on()  # now that the exchange is there for `end` to see
        request = self._request
        url = self._endpoint.url + request.path
        signed_at = self._time.now()
        headers = sign(
            request.method,
            url,
            request.headers,
            request.body,
            service=self._endpoint.signing_name,
            region=self._endpoint.signing_region,
            credentials=credentials,
            at_seconds=signed_at,
            encodes_path=request.encodes_path,
        )
        return signed_at, self._connections.request(request.method, url, headers, request.body, exchange)

    def _go_on(self) -> None:
        if self._end:
            raise NoAnswerError(self._end)

    def _meaning_of(self, error: Exception) -> DiscoveryError:
        about = self.about
        if self._end:
            return no_connection(about, self._end)
        match error:
            case BrokenAnswerError():
                return unreadable_answer(about, status=error.status, body=error.body, reason=error.reason)
            case NoAnswerError():
                return no_answer(about, min(self._seconds, self._spent_seconds), error.detail)
            case CredentialsUnavailableError() if self._spent_seconds > self._seconds * _ALL_BUT:
                return no_answer(about, self._seconds, f"still {self.doing} ({error.reason})")
            case CredentialsUnavailableError():
                return no_credentials(about, error.reason, has_sdk=False)
            case _:
                return no_connection(about, str(error))

    @property
    def _spent_seconds(self) -> float:
        return self._clock.monotonic() - self._started

    def _waiting(self) -> str:
        return f"waiting for a thread: all were busy, {len(self._busy)} of them with other calls"


def _is_about_time(said: Answered | Refused | Unreadable) -> bool:
    return isinstance(said, Refused) and is_about_time(plain(said.code), said.message)


def _seconds_of(date: str) -> float | None:
    from datetime import UTC  # noqa: PLC0415 -- only a clock that is wrong needs it
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 -- the same

    try:
        moment = parsedate_to_datetime(date)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (IndexError, OverflowError, TypeError, ValueError):
        return None
