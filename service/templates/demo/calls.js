// Calls of two people: dial, ring, answer, decline.

import { rpc } from "./api.js";
import { $, acting, avatar, button, confirmed, el, fail, say, sync } from "./dom.js";
import { deviceState, melody, openMedia } from "./media.js";
import { changed, command, endRoom, enter, leaveRoom, openRoom, orEnd, place, room } from "./room.js";
import { presenceOf } from "./presence.js";
import { listen } from "./socket.js";
import { on, session } from "./state.js";

const IN_CALL = 2;
const ringing = new Map(); // calls that ring here, by room
const questions = new Map(); // what ends the question whether to call somebody who is busy, by user

let stopMelody = null;

/** Call somebody, or answer their call. Says before that they are in another call. */
export async function dial(uid, name) {
  if (room) return say("You are in a call already.");
  const call = [...ringing.values()].find((one) => one.uid === uid);
  if (call) return answer(call);
  if (presenceOf(uid) === IN_CALL && !(await mayDisturb(uid, name))) return;
  const current = openRoom({
    hub_id: session.user.wicket,
    kind: "connect",
    title: name,
    peer: { uid, name },
    phase: "dialling",
  });
  current.hint = (await openMedia()) || " ";
  if (current !== room) return;
  const invitation = await orEnd(
    rpc("conference.invite", {
      hub_id: current.hub_id,
      guest_id: uid,
      socket_id: session.socketId,
      metadata: deviceState("connect"),
    }),
  );
  if (current !== room) return giveUp(invitation.room_id);
  if (invitation.offline) return endRoom(name + " is not there, and will find a missed call.");
  Object.assign(current, { room_id: invitation.room_id });
  if (invitation.cross_call) {
    // The callee is calling at this very moment: pick up that call, which may ring here already.
    stop(invitation.room_id);
    Object.assign(current, { hub_id: invitation.hub_id });
    return pickUp(invitation.caller);
  }
  changed();
}

/** A button of a list that calls somebody; it is off while this page is in a room. */
export const callButton = (label, uid, name) =>
  button(
    label,
    acting(() => dial(uid, name)),
    { name: "round call", symbol: "phone", quiet: true, disabled: Boolean(room), data: { act: "call" } },
  );

async function mayDisturb(uid, name) {
  const question = new AbortController();
  questions.set(uid, question);
  const words = `Let it ring all the same? ${name} sees that you call.`;
  const isAgreed = await confirmed(`${name} is in a call`, words, "Call", question.signal);
  questions.delete(uid);
  return isAgreed;
}

/** Ring somebody into the meeting of this page. */
export async function ringInto(uid, name) {
  const answer = await command("invite", {
    guest_id: uid,
    metadata: deviceState(room.kind),
    type: room.kind,
    room_type: room.kind,
  });
  say(answer.offline ? name + " is not there." : `It rings at ${name}.`);
}

/** Hang up, or give up a call that rings. */
export async function hangUp() {
  if (!room) return;
  if (room.phase !== "dialling")
    return leaveRoom(room.kind === "meeting" ? "You have left the meeting." : "The call has ended.");
  const here = place();
  endRoom("You have given up the call.");
  if (here.room_id) await rpc("conference.cancel", here);
}

const giveUp = (roomId) =>
  roomId &&
  rpc("conference.cancel", {
    hub_id: session.user.wicket,
    room_id: roomId,
    nid: roomId,
    socket_id: session.socketId,
  });

async function pickUp(call) {
  await enter({ isCallee: 1 });
  await rpc("conference.accept", { ...place(), caller: call, metadata: deviceState(room.kind) });
}

async function answer(call) {
  stop(call.room_id);
  if (room) await leaveRoom();
  openRoom({
    hub_id: call.hub_id,
    room_id: call.room_id,
    kind: call.room_type || "connect",
    title: call.room_type === "meeting" ? "" : call.display,
    peer: { uid: call.uid, name: call.display },
  });
  await orEnd(pickUp(call));
}

async function decline(call) {
  stop(call.room_id);
  say("You have declined the call.");
  const { room_id, hub_id } = call;
  await rpc("conference.decline", { caller: call, room_id, hub_id, socket_id: session.socketId });
}

// --- what comes from the service -----------------------------------------------------------------

function invited(model) {
  if (room?.room_id === model.room_id) return;
  ringing.set(model.room_id, model);
  // The other call is this one.
  questions.get(model.uid)?.abort();
  show();
}

async function accepted(model) {
  if (model.uid === session.user.uid) {
    if (model.socket_id !== session.socketId && stop(model.room_id)) say("Answered on another device.");
    return;
  }
  if (room?.phase !== "dialling" || room.room_id !== model.room_id) return;
  await enter({ newcomer: false, isCallee: 0 });
}

function declined(model) {
  if (room?.room_id !== model.room_id) return;
  if (room.kind === "meeting") return say((model.display || "Somebody") + " does not come.");
  if (room.phase !== "dialling") return;
  const { uid, name } = room.peer,
    here = place();
  endRoom(
    model.status === "missed"
      ? name + " does not answer."
      : presenceOf(uid) === IN_CALL
        ? `${name} is busy: in another call.`
        : name + " has declined the call.",
  );
  return rpc("conference.cancel", here);
}

function stopped(model) {
  const call = stop(model.room_id);
  if (call)
    say(
      model.status === "missed"
        ? `You have missed a call by ${call.display}.`
        : model.status === "declined"
          ? "Declined on another device."
          : `${call.display} has given up the call.`,
    );
}

function stop(roomId) {
  const call = ringing.get(roomId);
  ringing.delete(roomId);
  show();
  return call;
}

// --- the banner ----------------------------------------------------------------------------------

function show() {
  const calls = [...ringing.values()];
  sync(
    $("incoming"),
    calls,
    ({ room_id }) => room_id,
    banner,
    (node) => {
      node.querySelector(".busy").hidden = !room;
      node.querySelector(".accept span").textContent = room ? "Leave and answer" : "Answer";
    },
  );
  $("alert").textContent = calls.length ? calls.at(-1).display + " is calling" : "";
  if (calls.length) stopMelody ??= melody([660, 880]);
  else {
    stopMelody?.();
    stopMelody = null;
  }
  title();
}

function banner(call) {
  const words = call.room_type === "meeting" ? "invites you to a meeting" : "is calling";
  return el(
    "section",
    { className: "call", "aria-label": `${call.display} ${words}` },
    avatar(call.display, call.uid),
    el(
      "p",
      {},
      el("strong", { textContent: call.display }),
      " " + words,
      el("small", { className: "busy", textContent: "You are in a call." }),
    ),
    el(
      "div",
      { className: "row" },
      button(
        "Decline",
        acting(() => decline(call)),
        { name: "stop decline", symbol: "hangup" },
      ),
      button(
        "Answer",
        acting(() => answer(call)),
        { name: "go accept", symbol: "phone" },
      ),
    ),
  );
}

export function title() {
  const [call] = ringing.values();
  document.title = call
    ? `☎ ${call.display} is calling`
    : [room?.title, session.user?.name, "Demo"].filter(Boolean).join(" – ");
}

listen("conference.invite", invited);
listen("conference.accept", (model) => accepted(model).catch(fail));
listen("conference.decline", declined);
listen("conference.cancel", stopped);
listen("conference.revoke", stopped);
on("room", show);
