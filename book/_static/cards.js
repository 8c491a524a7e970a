// A card beside a link shows the statement, the equation or the work that it leads to, and beside a symbol what it means;
// tools/linked.py puts them into the page.  It opens for the mouse and for the keyboard, stays while either is on the
// link or the pointer on the card, and Escape closes it.  A click or a touch on a formula shows all its symbols, and the
// link to the notation page all those of this page.
document.addEventListener("DOMContentLoaded", () => {
  const page = document.querySelector(".bd-container");
  const article = document.querySelector("article.bd-article");
  const stored = document.getElementById("cards")?.content;
  if (!article || !stored) return;
  const cards = new Map([...stored.children].map((card) => [card.dataset.for, card]));
  const symbols = [...stored.querySelectorAll(".symbol")];
  const box = document.createElement("div");
  box.id = "card-beside";
  box.className = "card-beside";
  box.setAttribute("role", "tooltip");
  let shown, waiting;

  function cardsOf(place) {
    if (place.matches("a[href$='notation.html']")) return symbols;
    const marked = place.matches("math") ? [...place.querySelectorAll("[data-symbol]")] : [place];
    const names = new Set(marked.map((part) => part.dataset.symbol ?? part.getAttribute("href")));
    return [...names].flatMap((name) => cards.get(name) ?? []);
  }

  // The link, or else what `selector` finds, that a part of the page belongs to, if it has a card; none in a drawer.
  function asked(part, selector = "[data-symbol]") {
    const place = part.closest("a, button, label, summary") ?? part.closest(selector);
    return place && !place.closest("dialog") && cardsOf(place).length ? place : undefined;
  }

  function close() {
    clearTimeout(waiting);
    shown?.removeAttribute("aria-describedby");
    shown = undefined;
    box.remove();
  }

  function open(place, y) {
    close();
    shown = place;
    box.replaceChildren(...cardsOf(place).map((card) => card.cloneNode(true)));
    const text = (article.querySelector("section") ?? article).getBoundingClientRect();
    box.style.maxWidth = `min(44rem, ${text.width}px)`;
    article.append(box);
    place.setAttribute("aria-describedby", box.id);
    // Below the line of the link, or above it where only there is room; beside the menu, where all of it is seen.
    const lines = [...place.getClientRects()];
    const line = lines.find(({ top, bottom }) => top <= y && y <= bottom) ?? lines[0];
    const from = box.offsetParent.getBoundingClientRect();
    const above = line.bottom + box.offsetHeight > innerHeight && line.top > box.offsetHeight;
    const beside = line.right < text.left && Math.max(0, Math.min(line.top, innerHeight - box.offsetHeight));
    const left = Math.max(text.left, Math.min(line.left, text.right - box.offsetWidth));
    const top = beside !== false ? beside : above ? line.top - box.offsetHeight : line.bottom;
    box.style.left = `${left - from.left}px`;
    box.style.top = `${top - from.top}px`;
  }

  function later(action) {
    clearTimeout(waiting);
    waiting = setTimeout(action, 300);
  }

  for (const link of article.querySelectorAll("a.reference.internal")) {
    if (asked(link)) link.removeAttribute("title"); // the card says it, and more
  }
  page.addEventListener("pointerover", ({ target, pointerType, clientY }) => {
    const place = asked(target);
    if (pointerType === "touch" || !(place || box.contains(target))) return;
    clearTimeout(waiting);
    if (place && place !== shown) later(() => open(place, clientY));
  });
  page.addEventListener("pointerout", ({ target, pointerType }) => {
    if (pointerType === "touch" || !(asked(target) || box.contains(target))) return;
    later(() => shown?.matches(":focus-visible") || close());
  });
  page.addEventListener("focusin", ({ target }) => {
    if (asked(target) === target && target.matches(":focus-visible")) open(target);
  });
  page.addEventListener("focusout", ({ target }) => target === shown && close());
  page.addEventListener("click", ({ target, clientY }) => {
    const formula = target.closest("a, button, label, summary") ? undefined : asked(target, "math");
    if (formula) open(formula, clientY);
    else if (!box.contains(target)) close();
  });
  document.addEventListener("keydown", ({ key }) => key === "Escape" && close());
});
