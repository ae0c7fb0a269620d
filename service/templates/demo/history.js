// The calls of before: the service keeps them in the conversations, so they survive a reload.

import { rpc } from "./api.js";
import { callButton } from "./calls.js";
import { nameOfUser } from "./contacts.js";
import { $, avatar, el, entry, redraw, sync } from "./dom.js";
import { room } from "./room.js";
import { listen } from "./socket.js";
import { on, session } from "./state.js";

const CONVERSATIONS = 20;
const OUTCOMES = { reject: "declined", decline: "declined", cancel: "cancelled" };

const calls = new Map(); // by message

export async function readHistory() {
  const rooms = await rpc("chat.chat_rooms", { flag: "contact" });
  const recent = rooms.filter(({ ctime }) => ctime).slice(0, CONVERSATIONS);
  const pages = await Promise.all(
    recent.map(({ drumate_id }) => rpc("chat.messages", { entity_id: drumate_id })),
  );
  recent.forEach(({ surname }, number) =>
    pages[number].reverse().forEach((message) => note(message, surname)),
  );
  show();
}

function note(message, name) {
  if (message.message_type !== "call") return;
  const place = calls.get(message.message_id)?.place ?? calls.size;
  calls.set(message.message_id, {
    ...message,
    name,
    place,
    isOwn: message.author_id === session.user.uid,
    cause: JSON.parse(message.metadata || "{}").cause,
  });
}

function show() {
  const items = [...calls.values()].sort((one, other) => other.ctime - one.ctime || other.place - one.place);
  sync(
    $("log"),
    items,
    ({ message_id }) => message_id,
    () => el("li"),
    (node, call) => {
      node.dataset.status = call.call_status;
      redraw(node, JSON.stringify([call, Boolean(room)]), () => draw(call));
    },
  );
  $("no-log").hidden = items.length > 0;
}

function draw(call) {
  const missed = call.cause === "missed" && !call.isOwn;
  return [
    entry(avatar(call.name, call.entity_id), call.name, `${way(call)}, ${when(call.ctime)}`, {
      className: "entry" + (missed ? " missed" : ""),
    }),
    callButton(`Call ${call.name} again`, call.entity_id, call.name),
  ];
}

function way(call) {
  const direction = call.isOwn ? "Outgoing" : "Incoming";
  if (call.call_status === "leave") return `${direction} call, ${length(call.call_duration / 1000)}`;
  if (call.cause === "missed") return call.isOwn ? "Outgoing call, no answer" : "Missed call";
  return `${direction} call, ${OUTCOMES[call.call_status] ?? call.call_status}`;
}

/** Seconds as text: 0:07, 1:02:03. */
export function length(seconds) {
  const whole = Math.max(0, Math.round(seconds)),
    pad = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(whole / 3600),
    minutes = Math.floor(whole / 60) % 60;
  return (hours ? `${hours}:${pad(minutes)}` : minutes) + ":" + pad(whole % 60);
}

function when(seconds) {
  const date = new Date(seconds * 1000),
    today = new Date().toDateString() === date.toDateString();
  return date.toLocaleString(
    [],
    today ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" },
  );
}

listen("chat.post", (message) => {
  note(message, nameOfUser(message.entity_id) ?? message.entity?.display ?? "Somebody");
  show();
});
on("room", () => session.user && show());
