/** Letters that decompose into no base letter, as OpenRefine folds them, too. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: "ss",
  æ: "ae",
  œ: "oe",
  ø: "o",
  đ: "d",
  ð: "d",
  þ: "th",
  ł: "l",
  ħ: "h",
  ı: "i",
  ŋ: "n",
};
const SPECIAL = new RegExp(`[${Object.keys(LETTERS).join("")}]`, "g");

/** Lower case without accents: `Xi’ÁN` and `xi’an` fold to the same. */
export function folded(text: string): string {
  return text
    .toLowerCase()
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(SPECIAL, (letter) => LETTERS[letter] as string);
}

/**
 * The key of OpenRefine's method "fingerprint", in the order of its `FingerprintKeyer`: trim, lower case, without
 * punctuation and control characters, folded to ASCII, cut at white space, sorted, each word once, joined. Two texts of one
 * key say the same in another spelling or order: `"Macaé, Airport"` and `"airport macae"`.
 */
export function fingerprint(text: string): string {
  const words = folded(text.trim().replace(/[\p{P}\p{Cc}\p{S}]/gu, (character) => (/\s/.test(character) ? " " : "")))
    .split(/\s+/)
    .filter((word) => word !== "");
  return [...new Set(words)].sort().join(" ");
}
