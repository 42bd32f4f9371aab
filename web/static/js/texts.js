/**
 * The words that a module shows. They stand in the page, in a `<template>`, each under its key: so
 * that one catalogue has all words, and pages are spoken in one language.
 * @module
 */

/** Finds words by their key, with what stands in {braces} filled in; nothing where there are none.
 * @param {Element|null} template */
export const wordsIn = (template) =>
  /** @param {string} key @param {Record<string, string>} [parts] */
  (key, parts = {}) => {
    const words = /** @type {HTMLTemplateElement|null} */ (template)?.content;
    const found = words?.querySelector(`[data-text="${key}"]`)?.textContent ?? "";
    return found.replace(/\{(\w+)\}/g, (_, name) => parts[name] ?? "");
  };
