"""Where a call goes: the endpoint of a service in a region, by AWS's rules and the settings that override them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.values import value

if TYPE_CHECKING:
    from collections.abc import Mapping

_REGION_SETTING: Final = "DISCOVERY_REGION"
_REGION_VARIABLES: Final = ("AWS_REGION", "AWS_DEFAULT_REGION")
_DUALSTACK: Final = "AWS_USE_DUALSTACK_ENDPOINT"
_FIPS: Final = "AWS_USE_FIPS_ENDPOINT"
_MAX_LABEL_LENGTH: Final = 63
_MIN_BUCKET_LENGTH: Final = 3
# How a partition's regions begin, where its endpoints are, and where those are that speak IPv6 too, if any: botocore's
# partitions.json and endpoints.json. Every other region is one of the partition `aws`.
_PARTITIONS: Final = {
    "cn-": ("amazonaws.com.cn", "api.amazonwebservices.com.cn"),
    "us-gov-": ("amazonaws.com", "api.aws"),
    "eusc-": ("amazonaws.eu", "api.amazonwebservices.eu"),
    "us-iso-": ("c2s.ic.gov", "api.aws.ic.gov"),
    "us-isob-": ("sc2s.sgov.gov", "api.aws.scloud"),
    "eu-isoe-": ("cloud.adc-e.uk", ""),
    "us-isof-": ("csp.hci.ic.gov", ""),
}
_AWS: Final = ("amazonaws.com", "api.aws")
# Here AWS has them for Lambda alone: its `variants` in botocore's endpoints.json.
_DUALSTACK_OF_LAMBDA: Final = {"eu-isoe-": "api.cloud-aws.adc-e.uk", "us-isof-": "api.aws.hci.ic.gov"}
# Here the ordinary endpoint is the one that meets FIPS: the service's endpoint-rule-set-1.json in botocore.
_FIPS_ANYWAY: Final = (("ssm", "us-gov-"),)
_S3: Final = "s3"
# Here no endpoint of S3 meets FIPS: the same of S3.
_S3_WITHOUT_FIPS: Final = "cn-"
# `endpointPrefix` in the service's service-2.json in botocore, where it is not the service's name.
SIGNING_NAMES: Final = {"apigatewayv2": "apigateway", "resourcegroupstaggingapi": "tagging"}
"""How a service's hosts begin, and for what requests to it are signed, where that is not the SDK's name for it."""

# `serviceId` in the same, where it is another name: the service's own variable ends so.
_VARIABLES: Final = {"apigateway": "API_GATEWAY", "resourcegroupstaggingapi": "RESOURCE_GROUPS_TAGGING_API"}
# `endpoint.hostPrefix` in the same.
_HOST_PREFIXES: Final = {"DiscoverInstances": "data-", "DiscoverInstancesRevision": "data-"}


@value
class Endpoint:
    """Where to send a request: `url`, without a slash at its end, and the region and service to sign it for.

    `is_own` says that a setting gave the URL, so that it is none of AWS's own.
    """

    url: str
    signing_region: str
    signing_name: str
    is_own: bool


def region_of(setting: str | None, environment: Mapping[str, str]) -> str | None:
    """Return the region to ask in: the setting, else `AWS_REGION`, else `AWS_DEFAULT_REGION`; None without any."""
    return setting or next((environment[name] for name in _REGION_VARIABLES if environment.get(name)), None)


def resolve(
    service: str,
    operation: str,
    *,
    region: str,
    endpoint_url: str | None,
    environment: Mapping[str, str],
    bucket: str = "",
) -> Endpoint:
    """Return where an operation of a service, by the SDK's name for it, goes: where the SDK sends it.

    With a `bucket`, the URL is that of the bucket, to which a key is to be added: in the host where its name can stand
    there under TLS, otherwise in the path, as always at an endpoint of one's own.

    An endpoint of one's own is `endpoint_url`, else `AWS_ENDPOINT_URL_<SERVICE>`, else `AWS_ENDPOINT_URL`; unlike
    the SDK's, it gets no host prefix, since nobody has a host `data-localhost`. Raises a `ConfigurationError` for a
    region or URL that cannot be, and where AWS has no endpoint of the kind that is asked for. No I/O.
    """
    place = region.replace("fips-", "").replace(
        "-fips", ""
    )  # names from before FIPS was a setting of its own
    if not _is_label(place) or place.isdigit():
        raise ConfigurationError(
            _origin_of(region, environment), region, "an AWS region such as eu-central-1"
        )
    name = SIGNING_NAMES.get(service, service)
    variable, url = _own_url(service, endpoint_url, environment)
    path = f"/{quote(bucket, safe='')}" if bucket else ""
    if url:
        return Endpoint(f"{_checked(variable, url)}{path}", place, name, is_own=True)
    host = _host(name, operation, place, environment, is_fips=place != region)
    if _can_stand_in_host(bucket):
        host, path = f"{bucket}.{host}", ""
    return Endpoint(f"https://{host}{path}", place, name, is_own=False)


def _host(service: str, operation: str, region: str, environment: Mapping[str, str], *, is_fips: bool) -> str:
    start = next((start for start in _PARTITIONS if region.startswith(start)), "")
    suffix, dualstack_suffix = _PARTITIONS.get(start, _AWS)
    is_dualstack = _is_on(_DUALSTACK, environment)
    is_fips = is_fips or _is_on(_FIPS, environment)
    if service == "lambda" and not is_fips:
        dualstack_suffix = _DUALSTACK_OF_LAMBDA.get(start, dualstack_suffix)
    if is_dualstack and not dualstack_suffix:
        raise ConfigurationError(
            _DUALSTACK, environment[_DUALSTACK], f"false in {region}, where AWS has no such endpoints"
        )
    if service == _S3:
        if is_fips and start == _S3_WITHOUT_FIPS:
            raise ConfigurationError(
                _FIPS, environment.get(_FIPS, "true"), f"false in {region}, where S3 has no such endpoints"
            )
        return f"s3{'-fips' if is_fips else ''}{'.dualstack' if is_dualstack else ''}.{region}.{suffix}"
    has_own_fips = is_fips and (is_dualstack or (service, start) not in _FIPS_ANYWAY)
    is_bare = _is_on("AWS_DISABLE_HOST_PREFIX_INJECTION", environment)
    prefix = "" if is_bare else _HOST_PREFIXES.get(operation, "")
    variant = "-fips" if has_own_fips else ""
    return f"{prefix}{service}{variant}.{region}.{dualstack_suffix if is_dualstack else suffix}"


def _is_on(variable: str, environment: Mapping[str, str]) -> bool:
    return environment.get(variable, "").lower() == "true"


def _is_label(text: str) -> bool:
    is_plain = text.isascii() and text.replace("-", "").isalnum()
    return is_plain and text.strip("-") == text and len(text) <= _MAX_LABEL_LENGTH


def _can_stand_in_host(bucket: str) -> bool:
    # A certificate for *.s3.<region>.amazonaws.com covers one label.
    return len(bucket) >= _MIN_BUCKET_LENGTH and _is_label(bucket) and bucket == bucket.lower()


def _origin_of(region: str, environment: Mapping[str, str]) -> str:
    named = (name for name in (_REGION_SETTING, *_REGION_VARIABLES) if environment.get(name) == region)
    return next(named, _REGION_SETTING)


def _own_url(service: str, setting: str | None, environment: Mapping[str, str]) -> tuple[str, str]:
    if setting:
        return "DISCOVERY_ENDPOINT_URL", setting
    if not _is_on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", environment):
        ending = _VARIABLES.get(service, service.upper())
        for variable in (f"AWS_ENDPOINT_URL_{ending}", "AWS_ENDPOINT_URL"):
            if url := environment.get(variable):
                return variable, url
    return "", ""


def _checked(variable: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    # Python removes line breaks and tabs before it looks; a request would go out with them.
    is_plain = url.isascii() and url.isprintable() and not any(mark in url for mark in " ?#")
    if not (is_whole and is_plain):
        raise ConfigurationError(variable, url, "an absolute http or https URL without query or fragment")
    return url.rstrip("/")
