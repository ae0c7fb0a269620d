// Import of a file of contacts: CSV or vCard, with its progress and a report.

import { rpc, serviceUrl, upload } from "./api.js";
import { $, acting, button, dialog, el, once } from "./dom.js";
import { listen } from "./socket.js";
import { emit, session } from "./state.js";

const TAG = "demo";
const MODES = [
  ["skip", "Leave them as they are"],
  ["add", "Add what they do not have"],
  ["replace", "Take what the file says"],
];

let showProgress = () => {};

/** Ask what known people get, load the file into the address book, and show the report. */
function importFile(file) {
  const mode = el(
    "select",
    { name: "update" },
    MODES.map(([value, textContent]) => el("option", { value, textContent })),
  );
  const content = el(
    "form",
    { className: "body", onsubmit: acting(once(start)) },
    el("p", { textContent: file.name }),
    el("label", { className: "field" }, "People in the address book already", mode),
    el(
      "div",
      { className: "row end" },
      el("button", { type: "submit", className: "primary", textContent: "Import" }),
    ),
  );
  const box = dialog("Import contacts", content, () => {
    showProgress = () => {};
  });

  async function start(event) {
    const update = mode.value;
    await load(file, update, content, box);
  }
}

async function load(file, update, content, box) {
  const bar = el("progress", { max: 100, value: 0, "aria-label": "Progress" });
  const step = el("p", { textContent: "Sending the file …", role: "status" });
  const cancel = button("Cancel", () => {}, { disabled: true });
  content.replaceChildren(step, bar, el("div", { className: "row end" }, cancel));
  showProgress = ({ import_id, percent, total, loaded }) => {
    step.textContent = `${total} contacts read, ${loaded} new …`;
    bar.value = percent;
    cancel.disabled = false;
    cancel.onclick = acting(() => rpc("contact.load_cancel", { import_id }));
  };
  try {
    const args = { socket_id: session.socketId, service: TAG, update };
    const report = await upload("contact.load", file, args, (percent) => {
      bar.value = percent;
    });
    content.replaceChildren(...reportOf(report), buttonsOf(report, box));
    emit("contacts");
  } catch (error) {
    step.textContent = error.message;
    step.className = "problem";
    content.replaceChildren(step);
  }
}

function reportOf(report) {
  const counts = [
    ["in the file", report.total],
    ["new", report.loaded],
    ["changed", report.updated],
    ["known already", report.alreadyincontact],
    ["left out", report.rejected_count],
  ];
  return [
    report.state !== "done" &&
      el("p", { textContent: `${report.reason || "Cancelled"}. What was loaded until then stays.` }),
    el(
      "dl",
      { className: "counts" },
      counts.map(([label, count]) =>
        el("div", {}, el("dt", { textContent: label }), el("dd", { textContent: count })),
      ),
    ),
    table("Left out", report.rejected),
    table("Known already", report.known),
  ].filter(Boolean);
}

function table(caption, rows) {
  if (!rows?.length) return null;
  const row = (tag, texts) =>
    el(
      "tr",
      {},
      texts.map((text) => el(tag, { textContent: text ?? "", scope: tag === "th" && "col" })),
    );
  return el(
    "table",
    {},
    el("caption", { textContent: caption }),
    el("thead", {}, row("th", ["Line", "Name", "Reason"])),
    el(
      "tbody",
      {},
      rows.map(({ line, name, reason }) => row("td", [line, name, reason])),
    ),
  );
}

function buttonsOf({ import_id, rejected_count }, box) {
  const href = serviceUrl("contact.load_rejected", { import_id });
  return el(
    "div",
    { className: "row end" },
    rejected_count > 0 && el("a", { href, download: "", textContent: "Save what was left out" }),
    button("Close", () => box.close(), { name: "primary", autofocus: true }),
  );
}

// All tabs of the person hear of it; this one shows its own.
listen("contact.import_progress", (model) => showProgress(model));
$("import").addEventListener("click", () => $("file").click());
$("file").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  if (file) importFile(file);
  target.value = "";
});
