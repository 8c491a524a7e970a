// A card beside a link shows the statement, the equation or the work that it leads to; tools/linked.py puts them into the
// page.  It opens for the mouse and for the keyboard, stays while either is on the link or the pointer on the card, and
// Escape closes it.
document.addEventListener("DOMContentLoaded", () => {
  const article = document.querySelector("article.bd-article");
  const stored = document.getElementById("cards")?.content.children ?? [];
  const cards = new Map([...stored].map((card) => [card.dataset.for, card]));
  const box = document.createElement("div");
  box.id = "card-beside";
  box.className = "card-beside";
  box.setAttribute("role", "tooltip");
  let shown, waiting;

  function close() {
    clearTimeout(waiting);
    shown?.removeAttribute("aria-describedby");
    shown = undefined;
    box.remove();
  }

  function open(link, y) {
    close();
    shown = link;
    box.replaceChildren(cards.get(link.getAttribute("href")).cloneNode(true));
    const text = (article.querySelector("section") ?? article).getBoundingClientRect();
    box.style.maxWidth = `min(44rem, ${text.width}px)`;
    article.append(box);
    link.setAttribute("aria-describedby", box.id);
    // Below the line of the link, or above it where only there is room.
    const lines = [...link.getClientRects()];
    const line = lines.find(({ top, bottom }) => top <= y && y <= bottom) ?? lines[0];
    const page = box.offsetParent.getBoundingClientRect();
    const above = line.bottom + box.offsetHeight > innerHeight && line.top > box.offsetHeight;
    box.style.left = `${Math.max(text.left, Math.min(line.left, text.right - box.offsetWidth)) - page.left}px`;
    box.style.top = `${(above ? line.top - box.offsetHeight : line.bottom) - page.top}px`;
  }

  function later(action) {
    clearTimeout(waiting);
    waiting = setTimeout(action, 300);
  }
  const leave = () => later(() => shown?.matches(":focus-visible") || close());

  for (const link of article?.querySelectorAll("a.reference.internal") ?? []) {
    if (!cards.has(link.getAttribute("href"))) continue;
    link.removeAttribute("title"); // the card says it, and more
    link.addEventListener("pointerenter", ({ pointerType, clientY }) => {
      clearTimeout(waiting);
      if (pointerType !== "touch" && link !== shown) later(() => open(link, clientY));
    });
    link.addEventListener("pointerleave", leave);
    link.addEventListener("focus", () => link.matches(":focus-visible") && open(link));
    link.addEventListener("blur", () => link === shown && close());
    link.addEventListener("click", close);
  }
  box.addEventListener("pointerenter", () => clearTimeout(waiting));
  box.addEventListener("pointerleave", leave);
  document.addEventListener("keydown", ({ key }) => key === "Escape" && close());
});
