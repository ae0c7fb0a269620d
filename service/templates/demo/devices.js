// Phones and mail programs that read the address book over CardDAV: their app passwords, made and revoked.

import { $, acting, button, dialog, el, once, say, sync } from "./dom.js";
import { PASSWORD, session } from "./state.js";

const API = "/api/v1/auth/";
let token = "";

/** Call the REST API, which needs a sign-in of its own: it reads no cookie. */
async function api(method, path, body) {
  const response = await fetch(API + path, {
    method,
    headers: { "Content-Type": "application/json", ...(token && { Authorization: "Bearer " + token }) },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error((await response.json()).error.message);
  return response;
}

const read = async (...call) => (await (await api(...call)).json()).data;

async function open() {
  token = "";
  token = (await read("POST", "login", { email: session.user.email, password: PASSWORD })).access_token;
  const list = el("ul", { className: "list" }),
    empty = el("p", { className: "empty", textContent: "No device reads this address book yet." }),
    made = el("div", { className: "stack", role: "status" }),
    name = el("input", { name: "device", required: true, maxLength: 64, autocomplete: "off" });
  const refresh = () => show(list, empty);
  const form = el(
    "form",
    { className: "body", onsubmit: acting(once(add)) },
    el("p", { textContent: "Each device gets a password of its own, which opens contacts and nothing else." }),
    list,
    empty,
    el("label", { className: "field" }, "Name of the device", name),
    el(
      "div",
      { className: "row end wrap" },
      button("Profile for iPhone or Mac", acting(once(addProfile)), { data: { act: "profile" } }),
      el("button", { type: "submit", className: "primary", textContent: "Add device" }),
    ),
    made,
  );
  await refresh();
  dialog("Devices", form, acting(close));

  async function add() {
    const device = await read("POST", "app-passwords", { name: name.value });
    name.value = "";
    made.replaceChildren(...secrets(device));
    await refresh();
  }

  async function addProfile() {
    if (!form.reportValidity()) return;
    const file = await (await api("POST", "app-passwords/profile", { name: name.value })).blob();
    name.value = "";
    const address = URL.createObjectURL(file);
    el("a", { href: address, download: "contacts.mobileconfig" }).click();
    URL.revokeObjectURL(address);
    say("Open the profile on the device, and install it in its settings.");
    await refresh();
  }
}

async function show(list, empty) {
  const devices = await read("GET", "app-passwords");
  empty.hidden = devices.length > 0;
  sync(
    list,
    devices,
    ({ id }) => id,
    (device) =>
      el(
        "li",
        {},
        el(
          "span",
          { className: "who entry" },
          el("strong", { textContent: device.name || device.prefix + "…" }),
          el("small", { className: "word" }),
        ),
        button("Revoke " + device.name, acting(() => revoke(device, list, empty)), {
          symbol: "trash",
          quiet: true,
          name: "round ghost danger",
        }),
      ),
    (line, { last_used_at: used }) => {
      line.querySelector(".word").textContent = used
        ? "last used " + new Date(used).toLocaleString()
        : "never used";
    },
  );
}

async function revoke({ id, name }, list, empty) {
  await api("DELETE", "app-passwords/" + id);
  say(`${name} is revoked.`);
  await show(list, empty);
}

/** Show what the device needs. It is shown this once. */
function secrets({ server, username, password, qr_code }) {
  const line = (term, value) => [el("dt", { textContent: term }), el("dd", { textContent: value })];
  return [
    el("p", { textContent: "Type this into the device, or scan the code with DAVx5. It is shown this once." }),
    el(
      "dl",
      { className: "facts" },
      line("Server", server),
      line("User name", username),
      line("Password", password),
    ),
    el("img", { src: qr_code, alt: "QR code with server, user name and password", className: "qr" }),
  ];
}

async function close() {
  const ended = token;
  if (ended) await api("POST", "logout");
  if (token === ended) token = "";
}

$("devices").addEventListener("click", acting(once(open)));
