"""python.py URL STREAM: leads the conversation of src/main.rs with the client for Python."""

import json
import sys
import uuid

from kurrentdbclient import KurrentDBClient, NewEvent, StreamState
from kurrentdbclient.events import CaughtUp
from kurrentdbclient.exceptions import AccessDeniedError, NotFoundError, WrongCurrentVersionError


def say(step, saw):
    print(json.dumps({"step": step, "saw": saw}), flush=True)


def seen(event):
    return {
        "position": event.commit_position,
        "revision": event.stream_position,
        "type": event.type,
    }


def is_raised(kind, act):
    try:
        act()
    except kind:
        return True
    return False


url, stream = sys.argv[1:]
client = KurrentDBClient(url)
say("stream", [seen(e) for e in client.get_stream(stream)])
say("from", [seen(e) for e in client.get_stream(stream, stream_position=1)])
say("backwards", [seen(e) for e in client.get_stream(stream, backwards=True, limit=2)])
say("data", client.get_stream(stream)[0].data.decode())
say("missing", is_raised(NotFoundError, lambda: client.get_stream("customer-none")))
event = NewEvent(type="a", data=b"{}")
append = lambda: client.append_to_stream(stream, events=[event], current_version=StreamState.ANY)
say("refused", is_raised(AccessDeniedError, append))
outside = f"external-{uuid.uuid4()}"
made = [NewEvent(type="WeightMeasured", data=b'{"kg":%d}' % n) for n in range(4)]
answers = []
for wanted, appended in [
    (StreamState.NO_STREAM, made[:1]),
    (StreamState.NO_STREAM, made[:1]),
    (0, made[1:3]),
    (0, made[3:]),
]:
    try:
        answers.append(client.append_to_stream(outside, events=appended, current_version=wanted))
    except WrongCurrentVersionError:
        answers.append("conflict")
say("appended", answers)
say("outside", [seen(e) for e in client.get_stream(outside)])
# Filtered by what the client leaves out unless it is told otherwise, which takes a look ahead.
say("all", [seen(e) for e in client.read_all()])
events = []
subscription = client.subscribe_to_all(
    filter_include=("customer.",), filter_by_prefix=True, include_caught_up=True
)
for event in subscription:
    if isinstance(event, CaughtUp):
        break
    events.append(seen(event))
say("caught_up", events)
say("live", seen(next(event for event in subscription if not isinstance(event, CaughtUp))))
subscription.stop()
client.close()
