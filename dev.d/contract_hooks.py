"""What a schema cannot say (dev.d/schemathesis.toml): a cursor is good only where an answer gave it, and a moment
only when it is past, so none is made up; a list takes so many filters at once and skips so many rows (FILTERS_MAX and
DEPTH_MAX in projections/src/list.rs), so what is meant to be accepted keeps to that; and an id that is made up finds
nothing, so what is meant to be accepted is asked of a thing that is there (THINGS, an id by the path of its list)."""

import json
import os

import schemathesis

FILTERS_MAX = 20
DEPTH_MAX = 10_000
NO_FILTERS = {"page", "limit", "sort", "order"}
THINGS = json.loads(os.environ["THINGS"])


@schemathesis.hook
def before_call(context, case, kwargs):
    is_positive = case.meta is None or case.meta.generation.mode.is_positive
    if is_positive:
        name_what_is_there(case)
    stay_let_in(case)
    query = case.query
    if not query:
        return
    query.pop("cursor", None)
    query.pop("asOf", None)
    if is_positive:
        keep_within_limits(query)


def name_what_is_there(case):
    """Steps that follow one another name what was made before; and what is deleted is missed by all that come after."""
    if case.method == "DELETE" or case.meta is None or case.meta.phase.name.value == "stateful":
        return
    path = case.operation.path.removeprefix("/api/v1").removeprefix("/workspaces/{wsId}")
    for parameter in ("id", "productId"):
        thing = THINGS.get(path.partition("/{" + parameter + "}")[0])
        if thing and parameter in (case.path_parameters or {}):
            case.path_parameters[parameter] = thing


def stay_let_in(case):
    """Nothing more would be tried if the owner had to show a second factor, which there is none of."""
    if "/organizations/" in case.operation.path and isinstance(case.body, dict):
        case.body.pop("secondFactorRoles", None)


def keep_within_limits(query):
    for name in [name for name in query if name not in NO_FILTERS][FILTERS_MAX:]:
        del query[name]
    page, limit = query.get("page", 1), query.get("limit", 20)
    if isinstance(page, int) and isinstance(limit, int) and page > max(1, DEPTH_MAX // limit):
        del query["page"]
