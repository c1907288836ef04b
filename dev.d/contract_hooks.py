"""What a schema cannot say (dev.d/schemathesis.toml): a cursor is good only where an answer gave it, and a moment
only when it is past, so none is made up; a list takes so many filters at once and skips so many rows (FILTERS_MAX and
DEPTH_MAX in projections/src/list.rs), so what is meant to be accepted keeps to that; and an id that is made up finds
nothing, so what is meant to be accepted names things that are there (THINGS, ids by the path in front of them)."""

import json
import os
import re

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import CoveragePhaseData

FILTERS_MAX = 20
DEPTH_MAX = 10_000
NO_FILTERS = {"page", "limit", "sort", "order"}
THINGS = json.loads(os.environ["THINGS"])
PARAMETER = re.compile(r"/\{(\w+)\}")
WORKSPACE = re.compile(r"^/api/v1(/workspaces/\{wsId\})?")
TRIED = {}


def reference(path):
    """`/finance/exchange-rates` is named in a field `exchangeRateId`."""
    first, *rest = re.sub("s$", "", re.sub("ies$", "y", path.split("/")[-1])).split("-")
    return first + "".join(word.capitalize() for word in rest) + "Id"


REFERENCES = {reference(path): thing for path, thing in THINGS["kept"].items()} | {
    "headId": THINGS["kept"]["/employees"],
    "personId": THINGS["spare"]["/customers"],
}


@schemathesis.hook
def filter_case(context, case):
    """A header is read in one way wherever it is taken: what one operation has shown of it the others need not show again.
    The token is always sent: tests/it/tidy.rs and tests/it/stores/hostile.rs try every route without."""
    data = case.meta.phase.data if case.meta else None
    if not isinstance(data, CoveragePhaseData) or data.parameter_location != ParameterLocation.HEADER:
        return True
    if data.parameter == "Authorization":
        return False
    what = (data.parameter, data.scenario, data.description)
    return TRIED.setdefault(what, case.operation.label) == case.operation.label


@schemathesis.hook
def before_call(context, case, kwargs):
    is_positive = case.meta is None or case.meta.generation.mode.is_positive
    if is_positive or case.method == "DELETE":
        name_what_is_there(case)
    if is_positive:
        refer_to_what_is_there(case.body)
        refer_to_what_is_there(case.query)
    stay_let_in(case)
    query = case.query
    if not query:
        return
    query.pop("cursor", None)
    query.pop("asOf", None)
    if is_positive:
        keep_within_limits(query)


def name_what_is_there(case):
    """Steps that follow one another name what was made before; and what is deleted is missed by all that come after, so it is
    another one."""
    if case.meta is None or case.meta.phase.name.value == "stateful":
        return
    path = WORKSPACE.sub("", case.operation.path)
    parameters = list(PARAMETER.finditer(path))
    for parameter in parameters:
        goes = case.method == "DELETE" and parameter is parameters[-1]
        thing = THINGS["spare" if goes else "kept"].get(path[: parameter.start()])
        if thing and parameter[1] in (case.path_parameters or {}):
            case.path_parameters[parameter[1]] = thing


def refer_to_what_is_there(value):
    if isinstance(value, list):
        for item in value:
            refer_to_what_is_there(item)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name in REFERENCES and isinstance(inner, str):
                value[name] = REFERENCES[name]
            refer_to_what_is_there(inner)


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
