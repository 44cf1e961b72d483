"""What the tests of the registrar's calls without the SDK share: AWS's service models of them, and the protocols."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from botocore.session import Session

from cloudmap_discovery.transport.direct_protocol import protocol_of
from cloudmap_discovery.transport.direct_rest import REGISTRAR_SERVICES

if TYPE_CHECKING:
    from botocore.model import OperationModel

    from cloudmap_discovery.transport.direct_protocol import ServiceProtocol

REST: Final = ("lambda", "apigateway", "apigatewayv2")


def sdk_session() -> Session:
    session = Session()
    session.set_config_variable("config_file", os.devnull)
    session.set_credentials("AKIDEXAMPLE", "the secret")
    return session


SESSION: Final = sdk_session()
MODELS: Final = {service: SESSION.get_service_model(service) for service in REGISTRAR_SERVICES}
OPERATIONS: Final = [
    (service, operation)
    for service, model in MODELS.items()
    for operation in model.operation_names
    if REGISTRAR_SERVICES[service].can(operation)
]


def model_of(service: str, operation: str) -> OperationModel:
    return MODELS[service].operation_model(operation)


def speaking(service: str) -> ServiceProtocol:
    protocol = protocol_of(service)
    assert protocol is not None
    return protocol
