/** Names under which secrets travel, in addresses, headers, forms and JSON alike. */
const SECRET_NAME =
  /^(authorization|proxy-authorization|cookie|set-cookie|x-api-key|api[-_]?key|access[-_]?token|refresh[-_]?token|id_token|token_auth|client[-_]?secret|password|secret|assertion)$/i;

const HIDDEN = "***";

export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** A text without these secrets, plain or as an address writes them. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) {
    if (secret.length < 4) continue;
    for (const form of [secret, encodeURIComponent(secret)]) clean = clean.replaceAll(form, HIDDEN);
  }
  return clean;
}

/** An address as a person may see it: no user, no password, no key in its query. */
export function visibleUrl(url: string, secrets: readonly string[] = []): string {
  if (!URL.canParse(url)) return withoutSecrets(url, secrets);
  const seen = new URL(url);
  seen.username = "";
  seen.password = "";
  const hidden = [...seen.searchParams].filter(([name]) => isSecretName(name));
  for (const [name] of hidden) seen.searchParams.set(name, HIDDEN);
  return withoutSecrets(seen.href, secrets);
}

/** A body as it may be kept: what stands under a secret's name in JSON or in a form is hidden, all else stays as it was. */
export function visibleBody(text: string, secrets: readonly string[] = []): string {
  const json = text.replace(/"([\w-]+)"(\s*:\s*)"(?:[^"\\]|\\.)*"/g, (whole, name: string, colon: string) =>
    isSecretName(name) ? `"${name}"${colon}"${HIDDEN}"` : whole,
  );
  const form = json.replace(/(^|&)([\w-]+)=([^&\s]*)/g, (whole, before: string, name: string) =>
    isSecretName(name) ? `${before}${name}=${HIDDEN}` : whole,
  );
  return withoutSecrets(form, secrets);
}
