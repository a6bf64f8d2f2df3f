// What must not wait for the modules, nor for the styles.

// Light or dark is set before the first paint; the choice is kept on this device.
(() => {
  const root = document.documentElement;
  const device = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const choice = localStorage.getItem("theme");
    root.dataset.bsTheme = choice === "light" || choice === "dark" ? choice : device.matches ? "dark" : "light";
  };
  apply();
  device.addEventListener("change", apply);
  addEventListener("storage", apply);
  addEventListener("app:theme", apply);
})();

// Keys that are pressed before the modules run are kept, and keys.js does them in their order.
(() => {
  globalThis.earlyKeys = [];
  const keep = (event) => { if (!event.target.closest?.("input, textarea, select, [contenteditable]")) earlyKeys.push(event); };
  document.addEventListener("keydown", keep);
  document.addEventListener("DOMContentLoaded", () => document.removeEventListener("keydown", keep));
})();
