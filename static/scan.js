// The scan field: it keeps the focus, each scan has a key of its own, and a wrong one can be heard. A scanner types faster
// than answers come: what it ends with Enter waits in line, and the field is free for the next code at once.

import { find, findAll, isTyping } from "./dom.js";
import { pressKey } from "./keys.js";

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

const newKey = () => crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;

function newKeys(form) {
  for (const key of findAll("[name=scan_key]", form)) key.value = newKey();
}

const READ_MS = 1200, RETRY_MS = 2000;
const line = [];
let sent = null, passes = false, pause = 0;

// One scan is sent at a time, in the order they were made; a wrong one stands long enough to be read.
function sendNext() {
  clearTimeout(pause);
  const form = find("form[data-scan][hx-post]");
  if (sent || !form) return;
  // Enter alone and a bare number are about the page that they were typed on.
  while (line.length && line[0].page !== form.action && /^\s*\d{0,3}\s*$/.test(line[0].code)) line.shift();
  if (!line.length) return;
  sent = line.shift();
  passes = true;
  form.requestSubmit();
  passes = false;
}
const sendSoon = (wait = 0) => { clearTimeout(pause); pause = setTimeout(sendNext, wait); };
const isScan = (ctx) => ctx.sourceElement?.matches?.("form[data-scan][hx-post]");

// A browser's own form and one that htmx sends both pass here first, so that what is sent has a fresh key.
document.addEventListener("submit", (event) => {
  const { target: form } = event, input = field();
  if (passes || event.submitter || !form.matches("form[data-scan][hx-post]") || !input) { newKeys(form); return; }
  event.preventDefault();
  event.stopImmediatePropagation();
  line.push({ code: input.value, key: newKey(), page: form.action });
  input.value = "";
  // Later: a form sends nothing from within its own sending.
  if (!sent && line.length === 1) sendSoon();
}, true);
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  if (!sent || !isScan(ctx)) return;
  ctx.request.body.set("code", sent.code);
  ctx.request.body.set("scan_key", sent.key);
});
// A scan that the server never answered is sent again under its key, which counts once.
document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
  if (ctx && !ctx.response && sent && isScan(ctx)) { line.unshift(sent); ctx.failed = true; }
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (!sent || !isScan(ctx)) return;
  sent = null;
  if (ctx.failed) sendSoon(RETRY_MS);
  // Another page is on its way; what was scanned meanwhile is for that one.
  else if (!ctx.hx?.location) sendSoon(ctx.response?.status === 422 ? READ_MS : 0);
});
document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
  if (!field()) return;
  if (ctx.target === document.body) sendSoon();
  if (!ctx.live) {
    const said = find("[data-said]");
    if (said?.dataset.said === "wrong") beep(196, 0.35);
    else if (said?.dataset.said === "complete") beep(1047, 0.18);
    else if (said?.dataset.said === "good") beep(784, 0.07);
  }
  showSwitch();
  backToField();
});
// A letter that comes alone is a key of the page, several in a row are a code; both wherever the focus is, so that a
// scanner presses no keys.
const ALONE_MS = 100;
let alone = 0;

document.addEventListener("keydown", (event) => {
  const input = field(), { key, target } = event;
  clearTimeout(alone);
  if (!input || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || key.length !== 1 || key === " ") return;
  if (find("dialog:modal") || isTyping(target) && target !== input) return;
  if (target !== input) {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.repeat) return;
    input.focus({ preventScroll: true });
    input.value += key;
  } else if (input.value) return;
  alone = setTimeout(() => {
    if (input.value !== key) return;
    input.value = "";
    if (target !== input) target.focus?.({ preventScroll: true });
    if (!pressKey(key.toLowerCase())) { input.focus({ preventScroll: true }); input.value = key; }
  }, ALONE_MS);
}, true);
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
