"""The main job on real parts, told as a story: no AWS account, nothing leaves this machine.

    python -m tests.demo [--flavor slim|full]

The stand-in for AWS is moto's server; the function runs in AWS's own runtime emulator, with the layer attached that
`make build` made.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cloudmap_discovery import __version__
from layer.archive import megabytes
from layer.targets import FLAVORS, Target, architecture_of_machine, choose_target
from tests.demo.story import Asked, Story
from tests.runtime.emulator import RuntimeEmulator
from tests.runtime.tools import EMULATED_VERSIONS, ROOT, emulated_interpreters, runtime_tools
from tests.standin.client import StandInProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from layer.interpreters import Interpreter

FUNCTION: Final = Path(__file__).parent / "function"
TTL_SECONDS: Final = 2.0
INTERRUPTED: Final = 130
RECORDS: Final = (
    ("user-management-service", "https://a1b2c3d4.execute-api.eu-central-1.amazonaws.com", "Production"),
    ("user-management-service", "https://e5f6g7h8.execute-api.eu-central-1.amazonaws.com", "Staging"),
    ("order-service", "arn:aws:lambda:eu-central-1:123456789012:function:orders", "Production"),
    ("invoice-service", "https://abcdefgh.lambda-url.eu-central-1.on.aws", "Production"),
)
USERS: Final = ("user-management-service", "Production")
BY_HAND: Final = ("payment-service", "https://payments.example.com")


class Demo:
    """The function under the runtime emulator, with the stand-in in the place of AWS."""

    def __init__(self, story: Story, stand_in: StandInProcess, function: RuntimeEmulator) -> None:
        self._story = story
        self._stand_in = stand_in
        self._function = function
        self.asked = 0
        self.calls = 0

    def ask(self, service: str, stage: str) -> Mapping[str, Any]:
        """Invoke the function, and tell what came of it."""
        self._stand_in.reset_calls()
        invocation = self._function.invoke({"service": service, "stage": stage})
        if invocation.error_type is not None:
            raise SystemExit(f"the function failed: {invocation.error_type}\n{invocation.log}")
        calls = {name.split(":")[1]: count for name, count in self._stand_in.calls().items()}
        self.asked += 1
        self.calls += sum(calls.values())
        self._story.asked(Asked(service, stage, invocation.payload, calls, invocation.log))
        answer: Mapping[str, Any] = invocation.payload
        return answer


def main(layer_zip: Path, target: Target) -> None:
    """Tell the whole story."""
    story = Story()
    with StandInProcess(region="eu-central-1") as stand_in, tempfile.TemporaryDirectory() as opt:
        environment = stand_in.environment()
        story.chapter(
            "An AWS to talk to",
            "moto's server, corrected where it differs from AWS, on this machine. It counts every call.",
        )
        story.line(f"listening on {stand_in.url}")

        story.chapter(
            "Register services",
            "A deployment does this once: each record is a Cloud Map instance with a stage. payment-service is not in "
            "Cloud Map: somebody put its address into Parameter Store by hand.",
        )
        calls = _register(story, environment, stand_in)
        name, endpoint = BY_HAND
        stand_in.seed_parameter(f"/services/Production/{name}", endpoint)
        story.gap()
        story.line(f"by hand: /services/Production/{name} is {endpoint}")
        story.aside(
            f"Registering made {calls} calls to AWS: it creates what is missing, waits until the record can be found, "
            "and writes its mirror. That is a deployment's job, done once. Lookups are counted from here on."
        )

        with zipfile.ZipFile(layer_zip) as archive:
            archive.extractall(opt)
        interpreter = _interpreter()
        story.chapter(
            "Attach the layer to a function",
            "AWS's runtime emulator and runtime client run the function; the layer is unpacked as /opt would be. An "
            f"answer is fresh for {TTL_SECONDS:.0f} seconds here, so that you see it grow old (60 by default).",
        )
        story.line(f"layer     {layer_zip.name} ({megabytes(layer_zip.stat().st_size)})")
        story.line(f"fits      {target}")
        story.line(f"runtime   Python {interpreter.version}")
        function = RuntimeEmulator(
            runtime_tools(interpreter),
            handler="app.handler",
            task_root=FUNCTION,
            layer=Path(opt),
            region="eu-central-1",
            environment={
                **environment,
                "DISCOVERY_TTL": str(TTL_SECONDS),
                "DISCOVERY_STALE_WHILE_REVALIDATE": "1",
            },
        )
        with function:
            _play(Demo(story, stand_in, function), story, stand_in)
    _close(story)


def _register(story: Story, environment: Mapping[str, str], stand_in: StandInProcess) -> int:
    """Return how many calls registering made."""
    for number, (service, endpoint, stage) in enumerate(RECORDS):
        words = ["cloudmap-discovery", "register", service, endpoint, "--stage", stage]
        printed = _run(words, environment, story.width_of_output)
        story.command(words, printed[:1] if number else printed)
    calls = sum(stand_in.calls().values())
    words = ["cloudmap-discovery", "list"]
    story.command(words, _run(words, environment, story.width_of_output))
    return calls


def _run(words: list[str], environment: Mapping[str, str], columns: int) -> list[str]:
    program = str(Path(sys.executable).parent / words[0])
    done = subprocess.run(
        [program, *words[1:]],
        env={**environment, "COLUMNS": str(columns)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stderr}")
    return done.stdout.splitlines()


def _play(demo: Demo, story: Story, stand_in: StandInProcess) -> None:
    story.chapter(
        "First invocation: a cold start",
        "Nothing is held yet, so Cloud Map is asked: one call, made with the standard library.",
    )
    answer = demo.ask(*USERS)
    story.gap()
    story.line(f"AWS SDKs that the function has loaded by now: {', '.join(answer.get('sdks', ())) or 'none'}")

    story.chapter("Second invocation: from memory", "The same sandbox, a new invocation: no call at all.")
    demo.ask(*USERS)

    story.chapter("Another stage, another service", "Each service and stage is held apart.")
    demo.ask("user-management-service", "Staging")
    demo.ask("order-service", "Production")

    story.chapter(
        "Only in Parameter Store", "Cloud Map says no, and the fallback /services/<stage>/<name> knows it."
    )
    demo.ask(BY_HAND[0], "Production")

    story.chapter(
        "A service that nobody registered",
        "The error names what was asked for, who was asked, and a near miss.",
    )
    demo.ask("user-managment-service", "Production")

    story.chapter(
        "Cloud Map is down",
        f"Every connection to Cloud Map is reset, and the answer is more than {TTL_SECONDS + 1:.0f} seconds old. After a "
        "few attempts it is served all the same, marked stale; while the back-off lasts Cloud Map is left alone. "
        "invoice-service was never asked for: its mirror in Parameter Store answers.",
    )
    stand_in.down("servicediscovery")
    time.sleep(TTL_SECONDS + 1.1)
    demo.ask(*USERS)
    demo.ask(*USERS)
    demo.ask("invoice-service", "Production")

    story.chapter(
        "Cloud Map is back", "When the back-off has ended, the next invocation asks, and has a fresh answer."
    )
    stand_in.up("servicediscovery")
    time.sleep(2.1)
    demo.ask(*USERS)
    story.total(f"{demo.asked} lookups, {demo.calls} calls to AWS, failed ones and retries included.")


def _close(story: Story) -> None:
    story.chapter(
        "On a real account",
        "Publish the layer, attach it to a function that may call servicediscovery:DiscoverInstances, and register:",
    )
    for words in (
        ("make", "build", "publish", "REGION=eu-central-1"),
        (
            *("aws", "lambda", "update-function-configuration", "--function-name", "my-function"),
            *("--layers", "<the ARN it printed>"),
        ),
        ("cloudmap-discovery", "register", "user-management-service", "https://…", "--stage", "Production"),
    ):
        story.command(words)
    story.total("README.md goes on from here: settings, errors, testing your own function, IAM.")


def _interpreter() -> Interpreter:
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    for interpreter in emulated_interpreters():
        if interpreter.version == running:
            return interpreter
    raise SystemExit(
        f"the demo needs one of Python {', '.join(EMULATED_VERSIONS)}, for which AWS publishes its runtime client; "
        f"this is {running}. Try: make clean demo VENV_PYTHON=python3.13"
    )


def _target() -> Target:
    parser = argparse.ArgumentParser(prog="make demo", description="See the main job work.")
    parser.add_argument("--flavor", choices=FLAVORS, default=FLAVORS[0], help="of the layer (default: slim)")
    return choose_target(
        parser.parse_args().flavor,
        python=None,
        architecture=None,
        else_python=f"{sys.version_info.major}.{sys.version_info.minor}",
        else_architecture=architecture_of_machine(platform.machine()),
    )


def _layer_zip(target: Target) -> Path:
    path = ROOT / "dist" / target.zip_name(__version__)
    if not path.exists():
        raise SystemExit(f"{path} is not there; build it: make build FLAVOR={target.flavor}")
    return path


if __name__ == "__main__":
    try:
        chosen = _target()
        main(_layer_zip(chosen), chosen)
    except KeyboardInterrupt:
        sys.stderr.write("\nThe demo was interrupted; what it started has ended.\n")
        sys.exit(INTERRUPTED)
