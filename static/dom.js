// What every module reaches for: finding elements, and saying aloud what changed.

export const find = (selector, root = document) => root.querySelector(selector);
export const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];
export const isShown = (element) => element.checkVisibility?.({ visibilityProperty: true }) ?? element.offsetParent !== null;
const TYPED = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]";
export const isTyping = (element) => element?.matches?.(TYPED);

// One region announces to screen readers what changed without a move of the focus. What comes together is said together,
// a moment later: a page that was just put in place has a new region, and what stands in it from the start is not said.
const unsaid = new Set();
let sayTimer;
export function say(text) {
  if (!text) return;
  unsaid.add(text);
  find("#said")?.replaceChildren();
  clearTimeout(sayTimer);
  sayTimer = setTimeout(() => {
    find("#said")?.replaceChildren([...unsaid].join(". "));
    unsaid.clear();
  }, 100);
}
