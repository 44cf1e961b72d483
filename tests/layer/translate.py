"""Translates SAM templates as AWS does: python translate.py REGION TEMPLATE …, with aws-sam-translator; prints a JSON list.

Files that a template names count as sent to a bucket. Run with the Python of requirements/sam.txt.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

_NAMES_A_FILE = ("CodeUri", "ContentUri")


def translated(text: str) -> Any:
    template = importlib.import_module("samtranslator.yaml_helper").yaml_parse(text)
    for resource in template["Resources"].values():
        for name in _NAMES_A_FILE:
            if name in resource.get("Properties", {}):
                resource["Properties"][name] = "s3://artifacts/file.zip"
    parser = importlib.import_module("samtranslator.parser.parser").Parser()
    session = importlib.import_module("boto3").Session()
    translator: Any = importlib.import_module("samtranslator.translator.translator").Translator
    return translator({}, parser, boto_session=session).translate(template, {})


if __name__ == "__main__":
    os.environ["AWS_DEFAULT_REGION"] = sys.argv[1]
    sys.stdout.write(json.dumps([translated(Path(name).read_text()) for name in sys.argv[2:]]))
