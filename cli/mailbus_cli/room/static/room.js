// What all pages share: copying, and keys.
"use strict";

(() => {
  const say = (text) => {
    const toast = document.createElement("p");
    toast.className = "toast";
    toast.setAttribute("role", "status");
    toast.textContent = text;
    document.body.append(toast);
    setTimeout(() => toast.remove(), 1600);
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest && event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      say("Copied");
    } catch {
      say("The browser does not let pages copy");
    }
  });

  // What is repaired elsewhere, such as expired credentials, is shown as soon as the page can be read.
  const retry = () => {
    const request = new XMLHttpRequest();
    request.open("GET", location.href);
    request.onload = () => (request.status === 200 ? location.reload() : setTimeout(retry, 5000));
    request.onerror = () => setTimeout(retry, 5000);
    request.send();
  };
  if (document.querySelector("[data-retry]")) setTimeout(retry, 5000);

  // j and k move through a list; Enter opens the row that has the focus
  const step = (by) => {
    const rows = [...document.querySelectorAll("[data-list] a[data-mail]")];
    const at = rows.indexOf(document.activeElement);
    const from = at >= 0 ? at : rows.findIndex((row) => row.hasAttribute("aria-current"));
    const next = rows[Math.min(Math.max(from + by, 0), rows.length - 1)];
    if (next) next.focus();
  };

  const PAGES = { s: "/sent", r: "/received", d: "/dead-letters", o: "/overview", t: "/tools" };
  let going = false;
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (field) field.blur();
      else if (!document.querySelector("[popover]:popover-open, dialog[open]")) document.querySelector("[data-back]")?.click();
      return;
    }
    if (field && !field.matches("[type=radio], [type=checkbox]")) return;
    if (going) {
      going = false;
      // only pages that the navigation has
      document.querySelector(`.side a[href="${PAGES[event.key]}"]`)?.click();
      return;
    }
    if (event.key === "g") going = true;
    const target =
      document.querySelector(`[data-key="${CSS.escape(event.key)}"]`) ||
      (event.key === "." ? null : document.querySelector(`.tabs [data-tab="${CSS.escape(event.key)}"]`));
    if (!target && (event.key === "j" || event.key === "k")) return step(event.key === "j" ? 1 : -1);
    if (!target || target.hidden) return;
    event.preventDefault();
    if (target.matches("input")) target.focus();
    else target.click();
  });
})();
