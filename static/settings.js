// What a colleague sets for this browser: the colours, and whether single keys work.

import { findAll } from "./dom.js";

export const keysAreOn = () => localStorage.getItem("keys") !== "off";

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-theme-choice]")) { localStorage.setItem("theme", target.value); dispatchEvent(new Event("app:theme")); }
  if (target.matches("[data-keys-switch]")) localStorage.setItem("keys", target.checked ? "on" : "off");
});

// Which groups of the side menu are unfolded; the one of the page is open in any case.
const folds = () => new Set(JSON.parse(localStorage.getItem("folds") ?? "[]"));
document.addEventListener("click", ({ target }) => {
  const group = target.closest?.("details[data-fold] > summary")?.parentElement;
  if (!group) return;
  const open = folds();
  if (group.open) open.delete(group.dataset.fold); else open.add(group.dataset.fold);
  localStorage.setItem("folds", JSON.stringify([...open]));
});
for (const group of findAll("details[data-fold]")) group.open ||= folds().has(group.dataset.fold);

for (const choice of findAll("[data-theme-choice]")) choice.value = localStorage.getItem("theme") ?? "auto";
for (const box of findAll("main [data-keys-switch]")) box.checked = keysAreOn();
