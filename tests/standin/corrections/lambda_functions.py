"""moto's Lambda, corrected for functions: names of every form, qualifiers, aliases, URLs, tags, and the statuses of answers."""

import json
import re
from urllib.parse import unquote

from moto.awslambda.exceptions import (
    GenericResourcNotFound,
    InvalidParameterValueException,
    LambdaClientError,
)
from moto.awslambda.models import FunctionUrlConfig, LambdaFunction
from moto.awslambda.utils import make_function_arn
from moto.core.common_types import TYPE_RESPONSE
from moto.core.utils import get_service_model

from tests.standin.corrections.lambda_layers import LayersResponse
from tests.standin.corrections.modeled import as_modeled

# FunctionName, its pattern, and "You can append a version number or alias to any of the formats": a name, an ARN, or
# the end of one.
_FUNCTION = re.compile(
    r"(?:arn:aws[a-zA-Z-]*:lambda:)?(?:(?P<region>[a-z]{2,4}(?:-[a-z]+)+-\d):)?(?:(?P<account>\d{12}):)?(?:function:)?"
    r"(?P<name>[\w-]+)(?::(?P<qualifier>\$LATEST|[\w-]+))?"
)
# `responseCode` in the service model, where moto has another.
_STATUSES = {
    "DeleteAlias": 204,
    "GetAlias": 200,
    "GetFunctionUrlConfig": 200,
    "TagResource": 204,
    "UpdateAlias": 200,
}


class UnreachableRegionError(LambdaClientError):
    """The ARN of a function of another region."""

    code = 404

    def __init__(self, theirs: str, ours: str) -> None:
        message = f"Functions from '{theirs}' are not reachable in this region ('{ours}')"
        super().__init__("ResourceNotFoundException", message)


class OtherAccountError(LambdaClientError):
    """The ARN of a function of another account, whose policy does not let this one in."""

    code = 403

    def __init__(self, operation: str, arn: str) -> None:
        message = f"User: arn:aws:sts::000000000000:assumed-role/demo/demo is not authorized to perform: lambda:{operation} on resource: {arn}"
        super().__init__("AccessDeniedException", message)


class UrlConflictError(LambdaClientError):
    """CreateFunctionUrlConfig where there is a URL."""

    code = 409

    def __init__(self) -> None:
        super().__init__("ResourceConflictException", "FunctionUrlConfig exists for this Lambda function")


class FunctionsResponse(LayersResponse):
    """Functions as those who read or deploy them see them."""

    def call_action(self) -> TYPE_RESPONSE:
        """Answer with the status that the service model has, and nothing that it does not have."""
        status, headers, body = super().call_action()
        headers.pop("status", None)
        if status >= 300:
            return status, headers, body
        action = self._get_action()
        status = _STATUSES.get(action, status)
        shape = get_service_model("lambda").operation_model(action).output_shape
        if status == 204 or shape is None:
            return status, headers, ""
        return status, headers, json.dumps(as_modeled(shape, json.loads(body)))

    # Functions

    def get_function(self) -> str:
        """GetFunction, FunctionArn: that of the version or alias that was asked for. moto gives an alias the ARN of what
        it points to, and does not know the partial ARN "123456789012:function:my-function"."""
        name, qualifier = self._named()
        function = self.backend.get_function(name, qualifier)
        described = function.get_code()
        described["Configuration"] |= {"FunctionArn": self._arn(name, qualifier)}
        return json.dumps(described)

    def get_alias(self) -> TYPE_RESPONSE:
        alias = self.backend.get_alias(name=self._alias(), function_name=self._named()[0])
        return 200, {}, json.dumps(alias.to_json())

    def delete_alias(self) -> TYPE_RESPONSE:
        name, _ = self._named()
        self.backend.delete_alias(name=self._alias(), function_name=name)
        _urls_of(self.backend.get_function(name)).pop(self._alias(), None)
        return 204, {}, ""

    # Function URLs

    def create_function_url_config(self) -> TYPE_RESPONSE:
        """Qualifier: "The alias name". moto has one URL for a function and all its aliases, and lets it be replaced;
        ResourceConflictException: "The resource already exists, or another operation is in progress"."""
        function, qualifier = self._function_with_url()
        urls = _urls_of(function)
        if qualifier in urls:
            raise UrlConflictError
        urls[qualifier] = FunctionUrlConfig(function, self.json_body)
        return 201, {"status": 201}, self._described_url(function, qualifier)

    def get_function_url_config(self) -> TYPE_RESPONSE:
        return 200, {}, self._described_url(*self._function_with_url())

    def update_function_url_config(self) -> str:
        function, qualifier = self._function_with_url()
        _url_of(function, qualifier).update(self.json_body)
        return self._described_url(function, qualifier)

    def delete_function_url_config(self) -> TYPE_RESPONSE:
        """ResourceNotFoundException: "The resource specified in the request does not exist". moto does not mind."""
        function, qualifier = self._function_with_url()
        _url_of(function, qualifier)
        del _urls_of(function)[qualifier]
        return 204, {"status": 204}, ""

    def _function_with_url(self) -> tuple[LambdaFunction, str | None]:
        name, qualifier = self._named()
        function = self.backend.get_function(name)
        if qualifier is not None:
            self.backend.get_alias(qualifier, name)
        return function, qualifier

    def _described_url(self, function: LambdaFunction, qualifier: str | None) -> str:
        """InvokeMode: BUFFERED or RESPONSE_STREAM; FunctionUrl ends with a slash."""
        found = _url_of(function, qualifier)
        mode = found.config.get("InvokeMode") or "BUFFERED"
        own = {"FunctionArn": self._arn(function.function_name, qualifier), "InvokeMode": mode}
        return json.dumps({**found.to_dict(), "FunctionUrl": f"{found.url}/", **own})

    # Tags

    def list_tags(self) -> str:
        self._check_tagged()
        return super().list_tags()

    def tag_resource(self) -> str:
        self._check_tagged()
        return super().tag_resource()

    def untag_resource(self) -> TYPE_RESPONSE:
        self._check_tagged()
        return super().untag_resource()

    def _check_tagged(self) -> None:
        """Resource: "Lambda does not support adding tags to function aliases or versions". moto does."""
        arn = unquote(self.path.rsplit("/", 1)[-1])
        if ":function:" not in arn or not arn.startswith("arn:"):
            raise LambdaClientError(
                "ValidationException",
                f"1 validation error detected: Value '{arn}' at 'resource' failed to satisfy constraint",
            )
        if self._parsed(arn)[1] is not None:
            raise InvalidParameterValueException(
                "Tags on function aliases and versions are not supported. Please specify a function ARN."
            )

    # Names

    def _named(self) -> tuple[str, str | None]:
        """Return the name and the qualifier that the path and the query name."""
        name, qualifier = self._parsed(unquote(self.path.split("/")[3]))
        asked = self._get_param("Qualifier")
        if asked and qualifier and asked != qualifier:
            raise InvalidParameterValueException(
                "The derived qualifier from the function name does not match the specified qualifier."
            )
        return name, asked or qualifier

    def _alias(self) -> str:
        return unquote(self.path.split("/")[5])

    def _parsed(self, named: str) -> tuple[str, str | None]:
        found = _FUNCTION.fullmatch(named)
        if found is None:
            raise LambdaClientError(
                "ValidationException",
                f"1 validation error detected: Value '{named}' at 'functionName' failed to satisfy constraint",
            )
        if found["region"] not in {None, self.region}:
            raise UnreachableRegionError(found["region"], self.region)
        if found["account"] not in {None, self.current_account}:
            raise OtherAccountError(self._get_action(), named)
        return found["name"], found["qualifier"]

    def _arn(self, name: str, qualifier: str | None) -> str:
        arn: str = make_function_arn(self.region, self.current_account, name)
        return f"{arn}:{qualifier}" if qualifier else arn


def set_url(function: LambdaFunction, auth_type: str) -> None:
    """Give the function a URL of its own."""
    _urls_of(function)[None] = FunctionUrlConfig(function, {"AuthType": auth_type})


def _urls_of(function: LambdaFunction) -> dict[str | None, FunctionUrlConfig]:
    """Return the URLs of a function: its own by None, those of its aliases by their names."""
    urls: dict[str | None, FunctionUrlConfig] = vars(function).setdefault("urls", {})
    return urls


def _url_of(function: LambdaFunction, qualifier: str | None) -> FunctionUrlConfig:
    found = _urls_of(function).get(qualifier)
    if found is None:
        raise GenericResourcNotFound
    return found
