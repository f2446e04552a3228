// Before the first paint: the theme and the language of the address, else the last ones chosen.
"use strict";
(() => {
  const asked = new URLSearchParams(location.hash.split("?")[1] ?? "");
  const kept = (key) => {
    try {
      return localStorage.getItem(`sonmat.${key}`);
    } catch {
      return null;
    }
  };
  const theme = asked.get("theme") ?? kept("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  const lang = asked.get("lang") ?? kept("lang") ?? ((navigator.languages ?? [navigator.language])[0]?.startsWith("ko") ? "ko" : "en");
  document.documentElement.lang = lang === "ko" ? "ko" : "en";
})();
