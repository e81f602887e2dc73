// SPDX-License-Identifier: MIT OR Apache-2.0
//
// A small client of Steward's home protocol (docs/ipc.md). Node 18 or newer, no packages; copy it.
//
//     const steward = await Steward.connect();
//     const answer = await steward.request("remember", "my name is Sam");
//     console.log(answer.status, answer.message);
//     steward.close();
//
// One JSON object a line, one answer a line, in order; any number may be asked without waiting. Look at `answer.status`:
// `ok`, `confirm` (held: ask the person, then `confirm`), `deny` or `error` (then `answer.code`). A promise that is rejected
// means that there is no answer; `error.kind` says why:
//
//     unreachable   no agent listens there; nothing was sent
//     gone          it went away before it answered; whether it did it is not known: connect again and look, do not ask again
//     timed_out     no answer in time; what the agent began goes on, and the connection is closed
//     malformed     what came is no answer of this protocol
//     dropped       events were read too slowly; subscribe again

import { createConnection } from "node:net";
import { pathToFileURL } from "node:url";

const MAX_LINE = 256 * 1024; // the longest request, in bytes
const MAX_ANSWER = 16 * 1024 * 1024; // the longest answer that is read, in bytes
const MAX_WAIT = 60; // the longest `wait` of `result`, in seconds

export class StewardError extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

/** Where to look: the socket that was named in STEWARD_SOCKET, else the user's, else the machine's. */
export function socketPaths(env = process.env) {
  if (env.STEWARD_SOCKET) {
    return [env.STEWARD_SOCKET.replace(/^[^/=]+=/, "")]; // PATH, or NAME=PATH as stewardd takes it
  }
  const own = env.XDG_RUNTIME_DIR ? [`${env.XDG_RUNTIME_DIR}/steward/agent.sock`] : [];
  return [...own, "/run/steward/agent.sock"];
}

export class Steward {
  #socket;
  #timeout;
  #lastId = 0;
  #waiting = []; // one for each line that is still to come
  #pieces = []; // of the line that has not ended yet
  #length = 0;
  #ended; // the error that ended the connection
  #onLine = null; // where lines go that nobody waits for: events

  /** Connects. `timeout` is in seconds and holds for each answer; installing packages can take minutes. */
  static async connect({ path, timeout = 600 } = {}) {
    const why = [];
    for (const candidate of path ? [path] : socketPaths()) {
      const socket = createConnection(candidate);
      try {
        await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
        return new Steward(socket, timeout);
      } catch (error) {
        why.push(`${candidate}: ${error.code ?? error.message}`);
      }
    }
    throw new StewardError("unreachable", `no agent answers (${why.join("; ")}); is stewardd running?`);
  }

  constructor(socket, timeout) {
    this.#socket = socket;
    this.#timeout = timeout;
    socket.removeAllListeners("error");
    socket.on("data", (piece) => this.#read(piece));
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () =>
      this.#end(new StewardError("gone", "the agent went away before it answered; whether it did it is not known")),
    );
  }

  /** Asks, and gives the answer. Arguments are a string, the payload, or an object, the args. */
  request(name, argument, { timeout = this.#timeout } = {}) {
    const id = ++this.#lastId;
    const key = typeof argument === "string" ? "payload" : "args";
    const line = JSON.stringify({ version: 1, name, id, [key]: argument });
    if (Buffer.byteLength(line) > MAX_LINE) {
      return Promise.reject(new RangeError(`a request has at most ${MAX_LINE} bytes`));
    }
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const late = () =>
        this.#end(new StewardError("timed_out", "the agent did not answer in time; what it began goes on"));
      const timer = setTimeout(late, timeout * 1000);
      this.#waiting.push({ id, resolve, reject, timer });
      this.#socket.write(line + "\n");
    });
  }

  /** Does what was held, after the person said yes. The answer is that of the original action. */
  confirm(id) {
    return this.request("confirm", id);
  }

  /** The person's no. */
  reject(id, note) {
    return this.request("reject", { id, note });
  }

  /** Withdraws what was asked for. */
  cancel(id) {
    return this.request("cancel", id);
  }

  /** How a held request stands: `data.state`, and `data.reply` when it ran. Waits at most `wait` seconds for the end. */
  result(id, wait = 0) {
    wait = Math.min(Math.floor(wait), MAX_WAIT);
    return this.request("result", { id, wait }, { timeout: wait + 10 });
  }

  /** First the full state, then every change, for as long as the agent runs. Needs a connection of its own. */
  async *events() {
    const queue = [];
    let wake = () => {};
    this.#onLine = (event) => {
      queue.push(event);
      wake();
    };
    const answer = await this.request("subscribe");
    if (answer.status !== "ok") throw new StewardError("malformed", answer.message);
    yield { event: "state", seq: 0, data: answer.data };
    for (let seen = 1; ; seen++) {
      while (queue.length === 0) await new Promise((resolve) => (wake = resolve));
      const event = queue.shift();
      if (event === null) throw this.#ended;
      if (event.event === "dropped") throw new StewardError("dropped", event.data.reason);
      if (event.seq !== seen) throw new StewardError("malformed", `event ${event.seq} came after ${seen - 1}`);
      yield event;
      if (event.event === "agent_stopping") return;
    }
  }

  close() {
    this.#end(new StewardError("gone", "the connection is closed"));
  }

  // Bytes, not text: a letter may be cut in two.
  #read(piece) {
    for (let from = 0, at; ; from = at + 1) {
      at = piece.indexOf(10, from);
      const part = piece.subarray(from, at < 0 ? piece.length : at);
      this.#pieces.push(part);
      this.#length += part.length;
      if (this.#length > MAX_ANSWER) {
        return this.#end(new StewardError("malformed", `an answer of more than ${MAX_ANSWER} bytes`));
      }
      if (at < 0) return;
      const line = Buffer.concat(this.#pieces).toString("utf8");
      this.#pieces = [];
      this.#length = 0;
      this.#take(line);
    }
  }

  #take(line) {
    let answer;
    try {
      answer = JSON.parse(line);
    } catch (error) {
      return this.#end(new StewardError("malformed", `the answer cannot be read: ${error.message}`));
    }
    const asked = this.#waiting.shift();
    if (!asked) return this.#onLine?.(answer);
    clearTimeout(asked.timer);
    if (answer?.status === undefined || (answer.id ?? asked.id) !== asked.id) {
      const error = new StewardError("malformed", "an answer to something else");
      asked.reject(error);
      return this.#end(error);
    }
    asked.resolve(answer);
  }

  #end(error) {
    this.#ended ??= error;
    this.#socket.destroy();
    for (const { reject, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      reject(this.#ended);
    }
    this.#onLine?.(null);
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [name, payload] = process.argv.slice(2);
  try {
    if (!name) throw new Error("usage: steward.mjs ACTION [PAYLOAD]");
    const steward = await Steward.connect();
    console.log(JSON.stringify(await steward.request(name, payload)));
    steward.close();
  } catch (error) {
    console.error(`steward.mjs: ${error.message}`);
    process.exitCode = 1;
  }
}
