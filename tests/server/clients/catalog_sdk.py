"""Looks services up with the published SDK of serverless-discovery, and prints what it returns for each."""

from __future__ import annotations

import json
import sys

from serverless_discovery_sdk.DiscoverySdk import (  # type: ignore[import-not-found]  # the test installs it apart
    DiscoverySdk,
)

url, *lookups = sys.argv[1:]
sdk = DiscoverySdk(url)
print(json.dumps([sdk.lookupService(*lookup.split("/")) for lookup in lookups]))  # noqa: T201 -- for the test that runs it
