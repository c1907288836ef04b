"""What a schema cannot say: a cursor is good only where an answer gave it, so none is made up (dev.d/schemathesis.toml)."""

import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.query:
        case.query.pop("cursor", None)
