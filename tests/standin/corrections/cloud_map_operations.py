"""moto's Cloud Map backend, corrected: operations that take their time, may fail, and exclude each other."""

from collections.abc import Callable, Iterable
from threading import RLock
from typing import TYPE_CHECKING

from moto.servicediscovery.models import ServiceDiscoveryBackend

from tests.standin.corrections.cloud_map_errors import DuplicateRequestError, OperationNotFoundError
from tests.standin.corrections.cloud_map_models import PendingOperation

if TYPE_CHECKING:
    from tests.standin.conditions import Conditions


class OperationsBackend(ServiceDiscoveryBackend):
    """Everything is called with `lock` held and after `settle`, so that operations that have ended are done."""

    def __init__(self, region_name: str, account_id: str, *, conditions: "Conditions") -> None:
        super().__init__(region_name, account_id)
        self.conditions = conditions
        self.lock = RLock()
        self._pending: dict[tuple[str, ...], PendingOperation] = {}

    @property
    def now(self) -> float:
        return self.conditions.clock.now()

    def settle(self) -> None:
        """Do what the operations that have ended by now were to do, in the order in which they ended."""
        ended = [entry for entry in self._pending.items() if entry[1].ends_at <= self.now]
        for subject, operation in sorted(ended, key=lambda entry: entry[1].ends_at):
            del self._pending[subject]
            if operation.failure is None and operation.apply is not None:
                operation.apply(operation.ends_at)

    def _create_operation(self, op_type: str, targets: dict[str, str]) -> str:
        operation = PendingOperation(
            op_type,
            targets,
            submitted_at=self.now,
            seconds=self.conditions.settings.operation_seconds,
            failure=self.conditions.take_failure(),
            owner_account=self.account_id,
        )
        self.operations[operation.id] = operation
        return operation.id

    def _submit(
        self,
        op_type: str,
        targets: dict[str, str],
        *,
        subject: tuple[str, ...],
        apply: Callable[[float], None],
    ) -> str:
        """Start an operation on `subject`, on which no other can start until it has ended."""
        operation_id = self._create_operation(op_type, targets)
        self._start(operation_id, subject, apply)
        return operation_id

    def _start(self, operation_id: str, subject: tuple[str, ...], apply: Callable[[float], None]) -> None:
        operation = self._operation(operation_id)
        operation.apply = apply
        self._pending[subject] = operation
        self.settle()

    def _refuse_duplicate(self, *subject: str) -> None:
        """RegisterInstance: "One RegisterInstance request must complete before you can submit another request and
        specify the same service ID and instance ID"; DuplicateRequest: "The operation is already in progress",
        DuplicateOperationId: "The ID of the operation that's already in progress"."""
        pending = self._pending.get(subject)
        if pending is not None:
            raise DuplicateRequestError(pending.id)

    def _operation(self, operation_id: str) -> PendingOperation:
        operation = self.operations.get(operation_id)
        if not isinstance(operation, PendingOperation):
            raise OperationNotFoundError(operation_id)
        return operation

    def get_operation(self, operation_id: str) -> PendingOperation:
        return self._operation(operation_id)

    def list_operations(self) -> Iterable[PendingOperation]:
        """moto forgets the operations of namespaces that are gone, and of all instances; AWS lists them."""
        return [
            operation for operation in self.operations.values() if isinstance(operation, PendingOperation)
        ]
