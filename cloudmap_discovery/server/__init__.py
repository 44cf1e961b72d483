"""Discovery for those that cannot look up for themselves: catalog, router, manifest and page over HTTP."""
