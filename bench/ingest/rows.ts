import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";

const GIVEN = "Ada Bob Carla Dmitri Eve Farid Grace Hugo Ines Jan Kim Lena Marco Nadia Omar Paula".split(" ");
const FAMILY = "Lovelace Smith Rossi Ivanov Muster Khan Hopper Weber Silva Novak Lee Costa Bianchi Haddad".split(" ");
const CITIES = "Berlin Oslo Lyon Porto Vienna Leeds Basel Turin Gdansk Malmo".split(" ");

/** A CSV of people as they come: some with space around them, one in a hundred with a mistake. */
export async function writeRows(path: string, rows: number): Promise<void> {
  const file = createWriteStream(path);
  file.write("id,name,email,born,city,visits\n");
  let text = "";
  for (let i = 0; i < rows; i++) {
    text += `${rowOf(i)}\n`;
    if (text.length < 65_536 && i < rows - 1) continue;
    if (!file.write(text)) await once(file, "drain");
    text = "";
  }
  file.end();
  await finished(file);
}

function rowOf(i: number): string {
  const given = GIVEN[i % GIVEN.length] as string;
  const family = FAMILY[(i * 7) % FAMILY.length] as string;
  const space = i % 5 === 0 ? " " : "";
  const email = i % 100 === 41 ? "nobody@" : `${given.toLowerCase()}.${i}@Example.ORG`;
  const born = `${two((i % 28) + 1)}.${two((i % 12) + 1)}.${1930 + (i % 80)}`;
  return `${i},${space}${given} ${family}${space},${email},${born},"${CITIES[i % CITIES.length]}",${i % 400}`;
}

function two(number: number): string {
  return String(number).padStart(2, "0");
}
