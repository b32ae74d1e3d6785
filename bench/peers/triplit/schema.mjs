import { Schema } from "@triplit/client";

export const schema = {
  collections: {
    tasks: {
      schema: Schema.Schema({
        id: Schema.Id(),
        title: Schema.String(),
        status: Schema.String(),
        priority: Schema.Number(),
        assignee: Schema.String(),
        body: Schema.String(),
        updated: Schema.Number(),
      }),
    },
  },
};

export const SECRET = "bench";
export const PROJECT = "bench";
