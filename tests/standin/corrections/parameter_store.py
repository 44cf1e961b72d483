"""moto's Parameter Store, corrected: names, values that hold others, and a value's size, which decides about its tier."""

import json
import re

from moto.core.responses import ActionResult
from moto.ssm.exceptions import SSMException, ValidationException
from moto.ssm.responses import SimpleSystemManagerResponse

# PutParameter, Value: "Standard parameters have a value limit of 4 KB. Advanced parameters have a value limit of 8 KB."
STANDARD_BYTES = 4_096
ADVANCED_BYTES = 8_192
# PutParameter, Name: "Parameter hierarchies are limited to a maximum depth of fifteen levels."
MAX_LEVELS = 15
# The same: "The maximum length for a parameter name that you specify is 1011 characters. This count of 1011 characters
# includes the characters in the ARN that precede the name you specify."
MAX_ARN_CHARACTERS = 1_011
# The same: "Parameter names can include only the following symbols and letters: a-zA-Z0-9_.-" and the slash.
_NAME = re.compile(r"[a-zA-Z0-9_.\-/]+")
# PutParameter, Value: "You can't include values wrapped in double brackets {{}}".
_NESTED = re.compile(r"\{\{.*\}\}", re.DOTALL)


class ParameterStoreResponse(SimpleSystemManagerResponse):
    """Refuses names and values that Parameter Store refuses and moto stores."""

    def put_parameter(self) -> ActionResult:
        name, value = (self._get_param("Name") or "").strip(), self._get_param("Value") or ""
        self._check_name(name)
        if _NESTED.search(value):
            raise ValidationException(
                'Parameter value can\'t nest another parameter. Do not use "{{}}" in the value.',
            )
        tier = self._tier(name, len(value.encode()))
        self.body = json.dumps({**json.loads(self.body), "Name": name, "Tier": tier})  # what moto reads next
        return super().put_parameter()

    def _check_name(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            raise ValidationException(
                f"Parameter name: {name!r} is not valid: it can include only letters, numbers and the symbols _.-/"
            )
        if "/" in name and not name.startswith("/"):
            raise ValidationException("Parameter name must be a fully qualified name.")
        if name.count("/") > MAX_LEVELS:
            raise SSMException(
                "HierarchyLevelLimitExceededException",
                f"A hierarchy can have a maximum of {MAX_LEVELS} levels.",
            )
        if len(f"{self.ssm_backend.ssm_prefix}/{name.lstrip('/')}") > MAX_ARN_CHARACTERS:
            raise ValidationException(
                f"Parameter name: with its ARN it exceeds {MAX_ARN_CHARACTERS} characters."
            )

    def _tier(self, name: str, size: int) -> str:
        """Return the tier that the parameter comes to.

        PutParameter, Tier: with Intelligent-Tiering "Parameter Store evaluates each request to determine if the parameter
        is standard or advanced"; "Options that require an advanced parameter include [...] The content size of the
        parameter is more than 4 KB"; "you can't revert an advanced parameter to a standard parameter".
        """
        present = self.ssm_backend.get_parameter(name)
        was_advanced = present is not None and present.tier == "Advanced"
        default = present.tier if present is not None else self.ssm_backend.default_parameter_tier
        tier = str(self._get_param("Tier") or default)
        if tier == "Intelligent-Tiering":
            tier = "Advanced" if was_advanced or size > STANDARD_BYTES else "Standard"
        if tier == "Standard" and was_advanced:
            raise ValidationException(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the"
                " advanced-parameter tier to the standard-parameter tier."
            )
        limit = STANDARD_BYTES if tier == "Standard" else ADVANCED_BYTES
        if size > limit:
            advice = " To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier."
            raise ValidationException(
                f"{tier} tier parameters support a maximum parameter value of {limit} characters."
                + (advice if tier == "Standard" else "")
            )
        return tier
