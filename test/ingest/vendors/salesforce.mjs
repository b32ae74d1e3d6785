// What jsforce sees at an address: all contacts, those in the bin too, and the log of deletions.
import jsforce from "jsforce";

const [instanceUrl, accessToken, now] = globalThis.process.argv.slice(2);
const connection = new jsforce.Connection({ instanceUrl, accessToken, version: "60.0" });
const records = [];
let page = await connection.query(
  "SELECT Id, IsDeleted, SystemModstamp, MasterRecordId, LastName, Email FROM Contact",
  {
    scanAll: true,
    autoFetch: false,
  },
);
for (;;) {
  records.push(...page.records);
  if (page.done) break;
  page = await connection.queryMore(page.nextRecordsUrl, { scanAll: true });
}
const gone = await connection.sobject("Contact").deleted(new Date(Number(now) - 86_400_000), new Date(Number(now)));
console.log(JSON.stringify({ records, gone: gone.deletedRecords.map(({ id }) => id) }));
