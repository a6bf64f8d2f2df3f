// What the pages need beyond htmx: keys, toasts, dialogs, ticked rows, busy buttons, live blocks and spoken changes.
// Every page works without it. Nothing here is evaluated from attributes: the security policy forbids that.

const find = (selector, root = document) => root.querySelector(selector);
const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];
const isShown = (element) => element.checkVisibility?.({ visibilityProperty: true }) ?? element.offsetParent !== null;
const isTyping = (element) => element?.matches?.("input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]");

// ---- Speaking: one region tells screen readers what changed without a move of the focus ----
let sayTimer;
function say(text) {
  const region = find("#said");
  if (!region || !text) return;
  region.textContent = "";
  clearTimeout(sayTimer);
  sayTimer = setTimeout(() => { region.textContent = text; }, 100);
}

// ---- Toasts: ten seconds, and the clock stands still while one is hovered or holds the focus ----
const TOAST_MS = 10000;
const clocks = new WeakMap();

function startToast(toast) {
  const clock = clocks.get(toast) ?? { left: TOAST_MS };
  clearTimeout(clock.timer);
  clock.since = performance.now();
  clock.timer = setTimeout(() => closeToast(toast), clock.left);
  clocks.set(toast, clock);
}

function pauseToast(toast) {
  const clock = clocks.get(toast);
  if (!clock) return;
  clearTimeout(clock.timer);
  clock.left = Math.max(1000, clock.left - (performance.now() - clock.since));
}

function closeToast(toast) {
  const hadFocus = toast.contains(document.activeElement);
  toast.remove();
  if (hadFocus) find("#main")?.focus({ preventScroll: true });
}

function showToast({ text, undo, tone }) {
  const region = find("#toasts");
  const template = find(undo ? "#toast-undo" : "#toast-plain");
  if (!region || !template) return;
  const toast = template.content.firstElementChild.cloneNode(true);
  find("[data-toast-text]", toast).textContent = text;
  if (tone && tone !== "good") find(".icon", toast).setAttribute("class", `icon tone-icon tone-${tone}`);
  if (undo) {
    const form = find("form", toast);
    form.setAttribute("action", undo);
    form.setAttribute("hx-post", undo);
  }
  region.append(toast);
  htmx.process(toast);
  startToast(toast);
}

function armToasts(root) {
  for (const toast of findAll("#toasts [data-toast]", root)) {
    if (clocks.has(toast)) continue;
    startToast(toast);
    say(find("[data-toast-text]", toast).textContent);
  }
}

const eachToast = (act) => (event) => {
  if (event.target.closest?.("#toasts")) findAll("#toasts [data-toast]").forEach(act);
};
document.addEventListener("mouseover", eachToast(pauseToast));
document.addEventListener("mouseout", eachToast((toast) => toast.parentElement.matches(":hover") || startToast(toast)));
document.addEventListener("focusin", eachToast(pauseToast));
document.addEventListener("focusout", eachToast(startToast));
document.addEventListener("app:toasts", (event) => event.detail.toasts.forEach(showToast));

// ---- Dialogs: htmx loads the page of a confirmation into the one dialog; closing it empties it ----
document.addEventListener("click", (event) => {
  const closer = event.target.closest("[data-toast-close], [data-dialog-close]");
  if (closer?.matches("[data-toast-close]")) closeToast(closer.closest("[data-toast]"));
  const dialog = event.target.closest("dialog");
  if (dialog && closer?.matches("[data-dialog-close]")) {
    event.preventDefault();
    dialog.close();
  } else if (dialog && event.target === dialog) {
    dialog.close();
  }
});
// The event comes a frame late: by then the dialog may hold, and show, what was asked for next.
let inDialog;
document.addEventListener("close", ({ target }) => {
  if (target.id === "dialog" && !target.open && target.firstElementChild === inDialog) target.replaceChildren();
}, true);

function openDialog() {
  const dialog = find("#dialog");
  if (!dialog) return;
  if (!dialog.childElementCount) { if (dialog.open) dialog.close(); return; }
  inDialog = dialog.firstElementChild;
  if (!dialog.open) dialog.showModal();
}

// ---- Forms: a button that was pressed waits for its answer; the first wrong field gets the focus ----
const submitsOf = (form) => [...form.elements].filter((element) => element.type === "submit");

function setBusy(form, busy) {
  for (const button of submitsOf(form)) {
    if (busy && !button.disabled) { button.disabled = true; button.dataset.busy = ""; }
    if (!busy && "busy" in button.dataset) { button.disabled = false; delete button.dataset.busy; }
  }
  form.toggleAttribute("aria-busy", busy);
}

const formOf = (element) => (element?.matches?.("form") ? element : element?.form ?? null);
const changesSomething = (form) => form && form.method !== "get" && !("noBusy" in form.dataset);

// An act may end on the page that it began on: then the history gets no step, and scroll and focus stay where they were.
let pressed = "", stays = false;

function describePlace(form, submitter) {
  const asked = form.closest("dialog") && form.getAttribute("action");
  const at = submitter ?? document.activeElement;
  return asked ? `[hx-get="${CSS.escape(asked)}"]` : at?.id && form.contains(at) ? `#${CSS.escape(at.id)}` : "";
}

function focusPressed() {
  const place = stays && pressed ? findAll(pressed) : [];
  const beside = place.flatMap((element) => findAll("button", element.closest("form") ?? element));
  const back = [...place, ...beside].find((element) => isShown(element) && !element.disabled);
  (back ?? find("#main"))?.focus({ preventScroll: true });
}

document.addEventListener("htmx:before:history:update", ({ detail: { history } }) => {
  stays = history.type === "push" && history.path === location.pathname + location.search;
  if (stays) history.type = "replace";
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  pressed = describePlace(form, event.submitter);
  // The button is disabled a moment later, so that its own name and value are sent.
  setTimeout(() => { if (!event.defaultPrevented && changesSomething(form) && form.method !== "dialog") setBusy(form, true); });
});
document.addEventListener("htmx:before:request", (event) => {
  const form = formOf(event.detail.ctx.sourceElement);
  if (changesSomething(form)) setBusy(form, true);
});
document.addEventListener("htmx:finally:request", (event) => {
  const form = formOf(event.detail.ctx.sourceElement);
  if (form && !event.detail.ctx.hx?.location) setBusy(form, false);
});
addEventListener("pageshow", () => findAll("form[aria-busy]").forEach((form) => setBusy(form, false)));

function focusFirstError(area = document) {
  const field = findAll("[aria-invalid=true]", area).find(isShown);
  const problem = field ?? findAll("[role=alert]", area === document ? find("main") : area).find(isShown);
  if (!problem) return;
  if (!field) problem.tabIndex = -1;
  problem.focus();
}

// An empty filter is no filter: it stays out of the address.
document.addEventListener("htmx:config:request", (event) => {
  const { request, sourceElement } = event.detail.ctx;
  if (request.method !== "GET" || !sourceElement.matches?.("form")) return;
  for (const [name, value] of [...request.body]) if (value === "") request.body.delete(name);
});

// ---- Ticked rows: how many, how much, and which acts all of them allow ----
const money = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });

function countTicked(form) {
  const bar = find("[data-bulk]", form);
  if (!bar) return;
  const boxes = [...form.elements].filter((element) => element.type === "checkbox");
  const all = findAll("[data-select-all]").find((box) => box.getAttribute("form") === form.id || form.contains(box));
  const rows = boxes.filter((box) => box !== all);
  const ticked = rows.filter((box) => box.checked);
  if (all) { all.checked = rows.length > 0 && ticked.length === rows.length; all.indeterminate = ticked.length > 0 && !all.checked; }
  find("[data-bulk-count]", bar).textContent = `${ticked.length} selected`;
  const cents = ticked.reduce((sum, box) => sum + Math.round(Number(box.dataset.amount ?? 0) * 100), 0);
  find("[data-bulk-sum]", bar).textContent = ticked.some((box) => box.dataset.amount) ? money.format(cents / 100).replace("-", "−") : "";
  const reasons = [];
  for (const button of findAll("[data-needs]", bar)) {
    const refused = ticked.filter((box) => !(box.dataset.allows ?? "").split(" ").includes(button.dataset.needs)).length;
    button.disabled = refused > 0;
    if (refused) reasons.push(`${button.textContent.trim()}: not for ${refused} of them`);
  }
  find("[data-bulk-why]", bar).textContent = reasons.join("; ");
}

document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.matches("[data-select-all]") && box.form) {
    for (const other of box.form.elements) if (other.type === "checkbox" && other !== box && isShown(other)) other.checked = box.checked;
  }
  if (box.type === "checkbox" && box.form) countTicked(box.form);
  if (box.matches("[data-theme-choice]")) { localStorage.setItem("theme", box.value); dispatchEvent(new Event("app:theme")); }
  if (box.matches("[data-keys-switch]")) localStorage.setItem("keys", box.checked ? "on" : "off");
});
document.addEventListener("reset", (event) => setTimeout(() => countTicked(event.target)));

// ---- Keys: an element with data-key is pressed (a field: focused) by its key; lists move with j, k, x ----
const keysAreOn = () => localStorage.getItem("keys") !== "off";

function focusSearch() {
  const search = find("[data-search]");
  if (!search) return;
  if (!isShown(search)) find("#side")?.showPopover?.();
  search.focus();
  search.select();
}

function textWithoutKeys(element) {
  const copy = element.cloneNode(true);
  findAll(".key", copy).forEach((key) => key.remove());
  return copy.textContent.trim();
}

function showShortcuts() {
  const dialog = find("#shortcuts");
  if (!dialog || dialog.open) return;
  const list = find("[data-shortcut-list]", dialog);
  findAll("[data-of-page]", list).forEach((line) => line.remove());
  for (const element of findAll("main [data-key]").filter(isShown)) {
    const word = document.createElement("dt");
    const keys = document.createElement("dd");
    word.textContent = element.dataset.keyWord ?? element.getAttribute("aria-label") ?? textWithoutKeys(element);
    for (const part of element.dataset.key.split("+")) {
      const key = document.createElement("kbd");
      key.className = "key";
      key.textContent = part.length === 1 ? part.toUpperCase() : part[0].toUpperCase() + part.slice(1);
      keys.append(key, " ");
    }
    word.dataset.ofPage = keys.dataset.ofPage = "";
    list.prepend(word, keys);
  }
  find("[data-keys-switch]", dialog).checked = keysAreOn();
  dialog.showModal();
}

const rowLinks = () => findAll("main tbody tr").filter(isShown).map((row) => find("a[href]", row)).filter(Boolean);

function moveRow(step) {
  const links = rowLinks();
  const at = links.findIndex((link) => link.closest("tr").contains(document.activeElement));
  const next = links[at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step))];
  next?.focus();
  next?.closest("tr").scrollIntoView({ block: "nearest" });
}

const LIST_KEYS = {
  "/": focusSearch,
  "?": showShortcuts,
  j: () => moveRow(1),
  k: () => moveRow(-1),
  x: () => find("input[type=checkbox]", document.activeElement.closest("tr") ?? document.createElement("tr"))?.click(),
};

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.altKey || event.defaultPrevented) return;
  const withControl = event.ctrlKey || event.metaKey;
  const key = (withControl ? "ctrl+" : "") + event.key.toLowerCase();
  if (!withControl && (isTyping(event.target) || !keysAreOn() || event.repeat && !"jk".includes(key))) return;
  const modal = find("dialog:modal");
  if (key === "ctrl+k" && !modal) { event.preventDefault(); focusSearch(); return; }
  const wanted = findAll(`[data-key="${CSS.escape(key)}"]`, modal ?? document).filter((element) => isShown(element) && !element.disabled);
  const element = wanted.at(-1);
  const act = element ? () => (isTyping(element) ? (element.focus(), element.select?.()) : element.click()) : modal ? null : LIST_KEYS[key];
  if (!act) return;
  event.preventDefault();
  act();
});

// ---- Live blocks: an event names what changed, and each block that shows it is fetched again and morphed in ----
const POLL_MS = 30000;
const CLOSE_HIDDEN_MS = 60000;
let source, hiddenTimer, retryTimer, retryMs, known, refreshing = 0;
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

function connect() {
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

// ---- After every swap ----
document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  // A live block that cannot be fetched stays as it was; the next event or the next return to the tab tries again.
  if (ctx.live && ctx.response?.status >= 400) { event.preventDefault(); return; }
  refreshing = ctx.live ? 1 : 0;
});
document.addEventListener("htmx:finally:swap", () => { refreshing = 0; stays = false; });
document.addEventListener("htmx:after:swap", (event) => {
  const { ctx } = event.detail;
  findAll("form:has([data-bulk])").forEach(countTicked);
  if (ctx.target?.id === "dialog" || find("#dialog")?.childElementCount) openDialog();
  const target = typeof ctx.target === "string" ? find(ctx.target) : ctx.target;
  const area = target?.isConnected ? target : document;
  if (ctx.response?.status >= 400) { focusFirstError(area); return; }
  if (!ctx.live) find("#alerts")?.replaceChildren();
  // Where some rows were kept the answer is no refusal, and the others still wait.
  if (!ctx.live && area !== document.body && find("[aria-invalid=true]", area)) focusFirstError(area);
  if (ctx.target === document.body) {
    if (ctx.push && !stays) scrollTo(0, 0);
    if (!find("[autofocus]")) focusPressed();
    if (!stays) say(document.title);
  }
});
document.addEventListener("htmx:error", (event) => {
  const { ctx } = event.detail;
  const alerts = find("#alerts");
  if (!ctx || ctx.live || ctx.response || !alerts) return;
  const alert = document.createElement("div");
  alert.className = "alert tone-bad mb-0";
  alert.setAttribute("role", "alert");
  alert.textContent = "The server can’t be reached. What you wrote is still here; try again in a moment.";
  alerts.replaceChildren(alert);
});
document.addEventListener("htmx:after:process", (event) => {
  armToasts(event.target === document.body ? document : event.target);
  connect();
});

findAll("form:has([data-bulk])").forEach(countTicked);
for (const choice of findAll("[data-theme-choice]")) choice.value = localStorage.getItem("theme") ?? "auto";
for (const box of findAll("main [data-keys-switch]")) box.checked = keysAreOn();
focusFirstError();
