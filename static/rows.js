// A table of rows open for editing, which works without it.

import { find, findAll } from "./dom.js";

// ---- Rows open for editing: how many are changed, and a question before they are left behind ----
const differs = (field) => (field.type === "checkbox" ? field.checked !== field.defaultChecked
  : field.matches("select") ? [...field.options].some((option) => option.selected !== option.defaultSelected)
    : field.value !== field.defaultValue);
const changedRows = (form) => findAll("tbody tr", form).filter((row) => findAll("input:not([type=hidden]), select", row).some(differs));
const isUnsaved = (form) => form.dataset.guard === "unsaved" || changedRows(form).length > 0;

function countChanged(event) {
  const form = event.target.form;
  const shown = form && find("[data-changed]", form);
  if (!shown) return;
  const { length } = changedRows(form);
  shown.textContent = length ? `${length} ${length === 1 ? "row" : "rows"} changed` : "";
}
document.addEventListener("input", countChanged);
document.addEventListener("change", countChanged);
document.addEventListener("click", (event) => {
  const form = event.target.closest("a[hx-get]")?.closest("form[data-guard]");
  if (!form || !isUnsaved(form) || confirm("Leave these rows without saving them?")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);
addEventListener("beforeunload", (event) => { if (findAll("form[data-guard]").some(isUnsaved)) event.preventDefault(); });

// ---- Keys of a sheet: arrows and Enter move, Ctrl+D fills down, and a share such as +5% becomes the amount it means ----
const SHARE = /^([+\-−])\s*(\d{1,3}(?:[.,]\d{1,2})?)\s*%$/;
const fieldOf = (cell) => cell && find("input:not([type=hidden]), select", cell);

function* rowsFrom(row, step) {
  for (let next = row; (next = step > 0 ? next.nextElementSibling : next.previousElementSibling);) if (find("input[name]", next)) yield next;
}

function moveTo(field) {
  if (!field) return false;
  field.focus();
  field.select?.();
  return true;
}

function moveRow(field, step) {
  const cell = field.closest("td");
  const [row] = rowsFrom(cell.parentElement, step);
  return moveTo(fieldOf(row?.cells[cell.cellIndex]));
}

function moveAside(field, step) {
  // Within a text the arrows move through it; at its end, or while all of it is chosen, they go on to the next field.
  if (field.type === "text") {
    const { selectionStart: start, selectionEnd: end, value } = field;
    const isWhole = start === 0 && end === value.length;
    if (!isWhole && (step < 0 ? end > 0 : start < value.length)) return false;
  }
  for (let cell = field.closest("td"); (cell = step > 0 ? cell.nextElementSibling : cell.previousElementSibling);) {
    if (moveTo(fieldOf(cell))) return true;
  }
  return false;
}

function write(field, text) {
  const [, sign, share] = SHARE.exec(text.trim()) ?? [];
  const base = Number(field.dataset.was ?? field.value);
  if (!sign) field.value = text;
  else if (field.inputMode === "decimal" && Number.isFinite(base) && base) {
    const percent = Number(share.replace(",", ".")) * (sign === "+" ? 1 : -1);
    field.value = (Math.round(base * (100 + percent) + 1e-7) / 100).toFixed(2);
  } else return;
  delete field.dataset.was;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function fillDown(field) {
  const cell = field.closest("td");
  const typed = field.dataset.typed ?? field.value;
  if (field.type === "text") write(field, typed);
  for (const row of rowsFrom(cell.parentElement, 1)) {
    const other = fieldOf(row.cells[cell.cellIndex]);
    if (field.type === "checkbox") other.checked = field.checked;
    else if (field.type === "text") { delete other.dataset.was; write(other, typed); }
    else other.value = field.value;
    other.dispatchEvent(new Event("change", { bubbles: true }));
  }
  return true;
}

const inSheet = (target) => target.closest?.(".table-grid") && target.matches("input, select") && target;
// What is reached by keys is chosen as a whole, so that typing takes its place; the pointer says for itself where it goes.
let isPointed = false;
document.addEventListener("pointerdown", () => { isPointed = true; }, true);
document.addEventListener("pointerup", () => { isPointed = false; }, true);
function begin({ target }) {
  if (!target || !inSheet(target)) return;
  target.dataset.was = target.value;
  delete target.dataset.typed;
  if (!isPointed) target.select?.();
}
document.addEventListener("focusin", begin);
begin({ target: document.activeElement });
document.addEventListener("change", ({ target }) => {
  if (!inSheet(target) || target.type !== "text" || !SHARE.test(target.value.trim())) return;
  // What was typed is kept, so that the rows below can follow it.
  const typed = target.value;
  write(target, typed);
  target.dataset.typed = typed;
});
document.addEventListener("keydown", (event) => {
  const field = inSheet(event.target);
  if (!field || event.isComposing || event.altKey) return;
  const control = event.ctrlKey || event.metaKey;
  const isChoice = field.matches("select");
  const acts = {
    Enter: () => !control && (moveRow(field, event.shiftKey ? -1 : 1) || true),
    ArrowDown: () => !control && !isChoice && moveRow(field, 1),
    ArrowUp: () => !control && !isChoice && moveRow(field, -1),
    ArrowLeft: () => !control && !event.shiftKey && moveAside(field, -1),
    ArrowRight: () => !control && !event.shiftKey && moveAside(field, 1),
    d: () => control && fillDown(field),
  };
  if (acts[event.key]?.()) event.preventDefault();
});
