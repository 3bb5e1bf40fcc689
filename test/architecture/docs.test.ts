/** Links between pages lead somewhere, and the index lists every page. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const PAGES = readdirSync(".", { withFileTypes: true })
  .filter(({ name }) => !["node_modules", "data", "dist"].includes(name) && !name.startsWith("."))
  .flatMap((entry) =>
    entry.isDirectory()
      ? readdirSync(entry.name, { recursive: true, encoding: "utf8" }).map((path) =>
          join(entry.name, path),
        )
      : [entry.name],
  )
  .filter((path) => path.endsWith(".md") && !path.includes("node_modules"));

/** As GitHub makes anchors of headings. */
function anchorsOf(text: string): Set<string> {
  const headings = text.replace(/^```[\s\S]*?^```/gm, "").match(/^#+ .+$/gm) ?? [];
  return new Set(
    headings.map((heading) =>
      heading
        .replace(/^#+ /, "")
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

/** Links of a page that lead nowhere. */
function deadLinks(page: string, text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? page : join(dirname(page), path);
    if (!existsSync(target)) return true;
    if (anchor === undefined || !target.endsWith(".md")) return false;
    return !anchorsOf(readFileSync(target, "utf8")).has(anchor);
  });
}

describe("the documentation", () => {
  it.each(PAGES)("has no dead link in %s", (page) => {
    expect(deadLinks(page, readFileSync(page, "utf8"))).toEqual([]);
  });

  it("lists every page in its index", () => {
    const index = readFileSync("docs/index.md", "utf8");
    const missing = PAGES.filter((page) => /^docs\/[^/]+$/.test(page) && page !== "docs/index.md")
      .map((page) => page.slice("docs/".length))
      .filter((page) => !index.includes(`](${page})`));
    expect(missing).toEqual([]);
  });

  it.each([
    ["a page that is not there", "[x](nothing.md)"],
    ["a heading that is not there", "[x](faq.md#nothing)"],
  ])("would not pass with a link to %s", (_, text) =>
    expect(deadLinks("docs/index.md", text)).toHaveLength(1),
  );
});
