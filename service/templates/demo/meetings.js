// Meetings: those of team hubs, and one's own, into which guests come by a link.

import { rpc } from "./api.js";
import { $, acting, avatar, button, confirmed, dialog, el, entry, once, redraw, say, sync } from "./dom.js";
import { enter, leaveRoom, nameOf, openRoom, orEnd, room } from "./room.js";
import { listen } from "./socket.js";
import { on, session } from "./state.js";

const LINK_DAYS = 7;

let meetings = [];
const news = new Map(); // what is said beside a meeting, by hub or room

export async function readMeetings() {
  const { wicket } = session.user;
  const teams = await rpc("chat.chat_rooms", { flag: "share" });
  const { home_id } = await rpc("media.attributes", { hub_id: wicket });
  const nodes = await rpc("media.show_node_by", { hub_id: wicket, nid: home_id, order: "desc" });
  meetings = [
    ...teams.map(({ hub_id, surname }) => ({
      key: hub_id,
      hub_id,
      room_id: null,
      title: surname,
      isOwn: false,
    })),
    ...nodes
      .filter(({ filetype }) => filetype === "schedule")
      .map(({ nid, filename }) => ({ key: nid, hub_id: wicket, room_id: nid, title: filename, isOwn: true })),
  ];
  show();
}

/** Show the address by which guests come into one's meeting, on this page. */
export async function showGuestLink(roomId) {
  const { link } = await rpc("room.public_link", {
    hub_id: session.user.wicket,
    nid: roomId,
    days: LINK_DAYS,
  });
  const { href } = new URL("/-/demo/#guest=" + link.split("/").at(-1), location.href);
  const address = el("input", {
    id: "guest-link",
    value: href,
    readOnly: true,
    onfocus: () => address.select(),
  });
  const copy = async () => {
    await navigator.clipboard.writeText(href);
    box.close();
    say("The link is copied.");
  };
  const box = dialog(
    "Link for guests",
    el(
      "div",
      { className: "body" },
      el(
        "label",
        { className: "field" },
        `Whoever has it may ask to come in, for ${LINK_DAYS} days.`,
        address,
      ),
      el("div", { className: "row end" }, button("Copy", acting(copy), { name: "primary", symbol: "link" })),
    ),
  );
}

/** Go into a meeting; from another room the page leaves first. */
export async function join({ hub_id, room_id, title }) {
  if (room) await leaveRoom();
  news.delete(room_id ?? hub_id);
  openRoom({ hub_id, room_id, title, kind: "meeting" });
  await orEnd(enter());
}

async function start(event) {
  const title = $("meeting-title").value.trim() || "Meeting";
  const { nid } = await rpc("room.book", { hub_id: session.user.wicket, title });
  event.target.reset();
  await readMeetings();
  await join({ hub_id: session.user.wicket, room_id: nid, title });
}

async function remove({ room_id, title }) {
  if (!(await confirmed("Remove this meeting?", `“${title}” and its link for guests go.`, "Remove"))) return;
  await rpc("room.remove", { hub_id: session.user.wicket, nid: room_id });
  await readMeetings();
}

function show() {
  sync(
    $("meetings-list"),
    meetings,
    ({ key }) => key,
    () => el("li"),
    (node, meeting) => {
      const words = isHere(meeting)
        ? "You are in it"
        : (news.get(meeting.key) ?? (meeting.isOwn ? "Your meeting" : "Meeting of the team"));
      redraw(node, JSON.stringify([meeting, words]), () => draw(meeting, words));
    },
  );
  $("no-meetings").hidden = meetings.length > 0;
}

const isHere = ({ hub_id, room_id }) =>
  room?.kind === "meeting" && room.hub_id === hub_id && (!room_id || room.room_id === room_id);

function draw(meeting, words) {
  const { title, room_id, isOwn } = meeting;
  return [
    entry(avatar(title, meeting.key), title, words),
    isOwn &&
      button(
        `Link for guests of ${title}`,
        acting(() => showGuestLink(room_id)),
        { name: "round ghost link", symbol: "link", quiet: true, data: { act: "link" } },
      ),
    isOwn &&
      button(
        `Remove ${title}`,
        acting(() => remove(meeting)),
        { name: "round ghost", symbol: "trash", quiet: true, data: { act: "remove" } },
      ),
    button(
      "Join",
      acting(() => join(meeting)),
      { name: "join", disabled: isHere(meeting), "aria-label": `Join ${title}`, data: { act: "join" } },
    ),
  ];
}

function announce(key, words) {
  const meeting = meetings.find((one) => one.key === key);
  if (!meeting || isHere(meeting)) return;
  news.set(key, words);
  say(`${meeting.title}: ${words}`);
  show();
}

listen("conference.start", (model) => {
  if (model.socket_id !== session.socketId) announce(model.hub_id, "The meeting has started");
});
// The owner learns of guests who wait while nobody is there to let them in.
listen("conference.join", (model) => {
  if (model.status === "waiting") announce(model.room_id, nameOf(model) + " waits");
});
listen("user.poke", ({ hub_id, sender }) => announce(hub_id, `${sender} invites you`));
on("room", () => session.user && !session.user.isGuest && show());
$("new-meeting").addEventListener("submit", acting(once(start)));
