"use strict";
(() => {
  const root = document.documentElement;

  // Theme: the system's until the button is pressed.
  const theme = document.getElementById("theme");
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches);
  const name = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  theme.hidden = false;
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    name();
  });
  prefersDark.addEventListener("change", name);
  name();

  // Sorting: a click, Enter or Space on a heading; what has no value stays last.
  const table = document.getElementById("table");
  const body = table && table.tBodies[0];
  const heads = table ? [...table.tHead.rows[0].cells] : [];
  const value = (row, place, isText) => {
    const text = row.cells[place].dataset.v;
    if (isText) return text;
    if (text === "") return null;
    if (text === "inf") return Infinity;
    return text === "-inf" ? -Infinity : Number(text);
  };
  heads.forEach((head, place) => {
    const kind = head.dataset.sort;
    head.querySelector("button").addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      // Numbers begin with the largest, names and verdicts in their order.
      const first = kind === "number" ? "descending" : "ascending";
      const second = first === "ascending" ? "descending" : "ascending";
      const order = before === first ? second : first;
      const sign = order === "ascending" ? 1 : -1;
      const isText = kind === "text";
      const keyed = [...body.rows].map((row) => [value(row, place, isText), row]);
      keyed.sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        if (isText) return sign * a.localeCompare(b);
        return a === b ? 0 : sign * (a < b ? -1 : 1);
      });
      body.append(...keyed.map(([, row]) => row));
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
    });
  });

  // Cards: opened by a link to them, by the button, and for paper.
  const cards = [...document.querySelectorAll("details.card")];
  const open = () => {
    const card = document.getElementById(location.hash.slice(1));
    if (card && card.matches("details.card")) {
      card.open = true;
      card.scrollIntoView();
    }
  };
  addEventListener("hashchange", open);
  document.addEventListener("click", (event) => {
    if (event.target.closest("a[href^='#']")) setTimeout(open);
  });
  open();
  const fold = document.getElementById("fold");
  const told = () => { fold.textContent = cards.every((card) => card.open) ? "Fold all" : "Open all"; };
  fold.hidden = cards.length < 2;
  fold.addEventListener("click", () => {
    const wanted = !cards.every((card) => card.open);
    cards.forEach((card) => { card.open = wanted; });
    told();
  });
  cards.forEach((card) => card.addEventListener("toggle", told));
  told();
  let shut = [];
  addEventListener("beforeprint", () => {
    shut = [...document.querySelectorAll("details.card:not([open])")];
    shut.forEach((details) => { details.open = true; });
  });
  addEventListener("afterprint", () => shut.forEach((details) => { details.open = false; }));
})();
