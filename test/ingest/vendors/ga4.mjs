// What Google's own client sees at an address: a report, by pages.
import { BetaAnalyticsDataClient } from "@google-analytics/data";

const [address, token, startDate, endDate] = globalThis.process.argv.slice(2);
const { hostname, port } = new URL(address);
const headers = new Headers({ authorization: `Bearer ${token}` });
const auth = {
  getClient: async () => auth,
  getRequestHeaders: async () => headers,
  getUniverseDomain: async () => "googleapis.com",
  fetch: async (url, init) =>
    fetch(url, {
      ...init,
      headers: { ...Object.fromEntries(new Headers(init?.headers)), ...Object.fromEntries(headers) },
    }),
  request: async ({ url, ...init }) => fetch(url, init),
};
const client = new BetaAnalyticsDataClient({
  auth,
  fallback: true,
  protocol: "http",
  apiEndpoint: hostname,
  port: Number(port),
});
const rows = [];
for (let offset = 0; ; offset += 1000) {
  const [report] = await client.runReport({
    property: "properties/1",
    dateRanges: [{ startDate, endDate }],
    dimensions: [{ name: "date" }, { name: "country" }],
    metrics: [{ name: "activeUsers" }],
    limit: 1000,
    offset,
  });
  const values = (list) => list.map(({ value }) => value);
  rows.push(...(report.rows ?? []).map((row) => [...values(row.dimensionValues), ...values(row.metricValues)]));
  if (offset + 1000 >= Number(report.rowCount ?? 0)) break;
}
console.log(JSON.stringify(rows));
