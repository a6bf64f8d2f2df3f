// Keys: an element with data-key is pressed (a field: focused) by its key; lists move with j, k, x.

import { find, findAll, isShown, isTyping } from "./dom.js";
import { openPalette } from "./palette.js";
import { keysAreOn } from "./settings.js";

function focusSearch() {
  if (openPalette()) return true;

  const search = find("[data-search]");
  if (!search) return false;
  if (!isShown(search)) find("#side")?.showPopover?.();
  search.focus();
  search.select();
  return true;
}

function textWithoutKeys(element) {
  const copy = element.cloneNode(true);
  findAll(".key", copy).forEach((key) => key.remove());
  return copy.textContent.trim();
}

function describeKey(word, parts) {
  const term = Object.assign(document.createElement("dt"), { textContent: word });
  const keys = document.createElement("dd");
  for (const part of parts) keys.append(Object.assign(document.createElement("kbd"), { className: "key", textContent: part }), " ");
  term.dataset.ofPage = keys.dataset.ofPage = "";
  return [term, keys];
}

function showShortcuts() {
  const dialog = find("#shortcuts");
  if (!dialog || dialog.open) return false;
  const list = find("[data-shortcut-list]", dialog);
  findAll("[data-of-page]", list).forEach((line) => line.remove());
  for (const element of findAll("main [data-key]").filter(isShown)) {
    const word = element.dataset.keyWord ?? element.getAttribute("aria-label") ?? textWithoutKeys(element);
    const parts = element.dataset.key.split("+").map((part) => part[0].toUpperCase() + part.slice(1));
    list.prepend(...describeKey(word, parts));
  }
  for (const link of findAll("#side [data-go]")) {
    const word = [...link.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.textContent.trim()).join("");
    list.append(...describeKey(`Go to ${word.toLowerCase()}`, ["G", link.dataset.go.toUpperCase()]));
  }
  find("[data-keys-switch]", dialog).checked = keysAreOn();
  dialog.showModal();
  return true;
}

// What J and K go through: what a page marks as its steps (cited lines, requests), else the rows of its list.
const STEP = "[data-step], tbody tr";
const steps = () => (find("main [data-step]") ? findAll("main [data-step]") : findAll("main tbody tr")).filter(isShown);
const rowLinks = () => steps().map((step) => find("a[href]", step)).filter(Boolean);

function moveRow(step) {
  const links = rowLinks();
  const at = links.findIndex((link) => link.closest(STEP).contains(document.activeElement));
  const next = links[at < 0 ? (step > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, at + step))];
  next?.focus();
  next?.closest(STEP).scrollIntoView({ block: "nearest" });
  return next;
}

function use(element, act) {
  if (element) act(element);
  return element;
}

const rowBox = () => { const row = document.activeElement.closest("tr"); return row && find("input[type=checkbox]", row); };

const LIST_KEYS = {
  "/": focusSearch,
  "?": showShortcuts,
  j: () => moveRow(1),
  k: () => moveRow(-1),
  b: () => use(find(".bulk-row button:not([disabled])"), (button) => button.focus()),
  x: () => use(rowBox(), (box) => box.click()),
};

// What a key does: the last element that names it, or an act of lists, which answers nothing where there is no list.
function actOf(key, modal) {
  const wanted = findAll(`[data-key="${CSS.escape(key)}"]`, modal ?? document).filter((element) => isShown(element) && !element.disabled);
  const element = wanted.at(-1);
  if (!element) return modal ? null : LIST_KEYS[key];
  return () => { if (isTyping(element)) { element.focus(); element.select?.(); } else element.click(); return element; };
}

// For a page whose field keeps the focus: does what the key does, and answers whether it did anything.
export const pressKey = (key) => keysAreOn() && !find("dialog:modal") && Boolean(actOf(key)?.());

// G and a letter go to a page of the side menu; the letters stand at its links.
let goesUntil = 0;

function goTo(letter) {
  const link = find(`#side [data-go="${CSS.escape(letter)}"]`);
  if (link) location.assign(link.href);
  return Boolean(link);
}

function press(event) {
  if (event.isComposing || event.altKey || event.defaultPrevented) return;
  const withControl = event.ctrlKey || event.metaKey;
  const key = (withControl ? "ctrl+" : "") + event.key.toLowerCase();
  // Escape leaves a field, so that the keys of the page are at hand again.
  if (event.key === "Escape" && isTyping(event.target) && keysAreOn() && !event.target.closest("dialog, [popover]")) {
    event.target.blur();
    return;
  }
  if (!withControl && (isTyping(event.target) || !keysAreOn() || event.repeat && !"jk".includes(key))) return;
  const modal = find("dialog:modal");
  if (key === "ctrl+k" && !modal) { event.preventDefault(); focusSearch(); return; }
  if (!modal && !withControl && event.timeStamp < goesUntil) {
    goesUntil = 0;
    if (goTo(key)) { event.preventDefault(); return; }
  }
  if (!modal && event.key === "N" && find('#side a[href="/portal/orders/new"]')) {
    event.preventDefault();
    location.assign("/portal/orders/new");
    return;
  }
  if (!modal && key === "g") { goesUntil = event.timeStamp + 1500; return; }
  const act = actOf(key, modal);
  if (!act) return;
  event.preventDefault();
  act();
}

// What was pressed while the page came (head.js): a key that opens a field is followed by what was typed for it.
function pressEarly(event) {
  const at = document.activeElement, { key } = event;
  if (key === "Enter" && at.matches("a[href], button")) { at.click(); return; }
  if (key === "Enter" && at.matches("[data-scan-field]")) { at.form.requestSubmit(); return; }
  if (!isTyping(at) || event.ctrlKey || event.metaKey || event.altKey) { press(event); return; }
  if (key.length > 1 || !("selectionStart" in at)) return;
  at.setRangeText(key, at.selectionStart, at.selectionEnd, "end");
  at.dispatchEvent(new Event("input", { bubbles: true }));
}

document.addEventListener("DOMContentLoaded", () => {
  globalThis.earlyKeys.forEach(pressEarly);
  document.addEventListener("keydown", press);
});
