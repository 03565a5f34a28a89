"use strict";
// What a page does when it is used. Without it all of the page can still be read.
(() => {
  document.documentElement.classList.add("js");
  const small = matchMedia("(max-width: 48rem)");
  const every = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (parent, tag, text = "") => {
    const element = parent.appendChild(document.createElement(tag));
    element.textContent = text;
    return element;
  };

  const copy = async (text, button) => {
    const said = button.textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Select it and copy";
    }
    setTimeout(() => { button.textContent = said; }, 2000);
  };
  for (const pre of every("pre.command")) {
    const button = document.createElement("button");
    button.textContent = "Copy";
    button.className = "copy";
    pre.after(button);
    button.addEventListener("click", () => copy(pre.textContent, button));
  }

  // On a small screen groups of images are closed at first; what a link leads to is opened.
  const folded = every("details[data-fold]");
  for (const each of folded) each.open = !small.matches;
  const reveal = () => {
    let place = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!place) return;
    for (let at = place; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    place.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  reveal();
  addEventListener("beforeprint", () => { for (const each of every("details")) each.open = true; });

  // The navigation says where one is.
  const links = new Map(every("nav a").map((link) => [link.hash.slice(1), link]));
  const bar = document.querySelector("nav ul");
  const here = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) here[entry.isIntersecting ? "add" : "delete"](entry.target.id);
    const first = [...links.keys()].find((id) => here.has(id));
    for (const [id, link] of links) {
      if (id !== first) link.removeAttribute("aria-current");
      else if (!link.hasAttribute("aria-current")) {
        link.setAttribute("aria-current", "true");
        bar.scrollTo({ left: link.offsetLeft - bar.offsetLeft - bar.clientWidth / 3 });
      }
    }
  }, { rootMargin: "-64px 0px -50% 0px" });
  for (const id of links.keys()) {
    const section = document.getElementById(id);
    if (section) watcher.observe(section);
  }

  // An image is shown large, with its whole name; arrow keys go along the images of its strip.
  const tiles = every(".tiles button");
  if (!tiles.length) return;
  const dialog = make(document.body, "dialog");
  dialog.className = "large";
  const canvas = make(dialog, "canvas");
  canvas.setAttribute("role", "img");
  const name = make(dialog, "p");
  name.id = "large-name";
  const what = make(dialog, "p");
  what.className = "note";
  dialog.setAttribute("aria-labelledby", name.id);
  const buttons = make(dialog, "p");
  const copier = make(buttons, "button", "Copy name");
  const before = make(buttons, "button", "Previous");
  const after = make(buttons, "button", "Next");
  const closer = make(buttons, "button", "Close");
  let current = null;

  const beside = (tile, step) => tile.parentElement.children[[...tile.parentElement.children].indexOf(tile) + step];
  const show = (tile) => {
    current = tile;
    const image = tile.closest(".photos").querySelector("img");
    const caption = tile.closest("figure").querySelector("figcaption");
    const scale = image.naturalWidth / image.clientWidth;
    const [left, top, width, height] =
      [tile.offsetLeft, tile.offsetTop, tile.offsetWidth, tile.offsetHeight].map((it) => Math.round(it * scale));
    [canvas.width, canvas.height] = [width, height];
    canvas.getContext("2d").drawImage(image, left, top, width, height, 0, 0, width, height);
    const text = caption ? caption.textContent : "";
    name.textContent = tile.dataset.file || text;
    what.textContent = text === name.textContent ? "" : text;
    canvas.setAttribute("aria-label", name.textContent);
    copier.hidden = !tile.dataset.file;
    before.disabled = !beside(tile, -1);
    after.disabled = !beside(tile, 1);
    if (!dialog.open) dialog.showModal();
  };
  const go = (step) => { const next = beside(current, step); if (next) show(next); };
  copier.addEventListener("click", () => copy(name.textContent, copier));
  before.addEventListener("click", () => go(-1));
  after.addEventListener("click", () => go(1));
  closer.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => current && current.focus());
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) { event.preventDefault(); go(step); }
  });

  for (const tile of tiles) {
    tile.setAttribute("aria-label", `Enlarge ${tile.dataset.file || "what is made"}`);
    tile.title = tile.dataset.file;
    // One stop of the tab key for each strip.
    tile.tabIndex = beside(tile, -1) ? -1 : 0;
    tile.addEventListener("click", () => show(tile));
    tile.addEventListener("keydown", (event) => {
      const next = beside(tile, { ArrowRight: 1, ArrowLeft: -1 }[event.key] || 0);
      if (!next || next === tile) return;
      event.preventDefault();
      tile.tabIndex = -1;
      next.tabIndex = 0;
      next.focus();
    });
  }
})();
