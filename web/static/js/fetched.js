// The page with the link to a copy. Once the link is followed it is used up, and the page says so:
// the copy itself goes to the downloads and changes no page. Without this module the page stays.

const link = document.querySelector("[data-fetch]");
const title = /** @type {HTMLElement} */ (document.querySelector("[data-fetched]"));

link?.addEventListener("click", () => {
  setTimeout(() => {
    // after the browser has followed it
    title.textContent = title.dataset.fetched ?? "";
    document.querySelector("[data-before-fetch]")?.remove();
    document.querySelector("[data-after-fetch]")?.removeAttribute("hidden");
    title.focus();
  });
});
