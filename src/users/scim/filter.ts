import { isObject } from "../../util/json.ts";
import { asScim, SCHEMAS, ScimError, type Scimmy, short } from "./protocol.ts";
import { type Attributes, truth } from "./schemas.ts";

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
  const checked = parsed.map((each) => checkedExpression(each, known, ""));
  return {
    matches: (resource) => checked.some((each) => holds(each, resource as Valued)),
    only(attribute) {
      const [one, ...others] = checked;
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

function checkedExpression(expression: Expression, attributes: Attributes, path: string): Expression {
  const found: { [attribute: string]: Expression | readonly unknown[] } = {};
  for (const [key, value] of Object.entries(expression)) {
    const name = Object.keys(attributes).find((one) => one.toLowerCase() === key.toLowerCase());
    if (name === undefined)
      throw new ScimError(400, "invalidFilter", `there is no attribute ${short(`${path}${key}`)} to filter by`);
    const type = attributes[name];
    if (Array.isArray(value)) found[name] = checkedComparisons(name, value);
    else if (typeof type === "object" && isObject(value))
      found[name] = checkedExpression(value as Expression, type.of, `${name}.`);
    else throw new ScimError(400, "invalidFilter", `${short(`${path}${name}`)} has no parts`);
    // `emails eq "x"` asks for the value of one of them.
    if (typeof type === "object" && Array.isArray(value) && "value" in type.of && value.at(-1) !== "pr")
      found[name] = { value: found[name] as readonly unknown[] };
  }
  return found;
}

/** One comparison, or several that all have to hold. */
function checkedComparisons(name: string, value: readonly unknown[]): readonly unknown[] {
  for (const each of comparisonsIn(value)) {
    const parts = each[0] === "not" ? each.slice(1) : each;
    if (parts[0] !== "pr" && parts.length < 2)
      throw new ScimError(400, "invalidFilter", `${name} ${String(parts[0])} needs a value`);
  }
  return value;
}

function comparisonsIn(value: readonly unknown[]): readonly (readonly unknown[])[] {
  return value.every(Array.isArray) ? value : [value];
}

interface Valued {
  readonly [attribute: string]: unknown;
}

/** scimmy's own matching throws where an attribute with parts is absent, and minds case. */
function holds(expression: Expression, resource: Valued): boolean {
  return Object.entries(expression).every(([name, wanted]) => {
    const actual = resource[name];
    const values = Array.isArray(actual) ? actual : [actual];
    if (Array.isArray(wanted))
      return comparisonsIn(wanted).every((one) => values.some((value) => compares(one, value, EXACT.has(name))));
    const parts = values.length === 0 ? [undefined] : values;
    return parts.some((value) => holds(wanted as Expression, isObject(value) ? value : {}));
  });
}

function compares(comparison: readonly unknown[], value: unknown, exact: boolean): boolean {
  const [first, ...rest] = comparison;
  if (first === "not") return !compares(rest, value, exact);
  const fold = (one: unknown) => (typeof one === "string" && !exact ? one.toLowerCase() : one);
  const actual = fold(value);
  const wanted = fold(typeof value === "boolean" ? truth(rest[0]) : rest[0]);
  const texts = typeof actual === "string" && typeof wanted === "string";
  switch (first) {
    case "pr":
      return actual !== undefined;
    case "eq":
      return actual === (wanted ?? undefined);
    case "ne":
      return actual !== (wanted ?? undefined);
    case "co":
      return texts && actual.includes(wanted);
    case "sw":
      return texts && actual.startsWith(wanted);
    case "ew":
      return texts && actual.endsWith(wanted);
    case "gt":
      return texts && actual > wanted;
    case "ge":
      return texts && actual >= wanted;
    case "lt":
      return texts && actual < wanted;
    case "le":
      return texts && actual <= wanted;
    default:
      return false;
  }
}
