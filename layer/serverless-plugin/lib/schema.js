// The JSON schema of `custom.discovery`, with which the framework itself refuses what is misspelt.
"use strict";

// !Ref, !GetAtt, !ImportValue, !Sub and so on, as the framework reads them.
const INTRINSIC = {
  type: "object",
  minProperties: 1,
  maxProperties: 1,
  patternProperties: { "^(Ref|Fn::[A-Za-z0-9]+)$": {} },
  additionalProperties: false,
};
const TEXT = { type: "string" };
const TEXT_OR_INTRINSIC = { anyOf: [TEXT, INTRINSIC] };

// What a registration can say of itself, and the block for all of them.
const RECORD = {
  service: TEXT,
  stage: TEXT,
  version: TEXT,
  tenant: TEXT,
  variant: TEXT,
  weight: { type: "integer" },
  attributes: { type: "object", additionalProperties: TEXT_OR_INTRINSIC },
  dependencies: { type: "array", items: TEXT },
  adopt: { type: "boolean" },
  drainSeconds: { type: "number" },
  verify: { type: "boolean" },
};
const DEPENDS_ON = { type: "array", items: TEXT };

function registration(endpoint) {
  return {
    type: "object",
    properties: { ...RECORD, endpoint, dependsOn: DEPENDS_ON },
    additionalProperties: false,
  };
}

const schema = {
  type: "object",
  properties: {
    discovery: {
      type: "object",
      properties: {
        ...RECORD,
        registrar: TEXT_OR_INTRINSIC,
        environment: { type: "boolean" },
        layer: { anyOf: [{ type: "boolean" }, TEXT, INTRINSIC] },
        http: { anyOf: [{ type: "boolean" }, TEXT, registration(TEXT_OR_INTRINSIC)] },
        functions: {
          type: "object",
          additionalProperties: { anyOf: [{ type: "boolean" }, registration(TEXT)] },
        },
      },
      additionalProperties: false,
    },
  },
};

module.exports = { schema };
