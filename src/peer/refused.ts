/** This link may not be: it stays so until somebody changes something. */
export class Refused extends Error {
  override name = "Refused";
}
