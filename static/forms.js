// Forms: a button that was pressed waits for its answer; the first wrong field gets the focus.

import { find, findAll, isShown, isTyping } from "./dom.js";

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

export const staysHere = () => stays;
export function leaveHere() { stays = false; }

function describePlace(form, submitter) {
  const asked = form.closest("dialog") && form.getAttribute("action");
  const at = submitter ?? document.activeElement;
  return asked ? `[hx-get="${CSS.escape(asked)}"]` : at?.id && form.contains(at) ? `#${CSS.escape(at.id)}` : "";
}

export function focusPressed() {
  const place = stays && pressed ? findAll(pressed) : [];
  const beside = place.flatMap((element) => findAll("button", element.closest("form") ?? element));
  const back = [...place, ...beside].find((element) => isShown(element) && !element.disabled);
  (back ?? find("#main"))?.focus({ preventScroll: true });
}

// Typing in a filter makes one step of the history, not one a letter: until the field is left the step is rewritten.
let typedIn;
document.addEventListener("focusout", () => { typedIn = undefined; });
addEventListener("popstate", () => { typedIn = undefined; });

document.addEventListener("htmx:before:history:update", ({ detail: { history, sourceElement } }) => {
  if (sourceElement?.matches?.("form.filters") && isTyping(document.activeElement)) {
    if (typedIn === document.activeElement) history.type = "replace";
    typedIn = document.activeElement;
  }
  stays = history.type === "push" && history.path === location.pathname + location.search;
  if (stays) history.type = "replace";
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  pressed = describePlace(form, event.submitter);
  // What a field still looks for would show itself over the answer.
  findAll("input[hx-post]", form).forEach((field) => field.dispatchEvent(new Event("htmx:abort")));
  // The button is disabled a moment later, so that its own name and value are sent.
  setTimeout(() => { if (!event.defaultPrevented && changesSomething(form) && form.method !== "dialog") setBusy(form, true); });
});
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  const form = formOf(ctx.sourceElement);
  // A field that asks while somebody types stops nothing: Enter would be lost on a button that waits.
  if (!changesSomething(form) || ctx.sourceElement.matches("input, select, textarea")) return;
  ctx.busyForm = form;
  setBusy(form, true);
});
// The button that was pressed may have left the page with the answer; its form waits no longer all the same.
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (ctx.busyForm && !ctx.hx?.location) setBusy(ctx.busyForm, false);
});
addEventListener("pageshow", () => findAll("form[aria-busy]").forEach((form) => setBusy(form, false)));

export function focusFirstError(area = document) {
  const field = findAll("[aria-invalid=true]", area).find(isShown);
  const problem = field ?? findAll("[role=alert], .invalid-feedback", area === document ? find("main") : area).find(isShown);
  // A scanner types on into its field, whatever was wrong; the alert is read out by itself.
  if (!problem || (!field && find("[data-scan-field]"))) return;
  if (!field) problem.tabIndex = -1;
  problem.focus();
}

// An empty filter is no filter: it stays out of the address.
document.addEventListener("htmx:config:request", (event) => {
  const { request, sourceElement } = event.detail.ctx;
  if (request.method !== "GET" || !sourceElement.matches?.("form")) return;
  for (const [name, value] of [...request.body]) if (value === "") request.body.delete(name);
});

// An answer takes the focus to where the server wants it (autofocus) only while the person who asked still stands where
// they asked, and what is refreshed by itself never does: somebody may be typing in another field by then.
// A dialog that was opened as a page of its own is answered there, not in a dialog above itself.
document.addEventListener("htmx:config:request", ({ detail: { ctx } }) => {
  const page = ctx.sourceElement?.closest?.(".dialog-page");
  if (page && ctx.target?.id === "dialog") ctx.target = page;
});
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => { ctx.askedAt = document.activeElement; });
export function leaveFocus(ctx, tasks) {
  const at = document.activeElement;
  if (ctx.target === document.body || !(ctx.live || isTyping(at) && at !== ctx.askedAt)) return;
  for (const area of [ctx.target, ...tasks.map((task) => task.fragment)]) {
    for (const field of area.querySelectorAll?.("[autofocus]") ?? []) field.removeAttribute("autofocus");
  }
}
