// Files that the browser saves: what the API gives as CSV, or as a document.

import { fetchFile } from "./api.js";
import { setOptionalText } from "./dom.js";

/**
 * Save what the API has at a path as a file of that name. The address of the file lives as long as the click: the key
 * goes in a header, so that a plain link would not do.
 */
export async function save(path, name, { apiKey, accept = "text/csv" }) {
  const file = URL.createObjectURL(await fetchFile(path, { apiKey, accept }));
  const link = Object.assign(document.createElement("a"), { href: file, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(file), 0);
}

/** Let a button save a file: `fileOf()` is `{path, name, accept}` when it is pressed. What fails is said in `problem`. */
export function onSave(button, fileOf, { apiKey, problem }) {
  button.addEventListener("click", async () => {
    const { path, name, accept } = fileOf();
    try {
      await save(path, name, { apiKey, accept });
      setOptionalText(problem, null);
    } catch (error) {
      setOptionalText(problem, `${name} cannot be downloaded: ${error.message}`);
    }
  });
}
