"""What an event of EventBridge hints at: functions to look at, beside all that are listed anyway."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from cloudmap_discovery.registrar.permits import Home

_SCHEDULED: Final = "Scheduled Event"
_MOST_OF_A_NAME: Final = 100


@value
class Hints:
    """What one run is to do beside reconciling: look at `functions` (ARNs), and, where `scheduled`, mend the rest too."""

    functions: frozenset[str] = frozenset()
    scheduled: bool = False
    triggers: tuple[str, ...] = ()


def read_hints(event: Mapping[str, Any], home: Home) -> Hints:
    """Return what an event, or a batch of them from a queue, hints at; whatever it is, it is no more than that.

    Raises nothing for what is not understood: reading everything anew is right after any event.
    """
    functions: set[str] = set()
    triggers: dict[str, None] = {}
    scheduled = False
    for one in _events(event):
        detail = one.get("detail")
        detail = detail if isinstance(detail, Mapping) else {}
        kind = one.get("detail-type")
        scheduled = scheduled or kind == _SCHEDULED
        triggers[_name(detail.get("eventName")) or _name(kind) or "unknown"] = None
        for reference in _references(detail):
            function = home.function(reference)
            if function is not None:
                functions.add(function)
    return Hints(frozenset(functions), scheduled, tuple(triggers))


def _events(event: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    records = event.get("Records")
    if not isinstance(records, list):
        return [event]
    found = []
    for record in records:
        try:
            body = json.loads(record["body"])
        except (KeyError, TypeError, ValueError, RecursionError):
            body = {}
        found.append(body if isinstance(body, Mapping) else {})
    return found


def _name(found: Any) -> str:
    return found[:_MOST_OF_A_NAME] if isinstance(found, str) else ""


def _references(detail: Mapping[str, Any]) -> list[Any]:
    parameters, response = detail.get("requestParameters"), detail.get("responseElements")
    found = []
    if isinstance(parameters, Mapping):
        found += [parameters.get("functionName"), parameters.get("resource")]
    if isinstance(response, Mapping):
        found += [response.get("functionArn")]
    return found
