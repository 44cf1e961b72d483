"""The slim layer under AWS's own runtime emulator, with a registry that is read from a snapshot."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from tests.layer.canary_bed import EVENT, URL
from tests.standin.fixtures import sdk_client
from tests.unit.bed import users
from tests.unit.snapshot_records import snapshot_of

if TYPE_CHECKING:
    from layer.interpreters import Interpreter
    from tests.layer.canary_bed import Bed

pytest_plugins = ["tests.layer.canary_fixtures"]

BUCKET: Final = "registry"


def test_a_function_reads_the_registry_from_s3_with_one_request(bed: Bed, interpreter: Interpreter) -> None:
    bed.aws.seed_bucket(BUCKET)
    body = snapshot_of(users("https://snapshot.test"), checked_at=time.time())
    client = sdk_client("s3", bed.aws)
    client.put_object(Bucket=BUCKET, Key="cloudmap-discovery/services.json", Body=body)
    client.close()
    bed.aws.reset_calls()
    environment = {"DISCOVERY_SOURCES": "s3,cloudmap", "DISCOVERY_BUCKET": BUCKET}

    function = bed.function(interpreter, bed.opt("slim", interpreter), environment=environment)
    answers = [function.invoke(EVENT) for _ in range(2)]

    assert answers[0].error_type is None, f"{answers[0].payload}\n{answers[0].log}"
    assert [answer.payload["url"] for answer in answers] == ["https://snapshot.test"] * 2
    assert bed.aws.calls() == {"s3:GetObject": 1}
    assert answers[0].log == ""


def test_a_function_with_a_packaged_file_starts_while_aws_is_down_and_sees_the_newest_later(
    bed: Bed, interpreter: Interpreter
) -> None:
    body = snapshot_of(users("https://packaged.test"), checked_at=time.time() - 500_000)
    environment = {"DISCOVERY_SOURCES": "file,cloudmap", "DISCOVERY_SNAPSHOT_FILE": "snapshot.json.gz"}
    bed.aws.down()

    bed.task_root.mkdir()
    (bed.task_root / "snapshot.json.gz").write_bytes(body)
    function = bed.function(interpreter, bed.opt("slim", interpreter), environment=environment)
    first = later = function.invoke(EVENT)
    bed.aws.up()
    for _ in range(100):
        later = function.invoke(EVENT)
        if later.payload["url"] == URL:
            break
        time.sleep(0.1)

    assert first.error_type is None, f"{first.payload}\n{first.log}"
    assert first.payload["url"] == "https://packaged.test"
    assert later.payload["url"] == URL
