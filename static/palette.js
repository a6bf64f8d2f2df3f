// The command palette: one field over the page. The first hit is chosen; Enter opens it, also when it has yet to arrive.

import { find, findAll, say } from "./dom.js";

const palette = () => find("#palette");
const field = () => find("#palette-q");
const options = () => findAll("#palette [role=option]");
const chosen = () => find('#palette [role=option][aria-selected="true"]');
const areFresh = () => find("#palette_hits")?.dataset.words === field().value.trim();
const addressOf = (option) => option?.getAttribute("href") ?? option?.dataset.href;
let waiting = "";
// What was chosen by the arrows: it stays chosen when the answer to the last letter comes after them.
let taken = "";

export function openPalette(words = "") {
  const dialog = palette();
  if (!dialog) return false;
  if (!dialog.open) dialog.showModal();
  field().value = words;
  taken = "";
  field().focus();
  field().dispatchEvent(new Event("app:palette", { bubbles: true }));
  return true;
}

function choose(option) {
  for (const other of options()) other.setAttribute("aria-selected", String(other === option));
  if (!option) return;
  field().setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

function take(option) {
  choose(option);
  taken = addressOf(option) ?? "";
}

function move(step) {
  const all = options();
  if (all.length) take(all[(all.indexOf(chosen()) + step + all.length) % all.length]);
}

function moveGroup(step) {
  const groups = findAll("#palette [role=group]").filter((group) => find("[role=option]", group));
  const at = groups.findIndex((group) => group.contains(chosen()));
  if (groups.length) take(find("[role=option]", groups[(at + step + groups.length) % groups.length]));
}

function act(how) {
  if (!areFresh()) { waiting = how; return; }
  const option = chosen();
  const url = addressOf(option);
  if (!url) return;
  const form = find("#palette [data-palette-place]");
  if (how === "control" && form && option.matches(".hit-order")) form.requestSubmit(find("button", form));
  else if (how === "control") open(url, "_blank", "noopener");
  else location.assign(url);
}

document.addEventListener("keydown", (event) => {
  if (!palette()?.open || event.isComposing) return;
  const control = event.ctrlKey || event.metaKey;
  const acts = {
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Tab: () => moveGroup(event.shiftKey ? -1 : 1),
    Enter: () => act(control ? "control" : "open"),
    // A search field would only empty itself.
    Escape: () => palette().close(),
  };
  if (!(event.key in acts)) return;
  event.preventDefault();
  event.stopPropagation();
  acts[event.key]();
}, true);

// An answer that is no list of hits never takes the list's place; only the question to sign in again has one of its own.
document.addEventListener("htmx:before:swap", (event) => {
  const { ctx } = event.detail;
  const status = ctx.response?.status;
  if (ctx.sourceElement?.id !== "palette-q" || !(status >= 400) || status === 401) return;
  event.preventDefault();
  waiting = "";
  const hits = find("#palette_hits");
  const words = "The search gives no answer. Type again in a moment.";
  delete hits.dataset.words;
  hits.replaceChildren(Object.assign(document.createElement("div"), { className: "hit-head", textContent: words }));
  say(words);
});

document.addEventListener("input", ({ target }) => { if (target.id === "palette-q") waiting = taken = ""; });
document.addEventListener("htmx:after:swap", () => {
  if (!palette()?.open) return;
  choose((taken && options().find((option) => addressOf(option) === taken)) || (chosen() ?? options()[0]));
  if (waiting && areFresh()) { const how = waiting; waiting = ""; act(how); }
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-palette-close]") || event.target === palette()) palette().close();
  const order = event.target.closest("#palette .hit-order");
  if (order) location.assign(order.dataset.href);
  if (event.target.closest("[data-search]") && openPalette()) event.preventDefault();
});
