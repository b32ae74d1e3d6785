import { inBrowser } from "./chromium.ts";
import { Watched, Watcher } from "./console.ts";
inBrowser("look", async () => {
  const { url, token } = await Watched.start();
  const ann = await Watcher.at(url, token);
  ann.page.on("console", (m) => console.log(m.text()));
  ann.page.on("requestfailed", (m) => console.log("FAILED", m.url(), m.failure()));
  await ann.open("acme/scopes");
  await ann.page.waitForTimeout(2500);
  await ann.page.screenshot({ path: "/tmp/look.png" });
  console.log(await ann.page.content());
});
