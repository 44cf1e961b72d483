"""The same address from Parameter Store, through Powertools for AWS Lambda."""

from aws_lambda_powertools.utilities.parameters import get_parameter


def ask() -> str:
    return str(get_parameter("/services/Production/users"))
