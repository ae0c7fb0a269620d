// Microphone, camera and screen of this device.

import { emit } from "./state.js";

export const media = {
  audio: null, // MediaStreamTrack, or null without a microphone
  camera: null,
  screen: null,
  muted: false,
  get picture() {
    return this.screen ?? this.camera;
  },
};

/** State of the devices, as the others in a room learn it. */
export const deviceState = (type) => ({
  type,
  audio: Number(Boolean(media.audio) && !media.muted),
  muted: Number(media.muted || !media.audio),
  video: Number(Boolean(media.camera)),
  screen: Number(Boolean(media.screen)),
});

/** Open what there is, and may be used; return what is missing, in words. */
export async function openMedia() {
  const wishes = [{ audio: true, video: true }, { audio: true }, { video: true }];
  let stream = null;
  if (!media.audio && !media.camera) {
    for (const wish of wishes) {
      stream = await navigator.mediaDevices?.getUserMedia(wish).catch(() => null);
      if (stream) break;
    }
    media.audio = stream?.getAudioTracks()[0] ?? null;
    media.camera = stream?.getVideoTracks()[0] ?? null;
    media.muted = false;
    emit("media");
  }
  if (media.audio && media.camera) return "";
  if (media.audio) return "No camera: the others see your initials.";
  return media.camera
    ? "No microphone: the others cannot hear you."
    : "No camera or microphone, or no permission: the others see your initials.";
}

export function closeMedia() {
  for (const track of [media.audio, media.camera, media.screen]) track?.stop();
  Object.assign(media, { audio: null, camera: null, screen: null, muted: false });
  emit("media");
}

export function setMuted(muted) {
  media.muted = muted;
  if (media.audio) media.audio.enabled = !muted;
  emit("media");
}

/** Switch the camera off, or on again. Off means that its light goes out. */
export async function toggleCamera() {
  if (media.camera) {
    media.camera.stop();
    media.camera = null;
  } else {
    const stream = await navigator.mediaDevices.getUserMedia({ video: true });
    media.camera = stream.getVideoTracks()[0];
  }
  emit("media");
}

export async function toggleScreen() {
  if (media.screen) return stopScreen();
  const stream = await navigator.mediaDevices.getDisplayMedia({ video: true });
  media.screen = stream.getVideoTracks()[0];
  // The browser has a button of its own to end it.
  media.screen.addEventListener("ended", stopScreen);
  emit("media");
}

function stopScreen() {
  media.screen?.stop();
  media.screen = null;
  emit("media");
}

/** Play a short melody every two seconds, where the browser allows sound; return what ends it. */
export function melody(notes) {
  const audio = new AudioContext();
  const play = () =>
    notes.forEach((frequency, number) => {
      const voice = new OscillatorNode(audio, { frequency }),
        gain = new GainNode(audio, { gain: 0.05 });
      voice.connect(gain).connect(audio.destination);
      voice.start(audio.currentTime + number * 0.25);
      voice.stop(audio.currentTime + number * 0.25 + 0.2);
    });
  const timer = setInterval(play, 2000);
  play();
  return () => {
    clearInterval(timer);
    audio.close();
  };
}
