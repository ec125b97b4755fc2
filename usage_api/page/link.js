// A link that shows the usage of one key for a short time: `#/link/TOKEN`.
//
// The part of an address after `#` is sent to no server, and so is in no log. The token is taken out of the address at
// once, and kept in the page's memory only: not in the tab's storage, not in the history.

const LINK = /^#\/link\/([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/;

export const link = {
  token: null,

  /** Take a link out of the address; whether there was one. */
  take() {
    const token = LINK.exec(location.hash)?.[1] ?? null;
    if (token === null) {
      return false;
    }
    this.token = token;
    history.replaceState(null, "", "#/me");
    return true;
  },
};
