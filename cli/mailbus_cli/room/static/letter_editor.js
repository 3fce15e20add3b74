// The editor of a dead letter, which checks the job as it is typed.
"use strict";

(() => {
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
    document.querySelector(".editor [role=tab]").click();
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
