"""moto's WSGI applications, one per AWS service, with the corrected responses put in moto's place."""

import functools
import json
import logging
from typing import TYPE_CHECKING, Any

from flask import Response
from moto.core.base_backend import BackendDict
from moto.core.utils import convert_to_flask_response
from moto.moto_server.werkzeug_app import HTTP_METHODS, DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.exceptions import InternalServerError

from tests.standin.corrections.cloud_map_instances import CloudMapBackend
from tests.standin.corrections.cloud_map_responses import CloudMapResponse
from tests.standin.corrections.lambda_functions import FunctionsResponse
from tests.standin.corrections.parameter_store import ParameterStoreResponse
from tests.standin.corrections.tagged_resources import TaggingResponse

if TYPE_CHECKING:
    from flask import Flask
    from moto.core.responses import BaseResponse

    from tests.standin.conditions import Conditions

_LOGGER = logging.getLogger("tests.standin")


class Applications(DomainDispatcherApplication):
    """Dispatches by service as moto's server does; Cloud Map has backends that belong to this object alone."""

    def __init__(self, conditions: "Conditions") -> None:
        super().__init__(self._create_app)
        # A BackendDict makes its backends with (region_name, account_id); the conditions are bound beforehand.
        backend: Any = functools.partial(CloudMapBackend, conditions=conditions)
        self.cloud_map: BackendDict[CloudMapBackend] = BackendDict(backend, "servicediscovery")
        self._corrected: dict[str, type[BaseResponse]] = {
            "servicediscovery": CloudMapResponse.for_backends(self.cloud_map),
            "ssm": ParameterStoreResponse,
            "awslambda": FunctionsResponse,
            "lambda": FunctionsResponse,
            "resourcegroupstaggingapi": TaggingResponse,
        }

    def _create_app(self, service: Any) -> "Flask":
        app = create_backend_app(service)
        # Not debug: an exception then becomes an answer instead of ending the connection.
        app.debug = False
        app.register_error_handler(InternalServerError, _internal_failure)
        corrected = self._corrected.get(service)
        if corrected is not None:
            for endpoint in app.view_functions:
                app.view_functions[endpoint] = convert_to_flask_response(corrected.dispatch)
            if corrected is FunctionsResponse:  # moto's paths leave out names such as `users:$LATEST`
                dispatch = convert_to_flask_response(corrected.dispatch)
                app.add_url_rule("/<path:any>", "any", dispatch, methods=HTTP_METHODS, strict_slashes=False)
        return app

    def reset(self, account_id: str) -> None:
        """Forget what this account has in any of moto's services, and nobody else's."""
        for backends in list(BackendDict._instances):  # type: ignore[misc]  # moto says the same where it resets all
            if account_id in backends.keys():  # noqa: SIM118 - BackendDict's own `in` would be the same, but makes entries
                dict.pop(backends, account_id)
        self.cloud_map.clear()
        _forget_buckets(account_id)


def _forget_buckets(account_id: str) -> None:
    for bucket, (_, owner) in list(s3_backends.bucket_accounts.items()):
        if owner == account_id:
            del s3_backends.bucket_accounts[bucket]


def _internal_failure(error: InternalServerError) -> Response:
    """Say what moto cannot do: 501, which no SDK tries again, and what went wrong in it: 500, and the log says why."""
    if isinstance(error.original_exception, NotImplementedError):
        return _failure("NotImplemented", f"moto: {error.original_exception}", 501)
    _LOGGER.error("moto failed to answer", exc_info=error.original_exception)
    return _failure("InternalFailure", "The stand-in failed; its log says why.", 500)


def _failure(code: str, message: str, status: int) -> Response:
    return Response(json.dumps({"__type": code, "message": message}), status, content_type="application/json")
