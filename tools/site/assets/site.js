"use strict";

// The pages are whole without this script: it adds the search, the choice of colours and the menu of small windows.
const base = document.currentScript.dataset.top;
const root = document.documentElement;

const stored = localStorage.getItem("theme");
if (stored) root.dataset.theme = stored;
document.getElementById("theme").addEventListener("click", () => {
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
});

const menu = document.getElementById("menu");
menu.addEventListener("click", () => {
  const open = document.getElementById("pages").classList.toggle("open");
  menu.setAttribute("aria-expanded", String(open));
});

const form = document.getElementById("search");
const [input, list] = form.children;

/** Loads the index when it is first needed. */
let loading;
function loadIndex() {
  return loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${base}search.js`;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
}

/** Sections with all words of the query, those that have them in their headings first. */
function findSections(query) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  return globalThis.searchIndex.map(([url, title, heading, text]) => {
    let score = 0;
    for (const word of words) {
      const found = heading.toLowerCase().includes(word)
        ? 8
        : title.toLowerCase().includes(word)
        ? 4
        : text.toLowerCase().includes(word)
        ? 1
        : 0;
      if (found === 0) return { score: 0 };
      score += found + (heading.toLowerCase() === word ? 8 : 0);
    }
    return { url, title, heading, text, score };
  }).filter(({ score }) => score > 0).sort((a, b) => b.score - a.score).slice(0, 12);
}

/** The words around the first hit. */
function excerpt(text, query) {
  const at = text.toLowerCase().indexOf(query.toLowerCase().split(/\s+/)[0]);
  return text.slice(Math.max(0, at - 40), at + 120);
}

function showResults(query) {
  list.replaceChildren(
    ...findSections(query).map(({ url, title, heading, text }) => {
      const link = document.createElement("a");
      link.href = `${base}${url}`;
      link.textContent = heading === "" || heading === title ? title : `${title}: ${heading}`;
      const small = document.createElement("small");
      small.textContent = excerpt(text, query);
      link.append(small);
      const item = document.createElement("li");
      item.append(link);
      return item;
    }),
  );
  if (query.trim() !== "" && list.children.length === 0) {
    const item = document.createElement("li");
    item.textContent = "Nothing was found";
    list.append(item);
  }
  list.hidden = query.trim() === "";
}

input.addEventListener("focus", loadIndex);
input.addEventListener("input", async () => {
  await loadIndex();
  showResults(input.value);
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  list.querySelector("a")?.click();
});
form.addEventListener("keydown", (event) => {
  const links = [...list.querySelectorAll("a")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "Escape") list.hidden = true;
  else if (event.key === "ArrowDown") links[at + 1]?.focus();
  else if (event.key === "ArrowUp") (links[at - 1] ?? input).focus();
  else return;
  event.preventDefault();
});
document.addEventListener("click", (event) => {
  if (!form.contains(event.target)) list.hidden = true;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || /^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) return;
  event.preventDefault();
  input.focus();
});
