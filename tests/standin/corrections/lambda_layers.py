"""moto's Lambda, corrected for layers: filters, pages, lookup by ARN, size limits."""

import io
import json
import zipfile
from typing import Any
from urllib.parse import unquote

from moto.awslambda.exceptions import (
    InvalidParameterValueException,
    LambdaClientError,
    UnknownLayerException,
)
from moto.awslambda.models import LayerVersion
from moto.awslambda.responses import LambdaResponse
from moto.core.common_types import TYPE_RESPONSE

# "Request must be smaller than 70167211 bytes for the PublishLayerVersion operation": 50 MB once base64 is undone.
MAX_REQUEST_BYTES = 70_167_211
# Lambda quotas: deployment package, "250 MB: the maximum size of the contents [...] unzipped", layers included.
MAX_UNZIPPED_BYTES = 262_144_000
DEFAULT_PAGE = 50  # ListLayerVersions, MaxItems: 1 to 50


class RequestEntityTooLargeError(LambdaClientError):
    """PublishLayerVersion with a zip too large to be sent directly; it has to come from S3."""

    code = 413

    def __init__(self) -> None:
        super().__init__(
            "RequestEntityTooLargeException",
            f"Request must be smaller than {MAX_REQUEST_BYTES} bytes for the PublishLayerVersion operation",
        )


class LayersResponse(LambdaResponse):
    """Layers as a publishing script sees them."""

    def list_layer_versions(self) -> str:
        """CompatibleArchitecture: "The compatible instruction set architecture", CompatibleRuntime: "A runtime
        identifier"; LayerName: "The name or ARN of the layer". moto ignores the filters, knows no ARN, gives no pages
        and adds Content, which the list does not have: only GetLayerVersion tells a layer's hash."""
        versions = self._versions_of(unquote(self.path.rsplit("/", 2)[-2]))
        architecture = self._get_param("CompatibleArchitecture")
        runtime = self._get_param("CompatibleRuntime")
        found = [
            version
            for version in sorted(versions, key=lambda version: version.version, reverse=True)
            if (architecture is None or architecture in version.compatible_architectures)
            and (runtime is None or runtime in version.compatible_runtimes)
        ]
        page, marker = self._page(found)
        described = [
            {k: v for k, v in version.get_layer_version().items() if k != "Content"} for version in page
        ]
        return json.dumps({"LayerVersions": described, **marker})

    def _versions_of(self, name_or_arn: str) -> list[LayerVersion]:
        return list(self.backend.list_layer_versions(name_or_arn.rsplit(":layer:", 1)[-1]))

    def _page(self, versions: list[LayerVersion]) -> tuple[list[LayerVersion], dict[str, str]]:
        marker = self._get_param("Marker")
        rest = [version for version in versions if marker is None or version.version < int(marker)]
        page = rest[: int(self._get_param("MaxItems") or DEFAULT_PAGE)]
        return page, {"NextMarker": str(page[-1].version)} if len(page) < len(rest) else {}

    def get_layer_version_by_arn(self) -> str:
        """GetLayerVersionByArn, Arn: "The ARN of the layer version". moto does not have it."""
        arn = unquote(self._get_param("Arn") or "")
        version = self.backend.layers_versions_by_arn(arn)
        if version is None:
            raise UnknownLayerException
        return json.dumps(version.get_layer_version())

    def publish_layer_version(self) -> TYPE_RESPONSE:
        """Refuse what Lambda's quotas rule out; moto takes any size."""
        if len(self.body) > MAX_REQUEST_BYTES:
            raise RequestEntityTooLargeError
        name = unquote(self.path.rsplit("/", 2)[-2])
        status, headers, body = super().publish_layer_version()
        version = self.backend.get_layer_version(name, str(json.loads(body)["Version"]))
        unzipped = _unzipped_bytes(version.code_bytes)
        if unzipped > MAX_UNZIPPED_BYTES:
            self.backend.delete_layer_version(name, str(version.version))
            raise InvalidParameterValueException(
                f"Unzipped size must be smaller than {MAX_UNZIPPED_BYTES} bytes"
            )
        return status, headers, body


def _unzipped_bytes(code: Any) -> int:
    try:
        with zipfile.ZipFile(io.BytesIO(code)) as archive:
            return sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise InvalidParameterValueException(
            "Could not unzip uploaded file. Please check your file."
        ) from error
