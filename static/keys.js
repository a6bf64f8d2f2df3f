// Keys: an element with data-key is pressed (a field: focused) by its key; lists move with j, k, x.

import { find, findAll, isShown, isTyping } from "./dom.js";
import { keysAreOn } from "./settings.js";

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
  b: () => find(".bulk-row button:not([disabled])")?.focus(),
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
