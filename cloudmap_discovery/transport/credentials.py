"""Credentials from the variables, else from the container endpoint, held and refreshed before they expire."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.transport.signing import Credentials
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudmap_discovery.clock import Clock, Instant

RELATIVE_URI: Final = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
FULL_URI: Final = "AWS_CONTAINER_CREDENTIALS_FULL_URI"

_KEY_ID: Final = "AWS_ACCESS_KEY_ID"
_SECRET: Final = "AWS_SECRET_ACCESS_KEY"  # noqa: S105 -- the name of a variable
_TOKENS: Final = ("AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN")  # the SDK's order
_BEFORE_CONTAINERS: Final = ("AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE")
_HALF: Final = "half of a key pair is there: give both, or neither"

# The SDK's figure for when it first tries.
_REFRESH_SECONDS: Final = 900.0
# So long what was fetched is good, whatever the clock says, and so long nothing is fetched again for being old.
_PAUSE_SECONDS: Final = 60.0


class CredentialsUnavailableError(Exception):
    """There are no credentials, or they could not be had; `reason` says why, and shows no secret."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CredentialSource:
    """Finds credentials, in the SDK's order; from any thread.

    The variables are read at every call. What they say of an expiry counts for nothing: AWS is the judge of that.
    A call may lose `ahead_seconds` by fetching the next credentials while there are others. A fetch with all its attempts
    takes at most `fetch_seconds`, and goes on where whoever asked for it gives up: a later call finds what came.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        clock: Clock,
        ahead_seconds: float = 0.3,
        fetch_seconds: float = 5.0,
    ) -> None:
        self._environment = environment
        self._fetch_seconds = fetch_seconds
        self._clock = clock
        self._ahead_seconds = ahead_seconds
        self._shelf = _Shelf()

    def load(self) -> None:
        """Import what fetches credentials, if they will have to be fetched."""
        if self.is_configured() and not self._environment.get(_KEY_ID):
            from cloudmap_discovery.transport import container_endpoint  # noqa: F401, PLC0415 -- few have one

    def is_configured(self) -> bool:
        """Return whether variables or a container endpoint are there; no I/O, and never raises."""
        return any(self._environment.get(name) for name in (_KEY_ID, RELATIVE_URI, FULL_URI))

    def is_overruled(self) -> bool:
        """Return whether the SDK would take a profile or a web identity before the container endpoint's; no I/O."""
        return not self._environment.get(_KEY_ID) and any(map(self._environment.get, _BEFORE_CONTAINERS))

    def current(self, *, timeout_seconds: float) -> Credentials:
        """Return credentials to sign with now; blocks for at most `timeout_seconds` if they have to be fetched.

        In the last 15 minutes before they expire, they are fetched anew; if that fails, or takes longer than
        `ahead_seconds`, those that are there stay in use, and it is tried again after a minute. They expire by the
        local clock, or by the time since they were fetched if that is sooner; where the clock is ahead, so that new
        ones look expired, they are good for a minute. Where it is behind, AWS notices first: see `reject`.

        Raises a `CredentialsUnavailableError`, or a `ConfigurationError` for half a key pair or a URI that is refused.
        """
        if self._environment.get(_KEY_ID):
            return _of_variables(self._environment)
        if self.is_configured():
            return self._of_container(timeout_seconds)
        if self._environment.get(_SECRET):
            raise ConfigurationError(_KEY_ID, None, _HALF)
        raise CredentialsUnavailableError(f"neither {_KEY_ID} nor {FULL_URI} is set")

    def reject(self, credentials: Credentials) -> None:
        """Take note that AWS did not accept these: they are not used again if they were fetched. No I/O."""
        shelf = self._shelf
        if shelf.held is not None and shelf.held.credentials == credentials:
            shelf.held = None

    def forget(self) -> None:
        """Use nothing that was fetched before, nor a lock that may be held for ever: after a fork or a restore."""
        self._shelf = _Shelf()

    def _of_container(self, timeout_seconds: float) -> Credentials:
        shelf = self._shelf
        now = self._clock.now()
        if (ready := shelf.ready(now)) is not None:
            return ready
        spare = shelf.good(now)
        with shelf.lock:
            fetch = shelf.fetch
            if is_first := fetch is None or fetch.done.is_set():
                if (ready := shelf.ready(self._clock.now())) is not None:
                    return ready
                fetch = shelf.fetch = self._begun(shelf)
        ahead_seconds = min(timeout_seconds, self._ahead_seconds) if is_first else 0.0
        fetch.done.wait(max(timeout_seconds if spare is None else ahead_seconds, 0.0))
        if (found := shelf.good(self._clock.now())) is not None:
            return found
        if not fetch.done.is_set():
            raise CredentialsUnavailableError(f"they were still being fetched after {timeout_seconds:.3g} s")
        raise fetch.failure()

    def _begun(self, shelf: _Shelf) -> _Fetch:
        fetch = _Fetch()
        shelf.tried = self._clock.now()
        threading.Thread(
            target=self._fetch,
            args=(shelf, fetch, shelf.tried),
            name="cloudmap-discovery-credentials",
            daemon=True,
        ).start()
        return fetch

    def _fetch(self, shelf: _Shelf, fetch: _Fetch, now: Instant) -> None:
        from cloudmap_discovery.transport import container_endpoint  # noqa: PLC0415 -- few have one

        try:
            credentials, expires_at_seconds = container_endpoint.fetch(
                self._environment, clock=self._clock, timeout_seconds=self._fetch_seconds
            )
            shelf.held = _Held(credentials, now, max(expires_at_seconds - now.wall, _PAUSE_SECONDS))
        except BaseException as error:  # noqa: BLE001 -- whoever waits gets it
            fetch.error = error
        finally:
            fetch.done.set()


class _Fetch:
    """One fetch under way, whoever waits for it, and what went wrong."""

    __slots__ = ("done", "error")

    def __init__(self) -> None:
        self.done = threading.Event()
        self.error: BaseException | None = None

    def failure(self) -> BaseException:
        """Return why there are no credentials, as an exception for one who waited."""
        match self.error:
            case CredentialsUnavailableError() as error:
                return CredentialsUnavailableError(error.reason)
            case ConfigurationError() as error:
                return error.fresh()
            case None:
                return CredentialsUnavailableError("those that came are not good any more")
            case error:
                return error


@value
class _Held:
    """Credentials as they were fetched, and for how long from then on they are good."""

    credentials: Credentials
    fetched: Instant
    good_seconds: float

    def seconds_left(self, now: Instant) -> float:
        return self.good_seconds - now.longest_since(self.fetched)


class _Shelf:
    """What threads share: one fetch at a time, what came of it, and when it was last tried."""

    __slots__ = ("fetch", "held", "lock", "tried")

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.fetch: _Fetch | None = None
        self.held: _Held | None = None
        self.tried: Instant | None = None

    def good(self, now: Instant) -> Credentials | None:
        held = self.held
        return held.credentials if held is not None and held.seconds_left(now) > 0 else None

    def ready(self, now: Instant) -> Credentials | None:
        held, tried = self.held, self.tried
        if held is None or (left := held.seconds_left(now)) <= 0:
            return None
        is_early = tried is not None and 0 <= now.seconds_since(tried) < _PAUSE_SECONDS
        return held.credentials if left > _REFRESH_SECONDS or is_early else None


def is_header_text(text: str) -> bool:
    """Return whether a secret can be sent in a header: if not, the error of what sends it would show it."""
    return text.isascii() and text.isprintable()


def _of_variables(environment: Mapping[str, str]) -> Credentials:
    if not environment.get(_SECRET):
        raise ConfigurationError(_SECRET, None, _HALF)
    token = next((name for name in _TOKENS if environment.get(name)), None)
    for name in (_KEY_ID, _SECRET, token):
        if name is not None and not is_header_text(environment[name]):
            raise ConfigurationError(name, "(not shown)", "one line of ASCII text")
    return Credentials(environment[_KEY_ID], environment[_SECRET], environment[token] if token else None)
