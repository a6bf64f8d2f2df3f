// A form that asks again when one of its fields changes (data-asks): one question at a time. What changes while an answer
// is on its way is asked for after it, with everything that stands in the form by then.

import { find, findAll } from "./dom.js";

let running = 0, isStale = false;

const isOf = (ctx) => ctx.target?.matches?.("[data-asks]");

function ask() {
  isStale = running > 0;
  const asking = find("[data-asks]");
  if (!isStale && asking) htmx.trigger(asking, "ask", {}, false);
}

document.addEventListener("change", ({ target }) => {
  if (target.closest?.("[data-asks]") && target.type !== "radio" && !("asksNot" in target.dataset)) ask();
});
document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
  if (isOf(ctx)) { running += 1; ctx.asks = true; }
});
document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  if (!ctx.asks) return;
  running -= 1;
  if (isStale && !running) ask();
});

// The button that buys says what it costs. A scan draws it again while the rates stay, so the rate that is chosen says it.
function showSum() {
  if (!find("[data-asks]")) return;
  const sum = find("input[name=rate]:checked")?.dataset.sum;
  for (const shown of findAll("[data-rate-sum]")) shown.textContent = sum ? `, ${sum}` : "";
}
document.addEventListener("change", ({ target }) => { if (target.name === "rate") showSum(); });
document.addEventListener("htmx:after:swap", showSum);
showSum();
