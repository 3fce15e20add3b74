// The page of dead letters: what is asked before an action, the selection, and the tabs of a letter.
"use strict";

(() => {
  const page = document.querySelector(".letters-page");
  if (!page) return;
  document.querySelector("form[data-submit]")?.submit();

  // --- an action is asked about, then its form is sent
  const dialog = document.querySelector("[data-confirm]");
  let confirmed = null;
  const ask = (button, count) => {
    const form = button.closest("form");
    dialog.querySelector("#confirm-question").textContent = button.dataset.ask.replace("{}", count);
    dialog.querySelector("[data-detail-text]").textContent = (button.dataset.detail || "").replaceAll("`", "");
    dialog.querySelector("[data-ok]").textContent = button.dataset.verb;
    confirmed = () => {
      if (form.elements.text && !("withChanges" in button.dataset)) form.elements.text.disabled = true;
      form.action = `${form.getAttribute("action").replace(/[^/]+$/, "")}${button.dataset.action}`;
      form.submit();
    };
    dialog.showModal();
    dialog.querySelector("[data-ok]").focus();
  };
  dialog?.querySelector("[data-ok]").addEventListener("click", () => confirmed && confirmed());
  dialog?.querySelector("[data-cancel]").addEventListener("click", () => dialog.close());

  // --- the selection
  const list = document.querySelector("[data-bulk]");
  const letters = list ? [...list.querySelectorAll("[data-letter]")] : [];
  const groups = list ? [...list.querySelectorAll("[data-group]")] : [];
  const within = (group) => [...group.closest("section").querySelectorAll("[data-letter]")];
  const words = (count) => (count === 1 ? "1 letter" : `${count.toLocaleString("en")} letters`);
  const chosen = () =>
    groups.reduce((sum, each) => sum + (each.checked ? Number(each.dataset.count) : 0), 0) +
    groups.filter((each) => !each.checked).flatMap(within).filter((each) => each.checked).length;
  const select = () => {
    const count = chosen();
    const bar = list.querySelector("[data-bar]");
    bar.hidden = count === 0;
    for (const each of bar.querySelectorAll("[data-selected]")) each.textContent = count.toLocaleString("en");
    // one key redrives what is selected, or else the letter that is open
    const bulk = bar.querySelector("[data-action=redrive]");
    const single = document.querySelector("[data-letter-key]");
    for (const [button, on] of [[bulk, count > 0], [single, count === 0]]) {
      if (button && on) button.dataset.key = "R";
      else if (button) delete button.dataset.key;
    }
  };
  list?.addEventListener("change", (event) => {
    const box = event.target;
    if ("group" in box.dataset) for (const each of within(box)) each.checked = box.checked;
    else {
      const group = box.closest("section").querySelector("[data-group]");
      const inside = within(group);
      const all = inside.length === Number(group.dataset.count) && inside.every((each) => each.checked);
      group.checked = all;
      group.indeterminate = !all && inside.some((each) => each.checked);
    }
    select();
  });
  if (list) select();

  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
  const which = () => {
    const whole = groups.filter((each) => each.checked);
    const alone = letters.filter((each) => each.checked && !each.closest("section").querySelector("[data-group]").checked);
    if (whole.length === 1 && !alone.length) return `--error ${quoted(whole[0].value)}`;
    return letters.filter((each) => each.checked).map((each) => each.value).join(" ");
  };
  list?.addEventListener("click", async (event) => {
    const command = event.target.closest("[data-command]");
    if (command) await copy(`${command.dataset.command} ${which()}`);
    if (!event.target.closest("[data-lines]")) return;
    const answer = await fetch(list.getAttribute("action").replace(/[^/]+$/, "copy"), {
      method: "POST",
      body: new URLSearchParams(new FormData(list)),
    });
    await copy(await answer.text());
  });
  const copy = async (text) => {
    let said = "Copied";
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      said = "The browser does not let pages copy";
    }
    const toast = document.createElement("p");
    toast.className = "toast";
    toast.setAttribute("role", "status");
    toast.textContent = said;
    document.body.append(toast);
    setTimeout(() => toast.remove(), 1600);
  };

  page.addEventListener("click", (event) => {
    const button = event.target.closest("[data-ask]");
    if (button) ask(button, words(chosen()));
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "x" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
    const row = document.activeElement.closest(".letter-list li") || document.querySelector(".letter-list li.open");
    const box = row?.querySelector("[data-letter]");
    if (box) box.click();
  });

  // --- the tabs of the letter
  const tabs = [...document.querySelectorAll(".editor [role=tab]")];
  const show = (tab) => {
    for (const each of tabs) {
      const on = each === tab;
      each.setAttribute("aria-selected", String(on));
      each.tabIndex = on ? 0 : -1;
      document.getElementById(each.getAttribute("aria-controls")).hidden = !on;
    }
  };
  for (const [at, tab] of tabs.entries()) {
    tab.addEventListener("click", () => show(tab));
    tab.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      const next = tabs[(at + by + tabs.length) % tabs.length];
      show(next);
      next.focus();
    });
  }
})();
