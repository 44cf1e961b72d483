"""The one definition of every setting: name, type, default, bound and description.

A setting `ttl` is read from the environment variable `DISCOVERY_TTL`. How the environment is read is another
module's business; whatever reads it uses `Setting.parse`, so that every reader accepts and refuses the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery import setting_text
from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.limits import check_namespace
from cloudmap_discovery.model import NO_ATTRIBUTES
from cloudmap_discovery.values import Described, declared, value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PREFIX: Final = "DISCOVERY_"

CLOUD_MAP: Final = "cloudmap"
PARAMETER_STORE: Final = "ssm"
S3: Final = "s3"
FILE: Final = "file"
SOURCES: Final = (CLOUD_MAP, PARAMETER_STORE, S3, FILE)
MIRRORS: Final = (PARAMETER_STORE, S3)
DEFAULT_MAX_SNAPSHOT_AGE_SECONDS: Final = 86_400.0
"""How old a snapshot in S3 may be if the setting does not say."""
AUTO: Final = "auto"
DIRECT: Final = "direct"
SDK: Final = "sdk"
TRANSPORTS: Final = (AUTO, DIRECT, SDK)
CATALOG: Final = "catalog"
ROUTER: Final = "router"
MANIFEST: Final = "manifest"
PAGE: Final = "page"
SURFACES: Final = (CATALOG, ROUTER, MANIFEST, PAGE)


@value
class Setting:
    """One setting: how its text becomes its value, what is allowed, and what it is for."""

    name: str
    default: Any
    parse: Callable[[str], Any]
    allowed: str
    description: str
    default_text: str

    @property
    def variable(self) -> str:
        """The environment variable that holds it."""
        return PREFIX + self.name.upper()

    def read(self, text: str) -> Any:
        """Return the value of the text, or raise a `ConfigurationError` that names the variable."""
        try:
            return self.parse(text.strip())
        except ValueError as error:
            raise ConfigurationError(self.variable, text, self.allowed) from error


def _setting(
    default: Any, parse: Callable[[str], Any], allowed: str, description: str, *, shown: str | None = None
) -> Any:
    return Described(
        default, {"parse": parse, "allowed": allowed, "description": description, "shown": shown}
    )


_DAY: Final = 86_400.0
_SECONDS: Final = "a number of seconds from {} to {}"


@value
class Settings:
    """Every setting with its value. Durations are seconds."""

    namespace: str = _setting(
        "services",
        check_namespace,
        "a Cloud Map namespace's HttpName: 1 to 1024 printable ASCII characters",
        "The Cloud Map namespace to look in: its HttpName, which is normally its name.",
    )
    stage: str | None = _setting(
        None,
        setting_text.ladder,
        "a stage, 1 to 40 of the characters A-Z a-z 0-9 _ . - (- means no stage), or several with > between them",
        "The stage to look in when a call names none, or a ladder, `pr-123>Staging>Production`: the first that has the service.",
        shown="no stage",
    )
    sources: tuple[str, ...] = _setting(
        (CLOUD_MAP, PARAMETER_STORE),
        setting_text.list_of(SOURCES),
        f"a list of {', '.join(SOURCES)}, separated by commas, each at most once",
        "The stores to ask, in this order.",
    )
    mirrors: tuple[str, ...] | None = _setting(
        None,
        setting_text.list_of(MIRRORS, may_be_none=True),
        f"a list of {', '.join(MIRRORS)}, separated by commas, or none",
        "The stores that registering keeps equal to Cloud Map.",
        shown="`ssm` and `s3`, as far as they are in the sources",
    )
    transport: str = _setting(
        AUTO,
        setting_text.one_of(TRANSPORTS),
        f"one of {', '.join(TRANSPORTS)}",
        "What carries calls to AWS: `direct`, without an SDK, if the environment has credentials; `sdk`, aiobotocore; `auto` chooses.",
    )
    parameter_prefix: str = _setting(
        "/services",
        setting_text.prefix,
        "a Parameter Store path that starts with / and not with /aws or /ssm, at most 13 levels",
        "The path under which Parameter Store holds `<stage>/<name>`.",
    )
    bucket: str | None = _setting(
        None,
        setting_text.bucket,
        "an S3 bucket's name: 3 to 63 of the characters a-z 0-9 . -",
        "The bucket that holds the snapshot of the registry: for `s3` in the sources or mirrors.",
        shown="none",
    )
    snapshot_key: str | None = _setting(
        None,
        setting_text.object_key,
        "the key of an S3 object, of up to 1024 bytes, that does not start with /",
        "The key of the snapshot in the bucket.",
        shown="`cloudmap-discovery/<namespace>.json`",
    )
    snapshot_file: str | None = _setting(
        None,
        setting_text.path,
        "the path of a file",
        "The snapshot that is packaged with the function: for `file` in the sources.",
        shown="none",
    )
    max_snapshot_age: float | None = _setting(
        None,
        setting_text.number(60, 365 * _DAY),
        _SECONDS.format(60, 31536000),
        "How long ago a snapshot may have been compared with Cloud Map; an older one counts as failed.",
        shown="`86400` for S3, no limit for a file",
    )
    shared_cache: bool | None = _setting(
        None,
        setting_text.switch,
        "1 or 0, true or false",
        "Whether the processes of one environment share what they read, in a folder of `/tmp`.",
        shown="`1` on Lambda Managed Instances, else `0`",
    )
    ttl: float = _setting(
        60.0,
        setting_text.number(0.1, _DAY),
        _SECONDS.format(0.1, 86400),
        "How long an answer is fresh: served at once.",
    )
    stale_while_revalidate: float = _setting(
        60.0,
        setting_text.number(0, _DAY),
        _SECONDS.format(0, 86400),
        "How long after that it is still served while a refresh runs.",
    )
    stale_wait: float | None = _setting(
        None,
        setting_text.number(0, 60),
        _SECONDS.format(0, 60),
        "How long the caller that starts such a refresh waits for it.",
        shown="`0.1`; `0` where the process is never frozen",
    )
    max_stale: float = _setting(
        _DAY,
        setting_text.number(0, 30 * _DAY),
        _SECONDS.format(0, 2592000),
        "How old an answer may be and still be served if the refresh fails.",
    )
    negative_ttl: float = _setting(
        5.0,
        setting_text.number(0, 3600),
        _SECONDS.format(0, 3600),
        "How long an absence is remembered; it grows to 12 times as much while misses repeat.",
    )
    max_entries: int = _setting(
        1000,
        setting_text.whole(1, 1_000_000),
        "a whole number from 1 to 1000000",
        "How many answers are held; the least recently used go first.",
    )
    timeout: float = _setting(
        2.0,
        setting_text.number(0.05, 300),
        _SECONDS.format(0.05, 300),
        "The budget of one lookup over all stores and attempts.",
    )
    region: str | None = _setting(
        None,
        setting_text.region,
        "an AWS region such as eu-central-1",
        "The region to ask.",
        shown="AWS's own setting",
    )
    endpoint_url: str | None = _setting(
        None,
        setting_text.url,
        "an absolute http or https URL",
        "Where to send every call instead of AWS: a stand-in for tests.",
        shown="AWS",
    )
    owner_account: str | None = _setting(
        None,
        setting_text.account,
        "an AWS account id of 12 digits",
        "The account that shares the namespace with this one.",
        shown="this account",
    )
    allowed_endpoints: tuple[str, ...] = _setting(
        (),
        setting_text.patterns,
        "host and account patterns with * and ?, separated by commas, without scheme or path",
        "Use only records whose host (or, for an ARN, account) matches one of these patterns.",
        shown="all",
    )
    dependencies: str | None = _setting(
        None,
        setting_text.dependencies,
        'a JSON object such as {"users": "^1.2"}, or the path of a .json or .toml file',
        "What is looked up, and in which version: a JSON object, or a file that says so.",
        shown="`cloudmap-discovery.json`, else `pyproject.toml`",
    )
    version_suffix: str = _setting(
        "",
        setting_text.version_suffix,
        "a semantic version's pre-release part with its hyphen, such as -staging",
        "Appended to every version that is asked for: a world of pre-releases, apart from the others.",
        shown="none",
    )
    overrides: Mapping[str, str] = _setting(
        NO_ATTRIBUTES,
        setting_text.overrides,
        'a JSON object of services and addresses, such as {"users": "http://localhost:3001"}',
        "Addresses that answer in place of the registry: for work on one's own machine.",
        shown="none",
    )
    registrar_services: tuple[str, ...] = _setting(
        ("*",),
        setting_text.patterns,
        "patterns of service names with * and ?, separated by commas",
        "The registrar, and the catalog of the server: the services that they write.",
    )
    registrar_stages: tuple[str, ...] = _setting(
        ("*",),
        setting_text.patterns,
        "patterns of stages with * and ?, separated by commas",
        "The registrar, and the catalog of the server: the stages that they write in.",
    )
    registrar_urls: bool = _setting(
        False,
        setting_text.switch,
        "1 or 0, true or false",
        "The registrar: whether the tag `discovery:endpoint` may be a URL.",
    )
    registrar_grace: float = _setting(
        7 * _DAY,
        setting_text.number(0, 365 * _DAY),
        _SECONDS.format(0, 31536000),
        "The registrar: how long a service that it created stays in Cloud Map without records.",
    )
    surfaces: tuple[str, ...] | None = _setting(
        None,
        setting_text.list_of(SURFACES),
        f"a list of {', '.join(SURFACES)}, separated by commas, each at most once",
        "The server: what it offers.",
        shown="`manifest`; all of them for `serve` on loopback",
    )
    allow_writes: bool = _setting(
        False,
        setting_text.switch,
        "1 or 0, true or false",
        "The server: whether its catalog registers and deregisters, for callers that are authorized.",
    )
    cors_origins: tuple[str, ...] = _setting(
        (),
        setting_text.origins,
        "origins such as https://app.example.com, separated by commas, or *",
        "The server: the origins whose pages may read its answers; for writes, * counts for none.",
        shown="`*` for the manifest, none for the rest",
    )
    stage_header: str | None = _setting(
        None,
        setting_text.header,
        "the name of an HTTP header, such as x-stage",
        "The router: the header of a request that names the stage, where the path does not.",
        shown="none",
    )
    sticky: str | None = _setting(
        None,
        setting_text.sticky,
        "header:NAME or cookie:NAME",
        "The router: what keeps a client at one instance as long as the instances stay the same.",
        shown="none",
    )
    allowed_networks: tuple[str, ...] = _setting(
        (),
        setting_text.networks,
        "networks such as 127.0.0.0/8 or ::1/128, separated by commas",
        "The router: networks that it connects to although it would refuse them, such as loopback.",
        shown="none",
    )
    router_timeout: float = _setting(
        29.0,
        setting_text.number(0.1, 900),
        _SECONDS.format(0.1, 900),
        "The router: how long a service may take to begin its answer, within the function's remaining time.",
    )
    preload: bool = _setting(
        True,
        setting_text.switch,
        "1 or 0, true or false",
        "Whether, inside Lambda, importing the package loads what a first lookup needs.",
    )


def definitions() -> tuple[Setting, ...]:
    """Return every setting, in order."""
    return tuple(
        Setting(
            name=name,
            default=item.default,
            parse=item.metadata["parse"],
            allowed=item.metadata["allowed"],
            description=item.metadata["description"],
            default_text=item.metadata["shown"] or _as_text(item.default),
        )
        for name, item in declared(Settings).items()
    )


def near_misses(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the variables that look like a setting's but are none, each with the name that was probably meant."""
    known = [setting.variable for setting in definitions()]
    unknown = [name for name in environment if name.startswith(PREFIX) and name not in known]
    if not unknown:
        return []
    import difflib  # noqa: PLC0415 -- only where a name is wrong

    guesses = ((name, difflib.get_close_matches(name, known, n=1, cutoff=0.8)) for name in sorted(unknown))
    return [(name, guess[0]) for name, guess in guesses if guess]


def _as_text(default: Any) -> str:
    match default:
        case bool():
            return f"`{default:d}`"
        case tuple():
            return f"`{','.join(default)}`"
        case float():
            return f"`{default:g}`"
        case _:
            return f"`{default}`"
