"""What a schema cannot say (dev.d/schemathesis.toml): a cursor is good only where an answer gave it, and a moment
only when it is past, so none is made up; and
a list takes so many filters at once and skips so many rows (FILTERS_MAX and DEPTH_MAX in projections/src/list.rs), so what
is meant to be accepted keeps to that."""

import schemathesis

FILTERS_MAX = 20
DEPTH_MAX = 10_000
NO_FILTERS = {"page", "limit", "sort", "order"}


@schemathesis.hook
def before_call(context, case, kwargs):
    query = case.query
    if not query:
        return
    query.pop("cursor", None)
    query.pop("asOf", None)
    if case.meta is not None and not case.meta.generation.mode.is_positive:
        return
    for name in [name for name in query if name not in NO_FILTERS][FILTERS_MAX:]:
        del query[name]
    page, limit = query.get("page", 1), query.get("limit", 20)
    if isinstance(page, int) and isinstance(limit, int) and page > max(1, DEPTH_MAX // limit):
        del query["page"]
