// What the whole page shares: who is signed in, the socket, and a bus for changes.

export const PEOPLE = [
  { uid: "00000000000000a1", name: "Alice Martin", email: "alice@example.org" },
  { uid: "00000000000000b1", name: "Bob Stone", email: "bob@example.net" },
  { uid: "00000000000000c1", name: "Carol Weiss", email: "carol@example.com" },
  { uid: "00000000000000d1", name: "Dave Okafor", email: "dave@acme.test" },
  { uid: "00000000000000e1", name: "Erin Larsen", email: "erin@acme.test" },
];

/** The password of all people of the demo, which `make run` prints. */
export const PASSWORD = "demo-password";

export const session = {
  user: null, // {uid, name, wicket, home, isGuest}
  socketId: null, // null while the connection is broken
};

const bus = new EventTarget();

export const emit = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));
export const on = (name, handle) => bus.addEventListener(name, ({ detail }) => handle(detail));
