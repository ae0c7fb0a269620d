"use strict";
const USERS = [
  ["00000000000000a1", "Alice Martin", "alice@example.org"],
  ["00000000000000b1", "Bob Stone", "bob@example.net"],
  ["00000000000000c1", "Carol Weiss", "carol@example.com"],
  ["00000000000000d1", "Dave Okafor", "dave@acme.test"],
  ["00000000000000e1", "Erin Larsen", "erin@acme.test"],
];
const PASSWORD = "demo-password";
const WORDS = ["offline", "online", "in a call"];
const ENDS = { leave: "Call", cancel: "Cancelled call", reject: "Declined call", decline: "Declined call" };
const $ = (id) => document.getElementById(id);

let me = null;        // {uid, name, wicket}
let socketId = null;
let lastSocket;       // what this tab had before: the next one takes over its place in a call
let socket = null;
let retry = 0;
let call = null;      // the call of this tab, see newCall
const presence = new Map();
let presenceKnown = false;

// --- the service ---------------------------------------------------------------------------------

// Each person has a separate cookie (keysel), so that tabs of one browser can be different people.
const keysel = () => "demo_" + me.uid.slice(-2);

async function rpc(service, args = {}) {
  const response = await fetch("/-/svc/" + service, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...args, keysel: keysel() }),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.reason || answer.error || response.statusText);
  return answer.data;
}

function openSocket() {
  rpc("bootstrap.authn", { socket_id: lastSocket }).then(({ token }) => {
    if (!me || !token) return;
    const address = new URL("/-/websocket/?otak=" + token, location.href);
    address.protocol = address.protocol.replace("http", "ws");
    socket = new WebSocket(address, "service");
    socket.onmessage = ({ data }) => receive(JSON.parse(data));
    socket.onclose = reopen;
  }).catch(reopen);
}

function reopen() {
  socketId = null;
  $("me").textContent = me ? me.name + " – reconnecting …" : "";
  if (me) setTimeout(openSocket, Math.min(500 * 2 ** retry++, 10000));
}

function receive({ service, data, model, options }) {
  if (service === "sys.hello") {
    retry = 0;
    socketId = lastSocket = data.socket_id;
    $("me").textContent = "You are " + me.name;
    document.body.dataset.socket = socketId;
    readPresence();
  } else if (service === "live.update") {
    const act = NEWS[options.service];
    if (act) Promise.resolve(act(model, options)).catch(fail);
  }
}

// --- presence ------------------------------------------------------------------------------------

async function readPresence() {
  const rows = await rpc("contact.connection_status").catch(() => null);
  presenceKnown = rows !== null;
  for (const row of rows ?? []) presence.set(row.his_id, row.his_state);
  showPeople();
}

function showPeople() {
  $("people").replaceChildren(...USERS.filter(([uid]) => uid !== me.uid).map(([uid, name]) => {
    const state = presence.get(uid) ?? 0;
    const item = element("li");
    item.dataset.uid = uid;
    const dot = element("span", "", "dot");
    dot.dataset.state = state;
    const button = element("button", "Call");
    button.disabled = Boolean(call);
    button.onclick = () => dial(uid, name).catch(fail);
    const who = element("span", name, "who");
    who.append(element("span", presence.has(uid) ? WORDS[state] : presenceKnown ? "not a contact" : "", "word"));
    item.append(dot, who, button);
    return item;
  }));
}

// --- a call --------------------------------------------------------------------------------------

function newCall(fields) {
  call = { hub_id: null, room_id: null, peer: null, name: "", mine: false, accepted: false, since: 0,
           caller: null, pc: null, stream: null, waiting: [], ...fields };
  showPeople();
  return call;
}

const here = () => ({ hub_id: call.hub_id, room_id: call.room_id, nid: call.room_id, socket_id: socketId });
const metadata = () => ({ type: "connect", muted: Number($("mute").ariaPressed === "true"), audio: 1,
                          video: Number($("camera").ariaPressed !== "true"), screen: 0 });
const callee = () => ({ entity_id: call.peer, drumate_id: call.peer, display: call.name });

async function dial(uid, name) {
  const current = newCall({ peer: uid, name, mine: true, hub_id: me.wicket });
  show("Calling " + name + " …", { hangup: true });
  current.stream = await openMedia();
  const answer = await rpc("conference.invite", {
    hub_id: me.wicket, guest_id: uid, socket_id: socketId, metadata: metadata() });
  if (answer.offline) return end(name + " is not there.");
  if (answer.cross_call) {
    // the callee is calling at this very moment: pick up that call
    Object.assign(current, { mine: false, caller: answer.caller, hub_id: answer.hub_id, room_id: answer.room_id });
    return accept();
  }
  current.room_id = answer.room_id;
}

function ring(model) {
  if (call) return;  // busy, or the same call: this client has one line
  newCall({ peer: model.uid, name: model.display, caller: model, hub_id: model.hub_id, room_id: model.room_id });
  show(model.display + " is calling", { accept: true, decline: true });
  tone([660, 880]);
}

// A short melody every two seconds while it rings; where the browser allows sound.
function tone(notes) {
  const current = call, audio = new AudioContext();
  const play = () => {
    if (call !== current || current.accepted) {
      clearInterval(timer);
      return audio.close();
    }
    notes.forEach((frequency, number) => {
      const voice = new OscillatorNode(audio, { frequency }), gain = new GainNode(audio, { gain: 0.05 });
      voice.connect(gain).connect(audio.destination);
      voice.start(audio.currentTime + number * 0.25);
      voice.stop(audio.currentTime + number * 0.25 + 0.2);
    });
  };
  const timer = setInterval(play, 2000);
  play();
}

async function accept() {
  const current = call;
  show("Connecting …", { hangup: true });
  current.accepted = true;
  current.stream ??= await openMedia();
  const joined = await rpc("conference.join", { ...here(), metadata: metadata(), type: "connect", room_type: "connect", isCallee: 1 });
  connect(joined.configs);
  await rpc("conference.accept", { ...here(), caller: current.caller, metadata: metadata() });
}

async function accepted(model) {
  if (!call) return;
  if (!call.mine) {
    // another tab of mine took it
    if (model.uid === me.uid && model.socket_id !== socketId && !call.accepted) end("Answered in another tab.");
    return;
  }
  if (call.accepted) return;
  call.accepted = true;
  const joined = await rpc("conference.join", { ...here(), metadata: metadata(), type: "connect", room_type: "connect", isCallee: 0 });
  connect(joined.configs);
  await call.pc.setLocalDescription(await call.pc.createOffer());
  await signal("OFFER", { description: call.pc.localDescription });
}

function connect(configs) {
  const current = call;
  const pc = current.pc = new RTCPeerConnection({ iceServers: configs?.iceServers ?? [] });
  current.stream.getTracks().forEach((track) => pc.addTrack(track, current.stream));
  pc.onicecandidate = ({ candidate }) => candidate && signal("CANDIDATE", { candidate }).catch(fail);
  pc.ontrack = ({ streams }) => { $("remote").srcObject = streams[0]; };
  pc.onconnectionstatechange = () => {
    if (current !== call) return;
    if (pc.connectionState === "connected") {
      current.since ||= Date.now();
      show("", { hangup: true, mute: true, camera: true });
      tick();
    } else if (pc.connectionState === "failed") {
      hangUp("The connection broke.");
    }
  };
}

function tick() {
  if (!call?.since) return;
  const seconds = Math.round((Date.now() - call.since) / 1000);
  $("clock").textContent = call.name + ", " + Math.floor(seconds / 60) + ":" + String(seconds % 60).padStart(2, "0");
  clearTimeout(call.clock);
  call.clock = setTimeout(tick, 1000);
}

const signal = (event, payload) =>
  rpc("conference.broadcast", { ...here(), event, payload: { ...payload, room_id: call.room_id, from: socketId } });

async function signalled(payload, { event }) {
  const pc = call?.pc;
  if (!pc || payload.room_id !== call.room_id) return;
  if (event === "CANDIDATE" && !pc.remoteDescription) return call.waiting.push(payload.candidate);
  if (event === "CANDIDATE") return pc.addIceCandidate(payload.candidate);
  if (!payload.description) return;
  await pc.setRemoteDescription(payload.description);
  for (const candidate of call.waiting.splice(0)) await pc.addIceCandidate(candidate);
  if (event === "OFFER") {
    await pc.setLocalDescription(await pc.createAnswer());
    await signal("ANSWER", { description: pc.localDescription });
  }
}

async function hangUp(words = "The call has ended.") {
  if (!call) return;
  const gone = call, place = here(), duration = gone.since ? Date.now() - gone.since : 0, who = callee();
  end(words);
  if (!gone.room_id) return;
  if (gone.mine && !gone.accepted) {
    await rpc("conference.cancel", place);
    await rpc("conference.logCall", { ...place, event: "cancel", callee: who });
  } else {
    if (gone.mine) await rpc("conference.logCall", { ...place, event: "leave", duration, callee: who });
    await rpc("conference.leave", place);
  }
}

async function decline() {
  const { caller, room_id, hub_id } = call;
  end("You declined the call.");
  await rpc("conference.decline", { caller, room_id, hub_id, socket_id: socketId });
}

async function declined(model) {
  if (!call?.mine || model.room_id !== call.room_id || call.accepted) return;
  const place = here(), who = callee();
  end(call.name + (model.status === "missed" ? " does not answer." : " declined the call."));
  await rpc("conference.logCall", { ...place, event: "reject", callee: who });
  await rpc("conference.cancel", place);
}

function over(model) {
  if (call && !call.mine && !call.accepted && model.room_id === call.room_id)
    end(model.status === "missed" ? "You missed a call by " + call.name + "." : "The call is over.");
}

function left(model) {
  // the other side went, but may be back on a new connection in time: then the service does not say so
  if (call && model.room_id === call.room_id && model.uid === call.peer) hangUp(call.name + " hung up.");
}

function end(words) {
  call.pc?.close();
  call.stream?.getTracks().forEach((track) => track.stop());
  clearTimeout(call.clock);
  call = null;
  $("clock").textContent = $("hint").textContent = "";
  $("remote").srcObject = $("local").srcObject = null;
  $("local").hidden = true;
  $("mute").ariaPressed = $("camera").ariaPressed = "false";
  show(words, {});
  showPeople();
}

const NEWS = {
  "user.connection_status": ({ user_id, status }) => { presence.set(user_id, status); showPeople(); },
  "conference.invite": ring,
  "conference.accept": accepted,
  "conference.broadcast": signalled,
  "conference.decline": declined,
  "conference.cancel": over,
  "conference.revoke": over,
  "conference.leave": left,
  "chat.post": logged,
  "drumate.logout": async () => { if (!(await rpc("yp.hello")).signed_in) forget(); },
};

// --- media ---------------------------------------------------------------------------------------

async function openMedia() {
  const current = call;
  let stream = null;
  for (const wanted of [{ audio: true, video: true }, { audio: false, video: true }, { audio: true, video: false }]) {
    stream = await navigator.mediaDevices?.getUserMedia(wanted).catch(() => null);
    if (stream) break;
  }
  $("hint").textContent = stream ? (stream.getVideoTracks().length ? "" : "No camera: only your voice is sent.")
    : "No camera or microphone, or no permission: a card with your name is sent instead.";
  stream ??= picture();
  if (call !== current) stream.getTracks().forEach((track) => track.stop());
  $("local").srcObject = stream;
  $("local").hidden = !stream.getVideoTracks().length;
  return stream;
}

// Without a camera, or permission: a moving picture with one's name.
function picture() {
  const canvas = Object.assign(document.createElement("canvas"), { width: 480, height: 360 });
  const pen = canvas.getContext("2d");
  const draw = () => {
    pen.fillStyle = `hsl(${(Date.now() / 50) % 360} 45% 35%)`;
    pen.fillRect(0, 0, 480, 360);
    pen.fillStyle = "#fff";
    pen.textAlign = "center";
    pen.font = "32px system-ui";
    pen.fillText(me.name, 240, 175);
    pen.fillText(new Date().toLocaleTimeString(), 240, 220);
  };
  draw();
  const timer = setInterval(draw, 100);
  const stream = canvas.captureStream(10);
  stream.getTracks()[0].addEventListener("ended", () => clearInterval(timer));
  return stream;
}

function toggle(button, tracks) {
  const off = button.ariaPressed !== "true";
  button.ariaPressed = String(off);
  tracks.forEach((track) => { track.enabled = !off; });
  rpc("conference.update", { ...here(), metadata: metadata() }).catch(fail);
}

// --- the page ------------------------------------------------------------------------------------

function element(tag, text = "", name = "") {
  return Object.assign(document.createElement(tag), { textContent: text, className: name });
}

function show(words, { accept = false, decline = false, hangup = false, mute = false, camera = false }) {
  $("status").textContent = words;
  $("stage").classList.toggle("live", words === "");
  $("stage").classList.toggle("ringing", accept);
  if (me) document.title = (accept ? "☎ " + words : me.name) + " – demo";
  for (const [id, on] of Object.entries({ accept, decline, hangup, mute, camera })) $(id).hidden = !on;
}

function logged(entry) {
  if (entry.message_type !== "call") return;
  const name = USERS.find(([uid]) => uid === entry.entity_id)?.[1] ?? entry.entity?.display ?? "somebody";
  const item = [...$("log").children].find((found) => found.dataset.id === entry.message_id) ?? element("li");
  item.dataset.id = entry.message_id;
  item.dataset.status = entry.call_status;
  const way = entry.author_id === me.uid ? " to " : " from ";
  const seconds = entry.call_status === "leave" ? ", " + Math.round(entry.call_duration / 1000) + " s" : "";
  const kind = JSON.parse(entry.metadata).cause === "missed" ? "Missed call" : ENDS[entry.call_status];
  item.textContent = kind + way + name + seconds;
  $("log").prepend(item);
  $("nolog").hidden = true;
}

function fail(error) {
  $("problem").textContent = error.message;
  setTimeout(() => { $("problem").textContent = ""; }, 6000);
}

async function signIn([uid, name, email]) {
  me = { uid, name };
  let known = (await rpc("yp.hello")).id === uid;
  if (!known) {
    const answer = await rpc("yp.login", { vars: { ident: email, password: PASSWORD } });
    known = answer.status === "ok";
  }
  if (!known) { me = null; throw new Error("These are the people of `make demo`; " + name + " cannot sign in here."); }
  me.wicket = (await rpc("desk.get_env")).wicket_id;
  sessionStorage.setItem("me", uid);
  document.title = name + " – demo";
  $("me").textContent = "You are " + name;
  $("sign-in").hidden = true;
  $("desk").hidden = $("out").hidden = false;
  showPeople();
  openSocket();
}

async function signOut() {
  if (call) await hangUp();
  await rpc("drumate.logout");
  forget();
}

// Another tab of this person has signed out, or this one.
function forget() {
  me = null;
  sessionStorage.removeItem("me");
  socket?.close();
  location.reload();
}

$("users").append(...USERS.map((user) => {
  const button = element("button", user[1]);
  button.dataset.uid = user[0];
  button.onclick = () => signIn(user).catch(fail);
  return button;
}));
$("out").onclick = () => signOut().catch(fail);
$("accept").onclick = () => accept().catch(fail);
$("decline").onclick = () => decline().catch(fail);
$("hangup").onclick = () => hangUp().catch(fail);
$("mute").onclick = () => toggle($("mute"), call.stream.getAudioTracks());
$("camera").onclick = () => toggle($("camera"), call.stream.getVideoTracks());
addEventListener("pagehide", () => {
  if (!call?.room_id) return;
  const body = new Blob([JSON.stringify({ ...here(), keysel: keysel() })], { type: "application/json" });
  navigator.sendBeacon("/-/svc/conference." + (call.mine && !call.accepted ? "cancel" : "leave"), body);
});
const before = USERS.find(([uid]) => uid === sessionStorage.getItem("me"));
if (before) signIn(before).catch(fail);
