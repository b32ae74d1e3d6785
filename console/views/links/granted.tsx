import { granted } from "../../api.ts";
import { ask } from "../../ask.ts";
import { useLoad } from "../../parts/load.ts";
import { Badge, Shown, When } from "../../parts/states.tsx";

/** Servers that were registered here by a code, and what each was granted. */
export function GrantedLinks() {
  const loaded = useLoad("granted", (signal) => ask("v1/links", granted, { signal }), 10_000);
  return (
    <section className="panel" aria-labelledby="granted">
      <h2 id="granted">Servers that were let follow this one</h2>
      <Shown of={loaded}>
        {({ links }) =>
          links.length === 0 ? (
            <p className="soft">
              None. <code>tidemark link invite</code> makes a code for one.
            </p>
          ) : (
            <div className="scroll" tabIndex={0} role="group" aria-label="Granted links">
              <table className="atoms">
                <thead>
                  <tr>
                    <th scope="col">Link</th>
                    <th scope="col">Space</th>
                    <th scope="col">Scopes</th>
                    <th scope="col">Direction</th>
                    <th scope="col">Since</th>
                    <th scope="col">State</th>
                  </tr>
                </thead>
                <tbody>
                  {links.map(({ link, space, scopes, direction, since, revoked }) => (
                    <tr key={link}>
                      <th scope="row">
                        <code>{link}</code>
                      </th>
                      <td>{space}</td>
                      <td>{scopes.join(", ")}</td>
                      <td>{direction}</td>
                      <td>
                        <When at={since} />
                      </td>
                      <td>
                        {revoked === null ? <Badge tone="good">granted</Badge> : <Badge tone="soft">revoked</Badge>}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Shown>
    </section>
  );
}
