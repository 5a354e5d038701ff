// Usage: node browser.mjs FOLDER_OF_PLAYWRIGHT_CORE PATH_OF_CHROMIUM
// Drives a headless Chromium. Each line of standard input is a JSON object {code, given}: the body of an async function that
// sees browser, the open pages, and given. Each line of standard output is its result: {value} or {error}. The browser ends
// with the input.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [playwright, executablePath] = process.argv.slice(2);
const { chromium } = createRequire(import.meta.url)(playwright);
// Without these flags Chromium looks up its maker's hosts at every start; as root it needs --no-sandbox.
const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const args = [...quiet, "--disable-component-update", "--disable-sync", "--no-sandbox"];
const browser = await chromium.launch({ executablePath, args });
const pages = new Map();
const AsyncFunction = (async () => {}).constructor;
const TIMEOUT = 30_000;
const late = () => new Promise((_, reject) => setTimeout(reject, TIMEOUT, `no result within ${TIMEOUT} ms`).unref());

for await (const line of createInterface({ input: process.stdin })) {
  const { code, given } = JSON.parse(line);
  let answer;
  try {
    const work = new AsyncFunction("browser", "pages", "given", code)(browser, pages, given);
    answer = { value: (await Promise.race([work, late()])) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();
