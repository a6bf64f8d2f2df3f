// Pages with rows of fields: the table of products open for editing, and the lines of a delivery. Both work without it.

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

// ---- Lines of a delivery: a scanner ends each code with Enter, which goes on to the next field; the last line begets another ----
document.addEventListener("keydown", (event) => {
  const lines = event.target.closest?.("[data-lines]");
  if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing || !lines) return;
  event.preventDefault();
  const fields = findAll("input", lines);
  fields[fields.indexOf(event.target) + 1]?.focus();
});

document.addEventListener("input", (event) => {
  const lines = event.target.closest?.("[data-lines]");
  const last = lines?.lastElementChild;
  if (!last?.contains(event.target) || lines.childElementCount >= Number(lines.dataset.lines)) return;
  const next = last.cloneNode(true);
  for (const element of [next, ...findAll("*", next)]) {
    for (const { name, value } of [...element.attributes]) {
      element.setAttribute(name, value.replace(/(lines[-[])(\d+)/g, (_, head, number) => head + (Number(number) + 1)));
    }
    element.classList.remove("is-invalid");
    element.removeAttribute("aria-invalid");
  }
  findAll(".invalid-feedback", next).forEach((feedback) => feedback.remove());
  findAll("input", next).forEach((field) => { field.value = ""; });
  lines.append(next);
});
