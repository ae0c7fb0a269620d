// Invitations that wait for an answer, and answers that the user has not seen yet.

import { rpc } from "./api.js";
import { $, acting, avatar, button, el, entry, fail, redraw, sync } from "./dom.js";
import { listen } from "./socket.js";
import { emit } from "./state.js";

const CHANGES = ["invite", "invite_accept", "invite_refuse", "accept_informed", "delete_contact", "block"];

let readings = 0;

export async function readInvitations() {
  const reading = ++readings,
    invitations = await rpc("contact.invite_get");
  if (reading !== readings) return;
  sync(
    $("invitations"),
    invitations,
    ({ contact_id, status }) => status + contact_id,
    () => el("li"),
    draw,
  );
  $("invitations-title").hidden = !invitations.length;
}

function draw(node, { fullname, drumate_id, email, status, message }) {
  const isAnswer = status === "informed";
  const words = isAnswer ? "has accepted your invitation" : message || "invites you";
  const answer = (service) => acting(() => reply(service, email));
  const name = (verb) => ({ name: "small", "aria-label": `${verb} ${fullname}`, data: { act: verb } });
  redraw(node, JSON.stringify([fullname, words]), () => [
    entry(avatar(fullname, drumate_id), fullname, words),
    !isAnswer && button("Refuse", answer("invite_refuse"), name("Refuse")),
    !isAnswer && button("Accept", answer("invite_accept"), { ...name("Accept"), name: "go small" }),
    isAnswer && button("OK", answer("accept_informed"), name("OK")),
  ]);
}

async function reply(service, email) {
  await rpc("contact." + service, { email });
  await readInvitations();
  emit("contacts");
}

for (const name of CHANGES) listen("contact." + name, () => readInvitations().catch(fail));
