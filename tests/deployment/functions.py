"""Functions that tests make through Lambda's API, without a stack."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Final
from uuid import uuid4

if TYPE_CHECKING:
    from tests.deployment.ministack import Ministack

_TRUST: Final = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


def create(ministack: Ministack, code: str = "handler = print") -> str:
    """Create a function whose module has this code and a `handler`, and a role that allows nothing; return its ARN."""
    name = f"function-{uuid4().hex[:8]}"
    role = ministack.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("app.py", code)
    created = ministack.client("lambda").create_function(
        FunctionName=name,
        Role=role["Role"]["Arn"],
        Runtime="python3.13",
        Handler="app.handler",
        Timeout=60,
        Code={"ZipFile": content.getvalue()},
    )
    return str(created["FunctionArn"])
