// The page: sign-in, the three views, and what begins after it.

import { rpc } from "./api.js";
import { title } from "./calls.js";
import { readContacts } from "./contacts.js";
import { $, acting, avatar, el, entry, fail, icon, say } from "./dom.js";
import { guestToken, welcome } from "./guest.js";
import { readHistory } from "./history.js";
import { readInvitations } from "./invitations.js";
import { readMeetings } from "./meetings.js";
import { enter, endRoom, formerRoom, leaveRoom, openRoom, room } from "./room.js";
import { closeSocket, listen, openSocket } from "./socket.js";
import { on, PASSWORD, PEOPLE, session } from "./state.js";
import "./devices.js";
import "./import.js";
import "./stage.js";

const PERSON = "demo.person";
const TABS = ["contacts", "calls", "meetings"];

async function signIn(person) {
  session.user = { ...person, isGuest: false };
  try {
    if ((await rpc("yp.hello")).id !== person.uid) await enterPassword(person);
    const { wicket_id } = await rpc("desk.get_env");
    session.user.wicket = wicket_id;
  } catch (error) {
    session.user = null;
    throw error;
  }
  sessionStorage.setItem(PERSON, person.uid);
  $("sign-in").hidden = true;
  $("desk").hidden = $("devices").hidden = $("out").hidden = $("me").hidden = false;
  $("me").replaceChildren(avatar(person.name, person.uid), el("span", { textContent: person.name }));
  title();
  await openSocket();
  $("desk").ariaBusy = "true";
  await Promise.all([readContacts(), readInvitations(), readHistory(), readMeetings(), comeBack()]);
  $("desk").ariaBusy = "false";
}

async function enterPassword({ email, name }) {
  const answer = await rpc("yp.login", { vars: { ident: email, password: PASSWORD } });
  if (answer.status !== "ok")
    throw new Error(`These are the people of make demo; ${name} cannot sign in here.`);
}

// Reloaded in a room: go in again, in place of the page that was there.
async function comeBack() {
  const former = formerRoom();
  if (!former) return;
  const { hub_id, room_id, kind, title: name, peer } = former;
  openRoom({ hub_id, room_id, kind, title: name, peer });
  await enter().catch(() => endRoom("The call is over."));
  if (room?.kind === "connect" && !room.people.size) await leaveRoom("The call is over.");
}

async function signOut() {
  if (room) await leaveRoom();
  await rpc("drumate.logout");
  forget();
}

// Another tab of this person has signed out, or this one.
function forget() {
  session.user = null;
  sessionStorage.removeItem(PERSON);
  closeSocket();
  location.reload();
}

function openTab(name, focus = false) {
  for (const tab of TABS) {
    const isOpen = tab === name,
      handle = $("tab-" + tab);
    $(tab).hidden = !isOpen;
    handle.setAttribute("aria-selected", String(isOpen));
    handle.tabIndex = isOpen ? 0 : -1;
    if (isOpen && focus) handle.focus();
  }
}

function turn(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const place = TABS.findIndex((name) => !$(name).hidden);
  openTab(TABS[(place + step + TABS.length) % TABS.length], true);
}

on("connection", (isOpen) => {
  $("offline").hidden = isOpen;
});
listen("drumate.logout", async () => {
  if (!session.user.isGuest && !(await rpc("yp.hello")).signed_in) forget();
});

for (const node of document.querySelectorAll("[data-icon]")) node.prepend(icon(node.dataset.icon));
$("users").append(
  ...PEOPLE.map((person) =>
    el(
      "li",
      {},
      entry(avatar(person.name, person.uid), person.name, person.email, {
        act: () => signIn(person),
        data: { uid: person.uid },
      }),
    ),
  ),
);
$("out").addEventListener("click", acting(signOut));
for (const name of TABS) $("tab-" + name).addEventListener("click", () => openTab(name));
$("tabs").addEventListener("keydown", turn);
openTab(TABS[0]);

const before = PEOPLE.find(({ uid }) => uid === sessionStorage.getItem(PERSON));
if (guestToken()) welcome(guestToken()).catch(fail);
else if (before) signIn(before).catch(fail);
else $("sign-in").hidden = false;
say("");
