export { clientStoreContract, type OpenClientStore } from "./client-store-contract.ts";
export { type VirtualClock, virtualClock } from "./clock.ts";
export { Life } from "./life.ts";
export {
  CALM,
  type Delivery,
  type Handler,
  type NetworkFaults,
  type Peer,
  type VirtualNetwork,
  virtualNetwork,
} from "./network.ts";
export { type Asked, type Atoms, Oracle, type OracleCollection, type Verdict } from "./oracle.ts";
export { flawsOf, type Part, partsOf } from "./oracle-answer.ts";
export { type Answer, ReplicaError, SmallReplica } from "./oracle-replica.ts";
export { type SeededRandom, seededRandom } from "./random.ts";
export type { Expect, Runner } from "./runner.ts";
export { SimulationFailure, type SimulationReport, simulate } from "./simulation.ts";
export { type OpenStore, storeContract } from "./store-contract.ts";
export {
  failing,
  type Ga4Row,
  type Ga4Stub,
  ga4Stub,
  type HubSpotRecord,
  type HubSpotStub,
  hubspotStub,
  type MatomoStub,
  matomoStub,
  type PlausibleRow,
  type PlausibleStub,
  plausibleStub,
  type SalesforceContact,
  type SalesforceStub,
  Stub,
  type SurveyMonkeyStub,
  type SurveyResponse,
  salesforceStub,
  surveymonkeyStub,
  type Trouble,
  type TypeformResponse,
  type TypeformStub,
  typeformStub,
  type Visit,
} from "./stubs/index.ts";
