// Sets light or dark before the first paint; the choice is kept on this device. It is apart from app.js because it must not wait.
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
