"""The command that serves the registry over HTTP: serve."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Final

from cloudmap_discovery import wiring
from cloudmap_discovery.cli import exits, machine
from cloudmap_discovery.cli.options import command_class, common_options, timeout_option
from cloudmap_discovery.clock import SystemClock
from cloudmap_discovery.errors import ConfigurationError, InvalidValueError, MalformedRecordError
from cloudmap_discovery.event_hub import EventHub
from cloudmap_discovery.io_thread import IOThread
from cloudmap_discovery.notices import Notices
from cloudmap_discovery.settings import CATALOG, FILE, MANIFEST, PAGE, ROUTER, SURFACES

if TYPE_CHECKING:
    from collections.abc import Sequence

    import click

    from cloudmap_discovery.cli.session import Session
    from cloudmap_discovery.settings import Settings

_NEEDS: Final = ("starlette", "uvicorn", "httpcore2", "jinja2")
_SHOWN: Final = {
    PAGE: ("/", "the registry at a glance"),
    CATALOG: ("/v1/services", "the catalog; /openapi.json describes it"),
    MANIFEST: ("/manifest/<stage>", "what Amplify is configured with"),
    ROUTER: ("/<service>/<path>", "passes on to services that say public=true"),
}


def add_to(group: click.Group) -> None:
    """Add the command to the program."""
    import click  # noqa: PLC0415 -- comes with the [cli] extra

    @group.command("serve", cls=command_class(), short_help="Serve catalog, router, manifest and page.")
    @click.option("--host", metavar="HOST", default="127.0.0.1", show_default=True, help="Where to listen.")
    @click.option(
        "--port", metavar="PORT", type=click.IntRange(0, 65535), default=8080, show_default=True,
        help="The port to listen at; 0 takes any that is free.",
    )  # fmt: skip
    @click.option(
        "--surface",
        "surfaces",
        metavar="NAME",
        multiple=True,
        type=click.Choice(SURFACES),
        help="Only this: catalog, router, manifest, page; may be given again.",
    )
    @click.option("--file", "snapshot_file", metavar="FILE", help="Serve this snapshot, without AWS.")
    @click.option(
        "--allow-network",
        "allowed_networks",
        metavar="CIDR",
        multiple=True,
        help="Let the router connect there, to 127.0.0.0/8 say; may be given again.",
    )
    @click.option("--allow-writes", is_flag=True, help="Let the catalog register and deregister.")
    @click.option("--stage", metavar="STAGE", help="The stage of requests that name none. [DISCOVERY_STAGE]")
    @timeout_option
    @common_options
    def serve_(
        session: Session,
        host: str,
        port: int,
        surfaces: tuple[str, ...],
        snapshot_file: str | None,
        allowed_networks: tuple[str, ...],
        allow_writes: bool,
        stage: str | None,
    ) -> int:
        """Serve the registry over HTTP, for those that cannot look up for themselves.

        On this machine alone, unless another --host says more; there it offers the manifest only, and trusts nobody
        to write or to be signed for.

        \b
        Examples:
          cloudmap-discovery serve
          cloudmap-discovery serve --file registry.json --surface page
          cloudmap-discovery serve --stage Staging --allow-network 127.0.0.0/8
        """  # noqa: D301 -- \b is click's mark for lines that are not to be joined
        session.override(
            stage=stage,
            surfaces=",".join(surfaces) or None,
            allowed_networks=",".join(allowed_networks) or None,
            allow_writes="1" if allow_writes else None,
            snapshot_file=snapshot_file,
            sources=None if snapshot_file is None else FILE,
        )
        return serve_registry(session, host, port)


def serve_registry(session: Session, host: str, port: int) -> int:
    """Serve until Ctrl-C; the exit code is that of success."""
    if not all(map(importlib.util.find_spec, _NEEDS)):
        allowed = "pip install 'cloudmap-discovery[server]', which `serve` needs"
        raise ConfigurationError("the server", None, allowed)
    from cloudmap_discovery.server.local import Address, AtHome, serve  # noqa: PLC0415 -- where it is installed
    from cloudmap_discovery.server.parts import Parts  # noqa: PLC0415 -- the same

    address = Address(host, port)
    settings = wiring.read_settings(session.environment)
    if settings.sources == (FILE,):
        _check_file(settings)
    trusts = address.trusts(settings.cors_origins)
    clock = SystemClock()
    with session.screen.working("Starting"):
        parts = Parts(
            settings,
            session.environment,
            io=IOThread(),
            clock=clock,
            events=EventHub(Notices(clock)),
            trusts=trusts,
            surfaces=address.surfaces,
        )
    with address.listen() as listener:
        serve(
            AtHome(parts.app, trusts),
            listener,
            started=lambda: _tell(session, address.url, settings.namespace, sorted(parts.site.surfaces)),
        )
    return exits.DONE


def _check_file(settings: Settings) -> None:
    """Raise an `InvalidValueError` for a file that cannot be served: everything else that would answer is AWS."""
    from cloudmap_discovery.server.readers import FileReader  # noqa: PLC0415 -- where it is installed

    path = settings.snapshot_file or ""
    reader = FileReader(
        path,
        namespace=settings.namespace,
        clock=SystemClock(),
        max_age_seconds=settings.max_snapshot_age,
        allowed=settings.allowed_endpoints,
    )
    try:
        reader.load()
    except MalformedRecordError as error:
        remedy = "`cloudmap-discovery snapshot --out FILE` writes one"
        raise InvalidValueError("the snapshot", path, f"{error.reason}; {remedy}") from error


def _tell(session: Session, url: str, namespace: str, surfaces: Sequence[str]) -> None:
    screen = session.screen
    if session.as_json:
        screen.result(machine.line({"url": url, "namespace": namespace, "surfaces": list(surfaces)}))
    else:
        screen.result(f"Serving namespace {namespace} at {url} (Ctrl-C ends it)")
        shown = [_SHOWN[surface] for surface in _SHOWN if surface in surfaces]
        width = max(len(path) for path, _ in shown)
        for path, what in shown:
            screen.result(f"  {url}{path:<{width}}  {what}")
    screen.flush()
