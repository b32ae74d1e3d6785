import { isObject } from "../../util/json.ts";
import { asScim, SCHEMAS, ScimError, type Scimmy, short } from "./protocol.ts";
import type { Attributes } from "./schemas.ts";

/** Beyond these a filter is no question that a directory asks, and takes longer to answer than its sender may cost. */
const LONGEST = 1_024;
const COMPARISONS = 16;

/** Compared letter by letter; all other text without regard to case. */
const EXACT = new Set(["id", "externalId"]);

export interface Filter {
  matches(resource: object): boolean;
  /** Where the filter asks for nothing but one attribute of one value: that value. */
  only(attribute: string): string | null;
}

/** A filter of a request, of attributes that there are. */
export async function filterOf(scimmy: Scimmy, text: string, attributes: Attributes): Promise<Filter> {
  checkShape(text);
  const plain = text
    .replace(new RegExp(`${SCHEMAS.user}:|${SCHEMAS.group}:`, "gi"), "")
    .replace(new RegExp(`${SCHEMAS.enterprise}:`, "gi"), "enterprise.");
  const parsed = await asScim(() => [...new scimmy.Types.Filter(plain)] as Expression[]);
  const known = { ...attributes, id: "string" } as Attributes;
  const folded = parsed.map((each) => foldedExpression(each, known, ""));
  const filter = await asScim(() => new scimmy.Types.Filter(folded as never));
  return {
    matches: (resource) => filter.match([foldedResource(resource)]).length > 0,
    only(attribute) {
      const [one, ...others] = folded;
      const value = one?.[attribute];
      if (one === undefined || others.length > 0 || Object.keys(one).length > 1 || !Array.isArray(value)) return null;
      const [operator, text] = value as readonly unknown[];
      return operator === "eq" && typeof text === "string" ? text : null;
    },
  };
}

type Expression = { readonly [attribute: string]: Expression | readonly unknown[] };

/** What the parser of scimmy would take too long for, or misread, is refused before it is read. */
function checkShape(text: string): void {
  const refuse = (reason: string) => new ScimError(400, "invalidFilter", reason);
  if (text.length > LONGEST) throw refuse(`a filter has at most ${LONGEST} characters`);
  if (/\\/.test(text)) throw refuse("a filter has no backslashes");
  const bare = text.replace(/"[^"]*"/g, '""');
  const words: readonly string[] = bare.toLowerCase().match(/[a-z]+/g) ?? [];
  const joins = words.filter((word) => word === "and" || word === "or").length;
  if (joins >= COMPARISONS) throw refuse(`a filter has at most ${COMPARISONS} comparisons`);
  if (words.includes("not") && joins > 0) throw refuse("`not` stands alone here, without `and` or `or`");
  if (bare.split("[").length > 2) throw refuse("a filter has one value path [ ] at most");
  if (/(\(\s*){5}/.test(bare)) throw refuse("groups nest at most four deep");
}

function foldedExpression(expression: Expression, attributes: Attributes, path: string): Expression {
  const found: { [attribute: string]: Expression | readonly unknown[] } = {};
  for (const [key, value] of Object.entries(expression)) {
    const name = Object.keys(attributes).find((one) => one.toLowerCase() === key.toLowerCase());
    if (name === undefined)
      throw new ScimError(400, "invalidFilter", `there is no attribute ${short(`${path}${key}`)} to filter by`);
    const type = attributes[name];
    if (Array.isArray(value)) found[name] = foldedComparisons(name, value);
    else if (typeof type === "object" && isObject(value))
      found[name] = foldedExpression(value as Expression, type.of, `${name}.`);
    else throw new ScimError(400, "invalidFilter", `${short(`${path}${name}`)} has no parts`);
    // `emails eq "x"` asks for the value of one of them.
    if (typeof type === "object" && Array.isArray(value) && "value" in type.of && !isPresence(value))
      found[name] = { value: found[name] as readonly unknown[] };
  }
  return found;
}

/** One comparison, or several that all have to hold. */
function foldedComparisons(name: string, value: readonly unknown[]): readonly unknown[] {
  return value.every(Array.isArray) ? value.map((one) => comparison(name, one)) : comparison(name, value);
}

function isPresence(value: readonly unknown[]): boolean {
  return value[value.length - 1] === "pr";
}

function comparison(name: string, given: readonly unknown[]): readonly unknown[] {
  const parts = given[0] === "not" ? given.slice(1) : given;
  const [operator, value] = parts as [string, unknown];
  if (operator !== "pr" && parts.length < 2)
    throw new ScimError(400, "invalidFilter", `${name} ${operator} needs a value`);
  if (typeof value !== "string" || EXACT.has(name)) return given;
  return [...given.slice(0, -1), value.toLowerCase()];
}

function foldedResource(resource: object): { [name: string]: unknown } {
  const found: { [name: string]: unknown } = {};
  for (const [key, value] of Object.entries(resource)) found[key] = EXACT.has(key) ? value : foldedValue(value);
  return found;
}

function foldedValue(value: unknown): unknown {
  if (typeof value === "string") return value.toLowerCase();
  if (Array.isArray(value)) return value.map(foldedValue);
  return isObject(value) ? foldedResource(value) : value;
}
