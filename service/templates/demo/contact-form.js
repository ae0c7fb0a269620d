// The form of a contact: add, edit, delete.

import { rpc } from "./api.js";
import { acting, button, confirmed, el, formDialog, say } from "./dom.js";
import { emit } from "./state.js";

/** Edit a contact, or delete it. */
export async function editContact(id) {
  const contact = await rpc("contact.get_contact", { contact_id: id });
  const box = form(`Edit ${contact.surname}`, contact, async (values) => {
    await rpc("contact.update", { ...values, contact_id: id });
    say("Saved.");
  });
  box.querySelector(".row.end").prepend(
    button(
      "Delete",
      acting(async () => {
        const words = `${contact.surname} goes from your address book for good.`;
        if (!(await confirmed("Delete this contact?", words, "Delete"))) return;
        await rpc("contact.delete_contact", { contact_id: id });
        box.close();
        say(contact.surname + " is deleted.");
        emit("contacts");
      }),
      { name: "ghost danger", symbol: "trash" },
    ),
  );
}

/** Add a contact. */
export function addContact() {
  form(
    "New contact",
    { email: [], mobile: [] },
    async (values) => {
      const contact = await rpc("contact.add", values);
      say(contact.surname + " is in your address book.");
    },
    el(
      "label",
      { className: "check" },
      el("input", { type: "checkbox", name: "invite" }),
      "Invite this person by mail",
    ),
  );
}

function form(title, contact, save, extra = null) {
  const fields = [
    el(
      "div",
      { className: "pair" },
      field("First name", "firstname", contact.firstname, { autocomplete: "off" }),
      field("Last name", "lastname", contact.lastname, { autocomplete: "off" }),
    ),
    lines(
      "Email address",
      "email",
      contact.email.map(({ email }) => email),
      "email",
    ),
    lines("Phone number", "mobile", contact.mobile.map(numberOf), "tel"),
    field("Note", "comment", contact.comment),
    extra,
  ];
  return formDialog(title, fields, async (filled) => {
    await save(valuesOf(filled, contact));
    emit("contacts");
  });
}

function field(label, name, value, properties = {}) {
  return el("label", { className: "field" }, label, el("input", { name, value: value ?? "", ...properties }));
}

function lines(label, name, values, type) {
  const list = el("div", { className: "lines" });
  const addLine = (value = "") => {
    const number = list.children.length + 1;
    const input = el("input", {
      type,
      name,
      value,
      "aria-label": number > 1 ? `${label} ${number}` : label,
      autocomplete: "off",
    });
    list.append(input);
    return input;
  };
  (values.length ? values : [""]).forEach(addLine);
  return el(
    "div",
    { className: "field" },
    el("span", { textContent: label }),
    list,
    button(`Another ${label.toLowerCase()}`, () => addLine().focus(), {
      name: "ghost small",
      symbol: "plus",
    }),
  );
}

const numberOf = ({ areacode, phone }) => [areacode, phone].filter(Boolean).join(" ");

// A list is replaced as a whole: what the form does not show of a value (category, default) goes with it. Absent lists stay.
function valuesOf(filled, contact) {
  const data = new FormData(filled);
  const texts = (name) => data.getAll(name).map((text) => text.trim());
  const email = texts("email")
    .map((text, number) => ({ ...pick(contact.email[number], "category", "is_default"), email: text }))
    .filter((line) => line.email);
  if (email.length && !email.some(({ is_default }) => Number(is_default))) email[0].is_default = 1;
  const mobile = texts("mobile")
    .map((text, number) => phoneLine(text, contact.mobile[number]))
    .filter((line) => line.phone);
  return {
    ...Object.fromEntries(["firstname", "lastname", "comment"].map((name) => [name, data.get(name).trim()])),
    email,
    mobile,
    ...(data.get("invite") ? { invite: 1 } : {}),
  };
}

function phoneLine(text, former) {
  if (former && numberOf(former) === text) return pick(former, "areacode", "phone", "category", "is_default");
  const [, areacode = "", phone] = /^(\+\d{1,3}\s+)?(.*)$/.exec(text);
  return { ...pick(former, "category", "is_default"), areacode: areacode.trim(), phone };
}

const pick = (row, ...names) =>
  Object.fromEntries(names.filter((name) => row?.[name] !== undefined).map((name) => [name, row[name]]));
