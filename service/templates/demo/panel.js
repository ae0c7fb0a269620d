// The panel beside a meeting: who is in it, who waits, and what a host may do.

import { callable } from "./contacts.js";
import { ringInto } from "./calls.js";
import { rpc } from "./api.js";
import {
  $,
  acting,
  avatar,
  button,
  confirmed,
  dialog,
  el,
  fail,
  formDialog,
  icon,
  redraw,
  say,
  sync,
} from "./dom.js";
import { showGuestLink } from "./meetings.js";
import { presenceOf, presenceWord } from "./presence.js";
import { changed, command, endRoom, isHost, nameOf, readCard, room } from "./room.js";
import { on, session } from "./state.js";

const DOORS = [
  ["nobody", "Nobody waits"],
  ["guests", "Guests wait"],
  ["everybody", "Everybody waits"],
];

let isOpen = false,
  members = [];

const isOwn = () => room?.hub_id === session.user.wicket;

export function togglePanel() {
  isOpen = !isOpen;
  changed();
  if (isOpen) {
    readMembers().catch(fail);
    $("panel").querySelector("h2").focus();
  } else {
    $("panel-button")?.focus();
  }
}

async function readMembers() {
  const current = room;
  const rows = isOwn() ? callable() : await rpc("hub.get_members_by_type", { hub_id: current.hub_id });
  members = isOwn() ? rows : rows.map(({ uid, fullname, online }) => ({ uid, name: fullname, online }));
  if (current === room) changed();
}

export function showPanel() {
  const open = isOpen && room?.phase === "live" && room.kind === "meeting";
  $("panel").hidden = !open;
  $("panel-button")?.setAttribute("aria-expanded", String(open));
  if (!open) return;
  const hosts = isHost();
  sync(
    $("waiting"),
    hosts ? room.waiting : [],
    ({ socket_id }) => socket_id,
    () => el("li"),
    drawWaiting,
  );
  $("waiting-title").hidden = !hosts || !room.waiting.length;
  $("admit-all").hidden = !hosts || room.waiting.length < 2;
  sync(
    $("attendees"),
    [...room.people.values()],
    ({ socket }) => socket,
    () => el("li"),
    drawAttendee,
  );
  $("attendees-title").hidden = !room.people.size;
  const inside = new Set([session.user.uid, ...[...room.people.values()].map(({ uid }) => uid)]);
  const others = members.filter(({ uid }) => !inside.has(uid));
  sync(
    $("callable"),
    others,
    ({ uid }) => uid,
    () => el("li"),
    drawMember,
  );
  $("callable-title").hidden = !others.length;
  redraw(
    $("powers"),
    JSON.stringify([hosts, isOwn(), room.card?.locked, room.card?.recording, room.room_id]),
    () => powers(hosts),
  );
}

const row = (name, key, ...buttons) => [
  avatar(name, key),
  el("span", { className: "who", textContent: name }),
  ...buttons,
];

function drawWaiting(node, person) {
  const name = nameOf(person),
    to = person.socket_id;
  redraw(node, name, () =>
    row(
      name,
      person.uid,
      button(
        "Deny",
        acting(() => decide("deny", to)),
        { name: "small", "aria-label": `Deny ${name}`, data: { act: "deny" } },
      ),
      button(
        "Admit",
        acting(() => decide("admit", to)),
        { name: "go small", "aria-label": `Admit ${name}`, data: { act: "admit" } },
      ),
    ),
  );
}

async function decide(name, to) {
  await command(name, to ? { to } : {});
  await readCard();
  changed();
}

function drawAttendee(node, person) {
  redraw(
    node,
    JSON.stringify([person.name, person.role, person.muted, person.video, person.mute_asked, isHost()]),
    () =>
      row(
        person.name,
        person.uid,
        person.role === "host" && el("span", { className: "badge", textContent: "Host" }),
        el(
          "span",
          {
            className: "devices",
            role: "img",
            "aria-label": `${person.muted ? "muted" : "microphone on"}, ${person.video ? "camera on" : "camera off"}`,
          },
          icon(person.muted ? "mic-off" : "mic"),
          icon(person.video ? "camera" : "camera-off"),
        ),
        isHost() &&
          button(`Options for ${person.name}`, () => options(person), {
            name: "round ghost",
            symbol: "more",
            quiet: true,
            data: { act: "options" },
          }),
      ),
  );
}

function options(person) {
  const { name, socket, role, uid } = person;
  const choose = (act) =>
    acting(async () => {
      box.close();
      await act();
    });
  const becomes = role === "host" ? "attendee" : "host";
  const box = dialog(
    name,
    el(
      "div",
      { className: "body stack" },
      button(
        "Ask for silence",
        choose(() => command("mute", { to: socket }).then(() => say(`${name} is asked for silence.`))),
        { symbol: "mic-off", disabled: Boolean(person.muted) },
      ),
      button(
        role === "host" ? "Take the host's powers" : "Make host",
        choose(() => command("set_role", { to: socket, role: becomes })),
        { symbol: "people" },
      ),
      button(
        "Take out of the meeting",
        choose(() => command("kick", { to: socket })),
        { name: "danger", symbol: "hangup" },
      ),
      button(
        "Take out and keep out",
        choose(() => command("kick", { to: socket, ban: 1 })),
        { name: "danger", symbol: "close", data: { uid } },
      ),
    ),
  );
}

function drawMember(node, { uid, name }) {
  const state = presenceOf(uid),
    act = isOwn() ? () => ringInto(uid, name) : () => poke(uid, name);
  redraw(node, JSON.stringify([name, state]), () => [
    avatar(name, uid, state),
    el(
      "span",
      { className: "who" },
      name,
      el("small", { className: "word", textContent: presenceWord(uid) }),
    ),
    button("Invite", acting(act), { name: "small", "aria-label": `Invite ${name}`, data: { act: "invite" } }),
  ]);
}

async function poke(uid, name) {
  await rpc("hub.poke", { hub_id: room.hub_id, uid, nid: room.room_id });
  say(`${name} is invited.`);
}

function powers(hosts) {
  const door = el(
    "select",
    { onchange: acting(({ target }) => lock(target.value)), data: { act: "door" } },
    DOORS.map(([value, label]) =>
      el("option", { value, textContent: label, selected: room.card?.locked === value }),
    ),
  );
  return [
    isOwn() &&
      button(
        "Link for guests",
        acting(() => showGuestLink(room.room_id)),
        { symbol: "link", data: { act: "link" } },
      ),
    hosts && el("label", { className: "field" }, "At the door", door),
    hosts &&
      button(
        "Mute everybody",
        acting(() => command("mute")),
        { symbol: "mic-off", data: { act: "mute" } },
      ),
    hosts &&
      button(room.card?.recording ? "Mark as not recorded" : "Mark as recorded", acting(record), {
        symbol: "record",
        data: { act: "record" },
      }),
    hosts && button("Title and limits", limits, { symbol: "calendar", data: { act: "limits" } }),
    hosts &&
      button("End for everybody", acting(end), { name: "danger", symbol: "hangup", data: { act: "end" } }),
  ];
}

async function lock(who) {
  room.card = await command("lock", { who });
  await readCard();
  changed();
}

// The media server records. Without one, all that happens is that everybody knows.
async function record() {
  room.card = { ...room.card, ...(await command("recording", { on: room.card?.recording ? 0 : 1 })) };
  changed();
}

async function end() {
  if (!(await confirmed("End the meeting?", "Everybody is taken out.", "End it"))) return;
  await command("end");
  endRoom("You have ended the meeting.");
}

function limits() {
  const { people, minutes } = room.card ?? {};
  const number = (label, name, value) =>
    el(
      "label",
      { className: "field" },
      label,
      el("input", { type: "number", min: 0, name, value: value ?? 0, inputMode: "numeric" }),
    );
  const fields = [
    el(
      "label",
      { className: "field" },
      "Title",
      el("input", { name: "title", value: room.title, maxLength: 255 }),
    ),
    el(
      "div",
      { className: "pair" },
      number("People at most (0: no limit)", "people", people),
      number("Minutes at most (0: no limit)", "minutes", minutes),
    ),
  ];
  formDialog("Title and limits", fields, async (filled) => {
    const data = new FormData(filled);
    await command("room", {
      title: data.get("title"),
      people: Number(data.get("people")),
      minutes: Number(data.get("minutes")),
    });
    await readCard();
    changed();
  });
}

on("ended", () => {
  isOpen = false;
});
$("panel-close").addEventListener("click", togglePanel);
$("admit-all").addEventListener(
  "click",
  acting(() => decide("admit")),
);
$("panel").addEventListener("keydown", ({ key }) => {
  if (key === "Escape") togglePanel();
});
