// Three sounds told apart by rhythm; a browser lets them out only after a person has pressed "试听".
import { t } from "/static/text.js";
import { say } from "/static/element.js";

// [start s, length s, Hz]; urgent: three quick rising pulses twice; important: two slow; notice: one soft.
const RHYTHMS = {
  critical: [0, 0.2, 0.4, 1, 1.2, 1.4].map((s, i) => [s, 0.15, [740, 880, 1040][i % 3]]),
  warning: [0, 0.5].map((s) => [s, 0.35, 620]),
  notice: [[0, 0.3, 440]],
};
const REPEAT_MS = 20_000;
let audio = null;
let repeated = 0;

const button = document.getElementById("sound");
const state = document.getElementById("sound-state");

export const armed = () => audio !== null && audio.state === "running";

function show() {
  button.dataset.armed = armed() ? "yes" : "no";
  say(button, t(armed() ? "sound.again" : "sound.listen"));
  state.dataset.armed = armed() ? "yes" : "no";
  say(state, t(armed() ? "sound.on" : "sound.off"));
}

/** Play a rhythm now; true when it could be heard. */
export function play(name) {
  document.body.dataset.sounded = `${name} ${Date.now()}`;
  if (!armed()) return false;
  for (const [start, length, pitch] of RHYTHMS[name] ?? RHYTHMS.notice) {
    const tone = audio.createOscillator();
    const loud = audio.createGain();
    const at = audio.currentTime + start;
    tone.frequency.value = pitch;
    loud.gain.setValueAtTime(0, at);
    loud.gain.linearRampToValueAtTime(name === "notice" ? 0.25 : 0.6, at + 0.02);
    loud.gain.setValueAtTime(name === "notice" ? 0.25 : 0.6, at + length - 0.04);
    loud.gain.linearRampToValueAtTime(0, at + length);
    tone.connect(loud).connect(audio.destination);
    tone.start(at);
    tone.stop(at + length);
  }
  return true;
}

/** Sound an alert's arrival: once per incident. */
const rhythm = (severity) => (severity === "critical" || severity === "warning" ? severity : "notice");
export function arrive(severity) {
  if (severity === "critical") repeated = Date.now();
  play(rhythm(severity));
}

/** Call often: repeats the urgent sound every 20 s while a person has not acknowledged. */
export function keep(urgentWaiting) {
  if (urgentWaiting && Date.now() - repeated >= REPEAT_MS) {
    repeated = Date.now();
    play("critical");
  }
  show();
}

async function arm() {
  audio ??= new AudioContext();
  await audio.resume();
  show();
  play("critical");
}

button.addEventListener("click", arm);
show();
