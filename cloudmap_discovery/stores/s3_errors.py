"""What S3 says where a bucket or an object is not there, in words that say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cloudmap_discovery.errors import RemoteError

NO_OBJECT: Final = "NoSuchKey"
_NO_BUCKET: Final = "NoSuchBucket"


def explained(error: RemoteError, bucket: str) -> RemoteError:
    """Return the error, which says more if it is that there is no such bucket."""
    if error.code == _NO_BUCKET:
        error = error.fresh()
        error.args = (f"there is no bucket {bucket!r} ({_NO_BUCKET}): check DISCOVERY_BUCKET, or create it",)
    return error
