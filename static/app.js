// What the pages need beyond htmx, a module a topic; here is what happens around every swap.
// Every page works without it. Nothing here is evaluated from attributes: the security policy forbids that.

import "./copy.js";
import { openDialog } from "./dialogs.js";
import { find, findAll, say } from "./dom.js";
import "./drafts.js";
import { focusFirstError, focusPressed, leaveFocus, leaveHere, staysHere } from "./forms.js";
import "./keys.js";
import "./palette.js";
import "./offers.js";
import "./rows.js";
import { connect, keepRefused, setRefreshing } from "./live.js";
import "./session.js";
import "./scan.js";
import { watchThumbs } from "./thumbs.js";
import { countAll } from "./ticks.js";
import { armToasts } from "./toasts.js";

document.addEventListener("htmx:before:swap", (event) => {
  const { ctx, tasks } = event.detail;
  // A live block that cannot be fetched, or whose list went on to another page meanwhile, stays as it is; live.js tries again.
  const isPast = ctx.live && ctx.sourceElement?.dataset.liveUrl !== ctx.live;
  if (isPast || ctx.live && ctx.response?.status >= 400) { event.preventDefault(); return; }
  setRefreshing(Boolean(ctx.live), ctx.target);
  leaveFocus(ctx, tasks);
});
document.addEventListener("htmx:finally:swap", () => { setRefreshing(false); leaveHere(); });
document.addEventListener("htmx:after:swap", (event) => {
  const { ctx } = event.detail;
  countAll();
  showTab();
  watchThumbs();
  if (ctx.target?.id === "dialog" || find("#dialog")?.childElementCount) openDialog();
  const target = typeof ctx.target === "string" ? find(ctx.target) : ctx.target;
  const area = target?.isConnected ? target : document;
  if (ctx.response?.status >= 400) { keepRefused(area); focusFirstError(area); return; }
  if (!ctx.live) find("#alerts")?.replaceChildren();
  // Where some rows were kept the answer is no refusal, and the others still wait.
  if (!ctx.live && area !== document.body && find("[aria-invalid=true]", area)) focusFirstError(area);
  // The next page opens at its head.
  if (ctx.sourceElement?.matches?.("#page-before, #page-after")) area.scrollIntoView?.({ block: "start" });
  if (ctx.target === document.body) {
    if (ctx.push && !staysHere()) scrollTo(0, 0);
    if (!find("[autofocus]")) focusPressed();
    if (!staysHere()) say(document.title);
  }
});
// On phones the current tab may lie outside of what the row shows.
function showTab() {
  for (const tab of findAll(".tabs [aria-current]")) {
    const row = tab.closest(".tabs");
    if (row.scrollWidth > row.clientWidth) row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
  }
}

document.addEventListener("htmx:error", (event) => {
  const { ctx } = event.detail;
  const alerts = find("#alerts");
  if (!ctx || ctx.live || ctx.response || !alerts) return;
  const alert = document.createElement("div");
  alert.className = "alert tone-bad mb-0";
  alert.setAttribute("role", "alert");
  alert.textContent = "The server can’t be reached. What you wrote is still here; try again in a moment.";
  alerts.replaceChildren(alert);
});
document.addEventListener("htmx:after:process", (event) => {
  armToasts(event.target === document.body ? document : event.target);
  connect();
});

// htmx may have looked through the page before this module was there.
armToasts(document);
showTab();
watchThumbs();
connect();
focusFirstError();
