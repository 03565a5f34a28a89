"use strict";
// Names and pictures of the points of each map, for a mouse, a finger and a keyboard.
(() => {
  const NEAR = 24; // CSS pixels from which a point is found
  const FULL = 65535, NO_CLUSTER = 127, KEPT = 128, SHOWN = 96;

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const words = (text) => {
    const view = new DataView(bytes(text).buffer);
    return Uint16Array.from({ length: view.byteLength / 2 }, (_, i) => view.getUint16(2 * i, true));
  };
  const add = (parent, tag, name) => {
    const element = parent.appendChild(document.createElement(tag));
    element.className = name;
    return element;
  };

  const bring = (figure) => {
    const data = JSON.parse(document.getElementById(figure.dataset.map).textContent);
    const x = words(data.x), y = words(data.y);
    const flags = bytes(data.flags), distances = words(data.distances);
    const plot = figure.querySelector(".plot");
    const ring = add(plot, "span", "ring");
    const card = add(plot, "div", "card");
    const image = add(card, "div", "photo");
    const text = add(card, "div", "text");
    const hint = figure.appendChild(document.createElement("p"));
    hint.className = "note hint";
    hint.textContent = "Point at or tap an image, or go through them with the arrow keys.";
    plot.tabIndex = 0;
    plot.setAttribute("role", "group");
    plot.setAttribute("aria-label", "Images on the map: arrow keys go from one to the next");
    text.setAttribute("aria-live", "polite");
    let current = -1, started = false;

    const say = (i) => {
      const cluster = flags[i] % KEPT, lines = [];
      if (i < data.names.length) lines.push(data.prefix + data.names[i]);
      lines.push(
        (cluster === NO_CLUSTER ? "no cluster" : `cluster ${cluster}`) +
          (distances[i] === FULL ? "" : `, distance ${((distances[i] / (FULL - 1)) * data.scale).toFixed(2)}`),
        flags[i] >= KEPT ? "picked" : "dropped",
      );
      if (i >= data.pictures) lines.push("(no picture of it on this page)");
      text.replaceChildren(...lines.map((line) => {
        const element = document.createElement("div");
        element.textContent = line;
        return element;
      }));
    };
    const picture = (i) => {
      image.hidden = i >= data.pictures;
      if (image.hidden) return;
      if (!started) {
        image.style.backgroundImage = `url("${data.atlas}")`;
        started = true;
      }
      const scale = SHOWN / data.side;
      const rows = Math.ceil(data.pictures / data.columns);
      image.style.backgroundSize = `${data.columns * SHOWN}px ${rows * data.side * scale}px`;
      image.style.backgroundPosition =
        `${-(i % data.columns) * SHOWN}px ${-Math.floor(i / data.columns) * SHOWN}px`;
    };
    const show = (i) => {
      if (i === current) return;
      current = i;
      card.classList.toggle("shown", i >= 0);
      ring.classList.toggle("shown", i >= 0);
      if (i < 0) return;
      const across = x[i] / FULL, down = y[i] / FULL;
      say(i);
      picture(i);
      ring.style.left = `${100 * across}%`;
      ring.style.top = `${100 * down}%`;
      // The card goes where there is room for it.
      card.style.left = across < 0.5 ? `calc(${100 * across}% + 14px)` : "auto";
      card.style.right = across < 0.5 ? "auto" : `calc(${100 * (1 - across)}% + 14px)`;
      card.style.top = down < 0.5 ? `calc(${100 * down}% + 8px)` : "auto";
      card.style.bottom = down < 0.5 ? "auto" : `calc(${100 * (1 - down)}% + 8px)`;
    };
    const nearest = (event) => {
      const box = plot.getBoundingClientRect();
      let best = -1, least = NEAR * NEAR;
      for (let i = 0; i < x.length; i++) {
        const dx = box.left + (x[i] / FULL) * box.width - event.clientX;
        const dy = box.top + (y[i] / FULL) * box.height - event.clientY;
        const square = dx * dx + dy * dy;
        if (square < least) { least = square; best = i; }
      }
      return best;
    };

    plot.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse") show(nearest(event));
    });
    plot.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") show(-1);
    });
    plot.addEventListener("click", (event) => show(nearest(event)));
    plot.addEventListener("blur", () => show(-1));
    plot.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") show(-1);
      if (!step) return;
      event.preventDefault();
      show(current < 0 ? (step > 0 ? 0 : x.length - 1) : (current + step + x.length) % x.length);
    });
  };

  for (const figure of document.querySelectorAll("[data-map]")) bring(figure);
})();
