// Who is online, and who is in a call.

import { rpc } from "./api.js";
import { listen } from "./socket.js";
import { emit, on, session } from "./state.js";

const states = new Map();
const WORDS = ["Offline", "Online", "In a call"];

export const presenceOf = (uid) => states.get(uid) ?? 0;
export const presenceWord = (uid) => WORDS[presenceOf(uid)];
export const setPresence = (uid, state) => states.set(uid, state);

listen("user.connection_status", ({ user_id, status }) => {
  states.set(user_id, status);
  emit("presence");
});
on("connection", async (isOpen) => {
  const rows = isOpen && !session.user.isGuest ? await rpc("contact.connection_status").catch(() => []) : [];
  for (const row of rows) states.set(row.his_id, row.his_state);
  emit("presence");
});
