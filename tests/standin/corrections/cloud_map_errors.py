"""Cloud Map's errors as it sends them: HTTP 400, JSON 1.1, with the members its model gives them.

moto sends `{"__type", "message"}` with the bare id as the message; the model has `Message`, and further members for
DuplicateRequest, NamespaceAlreadyExists and ServiceAlreadyExists that callers need to go on.
"""

import json

from moto.core.exceptions import JsonRESTError


class CloudMapError(JsonRESTError):
    """Any modeled error; `members` are those of its shape beyond `Message`."""

    code = 400

    def __init__(self, error_type: str, message: str, **members: str) -> None:
        super().__init__(error_type, message)
        self.description = json.dumps({"__type": error_type, "Message": message, **members})
        self.content_type = "application/x-amz-json-1.1"


class InvalidInputError(CloudMapError):
    def __init__(self, message: str) -> None:
        super().__init__("InvalidInput", message)


class NamespaceNotFoundError(CloudMapError):
    def __init__(self, namespace: str) -> None:
        super().__init__("NamespaceNotFound", f"The specified namespace ({namespace}) does not exist.")


class ServiceNotFoundError(CloudMapError):
    def __init__(self, service: str) -> None:
        super().__init__("ServiceNotFound", f"The specified service ({service}) does not exist.")


class InstanceNotFoundError(CloudMapError):
    def __init__(self, instance: str) -> None:
        super().__init__("InstanceNotFound", f"The specified instance ({instance}) does not exist.")


class OperationNotFoundError(CloudMapError):
    def __init__(self, operation: str) -> None:
        super().__init__("OperationNotFound", f"The specified operation ({operation}) does not exist.")


class ResourceNotFoundError(CloudMapError):
    def __init__(self, arn: str) -> None:
        super().__init__("ResourceNotFoundException", f"The specified resource ({arn}) does not exist.")


class ResourceInUseError(CloudMapError):
    def __init__(self, message: str) -> None:
        super().__init__("ResourceInUse", message)


class ResourceLimitExceededError(CloudMapError):
    def __init__(self, message: str) -> None:
        super().__init__("ResourceLimitExceeded", message)


class CustomHealthNotFoundError(CloudMapError):
    def __init__(self, service: str) -> None:
        super().__init__("CustomHealthNotFound", f"The service ({service}) has no custom health check.")


class TooManyTagsError(CloudMapError):
    def __init__(self, arn: str) -> None:
        super().__init__("TooManyTagsException", "A resource can have at most 50 tags.", ResourceName=arn)


class DuplicateRequestError(CloudMapError):
    def __init__(self, operation_id: str) -> None:
        message = f"Another operation is already in progress: {operation_id}"
        super().__init__("DuplicateRequest", message, DuplicateOperationId=operation_id)


class NamespaceAlreadyExistsError(CloudMapError):
    def __init__(self, namespace_id: str, creator_request_id: str | None) -> None:
        members = {"NamespaceId": namespace_id} | (
            {"CreatorRequestId": creator_request_id} if creator_request_id else {}
        )
        super().__init__(
            "NamespaceAlreadyExists", f"Namespace {namespace_id} has this name already.", **members
        )


class ServiceAlreadyExistsError(CloudMapError):
    def __init__(self, service_id: str, service_arn: str, creator_request_id: str | None) -> None:
        members = {"ServiceId": service_id, "ServiceArn": service_arn}
        members |= {"CreatorRequestId": creator_request_id} if creator_request_id else {}
        super().__init__("ServiceAlreadyExists", f"Service {service_id} has this name already.", **members)
