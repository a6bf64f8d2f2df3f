// Toasts: ten seconds, and the clock stands still while one is hovered or holds the focus. Their words are said through
// the page's one live region (dom.js); their own is none, so that nothing is said twice.

import { find, findAll, say } from "./dom.js";

const TOAST_MS = 10000;
const clocks = new WeakMap();

function startToast(toast) {
  const clock = clocks.get(toast) ?? { left: TOAST_MS };
  clearTimeout(clock.timer);
  clock.since = performance.now();
  clock.timer = setTimeout(() => closeToast(toast), clock.left);
  clocks.set(toast, clock);
}

function pauseToast(toast) {
  const clock = clocks.get(toast);
  if (!clock) return;
  clearTimeout(clock.timer);
  clock.left = Math.max(1000, clock.left - (performance.now() - clock.since));
}

export function closeToast(toast) {
  const hadFocus = toast.contains(document.activeElement);
  toast.remove();
  if (hadFocus) find("#main")?.focus({ preventScroll: true });
}

function showToast({ text, undo, tone }) {
  const region = find("#toasts");
  const template = find(undo ? "#toast-undo" : "#toast-plain");
  if (!region || !template) return;
  const toast = template.content.firstElementChild.cloneNode(true);
  find("[data-toast-text]", toast).textContent = text;
  if (tone && tone !== "good") {
    find(".icon", toast).setAttribute("class", `icon tone-icon tone-${tone}`);
    const drawing = find(".icon use", toast);
    drawing.setAttribute("href", drawing.getAttribute("href").replace("circle-check", "info-circle"));
  }
  if (undo) {
    const form = find("form", toast);
    form.setAttribute("action", undo);
    form.setAttribute("hx-post", undo);
  }
  region.append(toast);
  htmx.process(toast);
  startToast(toast);
  say(text);
}

export function armToasts(root) {
  for (const toast of findAll("#toasts [data-toast]", root)) {
    if (clocks.has(toast)) continue;
    startToast(toast);
    say(find("[data-toast-text]", toast).textContent);
  }
}

const eachToast = (act) => (event) => {
  if (event.target.closest?.("#toasts")) findAll("#toasts [data-toast]").forEach(act);
};
document.addEventListener("mouseover", eachToast(pauseToast));
document.addEventListener("mouseout", eachToast((toast) => toast.parentElement.matches(":hover") || startToast(toast)));
document.addEventListener("focusin", eachToast(pauseToast));
document.addEventListener("focusout", eachToast(startToast));
document.addEventListener("app:toasts", (event) => event.detail.toasts.forEach(showToast));
