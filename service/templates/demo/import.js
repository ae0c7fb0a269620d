// Import of a file of contacts: CSV or vCard, with its progress and a report.

import { upload } from "./api.js";
import { $, acting, button, dialog, el } from "./dom.js";
import { listen } from "./socket.js";
import { emit, session } from "./state.js";

let loadProgress = () => {};

/** Load a file into the address book, and show the report. */
async function importFile(file) {
  const bar = el("progress", { max: 100, value: 0, "aria-label": "Progress" });
  const step = el("p", { textContent: `Sending ${file.name} …`, role: "status" });
  const content = el("div", { className: "body" }, step, bar);
  const box = dialog("Import contacts", content, () => {
    loadProgress = () => {};
  });
  loadProgress = ({ phase, progress }) => {
    step.textContent =
      phase === "prepare" ? "The service reads the file …" : "The service adds the contacts …";
    bar.value = progress;
  };
  try {
    const report = await upload(
      "contact.load",
      file,
      { socket_id: session.socketId, service: "demo" },
      (percent) => {
        bar.value = percent;
      },
    );
    content.replaceChildren(
      ...reportOf(report),
      el(
        "div",
        { className: "row end" },
        button("Close", () => box.close(), { name: "primary", autofocus: true }),
      ),
    );
    emit("contacts");
  } catch (error) {
    bar.remove();
    step.textContent = error.message;
    step.className = "problem";
  }
}

function reportOf(report) {
  const counts = [
    ["in the file", report.total],
    ["new", report.loaded],
    ["merged", report.merged],
    ["updated", report.updated],
    ["known already", report.alreadyincontact],
    ["without an email address", report.noemail],
  ];
  const rejected = report.rejected ?? [];
  return [
    el(
      "dl",
      { className: "counts" },
      counts
        .filter(([, count]) => count !== undefined)
        .map(([label, count]) =>
          el("div", {}, el("dt", { textContent: label }), el("dd", { textContent: count })),
        ),
    ),
    rejected.length > 0 &&
      el(
        "table",
        {},
        el("caption", { textContent: "Left out" }),
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            ["Line", "Name", "Reason"].map((text) => el("th", { scope: "col", textContent: text })),
          ),
        ),
        el(
          "tbody",
          {},
          rejected.map(({ line, name, reason }) =>
            el(
              "tr",
              {},
              [line, name, reason].map((text) => el("td", { textContent: text ?? "" })),
            ),
          ),
        ),
      ),
  ].filter(Boolean);
}

listen("contact.load", (model) => loadProgress(model));
$("import").addEventListener("click", () => $("file").click());
$("file").addEventListener(
  "change",
  acting(async ({ target }) => {
    const [file] = target.files;
    if (file) await importFile(file);
    target.value = "";
  }),
);
