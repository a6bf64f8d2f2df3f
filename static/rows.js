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
