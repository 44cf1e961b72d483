"""moto's tagging API, corrected: pages that are cut as was asked for alone, and what a request may hold together."""

from itertools import accumulate
from typing import TYPE_CHECKING

from moto.core.responses import ActionResult
from moto.resourcegroupstaggingapi.exceptions import ResourceGroupsTaggingAPIError
from moto.resourcegroupstaggingapi.responses import ResourceGroupsTaggingAPIResponse

from tests.standin.corrections.cloud_map_errors import InvalidInputError
from tests.standin.corrections.paging import page_of

if TYPE_CHECKING:
    from collections.abc import Sequence

# As ResourcesPerPage says: "You can specify a minimum of 1 and a maximum value of 100."
MAX_PAGE = 100
DEFAULT_PAGE = 50
# As TagFilters says: "A request can include up to 50 keys, and each key can include up to 20 values."
MAX_FILTERS = 50
MAX_VALUES = 20
# As TagsPerPage says: "You can set TagsPerPage to a minimum of 100 items up to a maximum of 500 items."
MIN_TAGS = 100
MAX_TAGS = 500


class TaggingResponse(ResourceGroupsTaggingAPIResponse):
    """Finds resources by their tags."""

    def get_resources(self) -> ActionResult:
        """moto ends a page at 100 tags where nobody asked for it, and forgets a token that was used."""
        filters = self._get_param("TagFilters", [])
        types = self._get_param("ResourceTypeFilters", [])
        arns = self._get_param("ResourceARNList", [])
        size = self._get_param("ResourcesPerPage")
        token = self._get_param("PaginationToken")
        tags = self._get_param("TagsPerPage")
        _check(
            tags is None or MIN_TAGS <= tags <= MAX_TAGS,
            f"TagsPerPage must be between {MIN_TAGS} and {MAX_TAGS}",
        )
        _check(not (arns and (filters or types or size or token)), "ResourceARNList excludes the others")
        _check(size is None or 1 <= size <= MAX_PAGE, f"ResourcesPerPage must be between 1 and {MAX_PAGE}")
        _check(len(filters) <= MAX_FILTERS, f"TagFilters can have up to {MAX_FILTERS} keys")
        for each in filters:
            _check(bool(each.get("Key")), "Each TagFilter must contain a key")
            _check(
                len(each.get("Values") or []) <= MAX_VALUES, f"Each key can have up to {MAX_VALUES} values"
            )
        found = [
            (resource.arn, resource)
            for resource in self.backend._get_resources_generator(filters, types, arns)
        ]
        try:
            if tags is not None:
                rest, _ = page_of(found, max_results=len(found), next_token=token)
                fitting = _fitting([len(resource.tags) for resource in rest], tags)
                size = min(size or fitting, fitting)
            page, following = page_of(
                found, max_results=MAX_PAGE if arns else size or DEFAULT_PAGE, next_token=token
            )
        except InvalidInputError as error:
            raise ResourceGroupsTaggingAPIError(
                "PaginationTokenExpiredException", "Token does not exist"
            ) from error
        described = [
            {
                "ResourceARN": resource.arn,
                "Tags": [{"Key": key, "Value": value} for key, value in resource.tags.items()],
            }
            for resource in page
        ]
        return ActionResult({"ResourceTagMappingList": described, "PaginationToken": following or ""})


def _fitting(tags_of_each: "Sequence[int]", most: int) -> int:
    """Return how many resources fit into a page of so many tags: the first one always, and one without tags counts as one."""
    sums = accumulate(max(count, 1) for count in tags_of_each)
    return max(sum(total <= most for total in sums), 1)


def _check(is_right: bool, message: str) -> None:  # noqa: FBT001 -- what is checked reads first
    if not is_right:
        raise ResourceGroupsTaggingAPIError("InvalidParameterException", message)
