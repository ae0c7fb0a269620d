// The address book: list, search, add, edit, delete, and import of a file.

import { rpc, upload } from "./api.js";
import { dial } from "./calls.js";
import { $, acting, avatar, button, confirmed, dialog, el, fail, redraw, say, sync } from "./dom.js";
import { presenceOf, presenceWord, setPresence } from "./presence.js";
import { room } from "./room.js";
import { listen } from "./socket.js";
import { on, session } from "./state.js";

const PAGE = 45;
const PAUSE = 250;
/** Milliseconds without a key before the search begins. */
const CHANGES = ["add", "update", "delete_contact", "invite_accept", "invite_refuse", "block", "unblock", "change_status"];

let rows = [], page = 1, timer, loadProgress = () => {};

/** People whom one can call: id of the account, not of the contact. */
export const callable = () => rows.filter(({ uid }) => uid).map(({ uid, surname }) => ({ uid, name: surname }));
export const nameOfUser = (uid) => rows.find((row) => row.uid === uid)?.surname;

export async function readContacts() {
  const text = $("search").value.trim();
  const contactRows = [];
  for (let number = 1; number <= page; number++) {
    contactRows.push(...text ? await rpc("contact.search", { key: text, page: number, pagelength: PAGE })
      : await rpc("contact.show_contact", { page: number, pagelength: PAGE }));
    if (contactRows.length < number * PAGE) break;
  }
  // Colleagues of a paid organisation are no entries of the address book; the list of conversations has them.
  const colleagues = text ? [] : (await rpc("chat.chat_rooms", { flag: "contact" })).filter(({ status }) => status === "mate");
  for (const { drumate_id, online } of colleagues) setPresence(drumate_id, online);
  rows = [...contactRows.map(contactItem), ...colleagues.map(colleagueItem)];
  $("more").hidden = contactRows.length < page * PAGE;
  show();
}

const contactItem = (row) => ({
  id: row.type === "colleague" ? null : row.id, uid: row.type === "colleague" ? row.id : row.uid, surname: row.surname,
  email: row.email, comment: row.comment, isColleague: row.type === "colleague" });
const colleagueItem = (row) => ({
  id: null, uid: row.drumate_id, surname: row.surname, email: "", comment: "", isColleague: true });

function show() {
  const people = rows.filter(({ uid }) => uid), others = rows.filter(({ uid }) => !uid);
  sync($("people"), people, ({ uid }) => uid, () => el("li"), drawPerson);
  sync($("entries"), others, ({ id }) => id, () => el("li"), drawEntry);
  $("people-title").hidden = !people.length;
  $("entries-title").hidden = !others.length;
  $("no-contacts").hidden = rows.length > 0;
  $("no-contacts").textContent = $("search").value.trim() ? "Nobody by this name." : "No contacts yet: add one, or import a file.";
}

function drawPerson(node, row) {
  const state = presenceOf(row.uid);
  node.dataset.uid = row.uid;
  redraw(node, JSON.stringify([row, state, Boolean(room)]), () => [
    entryButton(row, avatar(row.surname, row.uid, state), presenceWord(row.uid) + (row.isColleague ? " · colleague" : "")),
    button(`Call ${row.surname}`, acting(() => dial(row.uid, row.surname)),
           { name: "round call", symbol: "phone", quiet: true, disabled: Boolean(room), data: { act: "call" } })]);
}

const drawEntry = (node, row) => redraw(node, JSON.stringify(row), () =>
  entryButton(row, avatar(row.surname, row.id), row.email || row.comment || ""));

function entryButton(row, picture, words) {
  const text = el("span", { className: "who" }, el("strong", { textContent: row.surname }), el("small", { className: "word", textContent: words }));
  return row.id ? el("button", { type: "button", className: "entry", onclick: acting(() => edit(row.id)), data: { act: "edit" } }, picture, text)
    : el("div", { className: "entry" }, picture, text);
}

// --- the form ------------------------------------------------------------------------------------

async function edit(id) {
  const contact = await rpc("contact.get_contact", { contact_id: id });
  const box = form(`Edit ${contact.surname}`, contact, async (values) => {
    await rpc("contact.update", { ...values, contact_id: id });
    say("Saved.");
  });
  box.querySelector(".row.end").prepend(button("Delete", acting(async () => {
    if (!await confirmed("Delete this contact?", `${contact.surname} goes from your address book for good.`, "Delete")) return;
    await rpc("contact.delete_contact", { contact_id: id });
    box.close();
    say(contact.surname + " is deleted.");
    await readContacts();
  }), { name: "ghost danger", symbol: "trash" }));
}

function add() {
  form("New contact", { email: [], mobile: [] }, async (values) => {
    const contact = await rpc("contact.add", values);
    say(contact.surname + " is in your address book.");
  }, el("label", { className: "check" }, el("input", { type: "checkbox", name: "invite" }), "Invite this person by mail"));
}

function form(title, contact, save, extra = null) {
  const problem = el("p", { className: "problem", role: "alert" });
  const fields = el("form", { className: "body", onsubmit: submit },
    el("div", { className: "pair" }, field("First name", "firstname", contact.firstname, { autocomplete: "off" }),
       field("Last name", "lastname", contact.lastname, { autocomplete: "off" })),
    lines("Email address", "email", contact.email.map(({ email }) => email), "email"),
    lines("Phone number", "mobile", contact.mobile.map(numberOf), "tel"),
    field("Note", "comment", contact.comment),
    extra, problem,
    el("div", { className: "row end" }, button("Cancel", () => box.close()),
       el("button", { type: "submit", className: "primary", textContent: "Save" })));
  const box = dialog(title, fields);

  async function submit(event) {
    event.preventDefault();
    try {
      await save(valuesOf(fields, contact));
      box.close();
      await readContacts();
    } catch (error) {
      problem.textContent = error.message;
    }
  }
  return box;
}

function field(label, name, value, properties = {}) {
  return el("label", { className: "field" }, label, el("input", { name, value: value ?? "", ...properties }));
}

function lines(label, name, values, type) {
  const list = el("div", { className: "lines" });
  const addLine = (value = "") => {
    const number = list.children.length + 1;
    const input = el("input", { type, name, value, "aria-label": number > 1 ? `${label} ${number}` : label, autocomplete: "off" });
    list.append(input);
    return input;
  };
  (values.length ? values : [""]).forEach(addLine);
  return el("div", { className: "field" }, el("span", { textContent: label }), list,
    button(`Another ${label.toLowerCase()}`, () => addLine().focus(), { name: "ghost small", symbol: "plus" }));
}

const numberOf = ({ areacode, phone }) => [areacode, phone].filter(Boolean).join(" ");

// The lists are replaced as a whole: what the form does not show (category, default) goes with its value.
function valuesOf(fields, contact) {
  const data = new FormData(fields);
  const texts = (name) => data.getAll(name).map((text) => text.trim());
  const email = texts("email").map((text, number) => ({ ...pick(contact.email[number], "category", "is_default"), email: text }))
    .filter((line) => line.email);
  if (email.length && !email.some(({ is_default }) => Number(is_default))) email[0].is_default = 1;
  const mobile = texts("mobile").map((text, number) => phoneLine(text, contact.mobile[number])).filter((line) => line.phone);
  return { ...Object.fromEntries(["firstname", "lastname", "comment"].map((name) => [name, data.get(name).trim()])),
           email, mobile, ...data.get("invite") ? { invite: 1 } : {},
           ...contact.address ? { address: contact.address } : {}, ...contact.tag ? { tag: contact.tag.map(({ tag_id }) => tag_id) } : {} };
}

function phoneLine(text, former) {
  if (former && numberOf(former) === text) return pick(former, "areacode", "phone", "category", "is_default");
  const [, areacode = "", phone] = /^(\+\d{1,3}\s+)?(.*)$/.exec(text);
  return { ...pick(former, "category", "is_default"), areacode: areacode.trim(), phone };
}

const pick = (row, ...names) => Object.fromEntries(names.filter((name) => row?.[name] !== undefined).map((name) => [name, row[name]]));

// --- import --------------------------------------------------------------------------------------

async function importFile(file) {
  const bar = el("progress", { max: 100, value: 0, "aria-label": "Progress" });
  const step = el("p", { textContent: `Sending ${file.name} …`, role: "status" });
  const content = el("div", { className: "body" }, step, bar);
  const box = dialog("Import contacts", content, { onclosed: () => { loadProgress = () => {}; } });
  loadProgress = ({ phase, progress }) => {
    step.textContent = phase === "prepare" ? "The service reads the file …" : "The service adds the contacts …";
    bar.value = progress;
  };
  try {
    const report = await upload("contact.load", file, { socket_id: session.socketId, service: "demo" },
      (percent) => { bar.value = percent; });
    content.replaceChildren(...reportOf(report), el("div", { className: "row end" },
      button("Close", () => box.close(), { name: "primary", autofocus: true })));
    await readContacts();
  } catch (error) {
    bar.remove();
    step.textContent = error.message;
    step.className = "problem";
  }
}

function reportOf(report) {
  const counts = [["in the file", report.total], ["new", report.loaded], ["merged", report.merged], ["updated", report.updated],
    ["known already", report.alreadyincontact], ["without an email address", report.noemail]];
  const rejected = report.rejected ?? [];
  return [
    el("dl", { className: "counts" }, counts.filter(([, count]) => count !== undefined).map(([label, count]) =>
      el("div", {}, el("dt", { textContent: label }), el("dd", { textContent: count })))),
    rejected.length > 0 && el("table", {}, el("caption", { textContent: "Left out" }),
      el("thead", {}, el("tr", {}, ["Line", "Name", "Reason"].map((text) => el("th", { scope: "col", textContent: text })))),
      el("tbody", {}, rejected.map(({ line, name, reason }) =>
        el("tr", {}, [line, name, reason].map((text) => el("td", { textContent: text ?? "" })))))),
  ].filter(Boolean);
}

// --- wiring --------------------------------------------------------------------------------------

function readSoon(pause = PAUSE) {
  clearTimeout(timer);
  timer = setTimeout(() => session.user && readContacts().catch(fail), pause);
}

for (const name of CHANGES) listen("contact." + name, () => readSoon());
listen("contact.load", (model) => loadProgress(model));
on("presence", () => session.user && show());
on("room", () => session.user && show());
$("search").addEventListener("input", () => { page = 1; readSoon(); });
$("more").addEventListener("click", acting(() => { page++; return readContacts(); }));
$("add").addEventListener("click", add);
$("import").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", acting(async ({ target }) => {
  const [file] = target.files;
  if (file) await importFile(file);
  target.value = "";
}));
