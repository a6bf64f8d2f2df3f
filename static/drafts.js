// Drafts: a form with data-draft is kept as one types, and is there again after a reload, on another machine, after a crash.
// Two tabs on one form keep a draft each: the server gives the one that is behind a new row.

import { find, findAll } from "./dom.js";

const WAIT_MS = 400;
const states = new Map();
// Forms that were looked after: a live page that is morphed keeps the element, and with it what is being typed.
const seen = new WeakSet();
const stateOf = (form) => states.get(form.dataset.draft) ?? begin(form);
const read = (form) => [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !SKIPPED.has(name) && isKept(form.elements[name]));
const SKIPPED = new Set(["csrf_token", "draft_id", "act", "step"]);
// What a draft began with: so the server sees, and merges, what a colleague has changed since.
const BASIS = new Set(["version", "_opened"]);
// Passwords are not kept, and the letters of a search are not part of the record.
const isKept = (field) => field?.type !== "password" && field?.role !== "searchbox";
const write = (form) => JSON.stringify(read(form));

function begin(form) {
  const { draft, draftId, draftVersion } = form.dataset;
  const state = { id: Number(draftId) || null, version: Number(draftVersion) || null, last: write(form), saving: null, failed: false };
  states.set(draft, state);
  return state;
}

// A draft that parted from another one is another order: its key, under which it is placed once, is its own too.
function renewKey(form) {
  const field = form.elements.form_key;
  if (field) field.value = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function save(form) {
  const state = stateOf(form);
  clearTimeout(state.timer);
  const fields = write(form);
  if (state.sending || fields === state.last) return;
  if (state.saving) { state.again = true; return; }
  const body = new URLSearchParams({ page: form.dataset.draft, fields });
  if (state.id) { body.set("draft_id", state.id); body.set("version", state.version); }
  const headers = { "X-CSRF-Token": find("meta[name=csrf-token]").content };
  state.saving = fetch("/portal/drafts", { method: "POST", body, headers, keepalive: fields.length < 50000, redirect: "error" });
  try {
    const answer = await state.saving;
    if (!answer.ok) throw new Error(String(answer.status));
    const { id, version, is_own: isOwn } = await answer.json();
    if (isOwn) renewKey(form);
    Object.assign(state, { id, version, last: fields, failed: false });
  } catch {
    state.failed = true;
  }
  state.saving = null;
  if (state.again) { state.again = false; save(form); }
}

function schedule(form) {
  const state = stateOf(form);
  clearTimeout(state.timer);
  state.timer = setTimeout(() => { if (form.isConnected) save(form); }, WAIT_MS);
}

function fill(form, pairs) {
  const taken = new Map();
  for (const [name, value] of pairs) {
    const all = findAll(`[name="${CSS.escape(name)}"]`, form).filter((field) => field.type !== "hidden" || BASIS.has(name));
    if (["checkbox", "radio"].includes(all[0]?.type)) {
      for (const box of all) box.checked = pairs.some(([other, text]) => other === name && text === box.value);
      continue;
    }
    const at = taken.get(name) ?? 0;
    taken.set(name, at + 1);
    const field = all[at];
    if (!field || field.value === value) continue;
    field.value = value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function showBar(form, { id, saved_at: savedAt, others }) {
  const template = find("#draft-bar");
  if (!template || find("[data-draft-bar]")) return;
  const bar = template.content.firstElementChild.cloneNode(true);
  const when = new Date(savedAt).toLocaleString("en-US", { month: "short", day: "numeric", hour: "numeric", minute: "2-digit" });
  find("[data-draft-when]", bar).textContent = when;
  find("[data-draft-others]", bar).textContent = others ? `${others} more of this form.` : "";
  const discard = find("form", bar);
  for (const name of ["action", "hx-post"]) discard.setAttribute(name, `/portal/drafts/${id}/discard`);
  form.before(bar);
  htmx.process(bar);
}

async function restore(form) {
  if (seen.has(form)) return;
  seen.add(form);
  const state = begin(form);
  // The page itself brought it back, or shows what was refused a moment ago.
  if (state.id || "draftHere" in form.dataset || find("[aria-invalid=true]", form)) return;
  const wanted = new URLSearchParams(location.search).get("draft");
  const query = new URLSearchParams({ page: form.dataset.draft, ...(wanted ? { draft: wanted } : {}) });
  const answer = await fetch(`/portal/drafts.json?${query}`, { headers: { Accept: "application/json" } });
  const { draft } = answer.ok ? await answer.json() : { draft: null };
  if (!draft || write(form) !== state.last) return;
  fill(form, draft.fields);
  Object.assign(state, { id: draft.id, version: draft.version, last: write(form) });
  showBar(form, draft);
}

const formOf = (element) => element?.closest?.("form[data-draft]");
export const restoreAll = () => findAll("form[data-draft]").forEach(restore);

document.addEventListener("input", ({ target }) => { const form = formOf(target); if (form) schedule(form); });
document.addEventListener("change", ({ target }) => { const form = formOf(target); if (form) schedule(form); });
document.addEventListener("formdata", ({ target, formData }) => {
  const state = target.matches("[data-draft]") && states.get(target.dataset.draft);
  if (state?.id) formData.set("draft_id", state.id);
});
// While the form itself is being sent nothing is kept: the answer says whether it goes on.
document.addEventListener("submit", ({ target }) => { if (target.matches("[data-draft]")) stateOf(target).sending = true; });
document.addEventListener("htmx:finally:request", ({ detail }) => {
  const form = formOf(detail.ctx.sourceElement);
  if (form && !detail.ctx.hx?.location) stateOf(form).sending = false;
});
document.addEventListener("htmx:after:swap", ({ detail }) => {
  // A form that was taken begins again; one that was refused goes on with its draft.
  const isRefused = detail.ctx?.response?.status >= 400;
  for (const form of findAll("form[data-draft]")) if (stateOf(form).sending && !isRefused) seen.delete(form);
  restoreAll();
  for (const form of findAll("form[data-draft]")) if (!stateOf(form).sending) schedule(form);
});
document.addEventListener("visibilitychange", () => { if (document.hidden) findAll("form[data-draft]").forEach(save); });
addEventListener("pagehide", () => findAll("form[data-draft]").forEach(save));
// Leaving asks only while something is not kept yet.
addEventListener("beforeunload", (event) => {
  const isLost = (form) => { const state = stateOf(form); return !state.sending && state.failed && write(form) !== state.last; };
  if (findAll("form[data-draft]").some(isLost)) event.preventDefault();
});
restoreAll();
