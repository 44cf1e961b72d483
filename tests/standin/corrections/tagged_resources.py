"""moto's tagging API, corrected: pages that are cut by nothing but their size, and what a request may hold together."""

from moto.core.responses import ActionResult
from moto.resourcegroupstaggingapi.exceptions import ResourceGroupsTaggingAPIError
from moto.resourcegroupstaggingapi.responses import ResourceGroupsTaggingAPIResponse

from tests.standin.corrections.cloud_map_errors import InvalidInputError
from tests.standin.corrections.paging import page_of

# As ResourcesPerPage says: "You can specify a minimum of 1 and a maximum value of 100."
MAX_PAGE = 100
DEFAULT_PAGE = 50
# As TagFilters says: "A request can include up to 50 keys, and each key can include up to 20 values."
MAX_FILTERS = 50
MAX_VALUES = 20


class TaggingResponse(ResourceGroupsTaggingAPIResponse):
    """Finds resources by their tags."""

    def get_resources(self) -> ActionResult:
        """moto ends a page at 100 tags where nobody asked for it, and forgets a token that was used."""
        filters = self._get_param("TagFilters", [])
        types = self._get_param("ResourceTypeFilters", [])
        arns = self._get_param("ResourceARNList", [])
        size = self._get_param("ResourcesPerPage")
        token = self._get_param("PaginationToken")
        if self._get_param("TagsPerPage") is not None:
            raise NotImplementedError("pages by their number of tags")
        _check(not (arns and (filters or types or size or token)), "ResourceARNList excludes the others")
        _check(size is None or 1 <= size <= MAX_PAGE, f"ResourcesPerPage must be between 1 and {MAX_PAGE}")
        _check(len(filters) <= MAX_FILTERS, f"TagFilters can have up to {MAX_FILTERS} keys")
        for each in filters:
            _check(bool(each.get("Key")), "Each TagFilter must contain a key")
            _check(
                len(each.get("Values") or []) <= MAX_VALUES, f"Each key can have up to {MAX_VALUES} values"
            )
        found = self.backend._get_resources_generator(filters, types, arns)
        try:
            page, following = page_of(
                [(resource.arn, resource) for resource in found],
                max_results=MAX_PAGE if arns else size or DEFAULT_PAGE,
                next_token=token,
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


def _check(is_right: bool, message: str) -> None:  # noqa: FBT001 -- what is checked reads first
    if not is_right:
        raise ResourceGroupsTaggingAPIError("InvalidParameterException", message)
