// The page with the link to a copy. The copy goes to the downloads and changes no page, so that this
// page says where to look. A link that gives no copy leads to a page that says why, and whether it
// still works: so it is followed as any other, and not with `download`, which would hide that page.
// Without this module the page stays.

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
