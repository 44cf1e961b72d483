"""Carries out what CloudFormation asks of a `Custom::ServiceEndpoint`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.errors import DiscoveryError, OwnershipError, RegistrationError, StoreError
from cloudmap_discovery.events import LOGGER
from cloudmap_discovery.model import Instance
from cloudmap_discovery.registrar.adopting import (
    memory_of,
    remembered,
    same_content,
    to_remember,
)
from cloudmap_discovery.registrar.properties import (
    WrongPropertiesError,
    check_size,
    read_identity,
    read_properties,
)
from cloudmap_discovery.registrar.requests import RESOURCE_TYPE, Outcome, physical_id
from cloudmap_discovery.registrar.withdrawing import LATE, record_of
from cloudmap_discovery.registration import MANUAL_OWNER
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


class LateRequestError(DiscoveryError):
    """CloudFormation has asked for something else since, and that has been done."""


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
        wanted = read_properties(request.properties, default_stage=self._default_stage)
        marked = replace(wanted, attributes={**wanted.attributes, **request.claimant.marks})
        if request.kind != "Update":
            self._permit(request, marked)
        plan = await self._patience.attempt(
            lambda timeout: self._registry.plan_register(**_arguments(request, marked, timeout)), seconds_left
        )
        if plan.present is not None and request.claimant.is_late(plan.present):
            raise LateRequestError(LATE)
        as_before = _as_before(request, plan)
        if as_before is not None and not request.claimant.has(as_before):
            await self._clear_leftover(request, as_before, seconds_left)
            arn = await self._arn(as_before.service, seconds_left)
            owner = as_before.owner or MANUAL_OWNER
            return self._outcome(wanted, as_before, arn, f"the record stays: it is {owner}'s by now")
        if as_before is None:
            self._permit(request, marked)
            await self._check(wanted, plan, seconds_left)
        record, arn, note = await self._written(request, marked, plan, seconds_left)
        if plan.present is None:
            await self._sweeper.in_use(record.service, self._deadline(_BESIDES_SECONDS))
        await self._clear_leftover(request, record, seconds_left)
        drained = await self._patience.drain(_drain(wanted, plan, request, self._drain_seconds), seconds_left)
        return self._outcome(wanted, record, arn, note or drained)

    def _outcome(self, wanted: ServiceEndpoint, record: Instance, arn: str, note: str) -> Outcome:
        data = {
            "InstanceId": record.id,
            "ServiceArn": arn,
            "Service": record.service,
            "Stage": record.stage,
            "Endpoint": wanted.endpoint,
            "Namespace": self._namespace,
        }
        return Outcome(physical_id(self._namespace, record.service, record.id), data, note)

    async def _arn(self, service: str, seconds_left: SecondsLeft) -> str:
        found = await self._patience.attempt(
            lambda timeout: self._services.arn(self._namespace, service, self._deadline(timeout)),
            seconds_left,
        )
        return found or ""

    def _permit(self, request: Request, wanted: ServiceEndpoint) -> None:
        """Raise where what is wanted is not this registrar's to write, or too large."""
        refused = self._permits.refusal(wanted.identity.service, wanted.identity.stage)
        if refused is not None:
            raise NotPermittedError(refused)
        check_size(wanted, request.owner, request.logical_id)

    async def _check(self, wanted: ServiceEndpoint, plan: Plan, seconds_left: SecondsLeft) -> None:
        """Raise where the record is another's, or the endpoint, if that is to be verified, not there."""
        if plan.refusal is not None:
            raise _in_template_words(plan.refusal)
        if wanted.verify:
            fault = await self._patience.attempt(lambda _: self._targets.fault(wanted.endpoint), seconds_left)
            if fault is not None:
                raise TargetMissingError(f"Endpoint is {wanted.endpoint!r}, and Verify is on: {fault}")

    async def _written(
        self, request: Request, wanted: ServiceEndpoint, plan: Plan, seconds_left: SecondsLeft
    ) -> tuple[Instance, str, str]:
        """Write the record; return it, the ARN of its service, and what there is to say of it."""
        remembers, note = self._remembering(request, wanted, plan)
        try:
            record: Instance = await self._patience.attempt(
                lambda timeout: self._registry.register(**_arguments(request, remembers, timeout)),
                seconds_left,
            )
            arn = await self._arn(record.service, seconds_left)
        except OwnershipError as error:
            raise _in_template_words(error) from error
        except (StoreError, RegistrationError):
            await self._undo(request, plan, seconds_left)
            raise
        return record, arn, note

    def _remembering(
        self, request: Request, wanted: ServiceEndpoint, plan: Plan
    ) -> tuple[ServiceEndpoint, str]:
        """Return what is wanted, with what it has to remember of those that it is taken over from, and what to say."""
        before = to_remember(plan.present, request.claimant)
        for kept in range(len(before), 0, -1):  # the latest first: the oldest are the first to be forgotten
            remembers = replace(wanted, attributes={**wanted.attributes, **memory_of(before[:kept])})
            try:
                check_size(remembers, request.owner, request.logical_id)
            except WrongPropertiesError:
                continue
            return remembers, ""
        if not before:
            return wanted, ""
        note = f"the record of {before[0].owner} does not fit into it as well: it cannot be given back"
        LOGGER.warning("%s", note)
        return wanted, note

    async def _undo(self, request: Request, plan: Plan, seconds_left: SecondsLeft) -> None:
        """Take back what a failed attempt may have written under an id that CloudFormation will not learn.

        An Update answers a failure with the id that it had; a Create's Delete finds the record by its properties.
        """
        new = physical_id(self._namespace, plan.service, plan.instance_id)
        if request.physical_id in {None, new}:
            return
        await self._withdraw(
            request, Instance(plan.service, "-", plan.stage, id=plan.instance_id), seconds_left
        )

    async def _clear_leftover(self, request: Request, written: Instance, seconds_left: SecondsLeft) -> None:
        """Take back what an Update wrote that CloudFormation took for failed, and now takes back.

        Then the resource has the id of the properties that it gets back, and those that it had say another.
        """
        has_id_already = request.physical_id == physical_id(self._namespace, written.service, written.id)
        who = read_identity(request.old_properties, default_stage=self._default_stage)
        if request.kind != "Update" or not has_id_already or who is None:
            return
        leftover = record_of(who)
        if (leftover.service, leftover.id) != (written.service, written.id):
            await self._withdraw(request, leftover, seconds_left)

    async def _withdraw(self, request: Request, record: Instance, seconds_left: SecondsLeft) -> None:
        try:
            await self._withdrawing.withdrawn(self._namespace, record, request, seconds_left)
        except (StoreError, RegistrationError) as error:
            LOGGER.warning(_LEFT_BEHIND, record.id, record.service, error)

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


def _as_before(request: Request, plan: Plan) -> Instance | None:
    """Return the record that is there where an Update asks for nothing else than what it has already, or had.

    So do those that take back an Update that was refused: what is refused now, too, must not fail these. Where
    somebody else has taken the record over since, his stays.
    """
    if request.kind != "Update" or plan.present is None or plan.written is None:
        return None
    wanted = plan.written
    if request.claimant.has(plan.present):
        return plan.present if same_content(plan.present, wanted) else None
    if plan.refusal is None:
        return None  # it may take it over
    before = (one for one in remembered(plan.present) if request.claimant.has(one))
    return plan.present if any(same_content(one, wanted) for one in before) else None


def _drain(wanted: ServiceEndpoint, plan: Plan, request: Request, default_seconds: float) -> float:
    """Return how long to wait after writing: while an old address is still in callers' memory."""
    before = {None if plan.present is None else plan.present.endpoint}
    if request.kind == "Update":
        before.add(request.old_properties.get("Endpoint"))
    if before <= {None, wanted.endpoint}:
        return 0.0
    return default_seconds if wanted.drain_seconds is None else wanted.drain_seconds


def _in_template_words(error: OwnershipError) -> OwnershipError:
    told = error.fresh()
    told.args = (str(error).replace("pass adopt=True to take it over", "set Adopt: true to take it over"),)
    return told
