// What every module reaches for: finding elements, and saying aloud what changed.

export const find = (selector, root = document) => root.querySelector(selector);
export const findAll = (selector, root = document) => [...root.querySelectorAll(selector)];
export const isShown = (element) => element.checkVisibility?.({ visibilityProperty: true }) ?? element.offsetParent !== null;
const TYPED = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select, [contenteditable]";
export const isTyping = (element) => element?.matches?.(TYPED);

// One region tells screen readers what changed without a move of the focus.
let sayTimer;
export function say(text) {
  const region = find("#said");
  if (!region || !text) return;
  region.textContent = "";
  clearTimeout(sayTimer);
  sayTimer = setTimeout(() => { region.textContent = text; }, 100);
}
