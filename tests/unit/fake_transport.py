"""A transport that answers from a script, and holds calls and answers against AWS's own service model."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.session import Session
from botocore.validate import ParamValidator

from cloudmap_discovery.errors import RemoteError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Reply = Mapping[str, Any] | StoreError
    Answer = Reply | Callable[[Mapping[str, Any]], Reply]

# Codes that any operation of any service may answer.
COMMON_CODES = frozenset({"ValidationException", "InternalFailure", "ServiceUnavailable"})
# What S3 answers, and its model does not say.
S3_CODES = frozenset(
    {"304", "PreconditionFailed", "ConditionalRequestConflict", "NoSuchBucket", "NoSuchKey", "SlowDown"}
)


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was made."""

    service: str
    operation: str
    params: Mapping[str, Any]
    timeout_seconds: float


class FakeTransport:
    """Answers each operation with what was scripted for it, in order; the last answer repeats.

    An answer is a result, a `StoreError` to raise, or a function of the parameters that returns one of these.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.is_closed = False
        self._answers: dict[str, deque[Answer]] = {}

    def answer(self, operation: str, *answers: Answer) -> None:
        self._answers[operation] = deque(answers)

    @property
    def operations(self) -> list[str]:
        return [call.operation for call in self.calls]

    def params(self, operation: str) -> list[Mapping[str, Any]]:
        return [call.params for call in self.calls if call.operation == operation]

    async def call(
        self, service: str, operation: str, params: Mapping[str, Any], *, timeout_seconds: float
    ) -> Mapping[str, Any]:
        model = service_model(service).operation_model(operation)
        _conform(params, model.input_shape)
        assert timeout_seconds > 0, f"{operation} was given no time"
        self.calls.append(Call(service, operation, dict(params), timeout_seconds))
        answers = self._answers.get(operation)
        assert answers, f"no answer is scripted for {operation} {dict(params)}"
        await asyncio.sleep(0)
        answer = answers[0] if len(answers) == 1 else answers.popleft()
        reply = answer(params) if callable(answer) else answer
        if isinstance(reply, StoreError):
            if isinstance(reply, RemoteError):
                _conform_error(reply, model)
            raise reply.fresh()
        _conform(reply, model.output_shape)
        return reply

    async def aclose(self) -> None:
        self.is_closed = True

    def forget(self) -> None:
        self.is_closed = True


def remote(code: str, **members: str) -> RemoteError:
    return RemoteError("as AWS words it", code=code, status=400, members=members, service="servicediscovery")


@cache
def service_model(service: str) -> Any:
    return Session().get_service_model(service)


def _conform(value: Mapping[str, Any], shape: Any) -> None:
    if shape is None:
        assert not value
        return
    report = ParamValidator().validate(dict(value), shape)
    assert not report.has_errors(), f"{shape.name}: {report.generate_report()}"


def _conform_error(error: RemoteError, model: Any) -> None:
    shapes = {shape.name: shape for shape in model.error_shapes}
    known = COMMON_CODES | shapes.keys() | (S3_CODES if model.service_model.service_name == "s3" else set())
    assert error.code in known, f"{model.name} has no error {error.code}"
    if error.code in shapes:
        assert error.members.keys() <= shapes[error.code].members.keys()
