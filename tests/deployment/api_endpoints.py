"""APIs of API Gateway have the addresses that they have on AWS; ministack gives them some of its own host.

Nothing listens there, as nothing does in these tests; but what is registered, verified and compared is the address.
This runs in ministack's own process, without the rest of the project. `test_api_endpoints.py` holds all of this.
"""

from __future__ import annotations

import json
from typing import Any, Final

_CREATED: Final = 201


def give_address(gateway: Any, provisioners: Any) -> None:
    """Correct the address of every HTTP and WebSocket API as it is created, by API or by CloudFormation."""
    create = gateway._create_api
    handlers = provisioners._RESOURCE_HANDLERS["AWS::ApiGatewayV2::Api"]
    provision = handlers["create"]

    def addressed(api_id: str) -> str:
        api = gateway._apis[api_id]
        scheme = "wss" if api["protocolType"] == "WEBSOCKET" else "https"
        api["apiEndpoint"] = f"{scheme}://{api_id}.execute-api.{gateway.get_region()}.amazonaws.com"
        return str(api["apiEndpoint"])

    def creating(request: dict[str, Any]) -> tuple[int, Any, bytes]:
        status, headers, body = create(request)
        if status == _CREATED:
            api = json.loads(body)
            body = json.dumps({**api, "apiEndpoint": addressed(api["apiId"])}).encode()
        return status, headers, body

    def provisioning(*arguments: Any) -> tuple[str, dict[str, Any]]:
        api_id, attributes = provision(*arguments)
        return api_id, {**attributes, "ApiEndpoint": addressed(api_id)}

    gateway._create_api = creating
    handlers["create"] = provisioning
