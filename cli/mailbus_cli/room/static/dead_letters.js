// The page of dead letters: the editor that checks a job as it is typed, the selection, and what is asked first.
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

  // --- the editor
  const form = document.querySelector("[data-editor]");
  const field = form?.querySelector("textarea[name=text]");
  if (!field) return;
  const editor = document.createElement("div");
  editor.className = "lines";
  editor.contentEditable = "plaintext-only";
  // a browser without it keeps the plain field
  if (editor.contentEditable !== "plaintext-only") return;
  for (const [name, value] of [
    ["role", "textbox"],
    ["aria-multiline", "true"],
    ["aria-label", "The job as JSON"],
    ["aria-describedby", "job-errors"],
    ["spellcheck", "false"],
    ["autocapitalize", "off"],
    ["translate", "no"],
    ["dir", "ltr"],
    ["tabindex", "0"],
  ])
    editor.setAttribute(name, value);

  // Every change is made here, in the text, and then in the lines that it changes: lines are blocks of one text.
  const original = field.value;
  let text = original;
  const lineOf = (content) => {
    const line = document.createElement("div");
    line.append(content || document.createElement("br"));
    return line;
  };
  const draw = (next) => {
    const before = text.split("\n");
    const after = next.split("\n");
    let top = 0;
    while (top < before.length && top < after.length && before[top] === after[top]) top++;
    let bottom = 0;
    const room = Math.min(before.length, after.length) - top;
    while (bottom < room && before[before.length - 1 - bottom] === after[after.length - 1 - bottom]) bottom++;
    const old = [...editor.children].slice(top, before.length - bottom);
    const fresh = after.slice(top, after.length - bottom).map(lineOf);
    // a line that is being typed keeps its error until it is checked again
    if (old.length === fresh.length)
      old.forEach((line, at) => line.dataset.error && (fresh[at].dataset.error = line.dataset.error));
    if (old.length) old[0].before(...fresh);
    else if (editor.children[top]) editor.children[top].before(...fresh);
    else editor.append(...fresh);
    for (const line of old) line.remove();
    text = next;
    field.value = text;
    colour();
  };
  const colour = () => {
    if (!window.Highlight || !CSS.highlights) return;
    const ranges = [];
    for (const { firstChild } of [...editor.children].slice(0, 3000)) {
      if (!firstChild || firstChild.nodeType !== Node.TEXT_NODE) continue;
      for (const match of firstChild.data.matchAll(/"(?:[^"\\]|\\.)*"(?=\s*:)/g)) {
        const range = new Range();
        range.setStart(firstChild, match.index);
        range.setEnd(firstChild, match.index + match[0].length);
        ranges.push(range);
      }
    }
    CSS.highlights.set("json-name", new Highlight(...ranges));
  };
  const offsetOf = (node, at) => {
    const lines = [...editor.children];
    const start = (index) => lines.slice(0, index).reduce((sum, line) => sum + line.textContent.length + 1, 0);
    if (node === editor) return Math.min(start(at), text.length);
    const line = lines.find((each) => each.contains(node));
    const range = new Range();
    range.selectNodeContents(line);
    range.setEnd(node, at);
    return start(lines.indexOf(line)) + range.toString().length;
  };
  const place = (offset) => {
    let left = offset;
    for (const line of editor.children) {
      const length = line.textContent.length;
      if (left <= length) {
        const inText = line.firstChild.nodeType === Node.TEXT_NODE;
        getSelection().collapse(inText ? line.firstChild : line, inText ? left : 0);
        return line;
      }
      left -= length + 1;
    }
    return editor.lastElementChild;
  };

  const ends = (range) => [
    offsetOf(range.startContainer, range.startOffset),
    offsetOf(range.endContainer, range.endOffset),
  ];
  const beside = (selection, kind) => {
    const unit = kind.includes("Word") ? "word" : kind.includes("Line") ? "lineboundary" : "character";
    selection.modify("extend", kind.endsWith("Forward") ? "forward" : "backward", unit);
    return ends(selection.getRangeAt(0));
  };

  let undone = [];
  let done = [];
  let lastKind = "";
  const replace = (from, to, inserted, kind) => {
    // typing is undone by the word, not by the letter
    if (kind !== lastKind || /\s/.test(inserted)) done.push({ text, caret: to });
    if (done.length > 500) done.shift();
    lastKind = kind;
    undone = [];
    draw(text.slice(0, from) + inserted + text.slice(to));
    place(from + inserted.length);
    later();
  };
  const travel = (from, to) => {
    const state = from.pop();
    if (!state) return;
    to.push({ text, caret: offsetOf(getSelection().focusNode, getSelection().focusOffset) });
    lastKind = "";
    draw(state.text);
    place(Math.min(state.caret, text.length)).scrollIntoView({ block: "nearest" });
    later();
  };
  let composing = false;
  editor.addEventListener("compositionstart", () => (composing = true));
  editor.addEventListener("compositionend", () => {
    composing = false;
    const caret = offsetOf(getSelection().focusNode, getSelection().focusOffset);
    const typed = [...editor.children].map((line) => line.textContent).join("\n");
    done.push({ text, caret });
    text = "";
    editor.replaceChildren(lineOf(""));
    draw(typed);
    place(caret);
    later();
  });
  editor.addEventListener("beforeinput", (event) => {
    if (composing || event.inputType === "insertCompositionText") return;
    event.preventDefault();
    const kind = event.inputType;
    if (kind === "historyUndo") return travel(done, undone);
    if (kind === "historyRedo") return travel(undone, done);
    const selection = getSelection();
    // what is inserted by other means than the keyboard may have no range of its own
    const range = event.getTargetRanges()[0] || (selection.rangeCount ? selection.getRangeAt(0) : null);
    if (!range || !editor.contains(range.startContainer)) return;
    let [from, to] = ends(range);
    if (kind.startsWith("delete")) {
      // Chromium gives the caret alone for what a key deletes beside it
      if (from === to) [from, to] = beside(selection, kind);
      return from < to && replace(from, to, "", kind);
    }
    if (kind === "insertParagraph" || kind === "insertLineBreak") {
      const indent = text.slice(text.lastIndexOf("\n", from - 1) + 1, from).match(/^ */)[0];
      return replace(from, to, `\n${indent}`, kind);
    }
    const inserted = event.data ?? event.dataTransfer?.getData("text/plain") ?? "";
    if (kind.startsWith("insert")) replace(from, to, inserted.replace(/\r\n?/g, "\n"), kind);
  });
  editor.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    if (key !== "z" && key !== "y") return;
    event.preventDefault();
    if (key === "y" || event.shiftKey) travel(undone, done);
    else travel(done, undone);
  });
  editor.addEventListener("copy", (event) => {
    const [from, to] = ends(getSelection().getRangeAt(0));
    if (from === to) return;
    event.preventDefault();
    event.clipboardData.setData("text/plain", text.slice(from, to));
  });

  // --- what the sender says of it
  const errors = form.querySelector("[data-errors]");
  const verdict = form.querySelector("[data-verdict]");
  const next = form.querySelector("[data-next-error]");
  const withChanges = form.querySelector("[data-with-changes]");
  const mark = (problems) => {
    for (const line of editor.querySelectorAll("[data-error]")) delete line.dataset.error;
    errors.replaceChildren();
    for (const { path, reason, line } of problems) {
      const shown = editor.children[Math.min(line, editor.children.length) - 1];
      const said = `${path} ${reason}`;
      shown.dataset.error = shown.dataset.error ? `${shown.dataset.error}\n${said}` : said;
      const item = document.createElement("li");
      item.dataset.line = line;
      item.textContent = `Line ${line}: ${said}`;
      errors.append(item);
    }
    next.hidden = problems.length === 0;
    editor.setAttribute("aria-invalid", String(problems.length > 0));
  };
  const say = (words, isWrong) => {
    verdict.classList.toggle("red", isWrong);
    verdict.classList.toggle("green", !isWrong);
    const shown = verdict.querySelector("path");
    shown.setAttribute("d", isWrong ? "m4 4 8 8M12 4l-8 8" : "m3 8.5 3.5 3.5L13 4.5");
    verdict.querySelector("span").textContent = words;
  };
  const rows = form.querySelector("[data-rows]");
  const SIGNS = { "+": "new", "-": "gone", "@": "skipped", " ": "same" };
  const compare = (answer) => {
    form.querySelector("[data-changed]").textContent = answer.changed;
    form.querySelector("[data-no-changes]").hidden = answer.rows.length > 0;
    rows.replaceChildren(
      ...answer.rows.map(({ sign, text: content }) => {
        const row = document.createElement("span");
        row.className = SIGNS[sign];
        row.textContent = sign === "@" ? "…" : `${sign} ${content}`;
        return row;
      }),
    );
  };
  let timer = 0;
  let asked = 0;
  const later = () => {
    if (withChanges) withChanges.disabled = true;
    editor.setAttribute("aria-busy", "true");
    clearTimeout(timer);
    timer = setTimeout(check, 250);
  };
  const check = async () => {
    const mine = ++asked;
    const checked = text;
    let answer;
    try {
      const response = await fetch(form.dataset.check, {
        method: "POST",
        body: new URLSearchParams({
          form_token: form.elements.form_token.value,
          id: form.elements.id.value,
          text: checked,
        }),
      });
      if (!response.ok) throw new Error(await response.text());
      answer = await response.json();
    } catch (error) {
      if (mine === asked) say(error instanceof TypeError ? "Not connected. Start mailbus room again." : error.message, true);
      return;
    }
    if (mine !== asked || checked !== text) return;
    mark(answer.problems);
    compare(answer);
    const count = answer.problems.length;
    const found = count ? `${count} error${count > 1 ? "s" : ""}` : "No errors";
    say(`${found}, checked as you type`, count > 0);
    if (withChanges) withChanges.disabled = count > 0 || answer.changed === 0;
    editor.removeAttribute("aria-busy");
  };
  next.addEventListener("click", () => {
    show(tabs[0]);
    const wrong = [...editor.querySelectorAll("[data-error]")];
    const { focusNode } = getSelection();
    const from = [...editor.children].findIndex((line) => line.contains(focusNode));
    const all = [...editor.children];
    const line = wrong.find((each) => all.indexOf(each) > from) || wrong[0];
    if (!line) return;
    editor.focus();
    const start = all.slice(0, all.indexOf(line)).reduce((sum, each) => sum + each.textContent.length + 1, 0);
    place(start + line.textContent.length - line.textContent.trimStart().length);
    line.scrollIntoView({ block: "center" });
  });

  field.hidden = true;
  field.after(editor);
  text = "";
  editor.append(lineOf(""));
  draw(original);
  mark(
    [...errors.children].map((item) => {
      const path = item.querySelector("b").textContent;
      return { path, reason: item.lastChild.textContent.trim(), line: Number(item.dataset.line) };
    }),
  );
  // an error is as wide as what is seen, however long the line is
  new ResizeObserver(() => editor.style.setProperty("--shown", `${editor.clientWidth - 70}px`)).observe(editor);
  document.querySelector("label[for=job-text]").removeAttribute("for");
})();
