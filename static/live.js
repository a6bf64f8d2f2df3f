// Live blocks: an event names what changed, and each block that shows it is fetched again and morphed in.
// All tabs of a browser share one stream (stream.js); a hidden tab leaves it at once.

import { find, findAll, say } from "./dom.js";

// A block waits a moment for events that come together, and never longer than this for one that came.
const GATHER_MS = 120;
const LONGEST_WAIT_MS = 2000;
// A block is fetched no more often than this, so that one change is seen within a second; while several come between two
// fetches, it rests longer. Each gap is a little longer by chance, so that a company's open pages don't all ask at once.
const CALM_GAP_MS = 500;
const BUSY_GAP_MS = 1000;
const LONGER_BY_CHANCE = 0.4;
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 30000;
// A stream that is away for so long is said; most come back before.
const SAY_LOST_MS = 3000;
const PING_MS = 20000;

// While a block is refreshed, and while an answer comes into one that keeps what is typed (data-keeps-typed), fields that
// somebody changed stay as they are.
let refreshing = false, keeping = false;
export function setRefreshing(isLive, target) {
  refreshing = isLive;
  keeping = isLive || Boolean(target?.matches?.("[data-keeps-typed]"));
}

const states = new WeakMap();
const failed = new Set();
const liveBlocks = () => findAll("[data-live]");
const topicsOf = (block) => block.dataset.live.split(" ");

function stateOf(block) {
  if (!states.has(block)) {
    states.set(block, { timer: 0, since: 0, heard: 0, fetchedAt: 0, gapMs: 0, retryMs: FIRST_RETRY_MS, running: false, again: false });
  }
  return states.get(block);
}

function refresh(block) {
  const state = stateOf(block);
  state.heard += 1;
  if (state.running) { state.again = true; return; }
  const now = Date.now();
  state.since ||= now;
  const gathered = Math.max(now + GATHER_MS, state.fetchedAt + state.gapMs);
  plan(block, Math.min(gathered, state.since + LONGEST_WAIT_MS) - now);
}

function plan(block, ms) {
  const state = stateOf(block);
  clearTimeout(state.timer);
  state.timer = setTimeout(() => fetchBlock(block), Math.max(0, ms));
}

async function fetchBlock(block) {
  const state = stateOf(block);
  // Meanwhile it may have been opened for editing, and is fetched no more.
  if (!block.isConnected || !("live" in block.dataset) || document.hidden) { forget(block); return; }
  const { say: before, liveUrl: url } = block.dataset;
  const rest = state.heard > 1 ? BUSY_GAP_MS : CALM_GAP_MS;
  Object.assign(state, { running: true, again: false, since: 0, heard: 0, failed: false });
  try {
    await htmx.ajax("GET", url, { source: block, target: block, swap: "outerMorph", push: "false", replace: "false", live: url, headers: { "X-Live": "1" } });
  } catch { state.failed = true; }
  Object.assign(state, { running: false, fetchedAt: Date.now(), gapMs: rest * (1 + Math.random() * LONGER_BY_CHANCE) });
  if (state.failed) {
    failed.add(block);
    plan(block, state.retryMs);
    state.retryMs = Math.min(LONGEST_RETRY_MS, state.retryMs * 2);
  } else {
    forget(block);
    state.retryMs = FIRST_RETRY_MS;
    if (block.dataset.say !== before) say(block.dataset.say);
    // Somebody went on to another page of the list meanwhile, which this answer was not for.
    if (state.again || block.dataset.liveUrl !== url) refresh(block);
  }
  showMark();
}

function forget(block) {
  failed.delete(block);
  stateOf(block).since = 0;
}

const fail = (ctx) => { if (ctx?.live && ctx.sourceElement) stateOf(ctx.sourceElement).failed = true; };
document.addEventListener("htmx:error", ({ detail }) => fail(detail.ctx));
document.addEventListener("htmx:response:error", ({ detail }) => fail(detail.ctx));

const refreshAll = () => liveBlocks().forEach(refresh);
const refreshTopic = (topic) => liveBlocks().filter((block) => topicsOf(block).includes(topic)).forEach(refresh);

// The quiet mark: what stands here may be old. It says nothing while everything is live.
let isLost = false, lostTimer;
function showMark() {
  for (const block of failed) if (!block.isConnected) failed.delete(block);
  const mark = find("#not-live");
  if (mark) mark.hidden = !(isLost || failed.size) || !liveBlocks().length;
}

function noteStream(isOpen) {
  clearTimeout(lostTimer);
  if (isOpen) { isLost = false; showMark(); return; }
  lostTimer = setTimeout(() => { isLost = true; showMark(); }, SAY_LOST_MS);
}

const handlers = {
  event: ({ topic }) => refreshTopic(topic),
  resync: refreshAll,
  open: () => noteStream(true),
  lost: () => noteStream(false),
};
const hear = (message) => handlers[message.kind]?.(message);

// The stream itself: a worker that all tabs share, or where there is none this tab's own.
let port, stream, pinger;

function openPort() {
  if (port || stream) return;
  if ("SharedWorker" in window) {
    try {
      const worker = new SharedWorker(document.body.dataset.stream, { name: "live" });
      port = worker.port;
      port.onmessage = ({ data }) => hear(data);
      worker.onerror = () => { clearInterval(pinger); pinger = port = undefined; stream = {}; connect(); };
      return;
    } catch { port = undefined; }
  }
  stream = {};
}

export async function connect({ asks = false } = {}) {
  const blocks = liveBlocks();
  const address = document.body.dataset.events;
  if (!address || !blocks.length || document.hidden) { disconnect(); return; }
  openPort();
  const message = { kind: "watch", address, topics: [...new Set(blocks.flatMap(topicsOf))] };
  if (port) {
    port.postMessage({ ...message, asks });
    pinger ??= setInterval(() => port.postMessage(message), PING_MS);
  } else {
    await import(document.body.dataset.stream);
    stream.own ??= new globalThis.LiveStream(hear);
    stream.own.watch("own", { ...message, asks });
  }
}

function disconnect() {
  clearTimeout(lostTimer);
  clearInterval(pinger);
  pinger = undefined;
  port?.postMessage({ kind: "leave" });
  stream?.own?.leave("own");
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) { disconnect(); return; }
  refreshAll();
  connect();
});
addEventListener("pagehide", disconnect);
addEventListener("pageshow", (event) => { if (event.persisted) { refreshAll(); connect(); } });
addEventListener("offline", () => noteStream(false));
addEventListener("online", () => { for (const block of liveBlocks()) plan(block, 0); connect({ asks: true }); });

// What was typed came back with a refusal: it equals its default then, and is typed all the same.
export function keepRefused(area) {
  for (const field of findAll("input:not([type=hidden]), textarea, select", area)) field.dataset.refused = "";
}

const isChanged = (field) => field === document.activeElement || "refused" in field.dataset
  || (field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked
    : field.matches("select") ? [...field.options].some((option) => option.selected !== option.defaultSelected)
      : field.value !== field.defaultValue);

htmx.registerExtension("live", {
  // A field somebody is filling in stays as it is; a box whose row became another one is not ticked for it.
  // What the last scan was stays said until the next one, whatever changes meanwhile.
  htmx_before_morph_node: (_, { oldNode, newNode }) => {
    if (refreshing && oldNode.matches?.("[data-said]")) return false;
    if (refreshing && oldNode.matches?.("details")) newNode.open = oldNode.open;
    if (!oldNode.matches?.("input, textarea, select")) return true;
    if (oldNode.type === "checkbox" && oldNode.value !== newNode.value) { oldNode.checked = newNode.checked; return true; }
    return !(keeping && oldNode.type !== "hidden" && isChanged(oldNode));
  },
});
