import { Replicache, TEST_LICENSE_KEY } from "replicache";

let replica;

function opened(url) {
  replica ??= new Replicache({
    name: "bench",
    licenseKey: TEST_LICENSE_KEY,
    pushURL: `${url}/push`,
    pullURL: `${url}/pull`,
    pullInterval: null,
    logLevel: "error",
  });
  return replica;
}

export async function copy(url) {
  const replicache = opened(url);
  const copied = new Promise((done) => {
    replicache.subscribe(
      (tx) => tx.isEmpty(),
      (empty) => empty || done(),
    );
  });
  await replicache.pull();
  await copied;
}

export async function size(url) {
  return (await opened(url).query((tx) => tx.scan({ prefix: "row/" }).values().toArray())).length;
}
