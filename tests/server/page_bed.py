"""A registry as a product has it, for tests and pictures of the page: twelve services in four stages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery.encoding import encode_attributes
from cloudmap_discovery.model import NO_STAGE, Instance

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.standin.stand_in import StandIn

DAY: Final = 86_400
HOUR: Final = 3_600
PRODUCTION: Final = "Production"
STAGING: Final = "Staging"
PREVIEW: Final = "pr-123"
OVERRIDES: Final = '{"search": "http://localhost:3001"}'

PATHS: Final = {
    "registry": "/",
    "filtered": "/?q=pay&stage=Production",
    "nothing": "/?q=nothing-has-this",
    "service": "/ui/users",
    "explained": "/ui/users?stage=Production",
    "overridden": "/ui/search?stage=Production",
    "ladder": "/ui/orders?stage=pr-9%3Epr-123%3EStaging&version=2.15.x",
    "missing": "/ui/user?stage=Production",
    "mistake": "/ui/users?stage=a+b",
}
"""A page of each kind."""

_ACCOUNT: Final = "cfn:123456789012:eu-central-1"


def record(
    service: str, stage: str = PRODUCTION, *, age: float = 3 * DAY, address: str = "", **fields: Any
) -> Instance:
    """Return a record that was registered `age` seconds ago, by a stack of its service."""
    given = {"owner": f"{_ACCOUNT}:{service}-{stage.lower()}", "owner_ref": "Endpoint", **fields}
    return Instance(
        service,
        address or f"https://{service}.{'' if stage == PRODUCTION else f'{stage.lower()}.'}example.com",
        stage=stage,
        registered_at=(datetime.now(UTC) - timedelta(seconds=age)).replace(microsecond=0),
        **given,
    )


def records() -> Iterator[Instance]:
    """Yield all records."""
    arn = "arn:aws:lambda:eu-central-1:123456789012:function"
    yield record("audit-log", NO_STAGE, age=410 * DAY, address=f"{arn}:audit-log", owner="manual")
    yield record("catalog", version="3.8.0", age=6 * DAY)
    yield record("catalog", STAGING, version="3.9.0", age=21 * HOUR)
    yield record(
        "checkout", version="5.2.1", age=2 * DAY, weight=90, **needs("orders@^2,payments@^2.1,users")
    )
    yield record("checkout", version="5.2.1", variant="canary", age=5 * HOUR, weight=10)
    yield record("checkout", STAGING, version="5.3.0-rc.2", age=3 * HOUR, **needs("orders@^2,payments@^2.1"))
    yield record("checkout", PREVIEW, version="5.3.0-pr123.7", age=12 * 60, **needs("orders@^2,payments@^3"))
    yield record(
        "feature-flags", NO_STAGE, age=130 * DAY, address="https://flags.example.com", owner="manual"
    )
    yield record("invoices", version="1.11.4", age=48 * DAY, **needs("payments@2.x,mail"))
    yield record("invoices", STAGING, version="1.11.4", age=48 * DAY, **needs("payments@2.x,mail"))
    yield record("mail", STAGING, version="0.9.2", age=95 * DAY, address=f"{arn}:mail-staging")
    yield record("orders", version="2.14.0", age=9 * DAY, **needs("users@^1.2,payments@2.x,mail,search"))
    yield record("orders", version="2.13.3", age=31 * DAY, weight=0)
    yield record("orders", STAGING, version="2.15.0", age=4 * HOUR, **needs("users@^1.2,payments@2.x,mail"))
    yield record("orders", PREVIEW, version="2.15.0-pr123.2", age=40 * 60, **needs("users@^2"))
    yield record("payments", version="2.1.0", age=17 * DAY, attributes={"public": "true", "auth": "iam"})
    for tenant in ("acme", "globex"):
        yield record("payments", version="2.1.0", tenant=tenant, age=17 * DAY)
    yield record("payments", STAGING, version="2.2.0", age=2 * DAY)
    yield record("reports", version="0.4.0", age=200 * DAY, weight=0)
    yield record("search", version="1.0.7", age=75 * DAY)
    yield record("search", STAGING, version="1.1.0", age=7 * DAY)
    yield record("shipping", tenant="acme", version="1.2.0", age=22 * DAY)
    yield record("shipping", STAGING, version="1.3.0", age=50 * HOUR)
    yield record(
        "users",
        version="1.4.2",
        age=3 * DAY,
        weight=80,
        variant="blue",
        address="https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
        attributes={
            "color": "blue",
            "public": "true",
            "git-commit": "4c6210e",
            "depends-on": "audit-log,mail",
        },
    )
    yield record(
        "users",
        version="1.4.2",
        age=26 * HOUR,
        weight=20,
        variant="green",
        address="https://f6g7h8i9j0.execute-api.eu-central-1.amazonaws.com",
        attributes={"color": "green", "public": "true", "git-commit": "9be01ac"},
    )
    yield record("users", version="1.3.9", age=64 * DAY, address=f"{arn}:users:live")
    yield record(
        "users", version="1.4.2", tenant="acme", age=3 * DAY, address="https://users.acme.example.com"
    )
    yield record("users", STAGING, version="1.5.0", age=6 * HOUR)


def needs(text: str) -> dict[str, Any]:
    return {"attributes": {"depends-on": text}}


def put(aws: StandIn, *some: Instance) -> None:
    """Register records as the library writes them."""
    for one in some:
        aws.seed_instance("services", one.service, one.id, encode_attributes(one))


def seed(aws: StandIn) -> None:
    """Register everything; one address is a person's, in Parameter Store."""
    put(aws, *records())
    aws.seed_parameter("/services/Production/mail", "https://mail.example.com")
