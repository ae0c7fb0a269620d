// One connection to one participant: picture and sound from browser to browser ("perfect negotiation").

import { media } from "./media.js";

/** Tells a page from the one that it was before a reload: connections do not survive it. */
const PAGE = crypto.randomUUID?.() ?? String(Math.random());
const BATCH = 60;
/** Milliseconds in which candidates are collected: each message is one call of the service. */

export class Link {
  /** offers: this side has come later, and makes the first offer. polite: it gives way when both offer. */
  constructor({ offers, polite, iceServers, send, changed }) {
    Object.assign(this, { offers, polite, iceServers, send, changed });
    this.stream = new MediaStream();
    this.work = Promise.resolve();
    this.page = null;
    this.#open(offers);
  }

  get state() {
    return this.pc.connectionState;
  }

  #open(offers) {
    const pc = (this.pc = new RTCPeerConnection({ iceServers: this.iceServers }));
    Object.assign(this, { offering: false, ignoring: false, early: [], candidates: [] });
    for (const track of this.stream.getTracks()) this.stream.removeTrack(track);
    pc.onicecandidate = ({ candidate }) => candidate && this.#collect(candidate);
    pc.ontrack = ({ track }) => {
      this.stream.addTrack(track);
      this.changed();
    };
    pc.onconnectionstatechange = () => this.#moved(pc);
    pc.onnegotiationneeded = () => this.#offer(pc);
    if (offers) {
      for (const [kind, track] of this.#local()) pc.addTransceiver(track ?? kind, { direction: "sendrecv" });
    }
  }

  close() {
    this.pc.close();
    clearTimeout(this.timer);
  }

  /** Send what the microphone, camera or screen now gives. */
  refresh() {
    for (const [kind, track] of this.#local())
      this.#line(kind)
        ?.sender.replaceTrack(track)
        .catch(() => {});
  }

  /** Handle messages of the other side one after the other. */
  receive(message) {
    this.work = this.work.then(() => this.#handle(message)).catch((error) => console.warn(error));
    return this.work;
  }

  #local() {
    return [
      ["audio", media.audio],
      ["video", media.picture],
    ];
  }

  #line(kind) {
    return this.pc.getTransceivers().find((line) => line.mid !== null && line.receiver.track.kind === kind);
  }

  #collect(candidate) {
    this.candidates.push(candidate);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#tell("CANDIDATE", { candidates: this.candidates.splice(0) }), BATCH);
  }

  #tell(event, content) {
    // In order: an answer must not overtake the candidates of an earlier offer.
    this.sending = (this.sending ?? Promise.resolve())
      .then(() => this.send(event, { ...content, page: PAGE }))
      .catch((error) => console.warn(error));
  }

  #moved(pc) {
    if (pc !== this.pc) return;
    if (pc.connectionState === "failed" && this.offers) pc.restartIce();
    this.changed();
  }

  async #offer(pc) {
    if (pc !== this.pc) return;
    this.offering = true;
    try {
      await pc.setLocalDescription();
      this.#tell("OFFER", { description: pc.localDescription });
    } catch (error) {
      if (pc === this.pc) console.warn(error);
    } finally {
      this.offering = false;
    }
  }

  async #handle({ page, description, candidates = [] }) {
    if (page !== this.page && description?.type === "offer") {
      // The other side has reloaded: what was agreed with its former page is void.
      if (this.page) this.#renew();
      this.page = page;
    }
    this.page ??= page;
    if (page !== this.page) return;
    if (description) await this.#describe(description);
    for (const candidate of candidates) await this.#add(candidate);
  }

  #renew() {
    this.pc.close();
    this.#open(false);
  }

  async #describe(description) {
    const isOffer = description.type === "offer";
    const collides = isOffer && (this.offering || this.pc.signalingState !== "stable");
    this.ignoring = collides && !this.polite;
    if (this.ignoring || (!isOffer && this.pc.signalingState !== "have-local-offer")) return;
    // Nothing is connected yet: begin anew instead of a rollback, which would leave empty lines behind.
    if (collides && !this.pc.remoteDescription) this.#renew();
    await this.pc.setRemoteDescription(description);
    for (const candidate of this.early.splice(0)) await this.#add(candidate);
    if (!isOffer) return;
    for (const [kind, track] of this.#local()) {
      const line = this.#line(kind);
      if (!line) continue;
      line.direction = "sendrecv";
      await line.sender.replaceTrack(track);
    }
    await this.pc.setLocalDescription();
    this.#tell("ANSWER", { description: this.pc.localDescription });
  }

  async #add(candidate) {
    if (!this.pc.remoteDescription) this.early.push(candidate);
    // One that belongs to an offer which nobody has taken is of no use.
    else await this.pc.addIceCandidate(candidate).catch((error) => this.ignoring || console.warn(error));
  }
}
