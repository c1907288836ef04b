// node.mjs PACKAGE URL STREAM: leads the conversation of src/main.rs with a client for Node, of either name.

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";

const [name, url, stream] = process.argv.slice(2);
const library = createRequire(`${process.env.CLIENTS_FOLDER ?? process.cwd()}/`)(name);
const Client = library.KurrentDBClient ?? library.EventStoreDBClient;
const { START, END, FORWARDS, BACKWARDS, NO_STREAM, eventTypeFilter, jsonEvent } = library;

const say = (step, saw) => process.stdout.write(`${JSON.stringify({ step, saw })}\n`);

const seen = ({ event }) => ({
  position: Number(event.position?.commit),
  revision: Number(event.revision),
  type: event.type,
});

const all = async (reading) => {
  const events = [];
  for await (const resolved of reading) events.push(seen(resolved));
  return events;
};

const kind = async (act) => {
  try {
    await act();
  } catch (error) {
    return error.type;
  }
};

const client = Client.connectionString(url);
say("stream", await all(client.readStream(stream, { direction: FORWARDS, fromRevision: START })));
say("from", await all(client.readStream(stream, { direction: FORWARDS, fromRevision: 1n })));
say("backwards", await all(client.readStream(stream, { direction: BACKWARDS, fromRevision: END, maxCount: 2 })));
for await (const { event } of client.readStream(stream, { maxCount: 1 })) say("data", JSON.stringify(event.data));
say("missing", (await kind(() => all(client.readStream("customer-none")))) === "stream-not-found");
const event = jsonEvent({ type: "a", data: {} });
say("refused", (await kind(() => client.appendToStream(stream, [event]))) === "access-denied");
const outside = `external-${randomUUID()}`;
const made = [0, 1, 2, 3].map((kg) => jsonEvent({ id: randomUUID(), type: "WeightMeasured", data: { kg } }));
const answers = [];
for (const [expected, events] of [
  [NO_STREAM, made.slice(0, 1)],
  [NO_STREAM, made.slice(0, 1)],
  [0n, made.slice(1, 3)],
  [0n, made.slice(3)],
]) {
  // Each of the two has its own name for it.
  const options = { expectedRevision: expected, streamState: expected };
  try {
    answers.push(Number((await client.appendToStream(outside, events, options)).position.commit));
  } catch (error) {
    answers.push(error.type === "wrong-expected-version" ? "conflict" : String(error));
  }
}
say("appended", answers);
say("outside", await all(client.readStream(outside)));
say("all", await all(client.readAll({ direction: FORWARDS, fromPosition: START })));
const subscription = client.subscribeToAll({
  fromPosition: START,
  filter: eventTypeFilter({ prefixes: ["customer."] }),
});
let events = [];
let live = false;
subscription.on("caughtUp", () => {
  say("caught_up", events);
  live = true;
});
subscription.on("data", async (resolved) => {
  if (!live) return events.push(seen(resolved));
  say("live", seen(resolved));
  await subscription.unsubscribe();
  process.exit(0);
});
