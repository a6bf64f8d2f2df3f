// Ticked rows: how many, how much, and which acts all of them allow.

import { find, findAll, isShown } from "./dom.js";

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
});
document.addEventListener("reset", (event) => setTimeout(() => countTicked(event.target)));

export const countAll = () => findAll("form:has([data-bulk])").forEach(countTicked);
countAll();
