export { type Ga4Row, type Ga4Stub, ga4Stub } from "./ga4.ts";
export { type HubSpotRecord, type HubSpotStub, hubspotStub } from "./hubspot.ts";
export { type MatomoStub, matomoStub, type Visit } from "./matomo.ts";
export { type PlausibleRow, type PlausibleStub, plausibleStub } from "./plausible.ts";
export { type SalesforceContact, type SalesforceStub, salesforceStub } from "./salesforce.ts";
export { type Asked, cut, failing, type Handler, html, json, Stub, type Trouble } from "./stub.ts";
export { type SurveyMonkeyStub, type SurveyResponse, surveymonkeyStub } from "./surveymonkey.ts";
export { type TypeformResponse, type TypeformStub, typeformStub } from "./typeform.ts";
