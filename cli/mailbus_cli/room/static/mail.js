// The pages of one mail and of received mail: steps within the list, choices, and what is new on the timeline.
"use strict";

(() => {
  const LIST = "mailbus.list";
  const main = document.querySelector("main") || document.body;

  // The list that a mail was opened from: its addresses, in order.
  const remember = (event) => {
    const link = event.target.closest && event.target.closest("a[href]");
    const list = link && link.closest("[data-list]");
    if (!list) return;
    const paths = [...list.querySelectorAll("a[data-mail]")].map((each) => each.getAttribute("href"));
    sessionStorage.setItem(LIST, JSON.stringify({ from: location.pathname + location.search, paths }));
  };
  document.addEventListener("click", remember, true);

  const known = () => {
    try {
      return JSON.parse(sessionStorage.getItem(LIST)) || { paths: [] };
    } catch {
      return { paths: [] };
    }
  };
  const id = (path) => path.split("?")[0].split("/").slice(0, 3).join("/");
  const steps = document.querySelector("[data-steps]");
  if (steps) {
    const list = known();
    const at = list.paths.map(id).indexOf(id(location.pathname));
    const place = (name, path) => {
      const link = steps.querySelector(`[rel=${name}]`);
      if (!path) return;
      link.href = path;
      link.hidden = false;
    };
    if (at >= 0) {
      steps.querySelector("[data-position]").textContent = `${at + 1} of ${list.paths.length}`;
      place("prev", list.paths[at - 1]);
      place("next", list.paths[at + 1]);
      const back = document.querySelector("[data-back]");
      if (back && list.from) back.href = list.from;
    }
  }

  document.addEventListener("change", (event) => {
    if (event.target.matches("select[data-submit]")) event.target.form.requestSubmit();
    if (event.target.matches("input[name=zone], input[name=width]")) {
      localStorage.setItem(`mailbus.${event.target.name}`, event.target.value);
    }
  });
  const restore = () => {
    for (const name of ["zone", "width"]) {
      const value = localStorage.getItem(`mailbus.${name}`);
      const input = value && [...document.querySelectorAll(`input[name=${name}]`)].find((each) => each.value === value);
      if (input) input.checked = true;
    }
  };
  restore();

  // A document is read by XMLHttpRequest: a text would have to be trusted as markup.
  const read = (then) => {
    const request = new XMLHttpRequest();
    request.responseType = "document";
    request.open("GET", location.href);
    request.setRequestHeader("X-Part", "main");
    request.onload = () => then(request.status === 200 ? request.response : null);
    request.send();
  };
  const PARTS = [".outcome", ".mail-time"];
  const refresh = (then) =>
    read((page) => {
      let changed = false;
      if (!page) return then && then(false);
      for (const part of PARTS) {
        const old = main.querySelector(part);
        const fresh = page.querySelector(part);
        if (!old || !fresh || old.dataset.version === fresh.dataset.version) continue;
        if (old.contains(document.activeElement) && document.activeElement !== document.body) continue;
        old.replaceWith(document.adoptNode(fresh));
        changed = true;
      }
      if (changed) restore();
      if (then) then(changed);
    });

  // What was made or enqueued here is on the timeline some seconds later.
  const wait = (tries) => refresh(() => tries > 0 && setTimeout(wait, 500, tries - 1));
  const asked = new URLSearchParams(location.search);
  const early = "[data-look-again], [data-waits]";
  const look = (tries) =>
    read((page) => {
      if (page && !page.querySelector(early)) location.reload();
      else if (tries > 0) setTimeout(look, 500, tries - 1);
    });
  if (main.querySelector(early)) setTimeout(look, 400, 60);
  else if (asked.has("made") || asked.has("enqueued")) setTimeout(wait, 400, 30);
  // this mail changed, or what changed is not known
  const isOf = (changes) => !changes || changes.some((each) => [each.id, each.job].includes(id(decodeURIComponent(location.pathname)).split("/")[2]));
  const isMail = main.querySelector(".mail-page") !== null;
  document.addEventListener("room:live", (event) => isMail && isOf(event.detail) && refresh());
})();
