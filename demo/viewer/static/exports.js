// What can be taken along of an alignment: its data, a figure of it, a copy, its address.

import { make } from "../../web/static/dom.js";
import { asPng, asSvg } from "./figure.js";

const WIDTHS = [960, 1920, 3840]; // pixels of a PNG: for a page, for print at 8 cm, for a poster
const USUAL = 1920;
const SAID = 4000; // ms that a word about a copy stays

// The photo's own name without its folder and ending, as a name for files.
export function stem(name) {
  const bare = (name ?? "").split(/[/\\]/).pop().replace(/\.[^.]*$/, "");
  return bare.replace(/[^\p{L}\p{N}_.-]+/gu, "-").replace(/^[-.]+|-+$/g, "").slice(0, 60) || "photo";
}

export function download(name, blob) {
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export class Exports {
  // viewer: what has `photo` and `alignment`
  constructor(viewer) {
    this.viewer = viewer;
    const button = (text, title, act) => {
      const made = make("button", { type: "button", class: "download", title }, text);
      made.addEventListener("click", () => this.attempt(act));
      return made;
    };
    this.size = make("select", { "aria-label": "Width of the PNG figure", title: "Width of the PNG" });
    for (const width of WIDTHS) {
      this.size.append(make("option", { value: width, selected: width === USUAL }, `${width} pixels`));
    }
    this.link = button("Copy link", "Copies the address of this photo, sentence and beta", () =>
      this.copyLink(),
    );
    this.said = make("span", { class: "copied", role: "status" });
    this.root = make(
      "div",
      { class: "exports-bar" },
      button("Download JSON", "Words, segments, boxes and scores", () => this.json()),
      button("Figure SVG", "A drawing that can be scaled", () => this.svg()),
      button("Figure PNG", "A picture of the width beside", () => this.png()),
      this.size,
      button("Copy figure", "Copies the PNG to the clipboard", () => this.copy()),
      this.link,
      this.said,
    );
  }

  // Only what lies on the server has an address: the examples, and photos of a set.
  show(photo) {
    this.link.hidden = !photo?.linked;
    this.say("");
  }

  get name() {
    return `${stem(this.viewer.photo?.name)}-alignment`;
  }

  async attempt(act) {
    try {
      await act();
    } catch (error) {
      this.say(error.forPeople ?? "The figure could not be made: the photo did not load.");
    }
  }

  say(text) {
    this.said.textContent = text;
    clearTimeout(this.silence);
    if (text) this.silence = setTimeout(() => (this.said.textContent = ""), SAID);
  }

  json() {
    const text = JSON.stringify(this.viewer.alignment, null, 2);
    download(`${this.name}.json`, new Blob([text], { type: "application/json" }));
  }

  async svg() {
    const { photo, alignment } = this.viewer;
    download(`${this.name}.svg`, await asSvg(photo, alignment));
  }

  picture() {
    const { photo, alignment } = this.viewer;
    return asPng(photo, alignment, Number(this.size.value));
  }

  async png() {
    download(`${this.name}.png`, await this.picture());
  }

  async copy() {
    if (!globalThis.ClipboardItem || !navigator.clipboard?.write) return this.refused();
    // The promise goes in at once: Safari asks for that while the click lasts.
    const item = new ClipboardItem({ "image/png": this.picture() });
    await this.to(() => navigator.clipboard.write([item]), "The figure is in the clipboard.");
  }

  async copyLink() {
    if (!navigator.clipboard?.writeText) return this.refused();
    await this.to(() => navigator.clipboard.writeText(location.href), "The link is in the clipboard.");
  }

  async to(write, said) {
    try {
      await write();
      this.say(said);
    } catch (error) {
      if (error.name === "NotAllowedError") this.refused();
      else throw error;
    }
  }

  refused() {
    this.say("This browser does not let the page use the clipboard; download it instead.");
  }
}
