export { type Census, censusOf } from "./census.ts";
export type { Clustering, Doubt, Pair, Question, Standing } from "./cluster.ts";
export { type BlockPass, type FieldRule, type MatchDeclaration, type MatchRules, matchRules } from "./declaration.ts";
export { type Difference, differencesOf } from "./differences.ts";
export { fingerprint } from "./fingerprint.ts";
export type { Kind } from "./kinds.ts";
export { type Known, type Matched, matchAll, matchBatch } from "./match.ts";
export { type Matching, type MatchingOptions, matching } from "./matching.ts";
export { type MemberKey, prepare, type SourceRecord } from "./record.ts";
export { type Comparison, type Evidence, Scorer } from "./score.ts";
export {
  type Candidate,
  longest,
  most,
  newest,
  oldest,
  type SurviveRules,
  type Survivor,
  survive,
  trust,
  union,
} from "./survive.ts";
