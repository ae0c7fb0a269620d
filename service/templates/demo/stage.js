// The stage: tiles of the participants, and the buttons of the devices.

import { hangUp, title } from "./calls.js";
import { $, acting, avatar, button, el, fail, icon, redraw, sync } from "./dom.js";
import { length } from "./history.js";
import { deviceState, media, setMuted, toggleCamera, toggleScreen } from "./media.js";
import { showPanel, togglePanel } from "./panel.js";
import { room } from "./room.js";
import { on, session } from "./state.js";

const SELF = "self";

let timer;

function show() {
  document.body.classList.toggle("in-room", Boolean(room));
  $("stage").dataset.phase = room?.phase ?? "none";
  $("stage").dataset.kind = room?.kind ?? "";
  $("room-title").textContent = room?.title ?? "";
  $("hint").textContent = room?.hint.trim() ?? "";
  $("state").textContent = words();
  $("recording").textContent = room?.card?.recording ? "Recording" : "";
  drawTiles();
  drawControls();
  showPanel();
  title();
  tick();
}

function words() {
  if (!room) return "";
  if (room.phase === "dialling") return room.room_id ? `Calling ${room.title} …` : "Connecting …";
  if (room.phase === "waiting") return "You are in the lobby. Somebody lets you in soon.";
  if (room.phase === "connecting") return "Connecting …";
  return room.people.size ? "" : room.kind === "meeting" ? "Nobody else is here yet." : "Connecting …";
}

function drawTiles() {
  const people = room ? [...room.people.values()] : [];
  const tiles = room ? [...people, selfTile()] : [];
  $("tiles").dataset.count = tiles.length;
  sync($("tiles"), tiles, ({ socket, isSelf }) => (isSelf ? SELF : socket), makeTile, drawTile);
}

function selfTile() {
  return {
    isSelf: true,
    uid: session.user.uid,
    name: session.user.name,
    role: room.self?.role,
    ...deviceState(room.kind),
  };
}

function makeTile({ isSelf }) {
  const video = el("video", { autoplay: true, playsInline: true, muted: Boolean(isSelf) });
  return el(
    "figure",
    { className: isSelf ? "tile self" : "tile" },
    video,
    el("div", { className: "face" }),
    el("figcaption"),
  );
}

function drawTile(node, person) {
  const video = node.firstChild,
    hasPicture = Boolean(person.video || person.screen);
  const state = person.isSelf ? "connected" : (person.link?.state ?? "new");
  node.classList.toggle("no-picture", !hasPicture);
  node.classList.toggle("shares", Boolean(person.screen));
  Object.assign(node.dataset, { state, uid: person.uid, socket: person.socket ?? "" });
  play(video, person);
  redraw(node.querySelector(".face"), JSON.stringify([person.name, person.uid, state]), () => [
    avatar(person.name, person.uid),
    state !== "connected" &&
      el("p", {
        textContent: state === "new" || state === "connecting" ? "Connecting …" : "Connection lost …",
      }),
  ]);
  redraw(
    node.querySelector("figcaption"),
    JSON.stringify([person.name, person.muted, person.role, person.screen]),
    () => [
      Boolean(person.muted) && icon("mic-off"),
      el("span", { textContent: person.isSelf ? "You" : person.name }),
      room.kind === "meeting" &&
        person.role === "host" &&
        el("span", { className: "badge", textContent: "Host" }),
      Boolean(person.screen) && el("span", { className: "badge", textContent: "Screen" }),
      Boolean(person.muted) && el("span", { className: "unseen", textContent: "muted" }),
    ],
  );
}

function play(video, person) {
  const track = media.picture;
  if (!person.isSelf) {
    if (video.srcObject !== person.link?.stream) video.srcObject = person.link?.stream ?? null;
    // After a reload the browser wants a click before it plays sound.
    if (video.srcObject && video.paused)
      video.play().catch(() => {
        $("sound").hidden = !room;
      });
  } else if (video.srcObject?.getTracks()[0] !== track) {
    video.srcObject = track && new MediaStream([track]);
  }
}

function drawControls() {
  const buttons = room ? controls() : [];
  sync(
    $("controls"),
    buttons,
    ({ id }) => id,
    ({ id, act, name }) => el("button", { type: "button", id, className: name ?? "", onclick: acting(act) }),
    (node, { symbol, label, pressed, disabled, count }) => {
      node.disabled = Boolean(disabled);
      if (pressed !== undefined) node.setAttribute("aria-pressed", String(pressed));
      redraw(node, JSON.stringify([symbol, label, count]), () => [
        icon(symbol),
        el("span", { textContent: label }),
        count > 0 && el("span", { className: "count", textContent: count, "aria-hidden": "true" }),
      ]);
    },
  );
}

function controls() {
  const muted = media.muted || !media.audio,
    isMeeting = room.kind === "meeting",
    isLive = room.phase === "live";
  return [
    {
      id: "mute",
      symbol: muted ? "mic-off" : "mic",
      label: "Mute",
      pressed: muted,
      disabled: !media.audio,
      act: () => setMuted(!media.muted),
    },
    {
      id: "camera",
      symbol: media.camera ? "camera" : "camera-off",
      label: "Video off",
      pressed: !media.camera,
      act: toggleCamera,
    },
    isLive &&
      Boolean(navigator.mediaDevices?.getDisplayMedia) && {
        id: "share",
        symbol: "screen",
        label: "Share",
        pressed: Boolean(media.screen),
        act: toggleScreen,
      },
    isLive &&
      isMeeting &&
      !session.user.isGuest && {
        id: "panel-button",
        symbol: "people",
        label: "People",
        count: room.waiting.length,
        act: togglePanel,
      },
    { id: "hangup", symbol: "hangup", label: isMeeting ? "Leave" : "Hang up", name: "stop", act: hangUp },
  ].filter(Boolean);
}

function tick() {
  clearTimeout(timer);
  const seconds = room?.since ? (Date.now() - room.since) / 1000 : 0;
  $("clock").textContent = room?.since ? length(seconds) : "";
  if (room?.quota) $("clock").textContent += " of " + length(room.quota);
  if (room) timer = setTimeout(tick, 1000);
}

on("room", show);
on("media", show);
$("sound").addEventListener("click", () => {
  $("sound").hidden = true;
  for (const video of $("tiles").querySelectorAll("video")) video.play().catch(fail);
});
