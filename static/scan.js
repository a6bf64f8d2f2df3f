// The scan field: it keeps the focus, each scan has a key of its own, and a wrong one can be heard.

import { find, findAll, isTyping } from "./dom.js";

const field = () => find("[data-scan-field]");
const soundIsOn = () => localStorage.getItem("scan-sound") !== "off";
let audio;

function beep(pitch, seconds) {
  if (!soundIsOn()) return;
  try {
    audio ??= new AudioContext();
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.value = 0.15;
    tone.connect(volume).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + seconds);
  } catch { /* A browser without sound shows the colour alone. */ }
}

function backToField() {
  const input = field();
  const active = document.activeElement;
  if (!input || find("dialog[open]") || (isTyping(active) && active !== input)) return;
  if (active?.closest?.("a[href], button, summary, .side") && active !== document.body && active.matches(":focus-visible")) return;
  input.focus({ preventScroll: true });
}

function newKeys(form) {
  for (const key of findAll("[name=scan_key]", form)) key.value = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
}

// A browser's own form and one that htmx sends both pass here first, so that what is sent has a fresh key.
document.addEventListener("submit", (event) => newKeys(event.target), true);
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (ctx.sourceElement?.matches?.("form[data-scan]")) { const input = field(); if (input) input.value = ""; }
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (!field()) return;
  if (!ctx.live) {
    const said = find("[data-said]");
    if (said?.dataset.said === "wrong") beep(196, 0.35);
    else if (said?.dataset.said === "complete") beep(1047, 0.18);
    else if (said?.dataset.said === "good") beep(784, 0.07);
  }
  showSwitch();
  backToField();
});
document.addEventListener("pointerup", () => setTimeout(backToField, 50));
document.addEventListener("close", () => setTimeout(backToField, 0), true);

function showSwitch() {
  for (const box of findAll("[data-sound-switch]")) box.checked = soundIsOn();
}
document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-sound-switch]")) localStorage.setItem("scan-sound", target.checked ? "on" : "off");
});
document.addEventListener("click", ({ target }) => { if (target.closest?.("[data-print]")) print(); });
showSwitch();
backToField();
