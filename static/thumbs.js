// Pictures of goods: one is fetched when it comes into sight. The browser's own lazy loading would fetch far ahead of it.

import { findAll } from "./dom.js";

function show(thumb) {
  thumb.dataset.seen = "";
  watcher.unobserve(thumb);
}
const watcher = new IntersectionObserver((entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => show(entry.target)));
export const watchThumbs = () => findAll(".thumb:not([data-seen])").forEach((thumb) => watcher.observe(thumb));

addEventListener("beforeprint", () => findAll(".thumb").forEach(show));
