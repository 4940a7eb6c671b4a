// Keeps a part of the page fresh: <div data-refresh="/address" data-every="5000"> gets that address's HTML again and
// again. An answer with `X-Settled: 1` is the last. Nothing is asked while nobody looks at the page.
(function () {
  "use strict";

  function keepFresh(part) {
    const every = Number(part.dataset.every) || 5000;
    const note = document.querySelector("[data-refresh-note]");
    let failures = 0;

    async function refresh() {
      if (document.hidden) {
        return schedule();
      }
      try {
        const response = await fetch(part.dataset.refresh, {
          credentials: "same-origin",
          headers: { "X-Requested-With": "XMLHttpRequest" },
        });
        if (!response.ok || response.redirected) {
          throw new Error("answer " + response.status);
        }
        const html = await response.text();
        const open = Array.from(part.querySelectorAll("details[open][id]"), (element) => element.id);
        part.innerHTML = html;
        open.forEach((id) => {
          const element = document.getElementById(id);
          if (element) {
            element.open = true;
          }
        });
        failures = 0;
        say("");
        if (response.headers.get("X-Settled") === "1") {
          return;
        }
      } catch (error) {
        failures += 1;
        say("No answer from the portal. What you see may be old.");
      }
      schedule();
    }

    function schedule() {
      window.setTimeout(refresh, every * Math.min(1 + failures, 6));
    }

    function say(text) {
      if (note) {
        note.textContent = text;
        note.hidden = text === "";
      }
    }

    schedule();
  }

  // A button with data-copy="id" copies that element's text; where the browser forbids it, the text is selected.
  async function copy(button) {
    const source = document.getElementById(button.dataset.copy);
    window.getSelection().selectAllChildren(source);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch (error) {
      button.textContent = "Selected: press Ctrl+C";
    }
  }

  document.addEventListener("click", function (event) {
    const button = event.target.closest("[data-copy]");
    if (button) {
      copy(button);
    }
  });

  document.addEventListener("DOMContentLoaded", function () {
    document.querySelectorAll("[data-refresh]").forEach(keepFresh);
  });
})();
