// The figures beside every page, and the panels of the overview: kept up to date while the page is seen.
"use strict";

(() => {
  const body = document.body;
  const seconds = Number(body.dataset.vitalsSeconds);
  if (!seconds) return;
  // the overview has the figures too
  const overview = document.querySelector("[data-part]");
  const path = overview ? location.pathname : "/vitals";

  const swap = (page, name) => {
    for (const fresh of page.querySelectorAll(`[${name}]`)) {
      const old = document.querySelector(`[${name}="${CSS.escape(fresh.getAttribute(name))}"]`);
      if (!old || old.isEqualNode(fresh) || (old.contains(document.activeElement) && document.activeElement !== body)) continue;
      old.replaceWith(document.adoptNode(fresh));
    }
  };

  let busy = false;
  const refresh = () => {
    if (busy || document.visibilityState !== "visible") return;
    busy = true;
    // A document is read by XMLHttpRequest: a text would have to be trusted as markup.
    const request = new XMLHttpRequest();
    request.responseType = "document";
    request.open("GET", path);
    request.onload = () => {
      if (request.status !== 200 || !request.response) return;
      swap(request.response, "data-vitals");
      if (overview) swap(request.response, "data-part");
    };
    request.onloadend = () => (busy = false);
    request.send();
  };

  const words = (age) => {
    if (age < 60) return `${age} s ago`;
    const minutes = Math.floor(age / 60);
    return minutes < 60 ? `${minutes} min ${age % 60} s ago` : `${Math.floor(minutes / 60)} h ${minutes % 60} min ago`;
  };
  const tick = () => {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      time.textContent = words(Math.max(0, Math.round((Date.now() - Date.parse(time.dateTime)) / 1000)));
    }
  };

  // The stream says when the figures changed; the overview's chart moves by itself.
  const timed = () => {
    const isTold = !overview && document.documentElement.hasAttribute("data-connected");
    if (!isTold && sessionStorage.getItem("mailbus.paused") === null) refresh();
  };
  document.addEventListener("room:vitals", refresh);
  document.addEventListener("visibilitychange", timed);
  setInterval(timed, seconds * 1000);
  setInterval(tick, 1000);
  if (!overview) refresh();
})();
