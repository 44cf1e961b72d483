"""The Filters of ListNamespaces, ListServices and ListOperations, which moto ignores."""

from typing import TYPE_CHECKING, Any

from tests.standin.corrections.cloud_map_errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moto.servicediscovery.models import Namespace, Service

    from tests.standin.corrections.cloud_map_models import PendingOperation

# Which conditions the documentation allows for which filter; EQ is "the default condition and can be omitted".
_NAMESPACE_CONDITIONS = {
    "TYPE": {"EQ", "BEGINS_WITH"},
    "NAME": {"EQ", "BEGINS_WITH"},
    "HTTP_NAME": {"EQ", "BEGINS_WITH"},
    "RESOURCE_OWNER": {"EQ"},
}
_SERVICE_CONDITIONS = {"NAMESPACE_ID": {"EQ"}, "RESOURCE_OWNER": {"EQ"}}
_OPERATION_CONDITIONS = {
    "NAMESPACE_ID": {"EQ"},
    "SERVICE_ID": {"EQ"},
    "STATUS": {"EQ", "IN"},
    "TYPE": {"EQ", "IN"},
    "UPDATE_DATE": {"BETWEEN"},
}

Filter = dict[str, Any]


def matching_namespaces(namespaces: "Iterable[Namespace]", filters: list[Filter]) -> "list[Namespace]":
    """Return those that match all filters."""
    _check(filters, _NAMESPACE_CONDITIONS)
    return [namespace for namespace in namespaces if _match_all(_namespace_fields(namespace), filters)]


def matching_services(services: "Iterable[Service]", filters: list[Filter]) -> "list[Service]":
    """Return those that match all filters; NAMESPACE_ID takes an id or an ARN."""
    _check(filters, _SERVICE_CONDITIONS)
    by_id = [{**f, "Values": [value.rsplit("/", 1)[-1] for value in f["Values"]]} for f in filters]
    return [
        service
        for service in services
        if _match_all({"NAMESPACE_ID": service.namespace_id, "RESOURCE_OWNER": "SELF"}, by_id)
    ]


def matching_operations(
    operations: "Iterable[PendingOperation]", filters: list[Filter], now: float
) -> "list[PendingOperation]":
    """Return those that match all filters as they stand now."""
    _check(filters, _OPERATION_CONDITIONS)
    return [operation for operation in operations if _match_all(_operation_fields(operation, now), filters)]


def _namespace_fields(namespace: "Namespace") -> dict[str, str]:
    return {
        "TYPE": namespace.type,
        "NAME": namespace.name,
        "HTTP_NAME": namespace.http_properties["HttpName"],
        "RESOURCE_OWNER": "SELF",
    }


def _operation_fields(operation: "PendingOperation", now: float) -> dict[str, str]:
    return {
        "NAMESPACE_ID": operation.targets.get("NAMESPACE", ""),
        "SERVICE_ID": operation.targets.get("SERVICE", ""),
        "STATUS": operation.status_at(now),
        "TYPE": operation.operation_type,
        "UPDATE_DATE": str(operation.updated_at(now)),
    }


def _check(filters: list[Filter], conditions: "Mapping[str, set[str]]") -> None:
    for given in filters:
        condition = given.get("Condition") or next(iter({"EQ", "BETWEEN"} & conditions[given["Name"]]))
        if condition not in conditions[given["Name"]]:
            raise InvalidInputError(f"condition {condition} is not supported for {given['Name']}")
        wanted = {"IN": None, "BETWEEN": 2}.get(condition, 1)
        if wanted is not None and len(given["Values"]) != wanted:
            raise InvalidInputError(
                f"{given['Name']} with {condition} takes {wanted} value(s), not {len(given['Values'])}"
            )


def _match_all(fields: "Mapping[str, str]", filters: list[Filter]) -> bool:
    return all(_match(fields[given["Name"]], given) for given in filters)


def _match(field: str, given: Filter) -> bool:
    values = given["Values"]
    match given.get("Condition", "BETWEEN" if given["Name"] == "UPDATE_DATE" else "EQ"):
        case "BEGINS_WITH":
            return field.startswith(values[0])
        case "BETWEEN":
            return float(values[0]) <= float(field) <= float(values[1])
        case _:
            # The documentation of OperationFilter writes SUCCEED where GetOperation's status is SUCCESS.
            return field in values or (field == "SUCCESS" and "SUCCEED" in values)
