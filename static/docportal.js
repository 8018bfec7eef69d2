// Comfort only: every page works without this file.
(() => {
  "use strict";
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  // --- Keyboard: "/" goes to the box, arrows move through the passages -------------------------
  const typing = (element) => element.matches("input, textarea, select, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    const editing = event.target.closest("details.edit[open]");
    if (editing && event.key === "Enter" && event.ctrlKey) event.target.form?.requestSubmit();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (editing && event.key === "Escape") leave(editing);
    const box = $("#ask");
    const isPressing = $("#keys")?.checked && !typing(event.target);
    if (event.key === "/" && isPressing) {
      event.preventDefault();
      box.focus();
      box.select();
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") moveToPassage(event, box);
    if (isPressing && !event.target.closest("header")) press(event);
    if (event.key === "Escape") $$("details.menu[open]").forEach(leave);
  });

  // Who speaks to the computer would press keys by chance: they can be switched off.
  $("#keys")?.addEventListener("change", ({ target }) => {
    target.defaultChecked = target.checked;
    const kept = target.checked ? "on" : "off";
    document.cookie = `keys=${kept}; path=/; max-age=${365 * 24 * 3600}; samesite=lax`;
  });

  function moveToPassage(event, box) {
    const links = $$(".passage > a");
    const here = links.indexOf(document.activeElement);
    if (!links.length || (here < 0 && event.target !== box)) return;
    event.preventDefault();
    const next = here + (event.key === "ArrowDown" ? 1 : -1);
    if (next < 0) box.focus();
    else links[Math.min(next, links.length - 1)].focus();
  }

  // --- Review: a letter presses what carries it, once; editing starts in its first field --------
  let leaving = false;

  function press(event) {
    const target = $(`[data-key="${CSS.escape(event.key)}"]`);
    if (!target || leaving || event.repeat) return;
    event.preventDefault();
    leaving = !target.matches("summary");
    target.click();
  }
  window.addEventListener("pageshow", () => (leaving = false));

  function leave(details) {
    const isWithin = details.contains(document.activeElement);
    details.open = false;
    if (isWithin) $("summary", details).focus();
  }

  // A browser tells of what was open from the start, too; nobody asked to write there.
  let pressed = null;
  document.addEventListener("click", (event) => (pressed = event.target.closest("summary")));
  document.addEventListener("toggle", (event) => {
    const isOpened = event.target.matches("details.edit[open]") && event.target.contains(pressed);
    if (isOpened) $("textarea", event.target).focus();
  }, true);

  document.addEventListener("change", (event) => {
    const name = event.target.dataset.all;
    if (name) $$(`[name="${name}"]`).forEach((box) => (box.checked = event.target.checked));
  });

  // --- Asking: a search still on its way must not push the answer off the page ------------------
  let asked = null;

  // Before htmx hears of it, which then goes on with the search that waits.
  document.addEventListener("submit", (event) => {
    if (event.target.matches(".askbox")) asked = $("#ask").value;
  }, true);
  document.addEventListener("htmx:beforeRequest", (event) => {
    const box = event.detail.elt;
    if (box.id !== "ask") return;
    if (box.value === asked) event.preventDefault();
    else asked = null;
  });

  // --- Appearance, retry: back to what is shown, which may have another address since -----------
  document.addEventListener("submit", (event) => {
    const next = event.target.matches(".themes, .retry") && event.target.elements.next;
    if (next) next.value = location.pathname + location.search;
  });

  // --- Times: the exact one on hover in the reader's own zone ----------------------------------
  function localTimes(root) {
    for (const time of $$("time[datetime]", root)) {
      time.title = new Date(time.dateTime).toLocaleString();
    }
  }

  // --- Replies: the login in place of one, and what was taken ----------------------------------
  const isLogin = (xhr) =>
    Boolean(xhr.responseURL) && new URL(xhr.responseURL).pathname === "/accounts/login/";
  // To htmx a refusal that is shown is a success, too.
  const isTaken = (xhr) => xhr.status >= 200 && xhr.status < 300 && !isLogin(xhr);

  // --- Uploads: folders keep their paths, files can be dropped anywhere ------------------------
  const paths = new WeakMap();
  let sent = new Set(); // the files of the upload that is under way

  function offer(files) {
    const form = $("#upload form");
    if (!form || !files.length) return;
    const field = $("[name=uploads]", form);
    // Those that wait for the upload under way go with these.
    const waiting = sent.size ? [...field.files].filter((file) => !sent.has(file)) : [];
    const transfer = new DataTransfer();
    [...waiting, ...files].forEach((file) => transfer.items.add(file));
    field.files = transfer.files;
    $("#upload").open = true;
    describe(form);
  }

  function describe(form) {
    const files = [...$("[name=uploads]", form).files];
    const names = files.map((file) => paths.get(file) || file.webkitRelativePath || file.name);
    $("[name=paths]", form).value = JSON.stringify(names);
  }

  async function entryFiles(entry, unread) {
    const path = entry.fullPath.replace(/^\//, "");
    const children = [];
    try {
      if (entry.isFile) {
        const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
        paths.set(file, path);
        return [file];
      }
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
        if (!some.length) break;
        children.push(...some);
      }
    } catch {
      unread.push(path);
    }
    return (await Promise.all(children.map((child) => entryFiles(child, unread)))).flat();
  }

  function sayUnread(unread, files) {
    const names = unread.slice(0, 5).join(", ") + (unread.length > 5 ? " and more" : "");
    const next = files.length ? "Upload sends the others without." : "Nothing was uploaded.";
    say(`${names} could not be read. ${next}`);
  }

  function acceptUploads() {
    const form = $("#upload form");
    if (!form) return;
    const uploads = $("[name=uploads]", form);
    const note = $("[name=note]", form);
    uploads.addEventListener("change", () => describe(form));
    $("#folder").addEventListener("change", (event) => {
      const files = [...event.target.files];
      files.forEach((file) => paths.set(file, file.webkitRelativePath));
      offer(files);
    });
    form.addEventListener("htmx:xhr:progress", (event) => {
      const progress = $("#upload-progress");
      progress.hidden = false;
      progress.value = event.detail.total ? (100 * event.detail.loaded) / event.detail.total : 0;
    });
    let sentNote = "";
    let focused = null;
    form.addEventListener("htmx:beforeRequest", () => {
      sent = new Set(uploads.files);
      sentNote = note.value;
      focused = document.activeElement;
    });
    form.addEventListener("htmx:afterRequest", (event) => {
      $("#upload-progress").hidden = true;
      // The button has lost it, as it could not be pressed meanwhile.
      if (document.activeElement === document.body) focused.focus();
      const isMore = [...uploads.files].some((file) => !sent.has(file));
      sent = new Set();
      // What was refused, all of it or file by file, may be mended and sent again.
      if (!isTaken(event.detail.xhr) || !$("#notices .success")) return;
      // What was chosen or typed meanwhile is for the next one, and so is the collection: what is
      // uploaded next is likely to belong there, too.
      const emptied = isMore ? [] : $$("[name=uploads], [name=paths], #folder", form);
      emptied.forEach((field) => (field.value = ""));
      if (note.value === sentNote) note.value = "";
    });
    // The form is gone where an answer has taken the place of the page.
    const isUpload = (event) =>
      $("#upload form") && [...event.dataTransfer.types].includes("Files");
    document.addEventListener("dragover", (event) => {
      if (!isUpload(event)) return;
      event.preventDefault();
      document.body.classList.add("dropping");
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) document.body.classList.remove("dropping");
    });
    document.addEventListener("drop", async (event) => {
      if (!isUpload(event)) return;
      event.preventDefault();
      document.body.classList.remove("dropping");
      const unread = [];
      const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
      const found = items.map((item) => {
        const entry = item.webkitGetAsEntry();
        return entry ? entryFiles(entry, unread) : item.getAsFile();
      });
      const files = (await Promise.all(found)).flat();
      if (unread.length) sayUnread(unread, files);
      if (!files.length) return;
      offer(files);
      const collection = $("[name=collection]", form);
      if (collection.options.length === 1 && !unread.length) form.requestSubmit();
      else collection.focus();
    });
  }

  // --- What is typed stays: what the server has to tell by itself waits for it -----------------
  const CHANGED = "This page has changed meanwhile. Load it again when what you typed is sent.";

  function isChanged(field) {
    if (field.matches("[type=checkbox], [type=radio]")) return field.checked !== field.defaultChecked;
    if (!field.matches("select")) return field.value !== field.defaultValue;
    return field.selectedOptions[0] !== ($("[selected]", field) || field.options[0]);
  }
  const isTyped = (root) => $$("input, textarea, select", root).some(isChanged);

  // The answer takes the place of the page, but not of what was typed there to be sent.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, target } = event.detail;
    if (target.id !== "main" || !elt.matches(".askbox, #ask, .followup")) return;
    const written = "input:not([type=checkbox], [type=radio], [type=file]), textarea";
    const others = $$("form[method=post]", target).filter((form) => form !== elt);
    if (!others.some((form) => $$(written, form).some(isChanged))) return;
    event.preventDefault();
    say("What you typed below would be lost. Send it or empty it, then ask.", "warning");
    $("#notices").scrollIntoView({ block: "nearest" });
  });
  // What was sent is typed no longer, though it stays in its field.
  document.addEventListener("htmx:afterRequest", (event) => {
    const { elt, xhr, requestConfig } = event.detail;
    if (!elt.matches("form") || !isTaken(xhr)) return;
    for (const field of $$("textarea", elt)) {
      field.defaultValue = requestConfig.formData.get(field.name);
    }
  });

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { requestConfig, target } = event.detail;
    if (!requestConfig?.elt.matches("[hx-trigger^='sse:']")) return;
    const field = $(":is(input, textarea, select):focus", target);
    if (!field && !isTyped(target)) return;
    event.detail.shouldSwap = false;
    say(CHANGED, "warning");
  });

  // --- What asks by itself: its part may be gone, or say what it said before ---------------------
  const said = new Map();

  document.addEventListener("htmx:beforeSwap", (event) => {
    const { requestConfig, serverResponse, shouldSwap, xhr } = event.detail;
    const asking = requestConfig?.elt;
    if (!asking?.matches("[hx-trigger^='every']") || !shouldSwap || isLogin(xhr)) return;
    const select = asking.getAttribute("hx-select");
    const part = $(select, new DOMParser().parseFromString(serverResponse, "text/html"));
    // What is read, scrolled or has the focus stays as long as it can.
    event.detail.shouldSwap = Boolean(part) && said.get(select) !== part.outerHTML;
    said.set(select, part?.outerHTML);
    if (part) tell(part);
    else sayGone(asking);
  });

  // A region that is new with a reply is not read: one that stays says it.
  function tell(part) {
    const news = $("[data-told]", part)?.textContent.trim();
    if (news && news !== $("#told").textContent) $("#told").textContent = news;
  }

  function sayGone(asking) {
    const { gone } = asking.dataset;
    if (gone || isTyped(document)) say(gone || CHANGED, "warning");
    else location.reload();
  }

  // --- When a request fails or the session has ended -------------------------------------------
  document.addEventListener("htmx:beforeSwap", (event) => {
    // A notice says what happened, whatever the status.
    if (event.detail.xhr?.getResponseHeader("HX-Retarget") === "#notices") {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
    if (event.detail.xhr && isLogin(event.detail.xhr)) {
      event.detail.shouldSwap = false;
      if (event.detail.requestConfig.verb === "get" && !isTyped(document)) location.reload();
      else say("You are logged out. Copy what you typed, then load the page again to log in.");
    }
  });

  function say(text, kind = "error") {
    // What asks every two seconds would have it read out as often.
    if ($("#notices").textContent === text) return;
    const notice = document.createElement("p");
    notice.className = `notice ${kind}`;
    notice.textContent = text;
    $("#notices").replaceChildren(notice);
  }

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id !== "main") return;
    $("#notices").replaceChildren();
    // What had the focus is gone: the keyboard goes on here, not at the head of the page.
    if (document.activeElement === document.body) event.target.focus({ preventScroll: true });
    // With an address of its own it is another page than the links above say.
    const moved = event.detail.xhr?.getResponseHeader("HX-Push-Url");
    if (moved) $$("header [aria-current]").forEach((link) => link.removeAttribute("aria-current"));
  });
  document.addEventListener("htmx:sendError", () =>
    say("The portal does not answer. What you typed is still here: try again in a moment."));
  document.addEventListener("htmx:responseError", (event) => {
    const texts = { 403: "Your account may not do this.", 404: "There is nothing here that you may read." };
    say(texts[event.detail.xhr.status] || "Something broke on our side. What you typed is still here: try again.");
  });

  function improve(root) {
    localTimes(root);
    $$(".needs-script:not(progress)", root).forEach((element) => (element.hidden = false));
  }
  document.addEventListener("htmx:load", (event) => improve(event.target));
  improve(document);
  acceptUploads();
})();
