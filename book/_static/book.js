// The type of formulas is there some milliseconds after the page, and would move the text: it is shown with it.
document.documentElement.classList.add("typesetting");
document.fonts.load('1em "Book Math"').finally(() => document.documentElement.classList.remove("typesetting"));

// The theme chooses between light and dark after the page, and some borders come with its colours: it is chosen before.
if (document.documentElement.dataset.theme === "auto") {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}

function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

// What the theme and the extensions call by another name than the one on the screen, or by none.
function nameTheRest() {
  document.querySelectorAll('summary[aria-label="Toggle hidden content"]').forEach((summary) => {
    summary.removeAttribute("aria-label"); // its text says what it opens
  });
  document.querySelectorAll(".search-button-field").forEach((button) => {
    setAttribute(button, "aria-label", button.innerText.replace(/\s+/g, " ").trim());
  });
  document.querySelectorAll(".theme-switch-button").forEach((button) => {
    const mode = { light: "Light", dark: "Dark", auto: "System Settings" }[document.documentElement.dataset.mode];
    setAttribute(button, "aria-label", `Color mode: ${mode}`);
  });
  document.querySelectorAll(".citation-list > .citation").forEach((entry) => setAttribute(entry, "role", "listitem"));
  document.querySelectorAll(".bd-sidebar-primary summary").forEach((summary) => {
    setAttribute(summary, "aria-label", `Pages below ${summary.closest("li").querySelector("a").textContent.trim()}`);
  });
  document.querySelectorAll("div.bd-sidebar-primary").forEach((sidebar) => {
    setAttribute(sidebar, "role", "navigation");
    setAttribute(sidebar, "aria-label", "Book");
  });
}

document.addEventListener("DOMContentLoaded", () => {
  nameTheRest();
  new MutationObserver(nameTheRest).observe(document.documentElement, { attributeFilter: ["data-mode"] });
});

document.addEventListener("DOMContentLoaded", () => {
  // The theme takes the focus from its buttons when they are pressed, against tooltips that stay.  Whoever pressed a key
  // would lose their place.
  document.querySelectorAll(".theme-switch-button, .search-button, .primary-toggle, .secondary-toggle").forEach((button) => {
    button.blur = () => button.matches(":focus-visible") || HTMLElement.prototype.blur.call(button);
  });
  // The theme lets the keyboard into code that is wider than the page, and looks for it when the page changes its size.
  document.addEventListener("toggle", () => window.dispatchEvent(new Event("resize")), true);
});

// One of a page's copy buttons is a stop of the Tab key; the arrow keys lead from there to the others.
document.addEventListener("DOMContentLoaded", () => {
  const buttons = [...document.querySelectorAll(".copybtn")];
  const shown = () => buttons.filter((button) => button.checkVisibility());
  const stopAt = (one) => buttons.forEach((button) => (button.tabIndex = button === one ? 0 : -1));
  const keepStop = () => shown().some((button) => button.tabIndex === 0) || stopAt(shown()[0]);
  buttons.forEach((button) => {
    button.tabIndex = -1;
    button.setAttribute("aria-keyshortcuts", "ArrowUp ArrowDown");
    button.dataset.tooltip = "Copy; other code: ↑ ↓";
    button.addEventListener("keydown", (event) => {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const next = shown().at((shown().indexOf(button) + step) % shown().length);
      stopAt(next);
      next.focus();
    });
  });
  keepStop();
  document.addEventListener("toggle", keepStop, true); // it may have been folded away
});

// Paper is white.
let themeOnScreen;
window.addEventListener("beforeprint", () => {
  themeOnScreen = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
});
window.addEventListener("afterprint", () => {
  document.documentElement.dataset.theme = themeOnScreen;
});

// Sphinx's search drops numbers from what is asked, and finds a title only by half of its letters or more.  Readers ask
// for "Theorem 18", "thm 2.3" or "Kingman": first comes what has that number (numbered.js), then titles, of statements
// too, that have every word that was asked for.  The title of a box in a chapter has no address of its own and is left to
// Sphinx: the statement itself has one.
document.addEventListener("DOMContentLoaded", () => {
  if (typeof Search === "undefined") return;
  const words = (text) => text.toLowerCase().split(/[^\p{L}\p{N}.]+/u).filter(Boolean);
  const whole = { thm: "theorem", th: "theorem", lem: "lemma", prop: "proposition", cor: "corollary", def: "definition", ex: "exercise", ch: "chapter", chap: "chapter" };
  const findText = Search._performSearch;
  const toText = Search.htmlToText;
  Search.htmlToText = (page, anchor) => { // a line of words: no code, no formula
    const read = new DOMParser().parseFromString(page, "text/html");
    read.querySelectorAll(".highlight, .cell, annotation, div.math").forEach((element) => element.remove());
    return toText(read.documentElement.outerHTML, anchor);
  };
  Search._performSearch = (query, ...terms) => {
    const { alltitles, docnames, filenames, titles } = Search._index;
    const asked = words(query).map((word) => whole[word.replace(/\.$/, "")] ?? word);
    const found = [];
    for (const [title, places] of Object.entries(alltitles)) {
      const inTitle = words(title);
      if (!asked.every((one) => inTitle.some((word) => word.startsWith(one)))) continue;
      const name = title.replace(/^ \((.*)\)$/, "$1"); // the name of a statement is stored in brackets
      for (const [file, id] of places) {
        if (!id && titles[file] !== title) continue;
        const shown = titles[file] === title ? title : `${titles[file]} > ${name}`;
        found.push([docnames[file], shown, id ? `#${id}` : "", null, 1000 - name.length, filenames[file]]);
      }
    }
    for (const [number, name, anchor, page] of window.NUMBERED ?? []) {
      if (number.toLowerCase() !== asked.join(" ")) continue;
      const file = docnames.indexOf(page);
      found.push([page, `${number}: ${name || titles[file]}`, anchor, null, 2000, filenames[file]]);
    }
    found.sort((a, b) => a[4] - b[4]); // the last is shown first
    return [...findText(query, ...terms), ...found];
  };
});
