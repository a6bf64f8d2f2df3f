// Ticked rows: how many, how much, and which acts all of them allow. Ticks are kept while one pages through the list;
// a kept tick of a row on another page goes along as a hidden field of the form.

import { find, findAll, isShown } from "./dom.js";

const money = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });

// A list is its address without the page and the order; each keeps its own ticks for this tab.
function listKey(form) {
  const args = new URLSearchParams(location.search);
  for (const name of ["page", "per_page", "sort"]) args.delete(name);
  return `ticks ${location.pathname}?${args} ${form.id}`;
}
const readKept = (form) => new Map(JSON.parse(sessionStorage.getItem(listKey(form)) ?? "[]"));
function writeKept(form, kept) {
  if (kept.size) sessionStorage.setItem(listKey(form), JSON.stringify([...kept]));
  else sessionStorage.removeItem(listKey(form));
}

const rowBoxes = (form) => [...form.elements].filter((element) => element.type === "checkbox" && !element.matches("[data-select-all]"));
const selectAllOf = (form) => findAll("[data-select-all]").find((box) => box.getAttribute("form") === form.id || form.contains(box));

function keepTicks(form) {
  const kept = readKept(form);
  for (const { checked, name, value, dataset } of rowBoxes(form)) {
    if (checked) kept.set(value, { name, amount: dataset.amount, allows: dataset.allows ?? "" });
    else kept.delete(value);
  }
  writeKept(form, kept);
}

function restoreTicks(form) {
  const kept = readKept(form);
  const here = new Set();
  for (const box of rowBoxes(form)) {
    here.add(box.value);
    if (kept.has(box.value)) box.checked = true;
  }
  findAll("[data-kept]", form).forEach((field) => field.remove());
  for (const [value, { name }] of kept) {
    if (here.has(value)) continue;
    const field = Object.assign(document.createElement("input"), { type: "hidden", name, value });
    field.dataset.kept = "";
    form.append(field);
  }
}

function countTicked(form) {
  const bar = find("[data-bulk]", form);
  if (!bar) return;
  const all = selectAllOf(form);
  const rows = rowBoxes(form);
  const here = rows.filter((box) => box.checked);
  const elsewhere = [...readKept(form)].filter(([value]) => !rows.some((box) => box.value === value)).map(([, tick]) => tick);
  const ticked = [...here.map(({ dataset }) => ({ amount: dataset.amount, allows: dataset.allows ?? "" })), ...elsewhere];
  if (all) { all.checked = rows.length > 0 && here.length === rows.length; all.indeterminate = here.length > 0 && !all.checked; }
  form.classList.toggle("has-ticks", ticked.length > 0);
  const beyond = elsewhere.length ? `, ${elsewhere.length} on other pages` : "";
  find("[data-bulk-count]", bar).textContent = `${ticked.length} selected${beyond}`;
  const cents = ticked.reduce((sum, tick) => sum + Math.round(Number(tick.amount ?? 0) * 100), 0);
  find("[data-bulk-sum]", bar).textContent = ticked.some((tick) => tick.amount) ? money.format(cents / 100).replace("-", "−") : "";
  const reasons = [];
  for (const button of findAll("[data-needs]", bar)) {
    const refused = ticked.filter((tick) => !tick.allows.split(" ").includes(button.dataset.needs)).length;
    button.disabled = refused > 0;
    const word = button.cloneNode(true);
    findAll(".key", word).forEach((key) => key.remove());
    if (refused) reasons.push(`${word.textContent.trim()}: not for ${refused} of them`);
  }
  for (const button of findAll("[data-exactly]", bar)) button.disabled = ticked.length !== Number(button.dataset.exactly);
  find("[data-bulk-why]", bar).textContent = reasons.join("; ");
}

// The bar stands at the end of the list; from the box that was ticked last it is one Tab away.
function leadToBar(form, box) {
  findAll("[data-to-bulk]").forEach((button) => button.remove());
  if (!box?.isConnected || box.form !== form || !box.checked) return;
  const button = Object.assign(document.createElement("button"), { type: "button", className: "btn btn-sm to-bulk visually-hidden-focusable" });
  button.textContent = "Acts for the selected";
  button.dataset.toBulk = "";
  box.after(button);
}
document.addEventListener("click", ({ target }) => {
  if (target.closest("[data-to-bulk]")) find("[data-bulk] button:not([disabled])")?.focus();
});

// The box that was clicked last: with Shift the rows from there to the next one follow it.
let lastBox;
document.addEventListener("click", (event) => {
  const box = event.target;
  if (box.type !== "checkbox" || !box.form || box.matches("[data-select-all]")) return;
  const boxes = rowBoxes(box.form);
  const from = event.shiftKey && lastBox?.isConnected ? boxes.indexOf(lastBox) : -1;
  const to = boxes.indexOf(box);
  if (from >= 0 && to >= 0) for (const between of boxes.slice(Math.min(from, to), Math.max(from, to) + 1)) between.checked = box.checked;
  lastBox = box;
});

document.addEventListener("change", ({ target: box }) => {
  if (box.type !== "checkbox" || !box.form || !find("[data-bulk]", box.form)) return;
  if (box.matches("[data-select-all]")) for (const other of rowBoxes(box.form)) if (isShown(other)) other.checked = box.checked;
  keepTicks(box.form);
  countTicked(box.form);
  leadToBar(box.form, box);
});
document.addEventListener("reset", ({ target: form }) => setTimeout(() => {
  if (!find("[data-bulk]", form)) return;
  for (const box of rowBoxes(form)) box.checked = false;
  writeKept(form, new Map());
  restoreTicks(form);
  countTicked(form);
}));
// The numbers that so many papers would get, as domain/invoices/week.py writes them.
function writeNumbers({ tickedNumbers, first }, count) {
  const at = (place) => String(Number(first) + place).padStart(6, "0");
  return count ? `${tickedNumbers}-${at(0)}${count > 1 ? ` – ${at(count - 1)}` : ""}` : "–";
}
// A form that says what its ticked rows come to.
document.addEventListener("change", ({ target: box }) => {
  if (box.type !== "checkbox" || !box.form || !find("[data-ticked-sum]", box.form)) return;
  const rows = rowBoxes(box.form).filter((row) => "amount" in row.dataset);
  if (box.matches("[data-select-all]")) for (const row of rows) row.checked = box.checked;
  const ticked = rows.filter((row) => row.checked);
  const all = selectAllOf(box.form);
  if (all) { all.checked = ticked.length === rows.length; all.indeterminate = ticked.length > 0 && !all.checked; }
  const cents = ticked.reduce((sum, row) => sum + Math.round(Number(row.dataset.amount ?? 0) * 100), 0);
  const payers = new Set(ticked.map((row) => row.dataset.payer)).size;
  for (const place of findAll("[data-ticked-count]", box.form)) place.textContent = ticked.length;
  for (const place of findAll("[data-ticked-noun]", box.form)) place.textContent = place.dataset.tickedNoun + (ticked.length === 1 ? "" : "s");
  for (const place of findAll("[data-ticked-numbers]", box.form)) place.textContent = writeNumbers(place.dataset, ticked.length);
  for (const place of findAll("[data-ticked-payers]", box.form)) place.textContent = payers;
  for (const place of findAll("[data-ticked-sum]", box.form)) place.textContent = money.format(cents / 100);
});
// What was acted upon is ticked no more; a dialog in between asks with the rows that the form sent.
document.addEventListener("submit", ({ target, submitter }) => {
  if (submitter?.getAttribute("formtarget") === "_blank") return;
  const forms = target.closest("dialog") ? findAll("form:has([data-bulk])") : find("[data-bulk]", target) ? [target] : [];
  for (const form of forms) setTimeout(() => writeKept(form, new Map()));
});

export function countAll() {
  for (const form of findAll("form:has([data-bulk])")) {
    restoreTicks(form);
    countTicked(form);
    leadToBar(form, lastBox);
  }
}
countAll();
