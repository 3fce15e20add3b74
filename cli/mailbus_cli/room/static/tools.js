// The tools of the laptop: conveniences, without which the forms work as well.
"use strict";

(() => {
  // The usual answer of a kind is shown in the field, and taken if nothing is written there.
  document.addEventListener("change", (event) => {
    const answer = event.target.selectedOptions && event.target.selectedOptions[0].dataset.answer;
    const field = document.getElementById((event.target.id || "").replace("kind-", "answer-"));
    if (field && field !== event.target) field.placeholder = answer || "";
  });

  // The command for the event that the form has, as the server writes it.
  document.addEventListener("click", (event) => {
    const button = event.target.closest && event.target.closest("[data-copy-command]");
    if (!button) return;
    event.preventDefault();
    const request = new XMLHttpRequest();
    request.open("POST", button.formAction);
    request.onload = () => {
      if (request.status !== 200) return button.form.requestSubmit(button);
      document.dispatchEvent(new CustomEvent("room:copy", { detail: request.responseText }));
    };
    request.send(new FormData(button.form));
  });

  // What happens meanwhile: a fault is used up, the mail has another status. Fields, and where the focus is, stay.
  const PARTS = [".armed", ".used", ".event-status", ".becomes"];
  let isReading = false;
  let isBehind = false;
  const refresh = () => {
    isBehind = isReading;
    if (isReading) return;
    isReading = true;
    // the mail that is shown, which may be the newest no more
    const choice = document.querySelector(".event-mail");
    const request = new XMLHttpRequest();
    request.responseType = "document";
    request.open("GET", `/tools?${choice ? new URLSearchParams(new FormData(choice)) : ""}`);
    request.setRequestHeader("X-Part", "main");
    request.onload = () => {
      if (request.status !== 200) return;
      for (const part of PARTS) {
        const fresh = [...request.response.querySelectorAll(part)];
        const shown = [...document.querySelectorAll(part)];
        if (fresh.length !== shown.length) continue;
        shown.forEach((old, at) => {
          if (old.contains(document.activeElement) || old.isEqualNode(fresh[at])) return;
          old.replaceWith(document.adoptNode(fresh[at]));
        });
      }
    };
    request.onloadend = () =>
      setTimeout(() => {
        isReading = false;
        if (isBehind) refresh();
      }, 500);
    request.send();
  };
  if (document.querySelector(".tools-page")) {
    document.addEventListener("room:live", refresh);
    document.addEventListener("room:vitals", refresh);
  }

  // A slider beside the field that it sets.
  for (const slider of document.querySelectorAll("[data-sets]")) {
    const field = document.getElementById(slider.dataset.sets);
    const follow = () => {
      const number = Number(field.value);
      if (number > Number(slider.max)) slider.max = number;
      if (number > 0) slider.value = number;
    };
    follow();
    slider.hidden = false;
    field.addEventListener("input", follow);
    slider.addEventListener("input", () => (field.value = slider.value));
  }
})();
