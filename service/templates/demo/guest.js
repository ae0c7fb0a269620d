// Guests without an account: they come by a link, say their name, and wait until somebody lets them in.

import { rpc } from "./api.js";
import { $, acting, once, say } from "./dom.js";
import { enter, openRoom, orEnd } from "./room.js";
import { openSocket } from "./socket.js";
import { on, session } from "./state.js";

/** The secret of the link that this page was opened with, or null. */
export const guestToken = () => new URLSearchParams(location.hash.slice(1)).get("guest");

/** Show the door of the meeting. */
export async function welcome(token) {
  session.user = { uid: "guest", name: "Guest", isGuest: true };
  $("guest").hidden = false;
  await openSocket();
  const ticket = await rpc("dmz.login", { token, socket_id: session.socketId });
  if (ticket.validity !== "TICKET_OK") {
    $("guest-title").textContent = "This link is not valid any more.";
    $("guest-form").hidden = true;
    return;
  }
  session.user.uid = ticket.uid;
  $("guest-title").textContent = ticket.filename;
  $("guest-words").textContent = `${ticket.sender} invites you to a meeting.`;
  $("guest-name").value ||= ticket.profile?.fullname ?? "";
  $("guest-form").addEventListener(
    "submit",
    acting(once((event) => come(event, ticket))),
  );
  on("ended", () => {
    $("guest").hidden = false;
  });
}

async function come(event, ticket) {
  const name = (session.user.name = $("guest-name").value.trim());
  $("guest").hidden = true;
  openRoom({ hub_id: ticket.hub_id, room_id: ticket.room_id, kind: "meeting", title: ticket.filename });
  await orEnd(enter({ guest_name: name }));
  say("");
}
