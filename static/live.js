// Live blocks: an event names what changed, and each block that shows it is fetched again and morphed in.

import { findAll, say } from "./dom.js";

const POLL_MS = 30000;
const CLOSE_HIDDEN_MS = 60000;
let source, hiddenTimer, retryTimer, retryMs, known, refreshing = false;

export function setRefreshing(on) { refreshing = on; }

const waiting = new Map();

const liveBlocks = () => findAll("[data-live]");
const topicsOf = (block) => block.dataset.live.split(" ");

function refresh(block) {
  clearTimeout(waiting.get(block));
  waiting.set(block, setTimeout(async () => {
    waiting.delete(block);
    // Meanwhile it may have been opened for editing, and is fetched no more.
    if (!block.isConnected || !("live" in block.dataset) || document.hidden) return;
    const before = block.dataset.say;
    await htmx.ajax("GET", block.dataset.liveUrl, { source: block, target: block, swap: "outerMorph", push: "false", replace: "false", live: true, headers: { "X-Live": "1" } });
    if (block.dataset.say !== before) say(block.dataset.say);
  }, 120));
}

const refreshAll = () => liveBlocks().forEach(refresh);
const refreshTopic = (topic) => liveBlocks().filter((block) => topicsOf(block).includes(topic)).forEach(refresh);

export function connect() {
  const blocks = liveBlocks();
  const address = document.body.dataset.events;
  if (!address || !blocks.length || document.hidden) return;
  if (!source) {
    known = new Set();
    source = new EventSource(address);
    source.onopen = () => { retryMs = 2000; };
    // Every stream begins with one, so that what changed before it is fetched.
    source.addEventListener("resync", refreshAll);
    source.onerror = () => {
      if (source?.readyState !== EventSource.CLOSED) return;
      disconnect();
      retryMs = Math.min(POLL_MS, (retryMs ?? 2000) * 2);
      retryTimer = setTimeout(() => { refreshAll(); connect(); }, retryMs);
    };
  }
  for (const topic of new Set(blocks.flatMap(topicsOf))) {
    if (known.has(topic)) continue;
    known.add(topic);
    source.addEventListener(topic, () => refreshTopic(topic));
  }
}

function disconnect() {
  clearTimeout(retryTimer);
  source?.close();
  source = undefined;
}

document.addEventListener("visibilitychange", () => {
  clearTimeout(hiddenTimer);
  if (document.hidden) { hiddenTimer = setTimeout(disconnect, CLOSE_HIDDEN_MS); return; }
  refreshAll();
  connect();
});
addEventListener("pagehide", disconnect);
addEventListener("pageshow", (event) => { if (event.persisted) { refreshAll(); connect(); } });

const isChanged = (field) => field === document.activeElement
  || (field.type === "checkbox" || field.type === "radio" ? field.checked !== field.defaultChecked
    : field.matches("select") ? [...field.options].some((option) => option.selected !== option.defaultSelected)
      : field.value !== field.defaultValue);

htmx.registerExtension("live", {
  // A field somebody is filling in stays as it is; a box whose row became another one is not ticked for it.
  htmx_before_morph_node: (_, { oldNode, newNode }) => {
    if (!oldNode.matches?.("input, textarea, select")) return true;
    if (oldNode.type === "checkbox" && oldNode.value !== newNode.value) { oldNode.checked = newNode.checked; return true; }
    return !(refreshing && oldNode.type !== "hidden" && isChanged(oldNode));
  },
});
