// Elements, icons, avatars, lists that keep their elements, dialogs and messages.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  mic: "M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3zM6 11a6 6 0 0 0 12 0M12 17v4",
  "mic-off":
    "M9 9v2a3 3 0 0 0 4.5 2.6M15 11V6a3 3 0 0 0-5.7-1.3M6 11a6 6 0 0 0 9 5.2M18 11a6 6 0 0 1-.4 2M12 17v4M3 3l18 18",
  camera:
    "M3 7.5A1.5 1.5 0 0 1 4.5 6h9A1.5 1.5 0 0 1 15 7.5v9a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 3 16.5zM15 10.5l6-3v9l-6-3",
  "camera-off":
    "M8 6h5.5A1.5 1.5 0 0 1 15 7.5V13m0 3.5a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 3 16.5v-9A1.5 1.5 0 0 1 4.5 6M15 10.5l6-3v9M3 3l18 18",
  screen: "M3 5h18v11H3zM8 20h8M12 16v4M12 13V8M9.5 10.5 12 8l2.5 2.5",
  people:
    "M9 11a3.2 3.2 0 1 0 0-6.4A3.2 3.2 0 0 0 9 11zM2.5 19.5a6.5 6.5 0 0 1 13 0M16 5a3 3 0 0 1 0 6M18 14.5a6 6 0 0 1 3.5 5",
  phone:
    "M5 4h4l1.5 4.5L8 10.2a12 12 0 0 0 5.8 5.8l1.7-2.5L20 15v4a1.5 1.5 0 0 1-1.6 1.5A15.5 15.5 0 0 1 3.5 5.6 1.5 1.5 0 0 1 5 4z",
  hangup: "M3 14.5c5.5-5 12.5-5 18 0l-2 3-4-1.5v-2.6a10 10 0 0 0-6 0V16l-4 1.5z",
  plus: "M12 5v14M5 12h14",
  upload: "M12 15V4M7.5 8.5 12 4l4.5 4.5M4 15v4h16v-4",
  search: "M11 17.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM16 16l4.5 4.5",
  close: "M6 6l12 12M18 6 6 18",
  more: "M12 6v.01M12 12v.01M12 18v.01",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3L12 6.3M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1",
  in: "M18 6 7 17M7 8.5V17h8.5",
  out: "M6 18 17 7M8.5 7H17v8.5",
  missed: "M4 8l6.5 6.5L20 6M4 14V8h6",
  history: "M12 7v5l3.5 2M4 12a8 8 0 1 0 2.5-5.8L4 8.5M4 4v4.5h4.5",
  calendar: "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
  record: "M12 20a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  devices: "M3 5h13v9H3zM6.5 18h6M9.5 14v4M18 9h3v10h-5v-3",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
};

let dialogs = 0;

export const $ = (id) => document.getElementById(id);

/** Make an element: properties, aria-… and data as attributes, on… as listeners. */
export function el(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "data") Object.assign(node.dataset, value);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && !name.startsWith("aria")) node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Make a button with an icon; the label is its text, or its name only. */
export function button(label, act, { name = "", symbol = null, quiet = false, ...properties } = {}) {
  return el(
    "button",
    {
      type: "button",
      className: name,
      onclick: act,
      title: quiet ? label : null,
      "aria-label": quiet ? label : null,
      ...properties,
    },
    symbol && icon(symbol),
    !quiet && el("span", { textContent: label }),
  );
}

function initials(name) {
  const words = name.trim().split(/\s+/);
  return ((words[0]?.[0] ?? "?") + (words.length > 1 ? words.at(-1)[0] : "")).toUpperCase();
}

/** A circle with initials; its colour depends on the key alone, so that a person looks the same everywhere. */
export function avatar(name, key, state = null) {
  let hash = 0;
  for (const letter of String(key)) hash = (hash * 31 + letter.codePointAt(0) * 137) % 360;
  const node = el("span", { className: "avatar", "aria-hidden": "true", textContent: initials(name) });
  node.style.setProperty("--hue", hash);
  if (state !== null) node.append(el("span", { className: "dot", data: { state } }));
  return node;
}

/** Picture, name and words of one line of a list; with an act it is a button. */
export function entry(picture, name, words, { act = null, className = "entry", ...properties } = {}) {
  const text = el(
    "span",
    { className: "who" },
    el("strong", { textContent: name }),
    el("small", { className: "word", textContent: words }),
  );
  return act
    ? el("button", { type: "button", className, onclick: acting(act), ...properties }, picture, text)
    : el("div", { className, ...properties }, picture, text);
}

/** Bring the children of a list in line with the items. An element stays while its key does: focus and video go on. */
export function sync(list, items, keyOf, make, refresh) {
  const present = new Map([...list.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, place) => {
    const key = String(keyOf(item));
    let child = present.get(key);
    present.delete(key);
    if (!child) {
      child = make(item);
      child.dataset.key = key;
    }
    if (list.children[place] !== child) list.insertBefore(child, list.children[place] ?? null);
    refresh(child, item);
  });
  present.forEach((child) => child.remove());
}

/** Replace the content of an element only when its signature has changed. */
export function redraw(node, signature, make) {
  if (node.dataset.drawn === signature) return;
  const focus = node.contains(document.activeElement) ? document.activeElement.dataset.act : null;
  node.dataset.drawn = signature;
  node.replaceChildren(...[make()].flat().filter(Boolean));
  if (focus) node.querySelector(`[data-act="${focus}"]`)?.focus();
}

/** Open a dialog; it traps the focus, Esc closes it, and it is gone afterwards. Returns its form. */
export function dialog(title, content, onclosed = () => {}) {
  const id = `dialog-${++dialogs}`;
  const heading = el("h2", { textContent: title, id });
  const box = el(
    "dialog",
    { "aria-labelledby": id },
    el(
      "header",
      {},
      heading,
      button("Close", () => box.close(), { symbol: "close", quiet: true, name: "ghost" }),
    ),
    content,
  );
  box.addEventListener("close", () => {
    box.removeAttribute("open");
    raise();
    box.remove();
    onclosed();
  });
  box.addEventListener("click", (event) => {
    if (event.target === box) box.close();
  });
  document.body.append(box);
  box.showModal();
  raise();
  return box;
}

/** Open a form in a dialog. It closes once it is saved; save gets the form, and what it throws is shown below. */
export function formDialog(title, fields, save) {
  const problem = el("p", { className: "problem", role: "alert" });
  const form = el(
    "form",
    { className: "body", onsubmit: once(submit) },
    fields,
    problem,
    el(
      "div",
      { className: "row end" },
      button("Cancel", () => box.close()),
      el("button", { type: "submit", className: "primary", textContent: "Save" }),
    ),
  );
  const box = dialog(title, form);

  async function submit() {
    try {
      await save(form);
      box.close();
    } catch (error) {
      problem.textContent = error.message;
    }
  }
  return box;
}

// An open dialog makes everything outside of it inert. A call that rings must stay in reach: it moves inside.
function raise() {
  const top = [...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body;
  if ($("top").parentElement !== top) top.prepend($("top"));
}

/** Ask a question; resolve to true when the user agrees. The signal takes the question back. */
export function confirmed(title, text, yes, signal = null) {
  return new Promise((resolve) => {
    let agreed = false;
    const box = dialog(
      title,
      el(
        "div",
        { className: "body" },
        el("p", { textContent: text }),
        el(
          "div",
          { className: "row end" },
          button("Cancel", () => box.close()),
          button(
            yes,
            () => {
              agreed = true;
              box.close();
            },
            { name: "stop", autofocus: true },
          ),
        ),
      ),
      () => resolve(agreed),
    );
    signal?.addEventListener("abort", () => box.close());
  });
}

let silence;

/** Show a message for some seconds, and read it to those who listen. */
export function say(text) {
  $("status").textContent = text;
  $("status").classList.toggle("open", Boolean(text));
  clearTimeout(silence);
  silence = setTimeout(() => $("status").classList.remove("open"), 6000);
}

/** Show an error of an action that the user has begun. */
export function fail(error) {
  console.warn(error);
  say(error.message);
}

/** Return a listener of a form that ignores a second press while it is busy with the first one. */
export const once = (act) => {
  let isBusy = false;
  return async (event) => {
    event.preventDefault();
    if (isBusy) return;
    isBusy = true;
    try {
      await act(event);
    } finally {
      isBusy = false;
    }
  };
};

/** Return a listener that shows the error of an asynchronous action. */
export const acting = (act) => (event) =>
  Promise.resolve()
    .then(() => act(event))
    .catch(fail);
