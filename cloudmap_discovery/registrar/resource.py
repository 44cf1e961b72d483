"""Carries out what CloudFormation asks of a `Custom::ServiceEndpoint`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.errors import DiscoveryError, OwnershipError, RegistrationError, StoreError
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.model import Instance
from cloudmap_discovery.registrar.adopting import remembering, without_memory
from cloudmap_discovery.registrar.patience import attempt_seconds
from cloudmap_discovery.registrar.properties import (
    WrongPropertiesError,
    check_size,
    read_identity,
    read_properties,
)
from cloudmap_discovery.registrar.requests import RESOURCE_TYPE, Outcome, physical_id
from cloudmap_discovery.registrar.withdrawing import record_of
from cloudmap_discovery.values import replace

if TYPE_CHECKING:
    from cloudmap_discovery.deadline import Deadline
    from cloudmap_discovery.plans import Plan
    from cloudmap_discovery.registrar.patience import Patience, SecondsLeft
    from cloudmap_discovery.registrar.permits import Permits
    from cloudmap_discovery.registrar.properties import ServiceEndpoint
    from cloudmap_discovery.registrar.requests import Request
    from cloudmap_discovery.registrar.sweeping import Sweeper
    from cloudmap_discovery.registrar.targets import Targets
    from cloudmap_discovery.registrar.withdrawing import Withdrawing
    from cloudmap_discovery.registry import Registry
    from cloudmap_discovery.stores.cloud_map_services import CloudMapServices

_BESIDES_SECONDS: Final = 10.0
_LEFT_BEHIND: Final = "record %s of %s may have been left behind: %s"


class NotPermittedError(DiscoveryError):
    """The registrar does not do this: its list of services and stages does not have it, or it is no type of its own."""


class TargetMissingError(DiscoveryError):
    """`Verify` was asked for, and the endpoint does not exist."""


class EndpointResource:
    """Registers on Create and Update, deregisters on Delete.

    `drain_seconds` is how long callers may go on using what they hold.
    """

    def __init__(
        self,
        registry: Registry,
        services: CloudMapServices,
        sweeper: Sweeper,
        targets: Targets,
        withdrawing: Withdrawing,
        patience: Patience,
        *,
        namespace: str,
        permits: Permits,
        default_stage: str | None,
        drain_seconds: float,
    ) -> None:
        self._registry = registry
        self._services = services
        self._sweeper = sweeper
        self._targets = targets
        self._withdrawing = withdrawing
        self._patience = patience
        self._namespace = namespace
        self._permits = permits
        self._default_stage = default_stage
        self._drain_seconds = drain_seconds

    async def handle(self, request: Request, seconds_left: SecondsLeft) -> Outcome:
        """Do what is asked, and return what to answer.

        `seconds_left` says how much of the function's time remains, what answering takes already off. Raises a
        `DiscoveryError`, whose text goes into the stack's events. Nothing of what a failed Create or Update wrote
        stays, as far as AWS lets it be removed.
        """
        if request.kind == "Delete":
            return await self._withdrawing.delete(request, seconds_left)
        if not request.is_ours:
            raise NotPermittedError(
                f"this registrar serves {RESOURCE_TYPE}, not {request.resource_type}: check the ServiceToken"
            )
        wanted = await self._checked(request, seconds_left)
        plan = await self._patience.attempt(
            lambda timeout: self._registry.plan_register(**_arguments(request, wanted, timeout)), seconds_left
        )
        if plan.refusal is not None:
            raise _in_template_words(plan.refusal)
        record, arn = await self._written(request, wanted, plan, seconds_left)
        if plan.present is None:
            await self._sweeper.in_use(record.service, self._deadline(_BESIDES_SECONDS))
        await self._clear_leftover(request, record, seconds_left)
        data = {
            "InstanceId": record.id,
            "ServiceArn": arn or "",
            "Service": record.service,
            "Stage": record.stage,
            "Endpoint": record.endpoint,
            "Namespace": self._namespace,
        }
        drain = _drain(wanted, plan, request, self._drain_seconds)
        note = await self._patience.drain(drain, seconds_left)
        return Outcome(physical_id(self._namespace, record.service, record.id), data, note)

    async def _checked(self, request: Request, seconds_left: SecondsLeft) -> ServiceEndpoint:
        """Return what is wanted, if it is right, permitted, and, where that is asked for, there."""
        wanted = read_properties(request.properties, default_stage=self._default_stage)
        refused = self._permits.refusal(wanted.identity.service, wanted.identity.stage)
        if refused is not None:
            raise NotPermittedError(refused)
        check_size(wanted, request.owner, request.logical_id)
        if wanted.verify:
            fault = await self._patience.attempt(lambda _: self._targets.fault(wanted.endpoint), seconds_left)
            if fault is not None:
                raise TargetMissingError(f"Endpoint is {wanted.endpoint!r}, and Verify is on: {fault}")
        return wanted

    async def _written(
        self, request: Request, wanted: ServiceEndpoint, plan: Plan, seconds_left: SecondsLeft
    ) -> tuple[Instance, str | None]:
        """Write the record; return it, and the ARN of its service."""
        remembers = self._remembering(request, wanted, plan)
        try:
            record: Instance = await self._patience.attempt(
                lambda timeout: self._registry.register(**_arguments(request, remembers, timeout)),
                seconds_left,
            )
            arn = await self._patience.attempt(
                lambda timeout: self._services.arn(self._namespace, record.service, self._deadline(timeout)),
                seconds_left,
            )
        except OwnershipError as error:
            raise _in_template_words(error) from error
        except (StoreError, RegistrationError):
            await self._undo(request, plan, seconds_left)
            raise
        return record, arn

    def _remembering(self, request: Request, wanted: ServiceEndpoint, plan: Plan) -> ServiceEndpoint:
        """Return what is wanted, with what it has to remember of the owner that it is taken over from."""
        memory = remembering(plan.present, request.owner)
        remembers = replace(wanted, attributes=without_memory(wanted.attributes) | memory)
        try:
            check_size(remembers, request.owner, request.logical_id)
        except WrongPropertiesError:
            LOGGER.warning("the record does not hold what it replaces as well: it cannot be given back")
            return wanted
        return remembers

    async def _undo(self, request: Request, plan: Plan, seconds_left: SecondsLeft) -> None:
        """Remove what a failed attempt may have written under an id that CloudFormation will not learn.

        An Update answers a failure with the id that it had; a Create's Delete finds the record by its properties.
        """
        new = physical_id(self._namespace, plan.service, plan.instance_id)
        if request.physical_id in {None, new}:
            return
        record = Instance(plan.service, "-", plan.stage, id=plan.instance_id)
        try:
            if plan.present is None:
                await self._withdrawing.removed(self._namespace, record, request, seconds_left)
            elif plan.present.owner != request.owner:
                await self._withdrawing.given_back(self._namespace, record, request, seconds_left)
        except (StoreError, RegistrationError) as error:
            LOGGER.warning(_LEFT_BEHIND, record.id, record.service, error)

    async def _clear_leftover(self, request: Request, written: Instance, seconds_left: SecondsLeft) -> None:
        """Remove what an Update wrote that CloudFormation took for failed, and now takes back.

        Then the resource has the id of the properties that it gets back, and those that it had say another.
        """
        has_id_already = request.physical_id == physical_id(self._namespace, written.service, written.id)
        who = read_identity(request.old_properties, default_stage=self._default_stage)
        if request.kind != "Update" or not has_id_already or who is None:
            return
        leftover = record_of(who)
        if (leftover.service, leftover.id) == (written.service, written.id):
            return
        try:
            given = await self._withdrawing.given_back(self._namespace, leftover, request, seconds_left)
            if given is not None:
                return
            await self._registry.deregister(
                leftover,
                owner=request.owner,
                owner_ref=request.logical_id,
                timeout_seconds=attempt_seconds(seconds_left),
            )
        except (StoreError, RegistrationError) as error:
            LOGGER.warning(_LEFT_BEHIND, leftover.id, leftover.service, error)

    def _deadline(self, seconds: float) -> Deadline:
        return self._registry.deadline(seconds)


def _arguments(request: Request, wanted: ServiceEndpoint, timeout_seconds: float) -> dict[str, Any]:
    """Return the arguments of registering."""
    who = wanted.identity
    return {
        "service": who.service,
        "endpoint": wanted.endpoint,
        "stage": who.stage,
        "version": who.version,
        "tenant": who.tenant,
        "variant": who.variant,
        "weight": wanted.weight,
        "attributes": wanted.attributes,
        "owner": request.owner,
        "owner_ref": request.logical_id,
        "adopt": wanted.adopt,
        "timeout_seconds": timeout_seconds,
    }


def _drain(wanted: ServiceEndpoint, plan: Plan, request: Request, default_seconds: float) -> float:
    """Return how long to wait after writing: while the old address is still in callers' memory."""
    old = None if plan.present is None else plan.present.endpoint
    if old is None and request.kind == "Update":
        old = request.old_properties.get("Endpoint")
    if old is None or old == wanted.endpoint:
        return 0.0
    return default_seconds if wanted.drain_seconds is None else wanted.drain_seconds


def _in_template_words(error: OwnershipError) -> OwnershipError:
    told = error.fresh()
    told.args = (str(error).replace("pass adopt=True to take it over", "set Adopt: true to take it over"),)
    return told
