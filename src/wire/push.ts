export type { PushRequest, PushResponse } from "../model/push.ts";
