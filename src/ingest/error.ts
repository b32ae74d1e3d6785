/** The configuration is wrong; each mistake with its path. */
export class IngestError extends Error {
  override name = "IngestError";
}
