// The room that this page is in: its participants, their connections, and the signals between them.

import { farewell, rpc } from "./api.js";
import { fail, say } from "./dom.js";
import { Link } from "./link.js";
import { closeMedia, deviceState, openMedia, setMuted } from "./media.js";
import { listen } from "./socket.js";
import { emit, on, session } from "./state.js";

const REMEMBER = "demo.room";
const RELOAD_MS = 20_000;

/** The room, or null. kind: connect (a call of two) or meeting; phase: dialling, connecting, waiting or live. */
export let room = null;

export const isHost = () => room?.self?.role === "host";
export const place = () => ({
  hub_id: room.hub_id,
  room_id: room.room_id,
  nid: room.room_id,
  socket_id: session.socketId,
});
export const command = (name, args = {}) => rpc("conference." + name, { ...place(), ...args });
export const nameOf = (row) =>
  [row.firstname, row.lastname].filter(Boolean).join(" ") || row.guest_name || row.username || "Somebody";

/** Begin with a room that is not joined yet. */
export function openRoom(fields) {
  room = {
    hub_id: null,
    room_id: null,
    kind: "connect",
    title: "",
    phase: "connecting",
    since: 0,
    hint: "",
    self: null,
    people: new Map(),
    waiting: [],
    card: null,
    early: [],
    iceServers: null,
    serial: 0,
    ...fields,
  };
  changed();
  return room;
}

export function changed() {
  emit("room", room);
}

/** Enter the room. A newcomer makes the offers; returns whether one is inside and not at the door. */
export async function enter({ newcomer = true, ...args } = {}) {
  const current = room;
  if (!current.hint) current.hint = await openMedia();
  if (current !== room) return false;
  const joined = await rpc("conference.join", {
    ...place(),
    room_id: current.room_id ?? undefined,
    nid: current.room_id ?? undefined,
    metadata: deviceState(current.kind),
    type: current.kind,
    room_type: current.kind,
    ...args,
  });
  if (current !== room) return false;
  Object.assign(current, {
    room_id: joined.user.room_id,
    hub_id: joined.user.hub_id,
    self: joined.user,
    serial: joined.serial ?? 0,
    quota: joined.user.quota,
  });
  current.title ||= joined.details?.filename ?? "";
  if (joined.user.status === "waiting") {
    current.phase = "waiting";
    changed();
    return false;
  }
  current.iceServers = joined.configs?.iceServers ?? [];
  current.phase = "live";
  current.since ||= Date.now();
  remember();
  for (const row of joined.attendees.filter(({ status }) => status !== "waiting")) meet(row, newcomer);
  for (const [payload, options] of current.early.splice(0)) signalled(payload, options);
  if (current.kind === "meeting") await readCard();
  changed();
  return true;
}

/** Leave, and tell the others. */
export async function leaveRoom(words) {
  const here = room?.room_id && place();
  endRoom(words);
  if (here) await rpc("conference.leave", here);
}

/** Close everything of the room on this page. */
export function endRoom(words = "") {
  if (!room) return;
  for (const person of room.people.values()) person.link?.close();
  const former = room;
  room = null;
  sessionStorage.removeItem(REMEMBER);
  closeMedia();
  if (words) say(words);
  emit("ended", former);
  changed();
}

/** Wait for the way into a room; close the room when it fails. */
export const orEnd = (way) =>
  way.catch((error) => {
    endRoom();
    throw error;
  });

/** The room that this page was in before it was reloaded, or null. */
export function formerRoom() {
  const text = sessionStorage.getItem(REMEMBER);
  sessionStorage.removeItem(REMEMBER);
  const former = text && JSON.parse(text);
  const isReload = performance.getEntriesByType("navigation")[0]?.type === "reload";
  return former && isReload && Date.now() - former.at < RELOAD_MS ? former : null;
}

export async function readCard() {
  const current = room,
    card = await command("room");
  if (current === room)
    Object.assign(current, { card, waiting: card.waiting, title: card.title || current.title });
}

// --- participants --------------------------------------------------------------------------------

function meet(row, offers) {
  const current = room,
    key = row.socket_id;
  const person = current.people.get(key) ?? { stream: null };
  // conference.accept names nobody.
  const name = row.firstname || row.username || !person.name ? nameOf(row) : person.name;
  Object.assign(person, row, { name, socket: key });
  current.people.set(key, person);
  if (!person.link && current.iceServers) connect(person, offers);
  return person;
}

function connect(person, offers) {
  const hasOffer = room.early.some(([payload]) => payload.from === person.socket && payload.description);
  person.link = new Link({
    offers: offers && !hasOffer,
    polite: session.socketId < person.socket,
    iceServers: room.iceServers,
    send: (event, payload) =>
      room &&
      command("broadcast", {
        event,
        to: person.socket,
        payload: { ...payload, room_id: room.room_id, from: session.socketId },
      }),
    changed,
  });
}

function part(key) {
  const person = room.people.get(key);
  if (!person) return null;
  person.link?.close();
  room.people.delete(key);
  return person;
}

const isHere = ({ room_id }) => room !== null && room_id === room.room_id;
const isOld = ({ serial }) => Boolean(serial) && serial < room.serial;

function joined(model) {
  if (!isHere(model) || isOld(model) || model.socket_id === session.socketId) return;
  if (model.status === "waiting" || !room.iceServers) return;
  if (model.was) part(model.was);
  room.waiting = room.waiting.filter(({ socket_id }) => socket_id !== model.socket_id);
  const isNew = !room.people.has(model.socket_id),
    { name } = meet(model, false);
  if (isNew && room.kind === "meeting") say(name + " has joined.");
  changed();
}

function updated(model) {
  if (!isHere(model)) return;
  if (model.was) return moved(model);
  if (model.socket_id === session.socketId || model.socket_id === room.self?.socket_id) {
    const { role } = room.self;
    Object.assign(room.self, model);
    if (room.self.role !== role) say(isHost() ? "You are a host now." : "You are no host any more.");
    if (isHost() && role !== "host" && room.kind === "meeting") readCard().then(changed).catch(fail);
    return changed();
  }
  const person = room.people.get(model.socket_id);
  if (!person) return;
  Object.assign(person, model, { socket: model.socket_id });
  if (model.firstname || model.guest_name) person.name = nameOf(person);
  changed();
}

// A participant is back on a new WebSocket: the connection from browser to browser has gone on.
function moved(model) {
  if (room.self?.socket_id === model.was) {
    room.self = { ...room.self, socket_id: model.socket_id };
    return;
  }
  const person = room.people.get(model.was);
  if (!person) return;
  room.people.delete(model.was);
  Object.assign(person, { socket: model.socket_id, socket_id: model.socket_id });
  room.people.set(model.socket_id, person);
  changed();
}

function departed(model) {
  if (!isHere(model) || isOld(model)) return;
  const person = part(model.socket_id);
  room.waiting = room.waiting.filter(({ socket_id }) => socket_id !== model.socket_id);
  if (model.host) promote(model.host);
  if (room.kind === "connect" && person && !room.people.size) {
    leaveRoom(person.name + " hung up.").catch(fail);
  } else {
    if (person) say(person.name + " has left.");
    changed();
  }
}

function promote(socketId) {
  const row = socketId === session.socketId ? room.self : room.people.get(socketId);
  if (row) row.role = "host";
  if (row === room.self && room.kind === "meeting") readCard().then(changed).catch(fail);
}

function signalled(payload, options) {
  if (!isHere(payload) || payload.from === session.socketId) return;
  const person = room.people.get(payload.from);
  if (person?.link) person.link.receive(payload);
  // The message that announces its sender is still on its way, or this page has not entered yet.
  else room.early.push([payload, options]);
}

function catchUp(model) {
  if (!room) return;
  const messages = room.early.filter(([payload]) => payload.from === model.socket_id);
  if (!room.people.get(model.socket_id)?.link) return;
  room.early = room.early.filter((entry) => !messages.includes(entry));
  for (const [payload, options] of messages) signalled(payload, options);
}

// --- commands of hosts ---------------------------------------------------------------------------

function removed({ room_id, by_name }) {
  if (isHere({ room_id })) endRoom(`${by_name || "A host"} has taken you out of the meeting.`);
}

function denied({ room_id, by_name }) {
  if (isHere({ room_id })) endRoom(`${by_name || "A host"} has not let you in.`);
}

function over(model) {
  if (!isHere(model)) return;
  if (room.kind === "meeting" || room.phase === "live") {
    endRoom(room.kind === "meeting" ? "The meeting has ended." : "The call has ended.");
  }
}

function silenced({ room_id, by_name }) {
  if (!isHere({ room_id })) return;
  setMuted(true);
  say(`${by_name || "A host"} has muted you.`);
}

function started(model) {
  if (room?.phase === "waiting" && (isHere(model) || model.socket_id === session.socketId))
    enter().catch(fail);
}

function knocked(model) {
  if (!isHere(model)) return;
  room.waiting = [...room.waiting.filter(({ socket_id }) => socket_id !== model.socket_id), model];
  say(nameOf(model) + " waits to be let in.");
  changed();
}

function cardChanged(model) {
  if (!isHere(model)) return;
  const { waiting } = room;
  Object.assign(room, { card: { ...room.card, ...model }, title: model.title || room.title, waiting });
  changed();
}

function remember() {
  const { hub_id, room_id, kind, title, peer } = room;
  sessionStorage.setItem(REMEMBER, JSON.stringify({ hub_id, room_id, kind, title, peer, at: Date.now() }));
}

function mediaChanged() {
  if (room?.phase !== "live") return;
  for (const { link } of room.people.values()) link?.refresh();
  command("update", { metadata: deviceState(room.kind) }).catch(fail);
  changed();
}

listen("conference.join", (model) => {
  joined(model);
  catchUp(model);
});
listen("conference.accept", (model) => {
  if (model.uid !== session.user.uid) {
    joined(model);
    catchUp(model);
  }
});
listen("conference.update", updated);
listen("conference.leave", departed);
listen("conference.broadcast", signalled);
listen("conference.kick", removed);
listen("conference.deny", denied);
listen("conference.cancel", over);
listen("conference.revoke", over);
listen("conference.mute", silenced);
listen("conference.start", started);
listen("conference.knock", knocked);
listen("conference.room", cardChanged);
listen("conference.recording", (model) => {
  if (isHere(model)) say(`${model.by_name} has ${model.recording ? "started" : "ended"} the recording.`);
  cardChanged(model);
});
on("media", mediaChanged);

addEventListener("pagehide", () => {
  if (!room) return;
  // A call that nobody has answered ends with the page. From another one the seat waits some seconds for a
  // reload: the service frees it when the page does not come back.
  if (room.phase === "live") remember();
  else if (room.room_id)
    farewell(room.phase === "dialling" ? "conference.cancel" : "conference.leave", place());
});
