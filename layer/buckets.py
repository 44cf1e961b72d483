"""The buckets of a deployment: the one that things are deployed from, and the snapshot's, at its end."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from layer.targets import PROJECT


def artifacts_bucket(account: str, region: str) -> str:
    """Return the name of the bucket that is made for what is deployed."""
    return f"{PROJECT}-artifacts-{account}-{region}"


def is_there(objects: Any, bucket: str, account: str) -> bool:
    """Return whether the account has the bucket; somebody else's is a `ClientError` with 403."""
    try:
        objects.head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") not in {"404", "NoSuchBucket"}:
            raise
        return False
    return True


def create(objects: Any, bucket: str, region: str) -> None:
    """Create a bucket that nothing can make public; it is encrypted as every bucket is."""
    where: dict[str, Any] = {}
    if region != "us-east-1":
        where["CreateBucketConfiguration"] = {"LocationConstraint": region}
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    objects.create_bucket(Bucket=bucket, ObjectOwnership="BucketOwnerEnforced", **where)
    objects.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=dict.fromkeys(names, True))


def remove(objects: Any, bucket: str) -> int:
    """Delete a bucket with every version of every object in it; return how many there were."""
    count = 0
    for page in objects.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [
            {"Key": one["Key"], "VersionId": one["VersionId"]}
            for kind in ("Versions", "DeleteMarkers")
            for one in page.get(kind) or []
        ]
        if found:
            objects.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})
        count += len(found)
    objects.delete_bucket(Bucket=bucket)
    return count
