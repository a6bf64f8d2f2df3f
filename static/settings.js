// What a colleague sets for this browser: the colours, and whether single keys work.

import { findAll } from "./dom.js";

export const keysAreOn = () => localStorage.getItem("keys") !== "off";

document.addEventListener("change", ({ target }) => {
  if (target.matches("[data-theme-choice]")) { localStorage.setItem("theme", target.value); dispatchEvent(new Event("app:theme")); }
  if (target.matches("[data-keys-switch]")) localStorage.setItem("keys", target.checked ? "on" : "off");
});

for (const choice of findAll("[data-theme-choice]")) choice.value = localStorage.getItem("theme") ?? "auto";
for (const box of findAll("main [data-keys-switch]")) box.checked = keysAreOn();
