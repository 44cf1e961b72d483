"""Every error that building, publishing and deploying raise; each message says what to do next.

LayerError
├── UnknownTargetError    this Python version or architecture is not offered
├── ToolFailedError       a program that the build calls failed: its own words are in the message
├── LayerTooLargeError    Lambda would refuse the layer
├── NotPureError          a package of the slim layer does not fit every Python and machine
├── BlankingError         a source of ours would do something else without its comments: a bug of the build
├── NothingToPublishError dist/ has not what is to be published or deployed, or two of the same kind
├── WrongOptionError      an option cannot be used, or not with what is there
└── AwsError              AWS refused, or was not reached
"""

from __future__ import annotations


class LayerError(Exception):
    """Root of everything that makes building, publishing or deploying stop."""


class UnknownTargetError(LayerError):
    """A Python version or an architecture that the layer is not built for; lists those that it is."""


class ToolFailedError(LayerError):
    """A program that the build calls is missing, or ended with an error."""


class LayerTooLargeError(LayerError):
    """The layer is over one of Lambda's limits."""


class NotPureError(LayerError):
    """The slim layer, one zip for all, was about to hold what is made for one Python version or machine."""


class BlankingError(LayerError):
    """Blanking a source would have changed what it does."""


class NothingToPublishError(LayerError):
    """What is in the folder of built layers does not say what to publish, or lacks what to deploy."""


class WrongOptionError(LayerError):
    """An option has a value that does not fit, or not what is there, or is missing where it is needed."""


class AwsError(LayerError):
    """A call to AWS failed; the cause is the SDK's exception."""
