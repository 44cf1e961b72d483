"""What was asked of the stand-in: calls counted by operation, the latest requests kept whole."""

import threading
from collections import Counter, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.standin.identify import Request

_KEPT_REQUESTS = 10_000


class Journal:
    """Counts every request that arrives, also those that a fault then swallows."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._requests: deque[Request] = deque(maxlen=_KEPT_REQUESTS)

    def record(self, request: "Request") -> None:
        with self._lock:
            self._calls[request.name] += 1
            self._requests.append(request)

    def calls(self) -> dict[str, int]:
        with self._lock:
            return dict(sorted(self._calls.items()))

    def requests(self, target: str = "*") -> list["Request"]:
        """Return the requests for `*`, a service, or `service:Operation`, oldest first."""
        with self._lock:
            kept = list(self._requests)
        return [request for request in kept if target in {"*", request.service, request.name}]

    def reset(self) -> None:
        with self._lock:
            self._calls.clear()
            self._requests.clear()
