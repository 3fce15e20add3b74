// Keeps an open page up to date by one stream of what changed: lists in place, all else by events of the document.
"use strict";

(() => {
  const PAUSED = "mailbus.paused";
  const BATCH_MS = 250; // between two reads of a list
  const SHARE = 2; // and so many times as long as the last one took
  const ANNOUNCE_MS = 10_000;
  const RETRY_MS = 3000;
  const TOP_PX = 60;
  const ROWS_AT_ONCE = 5;
  const MARKED = 10; // rows
  const main = document.querySelector("main");
  const listed = () => main.querySelector("[data-live]");
  // the path of what the page shows: a list, or one mail
  const look = () => listed()?.dataset.live || "";
  const isList = () => look() === "/sent" || look() === "/received";
  const button = main.querySelector("[data-live-button]");
  const fresh = main.querySelector("[data-new]");

  // A document is read by XMLHttpRequest: a text would have to be trusted as markup.
  const read = (path, then) => {
    const request = new XMLHttpRequest();
    request.responseType = "document";
    request.open("GET", path);
    request.setRequestHeader("X-Part", "main");
    request.onloadend = () => then(request.status === 200 ? request.response : null);
    request.send();
  };

  // --- the list

  // What somebody works with stays where it is: a focus, a selected text, selected rows, a place further down.
  const textSelected = (part) => {
    const selection = getSelection();
    return !selection.isCollapsed && selection.containsNode(part, true);
  };
  const isHeld = (list) =>
    scrollY > TOP_PX ||
    list.contains(document.activeElement) ||
    textSelected(list) ||
    list.querySelector("[aria-selected=true], input:checked") !== null;

  // A row is updated cell by cell, so that a focus in another cell stays.
  let isBehind = false;
  const update = (row, now) => {
    if (row.dataset.version === now.dataset.version) return;
    if (textSelected(row)) {
      isBehind = true;
      return;
    }
    const old = [...row.children];
    [...now.children].forEach((cell, at) => {
      if (!old[at]) row.append(document.adoptNode(cell));
      else if (!old[at].isEqualNode(cell)) {
        const had = old[at].contains(document.activeElement);
        const taken = document.adoptNode(cell);
        const box = taken.querySelector("input[type=checkbox]");
        if (box) box.checked = old[at].querySelector("input:checked") !== null;
        old[at].replaceWith(taken);
        if (had) taken.querySelector("a, button, input")?.focus({ preventScroll: true });
      }
    });
    row.dataset.version = now.dataset.version;
  };

  // Rows that stay while newer ones wait are further down meanwhile: one that changed is found by its id.
  const changed = new Set();
  const updateFurtherDown = (rows) => {
    const id = (row) => decodeURIComponent(row.querySelector("a[data-mail]").pathname.split("/")[2]);
    const behind = rows.filter((each) => look() === "/sent" && changed.has(id(each)));
    changed.clear();
    for (const row of behind.slice(ROWS_AT_ONCE)) changed.add(id(row));
    for (const row of behind.slice(0, ROWS_AT_ONCE)) {
      read(`/sent?q=${encodeURIComponent(id(row))}`, (page) => {
        const now = page && page.querySelector(`[data-list] > [data-id="${CSS.escape(row.dataset.id)}"]`);
        if (now && row.isConnected) update(row, now);
      });
    }
  };

  // When many come at once, marks would only flicker, and cost the time of every frame.
  const mark = (entered) => {
    if (entered.length > MARKED) return;
    for (const row of entered) row.classList.add("entered");
    setTimeout(() => entered.forEach((row) => row.classList.remove("entered")), 2400);
  };

  // Rows as in a page that was read just now; only those that are new or gone are touched.
  const replaceRows = (rows, wanted, known) => {
    const keep = new Set(wanted.map((row) => row.dataset.id));
    const lostFocus = [...rows.children].some((row) => !keep.has(row.dataset.id) && row.contains(document.activeElement));
    for (const row of [...rows.children]) if (!keep.has(row.dataset.id)) row.remove();
    let at = rows.firstElementChild;
    const entered = [];
    for (const row of wanted) {
      const mine = known.get(row.dataset.id);
      if (mine && mine === at) at = at.nextElementSibling;
      else rows.insertBefore(mine || document.adoptNode(row), at);
      if (!mine) entered.push(row);
    }
    mark(entered);
    if (lostFocus) rows.querySelector("a")?.focus({ preventScroll: true });
  };

  let unread = 0;
  const announceNew = (count, isFull) => {
    unread = count;
    if (!fresh) return;
    fresh.hidden = count === 0;
    fresh.querySelector("[data-count]").textContent = `${count}${isFull ? " or more" : ""} new mail${count === 1 ? "" : "s"}`;
  };

  const merge = (page, show) => {
    const old = listed();
    const now = page.querySelector(`[data-live="${CSS.escape(old.dataset.live)}"]`);
    if (!now) return;
    for (const count of main.querySelectorAll("[data-live-count]")) {
      const other = page.querySelector(`[data-live-count="${CSS.escape(count.dataset.liveCount)}"]`);
      if (other && other.textContent !== count.textContent) count.textContent = other.textContent;
    }
    const rows = old.querySelector("[data-list]");
    const wanted = now.querySelector("[data-list]");
    if (!rows || !wanted) {
      if (!rows || show || !isHeld(old)) {
        if (!rows && wanted) say(wanted.children.length);
        if (old.dataset.version !== now.dataset.version) old.replaceWith(document.adoptNode(now));
        announceNew(0);
      }
      return;
    }
    const known = new Map([...rows.children].map((row) => [row.dataset.id, row]));
    const current = rows.querySelector("[aria-current]");
    const list = [...wanted.children];
    const added = list.filter((row) => !known.has(row.dataset.id));
    for (const row of list) if (known.has(row.dataset.id)) update(known.get(row.dataset.id), row);
    if (!show && isHeld(old)) updateFurtherDown([...rows.children].filter((row) => !list.some((one) => one.dataset.id === row.dataset.id)));
    else changed.clear();
    if (added.length && !show && isHeld(old)) {
      if (added.length > unread) say(added.length - unread);
      announceNew(added.length, added.length === list.length);
      return;
    }
    // the mail beside the list stays the one that is open
    if (current) for (const link of wanted.querySelectorAll("[aria-current]")) link.removeAttribute("aria-current");
    if (show || !isHeld(old)) replaceRows(rows, list, known);
    if (!show && added.length) say(added.length);
    announceNew(0);
    old.dataset.version = now.dataset.version;
    const more = old.querySelector(".more");
    const older = now.querySelector(".more");
    if (more && older) more.replaceWith(document.adoptNode(older));
    else if (older) old.append(document.adoptNode(older));
  };

  // One read at a time; at many mails a second the next waits as long as this one took, twice.
  let reading = false;
  let again = false;
  const refresh = (show = false) => {
    if (isPaused() && !show) return;
    if (reading && !show) {
      again = true;
      return;
    }
    reading = true;
    again = false;
    const began = performance.now();
    read(location.href, (page) => {
      const answered = performance.now();
      // paused while it was read: what it shows may be newer than the pause
      if (page && (show || !isPaused())) {
        merge(page, show);
        document.dispatchEvent(new CustomEvent("room:refreshed", { detail: { read: answered - began, merge: performance.now() - answered } }));
      }
      setTimeout(() => {
        reading = false;
        if (again) refresh();
      }, Math.max(BATCH_MS, SHARE * (performance.now() - began)));
    });
  };

  // what waits in the ledger is on no stream: it is read again while it is shown, and when figures have changed
  const AGAIN_MS = 3000;
  const isSeen = () => document.visibilityState === "visible" && document.documentElement.hasAttribute("data-connected");
  setInterval(() => isSeen() && listed()?.hasAttribute("data-live-again") && refresh(), AGAIN_MS);
  document.addEventListener("room:vitals", () => look() === "/sent" && refresh());

  document.addEventListener("selectionchange", () => {
    if (!isBehind || !getSelection().isCollapsed) return;
    isBehind = false;
    refresh();
  });

  // --- what is said aloud, and what the button shows

  const status = document.createElement("p");
  status.className = "hidden";
  status.setAttribute("role", "status");
  document.body.append(status);
  let toSay = 0;
  let saying = null;
  const speak = () => {
    saying = toSay ? setTimeout(speak, ANNOUNCE_MS) : null;
    if (toSay) status.textContent = `${toSay} new mail${toSay === 1 ? "" : "s"}`;
    toSay = 0;
  };
  function say(count) {
    toSay += count;
    if (saying === null) speak();
  }

  const clock = (date) => [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
  const show = (state, word, text) => {
    if (!button) return;
    button.hidden = false;
    button.dataset.state = state;
    button.setAttribute("aria-pressed", String(state === "live"));
    const [shownWord, shownText] = button.querySelectorAll("[data-word], [data-text]");
    if (shownWord.textContent !== word) shownWord.textContent = word;
    if (shownText.textContent !== text) shownText.textContent = text;
  };
  const empty = () => look() === "/sent" && Boolean(listed()?.querySelector(".empty.first"));

  // what stands between two backticks is a command
  const ticked = (text) =>
    text.split("`").map((piece, at) => {
      if (at % 2 === 0) return piece;
      const code = document.createElement("code");
      code.textContent = piece;
      return code;
    });
  let notice = null;
  const warn = (given) => {
    // a page that was read in vain says so itself, and so does the overview
    const problem = main.querySelector("[data-retry], [data-says-failures]") ? null : given;
    const key = problem && JSON.stringify([problem.title, problem.text, problem.copied]);
    if ((notice && notice.dataset.key) === key) return;
    if (notice) notice.remove();
    notice = null;
    if (!problem) return;
    notice = document.createElement("div");
    notice.className = "outcome red live-problem";
    notice.dataset.key = key;
    notice.setAttribute("role", "alert");
    const text = document.createElement("p");
    const title = document.createElement("b");
    title.textContent = `${problem.title}. `;
    text.append(title, ...ticked(problem.text || ""));
    notice.append(text);
    if (problem.copied) {
      const command = document.createElement("pre");
      command.textContent = problem.copied;
      const copy = document.createElement("button");
      copy.type = "button";
      copy.className = "button small";
      copy.dataset.copy = problem.copied;
      copy.textContent = "Copy";
      notice.append(command, copy);
    }
    (main.querySelector("header") || main).after(notice);
  };

  // --- the stream

  let stream = null;
  let last = "";
  let retry = null;
  let lostAt = null;

  const lost = () => {
    lostAt = lostAt || new Date();
    show("lost", "Not live", `since ${clock(lostAt)}`);
    warn({ title: "Not connected", text: "Start `mailbus room` again." });
    document.documentElement.removeAttribute("data-connected");
  };
  const onState = (state) => {
    lostAt = null;
    document.documentElement.setAttribute("data-connected", "");
    if (!state.problem) {
      warn(null);
      show("live", "Live", state.text || (empty() ? "waiting for the first mail" : ""));
      return;
    }
    const at = clock(state.since ? new Date(state.since) : new Date());
    show("lost", "Not live", `since ${at}`);
    const until = state.since ? `What is below was read until ${at} and is not updated. ` : "";
    warn({ title: state.problem, text: until + (state.hint || ""), copied: state.copied });
  };
  const onMails = (changes) => {
    if (isList()) for (const each of changes || []) changed.add(each.id).add(each.job);
    if (isList() && (changes === null || changes.some((each) => `/${each.list}` === look()))) refresh();
    document.dispatchEvent(new CustomEvent("room:live", { detail: changes }));
  };

  const close = () => {
    clearTimeout(retry);
    if (stream) stream.close();
    stream = null;
  };
  const open = () => {
    close();
    stream = new EventSource(`/live?look=${encodeURIComponent(look())}&since=${encodeURIComponent(last)}`);
    stream.addEventListener("state", (event) => onState(JSON.parse(event.data)));
    stream.addEventListener("vitals", () => document.dispatchEvent(new CustomEvent("room:vitals")));
    stream.addEventListener("mails", (event) => {
      last = event.lastEventId;
      onMails(JSON.parse(event.data));
    });
    stream.onerror = () => {
      lost();
      // the browser tries again by itself unless it was refused
      if (stream && stream.readyState === EventSource.CLOSED) retry = setTimeout(open, RETRY_MS);
    };
  };

  // A hidden page needs no stream: a browser has six connections for all of its pages of one server.
  const isPaused = () => sessionStorage.getItem(PAUSED) !== null;
  const follow = () => {
    if (isPaused()) {
      close();
      warn(null);
      document.documentElement.removeAttribute("data-connected");
      show("paused", "Paused", "");
    } else if (document.visibilityState === "hidden") close();
    else open();
  };
  document.addEventListener("visibilitychange", follow);
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && follow());

  button?.addEventListener("click", () => {
    if (isPaused()) sessionStorage.removeItem(PAUSED);
    else sessionStorage.setItem(PAUSED, "");
    follow();
    // what was read when it was paused, and not shown
    if (isList()) refresh();
  });
  fresh?.addEventListener("click", () => {
    scrollTo(0, 0);
    refresh(true);
  });
  if (button) show("connecting", "Live", "");
  follow();
})();
