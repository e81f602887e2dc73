// Drives the Node client: SCENARIO SOCKET. Fails at the first thing that is not so; says `connected` when it is.
import assert from "node:assert/strict";

const { Steward, socketPaths } = await import(process.env.CLIENTS + "/node/steward.mjs");
const [scenario, path] = process.argv.slice(2);
const kind = (kind) => (error) => (assert.equal(error.kind, kind, error), true);

async function everyday(steward) {
  assert.equal((await steward.request("ping")).message, "pong");
  for (const text of ['naïve "quoted" \\ \t tab', "\u{1f600}".repeat(2000)]) {
    const held = await steward.request("remember", text);
    assert.deepEqual([held.status, held.message], ["confirm", "user confirmation required"]);
    const done = await steward.confirm(held.confirmation_id);
    assert.deepEqual([done.status, done.action], ["ok", "remember"]);
    assert.equal((await steward.request("read_context")).data.notes.at(-1).text, text);
    assert.equal((await steward.confirm(held.confirmation_id)).code, "confirmation_used");
  }
  const { confirmation_id: no } = await steward.request("remember", "no");
  const other = await Steward.connect({ path });
  const [ended, refused] = await Promise.all([steward.result(no, 60), other.reject(no, "not now")]);
  assert.deepEqual([refused.status, ended.data.state, ended.data.note], ["ok", "denied", "not now"]);
  other.close();
  const { confirmation_id: never } = await steward.request("remember", "never mind");
  assert.equal((await steward.cancel(never)).data.state, "cancelled");
  const wrong = await steward.request("set_volume", "101");
  assert.deepEqual([wrong.code, wrong.message], ["invalid_payload", "invalid volume percentage"]);
  const many = await Promise.all(Array.from({ length: 500 }, () => steward.request("ping")));
  assert.deepEqual(new Set(many.map((a) => a.message)), new Set(["pong"]));
  assert.equal((await steward.request("explain", { text: "mute" })).data.action, "volume_mute");
  await assert.rejects(steward.request("remember", "x".repeat(256 * 1024)), RangeError);
}

if (scenario === "nobody") {
  await assert.rejects(Steward.connect({ path }), kind("unreachable"));
  assert.deepEqual(socketPaths({ STEWARD_SOCKET: "desk=" + path }), [path]);
} else {
  const steward = await Steward.connect({ path });
  console.log("connected");
  switch (scenario) {
    case "everyday":
      await everyday(steward);
      break;
    case "dies":
      await assert.rejects(steward.request("ping"), kind("gone"));
      await assert.rejects(steward.request("ping"), kind("gone"));
      break;
    case "late":
      await assert.rejects(steward.request("ping", undefined, { timeout: 0.2 }), kind("timed_out"));
      await assert.rejects(steward.request("ping"), kind("timed_out"));
      break;
    case "malformed":
      await assert.rejects(steward.request("ping"), kind("malformed"));
      break;
    case "long":
      assert.equal((await steward.request("ping")).message, "é".repeat(600_000));
      break;
    case "events":
      for await (const event of steward.events()) console.log(event.event);
      break;
    case "dropped":
      await assert.rejects(async () => {
        for await (const event of steward.events()) assert.equal(event.event, "state");
      }, kind("dropped"));
      break;
    default:
      assert.fail(scenario);
  }
  steward.close();
}
