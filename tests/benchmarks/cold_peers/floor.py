"""The least that can ask Cloud Map from a coroutine: standard library, a signature by hand, certificates checked.

No retries, no deadline, no proxy, no error message; it blocks its event loop. Nothing that asks AWS can do with less.
"""

import asyncio
import hashlib
import hmac
import http.client
import json
import os
import ssl
import time
from urllib.parse import urlsplit

_TARGET = "Route53AutoNaming_v20170314.DiscoverInstances"
_TYPE = "application/x-amz-json-1.1"


def _authorization(host: str, body: bytes, at: str) -> str:
    scope = f"{at[:8]}/{os.environ['AWS_REGION']}/servicediscovery/aws4_request"
    names = "content-type;host;x-amz-date;x-amz-target"
    headers = f"content-type:{_TYPE}\nhost:{host}\nx-amz-date:{at}\nx-amz-target:{_TARGET}\n"
    request = f"POST\n/\n\n{headers}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = b"AWS4" + os.environ["AWS_SECRET_ACCESS_KEY"].encode()
    for part in (*scope.split("/"), text):
        key = hmac.digest(key, part.encode(), "sha256")
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    return f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={key.hex()}"


async def _discover(service: str, stage: str) -> str:
    query = {
        "NamespaceName": "services",
        "ServiceName": service,
        "MaxResults": 1000,
        "HealthStatus": "HEALTHY_OR_ELSE_ALL",
        "QueryParameters": {"stage": stage},
    }
    body = json.dumps(query).encode()
    endpoint = urlsplit(os.environ["AWS_ENDPOINT_URL"])
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    connection = http.client.HTTPConnection(endpoint.netloc, timeout=2)
    if endpoint.scheme == "https":
        trusted = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
        connection = http.client.HTTPSConnection(endpoint.netloc, timeout=2, context=trusted)
    headers = {"content-type": _TYPE, "x-amz-date": at, "x-amz-target": _TARGET}
    headers["authorization"] = _authorization(endpoint.netloc, body, at)
    connection.request("POST", "/", body, headers)
    answer = json.loads(connection.getresponse().read())
    return str(answer["Instances"][0]["Attributes"]["endpoint"])


def ask() -> str:
    return asyncio.run(_discover("users", "Production"))
