// The WebSocket: opened again whenever it breaks, with the name of the former one.

import { rpc } from "./api.js";
import { fail } from "./dom.js";
import { emit, session } from "./state.js";

const LONGEST_WAIT = 10_000;
const handlers = new Map();

let socket = null;
let greet; // resolves the promise of the first hello
const greeted = new Promise((resolve) => {
  greet = resolve;
});
let former; // what this page had before: the next one takes over its seats
let attempts = 0;

/** Call the handler with (model, options) of each live update of this name. */
export function listen(service, handle) {
  handlers.set(service, [...(handlers.get(service) ?? []), handle]);
}

/** Open the socket; resolve when one is known to the service, be it the first or a later one. */
export async function openSocket() {
  await connect();
  await greeted;
}

async function connect() {
  const { token } = await rpc("bootstrap.authn", { socket_id: former });
  if (!session.user || !token) return;
  const url = new URL("/-/websocket/?otak=" + token, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  socket = new WebSocket(url, "service");
  socket.onclose = reopen;
  socket.onmessage = ({ data }) => receive(JSON.parse(data));
}

export function closeSocket() {
  const open = socket;
  socket = null;
  open?.close();
}

function reopen({ target }) {
  if (target !== socket || !session.user) return;
  retry();
}

function retry() {
  session.socketId = null;
  emit("connection", false);
  setTimeout(
    () => {
      if (session.user) connect().catch(retry);
    },
    Math.min(500 * 2 ** attempts++, LONGEST_WAIT),
  );
}

function receive({ service, data, model, options }) {
  if (service === "sys.hello") {
    attempts = 0;
    session.socketId = former = data.socket_id;
    document.body.dataset.socket = former;
    greet();
    emit("connection", true);
  } else if (service === "live.update") {
    for (const handle of handlers.get(options.service) ?? []) {
      Promise.resolve()
        .then(() => handle(model, options))
        .catch(fail);
    }
  }
}
