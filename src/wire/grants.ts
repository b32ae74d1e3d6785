/** What a link may do on the server that it follows (S7): nothing else. */
export interface LinkGrant {
  readonly space: string;
  /** Scopes or patterns. */
  readonly scopes: readonly string[];
  /** `"both"`: it may also write in these scopes. */
  readonly direction: "pull" | "both";
  /** Of the accounts: nothing, who there is and in which roles, or password verifiers besides. */
  readonly users: "none" | "directory" | "verifier";
  /** It learns who wrote what here, and says who wrote what it brings (S24); absent: no. */
  readonly authors?: boolean | undefined;
}

/** `POST /v1/links/invite` */
export interface Invitation extends LinkGrant {
  readonly code: string;
  /** ISO 8601 in UTC. */
  readonly expires: string;
}

/** `POST /v1/links/register`: a link shows its code, and the key that it has the other half of. */
export interface Registration {
  readonly code: string;
  /** The public key, Ed25519, as base64url. */
  readonly key: string;
  /** A statement signed by that key, which says when it was made. */
  readonly proof: string;
  /** The identity of the space that will follow (S12). */
  readonly identity: string;
  /** What the link is configured to ask for. */
  readonly wants: LinkGrant;
}

export interface Registered {
  /** The id under which the link is known there. */
  readonly link: string;
  /** Whom it will follow: the id and the public key of the server. */
  readonly server: { readonly id: string; readonly key: string };
  readonly grant: LinkGrant;
}

/** `GET /v1/links`: the links that may follow this server. Times are ISO 8601 in UTC. */
export interface GrantedLink extends LinkGrant {
  readonly link: string;
  readonly identity: string;
  readonly since: string;
  readonly revoked: string | null;
}
