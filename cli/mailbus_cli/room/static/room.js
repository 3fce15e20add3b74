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
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      say("Copied");
    } catch {
      say("The browser does not let pages copy");
    }
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("[data-copy]");
    if (button) copy(button.dataset.copy);
  });
  // what another script has fetched to be copied
  document.addEventListener("room:copy", (event) => copy(event.detail));

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
    const active = document.activeElement;
    const at = rows.findIndex((row) => row === active || (active.matches("[data-select]") && row.closest("tr")?.contains(active)));
    const from = at >= 0 ? at : rows.findIndex((row) => row.hasAttribute("aria-current"));
    const next = rows[Math.min(Math.max(from + by, 0), rows.length - 1)];
    if (next) next.focus();
  };

  // f moves through the choices of a list; Enter takes one
  const filter = () => {
    const chips = [...document.querySelectorAll("[data-chips] a")];
    const at = chips.indexOf(document.activeElement);
    const from = at >= 0 ? at : chips.findIndex((chip) => chip.hasAttribute("aria-current"));
    const next = chips[(from + 1) % chips.length];
    if (next) next.focus();
  };

  // what is selected, and what can be copied of it
  const selected = () => {
    const bar = document.querySelector("[data-selected]");
    if (!bar) return;
    const boxes = [...document.querySelectorAll("[data-select]:checked")];
    bar.hidden = boxes.length === 0;
    bar.querySelector("[data-selected-count]").textContent = `${boxes.length} selected`;
    const unique = (texts) => [...new Set(texts)].join("\n");
    bar.querySelector("[data-copies=ids]").dataset.copy = unique(boxes.map((box) => box.dataset.select));
    const addresses = bar.querySelector("[data-copies=addresses]");
    addresses.hidden = boxes.some((box) => box.dataset.addresses === undefined);
    addresses.dataset.copy = unique(boxes.flatMap((box) => (box.dataset.addresses || "").split("\n")));
  };
  const select = () => {
    const row = document.activeElement.closest("[data-list] tr");
    const box = row && row.querySelector("[data-select]");
    if (!box) return;
    box.checked = !box.checked;
    selected();
  };
  document.addEventListener("change", (event) => event.target.matches("[data-select]") && selected());
  document.addEventListener("click", (event) => {
    if (!event.target.closest || !event.target.closest("[data-clear]")) return;
    for (const box of document.querySelectorAll("[data-select]:checked")) box.checked = false;
    selected();
  });

  const ACTIONS = {
    j: () => step(1),
    k: () => step(-1),
    f: filter,
    x: select,
    "?": () => document.getElementById("keys")?.togglePopover(),
  };
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
      document.querySelector(`.side a[data-go="${CSS.escape(event.key)}"]`)?.click();
      return;
    }
    if (event.key === "g") going = true;
    const target =
      document.querySelector(`[data-key="${CSS.escape(event.key)}"]`) ||
      (event.key === "." ? null : document.querySelector(`.tabs [data-tab="${CSS.escape(event.key)}"]`));
    const action = Object.hasOwn(ACTIONS, event.key) && ACTIONS[event.key];
    if (!target && action) return action();
    if (!target || target.hidden) return;
    event.preventDefault();
    if (target.matches("input")) target.focus();
    else target.click();
  });
})();
