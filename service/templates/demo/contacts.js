// The address book: list and search.

import { rpc } from "./api.js";
import { callButton } from "./calls.js";
import { addContact, editContact } from "./contact-form.js";
import { $, acting, avatar, el, entry, fail, redraw, sync } from "./dom.js";
import { presenceOf, presenceWord, setPresence } from "./presence.js";
import { room } from "./room.js";
import { listen } from "./socket.js";
import { on, session } from "./state.js";

const PAGE = 45;
const PAUSE = 250;
/** Milliseconds without a key before the search begins. */
const CHANGES = [
  "add",
  "update",
  "delete_contact",
  "invite_accept",
  "invite_refuse",
  "block",
  "unblock",
  "change_status",
];

let rows = [],
  page = 1,
  readings = 0,
  timer;

/** People whom one can call: id of the account, not of the contact. */
export const callable = () =>
  rows.filter(({ uid }) => uid).map(({ uid, surname }) => ({ uid, name: surname }));
export const nameOfUser = (uid) => rows.find((row) => row.uid === uid)?.surname;

export async function readContacts() {
  const text = $("search").value.trim(),
    reading = ++readings,
    contactRows = [];
  for (let number = 1; number <= page; number++) {
    contactRows.push(
      ...(text
        ? await rpc("contact.search", { key: text, page: number, pagelength: PAGE })
        : await rpc("contact.show_contact", { page: number, pagelength: PAGE })),
    );
    if (contactRows.length < number * PAGE) break;
  }
  // Colleagues of a paid organisation are no entries of the address book; the list of conversations has them.
  const colleagues = text
    ? []
    : (await rpc("chat.chat_rooms", { flag: "contact" })).filter(({ status }) => status === "mate");
  // A later search may have been answered before.
  if (reading !== readings) return;
  for (const { drumate_id, online } of colleagues) setPresence(drumate_id, online);
  rows = [...contactRows.map(contactItem), ...colleagues.map(colleagueItem)];
  $("more").hidden = contactRows.length < page * PAGE;
  show();
}

const contactItem = (row) => ({
  id: row.type === "colleague" ? null : row.id,
  uid: row.type === "colleague" ? row.id : row.uid,
  surname: row.surname,
  email: row.email,
  comment: row.comment,
  isColleague: row.type === "colleague",
});
const colleagueItem = (row) => ({
  id: null,
  uid: row.drumate_id,
  surname: row.surname,
  email: "",
  comment: "",
  isColleague: true,
});

function show() {
  const people = rows.filter(({ uid }) => uid),
    others = rows.filter(({ uid }) => !uid);
  sync(
    $("people"),
    people,
    ({ uid }) => uid,
    () => el("li"),
    drawPerson,
  );
  sync(
    $("entries"),
    others,
    ({ id }) => id,
    () => el("li"),
    drawEntry,
  );
  $("people-title").hidden = !people.length;
  $("entries-title").hidden = !others.length;
  $("no-contacts").hidden = rows.length > 0;
  $("no-contacts").textContent = $("search").value.trim()
    ? "Nobody by this name."
    : "No contacts yet: add one, or import a file.";
}

function drawPerson(node, row) {
  const state = presenceOf(row.uid);
  node.dataset.uid = row.uid;
  redraw(node, JSON.stringify([row, state, Boolean(room)]), () => [
    editable(
      row,
      avatar(row.surname, row.uid, state),
      presenceWord(row.uid) + (row.isColleague ? " · colleague" : ""),
    ),
    callButton(`Call ${row.surname}`, row.uid, row.surname),
  ]);
}

const drawEntry = (node, row) =>
  redraw(node, JSON.stringify(row), () =>
    editable(row, avatar(row.surname, row.id), row.email || row.comment || ""),
  );

// Colleagues are no entries of the address book.
const editable = (row, picture, words) =>
  entry(
    picture,
    row.surname,
    words,
    row.id ? { act: () => editContact(row.id), data: { act: "edit" } } : {},
  );

function readSoon() {
  clearTimeout(timer);
  timer = setTimeout(() => session.user && readContacts().catch(fail), PAUSE);
}

for (const name of CHANGES) listen("contact." + name, readSoon);
on("contacts", () => readContacts().catch(fail));
on("presence", () => session.user && show());
on("room", () => session.user && show());
$("search").addEventListener("input", () => {
  page = 1;
  readSoon();
});
$("more").addEventListener(
  "click",
  acting(() => {
    page++;
    return readContacts();
  }),
);
$("add").addEventListener("click", addContact);
